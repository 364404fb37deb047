package mprt

import (
	"context"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Shutdown ends the connection when the calls that are being served have
// returned, or when ctx ends; calls that still run then find their contexts
// cancelled. Calls that the peer makes meanwhile fail with [ErrDisconnected],
// except those on a thread that is busy, which a running call may be waiting
// for, and those that destroy an object.
//
// Shutdown returns when the connection has ended: nil if every call returned.
func (c *Conn) Shutdown(ctx context.Context) error {
	c.leaving.Store(true)
	err := c.vat.Drain(ctx)
	c.vat.Close()
	c.settle()
	return err
}

// shutdown is Shutdown within the time that the options give.
func (c *Conn) shutdown(o *options) {
	if o.grace <= 0 {
		c.Close()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.grace)
	defer cancel()
	if err := c.Shutdown(ctx); err != nil {
		o.logger.Warn("calls interrupted by shutdown", "peer", c.name)
	}
}

// errLeaving is what a call is told that comes during [Conn.Shutdown].
var errLeaving error = &vat.Exception{Type: vat.Disconnected, Reason: "called after disconnect: the peer is shutting down"}

// admit says whether a call is taken. thread is where it will run, nil for the
// connection's own loop.
func (c *ServerCall) admit(thread *Thread) error {
	if c.conn == nil || !c.conn.leaving.Load() || c.method.destroys || thread != nil && thread.queue.Busy() {
		return nil
	}
	return errLeaving
}
