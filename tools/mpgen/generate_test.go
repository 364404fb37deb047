package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

var update = flag.Bool("update", false, "write the generated code that is kept in the tree, instead of comparing with it")

const module = "github.com/mpgo-dev/mpgo/"

// inTree are the packages whose generated code is kept in the tree.
var inTree = []struct {
	dir   string // of the Go package, from the root of the repository
	files []string
	flags []string
}{
	{"test/foo", []string{"test/foo/foo.capnp"}, []string{"--bindings=test/foo/foo.bindings"}},
	{"example/printer", []string{"example/printer.capnp"}, nil},
	{"example/calculator", []string{"example/calculator.capnp"}, nil},
	{"example/greeter/greeterapi", []string{"example/greeter/greeter.capnp"}, nil},
	{"example/initapi", []string{"example/init.capnp"}, []string{
		"--map=example/printer.capnp=" + module + "example/printer", "--map=example/calculator.capnp=" + module + "example/calculator"}},
	{"example/split/statsmp", []string{"example/split/statsmp/stats.capnp"}, []string{"--bindings=example/split/statsmp/stats.bindings"}},
	{"test/golden/bound", []string{"test/golden/bound/bound.capnp"}, []string{"--bindings=test/golden/bound/types.go"}},
	{"test/golden/everything", []string{"test/golden/everything/everything.capnp"}, nil},
	{"test/golden/funcs", []string{"test/golden/funcs/funcs.capnp"}, nil},
	{"test/golden/generic_brand", []string{"test/golden/generic_brand/generic_brand.capnp"}, nil},
	{"test/golden/has_want", []string{"test/golden/has_want/has_want.capnp"}, nil},
	{"test/golden/inherit/base", []string{"test/golden/inherit/base/base.capnp"}, nil},
	{"test/golden/inherit/derived", []string{"test/golden/inherit/derived/derived.capnp"},
		[]string{"--map=test/golden/inherit/base/base.capnp=" + module + "test/golden/inherit/base"}},
	{"test/golden/mutual_import", []string{"test/golden/mutual_import/left.capnp", "test/golden/mutual_import/right.capnp"}, nil},
	{"test/golden/ownership", []string{"test/golden/ownership/ownership.capnp"}, nil},
	{"test/golden/nameclash", []string{"test/golden/nameclash/nameclash.capnp"},
		[]string{"--map=test/golden/nameclash/printer/printer.capnp=" + module + "test/golden/nameclash/printer"}},
	{"test/golden/nameclash/printer", []string{"test/golden/nameclash/printer/printer.capnp"}, nil},
}

// atRoot runs a test in the root of the repository.
func atRoot(t *testing.T) {
	t.Helper()
	t.Chdir("../..")
	if _, err := os.Stat("go.mod"); err != nil {
		t.Fatal(err)
	}
}

// mpgen runs mpgen.
func mpgen(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestInTree(t *testing.T) {
	atRoot(t)
	for _, p := range inTree {
		t.Run(strings.ReplaceAll(p.dir, "/", "_"), func(t *testing.T) {
			out := t.TempDir()
			if *update {
				out = p.dir
			}
			args := append([]string{"generate", "-I.", "--go_out=" + out, "--importpath=" + module + p.dir}, p.flags...)
			if status, _, stderr := mpgen(append(args, p.files...)...); status != 0 {
				t.Fatal(stderr)
			}
			for _, f := range p.files {
				name := strings.TrimSuffix(filepath.Base(f), ".capnp") + ".mp.go"
				compare(t, filepath.Join(p.dir, name), filepath.Join(out, name))
			}
		})
	}
}

// TestBuildTool generates all of it again with the flags that build tools use,
// from a folder where nothing of it can be found by chance.
func TestBuildTool(t *testing.T) {
	atRoot(t)
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var schemas []string
	for _, p := range inTree {
		for _, f := range p.files {
			schemas = append(schemas, "--schema=/"+f+"="+filepath.Join(root, f))
		}
	}
	t.Chdir(t.TempDir())
	for _, p := range inTree {
		t.Run(strings.ReplaceAll(p.dir, "/", "_"), func(t *testing.T) {
			args := append([]string{"--importpath=" + module + p.dir}, schemas...)
			for _, f := range p.flags {
				if b, ok := strings.CutPrefix(f, "--bindings="); ok {
					// In the place that it has beside the schema.
					content, err := os.ReadFile(filepath.Join(root, b))
					if err != nil {
						t.Fatal(err)
					}
					write(t, b, string(content))
				}
				args = append(args, strings.Replace(f, "--map=", "--map=/", 1))
				if m, ok := strings.CutPrefix(f, "--map="); ok {
					imported, _, _ := strings.Cut(m, "=")
					args = append(args, "--importable=/"+imported)
				}
			}
			var outs []string
			for i, f := range p.files {
				out := filepath.Join("out", p.dir, strings.Repeat("x", i)+".mp.go")
				outs = append(outs, out)
				args = append(args, "--out=/"+f+"="+out)
			}
			params := filepath.Join(t.TempDir(), "params")
			write(t, params, strings.Join(args, "\n"))
			if status, _, stderr := mpgen("@" + params); status != 0 {
				t.Fatal(stderr)
			}
			for i, f := range p.files {
				compare(t, filepath.Join(root, p.dir, strings.TrimSuffix(filepath.Base(f), ".capnp")+".mp.go"), outs[i])
			}
		})
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// compare reports the first line in which two files differ.
func compare(t *testing.T, want, got string) {
	t.Helper()
	a, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a, b) {
		return
	}
	w, g := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			t.Fatalf("%s:%d is stale: go test ./tools/mpgen -update writes it anew\nkept: %s\nnow:  %s", want, i+1, w[i], g[min(i, len(g)-1)])
		}
	}
	t.Fatalf("%s is stale: go test ./tools/mpgen -update writes it anew", want)
}

