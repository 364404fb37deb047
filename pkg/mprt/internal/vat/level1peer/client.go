package main

import (
	"context"
	"errors"
	"strings"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// session is one connection to the server under test.
type session struct {
	ctx  context.Context
	peer *vat.Cap
}

func check(err error) {
	if err != nil {
		fail("%w", err)
	}
}

// send makes a call without waiting.
func send(target *vat.Cap, interfaceID uint64, methodID uint16, params capnp.ObjectSize, place func(*vat.Question)) *vat.Question {
	q, err := vat.NewQuestion(target, interfaceID, methodID, params)
	check(err)
	if place != nil {
		place(q)
	}
	q.Send()
	return q
}

// level1 calls a method of the server's object that takes nothing or a capability, whose reference it consumes.
func (s *session) level1(methodID uint16, c *vat.Cap) *vat.Question {
	return send(s.peer, level1Interface, methodID, size(0, 1), func(q *vat.Question) {
		check(q.Params().SetPtr(0, q.AddCap(c)))
	})
}

func (s *session) callHeld(times uint32) *vat.Question {
	return send(s.peer, level1Interface, callHeld, size(1, 0), func(q *vat.Question) { q.Params().SetUint32(0, times) })
}

func callNext(target *vat.Cap) *vat.Question {
	return send(target, counterInterface, next, size(0, 0), nil)
}

func (s *session) wait(q *vat.Question) capnp.Struct {
	check(q.Wait(s.ctx, nil))
	return q.Results()
}

// done waits for a call whose results do not matter.
func (s *session) done(q *vat.Question) {
	defer q.Release()
	s.wait(q)
}

// wantError waits for a call that must end in an exception that says text.
func (s *session) wantError(q *vat.Question, text string) {
	defer q.Release()
	err := q.Wait(s.ctx, nil)
	var e *vat.Exception
	if !errors.As(err, &e) || !strings.Contains(err.Error(), text) {
		fail("got error %v, want an exception that says %q", err, text)
	}
}

// settle waits until the server has seen everything that was sent before.
func (s *session) settle() { s.done(send(s.peer, fooInterface, callFn, size(0, 0), nil)) }

func (s *session) wantNumber(q *vat.Question, want uint32) {
	defer q.Release()
	if got := s.wait(q).Uint32(0); got != want {
		fail("got %d, want %d", got, want)
	}
}

// wantNumbers waits for callNext's, which must count from first.
func (s *session) wantNumbers(questions []*vat.Question, first uint32) {
	for i, q := range questions {
		s.wantNumber(q, first+uint32(i))
	}
}

// wantList waits for a callHeld, whose numbers must count from first.
func (s *session) wantList(q *vat.Question, first uint32, n int) {
	defer q.Release()
	p, err := s.wait(q).Ptr(0)
	check(err)
	numbers := capnp.UInt32List(p.List())
	if numbers.Len() != n {
		fail("%d numbers, want %d", numbers.Len(), n)
	}
	for i := range n {
		if numbers.At(i) != first+uint32(i) {
			fail("number %d is %d, want %d", i, numbers.At(i), first+uint32(i))
		}
	}
}

// result waits for a call and returns the capability in its results, with a reference.
func (s *session) result(q *vat.Question) *vat.Cap {
	defer q.Release()
	p, err := s.wait(q).Ptr(0)
	check(err)
	c, err := q.CapAt(p)
	check(err)
	return c.AddRef()
}

// resolved waits until it is known what c is, and returns that, borrowed. That calls on c have returned does not say so:
// the last one held for it may be answered before who delivered them has seen that it was the last.
func (s *session) resolved(c *vat.Cap) *vat.Cap {
	known := make(chan *vat.Cap, 1)
	c.WhenResolved(func(c *vat.Cap) { known <- c })
	select {
	case c := <-known:
		return c
	case <-s.ctx.Done():
		fail("the promise stays one")
		return nil
	}
}

// passedOn calls l by way of the server, whose own reference to l is all that the call is made on, so that nobody else can
// pass it on. When it returns, what the server says of the call has come.
func (s *session) passedOn(l *latch) *vat.Question {
	back := s.level1(echo, vat.NewServer(l))
	object := back.Pipeline(0)
	call := send(object, counterInterface, next, size(0, 0), nil)
	object.Release()
	s.done(back)
	s.settle()
	return call
}

// comesBack has the server return a promise of ours, which becomes a counter, whose reference it consumes, before or after
// that. Calls on what was to be returned go by way of the server, those afterwards do not.
func (s *session) comesBack(counter *vat.Cap, before bool) {
	var l latch
	promise, err := l.promise()
	check(err)
	q := s.level1(echo, promise)
	back := q.Pipeline(0)
	defer back.Release()
	numbers := []*vat.Question{callNext(back), callNext(back), callNext(back)}
	if before {
		l.settle(counter, nil)
	}
	s.done(q)
	numbers = append(numbers, callNext(back), callNext(back), callNext(back))
	if !before {
		l.settle(counter, nil)
	}
	numbers = append(numbers, callNext(back), callNext(back), callNext(back))
	s.wantNumbers(numbers, 1)
	s.wantNumber(callNext(back), 10)
}

// ours makes a counter of ours; gone waits until nobody refers to it.
func (s *session) ours() (c *vat.Cap, gone func()) {
	o := &counter{dropped: make(chan struct{})}
	return vat.NewServer(o), func() {
		select {
		case <-o.dropped:
		case <-s.ctx.Done():
			fail("the server keeps a reference")
		}
	}
}

type scenario struct {
	name string
	run  func(*session)
}

var scenarios = []scenario{
	{"a chain of pipelined calls", func(s *session) {
		object := s.peer.AddRef()
		for range 50 {
			q := send(object, level1Interface, self, size(0, 0), nil)
			object.Release()
			object = q.Pipeline(0)
			q.Release()
		}
		q := send(object, level1Interface, newCounter, size(0, 0), nil)
		object.Release()
		counter := q.Pipeline(0)
		q.Release()
		defer counter.Release()
		s.wantNumber(callNext(counter), 1)
	}},
	{"an object of ours comes back through echo", func(s *session) {
		c, gone := s.ours()
		q := s.level1(echo, c)
		promised := q.Pipeline(0)
		numbers := []*vat.Question{callNext(promised), callNext(promised), callNext(promised)}
		direct := s.result(q)
		numbers = append(numbers, callNext(promised), callNext(promised), callNext(promised))
		s.wantNumbers(numbers, 1)
		if _, local := direct.Local(); !local {
			fail("what came back is not our object")
		}
		s.wantNumber(callNext(direct), 7)
		direct.Release()
		promised.Release()
		gone()
	}},
	{"the server's object comes back through echo", func(s *session) {
		counter := s.result(s.level1(newCounter, nil))
		defer counter.Release()
		back := s.result(s.level1(echo, counter.AddRef()))
		defer back.Release()
		if back.Resolved() != counter.Resolved() {
			fail("another import came back")
		}
		s.wantNumber(callNext(counter), 1)
		s.wantNumber(callNext(back), 2)
	}},
	{"nothing comes back through echo", func(s *session) {
		if c := s.result(s.level1(echo, nil)); c != nil {
			fail("something came back")
		}
	}},
	{"a promise resolves to an object of ours", func(s *session) {
		c, gone := s.ours()
		promise := s.result(s.level1(echoLater, c))
		numbers := []*vat.Question{callNext(promise), callNext(promise), callNext(promise)}
		s.done(s.level1(settle, nil))
		numbers = append(numbers, callNext(promise), callNext(promise), callNext(promise))
		s.settle()
		numbers = append(numbers, callNext(promise), callNext(promise), callNext(promise))
		s.wantNumbers(numbers, 1)
		if _, local := s.resolved(promise).Local(); !local {
			fail("the promise has not become our object")
		}
		promise.Release()
		gone()
	}},
	{"a promise resolves to an object of the server's", func(s *session) {
		counter := s.result(s.level1(newCounter, nil))
		promise := s.result(s.level1(echoLater, counter))
		defer promise.Release()
		numbers := []*vat.Question{callNext(promise), callNext(promise), callNext(promise)}
		s.done(s.level1(settle, nil))
		numbers = append(numbers, callNext(promise), callNext(promise), callNext(promise))
		s.wantNumbers(numbers, 1)
	}},
	{"a promise breaks", func(s *session) {
		promise := s.result(s.level1(echoLater, s.peer.AddRef()))
		defer promise.Release()
		early := callNext(promise)
		s.done(s.level1(breakPromises, nil))
		s.wantError(early, "promise broken")
		s.wantError(callNext(promise), "promise broken")
	}},
	{"a promise of ours resolves to an object of ours", func(s *session) {
		c, gone := s.ours()
		var l latch
		promise, err := l.promise()
		check(err)
		s.done(s.level1(hold, promise))
		first := s.callHeld(3)
		s.settle()
		l.settle(c, nil)
		second := s.callHeld(3)
		s.wantList(first, 1, 3)
		s.wantList(second, 4, 3)
		s.done(s.level1(hold, nil))
		gone()
	}},
	{"a promise of ours resolves to the server's object in mid-flight", func(s *session) {
		counter := s.result(s.level1(newCounter, nil))
		var l latch
		promise, err := l.promise()
		check(err)
		s.done(s.level1(hold, promise))
		first := s.callHeld(3)
		s.settle()
		l.settle(counter, nil)
		second := s.callHeld(3)
		s.wantList(first, 1, 3)
		s.wantList(second, 4, 3)
		s.wantList(s.callHeld(2), 7, 2)
	}},
	{"a promise of ours comes back through echo", func(s *session) {
		c, gone := s.ours()
		s.comesBack(c, true)
		gone()
		c, gone = s.ours()
		s.comesBack(c, false)
		gone()
	}},
	{"a promise of ours that becomes the server's object comes back through echo", func(s *session) {
		s.comesBack(s.result(s.level1(newCounter, nil)), true)
		s.comesBack(s.result(s.level1(newCounter, nil)), false)
	}},
	{"a promise of ours breaks", func(s *session) {
		var l latch
		promise, err := l.promise()
		check(err)
		s.done(s.level1(hold, promise))
		l.settle(nil, errors.New("our promise broke"))
		s.wantError(s.callHeld(1), "our promise broke")
	}},
	{"an answer's capability as a param", func(s *session) {
		q := s.level1(newCounter, nil)
		held := s.level1(hold, q.Pipeline(0))
		// The server must know what the param means although the question is finished at once.
		q.Release()
		call := s.callHeld(3)
		s.wantList(call, 1, 3)
		s.done(held)
	}},
	{"the server holds an object and lets it go", func(s *session) {
		c, gone := s.ours()
		for range 3 {
			s.done(s.level1(hold, c.AddRef()))
		}
		c.Release()
		s.wantList(s.callHeld(2), 1, 2)
		back := s.result(s.level1(held, nil))
		s.wantNumber(callNext(back), 3)
		back.Release()
		s.done(s.level1(hold, nil))
		gone()
	}},
	{"a tail call to an object of ours", func(s *session) {
		c, gone := s.ours()
		for i := range uint32(3) {
			s.wantNumber(s.level1(tail, c.AddRef()), i+1)
		}
		c.Release()
		gone()
	}},
	{"a tail call to the server's object", func(s *session) {
		q := s.level1(newCounter, nil)
		call := s.level1(tail, q.Pipeline(0))
		q.Release()
		s.wantNumber(call, 1)
	}},
	{"a tail call to a promise of ours", func(s *session) {
		c, gone := s.ours()
		var l latch
		promise, err := l.promise()
		check(err)
		call := s.level1(tail, promise)
		s.settle()
		l.settle(c, nil)
		s.wantNumber(call, 1)
		gone()
	}},
	{"calls on the results of a tail call that has not returned", func(s *session) {
		var l latch
		call := s.passedOn(&l)
		part := call.Pipeline(0)
		numbers := []*vat.Question{callNext(part), callNext(part)}
		s.settle()
		c, gone := s.ours()
		l.settle(c, nil)
		numbers = append(numbers, callNext(part))
		s.done(call)
		numbers = append(numbers, callNext(part))
		s.wantNumbers(numbers, 1)
		part.Release()
		gone()
	}},
	{"a call that was passed on to an object of ours is cancelled", func(s *session) {
		var l latch
		call := s.passedOn(&l)
		call.Release()
		s.settle()
		l.settle(nil, errors.New("too late"))
		s.settle()
	}},
	{"a cancelled call ends on the server", func(s *session) {
		q := s.level1(never, nil)
		s.settle()
		q.Release()
		s.wantNumber(s.level1(cancelled, nil), 1)
	}},
	{"a method that does not exist", func(s *session) {
		q := send(s.peer, level1Interface, 999, size(0, 0), nil)
		promised := q.Pipeline(0)
		pipelined := callNext(promised)
		var e *vat.Exception
		if err := q.Wait(s.ctx, nil); !errors.As(err, &e) || e.Type != vat.Unimplemented {
			fail("got error %v", err)
		}
		q.Release()
		s.wantError(pipelined, "")
		promised.Release()
		s.settle()
	}},
	{"1000 calls in flight keep their order", func(s *session) {
		counter := s.result(s.level1(newCounter, nil))
		defer counter.Release()
		var numbers []*vat.Question
		for range 1000 {
			numbers = append(numbers, callNext(counter))
		}
		s.wantNumbers(numbers, 1)
	}},
}
