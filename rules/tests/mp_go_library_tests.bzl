"""Tests of mp_go_library: what its actions may read, and what is said about attributes that cannot be."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@io_bazel_rules_go//go:def.bzl", "GoArchive", "GoInfo")
load("//rules:def.bzl", "CapnpInfo", "MpGoInfo", "capnp_library", "mp_go_library")
load(":capnp_library_tests.bzl", "failure_test")

def _generate_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    for provider in [CapnpInfo, GoArchive, GoInfo, MpGoInfo]:
        asserts.true(env, provider in target, "{} is missing".format(provider))
    asserts.equals(env, "example.com/second", target[GoInfo].importpath)
    generated = target[OutputGroupInfo].go_generated_srcs.to_list()
    asserts.equals(env, ["second.mp.go"], [file.basename for file in generated])

    actions = [action for action in analysistest.target_actions(env) if action.mnemonic == "MpGoGenerate"]
    asserts.equals(env, 1, len(actions))
    inputs = sorted([file.short_path for file in actions[0].inputs.to_list() if file.extension == "capnp"])
    asserts.equals(env, ["rules/tests/first.capnp", "rules/tests/second.capnp"], inputs)
    asserts.equals(env, {}, actions[0].env)
    for arg in actions[0].argv:
        asserts.false(env, arg.startswith("/"), arg + " is an absolute path")
    return analysistest.end(env)

_generate_test = analysistest.make(_generate_test_impl)

def mp_go_library_tests(name):
    """Declares the tests.

    Args:
      name: of the test suite.
    """
    mp_go_library(
        name = "first_go",
        srcs = ["first.capnp"],
        importpath = "example.com/first",
        tags = ["manual"],
    )
    mp_go_library(
        name = "second_go",
        srcs = ["second.capnp"],
        importpath = "example.com/second",
        tags = ["manual"],
        deps = [":first_go"],
    )
    _generate_test(
        name = "generate_test",
        size = "small",
        target_under_test = ":second_go",
    )
    tests = [":generate_test"]

    capnp_library(
        name = "first_capnp",
        srcs = ["first.capnp"],
        tags = ["manual"],
    )
    capnp_library(
        name = "empty_capnp",
        tags = ["manual"],
        deps = [":first_capnp"],
    )
    native.filegroup(
        name = "files",
        srcs = ["first.capnp"],
        tags = ["manual"],
    )
    for case, message, attrs in [
        ("no_importpath", "mp_go_library needs importpath, the path by which Go code imports it; for example importpath = " +
                          "\"example.com/rules/tests\"", {"srcs": ["first.capnp"]}),
        ("import_of_main", "importpath = \"main\" cannot be imported by Go code; an import path is like \"example.com/app/rules/tests\"", {
            "importpath": "main",
            "srcs": ["first.capnp"],
        }),
        ("relative_import", "importpath = \"../first\" cannot be imported", {"importpath": "../first", "srcs": ["first.capnp"]}),
        ("absolute_import", "importpath = \"/app/first\" cannot be imported", {"importpath": "/app/first", "srcs": ["first.capnp"]}),
        ("import_with_blank", "importpath = \"example.com/my app\" cannot be imported", {
            "importpath": "example.com/my app",
            "srcs": ["first.capnp"],
        }),
        ("no_srcs", "mp_go_library needs srcs, a list of .capnp files, or schemas", {"importpath": "example.com/x"}),
        ("srcs_and_schemas", "mp_go_library takes either srcs or schemas", {
            "importpath": "example.com/x",
            "schemas": [":first_capnp"],
            "srcs": ["second.capnp"],
        }),
        ("no_schemas", "none of the targets in schemas has schemas of its own: //rules/tests:empty_capnp; name the capnp_library targets " +
                       "with srcs", {"importpath": "example.com/x", "schemas": [":empty_capnp"]}),
        ("dep_without_go", "//rules/tests:first_capnp in deps is a schema library without Go code: name the mp_go_library made " +
                           "over it instead", {
            "deps": [":first_capnp"],
            "importpath": "example.com/x",
            "srcs": ["second.capnp"],
        }),
        ("dep_of_no_kind", "//rules/tests:files in deps has no Go package; deps takes mp_go_library targets", {
            "deps": [":files"],
            "importpath": "example.com/x",
            "srcs": ["second.capnp"],
        }),
        ("same_package", "//rules/tests:first_go in deps is the same Go package, example.com/first, which cannot import itself; list all " +
                         "its schemas in one target, or that target in embed", {
            "deps": [":first_go"],
            "importpath": "example.com/first",
            "srcs": ["second.capnp"],
        }),
        ("same_file_name", "/rules/tests/first.capnp and /rules/tests/sub/first.capnp would both become first.mp.go of the Go " +
                           "package example.com/x", {
            "importpath": "example.com/x",
            "srcs": ["first.capnp", "sub/first.capnp"],
        }),
    ]:
        mp_go_library(
            name = case + "_go",
            tags = ["manual"],
            **attrs
        )
        failure_test(
            name = case + "_test",
            size = "small",
            target_under_test = case + "_go",
            message = message,
        )
        tests.append(case + "_test")

    native.test_suite(
        name = name,
        tests = tests,
    )
