"""The toolchain of mp_go_library."""

load(":providers.bzl", "MpToolchainInfo")

TOOLCHAIN_TYPE = Label("//rules:toolchain_type")

def _mp_toolchain_impl(ctx):
    schema_compiler = None
    if ctx.attr.schema_compiler:
        schema_compiler = ctx.attr.schema_compiler[DefaultInfo].files_to_run
    return [platform_common.ToolchainInfo(
        mp = MpToolchainInfo(
            generator = ctx.attr.generator[DefaultInfo].files_to_run,
            schema_compiler = schema_compiler,
        ),
    )]

mp_toolchain = rule(
    implementation = _mp_toolchain_impl,
    doc = """\
The programs that turn schemas into Go. Give it to `toolchain` with `toolchain_type = "@mpgo//rules:toolchain_type"` and
choose that with `register_toolchains` or `--extra_toolchains`. The default builds mpgen from source, which compiles schemas itself.
""",
    attrs = {
        "generator": attr.label(
            default = Label("//rules:mpgen"),
            executable = True,
            cfg = "exec",
            doc = "mpgen, or a program that takes its flags.",
        ),
        "schema_compiler": attr.label(
            executable = True,
            cfg = "exec",
            allow_files = True,
            doc = "A `capnp` program that compiles the schemas in the generator's place.",
        ),
    },
)
