"""The rule mp_compat_test."""

load(":providers.bzl", "CapnpInfo")
load(":schemas.bzl", "collect_schemas", "display_label")
load(":toolchain.bzl", "TOOLCHAIN_TYPE")

_SCRIPT = """\
#!/usr/bin/env bash
# Shows what was found when the reports were made.
status=0
for report in {reports}; do
	if [ -s "$report" ]; then
		cat "$report"
		status=1
	fi
done
if [ $status = 1 ]; then
	echo
	echo '{label}: programs built from {old} and from {new} would misunderstand each other.'
fi
exit $status
"""

def _schemas(ctx, attribute, target):
    """The CapnpInfo of a target that is a schema file or a library of schemas."""
    if CapnpInfo in target:
        info = target[CapnpInfo]
        if not info.direct_schemas:
            fail("{}: {} in {} has no schemas".format(display_label(ctx.label), display_label(target.label), attribute))
        return info
    files = [file for file in target[DefaultInfo].files.to_list() if file.extension == "capnp"]
    if not files:
        fail("{}: {} in {} is neither a .capnp file nor a target with schemas, such as capnp_library or mp_go_library".format(
            display_label(ctx.label),
            display_label(target.label),
            attribute,
        ))
    return collect_schemas(ctx, files, [dep[CapnpInfo] for dep in ctx.attr.deps])

def _pairs(ctx, old, new):
    """Which schemas are compared: those of one file name, unless there is only one on either side."""
    if len(old) == 1 and len(new) == 1:
        return [(old[0], new[0])]
    found = {}
    for schema in new:
        found.setdefault(schema.file.basename, []).append(schema)
    pairs = []
    for schema in old:
        same = found.get(schema.file.basename, [])
        if not same:
            fail("{}: {} in old has no counterpart in new: no file there is named {}".format(
                display_label(ctx.label),
                schema.import_name,
                schema.file.basename,
            ))
        if len(same) > 1:
            fail("{}: {} in old has {} counterparts in new: {}".format(
                display_label(ctx.label),
                schema.import_name,
                len(same),
                ", ".join([other.import_name for other in same]),
            ))
        pairs.append((schema, same[0]))
    return pairs

def _lint(ctx, index, old, old_info, new, new_info):
    report = ctx.actions.declare_file("{}_/{}.txt".format(ctx.label.name, index))
    args = ctx.actions.args()
    args.add("lint")
    args.add(report, format = "--report=%s")
    args.add_all(new_info.transitive_import_roots, format_each = "-I%s")
    args.add_all(old_info.transitive_import_roots, format_each = "--against-path=%s")
    args.add(old.file, format = "--against=%s")
    args.add(new.file)
    ctx.actions.run(
        executable = ctx.toolchains[TOOLCHAIN_TYPE].mp.generator,
        arguments = [args],
        inputs = depset(transitive = [old_info.transitive_sources, new_info.transitive_sources]),
        outputs = [report],
        mnemonic = "MpCompat",
        toolchain = TOOLCHAIN_TYPE,
        progress_message = "Comparing schemas for %{label}",
        env = {},
    )
    return report

def _mp_compat_test_impl(ctx):
    old = _schemas(ctx, "old", ctx.attr.old)
    new = _schemas(ctx, "new", ctx.attr.new)
    reports = [
        _lint(ctx, index, old_schema, old, new_schema, new)
        for index, (old_schema, new_schema) in enumerate(_pairs(ctx, old.direct_schemas, new.direct_schemas))
    ]
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(
        script,
        _SCRIPT.format(
            label = display_label(ctx.label),
            old = display_label(ctx.attr.old.label),
            new = display_label(ctx.attr.new.label),
            reports = " ".join(["'" + report.short_path + "'" for report in reports]),
        ),
        is_executable = True,
    )
    return [
        DefaultInfo(executable = script, runfiles = ctx.runfiles(reports)),
        OutputGroupInfo(mp_compat_reports = reports),
    ]

mp_compat_test = rule(
    implementation = _mp_compat_test_impl,
    doc = """\
Fails when a schema has changed since an older version of it in a way that breaks the wire: another type, ordinal, id, layout or
default of a field, another signature of a method, and what is gone. Each change is shown with its place in either version. What
may change freely is names, and what is added with new ordinals.

```starlark
mp_compat_test(
    name = "calculator_compat_test",
    new = "calculator.capnp",
    old = "released/calculator.capnp",
    deps = [":printer_go"],
)
```
""",
    attrs = {
        "old": attr.label(
            mandatory = True,
            allow_files = True,
            doc = "The older version, say that of the last release: a `.capnp` file, or a target with schemas (`capnp_library`, " +
                  "`mp_go_library`). If there are several, each is compared with the one in `new` that has the same file name.",
        ),
        "new": attr.label(
            mandatory = True,
            allow_files = True,
            doc = "The version to check, given likewise.",
        ),
        "deps": attr.label_list(
            providers = [CapnpInfo],
            doc = "Targets with the schemas that `old` and `new` import, where these are files; a target knows its own. An old " +
                  "version whose imports have changed too is best put into a `capnp_library` together with them.",
        ),
    },
    test = True,
    toolchains = [TOOLCHAIN_TYPE],
)
