package gogen

import (
	"strings"
	"testing"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

func TestPackageName(t *testing.T) {
	for importPath, want := range map[string]string{
		"example.com/app/calculator":    "calculator",
		"example.com/app/calculator/v2": "calculator",
		"gopkg.in/yaml.v3":              "yaml",
		"example.com/go-units":          "go_units",
		"example.com/3d":                "d",
		"example.com/type":              "typepkg",
		"example.com/init":              "initpkg",
		"example.com/main":              "mainpkg",
		"calculator":                    "calculator",
		"v2":                            "v2",
	} {
		if got := PackageName(importPath); got != want {
			t.Errorf("PackageName(%q) = %q, want %q", importPath, got, want)
		}
	}
}

func TestAux(t *testing.T) {
	d := &model.Decl{Scope: []string{"Outer"}, Name: "Foo", Siblings: []string{"Foo", "FooClient", "FooClient_", "Bar"}, Nested: []string{"ID"}}
	for _, test := range []struct{ prefix, suffix, want string }{
		{"", "", "Outer_Foo"},
		{"", "Server", "Outer_FooServer"},
		{"", "Client", "Outer_FooClient__"},
		{"", "_ID", "Outer_Foo_ID_"},
	} {
		if got := aux(d, test.prefix, test.suffix); got != test.want {
			t.Errorf("aux(%q, %q) = %q, want %q", test.prefix, test.suffix, got, test.want)
		}
	}
}

func TestGoType(t *testing.T) {
	home := &model.File{Name: "s.capnp"}
	for text, want := range map[string]string{
		"int":                         "int",
		"Celsius":                     "Celsius",
		"*Celsius":                    "*Celsius",
		"time.Duration":               "time.Duration",
		"[]time.Duration":             "[]time.Duration",
		"[32]byte":                    "[32]byte",
		"*math/big.Int":               "*big.Int",
		"example.com/x/units.Celsius": "units.Celsius",
		"example.com/self.Own":        "Own",
		"example.com/x":               "",
		"":                            "",
	} {
		g := newGenerator(home, Package{"example.com/self", "self"}, Options{})
		got := g.goType(text, home, model.Pos{})
		if want == "" {
			if len(g.errs) == 0 {
				t.Errorf("goType(%q) = %q, want an error", text, got)
			}
			continue
		}
		if got != want {
			t.Errorf("goType(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestParseMethod(t *testing.T) {
	g := newGenerator(&model.File{Name: "s.capnp"}, Package{"example.com/self", "self"}, Options{})
	m := g.parseMethod("Sum(ctx context.Context, a, b example.com/x/units.Celsius, v ...example.com/self.Own) (n int, err error)", model.Pos{}, &model.Type{Kind: model.InterfaceOf, Interface: &model.Interface{Decl: model.Decl{File: &model.File{}}}})
	if m == nil || m.name != "Sum" || !m.ctx || !m.err || !m.variadic || len(m.params) != 3 || len(m.results) != 1 {
		t.Fatalf("%+v, %v", m, g.errs)
	}
	if m.params[1] != (goParam{"b", "units.Celsius"}) || m.params[2] != (goParam{"v", "[]Own"}) || m.results[0] != (goParam{"n", "int"}) {
		t.Errorf("%+v", m)
	}
	for _, bad := range []string{"", "Sum", "Sum(", "A(); B()", "int", "Sum() }; type X interface {"} {
		g.errs = nil
		if g.parseMethod(bad, model.Pos{}, &model.Type{Kind: model.InterfaceOf, Interface: &model.Interface{Decl: model.Decl{File: &model.File{}}}}); len(g.errs) != 1 {
			t.Errorf("%q: %v", bad, g.errs)
		}
	}
}

func TestArticle(t *testing.T) {
	for name, want := range map[string]string{
		"ExtendedCallback": "an", "Object": "an", "Printer": "a", "io.Reader": "an", "legacy.Observer": "a",
		"Unspent": "an", "Uploader": "an", "User": "a", "Unit": "a", "UTXO": "a",
	} {
		if got := article(name); got != want {
			t.Errorf("%s %s", got, name)
		}
	}
}

func TestFill(t *testing.T) {
	text := fill(strings.Repeat("four ", 15) + "five,\tand " + strings.Repeat("x", 90) + " on")
	if want := strings.Repeat("four ", 14) + "four\nfive, and\n" + strings.Repeat("x", 90) + "\non"; text != want {
		t.Errorf("%q", text)
	}
}
