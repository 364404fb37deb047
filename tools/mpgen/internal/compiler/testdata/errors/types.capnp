@0xb1b2c3d4e5f60005;
using Missing = import "no-such-file.capnp";
using Foo = import "/mp/prxy.capnp";
using Std = import "capnp/c++.capnp";
struct S {
  a @0 :Missing.X;
  b @1 :NoSuch;
  c @2 :Txt;
  d @3 :string;
  e @4 :int32;
  f @5 :S.NoSuch;
  g @6 : .S.Inner;
  h @7 : .Inner;
  i @8 :konst;
  j @9 :5;
  k @10 :List;
  l @11 :List(Int32, Text);
  m @12 :List(AnyPointer);
  n @13 :List(AnyStruct);
  o @14 :Object;
  p @15 :S(Text);
  q @16 :Box(Text, Text);
  r @17 :Box(Int32);
  s @18 :Box(Text)(Text);
  t @19 :Box(Kind);
  u @20 :Two(Text);
  v @21 :Text.Foo;
  w @22 :Box(x = Text);
  struct Inner2 { s @0 :S; }
  x @23 :Inner3;
}
const konst :Int32 = 5;
struct Box(T) { t @0 :T; l @1 :List(T); }
struct Two(A, B) {}
enum Kind { a @0; }
interface I extends (S, NoSuch, Box, I2(Text)) {
  m @0 S -> I;
  n @1 stream -> stream;
  o @2 [T] T -> Kind;
  p @3 [T] (t :T(Text)) -> (u :U);
}
interface I2(T) extends (T) {}
