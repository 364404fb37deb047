package vat

// The sentinel watches connections that are at rest: nobody waits for a return
// and nothing is being served. A background reader would do, but it costs a
// goroutine each, and a call that comes later would find the reader role held
// and have to be woken by it. The sentinel leaves the role vacant: the next
// caller leads at once. Only when the peer says something unasked does it
// start a background reader. Where there is no such thing as epoll, arm
// reports false and a background reader is used.

// quiet reports whether c may rest, under c.mu and with the role vacant: there
// is nothing that waits, runs or is buffered.
func (c *Conn) quiet() bool {
	return c.raw != nil && c.inline == nil && len(c.followers) == 0 && !c.in.hasFrame()
}

// rest hands a quiet connection to the sentinel, under c.mu. It reports false
// if c needs a background reader instead.
func (c *Conn) rest() bool {
	c.guarded = guard.arm(c)
	return c.guarded
}

// unrest ends rest, under c.mu.
func (c *Conn) unrest() {
	if c.guarded {
		c.guarded = false
		guard.disarm(c)
	}
}

// roused is called by the sentinel when a connection at rest has become
// readable.
func (c *Conn) roused() {
	if !c.mu.TryLock() {
		go func() { // the sentinel has others to look after
			c.mu.Lock()
			c.rouse()
		}()
		return
	}
	c.rouse()
}

// rouse is called with the lock held, which it unlocks.
func (c *Conn) rouse() {
	defer c.mu.Unlock()
	if c.guarded && !c.reading && c.err == nil {
		c.guarded = false // the event came once, so nothing is to be disarmed
		if !guard.readable(c) && c.rest() {
			return // it was of an earlier rest
		}
		c.claim(nil)
		go c.background()
	}
}
