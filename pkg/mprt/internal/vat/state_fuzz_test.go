package vat

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// world is what a fuzzed session runs in: it knows when all objects and calls are gone.
type world struct {
	objects atomic.Int64
	calls   sync.WaitGroup

	mu  sync.Mutex
	all []*object
}

// forget has every object let go of what it kept, which may be itself.
func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.all {
		o.forget()
	}
}

// object is a local object whose methods do what a handler can do with what it got.
type object struct {
	w     *world
	queue Queue
	mu    sync.Mutex
	kept  *Cap
}

func (w *world) newObject() *Cap {
	o := &object{w: w}
	w.objects.Add(1)
	w.mu.Lock()
	w.all = append(w.all, o)
	w.mu.Unlock()
	return NewServer(o)
}

func (o *object) forget() {
	o.mu.Lock()
	kept := o.kept
	o.kept = nil
	o.mu.Unlock()
	kept.Release()
}

func (o *object) Dropped() {
	o.forget()
	o.w.objects.Add(-1)
}

// Methods of object.
const (
	methodEcho   = iota // returns its param, an object
	methodNew           // returns a new object
	methodCall          // calls its param, and returns what that returned
	methodWait          // returns when nobody waits any more
	methodKeep          // keeps its param and calls the one that it kept before
	methodPanics        // refuses at once
	methods
)

