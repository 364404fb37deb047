package vat

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3"
)

var (
	modelSeeds = flag.Int("model.seeds", 100, "sessions that TestModel plays")
	modelFirst = flag.Uint64("model.first", 1, "seed of the first")
)

// modelPatience is for what should take milliseconds.
const modelPatience = time.Minute

// TestModel plays sessions of random operations on two vats, or on three in a row or a ring, and compares what comes of
// them with what a model says that has no messages, no promises and no concurrency: there, a reference is just the object.
// It checks that each call reaches the object that the model says, in the order in which calls were made on its reference, that its result is
// right, and that in the end every object is gone and every table empty. What is played depends on the seed alone.
func TestModel(t *testing.T) {
	for i := range uint64(*modelSeeds) {
		seed := *modelFirst + i
		playModel(t, seed)
		if t.Failed() {
			return
		}
	}
}

// The methods of a modelObject. Params are a number, the reference's id and the call's number on it, and a capability;
// results the object's id and the number, and a capability.
const (
	modelEcho = iota
	modelNew  // returns a new object, which the number names
	modelGive // keeps the param
	modelTake // returns what is kept
	modelVia  // asks what is kept for what that keeps, and returns the promise for it
	modelHold // returns its param, when told to
	modelAsk  // has what is kept hold the param, and returns the promise for it
	modelFail
)

var modelSize = capnp.ObjectSize{DataSize: 24, PointerCount: 1}

// modelWorld is what the objects of a session share.
type modelWorld struct {
	mu      sync.Mutex
	gone    sync.Cond
	objects map[uint64]*modelObject
	alive   int
	held    map[uint64]*Call // calls of modelHold, by number; nil for those that may return
	over    bool             // nothing is kept any more
	wrong   []string
}

type modelObject struct {
	w     *modelWorld
	id    uint64
	queue Queue
	last  map[uint64]uint64 // the last call's number, by reference
	kept  *Cap
	drops int
	calls int // that have come and have not been executed; they may outlive the last reference
}

func (w *modelWorld) object(id uint64) *modelObject {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := &modelObject{w: w, id: id, last: map[uint64]uint64{}}
	w.objects[id] = o
	w.alive++
	return o
}

func (w *modelWorld) errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

func (o *modelObject) Accept(call *Call) *Queue {
	call.SetExec(o)
	o.w.mu.Lock()
	o.calls++
	o.w.mu.Unlock()
	return o.queue.Put(call)
}

func (o *modelObject) Cancel(error) {}

func (o *modelObject) Dropped() {
	o.w.mu.Lock()
	o.drops++
	idle, twice := o.calls == 0, o.drops > 1
	o.w.mu.Unlock()
	if twice {
		o.w.errorf("object %d was dropped twice", o.id)
	}
	if idle {
		o.forget()
	}
	o.w.mu.Lock()
	o.w.alive--
	o.w.gone.Broadcast()
	o.w.mu.Unlock()
}

func (o *modelObject) forget() {
	o.w.mu.Lock()
	kept := o.kept
	o.kept = nil
	o.w.mu.Unlock()
	kept.Release()
}

func (o *modelObject) Execute(call *Call) {
	defer func() {
		o.w.mu.Lock()
		o.calls--
		last := o.calls == 0 && o.drops > 0
		o.w.mu.Unlock()
		if last {
			o.forget()
		}
	}()
	number, ref, seq := call.Params.Uint64(0), call.Params.Uint64(8), call.Params.Uint64(16)
	if ref != 0 {
		if last := o.last[ref]; seq <= last {
			o.w.errorf("object %d got call %d of reference %d after call %d", o.id, seq, ref, last)
		}
		o.last[ref] = seq
	}
	var result *Cap
	switch call.MethodID {
	case modelFail:
		call.Fail(failedf("as it was asked to"))
		return
	case modelNew:
		result = NewServer(o.w.object(number))
	case modelGive:
		o.forget()
		given := param(call).AddRef()
		o.w.mu.Lock()
		if !o.w.over {
			o.kept, given = given, nil
		}
		o.w.mu.Unlock()
		given.Release()
	case modelTake:
		result = o.take()
	case modelVia, modelAsk:
		kept := o.take()
		method := uint16(modelTake)
		if call.MethodID == modelAsk {
			method = modelHold
		}
		q, err := NewQuestion(kept, 1, method, modelSize)
		if err == nil {
			q.Params().SetUint64(0, number)
			err = q.Params().SetPtr(0, q.AddCap(param(call).AddRef()))
		}
		if err != nil {
			call.Fail(err)
			return
		}
		q.Send()
		result = q.Pipeline(0)
		q.Release()
		kept.Release()
	case modelHold:
		o.w.mu.Lock()
		_, free := o.w.held[number]
		if !free {
			o.w.held[number] = call
		}
		o.w.mu.Unlock()
		if !free {
			return
		}
		result = param(call).AddRef()
	}
	o.reply(call, result)
}

