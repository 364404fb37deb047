"""How schemas get the names by which they are imported."""

load(":providers.bzl", "CapnpInfo")

def _repository_path(file):
    """The path of a file, be it source or generated, within its repository."""
    if file.short_path.startswith("../"):
        return file.short_path[3:].partition("/")[2]
    return file.short_path

def _import_root(file, repository_path):
    if file.path == repository_path:
        return "."
    return file.path[:-len(repository_path) - 1]

def _normalized(prefix):
    return "/".join([part for part in prefix.split("/") if part and part != "."])

def _strip_prefix(ctx, strip_import_prefix):
    """The folder, within the repository, that import names leave out."""
    prefix = _normalized(strip_import_prefix)
    if strip_import_prefix.startswith("/"):
        return prefix
    return _normalized(ctx.label.package + "/" + prefix)

def _named(import_name, file, label):
    return struct(import_name = import_name, file = file, label = label)

def display_label(label):
    """A label as people write it: without the empty name of the main repository."""
    text = str(label)
    return text[2:] if text.startswith("@@//") else text.removeprefix("@") if text.startswith("@//") else text

def collect_schemas(ctx, srcs, deps, import_prefix = "", strip_import_prefix = "", has_prefixes = False):
    """Makes the CapnpInfo of a target.

    Args:
      ctx: the rule context.
      srcs: list of File.
      deps: list of CapnpInfo.
      import_prefix: put in front of import names.
      strip_import_prefix: taken off them first; relative to the package, or to the repository if it starts with a slash.
      has_prefixes: whether either attribute was set.

    Returns:
      a CapnpInfo.
    """
    schemas = []
    roots = {}
    seen = {}
    strip = _strip_prefix(ctx, strip_import_prefix) if has_prefixes and strip_import_prefix != "" else ""
    for src in srcs:
        path = _repository_path(src)
        file = src
        if has_prefixes:
            if strip and not path.startswith(strip + "/"):
                fail("{}: strip_import_prefix = \"{}\" is no prefix of {}, one of srcs".format(
                    display_label(ctx.label),
                    strip_import_prefix,
                    path,
                ))
            path = path[len(strip) + 1:] if strip else path
            if import_prefix:
                path = _normalized(import_prefix) + "/" + path

            # Other programs find it at this place, under a root of its own.
            file = ctx.actions.declare_file("_virtual_imports/{}/{}".format(ctx.label.name, path))
            ctx.actions.symlink(output = file, target_file = src)
        if path in seen:
            fail("{}: {} and {} in srcs are both imported as \"/{}\"".format(
                display_label(ctx.label),
                seen[path].short_path,
                src.short_path,
                path,
            ))
        seen[path] = src
        roots[_import_root(file, path)] = True
        schemas.append(_named("/" + path, file, ctx.label))

    return CapnpInfo(
        direct_sources = [schema.file for schema in schemas],
        transitive_sources = depset(
            [schema.file for schema in schemas],
            transitive = [dep.transitive_sources for dep in deps],
        ),
        transitive_import_roots = depset(roots.keys(), transitive = [dep.transitive_import_roots for dep in deps]),
        direct_schemas = schemas,
        importable_schemas = depset(transitive = [depset(dep.direct_schemas) for dep in deps]),
        transitive_schemas = depset(schemas, transitive = [dep.transitive_schemas for dep in deps]),
    )

def merge_schemas(infos):
    """Makes the CapnpInfo of a target that has several others' schemas as its own."""
    return CapnpInfo(
        direct_sources = [file for info in infos for file in info.direct_sources],
        transitive_sources = depset(transitive = [info.transitive_sources for info in infos]),
        transitive_import_roots = depset(transitive = [info.transitive_import_roots for info in infos]),
        direct_schemas = [schema for info in infos for schema in info.direct_schemas],
        importable_schemas = depset(transitive = [info.importable_schemas for info in infos]),
        transitive_schemas = depset(transitive = [info.transitive_schemas for info in infos]),
    )
