@0xb1e2d3c4b5a69788;

using Names = import "/names/names.capnp";

struct Without {
  name @0 :Names.Name;
}
