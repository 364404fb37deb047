package mprt

import (
	"errors"
	"net"
	"testing"
)

// A pool that is asked for just as the connection ends is not made: nobody would end it, and threads of the system are
// counted for all connections.
func TestPoolOfEndedConnection(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	before := osThreads.Load()
	c := NewConn(near, nil, WithOSThreads())
	c.Close()
	if err := c.makePool(3); !errors.Is(err, ErrDisconnected) {
		t.Error(err)
	}
	if n, os := c.threads.Load(), osThreads.Load(); n != 0 || os != before {
		t.Errorf("%d threads are left, %d of the system more", n, os-before)
	}
}
