package mprt

import (
	"fmt"
	"strconv"
	"sync"

	"capnproto.org/go/capnp/v3"
)

// Marshal encodes a struct as the root of a message of its own. The struct
// must hold no objects: those can only be passed in a call.
func Marshal(v Struct) (*capnp.Message, error) {
	msg, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	if err != nil {
		return nil, err
	}
	s, err := capnp.NewRootStruct(seg, v.CapnpSize())
	if err != nil {
		return nil, err
	}
	b, done := newBuilder(s)
	v.MarshalCapnp(b)
	return msg, done()
}

// Unmarshal decodes the root of a message. v keeps nothing of the message.
func Unmarshal(msg *capnp.Message, v Struct) error {
	root, err := msg.Root()
	if err != nil {
		return err
	}
	dec := decoders.Get().(*decoder)
	v.UnmarshalCapnp(Reader{root.Struct(), dec})
	err = Reader{dec: dec}.Err()
	*dec = decoder{}
	decoders.Put(dec)
	return err
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// StructFrom decodes the whole of r.
func StructFrom[T any, P StructPtr[T]](r Reader) *T {
	v := new(T)
	P(v).UnmarshalCapnp(r)
	return v
}

// StructFromWith is [StructFrom] for a type that does not decode itself.
func StructFromWith[T any](r Reader, c StructCodec[T]) *T {
	v := new(T)
	c.Unmarshal(r, v)
	return v
}

// EnumName is the String method of generated enums: the n-th name, or the
// number.
func EnumName(typ string, n uint16, names ...string) string {
	if int(n) < len(names) {
		return names[n]
	}
	return typ + "(" + strconv.Itoa(int(n)) + ")"
}

// Unimplemented is the error of a method that an implementation does not have.
// errors.Is finds [ErrUnimplemented].
func Unimplemented(m *Method) error {
	return fmt.Errorf("%s.%s: %w", m.InterfaceName, m.Name, ErrUnimplemented)
}

// Exception is an exception that a schema declares with a type that is no
// error in Go, such as Text. A method that returns one, or an error that wraps
// one, passes Value to its caller; errors.As finds it there.
type Exception[T any] struct {
	Value T
}

// NewException returns an exception with a value.
func NewException[T any](v T) *Exception[T] { return &Exception[T]{v} }

// Error returns the value as text.
func (e *Exception[T]) Error() string { return fmt.Sprint(e.Value) }
