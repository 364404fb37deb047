package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/faultconn"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// numbers tells visits apart.
var numbers atomic.Int64

// visit is one connection to a server and what happens over it.
type visit struct {
	conn   *mprt.Conn
	foo    *foo.FooInterfaceClient
	number string // empty if nothing will be checked

	broken atomic.Bool // from just before a fault on
	nextID atomic.Int32

	mu   sync.Mutex
	done map[int32]bool // whether the call of an id was reported as done
}

func newVisit(conn *mprt.Conn) *visit {
	v := &visit{conn: conn, foo: foo.NewFooInterfaceClient(conn.Bootstrap()), done: map[int32]bool{}}
	v.nextID.Store(ids)
	return v
}

// open exchanges thread maps and says who this is.
func (v *visit) open() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := v.foo.InitThreadMap(ctx); err != nil || v.number == "" {
		return v.explain(err)
	}
	_, err := v.foo.MapSize(ctx, map[string]string{introduces: v.number})
	return v.explain(err)
}

func (v *visit) leave() {
	v.foo.Close()
	v.conn.Close()
}

// errBroken is an error that a fault explains.
var errBroken = errors.New("interrupted by a fault")

// explain makes the error of a call one of the test, unless a fault explains it.
func (v *visit) explain(err error) error {
	if err != nil && v.broken.Load() && (errors.Is(err, mprt.ErrDisconnected) || strings.Contains(err.Error(), "disconnect")) {
		return errBroken
	}
	return err
}

// visit is a visit of one kind or another.
func (s *soak) visit(r *rand.Rand) {
	s.visits.Add(1)
	switch n := r.IntN(40); {
	case n == 0:
		s.killedClient(r)
	case n <= 2:
		s.spawned(r)
	default:
		s.dialled(r)
	}
}

// killedClient has a process visit the server and kills it.
func (s *soak) killedClient(r *rand.Rand) {
	cmd := exec.Command(executable(), strconv.FormatUint(r.Uint64(), 10))
	cmd.Env = childEnviron(s.path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Error(err)
		return
	}
	if _, err := io.CopyN(io.Discard, out, int64(1+r.IntN(60))); err != nil {
		s.t.Errorf("a visiting process ends by itself: %v: %s", err, &stderr)
	}
	s.kills.Add(1)
	cmd.Process.Kill()
	// It was killed.
	_ = cmd.Wait()
}

// spawned starts a server process, calls it, and leaves it or kills it.
func (s *soak) spawned(r *rand.Rand) {
	cmd := exec.Command(executable())
	cmd.Env = childEnviron("server")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	p, err := mprt.Spawn(context.Background(), cmd)
	if err != nil {
		s.t.Error(err)
		return
	}
	killed := r.IntN(3) > 0
	v := newVisit(p.Conn())
	s.stay(v, r, func() {
		if killed {
			s.kills.Add(1)
			p.Kill()
		} else {
			p.Conn().Close()
		}
	})
	v.leave()
	if err := p.Close(); err != nil && !killed {
		s.t.Errorf("%v: %s", err, &stderr)
	}
}

// dialled calls the server of this process.
func (s *soak) dialled(r *rand.Rand) {
	nc, err := net.Dial("unix", s.path)
	if err != nil {
		s.t.Error(err)
		return
	}
	socket := nc.(*net.UnixConn)
	var brittle bool
	switch r.IntN(4) {
	case 0: // breaks by itself, in the middle of anything
		limits := [2]int{-1, -1}
		limits[r.IntN(2)] = r.IntN(1 << (4 + r.IntN(16)))
		nc, brittle = faultconn.New(nc, limits[0], limits[1], faultconn.Close), true
	case 1:
		nc = faultconn.New(nc, -1, -1, nil)
	}
	v := newVisit(mprt.NewConn(nc, nil, mprt.WithName("server")))
	v.number = fmt.Sprint(numbers.Add(1))
	v.broken.Store(brittle)
	how := r.IntN(6)
	s.stay(v, r, func() {
		switch how {
		case 0:
			v.conn.Close()
		case 1:
			socket.CloseWrite()
		case 2:
			socket.CloseRead()
		case 3:
			socket.Close()
		case 4:
			v.foo.StartCallIntFnAsync(context.Background(), closes).Finish()
		case 5:
			v.foo.Close() // of the object alone; the calls in flight go on
			v.conn.Close()
		}
	})
	v.leave()
	v.check(s)
}

