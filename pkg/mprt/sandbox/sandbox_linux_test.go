package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/pkg/mprt/sandbox"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// inmate is what sandboxed children serve: it tries what it is told, and tells
// what came of it.
type inmate struct {
	foo.UnimplementedFooInterface
}

func (inmate) Add(_ context.Context, a, b int32) (int32, error) { return a + b, nil }

func (inmate) Pass(_ context.Context, arg *foo.FooStruct) (*foo.FooStruct, error) {
	what, path, _ := strings.Cut(arg.Name, " ")
	try, ok := attempts[what]
	if !ok {
		return nil, fmt.Errorf("there is no attempt %q", what)
	}
	text := "done"
	if err := try(path); err != nil {
		text = err.Error()
	}
	return &foo.FooStruct{Name: text}, nil
}
func (inmate) InitThreadMap(context.Context) error { return nil }

// Callback shows that calls go both ways.
func (inmate) Callback(ctx context.Context, callback foo.FooCallback, arg int32) (int32, error) {
	result, err := callback.Call(ctx, arg)
	return result, errors.Join(err, mprt.Close(callback))
}

var attempts = map[string]func(path string) error{
	"read": func(path string) error { _, err := os.ReadFile(path); return err },
	"list": func(path string) error { _, err := os.ReadDir(path); return err },
	"write": func(path string) error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		_, err = f.WriteString("x")
		return errors.Join(err, f.Close())
	},
	"remove": os.Remove,
	"run":    func(path string) error { return exec.Command(path).Run() },
	"connect": func(path string) error {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
		}
		return err
	},
	"tcp": func(address string) error {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	},
	"pair": func(family string) error {
		of := unix.AF_UNIX
		if family == "tipc" {
			of = unix.AF_TIPC
		}
		// A kernel need not have the family to say that it is forbidden.
		if _, err := unix.Socketpair(of, unix.SOCK_STREAM, 0); errors.Is(err, unix.EPERM) {
			return err
		}
		return nil
	},
	"socket": func(string) error {
		_, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		return err
	},
	"unshare": func(string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"clone": func(string) error {
		cmd := exec.Command("/proc/self/exe")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
		return cmd.Run()
	},
	"trace": func(string) error { return unix.PtraceAttach(os.Getppid()) },
	"kill":  func(string) error { return unix.Kill(os.Getppid(), 0) },
	"privileges": func(string) error {
		n, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		if err == nil && n != 1 {
			err = errors.New("new privileges are possible")
		}
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var caps [2]unix.CapUserData
		if err := unix.Capget(&header, &caps[0]); err != nil {
			return err
		}
		if caps != ([2]unix.CapUserData{}) {
			err = fmt.Errorf("it has capabilities %v", caps)
		}
		return err
	},
	"nobody": func(string) error {
		if os.Getuid() != 65534 || os.Getgid() != 65534 {
			return fmt.Errorf("it is user %d, group %d", os.Getuid(), os.Getgid())
		}
		return nil
	},
	"limits": func(string) error {
		for resource, want := range map[int]uint64{unix.RLIMIT_NOFILE: 64, unix.RLIMIT_FSIZE: 1 << 20, unix.RLIMIT_CPU: 100, unix.RLIMIT_CORE: 0} {
			var l syscall.Rlimit
			if err := syscall.Getrlimit(resource, &l); err != nil {
				return err
			}
			if l.Max != want {
				return fmt.Errorf("limit %d is %d", resource, l.Max)
			}
		}
		return nil
	},
	"environment": func(string) error {
		if _, ok := os.LookupEnv("MPGO_SANDBOX"); ok || os.Getenv("MPGO_TEST_INMATE") != "1" {
			return errors.New(strings.Join(os.Environ(), "\n"))
		}
		return nil
	},
}

