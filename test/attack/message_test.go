package attack

import (
	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// threads exchanges thread maps and returns the victim's, as an export id.
func (a *attacker) threads() uint32 {
	a.t.Helper()
	const question = 2000
	a.call(question, fooInterface, fooInitThreadMap, 0, 1, 1, func(c callArgs) {
		c.caps.At(0).SetSenderHosted(hostedThreadMap)
		c.setCap(0, 0)
	})
	id := must(must(a.expectReturn(question).Results()).CapTable()).At(0).SenderHosted()
	a.finish(question, false)
	return id
}

// Export ids of the attacker's own objects.
const (
	hostedThreadMap = 70
	hostedThread    = 71
	hostedCallback  = 72
)

// block makes calls that do not return: on a thread of its own, or on the connection's loop.
func (a *attacker) block(question uint32) {
	a.call(question, fooInterface, fooPassEnum, 1, 0, 0, func(c callArgs) { c.params.SetUint32(0, blocks&0xffffffff) })
}

// floodDisembargoes sends disembargoes on parts of a blocked answer until too much waits for it.
func (a *attacker) floodDisembargoes(question uint32, parts int) {
	for i := range 17_000 {
		a.send(func(m rpc.Message) {
			d := must(m.NewDisembargo())
			d.Context().SetSenderLoopback(uint32(i))
			setAnswer(must(must(d.NewTarget()).NewPromisedAnswer()), question, uint16(i%parts))
		})
	}
	a.expectAbort("too much waits")
}

// Attacks with single messages that break the protocol.
var messageAttacks = []serverAttack{
	{name: "message/call on no export", run: func(a *attacker, _ *victim) {
		a.call(1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { must(c.Target()).SetImportedCap(12345) })
		a.expectAbort("no export has id 12345")
	}},
	{name: "message/call on export 2^32-1", run: func(a *attacker, _ *victim) {
		a.call(1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { must(c.Target()).SetImportedCap(0xffffffff) })
		a.expectAbort("no export has id")
	}},
	{name: "message/call on nothing", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) { must(m.NewCall()) })
		a.expectAbort("no export")
	}},
	{name: "message/call on an unknown kind of target", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { capnp.Struct(must(c.Target())).SetUint16(4, 99) })
		a.expectException(1, "target")
		a.stillServed()
	}},
	{name: "message/call of an unknown interface", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, 0xdeadbeef, 0, 1, 0, 0, nil)
		a.expectException(1, "no method")
		a.stillServed()
	}},
	{name: "message/call of an unknown method", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, 0xffff, 1, 0, 0, nil)
		a.expectException(1, "no method")
		a.stillServed()
	}},
	{name: "message/pipelined call to an unimplemented method", run: func(a *attacker, _ *victim) {
		a.open()
		chain := func() {
			a.call(2, 0xdeadbeef, 0, 0, 0, 0, func(c callArgs) { c.onAnswer(1) })
			a.call(3, 0xdeadbeef, 0, 0, 0, 0, func(c callArgs) { c.onAnswer(2, 0) })
		}
		a.call(1, 0xdeadbeef, 0, 0, 0, 0, nil)
		chain()
		for q := range uint32(3) {
			a.expectException(1+q, "")
			a.finish(1+q, true)
		}
		// While what they wait for blocks, each goes on for the next, until that is given up, too.
		a.block(1)
		chain()
		for q := range uint32(3) {
			a.finish(1+q, true)
		}
		for q := range uint32(3) {
			a.expectReturn(3 - q)
		}
		a.stillServed()
	}},
	{name: "message/call id in use", run: func(a *attacker, _ *victim) {
		a.open()
		a.block(1)
		a.add(1)
		a.expectAbort("question id 1 is in use")
	}},
	{name: "message/bootstrap id in use", run: func(a *attacker, _ *victim) {
		a.bootstrap(1)
		a.bootstrap(1)
		a.expectAbort("question id 1 is in use")
	}},
	{name: "message/call on its own answer", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.onAnswer(1) })
		a.expectException(1, "no answer has id 1")
		a.stillServed()
	}},
	{name: "message/call with its own answer as a param", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooInitThreadMap, 0, 1, 1, func(c callArgs) {
			setAnswer(must(c.caps.At(0).NewReceiverAnswer()), 1, 0)
			c.setCap(0, 0)
		})
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "message/call on an unknown answer", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.onAnswer(777, 0) })
		a.expectException(1, "no answer has id 777")
		a.stillServed()
	}},
	{name: "message/call on a number in an answer", run: func(a *attacker, _ *victim) {
		a.open()
		a.block(1)
		a.call(2, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.onAnswer(1, 0, 1, 2, 3) })
		a.finish(1, true)
		a.finish(2, true)
		a.expectReturn(2)
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "message/transform through a capability", run: func(a *attacker, _ *victim) {
		a.bootstrap(1)
		a.expectReturn(1)
		a.call(2, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.onAnswer(1, 0, 0) })
		a.expectException(2, "no struct")
		a.stillServed()
	}},
	{name: "message/transform of 100,000 steps", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.onAnswer(1000, make([]uint16, 100_000)...) })
		a.expectEnded(1)
	}},
	{name: "message/unknown operation in a transform", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) {
			c.onAnswer(1000, 0)
			ops := must(must(must(c.Target()).PromisedAnswer()).Transform())
			capnp.Struct(ops.At(0)).SetUint16(0, 55)
		})
		a.expectException(1, "operation")
		a.stillServed()
	}},
	{name: "message/results to a third party", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) {
			if err := c.SendResultsTo().SetThirdParty(c.params.ToPtr()); err != nil {
				panic(err)
			}
		})
		if m := a.expectUnimplemented(); m.Which() != rpc.Message_Which_call {
			a.t.Errorf("%v came back", m.Which())
		}
		a.stillServed()
	}},
	{name: "message/return of an unknown question", run: func(a *attacker, _ *victim) {
		a.sendReturn(0, func(r rpc.Return) { must(r.NewResults()) })
		a.expectAbort("no question has id 0")
	}},
	{name: "message/return of question 2^32-1", run: func(a *attacker, _ *victim) {
		a.sendReturn(0xffffffff, func(r rpc.Return) { r.SetCanceled() })
		a.expectAbort("no question has id")
	}},
	{name: "message/finish of an unknown question", run: func(a *attacker, _ *victim) {
		a.open()
		a.finish(4711, true)
		a.stillServed()
	}},
	{name: "message/finish twice", run: func(a *attacker, _ *victim) {
		a.bootstrap(1)
		a.expectReturn(1)
		a.finish(1, false)
		a.finish(1, true)
		a.stillServed()
	}},
	{name: "message/finish twice before the return", run: func(a *attacker, _ *victim) {
		a.open()
		a.block(1)
		a.finish(1, true)
		a.finish(1, true)
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "message/release of an unknown export", run: func(a *attacker, _ *victim) {
		a.release(999, 1)
		a.expectAbort("release: export 999")
	}},
	{name: "message/release more than held", run: func(a *attacker, _ *victim) {
		a.open()
		a.release(0, 2)
		a.expectAbort("has not 2 references")
	}},
	{name: "message/release 2^32-1", run: func(a *attacker, _ *victim) {
		a.open()
		a.release(0, 0xffffffff)
		a.expectAbort("references")
	}},
	{name: "message/release none", run: func(a *attacker, _ *victim) {
		a.open()
		a.release(0, 0)
		a.stillServed()
	}},
	{name: "message/release twice", run: func(a *attacker, _ *victim) {
		a.open()
		a.release(0, 1)
		a.release(0, 1)
		a.expectAbort("release: export 0")
	}},
	{name: "message/call after release", run: func(a *attacker, _ *victim) {
		a.open()
		a.release(0, 1)
		a.add(1)
		a.expectAbort("no export has id 0")
	}},
	{name: "message/finish that releases what was released", run: func(a *attacker, _ *victim) {
		a.bootstrap(1)
		a.expectReturn(1)
		a.release(0, 1)
		a.finish(1, true)
		a.bootstrap(2)
		a.expectReturn(2)
	}},
	{name: "message/resolve of an unknown promise", run: func(a *attacker, _ *victim) {
		a.open()
		a.resolve(5, func(d rpc.CapDescriptor) { d.SetSenderHosted(6) })
		a.stillServed()
	}},
	{name: "message/resolve of what is no promise", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		_ = m // the victim holds hostedThreadMap, which is not a promise
		a.resolve(hostedThreadMap, func(d rpc.CapDescriptor) { d.SetSenderHosted(6) })
		a.expectAbort("no promise")
	}},
	{name: "message/resolve of an unknown kind", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) {
			r := must(m.NewResolve())
			capnp.Struct(r).SetUint16(4, 77)
		})
		a.expectAbort("resolve")
	}},
	{name: "message/resolve to no export", run: func(a *attacker, _ *victim) {
		a.resolve(5, func(d rpc.CapDescriptor) { d.SetReceiverHosted(321) })
		a.expectAbort("no export has id 321")
	}},
	{name: "message/disembargo to nowhere", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) { must(m.NewDisembargo()).Context().SetSenderLoopback(1) })
		a.expectAbort("disembargo")
	}},
	{name: "message/disembargo for an unknown answer", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) {
			d := must(m.NewDisembargo())
			d.Context().SetSenderLoopback(1)
			setAnswer(must(must(d.NewTarget()).NewPromisedAnswer()), 99, 0)
		})
		a.expectAbort("disembargo")
	}},
	{name: "message/disembargo of an object of the victim's", run: func(a *attacker, _ *victim) {
		a.open()
		a.send(func(m rpc.Message) {
			d := must(m.NewDisembargo())
			d.Context().SetSenderLoopback(1)
			must(d.NewTarget()).SetImportedCap(0)
		})
		a.expectAbort("not an object of the sender")
	}},
	{name: "message/disembargo that answers none", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) { must(m.NewDisembargo()).Context().SetReceiverLoopback(3) })
		a.expectAbort("no embargo has id 3")
	}},
	{name: "message/disembargo of level 3", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) { must(m.NewDisembargo()).Context().SetAccept(nil) })
		a.expectUnimplemented()
		a.open()
		a.stillServed()
	}},
	{name: "message/disembargoes on a blocked answer", run: func(a *attacker, _ *victim) {
		a.open()
		a.block(1)
		a.floodDisembargoes(1, 1)
	}},
	{name: "message/every kind of level 3", run: func(a *attacker, _ *victim) {
		for _, which := range []rpc.Message_Which{rpc.Message_Which_provide, rpc.Message_Which_accept, rpc.Message_Which_join,
			rpc.Message_Which_thirdPartyAnswer, rpc.Message_Which_obsoleteSave, rpc.Message_Which_obsoleteDelete, 5000} {
			a.send(func(m rpc.Message) { capnp.Struct(m).SetUint16(0, uint16(which)) })
			if got := a.expectUnimplemented().Which(); got != which {
				a.t.Errorf("%v came back for %v", got, which)
			}
		}
		a.open()
		a.stillServed()
	}},
	{name: "message/unimplemented question", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) { must(must(m.NewUnimplemented()).NewCall()).SetQuestionId(9) })
		a.expectAbort("no question has id 9")
	}},
	{name: "message/unimplemented finish", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) { must(must(m.NewUnimplemented()).NewFinish()) })
		a.expectAbort("does not implement")
	}},
	{name: "message/unimplemented resolve of no export", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) {
			must(must(must(m.NewUnimplemented()).NewResolve()).NewCap()).SetSenderHosted(44)
		})
		a.expectAbort("no export has id 44")
	}},
	{name: "message/unimplemented within unimplemented", run: func(a *attacker, _ *victim) {
		a.open()
		a.send(func(m rpc.Message) {
			for range 30 {
				m = must(m.NewUnimplemented())
			}
		})
		a.stillServed()
	}},
	{name: "message/abort", run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) {
			if err := must(m.NewAbort()).SetReason("\x00\x1b[2Jno reason\xff"); err != nil {
				panic(err)
			}
		})
		a.expectEnd()
	}},
	{name: "message/abort with a reason of 60 MiB", heap: 512 * mib, run: func(a *attacker, _ *victim) {
		a.send(func(m rpc.Message) {
			if err := must(m.NewAbort()).SetReason(string(make([]byte, 60*mib))); err != nil {
				panic(err)
			}
		})
		a.expectEnd()
	}},
	{name: "message/null of every kind", run: func(a *attacker, v *victim) {
		for which := range uint16(14) {
			b := v.attack()
			b.send(func(m rpc.Message) { capnp.Struct(m).SetUint16(0, which) })
			b.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort, rpc.Message_Which_return)
			b.nc.Close()
		}
	}},
	{name: "message/every kind with pointers to nowhere", run: func(a *attacker, v *victim) {
		for which := range uint64(14) {
			b := v.attack()
			b.raw(frame(words(structPtr(0, 1, 1), which, structPtr(1<<28, 3, 3))))
			b.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort, rpc.Message_Which_return)
			b.nc.Close()
		}
	}},
	{name: "message/every kind with a list for a struct", run: func(a *attacker, v *victim) {
		for which := range uint64(14) {
			b := v.attack()
			b.raw(frame(words(structPtr(0, 1, 1), which, listPtr(0, 6, 1), structPtr(-2, 1, 1))))
			b.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort, rpc.Message_Which_return)
			b.nc.Close()
		}
	}},
	{name: "message/disembargoes of parts a million pointers deep", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		a.block(1)
		path := make([]uint16, 1_000_000)
		for i := range uint32(3) {
			path[0] = uint16(i)
			a.send(func(m rpc.Message) {
				d := must(m.NewDisembargo())
				d.Context().SetSenderLoopback(i)
				setAnswer(must(must(d.NewTarget()).NewPromisedAnswer()), 1, path...)
			})
		}
		a.expectAbort("pointers deep")
	}},
}

// expectEnded sees that a question fails or the session ends with an Abort.
func (a *attacker) expectEnded(question uint32) {
	a.t.Helper()
	for {
		m, ok := a.next()
		switch {
		case !ok:
			a.t.Fatal("victim hung up without a word")
		case m.Which() == rpc.Message_Which_abort:
			return
		case m.Which() == rpc.Message_Which_return:
			if r := must(m.Return()); r.AnswerId() == question && r.Which() == rpc.Return_Which_exception {
				return
			}
		}
	}
}
