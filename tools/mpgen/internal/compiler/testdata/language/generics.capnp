@0xa1b2c3d4e5f60003;
using Sub = import "sub/imported.capnp";
using import "sub/imported.capnp".ImportedBox;

struct Box(T) {
  value @0 :T;
  list @1 :List(Box(T));
  box @2 :Box(T);
  other @3 :Box(Text);
  inner @4 :Inner;
  innerOfText @5 :Box(Text).Inner;
  two @6 :Two(T, Text);
  nested @7 :Inner2(T);

  struct Inner {
    t @0 :T;
    self @1 :Inner;
    outer @2 :Box(T);
    defaulted @3 :Box;
  }
  struct Inner2(U) {
    t @0 :T;
    u @1 :U;
    both @2 :Two(T, U);
    grp :group { g @3 :T; h @4 :List(Two(T, U)); }
    un :union { i @5 :U; j @6 :Void; }
    enum @7 :Kind;
    iface @8 :Api(U);
  }
  enum Kind { a @0; b @1; }
  interface Api(V) extends (Base(V), Plain) {
    get @0 () -> (t :T, v :V);
    set @1 [W] (w :W, v :V, box :Box(W)) -> (x :Two(W, V));
    whole @2 Box(V) -> Box(T);
    wholeImplicit @3 [X, Y] Two(X, Y) -> Box(X);
    none @4 ();
  }
  const limit :Int32 = 10;
  annotation mark(field, struct) :T;
  annotation markPlain(field, struct) :Text;
  using Alias = Two(T, Data);
  aliased @8 :Alias;
  aliasedInner @9 :Other;
  using Other = Inner2(Text);
}

struct Two(A, B) { a @0 :A; b @1 :B; }
struct Many(A, B, C) { c @0 :List(C); }

interface Plain { ping @0 () -> (); }
interface Base(T) {
  base @0 (t :T) -> (ts :List(Box(T)));
  struct Nested { t @0 :T; }
  nested @1 Nested -> (n :Nested);
}
interface Derived extends (Base(Text), Box(Data).Api(List(Text))) {}
interface DerivedUnbound extends (Base, Plain) {}
interface DerivedGeneric(Q) extends (Base(Q), Box(Q).Api(Box(Q))) {
  q @0 (q :Q = null);
}

struct Use {
  unbound @0 :Box;
  text @1 :Box(Text);
  data @2 :Box(Data);
  list @3 :Box(List(Int32));
  boxBox @4 :Box(Box(Text));
  inner @5 :Box(Text).Inner;
  innerUnbound @6 :Box.Inner;
  inner2 @7 :Box(Text).Inner2(Data);
  partly @8 :Box.Inner2(Data);
  partly2 @9 :Box(Text).Inner2;
  kind @10 :Box(Text).Kind;
  api @11 :Box(Text).Api(Data);
  any @12 :Box(AnyPointer);
  imported @13 :Sub.ImportedBox(Text);
  importedInner @14 :ImportedBox(Data).Deep(Text);
  direct @15 :import "sub/imported.capnp".ImportedBox(Two(Text, Data));
  alias @16 :TextBox;
  aliasInner @17 :TextBox.Inner;
  aliasAlias @18 :Box(Text).Alias;
  aliasOther @19 :Box(Text).Other;
  generic @20 :GenericAlias(Text);
  ifaceParam @21 :Box(Plain);
  boxOfUse @22 :Box(Use);
  absolute @23 : .Box(.Use);
  listOfBox @24 :List(Box(Text));
  structAny @25 :Box(List(AnyList));
}
using TextBox = Box(Text);
using GenericAlias = Box;

struct Holder(T) {
  using In = Use;
  use @0 :In;
  struct Plain { x @0 :Int32; }
  plain @1 :Plain;
  const p :Plain = (x = 5);
}
struct UseHolder {
  a @0 :Holder(Text).In;
  b @1 :Holder(Text).Plain = (x = 1);
  c @2 :Holder.Plain = (x = 2);
}

const boxed :Box(Text) = (value = "hi", list = [(value = "a"), (value = "b")], box = (value = "in"), two = (a = "x", b = "y"),
  inner = (t = "t"), nested = (u = "u", grp = (g = "g", h = [(a = "h")]), un = (i = "i"), enum = b));
const boxedTwo :Two(List(Int32), Two(Text, Data)) = (a = [1, 2], b = (a = "t", b = "d"));

struct Defaulted {
  box @0 :Box(Text) = (value = "v");
  two @1 :Two(List(Bool), Box(Data)) = (a = [true], b = (value = 0x"01"));
  constant @2 :Box(Text) = .boxed;
}
struct Marked $Box(Text).mark("bound") $Box.markPlain("plain") {
  f @0 :Int32 $Box(List(Text)).mark(["a", "b"]);
}

interface Methods {
  one @0 [T] (t :T) -> (t :T);
  two @1 [A, B] (a :A, list :List(Two(A, B))) -> (two :Two(A, B));
  inner @2 [T] (i :Box(T).Inner) -> (j :Box(T).Inner2(T));
  same @3 [T] Box(T) -> stream;
}

# An enum that nothing but a generic parameter's argument leads to.
const boxedEnums :Box(List(import "sub/enums.capnp".Scope.Far)) = (value = [b, a]);