// TestRequestInTree keeps the compiled schema that test/golden/everything reads.
func TestRequestInTree(t *testing.T) {
	atRoot(t)
	const name = "test/golden/everything/testdata/everything.request"
	status, request, stderr := mpgen("request", "test/golden/everything/everything.capnp")
	if status != 0 {
		t.Fatal(stderr)
	}
	msg, err := capnp.Unmarshal([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := msg.MarshalPacked()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		write(t, name, string(packed))
	}
	kept, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, packed) {
		t.Error(name + " is stale: go test ./tools/mpgen -update writes it anew")
	}
}

// TestReorder moves declarations around: what is generated stays the same.
func TestReorder(t *testing.T) {
	t.Chdir(t.TempDir())
	const id, a, b, c = "@0xd1b7e2a4c5f60913;\n", "struct A { x @0 :B; y @1 :List(B); }\n", "struct B { z @0 :E; g :group { d @1 :Text = \"d\"; } }\nconst v :B = (z = one);\n",
		"interface C { m @0 (a :A) -> (b :B); }\nenum E { one @0; }\nconst k :Int32 = 1;\n"
	var first []byte
	for i, src := range []string{id + a + b + c, id + c + b + a, id + b + "\n\n# a remark\n\n" + c + a} {
		write(t, "s.capnp", src)
		if status, _, stderr := mpgen("--importpath=example.com/s", "s.capnp"); status != 0 {
			t.Fatal(stderr)
		}
		got, err := os.ReadFile("s.mp.go")
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = got
		}
		if !bytes.Equal(first, got) {
			t.Errorf("other code for the order %q", src)
		}
	}
}

// TestPackageName imports a package that is not called as its path ends.
func TestPackageName(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "units.capnp", "@0xd1b7e2a4c5f60915;\nusing Go = import \"/mp/go.capnp\";\n$Go.package(\"si\");\n$Go.import(\"example.com/units\");\nstruct U { x @0 :Int32; }\n")
	write(t, "s.capnp", "@0xd1b7e2a4c5f60914;\nusing Units = import \"units.capnp\";\nstruct A { u @0 :Units.U; }\ninterface I { m @0 (si :Units.U); }\n")
	// The import path may come from the file or from who builds it.
	for _, args := range [][]string{{"s.capnp"}, {"--map=units.capnp=example.com/units", "s.capnp"}} {
		if status, _, stderr := mpgen(append([]string{"--importpath=example.com/s"}, args...)...); status != 0 {
			t.Fatal(stderr)
		}
		got, err := os.ReadFile("s.mp.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"\n\tsi \"example.com/units\"\n", "U *si.U\n", "siArg *si.U"} {
			if !strings.Contains(string(got), want) {
				t.Errorf("%q: no %q in\n%s", args, want, got)
			}
		}
	}
}

