package vat

import (
	"math"
	"runtime"
	"runtime/debug"
	"sync"
)

// Large data becomes garbage at once: each call leaves a copy of it behind. In
// a process with a small heap the collector then runs every few calls, which
// costs more than the calls. While large frames come in, the heap is
// therefore made to look larger by memory that is never touched, so that it has
// no pages; the collector runs once per so much garbage instead.
type reserve struct {
	mu   sync.Mutex
	mem  []byte
	used bool // since the last collection
}

// reserveSize is a compromise: the garbage between two collections is about as
// large, and its memory has to be touched for a first time.
const reserveSize = 16 << 20

// use holds the reserve until a whole collection has passed without use. A
// process that has set itself a memory limit knows better.
func (r *reserve) use() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mem == nil && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		r.mem = make([]byte, reserveSize)
		r.nextCollection()
	}
	r.used = true
}

// nextCollection has collected called after the next run of the collector.
func (r *reserve) nextCollection() {
	type mark struct{ _ *byte } // with a pointer, so that it has a block of its own
	runtime.AddCleanup(new(mark), (*reserve).collected, r)
}

func (r *reserve) collected() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used {
		r.used = false
		r.nextCollection()
	} else {
		r.mem = nil
	}
}
