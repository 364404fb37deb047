package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// The interfaces' ids.
const (
	fooInterface     = 0x90de09db457f4d3b
	level1Interface  = 0xe1c30030af29ae40
	counterInterface = 0xa6422ffc0f2e286a
)

// The methods' numbers.
const (
	self = iota
	newCounter
	echo
	echoLater
	settle
	breakPromises
	hold
	held
	callHeld
	tail
	never
	cancelled

	next   = 0  // Counter
	callFn = 17 // FooInterface; does nothing
)

func size(words, pointers int) capnp.ObjectSize {
	return capnp.ObjectSize{DataSize: capnp.Size(8 * words), PointerCount: uint16(pointers)}
}

// counter is a Counter. It answers at once, in the order of arrival.
type counter struct {
	mu      sync.Mutex
	n       uint32
	dropped chan struct{} // closed with the last reference, if not nil
}

func (c *counter) Accept(call *vat.Call) *vat.Queue {
	if call.InterfaceID != counterInterface || call.MethodID != next {
		call.Fail(unimplemented(call))
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	finish(call, returnNumber(call, c.n))
	return nil
}

func (c *counter) Dropped() {
	if c.dropped != nil {
		close(c.dropped)
	}
}

func unimplemented(call *vat.Call) error {
	return &vat.Exception{Type: vat.Unimplemented, Reason: fmt.Sprintf("no method %#x.%d", call.InterfaceID, call.MethodID)}
}

// finish completes a call.
func finish(call *vat.Call, err error) {
	if err != nil {
		call.Fail(err)
		return
	}
	call.Return()
}

func returnNumber(call *vat.Call, n uint32) error {
	results, err := call.Results(size(1, 0))
	if err == nil {
		results.SetUint32(0, n)
	}
	return err
}

// returnCap consumes a reference.
func returnCap(call *vat.Call, c *vat.Cap) error {
	results, err := call.Results(size(0, 1))
	if err != nil {
		c.Release()
		return err
	}
	return results.SetPtr(0, call.AddCap(c))
}

// capParam returns the capability in a call's first pointer, borrowed.
func capParam(call *vat.Call) (*vat.Cap, error) {
	p, err := call.Params.Ptr(0)
	if err != nil {
		return nil, err
	}
	return call.CapAt(p)
}

// latch gives promises that its owner resolves: they are part of the results of calls that it leaves open.
type latch struct {
	mu   sync.Mutex
	open []*vat.Call
}

func (l *latch) Accept(call *vat.Call) *vat.Queue {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, call)
	return nil
}

func (*latch) Dropped() {}

// promise returns a new promise.
func (l *latch) promise() (*vat.Cap, error) {
	object := vat.NewServer(l)
	defer object.Release()
	q, err := vat.NewQuestion(object, 0, 0, capnp.ObjectSize{})
	if err != nil {
		return nil, err
	}
	q.Send()
	defer q.Release()
	return q.Pipeline(0), nil
}

// settle resolves the oldest open promise, to an exception or to a capability, whose reference it consumes.
func (l *latch) settle(c *vat.Cap, err error) {
	l.mu.Lock()
	call := l.open[0]
	l.open = l.open[1:]
	l.mu.Unlock()
	if err == nil {
		err = returnCap(call, c)
	}
	finish(call, err)
}

// level1 is the bootstrap object of one connection.
type level1 struct {
	latch latch

	mu        sync.Mutex
	later     []*vat.Cap // what echoLater's promises will be
	heldCap   *vat.Cap
	cancelled uint32
}

func (l *level1) Dropped() {
	l.heldCap.Release()
	for _, c := range l.later {
		c.Release()
	}
}

// Accept serves every call at once or on a goroutine of its own.
func (l *level1) Accept(call *vat.Call) *vat.Queue {
	if call.InterfaceID == fooInterface && call.MethodID == callFn {
		call.Return()
		return nil
	}
	if call.InterfaceID != level1Interface {
		call.Fail(unimplemented(call))
		return nil
	}
	switch call.MethodID {
	case callHeld:
		l.callHeld(call)
	case tail:
		l.tail(call)
	case never:
		call.SetExec(cancelFunc(func(err error) {
			l.mu.Lock()
			l.cancelled++
			l.mu.Unlock()
			go call.Fail(err)
		}))
	default:
		finish(call, l.answer(call))
	}
	return nil
}

func (l *level1) answer(call *vat.Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch call.MethodID {
	case self:
		return returnCap(call, vat.NewServer(&view{l}))
	case newCounter:
		return returnCap(call, vat.NewServer(&counter{}))
	case echo:
		c, err := capParam(call)
		if err != nil {
			return err
		}
		return returnCap(call, c.AddRef())
	case echoLater:
		c, err := capParam(call)
		if err != nil {
			return err
		}
		promise, err := l.latch.promise()
		if err != nil {
			return err
		}
		l.later = append(l.later, c.AddRef())
		return returnCap(call, promise)
	case settle, breakPromises:
		for _, c := range l.later {
			if call.MethodID == settle {
				l.latch.settle(c, nil)
			} else {
				c.Release()
				l.latch.settle(nil, errors.New("promise broken"))
			}
		}
		l.later = nil
		return nil
	case hold:
		c, err := capParam(call)
		if err != nil {
			return err
		}
		l.heldCap.Release()
		l.heldCap = c.AddRef()
		return nil
	case held:
		return returnCap(call, l.heldCap.AddRef())
	case cancelled:
		return returnNumber(call, l.cancelled)
	}
	return unimplemented(call)
}

// view is a further reference to a level1, which lives as long as its connection.
type view struct{ *level1 }

func (*view) Dropped() {}

func (l *level1) callHeld(call *vat.Call) {
	l.mu.Lock()
	target := l.heldCap.AddRef()
	l.mu.Unlock()
	defer target.Release()
	questions := make([]*vat.Question, call.Params.Uint32(0))
	for i := range questions {
		q, err := vat.NewQuestion(target, counterInterface, next, size(0, 0))
		if err != nil {
			call.Fail(err)
			return
		}
		q.Send()
		questions[i] = q
	}
	go func() {
		finish(call, returnAnswers(call, questions))
	}()
}

func returnAnswers(call *vat.Call, questions []*vat.Question) error {
	results, err := call.Results(size(0, 1))
	if err != nil {
		return err
	}
	numbers, err := capnp.NewUInt32List(results.Segment(), int32(len(questions)))
	if err != nil {
		return err
	}
	for i, q := range questions {
		defer q.Release()
		if err := q.Wait(context.Background(), nil); err != nil {
			return err
		}
		numbers.Set(i, q.Results().Uint32(0))
	}
	return results.SetPtr(0, numbers.ToPtr())
}

// tail returns what another call returns, which need not come here.
func (l *level1) tail(call *vat.Call) {
	target, err := capParam(call)
	if err != nil {
		call.Fail(err)
		return
	}
	q, err := vat.NewQuestion(target, counterInterface, next, size(0, 0))
	if err != nil {
		call.Fail(err)
		return
	}
	call.ReturnFrom(q)
}

// cancelFunc is the executor of a call that only ends by being cancelled.
type cancelFunc func(error)

func (f cancelFunc) Cancel(err error)  { f(err) }
func (f cancelFunc) Execute(*vat.Call) { panic("level1peer: the call is on no queue") }