// TestTagErrors gives Go files whose tags cannot be followed.
func TestTagErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "s.capnp", "@0xd1b7e2a4c5f60914;\nusing Go = import \"/mp/go.capnp\";\nstruct A $Go.wrap(\"T\") { x @0 :Int32; y @1 :Int32; }\n")
	for _, test := range []struct{ name, fields, want string }{
		{"nothing of the name", "\tX int `mp:\"z\"`", "types.go:4:2: error: the tag of X names a field z, which no struct bound to s.T has\n    \tX int `mp:\"z\"`\n    \t^\n"},
		{"twice", "\tX int `mp:\"x\"`\n\tY int `mp:\"x\"`", "types.go:5:2: error: X and Y have the same tag"},
		{"inline", "\tX int `mp:\",inline\"`", "X is not a struct of the Go files given"},
		{"in a part", "\tP\n}\n\ntype P struct {\n\tX int `mp:\"z\"`", "types.go:8:2: error: the tag of P.X names a field z"},
		{"syntax", "\tX int int", "types.go:4:8: error:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, "types.go", "package s\n\ntype T struct {\n"+test.fields+"\n}\n")
			status, _, stderr := mpgen("--importpath=example.com/s", "--bindings=types.go", "s.capnp")
			if status != 1 || !strings.Contains(stderr, test.want) {
				t.Errorf("status %d, %s", status, stderr)
			}
		})
	}
	// Whatever the Go compiler has to say about, mpgen comes to an end.
	write(t, "types.go", "package s\n\ntype T struct {\n\tT\n\tX int `mp:\"x\"`\n}\n")
	if status, _, stderr := mpgen("--importpath=example.com/s", "--bindings=types.go", "s.capnp"); status != 0 {
		t.Error(stderr)
	}
}

// TestBindingsElsewhere has a build tool give bindings whose path does not begin as the names of the schemas do: those of another
// repository, and of a library with a prefix.
func TestBindingsElsewhere(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("external/lib/app", 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, "external/lib/app/s.capnp", "@0xd1b7e2a4c5f60914;\nstruct A { x @0 :Int32; }\n")
	bindings := "external/lib/app/s.bindings"
	for _, test := range []struct{ importing, schema string }{
		{"s.capnp", "/app/s.capnp"},
		{"/app/s.capnp", "/app/s.capnp"},
		{"s.capnp", "/some/prefix/s.capnp"},
		{"/some/prefix/s.capnp", "/some/prefix/s.capnp"},
	} {
		args := []string{"--importpath=example.com/s", "--schema=" + test.schema + "=external/lib/app/s.capnp", "--out=" + test.schema + "=s.mp.go",
			"--bindings=" + bindings}
		write(t, bindings, "using Go = import \"/mp/go.capnp\";\nusing S = import \""+test.importing+"\";\nbind S.A $Go.name(\"Renamed\");\n")
		if status, _, stderr := mpgen(args...); status != 0 {
			t.Errorf("import %q of %s: %s", test.importing, test.schema, stderr)
			continue
		}
		if got, err := os.ReadFile("s.mp.go"); err != nil || !bytes.Contains(got, []byte("type Renamed struct")) {
			t.Errorf("import %q of %s: %v, %s", test.importing, test.schema, err, got)
		}
		write(t, bindings, "using S = import \""+test.importing+"\";\nbind S.B $S.c;\n")
		if status, _, stderr := mpgen(args...); status != 1 || !strings.HasPrefix(stderr, bindings+":2:") {
			t.Errorf("status %d, %s", status, stderr)
		}
	}
}

