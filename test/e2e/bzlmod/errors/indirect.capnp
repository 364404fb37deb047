@0xc1e2d3c4b5a69788;

using Middle = import "middle.capnp";
using Names = import "/names/names.capnp";

struct Indirect {
  middle @0 :Middle.Middle;
  name @1 :Names.Name;
}
