package compiler_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	standard "github.com/mpgo-dev/mpgo/schema"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/requestdiff"
)

// The tests here hold the compiler to the reference, capnp 1.5.0: to requests
// that it wrote, which lie in testdata/requests, and where a capnp program is
// at hand (in the environment variable CAPNP, or in PATH) to what that writes.

var update = flag.Bool("update", false, "rewrite testdata/requests with the reference compiler")

// languageFiles are schemas that together use every construct of the language.
func languageFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/language/*.capnp")
	if err != nil || len(files) < 7 {
		t.Fatalf("testdata/language: %v, %v", files, err)
	}
	return files
}

func readRequest(t testing.TB, data []byte) schema.CodeGeneratorRequest {
	t.Helper()
	msg, err := capnp.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	msg.ResetReadLimit(math.MaxUint64)
	req, err := schema.ReadRootCodeGeneratorRequest(msg)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func compile(t testing.TB, o compiler.Options, files ...string) *compiler.Result {
	t.Helper()
	res, diags := compiler.Compile(o, files...)
	if err := diags.Err(); err != nil {
		t.Fatal(diags.Format())
	}
	return res
}

func newDiffer(t testing.TB) *requestdiff.Differ {
	t.Helper()
	d, err := requestdiff.New()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRequestsOfTheReference(t *testing.T) {
	d := newDiffer(t)
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range languageFiles(t) {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, ".capnp"), func(t *testing.T) {
			golden := filepath.Join("testdata", "requests", strings.TrimSuffix(name, ".capnp")+".request")
			if *update {
				out, err := reference(t, filepath.Join(wd, "testdata", "language"), name)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, out, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			got := compile(t, compiler.Options{Dir: filepath.Join(wd, "testdata", "language")}, filepath.Join(wd, file)).Request
			diff, nodes, err := d.Diff(readRequest(t, want), got)
			if err != nil {
				t.Fatal(err)
			}
			if diff != "" {
				t.Errorf("- the reference, + this compiler\n%s", diff)
			}
			if nodes < 3 {
				t.Errorf("only %d nodes compared", nodes)
			}
		})
	}
}

// capnpProgram finds a reference compiler of the version that requests are
// held to.
func capnpProgram(t *testing.T) string {
	t.Helper()
	name := os.Getenv("CAPNP")
	if name == "" {
		path, err := exec.LookPath("capnp")
		if err != nil {
			t.Skip("no capnp in PATH or CAPNP; testdata/requests holds what it writes")
		}
		name = path
	}
	out, err := exec.Command(name, "--version").Output()
	if err != nil {
		t.Fatalf("%s --version: %v", name, err)
	}
	if !strings.Contains(string(out), "version 1.5.") {
		t.Skipf("%s is not the version that requests are held to", strings.TrimSpace(string(out)))
	}
	return name
}

// standardImports writes the built-in files to a folder for the reference.
func standardImports(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, standard.Files); err != nil {
		t.Fatal(err)
	}
	return dir
}

func reference(t *testing.T, dir, file string, flags ...string) ([]byte, error) {
	t.Helper()
	args := append([]string{"compile", "--no-standard-import", "-o-"}, flags...)
	cmd := exec.Command(capnpProgram(t), append(args, "-I"+standardImports(t), file)...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%v\n%s", err, stderr.String())
	}
	return stdout.Bytes(), nil
}

// TestAgainstCapnp compiles every schema at hand with both compilers: the test
// schemas, the standard imports, and the schemas below the folders that
// CAPNP_CORPUS lists, each with an optional import root after '='.
func TestAgainstCapnp(t *testing.T) {
	capnpProgram(t)
	d := newDiffer(t)
	type tree struct{ dir, root string }
	trees := []tree{{dir: "testdata/language"}, {dir: standardImports(t), root: "."}}
	for _, s := range filepath.SplitList(os.Getenv("CAPNP_CORPUS")) {
		dir, root, _ := strings.Cut(s, "=")
		trees = append(trees, tree{dir, root})
	}
	files, nodes, differences := 0, 0, 0
	for _, tr := range trees {
		dir, err := filepath.Abs(tr.dir)
		if err != nil {
			t.Fatal(err)
		}
		var flags, roots []string
		if tr.root != "" {
			flags, roots = []string{"-I" + tr.root}, []string{tr.root}
		}
		err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".capnp") {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			files++
			want, refErr := reference(t, dir, rel, flags...)
			res, diags := compiler.Compile(compiler.Options{Dir: filepath.ToSlash(dir), ImportPaths: roots}, rel)
			switch {
			case refErr != nil && len(diags) > 0:
				return nil
			case refErr != nil:
				differences++
				t.Errorf("%s: the reference says %v", path, refErr)
				return nil
			case len(diags) > 0:
				differences++
				t.Errorf("%s: only this compiler says\n%s", path, diags.Format())
				return nil
			}
			diff, n, err := d.Diff(readRequest(t, want), res.Request)
			if err != nil {
				return err
			}
			nodes += n
			if diff != "" {
				differences++
				t.Errorf("%s: - the reference, + this compiler\n%s", path, diff)
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Logf("%d files, %d nodes, %d differences", files, nodes, differences)
}
