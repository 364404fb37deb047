package syntax

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// reports collects messages.
type reports []string

func (r *reports) Report(e Error) {
	*r = append(*r, fmt.Sprintf("%d-%d %s", e.Start, e.End, e.Message))
}

// show writes tokens shortly: kind letter and content.
func show(toks []Token) string {
	var parts []string
	for _, t := range toks {
		switch t.Kind {
		case Identifier, Operator:
			parts = append(parts, t.Text)
		case StringLiteral:
			parts = append(parts, fmt.Sprintf("%q", t.Text))
		case BinaryLiteral:
			parts = append(parts, fmt.Sprintf("x%x", t.Text))
		case IntegerLiteral:
			parts = append(parts, fmt.Sprintf("i%d", t.Int))
		case FloatLiteral:
			parts = append(parts, fmt.Sprintf("f%v", t.Float))
		case Invalid:
			parts = append(parts, "!")
		default:
			parts = append(parts, map[TokenKind]string{LParen: "(", RParen: ")", LBracket: "[", RBracket: "]", Comma: ","}[t.Kind])
		}
	}
	return strings.Join(parts, " ")
}

func TestTokens(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"", ""},
		{"a _b c9", "a _b c9"},
		{"a@0:Int32=-5", "a @ i0 : Int32 =- i5"},
		{"0 7 010 0x1F 18446744073709551615", "i0 i7 i8 i31 i18446744073709551615"},
		{"1.5 1. 1e3 1E-3 2e+1 1e999", "f1.5 f1 f1000 f0.001 f20 f+Inf"},
		{`"a" "\x41\102\n\"" ""`, `"a" "AB\n\"" ""`},
		{"`rest; of {line\nb", `"rest; of {line\n" b`},
		{"`one\r\n`two", `"one\n" "two\n"`},
		{`0x"00 fF" 0x"0102"`, "x00ff x0102"},
		{"(a, [b, c,], )", "( a , [ b , c , ] , )"},
		{"a # comment ; {\nb", "a b"},
		{"\xef\xbb\xbfa\xef\xbb\xbf b", "a b"},
		{"a.b.c .d ->", "a . b . c . d ->"},
		{"\ta\r\n\v\fb", "a b"},
	} {
		var r reports
		if got := show(Tokens(c.src, &r)); got != c.want || len(r) > 0 {
			t.Errorf("%q: %s %q, expected %s", c.src, got, r, c.want)
		}
	}
}

func TestTokensWithErrors(t *testing.T) {
	for _, c := range []struct{ src, tokens, report string }{
		{"08", "!", "0-2 a number that begins with 0 is octal"},
		{"0x", "!", "0-2 malformed number"},
		{"1a", "!", "0-2 malformed number"},
		{"1.2.3", "!", "0-5 malformed number"},
		{"1e", "!", "0-2 malformed number"},
		{"18446744073709551616", "!", "0-20 the number does not fit"},
		{`"a`, "!", "0-2 the string is not closed"},
		{"\"a\nb", "! b", "0-2 the string is not closed"},
		{`"\q"`, `""`, "1-3 unknown escape"},
		{`"\x4"`, `"4"`, "1-3 unknown escape"},
		{`0x"0"`, "!", "3-4 a data literal is made of pairs"},
		{`0x""`, "!", "0-4 a data literal needs"},
		{`0x"00`, "!", "0-5 the data literal is never closed"},
		{"a ) b", "a ! b", "2-3 ')' closes nothing"},
		{"( a ]", "( a )", "4-5 found ']' where ')' was expected"},
		{"( a", "( a )", "0-1 '(' is never closed"},
		{"a , b", "a ! b", "2-3 ',' outside of a list"},
		{"a \x00 b", "a !", "2-3 this is not UTF-8"},
		{"a \xff\xfe b", "a !", "2-3 this is not UTF-8"},
		{"é", "!", "0-2 only ASCII"},
		{"'", "!", "0-1 a string is written in double quotes"},
	} {
		var r reports
		got := show(Tokens(c.src, &r))
		if got != c.tokens || len(r) != 1 || !strings.HasPrefix(r[0], c.report) {
			t.Errorf("%q: %s %q, expected %s and %q", c.src, got, r, c.tokens, c.report)
		}
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"Text", "Data", "struct", "context", "hasResult"}
	for name, want := range map[string]string{"Txt": "Text", "text": "Text", "strcut": "struct", "sturct": "struct", "contxt": "context",
		"HasResult": "hasResult", "entirelyOther": "", "": "", "x": ""} {
		if got := Nearest(name, candidates); got != want {
			t.Errorf("%q: %q, expected %q", name, got, want)
		}
	}
}

// TestComments sees which comments belong to which declaration.
func TestComments(t *testing.T) {
	for _, c := range []struct{ src, doc string }{
		{"struct S {}", ""},
		{"struct S {} # late", "late\n"},
		{"struct S {\n# in\n}", "in\n"},
		{"struct S { # at the brace\n # two\n}", "at the brace\ntwo\n"},
		{"struct S {\n\n# apart\n}", ""},
		{"struct S {\n# in\n} # and late", "in\n"},
		{"struct S {}\n\n# apart", ""},
		{"struct S {}\r\n# crlf\r\n", "crlf\r\n"},
		{"struct S {}#tight\n#  two blanks", "tight\n two blanks\n"},
		{"# before\nstruct S {}", ""},
	} {
		var r reports
		d := Parse(c.src, &r).Root.Decls
		if len(d) != 1 || len(r) > 0 || d[0].Doc != c.doc || d[0].HasDoc != (c.doc != "") {
			t.Errorf("%q: %d declarations, %q", c.src, len(d), r)
			continue
		}
	}
}

func TestExpressions(t *testing.T) {
	for src, want := range map[string]string{
		"5": "5", "-5": "-5", "1.5": "1.5", "-1.5": "-1.5", "- inf": "-Inf", `"a" "b"`: `"ab"`, "[1, 2,]": "[1, 2]", "(5)": "5",
		"()": "()", "(a = 1, b = [x])": "(a = 1, b = [x])", ".A.B": ".A.B", `import "x".A(T).b`: `import "x".A(T).b`, `embed "y"`: `embed "y"`,
		"A(B, C(D))": "A(B, C(D))", "((a, b))": "(a, b)",
	} {
		var r reports
		d := Parse("const c :T = "+src+";", &r).Root.Decls
		if len(r) > 0 || len(d) != 1 || d[0].Value.String() != want {
			t.Errorf("%s: %q, expected %s", src, r, want)
		}
	}
	var r reports
	if d := Parse("const c :T = -0.0;", &r).Root.Decls; len(d) != 1 || !math.Signbit(d[0].Value.Float) {
		t.Error("-0.0 lost its sign")
	}
}
