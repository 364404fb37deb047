package vat

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Server is an object that calls can be made on.
type Server interface {
	// Accept takes a call. It is called in the order in which the calls were
	// made on the object, by the goroutine that reads the connection, so it
	// must not block. It either completes the call, or calls call.SetExec and
	// puts the call on a queue, and then returns what [Queue.Put] returned.
	Accept(call *Call) *Queue
	// Dropped is called once, when the last reference is gone. It must not
	// block.
	Dropped()
}

// Cap is a counted reference to an object, perhaps one that is not known yet.
// A nil *Cap is the null capability. Methods may be called concurrently.
//
// A process can hold very many, most of them imports, so there is nothing in it
// that only the others need.
type Cap struct {
	refs atomic.Int32

	// The connection's mu, if what has one, guards what follows.

	calls    int32  // that were sent to it and have not returned
	received uint32 // imports: references that the peer counts
	// id is, of an import, the peer's export id. Of anything else it is a note of
	// the id under which a connection exports it (see Conn.exportOf): 1 more, 0
	// for none.
	id atomic.Uint32

	// what it is, which never changes: a Server, an object of this process; the
	// *Conn whose peer has the object; a *broken; or a *promise, which stands
	// for one of these that is not known yet.
	what any
}

// broken is what a capability is whose every call fails.
type broken struct{ err error }

// promise is what a promise is: the state that it has until it has become its
// target.
type promise struct {
	kind promiseKind
	conn *Conn
	q    *Question // pipelinedPromise; one of its references
	call *Call     // queuedPromise of a call of the peer's, until it has returned
	path []uint16  // pipelinedPromise, queuedPromise
	// target is what the promise turned out to be, one owned reference.
	target *Cap
	// called says that calls went to the peer through the promise, so that a
	// target on this side has to wait for them to come back (embargo).
	called bool
	// reflected says that what the promise has become is on this side, as the
	// peer sees it, which sends back what comes through the promise; or in the
	// results of a call that the peer passed on to us.
	reflected bool
	// holding says that calls queue in held, although target may be known:
	// the promise waits for a disembargo, or held is being delivered.
	holding bool
	held    []delivery
	empty   int // of held
	// kept says that what is held, or being delivered, has a reference to the
	// promise: whoever made those calls need not keep theirs.
	kept bool
	then []*waiter
	room [2]uint16 // for the path, as long as most are
}

type promiseKind uint8

const (
	importedPromise  promiseKind = iota // the peer will send Resolve
	pipelinedPromise                    // part of the results of a question of ours
	queuedPromise                       // calls wait here: part of the results of a call that we serve
)

// delivery is what waits for a promise's target: a call of ours, a call of a
// peer, or a peer's disembargo, which must not overtake its calls. It is empty
// when the call was given up.
type delivery struct {
	q       *Question
	call    *Call
	embargo uint32
	from    *Conn // of embargo
}

// NewServer returns the first reference to a local object.
func NewServer(s Server) *Cap {
	c := new(Cap)
	c.InitServer(s)
	return c
}

// InitServer makes c, which is part of what s is, the first reference to s: as
// [NewServer], in one piece with the object.
func (c *Cap) InitServer(s Server) {
	c.what = s
	c.refs.Store(1)
}

// NewBroken returns a capability whose calls fail with err.
func NewBroken(err error) *Cap {
	c := &Cap{what: &broken{err}}
	c.refs.Store(1)
	return c
}

func newPromise(kind promiseKind, conn *Conn) *Cap {
	c := &promisedCap{promise: promise{kind: kind, conn: conn, holding: kind == queuedPromise}}
	c.cap.what = &c.promise
	c.cap.refs.Store(1)
	return &c.cap
}

// promisedCap is a promise in one piece.
type promisedCap struct {
	cap     Cap
	promise promise
}

// newPart returns a promise for a part of a call's results.
func newPart(kind promiseKind, conn *Conn, path []uint16) *Cap {
	c := newPromise(kind, conn)
	p := c.promise()
	p.path = append(p.room[:0], path...)
	return c
}

// promise is what c is if it is a promise, else nil.
func (c *Cap) promise() *promise {
	p, _ := c.what.(*promise)
	return p
}

// isPromise says that c is a promise of a kind.
func (c *Cap) isPromise(kind promiseKind) bool {
	p := c.promise()
	return p != nil && p.kind == kind
}

