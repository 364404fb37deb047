package vat

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"capnproto.org/go/capnp/v3"
)

// Question is a call that this side makes. It goes through
//
//	NewQuestion, fill in Params and capabilities, Send, Wait, read, Release
//
// by one goroutine at a time. It is pooled: after Release it must not be
// touched.
type Question struct {
	// c is the connection over which the call went, the loopback if its
	// target turned out to be local. Send sets it, to where the call is held
	// if the target is not known yet, and it stays so; c.mu guards what
	// follows it.
	c  *Conn
	id uint32

	target  *Cap         // borrowed until Send
	callee  *Cap         // what the call was sent to, for Busy; without a reference
	params  *message     // until sent
	content capnp.Struct // the params struct

	interfaceID uint64
	methodID    uint16

	state     questionState
	ret       *message  // the return's message, nil after an exception
	results   capnp.Ptr // its content
	err       error
	exported  []uint32  // export ids in the params, one a reference
	pipelines []*Cap    // promises for parts of the results
	partRoom  [1]*Cap   // for pipelines, as many as most have
	refs      int       // the caller's and one a pipeline
	finished  bool      // Finish was sent before the return came
	served    *Call     // the other end of a call within this process
	heldBy    *Cap      // the promise whose target it waits for
	heldAt    int       // in what that holds
	inner     *Question // goes over another connection in this one's place, one reference
	outer     *Question // the question whose place this one took
	from      *Call     // returned by saying that the results are those of this call
	taken     bool      // likewise, and it may have happened
	tailOf    *Call     // whose results it may leave with the peer
	leaves    bool      // it does
	elsewhere bool      // and has returned; its parts are called through the peer until the last goes
	timeout   time.Duration
	lends     bool   // the params refer to memory of the caller's
	lent      uint64 // how much the connection had sent with them
	label     any
	seen      time.Time // by Inspect
	mode      flushMode

	// Waiting; see reader.go.
	sig       chan struct{} // capacity 1
	token     bool          // the reader role was handed to this waiter
	poked     bool          // a queue has work for this waiter, or ctx ended
	cancelled bool
	yields    bool // leaves the role to others until it is woken
	armed     bool // ctx is watched
	ctx       context.Context
	stopWatch func() bool
	since     uint32 // tick at which the wait began
	follower  int    // index in c.followers, -1 if not in it
	waiting   int    // index in c.waiting, -1 if not in it
	nests     bool   // its goroutine runs another call; guarded by the mutex of the queue
}

type questionState uint8

const (
	building questionState = iota
	sent
	returned
)

var questionPool = sync.Pool{New: func() any {
	return &Question{sig: make(chan struct{}, 1), follower: -1, waiting: -1}
}}

// NewQuestion starts a call of a method on target, which the caller keeps
// alive until Send. size is the size of the params struct.
func NewQuestion(target *Cap, interfaceID uint64, methodID uint16, size capnp.ObjectSize) (*Question, error) {
	q := questionPool.Get().(*Question)
	q.target = target
	q.refs = 1
	m, content, err := newEnvelope(callTemplate, callContent, size)
	if err != nil {
		q.Release()
		return nil, failedf("cannot build the call: %v", err)
	}
	binary.LittleEndian.PutUint16(m.data()[callMethod:], methodID)
	m.putWord(callInterface, interfaceID)
	q.params, q.content, q.interfaceID, q.methodID = m, content, interfaceID, methodID
	return q, nil
}

// SetTimeout has Wait give up after d, instead of with its context. A call that
// is quicker than the watchdog's tick pays nothing for it, as it would for a
// context with a deadline.
func (q *Question) SetTimeout(d time.Duration) { q.timeout = d }

// SetLabel has [Conn.Inspect] show what the call is. Only before Send.
func (q *Question) SetLabel(label any) { q.label = label }

// Params is the params struct, to be filled in before Send.
func (q *Question) Params() capnp.Struct { return q.content }

// ParamsBytes is the size of the call's message, if no promise is in it. Only
// before Send.
func (q *Question) ParamsBytes() int { return q.params.sizeToBe() }