// TestErrors looks for each mistake's message, and for no output.
func TestErrors(t *testing.T) {
	const head = "@0xd1b7e2a4c5f60914;\nusing Go = import \"/mp/go.capnp\";\n"
	for _, test := range []struct {
		name, schema string
		flags        []string
		status       int
		want         []string
	}{
		{"syntax", head + "struct A {\n", nil, 1, []string{"s.capnp:"}},
		{"two", head + "struct A { x @0 :Foo; }\nstruct B { y @0 :Bar; }\n", nil, 1, []string{"s.capnp:3:18: error:", "s.capnp:4:18: error:", "^"}},
		{"no import", head + "using X = import \"x.capnp\";\nstruct A { x @0 :X.Y; }\n", nil, 1, []string{"s.capnp:3:18: error:", "x.capnp"}},
		{"map", head + "struct A {\n  x @0 :List(Int32) $Go.map;\n}\n", nil, 1, []string{"s.capnp:4:3: error:", "$Go.map on x", "\n      ^\n"}},
		{"map key", head + "struct P { k @0 :Data; v @1 :Text; }\nstruct A { x @0 :List(P) $Go.map; }\n", nil, 1, []string{"[]byte"}},
		{"set", head + "struct A { x @0 :Text $Go.set; }\n", nil, 1, []string{"$Go.set on x"}},
		{"several", head + "struct A { x @0 :Text $Go.set; y @1 :Text $Go.map; }\n", nil, 1, []string{"$Go.set on x", "$Go.map on y"}},
		{"both", head + "struct A { x @0 :List(Text) $Go.set $Go.convert(\"X\"); }\n", nil, 1, []string{"more than one of"}},
		{"optional", head + "struct A { x @0 :Int32 $Go.optional; }\n", nil, 1, []string{"hasX"}},
		{"value", head + "struct A { x @0 :Int32 $Go.value; }\n", nil, 1, []string{"it is no struct"}},
		{"type", head + "struct A { x @0 :Bool $Go.type(\"time.Time\"); }\n", nil, 1, []string{"no convention converts bool"}},
		{"type name", head + "struct A { x @0 :Int32 $Go.type(\"example.com/x\"); }\n", nil, 1, []string{"is no Go type"}},
		{"half", head + "struct A { x @0 :Text $Go.type(\"X\") $Go.toGo(\"ToX\"); }\n", nil, 1, []string{"$Go.fromGo"}},
		{"method", head + "interface A { m @0 () -> () $Go.method(\"M(\"); }\n", nil, 1, []string{"s.capnp:3:", "is no signature"}},
		{"method args", head + "interface A { m @0 (a :Int32) -> () $Go.method(\"M(a, b int)\"); }\n", nil, 1, []string{"A.m has 1 argument,", "has 2"}},
		{"which", head + "struct A $Go.wrap(\"X\") $Go.which(\"K\") { a @0 :Int32; }\n", nil, 1, []string{"s.capnp:3:1: error: $Go.which on A: it has no union"}},
		{"which group", head + "struct A {\n  a :union $Go.which(\"K\") { b @0 :Int32; c @1 :Int32; }\n}\n", nil, 1, []string{"s.capnp:4:3: error: $Go.which on A.a", "$Go.wrap"}},
		{"absent", head + "interface A $Go.absent([\"M()\"]) {}\n", nil, 1, []string{"s.capnp:3:1: error: $Go.absent on A", "$Go.wrap"}},
		{"go names", head + "struct A $Go.name(\"B\") {}\nstruct B {}\n", nil, 1, []string{"s.capnp:3:1: error: B is declared twice in Go"}},
		{"type syntax", head + "struct A { x @0 :Int32 $Go.type(\"units Celsius\"); y @1 :Int32 $Go.type(\"example.com/a.b.C\"); }\n", nil, 1,
			[]string{"s.capnp:3:12: error: \"units Celsius\" is no Go type", "s.capnp:3:51: error: \"example.com/a.b.C\" is no Go type"}},
		{"type private", head + "struct A { x @0 :Int32 $Go.type(\"example.com/a.b\"); }\n", nil, 1, []string{"s.capnp:3:12: error: \"example.com/a.b\" is not exported"}},
		{"name", head + "struct A $Go.name(\"2bad\") {\n  x @0 :Int32 $Go.name(\"a.B\");\n}\nenum E { a @0 $Go.name(\"-\"); }\n" +
			"interface I { m @0 () $Go.name(\"func\"); }\nconst c :Int32 = 1 $Go.name(\"a b\");\n", nil, 1,
			[]string{"s.capnp:3:1: error: $Go.name(\"2bad\") on A: that is no name in Go", "s.capnp:4:3: error: $Go.name(\"a.B\") on x", "s.capnp:6:1: error: $Go.name(\"-\") on a",
				"s.capnp:7:15: error: $Go.name(\"func\") on m", "s.capnp:8:1: error: $Go.name(\"a b\") on c"}},
		{"name twice", head + "struct A {\n  x @0 :Int32 $Go.name(\"N\");\n  y @1 :Int32 $Go.name(\"N\");\n}\n", nil, 1, []string{"s.capnp:5:3: error: $Go.name(\"N\") on y: another"}},
		{"wrap pointer", head + "struct A $Go.wrap(\"*X\") {}\ninterface I $Go.wrap(\"[]X\") {}\n", nil, 1,
			[]string{"s.capnp:3:1: error: $Go.wrap(\"*X\") on A", "s.capnp:4:1: error: $Go.wrap(\"[]X\") on I"}},
		{"wrap and codec", head + "struct A $Go.wrap(\"X\") $Go.codec(\"Y\") {}\n", nil, 1, []string{"s.capnp:3:1: error: A has both"}},
		{"package", head + "$Go.package(\"foo-bar\");\nstruct A {}\n", nil, 1, []string{"s.capnp: error: ", "\"foo-bar\" is no name of a Go package"}},
		{"bases", head + "interface I extends(J) {}\ninterface J extends(I) {}\ninterface K extends(K) {}\n", nil, 1,
			[]string{"s.capnp:3:1: error: I extends itself", "s.capnp:4:1: error: J extends itself", "s.capnp:5:1: error: K extends itself"}},
		{"no import path", head + "struct A {}\n", []string{"--importpath="}, 1, []string{"--importpath"}},
		{"flag", head, []string{"--nope"}, 2, []string{"-nope", "--help"}},
		{"pair", head, []string{"--map=x"}, 2, []string{"name=value"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "s.capnp", test.schema)
			write(t, "good.capnp", "@0xd1b7e2a4c5f60915;\nstruct Good {}\n")
			args := append([]string{"--importpath=example.com/s", "good.capnp", "s.capnp"}, test.flags...)
			status, _, stderr := mpgen(args...)
			if status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("no %q in\n%s", want, stderr)
				}
			}
			if left, _ := filepath.Glob("*.go"); left != nil {
				t.Errorf("left %v", left)
			}
		})
	}
}

