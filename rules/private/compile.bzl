"""How schemas become a CodeGeneratorRequest, which is what an external schema compiler and plug-ins exchange with mpgen."""

load(":schemas.bzl", "display_label")
load(":toolchain.bzl", "TOOLCHAIN_TYPE")

def _import_root(schema):
    root = schema.file.path.removesuffix(schema.import_name)
    return "." if root == schema.import_name[1:] else root

def _source_prefix(schema):
    # What is below the working directory has its import name already.
    root = _import_root(schema)
    return None if root == "." else root

def mp_toolchain_of(ctx):
    """The MpToolchainInfo for the actions of an mp_go_library."""
    return ctx.exec_groups["mp_generate"].toolchains[TOOLCHAIN_TYPE].mp

def compile_schemas(ctx, schemas, transitive, transitive_files, bindings):
    """Declares the file with the CodeGeneratorRequest of schemas, and the action that writes it.

    Args:
      ctx: the rule context of an mp_go_library.
      schemas: list of struct(import_name, file, label): those to generate for. The request has them by their import names, without
        the first slash.
      transitive: depset of the same: all that take part.
      transitive_files: depset of File: theirs.
      bindings: list of File.

    Returns:
      a File.
    """
    toolchain = mp_toolchain_of(ctx)

    # Go files among them are for the generator.
    bindings = [file for file in bindings if file.extension != "go"]
    if toolchain.schema_compiler and bindings:
        fail(("{}: bindings are read by mpgen's own schema compiler, and the toolchain in use has another, {}; say in the schema, " +
              "with the annotations of /mp/go.capnp, what {} says, or use a toolchain without schema_compiler").format(
            display_label(ctx.label),
            toolchain.schema_compiler.executable.short_path,
            bindings[0].short_path,
        ))
    compiled = ctx.actions.declare_file(ctx.label.name + "_/compiled.request")
    args = ctx.actions.args()
    args.add(compiled)
    if toolchain.schema_compiler:
        program = toolchain.schema_compiler
        args.add(program.executable)
        args.add_all(["compile", "-o-"])
        files = [transitive_files, toolchain.standard_imports.transitive_sources]
        roots = depset(transitive = [transitive, toolchain.standard_imports.transitive_schemas])
    else:
        program = toolchain.generator
        args.add(program.executable)
        args.add("request")
        files = [transitive_files]
        roots = transitive
    if toolchain.schema_compiler:
        args.add("--no-standard-import")
    args.add_all(roots, map_each = _import_root, format_each = "-I%s", uniquify = True)
    args.add_all(schemas, map_each = _source_prefix, format_each = "--src-prefix=%s", uniquify = True)
    args.add_all(bindings, format_each = "--bindings=%s")
    args.add_all([schema.file for schema in schemas])
    ctx.actions.run_shell(
        command = "out=$1 && shift && exec \"$@\" >\"$out\"",
        arguments = [args],
        inputs = depset(bindings, transitive = files),
        tools = [program],
        outputs = [compiled],
        mnemonic = "MpCompile",
        progress_message = "Compiling schemas of %{label}",
        exec_group = "mp_generate",
        env = {},
        execution_requirements = {"supports-path-mapping": "1"},
    )
    return compiled
