package attack

import (
	"strings"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// setQuestion changes the question id of a call that buildCall made, so that it need not be built again.
func setQuestion(f []byte, id uint32) []byte {
	m := must(capnp.Unmarshal(f))
	must(must(rpc.ReadRootMessage(m)).Call()).SetQuestionId(id)
	return f
}

// flood sends frames until the victim has hung up or n are out, and reads meanwhile what comes back.
func (a *attacker) flood(n uint32, frame func(i uint32) []byte) (hungUp bool) {
	if a.inbox == nil {
		a.read()
	}
	inbox := a.inbox
	go func() {
		for range inbox { // what was sent is of no interest, but it has to be read
		}
	}()
	for i := range n {
		if a.raw(frame(i)) != nil {
			return true
		}
	}
	return false
}

// data is a call of passData.
func data(a *attacker, size int) []byte {
	return buildCall(a.t, 0, fooInterface, fooPassData, 0, 1, 0, func(c callArgs) {
		if err := c.params.SetData(0, make([]byte, size)); err != nil {
			panic(err)
		}
	})
}

// Attacks with too much of what is allowed. The attacker's own memory is within the limits too.
var floodAttacks = []serverAttack{
	{name: "flood/calls that never end", heap: 128 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		a.block(0)
		f := buildCall(a.t, 0, fooInterface, fooAdd, 1, 0, 0, nil)
		for i := range uint32(17_000) {
			a.raw(setQuestion(f, 1+i))
		}
		// The last are refused, the first wait.
		a.expectException(17_000, "calls in flight")
	}},
	{name: "flood/calls that never end, each on its thread", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		for i := range uint32(2000) {
			a.makeThread(10_000+i, m, "worker")
			a.blockThread(20_000+i, a.threadOf(10_000+i))
		}
		a.stillServed()
	}},
	{name: "flood/large calls that never end", heap: 768 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		a.block(0)
		f := data(a, mib)
		a.flood(2000, func(i uint32) []byte { return setQuestion(f, 1+i) })
	}},
	{name: "flood/calls on a blocked answer", heap: 128 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		a.block(0)
		f := buildCall(a.t, 0, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.onAnswer(0, 0) })
		for i := range uint32(17_000) {
			a.raw(setQuestion(f, 1+i))
		}
		a.expectException(17_000, "calls in flight")
		for i := range uint32(17_001) {
			a.finish(i, true)
		}
		a.expectReturn(0) // when nobody waits for its results any more
		a.stillServed()
	}},
	{name: "flood/calls on each other's answers", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		a.block(0)
		for i := range uint32(4000) {
			a.call(1+i, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.onAnswer(i, 0) })
		}
		for i := range uint32(4001) {
			a.finish(i, true)
		}
		a.expectReturn(0) // after all that waited for it, from the last to the first
		a.stillServed()
	}},
	{name: "flood/parts of a blocked answer", run: func(a *attacker, _ *victim) {
		a.open()
		a.block(0)
		for i := range uint32(1000) {
			a.call(1+i, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.onAnswer(0, uint16(i)) })
		}
		a.expectException(1000, "promises")
		for i := range uint32(1001) {
			a.finish(i, true)
		}
		a.stillServed()
	}},
	{name: "flood/answers never finished", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		f := buildCall(a.t, 0, 0xdeadbeef, 0, 0, 0, 0, nil)
		if !a.flood(1_000_000, func(i uint32) []byte { return setQuestion(f, 2000+i) }) {
			a.t.Error("victim does not hang up")
		}
	}},
	{name: "flood/bootstraps never finished", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		hungUp := a.flood(1_000_000, func(i uint32) []byte {
			return frame(words(structPtr(0, 1, 1), uint64(rpc.Message_Which_bootstrap), structPtr(0, 1, 1), uint64(i), 0))
		})
		if !hungUp {
			a.t.Error("victim does not hang up")
		}
	}},
	{name: "flood/bootstraps finished", heap: 128 * mib, run: func(a *attacker, _ *victim) {
		var b []byte
		for i := range uint32(1000) {
			b = append(b, build(a.t, func(m rpc.Message) { must(m.NewBootstrap()).SetQuestionId(i) })...)
			b = append(b, build(a.t, func(m rpc.Message) {
				f := must(m.NewFinish())
				f.SetQuestionId(i)
				f.SetReleaseResultCaps(true)
			})...)
		}
		a.flood(100, func(uint32) []byte { return b })
	}},
	{name: "flood/threads", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		for i := range uint32(17_000) {
			a.makeThread(10_000+i, m, "worker")
			r := a.expectReturn(10_000 + i)
			a.finish(10_000+i, false)
			if r.Which() == rpc.Return_Which_exception {
				if i < 16_000 {
					a.t.Errorf("only %d threads", i)
				}
				a.stillServed()
				return
			}
		}
		a.t.Error("17,000 threads and no end")
	}},
	{name: "flood/objects given to the victim", heap: 768 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		a.block(0)
		// Calls that wait hold what their tables name.
		question := uint32(0)
		a.flood(1500, func(i uint32) []byte {
			return buildCall(a.t, 1+i, fooInterface, fooAdd, 1, 0, 1000, func(c callArgs) {
				for k := range c.caps.Len() {
					question++
					c.caps.At(k).SetSenderPromise(question)
				}
			})
		})
	}},
	{name: "flood/a peer that never reads asks for megabytes", heap: 768 * mib, run: func(_ *attacker, v *victim) {
		b := v.attack()
		b.bootstrap(1)
		f := data(b, mib)
		for i := range uint32(600) {
			if b.raw(setQuestion(f, 2+i)) != nil {
				break
			}
		}
		b.nc.Close()
	}},
	{name: "flood/a peer that never reads what is not implemented", heap: 768 * mib, run: func(_ *attacker, v *victim) {
		b := v.attack()
		f := frame(append(words(structPtr(0, 1, 1), 5000, listPtr(0, 2, mib)), make([]byte, mib)...))
		for range 1000 {
			if b.raw(f) != nil {
				break
			}
		}
		b.nc.Close()
	}},
	{name: "flood/connections", heap: 128 * mib, run: func(_ *attacker, v *victim) {
		for range 2000 {
			b := v.attack()
			b.bootstrap(1)
			b.nc.Close()
		}
	}},
	{name: "flood/connections that say nothing", heap: 128 * mib, run: func(_ *attacker, v *victim) {
		var all []*attacker
		for range 300 {
			all = append(all, v.attack())
		}
		for _, b := range all {
			b.nc.Close()
		}
	}},
	{name: "flood/finishes and releases of nothing", run: func(a *attacker, _ *victim) {
		a.open()
		var b []byte
		for range 1000 {
			b = append(b, build(a.t, func(m rpc.Message) { must(m.NewFinish()).SetQuestionId(5) })...)
			b = append(b, build(a.t, func(m rpc.Message) { must(m.NewRelease()).SetId(0) })...)
		}
		for range 50 {
			a.raw(b)
		}
		a.stillServed()
	}},
	{name: "flood/calls cancelled at once", heap: 128 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(1, m, "worker")
		thread := a.threadOf(1)
		for i := range uint32(10_000) {
			a.blockThread(100+i, thread)
			a.finish(100+i, true)
		}
		a.stillServed()
	}},
	{name: "flood/calls of 512 segments that never end", run: func(a *attacker, _ *victim) {
		a.open()
		a.block(0)
		for i := range uint32(200) {
			f := buildCall(a.t, 1+i, fooInterface, fooAdd, 1, 0, 0, nil)
			a.raw(frame(append([][]byte{f[8:]}, make([][]byte, 511)...)...))
		}
		a.expectException(200, "held by calls")
	}, opts: []mprt.Option{mprt.WithMaxHeld(4 * mib)}},
	{name: "flood/parts of many blocked answers", run: func(a *attacker, _ *victim) {
		a.open()
		for i := range uint32(100) {
			a.block(i)
			a.call(1000+i, 0xdeadbeef, 0, 0, 0, 256, func(c callArgs) {
				for k := range c.caps.Len() {
					setAnswer(must(c.caps.At(k).NewReceiverAnswer()), i, uint16(k))
				}
			})
		}
		a.expectException(1099, "held by calls")
	}, opts: []mprt.Option{mprt.WithMaxHeld(4 * mib)}},
	{name: "flood/disembargoes on many parts", run: func(a *attacker, _ *victim) {
		a.open()
		a.block(1)
		a.floodDisembargoes(1, 200)
	}},
	{name: "flood/disembargoes never answered", run: func(a *attacker, _ *victim) {
		a.open()
		thread := a.callbackKept(func(d rpc.CapDescriptor) { d.SetSenderPromise(100) })
		for promise := uint32(100); promise < 201; promise++ { // one more than the limit of calls
			a.callbackSaved(10, thread)
			call := a.expectCall().QuestionId()
			a.finish(10, true)
			a.expectReturn(10)
			a.resolve(promise, func(d rpc.CapDescriptor) { d.SetReceiverHosted(0) })
			if promise < 200 {
				a.saveCallback(11, thread, func(d rpc.CapDescriptor) { d.SetSenderPromise(promise + 1) })
				a.expectReturn(11)
			}
			a.sendReturn(call, func(r rpc.Return) { r.SetCanceled() })
		}
		a.expectAbort("more than 100 disembargoes have not been answered")
	}, opts: []mprt.Option{mprt.WithMaxCalls(100)}},
	{name: "flood/long exceptions never finished", run: func(a *attacker, _ *victim) {
		a.open()
		thread := a.callbackKept(func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		reason := strings.Repeat("x", 60<<10)
		for i := range uint32(35) { // 2.05 MiB
			a.callbackSaved(10+i, thread)
			a.sendReturn(a.expectCall().QuestionId(), func(r rpc.Return) {
				if err := must(r.NewException()).SetReason(reason); err != nil {
					panic(err)
				}
			})
			a.expectReturn(10 + i)
		}
		a.callbackSaved(10_000, thread)
		a.expectException(10_000, "held by calls")
	}, opts: []mprt.Option{mprt.WithMaxHeld(2 * mib)}},
	{name: "flood/callbacks that are given up and never returned", run: func(a *attacker, _ *victim) {
		a.open()
		thread := a.callbackKept(func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		for range 400 { // four times the limit of calls
			a.callbackSaved(10, thread)
			a.expectCall()
			a.finish(10, true)
			a.expectReturn(10)
		}
		a.callbackSaved(11, thread)
		a.expectException(11, "given up")
		a.stillServed()
	}, opts: []mprt.Option{mprt.WithMaxCalls(100)}},
}
