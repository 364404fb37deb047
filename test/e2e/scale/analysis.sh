#!/usr/bin/env bash
# Compares what it costs Bazel to analyse many targets of mp_go_library, go_proto_library and go_library: analysis.sh [TARGETS [ROUNDS]].
#
# Each target is a package of its own with up to two others as deps, as deep as a binary tree. In a server that has loaded all
# packages, each figure is for analysing them in a configuration that is new; one target goes first, so that toolchains and the
# runtime libraries of each kind are not counted. Kinds take turns. Nothing is built, so proto rules work without a protoc: a stand-in
# for the module protobuf, which the registry may be needed for, is enough.
set -euo pipefail

targets=${1:-1000}
rounds=${2:-5}
mpgo=$(cd "$(dirname "$0")/../../.." && pwd -P)
scratch=$(mktemp -d)

# On the command line, where it overrides the one that bazelw may give.
options=("--override_module=protobuf=$scratch/protobuf" --proto_compiler=@com_google_protobuf//:protoc)

in_repository() {
	(cd "$scratch/repository" && "$mpgo/bazelw" "--output_base=$scratch/output" "$@")
}
finish() {
	in_repository shutdown >"$scratch/shutdown.log" 2>&1 || cat "$scratch/shutdown.log"
	chmod -R u+w "$scratch"
	rm -rf "$scratch"
}
trap finish EXIT

mkdir -p "$scratch/protobuf/bazel/common" "$scratch/repository"
cd "$scratch/protobuf"
echo 'module(name = "protobuf")' >MODULE.bazel
touch BUILD.bazel bazel/BUILD.bazel bazel/common/BUILD.bazel protoc.sh
cat >BUILD.bazel <<END
filegroup(name = "protoc", srcs = ["protoc.sh"], visibility = ["//visibility:public"])
END
# Bazel's own, under another name first, for a file cannot export what it has not defined.
echo 'NativeProtoInfo = ProtoInfo' >native.bzl
echo 'load("//:native.bzl", "NativeProtoInfo")
ProtoInfo = NativeProtoInfo' >bazel/common/proto_info.bzl
echo 'proto_common = proto_common_do_not_use' >bazel/common/proto_common.bzl
echo 'ProtoLangToolchainInfo = proto_common_do_not_use.ProtoLangToolchainInfo' >bazel/common/proto_lang_toolchain_info.bzl

cd "$scratch/repository"
sed -e "s|path = \"../../..\"|path = \"$mpgo\"|" "$mpgo/test/e2e/bzlmod/MODULE.bazel" >MODULE.bazel
cp "$mpgo/test/e2e/bzlmod/.bazelrc" "$mpgo/test/e2e/bzlmod/go.mod" "$mpgo/test/e2e/bzlmod/go.sum" .
cat >>MODULE.bazel <<END
bazel_dep(name = "protobuf", version = "29.0", repo_name = "com_google_protobuf")
END
touch BUILD.bazel

# package KIND NUMBER: its BUILD file.
package() {
	local kind=$1 number=$2 dep
	local deps=()
	if [ "$number" -gt 1 ]; then
		for dep in $((number / 2)) $((number - 1 - number / 16)); do
			[[ " ${deps[*]-} " == *" $dep "* ]] || [ "$dep" -lt 1 ] || deps+=("$dep")
		done
	fi
	list() {
		[ ${#deps[@]} = 0 ] || printf "\"//$kind/p%d:${1}\", " "${deps[@]}"
	}
	local folder=$kind/p$number
	mkdir -p "$folder"
	case $kind in
	mp)
		touch "$folder/a.capnp"
		cat <<END
load("@mpgo//rules:def.bzl", "mp_go_library")

mp_go_library(name = "a_go", srcs = ["a.capnp"], importpath = "example.com/$folder", visibility = ["//visibility:public"], deps = [$(list a_go)])
END
		;;
	proto)
		touch "$folder/a.proto"
		cat <<END
load("@io_bazel_rules_go//proto:def.bzl", "go_proto_library")

proto_library(name = "a_proto", srcs = ["a.proto"], visibility = ["//visibility:public"], deps = [$(list a_proto)])

go_proto_library(name = "a_go", importpath = "example.com/$folder", proto = ":a_proto", visibility = ["//visibility:public"], deps = [$(list a_go)])
END
		;;
	go)
		touch "$folder/a.go"
		cat <<END
load("@io_bazel_rules_go//go:def.bzl", "go_library")

go_library(name = "a_go", srcs = ["a.go"], importpath = "example.com/$folder", visibility = ["//visibility:public"], deps = [$(list a_go)])
END
		;;
	esac >"$folder/BUILD.bazel"
}
kinds=(mp proto go)
for kind in "${kinds[@]}"; do
	for ((number = 1; number <= targets; number++)); do
		package "$kind" "$number"
	done
done

heap() {
	in_repository info "${options[@]}" used-heap-size-after-gc 2>/dev/null | sed 's/MB$//'
}
# cpu PID: the seconds of processor time it has had.
cpu() {
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$1/stat"
}
analyse() {
	in_repository build "${options[@]}" --nobuild --color=no --curses=no --noshow_progress "$@" >"$scratch/build.log" 2>&1 || {
		cat "$scratch/build.log"
		exit 1
	}
}

# measure KIND ROUND: seconds, seconds of processor time, MB.
measure() {
	local kind=$1 configuration=--define=round=$1$2 heap_before cpu_before start
	analyse "$configuration" "//$kind/p1:a_go"
	heap_before=$(heap)
	cpu_before=$(cpu "$server")
	start=$EPOCHREALTIME
	analyse "$configuration" "//$kind/..."
	awk -v kind="$kind" -v from="$start" -v to="$EPOCHREALTIME" -v cpu_from="$cpu_before" -v cpu_to="$(cpu "$server")" \
		-v heap_from="$heap_before" -v heap_to="$(heap)" 'BEGIN { print kind, to - from, cpu_to - cpu_from, heap_to - heap_from }'
}

for kind in "${kinds[@]}"; do
	analyse "//$kind/..." # fetches and loads
done
server=$(in_repository info "${options[@]}" server_pid 2>/dev/null)
for kind in "${kinds[@]}"; do
	measure "$kind" 0 >"$scratch/warm-up"
done
for ((round = 1; round <= rounds; round++)); do
	for kind in $(printf '%s\n' "${kinds[@]}" | shuf); do
		measure "$kind" "$round" | tee -a "$scratch/figures"
	done
done

median() {
	awk -v kind="$1" -v column="$2" '$1 == kind { print $column }' "$scratch/figures" | sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
printf '\n%-8s %10s %10s %10s   (medians of %d, %d targets each)\n' kind seconds 'cpu s' 'heap MB' "$rounds" "$targets"
for kind in "${kinds[@]}"; do
	printf '%-8s %10.2f %10.2f %10.1f\n' "$kind" "$(median "$kind" 2)" "$(median "$kind" 3)" "$(median "$kind" 4)"
done
