package vat

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// sentinel is one epoll descriptor, which Go's own poller waits for, with the
// connections at rest. Their entries fire once, so an entry costs a system
// call when a connection comes to rest, and one when it is used again.
type sentinel struct {
	mu    sync.Mutex
	tried bool
	epoll int
	raw   syscall.RawConn // nil if there is none
	conns map[int32]*Conn
	next  int32
}

var guard sentinel

// open makes the descriptor, once.
func (s *sentinel) open() {
	s.tried = true
	fd, _, raw, err := newEpoll()
	if err != nil {
		return
	}
	s.epoll, s.raw, s.conns = fd, raw, map[int32]*Conn{}
	go s.run()
}

func (s *sentinel) arm(c *Conn) bool {
	s.mu.Lock()
	if !s.tried {
		s.open()
	}
	op := unix.EPOLL_CTL_MOD
	if s.raw != nil && c.guardID == 0 {
		op = unix.EPOLL_CTL_ADD
		for c.guardID == 0 || s.conns[c.guardID] != nil {
			s.next++
			c.guardID = s.next
		}
		s.conns[c.guardID] = c
	}
	ready := s.raw != nil
	s.mu.Unlock()
	return ready && s.control(c, op, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLONESHOT) == nil
}

func (s *sentinel) disarm(c *Conn) { _ = s.control(c, unix.EPOLL_CTL_MOD, unix.EPOLLONESHOT) }

// readable reports whether a read would not block.
func (*sentinel) readable(c *Conn) bool {
	n := 0
	err := c.raw.Control(func(fd uintptr) {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}}, 0)
	})
	return n > 0 || err != nil
}

func (s *sentinel) control(c *Conn, op int, events uint32) error {
	var err error
	e := c.raw.Control(func(fd uintptr) {
		err = unix.EpollCtl(s.epoll, op, int(fd), &unix.EpollEvent{Events: events, Fd: c.guardID})
	})
	if e != nil {
		return e
	}
	return err
}

// forget ends what arm began, before the connection is closed.
func (s *sentinel) forget(c *Conn) {
	if c.guardID == 0 {
		return
	}
	_ = s.control(c, unix.EPOLL_CTL_DEL, 0)
	s.mu.Lock()
	delete(s.conns, c.guardID)
	s.mu.Unlock()
}

func (s *sentinel) run() {
	var events [64]unix.EpollEvent
	for {
		n := 0
		err := s.raw.Read(func(fd uintptr) bool {
			var err error
			n, err = unix.EpollWait(int(fd), events[:], 0)
			return n > 0 || err != nil && err != unix.EINTR
		})
		if err != nil {
			return
		}
		for _, e := range events[:max(n, 0)] {
			s.mu.Lock()
			c := s.conns[e.Fd]
			s.mu.Unlock()
			if c != nil {
				c.roused()
			}
		}
	}
}
