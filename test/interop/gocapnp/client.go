package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"sync/atomic"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/rpc"
	"capnproto.org/go/capnp/v3/server"
)

// session is one connection to the server under test.
type session struct {
	ctx            context.Context
	conn           *rpc.Conn
	foo            capnp.Client
	threads        threads
	peerThreads    capnp.Client
	thread         capnp.Client // the server's, that our calls run on
	callbackThread capnp.Client // ours
	release        []capnp.ReleaseFunc
}

func newSession(ctx context.Context, conn net.Conn) *session {
	c := rpc.NewConn(rpc.NewStreamTransport(conn), nil)
	return &session{ctx: ctx, conn: c, foo: c.Bootstrap(ctx), callbackThread: newThread("client")}
}

func (s *session) close() {
	for _, release := range s.release {
		release()
	}
	s.foo.Release()
	s.callbackThread.Release()
	s.conn.Close()
}

// exchange exchanges thread maps and makes a thread, without waiting: the first call that names the thread goes out with
// a promise for it.
func (s *session) exchange() {
	answer, release := s.foo.SendCall(s.ctx, capnp.Send{
		Method: method(fooInterface, initThreadMap), ArgsSize: size(0, 1),
		PlaceArgs: func(p capnp.Struct) error { return setClient(p, 0, s.threads.newMap()) },
	})
	s.release = append(s.release, release)
	s.peerThreads = answer.Field(0, nil).Client()
	made, release := s.peerThreads.SendCall(s.ctx, capnp.Send{
		Method: method(threadMapID, makeThread), ArgsSize: size(0, 1),
		PlaceArgs: func(p capnp.Struct) error { return p.SetText(0, "a") },
	})
	s.release = append(s.release, release)
	s.thread = made.Field(0, nil).Client()
}

// call calls a method of foo without a context.
func (s *session) call(id uint16, params capnp.ObjectSize, place, read func(capnp.Struct) error) error {
	return invoke(s.ctx, s.foo, method(fooInterface, id), params, place, read)
}

// callOn calls a method of foo on the server's thread.
func (s *session) callOn(id uint16, params capnp.ObjectSize, place, read func(capnp.Struct) error) error {
	return s.call(id, params, func(p capnp.Struct) error {
		if err := setContext(p, s.thread, s.callbackThread); err != nil {
			return err
		}
		return place(p)
	}, read)
}

func (s *session) callInt(arg int32) (result int32, err error) {
	err = s.callOn(callIntFnAsync, size(1, 1), func(p capnp.Struct) error {
		p.SetUint32(0, uint32(arg))
		return nil
	}, func(r capnp.Struct) error {
		result = int32(r.Uint32(0))
		return nil
	})
	return result, err
}

// object is one of ours that the server is given, and what became of it.
type object struct {
	calls, onThread, destroyed atomic.Int32
	gone                       chan struct{}
}

func (o *object) Shutdown() { close(o.gone) }

// called counts a call, and whether it is for our thread.
func (o *object) called(s *session, c *server.Call) error {
	o.calls.Add(1)
	p, err := c.Args().Ptr(0)
	if err != nil {
		return err
	}
	thread, err := client(p.Struct(), 0)
	if err != nil {
		return err
	}
	ours, _ := localThread(s.callbackThread)
	if t, _ := localThread(thread); t == ours {
		o.onThread.Add(1)
	}
	return nil
}

func (o *object) check(calls int32) error {
	if o.calls.Load() != calls || o.onThread.Load() != calls || o.destroyed.Load() != 1 {
		return fmt.Errorf("%d calls, %d on our thread, %d times destroyed", o.calls.Load(), o.onThread.Load(), o.destroyed.Load())
	}
	return nil
}

func (o *object) waitGone(ctx context.Context) error {
	select {
	case <-o.gone:
		return nil
	case <-ctx.Done():
		return errors.New("the server keeps a reference")
	}
}

// newCallback makes an ExtendedCallback: call adds 1, callExtended adds 10, and negative numbers fail.
func newCallback(s *session) (capnp.Client, *object) {
	o := &object{gone: make(chan struct{})}
	add := func(n int32) func(context.Context, *server.Call) error {
		return func(_ context.Context, c *server.Call) error {
			if err := o.called(s, c); err != nil {
				return err
			}
			arg := int32(c.Args().Uint32(0))
			if arg < 0 {
				return errors.New("callback error")
			}
			results, err := c.AllocResults(size(1, 0))
			if err == nil {
				results.SetUint32(0, uint32(arg+n))
			}
			return err
		}
	}
	return capnp.NewClient(server.New([]server.Method{
		{Method: method(fooCallback, callMethod), Impl: add(1)},
		{Method: method(extendedCallback, callExtended), Impl: add(10)},
		{Method: method(fooCallback, destroy), Impl: o.destroy},
	}, nil, o)), o
}

