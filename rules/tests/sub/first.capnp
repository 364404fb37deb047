@0x9c8e7d6f5a4b3c21;

struct Other {
  value @0 :Text;
}
