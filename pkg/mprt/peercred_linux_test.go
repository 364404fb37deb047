package mprt_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

func TestPeerCheck(t *testing.T) {
	address := fmt.Sprintf("unix:@mpgo-test-%d", os.Getpid())
	seen := make(chan mprt.PeerCred, 2) // one a connection
	serve(t, listen(t, address), mprt.WithPeerCheck(func(p mprt.PeerCred) error {
		seen <- p
		return mprt.SameUser(p)
	}))
	if _, err := dial(t, address, mprt.WithPeerCheck(mprt.SameUser)).Add(t.Context(), 1, 1); err != nil {
		t.Error(err)
	}
	want := mprt.PeerCred{PID: os.Getpid(), UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	if got := <-seen; got != want {
		t.Errorf("the peer is %+v, not %+v", got, want)
	}

	conn, err := mprt.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := mprt.PeerCredOf(conn.NetConn()); got != want || err != nil {
		t.Errorf("the peer of a connection is %+v, not %+v: %v", got, want, err)
	}

	stranger := want
	stranger.UID++
	if err := mprt.SameUser(stranger); err == nil {
		t.Error("another user is the same user")
	}
}

func TestPeerRefused(t *testing.T) {
	errStranger := errors.New("a stranger")
	refuse := mprt.WithPeerCheck(func(mprt.PeerCred) error { return errStranger })
	address := unixAddress(t)
	serve(t, listen(t, address), refuse)
	if _, err := dial(t, address).Add(t.Context(), 1, 1); !errors.Is(err, mprt.ErrDisconnected) {
		t.Errorf("call to a server that refuses: %v", err)
	}
	if _, err := mprt.Dial(t.Context(), address, refuse); !errors.Is(err, errStranger) {
		t.Errorf("Dial that refuses: %v", err)
	}
	ours, theirs := net.Pipe()
	defer theirs.Close()
	err := mprt.ServeConn(t.Context(), ours, foo.NewFooInterfaceServer(server{}), refuse)
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "no Unix socket") {
		t.Errorf("check of what is no Unix socket: %v", err)
	}
}
