@0x9c5d17f2e8a3b604;

using Go = import "/mp/go.capnp";

struct Range $Go.wrap("Span") {
  low @0 :Int32;
  high @1 :Int32;
}

interface Room {
  warm @0 (to :Range) -> ();
}
