# Go types of a program's own in place of generated ones: fields, structs, functions, interfaces. All by annotations;
# ../../foo/foo.bindings does the same from outside of a schema.

@0xa7a89d10558298b4;

using Go = import "/mp/go.capnp";
using Proxy = import "/mp/proxy.capnp";

enum Color { red @0; green @1; }

struct Values {
  # A Go type for each kind of field.

  timeout @0 :Int64 $Go.type("time.Duration");
  count @1 :UInt16 $Go.type("int");
  addr @2 :Text $Go.type("net/netip.Addr");
  big @3 :Text $Go.type("*math/big.Int");
  hash @4 :Data $Go.type("[32]byte");
  when @5 :Data $Go.type("time.Time");
  ratio @6 :Float32 $Go.type("float64");
  raw @7 :Data $Go.convert("encoding/json.RawMessage");
  link @8 :Text $Go.type("*net/url.URL") $Go.toGo("net/url.Parse") $Go.fromGo("FromURL");
  pause @9 :Int64 $Go.type("time.Duration");
  hasPause @10 :Bool;
  key @11 :Data $Go.type("[4]byte");
  hasKey @12 :Bool;
  color @13 :Color $Go.type("int");
  offset @14 :Int8 = -5 $Go.type("int");
  note @15 :Text $Go.optional;
  byName @16 :List(Entry) $Go.map;
  value @17 :Entry $Go.value;
  colors @18 :List(Color) $Go.set;
  words @19 :List(Text) $Go.set;
  small @20 :List(Int8) $Go.type("[]int");
  renamed @21 :Bool $Go.name("Other");
  level @22 :UInt8 $Go.type("github.com/mpgo-dev/mpgo/test/golden/bound/legacy.Level");
  wait @23 :Float64 = 1.5 $Go.type("time.Duration") $Go.toGo("FromMillis") $Go.fromGo("Millis");
}

struct Entry {
  name @0 :Text;
  color @1 :Color;
}

struct Point $Go.wrap("Pt") {
  # Its fields are matched by name; what they are, the Go compiler knows.

  x @0 :Int32;
  y @1 :Float32 $Go.name("Base.Y");
  name @2 :Text;
  tags @3 :List(Text);
  ids @4 :List(UInt16);
  opt @5 :Int32;
  hasOpt @6 :Bool;
  inner @7 :Inner;
  innerValue @8 :Inner $Go.value;
  ok @9 :Bool;
  data @10 :Data;
  pause @11 :Int64;
  ratios @12 :List(Float64);
  list @13 :List(Inner);
  deadline @14 :Text $Go.type("time.Time");
  limit @15 :Text $Go.type("time.Time");
  hasLimit @16 :Bool;
  hash @17 :Data $Go.type("[4]byte");
  hasHash @18 :Bool;
  word @19 :Text $Go.convert("Name");
  hasWord @20 :Bool;
  place :group {
    street @21 :Text;
    at :group { x @22 :Int32; time @23 :Text $Go.type("time.Time"); hasTime @24 :Bool; }
  }
}

struct Sample $Go.wrap("Measured") {
  # Its fields are matched by their tags in types.go, or else by name.

  id @0 :UInt32;
  low @1 :Float64;
  high @2 :Float64;
  note @3 :Text;
  at @4 :Int64;
}

struct Samples { all @0 :List(Sample); }

struct Inner $Go.wrap("In") { v @0 :Text; }

struct Raw $Go.codec("Checked") {
  # Encodes itself.

  payload @0 :Data;
  sum @1 :UInt32;
}

struct Pair(Key, Value) { key @0 :Key; value @1 :Value; }

struct Index(Value) {
  # Maps of a generic struct.

  byName @0 :List(Pair(Text, Value)) $Go.map;
  nested :group { pairs @1 :List(Pair(Text, List(Pair(Value, Text)))) $Go.map; }
}

struct Crate(Content) $Go.wrap("Crate") {
  # A generic Go type that was there before.

  label @0 :Text;
  content @1 :Content;
  weight @2 :Int32;
  next @3 :Crate(Content);
  spare @4 :Content;
  hasSpare @5 :Bool;
  byName @6 :List(Pair(Text, Content)) $Go.map;
}

struct Crates {
  texts @0 :Crate(Text);
  list @1 :List(Crate(Entry));
  index @2 :Index(Data);
}

