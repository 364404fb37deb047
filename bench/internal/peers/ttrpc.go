package peers

import (
	"context"
	"net"

	"github.com/containerd/ttrpc"

	"github.com/mpgo-dev/mpgo/bench/internal/foopb"
)

// ttrpcPeer is containerd's ttrpc.
type ttrpcPeer struct{}

type ttrpcServer struct{ pbService }

func (ttrpcServer) Callback(_ context.Context, s foopb.TTRPCFoo_CallbackServer) error {
	return serveCallback(s)
}

func (ttrpcPeer) Serve(l net.Listener) error {
	s, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	foopb.RegisterTTRPCFooService(s, ttrpcServer{newPBService()})
	return s.Serve(context.Background(), l)
}

type ttrpcStream struct{ foopb.TTRPCFoo_CallbackClient }

func (s ttrpcStream) finish() error { return finishStream(s.CloseSend, s.Recv) }

func (ttrpcPeer) Dial(path string) (Client, error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	client := ttrpc.NewClient(conn)
	c := foopb.NewTTRPCFooClient(client)
	return &pbClient{
		add:      c.Add,
		pass:     c.Pass,
		passData: c.PassData,
		block:    c.Block,
		unblock:  c.Unblock,
		callback: func(ctx context.Context) (pbClientStream, error) {
			s, err := c.Callback(ctx)
			return ttrpcStream{s}, err
		},
		close: client.Close,
	}, nil
}
