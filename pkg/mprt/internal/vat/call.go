package vat

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// Executor does the work of a call.
type Executor interface {
	// Execute runs on the goroutine that runs the call's queue. It must
	// complete the call, also when what it runs panics or ends the goroutine.
	Execute(call *Call)
	// Cancel is called with the reason when the caller gives up or leaves
	// before the call is complete. It may come at any time and more than
	// once, and must not block.
	Cancel(err error)
}

// Call is a call that this side serves. It is complete after exactly one
// Return or Fail, after which it must not be touched.
type Call struct {
	InterfaceID uint64
	MethodID    uint16
	// Params is the params struct, invalid if the caller sent none. It and
	// what is read from it are valid until the call is complete.
	Params capnp.Struct

	// Pace, if set, remembers for the method whether it tends to block.
	Pace *Pace

	exec     Executor
	accepted atomic.Bool // exec is set

	conn *Conn
	id   uint32 // the peer's question id
	next *Call  // in a queue

	params   *message
	results  *message
	root     capnp.Ptr // the results' content
	mode     flushMode // flushNoWait as long as the reader has the call
	question *Question // of a call made by this process itself

	heldBy atomic.Pointer[Cap] // the promise whose target it waits for
	heldAt int                 // in what that holds; the promise's lock guards it

	// The rest is guarded by conn.mu.
	held         int // bytes that count against MaxHeld
	returned     bool
	finished     bool // the caller sent Finish before the return: pipelines has no references then
	keepsResults bool // sendResultsTo.yourself
	noPipelining bool // the caller promised not to pipeline
	cancelled    error
	seen         time.Time // by Inspect

	// What outlives the return until Finish, for pipelined calls.
	answer    *message
	answerErr error
	resultIDs []uint32  // exports in the results, one a reference
	idRoom    [2]uint32 // for resultIDs, as many as most have
	pipelines []*Cap    // promises for parts of the results, one reference each; nil for one that is gone
	taker     *Question // takes its return from here (takeFromOtherQuestion)
	tail      *Question // in whose results its own are left with the peer, one reference
}

// Conn is the connection that the call came in on.
func (call *Call) Conn() *Conn { return call.conn }

// ParamsBytes is the size of the call's message.
func (call *Call) ParamsBytes() int { return call.params.size() }

// ResultsBytes is the size of the return's message if the call returns now,
// and no promise is in it.
func (call *Call) ResultsBytes() int {
	if call.results == nil {
		return wordSize + len(returnTemplate)
	}
	return call.results.sizeToBe()
}

// CapAt returns the capability that an interface pointer in the params refers
// to, borrowed from the call; nil for null.
func (call *Call) CapAt(p capnp.Ptr) (*Cap, error) { return call.params.capAt(p) }

var errFinished = errors.New("the caller does not wait for the result any more")

// Hold counts n more bytes as held by the call until it returns: what was made of
// its params and is not in their message. It fails if the connection holds too
// much, unless this is the only call.
func (call *Call) Hold(n int) error {
	if call.question != nil { // of this process
		return nil
	}
	c := call.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	call.held += n
	c.held += n
	if c.held > c.opts.MaxHeld && c.held > call.held {
		return c.tooMuchHeld()
	}
	return nil
}

// SetExec says who does the call's work. [Server.Accept] calls it before it
// queues the call.
func (call *Call) SetExec(e Executor) {
	call.exec = e
	call.accepted.Store(true)
}

// cancel tells the handler. Without a lock.
func (call *Call) cancel(err error) {
	call.conn.mu.Lock()
	tell := call.cancelled == nil && !call.returned
	if tell {
		call.cancelled = err
	}
	call.conn.mu.Unlock()
	// One that gets its executor just now asks [Call.Cancelled] before it starts.
	if tell && call.accepted.Load() {
		call.exec.Cancel(err)
	}
}

// giveUp ends a call that nobody waits for, nor for any part of its results. No
// lock may be held.
func (call *Call) giveUp() {
	call.cancel(errFinished)
	call.unhold(errFinished)
}

