package foo_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/foocheck"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

// keeper is an object that this side offers to the server, and which keeps what it is given.
type keeper struct{ *fooimpl.Foo }

// connectBothWays returns a connection on which the server can call the keeper.
func connectBothWays(t *testing.T, s server, opts ...mprt.Option) (*client, *keeper) {
	t.Helper()
	k := &keeper{new(fooimpl.Foo)}
	f := dialOffering(t, s, foo.NewFooInterfaceServer(k), opts...)
	must(t, f.InitThreadMap(t.Context()))
	return f, k
}

// A proxy that comes back to the process of its object becomes the object.
func TestObjectComesHome(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, k := connectBothWays(t, s)
		callback := foocheck.NewCallback()
		f.saving(t, callback)
		if _, err := f.CallIntFnAsync(within(t), giveBack); err != nil {
			t.Fatal(err)
		}
		if k.Saved() != foo.FooCallback(callback) {
			t.Errorf("it came back as %#v", k.Saved())
		}
		// The server still has it.
		if r, err := f.CallbackSaved(within(t), 2); err != nil || r != 4 {
			t.Error(r, err)
		}
		f.saving(t, nil)
		must(t, callback.WaitClosed(within(t)))
	})
}

// What the server passes to an object of this side is an object like any other.
func TestObjectOfTheServer(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, k := connectBothWays(t, s)
		n := number.Add(1)
		if _, err := f.CallIntFnAsync(within(t), code(giveOwn, n)); err != nil {
			t.Fatal(err)
		}
		if r, err := k.CallbackSaved(within(t), 100); err != nil || r != 100+n {
			t.Error(r, err)
		}
		proxy := k.Saved().(*foo.FooCallbackClient)
		must(t, proxy.Close())
		_, err := k.CallbackSaved(within(t), 100)
		wantError(t, err, mprt.ErrClosed, "FooCallback.call (server)")
		// Close has waited for that of the object.
		if err := dial(t, s).happened(t, fmt.Sprint("closed ", n)); err != nil {
			t.Error(err)
		}
		must(t, k.Close())
	})
}

// happened fails unless the event has happened already.
func (c *client) happened(t *testing.T, event string) error {
	t.Helper()
	_, err := c.MapSize(within(t), map[string]string{"happened": event})
	return err
}

// Calls on a proxy that was passed on to a third process go through the one between.
func TestThreeProcesses(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		home, k := connectBothWays(t, s)
		third := dialThreads(t, s)
		n := number.Add(1)
		if _, err := home.CallIntFnAsync(within(t), code(giveOwn, n)); err != nil {
			t.Fatal(err)
		}
		third.saving(t, k.Saved())
		for i := range int32(10) {
			if r, err := third.CallbackSaved(within(t), i); err != nil || r != i+n {
				t.Fatal(r, err)
			}
		}
		// It is destroyed through all three, and before saveCallback returns.
		third.saving(t, nil)
		if err := home.happened(t, fmt.Sprint("closed ", n)); err != nil {
			t.Error(err)
		}
	})
}

// When one of three goes, the others hear of it.
func TestThirdProcessGoes(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		home, k := connectBothWays(t, s)
		third, other := dialThreads(t, s), dial(t, s)
		n := number.Add(1)
		if _, err := home.CallIntFnAsync(within(t), code(giveOwn, n)); err != nil {
			t.Fatal(err)
		}
		third.saving(t, k.Saved())
		must(t, home.conn.Close())
		other.await(t, fmt.Sprint("closed ", n))
		_, err := third.CallbackSaved(within(t), 1)
		wantError(t, err, nil, calledAfter)
		// The one between goes on.
		must(t, third.CallFnAsync(within(t)))
		third.saving(t, nil)
	})
}

// What is dropped without Close is collected, and reported.
func TestCollected(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		leaked := make(chan mprt.Leak, 1)
		f, k := connectBothWays(t, s, mprt.WithLeakReport(func(l mprt.Leak) { leaked <- l }))
		n := number.Add(1)
		if _, err := f.CallIntFnAsync(within(t), code(giveOwn, n)); err != nil {
			t.Fatal(err)
		}
		forget(k)
		ctx := within(t)
		for {
			runtime.GC()
			select {
			case leak := <-leaked:
				if leak.Interface != "FooCallback" || !strings.Contains(leak.Stack, "NewFooCallbackClient") {
					t.Errorf("a leak: %s", leak)
				}
				dial(t, s).await(t, fmt.Sprint("closed ", n))
				return
			case <-ctx.Done():
				t.Fatal("it is not collected")
			default:
			}
		}
	})
}

// forget has the keeper forget what it keeps, without closing it.
func forget(k *keeper) { k.Foo = new(fooimpl.Foo) }

// A function that the server received is released when the server's collector finds it.
func TestFunctionIsCollected(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		ctx := within(t)
		collected(t, f, passAndForget(t, f, ctx))
	})
}

// collected waits until something that a server got has been collected there, and here.
func collected(t *testing.T, f *client, released <-chan struct{}) {
	t.Helper()
	ctx := within(t)
	for {
		// Both sides' collectors have to run.
		runtime.GC()
		if _, err := f.PassDouble(ctx, 1); err != nil {
			t.Fatal(err)
		}
		select {
		case <-released:
			return
		case <-ctx.Done():
			t.Fatal("it is not collected")
		default:
		}
	}
}

// passAndForget passes a function, and tells when nothing refers to it any more.
func passAndForget(t *testing.T, f *client, ctx context.Context) (released chan struct{}) {
	t.Helper()
	released = make(chan struct{})
	held := &[64]byte{1: 7}
	runtime.AddCleanup(held, func(c chan struct{}) { close(c) }, released)
	r, err := f.PassFn(ctx, func(context.Context) (int32, error) { return int32(held[1]), nil })
	if err != nil || r != 7 {
		t.Fatal(r, err)
	}
	return released
}

// An object may be passed again after it was destroyed: it is closed each time.
func TestPassedTwice(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, c := dialThreads(t, s), new(countingCallback)
		for i := range 3 {
			if _, err := f.Callback(within(t), c, 1); err != nil {
				t.Fatal(err)
			}
			if c.called != i+1 || c.closed != i+1 {
				t.Errorf("called %d times and closed %d times, after %d calls", c.called, c.closed, i+1)
			}
		}
	})
}

// countingCallback runs on one goroutine.
type countingCallback struct{ called, closed int }

func (c *countingCallback) Call(context.Context, int32) (int32, error) {
	c.called++
	return 0, nil
}

func (c *countingCallback) Close() error {
	c.closed++
	return nil
}

// That an object's Close fails is an error of whoever destroys it.
func TestCloseFails(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		_, err := f.Callback(within(t), failingClose{}, 1)
		wantError(t, err, nil, "cannot close")
	})
}

type failingClose struct{}

func (failingClose) Call(context.Context, int32) (int32, error) { return 0, nil }
func (failingClose) Close() error                               { return errors.New("cannot close") }
