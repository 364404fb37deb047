package foo_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

// observer remembers the calls that it hears of.
type observer struct {
	mu      sync.Mutex
	running map[*mprt.CallInfo]context.Context
	ended   []*mprt.CallInfo
	wrong   []error
	any     chan struct{} // gets one element for each end
}

func newObserver() *observer {
	return &observer{running: map[*mprt.CallInfo]context.Context{}, any: make(chan struct{}, 1000)}
}

func (o *observer) CallStart(ctx context.Context, call *mprt.CallInfo) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.running[call]; ok || call.Value != nil {
		o.wrong = append(o.wrong, fmt.Errorf("%s started twice", call.Method))
	}
	o.running[call] = ctx
	call.Value = o
}

func (o *observer) CallEnd(ctx context.Context, call *mprt.CallInfo) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running[call] != ctx || call.Value != o {
		o.wrong = append(o.wrong, fmt.Errorf("%s ended with another context, or was not started", call.Method))
	}
	delete(o.running, call)
	o.ended = append(o.ended, call)
	o.any <- struct{}{}
}

// take returns the calls that have ended, when there are n, and forgets them.
func (o *observer) take(t *testing.T, n int) []*mprt.CallInfo {
	t.Helper()
	ctx := within(t)
	for range n {
		select {
		case <-o.any:
		case <-ctx.Done():
			t.Fatalf("%d calls have not ended", n)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := errors.Join(o.wrong...); err != nil {
		t.Error(err)
	}
	if len(o.ended) != n {
		t.Errorf("%d calls have ended, not %d", len(o.ended), n)
	}
	ended := o.ended
	o.ended = nil
	return ended
}

// Both sides hear of calls both ways, whatever their end.
func TestObserver(t *testing.T) {
	checkLeaks(t)
	here, there := newObserver(), newObserver()
	f := dial(t, sameProcess{[]mprt.Option{mprt.WithObserver(there)}}, mprt.WithObserver(here))
	named, release := mprt.WithThread(within(t), "named")
	defer release()

	near := func(a, b int) bool { return a-b < 100 && b-a < 100 }
	// both takes the ends of one call from both sides.
	both := func(method string) (client, server *mprt.CallInfo) {
		t.Helper()
		client, server = here.take(t, 1)[0], there.take(t, 1)[0]
		for _, c := range []*mprt.CallInfo{client, server} {
			if c.Interface != "FooInterface" || c.Method != method || c.Served != (c == server) {
				t.Errorf("%+v is no end of %s", c, method)
			}
			if !near(c.ParamsBytes, client.ParamsBytes) || c.ParamsBytes < 100 || c.Duration <= 0 || c.Queued < 0 || c.Start.IsZero() {
				t.Errorf("%s: %+v", method, c)
			}
			if !near(c.ResultsBytes, client.ResultsBytes) || (c.ResultsBytes > 0) != (c.Err == nil) {
				t.Errorf("%s: %d bytes of results, and %v", method, c.ResultsBytes, c.Err)
			}
		}
		if client.Conn != f.conn || client.Peer != "server" || server.Conn == f.conn || server.Peer != "client" {
			t.Errorf("%s: between %s and %s", method, client.Peer, server.Peer)
		}
		return client, server
	}

	must(t, f.InitThreadMap(t.Context()))
	both("initThreadMap")
	if _, err := f.Add(named, 1, 2); err != nil {
		t.Fatal(err)
	}
	if c, s := both("add"); c.Thread != "" || s.Thread != "" {
		t.Errorf("add has no context, and threads %q and %q", c.Thread, s.Thread)
	}
	must(t, f.CallFnAsync(named))
	if c, s := both("callFnAsync"); c.Thread != "named" || s.Thread != "named" {
		t.Errorf("threads %q and %q", c.Thread, s.Thread)
	}

	// Errors that are declared are results, others not.
	if err := f.Raise(t.Context(), new(foo.FooStruct)); err == nil {
		t.Fatal("nothing was raised")
	}
	both("raise")
	_, failed := f.CallIntFnAsync(named, fooimpl.IntFnFails)
	if c, s := both("callIntFnAsync"); c.Err != failed || s.Err == nil || !strings.Contains(failed.Error(), s.Err.Error()) {
		t.Errorf("errors %v and %v of %v", c.Err, s.Err, failed)
	}
	if _, err := f.CallIntFnAsync(named, panics); err == nil {
		t.Fatal("it did not panic")
	}
	both("callIntFnAsync")

	// One that is given up has ended here at once, there when it returns.
	ctx, cancel := context.WithCancel(named)
	n := number.Add(1)
	done := make(chan error)
	go func() {
		_, err := f.CallIntFnAsync(ctx, code(blocks, n))
		done <- err
	}()
	f.await(t, fmt.Sprint("blocked ", n))
	here.take(t, 1)
	there.take(t, 1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if c, s := here.take(t, 1)[0], there.take(t, 1)[0]; !errors.Is(c.Err, context.Canceled) || s.Err == nil {
		t.Errorf("errors %v and %v", c.Err, s.Err)
	}

	// Nobody waits for a call that was only started.
	started := f.StartAdd(t.Context(), 1, 2)
	started.Finish()
	if c := here.take(t, 1)[0]; c.Method != "add" || c.Err == nil {
		t.Errorf("%+v", c)
	}
	there.take(t, 1)

	// A callback ends before the call that it came in, and each side has one of each kind.
	r, err := f.PassFn(named, func(context.Context) (int32, error) { return 5, nil })
	if err != nil || r != 5 {
		t.Fatal(r, err)
	}
	for name, o := range map[string]*observer{"client": here, "server": there} {
		var got []string
		for _, c := range o.take(t, 2) {
			got = append(got, fmt.Sprint(c.Interface, ".", c.Method, " ", c.Served, " ", c.Thread))
		}
		want := []string{"FooFn.call true named", "FooInterface.passFn false named"}
		if o == there {
			want = []string{"FooFn.call false named", "FooInterface.passFn true named"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}

	if n := len(here.running) + len(there.running); n != 0 {
		t.Errorf("%d calls have not ended", n)
	}

	// After the end of the connection as well.
	f.conn.Close()
	_, err = f.Add(t.Context(), 1, 2)
	wantError(t, err, mprt.ErrDisconnected, "FooInterface.add (server): called after disconnect")
}

// lines is where a log goes.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// take returns what was logged, and forgets it.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

func (l *lines) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "duration", "queued", "request":
				return slog.Attr{}
			}
			return a
		},
	}))
}

