@0xf585d1a2c3e06798;
using Types = import "/types.capnp";
