"""Tests of capnp_library: under which names schemas are imported, and what is said where that cannot be."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules:def.bzl", "CapnpInfo", "capnp_library")

def _names_test_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[CapnpInfo]
    asserts.equals(env, ctx.attr.direct, [schema.import_name for schema in info.direct_schemas])
    asserts.equals(env, ctx.attr.importable, sorted([schema.import_name for schema in info.importable_schemas.to_list()]))
    asserts.equals(env, ctx.attr.transitive, sorted([schema.import_name for schema in info.transitive_schemas.to_list()]))

    # What other programs see, roots and files, says the same.
    roots = info.transitive_import_roots.to_list()
    for schema in info.transitive_schemas.to_list():
        paths = [schema.import_name[1:] if root == "." else root + schema.import_name for root in roots]
        asserts.true(env, schema.file.path in paths, "no import root leads to " + schema.import_name)
        asserts.true(env, schema.file in info.transitive_sources.to_list())
    return analysistest.end(env)

_names_test = analysistest.make(
    _names_test_impl,
    attrs = {
        "direct": attr.string_list(),
        "importable": attr.string_list(),
        "transitive": attr.string_list(),
    },
)

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

failure_test = analysistest.make(
    _failure_test_impl,
    attrs = {"message": attr.string()},
    expect_failure = True,
)

def capnp_library_tests(name):
    """Declares the tests.

    Args:
      name: of the test suite.
    """
    capnp_library(
        name = "plain_capnp",
        srcs = ["first.capnp"],
        tags = ["manual"],
    )
    _names_test(
        name = "plain_test",
        size = "small",
        target_under_test = ":plain_capnp",
        direct = ["/rules/tests/first.capnp"],
        transitive = ["/rules/tests/first.capnp"],
    )

    capnp_library(
        name = "prefixed_capnp",
        srcs = ["sub/first.capnp"],
        import_prefix = "app//api/",
        strip_import_prefix = "sub",
        tags = ["manual"],
    )
    _names_test(
        name = "prefixed_test",
        size = "small",
        target_under_test = ":prefixed_capnp",
        direct = ["/app/api/first.capnp"],
        transitive = ["/app/api/first.capnp"],
    )

    capnp_library(
        name = "stripped_capnp",
        srcs = ["sub/first.capnp"],
        strip_import_prefix = "/rules",
        deps = [":plain_capnp"],
        tags = ["manual"],
    )
    _names_test(
        name = "stripped_test",
        size = "small",
        target_under_test = ":stripped_capnp",
        direct = ["/tests/sub/first.capnp"],
        importable = ["/rules/tests/first.capnp"],
        transitive = ["/rules/tests/first.capnp", "/tests/sub/first.capnp"],
    )

    native.genrule(
        name = "make_schema",
        outs = ["made/made.capnp"],
        cmd = "echo '@0xf1d2c3b4a5968778;' >$@",
        tags = ["manual"],
    )
    capnp_library(
        name = "made_capnp",
        srcs = [":make_schema"],
        deps = [":stripped_capnp"],
        tags = ["manual"],
    )
    _names_test(
        name = "made_test",
        size = "small",
        target_under_test = ":made_capnp",
        direct = ["/rules/tests/made/made.capnp"],
        importable = ["/tests/sub/first.capnp"],
        transitive = ["/rules/tests/first.capnp", "/rules/tests/made/made.capnp", "/tests/sub/first.capnp"],
    )

    capnp_library(
        name = "wrong_strip_capnp",
        srcs = ["first.capnp"],
        strip_import_prefix = "/elsewhere",
        tags = ["manual"],
    )
    failure_test(
        name = "wrong_strip_test",
        size = "small",
        target_under_test = ":wrong_strip_capnp",
        message = "strip_import_prefix = \"/elsewhere\" is no prefix of rules/tests/first.capnp, one of srcs",
    )

    native.test_suite(
        name = name,
        tests = [":plain_test", ":prefixed_test", ":stripped_test", ":made_test", ":wrong_strip_test"],
    )
