package foo_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/foocheck"
)

const (
	calledAfter   = "called after disconnect"
	interruptedBy = "interrupted by disconnect"
)

// wantAllFail expects that every kind of call says that it came too late.
func wantAllFail(t *testing.T, f *client) {
	t.Helper()
	ctx := within(t)
	named, release := mprt.WithThread(ctx, "late")
	defer release()
	_, err := f.Add(ctx, 1, 2)
	wantError(t, err, mprt.ErrDisconnected, calledAfter)
	wantError(t, f.CallFnAsync(ctx), mprt.ErrDisconnected, calledAfter)
	wantError(t, f.CallFnAsync(named), mprt.ErrDisconnected, calledAfter)
	wantError(t, f.CallFnAsync(mprt.WithPool(ctx)), mprt.ErrDisconnected, calledAfter)
	callback := foocheck.NewCallback()
	_, err = f.Callback(ctx, callback, 1)
	wantError(t, err, mprt.ErrDisconnected, calledAfter)
	// What went with the call has no other owner.
	must(t, callback.WaitClosed(ctx))
	wantError(t, f.InitThreadMap(ctx), mprt.ErrDisconnected, calledAfter)
	wantError(t, f.conn.MakePool(ctx, 1), mprt.ErrDisconnected, calledAfter)
	must(t, f.Close())
	_, err = f.Add(ctx, 1, 2)
	wantError(t, err, mprt.ErrClosed, "")
}

// A call fails with the peer's name also if the peer has never said what it offers.
func TestPeerNeverAnswers(t *testing.T) {
	checkLeaks(t)
	near, far := socketPair(t)
	conn := mprt.NewConn(near, nil, mprt.WithName("server"))
	defer conn.Close()
	f := foo.NewFooInterfaceClient(conn.Bootstrap())
	defer f.Close()
	far.Close()
	<-conn.Done()
	_, err := f.Add(t.Context(), 1, 2)
	wantError(t, err, mprt.ErrDisconnected, "FooInterface.add (server): called after disconnect")
	wantError(t, f.CallFnAsync(t.Context()), mprt.ErrDisconnected, "FooInterface.callFnAsync (server): called after disconnect")
}

func TestCallAfterClientClosed(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		must(t, f.CallFnAsync(within(t)))
		must(t, f.conn.Close())
		must(t, f.conn.Close())
		if err := f.conn.Err(); err != nil {
			t.Errorf("an orderly end is the error %v", err)
		}
		wantAllFail(t, f)
	})
}

func TestCallAfterServerClosed(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		_, err := f.CallIntFnAsync(within(t), closesConn)
		wantError(t, err, mprt.ErrDisconnected, interruptedBy)
		<-f.conn.Done()
		if err := f.conn.Err(); err != nil {
			t.Errorf("an orderly end is the error %v", err)
		}
		wantAllFail(t, f)
	})
}

// A server process that dies in a call ends that call and the connection.
func TestServerDies(t *testing.T) {
	p, err := startProcess(0)
	must(t, err)
	checkLeaks(t)
	f := dialThreads(t, p)
	wait := startBlocked(t, within(t), f, dial(t, p), blocks, number.Add(1))
	must(t, p.cmd.Process.Kill())
	wantError(t, wait(), mprt.ErrDisconnected, interruptedBy)
	wantAllFail(t, f)
	if err := p.stop(); err == nil {
		t.Error("the process was not killed")
	}
}

// The call fails at once, although its handler still runs, and goes on running.
func TestDisconnectDuringCall(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, other := dialThreads(t, s), dial(t, s)
		n := number.Add(1)
		wait := startBlocked(t, within(t), f, other, holds, n)
		must(t, f.conn.Close())
		wantError(t, wait(), mprt.ErrDisconnected, interruptedBy)
		wantAllFail(t, f)
		other.record(t, fmt.Sprint("go ", n))
		other.await(t, fmt.Sprint("held ", n))
	})
}

// A handler that is blocked in a call back is freed by the disconnect.
func TestDisconnectDuringCallback(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		ctx, cancel := context.WithCancel(within(t))
		_, err := f.PassFn(ctx, func(context.Context) (int32, error) {
			go func() {
				f.conn.Close()
				cancel()
			}()
			<-ctx.Done()
			return 0, nil
		})
		wantError(t, err, mprt.ErrDisconnected, interruptedBy)
	})
}

// startBlocked makes a call whose handler blocks in the server, and returns when it does. other is another connection.
func startBlocked(t *testing.T, ctx context.Context, f, other *client, what, n int32) (wait func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := f.CallIntFnAsync(ctx, code(what, n))
		done <- err
	}()
	other.await(t, fmt.Sprint("blocked ", n))
	return func() error { return <-done }
}

