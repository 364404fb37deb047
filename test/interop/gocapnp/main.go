// Command gocapnp is a peer for interop tests on go-capnp's own rpc package: a second implementation of the protocol
// beside the C++ one. It takes foo's params and results apart by hand, from the offsets in foo.capnp's layout. Package
// peer has its command line.
//
// Known of go-capnp v3.1.0-alpha.2: it takes a Finish as a cancellation also of what was pipelined on the answer
// before ("received finish before return"), so callers that finish makeThread early, as C++ does with a promise it
// passed on, are told that the thread is invalid.
package main

import (
	"context"
	"net"
	"os"

	"github.com/mpgo-dev/mpgo/test/interop/peer"
)

func main() {
	p := peer.Peer{Serve: serveConn}
	for _, s := range scenarios {
		p.Scenarios = append(p.Scenarios, peer.Scenario{Name: s.name, Run: func(ctx context.Context, conn net.Conn) error {
			session := newSession(ctx, conn)
			defer session.close()
			return s.run(session)
		}})
	}
	os.Exit(p.Main(os.Args[1:]))
}
