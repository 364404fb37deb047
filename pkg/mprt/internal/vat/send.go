package vat

import (
	"fmt"
	"slices"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

var noPtr capnp.Ptr

// flushMode says when what was queued is written.
type flushMode uint8

const (
	// flushNoWait writes what goes without blocking and leaves the rest to
	// another goroutine: for the reader, which must never block in a write.
	flushNoWait flushMode = iota
	// flushWait may block while the peer does not read: for callers and
	// handlers, so that they do not outrun it.
	flushWait
	// flushCaller is flushNoWait for a caller that may give up: how much is
	// unsent because of it is its own affair.
	flushCaller
	// flushLater leaves it to whoever next writes or blocks, and to the
	// watchdog's next tick at the latest.
	flushLater
	// flushTick is flushNoWait for the watchdog, which has other connections to
	// look after: a session that this ends is ended by another goroutine.
	flushTick
)

// highWater is how much may be unsent before senders wait.
const highWater = 1 << 20

// queue appends m to what is to be sent and takes it over, under c.mu. The
// message must not hold capabilities (see queueMessage). A flush must follow.
func (c *Conn) queue(m *message) {
	if !c.queueMessage(m, false) {
		m.recycle()
	}
}

// queueMessage appends m, under c.mu. If it reports false, m has been copied,
// as it always is if the caller keeps it, and the caller has to release it
// after unlocking.
func (c *Conn) queueMessage(m *message, keep bool) (taken bool) {
	n := m.size()
	c.countOut(n)
	if c.opts.Trace != nil && (m.root.IsValid() || m.readRoot() == nil) {
		c.opts.Trace(true, m.root)
	}
	return c.out.queued.add(m, n, keep)
}

func (c *Conn) countOut(n int) {
	c.out.queuedBytes += n
	c.stats.MessagesOut++
	c.stats.BytesOut += uint64(n)
}

// queueNote appends a message whose struct is one word of data, under c.mu, to
// go with what is next written.
func (c *Conn) queueNote(which rpc.Message_Which, data uint64) {
	if c.err != nil {
		return
	}
	o := c.out
	start := len(o.queued.small)
	o.queued.small = appendNote(o.queued.small, which, data)
	n := len(o.queued.small) - start
	c.countOut(n)
	if c.opts.Trace != nil {
		if m, err := capnp.Unmarshal(o.queued.small[start:]); err == nil {
			root, _ := rpc.ReadRootMessage(m)
			c.opts.Trace(true, root)
		}
	}
	o.queued.addSmall(start)
	c.wantFlush()
}

// wantFlush has what was queued sent with the next message, or at the
// watchdog's next tick.
func (c *Conn) wantFlush() { c.watch() }

// flush writes what is queued, unless another goroutine is writing: then that
// one will.
func (c *Conn) flush(mode flushMode) {
	c.mu.Lock()
	c.flushLocked(mode)
}

// flushLocked is flush with c.mu held, which it unlocks.
func (c *Conn) flushLocked(mode flushMode) {
	o := c.out
	if mode == flushLater && o.bytes() < highWater {
		c.watch()
		c.mu.Unlock()
		return
	}
	for !o.flushing && len(o.queued.bufs) > 0 && c.err == nil {
		o.flushing = true
		o.take()
		if o.raw == nil && mode != flushWait {
			go c.finishFlush()
			break
		}
		c.mu.Unlock()
		var all bool
		var err error
		if o.raw != nil {
			all, err = o.writeNow()
		}
		if !all && err == nil {
			if mode != flushWait {
				go c.finishFlush()
				c.mu.Lock()
				break
			}
			c.mu.Lock()
			c.watch()      // the peer may be waiting for us to read; somebody must
			c.inline = nil // it is not the method that takes its time
			c.mu.Unlock()
			err = o.writeRest(c.nc)
		}
		c.written(err)
	}
	if n := o.bytes(); n > c.opts.MaxUnsent && (mode == flushNoWait || mode == flushTick) && c.err == nil {
		c.mu.Unlock()
		err := fmt.Errorf("peer does not read: %d bytes unsent", n)
		if mode == flushTick {
			go c.end(err, nil)
		} else {
			c.end(err, nil)
		}
		return
	}
	for mode == flushWait && o.bytes() > highWater && c.err == nil {
		c.watch()
		o.drained.Wait()
	}
	c.mu.Unlock()
}

// flushLent is flushLocked for a message that refers to memory that its owner
// will have back at once.
func (c *Conn) flushLent() {
	c.flushLocked(flushWait)
	c.mu.Lock()
	c.out.detach() // another goroutine may be writing
	c.mu.Unlock()
}

// takeBack gives the caller of q the memory back that its params refer to, under
// c.mu: it is copied unless it has been written. A call can end before that,
// also because a peer answers what it has not read.
func (c *Conn) takeBack(q *Question) {
	if q.lends && c.stats.BytesOut-uint64(c.out.bytes()) < q.lent {
		c.out.detach()
	}
}

// finishFlush writes the rest of the batch on a goroutine of its own, and what
// was queued meanwhile.
func (c *Conn) finishFlush() {
	for {
		c.written(c.out.writeRest(c.nc))
		o := c.out
		if o.flushing || len(o.queued.bufs) == 0 || c.err != nil {
			c.mu.Unlock()
			return
		}
		o.flushing = true
		o.take()
		c.mu.Unlock()
	}
}

// written ends the writing of a batch. It returns with c.mu held.
func (c *Conn) written(err error) {
	o := c.out
	for _, m := range o.writing.owned {
		m.release()
	}
	if err != nil {
		c.writeFailed(err)
	}
	c.mu.Lock()
	o.failed = o.failed || err != nil
	o.writing.reset()
	o.unwritten, o.writingBytes = nil, 0
	o.flushing = false
	o.drained.Broadcast()
}

// sendCall gives q an id and sends it to target, under c.mu, which it unlocks.
func (c *Conn) sendCall(q *Question, target *Cap) {
	m := q.params
	q.params = nil
	err := c.addressCall(q, m, target)
	if err != nil {
		var few fewCaps
		dropped := c.releaseExports(q.exported, few[:0])
		c.mu.Unlock()
		releaseAll(dropped)
		m.release()
		q.deliver(nil, noPtr, err)
		return
	}
	c.stats.Calls++
	taken := c.queueMessage(m, false)
	if q.lends {
		q.lent = c.stats.BytesOut
	}
	switch {
	case q.mode != flushWait:
		c.flushLocked(q.mode)
	case q.lends: // its caller has the data back before a Wait
		c.flushLent()
	case c.out.bytes() < highWater:
		c.flushLocked(flushLater)
	default:
		c.flushLocked(flushWait)
	}
	if !taken {
		m.release()
	}
}

// addressCall completes the message of a call.
func (c *Conn) addressCall(q *Question, m *message, target *Cap) error {
	if c.err != nil {
		return calledAfter(c.err)
	}
	if n := m.size(); n > c.opts.MaxMessage {
		return failedf("call of %d bytes is larger than the limit of %d", n, c.opts.MaxMessage)
	}
	if c.abandoned >= c.opts.MaxAnswers {
		return &Exception{Overloaded, fmt.Sprintf("the peer has not returned %d calls that were given up", c.abandoned)}
	}
	var err error
	if p := target.promise(); p != nil && p.kind == pipelinedPromise {
		err = m.aimAtPart(p.q.id, p.path)
	} else {
		m.putUint32(callTarget, target.id.Load())
	}
	if err == nil && len(m.caps) > 0 {
		q.exported, err = c.describeAll(m, callTable, q.exported)
	}
	if err != nil {
		return failedf("cannot build the call: %v", err)
	}
	if call := q.tailOf; call != nil && call.conn == c && c.opts.TailCalls && call.cancelled == nil {
		q.leaves = true
		q.mode = flushLater // with the return, which follows
		m.putUint32(callMethod, uint32(q.methodID)|uint32(rpc.Call_sendResultsTo_Which_yourself)<<16)
	}
	q.state = sent
	q.callee = target
	target.calls++
	q.id = c.questions.add(q)
	m.putUint32(callQuestion, q.id)
	q.content = capnp.Struct{}
	return nil
}

// setTarget aims a message at an import or a promise of this connection.
func setTarget(to rpc.MessageTarget, target *Cap) error {
	p := target.promise()
	if p == nil || p.kind != pipelinedPromise {
		to.SetImportedCap(target.id.Load())
		return nil
	}
	pa, err := to.NewPromisedAnswer()
	if err != nil {
		return err
	}
	return setPath(pa, p)
}

func setPath(pa rpc.PromisedAnswer, part *promise) error {
	pa.SetQuestionId(part.q.id)
	ops, err := pa.NewTransform(int32(len(part.path)))
	for i, index := range part.path {
		if err == nil {
			ops.At(i).SetGetPointerField(index)
		}
	}
	return err
}

// describeAll writes a message's capability table, whose pointer is at a place
// of its envelope, under c.mu. It appends the ids of exports that it counted
// up to exported.
func (c *Conn) describeAll(m *message, pointer int, exported []uint32) ([]uint32, error) {
	list, err := m.newTable(pointer, len(m.caps))
	if err != nil {
		return exported, err
	}
	for i, cap := range m.caps {
		id, isExport, err := c.describe(rpc.CapDescriptor(list.Struct(i)), cap)
		if err != nil {
			return exported, err
		}
		if isExport {
			exported = append(exported, id)
		}
	}
	return exported, nil
}

// describe writes the descriptor that tells the peer about cap, under c.mu.
// If that hands the peer a reference to an export, its id is returned.
func (c *Conn) describe(d rpc.CapDescriptor, cap *Cap) (id uint32, isExport bool, err error) {
	var p *promise
	for cap != nil {
		p = cap.promise()
		if p == nil || p.conn != c || p.target == nil || p.holding {
			break
		}
		cap = p.target
	}
	switch {
	case cap == nil:
		d.SetNone()
		return 0, false, nil
	case cap.what == any(c):
		d.SetReceiverHosted(cap.id.Load())
		return 0, false, nil
	case p == nil || p.conn != c || p.target != nil: // an export
	case p.kind == importedPromise:
		d.SetReceiverHosted(cap.id.Load())
		return 0, false, nil
	case p.kind == pipelinedPromise:
		pa, err := d.NewReceiverAnswer()
		if err == nil {
			err = setPath(pa, p)
		}
		return 0, false, err
	}
	id, ok := c.exportOf(cap)
	if !ok {
		if c.exports.len() >= c.opts.MaxExports {
			return 0, false, fmt.Errorf("more than %d objects are exported", c.opts.MaxExports)
		}
		id = c.export(cap)
	}
	e := c.exports.at(id)
	e.n++
	if !e.promised {
		d.SetSenderHosted(id)
		return id, true, nil
	}
	d.SetSenderPromise(id)
	if !ok {
		c.resolves[id] = c.resolveExport(id, cap)
	}
	return id, true, nil
}

// exportOf finds the id under which cap is exported, under c.mu. Most objects
// are exported on one connection, which has noted the id in the Cap and needs no
// map; a note is right for whichever connection has the Cap there.
func (c *Conn) exportOf(cap *Cap) (id uint32, ok bool) {
	if noted := cap.id.Load() - 1; c.exports.get(noted).cap == cap {
		return noted, true
	}
	id, ok = c.exported[cap]
	return id, ok
}

// export makes cap, which is none yet, an export with no references of the
// peer's, under c.mu.
func (c *Conn) export(cap *Cap) (id uint32) {
	id = c.exports.add(export{cap: cap.AddRef(), promised: cap.promise() != nil})
	if !cap.imported() && cap.id.CompareAndSwap(0, id+1) {
		c.exports.at(id).noted = true
	} else {
		c.exported[cap] = id
	}
	return id
}

// resolveExport has the peer told what an exported promise becomes, once that is
// known.
func (c *Conn) resolveExport(id uint32, promise *Cap) *waiter {
	w := new(waiter)
	w.f.Store(func(target *Cap) { c.sendResolve(id, w, target) })
	go promise.tellWhenResolved(w) // which locks
	return w
}

// sendResolve tells the peer what a promise exported to it has become; w is what
// waited for that.
func (c *Conn) sendResolve(id uint32, w *waiter, target *Cap) {
	m := newMessage()
	r, err := m.root.NewResolve()
	if err != nil {
		m.release()
		return
	}
	r.SetPromiseId(id)
	broken := target.Broken()
	c.mu.Lock()
	if c.err != nil || c.resolves[id] != w {
		c.mu.Unlock()
		m.release() // the peer has released it
		return
	}
	if broken != nil || target == nil {
		if target == nil {
			broken = ErrNull
		}
		var x rpc.Exception
		if x, err = r.NewException(); err == nil {
			setException(x, toException(broken))
		}
	} else {
		var d rpc.CapDescriptor
		if d, err = r.NewCap(); err == nil {
			_, _, err = c.describe(d, target)
		}
	}
	if err != nil {
		c.mu.Unlock()
		m.release()
		c.abort(fmt.Sprintf("cannot resolve a promise: %v", err))
		return
	}
	c.queue(m)
	c.flushLocked(flushNoWait)
}

func setException(x rpc.Exception, e *Exception) {
	x.SetType(rpc.Exception_Type(e.Type))
	// A reason that does not fit is an allocation failure; the type remains.
	_ = x.SetReason(e.cut().Reason)
}

// fewCaps is room on the stack for what most calls carry.
type fewCaps [4]*Cap

// releaseExports takes one reference from each export and appends the objects
// that nobody refers to any more, to be released without the lock.
func (c *Conn) releaseExports(ids []uint32, dropped []*Cap) []*Cap {
	for _, id := range ids {
		if cap, _ := c.releaseExport(id, 1); cap != nil {
			dropped = append(dropped, cap)
		}
	}
	return dropped
}

// releaseExport takes n references from an export. ok is false if the peer
// has none so many.
func (c *Conn) releaseExport(id, n uint32) (dropped *Cap, ok bool) {
	if cap := c.exports.get(id).cap; cap == nil {
		return nil, false
	}
	e := c.exports.at(id)
	if e.n < n {
		return nil, false
	}
	if e.n -= n; e.n > 0 || e.pinned {
		return nil, true
	}
	cap := e.cap
	if e.noted {
		cap.id.Store(0)
	} else {
		delete(c.exported, cap)
	}
	if e.promised {
		c.resolves[id].cancel()
		delete(c.resolves, id)
	}
	c.exports.remove(id)
	return cap, true
}

func releaseAll(caps []*Cap) {
	for _, cap := range caps {
		cap.Release()
	}
}

// sendFinish queues a Finish, under c.mu.
func (c *Conn) sendFinish(id uint32, releaseCaps bool) {
	flags := uint64(noCancellationWorkaround)
	if !releaseCaps {
		flags |= keepResultCaps
	}
	c.queueNote(rpc.Message_Which_finish, uint64(id)|flags<<32)
}

// sendRelease queues a Release, under c.mu.
func (c *Conn) sendRelease(id, n uint32) {
	c.queueNote(rpc.Message_Which_release, uint64(id)|uint64(n)<<32)
}

// sendEmbargo queues a disembargo that follows the calls made through promise
// p, under c.mu.
func (c *Conn) sendEmbargo(p *Cap) {
	p.AddRef() // the table's
	id := c.embargoes.add(p)
	m := newMessage()
	d, err := m.root.NewDisembargo()
	if err == nil {
		d.Context().SetSenderLoopback(id)
		var to rpc.MessageTarget
		if to, err = d.NewTarget(); err == nil {
			err = setTarget(to, p)
		}
	}
	if err != nil {
		panic("vat: a fresh message cannot hold a disembargo: " + err.Error())
	}
	c.queue(m)
}

// flushEmbargo sends what sendEmbargo queued. A peer that answers none of them
// would have the promises that wait for it kept for ever.
func (c *Conn) flushEmbargo() {
	c.mu.Lock()
	n := c.embargoes.len()
	c.flushLocked(flushNoWait)
	if n > c.opts.MaxCalls {
		c.abort(fmt.Sprintf("more than %d disembargoes have not been answered", c.opts.MaxCalls))
	}
}

// dropImport ends an import whose last reference has gone.
func (c *Conn) dropImport(cap *Cap) {
	c.mu.Lock()
	c.forgetImport(cap)
	c.mu.Unlock()
}

// forgetImport takes an import off the table and tells the peer, under c.mu.
func (c *Conn) forgetImport(cap *Cap) {
	id := cap.id.Load()
	if c.imports.get(id) == cap {
		c.imports.remove(id)
	}
	if cap.received > 0 {
		c.sendRelease(id, cap.received)
	}
}

// dropPromise ends a promise whose last reference has gone. It returns what
// the promise had become, to be released.
func (c *Conn) dropPromise(cap *Cap, p *promise) (target *Cap) {
	gone := false
	q, call := p.q, (*Call)(nil)
	c.mu.Lock()
	switch {
	case p.call != nil:
		i := slices.Index(p.call.pipelines, cap)
		p.call.pipelines[i] = nil
		if !slices.ContainsFunc(p.call.pipelines, func(p *Cap) bool { return p != nil }) {
			call = p.call
		}
		p.call = nil
	case p.kind == importedPromise:
		c.forgetImport(cap)
	case q != nil:
		for i, part := range q.pipelines {
			if part == cap {
				q.pipelines = append(q.pipelines[:i], q.pipelines[i+1:]...)
				break
			}
		}
		gone = c.unrefQuestion(q)
	}
	target = p.target
	p.target = nil
	c.mu.Unlock()
	if gone {
		q.recycle()
	}
	if call != nil {
		go call.giveUp() // calls that wait for each other are a chain as long as the peer likes
	}
	return target
}
