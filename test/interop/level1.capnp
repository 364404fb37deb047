# What a vat does with capabilities, beyond what the foo interface can show: an object that hands back, holds and
# calls what it is given. The C++ peer serves and calls it.

@0xaa45f922e6e1ef1a;

using Cxx = import "/capnp/c++.capnp";
using Foo = import "../foo/foo.capnp";

$Cxx.namespace("interop");

interface Level1 {
  self @0 () -> (self :Level1);
  # This object, for chains of pipelined calls.

  counter @1 () -> (counter :Counter);
  # A new counter, hosted by this side.

  echo @2 (cap :Capability) -> (cap :Capability);
  # Its param. A caller that gets its own object back must embargo it until the calls that it pipelined through
  # the answer have come home.

  echoLater @3 (cap :Capability) -> (cap :Capability);
  # A promise for its param, kept until `settle` or `breakPromises`.

  settle @4 ();
  # Resolves every promise of echoLater's to its capability.

  breakPromises @5 ();
  # Resolves every promise of echoLater's to an exception that says "promise broken".

  hold @6 (cap :Capability);
  # Keeps the capability in place of the one kept before.

  held @7 () -> (cap :Capability);
  # The capability that hold was given last.

  callHeld @8 (times :UInt32) -> (numbers :List(UInt32));
  # Calls `next` on the held counter as often as that without waiting in between, and returns the answers in the
  # order of the calls.

  tail @9 (counter :Counter) -> Number;
  # Ends in a tail call to counter.next: the caller gets that call's results without their passing through here.

  never @10 ();
  # Ends only when it is cancelled.

  cancelled @11 () -> (count :UInt32);
  # How many calls of `never` were cancelled on this connection.
}

struct Number {
  number @0 :UInt32;
}

interface Counter {
  next @0 () -> Number;
  # 1 at the first call, then one more each time: it tells in which order calls arrived.
}

interface Bootstrap extends(Foo.FooInterface, Level1) {
  # What the C++ peer shows first.
}