// TestStrictDeps looks for the messages that name the target to add.
func TestStrictDeps(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "in/a.capnp", "@0xd1b7e2a4c5f60916;\nusing B = import \"/lib/b.capnp\";\nstruct A { b @0 :B.S; }\n")
	write(t, "in/b.capnp", "@0xd1b7e2a4c5f60917;\nstruct S {}\n")
	write(t, "in/copy.capnp", "@0xd1b7e2a4c5f60917;\nstruct S {}\n")
	write(t, "in/c.capnp", "@0xd1b7e2a4c5f60917;\nstruct S {}\nstruct T {}\n")
	base := []string{"--importpath=example.com/a", "--label=//app:a_go", "--schema=/app/a.capnp=in/a.capnp", "--out=/app/a.capnp=out/a.mp.go"}
	importable := []string{"--importable=/lib/b.capnp"}
	goLibrary := []string{"--package_of=/lib/b.capnp=//lib:b_go"}
	bare := []string{"--schema=/lib/b.capnp=in/b.capnp"}
	b := append(bare, "--label_of=/lib/b.capnp=//lib:b_capnp")
	for _, test := range []struct {
		flags []string
		want  string
	}{
		{nil, `in/a.capnp:2:18: error: import "/lib/b.capnp": no target in deps of //app:a_go has this file: add the one with /lib/b.capnp in its srcs`},
		{b, `in/a.capnp:2:18: error: import "/lib/b.capnp": missing dep: add //lib:b_capnp to deps of //app:a_go`},
		{slices.Concat(b, goLibrary), `in/a.capnp:2:18: error: import "/lib/b.capnp": missing dep: add //lib:b_go to deps of //app:a_go`},
		{slices.Concat(bare, importable), "in/a.capnp:2:18: error: no Go package for lib/b.capnp: add the mp_go_library for it to deps of //app:a_go\n"},
		{slices.Concat(b, importable), `in/a.capnp:2:18: error: no Go package for lib/b.capnp: add //lib:b_capnp to deps of //app:a_go; if that is ` +
			`a capnp_library, add the mp_go_library that has schemas = ["//lib:b_capnp"] in its place, or make one`},
		{slices.Concat(b, goLibrary, importable), "in/a.capnp:2:18: error: no Go package for lib/b.capnp: add //lib:b_go to deps of //app:a_go\n"},
		{slices.Concat(b, importable, []string{"--map=/lib/b.capnp=example.com/b"}), ""},
		{slices.Concat(b, importable, []string{"--map=/lib/b.capnp=example.com/b", "--schema=/lib/b.capnp=in/c.capnp", "--label_of=/lib/b.capnp=//old:b_capnp"}),
			`in/a.capnp:2:18: error: import "/lib/b.capnp": //lib:b_capnp and //old:b_capnp have different files of this name: leave only one of ` +
				`them in what //app:a_go depends on`},
		{slices.Concat(b, importable, []string{"--map=/lib/b.capnp=example.com/b", "--schema=/lib/b.capnp=in/copy.capnp", "--label_of=/lib/b.capnp=//copy:b_capnp"}), ""},
	} {
		status, _, stderr := mpgen(append(base, test.flags...)...)
		if test.want == "" {
			if status != 0 {
				t.Error(stderr)
			}
			continue
		}
		if status != 1 || !strings.Contains(stderr, test.want) {
			t.Errorf("status %d, want %q in\n%s", status, test.want, stderr)
		}
	}
	if _, err := os.Stat("out/a.mp.go"); err != nil {
		t.Error(err)
	}
}

