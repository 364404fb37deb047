package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/server"
)

// thread is an identity and a queue: whoever holds the newest turn runs until the turn is over.
type thread struct {
	name string

	mu   sync.Mutex
	last chan struct{} // closed when the turn given out last is over; nil before the first
}

// turn takes a place in the queue. The caller waits for before and closes over at the end.
func (t *thread) turn() (before <-chan struct{}, over chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, over = t.last, make(chan struct{})
	if before == nil {
		closed := make(chan struct{})
		close(closed)
		before = closed
	}
	t.last = over
	return before, over
}

func newThread(name string) capnp.Client {
	t := &thread{name: name}
	return capnp.NewClient(server.New([]server.Method{{
		Method: method(threadID, getName),
		Impl: func(_ context.Context, c *server.Call) error {
			results, err := c.AllocResults(size(0, 1))
			if err != nil {
				return err
			}
			return results.SetText(0, t.name)
		},
	}}, t, nil))
}

// localThread returns the thread behind a capability, or nil if it is none of ours or a promise.
func localThread(c capnp.Client) (t *thread, promise bool) {
	snapshot := c.Snapshot()
	defer snapshot.Release()
	brand, _ := server.IsServer(snapshot.Brand())
	t, _ = brand.(*thread)
	return t, t == nil && snapshot.IsPromise() && !snapshot.IsResolved()
}

// threads are one side's threads of one connection.
type threads struct {
	mu   sync.Mutex
	pool []capnp.Client
	next int
}

func (ts *threads) newMap() capnp.Client {
	return capnp.NewClient(server.New([]server.Method{
		{Method: method(threadMapID, makeThread), Impl: func(_ context.Context, c *server.Call) error {
			name, err := c.Args().Ptr(0)
			if err != nil {
				return err
			}
			results, err := c.AllocResults(size(0, 1))
			if err != nil {
				return err
			}
			return setClient(results, 0, newThread(name.Text()))
		}},
		{Method: method(threadMapID, makePool), Impl: func(_ context.Context, c *server.Call) error {
			ts.mu.Lock()
			defer ts.mu.Unlock()
			if ts.pool != nil {
				return errors.New("makePool called on connection with existing pool")
			}
			for i := range c.Args().Uint32(0) {
				ts.pool = append(ts.pool, newThread(fmt.Sprint("pool ", i)))
			}
			_, err := c.AllocResults(size(0, 0))
			return err
		}},
	}, nil, nil))
}

// running is a call that runs on a thread.
type running struct {
	ctx            context.Context
	thread         *thread
	self           capnp.Client
	callbackThread capnp.Client
	over           chan struct{}
}

// run runs f on the thread that a call's context names, or on the pool's next one, and lets the object take other calls
// meanwhile.
func (ts *threads) run(ctx context.Context, c *server.Call, f func(*running) error) error {
	p, err := c.Args().Ptr(0)
	if err != nil {
		return err
	}
	self, err := client(p.Struct(), 0)
	if err != nil {
		return err
	}
	callbackThread, err := client(p.Struct(), 1)
	if err != nil {
		return err
	}
	if !self.IsValid() {
		ts.mu.Lock()
		if len(ts.pool) == 0 {
			ts.mu.Unlock()
			return errors.New("no thread specified and no pool configured")
		}
		self = ts.pool[ts.next%len(ts.pool)]
		ts.next++
		ts.mu.Unlock()
	}
	t, promise := localThread(self)
	for promise { // perhaps for the result of a makeThread that is still to be done
		c.Go()
		if err := self.Resolve(ctx); err != nil {
			return err
		}
		t, promise = localThread(self)
	}
	if t == nil {
		return errors.New("invalid thread handle")
	}
	before, over := t.turn()
	c.Go()
	<-before
	r := &running{ctx: ctx, thread: t, self: self, callbackThread: callbackThread, over: over}
	defer func() { close(r.over) }()
	return f(r)
}

// call calls the peer back on the thread of its that waits for this call. Others may run on this thread meanwhile, as
// they could if this were their caller's stack.
func (r *running) call(target capnp.Client, m capnp.Method, params capnp.ObjectSize,
	place func(capnp.Struct) error, read func(capnp.Struct) error) error {
	close(r.over)
	defer func() {
		before, over := r.thread.turn()
		<-before
		r.over = over
	}()
	return invoke(r.ctx, target, m, params, func(s capnp.Struct) error {
		if err := setContext(s, r.callbackThread, r.self); err != nil {
			return err
		}
		if place == nil {
			return nil
		}
		return place(s)
	}, read)
}
