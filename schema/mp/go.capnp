# How a schema maps to Go, where the schema alone does not say. The annotations stand either in the schema itself or,
# for a schema that one does not own, in a bindings file beside it. None of them changes a byte on the wire, and no
# schema needs any. docs/bindings.md explains each with an example.
#
# A Go type is written with its import path: `time.Duration`, `example.com/app/units.Celsius`, `*math/big.Int`,
# `[32]byte`. A name without a package (`Celsius`) is of the generated package itself.

@0xe87c6e7406cc686f;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("mp::go");

annotation package @0x8489086ac10d7897 (file) :Text;
# The Go package name. Default: the last element of the import path.

annotation import @0xb5e3b1224cff7489 (file) :Text;
# The Go import path. The build rule's `importpath` has the last word.

annotation name @0xc7986a552ba4a4b7 (struct, field, param, union, group, enum, enumerant, interface, method, const) :Text;
# The Go name, in place of the one that follows from the schema's.

annotation map @0x8f73509db6102ebb (field, param) :Void;
# A list of pairs is a map[K]V. A pair is a struct of two fields: the key, then the value. An entry whose key came
# before replaces it. The order on the wire is no particular one.

annotation set @0xaf87738c9522c64f (field, param) :Void;
# A list is a map[T]struct{}. The order on the wire is no particular one.

annotation optional @0xb24eda917d05f252 (field, param) :Void;
# A Text is a *string, nil if it is null on the wire.

annotation type @0xbeb1165a39fcc4ea (field, param) :Text;
# The Go type of a value, converted from and to the schema's by convention:
# - from an integer or enum: an integer type of any width; a value out of range is an error, never cut
# - from a float: a floating-point type
# - from Text: a type that is an encoding.TextMarshaler and TextUnmarshaler
# - from Data: an encoding.BinaryMarshaler and BinaryUnmarshaler, or an array such as `[32]byte`

annotation convert @0xcc1666db9aeaa267 (field, param) :Text;
# A Go type whose underlying type is the one that the schema's has in Go, such as `type Name string`.

annotation toGo @0xe5c041d0a78f57a7 (field, param) :Text;
# The function that converts to the Go type: func(schema's type) (Go type, error).

annotation fromGo @0x99d45f251d364b09 (field, param) :Text;
# The function that converts from the Go type: func(Go type) (schema's type, error).

annotation codec @0xcede15884798e794 (struct, field, param) :Text;
# A Go type that encodes and decodes itself on the raw struct, in place of the generated one: a pointer to it
# implements mprt.Struct.

annotation wrap @0xa375deb53263eef7 (struct, interface) :Text;
# An existing Go type in place of the generated one. For an interface: the proxy client implements it, and what
# implements it can be served. For a struct: its fields are matched by name, by $name (a dotted name reaches into a
# field that is a struct), or by tags such as `mp:"name"` in a Go file that is given as a binding.

annotation which @0xdb16b64f62795566 (struct, union, group) :Text;
# The field of a wrapped struct that says which member of a union is set: any integer, of the members' numbers. For an
# unnamed union it stands at the struct or group around it. Default: Which.

annotation method @0xd4a4c217e747f259 (method) :Text;
# The signature that a wrapped interface gives a method, as Go writes it: "Sum(ctx context.Context, v ...int) int".
# Arguments and results match the schema's by name, or by place where they have none.

annotation absent @0xf2a3b5fede3c81ad (interface) :List(Text);
# Signatures of the methods that a wrapped interface has and the schema does not. Called on a proxy client they fail
# with mprt.ErrUnimplemented, or panic with it where they return no error.

annotation value @0x97a1107bd5c7c485 (field, param) :Void;
# A struct is held by value, not by pointer; null is its zero value.
