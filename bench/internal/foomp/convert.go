// Package foomp is the workload as mpgen writes it.
package foomp

import "github.com/mpgo-dev/mpgo/bench/internal/foo"

// FromStruct returns s as the generated type, which shares its slices and its map.
func FromStruct(s *foo.Struct) *FooStruct {
	return &FooStruct{Name: s.Name, SetInt: s.SetInt, VectorBool: s.VectorBool, OptionalInt: s.OptionalInt, MapStringInt: s.MapStringInt}
}

// ToStruct is the way back.
func (v *FooStruct) ToStruct() *foo.Struct {
	return &foo.Struct{Name: v.Name, SetInt: v.SetInt, VectorBool: v.VectorBool, OptionalInt: v.OptionalInt, MapStringInt: v.MapStringInt}
}
