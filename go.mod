module github.com/mpgo-dev/mpgo

go 1.25.0

require (
	capnproto.org/go/capnp/v3 v3.1.0-alpha.2
	go.uber.org/goleak v1.3.0
	golang.org/x/sync v0.19.0
	golang.org/x/sys v0.40.0
)

require github.com/colega/zeropool v0.0.0-20230505084239-6fb4a4f75381 // indirect
