package mprt

import (
	"errors"
	"fmt"
	"strconv"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// AnyPointer is a value whose type the schema leaves open: an AnyPointer, an
// AnyStruct or an AnyList. It has a message of its own, so that it stays valid
// after the call it came with. It must not be changed. The zero AnyPointer is
// null.
type AnyPointer struct {
	ptr  capnp.Ptr
	caps []Capability // what the interface pointers in ptr's message are indexes of
}

// NewAnyPointer copies what p points at. p must hold no capabilities.
func NewAnyPointer(p capnp.Ptr) (AnyPointer, error) {
	var a AnyPointer
	err := a.fill(p, func(capnp.Ptr) Capability { return Capability{} })
	return a, err
}

// AnyPointerTo encodes a value, such as a generated struct with its
// [Pointers] codec. It must hold no objects of this process: those can only be
// passed in a call.
func AnyPointerTo[T any](v T, c Codec[T]) (AnyPointer, error) {
	_, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	if err != nil {
		return AnyPointer{}, err
	}
	// A struct of no size, for the builder to stand on.
	s, err := capnp.NewStruct(seg, capnp.ObjectSize{})
	if err != nil {
		return AnyPointer{}, err
	}
	b, done := newBuilder(s)
	p := c.Encode(b, v)
	if err := done(); err != nil {
		return AnyPointer{}, err
	}
	return NewAnyPointer(p)
}

// AnyPointerAs decodes what a points at as a T.
func AnyPointerAs[T any](a AnyPointer, c Codec[T]) (T, error) {
	r, done := newReader(capnp.Struct{})
	v := c.Decode(r, a.ptr)
	return v, done()
}

// MustAnyPointer makes an AnyPointer of a message of one segment, without its
// frame. It panics if there is something wrong with it; generated code has
// constants made by it.
func MustAnyPointer(segment string) AnyPointer {
	msg := &capnp.Message{Arena: capnp.SingleSegment([]byte(segment))}
	p, err := msg.Root()
	if err != nil {
		panic(fmt.Sprintf("mprt: broken AnyPointer constant: %v", err))
	}
	return AnyPointer{ptr: p}
}

// MustDecode makes a value of a message of one segment, without its frame. It
// panics if there is something wrong with it; generated code has constants and
// defaults of existing Go types made by it.
func MustDecode[T any](segment string, c Codec[T]) T {
	v, err := AnyPointerAs(MustAnyPointer(segment), c)
	if err != nil {
		panic(fmt.Sprintf("mprt: broken constant: %v", err))
	}
	return v
}

// IsNull reports whether there is nothing.
func (a AnyPointer) IsNull() bool { return !a.ptr.IsValid() }

// String tells what kind of value it is.
func (a AnyPointer) String() string {
	switch {
	case a.IsNull():
		return "null"
	case a.ptr.Struct().IsValid():
		return "struct"
	case a.ptr.List().IsValid():
		return "list of " + strconv.Itoa(a.ptr.List().Len())
	}
	return "object"
}

// Ptr returns the value as go-capnp has it. Capabilities in it mean nothing
// outside.
func (a AnyPointer) Ptr() capnp.Ptr { return a.ptr }

// Capabilities returns the capabilities in the value, which it owns.
func (a AnyPointer) Capabilities() []Capability { return a.caps }

func (a *AnyPointer) fill(p capnp.Ptr, capAt func(capnp.Ptr) Capability) error {
	if !p.IsValid() {
		return nil
	}
	_, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	if err != nil {
		return err
	}
	q, err := copyPtr(seg, p, func(p capnp.Ptr) capnp.Ptr {
		a.caps = append(a.caps, capAt(p))
		return capnp.NewInterface(seg, capnp.CapabilityID(len(a.caps)-1)).ToPtr()
	})
	if err != nil {
		return err
	}
	a.ptr = q
	return seg.Message().SetRoot(q)
}

// bytes is the size of the value's message.
func (a AnyPointer) bytes() int {
	if a.IsNull() {
		return 0
	}
	return len(a.ptr.Segment().Data())
}

// AnyPointers is the [Codec] of AnyPointer.
type AnyPointers struct{}

// Encode implements [Codec].
func (AnyPointers) Encode(b Builder, v AnyPointer) capnp.Ptr {
	p, err := copyPtr(b.Segment(), v.ptr, func(p capnp.Ptr) capnp.Ptr {
		k := int(p.Interface().Capability())
		if k >= len(v.caps) {
			return capnp.Ptr{}
		}
		return b.CapPtr(v.caps[k].AddRef())
	})
	if err != nil {
		b.SetErr(err)
	}
	return p
}

// Decode implements [Codec].
func (AnyPointers) Decode(r Reader, p capnp.Ptr) AnyPointer {
	var a AnyPointer
	if err := a.fill(p, r.CapAt); err != nil {
		r.Fail(err)
	}
	r.charge(a.bytes(), 1)
	return a
}

// EncodeList implements [Codec].
func (c AnyPointers) EncodeList(b Builder, v []AnyPointer) capnp.Ptr {
	return encodePointers(b, v, c)
}

// DecodeList implements [Codec].
func (c AnyPointers) DecodeList(r Reader, p capnp.Ptr) []AnyPointer {
	return decodePointers(r, p, c)
}

// copyPtr copies what p points at into seg's message. go-capnp's own copy
// would look for capabilities in a table that our messages do not have.
func copyPtr(seg *capnp.Segment, p capnp.Ptr, capPtr func(capnp.Ptr) capnp.Ptr) (capnp.Ptr, error) {
	switch {
	case !p.IsValid():
		return capnp.Ptr{}, nil
	case p.Interface().IsValid():
		return capPtr(p), nil
	case p.Struct().IsValid():
		src := p.Struct()
		dst, err := capnp.NewStruct(seg, src.Size())
		if err != nil {
			return capnp.Ptr{}, err
		}
		return dst.ToPtr(), copyFields(dst, src, capPtr)
	}
	return copyList(seg, p.List(), capPtr)
}

func copyFields(dst, src capnp.Struct, capPtr func(capnp.Ptr) capnp.Ptr) error {
	size := src.Size()
	var off capnp.DataOffset
	for ; capnp.Size(off)+8 <= size.DataSize; off += 8 {
		dst.SetUint64(off, src.Uint64(off))
	}
	for ; capnp.Size(off) < size.DataSize; off++ {
		dst.SetUint8(off, src.Uint8(off))
	}
	for i := range size.PointerCount {
		p, err := src.Ptr(i)
		if err != nil {
			return err
		}
		q, err := copyPtr(dst.Segment(), p, capPtr)
		if err != nil {
			return err
		}
		if err := dst.SetPtr(i, q); err != nil {
			return err
		}
	}
	return nil
}

func copyList(seg *capnp.Segment, l capnp.List, capPtr func(capnp.Ptr) capnp.Ptr) (capnp.Ptr, error) {
	n := l.Len()
	if n == 0 {
		// Of no elements only their kind is left to copy, and nothing reads it.
		return capnp.List(capnp.NewVoidList(seg, 0)).ToPtr(), nil
	}
	first := l.Struct(0)
	if !first.IsValid() { // bits
		dst, err := capnp.NewBitList(seg, int32(n))
		if err != nil {
			return capnp.Ptr{}, err
		}
		for k := range n {
			dst.Set(k, capnp.BitList(l).At(k))
		}
		return capnp.List(dst).ToPtr(), nil
	}
	size := first.Size()
	if size.PointerCount == 0 && size.DataSize < 8 {
		return copyPlain(seg, l, size.DataSize)
	}
	// Lists of 8-byte values and of pointers can be read as lists of structs
	// of the same size, so one kind of copy does for them all.
	if size.PointerCount > 0 && vat.TooDeep(l) {
		return capnp.Ptr{}, vat.ErrTooDeep
	}
	dst, err := newLike(seg, l, size)
	if err != nil {
		return capnp.Ptr{}, err
	}
	for k := range n {
		if err := copyFields(dst.Struct(k), l.Struct(k), capPtr); err != nil {
			return capnp.Ptr{}, err
		}
	}
	return dst.ToPtr(), nil
}

func newLike(seg *capnp.Segment, l capnp.List, size capnp.ObjectSize) (capnp.List, error) {
	if size.PointerCount == 1 && size.DataSize == 0 {
		p, err := capnp.NewPointerList(seg, int32(l.Len()))
		return capnp.List(p), err
	}
	return capnp.NewCompositeList(seg, size, int32(l.Len()))
}

func copyPlain(seg *capnp.Segment, l capnp.List, size capnp.Size) (capnp.Ptr, error) {
	n := int32(l.Len())
	switch size {
	case 0:
		if n > maxEmpty {
			return capnp.Ptr{}, fmt.Errorf("list of %d empty values: at most %d are read", n, maxEmpty)
		}
		return capnp.List(capnp.NewVoidList(seg, n)).ToPtr(), nil
	case 1:
		d, err := capnp.NewUInt8List(seg, n)
		for k := 0; err == nil && k < int(n); k++ {
			d.Set(k, capnp.UInt8List(l).At(k))
		}
		return capnp.List(d).ToPtr(), err
	case 2:
		d, err := capnp.NewUInt16List(seg, n)
		for k := 0; err == nil && k < int(n); k++ {
			d.Set(k, capnp.UInt16List(l).At(k))
		}
		return capnp.List(d).ToPtr(), err
	case 4:
		d, err := capnp.NewUInt32List(seg, n)
		for k := 0; err == nil && k < int(n); k++ {
			d.Set(k, capnp.UInt32List(l).At(k))
		}
		return capnp.List(d).ToPtr(), err
	}
	return capnp.Ptr{}, errors.New("list of an unknown kind")
}
