//go:build unix

package vat

import (
	"net"
	"syscall"
)

// rawConn gives access to the descriptor below nc, for reads that hold no
// buffer while they wait and writes that do not block; nil if nc has none. It
// also returns what is to be used instead of nc.
func rawConn(nc net.Conn) (net.Conn, syscall.RawConn) {
	switch u := nc.(type) {
	case *net.UnixConn:
		// As much as the system allows: each time that the buffer is full costs
		// a switch to the peer and back.
		_ = u.SetWriteBuffer(1 << 20)
		nc = takeSocket(u)
	case *net.TCPConn:
	default:
		return nc, nil
	}
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		return nc, nil
	}
	return nc, raw
}

// tryRead is one read of a ready descriptor. A connection that is idle holds
// no buffer while it waits.
func (in *input) tryRead(fd uintptr) bool {
	in.need()
	for {
		in.n, in.err = read(int(fd), in.buf[in.w:])
		if in.err != syscall.EINTR {
			break
		}
	}
	if in.err == syscall.EAGAIN {
		in.n, in.err = 0, nil
		if in.r == in.w {
			in.drop()
		}
		return false
	}
	return true
}

// tryWrite writes what the socket takes at once.
func (o *output) tryWrite(fd uintptr) bool {
	o.io.Lock()
	defer o.io.Unlock()
	o.err = nil
	for len(o.unwritten) > 0 {
		n, err := writev(int(fd), o.unwritten)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return true
		case err != nil:
			o.err = err
			return true
		default:
			o.unwritten = advance(o.unwritten, n)
		}
	}
	return true
}

// tryWriteRest is tryWrite for who waits until all is written.
func (o *output) tryWriteRest(fd uintptr) bool {
	o.tryWrite(fd)
	return len(o.unwritten) == 0 || o.err != nil
}
