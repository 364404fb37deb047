@0xc1b2c3d4e5f60004;
struct Changed {
  type @0 :Int32;
  moved @1 :Text;
  gone @2 :Int32;
  default @3 :Int32 = 5;
  textDefault @4 :Text = "a";
  listElem @5 :List(Int32);
  toStruct @6 :List(Int32);
  kind @7 :Kind;
  inner @8 :Inner;
  iface @9 :Api;
  union { a @10 :Int32; b @11 :Text; }
  late @12 :UInt8;
  renamed @13 :Bool;
  grouped @14 :Int64;
  anyKind @15 :AnyPointer;
  leaves :group { x @16 :Int16; }
  out :union { p @17 :Int8; q @18 :Int8; }
}
enum Kind { a @0; b @1; c @2; }
struct Inner { v @0 :UInt64; }
interface Api {
  same @0 (a :Int32) -> (b :Text);
  param @1 (a :Int32) -> ();
  result @2 () -> (b :List(Inner));
  dropped @3 ();
  stream @4 (a :Int32) -> stream;
}
interface Base {}
interface Sub extends (Base) {}
interface Lost { m @0 (); }
interface Identity @0xd1b2c3d4e5f60001 { m @0 (); }
struct WasStruct {}
struct Uses { w @0 :WasStruct; }
struct Fewer { a @0 :Int32; b @1 :Text; }
interface Less { a @0 (); b @1 (x :Fewer, y :Int32); c @2 (); }
struct Swapped { a @0 :Int32; b @1 :Int32; g :group { c @2 :Text; d @3 :Text; } kept @4 :Int8; }
enum SwappedEnum { a @0; b @1; c @2; }
interface SwappedMethods { a @0 (p :Int32, q :Int32) -> Swapped; b @1 (); c @2 (p :Int32, q :Int32); }
struct Generic(T) { v @0 :T; list @1 :List(Generic(T)); }
struct Bound { a @0 :Generic(Text); b @1 :List(Generic(Generic(Text))); c @2 :Generic(Text); d @3 :Generic; }
struct NewMembers { union { a @0 :Int32; b @1 :Text; } retired @2 :Int32; }
