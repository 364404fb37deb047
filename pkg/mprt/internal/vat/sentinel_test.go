package vat

import (
	"runtime"
	"testing"
	"time"
)

// atRest returns once the sentinel watches c. A background reader that has
// served a call keeps the role until a caller's return comes, so boot is asked.
func atRest(t *testing.T, c *Conn, boot *Cap) {
	t.Helper()
	for {
		c.mu.Lock()
		guarded, reading, err := c.guarded, c.reading, c.err
		c.mu.Unlock()
		if guarded {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if reading {
			if _, err := ask(t.Context(), boot, 0, 1); err != nil {
				t.Fatal(err)
			}
		}
		runtime.Gosched()
	}
}

func skipWithoutSentinel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the sentinel needs epoll")
	}
}

// A caller at rest is called by the peer, which took an object of its earlier.
func TestPeerCallsConnectionAtRest(t *testing.T) {
	skipWithoutSentinel(t)
	var kept *Cap
	client, _ := pair(t, newFuncServer(func(call *Call) error {
		p, err := call.Params.Ptr(0)
		if err != nil || !p.IsValid() {
			return err
		}
		c, err := call.CapAt(p)
		kept = c.AddRef()
		return err
	}), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	for range 20 {
		q, err := NewQuestion(boot, 1, 0, size11)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Params().SetPtr(0, q.AddCap(NewServer(newFuncServer(echo)))); err != nil {
			t.Fatal(err)
		}
		q.Send()
		if err := q.Wait(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		q.Release()
		for i := range uint64(3) {
			atRest(t, client, boot)
			if n, err := ask(t.Context(), kept, 0, i); err != nil || n != i {
				t.Fatalf("got %d, %v", n, err)
			}
			// A caller gets the role back from the background reader.
			if _, err := ask(t.Context(), boot, 0, i); err != nil {
				t.Fatal(err)
			}
		}
		kept.Release()
	}
}

// The end of the peer is noticed at rest.
func TestPeerLeavesConnectionAtRest(t *testing.T) {
	skipWithoutSentinel(t)
	client, server := pair(t, newFuncServer(echo), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	if _, err := ask(t.Context(), boot, 0, 1); err != nil {
		t.Fatal(err)
	}
	atRest(t, client, boot)
	server.Close()
	<-client.Done()
}

// A connection at rest has no goroutine.
func TestRestCostsNoGoroutine(t *testing.T) {
	skipWithoutSentinel(t)
	const conns = 100
	before := runtime.NumGoroutine()
	type restful struct {
		c    *Conn
		boot *Cap
	}
	var clients []restful
	for range conns {
		client, _ := pair(t, newFuncServer(echo), nil)
		boot := client.Bootstrap()
		defer boot.Release()
		if _, err := ask(t.Context(), boot, 0, 1); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, restful{client, boot})
	}
	for _, c := range clients {
		atRest(t, c.c, c.boot)
	}
	// One each for the servers, and the watchdog's and the sentinel's. Those that read before may be about to end.
	n := 0
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if n = runtime.NumGoroutine() - before; n <= conns+2 {
			return
		}
	}
	t.Errorf("%d connections have %d goroutines", conns, n)
}
