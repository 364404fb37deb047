package gazelle

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestScanImports(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"none", "struct S {}\n", []string{}},
		{"absolute and relative", "using A = import \"/x/a.capnp\";\nusing import \"b.capnp\".B;\n", []string{"/app/b.capnp", "/x/a.capnp"}},
		{"parent folder", "using C = import \"../c.capnp\";\n", []string{"/c.capnp"}},
		{"twice", "f @0 :import \"b.capnp\".B;\ng @1 :import \"b.capnp\".C;\n", []string{"/app/b.capnp"}},
		{"in a comment", "# import \"no.capnp\"\n", []string{}},
		{"in a string", "const s :Text = \"import \\\"no.capnp\\\"\";\n", []string{}},
		{"a longer word", "const important :Text = \"no.capnp\";\n", []string{}},
		{"embedded file", "const d :Data = embed \"no.bin\";\n", []string{}},
		{"on two lines", "using B = import\n  \"b.capnp\";\n", []string{"/app/b.capnp"}},
		{"not a string", "using B = import (\"b.capnp\");\n", []string{}},
		{"unfinished", "using B = import \"b.capnp", []string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "s.capnp")
			if err := os.WriteFile(file, []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := scanImports(file, "/app/s.capnp")
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
