"""A test of which Bazel may read a WORKSPACE file with mpgo in it."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:bazel_version.bzl", "bazel_version_error")

def _bazel_version_test_impl(ctx):
    env = unittest.begin(ctx)
    for version in ["7.7.0", "7.7.1", "7.10.0", "8.0.0", "10.1.0", "7.7.1- (@non-git)", "7.7.0rc2", "9.0.0-pre.20250101.1", ""]:
        asserts.equals(env, None, bazel_version_error(version, "7.7.0"), version)
    for version in ["4.2.3", "6.10.0", "7.6.9", "7.6.2- (@non-git)", "7.0.0-pre.20230101.1"]:
        asserts.equals(
            env,
            ("mpgo needs Bazel 7.7.0 or newer, and this is Bazel {}; install a newer one, or, with bazelisk, write its version " +
             "into .bazelversion").format(version),
            bazel_version_error(version, "7.7.0"),
        )
    return unittest.end(env)

bazel_version_test = unittest.make(_bazel_version_test_impl)
