@0x9e2f7b4c6d8a0132;
using Nowhere = import "/nowhere.capnp";
