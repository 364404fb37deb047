#!/usr/bin/env bash
# Builds and tests the targets of this folder, which have mistakes in them, and looks for what Bazel must say about each:
# errors.sh BAZEL, in the repository that they are in.
set -uo pipefail

if out=$("$1" build --color=no --curses=no --keep_going \
	//errors:broken_go //errors:missing_dep_go //errors:indirect_dep_go //errors:without_go_go //errors:suspicious_go \
	//errors:not_for_tests_go //errors:invisible_go //errors:elsewhere_go //errors:deprecated_dep_go //attributes:tidy_go 2>&1); then
	echo "the targets were built, mistakes and all"
	exit 1
fi

for test in changed broken; do
	if out+=$("$1" test --color=no --curses=no --test_output=errors "//errors:${test}_compat_test" 2>&1); then
		echo "//errors:${test}_compat_test passed"
		exit 1
	fi
done

missing=0
while read -r message; do
	if ! grep -qF -- "$message" <<<"$out"; then
		echo "not said: $message"
		missing=1
	fi
done <<'END'
errors/broken.capnp:4:13: error: 'Int33' is not defined
errors/broken.capnp:5:11: error: the ordinal @0 is taken
errors/missing.capnp:3:22: error: import "/names/names.capnp": no target in deps of //errors:missing_dep_go has this file
errors/indirect.capnp:4:22: error: import "/names/names.capnp": missing dep: add //shared:names_go to deps of //errors:indirect_dep_go
errors/without_go.capnp:3:22: error: no Go package for names/names.capnp: add //shared:names_capnp to deps of //errors:without_go_go; if that is a capnp_library, add the mp_go_library that has schemas = ["//shared:names_capnp"] in its place, or make one
Validating nogo output for //errors:suspicious_go failed
errors/suspicious.go:7:26: fmt.Printf format %d has arg "one" of wrong type string (printf)
non-test target '//errors:not_for_tests_go' depends on testonly target '//attributes:fixtures_capnp'
target '//attributes:private_go' is not visible from
dependency //attributes:home_capnp doesn't support expected environment: //attributes:office
target '//errors:deprecated_dep_go' depends on deprecated target '//attributes:old_go': fixtures has moved to //shared
Target //attributes:tidy_go is incompatible and cannot be built
errors/changed.capnp:8:3: error: the field 'size' @1 of 'Changed' had the type Int32 and has Int64
errors/released.capnp:7:3: note: it was here
//errors:changed_compat_test: programs built from //errors:released.capnp and from //errors:changed.capnp would misunderstand each other.
errors/broken.capnp:4:13: error: 'Int33' is not defined
END
[ $missing = 0 ] || printf '%s\n' "$out"
exit $missing
