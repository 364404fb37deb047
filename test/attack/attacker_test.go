package attack

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// patience bounds everything that has to happen. It is long enough for a machine that is busy with other things; what
// takes long is a fault.
const patience = 90 * time.Second

// attacker is a peer that writes whatever it likes. It keeps no tables: ids are the attack's own.
type attacker struct {
	t  testing.TB
	nc net.Conn

	// inbox are the messages that the victim sent, in order; closed at the end of the stream. It is filled while the
	// attacker reads.
	inbox chan rpc.Message
}

// newAttacker takes nc over. It reads nothing yet.
func newAttacker(t testing.TB, nc net.Conn) *attacker {
	t.Cleanup(func() { nc.Close() })
	return &attacker{t: t, nc: nc}
}

// read starts reading what the victim sends.
func (a *attacker) read() {
	a.inbox = make(chan rpc.Message, 1<<16)
	go func() {
		defer close(a.inbox)
		for {
			m, err := readFrame(a.nc)
			if err != nil {
				return
			}
			root, err := rpc.ReadRootMessage(m)
			if err != nil {
				return
			}
			a.inbox <- root
		}
	}()
}

func readFrame(r io.Reader) (*capnp.Message, error) {
	var first [8]byte
	if _, err := io.ReadFull(r, first[:]); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(first[:])) + 1
	header := append(make([]byte, 0, (n/2+1)*8), first[:]...)[:(n/2+1)*8]
	if _, err := io.ReadFull(r, header[8:]); err != nil {
		return nil, err
	}
	size := len(header)
	for i := range n {
		size += int(binary.LittleEndian.Uint32(header[4+4*i:])) * 8
	}
	frame := append(make([]byte, 0, size), header...)[:size]
	if _, err := io.ReadFull(r, frame[len(header):]); err != nil {
		return nil, err
	}
	return capnp.Unmarshal(frame)
}

// build makes the frame of one message.
func build(t testing.TB, fill func(m rpc.Message)) []byte {
	msg, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	if err != nil {
		t.Fatal(err)
	}
	root, err := rpc.NewRootMessage(seg)
	if err != nil {
		t.Fatal(err)
	}
	fill(root)
	b, err := msg.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// send writes one message.
func (a *attacker) send(fill func(m rpc.Message)) { a.raw(build(a.t, fill)) }

// raw writes bytes. That the victim has hung up is not an error: it is what most attacks wait for.
func (a *attacker) raw(b []byte) error {
	a.nc.SetWriteDeadline(time.Now().Add(patience))
	_, err := a.nc.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		a.t.Errorf("victim neither reads nor hangs up")
	}
	return err
}

// next returns the victim's next message; false at the end of the stream.
func (a *attacker) next() (rpc.Message, bool) {
	a.t.Helper()
	if a.inbox == nil {
		a.read()
	}
	select {
	case m, ok := <-a.inbox:
		return m, ok
	case <-time.After(patience):
		a.t.Fatalf("victim sends nothing and does not hang up")
		panic("unreachable")
	}
}

// expectAbort waits for an Abort whose reason contains text, and the end of the stream after it.
func (a *attacker) expectAbort(text string) {
	a.t.Helper()
	for {
		m, ok := a.next()
		if !ok {
			a.t.Fatalf("victim hung up without an Abort")
		}
		if m.Which() != rpc.Message_Which_abort {
			continue
		}
		reason := must(must(m.Abort()).Reason())
		if !strings.Contains(reason, text) {
			a.t.Errorf("Abort says %q, not %q", reason, text)
		}
		if _, ok := a.next(); ok {
			a.t.Error("victim sends something after its Abort")
		}
		return
	}
}

// expectEnd waits for the end of the stream, with or without an Abort before.
func (a *attacker) expectEnd() {
	a.t.Helper()
	for {
		if _, ok := a.next(); !ok {
			return
		}
	}
}

// expectReturn waits for the return of a question.
func (a *attacker) expectReturn(question uint32) rpc.Return {
	a.t.Helper()
	for {
		m, ok := a.next()
		switch {
		case !ok:
			a.t.Fatalf("victim hung up before it answered question %d", question)
		case m.Which() == rpc.Message_Which_abort:
			a.t.Fatalf("victim aborted: %s", must(must(m.Abort()).Reason()))
		case m.Which() == rpc.Message_Which_return:
			if r := must(m.Return()); r.AnswerId() == question {
				return r
			}
		}
	}
}

// expectException waits for a question to fail with a reason that contains text.
func (a *attacker) expectException(question uint32, text string) {
	a.t.Helper()
	r := a.expectReturn(question)
	if r.Which() != rpc.Return_Which_exception {
		a.t.Fatalf("question %d ended with %v", question, r.Which())
	}
	if reason := must(must(r.Exception()).Reason()); !strings.Contains(reason, text) {
		a.t.Errorf("question %d failed with %q, not %q", question, reason, text)
	}
}

// expectUnimplemented waits for a message to come back.
func (a *attacker) expectUnimplemented() rpc.Message {
	a.t.Helper()
	for {
		m, ok := a.next()
		if !ok {
			a.t.Fatal("victim hung up")
		}
		if m.Which() == rpc.Message_Which_unimplemented {
			return must(m.Unimplemented())
		}
	}
}

// expectCall waits for a call that the victim makes.
func (a *attacker) expectCall() rpc.Call {
	a.t.Helper()
	for {
		m, ok := a.next()
		if !ok {
			a.t.Fatal("victim hung up")
		}
		if m.Which() == rpc.Message_Which_call {
			return must(m.Call())
		}
	}
}

