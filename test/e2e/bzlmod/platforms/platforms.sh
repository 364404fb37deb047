#!/usr/bin/env bash
# Analyses everything for other systems and in rules_go's other modes, generates code for them, and expects the files of this system:
# platforms.sh BAZEL, in the repository that this folder is in. Compiling as well would take the Go standard library of each.
set -euo pipefail

bazel=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
quiet=(--color=no --curses=no --noshow_progress)
generate() {
	"$bazel" build "${quiet[@]}" --norun_validations --output_groups=go_generated_srcs "$@" //... @mpgo//example:calculator_go
}
checksums() {
	(cd -P "$("$bazel" info "${quiet[@]}" "$@" bazel-bin 2>/dev/null)" &&
		find shared greeter plugin versions external/*/example/calculator_go_ -name '*.mp.go' -type f | sort | xargs cksum)
}

generate
checksums >"$scratch/here"
[ "$(wc -l <"$scratch/here")" -ge 8 ]
for flag in --platforms=@io_bazel_rules_go//go/toolchain:{linux_arm64,darwin_arm64,windows_amd64} \
	--@io_bazel_rules_go//go/config:{pure,static,race,msan}; do
	generate "$flag"
	checksums "$flag" >"$scratch/there"
	diff "$scratch/here" "$scratch/there"
	echo "$flag: $(wc -l <"$scratch/there") files, all the same"
done