// newFn makes a FooFn.
func newFn(s *session, f func() (int32, error)) (capnp.Client, *object) {
	o := &object{gone: make(chan struct{})}
	return capnp.NewClient(server.New([]server.Method{
		{Method: method(fooFn, callMethod), Impl: func(_ context.Context, c *server.Call) error {
			if err := o.called(s, c); err != nil {
				return err
			}
			n, err := f()
			if err != nil {
				return err
			}
			results, err := c.AllocResults(size(1, 0))
			if err == nil {
				results.SetUint32(0, uint32(n))
			}
			return err
		}},
		{Method: method(fooFn, destroy), Impl: o.destroy},
	}, nil, o)), o
}

func (o *object) destroy(_ context.Context, c *server.Call) error {
	o.destroyed.Add(1)
	_, err := c.AllocResults(size(0, 0))
	return err
}

// callBack hands an object to a method that calls it once, and checks the result.
func (s *session) callBack(id uint16, arg, want int32) error {
	c, o := newCallback(s)
	if err := s.passObject(id, c, arg, want); err != nil {
		return err
	}
	return errors.Join(o.check(1), o.waitGone(s.ctx))
}

// passObject calls a method that takes an object, whose reference it consumes, and a number.
func (s *session) passObject(id uint16, c capnp.Client, arg, want int32) error {
	return s.callOn(id, size(1, 2), func(p capnp.Struct) error {
		p.SetUint32(0, uint32(arg))
		return setClient(p, 1, c)
	}, wantNumber(want))
}

func wantNumber(want int32) func(capnp.Struct) error {
	return func(r capnp.Struct) error {
		if got := int32(r.Uint32(0)); got != want {
			return fmt.Errorf("got %d, want %d", got, want)
		}
		return nil
	}
}

// passBack passes a pointer and wants an equal one back.
func (s *session) passBack(id uint16, build func(*capnp.Segment) (capnp.Ptr, error)) error {
	_, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	if err != nil {
		return err
	}
	sent, err := build(seg)
	if err != nil {
		return err
	}
	return s.call(id, size(0, 1), func(p capnp.Struct) error { return p.SetPtr(0, sent) }, func(r capnp.Struct) error {
		got, err := r.Ptr(0)
		if err != nil {
			return err
		}
		equal, err := capnp.Equal(sent, got)
		if err == nil && !equal {
			err = errors.New("another value came back")
		}
		return err
	})
}

// passText passes a FooMessage or FooMutable. What a server's codecs add is their own affair; its implementation adds
// " call".
func (s *session) passText(id uint16) error {
	const sent = "init build"
	return s.call(id, size(0, 1), func(p capnp.Struct) error {
		m, err := capnp.NewStruct(p.Segment(), size(0, 1))
		if err != nil {
			return err
		}
		if err := m.SetText(0, sent); err != nil {
			return err
		}
		return p.SetPtr(0, m.ToPtr())
	}, func(r capnp.Struct) error {
		m, err := r.Ptr(0)
		if err != nil {
			return err
		}
		text, err := m.Struct().Ptr(0)
		if added, ok := strings.CutPrefix(text.Text(), sent); err == nil && (!ok || !strings.Contains(added, " call")) {
			err = fmt.Errorf("got %q for %q", text.Text(), sent)
		}
		return err
	})
}

// wantError returns nil if err says text.
func wantError(err error, text string) error {
	if err == nil || !strings.Contains(err.Error(), text) {
		return fmt.Errorf("got error %v, want one that says %q", err, text)
	}
	return nil
}

type scenario struct {
	name string
	run  func(*session) error
}

