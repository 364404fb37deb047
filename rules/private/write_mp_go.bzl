"""The macro write_mp_go."""

load(":providers.bzl", "MpGoInfo")
load(":schemas.bzl", "display_label")

_PRELUDE = """\
#!/usr/bin/env bash
set -euo pipefail
"""

def _runfile(file):
    """Where a program finds a file: it starts in the main repository's runfiles."""
    return "'" + file.short_path + "'"

def _generated(ctx):
    return ctx.attr.library[OutputGroupInfo].go_generated_srcs.to_list()

def _write_mp_go_impl(ctx):
    generated = _generated(ctx)
    lines = [
        ": \"${BUILD_WORKSPACE_DIRECTORY:?start it by: bazel run " + display_label(ctx.label) + "}\"",
        "folder=\"$BUILD_WORKSPACE_DIRECTORY\"/'{}'".format(ctx.label.package),
    ]
    for file in generated:
        # Written aside and moved, so that an interruption leaves no half a file.
        lines.append("cp {} \"$folder\"/'.{name}.new'\nchmod 644 \"$folder\"/'.{name}.new'\nmv \"$folder\"/'.{name}.new' \"$folder\"/'{name}'".format(
            _runfile(file),
            name = file.basename,
        ))
        lines.append("echo 'wrote {}/{}'".format(ctx.label.package, file.basename))
    names = [file.basename for file in generated]
    for file in ctx.files.kept:
        if file.basename not in names:
            lines.append("rm -f \"$folder\"/'{}'".format(file.basename))
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(script, _PRELUDE + "\n".join(lines) + "\n", is_executable = True)
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(generated))]

_ATTRS = {
    "library": attr.label(mandatory = True, providers = [MpGoInfo]),
    "kept": attr.label_list(allow_files = [".mp.go"]),
}

_write_mp_go = rule(
    implementation = _write_mp_go_impl,
    attrs = _ATTRS,
    executable = True,
)

def _mp_go_fresh_test_impl(ctx):
    generated = _generated(ctx)
    kept = {file.basename: file for file in ctx.files.kept}
    lines = ["stale=0"]
    for file in generated:
        name = file.basename
        if name in kept:
            lines.append("diff -u {} {} || stale=1".format(_runfile(kept.pop(name)), _runfile(file)))
        else:
            lines.append("echo '{} is missing'; stale=1".format(name))
    for name in kept:
        lines.append("echo '{} comes from no schema any more'; stale=1".format(name))
    lines.append("""\
if [ $stale = 1 ]; then
	echo
	echo 'The Go code kept in {package} is stale. Write it anew:'
	echo '    bazel run {writer}'
	exit 1
fi""".format(package = ctx.label.package, writer = display_label(ctx.attr.writer.label)))
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(script, _PRELUDE + "\n".join(lines) + "\n", is_executable = True)
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(generated + ctx.files.kept))]

_mp_go_fresh_test = rule(
    implementation = _mp_go_fresh_test_impl,
    attrs = _ATTRS | {"writer": attr.label(mandatory = True)},
    test = True,
)

def write_mp_go(name, library, size = "small", **kwargs):
    """Keeps generated Go code in the source tree, for whoever builds without Bazel.

    `bazel run` on the target writes the `.mp.go` files of a library into the target's folder; the test `NAME_test` fails when
    those in the tree are not what would be written, and prints the command.

    Args:
      name: the name of the target to run; the test is `NAME_test`.
      library: an `mp_go_library`.
      size: of the test.
      **kwargs: attributes that both have, such as `tags`, `testonly` and `visibility`.
    """
    kept = native.glob(["*.mp.go"], allow_empty = True)
    _write_mp_go(
        name = name,
        library = library,
        kept = kept,
        **kwargs
    )
    _mp_go_fresh_test(
        name = name + "_test",
        size = size,
        library = library,
        kept = kept,
        writer = name,
        **kwargs
    )
