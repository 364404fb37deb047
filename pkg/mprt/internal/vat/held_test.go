package vat

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
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
	p := newPromise(importedPromise, c)
	p.promise().holding = true
	p.promise().target = target
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
				p.promise().target.Release()
				p.promise().target = nil
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

// Calls that were given up while they waited for a promise leave nothing behind in it, and those that remain arrive in
// order.
func TestHeldCallsGivenUp(t *testing.T) {
	client, _ := pair(t, newFuncServer(echo), nil)
	var got []uint64
	object := newFuncServer(func(call *Call) error {
		got = append(got, call.Params.Uint64(0))
		return echo(call)
	})
	p := heldPromise(client, NewServer(object))
	const calls, every = 10_000, 1000
	var kept []*Question
	for i := range uint64(calls) {
		q, err := NewQuestion(p, 1, 0, size11)
		if err != nil {
			t.Fatal(err)
		}
		q.Params().SetUint64(0, i)
		q.Send()
		if i%every == 0 {
			kept = append(kept, q)
		} else {
			q.Release()
		}
	}
	if n := len(p.promise().held); n > 2*calls/every+16 {
		t.Errorf("%d calls are held, of which %d wait", n, calls/every)
	}
	p.deliverHeld()
	for _, q := range kept {
		if err := q.Wait(t.Context(), nil); err != nil {
			t.Error(err)
		}
		q.Release()
	}
	if len(got) != calls/every {
		t.Fatalf("%d calls arrived", len(got))
	}
	for i, n := range got {
		if n != uint64(i)*every {
			t.Errorf("call %d came at place %d", n, i)
		}
	}
	p.promise().target.Release()
	p.promise().target = nil
}

// A promise that peers were given, and have let go of, keeps nothing of them: not of those who are still there, and not
// of those who have left.
func TestPromiseForgetsItsExports(t *testing.T) {
	returns := make(chan struct{})
	maker := newFuncServer(func(call *Call) error {
		<-returns
		return echo(call)
	})
	holder, _ := pair(t, maker, nil)
	making, err := NewQuestion(holder.Bootstrap(), 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	making.Send()
	promise := making.Pipeline(0)
	registered := func() int {
		holder.mu.Lock()
		defer holder.mu.Unlock()
		n := 0
		for _, w := range promise.promise().then {
			if w.waits() {
				n++
			}
		}
		return n
	}
	give := NewServer(newFuncServer(func(call *Call) error {
		r, err := call.Results(size11)
		if err != nil {
			return err
		}
		return r.SetPtr(0, call.AddCap(promise.AddRef()))
	}))
	for range 20 {
		a, b := socketPair(t)
		client, server := New(a, nil, Options{}), New(b, give.AddRef(), Options{})
		client.Start()
		server.Start()
		boot := client.Bootstrap()
		for range 50 {
			q, err := NewQuestion(boot, 1, 0, size11)
			if err != nil {
				t.Fatal(err)
			}
			q.Send()
			if err := q.Wait(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			q.Release() // and with it the promise
		}
		client.Close()
		<-server.Done()
	}
	// Each is told to the promise by a goroutine of its own.
	for deadline := time.Now().Add(modelPatience); registered() > 0 && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if n := registered(); n > 0 {
		t.Errorf("the promise would tell %d", n)
	}
	if n := len(promise.promise().then); n > 100 {
		t.Errorf("it keeps %d entries", n)
	}
	give.Release()
	promise.Release()
	making.Release()
	close(returns)
}

// What is made of a call's params counts against the connection's limit until it returns.
func TestHold(t *testing.T) {
	a, b := socketPair(t)
	results := make(chan error, 2)
	first, second := make(chan struct{}), make(chan struct{})
	one := newFuncServer(func(call *Call) error {
		results <- call.Hold(1 << 20)
		close(first)
		<-second
		return nil
	})
	two := NewServer(newFuncServer(func(call *Call) error {
		results <- call.Hold(2 << 20)
		close(second)
		return nil
	}))
	client, server := New(a, nil, Options{}), New(b, NewServer(one), Options{MaxHeld: 2 << 20})
	client.Start()
	server.Start()
	defer server.Close()
	defer client.Close()
	server.Pin(two) // export 0; the bootstrap object is the next
	boot := client.Bootstrap()
	client.mu.Lock()
	other, err := client.imported(0, false)
	client.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	call := func(target *Cap) *Question {
		q, err := NewQuestion(target, 1, 0, size11)
		if err != nil {
			t.Fatal(err)
		}
		q.Send()
		client.flush(flushWait)
		return q
	}
	q1 := call(boot)
	<-first
	if err := <-results; err != nil {
		t.Errorf("the first call: %v", err)
	}
	q2 := call(other)
	<-second
	if err := <-results; err == nil || toException(err).Type != Overloaded {
		t.Errorf("the second call: %v", err)
	}
	for _, q := range []*Question{q1, q2} {
		if err := q.Wait(t.Context(), nil); err != nil {
			t.Error(err)
		}
		q.Release()
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if server.held >= 1<<20 { // the bootstrap's answer may not be finished
		t.Errorf("%d bytes are held by no call", server.held)
	}
}

// A call of a peer's that is passed on to what turns out to be an object of this process arrives with its params.
func TestForwardedCallComesHome(t *testing.T) {
	other, _ := pair(t, newFuncServer(echo), nil)
	p := heldPromise(other, NewServer(newFuncServer(echo)))
	// What is given as the bootstrap object passes calls on to the promise.
	client, _ := pair(t, passesOn{p}, nil)
	boot := client.Bootstrap()
	defer boot.Release()
	q, err := NewQuestion(boot, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	q.Params().SetUint64(0, 7)
	q.Send()
	for { // until it is held
		other.mu.Lock()
		n := len(p.promise().held)
		other.mu.Unlock()
		if n > 0 {
			break
		}
		q.c.flush(flushNoWait)
	}
	p.deliverHeld()
	if err := q.Wait(t.Context(), nil); err != nil || q.Results().Uint64(0) != 7 {
		t.Errorf("%v: %v", q.Results(), err)
	}
	q.Release()
	p.promise().target.Release()
	p.promise().target = nil
}

// passesOn is an object whose calls go on to another.
type passesOn struct{ to *Cap }

func (s passesOn) Accept(call *Call) *Queue { forward(s.to, call); return nil }
func (passesOn) Dropped()                   {}

// Who has a call passed on hears that it was lost, and not that it failed.
func TestForwardedCallIsDisconnected(t *testing.T) {
	started := make(chan struct{})
	other, _ := pair(t, newFuncServer(func(call *Call) error {
		close(started)
		return <-call.exec.(*funcServer).ended
	}), nil)
	object := known(other.Bootstrap())
	defer object.Release()
	client, _ := pair(t, passesOn{object}, nil)
	boot := client.Bootstrap()
	defer boot.Release()
	go func() {
		<-started
		other.Close()
	}()
	if _, err := ask(t.Context(), boot, 0, 1); !errors.Is(err, ErrDisconnected) {
		t.Error(err)
	}
}
