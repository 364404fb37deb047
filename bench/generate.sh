#!/bin/sh
# Makes the generated code of the peers, mpgo included, again. Needs protoc, capnp and the plugins on PATH:
#   go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
#   go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
#   go install connectrpc.com/connect/cmd/protoc-gen-connect-go@v1.21.1
#   go install github.com/containerd/ttrpc/cmd/protoc-gen-go-ttrpc@v1.2.10
#   go install storj.io/drpc/cmd/protoc-gen-go-drpc@v1.0.0
#   go install capnproto.org/go/capnp/v3/capnpc-go@v3.1.0-alpha.2
set -eu
cd "$(dirname "$0")"

module=github.com/mpgo-dev/mpgo/bench
protoc -I internal/foopb \
	--go_out=. --go_opt=module=$module \
	--go-grpc_out=. --go-grpc_opt=module=$module \
	--connect-go_out=. --connect-go_opt=module=$module \
	--go-ttrpc_out=. --go-ttrpc_opt=module=$module,prefix=TTRPC \
	--go-drpc_out=. --go-drpc_opt=module=$module \
	foo.proto

std=$(go list -m -f '{{.Dir}}' capnproto.org/go/capnp/v3)/std
(cd internal/foocapnp && capnp compile -I "$std" -ogo foo.capnp)
gofmt -w internal/foopb internal/foocapnp

mpgen=$(mktemp)
trap 'rm -f "$mpgen"' EXIT
(cd .. && go build -o "$mpgen" ./tools/mpgen)
(cd internal/foomp && "$mpgen" --importpath=$module/internal/foomp foo.capnp)
