# A package whose name nameclash.capnp has for other things.

@0xd1b7e2a4c5f60955;

interface PrinterInterface { print @0 (text :Text) -> (result :Int32); }
enum Level { low @0; high @1; }
struct Paper { sheets @0 :Int32; }
struct Box(Size) { content @0 :Size; }
