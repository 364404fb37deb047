# A peer's schema as it was in its first version.

@0xa4d08f63c7e1b592;

interface Clock {
  now @0 () -> (result :Int64);
}