// ofPeer says that the peer of a connection sees c on its side: an import,
// or a promise of the peer's, whatever that has become.
func (c *Cap) ofPeer(conn *Conn) bool {
	return c != nil && c.connection() == conn && !c.isPromise(queuedPromise)
}

// imported says that c is an import, perhaps a promise.
func (c *Cap) imported() bool {
	_, ok := c.what.(*Conn)
	return ok || c.isPromise(importedPromise)
}

// connection is that of an import or a promise, else nil.
func (c *Cap) connection() *Conn {
	switch what := c.what.(type) {
	case *Conn:
		return what
	case *promise:
		return what.conn
	}
	return nil
}

// AddRef returns c as a further reference, which must be released too.
func (c *Cap) AddRef() *Cap {
	if c != nil {
		c.refs.Add(1)
	}
	return c
}

// Release gives one reference back. The null capability needs none.
func (c *Cap) Release() {
	for c != nil { // a chain of promises can be as long as its peer likes
		switch n := c.refs.Add(-1); {
		case n > 0:
			return
		case n < 0:
			panic("vat: capability released once too often")
		}
		switch what := c.what.(type) {
		case *Conn:
			what.dropImport(c)
			return
		case *promise:
			c = what.conn.dropPromise(c, what)
		case Server:
			what.Dropped()
			return
		default:
			return
		}
	}
}

