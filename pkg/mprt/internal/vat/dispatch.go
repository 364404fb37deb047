package vat

import (
	"fmt"
	"slices"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// dispatch handles one message and takes it over. If a call is now to be run,
// its queue and the call are returned. What the peer must not do ends the
// session.
func (c *Conn) dispatch(m *message) (queue *Queue, call *Call, kind rpc.Message_Which) {
	var err error
	if c.opts.Trace == nil && m.msg.NumSegments() == 1 {
		switch which, _ := m.kind(); which {
		case rpc.Message_Which_call:
			if h, ok := m.plainCall(); ok {
				queue, call, err = c.handlePlainCall(m, h)
				if err != nil {
					c.abort(err.Error())
				}
				return queue, call, rpc.Message_Which_call
			}
		case rpc.Message_Which_finish:
			if data, ok := m.plainNote(); ok {
				m.release()
				c.handleFinish(uint32(data), data>>32&keepResultCaps == 0)
				return nil, nil, which
			}
		case rpc.Message_Which_release:
			if data, ok := m.plainNote(); ok {
				m.release()
				if err := c.handleRelease(uint32(data), uint32(data>>32)); err != nil {
					c.abort(err.Error())
				}
				return nil, nil, which
			}
		case rpc.Message_Which_return:
			if h, ok := m.plainReturn(); ok {
				if err := c.handleReturn(m, h, nil); err != nil {
					c.abort(err.Error())
				}
				return nil, nil, rpc.Message_Which_return
			}
		}
	}
	if err := m.readRoot(); err != nil {
		m.release()
		c.abort(err.Error())
		return nil, nil, rpc.Message_Which_abort
	}
	if c.opts.Trace != nil {
		c.mu.Lock()
		c.opts.Trace(false, m.root)
		c.mu.Unlock()
	}
	kind = m.root.Which()
	switch kind {
	case rpc.Message_Which_call:
		queue, call, err = c.handleCall(m)
		m = nil
	case rpc.Message_Which_return:
		err = c.readAndHandleReturn(m)
		m = nil
	case rpc.Message_Which_finish:
		var f rpc.Finish
		if f, err = m.root.Finish(); err == nil {
			c.handleFinish(f.QuestionId(), f.ReleaseResultCaps())
		}
	case rpc.Message_Which_release:
		var r rpc.Release
		if r, err = m.root.Release(); err == nil {
			err = c.handleRelease(r.Id(), r.ReferenceCount())
		}
	case rpc.Message_Which_resolve:
		err = c.handleResolve(m)
	case rpc.Message_Which_disembargo:
		err = c.handleDisembargo(m)
	case rpc.Message_Which_bootstrap:
		err = c.handleBootstrap(m)
	case rpc.Message_Which_unimplemented:
		err = c.handleUnimplemented(m)
	case rpc.Message_Which_abort:
		c.handleAbort(m)
	default:
		c.echo(m)
	}
	m.release()
	if err != nil {
		c.abort(err.Error())
	}
	return queue, call, kind
}

// protocolError is what the peer is told when it breaks the protocol.
func protocolError(format string, args ...any) error { return fmt.Errorf(format, args...) }

// handleCall takes a call in and m over.
func (c *Conn) handleCall(m *message) (*Queue, *Call, error) {
	rc, err := m.root.Call()
	if err != nil {
		m.release()
		return nil, nil, protocolError("call: %v", err)
	}
	call := &Call{
		InterfaceID:  rc.InterfaceId(),
		MethodID:     rc.MethodId(),
		conn:         c,
		id:           rc.QuestionId(),
		params:       m,
		noPipelining: rc.NoPromisePipelining(),
	}
	payload, err := rc.Params()
	var content capnp.Ptr
	if err == nil {
		content, err = payload.Content()
	}
	if err != nil {
		m.release()
		return nil, nil, protocolError("call %d: params: %v", call.id, err)
	}
	call.Params = content.Struct()
	switch rc.SendResultsTo().Which() {
	case rpc.Call_sendResultsTo_Which_caller:
	case rpc.Call_sendResultsTo_Which_yourself:
		call.keepsResults = true
	default:
		// Level 3, which we do not speak: the caller gets the call back.
		c.echo(m)
		m.release()
		return nil, nil, nil
	}
	to, err := rc.Target()
	if err != nil {
		m.release()
		return nil, nil, protocolError("call %d: target: %v", call.id, err)
	}

	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		m.release()
		return nil, nil, nil
	}
	if c.answers.get(call.id) != nil {
		c.mu.Unlock()
		m.release()
		return nil, nil, protocolError("call: question id %d is in use", call.id)
	}
	if err := c.importAll(payload, m); err != nil {
		c.mu.Unlock()
		m.release()
		return nil, nil, protocolError("call %d: %v", call.id, err)
	}
	// The target is looked up before the call is entered: it cannot be part of
	// the call's own results.
	target, refuse, err := c.target(to)
	if err != nil {
		c.mu.Unlock()
		m.release()
		return nil, nil, protocolError("call %d: %v", call.id, err)
	}
	return c.admit(call, target, refuse)
}