// run is what a queue does with a call. One that nobody waits for any more is
// not executed, but cancelled before it starts.
func (call *Call) run() {
	call.mode = flushWait
	pace := call.Pace
	if !pace.Slow() {
		call.exec.Execute(call)
		return
	}
	start := time.Now()
	call.exec.Execute(call)
	pace.took(time.Since(start))
}

// Cancelled is the reason why nobody waits for the call any more, or nil.
func (call *Call) Cancelled() error {
	call.conn.mu.Lock()
	defer call.conn.mu.Unlock()
	if call.cancelled == nil && call.conn.err != nil {
		return interruptedBy(call.conn.err) // it will be told in a moment
	}
	return call.cancelled
}

// Results allocates the results struct. Call it at most once.
func (call *Call) Results(size capnp.ObjectSize) (capnp.Struct, error) {
	m, content, err := newEnvelope(returnTemplate, returnContent, size)
	if err != nil {
		return capnp.Struct{}, failedf("cannot build the results: %v", err)
	}
	call.results = m
	call.root = content.ToPtr()
	return content, nil
}

// Lend is as setting the i-th pointer of the results struct to a copy of data,
// without the copy: Return writes data before it returns. It reports false,
// and has done nothing, where that is not possible. Only after Results.
func (call *Call) Lend(i uint16, data []byte) (bool, error) {
	if call.question != nil || call.keepsResults || call.conn.out.raw == nil {
		return false, nil
	}
	return true, call.results.lendField(returnTemplate, call.root.Struct(), i, data)
}

// AddCap puts c, whose reference it takes over, into the results' capability
// table and returns the pointer that stands for it. Only after Results.
func (call *Call) AddCap(c *Cap) capnp.Ptr { return call.results.addCap(c) }

// Return completes the call with its results, which are empty if Results was
// not called.
func (call *Call) Return() {
	if call.results == nil {
		if _, err := call.Results(capnp.ObjectSize{}); err != nil {
			call.Fail(err)
			return
		}
	}
	if n := call.results.size(); n > call.conn.opts.MaxMessage {
		call.Fail(failedf("results of %d bytes are larger than the limit of %d", n, call.conn.opts.MaxMessage))
		return
	}
	m := call.results
	call.results = nil
	m.resolveCaps()
	call.complete(m, nil)
}

// Fail completes the call with an exception.
func (call *Call) Fail(err error) {
	call.results.release()
	call.results = nil
	call.complete(nil, err)
}

// complete sends the return: results if m is not nil, else err.
func (call *Call) complete(m *message, err error) {
	if call.question != nil {
		call.completeLocal(m, err)
		return
	}
	c := call.conn
	params := call.params
	call.params = nil
	reply := m
	if reply == nil || call.keepsResults { // also of a tail call
		reply = newMessage()
	}
	c.mu.Lock()
	// What was called through a part of the results goes there before the
	// caller hears of the return: then it may call the object directly, and
	// that call must not overtake the earlier ones.
	for i := 0; i < len(call.pipelines); i++ {
		p := call.pipelines[i]
		if p == nil {
			continue
		}
		if p.promise().call = nil; !p.TryRef() {
			continue
		}
		var part *Cap
		if call.tail != nil {
			part = call.tail.part(p.promise().path)
		} else {
			part, _ = resultCap(m, call.root, err, p.promise().path)
		}
		c.mu.Unlock()
		p.resolve(part, false)
		p.Release()
		c.mu.Lock()
	}
	call.returned = true
	c.running--
	if c.err != nil {
		gone := call.dropTail()
		c.mu.Unlock()
		if gone != nil {
			gone.recycle()
		}
		params.release()
		m.release()
		if reply != m {
			reply.release()
		}
		return
	}
	noFinish, e := call.fillReturn(params, reply, m, err)
	keep := !noFinish && !call.finished
	c.held -= call.held
	if keep {
		call.answer, call.answerErr = m, err
		call.held = m.held() + capSize*len(call.pipelines)
		if err != nil {
			x := toException(err).cut()
			call.answerErr = x
			call.held += len(x.Reason)
		}
		c.held += call.held
	} else {
		c.answers.remove(call.id)
	}
	var pipelines []*Cap
	var gone *Question
	if !keep {
		if !call.finished {
			pipelines = call.pipelines
		}
		call.pipelines = nil
		gone = call.dropTail()
	}
	taker := call.taker
	call.taker = nil
	if taker != nil {
		taker.from = nil
		taker.ret, taker.results, taker.err = copyResults(m, call.root, err)
	}
	taken := false
	if e == nil {
		taken = c.queueMessage(reply, keep && reply == m)
	}
	if c.corked && call.mode == flushWait {
		call.mode = flushLater // with the returns of the calls that are read already
	}
	if m != nil && len(m.lent) > 0 {
		c.flushLent()
	} else {
		c.flushLocked(call.mode)
	}

	if taker != nil {
		c.mu.Lock()
		c.conclude(taker, false)
	}
	releaseAll(pipelines)
	if gone != nil {
		gone.recycle()
	}
	if !taken && !(keep && reply == m) {
		reply.release()
	}
	if m != reply && !keep {
		m.release()
	}
	params.release()
	if e != nil {
		c.abort(fmt.Sprintf("cannot build a return: %v", e))
	}
}

