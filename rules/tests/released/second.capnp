@0xb1d7c0a94e5f6238;

using First = import "first.capnp";

interface Second {
  change @0 (first :First.First) -> ();
}
