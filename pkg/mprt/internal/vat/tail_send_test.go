package vat

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// tailedPeer is a peer whose calls on its own object we pass back to it, and answer with those.
type tailedPeer struct {
	*passingPeer
	kept chan *Cap // by method 1 of our object; method 0 returns its param
}

// The peer's numbers: its question for our object, the one that passes its own object through ours, and the call on what
// comes back.
const (
	tailedBoot = iota
	tailedEcho
	tailedCall
	tailedNext
	tailedLast

	tailedObject = 7
)

func newTailedPeer(t *testing.T) *tailedPeer {
	near, far := socketPair(t)
	p := &tailedPeer{&passingPeer{t: t, nc: far, in: capnp.NewDecoder(far)}, make(chan *Cap, 1)}
	p.conn = New(near, NewServer(newFuncServer(func(call *Call) error {
		if call.MethodID == 1 {
			p.kept <- param(call).AddRef()
			return nil
		}
		return returnsParam(call)
	})), Options{TailCalls: true})
	p.conn.Start()
	t.Cleanup(func() {
		p.conn.Close()
		far.Close()
	})
	return p
}

func bootstrapMessage(m rpc.Message) error {
	b, err := m.NewBootstrap()
	b.SetQuestionId(tailedBoot)
	return err
}

// callMessage is a call on the first part of an answer, with a capability as its only param if describe is not nil.
func callMessage(id, on uint32, method uint16, describe func(rpc.CapDescriptor) error) func(rpc.Message) error {
	return func(m rpc.Message) error {
		c, err := m.NewCall()
		c.SetQuestionId(id)
		c.SetInterfaceId(1)
		c.SetMethodId(method)
		to, err2 := c.NewTarget()
		pa, err3 := to.NewPromisedAnswer()
		err = errors.Join(err, err2, err3, partMessage(pa, on))
		params, err2 := c.NewParams()
		content, err3 := capnp.NewStruct(params.Segment(), size11)
		err = errors.Join(err, err2, err3, params.SetContent(content.ToPtr()))
		if describe == nil || err != nil {
			return err
		}
		table, err := params.NewCapTable(1)
		return errors.Join(err, describe(table.At(0)), content.SetPtr(0, capnp.NewInterface(params.Segment(), 0).ToPtr()))
	}
}

// partMessage names the first pointer in an answer, and a bootstrap's answer itself.
func partMessage(pa rpc.PromisedAnswer, answer uint32) error {
	pa.SetQuestionId(answer)
	if answer == tailedBoot {
		return nil
	}
	ops, err := pa.NewTransform(1)
	if err == nil {
		ops.At(0).SetGetPointerField(0)
	}
	return err
}

// partParam describes what the answer to a call has returned.
func partParam(answer uint32) func(rpc.CapDescriptor) error {
	return func(d rpc.CapDescriptor) error {
		pa, err := d.NewReceiverAnswer()
		return errors.Join(err, partMessage(pa, answer))
	}
}

// disembargoMessage follows calls on the first part of an answer.
func disembargoMessage(id, answer uint32) func(rpc.Message) error {
	return func(m rpc.Message) error {
		d, err := m.NewDisembargo()
		d.Context().SetSenderLoopback(id)
		to, err2 := d.NewTarget()
		pa, err3 := to.NewPromisedAnswer()
		return errors.Join(err, err2, err3, partMessage(pa, answer))
	}
}

// loopbackMessage answers a disembargo of ours.
func loopbackMessage(id uint32) func(rpc.Message) error {
	return func(m rpc.Message) error {
		d, err := m.NewDisembargo()
		d.Context().SetReceiverLoopback(id)
		_, err2 := d.NewTarget()
		return errors.Join(err, err2)
	}
}

// homeMessage has a promise become an object of ours.
func homeMessage(promise, export uint32) func(rpc.Message) error {
	return func(m rpc.Message) error {
		r, err := m.NewResolve()
		r.SetPromiseId(promise)
		d, err2 := r.NewCap()
		d.SetReceiverHosted(export)
		return errors.Join(err, err2)
	}
}

// expectEmbargo reads a disembargo of ours, and returns its number.
func (p *passingPeer) expectEmbargo() uint32 {
	p.t.Helper()
	d, err := p.expect(rpc.Message_Which_disembargo).Disembargo()
	if err != nil || d.Context().Which() != rpc.Disembargo_context_Which_senderLoopback {
		p.t.Fatal(d, err)
	}
	return d.Context().SenderLoopback()
}

