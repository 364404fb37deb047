package vat

import "context"

// Drain waits until no call of the peer is being served and all that was sent
// has been handed to the kernel, or until ctx or the session ends. It does not
// keep the peer from making further calls.
func (c *Conn) Drain(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.out
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		o.drained.Broadcast()
	})
	defer stop()
	// Each return is written, and whoever has written something broadcasts.
	for (c.running > 0 || o.bytes() > 0) && c.err == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		o.drained.Wait()
	}
	return nil
}