// fillReturn writes the Return message into reply, under conn.mu. m are the
// results, whose Return is there already if reply is m. noFinish says that the
// answer needs no Finish.
func (call *Call) fillReturn(params, reply, m *message, err error) (noFinish bool, e error) {
	c := call.conn
	// References to params that the handler kept are its own; those that it
	// did not keep are given back with the return.
	release := c.disown(params)
	if reply == m {
		var flags uint32
		if !release {
			flags = keepParamCaps
		}
		which := rpc.Return_Which_results
		switch {
		case call.finished:
			which = rpc.Return_Which_canceled
			m.putWord(returnPayload, 0)
			noFinish = true
		case len(m.caps) == 0:
			noFinish = true
		default:
			call.resultIDs, e = c.describeAll(m, returnTable, call.idRoom[:0])
		}
		if noFinish {
			flags |= noFinishNeeded
		}
		m.putUint32(returnAnswer, call.id)
		m.putUint32(returnFlags, flags|uint32(which)<<16)
		return noFinish, e
	}
	ret, e := reply.root.NewReturn()
	if e != nil {
		return false, e
	}
	ret.SetAnswerId(call.id)
	ret.SetReleaseParamCaps(release)
	switch {
	case call.finished:
		ret.SetCanceled()
		noFinish = true
	case call.keepsResults:
		ret.SetResultsSentElsewhere()
	case call.tail != nil:
		ret.SetTakeFromOtherQuestion(call.tail.id)
	default:
		x, e := ret.NewException()
		if e != nil {
			return false, e
		}
		setException(x, toException(err))
		noFinish = call.noPipelining && len(call.pipelines) == 0
	}
	ret.SetNoFinishNeeded(noFinish)
	return noFinish, nil
}

// copyResults copies the results of a call that the callee made back to us for
// this purpose (a tail call).
func copyResults(m *message, root capnp.Ptr, err error) (*message, capnp.Ptr, error) {
	if err != nil {
		return nil, noPtr, err
	}
	return copyMessage(m, root)
}

