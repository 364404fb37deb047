@0xf1e2d3c4b5a69788;

struct Broken {
  first @0 :Int33;
  second @0 :Text;
}