// ResultsBytes is the size of the return's message, 0 if the call was one
// within this process. Only after Wait returned nil.
func (q *Question) ResultsBytes() int {
	if q.ret == nil {
		return 0
	}
	return q.ret.size()
}

// Lend is as setting the i-th pointer of the params struct to a copy of data,
// without the copy: data must not change until Send, or after Post Wait, has
// returned. It reports false, and has done nothing, where that is not possible.
func (q *Question) Lend(i uint16, data []byte) (bool, error) {
	// What the bootstrap object is, or a part of an answer, is known by now.
	t := q.target.Resolved()
	if t == nil {
		return false, nil
	}
	if c, ok := t.what.(*Conn); !ok || c.out.raw == nil {
		return false, nil // it may end up in this process
	}
	q.lends = true
	return true, q.params.lendField(callTemplate, q.content, i, data)
}

// lendField lends data to a pointer of the struct that follows a template.
func (m *message) lendField(template []byte, s capnp.Struct, i uint16, data []byte) error {
	size := s.Size()
	if i >= size.PointerCount || len(data) >= 1<<29 {
		return failedf("%d bytes of data do not fit", len(data))
	}
	return m.lend(len(template)+int(size.DataSize)+int(i)*wordSize, data)
}

// AddCap puts c, whose reference it takes over, into the call's capability
// table and returns the pointer that stands for it.
func (q *Question) AddCap(c *Cap) capnp.Ptr {
	return q.params.addCap(c)
}

func (m *message) addCap(c *Cap) capnp.Ptr {
	if c == nil {
		return capnp.Ptr{}
	}
	m.caps = append(m.caps, c)
	return capnp.NewInterface(m.seg, capnp.CapabilityID(len(m.caps)-1)).ToPtr()
}

// Send sends the call, or holds it as long as its target is not known. It
// never fails: errors come out of Wait. What follows goes in the same write, as
// the calls of a chain or of a batch do: the call leaves with a Wait, or within
// a tick of the watchdog. Send blocks while the peer is too far behind.
func (q *Question) Send() {
	q.mode = flushWait
	q.send()
}

// Post is Send for a call that Wait follows at once, to which it leaves the
// writing, or where nothing may wait for a peer that is too far behind.
func (q *Question) Post() {
	q.mode = flushLater
	q.send()
}

func (q *Question) send() {
	target := q.target
	q.target = nil
	q.sendTo(target)
}

// sendTo follows target's promises to where the call has to go.
func (q *Question) sendTo(target *Cap) {
	if q.c != nil { // it was held
		q.c.mu.Lock()
		dropped := q.finished
		q.c.mu.Unlock()
		if dropped {
			q.recycle()
			return
		}
	}
	q.params.resolveCaps()
	for {
		if target == nil {
			q.failUnsent(ErrNull)
			return
		}
		var c *Conn
		var p *promise
		switch what := target.what.(type) {
		case *Conn:
			c = what
		case *promise:
			c, p = what.conn, what
		case *broken:
			err := what.err
			if d, ok := err.(*disconnectError); ok && q.c == nil {
				err = calledAfter(d.cause) // not held when the session ended
			}
			q.failUnsent(err)
			return
		case Server:
			if q = q.over(loopback); q != nil {
				q.sendLocal(what)
			}
			return
		}
		c.mu.Lock()
		if p != nil && p.target != nil && !p.holding {
			c.mu.Unlock()
			target = p.target
			continue
		}
		if q.c != nil && q.c != c {
			c.mu.Unlock()
			if q = q.over(c); q == nil {
				return
			}
			continue
		}
		if q.c == nil { // else who waits for q may be reading it
			q.c = c
		} else if q.finished { // given up since
			c.mu.Unlock()
			q.recycle()
			return
		}
		switch {
		case p == nil:
		case p.holding:
			target.hold(delivery{q: q})
			c.mu.Unlock()
			return
		default:
			p.called = true
		}
		c.sendCall(q, target)
		return
	}
}

