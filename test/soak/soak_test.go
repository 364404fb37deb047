// Package soak has peers of all kinds call each other, and die and misbehave at random, for as long as one likes. Every
// result has to be right, every error has to be one that the fault explains, no call may be executed twice, and none that
// was reported as done may not have been; and in the end there is no more memory, and no more goroutines and descriptors,
// than at the beginning.
//
//	go test -race ./test/soak -soak.time 30m -timeout 1h -v
package soak

import (
	"bytes"
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
	s.rouse()

	// The value at the first sixth is what later ones are compared with: by then all that is made once is made.
	sixth := max(2, int(*soakTime/(3*time.Minute)))
	phases := 6 * sixth
	var first figures
	for i := range phases {
		s.load(*soakTime/time.Duration(phases), seed, uint64(i))
		s.fillPools()
		now := rest()
		if i >= sixth {
			now = settle(now, first.limit())
		}
		t.Logf("%3d/%d: %v; %d visits, %d operations, %d faults, %d processes killed", i+1, phases, now,
			s.visits.Load(), s.operations.Load(), s.faults.Load(), s.kills.Load())
		switch {
		case i+1 == sixth:
			first = now
		case i >= sixth && !now.within(first.limit()):
			t.Errorf("after a sixth of the time %v, now %v, and it stays so", first, now)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("longest time from a fault to the end of the last call: %v", time.Duration(s.afterFault.Load()))
}

// rouse has the process begin what it begins once, with the first connection that comes to rest, and which would look like a
// leak if that were late.
func (s *soak) rouse() {
	conn, err := mprt.Dial(context.Background(), "unix:"+s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	v := newVisit(conn)
	defer v.leave()
	if err := v.open(); err != nil {
		s.t.Fatal(err)
	}
	stacks := make([]byte, mib)
	for deadline := time.Now().Add(patience); runtime.GOOS == "linux"; runtime.Gosched() {
		n := runtime.Stack(stacks, true)
		if bytes.Contains(stacks[:n], []byte("vat.(*sentinel).run(")) {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("nobody watches a connection at rest:\n%s", stacks[:n])
		}
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

// limit is what f may become.
func (f figures) limit() figures {
	f.heap += f.heap / 10
	return f
}

func (f figures) within(limit figures) bool {
	return f.heap <= limit.heap && f.goroutines <= limit.goroutines && f.descriptors <= limit.descriptors
}

// settle goes on measuring as long as there is more than limit. On a machine that is busy, what a connection leaves behind
// takes its time to go: goroutines that end, and cleanups after them. What has leaked never goes.
func settle(f, limit figures) figures {
	for deadline := time.Now().Add(patience); !f.within(limit) && time.Now().Before(deadline); {
		f = rest()
	}
	return f
}

// rest measures until nothing becomes less: cleanups run after the collector, and free more.
func rest() figures {
	least := measure()
	for same := 0; same < 20; same++ {
		f := measure()
		if f.heap+f.heap/100 < least.heap || f.goroutines < least.goroutines || f.descriptors < least.descriptors {
			same = 0
		}
		least = figures{min(f.heap, least.heap), min(f.goroutines, least.goroutines), min(f.descriptors, least.descriptors)}
	}
	return least
}

func measure() figures {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return figures{m.HeapAlloc, runtime.NumGoroutine(), descriptors()}
}

// descriptors is how many descriptors are open; 0 where that cannot be seen.
func descriptors() int {
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(d)
}
