package mprt

import (
	"bytes"
	"reflect"

	"capnproto.org/go/capnp/v3"
)

// Clone returns a copy of a value of generated types that shares no memory
// with it. Objects and functions in it are not copied: both refer to the same.
// Of bound Go types the fields that are not exported are copied as by an
// assignment.
func Clone[T any](v T) T {
	src := reflect.ValueOf(v)
	if !src.IsValid() {
		return v
	}
	dst := reflect.New(src.Type()).Elem()
	clone(dst, src)
	return dst.Interface().(T)
}

func clone(dst, src reflect.Value) {
	switch src.Kind() {
	case reflect.Pointer:
		if src.IsNil() {
			return
		}
		dst.Set(reflect.New(src.Type().Elem()))
		clone(dst.Elem(), src.Elem())
	case reflect.Slice:
		if src.IsNil() {
			return
		}
		dst.Set(reflect.MakeSlice(src.Type(), src.Len(), src.Len()))
		if flat(src.Type().Elem()) {
			reflect.Copy(dst, src)
			return
		}
		for i := range src.Len() {
			clone(dst.Index(i), src.Index(i))
		}
	case reflect.Map:
		if src.IsNil() {
			return
		}
		dst.Set(reflect.MakeMapWithSize(src.Type(), src.Len()))
		for it := src.MapRange(); it.Next(); {
			e := reflect.New(src.Type().Elem()).Elem()
			clone(e, it.Value())
			dst.SetMapIndex(it.Key(), e)
		}
	case reflect.Struct:
		dst.Set(src) // what is not exported, such as the parts of an AnyPointer, never changes
		for i := range src.NumField() {
			if src.Type().Field(i).IsExported() && !flat(src.Type().Field(i).Type) {
				clone(dst.Field(i), src.Field(i))
			}
		}
	default:
		dst.Set(src)
	}
}

// flat reports whether assigning a value of a type copies all of it.
func flat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Struct, reflect.Array:
		return false
	}
	return true
}

// Equal reports whether two values of generated types are equal: the same
// fields, elements and entries. Nil and empty lists differ, as on the wire.
// Objects are equal if they are the same, functions only if both are nil, and
// NaN is equal to nothing.
func Equal[T any](a, b T) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if !x.IsValid() || !y.IsValid() || x.Type() != y.Type() {
		return x.IsValid() == y.IsValid() && !x.IsValid()
	}
	return equal(x, y)
}

func equal(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() || a.Pointer() == b.Pointer() {
			return a.IsNil() == b.IsNil()
		}
		return equal(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Array:
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for it := a.MapRange(); it.Next(); {
			if e := b.MapIndex(it.Key()); !e.IsValid() || !equal(it.Value(), e) {
				return false
			}
		}
		return true
	case reflect.Struct:
		return equalStructs(a, b)
	case reflect.Func:
		return a.IsNil() && b.IsNil()
	}
	return a.Comparable() && b.Comparable() && a.Equal(b)
}

func equalStructs(a, b reflect.Value) bool {
	if x, ok := a.Interface().(AnyPointer); ok {
		return x.equal(b.Interface().(AnyPointer))
	}
	if m := a.MethodByName("Equal"); m.IsValid() && m.Type() == reflect.FuncOf([]reflect.Type{a.Type()}, []reflect.Type{reflect.TypeFor[bool]()}, false) {
		return m.Call([]reflect.Value{b})[0].Bool() // such as time.Time
	}
	exported := 0
	for i := range a.NumField() {
		if !a.Type().Field(i).IsExported() {
			continue
		}
		exported++
		if !equal(a.Field(i), b.Field(i)) {
			return false
		}
	}
	return exported > 0 || a.NumField() == 0 || reflect.DeepEqual(a.Interface(), b.Interface()) // such as big.Int
}

// equal compares what the values are made of, in canonical form, and whether
// they hold the same objects.
func (a AnyPointer) equal(b AnyPointer) bool {
	if a.IsNull() || b.IsNull() || len(a.caps) != len(b.caps) {
		return a.IsNull() && b.IsNull()
	}
	for i := range a.caps {
		if a.caps[i] != b.caps[i] {
			return false
		}
	}
	x, errX := a.canonical()
	y, errY := b.canonical()
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// canonical is the canonical form of a struct that has the value as its only
// field, capabilities left out.
func (a AnyPointer) canonical() ([]byte, error) {
	_, seg := capnp.NewSingleSegmentMessage(nil)
	s, err := capnp.NewRootStruct(seg, capnp.ObjectSize{PointerCount: 1})
	if err != nil {
		return nil, err
	}
	p, err := copyPtr(seg, a.ptr, func(capnp.Ptr) capnp.Ptr { return capnp.Ptr{} })
	if err != nil {
		return nil, err
	}
	if err := s.SetPtr(0, p); err != nil {
		return nil, err
	}
	return capnp.Canonicalize(s)
}
