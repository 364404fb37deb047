package peers

import (
	"context"
	"errors"
	"io"

	"github.com/mpgo-dev/mpgo/bench/internal/foo"
	"github.com/mpgo-dev/mpgo/bench/internal/foopb"
)

// What the four peers that carry protobuf messages have in common. Their users' values are the generated messages themselves, so Pass converts
// nothing.

// pbService has the handlers whose shape is the same in all of them.
type pbService struct{ gate gate }

func newPBService() pbService { return pbService{newGate()} }

func (pbService) Add(_ context.Context, r *foopb.AddRequest) (*foopb.AddReply, error) {
	return &foopb.AddReply{Result: r.A + r.B}, nil
}

func (pbService) Pass(_ context.Context, s *foopb.FooStruct) (*foopb.FooStruct, error) {
	return s, nil
}

func (pbService) PassData(_ context.Context, d *foopb.Data) (*foopb.Data, error) {
	return d, nil
}

func (s pbService) Block(context.Context, *foopb.Empty) (*foopb.Empty, error) {
	s.gate.block()
	return &foopb.Empty{}, nil
}

func (s pbService) Unblock(context.Context, *foopb.Empty) (*foopb.Empty, error) {
	s.gate.unblock()
	return &foopb.Empty{}, nil
}

// pbServerStream is the server's end of a Callback stream.
type pbServerStream interface {
	Send(*foopb.FromServer) error
	Recv() (*foopb.FromClient, error)
}

// serveCallback answers each call on the stream after it has asked the client once.
func serveCallback(s pbServerStream) error {
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		ask := &foopb.FromServer{What: &foopb.FromServer_Ask{Ask: m.GetCall()}}
		if err := s.Send(ask); err != nil {
			return err
		}
		if m, err = s.Recv(); err != nil {
			return err
		}
		result := &foopb.FromServer{What: &foopb.FromServer_Result{Result: m.GetAnswer()}}
		if err := s.Send(result); err != nil {
			return err
		}
	}
}

// pbClientStream is the client's end of a Callback stream.
type pbClientStream interface {
	Send(*foopb.FromClient) error
	Recv() (*foopb.FromServer, error)
	// finish ends the stream and waits until the server has ended it too.
	finish() error
}

// finishStream ends a stream whose library says so by io.EOF.
func finishStream(closeSend func() error, recv func() (*foopb.FromServer, error)) error {
	if err := closeSend(); err != nil {
		return err
	}
	if _, err := recv(); !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("the stream did not end"), err)
	}
	return nil
}

// callBack makes one call on the stream and answers what the server asks.
func callBack(s pbClientStream, arg int32) error {
	if err := s.Send(&foopb.FromClient{What: &foopb.FromClient_Call{Call: arg}}); err != nil {
		return err
	}
	m, err := s.Recv()
	if err != nil {
		return err
	}
	answer := &foopb.FromClient{What: &foopb.FromClient_Answer{Answer: callbackResult(m.GetAsk())}}
	if err := s.Send(answer); err != nil {
		return err
	}
	if m, err = s.Recv(); err != nil {
		return err
	}
	return checkInt(m.GetResult(), callbackResult(arg))
}

// pbClient makes the workload's calls through the functions that a peer gives it.
type pbClient struct {
	add            func(context.Context, *foopb.AddRequest) (*foopb.AddReply, error)
	pass           func(context.Context, *foopb.FooStruct) (*foopb.FooStruct, error)
	passData       func(context.Context, *foopb.Data) (*foopb.Data, error)
	block, unblock func(context.Context, *foopb.Empty) (*foopb.Empty, error)
	callback       func(context.Context) (pbClientStream, error)
	close          func() error
}

func (c *pbClient) Caller(ctx context.Context, w Workload) (func() error, error) {
	background := context.Background()
	add := func(ctx context.Context) error {
		r, err := c.add(ctx, &foopb.AddRequest{A: 2, B: 3})
		if err != nil {
			return err
		}
		return checkInt(r.Result, 5)
	}
	switch w.Op {
	case Add:
		return func() error { return add(background) }, nil
	case Context:
		return func() error { return add(ctx) }, nil
	case CallbackSaved:
		s, err := c.callback(ctx)
		if err != nil {
			return nil, err
		}
		return func() error { return callBack(s, 7) }, nil
	case Callback:
		return func() error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			s, err := c.callback(ctx)
			if err != nil {
				return err
			}
			if err := callBack(s, 7); err != nil {
				return err
			}
			return s.finish()
		}, nil
	case Pass:
		m := foopb.FromStruct(foo.New())
		return func() error {
			r, err := c.pass(background, m)
			if err != nil {
				return err
			}
			got := foo.Struct{Name: r.Name, SetInt: r.SetInt, VectorBool: r.VectorBool, OptionalInt: r.OptionalInt, MapStringInt: r.MapStringInt}
			return got.Check()
		}, nil
	case PassData:
		data := newData(w.Bytes)
		return func() error {
			r, err := c.passData(background, &foopb.Data{Data: data})
			if err != nil {
				return err
			}
			return checkData(r.Data, data)
		}, nil
	case Chain:
		return func() error {
			for range ChainLength {
				if err := add(background); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
	return nil, ErrNotOffered
}

func (c *pbClient) Block() error {
	_, err := c.block(context.Background(), &foopb.Empty{})
	return err
}

func (c *pbClient) Unblock() error {
	_, err := c.unblock(context.Background(), &foopb.Empty{})
	return err
}

func (c *pbClient) Close() error { return c.close() }
