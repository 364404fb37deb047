// Package schema measures the generator as a build runs it: the whole process, from the schema file to the Go file, and the schema compiler alone
// against capnp's: go test -bench . ./schema
package schema

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// methods is how many the schema has.
const methods = 100

// writeSchema writes one interface with many methods that take and return what methods usually do.
func writeSchema(tb testing.TB, dir string) string {
	var b bytes.Buffer
	b.WriteString(`@0xd8e4f1a35c9b2a71;

using Proxy = import "/mp/proxy.capnp";

struct Entry {
  name @0 :Text;
  value @1 :Int64;
  data @2 :Data;
  parts @3 :List(Entry);
  size @4 :UInt32;
  hasSize @5 :Bool;
}

interface Listener $Proxy.wrap("Listener") {
  destroy @0 (context :Proxy.Context) -> ();
  changed @1 (context :Proxy.Context, entry :Entry) -> ();
}

interface Store $Proxy.wrap("Store") {
`)
	for i := range methods {
		fmt.Fprintf(&b, "  # Method%d does the %[1]dth thing.\n", i)
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, "  method%d @%[1]d (context :Proxy.Context, name :Text, count :Int32) -> (result :Bool);\n", i)
		case 1:
			fmt.Fprintf(&b, "  method%d @%[1]d (context :Proxy.Context, entry :Entry) -> (entry :Entry, result :Int64);\n", i)
		case 2:
			fmt.Fprintf(&b, "  method%d @%[1]d (entries :List(Entry)) -> (result :List(Data));\n", i)
		case 3:
			fmt.Fprintf(&b, "  method%d @%[1]d (context :Proxy.Context, listener :Listener) -> (result :Store);\n", i)
		}
	}
	b.WriteString("}\n")
	file := filepath.Join(dir, "store.capnp")
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		tb.Fatal(err)
	}
	return file
}

// buildMpgen builds the generator of this tree.
func buildMpgen(tb testing.TB) string {
	exe := filepath.Join(tb.TempDir(), "mpgen")
	cmd := exec.Command("go", "build", "-trimpath", "-o", exe, "./tools/mpgen")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("building mpgen: %v\n%s", err, out)
	}
	return exe
}

// benchmarkProcess runs a command again and again.
func benchmarkProcess(b *testing.B, dir, exe string, args ...string) {
	for b.Loop() {
		cmd := exec.Command(exe, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s %q: %v\n%s", exe, args, err, out)
		}
	}
}

// BenchmarkGenerate is what one action of mp_go_library costs.
func BenchmarkGenerate(b *testing.B) {
	dir, exe := b.TempDir(), buildMpgen(b)
	file := writeSchema(b, dir)
	benchmarkProcess(b, dir, exe, "generate", "--go_out="+dir, "--importpath=example.com/store", file)
}

// BenchmarkCompile compares the schema compilers: text to CodeGeneratorRequest.
func BenchmarkCompile(b *testing.B) {
	dir := b.TempDir()
	file := writeSchema(b, dir)
	b.Run("mpgen", func(b *testing.B) {
		benchmarkProcess(b, dir, buildMpgen(b), "request", file)
	})
	b.Run("capnp", func(b *testing.B) {
		exe, err := exec.LookPath("capnp")
		if err != nil {
			b.Skip("capnp is not installed")
		}
		root, err := filepath.Abs(filepath.Join("..", "..", "schema"))
		if err != nil {
			b.Fatal(err)
		}
		benchmarkProcess(b, dir, exe, "compile", "-I", root, "-o-", file)
	})
}

// TestSchema checks that the schema under measurement is one that the generator takes, and that all of its methods come out.
func TestSchema(t *testing.T) {
	dir, exe := t.TempDir(), buildMpgen(t)
	file := writeSchema(t, dir)
	cmd := exec.Command(exe, "generate", "--go_out="+dir, "--importpath=example.com/store", file)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mpgen: %v\n%s", err, out)
	}
	code, err := os.ReadFile(filepath.Join(dir, "store.mp.go"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range methods {
		if want := fmt.Sprintf("Method%d(", i); !bytes.Contains(code, []byte(want)) {
			t.Errorf("the generated code has no %s", want)
		}
	}
}
