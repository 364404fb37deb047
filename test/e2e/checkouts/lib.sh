# What the scripts of this folder share. Sourced by them.

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd -P)
quiet=(--color=no --curses=no --noshow_progress)

step() {
	echo "-- $*"
}

# copy_tree FOLDER: another checkout of this repository.
copy_tree() {
	mkdir -p "$1"
	tar -C "$tree" --exclude=./.git '--exclude=bazel-*' -cf - . | tar -C "$1" --no-same-owner -xf -
}

# spawns LOG: of an execution log in JSON, each command's "mnemonic label runner hit", where hit is true or false.
spawns() {
	awk '
		function value() { sub(/^[^:]*: *"?/, ""); sub(/"?,?$/, ""); return $0 }
		/^  "mnemonic":/ { mnemonic = value() }
		/^  "targetLabel":/ { label = value() }
		/^  "runner":/ { runner = value(); gsub(" ", "-", runner) }
		/^  "cacheHit":/ { hit = value() }
		/^}/ { print mnemonic, label, runner, hit; mnemonic = label = runner = ""; hit = "false" }
	' "$1"
}

# hits LOG: those that came from a cache.
hits() {
	spawns "$1" | awk '$4 == "true"'
}

# all_hits LOG LEAST [MNEMONIC]: fails unless every command, and there were at least so many, came from a cache; but for those of a mnemonic.
all_hits() {
	local all executed
	all=$(hits "$1" | wc -l)
	executed=$(spawns "$1" | awk -v but="${3-}" '$4 != "true" && $1 != but')
	if [ -n "$executed" ]; then
		printf 'not from the cache:\n%s\n' "$executed"
		return 1
	fi
	echo "$all from the cache"
	[ "$all" -ge "$2" ] || {
		echo "at least $2 were expected"
		return 1
	}
}

# outputs OUTPUT_BASE FILE: writes the checksums of all that was built. Lists of runfiles say where each is, so only the names count. Files with
# arguments are only there where a command was executed.
outputs() {
	(
		cd "$1/execroot/_main/bazel-out"
		find ./*/bin -type f ! -name MANIFEST ! -name '*.runfiles_manifest' ! -name '*.params' -print0 | sort -z | xargs -0 sha256sum
		find ./*/bin -type f -name '*.runfiles_manifest' | sort | while read -r file; do
			echo "$(cut -d ' ' -f 1 "$file" | sha256sum) $file"
		done
	) >"$2"
}

# same_outputs OUTPUT_BASE OTHER: fails unless what both have is the same, and both have it.
same_outputs() {
	outputs "$1" "$work/outputs.1"
	outputs "$2" "$work/outputs.2"
	diff "$work/outputs.1" "$work/outputs.2" >"$work/outputs.diff" || {
		echo "built otherwise:"
		head -n 40 "$work/outputs.diff"
		return 1
	}
	echo "$(wc -l <"$work/outputs.1") files, all the same"
}
