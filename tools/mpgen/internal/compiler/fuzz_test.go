package compiler_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	standard "github.com/mpgo-dev/mpgo/schema"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
)

// seeds adds every schema at hand.
func seeds(f *testing.F, more ...string) {
	f.Helper()
	for _, pattern := range append([]string{"testdata/language/*.capnp", "testdata/language/sub/*.capnp", "testdata/errors/*.capnp"}, more...) {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(data))
		}
	}
	for _, name := range standard.Names() {
		data, err := standard.Files.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
}

// sound checks what holds of every compilation.
func sound(t *testing.T, input int, res *compiler.Result, diags compiler.Diagnostics) {
	t.Helper()
	if (res == nil) != (len(diags) > 0) {
		t.Fatalf("result %v with %d diagnostics", res != nil, len(diags))
	}
	for _, d := range diags {
		if d.Message == "" || d.Start.Line < 1 || d.Start.Column < 1 || d.End.Offset < d.Start.Offset {
			t.Fatalf("bad diagnostic %+v", d)
		}
		if !strings.Contains(d.Format(), d.Message) {
			t.Fatalf("the message is lost in %q", d.Format())
		}
	}
	if res != nil {
		size, err := res.Request.Message().TotalSize()
		if err != nil {
			t.Fatal(err)
		}
		if limit := uint64(1<<20 + 4096*input); size > limit {
			t.Fatalf("%d bytes of input became a request of %d", input, size)
		}
	}
}

func FuzzCompile(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS{
			"fuzz.capnp":         src,
			"sub/imported.capnp": "@0xa1b2c3d4e5f60004; struct ImportedBox(T) { t @0 :T; } const number :Int32 = 5;",
			"sub/text.txt":       "text",
		}, ImportPaths: []string{"/"}}, "fuzz.capnp")
		runtime.ReadMemStats(&after)
		sound(t, len(src), res, diags)
		if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(256<<20+65536*len(src)); used > limit {
			t.Fatalf("%d bytes of input took %d bytes of memory", len(src), used)
		}
	})
}

func FuzzBindings(f *testing.F) {
	seeds(f, "testdata/errors/*.bindings")
	schema, err := os.ReadFile("testdata/errors/bindings.capnp")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src string) {
		res, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS{"bindings.capnp": string(schema), "b.bindings": src},
			Bindings: []string{"b.bindings"}}, "bindings.capnp")
		sound(t, len(src)+len(schema), res, diags)
	})
}
