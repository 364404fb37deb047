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

// inOrder makes calls on p, lets it be resolved and makes more: they must arrive in that order.
func inOrder(t *testing.T, p *Cap, resolve func()) {
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
		})
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
	for _, test := range []struct {
		name   string
		object func() *Cap
		// result is what the peer returns, of which we have an export.
		result func(d rpc.CapDescriptor, export uint32)
		then   func(e *embargoGame)
	}{
		{"an object of ours", ours, rpc.CapDescriptor.SetReceiverHosted, (*embargoGame).expect},
		{"an object of another connection", func() *Cap { return known(other.Bootstrap()) }, rpc.CapDescriptor.SetReceiverHosted, (*embargoGame).expect},
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
	e.q, e.id, e.export = q, call.QuestionId(), table.At(0).SenderHosted()
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
func (e *embargoGame) resolve() {
	e.p.send(func(m rpc.Message) error {
		r, err := m.NewResolve()
		r.SetPromiseId(5)
		d, err2 := r.NewCap()
		d.SetReceiverHosted(e.export)
		return errors.Join(err, err2)
	})
}

// expect reads a disembargo.
func (e *embargoGame) expect() {
	e.t.Helper()
	e.p.expect(rpc.Message_Which_disembargo)
}
