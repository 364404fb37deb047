package compiler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/requestdiff"
)

// names lists the display names of the nodes of a request.
func names(t *testing.T, res *compiler.Result) []string {
	t.Helper()
	nodes, err := res.Request.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := 0; i < nodes.Len(); i++ {
		name, err := nodes.At(i).DisplayName()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func node(t *testing.T, res *compiler.Result, name string) schema.Node {
	t.Helper()
	nodes, err := res.Request.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < nodes.Len(); i++ {
		if n, _ := nodes.At(i).DisplayName(); n == name {
			return nodes.At(i)
		}
	}
	t.Fatalf("no node %s among %q", name, names(t, res))
	return schema.Node{}
}

// expectError compiles and expects one mistake: its place and a part of what is said.
func expectError(t *testing.T, o compiler.Options, want string, files ...string) *compiler.Diagnostic {
	t.Helper()
	_, diags := compiler.Compile(o, files...)
	if len(diags) != 1 {
		t.Fatalf("%d diagnostics, not one:\n%s", len(diags), diags.Format())
	}
	if got := diags[0].Error(); !strings.Contains(got, want) {
		t.Fatalf("said %q, expected %q", got, want)
	}
	return diags[0]
}

// The ids that programs in C++ were built with; see §5 of the design.
func TestIDsOfProxyCapnp(t *testing.T) {
	res := compile(t, compiler.Options{FS: compiler.MapFS{
		"q.capnp": `@0xcc316e3f71a040fb; annotation include(file) :Text; annotation includeTypes(file) :Text; annotation wrap(*) :Text;
			annotation count(*) :Int32; annotation exception(param) :Text; annotation name(*) :Text; annotation skip(field) :Void;`,
	}, NoStandardImports: true}, "q.capnp")
	for name, id := range map[string]uint64{
		"include": 0xb899f3c154fdb458, "includeTypes": 0xbcec15648e8a0cf1, "wrap": 0xe6f46079b7b1405e, "count": 0xd02682b319f69b38,
		"exception": 0x996a183200992f88, "name": 0xb594888f63f4dbb9, "skip": 0x824c08b82695d8dd,
	} {
		if got := node(t, res, "q.capnp:"+name).Id(); got != id {
			t.Errorf("%s has id %#x, not %#x", name, got, id)
		}
	}
}

func TestImports(t *testing.T) {
	tree := compiler.MapFS{
		"src/a/main.capnp": `@0xb000000000000001; using B = import "../b/other.capnp"; using C = import "/c/root.capnp"; using Std = import "/capnp/c++.capnp";
			$Std.namespace("x"); struct S { b @0 :B.T; c @1 :C.T; }`,
		"src/b/other.capnp":      `@0xb000000000000002; struct T {}`,
		"roots/1/c/root.capnp":   `@0xb000000000000003; struct T { first @0 :Void; }`,
		"roots/2/c/root.capnp":   `@0xb000000000000004; struct T { second @0 :Void; }`,
		"src/same/main.capnp":    `@0xb000000000000005; using A = import "../b/other.capnp"; using B = import "/other.capnp"; struct S { a @0 :A.T; b @1 :B.T; }`,
		"copy/other.capnp":       `@0xb000000000000002; struct T {}`,
		"src/clash/a.capnp":      `@0xb000000000000006; using B = import "b.capnp"; struct S { b @0 :B.T; }`,
		"src/clash/b.capnp":      `@0xb000000000000006; struct T {}`,
		"src/outside/x.capnp":    `@0xb000000000000007; using B = import "../../../b.capnp"; struct S { b @0 :B.T; }`,
		"src/cycle/a.capnp":      `@0xb000000000000008; using B = import "b.capnp"; struct A { b @0 :B.B; }`,
		"src/cycle/b.capnp":      `@0xb000000000000009; using A = import "a.capnp"; struct B { a @0 :A.A; }`,
		"src/shadowed/v.capnp":   `@0xb00000000000000a; using P = import "/mp/proxy.capnp"; struct S { t @0 :P.Thread; }`,
		"roots/3/mp/proxy.capnp": `@0xb00000000000000b; interface Thread { ours @0 (); }`,
	}
	base := compiler.Options{FS: tree, SourcePrefixes: []string{"src"}}
	with := func(roots ...string) compiler.Options {
		o := base
		o.ImportPaths = roots
		return o
	}

	t.Run("roots in order", func(t *testing.T) {
		res := compile(t, with("roots/1", "roots/2"), "src/a/main.capnp")
		got := names(t, res)
		for _, want := range []string{"a/main.capnp:S", "b/other.capnp:T", "c/root.capnp:T", "capnp/c++.capnp:namespace"} {
			if !slices.Contains(got, want) {
				t.Errorf("%q lacks %s", got, want)
			}
		}
		if id := node(t, res, "c/root.capnp:T").ScopeId(); id != 0xb000000000000003 {
			t.Errorf("imported from the wrong root: file id %#x", id)
		}
	})
	t.Run("no root", func(t *testing.T) {
		d := expectError(t, base, "src/a/main.capnp:1:76: cannot find '/c/root.capnp' (a path with '/' in front is looked up in the import roots, and there are none", "src/a/main.capnp")
		if d.Code != compiler.ImportNotFound || d.Import != "/c/root.capnp" {
			t.Errorf("code %d, import %q", d.Code, d.Import)
		}
	})
	t.Run("one file by two paths", func(t *testing.T) {
		res := compile(t, with("copy"), "src/same/main.capnp")
		if n := node(t, res, "b/other.capnp:T"); n.ScopeId() != 0xb000000000000002 {
			t.Errorf("file id %#x", n.ScopeId())
		}
	})
	t.Run("one id, two files", func(t *testing.T) {
		expectError(t, base, "src/clash/b.capnp:1:1: the id @0xb000000000000006 is taken", "src/clash/a.capnp")
	})
	t.Run("out of the root", func(t *testing.T) {
		expectError(t, base, "the path leads out of the import root", "src/outside/x.capnp")
	})
	t.Run("a cycle", func(t *testing.T) {
		compile(t, base, "src/cycle/a.capnp")
		compile(t, base, "src/cycle/b.capnp", "src/cycle/a.capnp")
	})
	t.Run("a root hides a standard import", func(t *testing.T) {
		res := compile(t, with("roots/3"), "src/shadowed/v.capnp")
		if id := node(t, res, "mp/proxy.capnp:Thread").ScopeId(); id != 0xb00000000000000b {
			t.Errorf("file id %#x", id)
		}
	})
	t.Run("no standard imports", func(t *testing.T) {
		o := base
		o.NoStandardImports = true
		expectError(t, o, "cannot find '/mp/proxy.capnp'", "src/shadowed/v.capnp")
	})
	t.Run("no such file", func(t *testing.T) {
		expectError(t, base, "nope.capnp:1:1: no such file", "nope.capnp")
	})
	t.Run("a file given twice", func(t *testing.T) {
		res := compile(t, base, "src/b/other.capnp", "src/a/../b/other.capnp")
		files, err := res.Request.RequestedFiles()
		if err != nil || files.Len() != 1 {
			t.Errorf("%d requested files, %v", files.Len(), err)
		}
	})
}

func TestImportable(t *testing.T) {
	o := compiler.Options{FS: compiler.MapFS{
		"main.capnp":   `@0xb000000000000001; using A = import "listed.capnp"; using P = import "/mp/proxy.capnp"; struct S { a @0 :A.T; p @1 :P.Thread; }`,
		"other.capnp":  `@0xb000000000000002; using D = import "deep.capnp"; using M = import "main.capnp"; struct S { d @0 :D.T; m @1 :M.S; }`,
		"listed.capnp": `@0xb000000000000003; using D = import "deep.capnp"; struct T { d @0 :D.T; }`,
		"deep.capnp":   `@0xb000000000000004; struct T {}`,
	}, Importable: []string{"listed.capnp"}}
	compile(t, o, "main.capnp") // deep.capnp is listed.capnp's affair
	d := expectError(t, o, "other.capnp:1:39: no dependency provides 'deep.capnp'", "main.capnp", "other.capnp")
	if d.Code != compiler.ImportNotListed || d.Import != "deep.capnp" {
		t.Errorf("code %d, import %q", d.Code, d.Import)
	}
	o.Importable = []string{}
	expectError(t, o, "no dependency provides 'listed.capnp'", "main.capnp")
}

// Bindings must do the same as annotations in the schema.
func TestBindingsEqualAnnotations(t *testing.T) {
	const vocabulary = `@0xb000000000000001; annotation text(*) :Text; annotation flag(*) :Void; annotation list(*) :List(P);
		struct P { x @0 :Int32; } const p :P = (x = 5);`
	const body = `@0xb000000000000002; using V = import "v.capnp";
		struct S%s { a @0 :Text%s; union { b @1 :Void%s; c @2 :Void; } u :union%s { d @3 :Void; e @4 :Void; } g :group%s { f @5 :Void%s; }
			struct N { x @0 :Text%s; } }
		enum E%s { a @0%s; }
		interface I%s { m @0 (p :Text%s, q :Text) -> (p :Text%s)%s; n @1 () -> (q :Text); }
		const c :Int32 = 1%s; annotation a(*) :Void%s; %f`
	const mark = ` $V.text("x") $V.flag $V.list([V.p, (x = 7)])`
	// At file level each annotation is a statement of its own.
	const fileMark = `$V.text("x"); $V.flag; $V.list([V.p, (x = 7)]);`
	plain := strings.NewReplacer("%s", "", "%f", "").Replace(body)
	marked := strings.NewReplacer("%s", mark, "%f", fileMark).Replace(body)
	bindings := `using V = import "v.capnp"; using X = import "x.capnp"; using Inner = X.S.N;
		bind file "x.capnp" $V.text("x") $V.flag $V.list([V.p, (x = 7)]);`
	for _, path := range []string{"S", "S.a", "S.b", "S.u", "S.g", "S.g.f", "E", "E.a", "I", "I.m.p", "I.m", "c", "a"} {
		bindings += "\nbind X." + path + ` $V.text("x") $V.flag $V.list([V.p, (x = 7)]);`
	}
	bindings += "\n" + `bind Inner.x $V.text("x") $V.flag $V.list([V.p, (x = 7)]);`

	written := compile(t, compiler.Options{FS: compiler.MapFS{"v.capnp": vocabulary, "x.capnp": marked}}, "x.capnp")
	bound := compile(t, compiler.Options{FS: compiler.MapFS{"v.capnp": vocabulary, "x.capnp": plain, "x.bindings": bindings},
		Bindings: []string{"x.bindings"}}, "x.capnp")
	d := newDiffer(t)
	a, _, err := d.Parts(written.Request)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := d.Parts(bound.Request)
	if err != nil {
		t.Fatal(err)
	}
	flat := func(parts []requestdiff.Part) map[string]bool {
		set := map[string]bool{}
		for _, p := range parts {
			if !strings.HasPrefix(p.Name, "node ") {
				continue
			}
			for _, l := range p.Lines {
				// Places in the file differ, of course.
				if !strings.Contains(l, "startByte") && !strings.Contains(l, "endByte") {
					set[l] = true
				}
			}
		}
		return set
	}
	wa, ba := flat(a), flat(b)
	annotations := 0
	for l := range wa {
		if strings.Contains(l, "annotations[2]") && strings.HasSuffix(l, ".value is there") {
			annotations++
		}
		if !ba[l] {
			t.Errorf("only with annotations: %s", l)
		}
	}
	for l := range ba {
		if !wa[l] {
			t.Errorf("only with bindings: %s", l)
		}
	}
	if annotations < 15 {
		t.Errorf("only %d declarations are annotated", annotations)
	}
}

// A few lines that stand for exponentially much.
func TestGrowthIsBounded(t *testing.T) {
	var types, values, aliases strings.Builder
	types.WriteString("@0xb000000000000001; struct P(A, B) {} using T0 = P(Text, Text);\n")
	values.WriteString("@0xb000000000000001; const c0 :List(List(AnyList)) = []; struct V0 { a @0 :Text; } const v0 :V0 = (a = \"x\");\n")
	aliases.WriteString("@0xb000000000000001; struct P(A, B) { a @0 :A; b @1 :B; }\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&types, "using T%d = P(T%d, T%d);\n", i, i-1, i-1)
		fmt.Fprintf(&values, "struct V%d { a @0 :V%d; b @1 :V%d; } const v%d :V%d = (a = .v%d, b = .v%d);\n", i, i-1, i-1, i, i, i-1, i-1)
	}
	types.WriteString("struct S { a @0 :T59; }")
	aliases.WriteString("struct S { a @0 :" + strings.Repeat("P(", 60) + "Text" + strings.Repeat(", Text)", 60) + "; }")
	for name, src := range map[string]string{"types": types.String(), "values": values.String()} {
		t.Run(name, func(t *testing.T) {
			_, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS{"x.capnp": src}}, "x.capnp")
			if len(diags) == 0 || !strings.Contains(diags.Format(), "grow too large") {
				t.Errorf("said: %s", diags.Format())
			}
		})
	}
	compile(t, compiler.Options{FS: compiler.MapFS{"x.capnp": aliases.String()}}, "x.capnp")
}

