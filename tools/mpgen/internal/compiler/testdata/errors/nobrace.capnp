@0xd1b2c3d4e5f60011;

struct A
  a @0 :Int32;

struct B {
  b @0 :Int32;
}
