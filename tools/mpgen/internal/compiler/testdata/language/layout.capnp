@0xa1b2c3d4e5f60002;

struct Holes {
  a @0 :Bool;
  b @1 :UInt64;
  c @2 :UInt16;
  d @3 :UInt16;
  e @4 :UInt32;
  f @5 :Bool;
  g @6 :UInt8;
  h @7 :Text;
  i @8 :Float32;
  j @9 :Data;
  k @10 :UInt64;
  l @11 :Bool;
}

struct OutOfOrder {
  third @2 :UInt32;
  first @0 :UInt8;
  fourth @3 :Text;
  second @1 :UInt64;
  fifth @4 :UInt16;
}

struct ManyBools {
  b0 @0 :Bool; b1 @1 :Bool; b2 @2 :Bool; b3 @3 :Bool; b4 @4 :Bool; b5 @5 :Bool; b6 @6 :Bool; b7 @7 :Bool; b8 @8 :Bool;
  u @9 :UInt32; b10 @10 :Bool; v @11 :UInt16; w @12 :UInt8; b13 @13 :Bool;
}

struct Pointers {
  a @0 :Text; b @1 :List(Text); c @2 :Pointers; d @3 :AnyPointer; e @4 :AnyStruct; f @5 :AnyList; g @6 :Capability;
  h @7 :Iface; i @8 :List(Iface); j @9 :List(List(Iface)); k @10 :List(AnyList); l @11 :List(Capability);
}
interface Iface {}

struct AllVoid {
  a @0 :Void; b @1 :Void;
}

struct Groups {
  before @0 :UInt8;
  one :group {
    a @1 :UInt16;
    b @3 :Text;
    inner :group {
      c @2 :UInt16;
      d @5 :Bool;
    }
  }
  two :group {
    e @4 :UInt64;
    x :group { y :group { z @6 :Bool; } }
  }
  after @7 :UInt32;
}

struct UnnamedUnion {
  before @0 :Bool;
  union {
    a @1 :UInt8;
    b @2 :Text;
    c @3 :UInt64;
    d @5 :Void;
  }
  after @4 :UInt16;
}

struct UnionFirst {
  union {
    a @0 :Void;
    b @1 :Void;
  }
}

struct Retroactive {
  old @0 :UInt32;
  union {
    first @1 :UInt64;
    second @3 :UInt16;
  }
  later @2 :UInt16;
}

struct ExplicitUnionOrdinal {
  foo @0! :union {
    bar @1 :UInt16;
    qux @2 :UInt32;
  }
  mid @3! :union {
    a @4 :Bool;
    b @5 :Text;
  }
  retro @7! :union {
    c @6 :UInt8;
    d @8 :UInt16;
  }
}

struct Unions {
  u0 :union { f0 @0 :Void; f1 @4 :Bool; f8 @8 :Int8; f16 @12 :Int16; f32 @16 :Int32; f64 @20 :Int64; t @24 :Text; }
  bit0 @2 :Bool;
  bit1 @3 :Bool;
  u1 :union { a @1 :Bool; b @5 :Int8; c @9 :Int16; d @13 :Int32; e @17 :Int64; p @21 :Text; q @25 :Data; }
  byte @6 :UInt8;
  u2 :union { a @7 :Int64; b @10 :Int32; c @11 :Int16; d @14 :Bool; }
  w @15 :UInt16;
  u3 :union { g :group { a @18 :UInt8; b @19 :UInt8; c @22 :UInt16; d @23 :UInt32; e @26 :Text; f @27 :Text; }
    h :group { a @28 :UInt16; b @29 :UInt32; c @30 :UInt64; d @31 :Bool; }
    i @32 :Text; }
}

struct NestedUnions {
  outer :union {
    a @0 :UInt16;
    inner :union {
      b @1 :UInt16;
      c @2 :UInt16;
      deeper :union {
        d @3 :Void;
        e @4 :Text;
        g :group { f @5 :UInt16; h @6 :UInt8; }
      }
    }
    grp :group {
      i @7 :UInt16;
      union { j @8 :UInt16; k @9 :UInt8; }
      l @10 :UInt64;
    }
  }
  tail @11 :UInt8;
}

struct GroupWithUnion {
  g :group {
    a @0 :UInt8;
    union { b @1 :Text; c @2 :UInt8; }
    d @3 :UInt16;
  }
  union {
    h :group { e @4 :UInt32; f @5 :UInt32; }
    i @6 :Void;
  }
}

const unionValue :NestedUnions = (outer = (inner = (deeper = (g = (f = 5, h = 6)))), tail = 3);
const unionValue2 :NestedUnions = (outer = (grp = (i = 1, k = 2, l = 3)));
const unionTwice :UnnamedUnion = (c = 0x1122334455667788, a = 1);
const groupTwice :NestedUnions = (outer = (grp = (i = 1, k = 2, l = 3)), outer = (a = 5));
const groupValue :Groups = (one = (a = 1, inner = (d = true)), two = (e = 2, x = (y = (z = true))));
const retro :ExplicitUnionOrdinal = (mid = (b = "x"), foo = (qux = 7));

struct Everything {
  union {
    a @0 :UInt8;
    b :group {
      c @1 :UInt8;
      union {
        d @2 :UInt16;
        e :union {
          f @3 :UInt16;
          g :group { h @4 :Bool; i @5 :Bool; j @6 :UInt64; k @7 :UInt64; }
        }
      }
      l @8 :UInt8;
    }
    m @9 :List(Everything);
  }
  n @10 :UInt8;
  o @11 :Bool;
}