// disown takes the references that came with a call's params off the books,
// for a return that says so (releaseParamCaps). That is possible if what the
// handler kept is also covered by other references of the peer's; else it
// reports false, and what was kept is released by messages of its own.
func (c *Conn) disown(params *message) bool {
	if params == nil { // a bootstrap
		return true
	}
	caps := params.caps
	// counted says whether the peer counts a reference for an entry. For a
	// part of an answer that turned out to be its own object it does not.
	counted := func(i int) bool {
		cap := caps[i]
		if cap == nil || cap.connection() != c || !cap.imported() {
			return false
		}
		return !ofReceiver(params.table[i].which)
	}
	// times says how many entries cap has, and how many of them are counted.
	times := func(cap *Cap) (all int32, n uint32) {
		for i, other := range caps {
			if other == cap {
				all++
				if counted(i) {
					n++
				}
			}
		}
		return all, n
	}
	if len(caps) > 16 {
		type entries struct {
			all int32
			n   uint32
		}
		counts := make(map[*Cap]entries, len(caps))
		for i, cap := range caps {
			e := counts[cap]
			e.all++
			if counted(i) {
				e.n++
			}
			counts[cap] = e
		}
		times = func(cap *Cap) (int32, uint32) { return counts[cap].all, counts[cap].n }
	}
	for i, cap := range caps {
		if !counted(i) {
			continue
		}
		all, n := times(cap)
		if cap.received < n || cap.received == n && cap.refs.Load() > all {
			return false
		}
	}
	for i, cap := range caps {
		if counted(i) {
			cap.received--
		}
	}
	return true
}

// completeLocal is complete for a call made by this process.
func (call *Call) completeLocal(m *message, err error) {
	loopback.mu.Lock()
	call.returned = true
	loopback.mu.Unlock()
	call.params.release()
	call.params = nil
	call.question.deliver(m, call.root, err)
}

// sendLocal hands q to an object of this process.
func (q *Question) sendLocal(target Server) {
	call := &Call{
		InterfaceID: q.interfaceID,
		MethodID:    q.methodID,
		Params:      q.content,
		conn:        loopback,
		params:      q.params,
		question:    q,
	}
	q.params = nil
	loopback.mu.Lock()
	q.state = sent
	q.served = call
	loopback.mu.Unlock()
	target.Accept(call).Start()
}

// resultCap returns a new reference to a part of the results, broken if there
// is none, and whether the peer that returned them sees it on this side.
func resultCap(m *message, content capnp.Ptr, err error, path []uint16) (cap *Cap, reflected bool) {
	if err != nil {
		return NewBroken(err), false
	}
	cap, reflected, err = m.capByPath(content, path)
	switch {
	case err != nil:
		return NewBroken(err), false
	case cap == nil:
		return NewBroken(ErrNull), false
	}
	return cap.AddRef(), reflected
}

// dropTail gives back what call.tail refers to, under conn.mu. If nobody else
// refers to it, it is returned, to be recycled.
func (call *Call) dropTail() (gone *Question) {
	q := call.tail
	call.tail = nil
	if q == nil || !q.c.unrefQuestion(q) {
		return nil
	}
	return q
}

// disconnected tells a call that its connection is gone.
func (call *Call) disconnected(err error) {
	call.cancel(err)
	call.unhold(err)
	call.conn.mu.Lock()
	answer, pipelines := call.answer, call.pipelines
	call.answer, call.pipelines = nil, nil
	call.taker = nil // which is one of the connection's questions
	returned := call.returned
	for i, p := range pipelines {
		if p == nil {
			continue
		}
		p.promise().call = nil
		if call.finished && !p.TryRef() {
			pipelines[i] = nil
		}
	}
	var gone *Question
	if returned {
		gone = call.dropTail()
	}
	call.conn.mu.Unlock()
	if gone != nil {
		gone.recycle()
	}
	for _, p := range pipelines {
		if p != nil && !returned {
			p.resolve(NewBroken(err), false)
		}
		p.Release()
	}
	answer.release()
}

// Pace remembers of a method whether it tends to block, so that the reader
// need not find out again each time. A nil Pace remembers nothing.
type Pace struct{ slow atomic.Int32 }

const (
	paceMarks = 8 // quick calls in a row after which a method counts as quick again
	quick     = tick
)

// Slow says whether the method should run on a goroutine of its own.
func (p *Pace) Slow() bool { return p != nil && p.slow.Load() > 0 }

func (p *Pace) mark() {
	if p != nil {
		p.slow.Store(paceMarks)
	}
}

func (p *Pace) took(d time.Duration) {
	if d > quick {
		p.mark()
	} else {
		p.slow.Add(-1)
	}
}