func (o *modelObject) take() *Cap {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	return o.kept.AddRef()
}

func (o *modelObject) reply(call *Call, result *Cap) {
	r, err := call.Results(capnp.ObjectSize{DataSize: 16, PointerCount: 1})
	if err != nil {
		call.Fail(err)
		return
	}
	r.SetUint64(0, o.id)
	r.SetUint64(8, call.Params.Uint64(0))
	if err := r.SetPtr(0, call.AddCap(result)); err != nil {
		call.Fail(err)
		return
	}
	call.Return()
}

// param is the capability that a call brought, borrowed.
func param(call *Call) *Cap {
	p, err := call.Params.Ptr(0)
	if err != nil {
		return nil
	}
	c, _ := call.CapAt(p)
	return c
}

// let has a call of modelHold return, which may not have come yet.
func (w *modelWorld) let(number uint64) {
	w.mu.Lock()
	call := w.held[number]
	w.held[number] = nil
	w.mu.Unlock()
	if call != nil {
		call.exec.(*modelObject).reply(call, param(call).AddRef())
	}
}

// value is what the model knows of a reference: the object, nil if there is none and calls fail, and the calls of
// modelHold that have to return before the vats can know it.
type value struct {
	object *modelled
	behind []uint64
}

// modelled is an object in the model.
type modelled struct {
	id   uint64
	kept value
	// touching are calls in flight that read or change kept, over one reference.
	touching []*asked
	by       *reference
}

type reference struct {
	id   uint64
	side int
	cap  *Cap
	value
	calls uint64
}

// asked is a call in flight.
type asked struct {
	q      *Question
	ref    *reference // copied, as it may be released
	method uint16
	number uint64
	to     *modelled
	behind []uint64
	via    *Cap // of modelVia and modelAsk: its promise, which is known when the object has been asked
	ended  bool
}

type modelGame struct {
	t      *testing.T
	rand   *rand.Rand
	w      *modelWorld
	conns  []*Conn      // both ends of each connection
	boots  []*reference // what each of these offers the other
	refs   []*reference
	asked  []*asked
	holds  []uint64 // that have not been let
	next   uint64
	closed bool
}

func (g *modelGame) id() uint64 { g.next++; return g.next }

func playModel(t *testing.T, seed uint64) {
	defer func() {
		if t.Failed() {
			t.Logf("to play it again: -model.first %d -model.seeds 1", seed)
		}
	}()
	w := &modelWorld{objects: map[uint64]*modelObject{}, held: map[uint64]*Call{}}
	w.gone.L = &w.mu
	g := &modelGame{t: t, rand: rand.New(rand.NewPCG(seed, 0)), w: w}
	links := [][][2]int{{{0, 1}}, {{0, 1}, {1, 2}}, {{0, 1}, {1, 2}, {2, 0}}}[g.rand.IntN(3)]
	vats := min(len(links)+1, 3)
	// Each has a reference to its own object, so that objects come back to where they are.
	for i := range vats {
		object := &modelled{id: g.id()}
		g.refs = append(g.refs, &reference{id: g.id(), side: i, cap: NewServer(w.object(object.id)), value: value{object: object}})
	}
	for _, link := range links {
		a, b := socketPair(t)
		for i, nc := range []net.Conn{a, b} {
			// Calls that are passed on return either way.
			c := New(nc, g.refs[link[i]].cap.AddRef(), Options{TailCalls: g.rand.IntN(2) == 0})
			c.Start()
			g.conns = append(g.conns, c)
			other := g.refs[link[1-i]].value
			g.boots = append(g.boots, &reference{id: g.id(), side: link[i], value: other})
		}
	}
	for i, c := range g.conns {
		g.boots[i].cap = c.Bootstrap()
	}
	g.refs = append(slices.Clone(g.boots), g.refs...)
	steps := 20 + g.rand.IntN(150)
	closes := -1
	if g.rand.IntN(3) == 0 {
		closes = g.rand.IntN(steps)
	}
	for i := range steps {
		if i == closes {
			g.conns[g.rand.IntN(len(g.conns))].Close()
			g.closed = true
			break
		}
		g.step()
	}
	g.end()
}

// pick returns a reference, rather one of the last: order shows where several calls are made on one of which not all is known.
func (g *modelGame) pick() *reference {
	of := g.refs
	if n := len(of); n > 3 && g.rand.IntN(2) == 0 {
		of = of[n-3:]
	}
	return of[g.rand.IntN(len(of))]
}

