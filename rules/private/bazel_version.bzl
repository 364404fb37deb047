"""Which Bazel the rules work with, for WORKSPACE; MODULE.bazel says it by bazel_compatibility."""

MINIMUM_BAZEL_VERSION = "7.7.0"

def _numbers(version):
    """The numbers in front of a version: [7, 7, 1] of "7.7.1-rc1", and of what a distribution adds to it."""
    numbers = []
    for part in version.split("."):
        digits = part[:len(part) - len(part.lstrip("0123456789"))]
        if digits:
            numbers.append(int(digits))
        if digits != part:
            break
    return numbers

def bazel_version_error(version, minimum = MINIMUM_BAZEL_VERSION):
    """Says why a Bazel cannot be used.

    Args:
      version: native.bazel_version, which is empty in a Bazel that somebody built without giving it one.
      minimum: the oldest version that can.

    Returns:
      a message, or None if it can be used.
    """
    if not version or _numbers(version) >= _numbers(minimum):
        return None
    return ("mpgo needs Bazel {} or newer, and this is Bazel {}; install a newer one, or, with bazelisk, write its version into " +
            ".bazelversion").format(minimum, version)
