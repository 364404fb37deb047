package vat

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// Conn is one side of an RPC session over a stream. All methods may be called
// concurrently.
type Conn struct {
	nc   net.Conn
	opts Options
	in   *input // of the holder of the reader role

	mu  sync.Mutex
	out *output

	// err is why the session ended; set once.
	err  error
	done chan struct{} // closed when everything that ends with it has been told

	questions table[*Question]
	answers   peerTable[Call]
	running   int // answers that have not returned
	held      int // bytes that answers hold
	abandoned int // questions that were given up and have not returned
	exports   table[export]
	exported  map[*Cap]uint32    // ids of exports that are not noted
	resolves  map[uint32]*waiter // of exports that are promises
	imports   peerTable[Cap]
	embargoes table[*Cap]

	disembargoes atomic.Int64 // of the peer's that wait for their targets
	delivering   atomic.Int32 // promises that pass on what waited for them

	bootstrap *Cap // offered to the peer

	// The reader role; see reader.go.
	reading     bool
	dispatching bool // the reader works on a message and will look at its state
	kicked      bool // a past read deadline is set
	corked      bool // returns are held back while calls are buffered
	leader      *Question
	followers   []*Question
	waiting     []*Question // whose contexts are not watched yet
	cancelled   sync.Cond
	epoch       uint64
	inline      *Pace // of the call that runs with the role vacant

	// The sentinel's; see sentinel.go.
	raw     syscall.RawConn // nil if nc has none
	guarded bool            // the sentinel watches for the peer
	guardID int32           // 0 before the first time

	// The watchdog's; see watchdog.go.
	watched   bool
	seenEpoch uint64

	stats Counters // guarded by mu
}

// export is an object that the peer may call.
type export struct {
	cap *Cap   // one reference
	n   uint32 // references that the peer holds
	// promised says that the peer was told it is a promise.
	promised bool
	// pinned keeps the export although the peer holds no reference.
	pinned bool
	noted  bool // its id is in the Cap
}

// New makes a session over nc, which it takes over; [Conn.Start] starts it.
// bootstrap, whose reference it takes over, is what the peer gets when it
// asks; it may be nil.
func New(nc net.Conn, bootstrap *Cap, opts Options) *Conn {
	opts.setDefaults()
	nc, raw := rawConn(nc)
	c := &Conn{
		nc:        nc,
		raw:       raw,
		opts:      opts,
		in:        newInput(nc, raw, opts.MaxMessage, opts.Traversal),
		done:      make(chan struct{}),
		exported:  map[*Cap]uint32{},
		resolves:  map[uint32]*waiter{},
		bootstrap: bootstrap,
	}
	c.out = newOutput(raw, &c.mu)
	c.cancelled.L = &c.mu
	c.reading = true
	return c
}

// Start has the session read. Call it once.
func (c *Conn) Start() { go c.background() }

// loopback stands for the connection of calls on objects of this process: its
// role is always held, so that who waits sleeps until the call returns.
var loopback = func() *Conn {
	c := &Conn{reading: true}
	c.opts.setDefaults()
	c.cancelled.L = &c.mu
	return c
}()

// Owner is what [Options] named.
func (c *Conn) Owner() any { return c.opts.Owner }

// NetConn is the stream below, for its addresses and credentials.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Done is closed when the session has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the session ended, nil as long as it lasts.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterEnd is the error of calls that are made when the session has ended.
func (c *Conn) AfterEnd() error { return calledAfter(c.Err()) }

// Close ends the session. Calls in flight fail, objects held for the peer are
// dropped. It returns when that has been done; calls being served may still
// run, with their contexts cancelled.
func (c *Conn) Close() error {
	c.end(ErrClosed, nil)
	<-c.done
	return nil
}

// Orderly ends of a session.
var (
	ErrClosed   = errors.New("connection closed on this side")
	ErrPeerLeft = errors.New("peer closed the connection")
	errPeerCut  = fmt.Errorf("%w in the middle of a message", ErrPeerLeft)
)

// fail ends the session because of err. What the peer did wrong it is told.
func (c *Conn) fail(err error) {
	var bad *frameError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		// A peer that left before it had read everything resets the stream.
		c.end(ErrPeerLeft, nil)
	case errors.Is(err, io.ErrUnexpectedEOF):
		c.end(errPeerCut, nil) // or was ended there
	case errors.As(err, &bad):
		c.abort(bad.text)
	default:
		c.end(err, nil)
	}
}