// handlePlainCall is handleCall for one that is read already.
func (c *Conn) handlePlainCall(m *message, h callHeader) (*Queue, *Call, error) {
	content, err := m.msg.Root()
	if err != nil {
		m.release()
		return nil, nil, protocolError("call %d: params: %v", h.id, err)
	}
	call := &Call{
		InterfaceID:  h.interfaceID,
		MethodID:     h.methodID,
		Params:       content.Struct(),
		conn:         c,
		id:           h.id,
		params:       m,
		noPipelining: h.noPipelining,
	}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		m.release()
		return nil, nil, nil
	}
	switch {
	case c.answers.get(h.id) != nil:
		err = protocolError("call: question id %d is in use", h.id)
	case !h.onAnswer && c.exports.get(h.target).cap == nil:
		err = protocolError("call %d: no export has id %d", h.id, h.target)
	default:
		err = c.importTable(m)
	}
	if err != nil {
		c.mu.Unlock()
		m.release()
		return nil, nil, err
	}
	if h.onAnswer {
		target, refuse := c.answerPart(h.target, m.path)
		return c.admit(call, target, refuse)
	}
	return c.admit(call, c.exports.get(h.target).cap.AddRef(), nil)
}

// admit enters a call, under c.mu, which it unlocks, and hands it to target,
// whose reference it takes over; or it refuses the call.
func (c *Conn) admit(call *Call, target *Cap, refuse error) (*Queue, *Call, error) {
	if err := c.enter(call); err != nil {
		c.mu.Unlock()
		target.Release()
		call.params.release()
		return nil, nil, err
	}
	call.held = call.params.held()
	c.held += call.held
	switch {
	case refuse != nil:
	case c.running > c.opts.MaxCalls:
		refuse = &Exception{Overloaded, fmt.Sprintf("more than %d calls in flight", c.opts.MaxCalls)}
	case c.held > c.opts.MaxHeld && c.held > call.held:
		refuse = c.tooMuchHeld()
	}
	c.stats.Served++
	c.mu.Unlock()
	if refuse != nil {
		target.Release()
		call.Fail(refuse)
		return nil, nil, nil
	}
	queue := target.accept(call)
	target.Release()
	return queue, call, nil
}

// enter gives a call its place among the answers, under c.mu.
func (c *Conn) enter(call *Call) error {
	if c.answers.len() >= c.opts.MaxAnswers {
		return protocolError("more than %d questions without a Finish", c.opts.MaxAnswers)
	}
	c.answers.set(call.id, call)
	c.running++
	return nil
}

// held is how many bytes a message takes, about.
func (m *message) held() int {
	if m == nil {
		return 0
	}
	n := m.size() + capSize*len(m.caps)
	if segments := m.msg.NumSegments(); segments > 1 {
		n += segmentSize * int(segments)
	}
	return n
}

