"""The rule mp_go_library."""

load("@io_bazel_rules_go//go:def.bzl", "GoArchive", "GoInfo", "go_context", "new_go_info")

# go_library's own: without them the archive's mode would differ from its users' where there is no C compiler.
# buildifier: disable=bzl-visibility
load("@io_bazel_rules_go//go/private:context.bzl", "CGO_ATTRS", "CGO_FRAGMENTS", "CGO_TOOLCHAINS")
load(":compile.bzl", "compile_schemas", "mp_toolchain_of")
load(":providers.bzl", "CapnpInfo", "MpGoCompilerInfo", "MpGoInfo")
load(":schemas.bzl", "collect_schemas", "display_label", "merge_schemas")
load(":toolchain.bzl", "TOOLCHAIN_TYPE")

def _is_import_path(path):
    """Whether the Go compiler takes an import path."""
    if path == "main" or [element for element in path.split("/") if element in ["", ".", ".."]]:
        return False
    return not [char for char in path.elems() if char in " !\"#$%&'()*,:;<=>?[\\]^`{|}\t\n"]

def _check_attributes(ctx):
    label = display_label(ctx.label)
    if not ctx.attr.srcs and not ctx.attr.schemas:
        fail("{}: mp_go_library needs srcs, a list of .capnp files, or schemas, a list of capnp_library targets".format(label))
    if ctx.attr.srcs and ctx.attr.schemas:
        fail(("{}: mp_go_library takes either srcs or schemas: a schema is listed in the srcs of one target only; " +
              "the others name that target in schemas").format(label))
    if not ctx.attr.importpath and not ctx.attr.embed:
        fail(("{}: mp_go_library needs importpath, the path by which Go code imports it; for example importpath = " +
              "\"example.com/{}\"").format(label, ctx.label.package or ctx.label.name))
    if ctx.attr.importpath and not _is_import_path(ctx.attr.importpath):
        fail("{}: importpath = \"{}\" cannot be imported by Go code; an import path is like \"example.com/app/{}\"".format(
            label,
            ctx.attr.importpath,
            ctx.label.package or ctx.label.name,
        ))
    for dep in ctx.attr.deps:
        if GoInfo not in dep:
            what = "has no Go package"
            if CapnpInfo in dep:
                what = "is a schema library without Go code: name the mp_go_library made over it instead"
            fail(("{}: {} in deps {}; deps takes mp_go_library targets, for the schemas imported, and go_library targets, " +
                  "for the Go types that bindings name").format(label, display_label(dep.label), what))

def _check_schemas(ctx, schemas):
    if not schemas:
        fail("{}: none of the targets in schemas has schemas of its own: {}; name the capnp_library targets with srcs".format(
            display_label(ctx.label),
            ", ".join([display_label(schema.label) for schema in ctx.attr.schemas]),
        ))
    names = {}
    for schema in schemas:
        name = schema.file.basename
        if name in names:
            fail(("{}: {} and {} would both become {}.mp.go of the Go package {}; generate them by two targets with an " +
                  "importpath each").format(
                display_label(ctx.label),
                names[name].import_name,
                schema.import_name,
                name.removesuffix(".capnp"),
                ctx.attr.importpath,
            ))
        names[name] = schema

def _merge_compiler_deps(_go, attr, go_info, _merge):
    for compiler in attr.compilers:
        for dep in compiler[MpGoCompilerInfo].deps:
            go_info["deps"] = go_info["deps"] + [dep[GoArchive]]

