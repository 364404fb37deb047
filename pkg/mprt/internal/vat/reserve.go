package vat

import (
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Large data becomes garbage at once: each call leaves a copy of it behind. In
// a process with a small heap the collector then runs every few calls, which
// costs more than the calls. While large frames come in, the heap is
// therefore made to look larger by memory that is never touched, so that it has
// no pages; the collector runs once per so much garbage instead.
type reserve struct {
	mu   sync.Mutex
	mem  []byte
	used bool      // since the last collection
	last time.Time // when that was
	row  int       // of collections one soon after the other
}

// The garbage between two collections is about as large as the reserve, and its
// memory has to be touched for a first time, which some machines make dearer than
// a call. So the reserve is small at first, and grows where the collector has run
// so often that there is more to gain.
const (
	minReserve = 8 << 20
	maxReserve = 32 << 20
	tooOften   = 50 * time.Millisecond
	inRow      = 8 // times
)

// use holds the reserve until a whole collection has passed without use. A
// process that has set itself a memory limit knows better.
func (r *reserve) use() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mem == nil && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		r.mem = uncleared(minReserve)
		r.row, r.last = 0, time.Now()
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
	if !r.used {
		r.mem = nil
		return
	}
	now := time.Now()
	if r.row++; now.Sub(r.last) > tooOften {
		r.row = 0
	}
	if size := 2 * len(r.mem); size <= maxReserve && r.row == inRow {
		r.mem, r.row = uncleared(size), 0
	}
	r.used, r.last = false, now
	r.nextCollection()
}
