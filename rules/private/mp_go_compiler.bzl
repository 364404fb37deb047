"""The rule mp_go_compiler and mpgen's way to generate."""

load("@io_bazel_rules_go//go:def.bzl", "GoInfo")
load(":providers.bzl", "MpGoCompilerInfo")
load(":schemas.bzl", "display_label")
load(":toolchain.bzl", "TOOLCHAIN_TYPE")

def _schema_flags(schema):
    return [
        "--schema={}={}".format(schema.import_name, schema.file.path),
        "--label_of={}={}".format(schema.import_name, display_label(schema.label)),
    ]

def _importable_flag(schema):
    return "--importable=" + schema.import_name

def _map_flag(package):
    return "--map={}={}".format(package.import_name, package.importpath)

def _package_label_flag(package):
    return "--package_of={}={}".format(package.import_name, display_label(package.label))

def _mpgen_generate(ctx, _compiler, request):
    toolchain = ctx.exec_groups["mp_generate"].toolchains[TOOLCHAIN_TYPE].mp
    outputs = []
    args = ctx.actions.args()
    args.set_param_file_format("multiline")
    args.use_param_file("@%s", use_always = True)
    args.add(display_label(ctx.label), format = "--label=%s")
    args.add(request.importpath, format = "--importpath=%s")
    for schema in request.schemas:
        # As in go_proto_library, the folder is named after the import path, so that error messages and debuggers show it.
        out = ctx.actions.declare_file("{}_/{}/{}.mp.go".format(
            ctx.label.name,
            request.importpath,
            schema.file.basename.removesuffix(".capnp"),
        ))
        outputs.append(out)
        args.add(out, format = "--out={}=%s".format(schema.import_name.replace("%", "%%")))
    args.add_all(request.transitive, map_each = _schema_flags)
    args.add_all(request.importable, map_each = _importable_flag, uniquify = True)
    args.add_all(request.packages, map_each = _map_flag)

    # The target with the Go package of a schema is a better answer to "which dep is missing?" than the one with the schema.
    args.add_all(request.transitive_packages, map_each = _package_label_flag)
    args.add_all(request.bindings, format_each = "--bindings=%s")
    ctx.actions.run(
        executable = toolchain.generator,
        arguments = [args],
        inputs = depset(
            request.bindings,
            transitive = [depset([schema.file for schema in request.schemas]), request.transitive_files],
        ),
        outputs = outputs,
        mnemonic = "MpGoGenerate",
        progress_message = "Generating Go for %{label}",
        exec_group = "mp_generate",
        env = {},
        execution_requirements = {"supports-path-mapping": "1"},
    )
    return outputs

def _mp_go_compiler_impl(ctx):
    return [MpGoCompilerInfo(
        generate = _mpgen_generate,
        deps = ctx.attr.deps,
        data = None,
    )]

mp_go_compiler = rule(
    implementation = _mp_go_compiler_impl,
    doc = "The way to generate that `mp_go_library` uses unless told otherwise: mpgen from the toolchain.",
    attrs = {
        "deps": attr.label_list(
            providers = [GoInfo],
            doc = "The Go libraries that generated code imports.",
        ),
    },
    provides = [MpGoCompilerInfo],
)
