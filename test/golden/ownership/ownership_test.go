package ownership

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
)

// object is an implementation that can be asked whether it was closed.
type object struct {
	name   string
	closed chan struct{}
	pinged chan struct{} // told of the first Ping, if it is not nil
	slow   chan struct{} // Ping waits for it, if it is not nil

	mu     sync.Mutex
	closes int
}

func newObject(name string) *object { return &object{name: name, closed: make(chan struct{})} }

func (o *object) Ping(context.Context) (string, error) {
	if o.pinged != nil {
		close(o.pinged)
	}
	if o.slow != nil {
		<-o.slow
	}
	return o.name, nil
}

func (o *object) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closes++; o.closes == 1 {
		close(o.closed)
	}
	return nil
}

func (o *object) twice() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closes > 1
}

func (o *object) open() bool {
	select {
	case <-o.closed:
		return false
	default:
		return true
	}
}

// wait waits until the object is closed. A test that waits in vain runs into
// the test's own time limit.
func (o *object) wait() { <-o.closed }

// host is the peer: an object that makes and keeps others.
type host struct {
	made    chan *object
	slow    chan struct{} // MakePlain waits for it, and so does what Make made, if it is not nil
	entered chan struct{}
	pinged  chan struct{} // is closed when what Make made is called, if it is not nil

	mu       sync.Mutex
	object   Object
	plain    Plain
	function Function
	held     *Holder
}

func newHost() *host { return &host{made: make(chan *object, 10)} }

func (h *host) new(name string) *object {
	o := newObject(name)
	h.made <- o
	return o
}

func (h *host) Make(context.Context) (Object, error) {
	o := h.new("made")
	o.pinged, o.slow = h.pinged, h.slow
	return o, nil
}

func (h *host) MakePlain(context.Context) (Plain, error) {
	if h.slow != nil {
		close(h.entered)
		<-h.slow
	}
	return h.new("plain"), nil
}

func (h *host) Keep(_ context.Context, o Object, p Plain, f Function) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.object, h.plain, h.function = o, p, f
	return nil
}

func (h *host) CallKept(ctx context.Context) (object, plain string, function int32, err error) {
	h.mu.Lock()
	o, p, f := h.object, h.plain, h.function
	h.mu.Unlock()
	if o != nil {
		object, err = o.Ping(ctx)
	}
	if p != nil && err == nil {
		plain, err = p.Ping(ctx)
	}
	if f != nil && err == nil {
		function, err = f(ctx)
	}
	return object, plain, function, err
}

func (h *host) Drop(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.plain, h.function, h.held = nil, nil, nil
	if c, ok := h.object.(*ObjectClient); ok {
		h.object = nil
		go c.Close() // it calls its home, which waits for this method
	}
	return nil
}

func (h *host) GiveBack(context.Context) (Object, error) { return h.kept(), nil }

func (h *host) kept() Object {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.object
}

func (h *host) Hold(_ context.Context, holder *Holder) (*Holder, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = holder
	return holder, nil
}

func connect(t *testing.T, h *host, opts ...mprt.Option) (*mprt.Conn, *HostClient) {
	t.Helper()
	conn := peer.Dial(t, NewHostServer(h), opts...)
	return conn, NewHostClient(conn.Bootstrap())
}

