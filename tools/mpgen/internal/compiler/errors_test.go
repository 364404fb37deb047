package compiler_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
)

// TestErrors compiles files with mistakes, and compares what is reported,
// with places, carets, hints and notes, to the .txt beside them.
func TestErrors(t *testing.T) {
	dir, err := filepath.Abs("testdata/errors")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/errors/*.capnp")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, ".capnp"), func(t *testing.T) {
			o := compiler.Options{Dir: filepath.ToSlash(dir)}
			if b := strings.TrimSuffix(name, ".capnp") + ".bindings"; exists(filepath.Join(dir, b)) {
				o.Bindings = []string{b}
			}
			res, diags := compiler.Compile(o, name)
			if res != nil {
				t.Fatal("compiled in spite of its mistakes")
			}
			got := diags.Format()
			golden := strings.TrimSuffix(file, ".capnp") + ".txt"
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
				t.Errorf("reported:\n%s\nexpected:\n%s", got, want)
			}
		})
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// TestErrorsAgainstCapnp sees that wherever the reference compiler finds a
// mistake, so does ours. Ours may say more, since it goes on after mistakes in
// the syntax.
func TestErrorsAgainstCapnp(t *testing.T) {
	capnp := capnpProgram(t)
	// Where the reference reports what follows from a mistake elsewhere, or
	// reports a mistake in another place.
	elsewhere := map[string]bool{
		"declarations.capnp:22": true, // the second of two aliases that stand for each other
		"types.capnp:6":         true, // a name of a file that was not found
		"types.capnp:1":         true, // a generic parameter as params, reported without a place
		"unclosed.capnp:10":     true, // the end of the file, for a block that is not closed
		"idblock.capnp:6":       true, // the same, where no block can be
		"nobrace.capnp:4":       true, // the first line of a block, where the '{' before is missing
	}
	place := regexp.MustCompile(`(?m)^([a-z]+\.capnp):(\d+):`)
	files, err := filepath.Glob("testdata/errors/*.capnp")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		golden, err := os.ReadFile(strings.TrimSuffix(file, ".capnp") + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		ours := map[string]bool{}
		for _, m := range place.FindAllStringSubmatch(string(golden), -1) {
			ours[m[1]+":"+m[2]] = true
		}
		cmd := exec.Command(capnp.path, "compile", "--no-standard-import", "-I"+standardImports(t), "-o-", filepath.Base(file))
		cmd.Dir = "testdata/errors"
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if cmd.Run() == nil && !exists(strings.TrimSuffix(file, ".capnp")+".bindings") {
			t.Errorf("%s: the reference finds no mistake", file)
		}
		for _, m := range place.FindAllStringSubmatch(stderr.String(), -1) {
			if at := m[1] + ":" + m[2]; !ours[at] && !elsewhere[at] {
				t.Errorf("%s:%s: only the reference finds a mistake here:\n%s", m[1], m[2], stderr.String())
			}
		}
	}
}
