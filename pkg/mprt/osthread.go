package mprt

import (
	"runtime"
	"sync"
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

func newOSThread(name string) *osThread {
	// There is at most one thing to do: to run the queue.
	return &osThread{name: name, work: make(chan func(), 1)}
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
		}
	}()
	for f := range t.work {
		f()
	}
	done = true
}
