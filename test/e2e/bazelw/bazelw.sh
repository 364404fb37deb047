#!/usr/bin/env bash
# How bazelw chooses, with programs that stand in for Bazel and nothing fetched: bazelw.sh. That it finds a Bazel where there is none is
# what CI itself shows.
set -euo pipefail

tree=$(cd "$(dirname "$0")/../../.." && pwd -P)
version=$(cat "$tree/.bazelversion")
state=mpgo-bazelw/$version-$(sed -n 's/^recipe=//p' "$tree/bazelw")
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
status=0
fail() {
	echo "$1: $2"
	status=1
}

# The tree and the cache have blanks in their names. Only the programs that bazelw needs are on PATH: no npm, no apt.
mkdir -p "$scratch/my tree/sub" "$scratch/tools"
cp -R "$tree/bazelw" "$tree/.bazelversion" "$scratch/my tree"
mkdir "$scratch/my tree/tools"
cp -R "$tree/tools/bazelw" "$scratch/my tree/tools"
ln -s "$scratch/my tree/bazelw" "$scratch/link"
for tool in awk cat chmod cut dirname flock grep head id ls mkdir mktemp mv readlink rm sed sh sort tail timeout touch; do
	ln -s "$(command -v $tool)" "$scratch/tools"
done

# program FOLDER VERSION: a Bazel. It notes what it is asked for, and finds the registry.
program() {
	mkdir -p "$1"
	cat >"$1/bazel" <<END
#!/bin/sh
echo "\$0 \$*" >>'$scratch/calls'
case "\$*" in
--version) echo "bazel $2" ;;
*"mod graph"*) [ ! -e '$scratch/deadly' ] || kill -9 -\$(cut -d ' ' -f 5 /proc/self/stat) ;;
*" run "*) PATH='$scratch/inside':\$PATH exec '$scratch/my tree/bazelw' info ;;
*" exit "*) exit 37 ;;
*) for argument; do echo "\$argument"; done ;;
esac
END
	chmod +x "$1/bazel"
}
fresh() {
	rm -rf "$scratch/cache dir" "$scratch/calls"
	: >"$scratch/calls"
}
# bazelw PATH ARG...: sets out and said.
bazelw() {
	local path=$1
	shift
	out=$(cd "$scratch/my tree/sub" && env -i "HOME=$scratch" "XDG_CACHE_HOME=$scratch/cache dir" "PATH=$path" "${with[@]}" "$scratch/link" "$@" 2>"$scratch/said") &&
		code=0 || code=$?
	said=$(<"$scratch/said")
}
with=()
calls() {
	grep -c -- "$1" "$scratch/calls" || :
}

program "$scratch/right bin" "$version"
program "$scratch/old" 4.2.3
program "$scratch/longer" "${version}0"
program "$scratch/distribution" "$version- (@non-git)"
program "$scratch/inside" "$version"

fresh
bazelw "$scratch/right bin:$scratch/tools" build '//a b' "it's"
[ "$code" = 0 ] && [ "$(tail -n 3 <<<"$out")" = "$(printf '%s\n' build '//a b' "it's")" ] || fail "arguments" "$out$said"
[ "$(head -n 1 <<<"$out")" = "--bazelrc=$scratch/cache dir/$state/bazelrc" ] || fail "bazelrc" "$out"
grep -qxF "common '--disk_cache=$scratch/cache dir/$state/disk'" "$scratch/cache dir/$state/bazelrc" || fail "bazelrc" "no disk cache"
bazelw "$scratch/right bin:$scratch/tools" exit now
[ "$code" = 37 ] || fail "exit code" "$code"
[ "$(calls --version)" = 1 ] && [ "$(calls 'mod graph')" = 1 ] || fail "the choice" "made again: $(<"$scratch/calls")"

# What bazelw run has started finds other programs on PATH, and keeps to the choice.
bazelw "$scratch/right bin:$scratch/tools" run //x
[ "$code" = 0 ] && [ "$(tail -n 1 <<<"$out")" = info ] || fail "bazelw in bazelw run" "$code $out$said"
[ "$(calls "^$scratch/inside")" = 0 ] && [ "$(calls --version)" = 1 ] || fail "bazelw in bazelw run" "chose anew: $(<"$scratch/calls")"

# Another PATH is another question.
bazelw "$scratch/distribution:$scratch/tools" info
[ "$code" = 0 ] && [ "$(calls "^$scratch/distribution.*info")" = 1 ] || fail "a distribution's Bazel" "$code $out$said"

for wrong in old longer; do
	fresh
	bazelw "$scratch/$wrong:$scratch/tools" info
	[ "$code" = 1 ] || fail "$wrong" "exit code $code"
	grep -qF "bazelw: $scratch/$wrong/bazel does not give Bazel $version: bazel " <<<"$said" || fail "$wrong" "$said"
	grep -qF "there is no apt-get to take it from Debian instead. Install Bazel $version or bazelisk by hand." <<<"$said" || fail "$wrong" "$said"
done

# Several at once: one chooses.
fresh
for n in 1 2 3 4 5; do
	(bazelw "$scratch/right bin:$scratch/tools" info && [ "$code" = 0 ] && [ "$(tail -n 1 <<<"$out")" = info ] || echo "$n: $code $out$said" >>"$scratch/failed") &
done
wait
[ ! -e "$scratch/failed" ] || fail "at once" "$(<"$scratch/failed")"
[ "$(calls 'mod graph')" = 1 ] || fail "at once" "$(<"$scratch/calls")"

# Killed while it chooses, with all its children, and started again.
fresh
touch "$scratch/deadly"
setsid env -i "HOME=$scratch" "XDG_CACHE_HOME=$scratch/cache dir" "PATH=$scratch/right bin:$scratch/tools" "$scratch/link" info >"$scratch/out" 2>&1 &
! wait $! || fail "killed" "it was not"
rm "$scratch/deadly"
bazelw "$scratch/right bin:$scratch/tools" info
[ "$code" = 0 ] || fail "after being killed" "$code $out$said"
[ -z "$(find "$scratch/cache dir" -name 'probe.[0-9]*')" ] || fail "after being killed" "$(ls "$scratch/cache dir"/*/*)"

# Nowhere to write to.
fresh
with=("XDG_CACHE_HOME=/dev/null/cache")
bazelw "$scratch/right bin:$scratch/tools" info
[ "$code" = 1 ] && grep -qF 'set XDG_CACHE_HOME to another folder' <<<"$said" || fail "nowhere to write to" "$code $out$said"
with=(XDG_CACHE_HOME=relative HOME=)
bazelw "$scratch/right bin:$scratch/tools" info
[ "$code" = 1 ] && [ "$said" = "bazelw: neither HOME nor XDG_CACHE_HOME is set; set one to a folder that can be written, for Bazel and what it makes" ] || fail "no HOME" "$code $out$said"
exit $status
