package attack

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3/std/capnp/rpc"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

func descriptors(t testing.TB) int {
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("descriptors are counted in /proc/self/fd")
	}
	return len(d)
}

// TestConnects connects and leaves 10,000 times, in the ways in which a peer can leave, and counts what is left.
func TestConnects(t *testing.T) {
	v := startVictim(t)
	defer v.stop()
	w := v.witness()
	defer w.close()
	fds, goroutines, before := descriptors(t), runtime.NumGoroutine(), liveHeap()
	const n = 10_000
	for i := range n {
		switch i % 4 {
		case 0: // a call, then an orderly end
			c, err := mprt.Dial(context.Background(), "unix:"+v.path)
			if err != nil {
				t.Fatal(err)
			}
			f := foo.NewFooInterfaceClient(c.Bootstrap())
			if sum, err := f.Add(context.Background(), 40, 2); err != nil || sum != 42 {
				t.Fatal(sum, err)
			}
			f.Close()
			c.Close()
		case 1: // nothing
			v.connect(t).nc.Close()
		case 2: // a question whose answer nobody reads
			a := v.connect(t)
			a.bootstrap(1)
			a.nc.Close()
		case 3: // half closed in the middle of a frame
			a := v.connect(t)
			a.raw(header(100))
			a.nc.(*net.UnixConn).CloseWrite()
			a.nc.Close()
		}
	}
	if !settles(func() bool { return runtime.NumGoroutine() <= goroutines+goroutinesLeft && descriptors(t) <= fds+4 }) {
		t.Errorf("goroutines: %d, then %d; descriptors: %d, then %d", goroutines, runtime.NumGoroutine(), fds, descriptors(t))
	}
	if !settles(func() bool { return liveHeap()-before < heapLeft }) {
		t.Errorf("%.1f MiB left behind", float64(liveHeap()-before)/mib)
	}
	w.call()
}

// TestHalfClose leaves the reading side open: what was asked before is not answered to nobody for ever.
func TestHalfClose(t *testing.T) {
	v := startVictim(t)
	defer v.stop()
	a := v.attack()
	a.open()
	a.block(1)
	a.nc.(*net.UnixConn).CloseWrite()
	a.expectEnd()
}

// peerEnv makes the test binary a peer that is to be killed: "client" or "server", and the socket's path.
const peerEnv = "MPGO_ATTACK_PEER"

// TestKilledServer kills the server with SIGKILL at several steps of a call.
func TestKilledServer(t *testing.T) {
	for _, step := range []string{"before bootstrap", "idle", "call running", "thread call running"} {
		t.Run(step, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "killed")
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), peerEnv+"="+path)
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			c, err := mprt.Dial(ctx, "unix:"+path, mprt.WithWaitForPeer())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			f := foo.NewFooInterfaceClient(c.Bootstrap())
			defer f.Close()
			ended := make(chan error, 1)
			if step != "before bootstrap" {
				if err := f.InitThreadMap(ctx); err != nil {
					t.Fatal(err)
				}
			}
			switch step {
			case "call running":
				go func() { _, err := f.PassEnum(ctx, blocks); ended <- err }()
			case "thread call running":
				go func() { _, err := f.CallIntFnAsync(ctx, blocks); ended <- err }()
			default:
				ended <- mprt.ErrDisconnected
			}
			killed := time.Now()
			cmd.Process.Kill()
			if err := <-ended; !errors.Is(err, mprt.ErrDisconnected) {
				t.Errorf("running call: %v", err)
			}
			<-c.Done()
			t.Logf("noticed after %.2f ms", ms(time.Since(killed)))
			if _, err := f.Add(ctx, 1, 2); !errors.Is(err, mprt.ErrDisconnected) {
				t.Errorf("later call: %v", err)
			}
		})
	}
}

// TestKilledClient has clients vanish at each step of a call, byte by byte: the socket of a process that is killed is
// closed by the kernel.
func TestKilledClient(t *testing.T) {
	v := startVictim(t)
	defer v.stop()
	w := v.witness()
	defer w.close()
	goroutines := runtime.NumGoroutine()
	session := build(t, func(m rpc.Message) { must(m.NewBootstrap()).SetQuestionId(1) })
	session = append(session, buildCall(t, 2, fooInterface, fooInitThreadMap, 0, 1, 1, func(c callArgs) {
		c.caps.At(0).SetSenderHosted(hostedThreadMap)
		c.setCap(0, 0)
	})...)
	session = append(session, buildCall(t, 3, threadMapID, makeThread, 0, 1, 0, func(c callArgs) { c.onAnswer(2, 0) })...)
	session = append(session, buildCall(t, 4, fooInterface, fooCallIntFnAsync, 1, 1, 2, func(c callArgs) {
		c.params.SetUint32(0, blocks&0xffffffff)
		setAnswer(must(c.caps.At(0).NewReceiverAnswer()), 3, 0)
		c.caps.At(1).SetSenderHosted(hostedThread)
		c.context(0, 1)
	})...)
	for cut := range len(session) + 1 {
		a := v.attack()
		a.raw(session[:cut])
		a.nc.Close()
	}
	if !settles(func() bool { return runtime.NumGoroutine() <= goroutines+goroutinesLeft }) {
		t.Errorf("%d goroutines, then %d", goroutines, runtime.NumGoroutine())
	}
	w.call()
}

// serveUntilKilled is what a peer does that is there to be killed.
func serveUntilKilled(path string) {
	l, err := net.Listen("unix", path)
	if err == nil {
		err = mprt.Serve(context.Background(), l, foo.NewFooInterfaceServer(&target{}))
	}
	panic(err)
}