// What an import or a promise takes, and what a segment takes beside its bytes.
const (
	capSize     = 256
	segmentSize = 128
)

// target finds what a call or a disembargo is aimed at, as a new reference,
// under c.mu. refuse is an error for the call alone.
func (c *Conn) target(to rpc.MessageTarget) (cap *Cap, refuse, err error) {
	switch to.Which() {
	case rpc.MessageTarget_Which_importedCap:
		e := c.exports.get(to.ImportedCap())
		if e.cap == nil {
			return nil, nil, protocolError("no export has id %d", to.ImportedCap())
		}
		return e.cap.AddRef(), nil, nil
	case rpc.MessageTarget_Which_promisedAnswer:
		pa, err := to.PromisedAnswer()
		if err != nil {
			return nil, nil, err
		}
		return c.promisedAnswer(pa)
	}
	return nil, &Exception{Unimplemented, "unknown kind of message target"}, nil
}

// promisedAnswer is answerPart for a part that is still to be read.
func (c *Conn) promisedAnswer(pa rpc.PromisedAnswer) (cap *Cap, refuse, err error) {
	ops, err := pa.Transform()
	if err != nil {
		return nil, nil, err
	}
	path := make([]uint16, 0, 4)
	for i := range ops.Len() {
		switch op := ops.At(i); op.Which() {
		case rpc.PromisedAnswer_Op_Which_noop:
		case rpc.PromisedAnswer_Op_Which_getPointerField:
			if len(path) == maxPath {
				return nil, failedf("a part of an answer that is more than %d pointers deep", maxPath), nil
			}
			path = append(path, op.GetPointerField())
		default:
			return nil, &Exception{Unimplemented, "unknown operation in a promised answer"}, nil
		}
	}
	cap, refuse = c.answerPart(pa.QuestionId(), path)
	return cap, refuse, nil
}

// answerPart finds a part of the results of a call that we serve or have
// served, as a new reference, under c.mu. It does not keep path.
func (c *Conn) answerPart(id uint32, path []uint16) (cap *Cap, refuse error) {
	call := c.answers.get(id)
	if call == nil || call.finished {
		// Perhaps one that needed no Finish, with no capability in its results.
		return nil, failedf("no answer has id %d, or it has no capabilities", id)
	}
	for _, p := range call.pipelines {
		if samePath(p.promise().path, path) {
			return p.AddRef(), nil
		}
	}
	parts := len(call.pipelines)
	switch {
	case call.tail != nil:
		parts = len(call.tail.pipelines)
	case call.returned:
		cap, _ = resultCap(call.answer, call.root, call.answerErr, path)
		return cap, nil
	}
	if parts >= maxPipelines {
		return nil, &Exception{Overloaded, fmt.Sprintf("more than %d promises for one answer", maxPipelines)}
	}
	if call.tail != nil {
		return call.tail.part(path), nil
	}
	if c.held > c.opts.MaxHeld {
		return nil, c.tooMuchHeld()
	}
	p := newPart(queuedPromise, c, path)
	p.promise().call = call
	call.pipelines = append(call.pipelines, p)
	call.held += capSize
	c.held += capSize
	return p.AddRef(), nil
}

func (c *Conn) tooMuchHeld() error {
	return &Exception{Overloaded, fmt.Sprintf("more than %d bytes held by calls", c.opts.MaxHeld)}
}

// maxPath is how deep a part of an answer may be: deeper than pointers are
// followed there is nothing.
const maxPath = 64

// maxPipelines bounds the different parts of one answer that can be called
// before it is there.
const maxPipelines = 256

// maxTable bounds the capability table of one message.
const maxTable = 1 << 16

func checkTable(n int) error {
	if n > maxTable {
		return fmt.Errorf("capability table of %d entries is larger than the limit of %d", n, maxTable)
	}
	return nil
}