var scenarios = []scenario{
	{"add", func(s *session) error {
		return s.call(add, size(1, 0), func(p capnp.Struct) error {
			p.SetUint32(0, math.MaxUint32)
			p.SetUint32(4, 3)
			return nil
		}, wantNumber(2))
	}},
	{"addOut", func(s *session) error {
		return s.call(addOut, size(1, 0), func(p capnp.Struct) error {
			p.SetUint32(0, 3)
			p.SetUint32(4, 4)
			return nil
		}, wantNumber(7))
	}},
	{"addInOut", func(s *session) error {
		return s.call(addInOut, size(1, 0), func(p capnp.Struct) error {
			p.SetUint32(0, 3)
			p.SetUint32(4, 7)
			return nil
		}, wantNumber(10))
	}},
	{"mapSize", func(s *session) error {
		return s.call(mapSize, size(0, 1), func(p capnp.Struct) error {
			l, err := capnp.NewCompositeList(p.Segment(), size(0, 2), 2)
			if err != nil {
				return err
			}
			for i, key := range []string{"a", "c"} {
				if err := errors.Join(l.Struct(i).SetText(0, key), l.Struct(i).SetText(1, "value")); err != nil {
					return err
				}
			}
			return p.SetPtr(0, l.ToPtr())
		}, wantNumber(2))
	}},
	{"pass", func(s *session) error { return s.passBack(pass, newFooStruct) }},
	{"raise", func(s *session) error { return s.passBack(raise, newFooStruct) }},
	{"initThreadMap", func(s *session) error {
		s.exchange()
		return invoke(s.ctx, s.thread, method(threadID, getName), size(0, 0), nil, func(r capnp.Struct) error {
			name, err := r.Ptr(0)
			if err == nil && !strings.Contains(name.Text(), "a") {
				err = fmt.Errorf("the thread is called %q", name.Text())
			}
			return err
		})
	}},
	{"callback", func(s *session) error {
		s.exchange()
		return s.callBack(callback, 6, 7)
	}},
	{"callbackUnique", func(s *session) error {
		s.exchange()
		return s.callBack(callbackUnique, 6, 7)
	}},
	{"callbackShared", func(s *session) error {
		s.exchange()
		return s.callBack(callbackShared, 6, 7)
	}},
	{"callbackExtended", func(s *session) error {
		s.exchange()
		return s.callBack(callbackExtended, 6, 16)
	}},
	{"callback that fails", func(s *session) error {
		s.exchange()
		c, o := newCallback(s)
		err := s.passObject(callback, c, -1, 0)
		return errors.Join(wantError(err, "callback error"), o.check(1), o.waitGone(s.ctx))
	}},
	{"saveCallback and callbackSaved", func(s *session) error {
		s.exchange()
		save := func(c capnp.Client) error {
			return s.callOn(saveCallback, size(0, 2), func(p capnp.Struct) error {
				if !c.IsValid() {
					return nil
				}
				return setClient(p, 1, c)
			}, nil)
		}
		c, o := newCallback(s)
		if err := save(c); err != nil {
			return err
		}
		for i := range int32(2) {
			if err := s.callOn(callbackSaved, size(1, 1), func(p capnp.Struct) error {
				p.SetUint32(0, uint32(i))
				return nil
			}, wantNumber(i+1)); err != nil {
				return err
			}
		}
		if n := o.destroyed.Load(); n != 0 {
			return fmt.Errorf("destroyed %d times while it was saved", n)
		}
		return errors.Join(save(capnp.Client{}), o.check(2), o.waitGone(s.ctx))
	}},
	{"passCustom", func(s *session) error {
		return s.passBack(passCustom, func(seg *capnp.Segment) (capnp.Ptr, error) {
			c, err := capnp.NewStruct(seg, size(1, 1))
			if err != nil {
				return capnp.Ptr{}, err
			}
			c.SetUint32(0, 5)
			return c.ToPtr(), c.SetText(0, "v1")
		})
	}},
	{"passEmpty", func(s *session) error {
		return s.passBack(passEmpty, func(seg *capnp.Segment) (capnp.Ptr, error) {
			c, err := capnp.NewStruct(seg, size(0, 0))
			return c.ToPtr(), err
		})
	}},
	{"passMessage", func(s *session) error { return s.passText(passMessage) }},
	{"passMutable", func(s *session) error { return s.passText(passMutable) }},
	{"passEnum", func(s *session) error {
		return s.call(passEnum, size(1, 0), func(p capnp.Struct) error {
			p.SetUint32(0, 2)
			return nil
		}, wantNumber(2))
	}},
	{"passDouble", func(s *session) error {
		return s.call(passDouble, size(1, 0), func(p capnp.Struct) error {
			p.SetUint64(0, math.Float64bits(1.25))
			return nil
		}, func(r capnp.Struct) error {
			if got := math.Float64frombits(r.Uint64(0)); got != 1.25 {
				return fmt.Errorf("got %v", got)
			}
			return nil
		})
	}},
	{"passFn", func(s *session) error {
		s.exchange()
		fn, o := newFn(s, func() (int32, error) { return 10, nil })
		if err := s.passObject(passFn, fn, 0, 10); err != nil {
			return err
		}
		// A server that keeps functions as long as they are reachable need not destroy them when the call ends.
		if o.calls.Load() != 1 || o.onThread.Load() != 1 {
			return fmt.Errorf("%d calls, %d on our thread", o.calls.Load(), o.onThread.Load())
		}
		return nil
	}},
	{"passFn nested 10 deep", func(s *session) error {
		s.exchange()
		var nested func(n int32) (int32, error)
		nested = func(n int32) (int32, error) {
			if n == 0 {
				return 0, nil
			}
			fn, _ := newFn(s, func() (int32, error) {
				inner, err := nested(n - 1)
				return inner + 1, err
			})
			return n, s.passObject(passFn, fn, 0, n)
		}
		_, err := nested(10)
		return err
	}},
	{"callFn", func(s *session) error { return s.call(callFn, size(0, 0), nil, nil) }},
	{"callFnAsync", func(s *session) error {
		s.exchange()
		return s.callOn(callFnAsync, size(0, 1), func(capnp.Struct) error { return nil }, nil)
	}},
	{"callIntFnAsync", func(s *session) error {
		s.exchange()
		for arg, want := range map[int32]int32{21: 42, -3: -6} {
			if got, err := s.callInt(arg); err != nil || got != want {
				return fmt.Errorf("of %d: %d, %v", arg, got, err)
			}
		}
		_, failed := s.callInt(-1)
		_, undeclared := s.callInt(-2)
		return errors.Join(wantError(failed, "int fn error"), wantError(undeclared, ""))
	}},
	{"passDataPointers", func(s *session) error {
		return s.passBack(passDataPointers, func(seg *capnp.Segment) (capnp.Ptr, error) {
			l, err := capnp.NewDataList(seg, 2)
			if err != nil {
				return capnp.Ptr{}, err
			}
			return l.ToPtr(), l.Set(0, []byte("Hi"))
		})
	}},
	{"passData of 1 MiB", func(s *session) error {
		return s.passBack(passData, func(seg *capnp.Segment) (capnp.Ptr, error) {
			d, err := capnp.NewData(seg, bytes.Repeat([]byte("0123456789abcdef"), 1<<16))
			return d.ToPtr(), err
		})
	}},
	{"no thread and no pool", func(s *session) error {
		s.exchange()
		err := s.call(callFnAsync, size(0, 1), func(p capnp.Struct) error {
			return setContext(p, capnp.Client{}, s.callbackThread)
		}, nil)
		return wantError(err, "no thread specified and no pool configured")
	}},
	{"a pool", func(s *session) error {
		s.exchange()
		if err := invoke(s.ctx, s.peerThreads, method(threadMapID, makePool), size(1, 0), func(p capnp.Struct) error {
			p.SetUint32(0, 2)
			return nil
		}, nil); err != nil {
			return err
		}
		return s.call(callFnAsync, size(0, 1), func(p capnp.Struct) error {
			return setContext(p, capnp.Client{}, s.callbackThread)
		}, nil)
	}},
	{"a method that does not exist", func(s *session) error {
		err := s.call(999, size(0, 0), nil, nil)
		if !capnp.IsUnimplemented(err) {
			return fmt.Errorf("got error %v", err)
		}
		return s.call(callFn, size(0, 0), nil, nil)
	}},
}

