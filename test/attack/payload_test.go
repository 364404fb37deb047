package attack

import (
	"bytes"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// rawCall is the frame of a call of a method with one pointer among its params. That pointer is the first of content,
// which is appended to the message; offsets in content count from itself.
func rawCall(question uint32, method uint16, content ...uint64) []byte {
	segment := words(
		structPtr(0, 1, 1), // root
		uint64(rpc.Message_Which_call),
		structPtr(0, 3, 3), // Message.call
		uint64(question)|uint64(method)<<32, fooInterface, 0,
		structPtr(2, 1, 1), // target
		structPtr(3, 0, 2), // params
		0,
		0, 0, // MessageTarget: importedCap 0
		structPtr(1, 0, 1), 0, // Payload: content
	)
	segment = append(segment, words(content...)...)
	return frame(segment)
}

// sameText is a call of mapSize whose n pairs consist of one text of 640 bytes.
func sameText(question uint32, n int32) []byte {
	const size = 640
	content := []uint64{listPtr(0, 7, uint32(2*n)), uint64(n)<<2 | 2<<48}
	for i := range 2 * n {
		content = append(content, listPtr(2*n-1-i, 2, size))
	}
	for range size/8 - 1 {
		content = append(content, 0x2020202020202020)
	}
	return rawCall(question, fooMapSize, append(content, 0x20)...)
}

// Attacks with params that are more than they seem, or less.
var payloadAttacks = []serverAttack{
	{name: "payload/params are a list", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooPass, 0, 1, 0, func(c callArgs) {
			l := must(capnp.NewUInt64List(c.params.Segment(), 100))
			if err := must(c.Params()).SetContent(l.ToPtr()); err != nil {
				panic(err)
			}
		})
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "payload/params are null", run: func(a *attacker, _ *victim) {
		a.open()
		for i, method := range []uint16{fooAdd, fooMapSize, fooPass, fooInitThreadMap, fooCallFnAsync, fooPassDatas, fooPassData} {
			a.call(uint32(i), fooInterface, method, 0, 0, 0, func(c callArgs) {
				if err := must(c.Params()).SetContent(capnp.Ptr{}); err != nil {
					panic(err)
				}
			})
			a.expectReturn(uint32(i))
		}
		a.stillServed()
	}},
	{name: "payload/params missing", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooPass, 0, 0, 0, func(c callArgs) {
			if err := c.SetParams(rpc.Payload{}); err != nil {
				panic(err)
			}
		})
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "payload/numbers for pointers", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooPassDatas, 0, 1, 0, func(c callArgs) {
			l := must(capnp.NewUInt64List(c.params.Segment(), 100))
			if err := c.params.SetPtr(0, l.ToPtr()); err != nil {
				panic(err)
			}
		})
		a.expectException(1, "malformed")
		a.stillServed()
	}},
	{name: "payload/struct for a list", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooMapSize, 0, 1, 0, func(c callArgs) {
			if err := c.params.SetPtr(0, must(capnp.NewStruct(c.params.Segment(), capnp.ObjectSize{PointerCount: 3})).ToPtr()); err != nil {
				panic(err)
			}
		})
		a.expectException(1, "malformed")
		a.stillServed()
	}},
	{name: "payload/text without a NUL", run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooPass, 0, 1, 0, func(c callArgs) {
			s := must(capnp.NewStruct(c.params.Segment(), capnp.ObjectSize{DataSize: 8, PointerCount: 5}))
			d := must(capnp.NewData(s.Segment(), []byte("\xff\xfe\xfd")))
			if err := s.SetPtr(0, d.ToPtr()); err != nil {
				panic(err)
			}
			if err := c.params.SetPtr(0, s.ToPtr()); err != nil {
				panic(err)
			}
		})
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "payload/half a billion empty structs", run: func(a *attacker, _ *victim) {
		a.open()
		// A list of empty structs of which each is there for nothing.
		a.raw(rawCall(1, fooMapSize, listPtr(0, 7, 0), uint64(1<<29-1)<<2))
		a.expectEnded(1)
	}},
	{name: "payload/eight million empty structs", run: func(a *attacker, _ *victim) {
		a.open()
		a.raw(rawCall(1, fooMapSize, listPtr(0, 7, 0), uint64(8_000_000)<<2))
		a.expectException(1, "limit")
		a.stillServed()
	}},
	{name: "payload/empty structs, as many as a small message may have", run: func(a *attacker, _ *victim) {
		a.open()
		a.raw(rawCall(1, fooMapSize, listPtr(0, 7, 0), uint64(200_000)<<2))
		a.expectException(1, "empty structs")
		a.stillServed()
	}},
	{name: "payload/half a billion voids for data", run: func(a *attacker, _ *victim) {
		a.open()
		a.raw(rawCall(1, fooPassDatas, listPtr(0, 0, 1<<29-1)))
		a.expectEnded(1)
	}},
	{name: "payload/list longer than its message", run: func(a *attacker, _ *victim) {
		a.open()
		a.raw(rawCall(1, fooPassData, listPtr(0, 2, 1<<29-1)))
		a.expectEnded(1)
	}},
	{name: "payload/composite list whose tag lies", run: func(a *attacker, _ *victim) {
		a.open()
		a.raw(rawCall(1, fooMapSize, listPtr(0, 7, 2), structPtr(1000, 1, 1), 0, 0))
		a.expectEnded(1)
	}},
	{name: "payload/composite list whose tag is no struct", run: func(a *attacker, _ *victim) {
		a.open()
		a.raw(rawCall(1, fooMapSize, listPtr(0, 7, 2), listPtr(0, 2, 3), 0, 0))
		a.expectEnded(1)
	}},
	{name: "payload/100,000 pointers to one megabyte", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		// passDataPointers: each element is the same megabyte.
		const n = 100_000
		content := []uint64{listPtr(0, 6, n)}
		for i := range int32(n) {
			content = append(content, listPtr(n-1-i, 2, mib))
		}
		f := rawCall(1, fooPassDatas, append(content, make([]uint64, mib/8)...)...)
		a.raw(f)
		a.expectException(1, "limit")
		a.stillServed()
	}},
	{name: "payload/small messages that read as large", heap: 256 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		// 64 KiB read a thousand times over, in each of 20 calls.
		const n = 1000
		content := []uint64{listPtr(0, 6, n)}
		for i := range int32(n) {
			content = append(content, listPtr(n-1-i, 2, 64<<10))
		}
		content = append(content, make([]uint64, 8<<10)...)
		for q := range uint32(20) {
			a.raw(rawCall(1+q, fooPassDatas, content...))
			a.expectReturn(1 + q)
			a.finish(1+q, true)
		}
		a.stillServed()
	}},
	{name: "payload/pointer to itself", run: func(a *attacker, _ *victim) {
		a.open()
		a.raw(rawCall(1, fooPass, structPtr(-1, 0, 1)))
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "payload/list that contains itself", run: func(a *attacker, _ *victim) {
		a.open()
		a.raw(rawCall(1, fooPassDatas, listPtr(-1, 6, 1)))
		a.expectReturn(1)
		a.stillServed()
	}},
	{name: "payload/nested 1000 deep, sent back", run: func(a *attacker, _ *victim) {
		// Echoing a message that is not implemented copies all of it.
		content := words(structPtr(0, 1, 1), 5000)
		for range 1000 {
			content = append(content, words(structPtr(0, 0, 1))...)
		}
		a.raw(frame(append(content, words(0)...)))
		a.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort)
	}},
	{name: "payload/amplified copy of what is not implemented", heap: 512 * mib, run: func(a *attacker, _ *victim) {
		// 1000 pointers to the same 64 KiB, copied out one by one.
		const n = 1000
		content := words(structPtr(0, 1, 1), 5000, listPtr(0, 6, n))
		for i := range int32(n) {
			content = append(content, words(listPtr(n-1-i, 2, 64<<10))...)
		}
		content = append(content, make([]byte, 64<<10)...)
		for range 5 {
			if a.raw(frame(content)) != nil {
				break
			}
		}
		a.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort)
	}},
	{name: "payload/table of a million capabilities", heap: 512 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		a.call(1, fooInterface, fooAdd, 1, 0, 1_000_000, func(c callArgs) {
			for i := range c.caps.Len() {
				c.caps.At(i).SetReceiverHosted(0)
			}
		})
		a.expectEnded(1)
	}},
	{name: "payload/table of 8 million empty descriptors", heap: 512 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		// The payload's second pointer is its table, whose tag is what would be the params.
		f := rawCall(1, fooAdd, uint64(8_000_000)<<2)
		payload := words(structPtr(1, 0, 1), 0, uint64(8_000_000)<<2)
		f = bytes.Replace(f, payload, words(0, listPtr(0, 7, 0), uint64(8_000_000)<<2), 1)
		a.raw(f)
		a.expectEnded(1)
	}},
	{name: "payload/calls of 60 MiB in a row", heap: 512 * mib, run: func(a *attacker, _ *victim) {
		a.open()
		f := buildCall(a.t, 1, fooInterface, fooAdd, 1, 1, 0, func(c callArgs) {
			d := must(capnp.NewData(c.params.Segment(), make([]byte, 60*mib)))
			if err := c.params.SetPtr(0, d.ToPtr()); err != nil {
				panic(err)
			}
		})
		for range 5 {
			a.raw(f)
			a.expectReturn(1)
			a.finish(1, true)
		}
		a.stillServed()
	}},
	{name: "payload/one text in each of 100,000 pairs", run: func(a *attacker, _ *victim) {
		a.open()
		a.raw(sameText(1, 100_000))
		a.expectException(1, "are read from the message")
		a.stillServed()
	}},
	{name: "payload/small messages that read as large, beside a call that is held", run: func(a *attacker, _ *victim) {
		a.open()
		m := a.threads()
		a.makeThread(3, m, "worker")
		a.blockThread(4, a.threadOf(3))
		a.raw(sameText(1, 2_000))
		a.expectException(1, "held by calls")
		a.finish(1, true)
		a.finish(4, true)
		a.expectReturn(4)
		a.raw(sameText(2, 2_000)) // which is nothing that one call may not do
		if r := a.expectReturn(2); r.Which() != rpc.Return_Which_results {
			a.t.Errorf("the only call ends with %v", r.Which())
		}
		a.stillServed()
	}, opts: []mprt.Option{mprt.WithMaxHeld(mib)}},
}
