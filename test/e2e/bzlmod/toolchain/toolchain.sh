#!/usr/bin/env bash
# Generates with a toolchain that compiles schemas by the capnp on PATH, and expects the very files of the default one:
# toolchain.sh BAZEL, in the repository that this folder is in.
set -euo pipefail

targets=(//shared:names_go //greeter:greeter_go //plugin:desk_go @mpgo//example:calculator_go)
generate() {
	"$bazel" build --color=no --curses=no --norun_validations --output_groups=go_generated_srcs "$@"
}

bazel=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" toolchain/host' EXIT
program=$(command -v capnp) || {
	echo "there is no capnp on PATH"
	exit 1
}
rm -rf toolchain/host
mkdir toolchain/host
cp -L "$program" toolchain/host/capnp
# Cap'n Proto's own libraries and C++'s, which an older system has in other versions; the C library is the one of the system.
ldd "$program" | sed -n 's/.* => \(\/[^ ]*\/lib\(capnp\|kj\|stdc++\|gcc_s\)[^ ]*\) .*/\1/p' | xargs -I{} cp -L {} toolchain/host

generate "${targets[@]}"
find -L bazel-bin/shared bazel-bin/greeter bazel-bin/plugin bazel-bin/external/*/example -name '*.mp.go' | sort >"$scratch/files"
xargs cksum <"$scratch/files" >"$scratch/default"
[ "$(wc -l <"$scratch/default")" -ge 6 ]

generate --extra_toolchains=//toolchain:capnp_toolchain "${targets[@]}"
xargs cksum <"$scratch/files" >"$scratch/capnp"
diff "$scratch/default" "$scratch/capnp"

# It was capnp that did it.
compilers=$("$bazel" aquery --color=no --curses=no --noshow_progress --extra_toolchains=//toolchain:capnp_toolchain \
	'mnemonic("MpCompile", //greeter:greeter_go)')
grep -q 'toolchain/capnp' <<<"$compilers"

generate //toolchain:bound_go
if said=$(generate --extra_toolchains=//toolchain:capnp_toolchain //toolchain:bound_go 2>&1); then
	echo "bindings were passed over in silence"
	exit 1
fi
if ! grep -qF "//toolchain:bound_go: bindings are read by mpgen's own schema compiler, and the toolchain in use has another" <<<"$said"; then
	echo "$said"
	exit 1
fi
