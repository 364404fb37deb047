package peers

import (
	"context"
	"net"
	"sync"

	"github.com/mpgo-dev/mpgo/pkg/mprt"

	"github.com/mpgo-dev/mpgo/bench/internal/foo"
	"github.com/mpgo-dev/mpgo/bench/internal/foomp"
)

// mpgoPeer is this project.
type mpgoPeer struct{}

// mpgoServer is the object that is served.
type mpgoServer struct {
	gate gate

	mu    sync.Mutex
	saved foomp.Callback
}

func (*mpgoServer) Add(_ context.Context, a, b int32) (int32, error) { return a + b, nil }

func (*mpgoServer) AddOnThread(_ context.Context, a, b int32) (int32, error) { return a + b, nil }

func (*mpgoServer) Pass(_ context.Context, arg *foomp.FooStruct) (*foomp.FooStruct, error) {
	return arg, nil
}

func (*mpgoServer) PassData(_ context.Context, arg []byte) ([]byte, error) { return arg, nil }

func (*mpgoServer) Callback(ctx context.Context, callback foomp.Callback, arg int32) (int32, error) {
	n, err := callback.Call(ctx, arg)
	if err != nil {
		return 0, err
	}
	return n, callback.(*foomp.CallbackClient).CloseContext(ctx)
}

func (s *mpgoServer) SaveCallback(_ context.Context, callback foomp.Callback) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = callback
	return nil
}

func (s *mpgoServer) CallbackSaved(ctx context.Context, arg int32) (int32, error) {
	s.mu.Lock()
	saved := s.saved
	s.mu.Unlock()
	return saved.Call(ctx, arg)
}

func (s *mpgoServer) Next(context.Context) (foomp.Foo, error) { return s, nil }

func (s *mpgoServer) Make(context.Context) (foomp.Foo, error) {
	return new(mpgoServer), nil
}

func (s *mpgoServer) Block(context.Context) error {
	s.gate.block()
	return nil
}

func (s *mpgoServer) Unblock(context.Context) error {
	s.gate.unblock()
	return nil
}

func (mpgoPeer) Serve(l net.Listener) error {
	return mprt.Serve(context.Background(), l, foomp.NewFooServer(&mpgoServer{gate: newGate()}), mprt.WithBorrowedData())
}

func (mpgoPeer) Dial(path string) (Client, error) {
	conn, err := mprt.Dial(context.Background(), "unix:"+path)
	if err != nil {
		return nil, err
	}
	return &mpgoClient{conn: conn, foo: foomp.NewFooClient(conn.Bootstrap())}, nil
}

type mpgoClient struct {
	conn *mprt.Conn
	foo  *foomp.FooClient
	held []foomp.Foo
}

// mpgoCallback is the function that the server calls.
type mpgoCallback struct{}

func (mpgoCallback) Call(_ context.Context, arg int32) (int32, error) {
	return callbackResult(arg), nil
}

func (c *mpgoClient) Caller(ctx context.Context, w Workload) (func() error, error) {
	background := context.Background()
	switch w.Op {
	case Add:
		return func() error {
			n, err := c.foo.Add(background, 2, 3)
			if err != nil {
				return err
			}
			return checkInt(n, 5)
		}, nil
	case Context:
		return func() error {
			n, err := c.foo.AddOnThread(ctx, 2, 3)
			if err != nil {
				return err
			}
			return checkInt(n, 5)
		}, nil
	case CallbackSaved:
		if err := c.foo.SaveCallback(ctx, mpgoCallback{}); err != nil {
			return nil, err
		}
		return func() error {
			n, err := c.foo.CallbackSaved(ctx, 7)
			if err != nil {
				return err
			}
			return checkInt(n, callbackResult(7))
		}, nil
	case Callback:
		return func() error {
			n, err := c.foo.Callback(ctx, mpgoCallback{}, 7)
			if err != nil {
				return err
			}
			return checkInt(n, callbackResult(7))
		}, nil
	case Pass:
		v := foomp.FromStruct(foo.New())
		return func() error {
			r, err := c.foo.Pass(background, v)
			if err != nil {
				return err
			}
			return r.ToStruct().Check()
		}, nil
	case PassData:
		data := newData(w.Bytes)
		return func() error {
			got, err := c.foo.PassData(background, data)
			if err != nil {
				return err
			}
			return checkData(got, data)
		}, nil
	case Chain:
		return func() error {
			object := c.foo
			for range ChainLength - 1 {
				next := object.StartNext(background)
				defer next.Finish()
				object = next.Result()
				defer object.Close()
			}
			n, err := object.Add(background, 2, 3)
			if err != nil {
				return err
			}
			return checkInt(n, 5)
		}, nil
	}
	return nil, ErrNotOffered
}

func (c *mpgoClient) Hold(n int) error {
	for range n {
		object, err := c.foo.Make(context.Background())
		if err != nil {
			return err
		}
		c.held = append(c.held, object)
	}
	return nil
}

func (c *mpgoClient) Block() error   { return c.foo.Block(context.Background()) }
func (c *mpgoClient) Unblock() error { return c.foo.Unblock(context.Background()) }
func (c *mpgoClient) Close() error   { return c.conn.Close() }
