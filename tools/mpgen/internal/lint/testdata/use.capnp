@0xc1b2c3d4e5f60001;
using Proxy = import "/mp/proxy.capnp";

interface Init $Proxy.wrap("Init") {
  construct @0 (threadMap :Proxy.ThreadMap) -> ();
  make @1 (context :Proxy.Context) -> (result :Service);
}
interface Service $Proxy.wrap("Service") {
  destroy @0 ();
  listen @1 (listener :Listener) -> ();
  listenAll @2 (listeners :List(Listener)) -> ();
  apply @3 (fn :Fn) -> ();
  good @4 (context :Proxy.Context, listener :Listener, fn :Fn) -> ();
  plain @5 (a :Int32) -> (b :Int32);
  tip @6 (wantHash :Bool, wantTime :Bool, hasStart :Bool) -> (hash :Data, result :Int32, hasResult :Bool, hasHeight :Bool);
  viaStruct @7 Params -> Params;
}
interface Listener $Proxy.wrap("Listener") {
  destroy @0 (context :Proxy.Context) -> ();
  heard @1 (context :Proxy.Context, text :Text) -> ();
}
interface Fn $Proxy.wrap("ProxyCallback<std::function<void()>>") {
  destroy @0 (context :Proxy.Context) -> ();
  call @1 (context :Proxy.Context) -> ();
}
struct Params {
  x @0 :Int32;
  hasX @1 :Bool;
  hasY @2 :Bool;
  hash @3 :Bool;
  hasty @4 :Bool;
  hasZ @5 :Int32;
  hasurl @6 :Bool;
  hasURL @7 :Bool;
  wantX @8 :Bool;
}
