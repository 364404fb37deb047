# Fields that belong together: has and want pairs, params that are results too, results in any order, failures.

@0x9f2b6c8d4e1a7053;

using Proxy = import "/mp/proxy.capnp";

struct Options {
  number @0 :Int32;
  hasNumber @1 :Bool;
  text @2 :Text;
  hasText @3 :Bool;
  inner @4 :Options;
  hasInner @5 :Bool;
  list @6 :List(Int32);
  hasList @7 :Bool;
  data @8 :Data;
  hasData @9 :Bool;
  color @10 :Color;
  hasColor @11 :Bool;
  withDefault @12 :Int32 = 5;
  hasWithDefault @13 :Bool;
  plain @14 :Int32;
  hasPlain @15 :Int32;
  # No Bool, so a field of its own.
  hasNothing @16 :Bool;
  # There is no field called nothing.
  hash @17 :Text;
  # Starts with has, by accident.
  skipped @18 :Text $Proxy.skip;
}

enum Color { red @0; green @1; }

struct BlockRef {
  hash @0 :Data;
  height @1 :Int32;
}

struct Error {
  code @0 :Int32;
  message @1 :Text;
}

interface Service {
  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);
  getTip @1 (context :Proxy.Context) -> (result :BlockRef, hasResult :Bool);
  waitNext @2 (context :Proxy.Context, timeout :Float64 = 1.7976931348623157e308, maxSize :UInt64 = 0xffffffffffffffff, reason :Text = "none")
      -> (result :Bool);
  find @3 (key :Text, wantCoins :Bool, wantHeight :Bool) -> (height :Int32, coins :List(Int64), result :Bool);
  optional @4 (context :Proxy.Context, value :Int32, hasValue :Bool, options :Options) -> (value :Text, hasValue :Bool, count :UInt8);
  inOut @5 (x :Int32, text :Text) -> (text :Text, x :Int32);
  fail @6 (context :Proxy.Context, code :Int32) -> (error :Error $Proxy.exception("Error"), result :Text);
  failText @7 () -> (error :Text $Proxy.exception("std::exception"), other :Error $Proxy.exception("Error"));
  skipped @8 (context :Proxy.Context, a :Int32, counted :Int32 $Proxy.count(0)) -> (b :Int32);
  wholeParams @9 Options -> Options;
  streamed @10 (value :Int32) -> stream;
  nothing @11 (void :Void) -> (void :Void);
  wholeNothing @12 Nothing -> Nothing;
}

struct Nothing {}