// expectLoopback reads the answer to a disembargo of the peer's.
func (p *passingPeer) expectLoopback(id uint32) rpc.Disembargo {
	p.t.Helper()
	d, err := p.expect(rpc.Message_Which_disembargo).Disembargo()
	if err != nil || d.Context().Which() != rpc.Disembargo_context_Which_receiverLoopback || d.Context().ReceiverLoopback() != id {
		p.t.Fatal(d, err)
	}
	return d
}

func finishMessage(id uint32) func(rpc.Message) error {
	return func(m rpc.Message) error {
		f, err := m.NewFinish()
		f.SetQuestionId(id)
		return err
	}
}

func returnMessage(id uint32, fill func(rpc.Return) error) func(rpc.Message) error {
	return func(m rpc.Message) error {
		r, err := m.NewReturn()
		r.SetAnswerId(id)
		return errors.Join(err, fill(r))
	}
}

func sentElsewhere(r rpc.Return) error { r.SetResultsSentElsewhere(); return nil }

// expectTail reads a call that leaves its results with the peer, and the return of the peer's question id that says so. It
// returns the call with its number.
func (p *tailedPeer) expectTail(id uint32) (rpc.Call, uint32) {
	p.t.Helper()
	c, _ := p.expectCall()
	if c.SendResultsTo().Which() != rpc.Call_sendResultsTo_Which_yourself {
		p.t.Fatal(c.SendResultsTo().Which())
	}
	r, err := p.expect(rpc.Message_Which_return).Return()
	if err != nil {
		p.t.Fatal(err)
	}
	if r.AnswerId() != id || r.Which() != rpc.Return_Which_takeFromOtherQuestion || r.TakeFromOtherQuestion() != c.QuestionId() || r.NoFinishNeeded() {
		p.t.Fatal(r)
	}
	return c, c.QuestionId()
}

// tailed has the peer make a call on its own object through ours, and returns the number that it comes back under.
func (p *tailedPeer) tailed() uint32 {
	p.t.Helper()
	p.send(bootstrapMessage)
	p.expect(rpc.Message_Which_return)
	p.send(callMessage(tailedEcho, tailedBoot, 0, func(d rpc.CapDescriptor) error {
		d.SetSenderHosted(tailedObject)
		return nil
	}))
	p.expect(rpc.Message_Which_return)
	p.send(callMessage(tailedCall, tailedEcho, 5, nil))
	c, id := p.expectTail(tailedCall)
	to, err := c.Target()
	if err != nil || to.Which() != rpc.MessageTarget_Which_importedCap || to.ImportedCap() != tailedObject || c.MethodId() != 5 {
		p.t.Fatal(c, err)
	}
	return id
}

// expectOnPart reads a tail call for question id on the first part of the results of another of ours.
func (p *tailedPeer) expectOnPart(id, of uint32) uint32 {
	p.t.Helper()
	c, next := p.expectTail(id)
	to, err := c.Target()
	p.expectTarget(of, to, err)
	return next
}

// left waits until we have no more than so many questions.
func (p *passingPeer) left(questions int) { left(p.conn, questions) }

func left(c *Conn, questions int) {
	for {
		c.mu.Lock()
		n := c.questions.len()
		c.mu.Unlock()
		if n == questions {
			return
		}
		runtime.Gosched()
	}
}

// A call that comes back to who made it is answered with the one that goes on to it. Calls on its results go the same way
// as long as the caller has not finished it, and then it is finished, too.
func TestTailCallSent(t *testing.T) {
	p := newTailedPeer(t)
	first := p.tailed()
	p.send(callMessage(tailedNext, tailedCall, 0, nil))
	next := p.expectOnPart(tailedNext, first)
	p.send(returnMessage(first, sentElsewhere))
	p.send(callMessage(tailedLast, tailedCall, 0, nil))
	last := p.expectOnPart(tailedLast, first)
	// A disembargo follows the calls round.
	p.send(disembargoMessage(9, tailedCall))
	to, err := p.expectLoopback(9).Target()
	p.expectTarget(first, to, err)

	p.send(returnMessage(next, sentElsewhere))
	p.send(finishMessage(tailedCall))
	p.expectFinish(first)
	// Given up before it has returned.
	p.send(finishMessage(tailedLast))
	p.expectFinish(last)
	p.left(2)
	p.send(returnMessage(last, func(r rpc.Return) error { r.SetCanceled(); return nil }))
	p.left(1)
	p.send(finishMessage(tailedNext))
	p.expectFinish(next)
	p.left(0)
}