// collect runs the garbage collector until done is closed.
func collect(done <-chan struct{}) {
	for {
		runtime.GC()
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// Received object: usable after the call, until it is closed.
func TestReceived(t *testing.T) {
	ctx := context.Background()
	h := newHost()
	_, c := connect(t, h)
	o, err := c.Make(ctx)
	if err != nil {
		t.Fatal(err)
	}
	made := <-h.made
	if s, err := o.Ping(ctx); s != "made" || err != nil {
		t.Error(s, err)
	}
	client := o.(*ObjectClient)
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if made.open() {
		t.Error("Close returned before the object was closed")
	}
	if _, err := o.Ping(ctx); !errors.Is(err, mprt.ErrClosed) {
		t.Error("after Close:", err)
	}
	if err := client.Close(); err != nil {
		t.Error("second Close:", err)
	}
	if made.twice() {
		t.Error("closed twice")
	}
}

// Received object that nobody closes: collected, and reported when asked for.
func TestCollected(t *testing.T) {
	h := newHost()
	leaked := make(chan mprt.Leak, 1)
	_, c := connect(t, h, mprt.WithLeakReport(func(l mprt.Leak) { leaked <- l }))
	func() {
		if _, err := c.MakePlain(context.Background()); err != nil {
			t.Fatal(err)
		}
	}()
	collect((<-h.made).closed)
	if leak := <-leaked; leak.Interface != "Plain" {
		t.Error("reported", leak)
	}
	runtime.KeepAlive(c)
}

// Passed object: its Close runs when the peer destroys it.
func TestPassedDestroyed(t *testing.T) {
	ctx := context.Background()
	_, c := connect(t, newHost())
	o := newObject("mine")
	if err := c.Keep(ctx, o, nil, nil); err != nil {
		t.Fatal(err)
	}
	if s, _, _, err := c.CallKept(ctx); s != "mine" || err != nil {
		t.Error(s, err)
	}
	if !o.open() {
		t.Error("closed too early")
	}
	if err := c.Drop(ctx); err != nil {
		t.Fatal(err)
	}
	o.wait()
}

// Passed object: its Close runs when the peer drops its last reference.
func TestPassedDropped(t *testing.T) {
	ctx := context.Background()
	_, c := connect(t, newHost())
	o := newObject("mine")
	if err := c.Keep(ctx, nil, o, nil); err != nil {
		t.Fatal(err)
	}
	if _, s, _, err := c.CallKept(ctx); s != "mine" || err != nil {
		t.Error(s, err)
	}
	if err := c.Drop(ctx); err != nil {
		t.Fatal(err)
	}
	collect(o.closed)
	runtime.KeepAlive(c)
}

// Passed object: its Close runs when the connection ends, once.
func TestPassedDisconnected(t *testing.T) {
	conn, c := connect(t, newHost())
	o := newObject("mine")
	if err := c.Keep(context.Background(), o, nil, nil); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	o.wait()
	if o.twice() {
		t.Error("closed twice")
	}
}

// Object that the server offers: stays its owner's.
func TestOffered(t *testing.T) {
	o := newObject("offered")
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mprt.Serve(ctx, l, NewObjectServer(o)) }()
	conn, err := mprt.Dial(ctx, "unix:"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := NewObjectClient(conn.Bootstrap())
	if s, err := c.Ping(ctx); s != "offered" || err != nil {
		t.Error(s, err)
	}
	conn.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !o.open() {
		t.Error("the offered object was closed")
	}
}

// Passed function: as an object, but there is nothing to close.
func TestFunction(t *testing.T) {
	ctx := context.Background()
	_, c := connect(t, newHost())
	if err := c.Keep(ctx, nil, nil, func(context.Context) (int32, error) { return 7, nil }); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, n, err := c.CallKept(ctx); n != 7 || err != nil {
			t.Error(n, err)
		}
	}
}

// Object passed back to its home: the original.
func TestHome(t *testing.T) {
	ctx := context.Background()
	h := newHost()
	_, c := connect(t, h)
	mine := newObject("mine")
	if err := c.Keep(ctx, mine, nil, nil); err != nil {
		t.Fatal(err)
	}
	if o, err := c.GiveBack(ctx); o != Object(mine) || err != nil {
		t.Errorf("came home as %v, %v", o, err)
	}
	theirs, err := c.Make(ctx)
	if err != nil {
		t.Fatal(err)
	}
	made := <-h.made
	if err := c.Keep(ctx, theirs, nil, nil); err != nil {
		t.Fatal(err)
	}
	if o := h.kept(); o != Object(made) {
		t.Errorf("the peer got its own object as %v", o)
	}
}

// Object of one peer passed to another: calls go through this process.
func TestThirdParty(t *testing.T) {
	ctx := context.Background()
	first, second := newHost(), newHost()
	_, a := connect(t, first)
	_, b := connect(t, second)
	o, err := a.Make(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Keep(ctx, o, nil, nil); err != nil {
		t.Fatal(err)
	}
	if s, _, _, err := b.CallKept(ctx); s != "made" || err != nil {
		t.Error(s, err)
	}
	made := <-first.made
	if err := b.Drop(ctx); err != nil {
		t.Fatal(err)
	}
	made.wait() // the wrapper owned the proxy client, and closed it
}

// Objects in structs and in lists; one object passed twice, which is wrapped
// and closed for each time.
func TestHolder(t *testing.T) {
	ctx := context.Background()
	h := newHost()
	_, c := connect(t, h)
	one, two := newObject("one"), newObject("two")
	got, err := c.Hold(ctx, &Holder{Object: one, List: []Plain{two, nil, one}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Object != Plain(one) || len(got.List) != 3 || got.List[0] != Plain(two) || got.List[1] != nil {
		t.Errorf("came home as %v", got)
	}
	h.mu.Lock()
	held := h.held.List[0]
	h.mu.Unlock()
	if s, err := held.Ping(ctx); s != "two" || err != nil {
		t.Error(s, err)
	}
	runtime.KeepAlive(got)
}

// Results that carry objects, when the caller does not wait for them any more.
func TestAbandoned(t *testing.T) {
	h := newHost()
	h.slow, h.entered = make(chan struct{}), make(chan struct{})
	_, c := connect(t, h)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := c.MakePlain(ctx)
		done <- err
	}()
	<-h.entered
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(h.slow)
	(<-h.made).wait()
}

// Object of a call that was started: the same before and after the wait.
// A C++ peer destroys an object at once, also under a call that it is running.
func TestClosedUnderCall(t *testing.T) {
	for _, given := range []string{"up", "time"} {
		t.Run(given, func(t *testing.T) {
			h := newHost()
			h.slow, h.pinged = make(chan struct{}), make(chan struct{})
			_, c := connect(t, h)
			o, err := c.Make(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			made := <-h.made
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			done := make(chan error, 1)
			go func() {
				_, err := o.Ping(ctx)
				done <- err
			}()
			<-h.pinged
			if given == "up" {
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
			if err := o.(*ObjectClient).Close(); err != nil {
				t.Error(err)
			}
			if !made.open() {
				t.Error("the object was closed under a call")
			}
			close(h.slow)
			made.wait()
			if given == "time" {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if made.twice() {
				t.Error("closed twice")
			}
		})
	}
}

func TestStarted(t *testing.T) {
	ctx := context.Background()
	h := newHost()
	_, c := connect(t, h)
	call := c.StartMake(ctx)
	early := call.Object()
	if s, err := early.Ping(ctx); s != "made" || err != nil {
		t.Error(s, err)
	}
	o, err := call.Wait()
	if err != nil || o != Object(early) {
		t.Error(o, err)
	}
	if s, err := o.Ping(ctx); s != "made" || err != nil {
		t.Error("after the call's end:", s, err)
	}
	if err := early.Close(); err != nil {
		t.Error(err)
	}
	if (<-h.made).open() {
		t.Error("not closed")
	}
}

// Call that was started, and an object inside a struct of its results.
func TestStartedInside(t *testing.T) {
	ctx := context.Background()
	_, c := connect(t, newHost())
	call := c.StartHold(ctx, &Holder{Object: newObject("inside")})
	early := NewPlainClient(call.Pipeline(0, 0)) // holder, and object in it
	if s, err := early.Ping(ctx); s != "inside" || err != nil {
		t.Error(s, err)
	}
	if got, err := call.Wait(); err != nil || got.Object == nil {
		t.Error(got, err)
	}
	if s, err := early.Ping(ctx); s != "inside" || err != nil {
		t.Error("after the call's end:", s, err)
	}
	if err := early.Close(); err != nil {
		t.Error(err)
	}
}

// Call that was started and that nobody waits for.
func TestFinished(t *testing.T) {
	h := newHost()
	h.slow, h.entered = make(chan struct{}), make(chan struct{})
	_, c := connect(t, h)
	call := c.StartMakePlain(context.Background())
	<-h.entered
	call.Finish()
	if _, err := call.Wait(); err == nil {
		t.Error("waited after Finish")
	}
	close(h.slow)
	(<-h.made).wait()
}

// gate holds back what a client would read until it is opened.
type gate struct {
	net.Conn
	open chan struct{}
}

func (g *gate) Read(b []byte) (int, error) {
	<-g.open
	return g.Conn.Read(b)
}

// A chain of calls takes one round trip: the peer has got them all before the
// client has read anything.
func TestOneRoundTrip(t *testing.T) {
	ctx := context.Background()
	h := newHost()
	h.pinged = make(chan struct{})
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- mprt.ServeConn(ctx, there, NewHostServer(h)) }()
	g := &gate{here, make(chan struct{})}
	conn := mprt.NewConn(g, nil)
	made := NewHostClient(conn.Bootstrap()).StartMake(ctx)
	ping := made.Object().StartPing(ctx)
	<-h.pinged
	close(g.open)
	if s, err := ping.Wait(); s != "made" || err != nil {
		t.Error(s, err)
	}
	made.Finish()
	conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Object that comes home while the way through the peer is still what it is known by: with tail calls, what it returns
// stays here.
func TestHomeByTailCall(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	var record strings.Builder
	go func() {
		served <- mprt.Serve(ctx, l, NewHostServer(newHost()), mprt.WithTailCalls(), mprt.WithRecorder(&record))
	}()
	conn, err := mprt.Dial(ctx, "unix:"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := NewHostClient(conn.Bootstrap())
	mine := newObject("mine")
	if err := c.Keep(ctx, mine, nil, nil); err != nil {
		t.Fatal(err)
	}
	call, err := c.Begin(ctx, &host_GiveBack)
	if err != nil {
		t.Fatal(err)
	}
	call.Start()
	promised := NewObjectClient(call.Pipeline(0))
	if s, err := promised.Ping(ctx); s != "mine" || err != nil { // goes with the call that it is a result of
		t.Error(s, err)
	}
	if _, err := call.Wait(); err != nil {
		t.Error(err)
	}
	call.Finish()
	if s, err := promised.Ping(ctx); s != "mine" || err != nil {
		t.Error(s, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if !strings.Contains(record.String(), "takeFromOtherQuestion") {
		t.Errorf("no tail call:\n%s", record.String())
	}
}

// A call that has begun when its proxy is closed: it is made, the object is let go after it, and not destroyed under it.
func TestClosedBeforeCallIsSent(t *testing.T) {
	ctx := context.Background()
	h := newHost()
	conn, c := connect(t, h)
	o, err := c.Make(ctx)
	if err != nil {
		t.Fatal(err)
	}
	made, client := <-h.made, o.(*ObjectClient)
	call, err := client.Begin(ctx, &object_Ping)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if !made.open() {
		t.Error("destroyed under a call")
	}
	if _, err := call.Do(); err != nil {
		t.Error(err)
	}
	call.Finish()
	made.wait() // let go of
	if _, err := c.Make(ctx); err != nil || conn.Err() != nil {
		t.Error(err, conn.Err())
	}
}
