package foo_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// What is keyed by thread behaves as in one process.

func TestRecursiveMutex(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		var m mprt.RecursiveMutex
		mine, release := mprt.WithThread(within(t), "mine")
		defer release()
		other, releaseOther := mprt.WithThread(within(t), "other")
		defer releaseOther()

		must(t, m.Lock(mine))
		// The peer's calls back, and theirs, are on the thread that holds it.
		const depth = 20
		var nested func(n int) foo.FooFn
		nested = func(n int) foo.FooFn {
			return func(ctx context.Context) (int32, error) {
				if err := m.Lock(ctx); err != nil {
					return 0, err
				}
				defer m.Unlock(ctx)
				if n == 0 {
					return 0, nil
				}
				return f.PassFn(ctx, nested(n-1))
			}
		}
		if _, err := f.PassFn(mine, nested(depth)); err != nil {
			t.Fatal(err)
		}
		// Those of others are not.
		_, err := f.PassFn(other, func(ctx context.Context) (int32, error) {
			if m.TryLock(ctx) {
				t.Error("two threads hold it")
			}
			given, giveUp := context.WithCancelCause(ctx)
			giveUp(errors.New("given up"))
			return 0, m.Lock(given)
		})
		wantError(t, err, nil, "given up")

		// It goes to who waits, once it was unlocked as often as it was locked.
		must(t, m.Lock(mine))
		got := make(chan error, 2)
		for range 2 {
			go func() { got <- m.Lock(other) }()
		}
		m.Unlock(mine)
		select {
		case err := <-got:
			t.Fatal("locked while another holds it:", err)
		default:
		}
		m.Unlock(mine)
		must(t, <-got)
		must(t, <-got)
		if m.TryLock(mine) {
			t.Error("two threads hold it")
		}
		m.Unlock(other)
		m.Unlock(other)
		if !m.TryLock(mine) {
			t.Error("nobody can lock it any more")
		}
		m.Unlock(mine)

		// Who has no thread has no mutex.
		if err := m.Lock(t.Context()); err == nil || m.TryLock(t.Context()) {
			t.Errorf("locked without a thread: %v", err)
		}
		for name, ctx := range map[string]context.Context{"a thread that does not hold it": mine, "no thread": t.Context()} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s can unlock it", name)
					}
				}()
				m.Unlock(ctx)
			}()
		}
	})
}

// Calls that go back and forth between three processes run on one goroutine in each, however deep they are nested.
func TestRecursionAmongThreeProcesses(t *testing.T) {
	checkLeaks(t)
	var f [2]*client
	var there [2]int32 // goroutines
	for i := range f {
		p, err := startProcess(0)
		must(t, err)
		t.Cleanup(func() {
			if err := p.stop(); err != nil {
				t.Error(err)
			}
		})
		f[i] = dialThreads(t, p)
	}
	const depth = 60
	here := goroutineID()
	var nested func(n int) foo.FooFn
	nested = func(n int) foo.FooFn {
		return func(ctx context.Context) (int32, error) {
			if id := goroutineID(); id != here {
				return 0, fmt.Errorf("depth %d runs on goroutine %d, not %d", n, id, here)
			}
			if n == depth {
				return depth, nil
			}
			i := n % 2
			id, err := f[i].CallIntFnAsync(ctx, goroutine)
			if err != nil {
				return 0, err
			}
			// The first call of a process came by another thread.
			if n >= 2 && id != there[i] {
				return 0, fmt.Errorf("depth %d is served by process %d on goroutine %d, not %d", n, i, id, there[i])
			}
			there[i] = id
			return f[i].PassFn(ctx, nested(n+1))
		}
	}
	ctx, release := mprt.WithThread(within(t), "main")
	defer release()
	if r, err := f[1].PassFn(ctx, nested(0)); err != nil || r != depth {
		t.Fatal(r, err)
	}
}

var manyCallers = flag.Int("callers", 1000, "how many goroutines call at once in TestThreadsComeAndGo, ten times each")

// Threads are released when those who called are gone, whatever their number was.
func TestThreadsComeAndGo(t *testing.T) {
	checkLeaks(t)
	callers, calls := *manyCallers, 10
	f := dialThreads(t, sameProcess{})
	var here, done sync.WaitGroup
	here.Add(callers)
	for i := range int32(callers) {
		done.Go(func() {
			for j := range int32(calls) {
				var err error
				switch {
				case j == 0: // all at once
					_, err = f.PassFn(t.Context(), func(context.Context) (int32, error) {
						here.Done()
						here.Wait()
						return i, nil
					})
				case i%100 == 0: // a thread of its own, of which half are forgotten
					ctx, release := mprt.WithThread(t.Context(), "own")
					_, err = f.CallIntFnAsync(ctx, 1)
					if j%2 == 0 {
						release()
					}
				default:
					_, err = f.CallIntFnAsync(t.Context(), 1)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done.Wait()
	// What is kept for the next calls, and the few objects of the connection itself.
	const kept, objects = 64, 8
	atRest := func(s mprt.Stats) bool {
		return s.Threads <= kept && s.Exports <= kept+objects && s.Imports <= kept+objects && s.Waiting == 0
	}
	ctx := within(t)
	for !atRest(f.conn.Stats()) {
		runtime.GC() // finds the forgotten
		if _, err := f.Add(ctx, 1, 2); err != nil {
			t.Fatalf("%v; %+v", err, f.conn.Stats())
		}
	}
}

// What a method runs is labelled for the profiler, and who waits for it keeps labels of its own.
func TestProfileLabels(t *testing.T) {
	checkLeaks(t)
	labels := mprt.WithProfileLabels()
	f := dialThreads(t, sameProcess{[]mprt.Option{labels}}, labels)
	ctx, release := mprt.WithThread(within(t), "labelled")
	defer release()
	pprof.Do(ctx, pprof.Labels("mine", "kept"), func(ctx context.Context) {
		for range 3 {
			_, err := f.PassFn(ctx, func(ctx context.Context) (int32, error) {
				wantLabels(t, `"interface":"FooFn"`, `"method":"call"`, `"peer":"server"`, `"thread":"labelled"`)
				if method, ok := pprof.Label(ctx, "method"); method != "call" || !ok {
					t.Errorf("the context is labelled %q", method)
				}
				// After a call within, they are the method's again.
				_, err := f.PassFn(ctx, func(context.Context) (int32, error) { return 0, nil })
				wantLabels(t, `"interface":"FooFn"`, `"method":"call"`)
				return 0, err
			})
			must(t, err)
			wantLabels(t, `"mine":"kept"`)
		}
	})
}

// wantLabels checks the labels of the goroutine that calls it.
func wantLabels(t *testing.T, want ...string) {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		t.Fatal(err)
	}
	for stack := range strings.SplitSeq(b.String(), "\n\n") {
		if !strings.Contains(stack, "foo_test.wantLabels") {
			continue
		}
		_, line, _ := strings.Cut(stack, "# labels: ")
		line, _, _ = strings.Cut(line, "\n")
		for _, label := range want {
			if !strings.Contains(line, label) {
				t.Errorf("labels %s, without %s", line, label)
			}
		}
		if len(want) == 1 && strings.Contains(line, "method") {
			t.Errorf("labels %s after the call", line)
		}
	}
}
