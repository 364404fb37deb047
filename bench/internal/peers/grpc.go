package peers

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/mpgo-dev/mpgo/bench/internal/foopb"
)

// grpcPeer is google.golang.org/grpc with its default settings. The client has one connection.
type grpcPeer struct{}

type grpcServer struct {
	foopb.UnsafeFooServer
	pbService
}

func (grpcServer) Callback(s grpc.BidiStreamingServer[foopb.FromClient, foopb.FromServer]) error {
	return serveCallback(s)
}

func (grpcPeer) Serve(l net.Listener) error {
	s := grpc.NewServer()
	foopb.RegisterFooServer(s, grpcServer{pbService: newPBService()})
	return s.Serve(l)
}

type grpcStream struct {
	grpc.BidiStreamingClient[foopb.FromClient, foopb.FromServer]
}

func (s grpcStream) finish() error { return finishStream(s.CloseSend, s.Recv) }

// grpcMethod drops the options, which the workload has no use for.
func grpcMethod[Q, R any](f func(context.Context, Q, ...grpc.CallOption) (R, error)) func(context.Context, Q) (R, error) {
	return func(ctx context.Context, q Q) (R, error) { return f(ctx, q) }
}

func (grpcPeer) Dial(path string) (Client, error) {
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	c := foopb.NewFooClient(conn)
	return &pbClient{
		add:      grpcMethod(c.Add),
		pass:     grpcMethod(c.Pass),
		passData: grpcMethod(c.PassData),
		block:    grpcMethod(c.Block),
		unblock:  grpcMethod(c.Unblock),
		callback: func(ctx context.Context) (pbClientStream, error) {
			s, err := c.Callback(ctx)
			return grpcStream{s}, err
		},
		close: conn.Close,
	}, nil
}
