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
		echo, object := through.Bootstrap(), to.Bootstrap()
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
	for _, test := range []struct {
		name   string
		object func() *Cap
		// result is what the peer returns, which is our export.
		result func(d rpc.CapDescriptor, export uint32)
		then   func(m rpc.Message, export uint32) error
	}{
		{"an object of ours", func() *Cap { return NewServer(newFuncServer(echo)) },
			rpc.CapDescriptor.SetReceiverHosted, nil},
		{"an object of another connection", func() *Cap { return known(other.Bootstrap()) },
			rpc.CapDescriptor.SetReceiverHosted, nil},
		{"a promise that becomes an object of ours", func() *Cap { return NewServer(newFuncServer(echo)) },
			func(d rpc.CapDescriptor, _ uint32) { d.SetSenderPromise(5) },
			func(m rpc.Message, export uint32) error {
				r, err := m.NewResolve()
				r.SetPromiseId(5)
				d, err2 := r.NewCap()
				d.SetReceiverHosted(export)
				return errors.Join(err, err2)
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPassingPeer(t)
			p.expect(rpc.Message_Which_bootstrap)
			object := test.object()
			defer object.Release()
			q, part := passes(t, p.boot, object)
			defer q.Release()
			defer part.Release()
			through, err := NewQuestion(part, 1, 0, size11)
			if err != nil {
				t.Fatal(err)
			}
			through.Send()
			defer through.Release()
			p.conn.flush(flushNoWait)
			call, err := p.expect(rpc.Message_Which_call).Call()
			if err != nil {
				t.Fatal(err)
			}
			id := call.QuestionId()
			params, err := call.Params()
			if err != nil {
				t.Fatal(err)
			}
			table, err := params.CapTable()
			if err != nil {
				t.Fatal(err)
			}
			export := table.At(0).SenderHosted()
			p.expect(rpc.Message_Which_call)
			p.send(func(m rpc.Message) error {
				r, err := m.NewReturn()
				r.SetAnswerId(id)
				r.SetReleaseParamCaps(false)
				payload, err2 := r.NewResults()
				table, err3 := payload.NewCapTable(1)
				test.result(table.At(0), export)
				content, err4 := capnp.NewStruct(payload.Segment(), capnp.ObjectSize{PointerCount: 1})
				err5 := content.SetPtr(0, capnp.NewInterface(payload.Segment(), 0).ToPtr())
				return errors.Join(err, err2, err3, err4, err5, payload.SetContent(content.ToPtr()))
			})
			if test.then != nil {
				if err := q.Wait(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				p.conn.flush(flushNoWait)
				p.expectFinish(id)
				p.send(func(m rpc.Message) error { return test.then(m, export) })
			} else if err := q.Wait(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			p.expect(rpc.Message_Which_disembargo)
		})
	}
}
