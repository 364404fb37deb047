package compiler_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
)

// TestOneMistakeOneMessage makes mistakes that break what follows them too.
func TestOneMistakeOneMessage(t *testing.T) {
	const good = `
struct Foo(T) { a @0 :Text; b @1 :List(Int32); bar :group { c @2 :T; d @3 :UInt8; } }
struct Use { foo @0 :Foo(Text) = (a = "x", bar = (d = 3)); color @1 :Color = red; }
enum Color { red @0; green @1; }
interface Calls {
  one @0 (a :Int32, b :List(Text)) -> (foo :Foo(Data));
  struct Inner {
    x @0 :Text;
    y @1 :Use;
  }
  two @1 (inner :Inner) -> ();
}
using Alias = Foo;
const text :Text = "text";
annotation note(struct, field) :Text;
struct Noted $note("n") { inner @0 :Calls.Inner; alias @1 :Alias(Text) $note(.text); }
`
	for _, test := range []struct{ from, to, says string }{
		{"", "", ""},
		// Ordinals and names.
		{"a @0 :Text;", "a @-1 :Text;", "expected the ordinal"},
		{"a @0 :Text;", "a @* :Text;", "expected the ordinal"},
		{"a @0 :Text;", "@0 :Text;", "a declaration cannot begin with '@'"},
		{"bar :group", ":group", "a declaration cannot begin with ':'"},
		{"struct Foo(T)", "struct (T)", "expected the name of the struct"},
		{"struct Foo(T)", "strut Foo(T)", "expected a declaration"},
		{"struct Foo(T)", "Foo(T)", "expected a declaration"},
		{"enum Color", "union Color", "expected a declaration"},
		{"using Alias = Foo", "using = Foo", "expected an expression"},
		{"using Alias = Foo", "using Alias = void", "'void' is not defined"},
		{"using Alias = Foo", "using Alias Foo", "'using' without '='"},
		{`const text :Text = "text";`, `const text :Text = embed#"text";`, "missing ';'"},
		{"interface Calls {", "interface Calls @0 {", "this is not an id"},
		{"enum Color { red @0; green", "enum Color { red @0 :Text; green", "unexpected ':'"},
		{"red @0; green", "@0; green", "a declaration cannot begin with '@'"},
		// Lists.
		{"one @0 (a", "one @0 a", "')' closes nothing"},
		{":List(Text)) ->", ":List(Text) ->", "'(' is never closed"},
		{"a :Int32, b", "a :Int32; b", "'(' is never closed"},
		{"a :Int32, b", "a :Int32 } b", "'(' is never closed"},
		{"a :Int32, b", "a :Int32 { b", "'(' is never closed"},
		{"a :Int32, b", "a , :Int32, b", "expected ':' and a type"},
		{"a :Int32, b", ", :Int32, b", "a list item is empty"},
		{"Foo(T)", "Foo T)", "')' closes nothing"},
		{"Foo(T)", "Foo((T)", "'(' is never closed"},
		{`(a = "x", bar`, `(a "x", bar`, "unexpected string"},
		{"note(struct, field)", "note(struct field)", "unexpected 'field'"},
		{"note(struct, field)", "note struct, field)", "')' closes nothing"},
		// What ends a statement, and blocks.
		{"one @0 (a", "one @0; (a", "expected the parameters of the method"},
		{"a @0 :Text;", "a @0 :;Text;", "expected an expression"},
		{"a @0 :Text;", "a ; @0 :Text;", "expected a field"},
		{"a @0 :Text;", "; @0 :Text;", "empty statement"},
		{"a @0 :Text;", "a @0 :Text};", "missing ';'"},
		{"interface Calls {", "interface Calls", "missing '{'"},
		{"interface Calls {", "interface Calls ;", "this declaration needs a block"},
		{"interface Calls {", "interface Calls { {", "a block without a declaration"},
		{"interface Calls {", "interface Calls {}", "looks like a member"},
		{"struct Inner {", "struct Inner", "missing '{'"},
		{"struct Inner {", "struct Inner {}", "'}' closes nothing"},
		{"  }\n", "", "the block is never closed"},
		{"  }\n", "  void\n", "the block is never closed"},
		{"  }\n", "  }}\n", "'}' closes nothing"},
		{"color @1 :Color", "color @1 :Color {", "this statement ends with ';'"},
		// Types and values.
		{":Foo(Text) = (a", ":Foo(Txt) = (a", "'Txt' is not defined"},
		{":Foo(Data)", ":Foo(Data, Text)", "takes 1 generic parameter"},
		{"a @0 :Text;", "a @0 :Txt;", "'Txt' is not defined"},
		{"a @0 :Text; b", "a @0 Text; b", "expected ':' and a type"},
		{"annotation note(struct, field) :Text", "annotation note(struct, field) :Txt", "'Txt' is not defined"},
		{`"text"`, `'text'`, "a string is written in double quotes"},
	} {
		if test.from != "" && !strings.Contains(good, test.from) {
			t.Errorf("%q: not in the schema", test.from)
			continue
		}
		src := "@0xd1b2c3d4e5f60020;" + strings.Replace(good, test.from, test.to, 1)
		_, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS{"a.capnp": src}}, "a.capnp")
		switch {
		case test.says == "" && len(diags) > 0:
			t.Fatalf("the schema is not good:\n%s", diags.Format())
		case test.says != "" && (len(diags) != 1 || !strings.Contains(diags[0].Message, test.says)):
			t.Errorf("%q to %q: expected one message with %q, not\n%s", test.from, test.to, test.says, diags.Format())
		}
	}
}

