package mprt

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/rpctext"
)

const (
	// maxUnwritten is how many bytes of a record wait for its writer. What comes
	// while it has that many is left out, and counted.
	maxUnwritten = 1 << 20
	// recordPatience is how long the end of a connection waits for the writer.
	recordPatience = time.Second
)

// WithRecorder has every RPC message that the connection sends or receives
// written to w, for people to read. A line is the time, the number of the
// connection among those that have the option, the peer's name, the direction
// (→ sent, ← received) and the message in the words of rpc.capnp:
//
//	12:01:07.250121 1 unix:/tmp/greeter.sock → call #2 import 0 Greeter.greet ("World")
//	12:01:07.250390 1 unix:/tmp/greeter.sock ← return #2 noFinishNeeded ("Hello, World!")
//
// Questions are #n, which is the answer's number too. Params and results are
// printed without their schema: data words in hexadecimal, then pointers; <n> is
// capability n of the message. Methods have their names if objects of their
// interfaces were seen here. A message is cut at 500 bytes. Of calls within one
// process there are none. A record makes calls a few microseconds slower, and
// those with large data more, which is copied for it.
//
// What is sent is in it, so keep it like what is most secret in that.
//
// The lines of all connections that have the same Option are in one order, and
// are written by one goroutine at a time, which w may block: a record of what is
// not written yet is kept up to 1 MiB, and a line says how many messages are
// missing after that. What w returns is ignored. [Conn.Close], [Conn.Shutdown],
// [Serve], [ServeConn] and [ServeSpawned] return when the record is written, or
// after another second. With nil for w nothing is recorded.
func WithRecorder(w io.Writer) Option {
	var r *recorder
	if w != nil {
		r = &recorder{w: w}
	}
	return func(o *options) { o.recorder = r }
}

// recorder is what the connections of one [WithRecorder] share.
type recorder struct {
	w          io.Writer
	interfaces sync.Map // by id: *Interface, for the names of methods

	mu      sync.Mutex
	conns   int
	next    *batch // nil if nothing waits
	now     *batch // what is being written, or nil
	missing int    // messages that were left out since next was full
}

// batch is what is written at once.
type batch struct {
	text    []byte
	written chan struct{} // closed when it is
}

// record is a connection's part in a recorder. Nil records nothing.
type record struct {
	*recorder
	who string // what the connection's lines begin with
}

// connect gives a connection its part; of a nil recorder, nil.
func (r *recorder) connect(peer string) *record {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	r.conns++
	n := r.conns
	r.mu.Unlock()
	if peer == "" {
		peer = "?"
	}
	c := &record{r, " " + strconv.Itoa(n) + " " + oneLine(peer)}
	c.add(" -- connected", rpc.Message{})
	return c
}

// message records a message. It is called under the connection's lock, and by
// nobody else for the connection meanwhile.
func (r *record) message(sent bool, m rpc.Message) {
	direction := " ← "
	if sent {
		direction = " → "
	}
	r.add(direction, m)
}

// ended records that the connection has ended.
func (r *record) ended(err error) {
	switch {
	case r == nil:
	case err == nil:
		r.add(" -- disconnected", rpc.Message{})
	default:
		r.add(" -- disconnected: "+oneLine(err.Error()), rpc.Message{})
	}
}

// know has the methods of an interface printed by name.
func (r *record) know(i *Interface) {
	if r == nil {
		return
	}
	if _, known := r.interfaces.LoadOrStore(i.ID, i); !known {
		for _, base := range i.Extends {
			r.know(base)
		}
	}
}

func (r *recorder) method(iface uint64, method uint16) string {
	if i, ok := r.interfaces.Load(iface); ok {
		for _, m := range i.(*Interface).Methods {
			if m.ID == method {
				return m.String()
			}
		}
	}
	if iface == 0 {
		return "" // no interface has it
	}
	return methodName(iface, method)
}

// add adds a line with what is said and, if it is one, a message.
func (r *record) add(what string, m rpc.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = &batch{written: make(chan struct{})}
		if r.now == nil {
			go r.write()
		}
	}
	if len(r.next.text) >= maxUnwritten {
		r.missing++
		return
	}
	b := time.Now().AppendFormat(r.next.text, "15:04:05.000000")
	b = append(append(b, r.who...), what...)
	if m.IsValid() {
		b = rpctext.Append(b, m.Message(), rpctext.Options{Method: r.method})
	}
	r.next.text = append(b, '\n')
}

// write writes until nothing waits.
func (r *recorder) write() {
	for {
		r.mu.Lock()
		b := r.next
		r.now, r.next = b, nil
		if b != nil && r.missing > 0 {
			b.text = fmt.Appendf(b.text, "-- %d lines are missing: the writer is too slow\n", r.missing)
			r.missing = 0
		}
		r.mu.Unlock()
		if b == nil {
			return
		}
		_, _ = r.w.Write(b.text) // there is nobody to tell
		close(b.written)
	}
}

// settle waits until what was recorded is written, but not for long.
func (r *recorder) settle() {
	if r == nil {
		return
	}
	r.mu.Lock()
	b := r.next
	if b == nil {
		b = r.now
	}
	r.mu.Unlock()
	if b == nil {
		return
	}
	t := time.NewTimer(recordPatience)
	defer t.Stop()
	select {
	case <-b.written:
	case <-t.C:
	}
}

// oneLine returns text, which may be the peer's, as a part of a line.
func oneLine(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), rpctext.DefaultMaxChars)], "…")
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
