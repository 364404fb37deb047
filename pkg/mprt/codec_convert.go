package mprt

import (
	"encoding"
	"fmt"

	"capnproto.org/go/capnp/v3"
)

// Integer is any integer type.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

// Float is any floating-point type.
type Float interface{ ~float32 | ~float64 }

// RangeError is an integer that does not fit into the type it is bound to, on
// either side.
type RangeError struct {
	Value any    // the integer
	Type  string // what it does not fit into
}

// Error says what does not fit where.
func (e *RangeError) Error() string { return fmt.Sprintf("%v is out of range for %s", e.Value, e.Type) }

// convertInt converts between integer types, and reports whether the value
// stayed the same.
func convertInt[T, F Integer](v F) (T, bool) {
	t := T(v)
	return t, F(t) == v && (t < 0) == (v < 0)
}

// ToInt converts an integer of a program's to the wire's type W. The call
// fails with a [RangeError] if it does not fit.
func ToInt[W, T Integer](b Builder, v T) W {
	w, ok := convertInt[W](v)
	if !ok {
		b.SetErr(&RangeError{v, fmt.Sprintf("%T", w)})
	}
	return w
}

// FromInt converts an integer from the wire to a program's type T. The call
// fails with a [RangeError] if it does not fit.
func FromInt[T, W Integer](r Reader, w W) T {
	v, ok := convertInt[T](w)
	if !ok {
		r.Fail(&RangeError{w, fmt.Sprintf("%T", v)})
	}
	return v
}

// AssignInt is [FromInt] into a variable of any integer type.
func AssignInt[T, W Integer](r Reader, v *T, w W) { *v = FromInt[T](r, w) }

// ConvertFloat converts a float to another width.
func ConvertFloat[T, F Float](v F) T { return T(v) }

// AssignFloat sets a variable of any floating-point type.
func AssignFloat[T, W Float](v *T, w W) { *v = T(w) }

// AssignBool sets a variable of any boolean type.
func AssignBool[T ~bool](v *T, w bool) { *v = T(w) }

// AssignText sets a variable of any string type.
func AssignText[T ~string](v *T, w string) { *v = T(w) }

// AssignData sets a variable of any type of byte slices.
func AssignData[T ~[]byte](v *T, w []byte) { *v = T(w) }

// ToInts converts a slice of any integers to the wire's type W.
func ToInts[W interface {
	Integer
	Number
}, T Integer](b Builder, v []T) []W {
	if v == nil {
		return nil
	}
	out := make([]W, len(v))
	for k := range v {
		out[k] = ToInt[W](b, v[k])
	}
	return out
}

// FromInts converts a list from the wire to a slice of any integers.
func FromInts[S ~[]T, T, W Integer](r Reader, w []W) S {
	if w == nil {
		return nil
	}
	v := make(S, len(w))
	for k := range w {
		v[k] = FromInt[T](r, w[k])
	}
	return v
}

// AssignInts is [FromInts] into a variable.
func AssignInts[S ~[]T, T, W Integer](r Reader, v *S, w []W) { *v = FromInts[S](r, w) }

// SetWhich writes which member of a union is set, and returns it.
func SetWhich[T Integer](b Builder, off capnp.DataOffset, v T) uint16 {
	which := ToInt[uint16](b, v)
	b.SetUint16(off, which)
	return which
}

// AssignWhich sets a variable of any integer type to which member of a union is
// set, and returns that.
func AssignWhich[T Integer](r Reader, off capnp.DataOffset, v *T) uint16 {
	which := r.Uint16(off)
	AssignInt(r, v, which)
	return which
}

// Zero sets a variable to its zero value.
func Zero[T any](v *T) {
	var zero T
	*v = zero
}

// New sets a pointer to a new zero value, and returns it.
func New[T any](p **T) *T {
	*p = new(T)
	return *p
}

// ToFloats converts a slice of any floats to the wire's type W.
func ToFloats[W interface {
	Float
	Number
}, T Float](v []T) []W {
	if v == nil {
		return nil
	}
	out := make([]W, len(v))
	for k := range v {
		out[k] = W(v[k])
	}
	return out
}

// AssignFloats sets a slice of any floats.
func AssignFloats[S ~[]T, T, W Float](v *S, w []W) {
	*v = nil
	if w == nil {
		return
	}
	*v = make(S, len(w))
	for k := range w {
		(*v)[k] = T(w[k])
	}
}

