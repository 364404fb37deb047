@0xb91f40d7c35ea826;

struct Note {
  text @0 :Text;
}
