#!/usr/bin/env bash
# Has Bazel say which lines a test covers, and expects those that somebody wrote, and none of generated code: coverage.sh BAZEL, in the
# repository that this folder is in. For hand: everything is built anew for it, the Go standard library too.
set -euo pipefail

bazel=$1
quiet=(--color=no --curses=no --noshow_progress)
"$bazel" coverage "${quiet[@]}" --combined_report=none --coverage_output_generator=//coverage:merge \
	--coverage_report_generator=//coverage:merge '--instrumentation_filter=^//' //greeter:greeter_test
report=$("$bazel" info "${quiet[@]}" bazel-testlogs 2>/dev/null)/greeter/greeter_test/coverage.dat
grep -F SF: "$report"
grep -qx 'SF:greeter/service.go' "$report"
! grep -F '.mp.go' "$report"
