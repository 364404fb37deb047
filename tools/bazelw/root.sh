#!/bin/sh
# Makes the private root that holds Debian testing's Bazel: packages unpacked side by side, without their install scripts and
# without any change to the host. Done once; only bazelw calls it.
set -eu
. "$BAZELW_LIB/debian.sh"

root=$BAZELW_STATE/root
[ ! -d "$root" ] || exit 0
debian_check "this machine has no way to get Bazel $BAZELW_VERSION that bazelw knows: bazelisk is not there or cannot download it" \
	"Install Bazel $BAZELW_VERSION or bazelisk by hand."
"$BAZELW_LIB/enter.sh" --check || exit 1

say "making a private root with Bazel $BAZELW_VERSION from Debian $suite under $BAZELW_STATE (1 GB, a few minutes, once)"
debian_update
set -- bazel-bootstrap bazel-rules-shell default-jre-headless \
	base-files base-passwd bash coreutils dash debianutils diffutils findutils grep gzip hostname libc-bin mawk mount ncurses-base \
	patch sed tar unzip util-linux zip
# What the schema compiler is compared with, in its tests.
set -- "$@" capnproto
# Go fetches rules_go, gazelle and the pinned SDK. The host's is lent to the root by enter.sh.
goroot=$(cd / && GOTOOLCHAIN=local go env GOROOT 2>/dev/null) || goroot=
if [ ! -x "$goroot/bin/go" ]; then
	goroot=-
	set -- "$@" golang-go
fi
echo "$goroot" >"$BAZELW_STATE/goroot"
rm -rf "$root.new"
debian_unpack "$root.new" "$@"

# What the install scripts would have done, as far as builds need it.
for link in mawk:awk gcc:cc g++:c++ which.debianutils:which; do
	ln -sf "${link%:*}" "$root.new/usr/bin/${link#*:}"
done
echo 'hosts: files dns' >"$root.new/etc/nsswitch.conf"
# Debian's own settings name the rule sets by their place in this root; repositories.sh gives them for every kind of launcher.
cat >"$root.new/etc/bazel/bazelrc" <<-EOF
	startup --install_base=/usr/share/bazel
	startup --trust_install_base
	startup --server_javabase=/usr/lib/jvm/default-java
EOF
found=$("$BAZELW_LIB/enter.sh" --root "$root.new" bazel --version)
[ "$found" = "bazel $BAZELW_VERSION" ] ||
	die "Debian $suite has moved on to $found, and .bazelversion asks for $BAZELW_VERSION. Install Bazel $BAZELW_VERSION or bazelisk by hand."
mv "$root.new" "$root"
