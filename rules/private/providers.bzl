"""Providers of the rules."""

CapnpInfo = provider(
    doc = "Cap'n Proto schemas, for rules of any language.",
    fields = {
        "direct_sources": "list of File: the schemas of this target, at the places from which import roots lead to them.",
        "transitive_sources": "depset of File: the schemas of this target and of all it depends on.",
        "transitive_import_roots": "depset of string: folders, relative to the execution root, against which absolute " +
                                   "imports (`import \"/app/printer.capnp\"`) resolve; what `capnp compile -I` takes.",
        "direct_schemas": "list of struct(import_name, file, label): this target's schemas with the names by which they are " +
                          "imported (`/app/printer.capnp`) and the target that lists them in `srcs`.",
        "importable_schemas": "depset of the same: what this target's schemas may import, which is what its direct dependencies " +
                              "have in their `srcs`.",
        "transitive_schemas": "depset of the same, for this target and all it depends on.",
    },
)

MpGoInfo = provider(
    doc = "Go packages generated from schemas.",
    fields = {
        "direct_packages": "list of struct(import_name, importpath, label): the Go package and the target of each schema that " +
                           "this target generates code for.",
        "transitive_packages": "depset of the same, for this target and all it depends on.",
    },
)

MpGoCompilerInfo = provider(
    doc = "What `mp_go_library` lists in `compilers`: a way to turn schemas into Go files.",
    fields = {
        "generate": """\
A function that declares Go files and the actions that write them, and returns the files:

    def generate(ctx, compiler, request)

`ctx` is the rule context of the `mp_go_library`, `compiler` this provider, and `request` a struct: `importpath`; `schemas`, the
struct(import_name, file, label) of each schema to generate for; `importable` and `transitive`, depsets of the schemas they may
import and of all that takes part; `packages` and `transitive_packages`, the struct(import_name, importpath, label) of Go packages
in direct and in all dependencies; `bindings`, a list of File; `compiled`, the File with the `CodeGeneratorRequest` of `schemas`, or
None if `needs_compiled` was not set. An action that uses the rule's toolchain names `exec_group = "mp_generate"`.""",
        "needs_compiled": "bool: whether `generate` reads `request.compiled`.",
        "deps": "list of Target: Go libraries that the generated code imports.",
        "data": "anything that `generate` needs besides.",
    },
)

MpToolchainInfo = provider(
    doc = "The programs behind `//rules:toolchain_type`.",
    fields = {
        "generator": "FilesToRunProvider: mpgen, or a program with its flags.",
        "schema_compiler": "FilesToRunProvider of a `capnp` program that compiles the schemas, or None: the generator does it itself.",
        "standard_imports": "CapnpInfo of the schemas that are imported without a dependency, for programs that do not have them built in.",
    },
)