def _mp_go_library_impl(ctx):
    _check_attributes(ctx)
    capnp_deps = [dep[CapnpInfo] for dep in ctx.attr.deps if CapnpInfo in dep]
    if ctx.attr.srcs:
        capnp = collect_schemas(ctx, ctx.files.srcs, capnp_deps)
    else:
        capnp = merge_schemas([schema[CapnpInfo] for schema in ctx.attr.schemas])
    _check_schemas(ctx, capnp.direct_schemas)

    go = go_context(
        ctx,
        importpath = ctx.attr.importpath,
        importmap = ctx.attr.importmap,
        embed = ctx.attr.embed,
        go_context_data = ctx.attr._go_context_data,
        maybe_needs_cc_toolchain = False,
    )

    for dep in ctx.attr.deps:
        if dep[GoInfo].importpath == go.importpath:
            fail(("{}: {} in deps is the same Go package, {}, which cannot import itself; list all its schemas in one target, or that " +
                  "target in embed").format(display_label(ctx.label), display_label(dep.label), go.importpath))

    # What is generated into an embedded library belongs to the same Go package.
    embedded = [dep[MpGoInfo] for dep in ctx.attr.embed if MpGoInfo in dep]
    go_deps = [dep[MpGoInfo] for dep in ctx.attr.deps if MpGoInfo in dep]
    own = [
        struct(import_name = schema.import_name, importpath = go.importpath, label = ctx.label)
        for schema in capnp.direct_schemas
    ]
    packages = MpGoInfo(
        direct_packages = own + [package for info in embedded for package in info.direct_packages],
        transitive_packages = depset(own, transitive = [info.transitive_packages for info in embedded + go_deps]),
    )

    compilers = [compiler[MpGoCompilerInfo] for compiler in ctx.attr.compilers]
    transitive = depset(transitive = [capnp.transitive_schemas] + [dep.transitive_schemas for dep in capnp_deps])
    transitive_files = depset(transitive = [capnp.transitive_sources] + [dep.transitive_sources for dep in capnp_deps])
    compiled = None
    if mp_toolchain_of(ctx).schema_compiler or [info for info in compilers if info.needs_compiled]:
        compiled = compile_schemas(ctx, capnp.direct_schemas, transitive, transitive_files, ctx.files.bindings)
    request = struct(
        importpath = go.importpath,
        schemas = capnp.direct_schemas,
        importable = depset(transitive = [capnp.importable_schemas] + [depset(dep.direct_schemas) for dep in capnp_deps]),
        transitive = transitive,
        transitive_files = transitive_files,
        packages = depset([
            package
            for info in go_deps + embedded
            for package in info.direct_packages
        ]),
        transitive_packages = depset(transitive = [info.transitive_packages for info in go_deps]),
        bindings = ctx.files.bindings,
        compiled = compiled,
    )
    generated = []
    for info in compilers:
        generated.extend(info.generate(ctx, info, request))

    go_info = new_go_info(
        go,
        # srcs of this rule are no Go files, so new_go_info gets the attributes that it may read one by one.
        struct(
            deps = ctx.attr.deps,
            embed = ctx.attr.embed,
            data = ctx.attr.data,
            gc_goopts = ctx.attr.gc_goopts,
            compilers = ctx.attr.compilers,
        ),
        resolver = _merge_compiler_deps,
        generated_srcs = generated,
        coverage_instrumented = False,
    )
    archive = go.archive(go, go_info)
    return [
        go_info,
        archive,
        capnp,
        packages,
        DefaultInfo(
            files = depset([archive.data.export_file]),
            runfiles = archive.runfiles,
        ),
        coverage_common.instrumented_files_info(
            ctx,
            dependency_attributes = ["data", "deps", "embed"],
        ),
        OutputGroupInfo(
            go_generated_srcs = generated,
            compilation_outputs = [archive.data.file],
            nogo_fix = [archive.data._nogo_diagnostics] if archive.data._nogo_diagnostics else [],
            _validation = [archive.data._validation_output] if archive.data._validation_output else [],
        ),
    ]

mp_go_library = rule(
    implementation = _mp_go_library_impl,
    doc = """\
A Go library generated from Cap'n Proto schemas: for each interface a Go interface, a proxy client and a proxy server.

It can stand wherever a `go_library` can.

```starlark
mp_go_library(
    name = "calculator_go",
    srcs = ["calculator.capnp"],
    importpath = "example.com/app/calculator",
    deps = [":printer_go"],
)
```
""",
    attrs = {
        "srcs": attr.label_list(
            allow_files = [".capnp"],
            doc = "The schemas, unless `schemas` names them. All of them become one Go package.",
        ),
        "schemas": attr.label_list(
            providers = [CapnpInfo],
            doc = "Targets that have the schemas in their `srcs`, in place of `srcs`: for schemas shared with other languages, or of " +
                  "another repository.",
        ),
        "deps": attr.label_list(
            doc = "`mp_go_library` targets for the schemas that these import, and `go_library` targets for Go types that " +
                  "`bindings` or annotations name.",
        ),
        "importpath": attr.string(
            doc = "The path by which Go code imports this library. Required, unless an embedded library has it.",
        ),
        "importmap": attr.string(
            doc = "As in `go_library`: the path that the compiler and linker see, if another than `importpath`.",
        ),
        "bindings": attr.label_list(
            allow_files = True,
            doc = "Files that say how schemas map to Go where the schemas themselves do not.",
        ),
        "embed": attr.label_list(
            providers = [GoInfo],
            doc = "Go libraries whose sources are compiled into this package. They have the same `importpath`.",
        ),
        "compilers": attr.label_list(
            providers = [MpGoCompilerInfo],
            default = [Label("//rules:mp_go")],
            doc = "`mp_go_compiler` targets: what generates the Go files. Further ones add files of their own to the package.",
        ),
        "data": attr.label_list(
            allow_files = True,
            doc = "As in `go_library`.",
        ),
        "gc_goopts": attr.string_list(
            doc = "As in `go_library`.",
        ),
        "_go_context_data": attr.label(default = Label("@io_bazel_rules_go//:go_context_data")),
        "_nogo": attr.label(default = Label("@io_bazel_rules_nogo//:nogo"), cfg = "exec"),
    } | CGO_ATTRS,
    exec_groups = {
        # Apart from the Go toolchain, whose execution platform need not be able to run the generator.
        "mp_generate": exec_group(toolchains = [TOOLCHAIN_TYPE]),
    },
    fragments = CGO_FRAGMENTS,
    provides = [CapnpInfo, GoArchive, GoInfo, MpGoInfo],
    toolchains = ["@io_bazel_rules_go//go:toolchain"] + CGO_TOOLCHAINS,
)
