@0xe6833ad85fec58a5;

using Names = import "/names/names.capnp";

struct Fixture {
  owner @0 :Names.Name;
}
