"""The rule capnp_library."""

load(":providers.bzl", "CapnpInfo")
load(":schemas.bzl", "collect_schemas")

def _capnp_library_impl(ctx):
    info = collect_schemas(
        ctx,
        ctx.files.srcs,
        [dep[CapnpInfo] for dep in ctx.attr.deps],
        import_prefix = ctx.attr.import_prefix,
        strip_import_prefix = ctx.attr.strip_import_prefix,
        has_prefixes = ctx.attr.import_prefix != "" or ctx.attr.strip_import_prefix != "",
    )
    return [
        info,
        DefaultInfo(
            files = depset(info.direct_sources),
            runfiles = ctx.runfiles(transitive_files = info.transitive_sources),
        ),
    ]

capnp_library = rule(
    implementation = _capnp_library_impl,
    doc = """\
Cap'n Proto schemas for rules of any language, as `proto_library` is for protocol buffers.

A schema is imported by its path in its repository, with a slash in front (`import "/app/printer.capnp"`), or relative to
the importing file.

```starlark
capnp_library(
    name = "printer_capnp",
    srcs = ["printer.capnp"],
    deps = ["//common:types_capnp"],
)
```
""",
    attrs = {
        "srcs": attr.label_list(
            allow_files = [".capnp"],
            doc = "The `.capnp` files, written by hand or generated.",
        ),
        "deps": attr.label_list(
            providers = [CapnpInfo],
            doc = "Targets with the schemas that `srcs` import: `capnp_library`, or `mp_go_library` with `srcs` of its own. " +
                  "The standard imports (`/capnp/c++.capnp`, `/mp/proxy.capnp` and so on) need none.",
        ),
        "import_prefix": attr.string(
            doc = "Put in front of the names by which `srcs` are imported, after `strip_import_prefix` is taken off.",
        ),
        "strip_import_prefix": attr.string(
            doc = "Taken off the names by which `srcs` are imported. Relative to the package, or to the repository's root if it " +
                  "starts with a slash.",
        ),
    },
    provides = [CapnpInfo],
)
