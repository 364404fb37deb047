package foo_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/foocheck"
)

var errGaveUp = errors.New("gave up")

// A call that its caller gives up on ends at once, and its handler is told. One call or another leads, that is, reads
// the connection for all; any of them can be given up on, in any order.
func TestCancel(t *testing.T) {
	for _, order := range [][]int{{0}, {0, 1}, {1, 0}, {2, 0, 1}, {0, 1, 2}, {2, 1, 0}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			over(t, func(t *testing.T, s server) {
				f, other := dialThreads(t, s), dial(t, s)
				var waits []func() error
				var cancels []context.CancelCauseFunc
				var ids []int32
				for range order {
					ctx, cancel := context.WithCancelCause(within(t))
					n := number.Add(1)
					waits = append(waits, startBlocked(t, ctx, f, other, blocks, n))
					cancels, ids = append(cancels, cancel), append(ids, n)
				}
				for _, i := range order {
					cancels[i](errGaveUp)
					wantError(t, waits[i](), errGaveUp, "FooInterface.callIntFnAsync (server): gave up")
					other.await(t, fmt.Sprint("cancelled ", ids[i]))
					// The connection goes on, and so do other calls.
					if n, err := f.Callback(within(t), foocheck.NewCallback(), 4); err != nil || n != 8 {
						t.Fatal(n, err)
					}
				}
			})
		})
	}
}

// A context that has ended already lets no call through.
func TestCancelledBefore(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		ctx, cancel := context.WithCancelCause(within(t))
		cancel(errGaveUp)
		_, err := f.CallIntFnAsync(ctx, forbidden)
		wantError(t, err, errGaveUp, "")
		callback := foocheck.NewCallback()
		_, err = f.Callback(ctx, callback, 1)
		wantError(t, err, errGaveUp, "")
	})
}

func TestDeadline(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, other := dialThreads(t, s), dial(t, s)
		n := number.Add(1)
		ctx, cancel := context.WithTimeout(within(t), 20*time.Millisecond)
		defer cancel()
		_, err := f.CallIntFnAsync(ctx, code(blocks, n))
		wantError(t, err, context.DeadlineExceeded, "FooInterface.callIntFnAsync (server): context deadline exceeded")
		_, err = f.CallIntFnAsync(ctx, forbidden)
		wantError(t, err, context.DeadlineExceeded, "")
		if n, err := other.Add(within(t), 1, 2); err != nil || n != 3 {
			t.Fatal(n, err)
		}
		must(t, f.CallFnAsync(within(t)))
	})
}

// The server may run a call to its end that its caller gave up on. Other calls do not wait for it, whichever threads
// they borrow.
func TestAbandonedHoldsUpNobody(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, other := dialThreads(t, s), dial(t, s)
		for range 3 {
			ctx, cancel := context.WithCancelCause(within(t))
			n := number.Add(1)
			wait := startBlocked(t, ctx, f, other, holds, n)
			defer other.record(t, fmt.Sprint("go ", n))
			cancel(errGaveUp)
			wantError(t, wait(), errGaveUp, "")
			for range 3 {
				if r, err := f.CallIntFnAsync(within(t), 1); err != nil || r != 2 {
					t.Fatal(r, err)
				}
			}
		}
	})
}

// A call that is given up on while it waits for its turn is never run.
func TestCancelQueued(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, other := dialThreads(t, s), dial(t, s)
		ctx, release := mprt.WithThread(within(t), "busy")
		defer release()
		n := number.Add(1)
		wait := startBlocked(t, ctx, f, other, holds, n)
		f.StartCallIntFnAsync(ctx, forbidden).Finish()
		// The server answers in order, so it has heard of the end of the other.
		if _, err := f.Add(within(t), 1, 2); err != nil {
			t.Fatal(err)
		}
		other.record(t, fmt.Sprint("go ", n))
		must(t, wait())
		must(t, f.CallFnAsync(ctx))
	})
}

