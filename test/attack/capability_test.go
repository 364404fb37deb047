package attack

import (
	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// saveCallback has the victim keep an object that the descriptor names.
func (a *attacker) saveCallback(question, thread uint32, fill func(d rpc.CapDescriptor)) {
	a.call(question, fooInterface, fooSaveCallback, 0, 2, 3, func(c callArgs) {
		c.caps.At(0).SetReceiverHosted(thread)
		c.caps.At(1).SetSenderHosted(hostedThread)
		fill(c.caps.At(2))
		c.context(0, 1)
		c.setCap(1, 2)
	})
}

// savePromises has the victim keep a promise, by the id first, that leads through 100,000 others by the ids that follow. It
// returns the thread, and has used questions up to 4.
func (a *attacker) savePromises(first uint32) (thread uint32) {
	a.open()
	m := a.threads()
	a.makeThread(3, m, "worker")
	thread = a.threadOf(3)
	a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderPromise(first) })
	a.expectReturn(4)
	for i := range uint32(100_000) {
		a.resolve(first+i, func(d rpc.CapDescriptor) { d.SetSenderPromise(first + i + 1) })
	}
	a.stillServed()
	return thread
}

// callbackSaved has the victim call what it kept.
func (a *attacker) callbackSaved(question, thread uint32) {
	a.call(question, fooInterface, fooCallbackSaved, 1, 1, 2, func(c callArgs) {
		c.caps.At(0).SetReceiverHosted(thread)
		c.caps.At(1).SetSenderHosted(hostedThread)
		c.context(0, 1)
	})
}