func (o *object) Accept(call *Call) *Queue {
	if call.MethodID == methodPanics {
		call.Fail(failedf("refused"))
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.w.calls.Add(1)
	call.SetExec(&execution{o, ctx, cancel})
	return o.queue.Put(call)
}

type execution struct {
	o      *object
	ctx    context.Context
	cancel context.CancelFunc
}

func (e *execution) Cancel(error) { e.cancel() }

func (e *execution) Execute(call *Call) {
	defer e.o.w.calls.Done()
	defer e.cancel()
	if err := call.Cancelled(); err != nil {
		call.Fail(err)
		return
	}
	if err := e.run(call); err != nil {
		call.Fail(err)
		return
	}
	call.Return()
}

func (e *execution) run(call *Call) error {
	p, err := call.Params.Ptr(0)
	if err != nil {
		return err
	}
	param, err := call.CapAt(p)
	if err != nil {
		return err
	}
	var result *Cap
	switch call.MethodID {
	case methodEcho:
		result = param.AddRef()
	case methodNew:
		result = e.o.w.newObject()
	case methodCall:
		if result, err = e.call(param); err != nil {
			return err
		}
	case methodWait:
		<-e.ctx.Done()
		return e.ctx.Err()
	case methodKeep:
		e.o.mu.Lock()
		old := e.o.kept
		e.o.kept = param.AddRef()
		e.o.mu.Unlock()
		defer old.Release()
		if result, err = e.call(old); err != nil {
			return err
		}
	}
	r, err := call.Results(size11)
	if err != nil {
		result.Release()
		return err
	}
	if result == nil {
		return nil
	}
	return r.SetPtr(0, call.AddCap(result))
}

// call calls a method of target, which may be anywhere, and a method of what it returns before that is there.
func (e *execution) call(target *Cap) (*Cap, error) {
	q, err := NewQuestion(target, 1, methodEcho, size11)
	if err != nil {
		return nil, err
	}
	defer q.Release()
	if err := q.Params().SetPtr(0, q.AddCap(e.o.w.newObject())); err != nil {
		return nil, err
	}
	q.Send()
	p := q.Pipeline(0)
	defer p.Release()
	q2, err := NewQuestion(p, 1, methodPanics, size11)
	if err != nil {
		return nil, err
	}
	defer q2.Release()
	q2.Send()
	if err := q.Wait(e.ctx, nil); err != nil {
		return nil, err
	}
	ptr, err := q.Results().Ptr(0)
	if err != nil {
		return nil, err
	}
	result, err := q.CapAt(ptr)
	return result.AddRef(), err
}

// script reads decisions from fuzzed bytes; when they have run out all are 0.
type script []byte

func (s *script) n(limit int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % limit
}

// id is mostly one of a few that are in use.
func (s *script) id() uint32 {
	switch n := s.n(16); n {
	case 15:
		return 1 << 31
	default:
		return uint32(n % 6)
	}
}

func (s *script) descriptor(d rpc.CapDescriptor) {
	switch s.n(6) {
	case 0:
		d.SetSenderHosted(s.id())
	case 1:
		d.SetSenderPromise(s.id() + 10)
	case 2:
		d.SetReceiverHosted(s.id() % 3)
	case 3:
		s.answer(d.NewReceiverAnswer())
	case 4:
		d.SetNone()
	case 5:
		capnp.Struct(d).SetUint16(0, uint16(s.n(9)))
	}
}

func (s *script) answer(pa rpc.PromisedAnswer, err error) {
	if err != nil {
		panic(err)
	}
	pa.SetQuestionId(s.id())
	if s.n(4) > 0 {
		ops, _ := pa.NewTransform(1)
		ops.At(0).SetGetPointerField(uint16(s.n(2)))
	}
}

func (s *script) target(to rpc.MessageTarget, err error) {
	if err != nil {
		panic(err)
	}
	if s.n(3) > 0 {
		s.answer(to.NewPromisedAnswer())
	} else {
		to.SetImportedCap(s.id() % 3)
	}
}

// payload makes the content a struct with the table's first capability.
func (s *script) payload(p rpc.Payload, err error) {
	if err != nil {
		panic(err)
	}
	content, _ := capnp.NewStruct(p.Segment(), size11)
	p.SetContent(content.ToPtr())
	n := s.n(4)
	if n > 0 {
		list, _ := p.NewCapTable(int32(n))
		for i := range n {
			s.descriptor(list.At(i))
		}
		content.SetPtr(0, capnp.NewInterface(p.Segment(), capnp.CapabilityID(s.n(n+1))).ToPtr())
	}
}

// message fills m with what the script says next.
func (s *script) message(m rpc.Message) {
	switch s.n(12) {
	case 0:
		b, _ := m.NewBootstrap()
		b.SetQuestionId(s.id())
	case 1, 2, 3, 4:
		c, _ := m.NewCall()
		c.SetQuestionId(s.id())
		c.SetInterfaceId(1)
		c.SetMethodId(uint16(s.n(methods)))
		s.target(c.NewTarget())
		s.payload(c.NewParams())
		if s.n(5) == 4 {
			c.SendResultsTo().SetYourself()
		}
	case 5:
		f, _ := m.NewFinish()
		f.SetQuestionId(s.id())
		f.SetReleaseResultCaps(s.n(2) == 0)
	case 6:
		r, _ := m.NewRelease()
		r.SetId(s.id() % 3)
		r.SetReferenceCount(uint32(s.n(3)))
	case 7, 8:
		r, _ := m.NewReturn()
		r.SetAnswerId(s.id())
		r.SetReleaseParamCaps(s.n(2) == 0)
		switch s.n(8) {
		case 0, 1, 2, 3:
			s.payload(r.NewResults())
		case 4:
			r.NewException()
		case 5:
			r.SetTakeFromOtherQuestion(s.id())
		case 6:
			r.SetCanceled()
		case 7:
			r.SetResultsSentElsewhere()
		}
	case 9:
		r, _ := m.NewResolve()
		r.SetPromiseId(s.id() + 10)
		if d, _ := r.NewCap(); s.n(5) > 0 {
			s.descriptor(d)
		} else {
			r.NewException()
		}
	case 10:
		d, _ := m.NewDisembargo()
		if s.n(3) > 0 {
			d.Context().SetReceiverLoopback(s.id())
		} else {
			d.Context().SetSenderLoopback(s.id())
		}
		s.target(d.NewTarget())
	case 11:
		if s.n(8) == 0 {
			capnp.Struct(m).SetUint16(0, uint16(s.n(20)))
			return
		}
		u, _ := m.NewUnimplemented()
		s.message(u)
	}
}

// FuzzState drives a session with what a peer can send, whether it makes sense or not, while calls go out from this side
// too, and ends it somewhere. Then every call must have ended and every object must be gone.
func FuzzState(f *testing.F) {
	f.Add([]byte{0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1})
	f.Add([]byte{0, 0, 1, 2, 2, 1, 0, 1, 0, 0, 1, 0, 7, 0, 0, 0, 1, 0, 3})
	f.Add([]byte{0, 0, 1, 1, 4, 0, 0, 3, 1, 1, 9, 1, 1, 3, 1, 1, 0})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) > 4096 {
			return
		}
		s := script(bytes)
		w := &world{}
		near, far := socketPair(t)
		go io.Copy(io.Discard, far)
		c := New(near, w.newObject(), Options{MaxCalls: 16, MaxAnswers: 32, MaxExports: 64, MaxImports: 64, MaxMessage: 1 << 16, TailCalls: len(bytes)&2 != 0})
		c.Start()

		var out sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		for len(s) > 0 && c.Err() == nil {
			if s.n(8) == 7 { // a call from this side
				boot := c.Bootstrap()
				out.Go(func() {
					defer boot.Release()
					e := &execution{o: &object{w: w}, ctx: ctx}
					if r, err := e.call(boot); err == nil {
						r.Release()
					}
				})
				continue
			}
			m := newMessage()
			s.message(m.root)
			frame := m.appendHeader(nil)
			for i := range int(m.msg.NumSegments()) {
				frame = append(frame, m.segment(i)...)
			}
			m.release()
			if _, err := far.Write(frame); err != nil {
				break
			}
		}
		finish(t, c, far, w, &out, cancel, len(bytes)%2 == 0)
	})
}

// finish ends a session, by its peer or by itself, and checks that nothing is left.
func finish(t *testing.T, c *Conn, far net.Conn, w *world, out *sync.WaitGroup, cancel func(), byPeer bool) {
	ended := make(chan struct{})
	go func() {
		if byPeer {
			far.Close()
			<-c.Done()
		}
		c.Close()
		far.Close()
		cancel()
		out.Wait()
		w.calls.Wait()
		w.forget()
		for w.objects.Load() != 0 {
			runtime.Gosched()
		}
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		buf := make([]byte, 1<<20)
		t.Fatalf("%d objects are left, or calls that do not end\n%s", w.objects.Load(), buf[:runtime.Stack(buf, true)])
	}
}
