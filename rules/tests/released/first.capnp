@0xd34c5f6a2b1e8097;

struct First {
}
