package peers

import (
	"context"
	"net"
	"net/rpc"
	"sync"

	"github.com/mpgo-dev/mpgo/bench/internal/foo"
)

// netrpcPeer is the standard library's net/rpc with gob. It calls in one direction only; to be called back, the client serves a second
// connection, which it opens by sending the byte reverseConn first.
type netrpcPeer struct{}

const (
	forwardConn = 'f'
	reverseConn = 'r'
)

// netrpcServer is the wrapped service; its methods have the shape that net/rpc looks for.
type netrpcServer struct {
	gate gate

	mu   sync.Mutex
	back *rpc.Client // the latest client that can be called back
}

// NumberPair is Add's argument.
type NumberPair struct{ A, B int32 }

func (*netrpcServer) Add(p NumberPair, r *int32) error {
	*r = p.A + p.B
	return nil
}

func (*netrpcServer) Pass(s foo.Struct, r *foo.Struct) error {
	*r = s
	return nil
}

func (*netrpcServer) PassData(d []byte, r *[]byte) error {
	*r = d
	return nil
}

func (s *netrpcServer) CallBack(arg int32, r *int32) error {
	s.mu.Lock()
	back := s.back
	s.mu.Unlock()
	return back.Call("Foo.Call", arg, r)
}

func (s *netrpcServer) Block(struct{}, *struct{}) error {
	s.gate.block()
	return nil
}

func (s *netrpcServer) Unblock(struct{}, *struct{}) error {
	s.gate.unblock()
	return nil
}

// netrpcCallback is what the client serves.
type netrpcCallback struct{}

func (netrpcCallback) Call(arg int32, r *int32) error {
	*r = callbackResult(arg)
	return nil
}

func (netrpcPeer) Serve(l net.Listener) error {
	object := &netrpcServer{gate: newGate()}
	s := rpc.NewServer()
	if err := s.RegisterName("Foo", object); err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			var kind [1]byte
			if _, err := c.Read(kind[:]); err != nil {
				c.Close()
				return
			}
			if kind[0] == forwardConn {
				s.ServeConn(c)
				return
			}
			object.mu.Lock()
			object.back = rpc.NewClient(c)
			c.Write([]byte{reverseConn}) // the client waits for this, so that its calls find the way back
			object.mu.Unlock()
		}()
	}
}

func dialNetrpc(path string, kind byte) (net.Conn, error) {
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte{kind}); err != nil {
		return nil, err
	}
	return c, nil
}

func (netrpcPeer) Dial(path string) (Client, error) {
	back, err := dialNetrpc(path, reverseConn)
	if err != nil {
		return nil, err
	}
	if _, err := back.Read(make([]byte, 1)); err != nil {
		return nil, err
	}
	s := rpc.NewServer()
	if err := s.RegisterName("Foo", netrpcCallback{}); err != nil {
		return nil, err
	}
	go s.ServeConn(back)
	c, err := dialNetrpc(path, forwardConn)
	if err != nil {
		return nil, err
	}
	return netrpcClient{rpc.NewClient(c)}, nil
}

type netrpcClient struct{ c *rpc.Client }

func (c netrpcClient) add() error {
	var r int32
	if err := c.c.Call("Foo.Add", NumberPair{2, 3}, &r); err != nil {
		return err
	}
	return checkInt(r, 5)
}

func (c netrpcClient) Caller(ctx context.Context, w Workload) (func() error, error) {
	switch w.Op {
	case Add:
		return c.add, nil
	case Context:
		return func() error {
			var r int32
			call := c.c.Go("Foo.Add", NumberPair{2, 3}, &r, make(chan *rpc.Call, 1))
			select {
			case <-call.Done:
			case <-ctx.Done():
				return ctx.Err()
			}
			if call.Error != nil {
				return call.Error
			}
			return checkInt(r, 5)
		}, nil
	case CallbackSaved:
		return func() error {
			var r int32
			if err := c.c.Call("Foo.CallBack", int32(7), &r); err != nil {
				return err
			}
			return checkInt(r, callbackResult(7))
		}, nil
	case Pass:
		s := foo.New()
		return func() error {
			var r foo.Struct
			if err := c.c.Call("Foo.Pass", s, &r); err != nil {
				return err
			}
			return r.Check()
		}, nil
	case PassData:
		data := newData(w.Bytes)
		return func() error {
			var r []byte
			if err := c.c.Call("Foo.PassData", data, &r); err != nil {
				return err
			}
			return checkData(r, data)
		}, nil
	case Chain:
		return func() error {
			for range ChainLength {
				if err := c.add(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
	return nil, ErrNotOffered
}

func (c netrpcClient) Block() error   { return c.c.Call("Foo.Block", struct{}{}, &struct{}{}) }
func (c netrpcClient) Unblock() error { return c.c.Call("Foo.Unblock", struct{}{}, &struct{}{}) }
func (c netrpcClient) Close() error   { return c.c.Close() }
