// Package foopb is the workload as the protobuf peers' generators write it.
package foopb

import "github.com/mpgo-dev/mpgo/bench/internal/foo"

// FromStruct makes the message that carries s, which shares its slices and its map.
func FromStruct(s *foo.Struct) *FooStruct {
	return &FooStruct{Name: s.Name, SetInt: s.SetInt, VectorBool: s.VectorBool, OptionalInt: s.OptionalInt, MapStringInt: s.MapStringInt}
}
