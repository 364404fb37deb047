@0xb6f8c95d1f3a2e73;
using Root = import "/root.capnp";
