package vat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"capnproto.org/go/capnp/v3"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The watchdog is one goroutine for the process and stays.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// socketPair returns the two ends of a connection over a Unix socket, on every
// system that Go's net package has them on.
func socketPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	// Not t.TempDir, which is named after the test: a socket's name is short.
	dir, err := os.MkdirTemp("", "vat")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// pair connects two vats; server's bootstrap object is s.
func pair(t testing.TB, s, clientSide Server) (client, server *Conn) {
	t.Helper()
	a, b := socketPair(t)
	return pairOver(t, a, b, s, clientSide)
}

func pairOver(t testing.TB, a, b net.Conn, s, clientSide Server) (client, server *Conn) {
	var boot *Cap
	if clientSide != nil {
		boot = NewServer(clientSide)
	}
	client = New(a, boot, Options{})
	server = New(b, NewServer(s), Options{})
	client.Start()
	server.Start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("client: %v; server: %v", client.Err(), server.Err())
		}
		client.Close()
		server.Close()
	})
	return client, server
}

// funcServer runs every call in f on one queue.
type funcServer struct {
	queue   Queue
	f       func(call *Call) error
	dropped chan struct{}
	ended   chan error
	pace    Pace
}

func newFuncServer(f func(call *Call) error) *funcServer {
	return &funcServer{f: f, dropped: make(chan struct{}), ended: make(chan error, 8)}
}

func (s *funcServer) Accept(call *Call) *Queue {
	call.SetExec(s)
	call.Pace = &s.pace
	return s.queue.Put(call)
}

func (s *funcServer) Execute(call *Call) {
	if err := s.f(call); err != nil {
		call.Fail(err)
		return
	}
	call.Return()
}

func (s *funcServer) Cancel(err error) { s.ended <- err }

func (s *funcServer) Dropped() { close(s.dropped) }

var size11 = capnp.ObjectSize{DataSize: 8, PointerCount: 1}

func echo(call *Call) error {
	r, err := call.Results(size11)
	if err != nil {
		return err
	}
	r.SetUint64(0, call.Params.Uint64(0))
	return nil
}

// ask makes one call with a number and returns the number that comes back.
func ask(ctx context.Context, target *Cap, method uint16, n uint64) (uint64, error) {
	q, err := NewQuestion(target, 1, method, size11)
	if err != nil {
		return 0, err
	}
	defer q.Release()
	q.Params().SetUint64(0, n)
	q.Send()
	if err := q.Wait(ctx, nil); err != nil {
		return 0, err
	}
	return q.Results().Uint64(0), nil
}

func TestCall(t *testing.T) {
	for _, transport := range []string{"socketpair", "pipe"} {
		t.Run(transport, func(t *testing.T) {
			a, b := socketPair(t)
			if transport == "pipe" {
				a, b = net.Pipe()
			}
			client, _ := pairOver(t, a, b, newFuncServer(echo), nil)
			boot := client.Bootstrap()
			defer boot.Release()
			for i := range uint64(1000) {
				got, err := ask(t.Context(), boot, 0, i)
				if err != nil || got != i {
					t.Fatalf("call %d: %d, %v", i, got, err)
				}
			}
		})
	}
}

