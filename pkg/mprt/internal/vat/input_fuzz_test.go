package vat

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// pieces is a stream that gives its bytes in pieces.
type pieces struct {
	net.Conn // nil: only Read is called
	rest     []byte
	size     int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (*pieces) SetReadDeadline(time.Time) error { return nil }

// frames cuts a stream into messages and describes what came out.
func frames(stream []byte, size int) (sizes []int, roots []rpc.Message_Which, err error) {
	in := newInput(&pieces{rest: stream, size: size}, nil, 1<<20, 1<<20)
	defer in.drop()
	for {
		in.hasFrame()
		m, err := in.next()
		if err != nil {
			return sizes, roots, err
		}
		sizes = append(sizes, m.size())
		kind, plainly := m.kind()
		if err := m.readRoot(); err == nil {
			roots = append(roots, m.root.Which())
			if plainly && m.root.Which() != kind {
				panic("a root is read in two ways")
			}
		}
		m.release()
	}
}

// FuzzInput checks that any bytes are cut into the same messages however they arrive, and that what a message says does
// not depend on the way it is read.
func FuzzInput(f *testing.F) {
	for _, fill := range []func(m rpc.Message){
		func(m rpc.Message) { m.NewBootstrap() },
		func(m rpc.Message) { m.NewFinish() },
		func(m rpc.Message) {
			c, _ := m.NewCall()
			p, _ := c.NewParams()
			s, _ := capnp.NewStruct(p.Segment(), capnp.ObjectSize{DataSize: 8, PointerCount: 1})
			p.SetContent(s.ToPtr())
			p.NewCapTable(2)
		},
	} {
		for _, arena := range []capnp.Arena{capnp.SingleSegment(nil), capnp.MultiSegment(nil)} {
			msg, seg, err := capnp.NewMessage(arena)
			if err != nil {
				f.Fatal(err)
			}
			root, err := rpc.NewRootMessage(seg)
			if err != nil {
				f.Fatal(err)
			}
			fill(root)
			b, err := msg.Marshal()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(append(b, b...), uint16(3))
		}
	}
	f.Add(words(1<<32, 0xffff<<32), uint16(1))
	f.Add(words(0), uint16(8))
	f.Add(words(511, 0, 0), uint16(100))
	f.Fuzz(func(t *testing.T, stream []byte, size uint16) {
		sizes, roots, err := frames(stream, len(stream)+1)
		sizes2, roots2, err2 := frames(stream, int(size)+1)
		if len(sizes) != len(sizes2) || len(roots) != len(roots2) || err.Error() != err2.Error() {
			t.Fatalf("whole: %v %v %v; in pieces: %v %v %v", sizes, roots, err, sizes2, roots2, err2)
		}
		total := 0
		for i := range sizes {
			if sizes[i] != sizes2[i] {
				t.Fatalf("frame %d has %d bytes, or %d in pieces", i, sizes[i], sizes2[i])
			}
			total += sizes[i]
		}
		if total > len(stream) {
			t.Fatalf("%d bytes came out of %d", total, len(stream))
		}
	})
}

// FuzzPlain checks that calls and returns that are read in place say what go-capnp's accessors say.
func FuzzPlain(f *testing.F) {
	f.Add(bytes.Clone(callTemplate))
	f.Add(bytes.Clone(returnTemplate))
	f.Add(append(bytes.Clone(callTemplate), words(1, 2, 3, 4)...))
	f.Add(appendNote(nil, rpc.Message_Which_finish, 7|keepResultCaps<<32)[wordSize:])
	f.Add(appendNote(nil, rpc.Message_Which_release, 7|3<<32)[wordSize:])
	if m, _, err := newEnvelope(callTemplate, callContent, capnp.ObjectSize{DataSize: 8}); err == nil && m.aimAtPart(7, []uint16{1, 2}) == nil {
		f.Add(bytes.Clone(m.data()))
		m.release()
	}
	f.Fuzz(func(t *testing.T, segment []byte) {
		if len(segment) == 0 || len(segment)%8 != 0 || len(segment) > 1<<16 {
			return
		}
		parse := func() *message {
			m, b, err := newIncoming(len(segment), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			copy(b, segment)
			return m
		}
		m, ref := parse(), parse()
		defer m.release()
		defer ref.release()
		kind, ok := m.kind()
		if !ok {
			return
		}
		if err := ref.readRoot(); err != nil || ref.root.Which() != kind {
			t.Fatalf("%v in place, %v, %v otherwise", kind, ref.root.Which(), err)
		}
		switch kind {
		case rpc.Message_Which_call:
			h, ok := m.plainCall()
			if !ok {
				return
			}
			call, err := ref.root.Call()
			if err != nil {
				t.Fatalf("call: %v", err)
			}
			to, err := call.Target()
			if err != nil {
				t.Fatalf("target: %v", err)
			}
			if h.id != call.QuestionId() || h.methodID != call.MethodId() || h.interfaceID != call.InterfaceId() ||
				h.noPipelining != call.NoPromisePipelining() || call.SendResultsTo().Which() != rpc.Call_sendResultsTo_Which_caller {
				t.Fatalf("%+v, or otherwise %v", h, call)
			}
			sameTarget(t, m, h, to)
			payload, err := call.Params()
			if err != nil {
				t.Fatalf("params: %v", err)
			}
			sameTable(t, m, payload)
		case rpc.Message_Which_return:
			h, ok := m.plainReturn()
			if !ok {
				return
			}
			ret, err := ref.root.Return()
			if err != nil {
				t.Fatalf("return: %v", err)
			}
			if h.id != ret.AnswerId() || h.releaseParams != ret.ReleaseParamCaps() || h.noFinishNeeded != ret.NoFinishNeeded() ||
				ret.Which() != rpc.Return_Which_results {
				t.Fatalf("%+v, or otherwise %v", h, ret)
			}
			payload, err := ret.Results()
			if err != nil {
				t.Fatalf("results: %v", err)
			}
			sameTable(t, m, payload)
		case rpc.Message_Which_finish:
			data, ok := m.plainNote()
			if !ok {
				return
			}
			finish, err := ref.root.Finish()
			if err != nil || uint32(data) != finish.QuestionId() || (data>>32&keepResultCaps == 0) != finish.ReleaseResultCaps() {
				t.Fatalf("%#x, or otherwise %v, %v", data, finish, err)
			}
		case rpc.Message_Which_release:
			data, ok := m.plainNote()
			if !ok {
				return
			}
			release, err := ref.root.Release()
			if err != nil || uint32(data) != release.Id() || uint32(data>>32) != release.ReferenceCount() {
				t.Fatalf("%#x, or otherwise %v, %v", data, release, err)
			}
		}
	})
}

func sameTarget(t *testing.T, m *message, h callHeader, to rpc.MessageTarget) {
	if !h.onAnswer {
		if to.Which() != rpc.MessageTarget_Which_importedCap || h.target != to.ImportedCap() {
			t.Fatalf("%+v, or otherwise %v", h, to)
		}
		return
	}
	pa, err := to.PromisedAnswer()
	if err != nil || to.Which() != rpc.MessageTarget_Which_promisedAnswer || h.target != pa.QuestionId() {
		t.Fatalf("%+v, or otherwise %v, %v", h, to, err)
	}
	ops, err := pa.Transform()
	if err != nil {
		t.Fatalf("transform: %v", err)
	}
	var path []uint16
	for i := range ops.Len() {
		if op := ops.At(i); op.Which() == rpc.PromisedAnswer_Op_Which_getPointerField {
			path = append(path, op.GetPointerField())
		}
	}
	if !samePath(m.path, path) {
		t.Fatalf("path %v, or otherwise %v", m.path, path)
	}
}

func sameTable(t *testing.T, m *message, payload rpc.Payload) {
	list, err := payload.CapTable()
	if err != nil {
		t.Fatalf("table: %v", err)
	}
	if list.Len() != len(m.table) {
		t.Fatalf("%d capabilities in place, %d otherwise", len(m.table), list.Len())
	}
	content, err := payload.Content()
	root, err2 := m.msg.Root()
	if (err == nil) != (err2 == nil) {
		t.Fatalf("content: in place %v, otherwise %v", err2, err)
	}
	if err == nil && (content.Struct().IsValid() != root.Struct().IsValid() || content.Struct().Size() != root.Struct().Size()) {
		t.Fatal("another content in place")
	}
}
