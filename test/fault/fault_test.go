// Package fault has one side of a session die or its stream break at every step, one after the other. Whatever the step,
// the calls of the other side must end soon and with the right error; no call may be executed twice, and none that was
// reported as done may not have been; and nothing may be left behind.
package fault

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

var (
	every  = flag.Int("fault.every", defaultEvery, "break streams at one of so many bytes, and kill at one of a twentieth as many messages; 1 for all")
	within = flag.Duration("fault.within", 90*time.Second, "how long calls may last after the fault")
)

// patience bounds what has to happen. It is long enough for a machine that is busy with other things.
const patience = 90 * time.Second

// everyMessage is every for sweeps over messages.
func everyMessage() int { return max(1, *every/20) }

// firstOf is where a sweep over every step-th starts: over time, each has its turn.
func firstOf(step int) int { return rand.IntN(step) }

// blocks is the argument with which callIntFnAsync does not return before its caller is gone. Those from ids on are
// counted.
const (
	blocks = -100
	ids    = 1000
)

// server is what is called.
type server struct {
	fooimpl.Foo
	executed func(id int32)
	running  sync.WaitGroup // handlers that block
}

func (s *server) CallIntFnAsync(ctx context.Context, arg int32) (int32, error) {
	switch {
	case arg == blocks:
		s.running.Add(1)
		defer s.running.Done()
		<-ctx.Done()
		return 0, context.Cause(ctx)
	case arg >= ids:
		s.executed(arg)
	}
	return s.Foo.CallIntFnAsync(ctx, arg)
}

func (s *server) PassEnum(_ context.Context, arg int32) (int32, error) {
	s.executed(arg)
	return arg, nil
}

// serve serves one peer until it has left, and what was done for it has ended.
func (s *server) serve(ctx context.Context, nc net.Conn) error {
	err := mprt.ServeConn(ctx, nc, foo.NewFooInterfaceServer(s))
	s.running.Wait()
	return errors.Join(err, s.Close())
}

// play calls f in all the ways that there are, until one fails. done hears of each counted call that has succeeded.
func play(ctx context.Context, conn *mprt.Conn, done func(id int32)) error {
	f := foo.NewFooInterfaceClient(conn.Bootstrap())
	defer f.Close()
	next := int32(ids)
	id := func() int32 { next++; return next }
	counted := func(id, want int32, got int32, err error) error {
		if err == nil && got != want {
			err = fmt.Errorf("call %d returned %d", id, got)
		}
		if err == nil {
			done(id)
		}
		return err
	}
	for _, step := range []func() error{
		func() error { return f.InitThreadMap(ctx) },
		func() error { id := id(); got, err := f.PassEnum(ctx, id); return counted(id, id, got, err) },
		func() error { id := id(); got, err := f.CallIntFnAsync(ctx, id); return counted(id, 2*id, got, err) },
		func() error { _, err := f.Callback(ctx, callback{}, 3); return err },
		func() error { return f.SaveCallback(ctx, callback{}) },
		func() error { _, err := f.CallbackSaved(ctx, 5); return err },
		func() error {
			_, err := f.PassFn(ctx, func(ctx context.Context) (int32, error) {
				id := id()
				got, err := f.CallIntFnAsync(ctx, id)
				return got, counted(id, 2*id, got, err)
			})
			return err
		},
		func() error {
			var raised *foo.FooStruct
			if err := f.Raise(ctx, &foo.FooStruct{Name: "x"}); !errors.As(err, &raised) {
				return err
			}
			return nil
		},
		func() error {
			f.StartCallIntFnAsync(ctx, blocks).Finish()
			var started []int32
			var calls []*foo.FooInterface_CallIntFnAsyncCall
			for range 3 {
				started = append(started, id())
				calls = append(calls, f.StartCallIntFnAsync(ctx, started[len(started)-1]))
			}
			var failed error
			for i, call := range calls {
				got, err := call.Wait()
				failed = errors.Join(failed, counted(started[i], 2*started[i], got, err))
			}
			return failed
		},
		func() error { id := id(); got, err := f.PassEnum(ctx, id); return counted(id, id, got, err) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

type callback struct{}

func (callback) Call(_ context.Context, arg int32) (int32, error) { return arg, nil }

// explained reports an error that a fault does not explain.
func explained(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, mprt.ErrDisconnected) && !strings.Contains(err.Error(), "disconnect") {
		t.Errorf("%s: %v", what, err)
	}
}

// tally counts calls by their ids.
type tally struct {
	mu    sync.Mutex
	count map[int32]int
}

func (c *tally) add(id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[int32]int{}
	}
	c.count[id]++
}

// readAll adds what another process has written with writeID.
func (c *tally) readAll(t *testing.T, r io.Reader) {
	b, err := io.ReadAll(r)
	if err != nil || len(b)%4 != 0 {
		t.Errorf("%d bytes of ids, %v", len(b), err)
	}
	for ; len(b) >= 4; b = b[4:] {
		c.add(int32(binary.LittleEndian.Uint32(b)))
	}
}

// writeID tells the parent of a call, in one system call: no SIGKILL comes in between.
func writeID(id int32) { os.Stdout.Write(binary.LittleEndian.AppendUint32(nil, uint32(id))) }

// compare holds what was executed against what was reported as done.
func compare(t *testing.T, step string, executed, done *tally) {
	t.Helper()
	executed.mu.Lock()
	defer executed.mu.Unlock()
	done.mu.Lock()
	defer done.mu.Unlock()
	for id, n := range executed.count {
		if n > 1 {
			t.Errorf("%s: call %d was executed %d times", step, id, n)
		}
	}
	for id := range done.count {
		if executed.count[id] == 0 {
			t.Errorf("%s: call %d was reported as done, and was not", step, id)
		}
	}
}

// socketPair returns both ends of a stream between Unix sockets.
func socketPair(t *testing.T) (near, far *net.UnixConn) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.TempDir() + "/s"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	return nc, other
}

// forGood is how many goroutines and descriptors the process may have more because they are made once: those of the poller,
// the watchdog and the sentinel.
const forGood = 4

// checkLeaks fails the test if it leaves goroutines or descriptors behind; as a test has hundreds of steps, it would leave
// more than forGood. Call it first.
func checkLeaks(t *testing.T) {
	t.Helper()
	fds, goroutines := descriptors(), runtime.NumGoroutine()
	t.Cleanup(func() {
		for deadline := time.Now().Add(patience); ; runtime.Gosched() {
			f, g := descriptors(), runtime.NumGoroutine()
			if f <= fds+forGood && g <= goroutines+forGood {
				return
			}
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<16)
				t.Errorf("descriptors: %d, then %d; goroutines: %d, then %d\n%s", fds, f, goroutines, g, stacks[:runtime.Stack(stacks, true)])
				return
			}
		}
	})
}

// descriptors is how many descriptors are open; 0 where that cannot be seen.
func descriptors() int {
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(d)
}

func TestMain(m *testing.M) {
	if mode := os.Getenv(childEnv); mode != "" {
		child(mode)
	}
	code := m.Run()
	err := goleak.Find(
		goleak.IgnoreAnyFunction("github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat.(*watchdog).run"),
		goleak.IgnoreAnyFunction("github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat.(*sentinel).run"))
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
