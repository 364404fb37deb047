package attack

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"

	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// words makes a byte string of 64-bit words.
func words(w ...uint64) []byte {
	var b []byte
	for _, v := range w {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// frame puts a segment table before segments.
func frame(segments ...[]byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(segments)-1))
	for _, s := range segments {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)/8))
	}
	if len(b)%8 != 0 {
		b = append(b, 0, 0, 0, 0)
	}
	return append(b, bytes.Join(segments, nil)...)
}

// far is a far pointer.
func far(double bool, offset, segment uint32) uint64 {
	p := uint64(2) | uint64(offset)<<3 | uint64(segment)<<32
	if double {
		p |= 4
	}
	return p
}

// structPtr is a pointer to a struct.
func structPtr(offset int32, words, pointers uint16) uint64 {
	return uint64(uint32(offset)<<2) | uint64(words)<<32 | uint64(pointers)<<48
}

// listPtr is a pointer to a list; kind is its element size code.
func listPtr(offset int32, kind, n uint32) uint64 {
	return uint64(1|uint32(offset)<<2) | uint64(kind)<<32 | uint64(n)<<35
}

// header is the first word of a frame of one segment that has that many words.
func header(n uint32) []byte { return words(uint64(n) << 32) }

// Attacks on how messages are cut out of the stream and their pointers are followed.
var frameAttacks = []serverAttack{
	{name: "frame/empty", run: func(a *attacker, _ *victim) {
		a.raw(header(0))
		a.expectAbort("frame is empty")
	}},
	{name: "frame/empty ones in a row", run: func(a *attacker, _ *victim) {
		a.raw(bytes.Repeat(header(0), 10_000))
		a.expectAbort("frame is empty")
	}},
	{name: "frame/all segments empty", run: func(a *attacker, _ *victim) {
		a.raw(frame(nil, nil, nil))
		a.expectAbort("root")
	}},
	{name: "frame/first segment empty", run: func(a *attacker, _ *victim) {
		a.raw(frame(nil, words(structPtr(0, 1, 1), 0, 0)))
		a.expectAbort("root")
	}},
	{name: "frame/512 segments", run: func(a *attacker, _ *victim) {
		segments := make([][]byte, 512)
		for i := range segments {
			segments[i] = words(0)
		}
		a.raw(frame(segments...))
		// A null root reads as a message of the first kind: unimplemented.
		a.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort)
	}},
	{name: "frame/513 segments", run: func(a *attacker, _ *victim) {
		segments := make([][]byte, 513)
		for i := range segments {
			segments[i] = words(0)
		}
		a.raw(frame(segments...))
		a.expectAbort("segments")
	}},
	{name: "frame/4 billion segments", run: func(a *attacker, _ *victim) {
		a.raw(words(0xffffffff))
		a.expectAbort("segments")
	}},
	{name: "frame/length over the limit", run: func(a *attacker, _ *victim) {
		a.raw(header(64<<20/8 + 1))
		a.expectAbort("larger than the limit")
	}},
	{name: "frame/length of 32 GiB", run: func(a *attacker, _ *victim) {
		a.raw(header(0xffffffff))
		a.expectAbort("larger than the limit")
	}},
	{name: "frame/lengths that overflow together", run: func(a *attacker, _ *victim) {
		b := binary.LittleEndian.AppendUint32(nil, 511)
		for range 512 {
			b = binary.LittleEndian.AppendUint32(b, 0xffffffff)
		}
		a.raw(append(b, 0, 0, 0, 0))
		a.expectAbort("larger than the limit")
	}},
	{name: "frame/huge lengths without data", heap: 256 * mib, run: func(a *attacker, v *victim) {
		// Memory must follow the bytes that came, not those that were promised, 50 × 60 MiB: at most 4 MiB ahead.
		var others []*attacker
		for range 50 {
			b := v.attack()
			b.raw(append(header(60<<20/8), make([]byte, 4096)...))
			others = append(others, b)
		}
		a.open()
		a.stillServed()
		for _, b := range others {
			b.nc.Close()
		}
	}},
	{name: "frame/half a frame and silence", run: func(a *attacker, v *victim) {
		b := v.attack()
		f := build(a.t, func(m rpc.Message) { must(m.NewBootstrap()).SetQuestionId(1) })
		b.raw(f[:len(f)/2])
		a.open()
		a.stillServed()
		b.nc.Close()
	}},
	{name: "frame/half a frame and EOF", run: func(a *attacker, _ *victim) {
		f := build(a.t, func(m rpc.Message) { must(m.NewBootstrap()).SetQuestionId(1) })
		a.raw(f[:len(f)/2])
		a.nc.(*net.UnixConn).CloseWrite()
		a.expectEnd()
	}},
	{name: "frame/split at every byte", run: func(a *attacker, _ *victim) {
		// Not an attack if it works: every cut has to.
		a.open()
		add := buildCall(a.t, 1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) {
			c.params.SetUint32(0, 40)
			c.params.SetUint32(4, 2)
		})
		for cut := range add {
			a.raw(add[:cut])
			a.raw(add[cut:])
			a.expectSum(1)
			a.finish(1, false)
		}
	}},
	{name: "frame/a byte at a time", run: func(a *attacker, _ *victim) {
		a.open()
		f := buildCall(a.t, 1, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) { c.params.SetUint64(0, 2<<32|40) })
		for i := range f {
			a.raw(f[i : i+1])
		}
		a.expectSum(1)
	}},
	{name: "frame/noise", run: func(a *attacker, _ *victim) {
		noise := make([]byte, 4096)
		for i := range noise {
			noise[i] = byte(i*167 + 13)
		}
		a.raw(noise)
		a.expectAbort("")
	}},
	{name: "frame/another protocol", run: func(a *attacker, _ *victim) {
		io.WriteString(a.nc, "GET / HTTP/1.1\r\nHost: victim\r\n\r\n")
		a.expectAbort("segments")
	}},
	{name: "frame/root points outside", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(structPtr(1000, 1, 1), 0, 0)))
		a.expectAbort("root")
	}},
	{name: "frame/root points before itself", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(structPtr(-1000, 1, 1), 0, 0)))
		a.expectAbort("root")
	}},
	{name: "frame/root is a list", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(listPtr(0, 5, 1), 0)))
		a.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort)
	}},
	{name: "frame/root is a capability", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(3)))
		a.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort)
	}},
	{name: "frame/root has no fields", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(structPtr(-1, 0, 0))))
		a.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort)
	}},
	{name: "frame/far pointer to itself", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(far(false, 0, 0))))
		a.expectAbort("root")
	}},
	{name: "frame/far pointers in a circle", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(far(false, 0, 1)), words(far(false, 0, 0))))
		a.expectAbort("root")
	}},
	{name: "frame/double far pointer to itself", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(far(true, 0, 0), far(true, 0, 0))))
		a.expectAbort("root")
	}},
	{name: "frame/double far pointers in a circle", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(far(true, 0, 1)), words(far(true, 0, 2), 0), words(far(true, 0, 1), 0)))
		a.expectAbort("root")
	}},
	{name: "frame/far pointer to no segment", run: func(a *attacker, _ *victim) {
		a.raw(frame(words(far(false, 0, 4_000_000_000))))
		a.expectAbort("root")
	}},
	{name: "frame/message within itself", run: func(a *attacker, _ *victim) {
		// Unimplemented whose message is the message itself.
		a.raw(frame(words(structPtr(0, 1, 1), 0, structPtr(-3, 1, 1))))
		a.expectNothingBut(rpc.Message_Which_unimplemented, rpc.Message_Which_abort)
	}},
}

// expectNothingBut closes the sending side and sees that only messages of these kinds come before the end.
func (a *attacker) expectNothingBut(kinds ...rpc.Message_Which) {
	a.t.Helper()
	a.nc.(*net.UnixConn).CloseWrite()
	for {
		m, ok := a.next()
		if !ok {
			return
		}
		allowed := false
		for _, k := range kinds {
			allowed = allowed || m.Which() == k
		}
		if !allowed {
			a.t.Errorf("victim sends %v", m.Which())
		}
	}
}
