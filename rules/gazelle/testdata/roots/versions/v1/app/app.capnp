@0xe474c091b2df5681;
using Types = import "/types.capnp";