func TestNestingIsBounded(t *testing.T) {
	const deep = 100_000
	for name, src := range map[string]string{
		"blocks":      strings.Repeat("struct S { ", deep),
		"groups":      "struct S { " + strings.Repeat("g :group { ", deep),
		"lists":       "const a :Int32 = " + strings.Repeat("[", deep),
		"parentheses": "const a :Int32 = " + strings.Repeat("(", deep),
		"closed":      "const a :Int32 = " + strings.Repeat("(", deep) + "1" + strings.Repeat(")", deep) + ";",
		"members":     "const a :Int32 = x" + strings.Repeat(".x", deep) + ";",
		"application": "struct S { a @0 :X" + strings.Repeat("(X)", deep) + "; }",
		"braces":      strings.Repeat("{", deep),
		"closing":     strings.Repeat("}", deep),
		"semicolons":  strings.Repeat(";", deep),
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS{"x.capnp": "@0xb000000000000001;\n" + src}}, "x.capnp")
			if len(diags) == 0 || len(diags) > 1000 {
				t.Errorf("%d diagnostics", len(diags))
			}
		})
	}
}

func TestPlace(t *testing.T) {
	res := compile(t, compiler.Options{FS: compiler.MapFS{"x.capnp": "@0xb000000000000001;\nstruct S {\n  b @1 :Text;\n  a @0 :Text;\n}\n"}}, "x.capnp")
	id := node(t, res, "x.capnp:S").Id()
	for member, want := range map[int]string{compiler.Whole: "x.capnp:2:8", 0: "x.capnp:4:3", 1: "x.capnp:3:3"} {
		at, _, ok := res.Place(id, member)
		if !ok || at.String() != want {
			t.Errorf("member %d is at %v, not %s", member, at, want)
		}
	}
	if _, _, ok := res.Place(id, 2); ok {
		t.Error("there is no third member")
	}
	if _, _, ok := res.Place(id+1, compiler.Whole); ok {
		t.Error("there is no such node")
	}
}

func BenchmarkCompile(b *testing.B) {
	var big strings.Builder
	big.WriteString("@0xb000000000000001;\nstruct Big {\n")
	for i := range 10_000 {
		fmt.Fprintf(&big, "  field%d @%d :Int32;\n  # Field number %d.\n", i, i, i)
	}
	big.WriteString("}\n")
	for _, bench := range []struct {
		name, file string
		o          compiler.Options
	}{
		{"10000fields", "big.capnp", compiler.Options{FS: compiler.MapFS{"big.capnp": big.String()}}},
		{"names", "testdata/language/names.capnp", compiler.Options{}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if res, diags := compiler.Compile(bench.o, bench.file); res == nil {
					b.Fatal(diags.Format())
				} else {
					res.Request.Message().Release()
				}
			}
		})
	}
}
