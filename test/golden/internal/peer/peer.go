// Package peer connects the golden tests' clients and servers.
package peer

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// Connect serves s on a socket, and returns the object that a client of it
// sees. All ends with the test.
func Connect(t testing.TB, s *mprt.Server, opts ...mprt.Option) mprt.Capability {
	t.Helper()
	return Dial(t, s, opts...).Bootstrap()
}

// Dial is Connect for who needs the connection.
func Dial(t testing.TB, s *mprt.Server, opts ...mprt.Option) *mprt.Conn {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mprt.Serve(ctx, l, s) }()
	c, err := mprt.Dial(ctx, "unix:"+l.Addr().String(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("closing the connection: %v", err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return c
}
