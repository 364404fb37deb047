// Package faultconn gives tests streams that break where they say.
package faultconn

import (
	"net"
	"sync"
)

// Conn is a stream that breaks after so many bytes. It is no socket for those
// who look: what is written to it can only be written by waiting.
type Conn struct {
	net.Conn
	atLimit func(net.Conn) error

	mu          sync.Mutex
	read, write int // bytes left; negative: no limit
}

// New returns nc, which breaks as soon as read bytes have been read from it or
// write bytes written to it, of which a negative number never happens. atLimit
// is what breaks then: it is called with nc for each read or write that finds
// nothing left, and returns the error of that.
func New(nc net.Conn, read, write int, atLimit func(net.Conn) error) *Conn {
	return &Conn{Conn: nc, atLimit: atLimit, read: read, write: write}
}

// Close is an atLimit: the stream ends in both directions.
func Close(nc net.Conn) error {
	nc.Close()
	return net.ErrClosed
}

// Read reads no further than the limit.
func (c *Conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	left := c.read
	c.mu.Unlock()
	if left == 0 {
		return 0, c.atLimit(c.Conn)
	}
	if left > 0 {
		b = b[:min(len(b), left)]
	}
	n, err := c.Conn.Read(b)
	if left > 0 {
		c.mu.Lock()
		c.read -= n
		c.mu.Unlock()
	}
	return n, err
}

// Write writes what the limit leaves, and fails if that is not all.
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	all := len(b)
	if c.write >= 0 {
		b = b[:min(all, c.write)]
		c.write -= len(b)
	}
	c.mu.Unlock()
	n, err := 0, error(nil)
	if len(b) > 0 {
		n, err = c.Conn.Write(b)
	}
	if err == nil && len(b) < all {
		err = c.atLimit(c.Conn)
	}
	return n, err
}
