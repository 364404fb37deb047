package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"
)

// runCommand runs a command line in this process.
func runCommand(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

func writeIn(t testing.TB, dir, name, content string) string {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestRequest(t *testing.T) {
	dir := t.TempDir()
	writeIn(t, dir, "root/b.capnp", "@0xb000000000000002; struct T {}\n")
	file := writeIn(t, dir, "src/sub/a.capnp", "@0xb000000000000001;\nusing B = import \"/b.capnp\";\nstruct S { t @0 :B.T; }\n")
	params := writeIn(t, dir, "params", "--src-prefix="+filepath.Join(dir, "src")+"\n"+file+"\n")
	for _, args := range [][]string{
		{"-I" + filepath.Join(dir, "root"), "--src-prefix=" + filepath.Join(dir, "src"), file},
		{file, "--import-path", filepath.Join(dir, "root"), "--src-prefix", filepath.Join(dir, "src")},
		{"-I", filepath.Join(dir, "root"), "@" + params},
	} {
		code, stdout, stderr := runCommand(append([]string{"request"}, args...)...)
		if code != 0 || stderr != "" {
			t.Fatalf("%q: exit status %d: %s", args, code, stderr)
		}
		msg, err := capnp.Unmarshal([]byte(stdout))
		if err != nil {
			t.Fatal(err)
		}
		req, err := schema.ReadRootCodeGeneratorRequest(msg)
		if err != nil {
			t.Fatal(err)
		}
		files, err := req.RequestedFiles()
		if err != nil || files.Len() != 1 {
			t.Fatalf("%d files, %v", files.Len(), err)
		}
		if name, _ := files.At(0).Filename(); name != "sub/a.capnp" {
			t.Errorf("%q: the file is called %s", args, name)
		}
	}
}

func TestRequestErrors(t *testing.T) {
	dir := t.TempDir()
	file := writeIn(t, dir, "a.capnp", "@0xb000000000000001;\nstruct S {\n  a @0 :Txt;\n}\n")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"request", file}, 1, "a.capnp:3:9: error: 'Txt' is not defined\n      a @0 :Txt;\n            ^~~\n    hint: did you mean 'Text'?\n"},
		{[]string{"request", filepath.Join(dir, "none.capnp")}, 1, "none.capnp:1:1: error: no such file\n"},
		{[]string{"request", dir}, 1, "error: no such file\n"},
		{[]string{"request"}, 2, "mpgen request: no schema file given; mpgen request --help tells the usage\n"},
		{[]string{"request", "--nope", file}, 2, "flag provided but not defined: -nope"},
		{[]string{"request", "@" + filepath.Join(dir, "none")}, 2, "no such file"},
		{[]string{"lint", "--against=x", "a", "b"}, 2, "--against goes with one file, not 2"},
		{[]string{"id", "x"}, 2, "usage: mpgen id"},
		{[]string{"nope"}, 2, "mpgen"},
		{nil, 2, "usage: mpgen"},
	} {
		code, stdout, stderr := runCommand(c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%q: exit status %d, output %q, errors:\n%s\nexpected %d and:\n%s", c.args, code, stdout, stderr, c.code, c.want)
		}
	}
}

func TestCommandHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"help"}, {"request", "--help"}, {"lint", "-h"}} {
		code, stdout, stderr := runCommand(args...)
		if code != 0 || !strings.HasPrefix(stdout, "usage: mpgen") || stderr != "" {
			t.Errorf("%q: exit status %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

func TestNewID(t *testing.T) {
	code, a, _ := runCommand("id")
	_, b, _ := runCommand("id")
	if code != 0 || len(a) != len("@0x0123456789abcdef\n") || !strings.HasPrefix(a, "@0x") || a[3] < '8' || a == b {
		t.Errorf("ids %q and %q", a, b)
	}
}

func TestLint(t *testing.T) {
	dir := t.TempDir()
	old := writeIn(t, dir, "old.capnp", "@0xb000000000000001;\nstruct S {\n  a @0 :Int32;\n}\n")
	new := writeIn(t, dir, "new.capnp", "@0xb000000000000001;\nstruct S {\n  b @0 :Text;\n  hasC @1 :Bool;\n}\n")
	code, _, stderr := runCommand("lint", "--against", old, new)
	if code != 1 || !strings.Contains(stderr, "new.capnp:3:3: error: the field 'b' @0 of 'S' had the type Int32 and has Text") ||
		!strings.Contains(stderr, "old.capnp:3:3: note: it was here") {
		t.Errorf("exit status %d\n%s", code, stderr)
	}
	report := filepath.Join(dir, "report")
	if code, _, shown := runCommand("lint", "--report="+report, "--against="+old, new); code != 0 || shown != "" {
		t.Errorf("with a report: exit status %d\n%s", code, shown)
	}
	if found, err := os.ReadFile(report); err != nil || string(found) != stderr {
		t.Errorf("the report, %v, is not what is said without:\n%s", err, found)
	}
	if code, _, stderr = runCommand("lint", "--report="+report, "--against", new, new); code != 0 || stderr != "" {
		t.Errorf("with a report of nothing: exit status %d\n%s", code, stderr)
	}
	if found, err := os.ReadFile(report); err != nil || len(found) > 0 {
		t.Errorf("the report of nothing, %v: %s", err, found)
	}
	if code, _, stderr = runCommand("lint", "--report="+dir, "--against", new, new); code != 1 || !strings.Contains(stderr, dir) {
		t.Errorf("a report that cannot be written: exit status %d\n%s", code, stderr)
	}
	if code, _, stderr = runCommand("lint", "--against", new, new); code != 0 || stderr != "" {
		t.Errorf("against itself: exit status %d\n%s", code, stderr)
	}
	if code, _, stderr = runCommand("lint", new); code != 1 || !strings.Contains(stderr, "new.capnp:4:3: warning: 'S.hasC'") {
		t.Errorf("exit status %d\n%s", code, stderr)
	}
	if code, _, stderr = runCommand("lint", old); code != 0 || stderr != "" {
		t.Errorf("exit status %d\n%s", code, stderr)
	}
}

// BenchmarkRequest times whole processes: mpgen request, and where a capnp
// program is at hand (in the environment variable CAPNP, or in PATH) capnp
// compile -o- in turn with it, on the same files.
func BenchmarkRequest(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "mpgen")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	var big strings.Builder
	big.WriteString("@0xb000000000000001;\nstruct Big {\n")
	for i := range 10_000 {
		fmt.Fprintf(&big, "  field%d @%d :Int32;\n  # Field number %d.\n", i, i, i)
	}
	big.WriteString("}\n")
	files := map[string]string{"10000fields": writeIn(b, dir, "big.capnp", big.String())}
	// A real file: capnproto's own test.capnp, say.
	if f := os.Getenv("CAPNP_BENCH"); f != "" {
		files[strings.TrimSuffix(filepath.Base(f), ".capnp")] = f
	}
	root := os.Getenv("CAPNP_BENCH_ROOT")
	if root == "" {
		root = dir
	}
	capnp := os.Getenv("CAPNP")
	if capnp == "" {
		capnp, _ = exec.LookPath("capnp")
	}
	for name, file := range files {
		b.Run(name, func(b *testing.B) {
			var ours, theirs time.Duration
			for b.Loop() {
				ours += process(b, program, "request", "-I"+root, file)
				if capnp != "" {
					theirs += process(b, capnp, "compile", "-I"+root, "-o-", file)
				}
			}
			b.ReportMetric(float64(ours.Microseconds())/float64(b.N)/1000, "mpgen-ms")
			if capnp != "" {
				b.ReportMetric(float64(theirs.Microseconds())/float64(b.N)/1000, "capnp-ms")
				b.ReportMetric(float64(ours)/float64(theirs), "mpgen/capnp")
			}
		})
	}
}

func process(b *testing.B, name string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdout = io.Discard
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	return time.Since(start)
}
