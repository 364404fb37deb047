#!/usr/bin/env bash
# Loads the packages of this folder as editors do, by rules_go's gopackagesdriver, and goes from where they use generated code to the line of
# the schema: editors.sh BAZEL, in the repository that this folder is in.
set -euo pipefail

bazel=$1
quiet=(--color=no --curses=no --noshow_progress)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What docs/bazel.md says an editor needs.
cat >"$scratch/gopackagesdriver.sh" <<END
#!/bin/sh
export GOPACKAGESDRIVER_BAZEL='$bazel' GOPACKAGESDRIVER_BAZEL_KINDS=mp_go_library
exec '$bazel' run ${quiet[@]} -- @io_bazel_rules_go//go/tools/gopackagesdriver "\$@"
END
chmod +x "$scratch/gopackagesdriver.sh"

GOPACKAGESDRIVER=$scratch/gopackagesdriver.sh "$bazel" run "${quiet[@]}" //editors/load >"$scratch/found" 2>"$scratch/said" || {
	tail -n 100 "$scratch/said"
	exit 1
}
cat "$scratch/found"

# From there to the schemas. One that a rule makes is written only when it is asked for, if what is made of it comes out of a cache.
"$bazel" build "${quiet[@]}" //shared:names_capnp
sed -n 's/.* is at //p' "$scratch/found" | xargs "$bazel" run "${quiet[@]}" @mpgo//tools/mpgen -- where >"$scratch/places" 2>"$scratch/said" || {
	cat "$scratch/said"
	exit 1
}
sed 's|^/.*/\([^/]*/[^/]*.capnp:\)|\1|' "$scratch/places" | diff - <(
	cat <<END
greeter/greeter.capnp:12:3: method Greeter.greet
example/printer.capnp:13:3: method PrinterInterface.print
src/names.capnp:4:3: field Name.first
END
)
