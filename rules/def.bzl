"""The rules for Cap'n Proto schemas and the Go code generated from them. Everything else under rules/ is private."""

load("//rules/private:capnp_library.bzl", _capnp_library = "capnp_library")
load("//rules/private:mp_compat_test.bzl", _mp_compat_test = "mp_compat_test")
load("//rules/private:mp_go_compiler.bzl", _mp_go_compiler = "mp_go_compiler")
load("//rules/private:mp_go_library.bzl", _mp_go_library = "mp_go_library")
load(
    "//rules/private:providers.bzl",
    _CapnpInfo = "CapnpInfo",
    _MpGoCompilerInfo = "MpGoCompilerInfo",
    _MpGoInfo = "MpGoInfo",
    _MpToolchainInfo = "MpToolchainInfo",
)
load("//rules/private:toolchain.bzl", _mp_toolchain = "mp_toolchain")
load("//rules/private:write_mp_go.bzl", _write_mp_go = "write_mp_go")

capnp_library = _capnp_library
mp_go_library = _mp_go_library
mp_compat_test = _mp_compat_test
mp_go_compiler = _mp_go_compiler
mp_toolchain = _mp_toolchain
write_mp_go = _write_mp_go

CapnpInfo = _CapnpInfo
MpGoCompilerInfo = _MpGoCompilerInfo
MpGoInfo = _MpGoInfo
MpToolchainInfo = _MpToolchainInfo