func TestMain(m *testing.M) {
	if os.Getenv("MPGO_TEST_INMATE") == "" {
		// Else each child of a test with the race detector sleeps for a second before it ends.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
		os.Exit(m.Run())
	}
	if err := mprt.ServeSpawned(context.Background(), os.Args[len(os.Args)-1], foo.NewFooInterfaceServer(inmate{})); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command() *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "MPGO_TEST_INMATE=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// confined is a sandboxed child.
type confined struct {
	t    *testing.T
	name string
	foo  *foo.FooInterfaceClient
}

func confine(t *testing.T, profile sandbox.Profile) *confined {
	t.Helper()
	p, err := mprt.Spawn(context.Background(), command(), mprt.WithSandbox(profile), mprt.WithName("inmate"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return &confined{t, fmt.Sprintf("without %q", profile.Without), foo.NewFooInterfaceClient(p.Conn().Bootstrap())}
}

func (c *confined) try(what string) string {
	c.t.Helper()
	result, err := c.foo.Pass(c.t.Context(), &foo.FooStruct{Name: what})
	if err != nil {
		c.t.Fatalf("%s: %s: %v", c.name, what, err)
	}
	return result.Name
}

func (c *confined) can(attempts ...string) {
	c.t.Helper()
	for _, what := range attempts {
		if got := c.try(what); got != "done" {
			c.t.Errorf("%s: %s: %s", c.name, what, got)
		}
	}
}

func (c *confined) cannot(attempts ...string) {
	c.t.Helper()
	for _, what := range attempts {
		if c.try(what) == "done" {
			c.t.Errorf("%s: it can %s", c.name, what)
		}
	}
}

// missing is what the system lacks, which it has to say clearly.
func missing(t *testing.T) sandbox.Part {
	t.Helper()
	part, err := sandbox.Missing()
	if (part == 0) != (err == nil) || err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("missing %q: %v", part, err)
	}
	if err != nil {
		t.Logf("%q: %v", part, err)
	}
	// It is the kernel's word against ours.
	attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1, HostID: os.Geteuid(), Size: 1}}}
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.SysProcAttr = attr
	if err := cmd.Run(); err != nil && part&sandbox.Namespaces == 0 {
		t.Errorf("namespaces are not missing, but: %v", err)
	}
	if _, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); (e != 0) != (part&sandbox.Landlock != 0) {
		t.Errorf("missing are %q, but the kernel says of Landlock: %v", part, e)
	}
	return part
}

// outside are a file and a socket of this process.
func outside(t *testing.T) (dir, file, sock, tcp string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	// A path of any length could be too long for a socket.
	sock = fmt.Sprintf("@mpgo-sandbox-test-%d", os.Getpid())
	for network, address := range map[string]string{"unix": sock, "tcp": "127.0.0.1:0"} {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		if network == "tcp" {
			tcp = l.Addr().String()
		}
	}
	return dir, file, sock, tcp
}

// parts are the profiles to test: the whole, and each part alone.
func parts(missing sandbox.Part) []sandbox.Part {
	const all = sandbox.Namespaces | sandbox.Landlock | sandbox.Seccomp
	without := []sandbox.Part{missing}
	for _, part := range []sandbox.Part{sandbox.Namespaces, sandbox.Landlock, sandbox.Seccomp} {
		if missing&part == 0 {
			without = append(without, all&^part)
		}
	}
	return without
}

