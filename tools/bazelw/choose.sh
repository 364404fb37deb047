#!/bin/sh
# Chooses how bazelw runs Bazel and writes the choice to $BAZELW_STATE/choice: the launcher (a path, or "root" for the
# private root), the bazelrc that goes with it, and what PATH offered ($1). Only bazelw calls it.
set -eu

say() {
	echo "bazelw: $*"
}

mkdir -p "$BAZELW_STATE"

# One choice at a time; whoever waited finds it made. The lock is a descriptor that no child keeps: a Bazel server
# that inherited it would hold it for hours.
if command -v flock >/dev/null; then
	exec 9>"$BAZELW_STATE/lock"
	if ! flock -n 9; then
		say "another bazelw is setting up; waiting for it"
		flock 9
		if [ -r "$BAZELW_STATE/choice" ] && [ "$(tail -n +3 "$BAZELW_STATE/choice")" = "$1" ]; then
			exit 0
		fi
	fi
fi

# gives_bazel PROGRAM: whether it runs the wanted version. Bazelisk answers after it has fetched that version.
gives_bazel() {
	(
		cd "$BAZELW_REPO"
		export USE_BAZEL_VERSION="$BAZELW_VERSION"
		if command -v timeout >/dev/null; then
			set -- timeout 600 "$@"
		fi
		answer=$("$@" --version 2>"$BAZELW_STATE/version.log" 9>&-) || return 1
		case $answer in
		*"bazel $BAZELW_VERSION"*) ;;
		*)
			echo "$answer" >>"$BAZELW_STATE/version.log"
			return 1
			;;
		esac
	)
}

# reaches_registry PROGRAM: whether Bazel, with the network settings it has on this machine, can load a module.
reaches_registry() {
	rm -rf "$BAZELW_STATE/probe"
	mkdir -p "$BAZELW_STATE/probe"
	echo 'bazel_dep(name = "platforms", version = "1.0.0")' >"$BAZELW_STATE/probe/MODULE.bazel"
	touch "$BAZELW_STATE/probe/BUILD.bazel"
	(
		cd "$BAZELW_STATE/probe"
		USE_BAZEL_VERSION=$BAZELW_VERSION "$1" --batch "--output_user_root=$BAZELW_STATE/probe/out" mod graph \
			>"$BAZELW_STATE/probe.log" 2>&1 9>&-
	) && found=0 || found=1
	chmod -R u+w "$BAZELW_STATE/probe" && rm -rf "$BAZELW_STATE/probe"
	return $found
}

launcher=
for name in bazel bazelisk; do
	program=$(command -v "$name") || continue
	if gives_bazel "$program"; then
		launcher=$program
		break
	fi
	say "$program does not give Bazel $BAZELW_VERSION: $(tail -n 1 "$BAZELW_STATE/version.log")"
done

if [ -z "$launcher" ] && command -v npm >/dev/null; then
	say "trying bazelisk from npm"
	if npm install --silent --no-save --prefix "$BAZELW_STATE/npm" @bazel/bazelisk@1.28.1 >"$BAZELW_STATE/npm.log" 2>&1 9>&- &&
		gives_bazel "$BAZELW_STATE/npm/node_modules/.bin/bazelisk"; then
		launcher=$BAZELW_STATE/npm/node_modules/.bin/bazelisk
	else
		say "it cannot fetch Bazel here"
	fi
fi

if [ -z "$launcher" ]; then
	launcher=root
	"$BAZELW_LIB/root.sh" 9>&-
fi
bazelrc=$BAZELW_STATE/bazelrc
{
	echo "# Written by bazelw."
	# Both module systems, the race detector's configuration and the repositories under test/e2e share their results.
	echo "common --disk_cache=$BAZELW_STATE/disk"
	echo "common --experimental_disk_cache_gc_max_size=20G"
} >"$bazelrc.new"
# A machine that cannot fetch Bazel cannot reach the registry either.
if [ "$launcher" = root ] || ! reaches_registry "$launcher"; then
	"$BAZELW_LIB/repositories.sh" 9>&-
	cat "$BAZELW_STATE/repositories.bazelrc" >>"$bazelrc.new"
fi
mv "$bazelrc.new" "$bazelrc"

printf '%s\n%s\n%s\n' "$launcher" "$bazelrc" "$1" >"$BAZELW_STATE/choice.new"
mv "$BAZELW_STATE/choice.new" "$BAZELW_STATE/choice"
if [ "$launcher" = root ]; then
	say "ready: Bazel $BAZELW_VERSION in $BAZELW_STATE/root"
else
	say "ready: $launcher"
fi
