@0xd1b2c3d4e5f60010{

struct A {
  a @0 :Int32;
}
