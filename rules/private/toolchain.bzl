"""The toolchain of mp_go_library."""

load(":providers.bzl", "CapnpInfo", "MpToolchainInfo")

TOOLCHAIN_TYPE = Label("//rules:toolchain_type")

def _mp_toolchain_impl(ctx):
    schema_compiler = None
    if ctx.attr.schema_compiler:
        schema_compiler = ctx.attr.schema_compiler[DefaultInfo].files_to_run
    return [platform_common.ToolchainInfo(
        mp = MpToolchainInfo(
            generator = ctx.attr.generator[DefaultInfo].files_to_run,
            schema_compiler = schema_compiler,
            standard_imports = ctx.attr._standard_imports[CapnpInfo],
        ),
    )]

mp_toolchain = rule(
    implementation = _mp_toolchain_impl,
    doc = """\
The programs that turn schemas into Go. Give it to `toolchain` with `toolchain_type = "@mpgo//rules:toolchain_type"` and
choose that with `register_toolchains` or `--extra_toolchains`. The default builds mpgen from source, which compiles schemas itself.

```starlark
mp_toolchain(
    name = "capnp_mp_toolchain",
    schema_compiler = "@capnproto//:capnp_tool",
    visibility = ["//visibility:public"],
)

toolchain(
    name = "capnp_toolchain",
    toolchain = ":capnp_mp_toolchain",
    toolchain_type = "@mpgo//rules:toolchain_type",
)
```
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
            doc = "A `capnp` program, of Cap'n Proto 0.9 or newer, that compiles the schemas in mpgen's place. It knows nothing of the " +
                  "`bindings` of an `mp_go_library`, and it finds a relative import only in the folder where the importing file is, " +
                  "so a generated schema is imported by its whole name.",
        ),
        "_standard_imports": attr.label(
            default = Label("//schema:mp_capnp"),
            providers = [CapnpInfo],
        ),
    },
)
