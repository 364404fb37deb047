package foo_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// badInput is what no peer must send. What ends a connection with an Abort has a text that is in its reason.
var badInput = []struct {
	name   string
	bytes  []byte
	reason string
}{
	{"text", []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), "segments"},
	{"ones", bytes.Repeat([]byte{0xff}, 64), "segments"},
	{"a huge length", words(0xffffffff << 32), "larger than the limit"},
	{"no root", words(0), "empty"},
	{"a root outside", words(1<<32, 1<<32|0x7fff<<2), ""},
	{"an unknown export", message(func(m rpc.Message) error {
		call, err := m.NewCall()
		if err != nil {
			return err
		}
		target, err := call.NewTarget()
		target.SetImportedCap(4711)
		return err
	}), "4711"},
	{"a return of nothing", message(func(m rpc.Message) error {
		ret, err := m.NewReturn()
		ret.SetAnswerId(4711)
		return err
	}), "4711"},
	{"too many references", message(func(m rpc.Message) error {
		r, err := m.NewRelease()
		r.SetId(4711)
		r.SetReferenceCount(1)
		return err
	}), "4711"},
}

// words are the bytes of a frame.
func words(w ...uint64) []byte {
	var b []byte
	for _, w := range w {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// message is a frame of one message.
func message(build func(rpc.Message) error) []byte {
	m, seg := capnp.NewSingleSegmentMessage(nil)
	root, err := rpc.NewRootMessage(seg)
	if err == nil {
		err = build(root)
	}
	var b []byte
	if err == nil {
		b, err = m.Marshal()
	}
	if err != nil {
		panic(err)
	}
	return b
}

// readAbort reads the frames that come until the stream ends, and returns the reason of the Abort that is the last.
func readAbort(t *testing.T, nc net.Conn) string {
	t.Helper()
	d := capnp.NewDecoder(nc)
	reason := ""
	for {
		m, err := d.Decode()
		if err != nil {
			return reason
		}
		root, err := rpc.ReadRootMessage(m)
		must(t, err)
		if root.Which() == rpc.Message_Which_abort {
			x, err := root.Abort()
			must(t, err)
			reason, err = x.Reason()
			must(t, err)
		}
	}
}

// Bad input ends its own connection with an Abort that says why, and nothing else.
func TestServerGetsBadInput(t *testing.T) {
	over(t, func(t *testing.T, s server) {
		good := dialThreads(t, s)
		for _, bad := range badInput {
			t.Run(bad.name, func(t *testing.T) {
				nc := s.connect(t)
				defer nc.Close()
				if _, err := nc.Write(bad.bytes); err != nil {
					t.Fatal(err)
				}
				if reason := readAbort(t, nc); reason == "" || !strings.Contains(reason, bad.reason) {
					t.Errorf("the Abort says %q, not something of %q", reason, bad.reason)
				}
				must(t, good.CallFnAsync(within(t)))
			})
		}
		t.Run("half a frame", func(t *testing.T) {
			for _, half := range [][]byte{{0, 0}, words(8 << 32), words(8<<32, 1), words(1<<40, 1)} {
				nc := s.connect(t)
				if _, err := nc.Write(half); err != nil {
					t.Fatal(err)
				}
				// It waits for the rest, and nobody else does.
				must(t, good.CallFnAsync(within(t)))
				must(t, nc.Close())
				must(t, good.CallFnAsync(within(t)))
			}
		})
	})
}

// A client whose server sends bad input has its calls fail.
func TestClientGetsBadInput(t *testing.T) {
	checkLeaks(t)
	for _, bad := range badInput {
		t.Run(bad.name, func(t *testing.T) {
			a, b := socketPair(t)
			conn := mprt.NewConn(a, nil, mprt.WithName("server"))
			defer conn.Close()
			f := foo.NewFooInterfaceClient(conn.Bootstrap())
			defer f.Close()
			call := f.StartAdd(within(t), 1, 2)
			go func() {
				b.Write(bad.bytes)
				io.Copy(io.Discard, b)
				b.Close()
			}()
			_, err := call.Wait()
			wantError(t, err, mprt.ErrDisconnected, bad.reason)
			<-conn.Done()
			if err := conn.Err(); err == nil || !strings.Contains(err.Error(), bad.reason) {
				t.Errorf("the connection ended because of %v", err)
			}
		})
	}
}
