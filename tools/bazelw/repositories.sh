#!/bin/sh
# Gives the repositories that GitHub and the Bazel Central Registry would give, where those cannot be reached: rules_go and
# gazelle are also Go modules, verified by Go's checksum database; the rule sets they depend on are packages of Debian testing;
# for the rest, which only have to be there, stand-ins are enough. Writes $BAZELW_STATE/repositories.bazelrc, which overrides the
# modules of MODULE.bazel and the repositories of WORKSPACE.bazel with them. Only bazelw calls it.
set -eu
. "$BAZELW_LIB/debian.sh"

rc=$BAZELW_STATE/repositories.bazelrc
[ ! -r "$rc" ] || exit 0
new=$BAZELW_STATE/repositories.new
chmod -R u+w "$new" 2>/dev/null || :
rm -rf "$new"
mkdir -p "$new"

# Debian's rule sets.
packages=$BAZELW_STATE/root
if [ ! -d "$packages" ]; then
	say "fetching rule sets from Debian, for the Bazel Central Registry cannot be reached"
	packages=$BAZELW_STATE/packages
	debian_check "Bazel cannot reach the Bazel Central Registry to fetch them" "$BAZELW_STATE/probe.log says why it cannot."
	debian_update
	debian_unpack "$packages" bazel-skylib bazel-platforms bazel-features bazel-rules-cc bazel-rules-java bazel-rules-license \
		bazel-rules-proto bazel-rules-python bazel-rules-shell
fi
cp -RL "$packages/usr/share/bazel/tools/skylib" "$new/bazel_skylib"
cp -RL "$packages/usr/share/bazel/tools/platforms" "$new/platforms"
cp -RL "$packages/usr/share/bazel/tools/features" "$new/bazel_features"
for rules in cc java license proto python shell; do
	cp -RL "$packages/usr/share/bazel/rules/$rules" "$new/rules_$rules"
done

