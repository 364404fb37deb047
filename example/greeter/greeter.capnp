@0x9c4f3b2e6d1a8075;

interface Greeter {
  # What the server offers to whoever connects.

  greet @0 (name :Text) -> (result :Text);
}
