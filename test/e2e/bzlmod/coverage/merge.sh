#!/usr/bin/env bash
# Stands in for Bazel's merger of coverage data, which is a download: of one language, and one test, there is nothing to merge.
set -euo pipefail

for argument in "$@"; do
	case $argument in
	--coverage_dir=*) folder=${argument#*=} ;;
	--output_file=*) output=${argument#*=} ;;
	esac
done
find "$folder" -name '*.dat' -exec cat {} + >"$output"
