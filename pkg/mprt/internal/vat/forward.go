package vat

import (
	"context"

	"capnproto.org/go/capnp/v3"
)

// forward passes a call on to an object that is not in this process: one of
// another connection, or one that went back to the caller's own. It does not
// block; the order of calls is kept.
func forward(target *Cap, call *Call) {
	q, err := NewQuestion(target, call.InterfaceID, call.MethodID, capnp.ObjectSize{})
	if err == nil {
		var content capnp.Ptr
		if content, err = copyContent(q.params, call.Params.ToPtr(), call.params.caps); err == nil {
			err = q.params.setContent(content)
			q.content = content.Struct() // for an object of this process, which target may turn out to be
		}
		if err != nil {
			q.Release()
		}
	}
	if err != nil {
		call.Fail(failedf("cannot pass the call on: %v", err))
		return
	}
	call.ReturnFrom(q)
}

// ReturnFrom completes the call with what q returns, which has not been sent: it
// sends q and takes it over. Where both go over one connection, to a peer that
// can take that (see [Options.TailCalls]), the results do not come here. It does
// not block. Only in [Server.Accept], in place of [Call.SetExec].
func (call *Call) ReturnFrom(q *Question) {
	q.mode = flushNoWait
	if call.question == nil && !call.keepsResults {
		q.tailOf = call
	}
	q.send()
	q.c.mu.Lock()
	q.tailOf = nil // if it is held, its results come here
	leaves := q.leaves
	if leaves {
		call.tail = q
	}
	q.c.mu.Unlock()
	if leaves {
		call.complete(nil, nil)
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	call.SetExec(forwarded(cancel))
	if err := call.Cancelled(); err != nil {
		cancel(err)
	}
	go func() {
		defer cancel(nil)
		defer q.Release()
		if err := q.Wait(ctx, nil); err != nil {
			call.Fail(err)
			return
		}
		if err := call.returnCopy(q.ret, q.results); err != nil {
			call.Fail(failedf("cannot pass the results on: %v", err))
		}
	}()
}

// forwarded is the executor of a call that is carried out elsewhere.
type forwarded context.CancelCauseFunc

func (f forwarded) Cancel(err error) { f(err) }
func (f forwarded) Execute(*Call)    { panic("vat: a forwarded call is on no queue") }

// returnCopy completes the call with a copy of another call's results. After
// an error the call is still to be completed.
func (call *Call) returnCopy(from *message, content capnp.Ptr) error {
	if _, err := call.Results(capnp.ObjectSize{}); err != nil {
		return err
	}
	var caps []*Cap
	if from != nil {
		caps = from.caps
	}
	p, err := copyContent(call.results, content, caps)
	if err == nil {
		err = call.results.setContent(p)
	}
	if err != nil {
		return err
	}
	call.root = p
	call.Return()
	return nil
}

// returnCap completes the call with a capability and no struct, as a
// bootstrap is answered. It takes over object.
func (call *Call) returnCap(object *Cap) {
	if _, err := call.Results(capnp.ObjectSize{}); err != nil {
		object.Release()
		call.Fail(err)
		return
	}
	call.root = call.results.addCap(object)
	if err := call.results.setContent(call.root); err != nil {
		call.Fail(failedf("%v", err))
		return
	}
	call.Return()
}

// copyMessage makes an independent copy of results.
func copyMessage(from *message, content capnp.Ptr) (*message, capnp.Ptr, error) {
	m := newMessage()
	p, err := copyContent(m, content, from.caps)
	if err != nil {
		m.release()
		return nil, noPtr, err
	}
	return m, p, nil
}

// copyContent copies a pointer with all that it leads to into m, whose table
// gets references to the capabilities met on the way.
//
// go-capnp's copy renumbers capability pointers through the messages' own
// tables, so ours are lent to those for the time.
func copyContent(m *message, p capnp.Ptr, caps []*Cap) (capnp.Ptr, error) {
	if !p.IsValid() {
		return noPtr, nil
	}
	from := p.Segment().Message()
	if err := checkDepth(p); err != nil {
		return noPtr, err
	}
	if len(caps) > 0 {
		lent := make([]capnp.Client, len(caps))
		for i, c := range caps {
			if c != nil {
				lent[i] = capnp.NewClient(lentCap{c})
			}
		}
		from.CapTable().Reset(lent...)
		defer from.CapTable().Reset()
	}
	// A list of one pointer is the simplest place to copy to.
	holder, err := capnp.NewPointerList(m.seg, 1)
	if err != nil {
		return noPtr, err
	}
	if err := holder.Set(0, p); err != nil {
		return noPtr, err
	}
	table := m.msg.CapTable()
	for i := range table.Len() {
		var c *Cap
		lender := table.At(i).Snapshot()
		if lent, ok := lender.Brand().Value.(lentCap); ok {
			c = lent.cap.AddRef()
		}
		lender.Release()
		m.caps = append(m.caps, c)
	}
	table.Reset()
	return holder.At(0)
}

// lentCap lets a Cap travel through go-capnp's copying.
type lentCap struct{ cap *Cap }

func (l lentCap) Brand() capnp.Brand { return capnp.Brand{Value: l} }
func (lentCap) Shutdown()            {}
func (lentCap) String() string       { return "lent" }

func (lentCap) Send(context.Context, capnp.Send) (*capnp.Answer, capnp.ReleaseFunc) {
	panic("vat: a lent capability is only carried")
}

func (lentCap) Recv(context.Context, capnp.Recv) capnp.PipelineCaller {
	panic("vat: a lent capability is only carried")
}
