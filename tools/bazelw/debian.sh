# Shell functions that fetch and unpack packages of Debian testing with the host's apt and dpkg-deb, but with lists, cache
# and package database of their own: the host's are only read, never written. Sourced by root.sh and repositories.sh.

# The suite by name, so that a new Debian release does not change what is fetched.
suite=forky
apt=$BAZELW_STATE/apt

say() {
	echo "bazelw: $*"
}

die() {
	echo "bazelw: $*" >&2
	exit 1
}

private_apt() {
	APT_CONFIG=$apt/apt.conf apt-get -q -y "$@"
}

# debian_check WHY ADVICE: whether packages can be fetched here; what is said where they cannot.
debian_check() {
	for tool in apt-get dpkg-deb dpkg; do
		command -v "$tool" >/dev/null || die "$1, and there is no $tool to take it from Debian instead. $2"
	done
}

# Finds the mirror in apt's own configuration and loads the suite's package list.
debian_update() {
	mirror=${BAZELW_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(CREATED_BY) $(LABEL) $(REPO_URI)' |
		sed -n 's/^Packages Debian //p' | head -n 1)}
	[ -n "$mirror" ] || die "apt is not set up with a mirror of Debian here. Set BAZELW_DEBIAN_MIRROR to the URL of one."
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -r "$keyring" ] || die "$keyring is missing (package debian-archive-keyring): it verifies Debian's packages."

	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/empty/partial"
	echo "deb [signed-by=$keyring check-valid-until=no] $mirror $suite main" >"$apt/sources.list"
	# Bazel's server runs on a JRE; Debian asks for a JDK, 350 MB more, for Java builds, of which there are none here.
	cat >"$apt/status" <<-EOF
		Package: default-jdk-headless
		Status: install ok installed
		Version: 99:0
		Architecture: all
		Maintainer: bazelw
		Description: stands in for a package that is not needed

	EOF
	cat >"$apt/apt.conf" <<-EOF
		Dir::State "$apt";
		Dir::State::lists "$apt/lists";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt/cache";
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "$apt/empty";
		Dir::Etc::preferences "$apt/empty/preferences";
		Dir::Etc::preferencesparts "$apt/empty";
		Acquire::Languages "none";
		Acquire::Retries "3";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		Debug::NoLocking "true";
		Binary::apt-get::APT::Keep-Downloaded-Packages "true";
		APT::Keep-Downloaded-Packages "true";
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Post-Invoke;
	EOF
	say "reading Debian $suite's package list"
	private_apt update >"$apt/update.log" 2>&1 || {
		cat "$apt/update.log" >&2
		die "Debian $suite's package list could not be read; run the same command again to go on from here"
	}
}

# debian_unpack DIR PACKAGE...: fetches the packages and all they depend on, and unpacks them into DIR. What was fetched
# before an interruption is kept, and apt resumes half a file.
debian_unpack() {
	dir=$1
	shift
	private_apt -o "Dir::Cache::archives=$apt/empty" install --print-uris "$@" | grep "^'" >"$apt/uris" || die "Debian $suite does not have all of: $*"
	say "fetching $(awk '{ n++; s += $3 } END { printf "%d packages, %d MB", n, s / 1e6 }' "$apt/uris") (none twice, even after an interruption)"
	{
		private_apt install --download-only "$@" 2>&1 || echo "E: failed"
	} | awk '
		{ print >file }
		/^Get:/ && ++n % 25 == 0 { print "bazelw: fetched " n; fflush() }
		/^(Err|E:)/ { print; failed = 1 }
		END { exit failed }
	' file="$apt/install.log" || die "some packages could not be fetched; run the same command again to go on from here"
	say "unpacking"
	mkdir -p "$dir"
	cut -d ' ' -f 2 "$apt/uris" | sort >"$apt/files"
	# base-files goes first: it brings the links /bin -> usr/bin and the like.
	(
		cd "$apt/cache/archives"
		grep '^base-files_' "$apt/files" | xargs -r -I FILE dpkg-deb -x FILE "$dir"
		xargs -n 1 -P "$(nproc)" sh -c 'dpkg-deb -x "$1" "$0"' "$dir" <"$apt/files"
	) ||
		die "the packages in $apt/cache/archives could not be unpacked into $dir; is the disk full?"
}

# debian_discard: frees the space of what is unpacked now.
debian_discard() {
	rm -rf "$apt/cache" "$apt/lists"
}
