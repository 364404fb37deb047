package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hundredMethods is a schema with an interface of 100 methods that pass
// numbers, texts, lists, structs, objects and what may be absent.
func hundredMethods() string {
	var s strings.Builder
	s.WriteString(`@0xc8a1f3e25b7d4961;
using Proxy = import "/mp/proxy.capnp";

struct Record {
  name @0 :Text;
  size @1 :UInt64;
  items @2 :List(Text);
  union {
    a @3 :Bool;
    b @4 :Int32;
  }
}

interface Other $Proxy.wrap("Other") {
  destroy @0 (context :Proxy.Context) -> ();
  call @1 (context :Proxy.Context, n :UInt32) -> (result :Text);
}

interface Big $Proxy.wrap("Big") {
`)
	for n := 0; n < 100; n += 4 {
		fmt.Fprintf(&s, "  add%d @%d (context :Proxy.Context, a :Int32, b :Int32) -> (result :Int32);\n", n, n)
		fmt.Fprintf(&s, "  find%d @%d (context :Proxy.Context, name :Text, among :List(Record)) -> (result :Record, more :List(Text));\n", n+1, n+1)
		fmt.Fprintf(&s, "  pass%d @%d (context :Proxy.Context, object :Other) -> (result :Other);\n", n+2, n+2)
		fmt.Fprintf(&s, "  maybe%d @%d (arg :Int64, hasArg :Bool) -> (result :Data, hasResult :Bool);\n", n+3, n+3)
	}
	s.WriteString("}\n")
	return s.String()
}

// BenchmarkGenerate is what an action of mp_go_library does, but for the start
// of the process.
func BenchmarkGenerate(b *testing.B) {
	folder := b.TempDir()
	file := filepath.Join(folder, "big.capnp")
	if err := os.WriteFile(file, []byte(hundredMethods()), 0o644); err != nil {
		b.Fatal(err)
	}
	var errs strings.Builder
	for b.Loop() {
		if run([]string{"--importpath=example.com/big", "--go_out=" + folder, file}, &errs, &errs) != 0 {
			b.Fatal(errs.String())
		}
	}
}
