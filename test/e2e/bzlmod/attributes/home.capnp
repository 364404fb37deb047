@0xcee28f8e17ded449;

struct Home {
  rooms @0 :UInt8;
}
