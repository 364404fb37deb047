# Comments before the id.
@0xa1b2c3d4e5f60005;
# The file's comment.
# In two lines.

using Sub = import "sub/imported.capnp";
using Cxx = import "/capnp/c++.capnp";
using import "sub/imported.capnp".Point;
using import "sub/imported.capnp".point;
using Renamed = Sub.Point;
using constant = Sub.number;
using note = Sub.note;
using Self = .Outer;
using Twice = Self;
$Cxx.namespace("names");
$note("on the file");

struct Outer {
  # Outer's comment.
  struct Inner {
    outer @0 :Outer;         # trailing
    inner @1 :Inner;
    # below
    sibling @2 :Sibling;

    # not a doc comment, after a blank line
    shadow @3 :Shadow;
    struct Shadow { x @0 :Text; }
    deep @4 :Deep.Deeper.Deepest;
    struct Deep { struct Deeper { struct Deepest { up @0 :Shadow; top @1 : .Shadow; } } }
  }
  # a comment between
  struct Sibling {} # after a block
  shadow @0 :Shadow;
  point @1 :Point = .point;
  renamed @2 :Renamed = (x = .constant);
  direct @3 :import "sub/imported.capnp".Point = import "sub/imported.capnp".point;
  number @4 :Int32 = Sub.number;
  deepConst @5 :UInt8 = Sub.Point.In.deep;
  list @6 :List(Point) = Sub.points;
  selfRef @7 :Twice.Inner;
  level @8 :Sub.Level = high;
  levels @9 :List(Sub.Level) = [low, high];
  struct @10 :Text;
  union @11 :Text;
  enum @12 :Text;
  const @13 :Text;
  using @14 :Text;
  interface @15 :Text;
  annotation @16 :Text;
  import @17 :Text;
  embed @18 :Text;
  group @19 :Text;
  true @20 :Bool = true;
  void @21 :Void;
  in @22 :Renamed.In;
  const local :Int32 = 3;
  fromLocal @23 :Int32 = Outer.local;
  fromFloat @24 :Float64 = .intConst;
  fromUint @25 :UInt8 = .small;
  any @26 :AnyPointer = .aStruct;
  anyList @27 :AnyPointer = .aList;
}
struct Shadow {}
const intConst :Int32 = -5;
const small :UInt8 = 200;
const aStruct :Point = (x = 1);
const aList :List(Text) = ["q"];
const alias :Point = .aStruct;
const nestedConst :List(List(Text)) = [.aList, ["r"]];
const usesLater :Int32 = .later;
const later :Int32 = .last;
const last :Int32 = 77;
const colorConst :Sub.Level = high;
const fromEnumConst :UInt16 = .colorConst;

enum Order { # at the brace
  c @2;
  # doc of c
  a @0 $note("a");  # doc of a
  b @1;
}
enum Empty {}

interface Iface {
  # doc of Iface
  second @1 (a :Int32, b :Text = "x") -> (c :Point);
  # doc of second
  first @0 ();
  third @2 Point -> Outer.Inner;
  struct Params { x @0 :Int32; }
  fourth @3 Params;
  fifth @4 (self :Iface $note("p")) -> (r :Result = (ok = true) $note("r")) $note("m");
  struct Result { ok @0 :Bool; }
  sixth @5 (i :Int8 = -1, s :Point = (x = 5), n :Text = null, l :List(Int8) = null, q :Iface = null, any :AnyPointer = null) -> stream;
  const inIface :Text = "in";
  enum E { e @0; }
  interface Nested extends (Iface) { more @0 (); }
}
interface Multi extends (Iface, Iface.Nested) $note("i") {}
interface WithId @0xf00df00df00df00d {}
struct StructId @0xf00df00df00df00e { x @0 :Int32; struct Child {} }
enum EnumId @0xf00df00df00df00f { a @0; }
const constId @0xf00df00df00df010 :Int32 = 1;
annotation annId @0xf00df00df00df011 (*) :Void;
annotation none() :Void;
annotation self(annotation) :Text $self2("x");
annotation self2(annotation) :Text;
annotation some(struct, field) :List(Outer);
annotation any(*) :AnyPointer;

struct Annotated $annId $some([()]) $Sub.level(low) $any(.aStruct) {
  u :union $note("union") { a @0 :Void $annId; b @1 :Void $note("b"); }
  g :group $note("group") { c @2 :Int32 $any(.aList); }
}
const annotated :Int32 = 5 $note("const");
