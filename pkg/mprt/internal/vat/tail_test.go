package vat

import (
	"errors"
	"net"
	"runtime"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// passingPeer is a peer that gives calls back to us, as the reference library does with a call on an object of the
// caller's: it makes the call, has us keep the results, and says that they are its own.
type passingPeer struct {
	t      *testing.T
	nc     net.Conn
	in     *capnp.Decoder
	object keepingServer // ours, that it calls
	conn   *Conn         // ours
	boot   *Cap
}

// passed is the peer's question in a tail call.
const passed = 1

func newPassingPeer(t *testing.T) *passingPeer {
	near, far := socketPair(t)
	p := &passingPeer{t: t, nc: far, in: capnp.NewDecoder(far), object: keepingServer{newFuncServer(echo), make(chan *Call, 1)}}
	p.conn = New(near, NewServer(p.object), Options{})
	p.conn.Start()
	p.boot = p.conn.Bootstrap()
	t.Cleanup(func() {
		p.boot.Release()
		p.conn.Close()
		far.Close()
	})
	return p
}

func (p *passingPeer) send(fill func(rpc.Message) error) {
	if _, err := p.nc.Write(frame(p.t, fill)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *passingPeer) next() rpc.Message {
	p.t.Helper()
	msg, err := p.in.Decode()
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := rpc.ReadRootMessage(msg)
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// expect reads the next message, which must be of a kind.
func (p *passingPeer) expect(kind rpc.Message_Which) rpc.Message {
	p.t.Helper()
	m := p.next()
	if m.Which() != kind {
		p.t.Fatalf("%v, not %v", m.Which(), kind)
	}
	return m
}

// expectCall reads the next message, which must be a call, and the payload of its params.
func (p *passingPeer) expectCall() (rpc.Call, rpc.Payload) {
	p.t.Helper()
	call, err := p.expect(rpc.Message_Which_call).Call()
	if err != nil {
		p.t.Fatal(err)
	}
	params, err := call.Params()
	if err != nil {
		p.t.Fatal(err)
	}
	return call, params
}

// asked makes a call of ours on the peer and returns it with its id.
func (p *passingPeer) asked() (*Question, uint32) {
	q, err := NewQuestion(p.boot, 1, 1, size11)
	if err != nil {
		p.t.Fatal(err)
	}
	q.Send()
	p.conn.flush(flushNoWait)
	p.expect(rpc.Message_Which_bootstrap)
	call, _ := p.expectCall()
	return q, call.QuestionId()
}

// passOn calls our bootstrap object, and answers question id with that call. It returns the call when the object has it
// and the answer has been read.
func (p *passingPeer) passOn(id uint32) *Call {
	p.send(func(m rpc.Message) error {
		b, err := m.NewBootstrap()
		b.SetQuestionId(0)
		return err
	})
	p.expect(rpc.Message_Which_return)
	p.send(func(m rpc.Message) error {
		c, err := m.NewCall()
		c.SetQuestionId(passed)
		c.SetInterfaceId(1)
		c.SetMethodId(1)
		c.SendResultsTo().SetYourself()
		to, err2 := c.NewTarget()
		to.SetImportedCap(0)
		_, err3 := c.NewParams()
		return errors.Join(err, err2, err3)
	})
	p.send(func(m rpc.Message) error {
		r, err := m.NewReturn()
		r.SetAnswerId(id)
		r.SetReleaseParamCaps(false)
		r.SetTakeFromOtherQuestion(passed)
		return err
	})
	call := <-p.object.kept
	for {
		p.conn.mu.Lock()
		waits := p.conn.awaited(id) != nil
		p.conn.mu.Unlock()
		if !waits {
			return call
		}
		runtime.Gosched()
	}
}

// expectFinish reads the Finish of our question.
func (p *passingPeer) expectFinish(id uint32) {
	p.t.Helper()
	f, err := p.expect(rpc.Message_Which_finish).Finish()
	if err != nil || f.QuestionId() != id {
		p.t.Fatalf("finish of %d, not %d: %v", f.QuestionId(), id, err)
	}
}

// expectTarget checks that what is sent next is aimed at the answer to our question, which therefore must not have been
// finished.
func (p *passingPeer) expectTarget(id uint32, to rpc.MessageTarget, err error) {
	p.t.Helper()
	if err != nil || to.Which() != rpc.MessageTarget_Which_promisedAnswer {
		p.t.Fatalf("target %v: %v", to.Which(), err)
	}
	if pa, err := to.PromisedAnswer(); err != nil || pa.QuestionId() != id {
		p.t.Fatalf("answer %d, not %d: %v", pa.QuestionId(), id, err)
	}
}

// While a call that the peer passed on to us has not returned, calls on its results go where they went before. Later ones
// must not overtake those, also if the results are an object of the peer's: they still go through here to that.
func TestPipelineOnTailCall(t *testing.T) {
	for _, test := range []struct {
		name   string
		object func(*passingPeer) *Cap
	}{
		{"ours", func(*passingPeer) *Cap { return NewServer(newFuncServer(echo)) }},
		{"the peer's", func(p *passingPeer) *Cap { return p.boot.AddRef() }},
	} {
		t.Run(test.name, func(t *testing.T) { testPipelineOnTailCall(t, test.object) })
	}
}

func testPipelineOnTailCall(t *testing.T, object func(*passingPeer) *Cap) {
	p := newPassingPeer(t)
	q, id := p.asked()
	defer q.Release()
	part := q.Pipeline(0)
	defer part.Release()
	call := p.passOn(id)

	piped, err := NewQuestion(part, 1, 0, size11)
	if err != nil {
		t.Fatal(err)
	}
	piped.Send()
	defer piped.Release()
	p.conn.flush(flushNoWait)
	c, _ := p.expectCall()
	to, err := c.Target()
	p.expectTarget(id, to, err)

	results, err := call.Results(size11)
	if err != nil {
		t.Fatal(err)
	}
	results.SetUint64(0, 7)
	if err := results.SetPtr(0, call.AddCap(object(p))); err != nil {
		t.Fatal(err)
	}
	call.Return()
	r, err := p.expect(rpc.Message_Which_return).Return()
	if err != nil || r.AnswerId() != passed || r.Which() != rpc.Return_Which_resultsSentElsewhere {
		t.Fatal(r.Which(), err)
	}
	if err := q.Wait(t.Context(), nil); err != nil || q.Results().Uint64(0) != 7 {
		t.Fatal(err)
	}
	p.conn.flush(flushNoWait)
	// The call is still on its way through the peer, and later ones must not overtake it.
	d, err := p.expect(rpc.Message_Which_disembargo).Disembargo()
	if err != nil {
		t.Fatal(err)
	}
	to, err = d.Target()
	p.expectTarget(id, to, err)
	p.expectFinish(id)
}

// Who gives a call up that the peer has passed on to us gives up that one.
func TestTailCallGivenUp(t *testing.T) {
	for _, before := range []bool{false, true} {
		name := "after its return"
		if before {
			name = "before its return"
		}
		t.Run(name, func(t *testing.T) {
			p := newPassingPeer(t)
			q, id := p.asked()
			giveUp := func() {
				q.Release()
				p.conn.flush(flushNoWait)
				p.expectFinish(id)
			}
			if before {
				giveUp()
			}
			call := p.passOn(id)
			if !before {
				giveUp()
			}
			<-p.object.ended
			p.conn.mu.Lock()
			left := p.conn.questions.get(id)
			p.conn.mu.Unlock()
			if left != nil {
				t.Error("the question is still there")
			}
			call.Return()
			p.expect(rpc.Message_Which_return)
		})
	}
}

// The session ends while a call that the peer has passed on to us has not returned.
func TestTailCallDisconnected(t *testing.T) {
	p := newPassingPeer(t)
	q, id := p.asked()
	defer q.Release()
	call := p.passOn(id)
	p.nc.Close()
	if err := q.Wait(t.Context(), nil); !errors.Is(err, ErrDisconnected) {
		t.Error(err)
	}
	call.Return()
}

// A question is answered once, also if its results are still to come.
func TestTailCallReturnsTwice(t *testing.T) {
	p := newPassingPeer(t)
	q, id := p.asked()
	defer q.Release()
	call := p.passOn(id)
	p.send(func(m rpc.Message) error {
		r, err := m.NewReturn()
		r.SetAnswerId(id)
		r.SetTakeFromOtherQuestion(passed)
		return err
	})
	if err := q.Wait(t.Context(), nil); !errors.Is(err, ErrDisconnected) {
		t.Error(err)
	}
	call.Return()
}
