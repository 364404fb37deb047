// Package soak has peers of all kinds call each other, and die and misbehave at random, for as long as one likes. Every
// result has to be right, every error has to be one that the fault explains, no call may be executed twice, and none that
// was reported as done may not have been; and in the end there is no more memory, and no more goroutines and descriptors,
// than at the beginning.
//
//	go test -race ./test/soak -soak.time 30m -timeout 1h -v
package soak

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

var (
	soakTime = flag.Duration("soak.time", defaultTime, "how long the load lasts")
	soakSeed = flag.Uint64("soak.seed", 0, "what the visits do depends on it; 0 for another one each time")
)

// patience bounds what has to happen. It is long enough for a machine that is busy with other things.
const patience = 2 * time.Minute

// visitors is how many peers come at a time.
const visitors = 4

// soak is the state of the test.
type soak struct {
	t    *testing.T
	path string // of the server's socket

	visits, operations, faults, kills atomic.Int64
	afterFault                        atomic.Int64 // nanoseconds until all calls had ended, the longest
}

// figures are what must not grow.
type figures struct {
	heap        uint64
	goroutines  int
	descriptors int
}

func (f figures) String() string {
	return fmt.Sprintf("heap %.2f MiB, %d goroutines, %d descriptors", float64(f.heap)/mib, f.goroutines, f.descriptors)
}

const mib = 1 << 20

func TestSoak(t *testing.T) {
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("%v, -soak.seed %d", *soakTime, seed)
	s := &soak{t: t, path: filepath.Join(t.TempDir(), "soak")}
	stop := s.serve()
	defer stop()

	// The value at the first sixth is what later ones are compared with: by then all that is made once is made.
	sixth := max(2, int(*soakTime/(3*time.Minute)))
	phases := 6 * sixth
	var first, last figures
	for i := range phases {
		s.load(*soakTime/time.Duration(phases), seed, uint64(i))
		s.fillPools()
		last = measure(first)
		t.Logf("%3d/%d: %v; %d visits, %d operations, %d faults, %d processes killed", i+1, phases, last,
			s.visits.Load(), s.operations.Load(), s.faults.Load(), s.kills.Load())
		if i+1 == sixth {
			first = last
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("longest time from a fault to the end of the last call: %v", time.Duration(s.afterFault.Load()))
	if limit := first.heap + first.heap/10; last.heap > limit {
		t.Errorf("heap: %d bytes after a sixth of the time, %d at the end", first.heap, last.heap)
	}
	if last.goroutines > first.goroutines || last.descriptors > first.descriptors {
		t.Errorf("after a sixth of the time %v, at the end %v", first, last)
	}
}

// load has visitors come for d, and returns when the last has left.
func (s *soak) load(d time.Duration, seed, phase uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var wg sync.WaitGroup
	for i := range uint64(visitors) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, phase<<8|i))
			for ctx.Err() == nil && !s.t.Failed() {
				s.visit(r)
			}
		})
	}
	wg.Wait()
}

// fillPools has the memory that is kept for large messages be as much as it can be, to within one of its smaller pieces.
func (s *soak) fillPools() {
	const piece, kept = 64 << 10, 8 * mib
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// A pipe gives a large message in a read of its own, which then stays where it was read to.
	far, near := net.Pipe()
	go serveOne(ctx, far)
	v := newVisit(mprt.NewConn(near, nil))
	defer v.leave()
	err := v.open()
	first := v.foo.StartPassEnum(ctx, waits) // and those after it behind it
	var calls []*foo.FooInterface_PassDataCall
	for range kept/piece + 8 {
		calls = append(calls, v.foo.StartPassData(ctx, make([]byte, piece-512)))
	}
	// This one has a thread of its own. When it returns, the others have been read.
	err = errors.Join(err, v.foo.CallFnAsync(ctx))
	select {
	case released <- struct{}{}:
	case <-ctx.Done():
	}
	_, e := first.Wait()
	err = errors.Join(err, e)
	for _, call := range calls {
		_, e := call.Wait()
		err = errors.Join(err, e)
	}
	if err != nil {
		s.t.Error(err)
	}
}

// measure waits until what the load has left behind is gone, or as much of it as was before, and returns what is left.
func measure(before figures) figures {
	var f figures
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		f = figures{liveHeap(), runtime.NumGoroutine(), descriptors()}
		if before.heap == 0 || f.goroutines <= before.goroutines && f.descriptors <= before.descriptors || time.Now().After(deadline) {
			return f
		}
	}
}

// liveHeap is how much is alive when the collector finds nothing more: cleanups run after it, and free more.
func liveHeap() uint64 {
	var m runtime.MemStats
	least, same := ^uint64(0), 0
	for same < 5 {
		runtime.GC()
		runtime.ReadMemStats(&m)
		if m.HeapAlloc+m.HeapAlloc/100 < least {
			same = 0
		} else {
			same++
		}
		least = min(least, m.HeapAlloc)
	}
	return least
}

// descriptors is how many descriptors are open; 0 where that cannot be seen.
func descriptors() int {
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(d)
}