// TestMistakesFarApart sees that what says one thing once does not keep other
// mistakes from being told.
func TestMistakesFarApart(t *testing.T) {
	const src = `@0xd1b2c3d4e5f60021;
struct A { a @0 Text; b @1 :Nope; c @2 :List(Int32; }
struct B { a @0 :Text; b @0 :Text; }
const c :Int32 = "no";
interface I { m @0 (a, b) -> (c :Unknown); n @1 ( -> (); o @2 () -> (d :Missing); }
enum E { x @0; y 1; z @2 = 5; }
const d :E = w;
`
	_, diags := compiler.Compile(compiler.Options{FS: compiler.MapFS{"a.capnp": src}}, "a.capnp")
	var got []string
	for _, d := range diags {
		got = append(got, d.Start.String()[len("a.capnp:"):])
	}
	if want := "2:17 2:29 2:45 3:27 4:18 5:22 5:49 5:73 6:18 6:26 7:14"; strings.Join(got, " ") != want {
		t.Errorf("mistakes at %s, expected at %s:\n%s", got, want, diags.Format())
	}
}

// TestCascades leaves out each word of good schemas in turn. What then is
// missing may be missing in many places, so there may be more messages than
// one; but there are few of those.
func TestCascades(t *testing.T) {
	word := regexp.MustCompile("#[^\n]*|\"(?:\\\\.|[^\"\\\\\n])*\"|`[^\n]*|[A-Za-z_][A-Za-z_0-9]*|[0-9][0-9A-Za-z_.]*|[-!$%&*+./:<=>?@^|~]+|[(){}\\[\\],;]")
	tried, more := 0, 0
	for _, name := range []string{"layout.capnp"} {
		data, err := os.ReadFile(filepath.Join("testdata", "language", name))
		if err != nil {
			t.Fatal(err)
		}
		src := string(data)
		fs := compiler.MapFS{}
		for _, at := range word.FindAllStringIndex(src, -1) {
			if src[at[0]] == '#' {
				continue
			}
			fs[name] = src[:at[0]] + src[at[1]:]
			_, diags := compiler.Compile(compiler.Options{FS: fs, Dir: "/"}, name)
			tried++
			if len(diags) > 1 {
				more++
			}
		}
	}
	t.Logf("%d words left out, %d of them with more than one message", tried, more)
	if tried < 1000 || more*20 > tried {
		t.Error("too many messages")
	}
}
