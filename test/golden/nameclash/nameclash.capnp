# Names that mean something else in Go, or that generated code wants for itself.

@0xd1b7e2a4c5f60912;

using Proxy = import "/mp/proxy.capnp";
using Printer = import "printer/printer.capnp";

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
const newWalletServer :Int32 = 2;  # as the constructor of the struct below

interface Imports {
  # Params and results that have the names of imported packages, of what those declare, and of generated helpers.

  use @0 (printer :Printer.PrinterInterface, level :Printer.Level, paper :Printer.Paper, mprt :List(Printer.PrinterInterface))
      -> (printer :Printer.PrinterInterface, result :Printer.PrinterInterface, paper :List(Printer.Paper));
  walk @1 (ifaceImports :Text, importsProxy :Imports) -> (importsProxy :Imports);
  words @2 (fmt :Text, vat :Text, time :Text, strings :Text, iota :Int32, append :Text, max :Int32, cap :Int32, copy :Data,
      recover :Bool, print :Text, init :Int32, main :Int32, ok :Bool, i :Int32, k :Int32, v :Int32, n :Int32, o :Text, out :Text, m :Text)
      -> (init :Int32, ok :Bool, i :Int32, v :Int32, max :Int32, m :Text);
  results @3 () -> (started :Imports, wait :Imports, finish :Imports, results :Imports, pipeline :Imports, c :Imports, r :Imports);
}

interface More extends(Imports) {
  # Inherits methods, whose twins have names too.

  startUse @0 (printer :Printer.Level) -> (result :Printer.Level);
  add @1 () -> (level :Printer.PrinterInterface);
}

interface Wallet {
  # Wallet.loaderCreate and WalletLoader.create, Wallet.add and Wallet.Add are one name each without what is between.

  loaderCreate @0 () -> (result :Int32);
  add @1 (lists :List(List(Text))) -> (result :Int32);
  addCall @2 () -> (result :Add);
  interface Add { ping @0 () -> (result :Int32); }
  struct AddCall { x @0 :Int32 = 3; }
}

interface WalletLoader {
  create @0 () -> (result :Int32);
}

struct WalletServer {
  # NewWalletServer would be the constructor of this, and what serves a Wallet.

  x @0 :Int32 = 1;
}

interface Generic(Type, Range, T) {
  # Type parameters that are keywords in lower case, and params called as their codecs are.

  get @0 (type :Type, tCodec :Text, t :T) -> (range :Range, typeCodec :Text, c :T);
  type @1 () -> (type :Generic(Type, Range, T));
}

struct Box(Size, Marshal) {
  # Type parameters that are called as methods of the codec are.

  size @0 :Size;
  marshal @1 :Marshal;
  string @2 :Text;
}

struct Boxes {
  one @0 :Box(Text, Data);
  all @1 :List(Box(Text, Data));
  theirs @2 :Printer.Box(Text);
}

interface Shop {
  trade @0 (generic :Generic(Text, Data, Boxes)) -> (generic :Generic(Text, Data, Boxes));
}

struct Which {
  # A group called which in an unnamed union, whose type would be Which_Which as the discriminant's.

  union {
    which :group { a @0 :Int32; b @1 :Text; }
    other @2 :Int32;
  }
  union :group { x @3 :Text; }
  string :union { a @4 :Text; b @5 :Void; }
}

interface Codecs {
  # A struct's field and a method's param whose codecs would have one name.

  struct MixParams {
    # +build ignore
    # go:build ignore

    list @0 :List(List(Int8));
  }
  mix @0 (list :List(List(Int16))) -> (params :MixParams);
}

interface Shopping {}
interface NewShopping {
  # Its client's type is called as what makes a client of the other.
}
