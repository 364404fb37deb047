# The same in its second version, with the same ids.

@0xa4d08f63c7e1b592;

interface Clock {
  now @0 () -> (result :Int64);
  zone @1 () -> (result :Text);
}
