package foo_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// tidFoo tells which operating system thread it runs on.
type tidFoo struct{ *serverFoo }

func (f tidFoo) CallIntFnAsync(_ context.Context, arg int32) (int32, error) {
	if arg == exits {
		runtime.Goexit()
	}
	return int32(unix.Gettid()), nil
}

// tidServer serves a tidFoo in this process.
type tidServer struct{ opts []mprt.Option }

func (s tidServer) connect(t testing.TB) net.Conn {
	a, b := socketPair(t)
	c := mprt.NewConn(b, foo.NewFooInterfaceServer(tidFoo{newServerFoo()}), s.opts...)
	t.Cleanup(func() { c.Close() })
	return a
}

// comm is the name of a thread of this process, "" if it has ended.
func comm(tid int32) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/comm", tid))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(name), "\n")
}

// awaitEnd waits until a thread has ended, which nothing tells.
func awaitEnd(t *testing.T, tid int32) {
	t.Helper()
	ctx := within(t)
	for comm(tid) != "" {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("thread %d goes on", tid)
		}
	}
}

func TestOSThreads(t *testing.T) {
	checkLeaks(t)
	f := dialThreads(t, tidServer{[]mprt.Option{mprt.WithOSThreads()}})
	tid := func(ctx context.Context) int32 {
		t.Helper()
		id, err := f.CallIntFnAsync(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	long, releaseLong := mprt.WithThread(within(t), "the name of a thread")
	short, releaseShort := mprt.WithThread(within(t), "a\tb")
	first, second := tid(long), tid(short)
	if first == second || int(first) == unix.Getpid() {
		t.Errorf("threads %d and %d", first, second)
	}
	if a, b := comm(first), comm(second); a != "the name of a t" || b != "a?b" {
		t.Errorf("their names are %q and %q", a, b)
	}
	// Each stays the same, and a callback's calls run on it too, below the call that waits.
	for range 20 {
		id, err := f.PassFn(long, func(ctx context.Context) (int32, error) { return tid(ctx), nil })
		if err != nil || id != first {
			t.Fatalf("%d, not %d: %v", id, first, err)
		}
		if id := tid(short); id != second {
			t.Fatalf("%d, not %d", id, second)
		}
	}
	// One whose goroutine a method ends is replaced.
	if _, err := f.CallIntFnAsync(short, exits); err == nil {
		t.Error("the method ended its goroutine, and returned")
	}
	third := tid(short)
	if name := comm(third); name != "a?b" {
		t.Errorf("the new thread's name is %q", name)
	}
	awaitEnd(t, second)

	releaseLong()
	if _, err := f.Add(t.Context(), 1, 2); err != nil { // takes the release along
		t.Fatal(err)
	}
	awaitEnd(t, first)
	borrowed := tid(t.Context())
	if name := comm(borrowed); name != "thread-1" {
		t.Errorf("the borrowed thread's name is %q", name)
	}
	f.conn.Close()
	awaitEnd(t, third)
	awaitEnd(t, borrowed)
	releaseShort()
}

// A pool's threads are such threads too, as many as it has.
func TestOSThreadPool(t *testing.T) {
	checkLeaks(t)
	f := dialThreads(t, tidServer{[]mprt.Option{mprt.WithOSThreads(), mprt.WithMaxThreads(3)}})
	wantError(t, f.conn.MakePool(t.Context(), 4), mprt.ErrOverloaded, "more than 3 threads")
	must(t, f.conn.MakePool(t.Context(), 2))
	ids := map[int32]bool{}
	for range 20 {
		id, err := f.CallIntFnAsync(mprt.WithPool(t.Context()), 0)
		must(t, err)
		ids[id] = true
	}
	if len(ids) > 2 {
		t.Errorf("%d threads", len(ids))
	}
	f.conn.Close()
	for id := range ids {
		awaitEnd(t, id)
	}
}