func (g *modelGame) step() {
	switch n := g.rand.IntN(100); {
	case n < 30:
		g.call(g.pick(), modelEcho, nil)
	case n < 40:
		g.call(g.pick(), modelNew, nil)
	case n < 52:
		to := g.pick()
		given := g.pick()
		for given.side != to.side {
			given = g.pick()
		}
		g.call(to, modelGive, given)
	case n < 64:
		g.call(g.pick(), modelTake, nil)
	case n < 68:
		g.call(g.pick(), modelVia, nil)
	case n < 76:
		to := g.pick()
		given := g.pick()
		for given.side != to.side {
			given = g.pick()
		}
		method := uint16(modelHold)
		if n < 72 {
			method = modelAsk
		}
		g.call(to, method, given)
	case n < 79:
		g.call(g.pick(), modelFail, nil)
	case n < 85:
		if len(g.holds) > 0 {
			g.let(g.holds[g.rand.IntN(len(g.holds))])
		}
	case n < 92:
		if len(g.asked) > 0 {
			g.wait(g.asked[g.rand.IntN(len(g.asked))])
		}
	case n < 95: // give up on a call; one that changes something has to be waited for
		if len(g.asked) > 0 {
			if c := g.asked[g.rand.IntN(len(g.asked))]; c.method == modelEcho || c.method == modelFail {
				g.drop(c)
			}
		}
	default:
		if n := len(g.boots); len(g.refs) > n { // which come first
			i := n + g.rand.IntN(len(g.refs)-n)
			g.refs[i].cap.Release()
			g.refs = append(g.refs[:i], g.refs[i+1:]...)
		}
	}
}

// call makes a call, and refers to its result from then on.
func (g *modelGame) call(ref *reference, method uint16, given *reference) {
	to := ref.object
	if to != nil && (method == modelGive || method == modelTake || method == modelVia || method == modelAsk) {
		g.settle(to, ref)
		if method == modelVia && to.kept.object != nil {
			// The object asks what it keeps in its own time: nobody else may then.
			g.let(to.kept.behind...)
			g.settle(to.kept.object, nil)
		}
	}
	q, err := NewQuestion(ref.cap, 1, method, modelSize)
	if err != nil {
		g.t.Fatal(err)
	}
	ref.calls++
	c := &asked{q: q, ref: ref, method: method, number: g.id(), to: to, behind: ref.behind}
	q.Params().SetUint64(0, c.number)
	q.Params().SetUint64(8, ref.id)
	q.Params().SetUint64(16, ref.calls)
	if given != nil {
		if err := q.Params().SetPtr(0, q.AddCap(given.cap.AddRef())); err != nil {
			g.t.Fatal(err)
		}
	}
	q.Send()
	g.asked = append(g.asked, c)

	var result value
	switch {
	case to == nil:
	case method == modelNew:
		result.object = &modelled{id: c.number}
	case method == modelGive:
		to.kept = given.value
		to.touching = append(to.touching, c)
	case method == modelTake:
		result = to.kept
		to.touching = append(to.touching, c)
	case method == modelVia:
		to.touching = append(to.touching, c)
		if kept := to.kept.object; kept != nil {
			result = kept.kept
			kept.touching = append(kept.touching, c)
			kept.by = nil
		} else {
			result.behind = to.kept.behind // it fails, when that is known
		}
	case method == modelAsk:
		to.touching = append(to.touching, c)
		result.behind = to.kept.behind
		if to.kept.object != nil {
			result = value{given.object, append(append([]uint64{c.number}, given.behind...), to.kept.behind...)}
			g.holds = append(g.holds, c.number)
		}
	case method == modelHold:
		result = value{given.object, append([]uint64{c.number}, given.behind...)}
		g.holds = append(g.holds, c.number)
	}
	if method == modelEcho || method == modelGive {
		return
	}
	result.behind = append(append([]uint64{}, ref.behind...), result.behind...)
	r := &reference{id: g.id(), side: ref.side, cap: q.Pipeline(0), value: result}
	g.refs = append(g.refs, r)
	if method == modelVia || method == modelAsk {
		c.via = r.cap.AddRef()
	}
}

// settle waits for calls that touch what an object keeps, unless they are made over the same reference: those arrive in
// order.
func (g *modelGame) settle(o *modelled, by *reference) {
	if by == nil || o.by != by {
		for _, c := range o.touching {
			g.wait(c)
		}
		o.touching = nil
	}
	o.by = by
}

// let lets calls of modelHold return.
func (g *modelGame) let(numbers ...uint64) {
	for _, n := range slices.Clone(numbers) {
		for i, h := range g.holds {
			if h == n {
				g.holds = append(g.holds[:i], g.holds[i+1:]...)
				g.w.let(n)
				break
			}
		}
	}
}

