package vat

import (
	"errors"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// returnsParam is a method that returns the capability that it got.
func returnsParam(call *Call) error {
	r, err := call.Results(capnp.ObjectSize{PointerCount: 1})
	if err != nil {
		return err
	}
	return r.SetPtr(0, call.AddCap(param(call).AddRef()))
}

// counting answers how many calls there were before.
func counting() *funcServer {
	n := uint64(0)
	return newFuncServer(func(call *Call) error {
		r, err := call.Results(size11)
		if err == nil {
			r.SetUint64(0, n)
			n++
		}
		return err
	})
}

// passes calls a method of target with a capability, and returns the promise for the one in its results.
func passes(t *testing.T, target, c *Cap) (*Question, *Cap) {
	t.Helper()
	q, err := NewQuestion(target, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Params().SetPtr(0, q.AddCap(c.AddRef())); err != nil {
		t.Fatal(err)
	}
	q.Send()
	return q, q.Pipeline(0)
}

// inOrder makes calls on p, lets it be resolved and makes more. The function that it returns waits for them: they must
// arrive in that order.
func inOrder(t *testing.T, p *Cap, resolve func()) (wait func()) {
	t.Helper()
	var calls []*Question
	call := func() {
		q, err := NewQuestion(p, 1, 0, size11)
		if err != nil {
			t.Fatal(err)
		}
		q.Send()
		calls = append(calls, q)
	}
	for range 20 {
		call()
	}
	resolve()
	for range 20 {
		call()
	}
	return func() {
		for i, q := range calls {
			if err := q.Wait(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if n := q.Results().Uint64(0); n != uint64(i) {
				t.Fatalf("call %d arrives as number %d", i, n)
			}
			q.Release()
		}
	}
}

// A peer that returns a promise of ours sends back what is called through its answer, whatever the promise becomes, and
// whenever: an object of this side, of the peer's, or of another's.
func TestPromiseComesBack(t *testing.T) {
	ours := func(*Cap, *Cap) *Cap { return NewServer(counting()) }
	theirs := func(peers, _ *Cap) *Cap { return peers.AddRef() }
	others := func(_, others *Cap) *Cap { return others.AddRef() }
	for _, object := range []struct {
		name string
		of   func(peers, others *Cap) *Cap
	}{{"ours", ours}, {"theirs", theirs}, {"another's", others}} {
		for _, when := range []string{"before", "after", "much later"} {
			t.Run(object.name+" "+when, func(t *testing.T) {
				for range 50 {
					promiseComesBack(t, object.of, when)
				}
			})
		}
	}
}

func promiseComesBack(t *testing.T, of func(peers, others *Cap) *Cap, when string) {
	counter := NewServer(counting())
	defer counter.Release()
	conn, _ := pair(t, newFuncServer(func(call *Call) error {
		if call.MethodID == 1 {
			r, err := call.Results(size11)
			if err != nil {
				return err
			}
			return r.SetPtr(0, call.AddCap(counter.AddRef()))
		}
		return returnsParam(call)
	}), nil)
	defer conn.Close()
	other, _ := pair(t, counting(), nil)
	defer other.Close()
	echo := conn.Bootstrap()
	defer echo.Release()
	others := known(other.Bootstrap())
	defer others.Release()
	get, err := NewQuestion(echo, 1, 1, size11)
	if err != nil {
		t.Fatal(err)
	}
	get.Send()
	peers := known(get.Pipeline(0))
	defer peers.Release()
	get.Release()

	promise := newPromise(queuedPromise, loopback)
	q, p := passes(t, echo, promise)
	resolve := func() {
		promise.resolve(of(peers, others), false)
		promise.Release()
	}
	last := inOrder(t, p, func() {
		if when == "before" {
			resolve()
		}
		if err := q.Wait(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if when == "after" {
			resolve()
		}
	})
	if when == "much later" {
		resolve()
	}
	last()
	q.Release()
	p.Release()
}

// What leads to an object of the peer's again is not on the way that the calls before took.
func TestPromiseComesBackToItsOwner(t *testing.T) {
	p := newPassingPeer(t)
	p.expect(rpc.Message_Which_bootstrap)
	p.send(returnMessage(0, func(r rpc.Return) error {
		payload, err := r.NewResults()
		table, err2 := payload.NewCapTable(1)
		table.At(0).SetSenderHosted(9)
		return errors.Join(err, err2, payload.SetContent(capnp.NewInterface(payload.Segment(), 0).ToPtr()))
	}))
	theirs := known(p.boot.AddRef())
	promise := newPromise(queuedPromise, loopback)
	defer promise.Release()
	e := &embargoGame{t: t, p: p, object: promise}
	p.expectFinish(0)
	e.call()
	promise.resolve(theirs, false)
	p.expect(rpc.Message_Which_resolve)
	e.answer(rpc.CapDescriptor.SetReceiverHosted)
	id := p.expectEmbargo()
	p.expectFinish(e.id)
	call, err := NewQuestion(e.part, 1, 4, size11)
	if err != nil {
		t.Fatal(err)
	}
	call.Send()
	defer call.Release()
	p.send(loopbackMessage(id))
	c, _ := p.expectCall()
	to, err := c.Target()
	if err != nil || to.Which() != rpc.MessageTarget_Which_importedCap || to.ImportedCap() != 9 || c.MethodId() != 4 {
		t.Error(c, err)
	}
}

// A promise of the peer's that we have returned may have become anything since, on this side too, when a disembargo for it comes: it
// is answered, and in its turn.
func TestDisembargoOfFormerPromise(t *testing.T) {
	p := newTailedPeer(t)
	p.send(bootstrapMessage)
	p.expectReturn(tailedBoot, rpc.Return_Which_results)
	p.send(callMessage(tailedEcho, tailedBoot, 0, func(d rpc.CapDescriptor) error { d.SetSenderPromise(tailedObject); return nil }))
	p.expectReturn(tailedEcho, rpc.Return_Which_results)
	p.send(disembargoMessage(1, tailedEcho))
	p.expectLoopback(1)
	// It waits for a disembargo of ours, for a call went through it.
	p.send(callMessage(tailedCall, tailedEcho, 0, nil))
	_, id := p.expectTail(tailedCall)
	p.send(homeMessage(tailedObject, 0))
	embargo := p.expectEmbargo()
	p.send(callMessage(tailedNext, tailedEcho, 0, func(d rpc.CapDescriptor) error { d.SetNone(); return nil }))
	p.send(disembargoMessage(2, tailedEcho))
	p.send(loopbackMessage(embargo))
	// The call goes to the object before the disembargo is answered; it returns in its own time.
	seen := map[rpc.Message_Which]bool{p.next().Which(): true, p.next().Which(): true}
	if !seen[rpc.Message_Which_disembargo] || !seen[rpc.Message_Which_return] {
		t.Fatal(seen)
	}
	p.send(disembargoMessage(3, tailedEcho))
	p.expectLoopback(3)
	p.send(returnMessage(id, sentElsewhere))
}

// A promise of one peer's becomes an object of another's: calls that go there through the first must not be overtaken by
// those that go there directly.
func TestPromiseBecomesAnothersObject(t *testing.T) {
	for range 50 {
		through, _ := pair(t, newFuncServer(returnsParam), nil)
		to, _ := pair(t, counting(), nil)
		echo, object := through.Bootstrap(), known(to.Bootstrap())
		q, p := passes(t, echo, object)
		inOrder(t, p, func() {
			if err := q.Wait(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		})()
		q.Release()
		p.Release()
		echo.Release()
		object.Release()
		through.Close()
		to.Close()
	}
}

// known waits until it is known what a promise is, and returns that in its place.
func known(promise *Cap) *Cap {
	object := make(chan *Cap, 1)
	promise.WhenResolved(func(c *Cap) { object <- c.AddRef() })
	defer promise.Release()
	return <-object
}

// Calls that were made through a promise may still be on their way when what it became is known to be here or on another
// connection: then a disembargo has to follow them.
func TestEmbargo(t *testing.T) {
	other, _ := pair(t, newFuncServer(echo), nil)
	ours := func() *Cap { return NewServer(newFuncServer(echo)) }
	promised := func(d rpc.CapDescriptor, _ uint32) { d.SetSenderPromise(5) }
	unknown := func() *Cap { return newPromise(queuedPromise, loopback) }
	for _, test := range []struct {
		name   string
		object func() *Cap
		// result is what the peer returns, of which we have an export.
		result func(d rpc.CapDescriptor, export uint32)
		then   func(e *embargoGame)
	}{
		{"an object of ours", ours, rpc.CapDescriptor.SetReceiverHosted, (*embargoGame).expect},
		{"an object of another connection", func() *Cap { return known(other.Bootstrap()) }, rpc.CapDescriptor.SetReceiverHosted, (*embargoGame).expect},
		{"a promise of ours", unknown, rpc.CapDescriptor.SetReceiverHosted, (*embargoGame).expect},
		{"a promise of ours that breaks", unknown, rpc.CapDescriptor.SetReceiverHosted, func(e *embargoGame) {
			e.object.resolve(nil, false)
			e.expect()
		}},
		{"a promise that becomes a promise of ours", unknown, promised, func(e *embargoGame) {
			e.p.expectFinish(e.id)
			e.resolve()
			e.expect()
		}},
		{"a promise that becomes an object of ours", ours, promised, func(e *embargoGame) {
			e.p.expectFinish(e.id)
			e.resolve()
			e.expect()
		}},
		{"a promise that waits for a disembargo", ours, promised, func(e *embargoGame) {
			e.p.expectFinish(e.id)
			e.call()
			e.resolve()
			e.expect()
			e.answer(promised)
			e.expect()
		}},
		{"an object of the peer's", ours, func(d rpc.CapDescriptor, _ uint32) { d.SetSenderHosted(5) }, func(e *embargoGame) { e.p.expectFinish(e.id) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPassingPeer(t)
			p.expect(rpc.Message_Which_bootstrap)
			object := test.object()
			defer object.Release()
			e := &embargoGame{t: t, p: p, object: object}
			e.call()
			e.answer(test.result)
			test.then(e)
		})
	}
}

// embargoGame has calls of ours on the results of others, at a peer that answers as it likes.
type embargoGame struct {
	t      *testing.T
	p      *passingPeer
	object *Cap
	part   *Cap      // what it was asked for
	q      *Question // asked last, with the object as its param
	id     uint32    // the peer's number of it
	export uint32    // and of the object
}

// call asks for something, and calls what it will get.
func (e *embargoGame) call() {
	e.t.Helper()
	q, part := passes(e.t, e.p.boot, e.object)
	through, err := NewQuestion(part, 1, 0, size11)
	if err != nil {
		e.t.Fatal(err)
	}
	through.Send()
	e.t.Cleanup(func() {
		through.Release()
		part.Release()
		q.Release()
	})
	e.p.conn.flush(flushNoWait)
	call, params := e.p.expectCall()
	table, err := params.CapTable()
	if err != nil {
		e.t.Fatal(err)
	}
	e.q, e.part, e.id = q, part, call.QuestionId()
	switch d := table.At(0); d.Which() {
	case rpc.CapDescriptor_Which_senderHosted:
		e.export = d.SenderHosted()
	case rpc.CapDescriptor_Which_senderPromise:
		e.export = d.SenderPromise()
	default:
		e.t.Fatal(d)
	}
	e.p.expect(rpc.Message_Which_call)
}

// answer returns what was asked for last.
func (e *embargoGame) answer(result func(d rpc.CapDescriptor, export uint32)) {
	e.t.Helper()
	e.p.send(returnMessage(e.id, func(r rpc.Return) error {
		r.SetReleaseParamCaps(false)
		payload, err := r.NewResults()
		table, err2 := payload.NewCapTable(1)
		result(table.At(0), e.export)
		content, err3 := capnp.NewStruct(payload.Segment(), size11)
		err4 := content.SetPtr(0, capnp.NewInterface(payload.Segment(), 0).ToPtr())
		return errors.Join(err, err2, err3, err4, payload.SetContent(content.ToPtr()))
	}))
	if err := e.q.Wait(e.t.Context(), nil); err != nil {
		e.t.Fatal(err)
	}
	e.p.conn.flush(flushNoWait)
}

// resolve has promise 5 become the object.
func (e *embargoGame) resolve() { e.p.send(homeMessage(5, e.export)) }

func (e *embargoGame) expect() {
	e.t.Helper()
	e.p.expectEmbargo()
}
