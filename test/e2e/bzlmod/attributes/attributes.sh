#!/usr/bin/env bash
# Looks at what attributes that every rule has do to targets of this folder: attributes.sh BAZEL, in the repository that it is in.
set -euo pipefail

bazel=$1
quiet=(--color=no --curses=no --noshow_progress)
status=0
# expect QUERY LABEL...: what a query finds.
expect() {
	local query=$1 found
	shift
	found=$("$bazel" query "${quiet[@]}" "$query" 2>/dev/null | sort | xargs)
	[ "$found" = "$*" ] || {
		echo "$query: $found; expected $*"
		status=1
	}
}

expect 'attr(tags, "\bteam=clocks\b", //attributes:all)' //attributes:fixtures_capnp //attributes:fixtures_go
expect 'attr(testonly, 1, kind("_library", //attributes:all))' //attributes:fixtures_capnp //attributes:fixtures_go
expect 'attr(features, "-layering_check", //attributes:all)' //attributes:fixtures_go
expect 'attr(deprecation, "has moved", //attributes:all)' //attributes:old_go

# Tags choose what is built, and what cannot be built for this platform is left out.
said=$("$bazel" build "${quiet[@]}" --show_result=100 --norun_validations --output_groups=go_generated_srcs \
	--build_tag_filters=-team=clocks //attributes:all 2>&1) || {
	echo "$said"
	exit 1
}
for target in tidy_capnp tidy_go; do
	grep -qF "Target //attributes:$target was skipped" <<<"$said" || {
		echo "//attributes:$target was not skipped"
		status=1
	}
done
if grep -F fixtures_go <<<"$said"; then
	echo "it has a tag that was not wanted"
	status=1
fi
[ $status = 0 ] || echo "$said"
exit $status