// importAll reads a payload's capability table into m.caps, under c.mu.
func (c *Conn) importAll(payload rpc.Payload, m *message) error {
	if !payload.HasCapTable() {
		return nil
	}
	list, err := payload.CapTable()
	if err != nil {
		return err
	}
	if err := checkTable(list.Len()); err != nil {
		return err
	}
	m.table = m.table[:0]
	for i := range list.Len() {
		d := list.At(i)
		cap, err := c.importCap(d)
		if err != nil {
			return fmt.Errorf("capability %d: %w", i, err)
		}
		m.caps = append(m.caps, cap)
		m.table = append(m.table, descriptor{which: d.Which()}) // for disown
	}
	return nil
}

// ofReceiver says that a descriptor is of something that its sender sees on the
// receiver's side.
func ofReceiver(which rpc.CapDescriptor_Which) bool {
	return which == rpc.CapDescriptor_Which_receiverHosted || which == rpc.CapDescriptor_Which_receiverAnswer
}

// importTable makes m.table capabilities in m.caps, under c.mu.
func (c *Conn) importTable(m *message) error {
	if err := checkTable(len(m.table)); err != nil {
		return err
	}
	for i, d := range m.table {
		cap, err := c.importPlain(d)
		if err != nil {
			return fmt.Errorf("capability %d: %w", i, err)
		}
		m.caps = append(m.caps, cap)
	}
	return nil
}

// importPlain makes a plain descriptor a capability, as a new reference, under
// c.mu.
func (c *Conn) importPlain(d descriptor) (*Cap, error) {
	switch d.which {
	case rpc.CapDescriptor_Which_senderHosted:
		return c.imported(d.id, false)
	case rpc.CapDescriptor_Which_senderPromise:
		return c.imported(d.id, true)
	case rpc.CapDescriptor_Which_receiverHosted:
		cap := c.exports.get(d.id).cap
		if cap == nil {
			return nil, fmt.Errorf("no export has id %d", d.id)
		}
		return cap.AddRef(), nil
	}
	return nil, nil
}

// importCap makes a descriptor a capability, as a new reference, under c.mu.
func (c *Conn) importCap(d rpc.CapDescriptor) (*Cap, error) {
	switch d.Which() {
	case rpc.CapDescriptor_Which_none:
		return nil, nil
	case rpc.CapDescriptor_Which_senderHosted:
		return c.importPlain(descriptor{d.Which(), d.SenderHosted()})
	case rpc.CapDescriptor_Which_senderPromise:
		return c.importPlain(descriptor{d.Which(), d.SenderPromise()})
	case rpc.CapDescriptor_Which_receiverHosted:
		return c.importPlain(descriptor{d.Which(), d.ReceiverHosted()})
	case rpc.CapDescriptor_Which_receiverAnswer:
		pa, err := d.ReceiverAnswer()
		if err != nil {
			return nil, err
		}
		cap, refuse, err := c.promisedAnswer(pa)
		if refuse != nil {
			cap = NewBroken(refuse)
		}
		return cap, err
	case rpc.CapDescriptor_Which_thirdPartyHosted:
		// Level 1 uses the vine, which the sender hosts for that.
		tp, err := d.ThirdPartyHosted()
		if err != nil {
			return nil, err
		}
		return c.imported(tp.VineId(), false)
	}
	return NewBroken(&Exception{Unimplemented, "unknown kind of capability descriptor"}), nil
}

// imported returns a new reference to an object of the peer's, or to a promise
// of one, under c.mu.
func (c *Conn) imported(id uint32, promised bool) (*Cap, error) {
	cap := c.imports.get(id)
	if cap == nil || !cap.TryRef() {
		if c.imports.len() >= c.opts.MaxImports {
			return nil, fmt.Errorf("more than %d objects are held for this connection", c.opts.MaxImports)
		}
		if promised {
			cap = newPromise(importedPromise, c)
		} else {
			cap = &Cap{what: c}
			cap.refs.Store(1)
		}
		cap.id.Store(id)
		c.imports.set(id, cap)
	}
	cap.received++
	return cap, nil
}

