@0xc1b2c3d4e5f60004;
# The new version; see old.capnp.
struct Changed {
  type @0 :Int64;
  moved @1 :Data;
  removed :group { default @3 :Int32 = 6; two @2 :UInt8; }
  textDefault @4 :Text = "b";
  listElem @5 :List(Int64);
  toStruct @6 :List(Wrapped);
  kind @7 :Kind;
  inner @8 :Inner;
  iface @9 :Api;
  a @10 :Int32;
  union { b @11 :Text; added @19 :Text; }
  late @12 :UInt8;
  otherName @13 :Bool;
  inGroup :group { grouped @14 :Int64; }
  anyKind @15 :AnyPointer;
  leaves :union { x @16 :Int16; y @20 :Void; }
  out :union { q @18 :Int8; p @17 :Int8; }
}
struct Wrapped { n @0 :Int32; more @1 :Text; }
enum Kind { first @0; b @1; }
struct Inner { v @0 :Int64; }
interface Api {
  same @0 (other :Int32, more :Text) -> (b :Text, c :Text);
  param @1 (a :Text) -> ();
  result @2 () -> (b :List(Inner), extra :Int32);
  replaced @3 ();
  stream @4 (a :Int32) -> ();
  new @5 ();
}
interface Base {}
interface Sub {}
interface Identity @0xd1b2c3d4e5f60002 { m @0 (); }
enum WasStruct { a @0; }
struct Uses { w @0 :WasStruct; }
struct Fewer { a @0 :Int32; }
interface Less { a @0 (); b @1 (x :Fewer); }
struct Swapped { a @1 :Int32; b @0 :Int32; g :group { c @3 :Text; d @2 :Text; } renamed @4 :Int8; kept @5 :Int8; }
enum SwappedEnum { b @0; a @1; c @2; }
interface SwappedMethods { b @0 (); a @1 (p :Int32, q :Int32) -> Swapped; c @2 (q :Int32, p :Int32); }
struct Generic(T) { v @0 :T; list @1 :List(Generic(T)); }
struct Bound { a @0 :Generic(Data); b @1 :List(Generic(Generic(Data))); c @2 :Generic(Text); d @3 :Generic(Text); }
struct NewMembers { union { a @0 :Int32; b @1 :Text; c @3 :Int8; retired @4 :Int32; } obsolete @2 :Int32; }
