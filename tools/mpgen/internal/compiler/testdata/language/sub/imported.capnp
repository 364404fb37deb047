@0xa1b2c3d4e5f60004;
using Back = import "../generics.capnp";
struct ImportedBox(T) {
  t @0 :T;
  back @1 :Back.Box(T);
  struct Deep(U) { t @0 :T; u @1 :U; }
}
const number :Int32 = 42;
const text :Text = "imported";
const point :Point = (x = 3, y = 4);
const points :List(Point) = [.point, (x = 5)];
struct Point { x @0 :Int32; y @1 :Int32; struct In { const deep :UInt8 = 9; } }
enum Level { low @0; high @1; }
annotation level(*) :Level;
annotation note @0xd5f1a2b3c4d5e6f7 (struct, field, enum, enumerant, method, param, interface, const, annotation, file, group, union) :Text;