// Attacks with capability tables and promises.
var capabilityAttacks = []serverAttack{
	{name: "capability/index outside the table", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooInitThreadMap, 0, 1, 0, func(c callArgs) { c.setCap(0, 5) })
		a.expectException(1, "outside the table")
		a.stillServed()
	}},
	{name: "capability/index 2^32-1", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooInitThreadMap, 0, 1, 1, func(c callArgs) {
			c.caps.At(0).SetSenderHosted(1)
			c.setCap(0, -1)
		})
		a.expectException(1, "outside the table")
		a.stillServed()
	}},
	{name: "capability/struct for a capability", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooInitThreadMap, 0, 1, 0, func(c callArgs) {
			s := must(capnp.NewStruct(c.params.Segment(), capnp.ObjectSize{DataSize: 8}))
			if err := c.params.SetPtr(0, s.ToPtr()); err != nil {
				panic(err)
			}
		})
		a.expectException(1, "not a capability")
		a.stillServed()
	}},
	{name: "capability/capability for a struct", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooPass, 0, 1, 1, func(c callArgs) {
			c.caps.At(0).SetSenderHosted(1)
			c.setCap(0, 0)
		})
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "capability/table refers to no export", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooAdd, 1, 0, 1, func(c callArgs) { c.caps.At(0).SetReceiverHosted(4711) })
		a.expectAbort("no export has id 4711")
	}},
	{name: "capability/table refers to no answer", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooInitThreadMap, 0, 1, 1, func(c callArgs) {
			setAnswer(must(c.caps.At(0).NewReceiverAnswer()), 4711, 3)
			c.setCap(0, 0)
		})
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "capability/unknown kind of descriptor", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooInitThreadMap, 0, 1, 1, func(c callArgs) {
			capnp.Struct(c.caps.At(0)).SetUint16(0, 99)
			c.setCap(0, 0)
		})
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "capability/third party without a vine", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooInitThreadMap, 0, 1, 1, func(c callArgs) {
			must(c.caps.At(0).NewThirdPartyHosted())
			c.setCap(0, 0)
		})
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "capability/promise and object of one id", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooInitThreadMap, 0, 1, 2, func(c callArgs) {
			c.caps.At(0).SetSenderPromise(5)
			c.caps.At(1).SetSenderHosted(5)
			c.setCap(0, 0)
		})
		a.expectReturn(1)
		a.resolve(5, func(d rpc.CapDescriptor) { d.SetSenderHosted(6) })
		a.stillServed()
	}},
	{name: "capability/promise resolves to itself", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooInitThreadMap, 0, 1, 1, func(c callArgs) {
			c.caps.At(0).SetSenderPromise(5)
			c.setCap(0, 0)
		})
		a.expectReturn(1)
		a.resolve(5, func(d rpc.CapDescriptor) { d.SetSenderPromise(5) })
		a.expectAbort("resolves to itself")
	}},
	{name: "capability/two promises resolve to each other", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderPromise(5) })
		a.expectReturn(4)
		a.resolve(5, func(d rpc.CapDescriptor) { d.SetSenderPromise(6) })
		a.resolve(6, func(d rpc.CapDescriptor) { d.SetSenderPromise(5) })
		a.expectAbort("resolves to itself")
	}},
	{name: "capability/promises in a chain", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		thread := a.savePromises(100)
		a.saveCallback(5, thread, func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		a.stillServed()
	}},
	{name: "capability/promises that lead to a long chain", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		thread := a.savePromises(1000)
		// Each of these is followed, as far as is allowed.
		for i := range uint32(500) {
			a.saveCallback(5+i, thread, func(d rpc.CapDescriptor) { d.SetSenderPromise(200_000 + i) })
			a.resolve(200_000+i, func(d rpc.CapDescriptor) { d.SetSenderPromise(1000) })
		}
		a.stillServed()
	}},
	{name: "capability/promise resolved twice", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderPromise(5) })
		a.expectReturn(4)
		for range 100 {
			a.resolve(5, func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		}
		a.stillServed()
	}},
	{name: "capability/promise resolves to the victim's object, embargo unanswered", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderPromise(5) })
		a.expectReturn(4)
		a.callbackSaved(6, thread)
		a.expectCall()
		a.resolve(5, func(d rpc.CapDescriptor) { d.SetReceiverHosted(0) })
		// The call stays where it is, and the disembargo is never answered.
		a.stillServed()
	}},
	{name: "capability/callback that never answers", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		a.expectReturn(4)
		a.callbackSaved(5, thread)
		a.expectCall()
		a.stillServed()
	}},
	{name: "capability/callback that answers nonsense", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		a.expectReturn(4)
		a.callbackSaved(5, thread)
		a.sendReturn(a.expectCall().QuestionId(), func(r rpc.Return) {
			p := must(r.NewResults())
			l := must(capnp.NewUInt8List(p.Segment(), 1000))
			if err := p.SetContent(l.ToPtr()); err != nil {
				panic(err)
			}
		})
		a.expectReturn(5)
		a.callbackSaved(6, thread)
		a.sendReturn(a.expectCall().QuestionId(), func(r rpc.Return) { r.SetCanceled() })
		a.expectException(6, "cancel")
		a.stillServed()
	}},
	{name: "capability/callback that takes its results from nowhere", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		a.expectReturn(4)
		a.callbackSaved(5, thread)
		a.sendReturn(a.expectCall().QuestionId(), func(r rpc.Return) { r.SetTakeFromOtherQuestion(777) })
		a.expectAbort("keeps no results")
	}},
	{name: "capability/callback that takes its results from the call that waits for it", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		a.expectReturn(4)
		a.call(5, fooInterface, fooCallbackSaved, 1, 1, 2, func(c callArgs) {
			c.SendResultsTo().SetYourself()
			c.caps.At(0).SetReceiverHosted(thread)
			c.caps.At(1).SetSenderHosted(hostedThread)
			c.context(0, 1)
		})
		a.sendReturn(a.expectCall().QuestionId(), func(r rpc.Return) { r.SetTakeFromOtherQuestion(5) })
		a.stillServed()
	}},
	{name: "capability/callback whose results were sent elsewhere", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		a.expectReturn(4)
		a.callbackSaved(5, thread)
		a.sendReturn(a.expectCall().QuestionId(), func(r rpc.Return) { r.SetResultsSentElsewhere() })
		a.expectAbort("elsewhere")
	}},
	{name: "capability/callback returned twice", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		a.expectReturn(4)
		a.callbackSaved(5, thread)
		q := a.expectCall().QuestionId()
		a.sendReturn(q, func(r rpc.Return) { r.SetCanceled() })
		a.sendReturn(q, func(r rpc.Return) { r.SetCanceled() })
		a.expectAbort("no question has id")
	}},
	{name: "capability/callback is the victim's own object", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetReceiverHosted(0) })
		a.expectReturn(4)
		a.callbackSaved(5, thread)
		a.expectException(5, "")
		a.stillServed()
	}},
	{name: "capability/callback is the thread that runs it", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		thread := a.threadOf(3)
		a.saveCallback(4, thread, func(d rpc.CapDescriptor) { d.SetReceiverHosted(thread) })
		a.expectReturn(4)
		a.callbackSaved(5, thread)
		a.expectException(5, "")
		a.stillServed()
	}},
}