// What a handler keeps of the results outlives the caller's Finish.
func TestPartOfTailCallIsKept(t *testing.T) {
	p := newTailedPeer(t)
	first := p.tailed()
	p.send(callMessage(tailedNext, tailedBoot, 1, partParam(tailedCall)))
	part := <-p.kept
	p.expect(rpc.Message_Which_return)
	p.send(returnMessage(first, sentElsewhere))
	p.send(finishMessage(tailedCall))
	// Also when it goes back: it is known by the answer that it is a part of.
	p.send(callMessage(tailedLast, tailedBoot, 0, partParam(tailedEcho)))
	p.expect(rpc.Message_Which_return)
	q, err := NewQuestion(part, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	q.Send()
	p.conn.flush(flushNoWait)
	c, _ := p.expectCall()
	if c.SendResultsTo().Which() != rpc.Call_sendResultsTo_Which_caller {
		t.Error("a call of our own leaves its results with the peer")
	}
	to, err := c.Target()
	p.expectTarget(first, to, err)
	q.Release()
	p.conn.flush(flushNoWait)
	p.expectFinish(c.QuestionId())
	part.Release()
	p.conn.flush(flushNoWait)
	p.expectFinish(first)
}

// However many parts of the results the peer names, no more are made than of an answer that is to come.
func TestPartsOfTailCallAreBounded(t *testing.T) {
	p := newTailedPeer(t)
	first := p.tailed()
	const parts = maxPipelines + 10
	p.send(func(m rpc.Message) error {
		err := callMessage(tailedNext, tailedBoot, 1, nil)(m)
		c, err2 := m.Call()
		params, err3 := c.Params()
		table, err4 := params.NewCapTable(parts)
		err = errors.Join(err, err2, err3, err4)
		for i := range parts {
			pa, err2 := table.At(i).NewReceiverAnswer()
			err = errors.Join(err, err2, partMessage(pa, tailedCall))
			ops, err2 := pa.Transform()
			ops.At(0).SetGetPointerField(uint16(i))
			err = errors.Join(err, err2)
		}
		content, err2 := params.Content()
		return errors.Join(err, err2, content.Struct().SetPtr(0, capnp.NewInterface(params.Segment(), parts-1).ToPtr()))
	})
	last := <-p.kept
	defer last.Release()
	var x *Exception
	if err := last.Broken(); !errors.As(err, &x) || x.Type != Overloaded {
		t.Error(err)
	}
	p.expect(rpc.Message_Which_return)
	p.send(returnMessage(first, sentElsewhere))
	p.send(finishMessage(tailedCall))
	p.expectFinish(first)
	p.left(0)
}

// How the peer can end a call whose results it was to keep, other than by keeping them.
func TestTailCallEnds(t *testing.T) {
	for _, test := range []struct {
		name   string
		fill   func(rpc.Return) error
		reason string
	}{
		{"exception", func(r rpc.Return) error {
			x, err := r.NewException()
			return errors.Join(err, x.SetReason("it went wrong"))
		}, "it went wrong"},
		{"cancelled", func(r rpc.Return) error { r.SetCanceled(); return nil }, "the call was cancelled by the callee"},
		{"results", func(r rpc.Return) error { _, err := r.NewResults(); return err }, ErrNull.Error()},
		{"no finish needed", func(r rpc.Return) error {
			r.SetNoFinishNeeded(true)
			return sentElsewhere(r)
		}, "the results hold no objects"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newTailedPeer(t)
			first := p.tailed()
			p.send(returnMessage(first, test.fill))
			p.send(callMessage(tailedNext, tailedCall, 0, nil))
			for {
				msg, err := p.in.Decode()
				if err != nil {
					t.Fatal(err)
				}
				m, err := rpc.ReadRootMessage(msg)
				if err != nil {
					t.Fatal(err)
				}
				if m.Which() == rpc.Message_Which_finish {
					continue
				}
				r, err := m.Return()
				if err != nil {
					t.Fatal(err)
				}
				x, err := r.Exception()
				if err != nil {
					t.Fatal(err)
				}
				if reason, err := readReason(x); err != nil || reason != test.reason {
					t.Errorf("%q, not %q: %v", reason, test.reason, err)
				}
				break
			}
			p.left(0)
			p.send(finishMessage(tailedCall))
		})
	}
}

