package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The limits are for a machine that hangs; nothing here waits for one to pass.
const (
	startLimit = 20 * time.Second
	runLimit   = 5 * time.Minute
)

// program is a command line that either `serve`s at or `call`s an address, which the test appends.
type program struct {
	path  string
	serve []string // before the address
	call  []string
}

// with is the program with a further option before what else its command line has.
func (p program) with(option string) program {
	p.serve = append([]string{option}, p.serve...)
	p.call = append([]string{option}, p.call...)
	return p
}

// binDir holds the programs that are built for these tests; TestMain removes it.
var binDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// goProgram returns a Go program: the file that the environment variable names, as Bazel sets it, or a new build.
func goProgram(t *testing.T, variable, pkg string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		if !filepath.IsAbs(path) { // relative to the runfiles
			path = filepath.Join(os.Getenv("TEST_SRCDIR"), os.Getenv("TEST_WORKSPACE"), path)
		}
		return path
	}
	path := filepath.Join(binDir, filepath.Base(pkg))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, pkg)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return path
}

func goFooServer(t *testing.T) program {
	return program{path: goProgram(t, "MPGO_FOOSERVER", "github.com/mpgo-dev/mpgo/test/foo/cmd/fooserver"), serve: []string{"--listen"}}
}

func goFooClient(t *testing.T) program {
	return program{path: goProgram(t, "MPGO_FOOCLIENT", "github.com/mpgo-dev/mpgo/test/foo/cmd/fooclient"), call: []string{"--connect"}}
}

func goCapnp(t *testing.T) program {
	return program{path: goProgram(t, "MPGO_GOCAPNP", "github.com/mpgo-dev/mpgo/test/interop/gocapnp"), serve: []string{"serve"}, call: []string{"call"}}
}

// vatPeer is the bare vat, without proxies, serving and calling level1.
func vatPeer(t *testing.T) program {
	return program{path: goProgram(t, "MPGO_LEVEL1PEER", "github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat/level1peer"), serve: []string{"serve"}, call: []string{"call"}}
}

// cppPeer returns the C++ peer. The test is skipped where the machine cannot build it, unless MPGO_INTEROP=required, as
// in CI.
func cppPeer(t *testing.T) program {
	t.Helper()
	path, err := buildCpp()
	var missing missingError
	if errors.As(err, &missing) && os.Getenv("MPGO_INTEROP") != "required" {
		t.Skipf("no C++ peer: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return program{path: path, serve: []string{"serve"}, call: []string{"call"}}
}

// missingError says what a machine lacks to build the C++ peer.
type missingError string

func (e missingError) Error() string {
	return string(e) + "; on Debian: apt-get install g++ pkg-config capnproto libcapnp-dev"
}

// buildCpp builds the C++ peer once.
var buildCpp = sync.OnceValues(func() (string, error) {
	for _, tool := range []string{"c++", "capnp", "capnpc-c++", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", missingError("there is no " + tool)
		}
	}
	library, err := exec.Command("pkg-config", "--cflags", "--libs", "capnp-rpc").Output()
	if err != nil {
		return "", missingError("pkg-config knows no capnp-rpc")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	// The C++ compiler writes beside each schema's path; all must lie under one folder for their includes to meet.
	gen := filepath.Join(binDir, "cpp")
	if err := os.Mkdir(gen, 0o777); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"--src-prefix=schema", "schema/mp/proxy.capnp"},
		{"test/foo/foo.capnp", "test/interop/level1.capnp"},
	} {
		if err := command(root, "capnp", append([]string{"compile", "-oc++:" + gen, "-Ischema"}, args...)...); err != nil {
			return "", err
		}
	}
	sources := []string{
		"mp/proxy.capnp.c++", "test/foo/foo.capnp.c++", "test/interop/level1.capnp.c++",
		filepath.Join(root, "test/interop/cpp/peer.c++"),
	}
	objects := make([]string, len(sources))
	errs := make([]error, len(sources))
	var compiled sync.WaitGroup
	for i, source := range sources {
		objects[i] = fmt.Sprintf("%d.o", i)
		compiled.Go(func() {
			errs[i] = command(gen, "c++", "-std=c++17", "-Wall", "-I.", "-I"+filepath.Join(root, "test/interop/cpp"), "-c", "-o", objects[i], source)
		})
	}
	compiled.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	link := append([]string{"-o", "peer"}, objects...)
	if err := command(gen, "c++", append(link, strings.Fields(string(library))...)...); err != nil {
		return "", err
	}
	return filepath.Join(gen, "peer"), nil
})

func command(dir, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %v\n%s", c, err, out)
	}
	return nil
}

// running is a server's process.
type running struct {
	address string
	kill    func()
	output  func() string // what it has printed; after kill
}

// start runs a server until the test ends, and waits until it takes connections.
func start(t *testing.T, p program) *running {
	t.Helper()
	// The path of a Unix socket is short; a test's own folder need not be.
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	c := exec.Command(p.path, append(append([]string{}, p.serve...), "unix:"+socket)...)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		c.Wait()
		close(exited)
	}()
	kill := func() {
		c.Process.Kill()
		<-exited
	}
	t.Cleanup(func() {
		kill()
		os.RemoveAll(dir)
		if t.Failed() {
			t.Logf("%s said:\n%s", c, output.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return &running{address: "unix:" + socket, kill: kill, output: output.String}
		}
		select {
		case <-retry.C:
		case <-exited:
			t.Fatalf("%s ended before it took connections: %v", c, c.ProcessState)
		case <-ctx.Done():
			t.Fatalf("%s takes no connections: %v", c, err)
		}
	}
}

// outcome is what a calling program printed of one thing it tried.
type outcome struct {
	name, failure string
}

// run runs a calling program and reads its OK and FAIL lines. A line that is neither goes to other, if that is not nil.
func run(t *testing.T, p program, address string, other func(line string), args ...string) []outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	c := exec.CommandContext(ctx, p.path, append(append(append([]string{}, p.call...), address), args...)...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var outcomes []outcome
	failed := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "OK "); ok {
			outcomes = append(outcomes, outcome{name: name})
		} else if rest, ok := strings.CutPrefix(line, "FAIL "); ok {
			name, why, _ := strings.Cut(rest, ": ")
			outcomes = append(outcomes, outcome{name, "failed: " + why})
			failed = true
		} else if other != nil {
			other(line)
		}
	}
	io.Copy(io.Discard, stdout)
	if err := c.Wait(); (err != nil) != failed {
		t.Errorf("%s: %v\n%s", c, err, stderr.String())
	}
	return outcomes
}

// scenarios returns what `list` prints of a group; a program without groups has one, "".
func scenarios(t *testing.T, p program, group string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), p.path, "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		of, name, grouped := strings.Cut(strings.TrimSpace(line), "\t")
		switch {
		case !grouped:
			names = append(names, of)
		case of == group:
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatalf("%s lists nothing of %q", p.path, group)
	}
	return names
}

// expectAll makes a subtest of each name: it passes if the outcome of that name, or one that goes on after it with a
// space, is OK. Outcomes that nobody expected are tested too.
func expectAll(t *testing.T, names []string, outcomes []outcome) {
	t.Helper()
	expected := map[string]bool{}
	for _, o := range outcomes {
		for _, name := range names {
			if o.name == name || strings.HasPrefix(o.name, name+" ") {
				expected[name] = true
			}
		}
		t.Run(o.name, func(t *testing.T) {
			if o.failure != "" {
				t.Error(o.failure)
			}
		})
	}
	for _, name := range names {
		if !expected[name] {
			t.Errorf("nothing was heard of %q", name)
		}
	}
}
