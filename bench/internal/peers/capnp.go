package peers

import (
	"context"
	"errors"
	"net"
	"sync"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/rpc"

	"github.com/mpgo-dev/mpgo/bench/internal/foo"
	"github.com/mpgo-dev/mpgo/bench/internal/foocapnp"
)

// capnpPeer is go-capnp's own rpc package: the same protocol as mpgo's.
type capnpPeer struct{}

// capnpServer is one object of the server. Its methods run one at a time, in the order of the calls, except after Call.Go.
type capnpServer struct {
	gate gate

	mu    sync.Mutex
	self  foocapnp.Foo
	saved foocapnp.Callback
}

func (s *capnpServer) Add(_ context.Context, call foocapnp.Foo_add) error {
	r, err := call.AllocResults()
	if err != nil {
		return err
	}
	r.SetResult(call.Args().A() + call.Args().B())
	return nil
}

func (s *capnpServer) Pass(_ context.Context, call foocapnp.Foo_pass) error {
	arg, err := call.Args().Arg()
	if err != nil {
		return err
	}
	v, err := foocapnp.Read(arg)
	if err != nil {
		return err
	}
	r, err := call.AllocResults()
	if err != nil {
		return err
	}
	result, err := r.NewResult()
	if err != nil {
		return err
	}
	return foocapnp.Write(result, v)
}

func (s *capnpServer) PassData(_ context.Context, call foocapnp.Foo_passData) error {
	arg, err := call.Args().Arg()
	if err != nil {
		return err
	}
	r, err := call.AllocResults()
	if err != nil {
		return err
	}
	return r.SetResult(arg)
}

// callBack calls the client, on a goroutine of its own so that the object can take other calls meanwhile.
func callBackCapnp(ctx context.Context, cb foocapnp.Callback, arg int32) (int32, error) {
	f, release := cb.Call(ctx, func(p foocapnp.Callback_call_Params) error {
		p.SetArg(arg)
		return nil
	})
	defer release()
	r, err := f.Struct()
	if err != nil {
		return 0, err
	}
	return r.Result(), nil
}

func (s *capnpServer) Callback(ctx context.Context, call foocapnp.Foo_callback) error {
	call.Go()
	n, err := callBackCapnp(ctx, call.Args().Callback(), call.Args().Arg())
	if err != nil {
		return err
	}
	r, err := call.AllocResults()
	if err != nil {
		return err
	}
	r.SetResult(n)
	return nil
}

func (s *capnpServer) SaveCallback(_ context.Context, call foocapnp.Foo_saveCallback) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved.Release()
	s.saved = call.Args().Callback().AddRef()
	return nil
}

func (s *capnpServer) CallbackSaved(ctx context.Context, call foocapnp.Foo_callbackSaved) error {
	call.Go()
	s.mu.Lock()
	cb := s.saved
	s.mu.Unlock()
	n, err := callBackCapnp(ctx, cb, call.Args().Arg())
	if err != nil {
		return err
	}
	r, err := call.AllocResults()
	if err != nil {
		return err
	}
	r.SetResult(n)
	return nil
}

func (s *capnpServer) Next(_ context.Context, call foocapnp.Foo_next) error {
	r, err := call.AllocResults()
	if err != nil {
		return err
	}
	return r.SetFoo(s.self.AddRef())
}

func (s *capnpServer) Make(_ context.Context, call foocapnp.Foo_make) error {
	r, err := call.AllocResults()
	if err != nil {
		return err
	}
	return r.SetFoo(foocapnp.Foo_ServerToClient(new(capnpServer)))
}

func (s *capnpServer) Block(_ context.Context, call foocapnp.Foo_block) error {
	call.Go()
	s.gate.block()
	return nil
}

func (s *capnpServer) Unblock(context.Context, foocapnp.Foo_unblock) error {
	s.gate.unblock()
	return nil
}

func (capnpPeer) Serve(l net.Listener) error {
	s := &capnpServer{gate: newGate()}
	s.self = foocapnp.Foo_ServerToClient(s)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		rpc.NewConn(rpc.NewStreamTransport(c), &rpc.Options{BootstrapClient: capnp.Client(s.self.AddRef())})
	}
}

