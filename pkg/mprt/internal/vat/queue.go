package vat

import (
	"fmt"
	"slices"
	"sync"
)

// Queue runs calls one at a time in the order in which they were put. It has
// no goroutine of its own: whoever is told to run it does, and a goroutine
// that waits for a return may lend itself to the calls of its own queue, which
// then run on top of its stack (as callbacks do on the thread that waits).
//
// The zero Queue is ready to use. Every object has one, so it is small.
type Queue struct {
	mu sync.Mutex
	// last is the last of the calls that wait, whose next is the first of them;
	// noCall if none waits; nil if nobody runs the queue or owns it (Acquire).
	last *Call
	// thread is nil for a queue that is none of a thread.
	thread *threadQueue
}

// threadQueue is what only the queue of a thread needs.
type threadQueue struct {
	runner func(run func())
	// lent are the questions whose waiting goroutines take calls, the
	// innermost last.
	lent []*Question
	// nested is how many calls such goroutines run now, on top of each other.
	nested int
}

var noCall = new(Call)

// SetRunner has the queue run where runner likes, instead of whoever was told
// to. It must not wait for that. Only before the first call.
func (q *Queue) SetRunner(runner func(run func())) { q.thread = &threadQueue{runner: runner} }

// runner is what SetRunner set, under q.mu.
func (q *Queue) runner() func(run func()) {
	if q.thread == nil {
		return nil
	}
	return q.thread.runner
}

// maxNested bounds the calls that run on top of each other on goroutines that
// wait. Go ends a process whose goroutine has a stack of a gigabyte, and peers
// who call back and forth would get there: [Options.MaxCalls] bounds those of
// one connection, but a thread is known to many.
const maxNested = 10_000

// Put appends a call. It returns q if nobody runs q yet: the caller must then
// see to it that q.Run is called. Otherwise it returns nil.
func (q *Queue) Put(call *Call) *Queue {
	q.mu.Lock()
	idle := q.last == nil
	if idle || q.last == noCall {
		call.next = call
	} else {
		call.next = q.last.next
		q.last.next = call
	}
	q.last = call
	if !idle {
		q.wakeLent()
		q.mu.Unlock()
		return nil
	}
	runner := q.runner()
	q.mu.Unlock()
	if runner != nil {
		runner(q.Run)
		return nil
	}
	return q
}

// waits says whether a call waits, under q.mu.
func (q *Queue) waits() bool { return q.last != nil && q.last != noCall }

// Busy says whether somebody runs or owns the queue.
func (q *Queue) Busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last != nil
}

// Run runs calls until none is left. Only for whom Put told to.
func (q *Queue) Run() {
	done := false
	defer func() {
		if !done { // a handler ended the goroutine
			q.Start()
		}
	}()
	for {
		q.mu.Lock()
		call := q.pop()
		if call == nil {
			q.last = nil
			q.mu.Unlock()
			done = true
			return
		}
		q.mu.Unlock()
		call.run()
	}
}

// Start runs q on a goroutine of its own, or where its Runner has it. A nil
// queue needs none.
func (q *Queue) Start() {
	if q == nil {
		return
	}
	q.mu.Lock()
	runner := q.runner()
	q.mu.Unlock()
	if runner != nil {
		runner(q.Run)
	} else {
		go q.Run()
	}
}

// Acquire makes the calling goroutine the queue's owner, if it has none: calls
// put meanwhile wait until it lends itself ([Question.Wait]) or lets go.
func (q *Queue) Acquire() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last != nil {
		return false
	}
	q.last = noCall
	return true
}

// Yield ends Acquire. What was put in the meantime is started.
func (q *Queue) Yield() {
	q.mu.Lock()
	if !q.waits() {
		q.last = nil
		q.mu.Unlock()
		return
	}
	q.mu.Unlock()
	q.Start()
}

// pop takes the first of the calls that wait, nil if none does, under q.mu.
func (q *Queue) pop() *Call {
	if !q.waits() {
		return nil
	}
	call := q.last.next
	if call == q.last {
		q.last = noCall
	} else {
		q.last.next = call.next
	}
	call.next = nil
	return call
}

// lend offers the goroutine that waits for question to the queue's calls. It
// reports whether there are any.
func (q *Queue) lend(question *Question) (waiting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.thread == nil {
		q.thread = new(threadQueue)
	}
	q.thread.lent = append(q.thread.lent, question)
	return q.waits()
}

// unlend takes the offer back. Goroutines that share a queue may end in any
// order; whoever is left then must look whether calls wait.
func (q *Queue) unlend(question *Question) {
	q.mu.Lock()
	t := q.thread
	for i := len(t.lent) - 1; i >= 0; i-- {
		if t.lent[i] == question {
			t.lent = slices.Delete(t.lent, i, i+1)
			break
		}
	}
	if question.nests { // what it ran ended the goroutine
		question.nests = false
		t.nested--
	}
	if q.waits() {
		q.wakeLent()
	}
	q.mu.Unlock()
}

// wakeLent makes the innermost lender look at the queue. Locks nest in this
// order: a queue's, then a connection's.
func (q *Queue) wakeLent() {
	if q.thread == nil {
		return
	}
	if n := len(q.thread.lent); n > 0 {
		q.thread.lent[n-1].poke()
	}
}

// runNext runs one call on the goroutine that waits for question, to which the
// queue is lent. It reports whether more calls wait.
func (q *Queue) runNext(question *Question) (more bool) {
	q.mu.Lock()
	call := q.pop()
	if call == nil {
		q.mu.Unlock()
		return false
	}
	q.thread.nested++
	question.nests = true
	tooDeep := q.thread.nested > maxNested
	q.mu.Unlock()
	if tooDeep {
		call.cancel(&Exception{Overloaded, fmt.Sprintf("more than %d calls nested on one thread", maxNested)})
	}
	call.run()
	q.mu.Lock()
	defer q.mu.Unlock()
	question.nests = false
	q.thread.nested--
	return q.waits()
}
