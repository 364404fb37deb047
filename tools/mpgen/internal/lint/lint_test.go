package lint_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/lint"
)

var update = flag.Bool("update", false, "rewrite the expected findings")

func compile(t *testing.T, name string) *compiler.Result {
	t.Helper()
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	res, diags := compiler.Compile(compiler.Options{Dir: filepath.ToSlash(dir)}, name)
	if res == nil {
		t.Fatal(diags.Format())
	}
	return res
}

func expect(t *testing.T, golden, got string) {
	t.Helper()
	golden = filepath.Join("testdata", golden)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("found:\n%s\nexpected:\n%s", got, want)
	}
}

func TestCheck(t *testing.T) {
	found, err := lint.Check(compile(t, "use.capnp"))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "use.txt", found.Format())
}

func TestCheckFindsNothing(t *testing.T) {
	for _, name := range []string{"good.capnp", "plain.capnp"} {
		found, err := lint.Check(compile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			t.Errorf("%s: %s", name, found.Format())
		}
	}
}

func TestCompare(t *testing.T) {
	found, err := lint.Compare(compile(t, "old.capnp"), compile(t, "new.capnp"))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "new.txt", found.Format())
}

func TestCompareWithAnotherID(t *testing.T) {
	found, err := lint.Compare(compile(t, "oldid.capnp"), compile(t, "otherid.capnp"))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "otherid.txt", found.Format())
}

func TestCompareWithItself(t *testing.T) {
	for _, name := range []string{"old.capnp", "new.capnp", "use.capnp"} {
		found, err := lint.Compare(compile(t, name), compile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			t.Errorf("%s: %s", name, found.Format())
		}
	}
}
