package attack

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

const (
	fooInterface = foo.FooInterface_ID

	fooAdd            = foo.FooInterface_Add_ID
	fooMapSize        = foo.FooInterface_MapSize_ID
	fooPass           = foo.FooInterface_Pass_ID
	fooInitThreadMap  = foo.FooInterface_InitThreadMap_ID
	fooSaveCallback   = foo.FooInterface_SaveCallback_ID
	fooCallbackSaved  = foo.FooInterface_CallbackSaved_ID
	fooPassEnum       = foo.FooInterface_PassEnum_ID
	fooCallFnAsync    = foo.FooInterface_CallFnAsync_ID
	fooCallIntFnAsync = foo.FooInterface_CallIntFnAsync_ID
	fooPassDatas      = foo.FooInterface_PassDataPointers_ID
	fooPassData       = foo.FooInterface_PassData_ID

	threadMapID = 0xee5e37179ad9dc9d
	makeThread  = 0
	makePool    = 1
)

// blocks is the argument with which some methods do not return before their caller is gone.
const blocks = -100

// target is the object that the victim serves.
type target struct{ fooimpl.Foo }

// PassEnum has no context: it blocks the connection's own loop.
func (*target) PassEnum(ctx context.Context, arg int32) (int32, error) {
	if arg == blocks {
		<-ctx.Done()
		return 0, context.Cause(ctx)
	}
	return arg, nil
}

// CallIntFnAsync blocks a thread.
func (t *target) CallIntFnAsync(ctx context.Context, arg int32) (int32, error) {
	if arg == blocks {
		<-ctx.Done()
		return 0, context.Cause(ctx)
	}
	return t.Foo.CallIntFnAsync(ctx, arg)
}

// victim is a server with one well-behaved client, the witness.
type victim struct {
	t    testing.TB
	path string
	stop func()
}

func startVictim(t testing.TB, opts ...mprt.Option) *victim {
	path := filepath.Join(t.TempDir(), "victim")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- mprt.Serve(ctx, l, foo.NewFooInterfaceServer(&target{}), opts...) }()
	return &victim{t: t, path: path, stop: sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-served:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(patience):
			t.Error("the server does not end")
		}
	})}
}

// attack connects one more attacker, who leaves at the end of the test at the latest.
func (v *victim) attack() *attacker {
	a := v.connect(v.t)
	nc := a.nc // a itself would be kept until then
	v.t.Cleanup(func() { nc.Close() })
	return a
}

// connect is attack for those who leave by themselves.
func (v *victim) connect(t testing.TB) *attacker {
	nc, err := net.Dial("unix", v.path)
	if err != nil {
		t.Fatal(err)
	}
	return &attacker{t: t, nc: nc}
}

// witness makes calls over a connection of its own as long as an attack lasts. All have to succeed; how long they took
// is a figure, not a condition.
type witness struct {
	t       testing.TB
	conn    *mprt.Conn
	foo     *foo.FooInterfaceClient
	stopped chan struct{}
	done    chan struct{}
	once    sync.Once
	calls   atomic.Int64
	longest time.Duration
}

func (v *victim) witness() *witness {
	conn, err := mprt.Dial(context.Background(), "unix:"+v.path)
	if err != nil {
		v.t.Fatal(err)
	}
	w := &witness{t: v.t, conn: conn, foo: foo.NewFooInterfaceClient(conn.Bootstrap())}
	if err := w.foo.InitThreadMap(context.Background()); err != nil {
		v.t.Fatal(err)
	}
	w.call()
	return w
}

// call makes one call without a context and one with.
func (w *witness) call() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if sum, err := w.foo.Add(ctx, 40, 2); err != nil || sum != 42 {
		w.t.Errorf("witness: %d, %v", sum, err)
	}
	if n, err := w.foo.CallIntFnAsync(ctx, 21); err != nil || n != 42 {
		w.t.Errorf("witness: %d, %v", n, err)
	}
	w.calls.Add(2)
}

func (w *witness) start() {
	w.stopped, w.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(w.done)
		for {
			begin := time.Now()
			w.call()
			w.longest = max(w.longest, time.Since(begin))
			select {
			case <-w.stopped:
				return
			default:
				if w.t.Failed() {
					return
				}
			}
		}
	}()
}

func (w *witness) stop() {
	w.once.Do(func() { close(w.stopped) })
	<-w.done
}

func (w *witness) close() {
	w.foo.Close()
	w.conn.Close()
}

// heap is how many bytes of objects the process holds, garbage included.
func heap() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// liveHeap is heap without garbage.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // pools give up what they hold at the second
	return heap()
}

// peak samples the heap until it is stopped, and returns the largest value. The garbage of both sides is in it, and what
// the attacker holds itself.
func peak() (stop func() int64) {
	stopped, result := make(chan struct{}), make(chan int64)
	go func() {
		most := heap()
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, heap())
			case <-stopped:
				result <- max(most, heap())
				return
			}
		}
	}()
	return func() int64 {
		close(stopped)
		return <-result
	}
}

// settles waits until ok; it reports false if that does not happen.
func settles(ok func() bool) bool {
	for deadline := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

const (
	mib = 1 << 20
	// heapLimit is how much the heap may grow during an attack that does not say otherwise.
	heapLimit = 64 * mib
	// heapLeft is how much more may be alive when the attacker has left: the runtime keeps 8 MiB for large messages.
	heapLeft = 10 * mib
	// goroutinesLeft is what the reader role and the runtime's own need.
	goroutinesLeft = 4
)

// underWatch runs an attack while w makes calls, and checks what it cost and what it left behind. run must close what
// it opens.
func underWatch(t *testing.T, w *witness, limit int64, run func()) {
	goroutines, before := runtime.NumGoroutine(), liveHeap()
	begin := time.Now()
	w.start()
	defer w.stop() // also if run fails
	stopPeak := peak()
	run()
	grown := stopPeak() - before
	w.stop()
	took := time.Since(begin)
	w.call()
	if limit == 0 {
		limit = heapLimit
	}
	limit *= heapFactor
	if grown > limit {
		t.Errorf("the heap grew by %.1f MiB, more than %d", float64(grown)/mib, limit/mib)
	}
	if !settles(func() bool { return runtime.NumGoroutine() <= goroutines+goroutinesLeft }) {
		buf := make([]byte, 64<<10)
		t.Errorf("%d goroutines before, %d after\n%s", goroutines, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
	}
	var left int64
	if !settles(func() bool { left = liveHeap() - before; return left < heapLeft }) {
		t.Errorf("%.1f MiB left behind", float64(left)/mib)
	}
	t.Logf("%7.1f ms, heap +%6.1f MiB, %6d witness calls, longest %6.2f ms", ms(took), float64(grown)/mib, w.calls.Load(), ms(w.longest))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func TestMain(m *testing.M) {
	if path := os.Getenv(peerEnv); path != "" {
		serveUntilKilled(path)
	}
	// The watchdog is one goroutine for the process and stays.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}
