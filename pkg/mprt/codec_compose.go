package mprt

import (
	"unsafe"

	"capnproto.org/go/capnp/v3"
)

// Structs is the [Elem] of a struct: lists hold structs by value.
type Structs[T any, P StructPtr[T]] struct{}

// EncodeList implements [Elem].
func (Structs[T, P]) EncodeList(b Builder, v []T) capnp.Ptr {
	return StructsWith[T]{self[T, P]{}}.EncodeList(b, v)
}

// DecodeList implements [Elem].
func (Structs[T, P]) DecodeList(r Reader, p capnp.Ptr) []T { return decodeStructs[T, P](r, p) }

// Pointers is the [Codec] of a struct where it stands for a type argument:
// a pointer, nil if it is null on the wire. In a list, nil stands for a struct
// without any field set.
type Pointers[T any, P StructPtr[T]] struct{}

// Encode implements [Codec].
func (Pointers[T, P]) Encode(b Builder, v *T) capnp.Ptr {
	return PointersWith[T]{self[T, P]{}}.Encode(b, v)
}

// Decode implements [Codec].
func (Pointers[T, P]) Decode(r Reader, p capnp.Ptr) *T {
	return PointersWith[T]{self[T, P]{}}.Decode(r, p)
}

// EncodeList implements [Codec].
func (Pointers[T, P]) EncodeList(b Builder, v []*T) capnp.Ptr {
	return PointersWith[T]{self[T, P]{}}.EncodeList(b, v)
}

// DecodeList implements [Codec].
func (Pointers[T, P]) DecodeList(r Reader, p capnp.Ptr) []*T {
	return PointersWith[T]{self[T, P]{}}.DecodeList(r, p)
}

// self is the StructCodec of a type that encodes itself.
type self[T any, P StructPtr[T]] struct{}

func (self[T, P]) Size() capnp.ObjectSize   { return P(nil).CapnpSize() }
func (self[T, P]) Marshal(b Builder, v *T)  { P(v).MarshalCapnp(b) }
func (self[T, P]) Unmarshal(r Reader, v *T) { P(v).UnmarshalCapnp(r) }

// StructsWith is [Structs] for a type that does not encode itself.
type StructsWith[T any] struct{ Codec StructCodec[T] }

// EncodeList implements [Elem].
func (c StructsWith[T]) EncodeList(b Builder, v []T) capnp.Ptr {
	if v == nil {
		return capnp.Ptr{}
	}
	l, ok := newStructs(b, c.Codec.Size(), len(v))
	if !ok || !b.enter() {
		return capnp.Ptr{}
	}
	defer b.leave()
	for k := range v {
		c.Codec.Marshal(b.With(l.Struct(k)), &v[k])
	}
	return l.ToPtr()
}

// DecodeList implements [Elem].
func (c StructsWith[T]) DecodeList(r Reader, p capnp.Ptr) []T {
	l, ok := structList(r, p)
	if !ok || !r.charge(l.Len(), unsafe.Sizeof(*new(T))) {
		return nil
	}
	v := make([]T, l.Len())
	for k := range v {
		c.Codec.Unmarshal(r.With(l.Struct(k)), &v[k])
	}
	return v
}

// PointersWith is [Pointers] for a type that does not encode itself.
type PointersWith[T any] struct{ Codec StructCodec[T] }

// Encode implements [Codec].
func (c PointersWith[T]) Encode(b Builder, v *T) capnp.Ptr {
	if v == nil || !b.enter() {
		return capnp.Ptr{}
	}
	defer b.leave()
	s, err := capnp.NewStruct(b.Segment(), c.Codec.Size())
	if err != nil {
		b.SetErr(err)
		return capnp.Ptr{}
	}
	c.Codec.Marshal(b.With(s), v)
	return s.ToPtr()
}

// Decode implements [Codec].
func (c PointersWith[T]) Decode(r Reader, p capnp.Ptr) *T {
	if !p.IsValid() || !r.charge(1, unsafe.Sizeof(*new(T))) {
		return nil
	}
	v := new(T)
	c.Codec.Unmarshal(r.With(p.Struct()), v)
	return v
}

// EncodeList implements [Codec].
func (c PointersWith[T]) EncodeList(b Builder, v []*T) capnp.Ptr {
	if v == nil {
		return capnp.Ptr{}
	}
	l, ok := newStructs(b, c.Codec.Size(), len(v))
	if !ok || !b.enter() {
		return capnp.Ptr{}
	}
	defer b.leave()
	for k := range v {
		if v[k] != nil {
			c.Codec.Marshal(b.With(l.Struct(k)), v[k])
		}
	}
	return l.ToPtr()
}