// over returns the question that goes over c: q, or if q was held on another
// connection, where somebody may wait for it, one that will pass its outcome on
// to q; nil if nobody wants the outcome any more. No lock may be held.
func (q *Question) over(c *Conn) *Question {
	switch q.c {
	case nil:
		q.c = c
		return q
	case c:
		return q
	}
	inner := questionPool.Get().(*Question)
	inner.c, inner.refs, inner.mode, inner.outer = c, 1, q.mode, q
	inner.params, inner.content = q.params, q.content
	inner.interfaceID, inner.methodID, inner.label = q.interfaceID, q.methodID, q.label
	q.params, q.content = nil, capnp.Struct{}
	q.c.mu.Lock()
	dropped := q.finished
	if !dropped {
		q.inner = inner
	}
	q.c.mu.Unlock()
	if dropped {
		inner.recycle()
		q.recycle()
		return nil
	}
	return inner
}

// deliverOuter gives the outcome of q to the question in whose place it went.
func (q *Question) deliverOuter(ret *message, results capnp.Ptr, err error) {
	outer := q.outer
	q.c.mu.Lock()
	q.outer = nil
	q.state = returned
	gone := q.refs == 0
	q.c.mu.Unlock()
	outer.c.mu.Lock()
	owned := outer.inner == q
	outer.inner = nil
	outer.c.mu.Unlock()
	outer.deliver(ret, results, err)
	switch {
	case gone:
		q.recycle()
	case owned:
		q.Release()
	}
}

// failUnsent ends a call that never left.
func (q *Question) failUnsent(err error) {
	if q.c == nil {
		q.c = loopback
	}
	q.params.release()
	q.params = nil
	q.deliver(nil, capnp.Ptr{}, err)
}

// deliver gives q its outcome and resolves what was pipelined on it.
func (q *Question) deliver(ret *message, results capnp.Ptr, err error) {
	if q.outer != nil {
		q.deliverOuter(ret, results, err)
		return
	}
	c := q.c
	c.mu.Lock()
	q.ret, q.results, q.err = ret, results, err
	q.resolvePipelines()
	gone := c.returned(q)
	c.mu.Unlock()
	if gone {
		q.recycle()
	}
}

// resolvePipelines resolves what was pipelined on q to what its outcome holds.
// It is called with the lock held, which it gives up meanwhile.
func (q *Question) resolvePipelines() {
	pipelines := q.pipelines
	if len(pipelines) == 0 {
		return
	}
	q.pipelines = nil
	q.c.mu.Unlock()
	for _, p := range pipelines {
		if p.TryRef() {
			p.resolve(resultCap(q.ret, q.results, q.err, p.promise().path))
			p.Release()
		}
	}
	q.c.mu.Lock()
}

// forget takes q off the table, under c.mu: it has returned.
func (c *Conn) forget(q *Question) {
	c.questions.remove(q.id)
	q.leave()
}

// leave says that q does not keep its callee busy, under c.mu.
func (q *Question) leave() {
	if q.callee != nil { // not of a bootstrap
		q.callee.calls--
		q.callee = nil
	}
}

// awaited finds a question that has not returned, under c.mu.
func (c *Conn) awaited(id uint32) *Question {
	q := c.questions.get(id)
	if q == nil || q.state != sent || q.ret != nil || q.err != nil || q.from != nil || q.elsewhere {
		return nil
	}
	return q
}

// conclude ends q, whose outcome has just been set, under c.mu, which it
// unlocks. noFinish says that the callee needs no Finish.
func (c *Conn) conclude(q *Question, noFinish bool) {
	q.resolvePipelines() // whose disembargos refer to q, so they go before the Finish
	if c.err == nil {
		if !noFinish {
			c.sendFinish(q.id, false)
		}
		c.forget(q)
	}
	if q.outer != nil {
		ret, results, err := q.ret, q.results, q.err
		q.ret, q.results, q.err = nil, noPtr, nil
		c.mu.Unlock()
		q.deliverOuter(ret, results, err)
		return
	}
	gone := c.returned(q)
	c.mu.Unlock()
	if gone {
		q.recycle()
	}
}

