package attack

import (
	"strings"

	"capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// makeThread asks for a thread.
func (a *attacker) makeThread(question, threadMap uint32, name string) {
	a.call(question, threadMapID, makeThread, 0, 1, 0, func(c callArgs) {
		must(c.Target()).SetImportedCap(threadMap)
		if err := c.params.SetNewText(0, name); err != nil {
			panic(err)
		}
	})
}

// threadOf waits for the thread that makeThread asked for, and returns its export id.
func (a *attacker) threadOf(question uint32) uint32 {
	a.t.Helper()
	r := a.expectReturn(question)
	if r.Which() != rpc.Return_Which_results {
		a.t.Fatalf("makeThread ended with %v", r.Which())
	}
	id := must(must(r.Results()).CapTable()).At(0).SenderHosted()
	a.finish(question, false)
	return id
}

// onThread calls a method that has nothing but a context; fill sets entry 0 of the capability table, its thread.
func (a *attacker) onThread(question uint32, fill func(d rpc.CapDescriptor)) {
	a.call(question, fooInterface, fooCallFnAsync, 0, 1, 2, func(c callArgs) {
		fill(c.caps.At(0))
		c.caps.At(1).SetSenderHosted(hostedThread)
		c.context(0, 1)
	})
}

// blockThread occupies a thread for good.
func (a *attacker) blockThread(question, thread uint32) {
	a.call(question, fooInterface, fooCallIntFnAsync, 1, 1, 2, func(c callArgs) {
		c.params.SetUint32(0, blocks&0xffffffff)
		c.caps.At(0).SetReceiverHosted(thread)
		c.caps.At(1).SetSenderHosted(hostedThread)
		c.context(0, 1)
	})
}

// callbackKept has the victim keep an object, and returns the thread that it was told on.
func (a *attacker) callbackKept(fill func(d rpc.CapDescriptor)) (thread uint32) {
	a.t.Helper()
	m := a.threads()
	a.makeThread(3, m, "worker")
	thread = a.threadOf(3)
	a.saveCallback(4, thread, fill)
	a.expectReturn(4)
	return thread
}

// Attacks on contexts and thread maps.
var threadAttacks = []serverAttack{
	{name: "thread/none", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooCallFnAsync, 0, 1, 0, nil)
		a.expectException(1, "no thread specified")
		a.call(2, fooInterface, fooCallFnAsync, 0, 1, 0, func(c callArgs) { c.context(-1, -1) })
		a.expectException(2, "no thread specified")
		a.stillServed()
	}},
	{name: "thread/the caller's own object", run: func(a *attacker, _ *victim) {
		a.open()
		a.onThread(1, func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedThread) })
		a.expectException(1, "invalid thread handle")
		a.stillServed()
	}},
	{name: "thread/the object called", run: func(a *attacker, _ *victim) {
		a.open()
		a.onThread(1, func(d rpc.CapDescriptor) { d.SetReceiverHosted(0) })
		a.expectException(1, "invalid thread handle")
		a.stillServed()
	}},
	{name: "thread/the thread map", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.onThread(1, func(d rpc.CapDescriptor) { d.SetReceiverHosted(m) })
		a.expectException(1, "invalid thread handle")
		a.stillServed()
	}},
	{name: "thread/a promise never resolved", run: func(a *attacker, _ *victim) {
		a.open()
		a.onThread(1, func(d rpc.CapDescriptor) { d.SetSenderPromise(8) })
		a.stillServed()
	}},
	{name: "thread/a promise that ends in an exception", run: func(a *attacker, _ *victim) {
		a.open()
		a.onThread(1, func(d rpc.CapDescriptor) { d.SetSenderPromise(8) })
		a.send(func(m rpc.Message) {
			r := must(m.NewResolve())
			r.SetPromiseId(8)
			if err := must(r.NewException()).SetReason("Called null capability."); err != nil {
				panic(err)
			}
		})
		a.expectException(1, "construct")
		a.stillServed()
	}},
	{name: "thread/a promise that waits for the call itself", run: func(a *attacker, _ *victim) {
		a.open()
		a.onThread(1, func(d rpc.CapDescriptor) { d.SetSenderPromise(8) })
		a.resolve(8, func(d rpc.CapDescriptor) { setAnswer(must(d.NewReceiverAnswer()), 1, 0) })
		a.stillServed()
	}},
	{name: "thread/answers that wait for each other", run: func(a *attacker, _ *victim) {
		a.open()
		a.onThread(1, func(d rpc.CapDescriptor) { d.SetSenderPromise(8) })
		for i := range uint32(100) {
			a.onThread(2+i, func(d rpc.CapDescriptor) { setAnswer(must(d.NewReceiverAnswer()), 1+i, 0) })
		}
		a.resolve(8, func(d rpc.CapDescriptor) { setAnswer(must(d.NewReceiverAnswer()), 101, 0) })
		a.stillServed()
	}},
	{name: "thread/calls under a thread released", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(1, m, "worker")
		thread := a.threadOf(1)
		a.blockThread(2, thread)
		a.blockThread(3, thread)
		a.release(thread, 1)
		a.stillServed()
		a.finish(2, true)
		a.expectReturn(2)
	}},
	{name: "thread/name of 60 MiB", heap: 512 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		name := strings.Repeat("x", 60*mib)
		for i := range uint32(4) {
			a.makeThread(10+i, m, name)
			a.expectException(10+i, "name")
			a.finish(10+i, true)
		}
		a.stillServed()
	}},
	{name: "thread/pool of 4 billion", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.call(1, threadMapID, makePool, 1, 0, 0, func(c callArgs) {
			must(c.Target()).SetImportedCap(m)
			c.params.SetUint32(0, 4_000_000_000)
		})
		a.expectException(1, "threads")
		a.stillServed()
		a.makeThread(2, m, "one more")
		a.threadOf(2)
	}},
	{name: "thread/pools in a row", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		for i := range uint32(1000) {
			a.call(1+i, threadMapID, makePool, 1, 0, 0, func(c callArgs) {
				must(c.Target()).SetImportedCap(m)
				c.params.SetUint32(0, 5)
			})
			a.finish(1+i, true)
		}
		a.stillServed()
	}},
	{name: "thread/maps exchanged over and over", run: func(a *attacker, _ *victim) {
		a.open()
		for i := range uint32(20_000) {
			a.call(1, fooInterface, fooInitThreadMap, 0, 1, 1, func(c callArgs) {
				c.caps.At(0).SetSenderHosted(10_000 + i)
				c.setCap(0, 0)
			})
			a.expectReturn(1)
			a.finish(1, true)
		}
		a.stillServed()
	}},
	{name: "thread/callback without a thread map", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooCallbackSaved, 1, 1, 0, nil)
		a.expectException(1, "no thread specified")
		a.stillServed()
	}},
	{name: "thread/pools of 4 billion in a row", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		for i := range uint32(2000) {
			a.call(1+i, threadMapID, makePool, 1, 0, 0, func(c callArgs) {
				must(c.Target()).SetImportedCap(m)
				c.params.SetUint32(0, 4_000_000_000)
			})
			a.expectException(1+i, "threads")
			a.finish(1+i, true)
		}
		a.stillServed()
	}},
	{name: "thread/a system's thread that is its own callback thread", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		for i := range uint32(20) {
			a.makeThread(10_000+i, m, "worker")
			thread := a.threadOf(10_000 + i)
			a.call(1, fooInterface, fooCallFnAsync, 0, 1, 1, func(c callArgs) {
				c.caps.At(0).SetReceiverHosted(thread)
				c.context(0, 0)
			})
			a.expectReturn(1)
			a.finish(1, true)
			a.release(thread, 1)
		}
		a.stillServed()
	}, opts: []mprt.Option{mprt.WithOSThreads()}},
	{name: "thread/calls nested more than 10,000 deep", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		thread := a.callbackKept(func(d rpc.CapDescriptor) { d.SetSenderHosted(hostedCallback) })
		// Each runs on the goroutine that waits for the callback of the one before.
		const deepest = 10_000
		for i := range uint32(deepest + 1) {
			a.callbackSaved(10+i, thread)
			a.expectCall()
		}
		a.callbackSaved(10+deepest+1, thread)
		a.expectException(10+deepest+1, "nested")
		a.stillServed()
	}, opts: []mprt.Option{mprt.WithMaxCalls(20_000)}},
}
