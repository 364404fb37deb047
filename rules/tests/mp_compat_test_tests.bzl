"""Tests of mp_compat_test: what is compared with what, and what is said where nothing can be."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules:def.bzl", "capnp_library", "mp_compat_test")
load(":capnp_library_tests.bzl", "failure_test")

def _pairs_test_impl(ctx):
    env = analysistest.begin(ctx)
    actions = [action for action in analysistest.target_actions(env) if action.mnemonic == "MpCompat"]
    pairs = []
    for action in actions:
        asserts.equals(env, {}, action.env)
        old = [arg.removeprefix("--against=") for arg in action.argv if arg.startswith("--against=")]
        asserts.equals(env, 1, len(old))
        inputs = [file.path for file in action.inputs.to_list()]
        for file in [old[0], action.argv[-1]]:
            asserts.true(env, file in inputs, file + " is not declared")
        roots = [arg for arg in action.argv if arg.startswith("-I")]
        asserts.true(env, roots != [], "nowhere to look for imports")
        pairs.append("{} {}".format(old[0].rpartition("tests/")[2], action.argv[-1].rpartition("tests/")[2]))
    asserts.equals(env, ctx.attr.pairs, pairs)
    return analysistest.end(env)

_pairs_test = analysistest.make(
    _pairs_test_impl,
    attrs = {"pairs": attr.string_list()},
)

def mp_compat_test_tests(name):
    """Declares the tests.

    Args:
      name: of the test suite.
    """
    mp_compat_test(
        name = "file_compat_test",
        size = "small",
        new = "first.capnp",
        old = "released/first.capnp",
    )
    _pairs_test(
        name = "file_pairs_test",
        size = "small",
        pairs = ["released/first.capnp first.capnp"],
        target_under_test = ":file_compat_test",
    )

    # What the old version imports, under the same name, is old too.
    capnp_library(
        name = "released_capnp",
        srcs = [
            "released/first.capnp",
            "released/second.capnp",
        ],
        import_prefix = "rules/tests",
        strip_import_prefix = "released",
        tags = ["manual"],
    )
    capnp_library(
        name = "today_capnp",
        srcs = [
            "first.capnp",
            "second.capnp",
        ],
        tags = ["manual"],
    )
    mp_compat_test(
        name = "library_compat_test",
        size = "small",
        new = ":today_capnp",
        old = ":released_capnp",
    )
    _pairs_test(
        name = "library_pairs_test",
        size = "small",
        pairs = ["first.capnp first.capnp", "second.capnp second.capnp"],
        target_under_test = ":library_compat_test",
    )
    tests = [":file_compat_test", ":file_pairs_test", ":library_compat_test", ":library_pairs_test"]

    capnp_library(
        name = "twice_capnp",
        srcs = [
            "first.capnp",
            "sub/first.capnp",
        ],
        tags = ["manual"],
    )
    for case, old, new, message in [
        ("lost", ":today_capnp", ":made_capnp", "/rules/tests/first.capnp in old has no counterpart in new: no file there is named first.capnp"),
        ("twice", "first.capnp", ":twice_capnp", "/rules/tests/first.capnp in old has 2 counterparts in new: /rules/tests/first.capnp, /rules/tests/sub/first.capnp"),
        ("no_schema", "mp_compat_test_tests.bzl", "first.capnp", "//rules/tests:mp_compat_test_tests.bzl in old is neither a .capnp file nor a target with schemas"),
    ]:
        mp_compat_test(
            name = case + "_compat_test",
            new = new,
            old = old,
            tags = ["manual"],
        )
        failure_test(
            name = case + "_refused_test",
            size = "small",
            message = message,
            target_under_test = case + "_compat_test",
        )
        tests.append(case + "_refused_test")

    native.test_suite(
        name = name,
        tests = tests,
    )
