@0xa1b2c3d4e5f6000a;
# What came after capnp 0.9: lines of text without escapes, and a value that stands for the struct whose first field it is.

const lines :Text =
  `First line, with "quotes" and \n no escapes
  `Second line
  ;
const mixed :Text = "start "
  `line
  "end";
const lineData :Data =
  `a line
  ;

struct Point {
  x @0 :Int32 = 7;
  y @1 :Int32 = -7;
}

struct Box(T) {
  value @0 :T;
  list @1 :List(Box(T));
}

struct Groups {
  one :group {
    a @0 :UInt16;
    b @1 :Text;
    inner :group { c @2 :Bool; }
  }
}

struct Defaults {
  number @0 :Point = 12;
  named @1 :Point = .small;
  box @2 :Box(Text) = "in the box";
  points @3 :List(Point) = [1, (y = 2), 3];
}

const small :UInt8 = 200;
const boxed :Box(Text) = (value = "hi", list = [(value = "a"), "b"]);
const group :Groups = (one = 3);
const defaults :Defaults = (number = 3, box = (value = "x"));

annotation point(*) :Point;
annotation box(*) :Box(Text);
struct Annotated $point(5) $box("y") {}
