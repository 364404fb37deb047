// Package foocapnp is the workload as go-capnp's generator writes it.
package foocapnp

import "github.com/mpgo-dev/mpgo/bench/internal/foo"

// Write makes the message from the plain value, as every caller of a Cap'n Proto method has to.
func Write(m FooStruct, v *foo.Struct) error {
	if err := m.SetName(v.Name); err != nil {
		return err
	}
	ints, err := m.NewSetInt(int32(len(v.SetInt)))
	if err != nil {
		return err
	}
	for i, n := range v.SetInt {
		ints.Set(i, n)
	}
	bools, err := m.NewVectorBool(int32(len(v.VectorBool)))
	if err != nil {
		return err
	}
	for i, b := range v.VectorBool {
		bools.Set(i, b)
	}
	if v.OptionalInt != nil {
		m.SetOptionalInt(*v.OptionalInt)
		m.SetHasOptionalInt(true)
	}
	pairs, err := m.NewMapStringInt(int32(len(v.MapStringInt)))
	if err != nil {
		return err
	}
	i := 0
	for key, n := range v.MapStringInt {
		p := pairs.At(i)
		if err := p.SetFirst(key); err != nil {
			return err
		}
		p.SetSecond(n)
		i++
	}
	return nil
}

// Read makes the plain value from the message.
func Read(m FooStruct) (*foo.Struct, error) {
	name, err := m.Name()
	if err != nil {
		return nil, err
	}
	v := &foo.Struct{Name: name}
	ints, err := m.SetInt()
	if err != nil {
		return nil, err
	}
	v.SetInt = make([]int32, ints.Len())
	for i := range v.SetInt {
		v.SetInt[i] = ints.At(i)
	}
	bools, err := m.VectorBool()
	if err != nil {
		return nil, err
	}
	v.VectorBool = make([]bool, bools.Len())
	for i := range v.VectorBool {
		v.VectorBool[i] = bools.At(i)
	}
	if m.HasOptionalInt() {
		n := m.OptionalInt()
		v.OptionalInt = &n
	}
	pairs, err := m.MapStringInt()
	if err != nil {
		return nil, err
	}
	v.MapStringInt = make(map[string]int32, pairs.Len())
	for i := range pairs.Len() {
		p := pairs.At(i)
		key, err := p.First()
		if err != nil {
			return nil, err
		}
		v.MapStringInt[key] = p.Second()
	}
	return v, nil
}