# Modules of Go, at the versions of MODULE.bazel.
go_command() {
	if command -v go >/dev/null; then
		go "$@"
	else
		"$BAZELW_LIB/enter.sh" go "$@"
	fi
}
# go_module NAME PATH
go_module() {
	wanted=$(sed -n "s/^bazel_dep(name = \"$1\", version = \"\([^\"]*\)\".*/\1/p" "$BAZELW_REPO/MODULE.bazel")
	[ -n "$wanted" ] || die "MODULE.bazel does not say which $1 it needs"
	say "fetching $1 $wanted as a Go module"
	dir=$(cd / && go_command mod download -json "$2@v$wanted" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
	[ -n "$dir" ] || die "$1 $wanted could not be fetched as a Go module ($2); run the same command again to go on from here"
	cp -R "$dir" "$new/$1"
	chmod -R u+w "$new/$1"
	# Go's module archives have no executable bits.
	find "$new/$1" -name '*.sh' -exec chmod +x {} +
}
go_module rules_go github.com/bazelbuild/rules_go
go_module gazelle github.com/bazelbuild/bazel-gazelle
# They have no vendor folders either, and gazelle's go_repository builds its tools from one.
(cd "$new/gazelle" && go_command mod vendor -e >"$BAZELW_STATE/vendor.log" 2>&1) || :
[ -d "$new/gazelle/vendor/golang.org" ] || {
	cat "$BAZELW_STATE/vendor.log" >&2
	die "gazelle's own dependencies could not be fetched; run the same command again to go on from here"
}

# rules_go downloads the Go SDK from Go's own site. The same SDK, of the version asked for, is a Go module too; the checksum
# database vouches for it.
sdk=$new/rules_go/go/private/sdk.bzl
cat >"$new/sdk.bzl" <<'EOF'
def _go_download_sdk_impl(ctx):
    goos, goarch = ctx.attr.goos, ctx.attr.goarch
    if not goos and not goarch:
        goos, goarch = detect_host_platform(ctx)
    if not ctx.attr.version:
        fail("name a version of Go: the newest one cannot be looked up here")
    module = "golang.org/toolchain@v0.0.1-go{}.{}-{}".format(ctx.attr.version, goos, goarch)
    ctx.report_progress("Fetching " + module)
    go = ctx.which("go")
    if not go:
        fail("go is not on PATH; it is needed to fetch " + module)
    result = ctx.execute([go, "mod", "download", "-json", module], environment = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"})
    if result.return_code:
        fail("{} could not be fetched: {}{}".format(module, result.stdout, result.stderr))
    for step in [
        ["cp", "-R", json.decode(result.stdout)["Dir"] + "/.", "."],
        ["chmod", "-R", "u+w", "."],
        # Go's module archives have no executable bits.
        ["find", "bin", "pkg/tool", "-type", "f", "-exec", "chmod", "+x", "{}", "+"],
    ]:
        result = ctx.execute(step)
        if result.return_code:
            fail(" ".join(step) + ": " + result.stderr)
    patch(ctx, patch_args = _get_patch_args(ctx.attr.patch_strip))
    _sdk_build_file(ctx, goos + "_" + goarch, ctx.attr.version, experiments = ctx.attr.experiments)
    return None

EOF
sed -i -e 's/^def _go_download_sdk_impl(ctx):/def _go_download_sdk_from_site(ctx):/' \
	-e 's/^def fetch_sdks_by_version(ctx, allow_fail = False):/&\n    if allow_fail:\n        return None\n/' \
	-e "/^go_download_sdk_rule = repository_rule(/{
e cat '$new/sdk.bzl'
}" "$sdk"
grep -q '^def _go_download_sdk_impl' "$sdk" && grep -q '^def _go_download_sdk_from_site' "$sdk" ||
	die "this rules_go fetches the Go SDK in a way that repositories.sh does not know; raise its version there too"

# Stand-ins.
for name in protobuf apple_support buildozer zlib; do
	mkdir "$new/$name"
	echo "module(name = \"$name\")" >"$new/$name/MODULE.bazel"
done
# Bazel's own MODULE.bazel asks for this extension by name.
echo 'buildozer_binary = module_extension(implementation = lambda ctx: None)' >"$new/buildozer/buildozer_binary.bzl"
mkdir -p "$new/package_metadata/rules" "$new/package_metadata/providers"
echo 'module(name = "package_metadata")' >"$new/package_metadata/MODULE.bazel"
cat >"$new/package_metadata/providers/package_metadata_info.bzl" <<'EOF'
PackageMetadataInfo = provider(doc = "Where a package comes from.", fields = {"purl": "its package URL"})
EOF
cat >"$new/package_metadata/rules/package_metadata.bzl" <<'EOF'
load("//providers:package_metadata_info.bzl", "PackageMetadataInfo")

_package_metadata = rule(
    implementation = lambda ctx: [PackageMetadataInfo(purl = ctx.attr.purl)],
    attrs = {"purl": attr.string(), "attributes": attr.label_list()},
    provides = [PackageMetadataInfo],
)

def package_metadata(name, **kwargs):
    # Packages name it as the default of this attribute; it cannot depend on itself.
    _package_metadata(name = name, applicable_licenses = [], **kwargs)
EOF
touch "$new/package_metadata/BUILD.bazel" "$new/package_metadata/rules/BUILD.bazel" "$new/package_metadata/providers/BUILD.bazel"

repositories=$BAZELW_STATE/repositories
chmod -R u+w "$repositories" 2>/dev/null || :
rm -rf "$repositories"
rm "$new/sdk.bzl"
for dir in "$new"/*; do
	touch "$dir/WORKSPACE"
	[ -e "$dir/BUILD.bazel" ] || [ -e "$dir/BUILD" ] || touch "$dir/BUILD.bazel"
done
mv "$new" "$repositories"
{
	echo "# Written by bazelw: repositories for a machine that cannot reach GitHub and the Bazel Central Registry."
	for dir in "$repositories"/*; do
		name=${dir##*/}
		echo "common '--override_module=$name=$dir'"
		case $name in
		rules_go) name=io_bazel_rules_go ;;
		gazelle) name=bazel_gazelle ;;
		protobuf) name=com_google_protobuf ;;
		apple_support) name=build_bazel_apple_support ;;
		esac
		echo "common '--override_repository=$name=$dir'"
	done
} >"$rc.new"
mv "$rc.new" "$rc"
debian_discard
