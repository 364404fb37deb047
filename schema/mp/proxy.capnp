# What proxies need on the wire beyond Cap'n Proto itself: threads, and annotations that tell a generator how an
# interface becomes a proxy. libmultiprocess imports a file of the same id, so the ids, ordinals and types here
# are fixed; the wire format of every proxied call rests on them.

@0xcc316e3f71a040fb;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("mp");

annotation include @0xb899f3c154fdb458 (file) :Text;
# A C++ header that the generated C++ includes. Of no effect in Go.

annotation includeTypes @0xbcec15648e8a0cf1 (file) :Text;
# A C++ header with the conversions that the generated C++ uses. Of no effect in Go.

annotation wrap @0xe6f46079b7b1405e (interface, struct) :Text;
# Gives an interface a proxy client and a proxy server, and a struct its conversions. The text names the C++ type;
# `ProxyCallback<std::function<...>>` marks a function instead of an object.

annotation count @0xd02682b319f69b38 (param, struct, interface) :Int32;
# How many native arguments one param stands for; 1 without it. 0 means that the runtime fills the param. On a
# struct or interface it holds for every param of that type.

annotation exception @0x996a183200992f88 (param) :Text;
# Marks a result that is the method's failure: the call failed if it is not null. The text names the C++ type.

annotation name @0xb594888f63f4dbb9 (field, method) :Text;
# The C++ name, where it is not the schema's.

annotation skip @0x824c08b82695d8dd (field) :Void;
# The same as count(0).

interface ThreadMap $count(0) {
  # One side's threads, held by the other side.

  makeThread @0 (name :Text) -> (result :Thread);
  # Makes a thread that runs the calls whose context names it, one at a time, in order.

  makePool @1 (count :UInt32) -> ();
  # Makes the threads that run calls whose context names none. Once for a connection.
}

interface Thread {
  # One thread of the side that hosts this object.

  getName @0 () -> (result :Text);
}

struct Context $count(0) {
  # Where a call runs, and where the calls run that it makes back.

  thread @0 :Thread;
  # A thread of the receiver's, on which the call runs. Null: one of the pool's.

  callbackThread @1 :Thread;
  # The caller's thread that waits for this call. Calls back to the caller name it as their `thread`.
}