func (capnpPeer) Dial(path string) (Client, error) {
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	conn := rpc.NewConn(rpc.NewStreamTransport(c), nil)
	object := foocapnp.Foo(conn.Bootstrap(context.Background()))
	if err := object.Resolve(context.Background()); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &capnpClient{conn: conn, foo: object}, nil
}

type capnpClient struct {
	conn *rpc.Conn
	foo  foocapnp.Foo
	held []foocapnp.Foo
}

// capnpCallback is the function that the server calls.
type capnpCallback struct{}

func (capnpCallback) Call(_ context.Context, call foocapnp.Callback_call) error {
	r, err := call.AllocResults()
	if err != nil {
		return err
	}
	r.SetResult(callbackResult(call.Args().Arg()))
	return nil
}

func addCapnp(ctx context.Context, object foocapnp.Foo) error {
	f, release := object.Add(ctx, func(p foocapnp.Foo_add_Params) error {
		p.SetA(2)
		p.SetB(3)
		return nil
	})
	defer release()
	r, err := f.Struct()
	if err != nil {
		return err
	}
	return checkInt(r.Result(), 5)
}

func (c *capnpClient) Caller(ctx context.Context, w Workload) (func() error, error) {
	background := context.Background()
	switch w.Op {
	case Add:
		return func() error { return addCapnp(background, c.foo) }, nil
	case Context:
		return func() error { return addCapnp(ctx, c.foo) }, nil
	case CallbackSaved:
		f, release := c.foo.SaveCallback(ctx, func(p foocapnp.Foo_saveCallback_Params) error {
			return p.SetCallback(foocapnp.Callback_ServerToClient(capnpCallback{}))
		})
		defer release()
		if _, err := f.Struct(); err != nil {
			return nil, err
		}
		return func() error {
			f, release := c.foo.CallbackSaved(ctx, func(p foocapnp.Foo_callbackSaved_Params) error {
				p.SetArg(7)
				return nil
			})
			defer release()
			r, err := f.Struct()
			if err != nil {
				return err
			}
			return checkInt(r.Result(), callbackResult(7))
		}, nil
	case Callback:
		return func() error {
			f, release := c.foo.Callback(ctx, func(p foocapnp.Foo_callback_Params) error {
				p.SetArg(7)
				return p.SetCallback(foocapnp.Callback_ServerToClient(capnpCallback{}))
			})
			defer release()
			r, err := f.Struct()
			if err != nil {
				return err
			}
			return checkInt(r.Result(), callbackResult(7))
		}, nil
	case Pass:
		v := foo.New()
		return func() error {
			f, release := c.foo.Pass(background, func(p foocapnp.Foo_pass_Params) error {
				arg, err := p.NewArg()
				if err != nil {
					return err
				}
				return foocapnp.Write(arg, v)
			})
			defer release()
			r, err := f.Struct()
			if err != nil {
				return err
			}
			result, err := r.Result()
			if err != nil {
				return err
			}
			got, err := foocapnp.Read(result)
			if err != nil {
				return err
			}
			return got.Check()
		}, nil
	case PassData:
		data := newData(w.Bytes)
		return func() error {
			f, release := c.foo.PassData(background, func(p foocapnp.Foo_passData_Params) error { return p.SetArg(data) })
			defer release()
			r, err := f.Struct()
			if err != nil {
				return err
			}
			got, err := r.Result()
			if err != nil {
				return err
			}
			return checkData(got, data)
		}, nil
	case Chain:
		return func() error {
			object := c.foo
			for range ChainLength - 1 {
				f, release := object.Next(background, nil)
				defer release()
				object = f.Foo()
			}
			return addCapnp(background, object)
		}, nil
	}
	return nil, ErrNotOffered
}

func (c *capnpClient) Hold(n int) error {
	for range n {
		f, release := c.foo.Make(context.Background(), nil)
		r, err := f.Struct()
		if err != nil {
			release()
			return err
		}
		c.held = append(c.held, r.Foo().AddRef())
		release()
	}
	return nil
}

func (c *capnpClient) Block() error {
	f, release := c.foo.Block(context.Background(), nil)
	defer release()
	_, err := f.Struct()
	return err
}

func (c *capnpClient) Unblock() error {
	f, release := c.foo.Unblock(context.Background(), nil)
	defer release()
	_, err := f.Struct()
	return err
}

func (c *capnpClient) Close() error { return c.conn.Close() }
