@0xb1b2c3d4e5f60006;
struct P { x @0 :Int32; y @1 :Text; g :group { a @2 :Int32; b @3 :Int32; } }
enum Color { red @0; green @1; }
const a :Int8 = 128;
const b :UInt8 = -1;
const c :Int32 = "text";
const d :Text = 5;
const e :Bool = 1;
const f :Color = blue;
const g :Color = gren;
const h :P = (z = 1);
const i :P = (x = "s");
const j :P = (5, x = 1);
const k :P = (g = 5, y = 3);
const l :List(Int32) = [1, "two", 3, four];
const m :Int32 = konst;
const konst :Int32 = 5;
const n :Int32 = .Color;
const o :Int64 = -9223372036854775809;
const p :Data = 5;
const q :Void = 5;
const r :Float32 = true;
const s :Text = .konst;
const t :List(List(P)) = [[(x = 1)], (x = 2)];
const u :Data = embed "no-such";
const v :Int32 = embed "values.capnp";
const w :P = embed "values.capnp";
const x :AnyPointer = 5;
const y :P = (g = "x");
const z :Text = 0x"00";
struct D(T) { a @0 :T = .konst; b @1 :Int32 = none; }
interface M { m @0 (a :Int32 = null, b :Text = null, c :UInt8 = 300); }