func TestConcurrentCallers(t *testing.T) {
	client, _ := pair(t, newFuncServer(echo), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	var wg sync.WaitGroup
	for g := range uint64(32) {
		wg.Go(func() {
			for i := range uint64(500) {
				n := g<<32 | i
				if got, err := ask(t.Context(), boot, 0, n); err != nil || got != n {
					t.Errorf("call %x: %x, %v", n, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestException(t *testing.T) {
	client, _ := pair(t, newFuncServer(func(*Call) error {
		return &Exception{Overloaded, "too much"}
	}), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	_, err := ask(t.Context(), boot, 0, 0)
	var x *Exception
	if !errors.As(err, &x) || x.Type != Overloaded || x.Reason != "too much" {
		t.Fatalf("got %v", err)
	}
}

func TestBlockedHandlerDelaysNobody(t *testing.T) {
	release := make(chan struct{})
	blocked := newFuncServer(func(call *Call) error {
		<-release
		return echo(call)
	})
	quick := newFuncServer(echo)
	client, _ := pair(t, newFuncServer(func(call *Call) error {
		r, err := call.Results(capnp.ObjectSize{PointerCount: 2})
		if err != nil {
			return err
		}
		if err := r.SetPtr(0, call.AddCap(NewServer(blocked))); err != nil {
			return err
		}
		return r.SetPtr(1, call.AddCap(NewServer(quick)))
	}), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	q, err := NewQuestion(boot, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	q.Send()
	slow, fast := q.Pipeline(0), q.Pipeline(1)
	defer slow.Release()
	defer fast.Release()
	if err := q.Wait(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	q.Release()
	done := make(chan error)
	go func() {
		_, err := ask(t.Context(), slow, 0, 1)
		done <- err
	}()
	for i := range uint64(100) {
		if got, err := ask(t.Context(), fast, 0, i); err != nil || got != i {
			t.Fatalf("%d, %v", got, err)
		}
	}
	select {
	case err := <-done:
		t.Fatalf("blocked call returned: %v", err)
	default:
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestCancel(t *testing.T) {
	cancelled := make(chan error, 1)
	started := make(chan struct{})
	client, _ := pair(t, newFuncServer(func(call *Call) error {
		if call.Params.Uint64(0) != 0 {
			return echo(call)
		}
		close(started)
		err := <-call.exec.(*funcServer).ended
		cancelled <- err
		return err
	}), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	go func() {
		<-started
		cancel(why)
	}()
	if _, err := ask(ctx, boot, 0, 0); !errors.Is(err, why) {
		t.Fatalf("got %v", err)
	}
	if err := <-cancelled; err != errFinished {
		t.Fatalf("the handler was told %v", err)
	}
	if got, err := ask(t.Context(), boot, 0, 7); err != nil || got != 7 {
		t.Fatalf("after a cancelled call: %d, %v", got, err)
	}
}

func TestDisconnect(t *testing.T) {
	started := make(chan struct{})
	ended := make(chan error, 1)
	client, server := pair(t, newFuncServer(func(call *Call) error {
		close(started)
		ended <- <-call.exec.(*funcServer).ended
		return nil
	}), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	go func() {
		<-started
		server.Close()
	}()
	_, err := ask(t.Context(), boot, 0, 0)
	if !errors.Is(err, ErrDisconnected) {
		t.Fatalf("got %v", err)
	}
	if err := <-ended; !errors.Is(err, ErrDisconnected) {
		t.Fatalf("the handler was told %v", err)
	}
	<-client.Done()
	if _, err := ask(t.Context(), boot, 0, 0); !errors.Is(err, ErrDisconnected) {
		t.Fatalf("after: got %v", err)
	}
}

func TestReleaseDropsObject(t *testing.T) {
	object := newFuncServer(echo)
	client, _ := pair(t, newFuncServer(func(call *Call) error {
		r, err := call.Results(size11)
		if err != nil {
			return err
		}
		return r.SetPtr(0, call.AddCap(NewServer(object)))
	}), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	q, _ := NewQuestion(boot, 1, 0, size11)
	q.Send()
	if err := q.Wait(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	p, err := q.Results().Ptr(0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := q.CapAt(p)
	if err != nil {
		t.Fatal(err)
	}
	c.AddRef()
	q.Release()
	if got, err := ask(t.Context(), c, 0, 5); err != nil || got != 5 {
		t.Fatalf("%d, %v", got, err)
	}
	c.Release()
	<-object.dropped
}

// TestPipelineOrder makes calls on a promise before and after it resolves to
// an object of the caller's own process: they must arrive in order.
func TestPipelineOrder(t *testing.T) {
	var mu sync.Mutex
	var got []uint64
	mine := newFuncServer(func(call *Call) error {
		mu.Lock()
		got = append(got, call.Params.Uint64(0))
		mu.Unlock()
		return echo(call)
	})
	client, _ := pair(t, newFuncServer(func(call *Call) error {
		p, err := call.Params.Ptr(0)
		if err != nil {
			return err
		}
		c, err := call.CapAt(p)
		if err != nil {
			return err
		}
		r, err := call.Results(size11)
		if err != nil {
			return err
		}
		return r.SetPtr(0, call.AddCap(c.AddRef()))
	}), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	for range 50 {
		got = nil
		q, _ := NewQuestion(boot, 1, 0, size11)
		own := NewServer(&dropCounter{funcServer: mine})
		if err := q.Params().SetPtr(0, q.AddCap(own)); err != nil {
			t.Fatal(err)
		}
		q.Send()
		p := q.Pipeline(0)
		var asked []*Question
		for i := range uint64(20) {
			if i == 10 {
				if err := q.Wait(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
			}
			a, _ := NewQuestion(p, 1, 0, size11)
			a.Params().SetUint64(0, i)
			a.Send()
			asked = append(asked, a)
		}
		for i, a := range asked {
			if err := a.Wait(t.Context(), nil); err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
			a.Release()
		}
		q.Release()
		p.Release()
		for i, n := range got {
			if n != uint64(i) {
				t.Fatalf("calls arrived as %v", got)
			}
		}
		if len(got) != 20 {
			t.Fatalf("%d calls arrived", len(got))
		}
	}
}

type dropCounter struct{ *funcServer }

func (*dropCounter) Dropped() {}

// TestNestedCallback has the server call back while it serves, three deep; the
// calls back run on the goroutine that waits.
func TestNestedCallback(t *testing.T) {
	var own Queue
	var boot *Cap
	self := newFuncServer(nil)
	callback := NewServer(&queueServer{queue: &own, f: func(call *Call) error {
		n := call.Params.Uint64(0)
		if n > 0 {
			if err := askWith(boot, call, n, &own, nil); err != nil {
				return err
			}
		}
		return nil
	}})
	_ = self
	serve := newFuncServer(nil)
	_ = serve
	defer callback.Release()
	workers := &Queue{}
	client, _ := pair(t, &queueServer{queue: workers, f: func(call *Call) error {
		p, _ := call.Params.Ptr(0)
		c, err := call.CapAt(p)
		if err != nil {
			return err
		}
		q, _ := NewQuestion(c, 1, 0, size11)
		defer q.Release()
		q.Params().SetUint64(0, call.Params.Uint64(0)-1)
		q.Send()
		return q.Wait(context.Background(), workers)
	}}, nil)
	boot = client.Bootstrap()
	defer boot.Release()
	if !own.Acquire() {
		t.Fatal("new queue is busy")
	}
	for range 100 {
		q, _ := NewQuestion(boot, 1, 0, size11)
		q.Params().SetUint64(0, 3)
		q.Params().SetPtr(0, q.AddCap(callback.AddRef()))
		q.Send()
		if err := q.Wait(t.Context(), &own); err != nil {
			t.Fatal(err)
		}
		q.Release()
	}
	own.Yield()
	_ = fmt.Sprint
	callbackCap = callback
}

var callbackCap *Cap

func askWith(boot *Cap, call *Call, n uint64, own *Queue, _ any) error {
	q, err := NewQuestion(boot, 1, 0, size11)
	if err != nil {
		return err
	}
	defer q.Release()
	q.Params().SetUint64(0, n)
	p := q.AddCap(NewServer(&queueServer{queue: own, f: func(call *Call) error { return nil }}))
	if err := q.Params().SetPtr(0, p); err != nil {
		return err
	}
	q.Send()
	return q.Wait(context.Background(), own)
}

type queueServer struct {
	queue *Queue
	f     func(*Call) error
}

func (s *queueServer) Accept(call *Call) *Queue { call.SetExec(s); return s.queue.Put(call) }
func (s *queueServer) Dropped()                 {}
func (s *queueServer) Cancel(error)             {}
func (s *queueServer) Execute(call *Call) {
	if err := s.f(call); err != nil {
		call.Fail(err)
		return
	}
	call.Return()
}

func BenchmarkEcho(b *testing.B) {
	client, _ := pair(b, newFuncServer(echo), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ask(ctx, boot, 0, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRaw(b *testing.B) {
	x, y := socketPair(b)
	go func() {
		buf := make([]byte, 64)
		for {
			n, err := y.Read(buf)
			if err != nil {
				return
			}
			y.Write(buf[:n])
		}
	}()
	buf := make([]byte, 64)
	for b.Loop() {
		x.Write(buf)
		x.Read(buf)
	}
	x.Close()
	y.Close()
}

// TestLend checks that data goes out from where it is, also to the bootstrap
// object, as soon as it is known what that is; and that it may change when Send
// has returned.
func TestLend(t *testing.T) {
	want := bytes.Repeat([]byte("lent"), 64<<10)
	client, _ := pair(t, newFuncServer(func(call *Call) error {
		p, err := call.Params.Ptr(0)
		if err == nil && !bytes.Equal(p.Data(), want) {
			err = fmt.Errorf("got %d other bytes", len(p.Data()))
		}
		return err
	}), nil)
	boot := client.Bootstrap()
	defer boot.Release()
	known := make(chan struct{})
	boot.WhenResolved(func(*Cap) { close(known) })
	<-known
	var questions []*Question
	for range 8 {
		q, err := NewQuestion(boot, 1, 0, size11)
		if err != nil {
			t.Fatal(err)
		}
		data := bytes.Clone(want)
		if lent, err := q.Lend(0, data); err != nil || !lent {
			t.Fatalf("lent: %v, %v", lent, err)
		}
		q.Send()
		clear(data)
		questions = append(questions, q)
	}
	for _, q := range questions {
		if err := q.Wait(t.Context(), nil); err != nil {
			t.Error(err)
		}
		q.Release()
	}
}
