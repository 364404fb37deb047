package foo_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

// childEnv has this binary serve instead of test: "serve SOCKET LIMIT", or
// "spawned", which serves the parent that spawned it.
const childEnv = "MPGO_FOO_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childEnv); mode != "" {
		if err := child(strings.Fields(mode)); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "server process:", err)
		code = max(code, 1)
	}
	if err := errors.Join(misdeeds.all()...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// child serves until its standard input ends.
func child(args []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	switch args[0] {
	case "serve":
		var l net.Listener
		if l, err = net.Listen("unix", args[1]); err != nil {
			return err
		}
		limit, _ := strconv.Atoi(args[2])
		served := make(chan error)
		go func() { served <- serve(ctx, l, limit) }()
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		cancel()
		err = <-served
	case "spawned":
		impl := newServerFoo()
		err = mprt.ServeSpawned(ctx, os.Args[len(os.Args)-1], foo.NewFooInterfaceServer(impl))
		misdeeds.add(impl.Close())
	}
	return errors.Join(err, goleak.Find(ofProcess...), errors.Join(misdeeds.all()...))
}

// serve gives each connection a server of its own, unless their number is
// limited, which is mprt.Serve's to do.
func serve(ctx context.Context, l net.Listener, limit int) error {
	if limit > 0 {
		impl := newServerFoo()
		defer func() { misdeeds.add(impl.Close()) }()
		return mprt.Serve(ctx, l, foo.NewFooInterfaceServer(impl), mprt.WithMaxConnections(limit))
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		nc, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		wg.Go(func() {
			impl := newServerFoo()
			mprt.ServeConn(ctx, nc, foo.NewFooInterfaceServer(impl))
			misdeeds.add(impl.Close())
		})
	}
}

// The watchdog and the sentinel are one goroutine each for the process and stay.
var ofProcess = []goleak.Option{
	goleak.IgnoreAnyFunction("github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat.(*watchdog).run"),
	goleak.IgnoreAnyFunction("github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat.(*sentinel).run"),
}

// checkLeaks fails the test if it leaves goroutines behind. Call it first.
func checkLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		if !t.Failed() {
			goleak.VerifyNone(t, append(ofProcess[:len(ofProcess):len(ofProcess)], before)...)
		}
	})
}

// server is where tests connect to: a process, or a stand-in within this one.
type server interface {
	// connect returns a stream to a new server of its own.
	connect(t testing.TB) net.Conn
}

// sameProcess serves at the other end of a socket pair.
type sameProcess struct{ opts []mprt.Option }

func (s sameProcess) connect(t testing.TB) net.Conn {
	t.Helper()
	a, b := socketPair(t)
	impl := newServerFoo()
	c := mprt.NewConn(b, foo.NewFooInterfaceServer(impl), append([]mprt.Option{mprt.WithName("client")}, s.opts...)...)
	t.Cleanup(func() {
		c.Close()
		misdeeds.add(impl.Close())
	})
	return a
}

// process is a server process.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	path  string
}

func (p *process) connect(t testing.TB) net.Conn {
	t.Helper()
	nc, err := net.Dial("unix", p.path)
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

// startProcess starts a server process. With a limit it serves so many
// connections at a time.
func startProcess(limit int) (*process, error) {
	dir, err := os.MkdirTemp("", "foo")
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(executable()), path: dir + "/s"}
	p.cmd.Env = childEnviron(fmt.Sprintf("serve %s %d", p.path, limit))
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		return nil, errors.Join(fmt.Errorf("it said %q: %w", line, err), p.stop())
	}
	return p, nil
}

// executable is this binary; os.Args has it relative to a folder that the test may have left.
func executable() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// childEnviron is the environment that makes a process of this binary a child.
func childEnviron(mode string) []string {
	return append(os.Environ(),
		childEnv+"="+mode,
		// The race detector would pause for a second at each child's end.
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
}

// stop has the process end, and returns an error if it was not in order.
func (p *process) stop() error {
	p.stdin.Close()
	err := p.cmd.Wait()
	os.RemoveAll(strings.TrimSuffix(p.path, "/s"))
	return err
}

// shared is the process that most tests use.
var shared struct {
	sync.Mutex
	p *process
}

func sharedProcess(t testing.TB) *process {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.p == nil {
		p, err := startProcess(0)
		if err != nil {
			t.Fatal(err)
		}
		shared.p = p
	}
	return shared.p
}

func stopShared() error {
	if shared.p == nil {
		return nil
	}
	return shared.p.stop()
}

// over runs a test in one process and between two.
func over(t *testing.T, f func(t *testing.T, s server)) {
	t.Run("one process", func(t *testing.T) {
		checkLeaks(t)
		f(t, sameProcess{})
	})
	t.Run("two processes", func(t *testing.T) {
		p := sharedProcess(t)
		checkLeaks(t)
		f(t, p)
	})
}

// client is a connection to a server.
type client struct {
	*foo.FooInterfaceClient
	conn *mprt.Conn
}

// dial connects to a server. The connection is closed at the test's end.
func dial(t testing.TB, s server, opts ...mprt.Option) *client {
	t.Helper()
	return dialOffering(t, s, nil, opts...)
}

// dialOffering connects to a server, which gets an object of this side in turn.
func dialOffering(t testing.TB, s server, offer *mprt.Server, opts ...mprt.Option) *client {
	t.Helper()
	conn := mprt.NewConn(s.connect(t), offer, append([]mprt.Option{mprt.WithName("server")}, opts...)...)
	c := &client{foo.NewFooInterfaceClient(conn.Bootstrap()), conn}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("the connection:", conn.Err())
		}
		c.Close()
		conn.Close()
	})
	return c
}

