# What the calculator process offers.

@0xb67dbf34061180a9;

using Proxy = import "/mp/proxy.capnp";

$Proxy.include("calculator.h");
$Proxy.includeTypes("types.h");

interface CalculatorInterface $Proxy.wrap("Calculator") {
  destroy @0 (context :Proxy.Context) -> ();

  solveEquation @1 (context :Proxy.Context, eqn :Text) -> ();
  # Sends the solution to the printer that the calculator was made with.
}
