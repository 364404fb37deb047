@0xb1b2c3d4e5f60007;
annotation onStruct(struct) :Text;
annotation onField(field, param) :Int32;
annotation flag(*) :Void;
struct S $onStruct $onField(5) $nothing $S $flag(5) {
  a @0 :Text $onStruct("x") $onField("y") $flag;
  u :union $onField(1) { b @1 :Void; c @2 :Void; }
}
enum E $onStruct("e") { a @0 $onField(1); }
interface I { m @0 (p :Int32 $onStruct("p")) $onField(1); }
$onStruct("file");
annotation selfish(annotation) :Text $selfish("x");
const c :Int32 = 5 $onStruct("c");
struct G(T) { annotation ann(struct) :T; }
struct H $G(Text).ann(5) $G.ann("x") {}
