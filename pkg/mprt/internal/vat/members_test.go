package vat

import (
	"errors"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// What a peer may say that our own side says seldom or never, and how it is taken: the rest of rpc.capnp's members are
// in other tests (docs/reliability.md has a table).

// expectReturn reads the next message, which must be the return of a question.
func (p *passingPeer) expectReturn(id uint32, kind rpc.Return_Which) rpc.Return {
	p.t.Helper()
	r, err := p.expect(rpc.Message_Which_return).Return()
	if err != nil || r.AnswerId() != id || r.Which() != kind {
		p.t.Fatalf("return of %d: %v, not %d: %v; %v", r.AnswerId(), r.Which(), id, kind, err)
	}
	return r
}

// given has the peer give our object a capability, which is returned as the object has it.
func (p *tailedPeer) given(describe func(rpc.CapDescriptor) error) *Cap {
	p.t.Helper()
	p.send(bootstrapMessage)
	p.expectReturn(tailedBoot, rpc.Return_Which_results)
	p.send(callMessage(tailedEcho, tailedBoot, 1, describe))
	c := <-p.kept
	p.expectReturn(tailedEcho, rpc.Return_Which_results)
	p.conn.flush(flushNoWait)
	return c
}

// callOn calls a capability and expects the call at one of the peer's.
func (p *tailedPeer) callOn(c *Cap, id uint32) *Question {
	p.t.Helper()
	q, err := NewQuestion(c, 1, 0, size11)
	if err != nil {
		p.t.Fatal(err)
	}
	q.Send()
	p.conn.flush(flushNoWait)
	call, _ := p.expectCall()
	to, err := call.Target()
	if err != nil || to.Which() != rpc.MessageTarget_Which_importedCap || to.ImportedCap() != id {
		p.t.Fatalf("call on %v: %v", to, err)
	}
	return q
}

func (p *tailedPeer) expectRelease(id, n uint32) {
	p.t.Helper()
	p.conn.flush(flushNoWait)
	r, err := p.expect(rpc.Message_Which_release).Release()
	if err != nil || r.Id() != id || r.ReferenceCount() != n {
		p.t.Fatalf("release of %d of %d, not %d of %d: %v", r.ReferenceCount(), r.Id(), n, id, err)
	}
}

// An object that a third party hosts is called through its vine.
func TestThirdPartyHosted(t *testing.T) {
	p := newTailedPeer(t)
	c := p.given(func(d rpc.CapDescriptor) error {
		tp, err := d.NewThirdPartyHosted()
		tp.SetVineId(33)
		return err
	})
	q := p.callOn(c, 33)
	p.send(returnMessage(q.id, func(r rpc.Return) error { _, err := r.NewResults(); return err }))
	if err := q.Wait(t.Context(), nil); err != nil {
		t.Error(err)
	}
	id := q.id
	q.Release()
	p.conn.flush(flushNoWait)
	p.expectFinish(id)
	c.Release()
	p.expectRelease(33, 1)
}

// A return that needs no Finish gets none, and its number is free.
func TestNoFinishNeeded(t *testing.T) {
	p := newTailedPeer(t)
	c := p.given(func(d rpc.CapDescriptor) error { d.SetSenderHosted(7); return nil })
	for range 3 {
		q := p.callOn(c, 7) // whatever else were said would come before it
		if q.id != 0 {
			t.Error("question", q.id)
		}
		p.send(returnMessage(q.id, func(r rpc.Return) error {
			r.SetNoFinishNeeded(true)
			_, err := r.NewResults()
			return err
		}))
		if err := q.Wait(t.Context(), nil); err != nil {
			t.Error(err)
		}
		q.Release()
	}
	c.Release()
	p.expectRelease(7, 1)
}

// Of an exception nothing is left to pipeline on, so that a caller who does not do so need not finish it.
func TestNoPromisePipelining(t *testing.T) {
	p := newTailedPeer(t)
	p.send(bootstrapMessage)
	p.expectReturn(tailedBoot, rpc.Return_Which_results)
	null := func(id uint32, set func(rpc.Call)) {
		p.send(func(m rpc.Message) error {
			err := callMessage(id, 4711, 0, nil)(m) // on an answer that there is not
			c, err2 := m.Call()
			set(c)
			return errors.Join(err, err2)
		})
	}
	null(1, func(c rpc.Call) { c.SetNoPromisePipelining(true) })
	if r := p.expectReturn(1, rpc.Return_Which_exception); !r.NoFinishNeeded() {
		t.Error("an exception that nobody pipelines on needs a Finish")
	}
	null(1, func(rpc.Call) {})
	if r := p.expectReturn(1, rpc.Return_Which_exception); r.NoFinishNeeded() {
		t.Error("an exception that others may pipeline on needs no Finish")
	}
	p.send(finishMessage(1))
	// The others ask for less than every call gets, or offer what we do not take.
	for _, set := range []func(rpc.Call){
		func(c rpc.Call) { c.SetOnlyPromisePipeline(true) },
		func(c rpc.Call) { c.SetAllowThirdPartyTailCall(true) },
	} {
		null(1, set)
		p.expectReturn(1, rpc.Return_Which_exception)
		p.send(finishMessage(1))
	}
}

// A promise that is resolved when it has been released: what it became is released, too.
func TestResolveOfReleasedPromise(t *testing.T) {
	p := newTailedPeer(t)
	c := p.given(func(d rpc.CapDescriptor) error { d.SetSenderPromise(5); return nil })
	c.Release()
	p.expectRelease(5, 1)
	p.send(func(m rpc.Message) error {
		r, err := m.NewResolve()
		r.SetPromiseId(5)
		d, err2 := r.NewCap()
		d.SetSenderHosted(6)
		return errors.Join(err, err2)
	})
	p.expectRelease(6, 1)
}

// A promise that the peer breaks.
func TestResolveToException(t *testing.T) {
	p := newTailedPeer(t)
	c := p.given(func(d rpc.CapDescriptor) error { d.SetSenderPromise(5); return nil })
	broken := make(chan struct{})
	c.WhenResolved(func(*Cap) { close(broken) })
	p.send(func(m rpc.Message) error {
		r, err := m.NewResolve()
		r.SetPromiseId(5)
		x, err2 := r.NewException()
		x.SetType(rpc.Exception_Type_overloaded)
		return errors.Join(err, err2, x.SetReason("no room"))
	})
	<-broken
	var x *Exception
	if err := c.Broken(); !errors.As(err, &x) || *x != (Exception{Overloaded, "no room"}) {
		t.Error(err)
	}
	c.Release()
	p.expectRelease(5, 1)
}

// References are counted: one that a return gives back need not be released any more, and the rest go at once.
func TestReferenceCount(t *testing.T) {
	p := newTailedPeer(t)
	p.send(bootstrapMessage)
	p.expectReturn(tailedBoot, rpc.Return_Which_results)
	const id, entries = 1, 5
	p.send(func(m rpc.Message) error {
		err := callMessage(id, tailedBoot, 1, nil)(m)
		c, err2 := m.Call()
		params, err3 := c.Params()
		table, err4 := params.NewCapTable(entries)
		for i := range entries {
			table.At(i).SetSenderHosted(7)
		}
		content, err5 := params.Content()
		err6 := content.Struct().SetPtr(0, capnp.NewInterface(params.Segment(), 0).ToPtr())
		return errors.Join(err, err2, err3, err4, err5, err6)
	})
	first := <-p.kept
	if r := p.expectReturn(id, rpc.Return_Which_results); r.ReleaseParamCaps() {
		t.Error("what is kept is given back")
	}
	p.send(callMessage(id, tailedBoot, 1, func(d rpc.CapDescriptor) error { d.SetSenderHosted(7); return nil }))
	second := <-p.kept
	if r := p.expectReturn(id, rpc.Return_Which_results); !r.ReleaseParamCaps() {
		t.Error("what others are kept of is not given back")
	}
	first.Release()
	second.Release()
	p.expectRelease(7, entries)
}

// A peer that does not understand Resolve drops what the promise became, and says so.
func TestUnimplementedResolve(t *testing.T) {
	p := newTailedPeer(t)
	later := make(chan *Call, 1)
	keeper := NewServer(keepingServer{newFuncServer(echo), later})
	defer keeper.Release()
	q, err := NewQuestion(keeper, 1, 1, size11)
	if err != nil {
		t.Fatal(err)
	}
	q.Send()
	promise := q.Pipeline(0)
	target := p.given(func(d rpc.CapDescriptor) error { d.SetSenderHosted(7); return nil })
	defer target.Release()
	give, err := NewQuestion(target, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	if err := give.Params().SetPtr(0, give.AddCap(promise)); err != nil {
		t.Fatal(err)
	}
	give.Send()
	p.conn.flush(flushNoWait)
	call, params := p.expectCall()
	table, err := params.CapTable()
	if err != nil || table.At(0).Which() != rpc.CapDescriptor_Which_senderPromise {
		t.Fatal(table, err)
	}
	object := newFuncServer(echo)
	c := <-later
	results, err := c.Results(size11)
	if err == nil {
		err = results.SetPtr(0, c.AddCap(NewServer(object)))
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Return()
	q.Release()
	m := p.expect(rpc.Message_Which_resolve)
	p.send(func(reply rpc.Message) error { return reply.SetUnimplemented(m) })
	// The promise is still an export; the peer lets go of it by its call.
	p.send(returnMessage(call.QuestionId(), func(r rpc.Return) error { _, err := r.NewResults(); return err }))
	if err := give.Wait(t.Context(), nil); err != nil {
		t.Error(err)
	}
	give.Release()
	<-object.dropped
}

// Types of exceptions arrive as they are, both ways; what else is in one is not looked at.
func TestExceptionTypes(t *testing.T) {
	p := newTailedPeer(t)
	c := p.given(func(d rpc.CapDescriptor) error { d.SetSenderHosted(7); return nil })
	defer c.Release()
	for want := Failed; want <= Unimplemented; want++ {
		q := p.callOn(c, 7)
		p.send(returnMessage(q.id, func(r rpc.Return) error {
			r.SetNoFinishNeeded(true)
			x, err := r.NewException()
			x.SetType(rpc.Exception_Type(want))
			x.SetObsoleteIsCallersFault(true)
			details, err2 := x.NewDetails(1)
			return errors.Join(err, err2, x.SetTrace("trace"), x.SetReason("reason"), details.At(0).SetData([]byte{1}))
		}))
		var x *Exception
		if err := q.Wait(t.Context(), nil); !errors.As(err, &x) || *x != (Exception{want, "reason"}) {
			t.Error(want, err)
		}
		q.Release()
	}
	server := newFuncServer(func(call *Call) error {
		return &Exception{ExceptionType(call.Params.Uint64(0)), "reason"}
	})
	client, _ := pair(t, server, nil)
	boot := client.Bootstrap()
	defer boot.Release()
	for want := Failed; want <= Unimplemented; want++ {
		var x *Exception
		if _, err := ask(t.Context(), boot, 0, uint64(want)); !errors.As(err, &x) || *x != (Exception{want, "reason"}) {
			t.Error(want, err)
		}
	}
}

// A transform may have steps that do nothing.
func TestNoop(t *testing.T) {
	p := newTailedPeer(t)
	p.send(bootstrapMessage)
	p.expectReturn(tailedBoot, rpc.Return_Which_results)
	p.send(callMessage(tailedEcho, tailedBoot, 0, func(d rpc.CapDescriptor) error { d.SetReceiverHosted(0); return nil }))
	p.expectReturn(tailedEcho, rpc.Return_Which_results)
	p.send(func(m rpc.Message) error {
		err := callMessage(tailedCall, tailedEcho, 0, nil)(m)
		c, err2 := m.Call()
		to, err3 := c.Target()
		pa, err4 := to.PromisedAnswer()
		ops, err5 := pa.NewTransform(3)
		ops.At(1).SetGetPointerField(0) // between two that do nothing
		return errors.Join(err, err2, err3, err4, err5)
	})
	p.expectReturn(tailedCall, rpc.Return_Which_results)
}

// Who was told what a promise is, and has let go of it, would wait for that again if it were given the promise once more: it
// is given the object.
func TestResolvedPromiseIsGivenAsObject(t *testing.T) {
	p := newPassingPeer(t)
	p.expect(rpc.Message_Which_bootstrap)
	promise := newPromise(queuedPromise, loopback)
	defer promise.Release()
	give := func() rpc.CapDescriptor {
		q, part := passes(t, p.boot, promise)
		part.Release()
		p.conn.flush(flushNoWait)
		_, params := p.expectCall()
		q.Release()
		p.conn.flush(flushNoWait)
		p.expect(rpc.Message_Which_finish)
		table, err := params.CapTable()
		if err != nil {
			t.Fatal(err)
		}
		return table.At(0)
	}
	if d := give(); d.Which() != rpc.CapDescriptor_Which_senderPromise {
		t.Fatal(d)
	}
	promise.resolve(NewServer(newFuncServer(echo)), false)
	r, err := p.expect(rpc.Message_Which_resolve).Resolve()
	if err != nil {
		t.Fatal(err)
	}
	became, err := r.Cap()
	if err != nil {
		t.Fatal(err)
	}
	if d := give(); d.Which() != rpc.CapDescriptor_Which_senderHosted || d.SenderHosted() != became.SenderHosted() {
		t.Fatal(d)
	}
}
