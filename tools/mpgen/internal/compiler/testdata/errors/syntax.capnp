@0xb1b2c3d4e5f60001;
strcut Typo {
  a @0 :Text;
}
struct MissingSemicolon {
  a @0 :Text
  b @1 :Int32;
  c @2 :Int32 = 5
  d @3 :Text;
}
struct NoOrdinal {
  a :Text;
  b @0 :Text;
  c @ :Text;
}
struct Operators {
  a @0 :Int32=-5;
  b @1 :Int32 = - 5;
  c @2 :List(Int32) = [1, , 2];
  d @3 :List(Int32) = [1 2];
  e @4 :Int32 = 09;
  f @5 :Int32 = 12ab;
  g @6 :Float64 = 1.2.3;
  h @7 :UInt64 = 18446744073709551616;
  i @8 :Text = "never closed;
  j @9 :Text = "bad \q escape";
  k @10 :Data = 0x"0g";
  l @11 :Data = 0x"";
  m @12 :Text = 'single';
  n @13 :Int32 = ;
  o @14 :Int32 é;
  p @15 :Float64 = 1e;
}
field @0 :Text;
struct NoBlock;
const block :Int32 = 5 {}
using Foo;
struct Unclosed {
  a @0 :List(Int32;
  b @1 :List(Int32) = [1, 2);
  c @2 :Text);
  union $foo { d @3 :Void; e @4 :Void; }
  old @5 union { f @6 :Void; g @7 :Void; }
  older @8 :union { h @9 :Void; i @10 :Void; }
  high @65536 :Text;
}
enum Wrong {
  a @0;
  struct Foo {}
  b;
  c @1 :Int32;
}
interface Methods {
  noOrdinal (a :Text) -> ();
  noParams @0;
  noArrow @1 () (b :Text);
  badParam @2 (a, b :Text) -> (:Text);
}
annotation noTargets :Text;
annotation badTarget(feild) :Text;
annotation twice(field, field) :Text;
annotation starAndMore(*, field) :Text;
struct BadId @0x1 {}
}
;
@0xb1b2c3d4e5f60002;
struct Last {
  a @0 :Text;
