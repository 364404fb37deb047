# A service of this repository that takes an object of an interface of another repository.

@0xe5f0c4a7b2d19836;

using Proxy = import "/mp/proxy.capnp";
using Printer = import "/example/printer.capnp";
using Names = import "/names/names.capnp";

interface Greeter $Proxy.wrap("Greeter") {
  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);

  greet @1 (context :Proxy.Context, name :Names.Name, to :Printer.PrinterInterface) -> (result :Int32);
  # Prints a greeting, and returns its length.
}