// TestConfined shows that a sandboxed child can serve calls and call back, but
// not open a file or a socket; and what each part of the sandbox does alone.
func TestConfined(t *testing.T) {
	dir, file, sock, tcp := outside(t)
	for _, without := range parts(missing(t)) {
		c := confine(t, sandbox.Profile{Without: without})
		if sum, err := c.foo.Add(t.Context(), 2, 3); err != nil || sum != 5 {
			t.Errorf("%s: Add: %d, %v", c.name, sum, err)
		}
		double := callback(func(_ context.Context, arg int32) (int32, error) { return 2 * arg, nil })
		if err := c.foo.InitThreadMap(t.Context()); err != nil {
			t.Errorf("%s: InitThreadMap: %v", c.name, err)
		}
		if got, err := c.foo.Callback(t.Context(), double, 4); err != nil || got != 8 {
			t.Errorf("%s: Callback: %d, %v", c.name, got, err)
		}
		c.can("privileges", "environment", "pair unix")
		files := []string{"read " + file, "list " + dir, "read /etc/passwd", "list /", "write " + file, "write " + filepath.Join(dir, "new"), "remove " + file}
		switch {
		case without&sandbox.Landlock == 0:
			c.cannot(files...)
			c.cannot("run /bin/true")
		case without&sandbox.Namespaces == 0: // "/" is there, and nearly empty
			c.cannot(slices.DeleteFunc(slices.Clone(files), func(s string) bool { return s == "list /" })...)
			c.cannot("run /bin/true", "write /new")
		}
		if without&sandbox.Namespaces == 0 {
			c.can("nobody")
			c.cannot("connect "+sock, "tcp "+tcp)
		}
		if without&sandbox.Seccomp == 0 {
			c.cannot("connect "+sock, "tcp "+tcp, "socket", "pair tipc", "unshare", "clone", "trace")
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "secret" {
		t.Errorf("%q, %v", text, err)
	}
	// None of that would fail anyway.
	free, err := mprt.Spawn(context.Background(), command())
	if err != nil {
		t.Fatal(err)
	}
	c := &confined{t, "free", foo.NewFooInterfaceClient(free.Conn().Bootstrap())}
	c.can("read "+file, "list "+dir, "write "+file, "connect "+sock, "tcp "+tcp, "socket", "pair tipc", "write "+filepath.Join(dir, "new"), "remove "+file)
	if err := free.Close(); err != nil {
		t.Error(err)
	}
}

// TestAllowed shows what a profile can add.
func TestAllowed(t *testing.T) {
	dir, file, sock, tcp := outside(t)
	work := t.TempDir()
	for _, without := range parts(missing(t)) {
		c := confine(t, sandbox.Profile{Without: without, Read: []string{dir}, Write: []string{work}})
		c.can("read "+file, "list "+dir, "write "+filepath.Join(work, "new"), "list "+work, "remove "+filepath.Join(work, "new"))
		if without&(sandbox.Landlock|sandbox.Namespaces) != sandbox.Landlock|sandbox.Namespaces {
			c.cannot("write "+file, "write "+filepath.Join(dir, "new"), "remove "+file, "read /etc/passwd")
		}
		c = confine(t, sandbox.Profile{Without: without, Network: true})
		c.can("socket", "connect "+sock, "tcp "+tcp)
	}
}

func TestLimits(t *testing.T) {
	c := confine(t, sandbox.Profile{Without: missing(t), Limits: sandbox.Limits{Files: 64, FileSize: 1 << 20, CPU: 99_500_000_000}})
	c.can("limits")
}

func TestErrors(t *testing.T) {
	without := missing(t)
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		profile sandbox.Profile
		cmd     *exec.Cmd
		text    string
	}{
		{sandbox.Profile{}, exec.Command("/nowhere/printer"), "no such file"},
		{sandbox.Profile{}, exec.Command("no-program-of-this-name"), "executable file not found"},
		{sandbox.Profile{}, exec.Command(script), "is not a program that can be sandboxed"},
		{sandbox.Profile{Read: []string{"etc"}}, command(), `path "etc" of a profile is not absolute`},
		{sandbox.Profile{Write: []string{"/nowhere"}}, command(), "/nowhere: no such file"},
		{sandbox.Profile{Without: without, Limits: sandbox.Limits{Files: 1 << 62}}, command(), "cannot limit Files to 4611686018427387904: "},
	} {
		_, err := mprt.Spawn(t.Context(), test.cmd, mprt.WithSandbox(test.profile), mprt.WithName("inmate"))
		if err == nil || !strings.HasPrefix(err.Error(), "spawn inmate: ") || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%v; want %q", err, test.text)
		}
	}
	// What is missing is named.
	if without != 0 {
		_, err := mprt.Spawn(t.Context(), command(), mprt.WithSandbox(sandbox.Profile{}))
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "sandbox: ") {
			t.Errorf("%v, where %q is missing", err, without)
		}
	}
}

func TestPartString(t *testing.T) {
	if got := (sandbox.Namespaces | sandbox.Seccomp).String(); got != "namespaces, seccomp" {
		t.Error(got)
	}
}

type callback func(ctx context.Context, arg int32) (int32, error)

func (f callback) Call(ctx context.Context, arg int32) (int32, error) { return f(ctx, arg) }