// TryRef takes a reference to a capability that the caller has none of, unless
// its last one has gone.
func (c *Cap) TryRef() bool {
	for {
		n := c.refs.Load()
		if n == 0 {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Resolved follows promises that are resolved. The result is borrowed from c.
func (c *Cap) Resolved() *Cap {
	for c != nil {
		p := c.promise()
		if p == nil {
			break
		}
		p.conn.mu.Lock()
		t := p.target
		if p.holding {
			t = nil
		}
		p.conn.mu.Unlock()
		if t == nil {
			break
		}
		c = t
	}
	return c
}

// Local returns the object of this process that c refers to, if it does.
func (c *Cap) Local() (Server, bool) {
	if c = c.Resolved(); c == nil {
		return nil, false
	}
	s, ok := c.what.(Server)
	return s, ok
}

// Broken returns the error with which calls on c are known to fail, or nil.
func (c *Cap) Broken() error {
	if c = c.Resolved(); c != nil {
		if b, ok := c.what.(*broken); ok {
			return b.err
		}
	}
	return nil
}

// Conn returns the connection whose peer hosts c, or nil.
func (c *Cap) Conn() *Conn {
	if c = c.Resolved(); c != nil && !c.isPromise(queuedPromise) {
		return c.connection()
	}
	return nil
}

// CameOver returns the connection whose peer c came from, or last led to, also
// when it has broken since or turned out to be an object of this process; nil if
// it came from none.
func (c *Cap) CameOver() *Conn {
	var over *Conn
	for c != nil {
		p := c.promise()
		if conn := c.connection(); conn != nil && (p == nil || p.kind != queuedPromise) {
			over = conn
		}
		if p == nil {
			break
		}
		p.conn.mu.Lock()
		c = p.target
		p.conn.mu.Unlock()
	}
	return over
}

// HostedBy reports whether c is known to be an object of a connection's peer. It
// does not follow promises.
func (c *Cap) HostedBy(conn *Conn) bool { return c != nil && c.what == any(conn) }

// Known reports whether c is no promise any more.
func (c *Cap) Known() bool {
	c = c.Resolved()
	return c == nil || c.promise() == nil
}

// Busy reports whether a call that was sent to c has not returned, even if
// nobody waits for it.
func (c *Cap) Busy() bool {
	for c != nil {
		conn := c.connection()
		if conn == nil {
			break
		}
		conn.mu.Lock()
		if c.calls > 0 && conn.err == nil {
			conn.mu.Unlock()
			return true
		}
		var next *Cap
		if p := c.promise(); p != nil {
			next = p.target
		}
		conn.mu.Unlock()
		c = next
	}
	return false
}

// WhenResolved calls f with the object that c refers to, borrowed, as soon as
// it is known: at once, or later from the goroutine that reads the connection.
// f must not block.
func (c *Cap) WhenResolved(f func(*Cap)) {
	w := new(waiter)
	w.f.Store(f)
	c.tellWhenResolved(w)
}

// waiter is who wants to know what a promise becomes, until it is told.
type waiter struct{ f atomic.Value } // func(*Cap)

// cancel ends the wait: a promise may never become anything, and must not hold
// what has ended meanwhile. A nil waiter does not wait.
func (w *waiter) cancel() {
	if w != nil {
		w.f.Store((func(*Cap))(nil))
	}
}

func (w *waiter) waits() bool { return w.f.Load().(func(*Cap)) != nil }

func (c *Cap) tellWhenResolved(w *waiter) {
	for c != nil {
		p := c.promise()
		if p == nil {
			break
		}
		p.conn.mu.Lock()
		if p.target == nil || p.holding {
			if len(p.then) == cap(p.then) {
				p.then = slices.DeleteFunc(p.then, func(w *waiter) bool { return !w.waits() })
			}
			p.then = append(p.then, w)
			p.conn.mu.Unlock()
			return
		}
		t := p.target
		p.conn.mu.Unlock()
		c = t
	}
	if f := w.f.Load().(func(*Cap)); f != nil {
		f(c)
	}
}

// resolve settles promise c; it takes over target, which may be nil for null.
// reflected is what the peer says of it (see promise). Calls held meanwhile are
// delivered first, in order. The caller must not hold any lock.
func (c *Cap) resolve(target *Cap, reflected bool) {
	if target == nil {
		target = NewBroken(ErrNull)
	}
	switch first, embargoed := c.settle(target, reflected); {
	case embargoed:
		c.promise().conn.flushEmbargo()
	case first:
		c.deliverHeld()
	}
}

// resolving keeps promises from being resolved to each other at the same time.
var resolving sync.Mutex

// settle sets what promise c has become. first is false if that was known
// already; embargoed says that a disembargo was queued.
func (c *Cap) settle(target *Cap, reflected bool) (first, embargoed bool) {
	p := c.promise()
	conn := p.conn
	if target.promise() != nil {
		resolving.Lock()
		defer resolving.Unlock()
		if err := target.leadsTo(c); err != nil {
			target.Release()
			target = NewBroken(err)
		} else {
			reflected = reflected || target.reflectedBy(conn)
			if end := target.Resolved(); end != target {
				// A chain of promises stays short if it is built from its end.
				end.AddRef()
				target.Release()
				target = end
			}
		}
	}
	conn.mu.Lock()
	if p.target != nil {
		conn.mu.Unlock()
		target.Release() // a second Resolve says nothing new
		return false, false
	}
	p.target = target
	p.reflected = reflected || p.q != nil && p.q.taken
	p.holding = true
	if p.called && conn.err == nil {
		embargoed = conn.embargo(c, p)
	}
	conn.mu.Unlock()
	return true, embargoed
}

// embargo has calls on a promise of c's peer, whose target has just become known,
// wait until a disembargo has followed those that went through the peer, if they
// may come back to us, under c.mu. Where they go from here does not matter: that
// may be to the peer again, for it did not know what became of a promise of ours.
func (c *Conn) embargo(from *Cap, p *promise) bool {
	if _, is := p.target.what.(*broken); is {
		return false // order is nothing to it, and what is null does not send back
	}
	if p.reflected {
		c.sendEmbargo(from)
	} else if next := p.target.promise(); next != nil && next.target == nil {
		next.called = true // another of the peer's, which calls went through now
	}
	return p.reflected
}

// reflectedBy says that the peer of a connection sends back what it is sent for c,
// which leads through other promises of the peer's perhaps.
func (c *Cap) reflectedBy(conn *Conn) bool {
	for c.ofPeer(conn) {
		p := c.promise()
		if p == nil {
			break
		}
		conn.mu.Lock()
		reflected, target := p.reflected, p.target
		conn.mu.Unlock()
		if reflected {
			return true
		}
		c = target
	}
	return false
}

// maxChain is how many promises one may lead through when another becomes it:
// so far they are followed then, under a lock that all connections share.
const maxChain = 1 << 16

// leadsTo is an error if following promises from c comes to p, or to no end.
func (c *Cap) leadsTo(p *Cap) error {
	for n := 0; c != p; n++ {
		if n > maxChain {
			return failedf("promise resolves to one that leads through more than %d others", maxChain)
		}
		state := c.promise()
		if state == nil {
			return nil
		}
		state.conn.mu.Lock()
		c2 := state.target
		state.conn.mu.Unlock()
		if c2 == nil {
			return nil
		}
		c = c2
	}
	return failedf("promise resolves to itself")
}

// hold keeps what is to be delivered when the promise is known, under conn.mu.
func (c *Cap) hold(d delivery) {
	p := c.promise()
	if !p.kept {
		p.kept = true
		c.refs.Add(1)
	}
	d.note(c, len(p.held))
	p.held = append(p.held, d)
}

// note says where what d holds is held; by nobody, if by is nil.
func (d delivery) note(by *Cap, at int) {
	switch {
	case d.q != nil:
		d.q.heldBy, d.q.heldAt = by, at
	case d.call != nil:
		d.call.heldAt = at
		d.call.heldBy.Store(by)
	}
}

// unhold forgets a call that was given up, under the connection's mu: the promise
// may stay one for as long as a peer likes. alone says that the promise holds
// nothing any more; it has to be released then, without the lock.
func (c *Cap) unhold(at int) (alone bool) {
	p := c.promise()
	p.held[at].note(nil, 0)
	p.held[at] = delivery{}
	p.empty++
	if p.empty == len(p.held) && p.target == nil {
		p.held, p.empty = nil, 0
		p.kept = false
		return true
	}
	if p.empty < 16 || p.empty < len(p.held)/2 {
		return false
	}
	p.held = slices.DeleteFunc(p.held, func(d delivery) bool { return d == delivery{} })
	p.empty = 0
	for i, d := range p.held {
		d.note(c, i)
	}
	return false
}

// unhold takes a call of a peer's that was given up from the promise that it
// waits for, if it does, and ends it with err. No lock may be held.
func (call *Call) unhold(err error) {
	by := call.heldBy.Load()
	if by == nil {
		return
	}
	p := by.promise()
	p.conn.mu.Lock()
	held := call.heldBy.Load() == by // and not just being delivered
	alone := held && by.unhold(call.heldAt)
	p.conn.mu.Unlock()
	if held {
		call.Fail(err)
	}
	if alone {
		by.Release()
	}
}

// deliverHeld passes on what waited for a promise, which then is no obstacle
// any more. If a call returns at once, what waited for its results comes next,
// and so on: a chain of calls is as long as its peer likes, and Go ends a process
// whose goroutine has too deep a stack. So another goes on now and then.
func (c *Cap) deliverHeld() {
	conn := c.promise().conn
	const nested = 64
	if conn.delivering.Add(1)%nested != 0 {
		c.deliver()
	} else {
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.deliver()
		}()
		<-done
	}
	conn.delivering.Add(-1)
}

func (c *Cap) deliver() {
	p := c.promise()
	conn := p.conn
	for {
		conn.mu.Lock()
		held := p.held
		p.held, p.empty = nil, 0
		for _, d := range held {
			d.note(nil, 0)
		}
		if len(held) == 0 {
			p.holding = false
			then, kept := p.then, p.kept
			p.then, p.kept = nil, false
			conn.mu.Unlock()
			for _, w := range then {
				p.target.tellWhenResolved(w)
			}
			if kept {
				c.Release()
			}
			return
		}
		conn.mu.Unlock()
		for _, d := range held {
			switch {
			case d.q != nil:
				d.q.sendTo(p.target)
			case d.call != nil:
				p.target.accept(d.call).Start()
			case d.from != nil:
				if err := d.from.loopBackHeld(c, d.embargo); err != nil {
					d.from.abort(err.Error())
				}
			}
		}
	}
}

// accept hands a call of a peer to c and says which queue must now be run, if
// any. Calls on objects elsewhere are passed on.
func (c *Cap) accept(call *Call) *Queue {
	for {
		if c == nil {
			call.Fail(ErrNull)
			return nil
		}
		p := c.promise()
		if p == nil {
			switch what := c.what.(type) {
			case *Conn:
				forward(c, call)
			case *broken:
				call.Fail(what.err)
			case Server:
				return what.Accept(call)
			}
			return nil
		}
		p.conn.mu.Lock()
		switch {
		case p.holding:
			c.hold(delivery{call: call})
			p.conn.mu.Unlock()
			return nil
		case p.target == nil:
			p.conn.mu.Unlock()
			forward(c, call)
			return nil
		}
		c2 := p.target
		p.conn.mu.Unlock()
		c = c2
	}
}
