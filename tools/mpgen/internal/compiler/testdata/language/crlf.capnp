@0xa1b2c3d4e5f60006;
# CRLF doc

﻿struct Crlf {
  # doc of Crlf
  # two
  a @0 :Text = "x";  # trailing
  b @1 :Int32;
  # below

  # lost
}
# late
const x :Int32 = 1; 	# tab before