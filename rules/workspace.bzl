"""What a WORKSPACE file calls; MODULE.bazel needs none of it.

```starlark
load("@mpgo//rules:workspace.bzl", "mpgo_dependencies", "mpgo_register_toolchains")

mpgo_dependencies()  # before go_rules_dependencies and gazelle_dependencies

mpgo_register_toolchains()
```
"""

load("@bazel_gazelle//:deps.bzl", "go_repository")
load("//rules/private:bazel_version.bzl", "bazel_version_error")

def _go_module(name, **kwargs):
    if not native.existing_rule(name):
        go_repository(
            name = name,
            build_file_proto_mode = "disable",
            **kwargs
        )

def mpgo_dependencies():
    """Declares the Go modules that mpgo needs, at the versions of its go.mod, unless they are declared already.

    Fails where Bazel is too old.
    """
    error = bazel_version_error(native.bazel_version)
    if error:
        fail(error)
    _go_module(
        name = "com_github_colega_zeropool",
        importpath = "github.com/colega/zeropool",
        sum = "h1:d5EKgQfRQvO97jnISfR89AiCCCJMwMFoSxUiU0OGCRU=",
        version = "v0.0.0-20230505084239-6fb4a4f75381",
    )
    _go_module(
        name = "com_github_elastic_go_seccomp_bpf",
        importpath = "github.com/elastic/go-seccomp-bpf",
        sum = "h1:NYduiYxRJ0ZkIyQVwlSskcqPPSg6ynu5pK0/d7SQATs=",
        version = "v1.6.0",
    )
    _go_module(
        name = "com_github_landlock_lsm_go_landlock",
        importpath = "github.com/landlock-lsm/go-landlock",
        sum = "h1:MkvuYeTgGRpOnROAO9V2gV3C5lctFr6O0b9wnPWcQWk=",
        version = "v0.10.1",
    )
    _go_module(
        name = "org_capnproto_go_capnp_v3",
        importpath = "capnproto.org/go/capnp/v3",
        sum = "h1:93ISpqHf2/3WQlfrBP0tT8Dg/RQc3uq6DV36vN0ePWk=",
        version = "v3.1.0-alpha.2",
    )
    _go_module(
        name = "org_golang_x_net",
        importpath = "golang.org/x/net",
        sum = "h1:vBTly1HeNPEn3wtREYfy4GZ/NECgw2Cnl+nK6Nz3uvw=",
        version = "v0.41.0",
    )
    _go_module(
        name = "org_golang_x_sync",
        importpath = "golang.org/x/sync",
        sum = "h1:vV+1eWNmZ5geRlYjzm2adRgW2/mcpevXNg50YZtPCE4=",
        version = "v0.19.0",
    )
    _go_module(
        name = "org_golang_x_sys",
        importpath = "golang.org/x/sys",
        sum = "h1:DBZZqJ2Rkml6QMQsZywtnjnnGvHza6BTfYFWY9kjEWQ=",
        version = "v0.40.0",
    )
    _go_module(
        name = "org_kernel_pub_linux_libs_security_libcap_psx",
        importpath = "kernel.org/pub/linux/libs/security/libcap/psx",
        sum = "h1:Z06sMOzc0GNCwp6efaVrIrz4ywGJ1v+DP0pjVkOfDuA=",
        version = "v1.2.77",
    )
    _go_module(
        name = "org_uber_go_goleak",
        importpath = "go.uber.org/goleak",
        sum = "h1:2K3zAYmnTNqV73imy9J1T3WC+gmCePx2hEGkimedGto=",
        version = "v1.3.0",
    )

# The label is of the repository this file is in, whatever name it has in the WORKSPACE that loads it.
_DEFAULT_TOOLCHAIN = Label("//rules:default_toolchain")

# buildifier: disable=unnamed-macro
def mpgo_register_toolchains():
    """Registers mpgen, built from source, as the default generator."""
    native.register_toolchains(str(_DEFAULT_TOOLCHAIN))
