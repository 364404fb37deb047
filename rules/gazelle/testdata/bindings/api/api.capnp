@0xb6f8c95d1f3a2e82;
using Go = import "/mp/go.capnp";

struct Room {
  warmth @0 :Float64;
  since @1 :Int64 $Go.type("time.Duration");
  size @2 :Int64 $Go.type("github.com/other/size.Square");
}
