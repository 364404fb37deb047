#!/usr/bin/env bash
# Generates with output paths that do not tell the configuration (--experimental_output_paths=strip, as .bazelrc has it) and with others, and
# expects the same files, and in another compilation mode takes them from the cache: paths.sh BAZEL, in the repository that this folder is in.
set -euo pipefail

bazel=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Among them are a generated schema, one with another import name, and a plug-in.
targets=(//shared:names_go //greeter:greeter_go //plugin:desk_go @mpgo//example:init_go @mpgo//example:printer_go)
generate() {
	"$bazel" build --color=no --curses=no --noshow_progress --norun_validations --output_groups=go_generated_srcs "$@" "${targets[@]}"
}
checksums() {
	(cd -P "$("$bazel" info --color=no --curses=no --noshow_progress "$@" bazel-bin 2>/dev/null)" &&
		find {shared/names,greeter/greeter,plugin/desk,external/*/example/init,external/*/example/printer}_go_ -name '*.mp.go' -type f |
		sort | xargs cksum)
}

# Only the generator's actions: Go's own would have to run anew.
generate '--modify_execution_info=Mp.*=-supports-path-mapping'
checksums >"$scratch/default"
[ "$(wc -l <"$scratch/default")" -ge 6 ]

generate
checksums >"$scratch/mapped"
diff "$scratch/default" "$scratch/mapped"

# What another run of this has left would not be asked for again.
opt=$("$bazel" info --color=no --curses=no --noshow_progress -c opt bazel-bin 2>/dev/null)
[ ! -d "$opt" ] || find "$opt/" -name '*.mp.go' -delete
generate -c opt "--execution_log_json_file=$scratch/log.json"
checksums -c opt >"$scratch/opt"
diff "$scratch/default" "$scratch/opt"
awk '/^  "mnemonic": "Mp/ { name = $2 } /^  "cacheHit":/ { hit = $2 } /^}/ { if (name) print name, hit; name = ""; hit = "false" }' \
	"$scratch/log.json" | tr -d '",' | tee "$scratch/actions"
[ "$(wc -l <"$scratch/actions")" -ge 6 ]
! grep -v ' true$' "$scratch/actions"
