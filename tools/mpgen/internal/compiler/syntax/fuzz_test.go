package syntax_test

import (
	"testing"

	"github.com/mpgo-dev/mpgo/schema"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// errorsOf checks each error and counts them.
type errorsOf struct {
	t   *testing.T
	src string
	n   int
}

func (e *errorsOf) Report(err syntax.Error) {
	e.n++
	if err.Message == "" || err.Start > err.End || int(err.End) > len(e.src)+1 {
		e.t.Fatalf("bad error %+v for %d bytes", err, len(e.src))
	}
	for _, n := range err.Notes {
		if n.Message == "" || int(n.End) > len(e.src)+1 {
			e.t.Fatalf("bad note %+v", n)
		}
	}
}

func seeds(f *testing.F) {
	f.Helper()
	for _, name := range schema.Names() {
		data, err := schema.Files.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	for _, src := range []string{
		"@0xb1b2c3d4e5f60001; struct S(T) $a(1, b = [2, -3.5e7, inf]) { x @0 :List(T) = 0x\"00 ff\"; # doc\n union { y @1! :union {} } }",
		"interface I @0xb1b2c3d4e5f60002 (T) extends (A, .B) { m @0 [X] (a :X = null $b) -> stream; n @1 S -> (c :import \"x\".Y); }",
		"\xef\xbb\xbfconst t :Text = `line\r\n  \"a\\x41\\101\" \"b\";\r\n# late\r\nusing A.B; enum E { a @0; } annotation n(*, field) :embed \"f\";",
		"using X = import \"y\"; bind X.Y.z $a(1) $b; bind file \"y\" $c;",
		"struct S { a @0 :Text\n b @1 :Int32=-5; c (a, [b; ) }} 09 1.2.3 'x' \"open\n \x00",
	} {
		f.Add(src)
	}
}

// inOrder checks that declarations lie in the source, one after another.
func inOrder(t *testing.T, src string, d *syntax.Decl) {
	at := uint32(0)
	for _, sub := range d.Decls {
		if sub.Start < at || sub.End < sub.Start || int(sub.End) > len(src) {
			t.Fatalf("'%s' lies at %d to %d, after %d, in %d bytes", sub.Name.Text, sub.Start, sub.End, at, len(src))
		}
		if n := sub.Name; n.Text != "" && src[n.Start:n.End] != n.Text {
			t.Fatalf("the name '%s' is '%s' in the source", n.Text, src[n.Start:n.End])
		}
		at = sub.Start
		inOrder(t, src, sub)
	}
}

func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		errs := &errorsOf{t: t, src: src}
		inOrder(t, src, syntax.Parse(src, errs).Root)
	})
}

func FuzzParseBindings(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		errs := &errorsOf{t: t, src: src}
		for _, b := range syntax.ParseBindings(src, errs).Binds {
			if b.End < b.Start || int(b.End) > len(src) {
				t.Fatalf("a statement lies at %d to %d in %d bytes", b.Start, b.End, len(src))
			}
		}
	})
}

// FuzzTokens lexes by means of the parser and checks the tokens.
func FuzzTokens(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		errs := &errorsOf{t: t, src: src}
		at := uint32(0)
		for _, tok := range syntax.Tokens(src, errs) {
			if tok.Start < at || tok.End < tok.Start || int(tok.End) > len(src) {
				t.Fatalf("token at %d to %d, after %d", tok.Start, tok.End, at)
			}
			at = tok.End
			if tok.Kind == syntax.Identifier && src[tok.Start:tok.End] != tok.Text {
				t.Fatalf("identifier '%s' is '%s' in the source", tok.Text, src[tok.Start:tok.End])
			}
			if tok.Kind == syntax.Invalid && errs.n == 0 {
				t.Fatal("an invalid token without an error")
			}
		}
	})
}