// dialThreads is dial, with thread maps exchanged.
func dialThreads(t testing.TB, s server, opts ...mprt.Option) *client {
	t.Helper()
	c := dial(t, s, opts...)
	must(t, c.InitThreadMap(t.Context()))
	return c
}

// saving has the server keep a callback.
func (c *client) saving(t testing.TB, callback foo.FooCallback) {
	t.Helper()
	must(t, c.SaveCallback(t.Context(), callback))
}

// await waits for an event in the server's process.
func (c *client) await(t testing.TB, event string) {
	t.Helper()
	if _, err := c.MapSize(t.Context(), map[string]string{"await": event}); err != nil {
		t.Fatalf("no event %q: %v", event, err)
	}
}

// record has an event happen in the server's process.
func (c *client) record(t testing.TB, event string) {
	t.Helper()
	if _, err := c.MapSize(t.Context(), map[string]string{"record": event}); err != nil {
		t.Fatal(err)
	}
}

// serverFoo does more than fooimpl.Foo where tests need it. Events and misdeeds
// are the whole process's, so that they can be asked for over another
// connection than the one they happened on.
type serverFoo struct {
	*fooimpl.Foo
	sequence atomic.Int32
}

func newServerFoo() *serverFoo { return &serverFoo{Foo: new(fooimpl.Foo)} }

// MapSize also records an event, waits for one, and fails unless one has happened already.
func (f *serverFoo) MapSize(ctx context.Context, m map[string]string) (int32, error) {
	if event, ok := m["record"]; ok {
		events.record(event)
	}
	if event, ok := m["await"]; ok {
		if err := events.await(ctx, event); err != nil {
			return 0, err
		}
	}
	if event, ok := m["happened"]; ok {
		done, cancel := context.WithCancel(ctx)
		cancel()
		if err := events.await(done, event); err != nil {
			return 0, err
		}
	}
	return f.Foo.MapSize(ctx, m)
}

// What CallIntFnAsync does here for some arguments. Those that are followed by
// a number come as code - 1000*n, for events that are named after n.
const (
	next       = -10 // returns 0, 1, 2 …
	threadName = -11 // fails with the name of the thread
	panics     = -12
	exits      = -13 // ends its goroutine
	closesConn = -14 // closes the connection that the call came in on
	goroutine  = -15 // returns the goroutine's number
	blocks     = -16 // records "blocked n", waits for its context's end, records "cancelled n"
	holds      = -17 // records "blocked n", waits for event "go n", records "held n"
	lingers    = -21 // as blocks, but then waits for event "go n" and records "held n"
	forbidden  = -18 // must never run
	badError   = -22 // fails with an error whose text cannot be had: it panics
	lastError  = -23 // fails with an error whose text cannot be had: it ends the goroutine
	giveBack   = -19 // passes the saved callback to the object that the peer offers
	giveOwn    = -20 // passes a callback of its own there, which records "closed n"
)

// textlessError is an error in which somebody has made a mistake.
type textlessError struct{ text string }

func (e *textlessError) Error() string {
	if e.text == "" { // of nil, this panics
		runtime.Goexit()
	}
	return e.text
}

func code(what, n int32) int32 { return what - 1000*n }

// number is for events that must not be mixed up with those of other tests.
var number atomic.Int32

