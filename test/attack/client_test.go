package attack

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// hostile is a server that attacks its client.
type hostile struct {
	*attacker
	result chan error // of the call that the client makes

}

// startHostile connects a client to an attacker.
func startHostile(t testing.TB, opts ...mprt.Option) (*hostile, *mprt.Conn) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "hostile"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := mprt.Dial(context.Background(), "unix:"+l.Addr().String(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return &hostile{attacker: newAttacker(t, nc), result: make(chan error, 1)}, c
}

// offer answers the client's bootstrap with object 0.
func (h *hostile) offer() {
	h.t.Helper()
	for {
		m, ok := h.next()
		if !ok {
			h.t.Fatal("client hung up")
		}
		if m.Which() == rpc.Message_Which_bootstrap {
			h.sendReturn(must(m.Bootstrap()).QuestionId(), func(r rpc.Return) {
				p := must(r.NewResults())
				must(p.NewCapTable(1)).At(0).SetSenderHosted(0)
				if err := p.SetContent(capnp.NewInterface(p.Segment(), 0).ToPtr()); err != nil {
					panic(err)
				}
			})
			return
		}
	}
}

// calls has the client make a call of pass, and returns it when it comes. How it ends is found in h.result.
func (h *hostile) calls(c *mprt.Conn) rpc.Call {
	h.t.Helper()
	go func() {
		f := foo.NewFooInterfaceClient(c.Bootstrap())
		defer f.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, err := f.Pass(ctx, &foo.FooStruct{Name: "x"})
		h.result <- err
	}()
	h.offer()
	return h.expectCall()
}

// fails waits for the client's call to fail with an error that contains text.
func (h *hostile) fails(text string) {
	h.t.Helper()
	select {
	case err := <-h.result:
		switch {
		case err == nil:
			h.t.Error("the call succeeds")
		case errors.Is(err, context.DeadlineExceeded):
			h.t.Error("the call does not end")
		case !strings.Contains(err.Error(), text):
			h.t.Errorf("the call fails with %.300q, not %q", err, text)
		case len(err.Error()) > 1*mib:
			h.t.Errorf("the error has %d bytes", len(err.Error()))
		}
	case <-time.After(patience):
		h.t.Error("the call does not end")
	}
}

// results answers the question with a payload.
func (h *hostile) results(q uint32, caps int, fill func(p rpc.Payload, content capnp.Struct, table rpc.CapDescriptor_List)) {
	h.sendReturn(q, func(r rpc.Return) {
		p := must(r.NewResults())
		s := must(capnp.NewStruct(p.Segment(), capnp.ObjectSize{DataSize: 8, PointerCount: 1}))
		if err := p.SetContent(s.ToPtr()); err != nil {
			panic(err)
		}
		var table rpc.CapDescriptor_List
		if caps > 0 {
			table = must(p.NewCapTable(int32(caps)))
		}
		fill(p, s, table)
	})
}

type clientAttack struct {
	name string
	heap int64
	run  func(h *hostile, c *mprt.Conn)
}

// TestClient lets a server misbehave towards a client in each of many ways: the client's call fails, within a bounded
// time and memory, while its calls to another server go on.
func TestClient(t *testing.T) {
	for _, attack := range clientAttacks {
		if attack.heap > heaviest {
			continue
		}
		t.Run(attack.name, func(t *testing.T) {
			v := startVictim(t)
			defer v.stop()
			w := v.witness()
			defer w.close()
			underWatch(t, w, attack.heap, func() {
				h, c := startHostile(t)
				defer c.Close()
				defer h.nc.Close()
				attack.run(h, c)
			})
		})
	}
	t.Logf("%d attacks", len(clientAttacks))
}

var clientAttacks = []clientAttack{
	{name: "no answer at all", run: func(h *hostile, c *mprt.Conn) {
		h.calls(c)
		h.nc.Close()
		h.fails("disconnect")
	}},
	{name: "noise", run: func(h *hostile, c *mprt.Conn) {
		h.calls(c)
		h.raw([]byte(strings.Repeat("noise ", 1000)))
		h.expectAbort("")
		h.fails("disconnect")
	}},
	{name: "results of a wrong type", run: func(h *hostile, c *mprt.Conn) {
		h.results(h.calls(c).QuestionId(), 0, func(p rpc.Payload, s capnp.Struct, _ rpc.CapDescriptor_List) {
			inner := must(capnp.NewStruct(p.Segment(), capnp.ObjectSize{DataSize: 8, PointerCount: 5}))
			for i := range uint16(5) {
				if err := inner.SetPtr(i, s.ToPtr()); err != nil {
					panic(err)
				}
			}
			if err := s.SetPtr(0, inner.ToPtr()); err != nil {
				panic(err)
			}
		})
		h.fails("malformed")
	}},
	{name: "results that are a capability", run: func(h *hostile, c *mprt.Conn) {
		h.results(h.calls(c).QuestionId(), 1, func(p rpc.Payload, s capnp.Struct, table rpc.CapDescriptor_List) {
			table.At(0).SetReceiverHosted(0)
		})
		h.expectAbort("no export has id 0")
		h.fails("disconnect")
	}},
	{name: "results that refer to an unknown answer", run: func(h *hostile, c *mprt.Conn) {
		q := h.calls(c).QuestionId()
		h.results(q, 1, func(p rpc.Payload, s capnp.Struct, table rpc.CapDescriptor_List) {
			setAnswer(must(table.At(0).NewReceiverAnswer()), q, 0)
		})
		<-h.result // the results are none the worse for a capability that nobody asks for
	}},
	{name: "return of an unknown question", run: func(h *hostile, c *mprt.Conn) {
		h.calls(c)
		h.sendReturn(999, func(r rpc.Return) { r.SetCanceled() })
		h.expectAbort("no question has id 999")
		h.fails("disconnect")
	}},
	{name: "return twice", run: func(h *hostile, c *mprt.Conn) {
		q := h.calls(c).QuestionId()
		for range 2 {
			h.sendReturn(q, func(r rpc.Return) { r.SetCanceled() })
		}
		h.expectAbort("no question has id")
		h.fails("")
	}},
	{name: "take from another question, which is none", run: func(h *hostile, c *mprt.Conn) {
		q := h.calls(c).QuestionId()
		h.sendReturn(q, func(r rpc.Return) { r.SetTakeFromOtherQuestion(q) })
		h.expectAbort("keeps no results")
		h.fails("disconnect")
	}},
	{name: "results sent elsewhere", run: func(h *hostile, c *mprt.Conn) {
		h.sendReturn(h.calls(c).QuestionId(), func(r rpc.Return) { r.SetResultsSentElsewhere() })
		h.expectAbort("elsewhere")
		h.fails("disconnect")
	}},
	{name: "results from a third party", run: func(h *hostile, c *mprt.Conn) {
		h.sendReturn(h.calls(c).QuestionId(), func(r rpc.Return) {
			if err := r.SetAwaitFromThirdParty(capnp.Ptr{}); err != nil {
				panic(err)
			}
		})
		h.expectAbort("unknown kind of return")
		h.fails("disconnect")
	}},
	{name: "return of an unknown kind", run: func(h *hostile, c *mprt.Conn) {
		h.sendReturn(h.calls(c).QuestionId(), func(r rpc.Return) { capnp.Struct(r).SetUint16(6, 999) })
		h.expectAbort("unknown kind of return")
		h.fails("disconnect")
	}},
	{name: "results without a payload", run: func(h *hostile, c *mprt.Conn) {
		h.sendReturn(h.calls(c).QuestionId(), func(r rpc.Return) {
			if err := r.SetResults(rpc.Payload{}); err != nil {
				panic(err)
			}
		})
		<-h.result
	}},
	{name: "exception without a text", run: func(h *hostile, c *mprt.Conn) {
		h.sendReturn(h.calls(c).QuestionId(), func(r rpc.Return) { must(r.NewException()) })
		h.fails("")
	}},
	{name: "exception of an unknown type", run: func(h *hostile, c *mprt.Conn) {
		h.sendReturn(h.calls(c).QuestionId(), func(r rpc.Return) { must(r.NewException()).SetType(4711) })
		h.fails("")
	}},
	{name: "exception of 60 MiB", heap: 512 * mib, run: func(h *hostile, c *mprt.Conn) {
		h.sendReturn(h.calls(c).QuestionId(), func(r rpc.Return) {
			if err := must(r.NewException()).SetReason(strings.Repeat("x", 60*mib)); err != nil {
				panic(err)
			}
		})
		h.fails("bytes in all")
	}},
	{name: "abort of 60 MiB", heap: 512 * mib, run: func(h *hostile, c *mprt.Conn) {
		h.calls(c)
		h.send(func(m rpc.Message) {
			if err := must(m.NewAbort()).SetReason(strings.Repeat("x", 60*mib)); err != nil {
				panic(err)
			}
		})
		h.fails("bytes in all")
	}},
	{name: "call unimplemented", run: func(h *hostile, c *mprt.Conn) {
		q := h.calls(c).QuestionId()
		h.send(func(m rpc.Message) { must(must(m.NewUnimplemented()).NewCall()).SetQuestionId(q) })
		h.fails("implement")
	}},
	{name: "call unimplemented and returned", run: func(h *hostile, c *mprt.Conn) {
		q := h.calls(c).QuestionId()
		h.send(func(m rpc.Message) { must(must(m.NewUnimplemented()).NewCall()).SetQuestionId(q) })
		h.sendReturn(q, func(r rpc.Return) { r.SetCanceled() })
		h.expectAbort("no question has id")
		h.fails("")
	}},
	{name: "bogus resolve", run: func(h *hostile, c *mprt.Conn) {
		h.calls(c)
		h.resolve(0, func(d rpc.CapDescriptor) { d.SetSenderHosted(5) })
		h.expectAbort("no promise")
		h.fails("disconnect")
	}},
	{name: "bogus disembargo", run: func(h *hostile, c *mprt.Conn) {
		h.calls(c)
		h.send(func(m rpc.Message) { must(m.NewDisembargo()).Context().SetReceiverLoopback(0) })
		h.expectAbort("no embargo")
		h.fails("disconnect")
	}},
	{name: "release of what the client did not give", run: func(h *hostile, c *mprt.Conn) {
		h.calls(c)
		h.release(0, 1)
		h.expectAbort("release")
		h.fails("disconnect")
	}},
	{name: "calls on a client without objects", run: func(h *hostile, c *mprt.Conn) {
		h.calls(c)
		h.call(1, fooInterface, fooAdd, 1, 0, 0, nil)
		h.expectAbort("no export")
		h.fails("disconnect")
	}},
	{name: "bootstraps of a client that offers nothing", run: func(h *hostile, c *mprt.Conn) {
		q := h.calls(c).QuestionId()
		for i := range uint32(1000) {
			h.bootstrap(i)
			h.expectException(i, "no bootstrap object")
			h.finish(i, true)
		}
		h.sendReturn(q, func(r rpc.Return) { r.SetCanceled() })
		h.fails("cancel")
	}},
	{name: "bootstrap that is a promise to itself", run: func(h *hostile, c *mprt.Conn) {
		go func() {
			f := foo.NewFooInterfaceClient(c.Bootstrap())
			defer f.Close()
			_, err := f.Add(context.Background(), 1, 2)
			h.result <- err
		}()
		m, _ := h.next()
		q := must(m.Bootstrap()).QuestionId()
		h.results(q, 1, func(p rpc.Payload, _ capnp.Struct, table rpc.CapDescriptor_List) {
			table.At(0).SetSenderPromise(3)
			if err := p.SetContent(capnp.NewInterface(p.Segment(), 0).ToPtr()); err != nil {
				panic(err)
			}
		})
		h.resolve(3, func(d rpc.CapDescriptor) { d.SetSenderPromise(3) })
		h.expectAbort("resolves to itself")
		h.fails("disconnect")
	}},
	{name: "a server that does not read", heap: 512 * mib, run: func(h *hostile, c *mprt.Conn) {
		f := foo.NewFooInterfaceClient(c.Bootstrap())
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		for range 100 {
			if _, err := f.PassData(ctx, make([]byte, mib)); err == nil {
				h.t.Error("the call succeeds")
			}
		}
		c.Close()
		f.Close()
	}},
	{name: "callbacks without end", run: func(h *hostile, c *mprt.Conn) {
		var runs atomic.Int64
		go func() {
			f := foo.NewFooInterfaceClient(c.Bootstrap())
			defer f.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			if err := f.InitThreadMap(ctx); err != nil {
				h.t.Error(err)
			}
			_, err := f.PassFn(ctx, func(context.Context) (int32, error) {
				runs.Add(1)
				return 0, nil
			})
			h.result <- err
		}()
		h.offer()
		h.results(h.expectCall().QuestionId(), 1, func(_ rpc.Payload, s capnp.Struct, table rpc.CapDescriptor_List) {
			table.At(0).SetSenderHosted(hostedThreadMap)
			if err := s.SetPtr(0, capnp.NewInterface(s.Segment(), 0).ToPtr()); err != nil {
				panic(err)
			}
		})
		call := h.expectCall() // makeThread, which may stay a promise
		for call.InterfaceId() == threadMapID {
			call = h.expectCall()
		}
		// The thread that waits always has a hundred calls to run, so it never finds none.
		table := must(must(call.Params()).CapTable())
		var callback, fn uint32
		for i := range table.Len() {
			if d := table.At(i); d.Which() == rpc.CapDescriptor_Which_senderHosted {
				callback, fn = fn, d.SenderHosted()
			}
		}
		again := func(question uint32) {
			h.raw(buildCall(h.t, question, foo.FooFn_ID, foo.FooFn_Call_ID, 0, 1, 1, func(c callArgs) {
				must(c.Target()).SetImportedCap(fn)
				c.caps.At(0).SetReceiverHosted(callback)
				c.context(0, -1)
			}))
		}
		for i := range uint32(100) {
			again(i)
		}
		ended := false
		for !ended {
			m, ok := h.next()
			switch {
			case !ok:
				h.t.Fatal("client hung up")
			case m.Which() == rpc.Message_Which_return:
				again(must(m.Return()).AnswerId())
			}
			select {
			case err := <-h.result:
				if !errors.Is(err, context.DeadlineExceeded) || runs.Load() == 0 {
					h.t.Errorf("after %d callbacks the call fails with %v", runs.Load(), err)
				}
				ended = true
			default:
			}
		}
		h.nc.Close()
	}},
}
