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
// The zero Queue is ready to use.
type Queue struct {
	// Runner, if set before the first call, has the queue run where it likes,
	// instead of whoever was told to. It must not wait for that.
	Runner func(run func())

	mu         sync.Mutex
	head, tail *Call
	// busy says that a goroutine runs the queue or owns it (Acquire).
	busy bool
	// lent are the questions whose waiting goroutines take calls, the
	// innermost last.
	lent []*Question
	// nested is how many calls such goroutines run now, on top of each other.
	nested int
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
	if q.tail == nil {
		q.head = call
	} else {
		q.tail.next = call
	}
	q.tail = call
	if !q.busy {
		q.busy = true
		q.mu.Unlock()
		if q.Runner != nil {
			q.Start()
			return nil
		}
		return q
	}
	q.wakeLent()
	q.mu.Unlock()
	return nil
}

// Busy says whether somebody runs or owns the queue.
func (q *Queue) Busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.busy
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
			q.busy = false
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
	switch {
	case q == nil:
	case q.Runner != nil:
		q.Runner(q.Run)
	default:
		go q.Run()
	}
}

// Acquire makes the calling goroutine the queue's owner, if it has none: calls
// put meanwhile wait until it lends itself ([Question.Wait]) or lets go.
func (q *Queue) Acquire() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy {
		return false
	}
	q.busy = true
	return true
}

// Yield ends Acquire. What was put in the meantime is started.
func (q *Queue) Yield() {
	q.mu.Lock()
	if q.head == nil {
		q.busy = false
		q.mu.Unlock()
		return
	}
	q.mu.Unlock()
	q.Start()
}

func (q *Queue) pop() *Call {
	call := q.head
	if call != nil {
		q.head = call.next
		if q.head == nil {
			q.tail = nil
		}
		call.next = nil
	}
	return call
}

// lend offers the goroutine that waits for question to the queue's calls. It
// reports whether there are any.
func (q *Queue) lend(question *Question) (waiting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lent = append(q.lent, question)
	return q.head != nil
}

// unlend takes the offer back. Goroutines that share a queue may end in any
// order; whoever is left then must look whether calls wait.
func (q *Queue) unlend(question *Question) {
	q.mu.Lock()
	for i := len(q.lent) - 1; i >= 0; i-- {
		if q.lent[i] == question {
			q.lent = slices.Delete(q.lent, i, i+1)
			break
		}
	}
	if question.nests { // what it ran ended the goroutine
		question.nests = false
		q.nested--
	}
	if q.head != nil {
		q.wakeLent()
	}
	q.mu.Unlock()
}

// wakeLent makes the innermost lender look at the queue. Locks nest in this
// order: a queue's, then a connection's.
func (q *Queue) wakeLent() {
	if n := len(q.lent); n > 0 {
		q.lent[n-1].poke()
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
	q.nested++
	question.nests = true
	tooDeep := q.nested > maxNested
	q.mu.Unlock()
	if tooDeep {
		call.cancel(&Exception{Overloaded, fmt.Sprintf("more than %d calls nested on one thread", maxNested)})
	}
	call.run()
	q.mu.Lock()
	defer q.mu.Unlock()
	question.nests = false
	q.nested--
	return q.head != nil
}