// readAndHandleReturn is handleReturn for one that is not plain.
func (c *Conn) readAndHandleReturn(m *message) error {
	ret, err := m.root.Return()
	if err != nil {
		m.release()
		return protocolError("return: %v", err)
	}
	return c.handleReturn(m, returnHeader{ret.AnswerId(), ret.ReleaseParamCaps(), ret.NoFinishNeeded()}, &ret)
}

// handleReturn ends a question; it takes m over. ret is nil for a plain one.
func (c *Conn) handleReturn(m *message, h returnHeader, ret *rpc.Return) error {
	id := h.id
	c.mu.Lock()
	q := c.awaited(id)
	if q == nil {
		ended := c.err != nil
		c.mu.Unlock()
		m.release()
		if ended {
			return nil
		}
		return protocolError("return: no question has id %d", id)
	}
	var few fewCaps
	dropped := few[:0]
	if h.releaseParams {
		dropped = c.releaseExports(q.exported, dropped)
	}
	q.exported = q.exported[:0]
	if q.finished {
		// Nobody waits; the callee drops the results' capabilities by itself.
		var from *Call
		if ret != nil && ret.Which() == rpc.Return_Which_takeFromOtherQuestion {
			from = c.answers.get(ret.TakeFromOtherQuestion())
			if from != nil && (!from.keepsResults || len(from.pipelines) > 0) {
				from = nil // it is wanted, or the peer will say when it is not
			}
		}
		c.forget(q)
		c.abandoned--
		q.state = returned
		gone := q.refs == 0
		c.mu.Unlock()
		if from != nil {
			from.cancel(errFinished) // nor for the call that this was passed on to
		}
		releaseAll(dropped)
		m.release()
		if gone {
			q.recycle()
		}
		return nil
	}
	results, content, outcome, wait, err := c.readReturn(q, ret, m, h.noFinishNeeded)
	if err != nil {
		c.mu.Unlock()
		releaseAll(dropped)
		m.release()
		return protocolError("return %d: %v", id, err)
	}
	if wait {
		// Until then, calls on parts of the results go on through the peer.
		c.mu.Unlock()
		releaseAll(dropped)
		m.release()
		return nil
	}
	q.ret, q.results, q.err = results, content, outcome
	c.conclude(q, h.noFinishNeeded)
	releaseAll(dropped)
	if results != m {
		m.release()
	}
	return nil
}

// readReturn reads what q returned, under c.mu: the message that holds the
// results and their content, or the error that the call ended with. wait says
// that the results are still to come, from another call, or stay with the peer.
func (c *Conn) readReturn(q *Question, ret *rpc.Return, m *message, noFinish bool) (results *message, content capnp.Ptr, outcome error, wait bool, err error) {
	if ret == nil {
		if content, err = m.msg.Root(); err == nil {
			err = c.importTable(m)
		}
		return m, content, nil, false, err
	}
	switch ret.Which() {
	case rpc.Return_Which_results:
		payload, err := ret.Results()
		if err == nil {
			content, err = payload.Content()
		}
		if err == nil {
			err = c.importAll(payload, m)
		}
		return m, content, nil, false, err
	case rpc.Return_Which_exception:
		x, err := ret.Exception()
		if err == nil {
			outcome = readException(x)
		}
		return nil, noPtr, outcome, false, err
	case rpc.Return_Which_canceled:
		return nil, noPtr, failedf("the call was cancelled by the callee"), false, nil
	case rpc.Return_Which_takeFromOtherQuestion:
		call := c.answers.get(ret.TakeFromOtherQuestion())
		q.taken = true
		switch {
		case call == nil || !call.keepsResults || call.taker != nil:
			err = fmt.Errorf("answer %d keeps no results to take", ret.TakeFromOtherQuestion())
		case !call.returned:
			call.taker, q.from = q, call
			wait = true
		case call.answerErr != nil:
			outcome = call.answerErr
		default:
			results, content, outcome = copyMessage(call.answer, call.root)
		}
		return results, content, outcome, wait, err
	case rpc.Return_Which_resultsSentElsewhere:
		switch {
		case !q.leaves:
			return nil, noPtr, nil, false, fmt.Errorf("results were sent elsewhere, which was not asked for")
		case noFinish:
			return nil, noPtr, failedf("the results hold no objects"), false, nil
		}
		q.elsewhere = true
		q.leave()
		return nil, noPtr, nil, true, nil
	}
	return nil, noPtr, nil, false, fmt.Errorf("unknown kind of return %d", ret.Which())
}

