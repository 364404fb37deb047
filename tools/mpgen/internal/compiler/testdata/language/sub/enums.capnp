@0xa1b2c3d4e5f6000b;
struct Scope { enum Far { a @0; b @1; } }
