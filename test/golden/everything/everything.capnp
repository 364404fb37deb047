# One of each: every construct of the schema language that says something about data, so that a round trip through the
# generated code passes them all.

@0xf3c4d2d2c2f4a1e7;

enum Color {
  # What a thing looks like.

  red @0;
  green @1;
  blue @2;
  # The last of them.
}

struct Scalars {
  # Each type of number, with and without a default.

  nothing @0 :Void;
  yes @1 :Bool;
  i8 @2 :Int8;
  i16 @3 :Int16;
  i32 @4 :Int32;
  i64 @5 :Int64;
  u8 @6 :UInt8;
  u16 @7 :UInt16;
  u32 @8 :UInt32;
  u64 @9 :UInt64;
  f32 @10 :Float32;
  f64 @11 :Float64;
  color @12 :Color;

  yesDefault @13 :Bool = true;
  i8Default @14 :Int8 = -128;
  i16Default @15 :Int16 = -12345;
  i32Default @16 :Int32 = -0x80000000;
  i64Default @17 :Int64 = -0x8000000000000000;
  u8Default @18 :UInt8 = 255;
  u16Default @19 :UInt16 = 0xffff;
  u32Default @20 :UInt32 = 0xffffffff;
  u64Default @21 :UInt64 = 0xffffffffffffffff;
  f32Default @22 :Float32 = 1.5;
  f64Default @23 :Float64 = -123e45;
  colorDefault @24 :Color = blue;
}

struct Pointers {
  # Each type that is a pointer on the wire.

  text @0 :Text;
  data @1 :Data;
  self @2 :Pointers;
  scalars @3 :Scalars;
  any @4 :AnyPointer;
  anyStruct @5 :AnyStruct;
  anyList @6 :AnyList;
}

struct Lists {
  # Lists of everything, lists of lists among them.

  voids @0 :List(Void);
  bools @1 :List(Bool);
  i8s @2 :List(Int8);
  i16s @3 :List(Int16);
  i32s @4 :List(Int32);
  i64s @5 :List(Int64);
  u8s @6 :List(UInt8);
  u16s @7 :List(UInt16);
  u32s @8 :List(UInt32);
  u64s @9 :List(UInt64);
  f32s @10 :List(Float32);
  f64s @11 :List(Float64);
  texts @12 :List(Text);
  datas @13 :List(Data);
  colors @14 :List(Color);
  structs @15 :List(Scalars);
  boolLists @16 :List(List(Bool));
  i32Lists @17 :List(List(Int32));
  textListLists @18 :List(List(List(Text)));
  structLists @19 :List(List(Scalars));
  colorLists @20 :List(List(Color));
}

struct Shape {
  # An unnamed union among other fields, with members of each kind.

  name @0 :Text;
  union {
    empty @1 :Void;
    radius @2 :Float64;
    flag @3 :Bool;
    label @4 :Text;
    sides @5 :List(UInt16);
    inner @6 :Shape;
    box :group {
      width @7 :UInt32;
      height @8 :UInt32 = 7;
    }
    color @9 :Color = green;
  }
  weight @10 :UInt8;
}

struct Groups {
  # Named unions and groups, one inside the other.

  first :group {
    a @0 :Int32;
    b @1 :Text;
  }
  choice :union {
    none @2 :Void;
    number @3 :Int64;
    pair :group {
      left @4 :Text;
      right @5 :Text;
    }
    inner :union {
      x @6 :Int32;
      y @7 :Text;
    }
  }
}

struct Defaults {
  # Defaults that are pointers.

  text @0 :Text = "foo";
  data @1 :Data = 0x"62 61 72";
  numbers @2 :List(Int32) = [1, -2, 3];
  scalars @3 :Scalars = (i32 = 5, yesDefault = false, color = green);
  texts @4 :List(Text) = ["a", "", "c"];
  structs @5 :List(Inner) = [(v = 1, name = "one"), (v = 2)];
  lists @6 :List(List(Int8)) = [[1], [], [2, 3]];
  shape @7 :Shape = (name = "box", box = (width = 3));

  struct Inner {
    v @0 :UInt32;
    name @1 :Text;
  }
}

struct Nested {
  # Declarations inside declarations, which share names with those outside.

  enum Color {
    cyan @0;
    magenta @1;
  }
  struct Scalars {
    outer @0 : .Scalars;
    color @1 :Color;
    outerColor @2 : .Color;
  }
  scalars @0 :Scalars;
  const limit :UInt32 = 42;
}

struct Evolved {
  # Ordinals out of order, and names that were given up.

  c @2 :Text;
  a @0 :Int32;
  deprecated1 @1 :Void;
  b @3 :Bool;
}

struct Empty {}

struct LateDefault {
  # Values of it do not depend on what comes first.

  number @0 :Int32;
  minusZero @1 :Float32 = -0.0;
  group :group { list @2 :List(Int8) = [1]; }
}

const answer :Int32 = 42;
const precise :Float64 = 0.1;
const infinite :Float64 = inf;
const greeting :Text = "Grüße,\n\"you\"";
const bytes :Data = 0x"00 ff";
const favourite :Color = green;
const primes :List(UInt16) = [2, 3, 5, 7];
const origin :Shape = (name = "origin", radius = 0);
const holder :Pointers = (any = .primes, anyList = .primes, anyStruct = .origin);
const late :LateDefault = (number = 1);
