@0xb6f8c95d1f3a2e83;
using Go = import "/mp/go.capnp";

struct Own $Go.codec("example.com/app/own.Own") {}
