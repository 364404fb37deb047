package mprt

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// RecursiveMutex is a mutex that belongs to a thread: who holds it may lock it
// again. Threads are those of the runtime, which travel in a context and from
// process to process: while a method holds the mutex and waits for a peer, the
// calls that the peer makes back run on the same thread, and can lock it too,
// as they could if everything were in one process.
//
// Contexts that carry a thread are those that methods with a context parameter
// are served with, those of [WithThread], and what derives from them. The zero
// RecursiveMutex is unlocked. It must not be copied after its first use.
type RecursiveMutex struct {
	mu      sync.Mutex
	owner   *Thread
	depth   int // how often the owner has locked it
	waiting []*mutexWaiter
}

type mutexWaiter struct {
	thread *Thread
	locked chan struct{} // closed when it has the mutex
}

var errNoThreadHere = errors.New("the context carries no thread, which a RecursiveMutex is held by: " +
	"use the one that a method is served with, or one of WithThread")

// Lock locks the mutex for the thread that ctx carries. It waits while another
// thread holds it, in turn, and gives up when ctx ends; then it returns its
// cause. It is an error that ctx carries no thread. After an error the mutex is
// as it was.
func (m *RecursiveMutex) Lock(ctx context.Context) error {
	t := threadOf(ctx)
	if t == nil {
		return errNoThreadHere
	}
	m.mu.Lock()
	if m.take(t) {
		m.mu.Unlock()
		return nil
	}
	w := &mutexWaiter{t, make(chan struct{})}
	m.waiting = append(m.waiting, w)
	m.mu.Unlock()
	select {
	case <-w.locked:
		return nil
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.waiting, w)
	if i < 0 {
		return nil // it came at the same time
	}
	m.waiting = slices.Delete(m.waiting, i, i+1)
	return context.Cause(ctx)
}

// TryLock locks the mutex for the thread that ctx carries, unless another
// thread holds it, and reports whether it did.
func (m *RecursiveMutex) TryLock(ctx context.Context) bool {
	t := threadOf(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	return t != nil && m.take(t)
}

// take locks the mutex for t if it can be, under m.mu.
func (m *RecursiveMutex) take(t *Thread) bool {
	if m.owner != nil && m.owner != t {
		return false
	}
	m.owner = t
	m.depth++
	return true
}

// Unlock undoes one Lock of the thread that ctx carries. It panics if that
// thread does not hold the mutex.
func (m *RecursiveMutex) Unlock(ctx context.Context) {
	t := threadOf(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if t == nil || m.owner != t {
		panic("mprt: unlock of a RecursiveMutex that the thread does not hold")
	}
	if m.depth--; m.depth > 0 {
		return
	}
	m.owner = nil
	if len(m.waiting) == 0 {
		return
	}
	// Goroutines that share a thread hold it together.
	next := m.waiting[0].thread
	m.waiting = slices.DeleteFunc(m.waiting, func(w *mutexWaiter) bool {
		if w.thread != next {
			return false
		}
		m.take(next)
		close(w.locked)
		return true
	})
}
