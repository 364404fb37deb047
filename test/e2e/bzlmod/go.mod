// What the plug-in of plugin/ and the program of editors/ need. It also keeps these packages, which Bazel builds, out of ./... of the module
// around them.
module example.com/greeter

go 1.25.0

require (
	capnproto.org/go/capnp/v3 v3.1.0-alpha.2
	golang.org/x/tools v0.34.0
)

require (
	github.com/colega/zeropool v0.0.0-20230505084239-6fb4a4f75381 // indirect
	golang.org/x/mod v0.25.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
)
