package foo_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/foocheck"
)

// Calls from one thread run one at a time and in order, the first of them while the others are on their way.
func TestCallsQueueOnOneThread(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		ctx, release := mprt.WithThread(within(t), "queue")
		defer release()
		started := false
		f.saving(t, callbackFunc(func(context.Context, int32) (int32, error) {
			if !started {
				return 0, errors.New("the first call was waited for before the others were started")
			}
			return 0, nil
		}))
		const n = 50
		first := f.StartCallbackSaved(ctx, 0)
		var calls []*foo.FooInterface_CallIntFnAsyncCall
		for range n {
			calls = append(calls, f.StartCallIntFnAsync(ctx, next))
		}
		started = true
		if _, err := first.Wait(); err != nil {
			t.Fatal(err)
		}
		for i, call := range calls {
			if r, err := call.Wait(); err != nil || r != int32(i) {
				t.Fatalf("call %d ran as number %d: %v", i, r, err)
			}
		}
	})
}

// Calls from different threads run at the same time: each waits for all.
func TestThreadsRunAtOnce(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		const n = 10
		meetAt(t, n, func(meet foo.FooFn) (int32, error) { return f.PassFn(ctx, meet) })
	})
}

// meetAt makes n calls at a time, whose function returns when all n have been called.
func meetAt(t *testing.T, n int, call func(foo.FooFn) (int32, error)) {
	t.Helper()
	var here, done sync.WaitGroup
	here.Add(n)
	for i := range n {
		done.Go(func() {
			r, err := call(func(context.Context) (int32, error) {
				here.Done()
				here.Wait()
				return int32(i), nil
			})
			if err != nil || r != int32(i) {
				t.Errorf("call %d: %d, %v", i, r, err)
			}
		})
	}
	done.Wait()
}

// nameOf is the name of the thread that a call runs on in the server.
func nameOf(f *client, ctx context.Context) string {
	_, err := f.CallIntFnAsync(ctx, threadName)
	var remote *mprt.RemoteError
	if !errors.As(err, &remote) {
		return fmt.Sprint(err)
	}
	return remote.Error()
}

func TestThreadNames(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s, mprt.WithThreadName("borrowed")), within(t)
		if name := nameOf(f, ctx); name != "borrowed-1" {
			t.Errorf("a borrowed thread is called %q", name)
		}
		named, release := mprt.WithThread(ctx, "named")
		defer release()
		if name := nameOf(f, named); name != "named" {
			t.Errorf("a named thread is called %q", name)
		}
		here := mprt.ThreadName(named)
		var there string
		_, err := f.PassFn(named, func(ctx context.Context) (int32, error) {
			there = mprt.ThreadName(ctx)
			return 0, nil
		})
		if err != nil || here != "named" || there != "named" {
			t.Errorf("%q, %q in a callback: %v", here, there, err)
		}
		if name := mprt.ThreadName(ctx); name != "" {
			t.Errorf("a plain context has thread %q", name)
		}
	})
}

func TestPool(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		pool := mprt.WithPool(ctx)
		const noPool = "no thread specified and no pool configured"

		_, err := f.CallIntFnAsync(pool, 1)
		wantError(t, err, nil, noPool)
		must(t, f.conn.MakePool(ctx, 0))
		_, err = f.CallIntFnAsync(pool, 1)
		wantError(t, err, nil, noPool)

		const size = 3
		must(t, f.conn.MakePool(ctx, size))
		wantError(t, f.conn.MakePool(ctx, size), nil, "makePool called on connection with existing pool")
		// As many calls as the pool has threads run at a time, so each got one of its own.
		meetAt(t, size, func(meet foo.FooFn) (int32, error) { return f.PassFn(pool, meet) })
		for i := range 5 * size {
			if r, err := f.CallIntFnAsync(pool, int32(i)); err != nil || r != 2*int32(i) {
				t.Fatal(r, err)
			}
		}
		// A callback's calls go to the thread that waits for them, not to the pool.
		outer, err := f.PassFn(pool, func(ctx context.Context) (int32, error) { return f.CallIntFnAsync(ctx, goroutine) })
		must(t, err)
		if outer == 0 {
			t.Error("no goroutine")
		}
	})
}

// Without thread maps there is neither thread nor pool.
func TestNoThread(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dial(t, s), within(t)
		wantError(t, f.CallFnAsync(ctx), mprt.ErrNoThread, "FooInterface.callFnAsync (server): the peer has given no thread map")
		wantError(t, f.conn.MakePool(ctx, 1), mprt.ErrNoThread, "makePool")
		named, release := mprt.WithThread(ctx, "named")
		defer release()
		wantError(t, f.CallFnAsync(named), mprt.ErrNoThread, "")
		// The peer says so itself.
		wantError(t, f.CallFnAsync(mprt.WithPool(ctx)), nil, "no thread specified and no pool configured")
		// What needs no thread works.
		if n, err := f.Add(ctx, 1, 2); err != nil || n != 3 {
			t.Error(n, err)
		}
	})
}

