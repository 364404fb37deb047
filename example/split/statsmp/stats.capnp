# What package stats looks like between processes. Go types are in stats.bindings.

@0x8acf75f27ae09e0c;

using Proxy = import "/mp/proxy.capnp";

interface Analyzer {
  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
  destroy @1 (context :Proxy.Context) -> ();
  add @2 (context :Proxy.Context, lines :List(Text)) -> (result :Int64);
  report @3 (context :Proxy.Context, progress :Progress) -> (result :Report);
}

interface Progress $Proxy.wrap("ProxyCallback<std::function<bool(int)>>") {
  destroy @0 (context :Proxy.Context) -> ();
  call @1 (context :Proxy.Context, lines :Int64) -> (result :Bool);
}

struct Report {
  words @0 :Int64;
  longest @1 :Text;
  lengths @2 :List(Length);
  took @3 :Int64;
}

struct Length {
  letters @0 :Int64;
  words @1 :Int64;
}
