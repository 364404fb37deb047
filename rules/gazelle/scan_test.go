package gazelle

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestScan(t *testing.T) {
	for _, test := range []struct {
		name, text string
		schemas    []string
		packages   []string
	}{
		{"none", "struct S {}\n", []string{}, []string{}},
		{"absolute and relative", "using A = import \"/x/a.capnp\";\nusing import \"b.capnp\".B;\n", []string{"/app/b.capnp", "/x/a.capnp"}, []string{}},
		{"parent folder", "using C = import \"../c.capnp\";\n", []string{"/c.capnp"}, []string{}},
		{"twice", "f @0 :import \"b.capnp\".B;\ng @1 :import \"b.capnp\".C;\n", []string{"/app/b.capnp"}, []string{}},
		{"in a comment", "# import \"no.capnp\"\n", []string{}, []string{}},
		{"in a string", "const s :Text = \"import \\\"no.capnp\\\"\";\n", []string{}, []string{}},
		{"a longer word", "const important :Text = \"no.capnp\";\n", []string{}, []string{}},
		{"embedded file", "const d :Data = embed \"no.bin\";\n", []string{}, []string{}},
		{"on two lines", "using B = import\n  \"b.capnp\";\n", []string{"/app/b.capnp"}, []string{}},
		{"not a string", "using B = import (\"b.capnp\");\n", []string{}, []string{}},
		{"unfinished", "using B = import \"b.capnp", []string{}, []string{}},
		{"Go type", "f @0 :Int64 $Go.type(\"example.com/units.Celsius\");\n", []string{}, []string{"example.com/units"}},
		{"spaces", "f @0 :Int64 $ Go . toGo ( \"gopkg.in/units.v2.Of\" );\n", []string{}, []string{"gopkg.in/units.v2"}},
		{"several Go types", "f @0 :T $Go.wrap(\"example.com/a/b.Box[*net/netip.Addr]\");\n", []string{}, []string{"example.com/a/b", "net/netip"}},
		{"type of the package", "struct S $Go.codec(\"S\") {}\n", []string{}, []string{}},
		{"C++ name", "interface S $Proxy.wrap(\"interfaces::S\") {}\n", []string{}, []string{}},
		{"another annotation", "struct S $Go.name(\"a.b\") {}\n", []string{}, []string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "s.capnp")
			if err := os.WriteFile(file, []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			refs := newReferences()
			if err := refs.scan(file, "/app/s.capnp"); err != nil {
				t.Fatal(err)
			}
			if got := sortedKeys(refs.schemas); !reflect.DeepEqual(got, test.schemas) {
				t.Errorf("schemas: got %q, want %q", got, test.schemas)
			}
			if got := sortedKeys(refs.packages); !reflect.DeepEqual(got, test.packages) {
				t.Errorf("Go packages: got %q, want %q", got, test.packages)
			}
		})
	}
}