// stay has several goroutines make calls, and breaks the connection in the middle of that, or not at all.
func (s *soak) stay(v *visit, r *rand.Rand, fault func()) {
	if err := v.open(); err != nil {
		if err != errBroken {
			s.t.Errorf("open: %v", err)
		}
		return
	}
	faulty := r.IntN(2) == 0
	at := r.IntN(60)
	var began time.Time
	var operations atomic.Int64
	var wg sync.WaitGroup
	for range 1 + r.IntN(4) {
		mine := rand.New(rand.NewPCG(r.Uint64(), 0))
		wg.Go(func() {
			for range 30 {
				if faulty && operations.Add(1) == int64(at) {
					s.faults.Add(1)
					v.broken.Store(true)
					began = time.Now()
					fault()
				}
				s.operations.Add(1)
				if err := v.operate(mine); err != nil {
					// Called by a callback, a client that the fault closed says so by way of the server.
					closed := faulty && (errors.Is(err, mprt.ErrClosed) || strings.Contains(err.Error(), mprt.ErrClosed.Error()))
					if err != errBroken && !closed {
						s.t.Error(err)
					}
					return
				}
			}
		})
	}
	wg.Wait()
	if !began.IsZero() {
		for took := int64(time.Since(began)); ; {
			if old := s.afterFault.Load(); took <= old || s.afterFault.CompareAndSwap(old, took) {
				break
			}
		}
	}
}

// check compares what was executed with what was reported.
func (v *visit) check(s *soak) {
	x, ok := servers.LoadAndDelete(v.number)
	if !ok {
		return // it did not come so far
	}
	served := x.(*server)
	served.mu.Lock()
	defer served.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, n := range served.executed {
		if _, asked := v.done[id]; n != 1 || !asked {
			s.t.Errorf("call %d was executed %d times, asked for: %v", id, n, asked)
		}
	}
	for id, done := range v.done {
		if done && served.executed[id] == 0 {
			s.t.Errorf("call %d was reported as done, and was not", id)
		}
	}
}

// operate does one thing with the server, and returns what went wrong without a fault, or errBroken.
func (v *visit) operate(r *rand.Rand) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n := r.IntN(len(operations))
	if err := v.explain(operations[n](v, ctx, r)); err != nil {
		if err == errBroken {
			return err
		}
		return fmt.Errorf("operation %d: %w", n, err)
	}
	return nil
}