// What a peer must not do with such a call, and one that does not know it, which loses it.
func TestTailCallIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, reason string
		then         func(p *tailedPeer, first uint32)
	}{
		{"returned twice", "return: no question has id 0", func(p *tailedPeer, first uint32) {
			p.send(returnMessage(first, sentElsewhere))
			p.send(returnMessage(first, sentElsewhere))
		}},
		{"not implemented", "the peer does not implement tail calls, which it was said to", func(p *tailedPeer, first uint32) {
			p.send(func(m rpc.Message) error {
				u, err := m.NewUnimplemented()
				c, err2 := u.NewCall()
				c.SetQuestionId(first)
				return errors.Join(err, err2)
			})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newTailedPeer(t)
			test.then(p, p.tailed())
			if reason := readAbort(t, p.nc); reason != test.reason {
				t.Error(reason)
			}
			<-p.conn.Done()
		})
	}
}

// The session ends at each stage of a tail call, while a handler keeps a part of its results.
func TestTailCallEndsWithItsSession(t *testing.T) {
	for _, after := range []string{"the call", "its return", "its finish"} {
		t.Run("after "+after, func(t *testing.T) {
			p := newTailedPeer(t)
			first := p.tailed()
			p.send(callMessage(tailedNext, tailedBoot, 1, partParam(tailedCall)))
			part := <-p.kept
			if after != "the call" {
				p.send(returnMessage(first, sentElsewhere))
			}
			if after == "its finish" {
				p.send(finishMessage(tailedCall))
			}
			p.nc.Close()
			<-p.conn.Done()
			if err := part.Broken(); !errors.Is(err, ErrDisconnected) {
				t.Error(err)
			}
			part.Release()
		})
	}
}

// Two of our vats pass calls on to each other: the results arrive with what is in them, in order, and nothing is left.
func TestTailCallBetweenVats(t *testing.T) {
	a, b := socketPair(t)
	var tails atomic.Int64
	server := New(b, NewServer(newFuncServer(returnsParam)), Options{TailCalls: true, Trace: func(sent bool, m rpc.Message) {
		if m.Which() != rpc.Message_Which_return || !sent {
			return
		}
		if r, err := m.Return(); err == nil && r.Which() == rpc.Return_Which_takeFromOtherQuestion {
			tails.Add(1)
		}
	}})
	client := New(a, nil, Options{TailCalls: true})
	client.Start()
	server.Start()
	defer client.Close()
	defer server.Close()
	boot := known(client.Bootstrap())
	defer boot.Release()

	made := newFuncServer(echo)
	result := NewServer(made)
	object := newFuncServer(func(call *Call) error {
		if call.MethodID == 1 {
			return failedf("as it was asked to")
		}
		r, err := call.Results(size11)
		if err != nil {
			return err
		}
		r.SetUint64(0, call.Params.Uint64(0)+1)
		return r.SetPtr(0, call.AddCap(result.AddRef()))
	})
	c := NewServer(object)
	q, p := passes(t, boot, c)
	on := func(target *Cap, method uint16, n uint64) *Question {
		q, err := NewQuestion(target, 1, method, size11)
		if err != nil {
			t.Fatal(err)
		}
		q.Params().SetUint64(0, n)
		q.Send()
		return q
	}
	call := on(p, 0, 1)
	part := call.Pipeline(0)
	piped := []*Question{on(part, 0, 10), on(part, 0, 11)}
	fails, givenUp := on(p, 1, 0), on(p, 0, 5)
	givenUp.Release()
	// All of it is in one write: nobody has heard of a return.
	if err := call.Wait(t.Context(), nil); err != nil || call.Results().Uint64(0) != 2 {
		t.Fatal(call.Results().Uint64(0), err)
	}
	piped = append(piped, on(part, 0, 12))
	for i, q := range piped {
		if err := q.Wait(t.Context(), nil); err != nil || q.Results().Uint64(0) != uint64(10+i) {
			t.Fatal(i, q.Results().Uint64(0), err)
		}
		q.Release()
	}
	if err := fails.Wait(t.Context(), nil); err == nil || err.Error() != "as it was asked to" {
		t.Error(err)
	}
	if n := tails.Load(); n < 4 {
		t.Errorf("%d tail calls", n)
	}
	fails.Release()
	call.Release()
	q.Release()
	part.Release()
	p.Release()
	c.Release()
	result.Release()
	for _, gone := range []chan struct{}{made.dropped, object.dropped} {
		<-gone
	}
	for _, conn := range []*Conn{client, server} {
		for {
			conn.mu.Lock()
			n := conn.questions.len() + conn.answers.len() + conn.embargoes.len() + conn.held + conn.abandoned
			conn.mu.Unlock()
			if n == 0 {
				break
			}
			conn.flush(flushNoWait)
			runtime.Gosched()
		}
	}
}