// A handler that waits for its context hears of the disconnect.
func TestHandlerHearsOfDisconnect(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, other := dialThreads(t, s), dial(t, s)
		ctx, n := within(t), number.Add(1)
		wait := startBlocked(t, ctx, f, other, blocks, n)
		must(t, f.conn.Close())
		wantError(t, wait(), mprt.ErrDisconnected, interruptedBy)
		other.await(t, fmt.Sprint("cancelled ", n))
	})
}

// Calls that wait for a thread when the connection ends never run.
func TestWorkerDestroyedBeforeItStarts(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f, other := dialThreads(t, s), dial(t, s)
		ctx, release := mprt.WithThread(within(t), "destroyed")
		defer release()
		n := number.Add(1)
		wait := startBlocked(t, ctx, f, other, lingers, n)
		var queued []*foo.FooInterface_CallIntFnAsyncCall
		for range 5 {
			queued = append(queued, f.StartCallIntFnAsync(ctx, forbidden))
		}
		// The server answers in order, so it has the calls that were started before.
		if _, err := f.Add(within(t), 1, 2); err != nil {
			t.Fatal(err)
		}
		must(t, f.conn.Close())
		wantError(t, wait(), mprt.ErrDisconnected, interruptedBy)
		for _, call := range queued {
			_, err := call.Wait()
			wantError(t, err, mprt.ErrDisconnected, interruptedBy)
		}
		other.await(t, fmt.Sprint("cancelled ", n)) // the server has noticed
		other.record(t, fmt.Sprint("go ", n))
		other.await(t, fmt.Sprint("held ", n))
		// The worker has nothing left now but the calls that must not run; the
		// checks of leaks and misdeeds wait for them.
	})
}

// Whatever a disconnect hits, a call ends, either with its result or with ErrDisconnected.
func TestDisconnectRaces(t *testing.T) {
	for name, end := range map[string]func(f *client){
		"client": func(f *client) { f.conn.Close() },
		"server": func(f *client) { f.StartCallIntFnAsync(context.Background(), closesConn).Finish() },
		"both": func(f *client) {
			f.StartCallIntFnAsync(context.Background(), closesConn).Finish()
			f.conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			over(t, func(t *testing.T, s server) {
				for i := range 40 {
					disconnectRace(t, s, i, end)
				}
			})
		})
	}
}

// disconnectRace has calls of all kinds race with the connection's end, which comes the later the larger delay is.
func disconnectRace(t *testing.T, s server, delay int, end func(*client)) {
	t.Helper()
	f := dialThreads(t, s)
	ctx := within(t)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for name, call := range map[string]func() error{
		"add": func() error { _, err := f.Add(ctx, 1, 2); return err },
		"callFnAsync": func() error {
			for range delay / 4 {
				if err := f.CallFnAsync(ctx); err != nil {
					return err
				}
			}
			return f.CallFnAsync(ctx)
		},
		"callback": func() error {
			callback := foocheck.NewCallback()
			_, err := f.Callback(ctx, callback, 1)
			// Whoever has it at the end closes it.
			return errors.Join(err, callback.WaitClosed(ctx))
		},
		"saveCallback": func() error {
			callback := foocheck.NewCallback()
			if err := f.SaveCallback(ctx, callback); err != nil {
				return errors.Join(err, callback.WaitClosed(ctx))
			}
			_, err := f.CallbackSaved(ctx, 1)
			return err
		},
		"passFn": func() error {
			_, err := f.PassFn(ctx, func(ctx context.Context) (int32, error) { return f.CallIntFnAsync(ctx, 1) })
			return err
		},
		"makePool": func() error { return f.conn.MakePool(ctx, 1) },
	} {
		wg.Go(func() {
			<-start
			if err := call(); err != nil && !errors.Is(err, mprt.ErrDisconnected) && !strings.Contains(err.Error(), "disconnect") {
				t.Errorf("delay %d: %s: %v", delay, name, err)
			}
		})
	}
	close(start)
	for range delay * 5 {
		runtime.Gosched()
	}
	end(f)
	wg.Wait()
	f.conn.Close()
	wantAllFail(t, f)
}

// An object that the server keeps can be destroyed after the peer that has it went: that is no error.
func TestDestroyAfterPeerWent(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		callback := foocheck.NewCallback()
		f := dialThreads(t, s)
		f.saving(t, callback)
		must(t, f.conn.Close())
		// It is closed here because nobody can call it any more; the server's
		// Close of its proxy is checked by misdeeds.
		must(t, callback.WaitClosed(within(t)))
	})
}

// A proxy client may be closed many times, and by many at a time.
func TestCloseTwice(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		_, err := f.Add(within(t), 1, 2)
		wantError(t, err, mprt.ErrClosed, "FooInterface.add (server): proxy client is closed")
		for range 10 {
			wg.Go(func() {
				if err := f.conn.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// A connection may be closed from anywhere: here, from a callback that the server waits for.
func TestCloseInCallback(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		f := dialThreads(t, s)
		_, err := f.PassFn(within(t), func(context.Context) (int32, error) { return 0, f.conn.Close() })
		wantError(t, err, mprt.ErrDisconnected, interruptedBy)
	})
}
