@0xa1e2d3c4b5a69788;

using Names = import "/names/names.capnp";

struct Changed {
  name @0 :Names.Name;
  size @1 :Int32;
}
