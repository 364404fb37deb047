package vat

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

// waits returns once a goroutine waits for q on its connection.
func waits(q *Question) {
	for {
		q.c.mu.Lock()
		waiting := q.follower >= 0 || q.c.leader == q
		q.c.mu.Unlock()
		if waiting {
			return
		}
		runtime.Gosched()
	}
}

// heldPromise returns a promise of a connection that holds its calls until deliverHeld although its target, which it
// takes over, is known: as one does that waits for a disembargo.
func heldPromise(c *Conn, target *Cap) *Cap {
	p := newPromise(kindImportedPromise, c)
	p.promise.holding = true
	p.promise.target = target
	return p
}

// A call is held on one connection, and somebody waits for it there, when its target turns out to be elsewhere.
func TestHeldCallGoesElsewhere(t *testing.T) {
	other, _ := pair(t, newFuncServer(echo), nil)
	for _, test := range []struct {
		name   string
		target func() *Cap
		fails  bool
	}{
		{"local", func() *Cap { return NewServer(newFuncServer(echo)) }, false},
		{"another connection", other.Bootstrap, false},
		{"held on another connection", func() *Cap {
			p := heldPromise(other, NewServer(newFuncServer(echo)))
			go p.deliverHeld()
			return p
		}, false},
		{"broken", func() *Cap { return NewBroken(errors.New("broken")) }, true},
		{"null", func() *Cap { return NewBroken(ErrNull) }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, _ := pair(t, newFuncServer(echo), nil)
			for range 20 {
				p := heldPromise(client, test.target())
				ended := make(chan error)
				const calls = 5
				for i := range uint64(calls) {
					q, err := NewQuestion(p, 1, 0, size11)
					if err != nil {
						t.Fatal(err)
					}
					q.Params().SetUint64(0, i)
					q.Send()
					go func() {
						err := q.Wait(t.Context(), nil)
						if err == nil && q.Results().Uint64(0) != i {
							err = errors.New("the results of another call")
						}
						q.Release()
						ended <- err
					}()
					waits(q)
				}
				p.deliverHeld()
				for range calls {
					if err := <-ended; (err != nil) != test.fails {
						t.Fatal(err)
					}
				}
				p.promise.target.Release()
				p.promise.target = nil
			}
		})
	}
}

// The callee hears of it when the caller gives up on a call that went elsewhere.
func TestHeldCallElsewhereIsDropped(t *testing.T) {
	client, _ := pair(t, newFuncServer(echo), nil)
	started, cancelled := make(chan struct{}), make(chan error, 1)
	blocked := newFuncServer(func(call *Call) error {
		close(started)
		err := <-call.exec.(*funcServer).ended
		cancelled <- err
		return err
	})
	p := heldPromise(client, NewServer(blocked))
	q, err := NewQuestion(p, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	q.Send()
	delivered := make(chan struct{})
	go func() {
		p.deliverHeld()
		close(delivered)
	}()
	<-started
	q.Release()
	<-cancelled
	<-delivered
}

// A call that waits for a promise arrives although its caller has let go of
// the promise since.
func TestHeldCallOutlivesItsPromise(t *testing.T) {
	returns := make(chan struct{})
	object := NewServer(newFuncServer(echo))
	maker := NewServer(newFuncServer(func(call *Call) error {
		<-returns
		r, err := call.Results(size11)
		if err != nil {
			return err
		}
		return r.SetPtr(0, call.AddCap(object))
	}))
	defer maker.Release()
	making, err := NewQuestion(maker, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	making.Send()
	promise := making.Pipeline(0)
	held, err := NewQuestion(promise, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	held.Params().SetUint64(0, 42)
	held.Send()
	promise.Release()
	close(returns)
	if err := making.Wait(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	making.Release()
	ctx, cancel := context.WithTimeout(t.Context(), modelPatience)
	defer cancel()
	if err := held.Wait(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if n := held.Results().Uint64(0); n != 42 {
		t.Errorf("got %d", n)
	}
}
