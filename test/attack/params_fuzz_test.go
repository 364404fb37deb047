package attack

import (
	"encoding/binary"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/test/foo"
)

// FuzzParams gives every method of foo any params: each call returns, or ends its connection with an Abort, and the
// decoders that were generated for the params neither panic nor hang.
func FuzzParams(f *testing.F) {
	const methods = foo.FooInterface_PassData_ID + 1
	for method := range uint16(methods) {
		f.Add(method, words(0))
		f.Add(method, words(structPtr(0, 1, 1), 0xffffffff, listPtr(0, 7, 4), structPtr(1<<2, 1, 3), 0, 0, 0, 0))
		f.Add(method, words(structPtr(0, 1, 5), 1<<32, listPtr(4, 2, 8), listPtr(3, 4, 2), listPtr(2, 1, 7), 0, 0, 0x0041414141414141))
	}
	v := startVictim(f)
	f.Cleanup(v.stop)
	var a *attacker // stays connected as long as it is not thrown out
	question := uint32(0)
	f.Fuzz(func(t *testing.T, method uint16, content []byte) {
		if len(content) == 0 || len(content) > 1<<16 {
			return
		}
		for len(content)%8 != 0 {
			content = append(content, 0)
		}
		if a == nil {
			a = v.connect(t)
			a.open()
			question = 0
		}
		a.t = t
		question++
		c := make([]uint64, len(content)/8)
		for i := range c {
			c[i] = binary.LittleEndian.Uint64(content[8*i:])
		}
		a.raw(rawCall(question, method%methods, c...))
		for {
			m, ok := a.next()
			if !ok {
				t.Fatal("hung up without a word")
			}
			switch m.Which() {
			case rpc.Message_Which_abort:
				a.nc.Close()
				a = nil
				return
			case rpc.Message_Which_return:
				if must(m.Return()).AnswerId() == question {
					a.finish(question, true)
					return
				}
			}
		}
	})
}

// FuzzResults gives a client any results of a call: it gets them or an error, and the decoders that were generated for
// the results neither panic nor hang.
func FuzzResults(f *testing.F) {
	f.Add(words(0))
	f.Add(words(structPtr(0, 1, 1), 0xffffffff, structPtr(0, 1, 5), 1<<32, listPtr(4, 2, 8), listPtr(3, 4, 2), listPtr(2, 1, 7), 0, 0, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) == 0 || len(content) > 1<<16 {
			return
		}
		for len(content)%8 != 0 {
			content = append(content, 0)
		}
		a, c := startHostile(t)
		defer a.nc.Close()
		defer c.Close()
		call := a.calls(c)
		q := call.QuestionId()
		segment := append(words(structPtr(0, 1, 1), uint64(rpc.Message_Which_return), structPtr(0, 2, 1), uint64(q)|1<<33, 0,
			structPtr(0, 0, 2), structPtr(1, 0, 1), 0), content...)
		a.raw(frame(segment))
		select {
		case <-a.result:
		case <-time.After(patience):
			t.Fatal("the call does not end")
		}
	})
}
