@0xa1b2c3d4e5f60009;
# Lines of text, where lines end with CRLF.

struct Lines {
  c @0 :Text =
    `line one
    `line two
    ;
}
const lines :Text =
  `line one
  `line two
  ;
