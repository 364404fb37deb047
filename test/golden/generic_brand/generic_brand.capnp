# Generic structs and interfaces, as programs that use libmultiprocess have them and beyond.

@0xc8e4f0a6b2d71935;

using Proxy = import "/mp/proxy.capnp";

struct Pair(Key, Value) {
  key @0 :Key;
  value @1 :Value;
}

struct Result(Value) {
  # A value or an error.

  union {
    value @0 :Value;
    error @1 :Text;
  }
}

struct Coin {
  amount @0 :Int64;
}

struct Tree(T) {
  # Refers to itself, with the same argument and with another.

  value @0 :T;
  left @1 :Tree(T);
  texts @2 :Tree(Text);
  children @3 :List(Tree(T));
  struct Branch(U) {
    t @0 :T;
    u @1 :U;
    group :group {
      tree @2 :Tree(U);
    }
  }
  branch @4 :Branch(Data);
}

struct User {
  coins @0 :List(Pair(Data, List(Pair(Data, Coin))));
  result @1 :Result(Coin);
  tree @2 :Tree(Text);
  coinTree @3 :Tree(Coin);
  branch @4 :Tree(Coin).Branch(List(UInt8));
  unbound @5 :Tree;
  store @6 :Store(Text, Coin);
  named @7 :Pair(Text, Store(Text, Data));
  byName @8 :List(Pair(Text, List(Text)));
  nest @9 :Nest(Text);
  gen @10 :Gen(Data);
}

interface Store(Key, Value) {
  get @0 (key :Key) -> (result :Value);
  all @1 () -> (entries :List(Pair(Key, Value)));
  swap @2 () -> (store :Store(Value, Key));
  any @3 [T] (value :T) -> (result :T);
}

interface TextStore extends(Store(Text, Coin)) {
  count @0 (context :Proxy.Context) -> (result :UInt32);
}

interface Wallet {
  getCoins @0 (context :Proxy.Context) -> (result :List(Pair(Data, List(Pair(Data, Coin)))));
  getResult @1 (context :Proxy.Context, pair :Pair(Text, Coin)) -> (result :Result(Coin));
  open @2 () -> (store :Store(Text, Coin), texts :TextStore);
}

struct Nest(T) {
  # Contains itself with ever larger arguments, which Go's types cannot.

  v @0 :T;
  inner @1 :Nest(Pair(T, T));
  same @2 :Nest(T);
}

interface Gen(T) {
  next @0 () -> (result :Gen(Pair(T, Text)), nest :Nest(T));
}

struct Grouped(T) {
  # Values of generic types that have groups, whose Go types are generic too.

  value @0 :T;
  group :group {
    number @1 :Int32;
    inner :group { text @2 :Text; }
  }
  texts @3 :Grouped(Text) = (group = (number = 3, inner = (text = "t")));
  nest @4 :Nest(Nest(Text)) = (same = (v = (v = "larger")));
}

const groupedList :List(Grouped(Data)) = [(value = "d", group = (number = 5)), (group = (inner = (text = "i")))];

interface Comparable(T) {
  # Extended by interfaces that are its argument.

  destroy @0 (context :Proxy.Context) -> ();
  compare @1 (other :T) -> (result :Int32);
}

interface Version extends(Comparable(Version)) {
  number @0 () -> (result :UInt32);
}

interface Ordered(T) extends(Comparable(Ordered(T))) {
  value @0 () -> (result :T);
}

interface Versions {
  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
  first @1 () -> (version :Version, ordered :Ordered(Text));
}

interface Finder(T) {
  # An argument that may be left out, of a type parameter, and a list of lists of itself.

  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
  find @1 (key :T, hasKey :Bool) -> (result :T, hasResult :Bool, others :List(List(Finder(Data))));
}

interface CoinFinder extends(Finder(Coin)) {}
