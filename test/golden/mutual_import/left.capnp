# Imports right.capnp, which imports this file: both are one Go package.

@0xb0a5b1d6c3e2f415;

using Right = import "right.capnp";

struct Node {
  value @0 :Int32;
  children @1 :List(Right.Leaf);
  next @2 :Right.Leaf;
}

interface Walker {
  walk @0 (from :Node, visitor :Right.Visitor) -> (count :UInt32);
}

interface Source(T) {
  # Both files extend it, so both have the codecs of its params.

  take @0 (lists :List(List(Int32)), value :T) -> (result :Source(T));
}

interface LeftSource extends(Source(Text)) {}

struct Shadow(Leaf) {
  # A type parameter that is called as a type of the other file.

  bound @0 :Leaf;
  leaf @1 :Right.Leaf;
}
