# Interfaces that stand for functions.

@0xe6a1d3f5b8c70294;

using Proxy = import "/mp/proxy.capnp";

interface Plain $Proxy.wrap("ProxyCallback<std::function<void()>>") {
  destroy @0 (context :Proxy.Context) -> ();
  call @1 (context :Proxy.Context) -> ();
}

interface Progress $Proxy.wrap("ProxyCallback<std::function<bool(const std::string&, int)>>") {
  # Is told how far something is, and says whether to go on.

  destroy @0 (context :Proxy.Context) -> ();
  call @1 (context :Proxy.Context, title :Text, percent :Int32) -> (result :Bool);
}

interface Maker $Proxy.wrap("ProxyCallback<MakeFn>") {
  invoke @0 (next :Maker, plain :Plain) -> (result :Maker, names :List(Text), error :Text $Proxy.exception("std::exception"));
}

interface Runner {
  run @0 (context :Proxy.Context, progress :Progress, plains :List(Plain)) -> (result :Plain, undo :Plain);
}

struct Handlers {
  onProgress @0 :Progress;
  all @1 :List(Progress);
}
