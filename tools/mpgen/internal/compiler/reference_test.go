package compiler_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
// With another version, what that version does not know is left out.

var update = flag.Bool("update", false, "rewrite testdata/requests with the reference compiler")

// languageFiles are schemas that together use every construct of the language.
func languageFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/language/*.capnp")
	if err != nil || len(files) < 9 {
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
				capnp := capnpProgram(t)
				if !capnp.same() {
					t.Fatalf("capnp %s is not the version that requests are held to", capnp.version)
				}
				out, err := capnp.compile(t, filepath.Join(wd, "testdata", "language"), name)
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

// heldTo begins the versions of the reference that requests are equal to.
const heldTo = "1.5."

// unlike matches what requests of other versions may lack: places in the
// source, and of course the version itself.
var unlike = regexp.MustCompile(`^capnpVersion\.|\.(startByte|endByte) = |^requestedFiles\[\d+\]\.fileSourceInfo`)

// newer matches files with what 0.9 refuses.
var newer = regexp.MustCompile(`(^|/)newer\w*\.capnp$`)

// A capnpCompiler is a reference compiler.
type capnpCompiler struct {
	path, version string
}

// same tells whether requests are to equal its to the last field.
func (c capnpCompiler) same() bool { return strings.HasPrefix(c.version, heldTo) }

// knows tells whether it is new enough for a file.
func (c capnpCompiler) knows(file string) bool {
	return !strings.HasPrefix(c.version, "0.") || !newer.MatchString(filepath.ToSlash(file))
}

// capnpProgram finds a reference compiler. The test is skipped where there is
// none.
func capnpProgram(t *testing.T) capnpCompiler {
	t.Helper()
	capnp := findCapnp(t)
	if capnp.path == "" {
		t.Skip("no capnp in PATH or CAPNP; testdata/requests holds what it writes")
	}
	return capnp
}

// findCapnp finds a reference compiler. Its path is empty where there is none,
// which is a failure with MPGO_INTEROP=required, as in CI.
func findCapnp(t *testing.T) capnpCompiler {
	t.Helper()
	name := os.Getenv("CAPNP")
	if name == "" {
		path, err := exec.LookPath("capnp")
		if err != nil && os.Getenv("MPGO_INTEROP") == "required" {
			t.Fatal(err)
		}
		if err != nil {
			return capnpCompiler{}
		}
		name = path
	}
	out, err := exec.Command(name, "--version").Output()
	if err != nil {
		t.Fatalf("%s --version: %v", name, err)
	}
	_, version, ok := strings.Cut(strings.TrimSpace(string(out)), "version ")
	if !ok {
		t.Fatalf("%s --version says %q", name, out)
	}
	return capnpCompiler{name, version}
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

// compile runs the reference compiler in a folder.
func (c capnpCompiler) compile(t *testing.T, dir, file string, flags ...string) ([]byte, error) {
	t.Helper()
	args := append([]string{"compile", "--no-standard-import", "-o-"}, flags...)
	cmd := exec.Command(c.path, append(args, "-I"+standardImports(t), file)...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%v\n%s", err, stderr.String())
	}
	return stdout.Bytes(), nil
}

// A tree is a folder of schemas, and the root of their imports if they have
// one.
type tree struct {
	name, dir, root string
	least           int // how many files to expect that can be compiled
}

// trees are the schemas at hand: the test schemas, the standard imports, what
// the reference itself installs, go-capnp's, those of this repository, and
// those below the folders that CAPNP_CORPUS lists, each with an optional
// import root after '='.
func trees(t *testing.T, capnp capnpCompiler) []tree {
	t.Helper()
	standard := standardImports(t)
	trees := []tree{
		{"testdata", "testdata/language", "", 8},
		{"standard imports", standard, standard, 10},
	}
	if path, err := filepath.EvalSymlinks(capnp.path); err == nil {
		include := filepath.Join(filepath.Dir(path), "..", "include")
		if exists(filepath.Join(include, "capnp", "schema.capnp")) {
			trees = append(trees, tree{"libcapnp-dev", filepath.Join(include, "capnp"), include, 7})
		}
	}
	// Bazel's tests have neither modules nor the repository.
	if module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "capnproto.org/go/capnp/v3").Output(); err == nil && os.Getenv("TEST_SRCDIR") == "" {
		dir := strings.TrimSpace(string(module))
		root, err := filepath.Abs("../../../..")
		if err != nil {
			t.Fatal(err)
		}
		trees = append(trees,
			tree{"go-capnp", dir, filepath.Join(dir, "std"), 20},
			tree{"mpgo", root, root, 30})
	} else if os.Getenv("MPGO_INTEROP") == "required" && os.Getenv("TEST_SRCDIR") == "" {
		t.Fatalf("go list -m: %v", err)
	}
	for _, s := range filepath.SplitList(os.Getenv("CAPNP_CORPUS")) {
		dir, root, _ := strings.Cut(s, "=")
		trees = append(trees, tree{filepath.Base(dir), dir, root, 1})
	}
	return trees
}

// TestAgainstCapnp compiles every schema at hand with both compilers.
func TestAgainstCapnp(t *testing.T) {
	capnp := capnpProgram(t)
	d := newDiffer(t)
	if !capnp.same() {
		d.Ignore = unlike
	}
	for _, tr := range trees(t, capnp) {
		t.Run(strings.ReplaceAll(tr.name, " ", "_"), func(t *testing.T) {
			dir, err := filepath.Abs(tr.dir)
			if err != nil {
				t.Fatal(err)
			}
			var flags, roots []string
			if tr.root != "" {
				flags, roots = []string{"-I" + tr.root}, []string{tr.root}
			}
			compiled, refused, nodes := 0, 0, 0
			err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() || !strings.HasSuffix(path, ".capnp") || !capnp.knows(path) {
					return err
				}
				rel, err := filepath.Rel(dir, path)
				if err != nil {
					return err
				}
				want, refErr := capnp.compile(t, dir, rel, flags...)
				res, diags := compiler.Compile(compiler.Options{Dir: filepath.ToSlash(dir), ImportPaths: roots}, rel)
				switch {
				case refErr != nil && len(diags) > 0:
					refused++
					return nil
				case refErr != nil:
					t.Errorf("%s: the reference says %v", path, refErr)
					return nil
				case len(diags) > 0:
					t.Errorf("%s: only this compiler says\n%s", path, diags.Format())
					return nil
				}
				compiled++
				diff, n, err := d.Diff(readRequest(t, want), res.Request)
				if err != nil {
					return err
				}
				nodes += n
				if diff != "" {
					t.Errorf("%s: - the reference, + this compiler\n%s", path, diff)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("capnp %s: %d files with %d nodes are equal; %d files are refused by both", capnp.version, compiled, nodes, refused)
			if compiled < tr.least {
				t.Errorf("only %d files were compiled, not %d or more", compiled, tr.least)
			}
		})
	}
}
