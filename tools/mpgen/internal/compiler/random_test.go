package compiler_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/randomschema"
)

var (
	randomN    = flag.Int("random", 40, "how many random schemas to compile")
	randomSeed = flag.Uint64("random.seed", 1, "the first of their seeds")
)

// randomSchema is the schema of a seed; every third has one file.
func randomSchema(seed uint64) *randomschema.Schema {
	return randomschema.New(rand.New(rand.NewPCG(seed, 0)), randomschema.Options{Files: 1 + int(seed%3), Size: 4 + int(seed%9)})
}

// compileFiles has the reference compile files given by their text, in a folder.
// root is the folder of the standard imports.
func (c capnpCompiler) compileFiles(t *testing.T, dir, root string, names []string, files map[string]string) ([]byte, error) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(c.path, append([]string{"compile", "--no-standard-import", "-I" + root, "-o-"}, names...)...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return stdout.Bytes(), nil
}

// TestRandomSchemas compiles valid schemas, and compares with the reference
// where there is one.
func TestRandomSchemas(t *testing.T) {
	d := newDiffer(t)
	d.ByPlace = true
	ref := findCapnp(t)
	if !ref.same() {
		d.Ignore = unlike
	}
	root, dir := standardImports(t), t.TempDir()
	nodes := 0
	for seed := *randomSeed; seed < *randomSeed+uint64(*randomN); seed++ {
		s := randomSchema(seed)
		res, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS(s.Files)}, s.Names...)
		wrongOnce := len(diags) > 0 && strings.Contains(diags[0].Message, "laid out wrongly by Cap'n Proto 0.5")
		if len(diags) > 0 && !wrongOnce {
			t.Errorf("seed %d:\n%s", seed, diags.Format())
		}
		if ref.path == "" {
			continue
		}
		out, err := ref.compileFiles(t, dir, root, s.Names, s.Files)
		switch {
		case err != nil && wrongOnce:
			continue
		case err != nil:
			t.Errorf("seed %d: the reference says %v", seed, err)
			continue
		case res == nil:
			t.Errorf("seed %d: the reference compiles it", seed)
			continue
		}
		diff, n, err := d.Diff(readRequest(t, out), res.Request)
		if err != nil {
			t.Fatal(err)
		}
		nodes += n
		if diff != "" {
			t.Errorf("seed %d: - the reference, + this compiler\n%s", seed, diff)
		}
	}
	t.Logf("%d nodes are equal", nodes)
}

// TestRandomMistakes makes one mistake in each of some random schemas, and sees
// whether the reference takes it for one, too.
func TestRandomMistakes(t *testing.T) {
	ref := capnpProgram(t)
	if !ref.same() {
		t.Skipf("capnp %s is not the version that this compiler is held to", ref.version)
	}
	word := regexp.MustCompile(`"(?:\\.|[^"\\\n])*"|[A-Za-z_][A-Za-z_0-9]*|[0-9][0-9A-Za-z_.]*|[-=:@$>!]+|[(){}\[\],;.]`)
	root, dir := standardImports(t), t.TempDir()
	refused := 0
	for seed := *randomSeed; seed < *randomSeed+uint64(*randomN); seed++ {
		s := randomSchema(seed)
		r := rand.New(rand.NewPCG(seed, 1))
		name := s.Names[r.IntN(len(s.Names))]
		src := s.Files[name]
		words := word.FindAllStringIndex(src, -1)
		at, other := words[r.IntN(len(words))], words[r.IntN(len(words))]
		with := ""
		switch r.IntN(3) {
		case 0: // nothing in its place
		case 1:
			with = src[other[0]:other[1]]
		case 2:
			with = src[at[0]:at[1]] + " " + src[other[0]:other[1]]
		}
		s.Files[name] = src[:at[0]] + with + src[at[1]:]
		_, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS(s.Files)}, s.Names...)
		_, err := ref.compileFiles(t, dir, root, s.Names, s.Files)
		switch {
		case err != nil && len(diags) > 0:
			refused++
		case err != nil:
			t.Errorf("seed %d: %s: %q for %q: only the reference says %v", seed, name, with, src[at[0]:at[1]], err)
		case len(diags) > 0:
			t.Errorf("seed %d: %s: %q for %q: only this compiler says\n%s", seed, name, with, src[at[0]:at[1]], diags.Format())
		}
	}
	t.Logf("%d mistakes", refused)
}
