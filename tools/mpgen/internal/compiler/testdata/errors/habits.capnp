# Mistakes of those who come from other languages.
@0xb2d0a1c3e4f59687;

import "other.capnp";

message M { a @0 :Int32; }

struct S {
  optional a @0 :Int32;
  b @1 :[Int32];
  c @2 :Bool = 1;
  d @3 :Int32 e @4 :Int32;
  group g { f @5 :Int32; }
}

enum E { a @0, b @1; }

interface I : J {
  m @0 () -> Int32;
}

interface J extends K {}
