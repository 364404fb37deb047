@0xc1b2c3d4e5f60006;
struct S { a @0 :Int32; }
interface I { m @0 (); }
