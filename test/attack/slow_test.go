package attack

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"

	"capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

const (
	// slowPeers is how many peers are slow at a time.
	slowPeers = 2000 / heapFactor
	// slowGoroutines is what a connection may have of them: who serves it, who reads and who writes.
	slowGoroutines = 3
	// slowHeap is what it may take, garbage of both sides and the buffer that a read waits with included.
	slowHeap = 64 << 10
)

// TestSlowPeers has thousands of peers that take or give one byte and then, for however long, none, beside one that is
// well. There is no clock in it: between two bytes nothing happens that time could bring about.
func TestSlowPeers(t *testing.T) {
	sum := buildCall(t, 1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.params.SetUint64(0, 2<<32|40) })
	ask := append(build(t, func(m rpc.Message) { must(m.NewBootstrap()).SetQuestionId(0) }), sum...)
	for _, test := range []struct {
		name string
		// write and read are how many bytes of what is asked, and of what comes, pass one by one; the rest at once.
		write, read int
	}{
		{"write", len(ask), 0},
		{"read", 0, 64},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := startVictim(t)
			defer v.stop()
			w := v.witness()
			defer w.close()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			before := runtime.NumGoroutine()
			underWatch(t, w, slowPeers*slowHeap, func() {
				var served sync.WaitGroup
				peers := make([]net.Conn, slowPeers)
				for i := range peers {
					near, far := net.Pipe()
					peers[i] = far
					served.Go(func() {
						if err := mprt.ServeConn(ctx, near, foo.NewFooInterfaceServer(&target{})); err != nil {
							t.Error(err)
						}
					})
				}
				for i := range test.write {
					for _, nc := range peers {
						must(nc.Write(ask[i : i+1]))
					}
				}
				for _, nc := range peers {
					must(nc.Write(ask[test.write:])) // of nothing, it is no end
				}
				answers := make([][]byte, slowPeers)
				for range test.read {
					for i, nc := range peers {
						var b [1]byte
						must(nc.Read(b[:]))
						answers[i] = append(answers[i], b[0])
					}
				}
				if n := (runtime.NumGoroutine() - before) / slowPeers; n > slowGoroutines {
					t.Errorf("%d goroutines a peer", n)
				}
				for i, nc := range peers {
					if got := sumFrom(t, io.MultiReader(bytes.NewReader(answers[i]), nc)); got != 42 {
						t.Fatalf("peer %d: 40 and 2 are %d", i, got)
					}
					nc.Close()
				}
				served.Wait()
			})
		})
	}
}

// sumFrom is the result of the add in what a peer reads: the bootstrap's return, and its own.
func sumFrom(t *testing.T, r io.Reader) int32 {
	t.Helper()
	must(readFrame(r))
	ret := must(must(rpc.ReadRootMessage(must(readFrame(r)))).Return())
	return int32(must(must(ret.Results()).Content()).Struct().Uint32(0))
}
