package compiler_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
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

// TestRandomSchemas compiles valid schemas, and compares with the reference
// where there is one.
func TestRandomSchemas(t *testing.T) {
	d := newDiffer(t)
	d.ByPlace = true
	ref := findCapnp(t)
	if !ref.same() {
		d.Ignore = unlike
	}
	root := standardImports(t)
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
		dir := t.TempDir()
		for name, text := range s.Files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(ref.path, append([]string{"compile", "--no-standard-import", "-I" + root, "-o-"}, s.Names...)...)
		cmd.Dir = dir
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		switch err := cmd.Run(); {
		case err != nil && wrongOnce:
			continue
		case err != nil:
			t.Errorf("seed %d: the reference says %v\n%s", seed, err, stderr.String())
			continue
		case res == nil:
			t.Errorf("seed %d: the reference compiles it", seed)
			continue
		}
		diff, n, err := d.Diff(readRequest(t, stdout.Bytes()), res.Request)
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
