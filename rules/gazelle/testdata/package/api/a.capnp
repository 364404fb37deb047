@0x8d1e6a3b5c7f9021;
using Proxy = import "/mp/proxy.capnp";
using B = import "b.capnp";
using Common = import "/common/common.capnp";
