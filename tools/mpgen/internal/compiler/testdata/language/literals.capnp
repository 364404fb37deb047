@0xa1b2c3d4e5f60001;
# Every form of literal, as a constant, a default and an annotation's value.

const void :Void = void;
const yes :Bool = true;
const no :Bool = false;
const minInt8 :Int8 = -128;
const maxInt8 :Int8 = 0x7f;
const minInt16 :Int16 = -32768;
const maxInt16 :Int16 = 077777;
const minInt32 :Int32 = -0x80000000;
const maxInt32 :Int32 = 2147483647;
const minInt64 :Int64 = -9223372036854775808;
const maxInt64 :Int64 = 9223372036854775807;
const maxUint8 :UInt8 = 255;
const maxUint16 :UInt16 = 0xffff;
const maxUint32 :UInt32 = 4294967295;
const maxUint64 :UInt64 = 18446744073709551615;
const octal :UInt16 = 0755;
const zero :Int32 = 0;
const minusZero :Int32 = -0;

const float :Float32 = 1.5;
const floatFromInt :Float32 = 16777217;
const floatFromNegative :Float32 = -3;
const double :Float64 = 6.02e23;
const doubleFromInt :Float64 = 9007199254740993;
const doubleFromBig :Float64 = 18446744073709551615;
const small :Float64 = 1e-300;
const denormal :Float64 = 5E-324;
const plus :Float64 = 1e+5;
const point :Float64 = 5.;
const negative :Float64 = -2.5;
const infinite :Float64 = inf;
const negativeInfinite :Float64 = -inf;
const notANumber :Float64 = nan;
const infinite32 :Float32 = inf;
const negativeInfinite32 :Float32 = -inf;
const notANumber32 :Float32 = nan;
const tooBig :Float64 = 1e999;
const tooBig32 :Float32 = 1e39;

const empty :Text = "";
const plain :Text = "plain";
const escapes :Text = "\a\b\f\n\r\t\v\'\"\\\?\x41\x7e\101\0\60\1234";
const utf8 :Text = "žluťoučký kůň 馬";
const joined :Text = "one " "two "
  "three";
const noData :Data = "";
const hex :Data = 0x"00 01 7f 80 ff";
const hexTight :Data = 0x"DEADbeef";
const hexLines :Data = 0x"
  01 02 03
  04 05 06
  ";
const textData :Data = "text as data\x00\xff";
const bools :List(Bool) = [true, false, true, true, false, false, true, false, true];
const voids :List(Void) = [void, void, void];
const bytes :List(UInt8) = [1, 2, 3,];
const shorts :List(Int16) = [-1, 0, 1];
const ints :List(Int32) = [-2147483648, 2147483647];
const longs :List(Int64) = [-1, 2];
const floats :List(Float32) = [1, -1.5, inf, nan];
const doubles :List(Float64) = [1, -1.5, -inf, nan];
const texts :List(Text) = ["a", "", "b" "c"];
const datas :List(Data) = ["a", 0x"ff"];
const nested :List(List(Int32)) = [[1, 2], [], [3]];
const deep :List(List(List(Text))) = [[["x"], []], []];
const enums :List(Color) = [red, blue, green];
const structs :List(Point) = [(x = 1, y = 2), (), (y = 5), ((x = 9))];
const emptyList :List(Point) = [];
const emptyStructs :List(Nothing) = [(), ()];
const parenthesized :Int32 = ((5));

enum Color { red @0; green @1; blue @2; }

struct Nothing {}

struct Point {
  x @0 :Int32 = 7;
  y @1 :Int32 = -7;
}

struct Defaults {
  void @0 :Void = void;
  bool @1 :Bool = true;
  int8 @2 :Int8 = -8;
  int16 @3 :Int16 = -1616;
  int32 @4 :Int32 = -323232;
  int64 @5 :Int64 = -64646464646464;
  uint8 @6 :UInt8 = 88;
  uint16 @7 :UInt16 = 6161;
  uint32 @8 :UInt32 = 232323;
  uint64 @9 :UInt64 = 46464646464646;
  float32 @10 :Float32 = 32.5;
  float64 @11 :Float64 = -64.25;
  text @12 :Text = "text";
  data @13 :Data = "data";
  list @14 :List(Int16) = [1, 2, 3];
  color @15 :Color = blue;
  struct @16 :Point = (x = 1);
  structs @17 :List(Point) = [(x = 1), (y = 2)];
  emptyText @18 :Text = "";
  emptyData @19 :Data = 0x"00";
  falseBool @20 :Bool = false;
  zeroInt @21 :Int32 = 0;
  nothing @22 :Nothing = ();
}

const defaults :Defaults = ();
const overridden :Defaults = (bool = false, int8 = 0, int16 = -1616, int32 = 1, float32 = 0, float64 = nan,
  text = "", data = 0x"01", list = [], color = red, struct = (x = 7, y = 7), structs = []);

annotation value(*) :Defaults;
struct Annotated $value(bool = false, struct = (x = 3), list = [4]) {
  x @0 :Int32 $value();
}
