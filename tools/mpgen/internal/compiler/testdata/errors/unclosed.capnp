@0xb1b2c3d4e5f60003;
struct A {
  a @0 :Text;
  struct Inner {
    b @0 :Text;

struct B {
  c @0 :A;
}