// maxReason bounds the text of an exception in bytes, which goes into errors
// and logs, in both directions. What is longer is cut.
const maxReason = 64 << 10

func readReason(x rpc.Exception) (string, error) {
	b, err := x.ReasonBytes()
	return cutReason(b), err
}

func cutReason[T string | []byte](s T) string {
	if len(s) <= maxReason {
		return string(s)
	}
	return fmt.Sprintf("%s… (%d bytes in all)", string(s[:maxReason]), len(s))
}

func readException(x rpc.Exception) error {
	reason, err := readReason(x)
	if err != nil {
		reason = "unreadable reason: " + err.Error()
	}
	return &Exception{ExceptionType(x.Type()), reason}
}

func (c *Conn) handleFinish(id uint32, releaseCaps bool) {
	c.mu.Lock()
	call := c.answers.get(id)
	if call == nil || call.finished {
		// One for a return that needed none is allowed.
		c.mu.Unlock()
		return
	}
	if !call.returned {
		call.finished = true
		// The call goes on for what is made of parts of its results: calls on them, and
		// references to them that were given.
		parts := slices.Clone(call.pipelines)
		c.mu.Unlock()
		if len(parts) == 0 {
			call.giveUp()
		}
		releaseAll(parts)
		return
	}
	c.answers.remove(id)
	c.held -= call.held
	var few fewCaps
	dropped := few[:0]
	if releaseCaps {
		dropped = c.releaseExports(call.resultIDs, dropped)
	}
	answer, pipelines := call.answer, call.pipelines
	call.answer, call.pipelines, call.resultIDs = nil, nil, nil
	gone := call.dropTail()
	c.mu.Unlock()
	answer.release()
	if gone != nil {
		gone.recycle()
	}
	releaseAll(pipelines)
	releaseAll(dropped)
}

func (c *Conn) handleRelease(id, n uint32) error {
	c.mu.Lock()
	dropped, ok := c.releaseExport(id, n)
	c.mu.Unlock()
	if !ok {
		return protocolError("release: export %d has not %d references", id, n)
	}
	dropped.Release()
	return nil
}

func (c *Conn) handleResolve(m *message) error {
	r, err := m.root.Resolve()
	if err != nil {
		return protocolError("resolve: %v", err)
	}
	var target *Cap
	reflected := false
	c.mu.Lock()
	p := c.imports.get(r.PromiseId())
	switch r.Which() {
	case rpc.Resolve_Which_cap:
		var d rpc.CapDescriptor
		if d, err = r.Cap(); err == nil {
			target, err = c.importCap(d)
			reflected = ofReceiver(d.Which())
		}
	case rpc.Resolve_Which_exception:
		var x rpc.Exception
		if x, err = r.Exception(); err == nil {
			target = NewBroken(readException(x))
		}
	default:
		err = fmt.Errorf("unknown kind %d", r.Which())
	}
	if err == nil && p != nil && !p.isPromise(importedPromise) {
		err = fmt.Errorf("import %d is no promise", r.PromiseId())
	}
	if err == nil && p != nil && (target == p || target != nil && target.reaches(p)) {
		err = fmt.Errorf("promise %d resolves to itself", r.PromiseId())
	}
	known := p != nil && p.TryRef()
	c.mu.Unlock()
	if err != nil || !known { // not known: released meanwhile
		target.Release()
		if known {
			p.Release()
		}
		if err != nil {
			return protocolError("resolve: %v", err)
		}
		return nil
	}
	p.resolve(target, reflected)
	p.Release()
	return nil
}

