@0xa9d3c7f1e5b60428;

using Left = import "left.capnp";

struct Leaf {
  name @0 :Text;
  parent @1 :Left.Node;
}

interface Visitor extends(Left.Walker) {
  visit @0 (leaf :Leaf, walker :Left.Walker) -> (more :Bool);
}

interface RightSource extends(Left.Source(Data)) {}

struct Shadows {
  shadow @0 :Left.Shadow(Text);
}
