package vat

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// connected returns both ends of a connection.
func connected(t *testing.T) (*net.UnixConn, net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		ends[i], err = net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ends[0].Close()
		ends[1].Close()
	})
	return ends[0].(*net.UnixConn), ends[1]
}

// sockets returns a socket and the other end.
func sockets(t *testing.T) (*socket, net.Conn) {
	t.Helper()
	u, other := connected(t)
	s, ok := takeSocket(u).(*socket)
	if !ok {
		t.Fatal("the socket was not taken")
	}
	t.Cleanup(func() { s.Close() })
	return s, other
}

func TestSocketCarriesBothWays(t *testing.T) {
	s, other := sockets(t)
	data := bytes.Repeat([]byte("0123456789"), 1<<18) // more than the buffers hold
	for _, way := range []struct {
		from io.Writer
		to   io.Reader
	}{{s, other}, {other, s}, {s, other}} {
		written := make(chan error, 1)
		go func() {
			n, err := way.from.Write(data)
			if n != len(data) && err == nil {
				err = io.ErrShortWrite
			}
			written <- err
		}()
		got := make([]byte, len(data))
		if _, err := io.ReadFull(way.to, got); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes were not read as they were written: %v", len(data), err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
}

// Go's poller does not hear of it when the peer has read, also not after a write
// that had to wait.
func TestSocketHearsWhatIsWaitedFor(t *testing.T) {
	s, other := sockets(t)
	ready := func(r *readiness) bool {
		t.Helper()
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(r.epoll), Events: unix.POLLIN}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	for _, size := range []int{1, 4 << 20, 1} {
		go s.Write(make([]byte, size))
		if _, err := io.ReadFull(other, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		s.out.mu.Lock() // the write has returned
		if ready(&s.in) || s.out.file != nil && ready(&s.out) {
			t.Errorf("after a write of %d bytes, the poller hears of something", size)
		}
		s.out.mu.Unlock()
	}
	if _, err := other.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if !ready(&s.in) {
		t.Error("the poller does not hear of what can be read")
	}
}

func TestSocketClose(t *testing.T) {
	s, other := sockets(t)
	full := make(chan error, 1)
	go func() {
		_, err := s.Write(make([]byte, 16<<20)) // which nobody reads
		full <- err
	}()
	if _, err := other.Read(make([]byte, 1)); err != nil { // the write has begun
		t.Fatal(err)
	}
	empty := make(chan error, 1)
	reads := make(chan bool)
	go func() {
		first := true
		empty <- s.readable(func(uintptr) bool {
			if first {
				close(reads)
				first = false
			}
			return false
		})
	}()
	<-reads
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for what, ended := range map[string]chan error{"read": empty, "write": full} {
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s of what is closed: %v", what, err)
		}
	}
	_, err := s.Write([]byte{1})
	for what, err := range map[string]error{
		"Write": err, "Close": s.Close(), "SetDeadline": s.SetDeadline(time.Time{}),
		"Control": rawSocket{s}.Control(func(uintptr) { t.Error("the descriptor is used after Close") }),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	if _, err := io.Copy(io.Discard, other); err != nil {
		t.Errorf("the peer does not see the end, but: %v", err)
	}
	if n := s.refs.Load(); n != 0 {
		t.Errorf("%d references are left", n)
	}
}

func TestSocketEnds(t *testing.T) {
	s, other := sockets(t)
	past := time.Unix(1, 0)
	if err := s.SetDeadline(past); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read after its deadline: %v", err)
	}
	if _, err := s.Write(make([]byte, 16<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write after its deadline: %v", err)
	}
	if err := s.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	other.Close()
	// What the peer has not read is lost, which it says once.
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read after the peer has left: %v", err)
	}
	if _, err := s.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read at the end: %v", err)
	}
	if _, err := s.Write([]byte{1}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write to nobody: %v", err)
	}
}

// Where descriptors are few, connections are as Go has them, and do with one.
func TestSocketLeavesDescriptors(t *testing.T) {
	before := pollers.Load()
	s, _ := sockets(t)
	if err := s.SetWriteDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if n := pollers.Load() - before; n != 2 {
		t.Errorf("reading and writing take %d pollers", n)
	}
	s.Close()
	if n := pollers.Load() - before; n != 0 {
		t.Errorf("%d pollers are left", n)
	}

	u, other := connected(t)
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	quarter := int64(was.Cur / 4)
	pollers.Add(quarter)
	got := takeSocket(u)
	pollers.Add(-quarter)
	if got != u {
		t.Error("more than a quarter of all descriptors are for pollers")
	}
	// None at all: there is no socket, and one that there is can still write.
	full, reader := sockets(t)
	closed, _ := sockets(t)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 32, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	var all []int // that are left
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			break
		}
		all = append(all, fd)
	}
	got = takeSocket(u)
	const size = 4 << 20
	written := make(chan error, 2)
	go func() {
		_, err := full.Write(make([]byte, size))
		written <- err
	}()
	_, readErr := io.ReadFull(reader, make([]byte, size))
	writeErr := <-written
	waits := make(chan bool)
	go func() {
		tries := 0
		written <- closed.writable(func(uintptr) bool {
			if tries++; tries == 2 {
				close(waits)
			}
			return false
		})
	}()
	<-waits
	closed.Close()
	closedErr := <-written
	for _, fd := range all {
		unix.Close(fd)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if readErr != nil || writeErr != nil || full.out.file != nil {
		t.Errorf("write without a descriptor to wait with: %v, %v", writeErr, readErr)
	}
	if !errors.Is(closedErr, net.ErrClosed) {
		t.Errorf("write of what is closed, without a descriptor to wait with: %v", closedErr)
	}
	if got != u {
		t.Error("there was a descriptor although there is none")
	}
	if _, err := got.Write([]byte{1}); err != nil {
		t.Errorf("the connection cannot be used: %v", err)
	}
	if _, err := other.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
}
