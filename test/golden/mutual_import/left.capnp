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
