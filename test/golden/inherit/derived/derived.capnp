# Interfaces that extend those of another file and another Go package, also by two ways.

@0x87c3b4a9e2d5f160;

using Base = import "/test/golden/inherit/base/base.capnp";
using Proxy = import "/mp/proxy.capnp";

interface Left extends(Base.Base) {
  left @0 (context :Proxy.Context) -> (result :Text);
}

interface Right extends(Base.Base) {
  right @0 () -> (result :Text, holder :Base.Holder);
}

interface Diamond extends(Left, Right, Base.Other) {
  name @0 () -> (result :Text);
  # A method of the same name as one that is inherited.
  last @1 () -> ();
  box @2 (box :Base.Box(Text), boxes :List(Base.Box(Diamond))) -> (result :Base.Box(Base.Box(Text)));
  # A generic struct of the other package.
  fail @3 (code :Int32) -> (error :Base.Trouble $Proxy.exception("Trouble"));
  # A failure of the other package, which knows nothing of it.
}