func newFooStruct(seg *capnp.Segment) (capnp.Ptr, error) {
	foo, err := capnp.NewStruct(seg, size(1, 5))
	if err != nil {
		return capnp.Ptr{}, err
	}
	foo.SetUint32(0, 3) // optionalInt
	foo.SetBit(32, true)
	// Sets and maps come back in any order: one element each.
	set, err := capnp.NewInt32List(seg, 1)
	if err != nil {
		return capnp.Ptr{}, err
	}
	set.Set(0, 1)
	bools, err := capnp.NewBitList(seg, 3)
	if err != nil {
		return capnp.Ptr{}, err
	}
	bools.Set(1, true)
	unordered, err := capnp.NewInt32List(seg, 1)
	if err != nil {
		return capnp.Ptr{}, err
	}
	unordered.Set(0, 5)
	pairs, err := capnp.NewCompositeList(seg, size(1, 1), 1)
	if err != nil {
		return capnp.Ptr{}, err
	}
	pairs.Struct(0).SetUint32(0, 1)
	return foo.ToPtr(), errors.Join(
		foo.SetText(0, "name"),
		pairs.Struct(0).SetText(0, "a"),
		foo.SetPtr(1, set.ToPtr()),
		foo.SetPtr(2, bools.ToPtr()),
		foo.SetPtr(3, unordered.ToPtr()),
		foo.SetPtr(4, pairs.ToPtr()),
	)
}
