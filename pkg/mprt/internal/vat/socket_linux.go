package vat

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A socket is a Unix socket of which Go's poller hears only what somebody waits
// for. A net.Conn is registered there for reading and for writing alike, so each
// message that the peer reads wakes the process that wrote it, for nothing: a
// third of a round trip. Here Go's poller has an epoll descriptor in the socket's
// place, in which the socket is registered for reading; and, once a write has had
// to wait, another in which it is for writing, as long as one does.
type socket struct {
	fd            int
	refs          atomic.Int64 // that fd is in use, and one until Close
	closed        atomic.Bool
	local, remote net.Addr

	in  readiness
	out readiness
}

// readiness is something that can be waited for.
type readiness struct {
	mu    sync.Mutex // held while somebody waits
	try   func(fd uintptr) bool
	tryFn func(uintptr) bool // allocated once

	made  sync.Mutex // guards what follows
	epoll int
	file  *os.File // of epoll
	raw   syscall.RawConn
}

// takeSocket returns a socket in nc's place, which it closes; or nc, if too many
// descriptors are in use.
func takeSocket(nc *net.UnixConn) net.Conn {
	raw, err := nc.SyscallConn()
	if err != nil || !morePollers() {
		return nc
	}
	s := &socket{fd: -1, local: nc.LocalAddr(), remote: nc.RemoteAddr()}
	s.refs.Store(1)
	s.in.tryFn = func(uintptr) bool { return s.in.try(uintptr(s.fd)) }
	s.out.tryFn = func(uintptr) bool { return s.out.try(uintptr(s.fd)) }
	e := raw.Control(func(fd uintptr) { s.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if e != nil || err != nil {
		return nc
	}
	if err := s.in.open(s.fd, unix.EPOLLIN|unix.EPOLLRDHUP); err != nil {
		unix.Close(s.fd)
		return nc
	}
	_ = nc.Close()
	return s
}

// pollers is how many epoll descriptors there are. A process may serve nearly as
// many connections as it may have descriptors, so no more than a quarter are for
// these.
var pollers atomic.Int64

func morePollers() bool {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return err == nil && uint64(pollers.Load()) < limit.Cur/4
}

// open makes the descriptor that Go's poller waits for.
func (r *readiness) open(fd int, events uint32) error {
	epoll, file, raw, err := newEpoll()
	if err != nil {
		return err
	}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events}); err != nil {
		file.Close()
		return os.NewSyscallError("epoll_ctl", err)
	}
	r.epoll, r.file, r.raw = epoll, file, raw
	pollers.Add(1)
	return nil
}

func (r *readiness) close() {
	r.made.Lock()
	defer r.made.Unlock()
	if r.file != nil {
		_ = r.file.Close()
		pollers.Add(-1)
	}
}

// wait calls f until it returns true: now, and each time that it is worth it.
func (r *readiness) wait(f func(fd uintptr) bool) error {
	r.try = f
	err := r.raw.Read(r.tryFn)
	r.try = nil // it refers to what its caller reads into
	return err
}

// acquire keeps fd open until release.
func (s *socket) acquire() bool {
	for {
		n := s.refs.Load()
		if n == 0 || s.closed.Load() {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *socket) release() {
	if s.refs.Add(-1) == 0 {
		unix.Close(s.fd)
	}
}

// readable calls f until it returns true: now, and each time that there is
// something to read.
func (s *socket) readable(f func(fd uintptr) bool) error {
	if !s.acquire() {
		return net.ErrClosed
	}
	defer s.release()
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.outcome(s.in.wait(f))
}

// writable calls f until it returns true: now, and each time that there is room
// to write.
func (s *socket) writable(f func(fd uintptr) bool) error {
	if !s.acquire() {
		return net.ErrClosed
	}
	defer s.release()
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if f(uintptr(s.fd)) {
		return nil
	}
	err := s.openOut()
	if err == nil {
		err = s.watchOut(unix.EPOLLOUT)
	}
	if err != nil {
		return s.writableByAsking(f)
	}
	err = s.out.wait(f)
	_ = s.watchOut(0)
	return s.outcome(err)
}

// writableByAsking is writable where there is no descriptor to be had: what is
// connected already goes on.
func (s *socket) writableByAsking(f func(fd uintptr) bool) error {
	for !s.closed.Load() {
		time.Sleep(10 * tick)
		if f(uintptr(s.fd)) {
			return nil
		}
	}
	return net.ErrClosed
}

func (s *socket) openOut() error {
	s.out.made.Lock()
	defer s.out.made.Unlock()
	switch {
	case s.closed.Load():
		return net.ErrClosed
	case s.out.file != nil:
		return nil
	}
	return s.out.open(s.fd, 0)
}

// watchOut says what out waits for: all that an idle one would hear of wakes
// the process.
func (s *socket) watchOut(events uint32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(s.out.epoll, unix.EPOLL_CTL_MOD, s.fd, &unix.EpollEvent{Events: events}))
}

func (s *socket) outcome(err error) error {
	if err != nil && s.closed.Load() {
		return net.ErrClosed
	}
	return err
}

func (s *socket) Read(b []byte) (n int, err error) {
	e := s.readable(func(fd uintptr) bool {
		for {
			if n, err = read(int(fd), b); err != syscall.EINTR {
				return err != syscall.EAGAIN
			}
		}
	})
	switch {
	case e != nil:
		return 0, e
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}

func (s *socket) Write(b []byte) (int, error) {
	rest := b
	var err error
	e := s.writable(func(fd uintptr) bool {
		for len(rest) > 0 {
			var n int
			switch n, err = writev(int(fd), [][]byte{rest}); err {
			case nil:
				rest = rest[n:]
			case syscall.EINTR:
			default:
				return err != syscall.EAGAIN
			}
		}
		return true
	})
	if e == nil {
		e = os.NewSyscallError("write", err)
	}
	return len(b) - len(rest), e
}

// Close ends what waits.
func (s *socket) Close() error {
	if s.closed.Swap(true) {
		return net.ErrClosed
	}
	s.in.close()
	s.out.close()
	s.release()
	return nil
}

// hangUp ends the stream for all processes that have it.
func (s *socket) hangUp() {
	if s.acquire() {
		_ = unix.Shutdown(s.fd, unix.SHUT_RDWR)
		s.release()
	}
}

func (s *socket) LocalAddr() net.Addr  { return s.local }
func (s *socket) RemoteAddr() net.Addr { return s.remote }

func (s *socket) SetDeadline(t time.Time) error {
	if err := s.SetReadDeadline(t); err != nil {
		return err
	}
	return s.SetWriteDeadline(t)
}

func (s *socket) SetReadDeadline(t time.Time) error { return s.outcome(s.in.file.SetReadDeadline(t)) }

func (s *socket) SetWriteDeadline(t time.Time) error {
	if !s.acquire() {
		return net.ErrClosed
	}
	defer s.release()
	if err := s.openOut(); err != nil {
		return err
	}
	return s.outcome(s.out.file.SetReadDeadline(t))
}

// SyscallConn implements [syscall.Conn].
func (s *socket) SyscallConn() (syscall.RawConn, error) { return rawSocket{s}, nil }

type rawSocket struct{ s *socket }

func (r rawSocket) Control(f func(fd uintptr)) error {
	if !r.s.acquire() {
		return net.ErrClosed
	}
	defer r.s.release()
	f(uintptr(r.s.fd))
	return nil
}

func (r rawSocket) Read(f func(fd uintptr) bool) error  { return r.s.readable(f) }
func (r rawSocket) Write(f func(fd uintptr) bool) error { return r.s.writable(f) }