func (f *serverFoo) CallIntFnAsync(ctx context.Context, arg int32) (int32, error) {
	n := -arg / 1000
	switch arg + 1000*n {
	case next:
		return f.sequence.Add(1) - 1, nil
	case threadName:
		return 0, errors.New(mprt.ThreadName(ctx))
	case panics:
		panic("the handler panics")
	case exits:
		runtime.Goexit()
	case closesConn:
		mprt.Caller(ctx).Close()
		return 0, ctx.Err()
	case goroutine:
		return goroutineID(), nil
	case blocks:
		events.record(fmt.Sprint("blocked ", n))
		<-ctx.Done()
		events.record(fmt.Sprint("cancelled ", n))
		return 0, context.Cause(ctx)
	case lingers:
		events.record(fmt.Sprint("blocked ", n))
		<-ctx.Done()
		events.record(fmt.Sprint("cancelled ", n))
		if err := events.await(context.Background(), fmt.Sprint("go ", n)); err != nil {
			return 0, err
		}
		events.record(fmt.Sprint("held ", n))
		return 0, nil
	case holds:
		events.record(fmt.Sprint("blocked ", n))
		if err := events.await(context.Background(), fmt.Sprint("go ", n)); err != nil {
			return 0, err
		}
		events.record(fmt.Sprint("held ", n))
		return 0, nil
	case badError:
		var err *textlessError
		return 0, err
	case lastError:
		return 0, new(textlessError)
	case forbidden:
		misdeeds.add(errors.New("a call ran that was to be dropped"))
	case giveBack:
		saved := f.Foo.Saved()
		peer := foo.NewFooInterfaceClient(mprt.Caller(ctx).Bootstrap())
		defer peer.Close()
		return 0, peer.SaveCallback(ctx, saved)
	case giveOwn:
		peer := foo.NewFooInterfaceClient(mprt.Caller(ctx).Bootstrap())
		defer peer.Close()
		return 0, peer.SaveCallback(ctx, &ownCallback{n})
	}
	return f.Foo.CallIntFnAsync(ctx, arg)
}

// ownCallback is an object of the server's process.
type ownCallback struct{ n int32 }

func (c *ownCallback) Call(_ context.Context, arg int32) (int32, error) { return arg + c.n, nil }

func (c *ownCallback) Close() error {
	events.record(fmt.Sprint("closed ", c.n))
	return nil
}

// PassDouble has the garbage collector run.
func (f *serverFoo) PassDouble(ctx context.Context, arg float64) (float64, error) {
	runtime.GC()
	return f.Foo.PassDouble(ctx, arg)
}

// callbackFunc is a callback that is never closed.
type callbackFunc func(ctx context.Context, arg int32) (int32, error)

func (f callbackFunc) Call(ctx context.Context, arg int32) (int32, error) { return f(ctx, arg) }

// eventLog is what has happened in a process.
type eventLog struct {
	mu       sync.Mutex
	happened map[string]chan struct{} // closed when it has
}

var events eventLog

func (e *eventLog) channel(name string) chan struct{} {
	c := e.happened[name]
	if c == nil {
		if e.happened == nil {
			e.happened = map[string]chan struct{}{}
		}
		c = make(chan struct{})
		e.happened[name] = c
	}
	return c
}

func (e *eventLog) record(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.channel(name)
	select {
	case <-c:
		misdeeds.add(fmt.Errorf("%q happened twice", name))
	default:
		close(c)
	}
}

func (e *eventLog) await(ctx context.Context, name string) error {
	e.mu.Lock()
	c := e.channel(name)
	e.mu.Unlock()
	select {
	case <-c:
		return nil
	default:
	}
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for %q: %w", name, context.Cause(ctx))
	}
}

// errorLog is what must not happen.
type errorLog struct {
	mu   sync.Mutex
	errs []error
}

var misdeeds errorLog

func (l *errorLog) add(err error) {
	if err != nil {
		l.mu.Lock()
		l.errs = append(l.errs, err)
		l.mu.Unlock()
	}
}

func (l *errorLog) all() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.errs
}

// goroutineID is the number that stack traces give the running goroutine.
func goroutineID() int32 {
	var b [32]byte
	id, err := strconv.Atoi(strings.Fields(string(b[:runtime.Stack(b[:], false)]))[1])
	if err != nil {
		panic(err)
	}
	return int32(id)
}

// socketPair returns the two ends of a connection over a Unix socket, on every
// system that Go's net package has them on.
func socketPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	// Not t.TempDir, which is named after the test: a socket's name is short.
	dir, err := os.MkdirTemp("", "foo")
	must(t, err)
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	defer l.Close()
	a, err = net.Dial("unix", l.Addr().String())
	must(t, err)
	b, err = l.Accept()
	must(t, err)
	return a, b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError fails the test unless err is target and says text.
func wantError(t testing.TB, err, target error, text string) {
	t.Helper()
	if target != nil && !errors.Is(err, target) || err == nil || !strings.Contains(err.Error(), text) {
		t.Fatalf("the error is %v, not a %v with the text %q", err, target, text)
	}
}

// within returns a context that ends a test that hangs before the test binary's
// own limit does, so that its connection is closed and the stacks are shown.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
