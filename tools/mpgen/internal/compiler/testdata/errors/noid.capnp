struct NoId {
  a @0 :Text;
}