// must is for what cannot fail on a message of the attacker's own, and for what a victim must have written well.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The messages of a well-behaved peer, for attacks to start from.

func (a *attacker) bootstrap(question uint32) {
	a.send(func(m rpc.Message) { must(m.NewBootstrap()).SetQuestionId(question) })
}

// open asks for the bootstrap object, which is export 0 of a fresh victim.
func (a *attacker) open() {
	a.t.Helper()
	a.bootstrap(1000)
	r := a.expectReturn(1000)
	d := must(must(r.Results()).CapTable()).At(0)
	if d.Which() != rpc.CapDescriptor_Which_senderHosted || d.SenderHosted() != 0 {
		a.t.Fatalf("bootstrap object is %v", d)
	}
	a.finish(1000, false)
}

// callArgs is a call being built.
type callArgs struct {
	rpc.Call
	params capnp.Struct
	caps   rpc.CapDescriptor_List
}

// call calls a method of export 0. words and pointers are the size of the params, caps that of the capability table.
func (a *attacker) call(question uint32, iface uint64, method uint16, words, pointers, caps int, fill func(c callArgs)) {
	a.raw(buildCall(a.t, question, iface, method, words, pointers, caps, fill))
}

func buildCall(t testing.TB, question uint32, iface uint64, method uint16, words, pointers, caps int, fill func(c callArgs)) []byte {
	return build(t, func(m rpc.Message) {
		c := must(m.NewCall())
		c.SetQuestionId(question)
		c.SetInterfaceId(iface)
		c.SetMethodId(method)
		must(c.NewTarget()).SetImportedCap(0)
		p := must(c.NewParams())
		s := must(capnp.NewStruct(p.Segment(), capnp.ObjectSize{DataSize: capnp.Size(8 * words), PointerCount: uint16(pointers)}))
		if err := p.SetContent(s.ToPtr()); err != nil {
			panic(err)
		}
		args := callArgs{Call: c, params: s}
		if caps > 0 {
			args.caps = must(p.NewCapTable(int32(caps)))
		}
		if fill != nil {
			fill(args)
		}
	})
}

// setCap points the i-th param at an entry of the capability table.
func (c callArgs) setCap(i uint16, index int) {
	p := capnp.NewInterface(c.params.Segment(), capnp.CapabilityID(index)).ToPtr()
	if err := c.params.SetPtr(i, p); err != nil {
		panic(err)
	}
}

// context sets the params' pointer 0 to a Proxy.Context whose thread and callbackThread are entries of the capability
// table; -1 for null.
func (c callArgs) context(thread, callback int) {
	s := must(capnp.NewStruct(c.params.Segment(), capnp.ObjectSize{PointerCount: 2}))
	for i, index := range []int{thread, callback} {
		if index >= 0 {
			if err := s.SetPtr(uint16(i), capnp.NewInterface(s.Segment(), capnp.CapabilityID(index)).ToPtr()); err != nil {
				panic(err)
			}
		}
	}
	if err := c.params.SetPtr(0, s.ToPtr()); err != nil {
		panic(err)
	}
}

// onAnswer aims the call at a part of an answer.
func (c callArgs) onAnswer(question uint32, path ...uint16) {
	setAnswer(must(must(c.NewTarget()).NewPromisedAnswer()), question, path...)
}

func setAnswer(pa rpc.PromisedAnswer, question uint32, path ...uint16) {
	pa.SetQuestionId(question)
	ops := must(pa.NewTransform(int32(len(path))))
	for i, p := range path {
		ops.At(i).SetGetPointerField(p)
	}
}

func (a *attacker) finish(question uint32, releaseCaps bool) {
	a.send(func(m rpc.Message) {
		f := must(m.NewFinish())
		f.SetQuestionId(question)
		f.SetReleaseResultCaps(releaseCaps)
	})
}

func (a *attacker) release(id, n uint32) {
	a.send(func(m rpc.Message) {
		r := must(m.NewRelease())
		r.SetId(id)
		r.SetReferenceCount(n)
	})
}

func (a *attacker) sendReturn(answer uint32, fill func(r rpc.Return)) {
	a.send(func(m rpc.Message) {
		r := must(m.NewReturn())
		r.SetAnswerId(answer)
		fill(r)
	})
}

// resolve resolves a promise to what fill says.
func (a *attacker) resolve(promise uint32, fill func(d rpc.CapDescriptor)) {
	a.send(func(m rpc.Message) {
		r := must(m.NewResolve())
		r.SetPromiseId(promise)
		fill(must(r.NewCap()))
	})
}

// stillServed checks that the attacker's own connection works: the attack cost only the call that it was made with.
func (a *attacker) stillServed() {
	a.t.Helper()
	const question = 9_000_001
	a.add(question)
	a.expectSum(question)
}

func (a *attacker) add(question uint32) {
	a.call(question, fooInterface, fooAdd, 1, 0, 0, func(c callArgs) {
		c.params.SetUint32(0, 40)
		c.params.SetUint32(4, 2)
	})
}

func (a *attacker) expectSum(question uint32) {
	a.t.Helper()
	r := a.expectReturn(question)
	if r.Which() != rpc.Return_Which_results {
		a.t.Fatalf("add ended with %v", r.Which())
	}
	if sum := must(must(r.Results()).Content()).Struct().Uint32(0); sum != 42 {
		a.t.Fatalf("40 + 2 = %d", sum)
	}
}
