package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/rpc"
	"capnproto.org/go/capnp/v3/server"
)

// fooServer is the bootstrap object of one connection.
type fooServer struct {
	threads threads

	mu    sync.Mutex
	saved capnp.Client
}

// serveConn serves foo on a connection until it ends.
func serveConn(conn net.Conn) {
	foo := &fooServer{}
	rpc.NewConn(rpc.NewStreamTransport(conn), &rpc.Options{
		BootstrapClient: capnp.NewClient(server.New(foo.methods(), nil, nil)),
	})
}

func (foo *fooServer) methods() []server.Method {
	var methods []server.Method
	on := func(id uint16, impl func(context.Context, *server.Call) error) {
		methods = append(methods, server.Method{Method: method(fooInterface, id), Impl: impl})
	}

	// on the connection's own loop
	numbers := func(id uint16, f func(a, b int32) int32) {
		on(id, func(_ context.Context, c *server.Call) error {
			results, err := c.AllocResults(size(1, 0))
			if err == nil {
				results.SetUint32(0, uint32(f(int32(c.Args().Uint32(0)), int32(c.Args().Uint32(4)))))
			}
			return err
		})
	}
	sum := func(a, b int32) int32 { return a + b }
	numbers(add, sum)
	numbers(addOut, sum)
	numbers(addInOut, sum)
	numbers(passEnum, func(a, _ int32) int32 { return a })
	on(passDouble, func(_ context.Context, c *server.Call) error {
		results, err := c.AllocResults(size(1, 0))
		if err == nil {
			results.SetUint64(0, c.Args().Uint64(0))
		}
		return err
	})
	on(mapSize, func(_ context.Context, c *server.Call) error {
		p, err := c.Args().Ptr(0)
		if err != nil {
			return err
		}
		results, err := c.AllocResults(size(1, 0))
		if err == nil {
			results.SetUint32(0, uint32(p.List().Len()))
		}
		return err
	})
	for _, id := range []uint16{pass, raise, passCustom, passEmpty, passData, passDataPointers} {
		on(id, func(_ context.Context, c *server.Call) error {
			p, err := c.Args().Ptr(0)
			if err != nil {
				return err
			}
			results, err := c.AllocResults(size(0, 1))
			if err != nil {
				return err
			}
			return results.SetPtr(0, p)
		})
	}
	// The texts are those that libmultiprocess's codecs and server put together.
	text := func(id uint16, suffix string) {
		on(id, func(_ context.Context, c *server.Call) error {
			p, err := c.Args().Ptr(0)
			if err != nil {
				return err
			}
			message, err := p.Struct().Ptr(0)
			if err != nil {
				return err
			}
			results, err := c.AllocResults(size(0, 1))
			if err != nil {
				return err
			}
			s, err := capnp.NewStruct(results.Segment(), size(0, 1))
			if err != nil {
				return err
			}
			if err := s.SetText(0, message.Text()+suffix); err != nil {
				return err
			}
			return results.SetPtr(0, s.ToPtr())
		})
	}
	text(passMessage, " read call build")
	text(passMutable, " pass call return")
	on(callFn, func(_ context.Context, c *server.Call) error {
		_, err := c.AllocResults(size(0, 0))
		return err
	})
	on(initThreadMap, func(_ context.Context, c *server.Call) error {
		results, err := c.AllocResults(size(0, 1))
		if err != nil {
			return err
		}
		return setClient(results, 0, foo.threads.newMap())
	})

	// on a thread
	onThread := func(id uint16, results capnp.ObjectSize, f func(*running, capnp.Struct, capnp.Struct) error) {
		on(id, func(ctx context.Context, c *server.Call) error {
			return foo.threads.run(ctx, c, func(r *running) error {
				s, err := c.AllocResults(results)
				if err != nil {
					return err
				}
				return f(r, c.Args(), s)
			})
		})
	}
	// callOnce calls back a param, and destroys it whatever comes of that before the call returns.
	callOnce := func(id uint16, m, destroyIt capnp.Method, words int) {
		onThread(id, size(1, 0), func(r *running, params, results capnp.Struct) error {
			target, err := client(params, 1)
			if err != nil {
				return err
			}
			called := r.call(target, m, size(words, 1), func(s capnp.Struct) error {
				if words > 0 {
					s.SetUint32(0, params.Uint32(0))
				}
				return nil
			}, func(s capnp.Struct) error {
				results.SetUint32(0, s.Uint32(0))
				return nil
			})
			return errors.Join(called, r.call(target, destroyIt, size(0, 1), nil, nil))
		})
	}
	for _, id := range []uint16{callback, callbackUnique, callbackShared} {
		callOnce(id, method(fooCallback, callMethod), method(fooCallback, destroy), 1)
	}
	callOnce(callbackExtended, method(extendedCallback, callExtended), method(fooCallback, destroy), 1)
	callOnce(passFn, method(fooFn, callMethod), method(fooFn, destroy), 0)
	onThread(saveCallback, size(0, 0), func(r *running, params, _ capnp.Struct) error {
		target, err := client(params, 1)
		if err != nil {
			return err
		}
		foo.mu.Lock()
		old := foo.saved
		foo.saved = target.AddRef()
		foo.mu.Unlock()
		if !old.IsValid() {
			return nil
		}
		defer old.Release()
		return r.call(old, method(fooCallback, destroy), size(0, 1), nil, nil)
	})
	onThread(callbackSaved, size(1, 0), func(r *running, params, results capnp.Struct) error {
		foo.mu.Lock()
		target := foo.saved.AddRef()
		foo.mu.Unlock()
		defer target.Release()
		return r.call(target, method(fooCallback, callMethod), size(1, 1), func(s capnp.Struct) error {
			s.SetUint32(0, params.Uint32(0))
			return nil
		}, func(s capnp.Struct) error {
			results.SetUint32(0, s.Uint32(0))
			return nil
		})
	})
	onThread(callFnAsync, size(0, 0), func(*running, capnp.Struct, capnp.Struct) error { return nil })
	onThread(callIntFnAsync, size(1, 0), func(r *running, params, results capnp.Struct) error {
		arg := int32(params.Uint32(0))
		switch arg {
		case -1:
			return errors.New("std::exception: int fn error")
		case -2:
			return errors.New("unknown non-KJ exception of type: mp::test::FooStruct")
		case -3:
			select {
			case <-time.After(time.Second):
			case <-r.ctx.Done():
				return r.ctx.Err()
			}
		}
		results.SetUint32(0, uint32(2*arg))
		return nil
	})
	return methods
}