// wait waits for a call and compares its outcome.
func (g *modelGame) wait(c *asked) {
	if c.ended {
		return
	}
	g.let(c.behind...)
	if c.method == modelHold {
		g.let(c.number)
	}
	ctx, cancel := context.WithTimeout(context.Background(), modelPatience)
	defer cancel()
	err := c.q.Wait(ctx, nil)
	what := fmt.Sprintf("method %d by call %d", c.method, c.number)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		g.t.Fatalf("%s does not return", what)
	case g.closed && errors.Is(err, ErrDisconnected):
	case c.to == nil || c.method == modelFail:
		if err == nil {
			g.t.Errorf("%s succeeds", what)
		}
	case err != nil:
		g.t.Errorf("%s, on object %d: %v", what, c.to.id, err)
	case c.q.Results().Uint64(0) != c.to.id || c.q.Results().Uint64(8) != c.number:
		g.t.Errorf("%s, on object %d: object %d answers with %d", what, c.to.id, c.q.Results().Uint64(0), c.q.Results().Uint64(8))
	}
	if c.via != nil {
		// Once a call through the promise has ended, the question that it is of has.
		q, err := NewQuestion(c.via, 1, modelEcho, modelSize)
		if err != nil {
			g.t.Fatal(err)
		}
		q.Send()
		g.let(g.holds...)
		if err := q.Wait(ctx, nil); errors.Is(err, context.DeadlineExceeded) {
			g.t.Fatalf("a call on the promise of %s does not return", what)
		}
		q.Release()
	}
	g.drop(c)
}

// drop ends a call, waited for or not.
func (g *modelGame) drop(c *asked) {
	c.ended = true
	c.q.Release()
	c.via.Release()
	for i, other := range g.asked {
		if other == c {
			g.asked = append(g.asked[:i], g.asked[i+1:]...)
			return
		}
	}
}

// end ends the session and looks for what is left.
func (g *modelGame) end() {
	for len(g.asked) > 0 {
		g.wait(g.asked[g.rand.IntN(len(g.asked))])
	}
	g.let(g.holds...)
	for _, ref := range g.refs[len(g.boots):] {
		ref.cap.Release()
	}
	g.w.mu.Lock()
	g.w.over = true // after a Close, calls that had come in may still run
	var all []*modelObject
	for _, o := range g.w.objects {
		all = append(all, o)
	}
	g.w.mu.Unlock()
	for _, o := range all {
		o.forget()
	}
	if !g.closed {
		g.waitAlive(min(len(g.boots)/2+1, 3))
		// A handler's last references go when its return has been sent, so this may take a few more messages.
		deadline := time.Now().Add(modelPatience)
		for left := "?"; left != "" && !g.t.Failed(); {
			for _, ref := range g.boots {
				g.call(ref, modelEcho, nil)
				g.wait(g.asked[0])
			}
			if left = g.left(); left != "" && time.Now().After(deadline) {
				g.t.Error(left)
			}
		}
	}
	for _, ref := range g.boots {
		ref.cap.Release()
	}
	for _, c := range g.conns {
		c.Close()
	}
	g.waitAlive(0)
	g.w.mu.Lock()
	defer g.w.mu.Unlock()
	for _, what := range g.w.wrong {
		g.t.Error(what)
	}
}

// left says what is in the tables besides the bootstrap objects.
func (g *modelGame) left() string {
	for i, c := range g.conns {
		c.mu.Lock()
		text := fmt.Sprintf("side %d has %d questions, %d answers, %d exports, %d imports, %d embargoes, %d calls running, %d bytes held; %v",
			i, c.questions.len(), c.answers.len(), c.exports.len(), c.imports.len(), c.embargoes.len(), c.running, c.held, c.err)
		clean := c.questions.len() == 0 && c.answers.len() == 0 && c.exports.len() == 1 && c.imports.len() == 1 &&
			c.embargoes.len() == 0 && c.running == 0 && c.held == 0 && c.err == nil
		c.mu.Unlock()
		if !clean {
			return text
		}
	}
	return ""
}

// waitAlive waits until only so many objects are left.
func (g *modelGame) waitAlive(n int) {
	late := false
	timer := time.AfterFunc(modelPatience, func() {
		g.w.mu.Lock()
		late = true
		g.w.gone.Broadcast()
		g.w.mu.Unlock()
	})
	defer timer.Stop()
	g.w.mu.Lock()
	defer g.w.mu.Unlock()
	for g.w.alive > n && !late {
		g.w.gone.Wait()
	}
	if g.w.alive != n {
		g.t.Errorf("%d objects are left, not %d", g.w.alive, n)
	}
}
