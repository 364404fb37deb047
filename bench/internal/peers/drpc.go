package peers

import (
	"context"
	"net"

	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcpool"
	"storj.io/drpc/drpcserver"

	"github.com/mpgo-dev/mpgo/bench/internal/foopb"
)

// drpcPeer is Storj's drpc. One of its connections carries one call at a time, so the client is drpc's own pool of connections.
type drpcPeer struct{}

type drpcServer struct{ pbService }

func (drpcServer) Callback(s foopb.DRPCFoo_CallbackStream) error { return serveCallback(s) }

func (drpcPeer) Serve(l net.Listener) error {
	mux := drpcmux.New()
	if err := foopb.DRPCRegisterFoo(mux, drpcServer{newPBService()}); err != nil {
		return err
	}
	return drpcserver.New(mux).Serve(context.Background(), l)
}

type drpcStream struct{ foopb.DRPCFoo_CallbackClient }

func (s drpcStream) finish() error {
	return finishStream(s.CloseSend, s.Recv)
}

func (drpcPeer) Dial(path string) (Client, error) {
	pool := drpcpool.New[string, drpcpool.Conn](drpcpool.Options{})
	conn := pool.Get(context.Background(), path, func(ctx context.Context, path string) (drpcpool.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		return drpcconn.New(c), nil
	})
	c := foopb.NewDRPCFooClient(conn)
	return &pbClient{
		add:      c.Add,
		pass:     c.Pass,
		passData: c.PassData,
		block:    c.Block,
		unblock:  c.Unblock,
		callback: func(ctx context.Context) (pbClientStream, error) {
			s, err := c.Callback(ctx)
			return drpcStream{s}, err
		},
		close: pool.Close,
	}, nil
}
