# greeter.capnp as it was in the last release: //greeter:greeter_compat_test holds today's to it.

@0xe5f0c4a7b2d19836;

using Proxy = import "/mp/proxy.capnp";
using Printer = import "/example/printer.capnp";
using Names = import "/names/names.capnp";

interface Greeter $Proxy.wrap("Greeter") {
  construct @0 (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap);

  greet @1 (context :Proxy.Context, who :Names.Name, to :Printer.PrinterInterface) -> ();
}
