@0xf2c85d31a6074be9;

interface Bound {
  call @0 () -> ();
}
