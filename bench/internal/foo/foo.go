// Package foo has the struct that the benchmark passes around, in plain Go types.
package foo

import "fmt"

// Struct is the foo test interface's FooStruct.
type Struct struct {
	Name         string
	SetInt       []int32
	VectorBool   []bool
	OptionalInt  *int32
	MapStringInt map[string]int32
}

// New returns the struct that every peer sends: a 16-character name, ten integers, ten bools and a map of ten.
func New() *Struct {
	optional := int32(42)
	s := &Struct{Name: "sixteen letters.", OptionalInt: &optional, MapStringInt: make(map[string]int32)}
	for i := range int32(10) {
		s.SetInt = append(s.SetInt, i*1000)
		s.VectorBool = append(s.VectorBool, i%3 == 0)
		s.MapStringInt[fmt.Sprintf("key %d", i)] = i
	}
	return s
}

// Check says whether s is as New made it, at little cost: that it has all its parts.
func (s *Struct) Check() error {
	if len(s.Name) != 16 || len(s.SetInt) != 10 || len(s.VectorBool) != 10 || s.OptionalInt == nil || *s.OptionalInt != 42 || len(s.MapStringInt) != 10 {
		return fmt.Errorf("the struct came back different: %+v", s)
	}
	return nil
}
