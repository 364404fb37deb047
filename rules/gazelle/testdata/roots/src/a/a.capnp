@0x8d1e6a3b5c7f9021;
using B = import "/b/b.capnp";
using V = import "/vendor/v.capnp";
