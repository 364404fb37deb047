package mprt

import (
	"errors"
	"fmt"
	"unsafe"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Struct is what encodes itself into a Cap'n Proto struct and decodes itself
// from one: a pointer to a generated struct, or to a type with a codec written
// by hand. MarshalCapnp and UnmarshalCapnp report errors through
// [Builder.SetErr] and [Reader.Fail].
type Struct interface {
	// CapnpSize is the size of the struct on the wire. It does not depend on
	// the value, and may be called on a nil pointer.
	CapnpSize() capnp.ObjectSize
	// MarshalCapnp writes the value to b, whose fields are all zero.
	MarshalCapnp(b Builder)
	// UnmarshalCapnp sets every field from r. It keeps nothing of r's memory.
	UnmarshalCapnp(r Reader)
}

// StructPtr is the constraint for a pointer to T that is a [Struct].
type StructPtr[T any] interface {
	*T
	Struct
}

// Codec carries values of type T where the wire has a pointer. It is what
// stands for a type argument of a generic struct or interface.
type Codec[T any] interface {
	Elem[T]
	// Encode returns a pointer to the value, in b's message.
	Encode(b Builder, v T) capnp.Ptr
	// Decode returns the value that p points at.
	Decode(r Reader, p capnp.Ptr) T
}

// Elem carries lists of T.
type Elem[T any] interface {
	// EncodeList returns a pointer to a list, in b's message; null for a nil
	// slice.
	EncodeList(b Builder, v []T) capnp.Ptr
	// DecodeList returns the list that p points at; nil for null.
	DecodeList(r Reader, p capnp.Ptr) []T
}

// StructCodec carries values of type T that do not encode themselves: a
// generic struct, or a type of another package.
type StructCodec[T any] interface {
	Size() capnp.ObjectSize
	Marshal(b Builder, v *T)
	Unmarshal(r Reader, v *T)
}

// SetValue writes v to the i-th pointer with its codec.
func SetValue[T any](b Builder, i uint16, v T, c Codec[T]) {
	b.SetPtr(i, c.Encode(b, v))
}

// GetValue reads the i-th pointer with its codec.
func GetValue[T any](r Reader, i uint16, c Codec[T]) T {
	return c.Decode(r, r.Ptr(i))
}

// SetList writes a list whose elements need a codec.
func SetList[T any](b Builder, i uint16, v []T, c Elem[T]) {
	if v != nil {
		b.SetPtr(i, c.EncodeList(b, v))
	}
}

// GetList reads a list whose elements need a codec.
func GetList[T any](r Reader, i uint16, c Elem[T]) []T {
	return c.DecodeList(r, r.Ptr(i))
}

// SetStruct writes a struct to the i-th pointer; nil is null.
func SetStruct[T any, P StructPtr[T]](b Builder, i uint16, v P) {
	if v != nil && b.enter() {
		v.MarshalCapnp(b.NewStruct(i, v.CapnpSize()))
		b.leave()
	}
}

// GetStruct reads the struct at the i-th pointer; null is nil.
func GetStruct[T any, P StructPtr[T]](r Reader, i uint16) *T {
	s := r.StructAt(i)
	if !s.IsValid() || !r.charge(1, unsafe.Sizeof(*new(T))) {
		return nil
	}
	v := new(T)
	P(v).UnmarshalCapnp(s)
	return v
}

// GetStructValue reads the struct at the i-th pointer; null is what a struct
// without any field set is.
func GetStructValue[T any, P StructPtr[T]](r Reader, i uint16) T {
	var v T
	P(&v).UnmarshalCapnp(r.StructAt(i))
	return v
}

// SetStructWith is [SetStruct] for a type that does not encode itself.
func SetStructWith[T any](b Builder, i uint16, v *T, c StructCodec[T]) {
	if v != nil && b.enter() {
		c.Marshal(b.NewStruct(i, c.Size()), v)
		b.leave()
	}
}

// GetStructWith is [GetStruct] for a type that does not decode itself.
func GetStructWith[T any](r Reader, i uint16, c StructCodec[T]) *T {
	s := r.StructAt(i)
	if !s.IsValid() || !r.charge(1, unsafe.Sizeof(*new(T))) {
		return nil
	}
	v := new(T)
	c.Unmarshal(s, v)
	return v
}

// GetStructValueWith is [GetStructValue] for a type that does not decode
// itself.
func GetStructValueWith[T any](r Reader, i uint16, c StructCodec[T]) T {
	var v T
	c.Unmarshal(r.StructAt(i), &v)
	return v
}

// SetStructs writes a list of structs to the i-th pointer; nil is null.
func SetStructs[T any, P StructPtr[T]](b Builder, i uint16, v []T) {
	if v == nil {
		return
	}
	l, ok := newStructs(b, P(nil).CapnpSize(), len(v))
	if !ok || !b.enter() {
		return
	}
	b.SetPtr(i, l.ToPtr())
	for k := range v {
		P(&v[k]).MarshalCapnp(b.With(l.Struct(k)))
	}
	b.leave()
}

// GetStructs reads a list of structs from the i-th pointer; null is nil.
func GetStructs[T any, P StructPtr[T]](r Reader, i uint16) []T {
	return decodeStructs[T, P](r, r.Ptr(i))
}

func decodeStructs[T any, P StructPtr[T]](r Reader, p capnp.Ptr) []T {
	l, ok := structList(r, p)
	if !ok || !r.charge(l.Len(), unsafe.Sizeof(*new(T))) {
		return nil
	}
	v := make([]T, l.Len())
	for k := range v {
		P(&v[k]).UnmarshalCapnp(r.With(l.Struct(k)))
	}
	return v
}

// maxDepth is how deep structs may be nested: what go-capnp and the C++ library
// read at the most. It also ends values that contain themselves.
const maxDepth = 64

var errTooDeep = fmt.Errorf("structs nested more than %d deep, or one that contains itself", maxDepth)

// enter reports whether a struct may be written inside the one at hand.
func (b Builder) enter() bool {
	if b.enc == nil {
		return true
	}
	if b.enc.depth == maxDepth {
		b.SetErr(errTooDeep)
		return false
	}
	b.enc.depth++
	return true
}

func (b Builder) leave() {
	if b.enc != nil {
		b.enc.depth--
	}
}

// Optional returns a pointer to v, or nil if it is not there.
func Optional[T any](has bool, v T) *T {
	if !has {
		return nil
	}
	return &v
}

// IfSet returns v, or what stands for nothing if it is not there.
func IfSet[T any](has bool, v T) T {
	if !has {
		v = *new(T)
	}
	return v
}

// NewPairs makes the list for a map or any other list of structs that
// generated code fills in itself, and sets the i-th pointer to it. It reports
// whether that went well; if not, the call fails.
func NewPairs(b Builder, i uint16, size capnp.ObjectSize, n int) (capnp.List, bool) {
	l, ok := newStructs(b, size, n)
	if ok {
		b.SetPtr(i, l.ToPtr())
	}
	return l, ok
}

// GetPairs returns the list of structs at the i-th pointer, and whether it is
// there.
func GetPairs(r Reader, i uint16) (capnp.List, bool) {
	l, ok := structList(r, r.Ptr(i))
	return l, ok && r.charge(l.Len(), pairSize)
}

// pairSize is about what an entry of a map takes.
const pairSize = 64

func newStructs(b Builder, size capnp.ObjectSize, n int) (capnp.List, bool) {
	if !fits(b, n) {
		return capnp.List{}, false
	}
	l, err := capnp.NewCompositeList(b.Segment(), size, int32(n))
	if err != nil {
		b.SetErr(err)
		return capnp.List{}, false
	}
	return l, true
}

// maxList is the number of elements that a list pointer can count.
const maxList = 1<<29 - 1

func fits(b Builder, n int) bool {
	if n > maxList {
		b.SetErr(fmt.Errorf("list of %d elements: Cap'n Proto has room for %d", n, maxList))
		return false
	}
	return true
}

// maxEmpty bounds the lists whose elements take no room on the wire: a few
// bytes could claim any number of them.
const maxEmpty = 1 << 16

var errNotList = errors.New("pointer to something other than a list where the schema has a list")

// list returns the list that p points at, and whether there is one.
func list(r Reader, p capnp.Ptr) (capnp.List, bool) {
	if !p.IsValid() {
		return capnp.List{}, false
	}
	l := p.List()
	if !l.IsValid() {
		r.Fail(errNotList)
		return l, false
	}
	return l, true
}

func structList(r Reader, p capnp.Ptr) (capnp.List, bool) {
	l, ok := list(r, p)
	if ok && l.Len() > maxEmpty && l.Struct(0).Size() == (capnp.ObjectSize{}) {
		r.Fail(fmt.Errorf("list of %d empty structs: at most %d are read", l.Len(), maxEmpty))
		return l, false
	}
	if ok && vat.TooDeep(l) {
		r.Fail(vat.ErrTooDeep)
		return l, false
	}
	return l, ok
}

// A few bytes can make much memory: pointers to one and the same list or text,
// and elements that are small or empty on the wire. What is decoded of a message
// of n bytes may be freeBytes, maxGrowth for each of its first growthBytes, and
// largeGrowth for each byte. That is room for any message that is not made for
// it: a list of bits takes eight times as much here.
const (
	freeBytes   = 1 << 20
	maxGrowth   = 64
	growthBytes = 4 << 20
	largeGrowth = 8
)

// chargeStep is how much may be decoded before anybody is asked.
const chargeStep = 64 << 10

// charge reports whether n more elements of a size may be decoded.
func (r Reader) charge(n int, size uintptr) bool {
	d := r.dec
	if d == nil {
		return true
	}
	d.made += int64(n) * int64(size)
	return d.made <= chargeStep || d.made <= d.asked || r.chargeMore()
}

// chargeMore holds what has been decoded against the message, and what that is
// more than the message itself against the connection, which counts this until
// the call has returned.
func (r Reader) chargeMore() bool {
	var size int64
	if msg := r.Message(); msg != nil {
		for i := range msg.NumSegments() {
			if seg, err := msg.Segment(capnp.SegmentID(i)); err == nil {
				size += int64(len(seg.Data()))
			}
		}
	}
	d := r.dec
	limit := freeBytes + maxGrowth*min(size, growthBytes) + largeGrowth*size
	if d.made > limit {
		r.Fail(fmt.Errorf("lists and texts of %d bytes in all, in a message that may have %d", d.made, limit))
		return false
	}
	if more := d.made - size - d.held; more > 0 && d.call != nil {
		if err := d.call.call.Hold(int(more)); err != nil {
			r.Fail(err)
			return false
		}
		d.held += more
	}
	d.asked = min(d.made+max(d.made/4, chargeStep), limit)
	return true
}

// pointerList returns the list of pointers that p points at.
func pointerList(r Reader, p capnp.Ptr) (capnp.PointerList, bool) {
	l, ok := list(r, p)
	if ok && l.Len() > 0 && l.Struct(0).Size().PointerCount == 0 {
		r.Fail(errors.New("list of plain values where the schema has a list of pointers"))
		return capnp.PointerList{}, false
	}
	return capnp.PointerList(l), ok
}

func at(r Reader, l capnp.PointerList, k int) capnp.Ptr {
	p, err := l.At(k)
	if err != nil {
		r.Fail(err)
	}
	return p
}

func newPointers(b Builder, n int) (capnp.PointerList, bool) {
	if !fits(b, n) {
		return capnp.PointerList{}, false
	}
	l, err := capnp.NewPointerList(b.Segment(), int32(n))
	if err != nil {
		b.SetErr(err)
		return l, false
	}
	return l, true
}

func setAt(b Builder, l capnp.PointerList, k int, p capnp.Ptr) {
	if err := l.Set(k, p); err != nil {
		b.SetErr(err)
	}
}
