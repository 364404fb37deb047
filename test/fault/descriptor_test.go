package fault

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// TestSocketInherited has another process hold on to a socket that this one closes, as a child does that was forked while
// it was open: the peer hears of the end nevertheless.
func TestSocketInherited(t *testing.T) {
	for _, side := range []string{"client", "server"} {
		t.Run(side, func(t *testing.T) {
			checkLeaks(t)
			near, far := socketPair(t)
			if side == "server" {
				near, far = far, near
			}
			inherited, err := near.File() // a duplicate, as in a child
			if err != nil {
				t.Fatal(err)
			}
			defer inherited.Close()
			c := mprt.NewConn(near, nil)
			peer := mprt.NewConn(far, foo.NewFooInterfaceServer(&server{executed: func(int32) {}}))
			defer peer.Close()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			f := foo.NewFooInterfaceClient(c.Bootstrap())
			defer f.Close()
			if _, err := f.Add(ctx, 1, 2); err != nil {
				t.Fatal(err)
			}
			c.Close()
			select {
			case <-peer.Done():
				if err := peer.Err(); err != nil {
					t.Errorf("an orderly end is the error %v", err)
				}
			case <-ctx.Done():
				t.Error("the peer does not hear of the end")
			}
		})
	}
}

// exhausted is a listener whose process has no descriptors left for a while.
type exhausted struct {
	net.Listener
	accepts int
	until   time.Time
	closed  chan struct{}
}

func (l *exhausted) Accept() (net.Conn, error) {
	l.accepts++
	if time.Now().Before(l.until) {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *exhausted) Close() error {
	close(l.closed)
	return nil
}

// TestAcceptDoesNotSpin has accept fail for ten seconds: the server tries again now and then, not all the time.
func TestAcceptDoesNotSpin(t *testing.T) {
	for _, opts := range [][]mprt.Option{nil, {mprt.WithMaxConnections(3)}} {
		synctest.Test(t, func(t *testing.T) {
			const lasts = 10 * time.Second
			l := &exhausted{until: time.Now().Add(lasts), closed: make(chan struct{})}
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error)
			go func() { served <- mprt.Serve(ctx, onceClosed(l), foo.NewFooInterfaceServer(&server{}), opts...) }()
			time.Sleep(2 * lasts) // of the bubble's time
			synctest.Wait()
			if l.accepts < 10 || l.accepts > 1001 {
				t.Errorf("%d tries within %v", l.accepts, lasts)
			}
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

// onceClosed lets a listener be closed twice.
func onceClosed(l *exhausted) net.Listener { return &closeOnce{exhausted: l} }

type closeOnce struct {
	*exhausted
	done bool
}

func (l *closeOnce) Close() error {
	if l.done {
		return net.ErrClosed
	}
	l.done = true
	return l.exhausted.Close()
}

// TestFullBuffers has both sides send each other more than any socket takes, at the same time: neither waits for the other
// to read before it reads itself.
func TestFullBuffers(t *testing.T) {
	checkLeaks(t)
	near, far := socketPair(t)
	for _, nc := range []*net.UnixConn{near, far} {
		if err := errors.Join(nc.SetWriteBuffer(4096), nc.SetReadBuffer(4096)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	offer := func() *mprt.Server { return foo.NewFooInterfaceServer(&server{executed: func(int32) {}}) }
	a, b := mprt.NewConn(near, offer()), mprt.NewConn(far, offer())
	defer a.Close()
	defer b.Close()
	results := make(chan error)
	const calls = 8
	for _, c := range []*mprt.Conn{a, b} {
		f := foo.NewFooInterfaceClient(c.Bootstrap())
		defer f.Close()
		for range calls {
			go func() {
				data := make([]byte, 3<<20)
				got, err := f.PassData(ctx, data)
				if err == nil && len(got) != len(data) {
					err = io.ErrShortWrite
				}
				results <- err
			}()
		}
	}
	for range 2 * calls {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// TestPeerStopsReading has a peer that reads no more while a call is being sent to it: the call ends with its context, and
// with the connection.
func TestPeerStopsReading(t *testing.T) {
	checkLeaks(t)
	near, far := socketPair(t)
	defer far.Close()
	c := mprt.NewConn(near, nil)
	defer c.Close()
	f := foo.NewFooInterfaceClient(c.Bootstrap())
	defer f.Close()
	gaveUp := errors.New("gave up")
	ctx, cancel := context.WithCancelCause(context.Background())
	results := make(chan error)
	data := make([]byte, 32<<20)
	go func() {
		_, err := f.PassData(ctx, data)
		results <- err
	}()
	// When the first bytes arrive, the call has begun to be written; no more will be read.
	if _, err := io.ReadFull(far, make([]byte, 1024)); err != nil {
		t.Fatal(err)
	}
	cancel(gaveUp)
	if err := <-results; !errors.Is(err, gaveUp) {
		t.Errorf("the call that was given up: %v", err)
	}
	go func() {
		_, err := f.PassData(context.Background(), data)
		results <- err
	}()
	far.Close()
	if err := <-results; !errors.Is(err, mprt.ErrDisconnected) {
		t.Errorf("the call when the peer left: %v", err)
	}
}