// abort ends the session with an Abort message that says why.
func (c *Conn) abort(reason string) {
	m := newMessage()
	if e, err := m.root.NewAbort(); err == nil {
		e.SetType(rpc.Exception_Type_failed)
		e.SetReason(reason)
	}
	c.end(fmt.Errorf("aborted: %s", reason), m)
}

// end ends the session, once. The last message may be nil.
func (c *Conn) end(err error, last *message) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		last.release()
		return
	}
	c.err = err
	said := true
	if last != nil {
		c.queue(last)
		said = c.sayLast()
	}
	guard.forget(c)
	if said {
		hangUp(c.nc)
	} else {
		go c.sayLater()
	}

	var questions []*Question
	for _, q := range c.questions.all() {
		// One that has its outcome is just being told of it.
		if q != nil && q.ret == nil && q.err == nil {
			questions = append(questions, q)
		}
	}
	calls := slices.Collect(c.answers.all())
	var caps []*Cap
	for _, e := range c.exports.all() {
		if e.cap != nil {
			if e.noted {
				e.cap.id.Store(0)
			}
			caps = append(caps, e.cap)
		}
	}
	for _, w := range c.resolves {
		w.cancel()
	}
	var promises []*Cap
	for p := range c.imports.all() {
		if p.promise() != nil && p.TryRef() {
			promises = append(promises, p)
		}
	}
	var embargoed []*Cap
	for _, p := range c.embargoes.all() {
		if p != nil {
			embargoed = append(embargoed, p) // with the table's reference
		}
	}
	caps = append(caps, c.bootstrap)
	c.bootstrap = nil
	c.questions, c.exports, c.embargoes = table[*Question]{}, table[export]{}, table[*Cap]{}
	c.answers, c.imports = peerTable[Call]{}, peerTable[Cap]{}
	clear(c.exported)
	clear(c.resolves)
	c.out.drained.Broadcast()
	c.mu.Unlock()

	cut := interruptedBy(err)
	for _, q := range questions {
		q.deliver(nil, noPtr, cut)
	}
	for _, p := range promises {
		p.resolve(NewBroken(cut), false)
		p.Release()
	}
	for _, p := range embargoed {
		p.breakEmbargo(cut)
		p.Release()
	}
	for _, call := range calls {
		call.disconnected(cut)
	}
	for _, cap := range caps {
		cap.Release()
	}
	if c.opts.Ended != nil {
		c.opts.Ended()
	}
	close(c.done)
}

// breakEmbargo ends a promise whose disembargo will not come back. What waits
// for that fails: calls before it may have been lost with the connection, or
// still be on their way to the target, and must not be overtaken.
func (c *Cap) breakEmbargo(err error) {
	p := c.promise()
	p.conn.mu.Lock()
	target := p.target
	p.target = NewBroken(err)
	p.conn.mu.Unlock()
	target.Release()
	c.deliverHeld()
}

// Bootstrap returns the object that the peer offers. It does not wait.
func (c *Conn) Bootstrap() *Cap {
	q := questionPool.Get().(*Question)
	q.refs = 1
	q.c = c
	m := newMessage()
	c.mu.Lock()
	if c.err != nil {
		err := calledAfter(c.err)
		c.mu.Unlock()
		m.release()
		q.recycle()
		return NewBroken(err)
	}
	q.state = sent
	q.id = c.questions.add(q)
	if b, err := m.root.NewBootstrap(); err == nil {
		b.SetQuestionId(q.id)
	}
	c.queue(m)
	c.mu.Unlock()
	cap := q.Pipeline()
	q.Release()
	c.flush(flushWait)
	return cap
}

// Pin exports a local object that the peer will get time and again, so that
// its entry stays when it has none of the references. It does not count as a
// reference of the caller's.
func (c *Conn) Pin(cap *Cap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.exportOf(cap); !ok && c.err == nil {
		c.exports.at(c.export(cap)).pinned = true
	}
}

// Unpin ends [Conn.Pin].
func (c *Conn) Unpin(cap *Cap) {
	c.mu.Lock()
	id, ok := c.exportOf(cap)
	var dropped *Cap
	if ok {
		c.exports.at(id).pinned = false
		dropped, _ = c.releaseExport(id, 0)
	}
	c.mu.Unlock()
	dropped.Release()
}
