# The benchmark's workload for mpgo. Methods, and the layout of the struct, are those of the foo test interfaces; what is
# added are the methods that the other peers' services have too.
@0xe61f0c2b7d3a4985;

using Go = import "/mp/go.capnp";
using Proxy = import "/mp/proxy.capnp";

interface Foo $Proxy.wrap("Foo") {
  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);

  add @1 (a :Int32, b :Int32) -> (result :Int32);

  addOnThread @2 (context :Proxy.Context, a :Int32, b :Int32) -> (result :Int32);
  # add on a thread of the caller's choice.

  pass @3 (arg :FooStruct) -> (result :FooStruct);

  passData @4 (arg :Data) -> (result :Data);

  callback @5 (context :Proxy.Context, callback :Callback, arg :Int32) -> (result :Int32);
  # Calls callback, destroys it and returns its result.

  saveCallback @6 (context :Proxy.Context, callback :Callback) -> ();

  callbackSaved @7 (context :Proxy.Context, arg :Int32) -> (result :Int32);

  next @8 () -> (result :Foo);
  # The object itself: what a chain of calls walks along.

  make @9 () -> (result :Foo);
  # A new object.

  block @10 (context :Proxy.Context) -> ();
  # Returns when unblock is called.

  unblock @11 () -> ();
  # Ends the block that waits, or the one that comes next.
}

interface Callback $Proxy.wrap("Callback") {
  destroy @0 (context :Proxy.Context) -> ();
  call @1 (context :Proxy.Context, arg :Int32) -> (result :Int32);
}

struct FooStruct {
  name @0 :Text;
  setInt @1 :List(Int32);
  vectorBool @2 :List(Bool);
  optionalInt @3 :Int32;
  hasOptionalInt @4 :Bool;
  unorderedSetInt @5 :List(Int32);
  mapStringInt @6 :List(StringIntPair) $Go.map;
}

struct StringIntPair {
  first @0 :Text;
  second @1 :Int32;
}