// What goes wrong in a handler is an error of its caller, and of nobody else.
func TestHandlerDies(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		named, release := mprt.WithThread(ctx, "named")
		defer release()
		for _, ctx := range []context.Context{ctx, named} {
			for range 3 {
				_, err := f.CallIntFnAsync(ctx, panics)
				wantError(t, err, nil, "FooInterface.callIntFnAsync (server): panic: the handler panics")
				_, err = f.CallIntFnAsync(ctx, exits)
				wantError(t, err, nil, "FooInterface.callIntFnAsync (server): the method called runtime.Goexit")
				_, err = f.CallIntFnAsync(ctx, badError)
				wantError(t, err, nil, "panic: runtime error: invalid memory address")
				_, err = f.CallIntFnAsync(ctx, lastError)
				wantError(t, err, nil, "the method called runtime.Goexit")
				if r, err := f.CallIntFnAsync(ctx, 1); err != nil || r != 2 {
					t.Fatal(r, err)
				}
			}
		}
	})
}

// panickyCallback panics in Close, which nobody waits for when the peer lets go of
// the object, or leaves.
type panickyCallback struct{ foo.FooCallback }

func (panickyCallback) Close() error { panic("Close panics") }

// A panic of Close is logged, and harms nobody.
func TestClosePanics(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		logged := make(chan string, 1)
		f := dialThreads(t, s, mprt.WithLogger(slog.New(slog.NewTextHandler(sink(logged), &slog.HandlerOptions{Level: slog.LevelError}))))
		f.saving(t, panickyCallback{})
		f.conn.Close()
		if line := <-logged; !strings.Contains(line, `msg="Close failed" interface=FooCallback peer=server error="panic: Close panics"`) {
			t.Error(line)
		}
		if r, err := dial(t, s).Add(within(t), 1, 2); err != nil || r != 3 {
			t.Fatal(r, err)
		}
	})
}

// sink is a log of one line.
type sink chan<- string

func (s sink) Write(b []byte) (int, error) {
	s <- string(b)
	return len(b), nil
}

// A callback that panics is an error of the handler that called it.
func TestCallbackPanics(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		_, err := f.PassFn(ctx, func(context.Context) (int32, error) { panic("the callback panics") })
		wantError(t, err, nil, "panic: the callback panics")
		if r, err := f.PassFn(ctx, func(context.Context) (int32, error) { return 5, nil }); err != nil || r != 5 {
			t.Fatal(r, err)
		}
	})
}

// A callback that ends its goroutine ends the call that waits on it, and nothing else.
func TestCallbackExits(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		for range 10 {
			returned, gone := false, make(chan struct{})
			go func() {
				defer close(gone)
				f.PassFn(ctx, func(context.Context) (int32, error) {
					runtime.Goexit()
					return 0, nil
				})
				returned = true
			}()
			<-gone
			if returned {
				t.Error("the goroutine was not ended")
			}
			if r, err := f.PassFn(ctx, func(context.Context) (int32, error) { return 5, nil }); err != nil || r != 5 {
				t.Fatal(r, err)
			}
		}
	})
}

// A served method's context ends with the method.
func TestContextEndsWithTheMethod(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		var kept context.Context
		_, err := f.PassFn(ctx, func(ctx context.Context) (int32, error) {
			kept = ctx
			if _, ok := ctx.Deadline(); ok || ctx.Err() != nil {
				return 0, errors.New("the context has ended, or will")
			}
			return 0, nil
		})
		must(t, err)
		<-kept.Done()
		if kept.Err() != context.Canceled {
			t.Error(kept.Err())
		}
		derived, cancel := context.WithCancel(kept)
		defer cancel()
		<-derived.Done()
		// It can still be called with, on any thread.
		if name := mprt.ThreadName(kept); name != "" {
			t.Errorf("thread %q", name)
		}
	})
}
