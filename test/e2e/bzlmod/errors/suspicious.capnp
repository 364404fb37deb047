@0x91e2d3c4b5a69788;

struct Suspicious {
  text @0 :Text;
}