// returned marks q as returned and wakes who waits for it, under c.mu. It
// reports whether nobody refers to q any more.
func (c *Conn) returned(q *Question) (gone bool) {
	q.state = returned
	if q.refs == 0 {
		return true
	}
	c.wake(q) // it can lead this connection while the outcome came from another
	return false
}

// Pipeline returns a promise for a capability in the results; path are the
// pointer indexes that lead to it. Calls on it need not wait for the return.
// Only after Send.
func (q *Question) Pipeline(path ...uint16) *Cap {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	return q.part(path)
}

// part is Pipeline under the lock. It does not keep path.
func (q *Question) part(path []uint16) *Cap {
	c := q.c
	if q.ret != nil || q.err != nil {
		c, _ := resultCap(q.ret, q.results, q.err, path)
		return c
	}
	for _, p := range q.pipelines {
		if samePath(p.promise().path, path) && p.TryRef() {
			return p
		}
	}
	kind := pipelinedPromise
	if c == loopback || q.state == building {
		kind = queuedPromise // there is nobody to send to yet
	}
	p := newPart(kind, c, path)
	p.promise().q = q
	q.refs++
	if q.pipelines == nil {
		q.pipelines = q.partRoom[:0]
	}
	q.pipelines = append(q.pipelines, p) // without a reference; see dropPromise
	return p
}

func samePath(a, b []uint16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Results is the content of the return. It and what is read from it are valid
// until Release. Only after Wait returned nil.
func (q *Question) Results() capnp.Struct { return q.results.Struct() }

// CapAt returns the capability that an interface pointer in the results refers
// to, borrowed from q; nil for null.
func (q *Question) CapAt(p capnp.Ptr) (*Cap, error) { return q.ret.capAt(p) }

// Release ends the caller's use of q. If the call has not returned, its result
// is dropped when it does, and the callee is told that nobody waits any more;
// Release then reports true: the call may go on running for any time.
func (q *Question) Release() (abandoned bool) {
	c := q.c
	if c == nil { // never sent
		q.recycle()
		return false
	}
	c.mu.Lock()
	abandoned = q.state != returned
	// A goroutine that ended while it waited has left these behind.
	c.dropWaiting(q)
	c.dropFollower(q)
	c.takeBack(q)
	c.unwatch(q)
	gone := c.unrefQuestion(q)
	c.mu.Unlock()
	if gone {
		q.recycle()
	}
	return abandoned
}

// unrefQuestion gives back one of q's references, under c.mu. It reports
// whether q can be recycled.
func (c *Conn) unrefQuestion(q *Question) (gone bool) {
	q.refs--
	if q.refs > 0 {
		return false
	}
	if q.state == returned {
		return true
	}
	if q.finished || q.ret != nil || q.err != nil { // or just returning
		return false
	}
	// Nobody wants the return any more; the entry stays until it comes.
	q.finished = true
	switch {
	case q.inner != nil:
		go q.inner.Release() // it has another lock
		q.inner = nil
	case q.heldBy != nil:
		if by := q.heldBy; by.unhold(q.heldAt) {
			go by.Release() // which locks
		}
		return true
	case q.state != sent:
	case q.elsewhere && c.err == nil:
		c.sendFinish(q.id, true)
		c.forget(q)
		return true
	case q.from != nil && c.err == nil: // its return has come
		from := q.from
		from.taker, q.from = nil, nil
		if len(from.pipelines) == 0 { // else the peer will say when it is not wanted
			go from.cancel(errFinished)
		}
		c.sendFinish(q.id, true)
		c.forget(q)
		return true
	case c != loopback:
		c.abandoned++
		c.sendFinish(q.id, true)
	default:
		go q.served.cancel(errFinished)
	}
	return false
}

// recycle gives q back to the pool. No lock may be held.
func (q *Question) recycle() {
	q.params.release()
	q.ret.release()
	select {
	case <-q.sig:
	default:
	}
	*q = Question{sig: q.sig, follower: -1, waiting: -1, exported: q.exported[:0]}
	questionPool.Put(q)
}