interface Calculator $Go.wrap("Calc")
    $Go.absent(["Reset()", "Describe(prefix string, more ...int) (string, error)"]) {
  # An interface that was there before: some methods without a context, some without an error, some not in the schema.

  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
  sum @1 (context :Proxy.Context, v :List(Int32)) -> (result :Int32) $Go.method("Sum(v ...int) int");
  wait @2 (context :Proxy.Context, d :Int64) $Go.method("Wait(ctx context.Context, d time.Duration)");
  div @3 (a :Int64, b :Int64) -> (result :Int64, rest :Int64) $Go.method("Div(b, a int64) (rest int, q Celsius, err error)");
  on @4 (context :Proxy.Context, f :Handler) -> (result :Int32) $Go.method("On(ctx context.Context, f Handler) int");
  shape @5 (p :Point) -> (result :Point) $Go.method("Shape(p Pt) (*Pt, error)");
  raw @6 (raw :Raw) -> (raw :Raw);
  words @7 (context :Proxy.Context, w :List(Text), f :List(Float32)) -> (result :List(Text), f :List(Float64))
      $Go.method("Words(ctx context.Context, f []float64, w ...Name) ([]Name, []float32)");
}

interface Handler $Proxy.wrap("ProxyCallback<std::function<int(int)>>") $Go.wrap("Handler") {
  destroy @0 (context :Proxy.Context) -> ();
  call @1 (context :Proxy.Context, x :Int32) -> (result :Int32) $Go.method("Call(ctx context.Context, x int) int");
}

struct Failure $Go.wrap("Fault") {
  # An error type that was there before.

  code @0 :Int32;
}

interface Depot(Content) {
  # Generic, with maps and a Go type that is.

  swap @0 (crate :Crate(Content), byName :List(Pair(Text, Content)) $Go.map)
      -> (result :List(Crate(Content)), byName :List(Pair(Text, Content)) $Go.map);
}

interface Shop {
  # Not wrapped, but with bound arguments.

  lookup @0 (timeout :Int64 $Go.type("time.Duration"), hash :Data $Go.type("[32]byte")) -> (result :Text $Go.type("net/netip.Addr"));
  fail @1 (code :Int32 $Go.type("int")) -> (error :Failure $Proxy.exception("Fault"));
}

struct Shape $Go.wrap("Shape") $Go.which("Kind") {
  # Unions: a Go field says which member is set.

  union {
    empty @0 :Void;
    radius @1 :Float64;
    sides @2 :List(UInt16);
    box :group { w @3 :Int32; h @4 :Int32; }
    inner @5 :Inner;
  }
  label @6 :Text;
  state :union { off @7 :Void; since @8 :Int64; idle @9 :Void; }
}

interface Cache(Key, Item) $Go.wrap("Cache") $Go.absent(["Len() int", "Last(keys ...Key) (Item, error)"]) {
  # A generic interface that was there before.

  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
  put @1 (key :Key, item :Item) $Go.method("Put(key Key, item Item)");
  get @2 (context :Proxy.Context, key :Key) -> (result :Item) $Go.method("Get(ctx context.Context, key Key) (Item, error)");
  pairs @3 () -> (result :List(Pair(Key, Item)));
  visit @4 (context :Proxy.Context, f :Visitor(Item)) $Go.method("Visit(f Visitor[Item]) error");
}

interface Visitor(Item) $Proxy.wrap("ProxyCallback<std::function<int(int)>>") $Go.wrap("Visitor") {
  call @0 (context :Proxy.Context, item :Item) -> (result :Bool) $Go.method("Call(ctx context.Context, item Item) bool");
}

interface Names extends(Cache(Text, Entry)) {
  # Extends one that was there before, whose other methods it has too.

  count @0 () -> (result :Int32);
  sub @1 () -> (result :Cache(Data, Text));
}

const square :Shape = (label = "square", box = (w = 2, h = 2));
# Values of types that were there before.

const raws :List(Raw) = [(payload = "\x01", sum = 0xa505df1b)];

struct Defaults {
  point @0 :Point = (x = 3, y = 1.5, place = (street = "s"));
  list @1 :List(Inner) = [(v = "a"), (v = "b")];
  crate @2 :Crate(Text) = (label = "l", content = "c");
}
