@0xa1b2c3d4e5f60008;
using Layout = import "layout.capnp";
const text :Text = embed "sub/text.txt";
const data :Data = embed "sub/data.bin";
const message :Message = embed "sub/message.bin";
struct Message {
  name @0 :Text;
  number @1 :Int32 = 5;
  children @2 :List(Message);
  bits @3 :List(Bool);
  shorts @4 :List(UInt16);
  any @5 :AnyPointer;
}
struct Uses {
  m @0 :Message = embed "sub/message.bin";
  t @1 :Text = embed "sub/text.txt";
  l @2 :List(Message) = [.message, (name = "x", children = [.message])];
  w @3 :Wrapper = (m = .message);
  struct Wrapper { m @0 :Message; }
}
