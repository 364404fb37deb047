package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/faultconn"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

// Arguments of callIntFnAsync that have the server do something else than to double them. Those from ids on are counted.
const (
	blocks = -100 - iota // until the call is cancelled
	slow                 // for some milliseconds
	panics
	exits
	closes // the connection
	ids    = 1000
)

// server is what one visitor calls.
type server struct {
	fooimpl.Foo

	mu       sync.Mutex
	executed map[int32]int // how often each id was
}

func (s *server) CallIntFnAsync(ctx context.Context, arg int32) (int32, error) {
	switch arg {
	case blocks:
		<-ctx.Done()
		return 0, context.Cause(ctx)
	case slow:
		t := time.NewTimer(3 * time.Millisecond)
		defer t.Stop()
		<-t.C
	case panics:
		panic("the handler panics")
	case exits:
		runtime.Goexit()
	case closes:
		mprt.Caller(ctx).Close()
	}
	if arg >= ids {
		s.count(arg)
	}
	return 2 * arg, nil
}

// waits is the argument of passEnum with which it waits for released.
const waits = -200

var released = make(chan struct{})

func (s *server) PassEnum(_ context.Context, arg int32) (int32, error) {
	if arg == waits {
		<-released
		return 0, nil
	}
	s.count(arg)
	return arg, nil
}

func (s *server) count(id int32) {
	s.mu.Lock()
	s.executed[id]++
	s.mu.Unlock()
}

// servers are those that visitors of this process have introduced themselves to, by their numbers.
var servers sync.Map

// introduces is the key in mapSize's map that has the visitor's number.
const introduces = "visit"

func (s *server) MapSize(ctx context.Context, m map[string]string) (int32, error) {
	if number, ok := m[introduces]; ok {
		servers.Store(number, s)
	}
	return s.Foo.MapSize(ctx, m)
}

// Callback calls back more often than once.
func (s *server) Callback(ctx context.Context, callback foo.FooCallback, arg int32) (int32, error) {
	for i := range arg % 8 {
		if _, err := callback.Call(ctx, i); err != nil {
			return 0, err
		}
	}
	return s.Foo.Callback(ctx, callback, arg)
}

// serve serves each visitor on its own, half of them over streams that are no sockets, some of which break.
func (s *soak) serve() (stop func()) {
	l, err := net.Listen("unix", s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				s.t.Errorf("accept: %v", err)
				return
			}
			wg.Go(func() { serveOne(ctx, disguise(nc)) })
		}
	})
	return func() {
		cancel()
		l.Close()
		wg.Wait()
	}
}

func serveOne(ctx context.Context, nc net.Conn) {
	impl := &server{executed: map[int32]int{}}
	// How the session ends is the visitor's affair.
	_ = mprt.ServeConn(ctx, nc, foo.NewFooInterfaceServer(impl))
	// Nobody is there to hear of a callback that is closed now.
	_ = impl.Close()
}

// disguise has half of the streams be no sockets.
func disguise(nc net.Conn) net.Conn {
	if rand.IntN(2) == 0 {
		return nc
	}
	return faultconn.New(nc, -1, -1, nil)
}

// childEnv has this binary be a visitor's peer: "server", which serves who spawned it, or the path of a socket, which it
// visits until it is killed.
const childEnv = "MPGO_SOAK_CHILD"

func TestMain(m *testing.M) {
	mode := os.Getenv(childEnv)
	if mode == "" {
		os.Exit(m.Run())
	}
	if err := child(mode); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(mode string) error {
	if mode == "server" {
		impl := &server{executed: map[int32]int{}}
		err := mprt.ServeSpawned(context.Background(), os.Args[len(os.Args)-1], foo.NewFooInterfaceServer(impl))
		return errors.Join(err, impl.Close(), goleak.Find(
			goleak.IgnoreAnyFunction("github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat.(*watchdog).run"),
			goleak.IgnoreAnyFunction("github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat.(*sentinel).run")))
	}
	seed, err := strconv.ParseUint(os.Args[1], 10, 64)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, 0))
	for {
		conn, err := mprt.Dial(context.Background(), "unix:"+mode)
		if err != nil {
			return err
		}
		v := newVisit(conn)
		if err := v.open(); err != nil {
			return err
		}
		for range 20 {
			if err := v.operate(r); err != nil {
				return err
			}
			// Whoever counts these kills at one of them.
			os.Stdout.Write([]byte{'.'})
		}
		v.leave()
	}
}

// childEnviron is the environment of a child.
func childEnviron(mode string) []string {
	return append(os.Environ(), childEnv+"="+mode,
		// The race detector would pause for a second at each child's end.
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
}
