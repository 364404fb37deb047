package vat

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// lastWords bounds how long the end of a session waits for what either side has
// still to say. Tests change it.
var lastWords = 250 * time.Millisecond

// sayLast writes what is queued before the stream is closed, as far as the
// peer takes it at once, under c.mu. It reports false if that cannot be done
// without waiting; see sayLater.
func (c *Conn) sayLast() bool {
	o := c.out
	if o.flushing || o.raw == nil {
		return false
	}
	o.take()
	// The session is over; what does not go out now never will.
	_, _ = o.writeNow()
	o.writing.reset()
	return true
}

// sayLater is sayLast for a stream that can only be written to by waiting, or to
// which another goroutine writes, on a goroutine of its own and for a bounded
// time. It closes the stream.
func (c *Conn) sayLater() {
	defer hangUp(c.nc)
	defer time.AfterFunc(lastWords, func() { hangUp(c.nc) }).Stop()
	c.nc.SetReadDeadline(time.Unix(1, 0)) // nobody is to read any more
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.out
	for o.flushing {
		o.drained.Wait()
	}
	if o.failed { // perhaps in the middle of a message
		return
	}
	o.flushing = true
	o.take()
	c.mu.Unlock()
	_ = o.writeRest(c.nc)
	c.written(nil)
}

// hangUp closes a stream for every process that has it: a child that was forked
// with a socket would keep the connection alive, and its peer waiting, although
// this process has closed it.
func hangUp(nc net.Conn) {
	switch nc := nc.(type) {
	case interface{ hangUp() }:
		nc.hangUp()
	case *net.UnixConn:
		// A peer that has left already is no error.
		_ = nc.CloseRead()
		_ = nc.CloseWrite()
	case *net.TCPConn:
		_ = nc.CloseWrite()
	}
	nc.Close()
}

// writeFailed ends the session after an error of a write. A peer that has left
// may have said why: that is still to be read.
func (c *Conn) writeFailed(err error) {
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		c.fail(fmt.Errorf("write: %w", err))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.failed || c.err != nil {
		return
	}
	time.AfterFunc(lastWords, func() { c.end(ErrPeerLeft, nil) })
	if !c.reading {
		c.claim(nil)
		go c.background()
	}
}