// AssignTexts sets a slice of any strings.
func AssignTexts[S ~[]T, T ~string](v *S, w []string) { *v = ConvertTexts[S](w) }

// ConvertTexts converts a slice of one string type to one of another; nil stays nil.
func ConvertTexts[S ~[]T, T, W ~string](w []W) S {
	if w == nil {
		return nil
	}
	v := make(S, len(w))
	for k := range w {
		v[k] = T(w[k])
	}
	return v
}

// MarshalText is the text of a value that is bound to a Text.
func MarshalText[T encoding.TextMarshaler](b Builder, v T) string {
	text, err := v.MarshalText()
	if err != nil {
		b.SetErr(err)
	}
	return string(text)
}

// MarshalTextOf is [MarshalText] for a type bound as a pointer, which may be nil.
func MarshalTextOf[T any, P interface {
	*T
	encoding.TextMarshaler
}](b Builder, v P) string {
	if v == nil {
		return ""
	}
	return MarshalText(b, v)
}

// UnmarshalText is the value that a text stands for; the zero value for an
// empty text.
func UnmarshalText[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](r Reader, text string) T {
	var v T
	if text != "" {
		if err := P(&v).UnmarshalText([]byte(text)); err != nil {
			r.Fail(err)
		}
	}
	return v
}

// UnmarshalTextOf is [UnmarshalText] for a type bound as a pointer; nil for
// an empty text.
func UnmarshalTextOf[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](r Reader, text string) *T {
	if text == "" {
		return nil
	}
	v := UnmarshalText[T, P](r, text)
	return &v
}

// MarshalBinary is the Data of a value that is bound to a Data.
func MarshalBinary[T encoding.BinaryMarshaler](b Builder, v T) []byte {
	data, err := v.MarshalBinary()
	if err != nil {
		b.SetErr(err)
	}
	return data
}

// MarshalBinaryOf is [MarshalBinary] for a type bound as a pointer, which may be nil.
func MarshalBinaryOf[T any, P interface {
	*T
	encoding.BinaryMarshaler
}](b Builder, v P) []byte {
	if v == nil {
		return nil
	}
	return MarshalBinary(b, v)
}

// UnmarshalBinary is the value that a Data stands for; the zero value for an
// empty one.
func UnmarshalBinary[T any, P interface {
	*T
	encoding.BinaryUnmarshaler
}](r Reader, data []byte) T {
	var v T
	if len(data) > 0 {
		if err := P(&v).UnmarshalBinary(data); err != nil {
			r.Fail(err)
		}
	}
	return v
}

// UnmarshalBinaryOf is [UnmarshalBinary] for a type bound as a pointer; nil
// for an empty Data.
func UnmarshalBinaryOf[T any, P interface {
	*T
	encoding.BinaryUnmarshaler
}](r Reader, data []byte) *T {
	if len(data) == 0 {
		return nil
	}
	v := UnmarshalBinary[T, P](r, data)
	return &v
}

// FixedData reads a Data that is bound to an array of n bytes: null is zeros,
// and any other length fails the call.
func FixedData(r Reader, data []byte, n int) []byte {
	if len(data) != n {
		if data != nil {
			r.Fail(fmt.Errorf("data of %d bytes where %d are expected", len(data), n))
		}
		return make([]byte, n)
	}
	return data
}

// ConvertTo converts with a function that a binding names; the call fails
// with its error.
func ConvertTo[W, T any](b Builder, f func(T) (W, error), v T) W {
	w, err := f(v)
	if err != nil {
		b.SetErr(err)
	}
	return w
}

// ConvertFrom converts with a function that a binding names; the call fails
// with its error.
func ConvertFrom[T, W any](r Reader, f func(W) (T, error), w W) T {
	v, err := f(w)
	if err != nil {
		r.Fail(err)
	}
	return v
}

// MustConvert converts a value of a schema, such as a default, with a function
// that a binding names. It panics if the function does not take it.
func MustConvert[T, W any](f func(W) (T, error), w W) T {
	v, err := f(w)
	if err != nil {
		panic(fmt.Errorf("a value of the schema cannot be converted: %w", err))
	}
	return v
}

// OptionalFunc is [Optional] of what f returns, which is called only if the
// value is there.
func OptionalFunc[T any](has bool, f func() T) *T {
	if !has {
		return nil
	}
	v := f()
	return &v
}
