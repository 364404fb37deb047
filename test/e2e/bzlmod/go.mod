// Keeps these packages, which Bazel builds, out of ./... of the module around them.
module example.com/greeter

go 1.25.0
