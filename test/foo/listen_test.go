package foo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/foocheck"
)

// listener serves all who connect with one object, as fooserver does.
type listener struct{ path string }

func (l listener) connect(t testing.TB) net.Conn {
	t.Helper()
	nc, err := net.Dial("unix", l.path)
	must(t, err)
	return nc
}

// overListeners runs a test against mprt.Serve, in this process and in another.
func overListeners(t *testing.T, maxConnections int, f func(t *testing.T, s server)) {
	t.Run("one process", func(t *testing.T) {
		checkLeaks(t)
		dir, err := os.MkdirTemp("", "foo")
		must(t, err)
		defer os.RemoveAll(dir)
		l, err := net.Listen("unix", dir+"/s")
		must(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error)
		go func() { served <- serve(ctx, l, maxConnections) }()
		// Clients leave first: cleanups run before this, if f's subtest ends.
		t.Run("", func(t *testing.T) { f(t, listener{dir + "/s"}) })
		cancel()
		must(t, <-served)
		if _, err := os.Stat(dir + "/s"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	t.Run("two processes", func(t *testing.T) {
		checkLeaks(t)
		p, err := startProcess(maxConnections)
		must(t, err)
		t.Run("", func(t *testing.T) { f(t, p) })
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
}

// pending is a call that has been sent and must not be answered yet.
type pending struct {
	done chan struct{}
	err  error
}

func startAdd(f *client, ctx context.Context) *pending {
	p := &pending{done: make(chan struct{})}
	call := f.StartAdd(ctx, 1, 2)
	go func() {
		defer close(p.done)
		if r, err := call.Wait(); err != nil || r != 3 {
			p.err = fmt.Errorf("%d, %v", r, err)
		}
	}()
	return p
}

// wantWaiting expects that the call is not answered while another client makes calls.
func (p *pending) wantWaiting(t *testing.T, other *client) {
	t.Helper()
	for range 200 {
		if _, err := other.Add(t.Context(), 1, 2); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-p.done:
		t.Error("a client is served that has to wait")
	default:
	}
}

func (p *pending) wantAnswer(t *testing.T) {
	t.Helper()
	<-p.done
	must(t, p.err)
}

// The next client waits until one leaves.
func TestConnectionLimit(t *testing.T) {
	overListeners(t, 2, func(t *testing.T, s server) {
		first, second := dialThreads(t, s), dialThreads(t, s)
		third := startAdd(dial(t, s), within(t))
		fourth := startAdd(dial(t, s), within(t))
		third.wantWaiting(t, first)
		must(t, first.conn.Close())
		third.wantAnswer(t)
		fourth.wantWaiting(t, second)
		must(t, second.CallFnAsync(within(t)))
		must(t, second.conn.Close())
		fourth.wantAnswer(t)
	})
}

// A client that leaves before it is accepted costs the others nothing.
func TestClientLeavesEarly(t *testing.T) {
	overListeners(t, 1, func(t *testing.T, s server) {
		first := dialThreads(t, s)
		for range 3 {
			must(t, s.connect(t).Close())
		}
		hasty := dial(t, s)
		call := startAdd(hasty, within(t))
		call.wantWaiting(t, first)
		must(t, hasty.conn.Close())
		<-call.done
		wantError(t, call.err, nil, interruptedBy)
		last := startAdd(dial(t, s), within(t))
		last.wantWaiting(t, first)
		must(t, first.conn.Close())
		last.wantAnswer(t)
	})
}

// Clients come and go while others are served.
func TestManyClients(t *testing.T) {
	overListeners(t, 4, func(t *testing.T, s server) {
		var wg sync.WaitGroup
		for i := range int32(12) {
			wg.Go(func() {
				f := dial(t, s)
				defer f.conn.Close()
				if err := f.InitThreadMap(t.Context()); err != nil {
					t.Error(err)
					return
				}
				for j := range int32(5) {
					callback := foocheck.NewCallback()
					if r, err := f.Callback(t.Context(), callback, i*j); err != nil || r != 2*i*j {
						t.Error(r, err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// All clients call one object.
func TestClientsShareTheObject(t *testing.T) {
	overListeners(t, 3, func(t *testing.T, s server) {
		a, b := dialThreads(t, s), dialThreads(t, s)
		callback := foocheck.NewCallback()
		a.saving(t, callback)
		// This goes from b to the server and from there to a.
		if r, err := b.CallbackSaved(within(t), 4); err != nil || r != 8 {
			t.Fatal(r, err)
		}
		b.saving(t, nil)
		must(t, callback.WaitClosed(within(t)))
		callback = foocheck.NewCallback()
		a.saving(t, callback)
		must(t, a.conn.Close())
		must(t, callback.WaitClosed(within(t)))
		_, err := b.CallbackSaved(within(t), 4)
		wantError(t, err, nil, "disconnect")
	})
}

// When the server ends, so do its clients' calls.
func TestServeEnds(t *testing.T) {
	checkLeaks(t)
	l, err := net.Listen("unix", "")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	impl := newServerFoo()
	served := make(chan error)
	go func() { served <- mprt.Serve(ctx, l, foo.NewFooInterfaceServer(impl)) }()
	s := listener{l.Addr().String()}
	f, other := dialThreads(t, s), dial(t, s)
	n := number.Add(1)
	wait := startBlocked(t, within(t), f, other, blocks, n)
	cancel()
	must(t, <-served)
	wantError(t, wait(), mprt.ErrDisconnected, interruptedBy)
	must(t, events.await(within(t), fmt.Sprint("cancelled ", n)))
	for _, f := range []*client{f, other} {
		<-f.conn.Done()
		wantAllFail(t, f)
	}
}

// A child process can be called as any server, and it can call back.
func TestSpawnedServer(t *testing.T) {
	checkLeaks(t)
	cmd := exec.Command(executable())
	cmd.Env = childEnviron("spawned")
	cmd.Stderr = os.Stderr
	p, err := mprt.Spawn(within(t), cmd)
	must(t, err)
	f := &client{foo.NewFooInterfaceClient(p.Conn().Bootstrap()), p.Conn()}
	defer f.Close()
	for _, c := range foocheck.All {
		if _, err := c.Try(within(t), f.FooInterfaceClient); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	must(t, p.Close())
	wantAllFail(t, f)
}
