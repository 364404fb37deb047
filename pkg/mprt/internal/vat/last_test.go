package vat

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// patiently has the ends of sessions wait as long as it takes.
func patiently(t *testing.T) {
	before := lastWords
	lastWords = time.Minute
	t.Cleanup(func() { lastWords = before })
}

// frame is a message as it is on the wire.
func frame(t *testing.T, fill func(rpc.Message) error) []byte {
	t.Helper()
	msg, seg := capnp.NewSingleSegmentMessage(nil)
	m, err := rpc.NewRootMessage(seg)
	if err == nil {
		err = fill(m)
	}
	b, err2 := msg.Marshal()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return b
}

// badReturn returns a question that was never asked.
func badReturn(m rpc.Message) error {
	r, err := m.NewReturn()
	r.SetAnswerId(4711)
	return err
}

// readAbort reads to the end of a stream, whose last message must be an Abort.
func readAbort(t *testing.T, nc net.Conn) (reason string) {
	t.Helper()
	d := capnp.NewDecoder(nc)
	for {
		msg, err := d.Decode()
		if err != nil {
			if reason == "" {
				t.Error("no Abort:", err)
			}
			return reason
		}
		m, err := rpc.ReadRootMessage(msg)
		if err != nil {
			t.Fatal(err)
		}
		if m.Which() == rpc.Message_Which_abort {
			x, err := m.Abort()
			if err != nil {
				t.Fatal(err)
			}
			if reason, err = x.Reason(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The peer is told what it did wrong also over a stream that has no descriptor.
func TestAbortOverPipe(t *testing.T) {
	patiently(t)
	near, far := net.Pipe()
	c := New(near, nil, Options{})
	c.Start()
	if _, err := far.Write(frame(t, badReturn)); err != nil {
		t.Fatal(err)
	}
	if reason := readAbort(t, far); !strings.Contains(reason, "no question has id 4711") {
		t.Error(reason)
	}
	<-c.Done()
}

// It does not hold the end up that the peer does not listen.
func TestAbortToNobody(t *testing.T) {
	before := lastWords
	lastWords = time.Millisecond
	t.Cleanup(func() { lastWords = before })
	near, far := net.Pipe()
	c := New(near, nil, Options{})
	c.Start()
	if _, err := far.Write(frame(t, badReturn)); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	// The stream is closed when the time is over: this waits for it, and does not read what was to be said.
	if _, err := far.Write(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// The Abort follows what another goroutine is writing.
func TestAbortWhileAnotherWrites(t *testing.T) {
	patiently(t)
	near, far := socketPair(t)
	writing := make(chan struct{})
	c := New(&slowWriter{Conn: near, writing: writing}, NewServer(newFuncServer(echo)), Options{})
	c.Start()
	boot := frame(t, func(m rpc.Message) error {
		b, err := m.NewBootstrap()
		b.SetQuestionId(1)
		return err
	})
	if _, err := far.Write(boot); err != nil {
		t.Fatal(err)
	}
	<-writing // the return
	if _, err := far.Write(frame(t, badReturn)); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	writing <- struct{}{}
	if reason := readAbort(t, far); !strings.Contains(reason, "no question has id 4711") {
		t.Error(reason)
	}
}

// slowWriter tells of its first write, which then waits.
type slowWriter struct {
	net.Conn
	once    sync.Once
	writing chan struct{}
}

func (w *slowWriter) Write(b []byte) (int, error) {
	w.once.Do(func() {
		w.writing <- struct{}{}
		<-w.writing
	})
	return w.Conn.Write(b)
}

// A peer that leaves says why, and this side finds out when it writes: it reads what there is before it ends.
func TestAbortIsReadAfterBrokenPipe(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
	}{
		{"broken pipe", syscall.EPIPE},
		{"reset", syscall.ECONNRESET},
	} {
		t.Run(test.name, func(t *testing.T) {
			patiently(t)
			near, far := net.Pipe()
			broken := &brokenWriter{Conn: near, err: &net.OpError{Op: "write", Err: os.NewSyscallError("write", test.err)}, written: make(chan struct{})}
			c := New(broken, nil, Options{})
			c.Start()
			go func() {
				far.Write(frame(t, func(m rpc.Message) error {
					x, err := m.NewAbort()
					return errors.Join(err, x.SetReason("enough"))
				}))
				far.Close()
			}()
			boot := c.Bootstrap()
			defer boot.Release()
			_, err := ask(t.Context(), boot, 0, 1)
			if !errors.Is(err, ErrDisconnected) || !strings.Contains(err.Error(), "aborted by the peer: enough") {
				t.Error(err)
			}
			if err := c.Err(); err == nil || !strings.Contains(err.Error(), "aborted by the peer: enough") {
				t.Error(err)
			}
		})
	}
}

// One that says nothing more is not waited for.
func TestBrokenPipeAlone(t *testing.T) {
	before := lastWords
	lastWords = time.Millisecond
	t.Cleanup(func() { lastWords = before })
	near, _ := net.Pipe()
	c := New(&brokenWriter{Conn: near, err: syscall.EPIPE, written: make(chan struct{})}, nil, Options{})
	c.Start()
	boot := c.Bootstrap()
	defer boot.Release()
	if _, err := ask(t.Context(), boot, 0, 1); !errors.Is(err, ErrDisconnected) {
		t.Error(err)
	}
	if err := c.Err(); err != ErrPeerLeft {
		t.Error(err)
	}
}

// brokenWriter fails to write, and has nothing to read before that.
type brokenWriter struct {
	net.Conn
	err     error
	once    sync.Once
	written chan struct{}
}

func (w *brokenWriter) Write([]byte) (int, error) {
	w.once.Do(func() { close(w.written) })
	return 0, w.err
}

func (w *brokenWriter) Read(b []byte) (int, error) {
	<-w.written
	return w.Conn.Read(b)
}
