#!/usr/bin/env bash
# What is built in one checkout is not built again in another: second.sh. The short form of remote.sh, with bazelw's disk cache in
# place of a server.
#
#   1. A second checkout, in another folder, takes every action's outputs from the cache but for the generator's, which is made to run,
#      in a sandbox without a network. That the Go compiler's come from the cache shows that its outputs are the same bytes.
#   2. A changed line in a schema that others import has only its dependents built anew.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

targets=//example/...
work=$(mktemp -d)
finish() {
	set +e # nothing keeps the rest from being removed
	second shutdown
	chmod -R u+w "$work"
	rm -rf "$work"
} >/dev/null 2>&1
trap finish EXIT

second() {
	(cd "$work/second" && "$tree/bazelw" "--output_base=$work/out" "$@")
}

step "the first checkout"
(cd "$tree" && "$tree/bazelw" build "${quiet[@]}" "$targets")

step "the second, in $work/second"
copy_tree "$work/second"
# What the first has fetched would take longer than all the rest.
mkdir "$work/out"
cp -a --reflink=auto "$(cd "$tree" && "$tree/bazelw" info output_base 2>/dev/null)/external" "$work/out"
flags=("${quiet[@]}" --modify_execution_info=MpGoGenerate=+no-cache --spawn_strategy=sandboxed --sandbox_default_allow_network=false)
second build "${flags[@]}" "--execution_log_json_file=$work/second.json" "$targets"
spawns "$work/second.json" | awk '$1 == "MpGoGenerate"' >"$work/generated"
cat "$work/generated"
[ "$(grep -c 'sandbox false$' "$work/generated")" = "$(wc -l <"$work/generated")" ]
[ "$(wc -l <"$work/generated")" -ge 5 ]
all_hits "$work/second.json" 30 MpGoGenerate

step "a line more in printer.capnp"
second cquery "${flags[@]}" "rdeps($targets, //example:printer.capnp)" 2>"$work/query.log" | cut -d " " -f 1 | sort -u >"$work/dependents"
echo 'const lines :UInt32 = 1;' >>"$work/second/example/printer.capnp"
start=$EPOCHREALTIME
second build "${flags[@]}" "--execution_log_json_file=$work/changed.json" "$targets"
awk -v from="$start" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f s\n", to - from }'
spawns "$work/changed.json" | tee "$work/changed"
awk '{ print $2 }' "$work/changed" | sort -u | comm -23 - "$work/dependents" >"$work/others"
[ ! -s "$work/others" ] || {
	echo "these have nothing to do with it:"
	cat "$work/others"
	exit 1
}
# Its own library and the one whose schema imports it.
[ "$(awk '$1 == "MpGoGenerate" { print $2 }' "$work/changed" | sort | xargs)" = "//example:init_go //example:printer_go" ]
