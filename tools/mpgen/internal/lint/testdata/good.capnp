@0xc1b2c3d4e5f60002;
using Proxy = import "/mp/proxy.capnp";
interface Init $Proxy.wrap("Init") {
  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
  destroy @1 (context :Proxy.Context);
  set @2 (context :Proxy.Context, init :Init, hasValue :Bool, value :Int32, wantOld :Bool) -> (old :Int32, hasOld :Bool);
}