var operations = []func(v *visit, ctx context.Context, r *rand.Rand) error{
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		a := r.Int32N(1000)
		return equal(a + 1)(v.foo.Add(ctx, a, 1))
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		arg := randomStruct(r)
		got, err := v.foo.Pass(ctx, arg)
		if err == nil && (got.Name != arg.Name || len(got.MapStringInt) != len(arg.MapStringInt)) {
			err = errors.New("another struct came back")
		}
		return err
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		var raised *foo.FooStruct
		arg := randomStruct(r)
		err := v.foo.Raise(ctx, arg)
		if errors.As(err, &raised) && raised.Name == arg.Name {
			return nil
		}
		return orNot(err, "raise")
	},
	// What is counted, with and without a context, one at a time and several at once.
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		return v.counted(func(id int32) (int32, error) { return v.foo.PassEnum(ctx, id) }, 1)
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		return v.counted(func(id int32) (int32, error) { return v.foo.CallIntFnAsync(ctx, id) }, 2)
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		ctx, release := mprt.WithThread(ctx, "batch")
		defer release()
		var ids []int32
		var calls []*foo.FooInterface_CallIntFnAsyncCall
		for range 1 + r.IntN(20) {
			id := v.ask()
			ids = append(ids, id)
			calls = append(calls, v.foo.StartCallIntFnAsync(ctx, id))
		}
		var failed error
		for i, call := range calls {
			if i%7 == 6 {
				call.Finish() // whether it is executed or not
				continue
			}
			if err := v.told(ids[i], 2)(call.Wait()); err != nil {
				failed = err
			}
		}
		return failed
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		arg := 1 + r.Int32N(20)
		return equal(arg + 1)(v.foo.Callback(ctx, callback{}, arg))
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		if err := v.foo.SaveCallback(ctx, callback{}); err != nil {
			return err
		}
		got, err := v.foo.CallbackSaved(ctx, 5)
		if err != nil && (strings.Contains(err.Error(), "is closed") || strings.Contains(err.Error(), "has been destroyed")) {
			return nil // another goroutine of the visit has saved its own
		}
		return equal(int32(6))(got, err)
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		depth := r.Int32N(6)
		return equal(depth)(v.nest(ctx, depth))
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		data := make([]byte, r.IntN(1<<(3+r.IntN(18))))
		for i := 0; i < len(data); i += 512 {
			data[i] = byte(r.Uint32())
		}
		got, err := v.foo.PassData(ctx, data)
		if err == nil && !bytes.Equal(got, data) {
			err = errors.New("other data came back")
		}
		return err
	},
	// What is given up.
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		ctx, cancel := context.WithCancel(ctx)
		turns := r.IntN(200)
		go func() {
			for range turns {
				runtime.Gosched()
			}
			cancel()
		}()
		_, err := v.foo.CallIntFnAsync(ctx, blocks)
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return orNot(err, "a call that was given up")
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		_, err := v.foo.PassFn(ctx, func(context.Context) (int32, error) {
			cancel()
			return 1, nil
		})
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	},
	// What goes wrong in the server.
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		_, err := v.foo.CallIntFnAsync(ctx, slow)
		return err
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		_, err := v.foo.CallIntFnAsync(ctx, panics)
		return wanted(err, "panic: the handler panics")
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		_, err := v.foo.CallIntFnAsync(ctx, exits)
		return wanted(err, "Goexit")
	},
	func(v *visit, ctx context.Context, r *rand.Rand) error {
		_, err := v.foo.PassFn(ctx, func(context.Context) (int32, error) { panic("the callback panics") })
		return wanted(err, "panic: the callback panics")
	},
}

// ask is a new id.
func (v *visit) ask() int32 {
	id := v.nextID.Add(1)
	v.mu.Lock()
	v.done[id] = false
	v.mu.Unlock()
	return id
}

// told notes the outcome of the call of an id, of which times as much is expected.
func (v *visit) told(id, times int32) func(int32, error) error {
	return func(got int32, err error) error {
		if err != nil {
			return err
		}
		v.mu.Lock()
		v.done[id] = true
		v.mu.Unlock()
		return equal(times*id)(got, nil)
	}
}

func (v *visit) counted(call func(id int32) (int32, error), times int32) error {
	id := v.ask()
	return v.told(id, times)(call(id))
}

// nest has the server call back, and the callback the server, and so on.
func (v *visit) nest(ctx context.Context, depth int32) (int32, error) {
	if depth == 0 {
		return 0, nil
	}
	got, err := v.foo.PassFn(ctx, func(ctx context.Context) (int32, error) { return v.nest(ctx, depth-1) })
	return got + 1, err
}

type callback struct{}

func (callback) Call(_ context.Context, arg int32) (int32, error) { return arg + 1, nil }

func randomStruct(r *rand.Rand) *foo.FooStruct {
	return &foo.FooStruct{
		Name:         strings.Repeat("n", r.IntN(1<<r.IntN(16))),
		MapStringInt: map[string]int32{"a": r.Int32(), strconv.Itoa(r.IntN(100)): 2},
	}
}

func equal(want int32) func(int32, error) error {
	return func(got int32, err error) error {
		if err == nil && got != want {
			err = fmt.Errorf("got %d, not %d", got, want)
		}
		return err
	}
}

func orNot(err error, what string) error {
	if err == nil {
		err = errors.New(what + " succeeds")
	}
	return err
}

func wanted(err error, text string) error {
	if err != nil && strings.Contains(err.Error(), text) {
		return nil
	}
	return orNot(err, text)
}

// executable is this binary.
func executable() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}