// reaches says whether following the resolved promises of this connection from
// c leads to p, under conn.mu.
func (c *Cap) reaches(p *Cap) bool {
	conn := p.connection()
	for c != nil && c != p {
		state := c.promise()
		if state == nil || state.conn != conn {
			break
		}
		c = state.target
	}
	return c == p
}

func (c *Conn) handleDisembargo(m *message) error {
	d, err := m.root.Disembargo()
	if err != nil {
		return protocolError("disembargo: %v", err)
	}
	switch ctx := d.Context(); ctx.Which() {
	case rpc.Disembargo_context_Which_senderLoopback:
		to, err := d.Target()
		if err != nil {
			return protocolError("disembargo: %v", err)
		}
		c.mu.Lock()
		cap, refuse, err := c.target(to)
		c.mu.Unlock()
		if err == nil {
			err = refuse
		}
		if err != nil {
			return protocolError("disembargo: %v", err)
		}
		err = c.loopBack(cap, ctx.SenderLoopback())
		cap.Release()
		return err
	case rpc.Disembargo_context_Which_receiverLoopback:
		id := ctx.ReceiverLoopback()
		c.mu.Lock()
		p := c.embargoes.get(id)
		if p != nil {
			c.embargoes.remove(id)
		}
		c.mu.Unlock()
		if p == nil {
			return protocolError("disembargo: no embargo has id %d", id)
		}
		p.deliverHeld()
		p.Release()
		return nil
	}
	c.echo(m)
	return nil
}

// loopBack answers a disembargo once all that came before it has been passed
// on. target, borrowed, leads to what the peer knows to be one of its own objects
// or promises. What that has become since does not matter: the peer sees us send
// back to it what came for target.
func (c *Conn) loopBack(target *Cap, id uint32) error {
	for target != nil {
		p := target.promise()
		if p == nil {
			break
		}
		p.conn.mu.Lock() // promises of other connections can lead here too
		next, holding := p.target, p.holding
		tooMuch := holding && c.disembargoes.Load() >= int64(c.opts.MaxCalls)
		if holding && !tooMuch {
			c.disembargoes.Add(1)
			target.hold(delivery{embargo: id, from: c})
		}
		p.conn.mu.Unlock()
		switch {
		case tooMuch:
			return protocolError("disembargo: too much waits for its target")
		case holding:
			return nil
		case next == nil, target.ofPeer(c):
			return c.answerDisembargo(target, id)
		}
		target = next
	}
	return c.answerDisembargo(target, id)
}

// loopBackHeld is loopBack for a disembargo that waited for promise target.
func (c *Conn) loopBackHeld(target *Cap, id uint32) error {
	c.disembargoes.Add(-1)
	if target.ofPeer(c) {
		return c.answerDisembargo(target, id)
	}
	return c.loopBack(target.promise().target, id)
}

// answerDisembargo tells the peer that all that it sent by way of us to target,
// an object or promise of its own, is on its way back.
func (c *Conn) answerDisembargo(target *Cap, id uint32) error {
	if !target.ofPeer(c) {
		return protocolError("disembargo: its target is not an object of the sender")
	}
	m := newMessage()
	d, err := m.root.NewDisembargo()
	c.mu.Lock()
	if err == nil {
		d.Context().SetReceiverLoopback(id)
		var to rpc.MessageTarget
		if to, err = d.NewTarget(); err == nil {
			err = setTarget(to, target)
		}
	}
	if err != nil {
		c.mu.Unlock()
		m.release()
		return err
	}
	c.queue(m)
	c.flushLocked(flushNoWait)
	return nil
}

