//go:build unix

package mprt_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// server is what the tests of this package serve.
type server struct {
	foo.UnimplementedFooInterface
}

func (server) Add(_ context.Context, a, b int32) (int32, error) { return a + b, nil }
func (server) InitThreadMap(context.Context) error              { return nil }
func (server) CallFnAsync(context.Context) error                { return nil }

// Callback calls back; with a negative argument it then waits until nobody
// waits for it.
func (server) Callback(ctx context.Context, callback foo.FooCallback, arg int32) (int32, error) {
	result, err := callback.Call(ctx, arg)
	if arg < 0 {
		<-ctx.Done()
	}
	return result, errors.Join(err, callback.(*foo.FooCallbackClient).CloseContext(ctx))
}

// callback is a FooCallback.
type callback func(ctx context.Context, arg int32) (int32, error)

func (f callback) Call(ctx context.Context, arg int32) (int32, error) { return f(ctx, arg) }

// exitCode is that of a child that serves a call which makes it exit.
const exitCode = 7

// TestSpawnedChild is no test, but what the children of the others run.
func TestSpawnedChild(t *testing.T) {
	if os.Getenv("MPGO_TEST_SPAWNED") == "" {
		return
	}
	args := flag.Args()
	switch args[0] {
	case "exit":
		os.Exit(exitCode)
	case "lingering":
		// Under Bazel, tests catch it.
		signal.Reset(syscall.SIGTERM)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	}
	err := mprt.ServeSpawned(context.Background(), args[len(args)-1], foo.NewFooInterfaceServer(server{}))
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case args[0] == "serve":
		os.Exit(0)
	}
	select {} // a child that does not leave
}

