#!/usr/bin/env bash
# Builds the examples from two checkouts, in different folders and, for root, by different users, with a real remote cache server
# (bazel-remote) in between: remote.sh [FOLDER]. FOLDER keeps what is made, for a look or another run; 8 GB.
#
#   1. The first checkout fills the cache.
#   2. The second takes every action's outputs from it.
#   3. In another compilation mode it still does for generated code: actions know nothing of their configuration's folder.
#   4. Without the cache, in sandboxes without a network, it builds the same bytes, and tests pass.
#
# As everything is built twice from nothing, this takes some ten minutes on two cores, so .ci/run has the short form, second.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

targets=//example/...
if [ $# = 1 ]; then
	work=$1
	mkdir -p "$work"
	work=$(cd "$work" && pwd -P)
else
	work=$(mktemp -d)
fi
chmod 755 "$work"
server=
finish() {
	set +e # nothing keeps the rest from being removed
	[ -z "$server" ] || kill "$server"
	[ ! -e "$work/first/bazelw" ] || first shutdown
	[ ! -e "$work/second/deeper/bazelw" ] || second shutdown
	if [ $# = 0 ]; then
		chmod -R u+w "$work"
		rm -rf "$work"
	fi
} >/dev/null 2>&1
trap 'finish "$@"' EXIT

first() {
	(cd "$work/first" && ./bazelw "--output_base=$work/first.out" "$@")
}
# The second user has a home, and so a root of bazelw's, of their own.
second() {
	local user=()
	[ "$(id -u)" != 0 ] || user=(setpriv "--reuid=nobody" "--regid=$(id -g nobody)" --clear-groups)
	(cd "$work/second/deeper" && "${user[@]}" env -u XDG_CACHE_HOME -u GOPATH -u GOMODCACHE -u GOCACHE \
		"HOME=$work/second/home" ./bazelw "--output_base=$work/second/out" "$@")
}

# The server is built in a copy of its module, whose go.sum vouches for all it needs; go install would look for newer versions.
if [ ! -x "$work/bazel-remote" ]; then
	step "building bazel-remote"
	module=$(cd / && go mod download -json github.com/buchgr/bazel-remote/v2@v2.6.1 | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
	cp -R "$module" "$work/bazel-remote.src"
	chmod -R u+w "$work/bazel-remote.src"
	(cd "$work/bazel-remote.src" && CGO_ENABLED=0 go build -o "$work/bazel-remote" .)
fi
mkdir -p "$work/cache"
for _ in 1 2 3 4 5; do
	port=$((20000 + RANDOM % 12000))
	"$work/bazel-remote" --dir "$work/cache" --max_size 5 --http_address "unix://$work/http.sock" --grpc_address "127.0.0.1:$port" \
		>"$work/bazel-remote.log" 2>&1 &
	server=$!
	# Up, or ended because somebody has the port.
	while kill -0 $server 2>/dev/null && ! (: </dev/tcp/127.0.0.1/$port) 2>/dev/null; do sleep 0.1; done
	kill -0 $server 2>/dev/null && break
	server=
done
[ -n "$server" ] || {
	cat "$work/bazel-remote.log"
	exit 1
}
remote=(--config=remote "--remote_cache=grpc://127.0.0.1:$port" --disk_cache= --remote_download_outputs=all --nostamp)

step "the first checkout fills the cache"
[ -e "$work/first/bazelw" ] || copy_tree "$work/first"
first build "${quiet[@]}" "${remote[@]}" "$targets"

step "the second takes everything from it"
if [ ! -e "$work/second/deeper/bazelw" ]; then
	mkdir -p "$work/second/home"
	tree=$work/first copy_tree "$work/second/deeper" # what the first built, whatever has changed since
	# Bazel itself need not be fetched again, where it is in a root of bazelw's.
	for state in "${XDG_CACHE_HOME:-$HOME/.cache}"/mpgo-bazelw/*/; do
		[ -d "$state/root" ] || continue
		own=$work/second/home/.cache/mpgo-bazelw/$(basename "$state")
		mkdir -p "$own"
		cp -a "$state/root" "$state/goroot" "$own"
	done
	[ "$(id -u)" != 0 ] || chown -R "nobody:$(id -g nobody)" "$work/second"
fi
second clean # in a FOLDER used before
second build "${quiet[@]}" "${remote[@]}" "--execution_log_json_file=$work/second/hits.json" "$targets"
all_hits "$work/second/hits.json" 50
same_outputs "$work/first.out" "$work/second/out"

step "generated code in another compilation mode, too"
second build "${quiet[@]}" "${remote[@]}" -c opt --output_groups=go_generated_srcs "--execution_log_json_file=$work/second/opt.json" "$targets"
all_hits "$work/second/opt.json" 3

step "from sources again, without a network"
second clean
second test "${quiet[@]}" --config=remote --remote_cache= --disk_cache= --nostamp --spawn_strategy=linux-sandbox \
	--sandbox_default_allow_network=false "--execution_log_json_file=$work/second/again.json" "$targets"
! hits "$work/second/again.json" | grep . || {
	echo "this should have been executed"
	exit 1
}
same_outputs "$work/first.out" "$work/second/out"
