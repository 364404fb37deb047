// Package peers holds every way to call another process that the benchmark compares, one file each. Each of them does the same work, defined in
// workload.go, in the manner its own documentation teaches.
package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
)

// Peer is one implementation under measurement. Its server and its client live in two processes.
type Peer interface {
	// Serve answers the connections that come to l. It returns only when it fails.
	Serve(l net.Listener) error
	// Dial connects to the server at the path of a Unix socket.
	Dial(path string) (Client, error)
}

// Client is one client's end: one connection, unless the peer's own documentation says to pool them.
type Client interface {
	// Caller prepares one caller of w and returns the function that performs the operation once. Each caller runs on a goroutine of its own.
	// ctx can be cancelled and is when the caller is done; Context and Callback calls are made under it. The error is ErrNotOffered if the peer
	// has no such operation.
	Caller(ctx context.Context, w Workload) (func() error, error)
	// Close closes the connection.
	Close() error
}

// Blocker is a Client whose server can be told to block a handler.
type Blocker interface {
	// Block calls a handler that blocks until Unblock.
	Block() error
	// Unblock ends one Block.
	Unblock() error
}

// Holder is a Client that can hold many objects of the server.
type Holder interface {
	// Hold makes n new objects live in the server and in this client until the connection closes.
	Hold(n int) error
}

// ErrNotOffered says that a peer cannot do an operation in any way its users would recognise.
var ErrNotOffered = errors.New("not offered by this peer")

// Raw is the name of the peer that every other one is measured against.
const Raw = "raw"

// byName has the peers in the order in which tables list them.
var byName = []struct {
	name string
	peer Peer
}{
	{Raw, rawPeer{}},
	{"mpgo", mpgoPeer{}},
	{"go-capnp", capnpPeer{}},
	{"grpc-go", grpcPeer{}},
	{"connect-go", connectPeer{}},
	{"ttrpc", ttrpcPeer{}},
	{"drpc", drpcPeer{}},
	{"net/rpc", netrpcPeer{}},
}

// Names lists the peers in the order of the tables.
func Names() []string {
	var names []string
	for _, p := range byName {
		names = append(names, p.name)
	}
	return names
}

// Get finds a peer by name.
func Get(name string) (Peer, error) {
	for _, p := range byName {
		if p.name == name {
			return p.peer, nil
		}
	}
	names := slices.Sorted(slices.Values(Names()))
	return nil, fmt.Errorf("no peer is named %q; there are %q", name, names)
}
