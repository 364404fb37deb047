#!/bin/sh
# Chooses how bazelw runs Bazel and writes the choice to $BAZELW_STATE/choice: the launcher (a path, or "root" for the
# private root), the bazelrc that goes with it, and what PATH offered. Only bazelw calls it.
set -eu

say() {
	echo "bazelw: $*"
}

# discard FOLDER: removes what may hold folders that cannot be written.
discard() {
	chmod -R u+w "$1" 2>/dev/null || :
	rm -rf "$1"
}

mkdir -p "$BAZELW_STATE" && [ -w "$BAZELW_STATE" ] || {
	say "$BAZELW_STATE cannot be written, and Bazel and what it makes have to go somewhere: set XDG_CACHE_HOME to another folder"
	exit 1
}

# One choice at a time; whoever waited finds it made. The lock is a descriptor that no child keeps: a Bazel server
# that inherited it would hold it for hours.
if command -v flock >/dev/null; then
	exec 9>"$BAZELW_STATE/lock"
	if ! flock -n 9; then
		say "another bazelw is setting up; waiting for it"
		flock 9
		if [ -r "$BAZELW_STATE/choice" ] && [ "$(tail -n +3 "$BAZELW_STATE/choice")" = "$BAZELW_OFFERED" ]; then
			exit 0
		fi
	fi
	# Left by one that was killed.
	for probe in "$BAZELW_STATE"/probe.[0-9]*; do
		discard "$probe"
	done
fi

# limited SECONDS COMMAND...: where a firewall lets packets vanish, some programs wait for ever.
limited() {
	if command -v timeout >/dev/null; then
		timeout "$@"
	else
		shift
		"$@"
	fi
}

# gives_bazel PROGRAM: whether it runs the wanted version. Bazelisk answers after it has fetched that version.
gives_bazel() {
	(
		cd "$BAZELW_REPO"
		export USE_BAZEL_VERSION="$BAZELW_VERSION"
		answer=$(limited 600 "$@" --version 2>"$BAZELW_STATE/version.log" 9>&-) || return 1
		# Distributions add to the version.
		case $answer. in
		*"bazel $BAZELW_VERSION"[!0-9]*) ;;
		*)
			echo "$answer" >>"$BAZELW_STATE/version.log"
			return 1
			;;
		esac
	)
}

# reaches_registry PROGRAM: whether Bazel, with the network settings it has on this machine, can load a module.
reaches_registry() {
	probe=$BAZELW_STATE/probe.$$
	mkdir "$probe"
	echo 'bazel_dep(name = "platforms", version = "1.0.0")' >"$probe/MODULE.bazel"
	touch "$probe/BUILD.bazel"
	(
		cd "$probe"
		USE_BAZEL_VERSION=$BAZELW_VERSION limited 600 "$1" --batch "--output_user_root=$probe/out" mod graph \
			>"$BAZELW_STATE/probe.log" 2>&1 9>&-
	) && found=0 || found=1
	discard "$probe"
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
	if limited 600 npm install --silent --no-save --prefix "$BAZELW_STATE/npm" @bazel/bazelisk@1.28.1 >"$BAZELW_STATE/npm.log" 2>&1 9>&- &&
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
new=$BAZELW_STATE/new.$$
{
	echo "# Written by bazelw."
	# Both module systems, the race detector's configuration and the repositories under test/e2e share their results.
	echo "common '--disk_cache=$BAZELW_STATE/disk'"
	echo "common --experimental_disk_cache_gc_max_size=20G"
} >"$new"
# A machine that cannot fetch Bazel cannot reach the registry either.
if [ "$launcher" = root ] || ! reaches_registry "$launcher"; then
	"$BAZELW_LIB/repositories.sh" 9>&-
	cat "$BAZELW_STATE/repositories.bazelrc" >>"$new"
fi
mv "$new" "$bazelrc"

printf '%s\n%s\n%s\n' "$launcher" "$bazelrc" "$BAZELW_OFFERED" >"$new"
mv "$new" "$BAZELW_STATE/choice"
if [ "$launcher" = root ]; then
	say "ready: Bazel $BAZELW_VERSION in $BAZELW_STATE/root"
else
	say "ready: $launcher"
fi
