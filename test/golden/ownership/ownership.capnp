# Objects that change hands in every way there is. docs/ownership.md has a row for each test.

@0x9bdc9650121fbc02;

using Proxy = import "/mp/proxy.capnp";

interface Object {
  destroy @0 (context :Proxy.Context) -> ();
  ping @1 () -> (result :Text);
}

interface Plain {
  # Has no destroy: lives as long as somebody refers to it.

  ping @0 () -> (result :Text);
}

interface Function $Proxy.wrap("ProxyCallback<std::function<int()>>") {
  call @0 () -> (result :Int32);
}

struct Holder {
  object @0 :Plain;
  list @1 :List(Plain);
  any @2 :AnyPointer;
}

interface Host {
  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
  make @1 () -> (object :Object);
  makePlain @2 (context :Proxy.Context) -> (object :Plain);
  keep @3 (object :Object, plain :Plain, function :Function) -> ();
  callKept @4 (context :Proxy.Context) -> (object :Text, plain :Text, function :Int32);
  drop @5 () -> ();
  giveBack @6 () -> (object :Object);
  hold @7 (holder :Holder) -> (holder :Holder);
}
