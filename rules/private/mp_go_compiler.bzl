"""The rule mp_go_compiler: mpgen's way to generate, and that of plug-ins."""

load("@io_bazel_rules_go//go:def.bzl", "GoInfo")
load(":compile.bzl", "mp_toolchain_of")
load(":providers.bzl", "MpGoCompilerInfo")
load(":schemas.bzl", "display_label")

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

def _declare(ctx, request, schema, suffix):
    # As in go_proto_library, the folder is named after the import path, so that error messages and debuggers show it.
    return ctx.actions.declare_file("{}_/{}/{}{}".format(
        ctx.label.name,
        request.importpath,
        schema.file.basename.removesuffix(".capnp"),
        suffix,
    ))

def _args(ctx, request):
    args = ctx.actions.args()
    args.set_param_file_format("multiline")
    args.use_param_file("@%s", use_always = True)
    args.add(display_label(ctx.label), format = "--label=%s")
    args.add(request.importpath, format = "--importpath=%s")
    return args

def _mpgen_generate(ctx, _compiler, request):
    outputs = []
    args = _args(ctx, request)
    for schema in request.schemas:
        out = _declare(ctx, request, schema, ".mp.go")
        outputs.append(out)
        args.add(out, format = "--out={}=%s".format(schema.import_name.replace("%", "%%")))
    args.add_all(request.transitive, map_each = _schema_flags)
    args.add_all(request.importable, map_each = _importable_flag, uniquify = True)
    args.add_all(request.packages, map_each = _map_flag)

    # The target with the Go package of a schema is a better answer to "which dep is missing?" than the one with the schema.
    args.add_all(request.transitive_packages, map_each = _package_label_flag)

    toolchain = mp_toolchain_of(ctx)
    compiled = []
    if toolchain.schema_compiler:
        # The schemas themselves still take part, for errors that show their lines; the only bindings are Go files.
        compiled.append(request.compiled)
        args.add(request.compiled, format = "--request=%s")
    args.add_all(request.bindings, format_each = "--bindings=%s")
    ctx.actions.run(
        executable = toolchain.generator,
        arguments = [args],
        inputs = depset(
            request.bindings + compiled,
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

def _plugin_generate(ctx, compiler, request):
    outputs = []
    args = _args(ctx, request)
    args.add(request.compiled, format = "--request=%s")
    for schema in request.schemas:
        out = _declare(ctx, request, schema, compiler.data.suffix)
        outputs.append(out)
        args.add(out, format = "--out={}=%s".format(schema.import_name.replace("%", "%%")))
    args.add_all(compiler.data.options)
    ctx.actions.run(
        executable = compiler.data.plugin,
        arguments = [args],
        inputs = [request.compiled],
        outputs = outputs,
        mnemonic = "MpGoPlugin",
        progress_message = "Generating *{} for %{{label}}".format(compiler.data.suffix),
        exec_group = "mp_generate",
        env = {},
        execution_requirements = {"supports-path-mapping": "1"},
    )
    return outputs

def _mp_go_compiler_impl(ctx):
    if not ctx.attr.plugin:
        for name in ["suffix", "options"]:
            if getattr(ctx.attr, name):
                fail("{}: {} is for a plugin; mpgen, which generates without one, has none".format(display_label(ctx.label), name))
        return [MpGoCompilerInfo(
            generate = _mpgen_generate,
            needs_compiled = False,
            deps = ctx.attr.deps,
            data = None,
        )]
    if not ctx.attr.suffix.endswith(".go") or ctx.attr.suffix == ".mp.go":
        fail(("{}: a plugin needs suffix, the end of the names of its files: some.go in place of .capnp, and not .mp.go, which is " +
              "mpgen's; for example suffix = \".{}.mp.go\"").format(display_label(ctx.label), ctx.label.name))
    return [MpGoCompilerInfo(
        generate = _plugin_generate,
        needs_compiled = True,
        deps = ctx.attr.deps,
        data = struct(
            plugin = ctx.attr.plugin[DefaultInfo].files_to_run,
            suffix = ctx.attr.suffix,
            options = ctx.attr.options,
        ),
    )]

mp_go_compiler = rule(
    implementation = _mp_go_compiler_impl,
    doc = """\
A way to generate Go from schemas, for the `compilers` of `mp_go_library`, as `go_proto_compiler` is for `go_proto_library`.

With a `plugin`, it adds files to the Go packages of the libraries that list it:

```starlark
mp_go_compiler(
    name = "names",
    plugin = "//tools/names",
    suffix = ".names.mp.go",
)

mp_go_library(
    name = "calculator_go",
    srcs = ["calculator.capnp"],
    compilers = [
        "@mpgo//rules:mp_go",
        "//tools:names",
    ],
    importpath = "example.com/app/calculator",
)
```

The plug-in is started with the name of a file after an `@`. It has one argument a line: `--label=` the `mp_go_library`, `--importpath=` its
import path, `--request=` a file with the `CodeGeneratorRequest` of its schemas (schema.capnp, what every Cap'n Proto code generator
reads), for each schema `--out=/name.capnp=` the file to write, which must be there at the end even if there is nothing to say but the
`package` clause, and `options`. The request has schemas by the same names without the first slash.

Without a `plugin`, it is mpgen of the toolchain: `@mpgo//rules:mp_go`, what `mp_go_library` uses unless told otherwise.
""",
    attrs = {
        "deps": attr.label_list(
            providers = [GoInfo],
            doc = "The Go libraries that generated code imports.",
        ),
        "plugin": attr.label(
            executable = True,
            cfg = "exec",
            doc = "The program that generates, in place of mpgen.",
        ),
        "suffix": attr.string(
            doc = "What the names of the plug-in's files have in place of `.capnp`; `write_mp_go` keeps those that end in `.mp.go`.",
        ),
        "options": attr.string_list(
            doc = "Further arguments for the plug-in.",
        ),
    },
    provides = [MpGoCompilerInfo],
)
