# The interfaces that the tests call. libmultiprocess tests itself with a file of the same id, so either side of
# any test can be a C++ program: ids, ordinals and types are fixed by that and must not change.

@0xe102a54b33a43a20;

using Cxx = import "/capnp/c++.capnp";
using Proxy = import "/mp/proxy.capnp";

$Cxx.namespace("mp::test::messages");
$Proxy.include("mp/test/foo.h");
$Proxy.includeTypes("mp/test/foo-types.h");

interface FooInterface $Proxy.wrap("mp::test::FooImplementation") {
  # One method for each kind of argument a proxy has to carry. Methods with a context run on a thread that the
  # caller names; the others run on the connection's own loop.

  add @0 (a :Int32, b :Int32) -> (result :Int32);

  mapSize @1 (map :List(Pair(Text, Text))) -> (result :Int32);
  # The number of entries.

  pass @2 (arg :FooStruct) -> (result :FooStruct);
  # Returns its argument.

  raise @3 (arg :FooStruct) -> (error :FooStruct $Proxy.exception("mp::test::FooStruct"));
  # Fails, with its argument as the error.

  initThreadMap @4 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
  # Exchanges thread maps, as `construct` does where the bootstrap interface has one.

  callback @5 (context :Proxy.Context, callback :FooCallback, arg :Int32) -> (result :Int32);
  # Calls callback.call(arg) while the caller waits, and returns its result.

  callbackUnique @6 (context :Proxy.Context, callback :FooCallback, arg :Int32) -> (result :Int32);
  # As callback; the server owns the callback alone (std::unique_ptr in C++).

  callbackShared @7 (context :Proxy.Context, callback :FooCallback, arg :Int32) -> (result :Int32);
  # As callback; the server shares the callback (std::shared_ptr in C++).

  saveCallback @8 (context :Proxy.Context, callback :FooCallback) -> ();
  # Keeps the callback after the call, in place of one kept before.

  callbackSaved @9 (context :Proxy.Context, arg :Int32) -> (result :Int32);
  # Calls the kept callback.

  callbackExtended @10 (context :Proxy.Context, callback :ExtendedCallback, arg :Int32) -> (result :Int32);
  # Calls callback.callExtended(arg).

  passCustom @11 (arg :FooCustom) -> (result :FooCustom);

  passEmpty @12 (arg :FooEmpty) -> (result :FooEmpty);

  passMessage @13 (arg :FooMessage) -> (result :FooMessage);
  # Both ends' codecs and the server add to the message's text.

  passMutable @14 (arg :FooMutable) -> (arg :FooMutable);
  # As passMessage, with one argument that goes in and out.

  passEnum @15 (arg :Int32) -> (result :Int32);
  # An enum of the program's, carried as a number.

  passFn @16 (context :Proxy.Context, fn :FooFn) -> (result :Int32);
  # Calls fn and returns its result.

  callFn @17 () -> ();

  callFnAsync @18 (context :Proxy.Context) -> ();

  addOut @19 (a :Int32, b :Int32) -> (ret :Int32);
  # As add, through an out param: the result is not named `result`.

  addInOut @20 (x :Int32, sum :Int32) -> (sum :Int32);
  # Adds x to sum, which goes in and out.

  callIntFnAsync @21 (context :Proxy.Context, arg :Int32) -> (result :Int32);

  passDataPointers @22 (arg :List(Data)) -> (result :List(Data));
  # An empty element stands for a null pointer.

  passDouble @23 (arg :Float64) -> (result :Float64);

  passData @24 (arg :Data) -> (result :Data);
}

interface FooCallback $Proxy.wrap("mp::test::FooCallback") {
  destroy @0 (context :Proxy.Context) -> ();
  call @1 (context :Proxy.Context, arg :Int32) -> (result :Int32);
}

interface ExtendedCallback extends(FooCallback) $Proxy.wrap("mp::test::ExtendedCallback") {
  callExtended @0 (context :Proxy.Context, arg :Int32) -> (result :Int32);
}

interface FooFn $Proxy.wrap("ProxyCallback<std::function<int()>>") {
  # A function instead of an object.

  destroy @0 (context :Proxy.Context) -> ();
  call @1 (context :Proxy.Context) -> (result :Int32);
}

struct FooStruct $Proxy.wrap("mp::test::FooStruct") {
  name @0 :Text;
  setInt @1 :List(Int32) $Proxy.name("set_int");
  vectorBool @2 :List(Bool) $Proxy.name("vector_bool");
  optionalInt @3 :Int32 $Proxy.name("optional_int");
  hasOptionalInt @4 :Bool;
  unorderedSetInt @5 :List(Int32) $Proxy.name("unordered_set_int");
  mapStringInt @6 :List(StringIntPair) $Proxy.name("map_string_int");
}

struct FooCustom $Proxy.wrap("mp::test::FooCustom") {
  v1 @0 :Text;
  v2 @1 :Int32;
}

struct FooEmpty $Proxy.wrap("mp::test::FooEmpty") {
}

struct FooMessage {
  message @0 :Text;
}

struct FooMutable {
  message @0 :Text;
}

struct Pair(T1, T2) {
  first @0 :T1;
  second @1 :T2;
}

struct StringIntPair {
  first @0 :Text;
  second @1 :Int32;
}
