package peers

import (
	"context"
	"net"
	"net/http"

	"connectrpc.com/connect"

	"github.com/mpgo-dev/mpgo/bench/internal/foopb"
	"github.com/mpgo-dev/mpgo/bench/internal/foopb/foopbconnect"
)

// connectPeer is connect-go with its own protocol over net/http's HTTP/2 without TLS, which its streams in both directions need.
type connectPeer struct{}

type connectServer struct{ s pbService }

// connectHandler puts connect's envelopes around a handler.
func connectHandler[Q, R any](ctx context.Context, r *connect.Request[Q], f func(context.Context, *Q) (*R, error)) (*connect.Response[R], error) {
	m, err := f(ctx, r.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(m), nil
}

func (s connectServer) Add(ctx context.Context, r *connect.Request[foopb.AddRequest]) (*connect.Response[foopb.AddReply], error) {
	return connectHandler(ctx, r, s.s.Add)
}

func (s connectServer) Pass(ctx context.Context, r *connect.Request[foopb.FooStruct]) (*connect.Response[foopb.FooStruct], error) {
	return connectHandler(ctx, r, s.s.Pass)
}

func (s connectServer) PassData(ctx context.Context, r *connect.Request[foopb.Data]) (*connect.Response[foopb.Data], error) {
	return connectHandler(ctx, r, s.s.PassData)
}

func (s connectServer) Block(ctx context.Context, r *connect.Request[foopb.Empty]) (*connect.Response[foopb.Empty], error) {
	return connectHandler(ctx, r, s.s.Block)
}

func (s connectServer) Unblock(ctx context.Context, r *connect.Request[foopb.Empty]) (*connect.Response[foopb.Empty], error) {
	return connectHandler(ctx, r, s.s.Unblock)
}

type connectServerStream struct {
	*connect.BidiStream[foopb.FromClient, foopb.FromServer]
}

func (s connectServerStream) Recv() (*foopb.FromClient, error) { return s.Receive() }

func (connectServer) Callback(_ context.Context, s *connect.BidiStream[foopb.FromClient, foopb.FromServer]) error {
	return serveCallback(connectServerStream{s})
}

// http2Only is HTTP/2 without TLS.
func http2Only() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

func (connectPeer) Serve(l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle(foopbconnect.NewFooHandler(connectServer{newPBService()}))
	s := &http.Server{Handler: mux, Protocols: http2Only()}
	return s.Serve(l)
}

type connectStream struct {
	*connect.BidiStreamForClient[foopb.FromClient, foopb.FromServer]
}

func (s connectStream) Recv() (*foopb.FromServer, error) { return s.Receive() }

func (s connectStream) finish() error {
	if err := finishStream(s.CloseRequest, s.Receive); err != nil {
		return err
	}
	return s.CloseResponse()
}

// connectMethod puts connect's envelopes around a method.
func connectMethod[Q, R any](f func(context.Context, *connect.Request[Q]) (*connect.Response[R], error)) func(context.Context, *Q) (*R, error) {
	return func(ctx context.Context, q *Q) (*R, error) {
		r, err := f(ctx, connect.NewRequest(q))
		if err != nil {
			return nil, err
		}
		return r.Msg, nil
	}
}

func (connectPeer) Dial(path string) (Client, error) {
	t := &http.Transport{
		Protocols: http2Only(),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}
	c := foopbconnect.NewFooClient(&http.Client{Transport: t}, "http://localhost")
	return &pbClient{
		add:      connectMethod(c.Add),
		pass:     connectMethod(c.Pass),
		passData: connectMethod(c.PassData),
		block:    connectMethod(c.Block),
		unblock:  connectMethod(c.Unblock),
		callback: func(ctx context.Context) (pbClientStream, error) { return connectStream{c.Callback(ctx)}, nil },
		close: func() error {
			t.CloseIdleConnections()
			return nil
		},
	}, nil
}