func TestLog(t *testing.T) {
	checkLeaks(t)
	here, there := new(lines), new(lines)
	f := dialThreads(t, sameProcess{[]mprt.Option{mprt.WithLogger(there.logger(slog.LevelInfo))}},
		mprt.WithLogger(here.logger(mprt.LevelTrace)), mprt.WithLogMaxChars(40))
	if log := here.take(); !strings.HasPrefix(log, "level=INFO msg=\"peer connected\" peer=server\n") {
		t.Error(log)
	}
	there.take()
	if _, err := f.Add(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	want := `level=DEBUG msg="IPC client send" method=FooInterface.add peer=server
level=DEBUG-4 msg="send data" method=FooInterface.add data=(0x200000001)
level=DEBUG msg="IPC client recv" method=FooInterface.add peer=server
level=DEBUG-4 msg="recv data" method=FooInterface.add data=(0x3)
`
	if log := here.take(); log != want {
		t.Errorf("got:\n%swant:\n%s", log, want)
	}
	// What is logged can be used as ever, also what is too large for the log and would not be copied without it.
	data := []byte(strings.Repeat("a long text. ", 100_000))
	got, err := f.PassDataPointers(t.Context(), [][]byte{data})
	if err != nil || len(got) != 1 || string(got[0]) != string(data) {
		t.Fatal(len(got), err)
	}
	for line := range strings.Lines(here.take()) {
		if _, shown, ok := strings.Cut(line, "data="); ok && len(shown) > 80 || len(line) > 200 {
			t.Error("it is not cut:", line)
		}
	}
	// A callback is logged as it is served.
	if _, err := f.PassFn(t.Context(), func(context.Context) (int32, error) { return 5, nil }); err != nil {
		t.Fatal(err)
	}
	log := here.take()
	for _, want := range []string{
		`level=DEBUG msg="IPC server create" interface=FooFn peer=server`,
		`level=DEBUG msg="IPC server recv request" method=FooFn.call peer=server`,
		`level=DEBUG-4 msg="request data" method=FooFn.call data="((<1> <0>))"`,
		`level=DEBUG msg="IPC server send response" method=FooFn.call peer=server thread=thread-1`,
		`level=DEBUG-4 msg="response data" method=FooFn.call data=(0x5)`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no line %s in\n%s", want, log)
		}
	}
	// An error is one for whoever serves.
	if log := there.take(); log != "" {
		t.Error("the server logs at its level: ", log)
	}
	if _, err := f.CallIntFnAsync(t.Context(), fooimpl.IntFnFails); err == nil {
		t.Fatal("it did not fail")
	}
	if log := there.take(); log != "level=ERROR msg=\"IPC server error request\" method=FooInterface.callIntFnAsync peer=client error=\"int fn error\"\n" {
		t.Error(log)
	}
	if log := here.take(); !strings.Contains(log, `level=INFO msg="IPC client exception" method=FooInterface.callIntFnAsync peer=server error=`) {
		t.Error(log)
	}
}

