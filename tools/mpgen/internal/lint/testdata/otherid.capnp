@0xc1b2c3d4e5f60005;
struct S { a @0 :Int64; }
interface I { m @0 (); }
