@0xe474c091b2df5682;
using Types = import "/types.capnp";