func (c *Conn) handleBootstrap(m *message) error {
	b, err := m.root.Bootstrap()
	if err != nil {
		return protocolError("bootstrap: %v", err)
	}
	call := &Call{conn: c, id: b.QuestionId()}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return nil
	}
	if c.answers.get(call.id) != nil {
		c.mu.Unlock()
		return protocolError("bootstrap: question id %d is in use", call.id)
	}
	if err := c.enter(call); err != nil {
		c.mu.Unlock()
		return err
	}
	object := c.bootstrap.AddRef()
	c.mu.Unlock()
	if object == nil {
		call.Fail(failedf("this side offers no bootstrap object"))
		return nil
	}
	call.returnCap(object)
	return nil
}

// handleUnimplemented takes back what the peer does not understand.
func (c *Conn) handleUnimplemented(m *message) error {
	u, err := m.root.Unimplemented()
	if err != nil {
		return protocolError("unimplemented: %v", err)
	}
	switch u.Which() {
	case rpc.Message_Which_call, rpc.Message_Which_bootstrap:
		id := uint32(0)
		if u.Which() == rpc.Message_Which_call {
			call, err := u.Call()
			if err != nil {
				return protocolError("unimplemented: %v", err)
			}
			id = call.QuestionId()
		} else {
			b, err := u.Bootstrap()
			if err != nil {
				return protocolError("unimplemented: %v", err)
			}
			id = b.QuestionId()
		}
		c.mu.Lock()
		q := c.awaited(id)
		if q == nil {
			c.mu.Unlock()
			return protocolError("unimplemented: no question has id %d", id)
		}
		if q.leaves {
			c.mu.Unlock()
			return protocolError("the peer does not implement tail calls, which it was said to")
		}
		var few fewCaps
		dropped := c.releaseExports(q.exported, few[:0])
		q.exported = q.exported[:0]
		c.forget(q)
		if q.finished {
			c.abandoned--
		}
		c.mu.Unlock()
		releaseAll(dropped)
		q.deliver(nil, noPtr, &Exception{Unimplemented, "the peer's RPC system does not implement this"})
	case rpc.Message_Which_resolve:
		// The peer will not use what the promise became: drop it.
		r, err := u.Resolve()
		if err != nil {
			return protocolError("unimplemented: %v", err)
		}
		if r.Which() != rpc.Resolve_Which_cap {
			return nil
		}
		d, err := r.Cap()
		if err != nil {
			return protocolError("unimplemented: %v", err)
		}
		var id uint32
		switch d.Which() {
		case rpc.CapDescriptor_Which_senderHosted:
			id = d.SenderHosted()
		case rpc.CapDescriptor_Which_senderPromise:
			id = d.SenderPromise()
		default:
			return nil
		}
		c.mu.Lock()
		dropped, ok := c.releaseExport(id, 1)
		c.mu.Unlock()
		if !ok {
			return protocolError("unimplemented: no export has id %d", id)
		}
		dropped.Release()
	case rpc.Message_Which_release, rpc.Message_Which_finish:
		return protocolError("the peer does not implement a message that every peer must")
	}
	return nil
}

func (c *Conn) handleAbort(m *message) {
	reason := "no reason given"
	if x, err := m.root.Abort(); err == nil {
		if s, err := readReason(x); err == nil {
			reason = s
		}
	}
	c.end(fmt.Errorf("aborted by the peer: %s", reason), nil)
}

// echo sends a message back that we do not implement.
func (c *Conn) echo(m *message) {
	reply := newMessage()
	// Pointers to the same data, over and over, would make much of a small one.
	const factor, anyway = 8, 64 << 10
	m.msg.ResetReadLimit(factor*uint64(m.size()) + anyway)
	err := checkDepth(capnp.Struct(m.root).ToPtr())
	if err == nil {
		err = reply.root.SetUnimplemented(m.root)
	}
	if err != nil {
		reply.release()
		c.abort(fmt.Sprintf("unreadable message: %v", err))
		return
	}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		reply.release()
		return
	}
	c.queue(reply)
	c.flushLocked(flushNoWait)
}