// What stands for a thread in a context must be one that this connection's peer was given.
func TestInvalidThread(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, other, ctx := dialThreads(t, s), dialThreads(t, s), within(t)
		callback := foocheck.NewCallback()
		add := f.StartAdd(ctx, 1, 2)
		defer add.Finish()
		raw := func(f *client, thread func(mprt.Builder)) error {
			call, err := f.Begin(ctx, &mprt.Method{
				InterfaceID: foo.FooInterface_ID, InterfaceName: "FooInterface",
				ID: foo.FooInterface_CallFnAsync_ID, Name: "callFnAsync",
				ParamsSize: capnp.ObjectSize{PointerCount: 1},
			})
			if err != nil {
				return err
			}
			defer call.Finish()
			thread(call.Params().NewStruct(0, capnp.ObjectSize{PointerCount: 2}))
			_, err = call.Do()
			return err
		}
		for name, thread := range map[string]func(mprt.Builder){
			"an object of the server":  func(b mprt.Builder) { b.SetCapability(0, f.Capability()) },
			"an object of the client":  func(b mprt.Builder) { foo.FooCallbackProxy.Set(b, 0, callback) },
			"one of another client":    func(b mprt.Builder) { b.SetCapability(0, other.Capability()) },
			"a broken promise":         func(b mprt.Builder) { b.SetCapability(0, mprt.Broken(errors.New("it broke"))) },
			"the result of a bad call": func(b mprt.Builder) { b.SetCapability(0, add.Pipeline(0)) },
		} {
			t.Run(name, func(t *testing.T) { wantError(t, raw(f, thread), nil, "invalid thread handle") })
		}
		err := raw(f, func(mprt.Builder) {})
		wantError(t, err, nil, "no thread specified and no pool configured")
		must(t, f.CallFnAsync(ctx))
		must(t, callback.WaitClosed(ctx))
	})
}

// Callbacks run on the goroutine that waits, however deep the calls are nested, and so do their calls in the server.
func TestRecursion(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		const depth = 100
		here := goroutineID()
		there, err := f.CallIntFnAsync(ctx, goroutine)
		must(t, err)
		there = 0
		var nested func(n int32) foo.FooFn
		nested = func(n int32) foo.FooFn {
			return func(ctx context.Context) (int32, error) {
				if id := goroutineID(); id != here {
					return 0, fmt.Errorf("depth %d runs on goroutine %d, not %d", n, id, here)
				}
				id, err := f.CallIntFnAsync(ctx, goroutine)
				if err != nil {
					return 0, err
				}
				if there == 0 {
					there = id
				}
				if id != there {
					return 0, fmt.Errorf("depth %d is served on goroutine %d, not %d", n, id, there)
				}
				if n == 0 {
					return 0, nil
				}
				r, err := f.PassFn(ctx, nested(n-1))
				return r + 1, err
			}
		}
		if r, err := f.PassFn(ctx, nested(depth)); err != nil || r != depth {
			t.Fatal(r, err)
		}
	})
}

// A callback of any interface runs on the waiting goroutine, also that which closes the object.
func TestCallbacksRunWhereTheCallWaits(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		for _, thread := range []string{"", "named"} {
			ctx := within(t)
			if thread != "" {
				named, release := mprt.WithThread(ctx, thread)
				defer release()
				ctx = named
			}
			here := goroutineID()
			for name, call := range map[string]func(*whereCallback) (int32, error){
				"callback":         func(c *whereCallback) (int32, error) { return f.Callback(ctx, c, 1) },
				"callbackUnique":   func(c *whereCallback) (int32, error) { return f.CallbackUnique(ctx, c, 1) },
				"callbackShared":   func(c *whereCallback) (int32, error) { return f.CallbackShared(ctx, c, 1) },
				"callbackExtended": func(c *whereCallback) (int32, error) { return f.CallbackExtended(ctx, c, 1) },
			} {
				c := new(whereCallback)
				if _, err := call(c); err != nil {
					t.Fatal(err)
				}
				if c.called != here || c.closed != here {
					t.Errorf("%s: called on goroutine %d and closed on %d, not %d", name, c.called, c.closed, here)
				}
			}
		}
	})
}

// whereCallback remembers the goroutines it was called and closed on.
type whereCallback struct{ called, closed int32 }

func (c *whereCallback) Call(context.Context, int32) (int32, error) {
	c.called = goroutineID()
	return 0, nil
}

func (c *whereCallback) CallExtended(ctx context.Context, arg int32) (int32, error) {
	return c.Call(ctx, arg)
}

func (c *whereCallback) Close() error {
	c.closed = goroutineID()
	return nil
}

// A callback that was kept is called on the goroutine that waits for whoever calls it.
func TestSavedCallback(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		callback := foocheck.NewCallback()
		f.saving(t, callback)
		var wg sync.WaitGroup
		for i := range int32(8) {
			wg.Go(func() {
				for j := range int32(20) {
					if r, err := f.CallbackSaved(ctx, i*j); err != nil || r != 2*i*j {
						t.Error(r, err)
						return
					}
				}
			})
		}
		wg.Wait()
		// Its last reference goes when another takes its place.
		other := foocheck.NewCallback()
		f.saving(t, other)
		must(t, callback.WaitClosed(ctx))
		f.saving(t, nil)
		must(t, other.WaitClosed(ctx))
	})
}

// Threads of many callers at once, each with callbacks.
func TestManyCallers(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, ctx := dialThreads(t, s), within(t)
		var wg sync.WaitGroup
		for i := range int32(16) {
			wg.Go(func() {
				for j := range int32(10) {
					callback := foocheck.NewCallback()
					if r, err := f.Callback(ctx, callback, i+j); err != nil || r != 2*(i+j) {
						t.Error(r, err)
						return
					}
					if r, err := f.CallIntFnAsync(ctx, i*j); err != nil || r != 2*i*j {
						t.Error(r, err)
						return
					}
					if r, err := f.Add(ctx, i, j); err != nil || r != i+j {
						t.Error(r, err)
						return
					}
					if err := callback.WaitClosed(ctx); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// Goroutines may share a thread: their calls run one at a time, and each gets its own result.
func TestSharedThread(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		ctx, release := mprt.WithThread(within(t), "shared")
		defer release()
		var wg sync.WaitGroup
		for i := range int32(8) {
			wg.Go(func() {
				for j := range int32(20) {
					r, err := f.PassFn(ctx, func(context.Context) (int32, error) { return i * j, nil })
					if err != nil || r != i*j {
						t.Error(r, err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}
