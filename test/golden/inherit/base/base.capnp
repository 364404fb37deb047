@0x8d5c1e7f3a9b2046;

using Proxy = import "/mp/proxy.capnp";

interface Base {
  destroy @0 (context :Proxy.Context) -> ();
  name @1 (context :Proxy.Context) -> (result :Text);
}

interface Other {
  other @0 (arg :Base) -> (result :Base);
}

struct Holder {
  base @0 :Base;
  bases @1 :List(Base);
}

struct Box(T) {
  value @0 :T;
}

struct Trouble {
  code @0 :Int32;
}
