# The benchmark's workload for go-capnp's own rpc package. The field layout is that of the foo test interface, so that both Cap'n Proto
# implementations carry the same bytes.
@0xb5e7c1a2d94f3086;

using Go = import "/go.capnp";
$Go.package("foocapnp");
$Go.import("github.com/mpgo-dev/mpgo/bench/internal/foocapnp");

interface Foo {
  add @0 (a :Int32, b :Int32) -> (result :Int32);
  pass @1 (arg :FooStruct) -> (result :FooStruct);
  passData @2 (arg :Data) -> (result :Data);
  callback @3 (callback :Callback, arg :Int32) -> (result :Int32);
  saveCallback @4 (callback :Callback) -> ();
  callbackSaved @5 (arg :Int32) -> (result :Int32);
  next @6 () -> (foo :Foo);
  # The object itself: what a chain of calls walks along.
  make @7 () -> (foo :Foo);
  # A new object.
  block @8 () -> ();
  # Returns when unblock is called.
  unblock @9 () -> ();
  # Ends the block that waits, or the one that comes next.
}

interface Callback {
  call @0 (arg :Int32) -> (result :Int32);
}

struct FooStruct {
  name @0 :Text;
  setInt @1 :List(Int32);
  vectorBool @2 :List(Bool);
  optionalInt @3 :Int32;
  hasOptionalInt @4 :Bool;
  unorderedSetInt @5 :List(Int32);
  mapStringInt @6 :List(StringIntPair);
}

struct StringIntPair {
  first @0 :Text;
  second @1 :Int32;
}