// Figures are of both sides, and what is held goes when it is given back.
func TestStats(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		before := f.conn.Stats()
		const n = 10
		for range n {
			if _, err := f.Add(ctx, 1, 2); err != nil {
				t.Fatal(err)
			}
		}
		after := f.conn.Stats()
		if got := after.CallsSent - before.CallsSent; got != n {
			t.Errorf("%d calls", got)
		}
		// There may be a Finish and the like from before.
		sent, received := after.MessagesSent-before.MessagesSent, after.MessagesReceived-before.MessagesReceived
		if sent < n || sent > n+3 || received < n || received > n+3 {
			t.Errorf("%d messages sent and %d received", sent, received)
		}
		if b := after.BytesSent - before.BytesSent; b < n*100 || b > n*150 {
			t.Errorf("%d bytes sent", b)
		}
		if after.Waiting != 0 || after.Serving != 0 || after.Held != 0 {
			t.Errorf("at rest: %+v", after)
		}
		r, err := f.PassFn(ctx, func(context.Context) (int32, error) {
			s := f.conn.Stats()
			if s.Waiting != 1 || s.Serving != 1 || s.Held == 0 || s.Threads != 1 || s.CallsReceived != before.CallsReceived+1 {
				t.Errorf("in a callback: %+v", s)
			}
			return 0, nil
		})
		if err != nil || r != 0 {
			t.Fatal(r, err)
		}
		f.conn.Close()
		end := f.conn.Stats()
		if end.Waiting+end.Serving+end.Exports+end.Imports != 0 || end.CallsSent < n {
			t.Errorf("after the end: %+v", end)
		}
	})
}

// A function that was received is nobody's leak.
func TestFunctionIsNoLeak(t *testing.T) {
	checkLeaks(t)
	leaks := make(chan mprt.Leak, 10)
	f := dialThreads(t, sameProcess{[]mprt.Option{mprt.WithLeakReport(func(l mprt.Leak) { leaks <- l })}})
	released := passAndForget(t, f, within(t))
	collected(t, f, released)
	select {
	case l := <-leaks:
		t.Error(l)
	default:
	}
}

// A connection can be looked at while it is busy.
func TestInspectMeanwhile(t *testing.T) {
	checkLeaks(t)
	f, ctx := dialThreads(t, sameProcess{}), within(t)
	must(t, f.conn.MakePool(ctx, 2))
	var wg sync.WaitGroup
	for i := range int32(8) {
		wg.Go(func() {
			for j := range int32(30) {
				ctx := ctx
				if j%3 == 0 {
					ctx = mprt.WithPool(ctx)
				}
				r, err := f.PassFn(ctx, func(ctx context.Context) (int32, error) { return f.Add(ctx, i, j) })
				if err != nil || r != i+j {
					t.Error(r, err)
					return
				}
				named, release := mprt.WithThread(ctx, "named")
				if _, err := f.CallIntFnAsync(named, 1); err != nil {
					t.Error(err)
				}
				release()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	for {
		for _, c := range mprt.Conns() {
			i := c.Inspect(5)
			if len(i.Serving) > 5 || len(i.Waiting) > 5 || len(i.Threads) > 5 || len(i.Objects) > 5 {
				t.Errorf("more than 5: %+v", i)
			}
		}
		select {
		case <-done:
			return
		default:
		}
		// Slow enough for the calls, which need the same lock.
		if _, err := f.Add(ctx, 1, 2); err != nil {
			t.Fatal(err)
		}
	}
}