func childCommand(behaviour string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestSpawnedChild$", "--", behaviour)
	cmd.Env = append(os.Environ(), "MPGO_TEST_SPAWNED=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// spawn starts a child that has answered a call.
func spawn(t *testing.T, ctx context.Context, behaviour string) (*mprt.Process, *foo.FooInterfaceClient) {
	t.Helper()
	p, err := mprt.Spawn(ctx, childCommand(behaviour), mprt.WithName(behaviour))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(); p.Wait() })
	client := foo.NewFooInterfaceClient(p.Conn().Bootstrap())
	if err := client.InitThreadMap(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, client
}

func TestSpawn(t *testing.T) {
	p, client := spawn(t, context.Background(), "serve")
	if sum, err := client.Add(t.Context(), 2, 3); err != nil || sum != 5 {
		t.Errorf("Add: %d, %v", sum, err)
	}
	double := callback(func(_ context.Context, arg int32) (int32, error) { return 2 * arg, nil })
	if got, err := client.Callback(t.Context(), double, 4); err != nil || got != 8 {
		t.Errorf("Callback: %d, %v", got, err)
	}
	if want := fmt.Sprintf("serve[%d]", p.Pid()); p.String() != want || p.Conn().String() != want {
		t.Errorf("called %s and %s, not %s", p, p.Conn(), want)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := p.Kill(); err != nil {
		t.Errorf("Kill of what has ended: %v", err)
	}
	// Nobody has this process id as a child any more, not even as a zombie.
	if _, err := syscall.Wait4(p.Pid(), nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("wait: %v", err)
	}
}

func TestSpawnAfterOtherFiles(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := childCommand("serve")
	cmd.ExtraFiles = []*os.File{nil, w}
	p, err := mprt.Spawn(t.Context(), cmd)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if last := cmd.Args[len(cmd.Args)-1]; last != "5" {
		t.Errorf("the last argument is %q", last)
	}
	if _, err := foo.NewFooInterfaceClient(p.Conn().Bootstrap()).Add(t.Context(), 2, 3); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Error(err)
	}
}

// TestChildrenApart shows that a child holds no end of another's socket: each
// sees the end of its own stream.
func TestChildrenApart(t *testing.T) {
	first, _ := spawn(t, context.Background(), "serve")
	second, client := spawn(t, context.Background(), "serve")
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := client.Add(t.Context(), 1, 1); err != nil {
		t.Error(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestChildKilledInCall(t *testing.T) {
	p, client := spawn(t, context.Background(), "serve")
	kill := callback(func(context.Context, int32) (int32, error) { return 0, p.Kill() })
	_, err := client.Callback(t.Context(), kill, 0)
	if !errors.Is(err, mprt.ErrDisconnected) ||
		!strings.HasPrefix(err.Error(), fmt.Sprintf("FooInterface.callback (serve[%d]): interrupted by disconnect", p.Pid())) {
		t.Errorf("call: %v", err)
	}
	err = p.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("Wait: %v", err)
	}
	if want := fmt.Sprintf("serve[%d]: signal: killed", p.Pid()); err.Error() != want {
		t.Errorf("Wait: %q, want %q", err, want)
	}
	_, err = client.Add(t.Context(), 1, 1)
	if !errors.Is(err, mprt.ErrDisconnected) || !strings.Contains(err.Error(), "called after disconnect") {
		t.Errorf("call after the end: %v", err)
	}
	if err := p.Close(); !errors.As(err, &exit) {
		t.Errorf("Close: %v", err)
	}
}

func TestChildExits(t *testing.T) {
	p, err := mprt.Spawn(t.Context(), childCommand("exit"), mprt.WithName("quitter"))
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitCode {
		t.Errorf("Wait: %v", err)
	}
	<-p.Conn().Done()
	if _, err := foo.NewFooInterfaceClient(p.Conn().Bootstrap()).Add(t.Context(), 1, 1); !errors.Is(err, mprt.ErrDisconnected) {
		t.Errorf("call: %v", err)
	}
}

func TestCloseInsists(t *testing.T) {
	for _, test := range []struct {
		behaviour string
		want      syscall.Signal
	}{
		{"lingering", syscall.SIGTERM},
		{"stubborn", syscall.SIGKILL},
	} {
		p, _ := spawn(t, context.Background(), test.behaviour)
		p.SetPatience(time.Millisecond, time.Hour)
		if test.want == syscall.SIGKILL {
			p.SetPatience(time.Millisecond, time.Millisecond)
		}
		var exit *exec.ExitError
		if err := p.Close(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != test.want {
			t.Errorf("Close of a %s child: %v", test.behaviour, err)
		}
	}
}

func TestCloseContextKills(t *testing.T) {
	p, _ := spawn(t, context.Background(), "stubborn")
	p.SetPatience(time.Hour, time.Hour)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var exit *exec.ExitError
	if err := p.CloseContext(ctx); !errors.As(err, &exit) {
		t.Errorf("CloseContext: %v", err)
	}
}

func TestSpawnContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	p, _ := spawn(t, ctx, "serve")
	cancel()
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	<-p.Conn().Done()
	if _, err := mprt.Spawn(ctx, childCommand("serve")); !errors.Is(err, context.Canceled) {
		t.Errorf("Spawn with a context that has ended: %v", err)
	}
}

func TestSpawnNoProgram(t *testing.T) {
	_, err := mprt.Spawn(t.Context(), exec.Command("/nowhere/printer"))
	if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "spawn printer: ") {
		t.Error(err)
	}
}

func TestServeSpawnedArgument(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, test := range []struct{ fd, want string }{
		{"", `"" is not the number of an inherited descriptor`},
		{"three", `"three" is not the number of an inherited descriptor`},
		{"1", `"1" is not the number of an inherited descriptor`},
		{"-4", `"-4" is not the number of an inherited descriptor`},
		{"1000000", "descriptor 1000000: bad file descriptor"},
		{fmt.Sprint(file.Fd()), "is not a socket"},
	} {
		err := mprt.ServeSpawned(t.Context(), test.fd, foo.NewFooInterfaceServer(server{}))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v; want %s", test.fd, err, test.want)
		}
	}
	if _, err := file.Stat(); err != nil {
		t.Errorf("a descriptor that is no socket was touched: %v", err)
	}
}
