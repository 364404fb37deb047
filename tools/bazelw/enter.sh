#!/bin/sh
# Runs a command inside the private root: the root's /usr and /etc, and everything else of the host (home, work trees, /tmp,
# /proc, /dev, ...) at its own place. Mounts are made in a mount namespace of the command's own and end with it. The root is
# entered by pivot_root rather than chroot, for inside a chroot Linux forbids the user namespaces of Bazel's sandbox.
#
#   enter.sh [--root DIR] COMMAND ARG...
#   enter.sh --check                       says what is missing where that is impossible
set -eu

root=${BAZELW_STATE:-}/root

if [ "${1-}" = --inside ]; then
	# In the new namespace, as its root. $2 root, $3 uid, $4 gid, $5 Go's folder or "-", then the command.
	root=$2 uid=$3 gid=$4 goroot=$5
	shift 5
	here=$(pwd -P)
	PATH=/usr/sbin:/usr/bin:/sbin:/bin
	mount --bind "$root" "$root"
	for dir in /*; do
		case $dir in
		/bin | /boot | /etc | /lib | /lib[36x]* | /lost+found | /sbin | /usr) continue ;;
		esac
		[ -d "$dir" ] && [ ! -L "$dir" ] || continue
		[ -d "$root$dir" ] || mkdir -p "$root$dir"
		mount --rbind "$dir" "$root$dir"
	done
	for file in passwd group hosts resolv.conf localtime; do
		[ -e "/etc/$file" ] || continue
		[ -e "$root/etc/$file" ] || : >>"$root/etc/$file"
		mount --bind "/etc/$file" "$root/etc/$file"
	done
	# The host's certificates, among them those its owner added.
	if [ -d /etc/ssl/certs ]; then
		mount --bind /etc/ssl "$root/etc/ssl"
		if [ -d /usr/share/ca-certificates ]; then
			mkdir -p "$root/usr/share/ca-certificates" "$root/usr/local/share/ca-certificates"
			mount --bind /usr/share/ca-certificates "$root/usr/share/ca-certificates"
		fi
		if [ -d /usr/local/share/ca-certificates ]; then
			mount --bind /usr/local/share/ca-certificates "$root/usr/local/share/ca-certificates"
		fi
	fi
	if [ "$goroot" != - ]; then
		[ -d "$root$goroot" ] || mkdir -p "$root$goroot"
		mount --bind "$goroot" "$root$goroot"
		PATH=$PATH:$goroot/bin
	fi
	# For a bazelw that is started in here.
	export PATH BAZELW_ROOT="$root"
	[ -d "$root/.host" ] || mkdir -p "$root/.host"
	pivot_root "$root" "$root/.host"
	cd /
	umount -l /.host
	cd "$here"
	if [ "$uid" = 0 ]; then
		exec "$@"
	fi
	exec unshare --user --map-user="$uid" --map-group="$gid" "$@"
fi

uid=$(id -u)
if [ "$uid" = 0 ]; then
	namespaces=--mount
else
	namespaces="--user --map-root-user --mount"
fi

if [ "${1-}" = --check ]; then
	command -v unshare >/dev/null || {
		echo "bazelw: the program unshare (package util-linux) is missing; without it there is no private root to run Bazel in." >&2
		exit 1
	}
	unshare $namespaces true || {
		echo "bazelw: this machine forbids mount namespaces, so Bazel cannot run from a private root." >&2
		if [ "$uid" = 0 ]; then
			echo "bazelw: in a container, give it the capability CAP_SYS_ADMIN; or install Bazel or bazelisk." >&2
		else
			echo "bazelw: allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or AppArmor's" \
				"kernel.apparmor_restrict_unprivileged_userns=0), run as root, or install Bazel or bazelisk." >&2
		fi
		exit 1
	}
	exit 0
fi
if [ "${1-}" = --root ]; then
	root=$2
	shift 2
fi
case $(pwd -P)/ in
/usr/* | /etc/* | /boot/*)
	echo "bazelw: a work tree under $(pwd -P) cannot be seen from Bazel's private root; move it to another folder." >&2
	exit 1
	;;
esac

read -r goroot <"$BAZELW_STATE/goroot"
exec unshare $namespaces "$0" --inside "$root" "$uid" "$(id -g)" "$goroot" "$@"