// TestNoGoPackage looks for what is said without a build tool, and does it.
func TestNoGoPackage(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.capnp", "@0xd1b7e2a4c5f60916;\nusing B = import \"lib/b.capnp\";\nstruct A { b @0 :B.S; }\n")
	write(t, "lib/b.capnp", "@0xd1b7e2a4c5f60917;\nstruct S {}\n")
	args := []string{"--importpath=example.com/a", "a.capnp"}
	status, _, stderr := mpgen(args...)
	const want = "a.capnp:2:18: error: no Go package for lib/b.capnp, whose types are used: tell where its generated code is by " +
		"--map=lib/b.capnp=IMPORTPATH or by $Go.import in it, or give it as an argument too"
	if status != 1 || !strings.Contains(stderr, want) {
		t.Errorf("status %d, want %q in\n%s", status, want, stderr)
	}
	for _, more := range []string{"--map=lib/b.capnp=example.com/b", "lib/b.capnp"} {
		if status, _, stderr := mpgen(append(args, more)...); status != 0 {
			t.Errorf("%s: %s", more, stderr)
		}
	}
	write(t, "lib/b.capnp", "@0xd1b7e2a4c5f60917;\nusing Go = import \"/mp/go.capnp\";\n$Go.import(\"example.com/b\");\nstruct S {}\n")
	if status, _, stderr := mpgen(args...); status != 0 {
		t.Errorf("with $Go.import: %s", stderr)
	}
}

// Go callers pass every argument, so that they have to be told what others may leave out.
func TestDefaultsOfParams(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "d.capnp", `@0xc1d6b5aa1b3bd7b2;
enum E { a @0; b @1; }
interface I {
  one @0 (cooldown :Bool = true) -> ();
  # Has a comment.
  all @1 (i :Int8 = -1, u :UInt64 = 7, f :Float32 = 0.1, d :Float64 = inf, t :Text = "x\"y", e :E = b, l :List(Int8) = [1], none :Int8) -> ();
}`)
	if status, _, stderr := mpgen("--go_out=.", "--importpath=example.com/d", "d.capnp"); status != 0 {
		t.Fatal(stderr)
	}
	got, err := os.ReadFile("d.mp.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\t// Has a comment.\n\t//\n\t// By the schema's default, cooldown is true.\n\tOne(",
		"\t// By the schema's default, i is -1, u is 7, f is 0.1, d is +Inf, t is \"x\\\"y\"\n\t// and eArg is b.\n\tAll(",
		"// All calls I.all.\n//\n// By the schema's default, i is -1,",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("there is no %q in:\n%s", want, got)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"generate", "--help"}, {"help"}} {
		if status, stdout, _ := mpgen(args...); status != 0 || !strings.Contains(stdout, "usage: mpgen") {
			t.Errorf("%v: %d, %q", args, status, stdout)
		}
	}
	if status, _, stderr := mpgen(); status != 2 || stderr == "" {
		t.Error(status, stderr)
	}
}

func TestMemberIn(t *testing.T) {
	src := "# pass @1 was\nsurpass @1 (pass :Text, passing :Int8) -> ();\npass10 @1; pass\n\t@10 () ; pass @1 (pass @1: x); x@2"
	for _, test := range []struct {
		member model.Member
		want   int
	}{
		{model.Member{Name: "pass", Ordinal: 1}, strings.Index(src, "pass @1 was")},
		{model.Member{Name: "pass", Ordinal: 10}, strings.Index(src, "pass\n")},
		{model.Member{Name: "pass", Ordinal: 2}, -1},
		{model.Member{Name: "pass10", Ordinal: 1}, strings.Index(src, "pass10")},
		{model.Member{Name: "passing", Ordinal: -1}, strings.Index(src, "passing")},
		{model.Member{Name: "pas", Ordinal: -1}, -1},
		{model.Member{Name: "x", Ordinal: 2}, strings.Index(src, "x@2")},
		{model.Member{Name: "x", Ordinal: 22}, -1},
	} {
		if got := memberIn([]byte(src), test.member); got != test.want {
			t.Errorf("%s @%d: at %d, want %d", test.member.Name, test.member.Ordinal, got, test.want)
		}
	}
}