// DecodeList implements [Codec].
func (c PointersWith[T]) DecodeList(r Reader, p capnp.Ptr) []*T {
	l, ok := structList(r, p)
	if !ok || !r.charge(l.Len(), unsafe.Sizeof(*new(T))) {
		return nil
	}
	v := make([]*T, l.Len())
	for k := range v {
		v[k] = new(T)
		c.Codec.Unmarshal(r.With(l.Struct(k)), v[k])
	}
	return v
}

// Lists is the [Codec] of a list, from that of its elements.
type Lists[T any] struct{ Elem Elem[T] }

// Encode implements [Codec].
func (c Lists[T]) Encode(b Builder, v []T) capnp.Ptr { return c.Elem.EncodeList(b, v) }

// Decode implements [Codec].
func (c Lists[T]) Decode(r Reader, p capnp.Ptr) []T { return c.Elem.DecodeList(r, p) }

// EncodeList implements [Codec].
func (c Lists[T]) EncodeList(b Builder, v [][]T) capnp.Ptr {
	if v == nil {
		return capnp.Ptr{}
	}
	l, ok := newPointers(b, len(v))
	if !ok {
		return capnp.Ptr{}
	}
	for k := range v {
		setAt(b, l, k, c.Elem.EncodeList(b, v[k]))
	}
	return capnp.List(l).ToPtr()
}

// DecodeList implements [Codec].
func (c Lists[T]) DecodeList(r Reader, p capnp.Ptr) [][]T {
	l, ok := pointerList(r, p)
	if !ok || !r.charge(l.Len(), unsafe.Sizeof([]T(nil))) {
		return nil
	}
	v := make([][]T, l.Len())
	for k := range v {
		v[k] = c.Elem.DecodeList(r, at(r, l, k))
	}
	return v
}

// Proxy is the [Codec] of a proxied interface or function T. Generated code
// has one for each.
type Proxy[T any] struct {
	Interface *Interface
	// Describe makes the interface's description, where Interface is nil. That
	// of a generic interface depends on type arguments, and a type argument may
	// lead back to the interface that needs its proxy.
	Describe func() *Interface
	// New makes a proxy client of a capability that it takes over.
	New func(Capability) T
}

func (c *Proxy[T]) description() *Interface {
	if c.Interface == nil {
		return c.Describe()
	}
	return c.Interface
}

// Set passes v at the i-th pointer: a proxy server around it, or null.
func (c *Proxy[T]) Set(b Builder, i uint16, v T) {
	b.SetCapability(i, Export(b, v, c.description()))
}

// Get takes the object at the i-th pointer: a proxy client for it, or nil.
func (c *Proxy[T]) Get(r Reader, i uint16) T {
	return Import(r.Capability(i), c.New)
}

// Encode implements [Codec].
func (c *Proxy[T]) Encode(b Builder, v T) capnp.Ptr {
	return b.CapPtr(Export(b, v, c.description()))
}

// Decode implements [Codec].
func (c *Proxy[T]) Decode(r Reader, p capnp.Ptr) T { return Import(r.CapAt(p), c.New) }

// EncodeList implements [Codec].
func (c *Proxy[T]) EncodeList(b Builder, v []T) capnp.Ptr { return encodePointers(b, v, c) }

// DecodeList implements [Codec].
func (c *Proxy[T]) DecodeList(r Reader, p capnp.Ptr) []T { return decodePointers(r, p, c) }

// Capabilities is the [Codec] of Capability.
type Capabilities struct{}

// Encode implements [Codec].
func (Capabilities) Encode(b Builder, v Capability) capnp.Ptr { return b.CapPtr(v) }

// Decode implements [Codec].
func (Capabilities) Decode(r Reader, p capnp.Ptr) Capability { return r.CapAt(p) }

// EncodeList implements [Codec].
func (c Capabilities) EncodeList(b Builder, v []Capability) capnp.Ptr {
	return encodePointers(b, v, c)
}

// DecodeList implements [Codec].
func (c Capabilities) DecodeList(r Reader, p capnp.Ptr) []Capability {
	return decodePointers(r, p, c)
}

// encodePointers writes a list of pointers, each with its codec.
func encodePointers[T any, C interface {
	Encode(Builder, T) capnp.Ptr
}](b Builder, v []T, c C) capnp.Ptr {
	if v == nil {
		return capnp.Ptr{}
	}
	l, ok := newPointers(b, len(v))
	if !ok {
		return capnp.Ptr{}
	}
	for k := range v {
		setAt(b, l, k, c.Encode(b, v[k]))
	}
	return capnp.List(l).ToPtr()
}

func decodePointers[T any, C interface {
	Decode(Reader, capnp.Ptr) T
}](r Reader, p capnp.Ptr, c C) []T {
	l, ok := pointerList(r, p)
	if !ok || !r.charge(l.Len(), unsafe.Sizeof(*new(T))) {
		return nil
	}
	v := make([]T, l.Len())
	for k := range v {
		v[k] = c.Decode(r, at(r, l, k))
	}
	return v
}
