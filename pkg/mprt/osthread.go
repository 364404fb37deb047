package mprt

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// osThread is a goroutine with an operating system thread of its own, on which
// the calls of one logical thread run: see [WithOSThreads]. It starts with the
// first call.
type osThread struct {
	name string

	mu      sync.Mutex
	started bool
	stopped bool
	work    chan func()
}

// maxOSThreads bounds the threads that all connections of the process have at a
// time: Go ends a process that has more than 10,000, whoever made them.
const maxOSThreads = 8000

// osThreads is how many there are, or may be started at any time.
var osThreads atomic.Int64

func newOSThread(name string) (*osThread, error) {
	if osThreads.Add(1) > maxOSThreads {
		osThreads.Add(-1)
		return nil, &vat.Exception{
			Type:   vat.Overloaded,
			Reason: fmt.Sprintf("more than %d threads of the operating system for all peers", maxOSThreads),
		}
	}
	// There is at most one thing to do: to run the queue.
	return &osThread{name: name, work: make(chan func(), 1)}, nil
}

// run has f run on the thread. It does not wait.
func (t *osThread) run(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped { // what is left when a method that ended the thread was the last
		go f()
		return
	}
	if !t.started {
		t.started = true
		go t.loop()
	}
	t.work <- f
}

// stop ends the thread when what it was given to do is done.
func (t *osThread) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	close(t.work)
	if !t.started {
		osThreads.Add(-1)
	}
}

func (t *osThread) loop() {
	// The operating system thread ends with the goroutine, as it is not unlocked:
	// what a method did to it is nobody else's concern.
	runtime.LockOSThread()
	if onMainThread() {
		// That cannot end, and its name is the process's. While this goroutine
		// holds it, another gets another.
		elsewhere := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(elsewhere)
			t.serve()
		}()
		<-elsewhere
		runtime.UnlockOSThread()
		return
	}
	t.serve()
}

// serve runs what there is to run on the calling goroutine's own thread.
func (t *osThread) serve() {
	setThreadName(t.name)
	done := false
	defer func() {
		if !done { // a method called runtime.Goexit
			go t.loop()
			return
		}
		osThreads.Add(-1)
	}()
	for f := range t.work {
		f()
	}
	done = true
}
