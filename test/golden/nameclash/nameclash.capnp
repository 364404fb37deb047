# Names that mean something else in Go, or that generated code wants for itself.

@0xd1b7e2a4c5f60912;

using Proxy = import "/mp/proxy.capnp";

struct Keywords {
  break @0 :Int32;
  case @1 :Text;
  func @2 :List(Int32);
  interface @3 :Bool;
  map @4 :Data;
  range @5 :Keywords;
  type @6 :Text;
  var @7 :Float64;
}

struct Generated {
  # Names of methods that generated structs have.

  string @0 :Text;
  logValue @1 :Text;
  error @2 :Text;
  capnpSize @3 :UInt32;
  marshalCapnp @4 :Text;
  unmarshalCapnp @5 :Text;
  which @6 :UInt16;
  union {
    v @7 :Int32;
    b @8 :Text;
    r @9 :Text;
  }
}

struct Failure {
  error @0 :Text;
  string @1 :Text;
}

struct Groups {
  # A group and a struct of one name.

  struct Part { v @0 :Int32; }
  part :group {
    a @0 :Int32;
    b @1 :Part;
  }
}

enum Enum {
  string @0;
  type @1;
  nil @2;
}

interface Service {
  # Methods that have the names of what every proxy client has, and params that have those of what their code uses.

  destroy @0 (context :Proxy.Context) -> ();
  close @1 (context :Proxy.Context) -> ();
  client @2 () -> (client :Service);
  capability @3 (capability :Capability) -> (capability :Capability);
  begin @4 (context :Proxy.Context, ctx :Int32, call :Int32, c :Int32, p :Int32, r :Int32, err :Text, e :Text, impl :Text, s :Text)
      -> (result :Int32, err :Text, p :Text, s :Service);
  add @5 (a :Int32, b :Int32) -> (a :Text, b :Text, result :Int32);
  startAdd @6 () -> ();
  string @7 (string :Text, int32 :Int32, nil :Text, error :Text, len :Text, byte :Data) -> (string :Text, true :Bool);
  error @8 () -> (error :Text);
  mprt @9 (mprt :Text, context :Text, errors :Text, math :Float64, slog :Text, capnp :Text) -> (mprt :Float64);
  interface @10 (interface :Service, type :Enum) -> (func :Service);
  raise @11 (arg :Failure) -> (error :Failure $Proxy.exception("Failure"), result :Text);
  # A failure with a field that is called error.
}

interface ServiceClient {
  # Has the name that the proxy client of Service would have.

  ping @0 () -> ();
}

struct ServiceProxy {}
struct NewServiceServer {}
struct UnimplementedService {}

const string :Text = "a constant";
const error :Int32 = 1;
