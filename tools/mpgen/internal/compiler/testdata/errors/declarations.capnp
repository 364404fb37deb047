@0xb1b2c3d4e5f60004;
struct Twice { a @0 :Text; a @1 :Text; }
struct Twice {}
struct lower { Upper @0 :Text; under_score @1 :Text; }
enum Dup { a @0; b @0; }
enum Gap { a @0; b @2; }
struct Gaps { a @1 :Text; c @5 :Text; }
interface MethodGap { a @0 (); b @2 (); c @2 (); }
struct Unions {
  union { a @0 :Void; b @1 :Void; }
  union { c @2 :Void; d @3 :Void; }
  one :union { e @4 :Void; }
  none :union {}
  group :group {}
  nested :union { f @5 :Void; union { g @6 :Void; h @7 :Void; } }
  inGroup :group { i @8 :Void; struct No {} }
}
struct Retro { u @3! :union { a @0 :UInt8; b @1 :UInt8; c @2 :UInt8; } }
struct SameId @0xd1b2c3d4e5f60004 {}
struct OtherSameId @0xd1b2c3d4e5f60004 {}
using A = B;
using B = A;
const loop :Int32 = .loop;
const ping :Int32 = .pong;
const pong :Int32 = .ping;
const listLoop :List(Int32) = .listLoop;
interface Params { m @0 (a :Text, a :Int32) -> (b :Text, b :Text); }

