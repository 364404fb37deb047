@0xb1b2c3d4e5f60009;
annotation set(field, param) :Void;
annotation type(field, param) :Text;
annotation package(file) :Text;
struct S { a @0 :Text; u :union { b @1 :Text; c @2 :Text; } union { d @3 :Text; e @4 :Text; } g :group { f @5 :Text; } }
interface I { m @0 (a :S) -> (a :S, b :Text); n @1 S -> S; }
enum E { x @0; }
