package peers

import (
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// dialPeer serves a peer in this process and connects to it.
func dialPeer(t *testing.T, peer Peer) Client {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go peer.Serve(l) // ends with an error when l is closed
	c, err := peer.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// notOffered has what a peer leaves out, by peer and operation.
var notOffered = map[string]Op{"net/rpc": Callback}

// TestWorkloads has every peer do every operation, which checks its own results, with all its callers at once.
func TestWorkloads(t *testing.T) {
	for _, p := range byName {
		t.Run(p.name, func(t *testing.T) {
			c := dialPeer(t, p.peer)
			for _, w := range Workloads {
				t.Run(w.Name, func(t *testing.T) {
					missing, ok := notOffered[p.name]
					if ok && missing == w.Op {
						if _, err := c.Caller(t.Context(), w); !errors.Is(err, ErrNotOffered) {
							t.Errorf("got error %v, want ErrNotOffered", err)
						}
						return
					}
					var callers sync.WaitGroup
					for range w.Callers {
						call, err := c.Caller(t.Context(), w)
						if err != nil {
							t.Fatal(err)
						}
						callers.Go(func() {
							for range 3 {
								if err := call(); err != nil {
									t.Error(err)
									return
								}
							}
						})
					}
					callers.Wait()
				})
			}
		})
	}
}

// TestBlock checks that a blocked handler leaves others alone and ends when it is told to.
func TestBlock(t *testing.T) {
	for _, p := range byName {
		if p.name == Raw { // it has no handlers
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			c := dialPeer(t, p.peer)
			b := c.(Blocker)
			blocked := make(chan error, 1)
			go func() { blocked <- b.Block() }()
			call, err := c.Caller(t.Context(), Workloads[0])
			if err != nil {
				t.Fatal(err)
			}
			for range 10 {
				if err := call(); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case err := <-blocked:
				t.Fatalf("Block ended early: %v", err)
			default:
			}
			if err := b.Unblock(); err != nil {
				t.Fatal(err)
			}
			if err := <-blocked; err != nil {
				t.Fatal(err)
			}
		})
	}
}
