package mprt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"capnproto.org/go/capnp/v3"
)

// Number is what a list of numbers or enums can hold. Go's int and uint are
// not among them: the wire's sizes are fixed.
type Number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// SetNumbers writes a list of numbers or enums to the i-th pointer; nil is
// null.
func SetNumbers[T Number](b Builder, i uint16, v []T) {
	if v != nil {
		b.SetPtr(i, encodeNumbers(b, v))
	}
}

// GetNumbers reads a list of numbers or enums from the i-th pointer; null is
// nil.
func GetNumbers[T Number](r Reader, i uint16) []T {
	size := unsafe.Sizeof(*new(T))
	if mem, n, ok := r.list(i, elemKind(size)); ok {
		if mem == nil || !r.charge(n, size) {
			return nil
		}
		v := make([]T, n)
		copyNumbers(v, mem)
		return v
	}
	p, err := r.Struct.Ptr(i)
	if err != nil {
		r.Fail(err)
	}
	return decodeNumbers[T](r, p)
}

// newNumbers makes a list of n values of size bytes each, and returns it with
// its memory. The memory is the end of its segment: go-capnp allocates nowhere
// else.
func newNumbers(b Builder, size uintptr, n int) (capnp.Ptr, []byte) {
	if !fits(b, n) {
		return capnp.Ptr{}, nil
	}
	var l capnp.List
	var err error
	switch size {
	case 1:
		var u capnp.UInt8List
		u, err = capnp.NewUInt8List(b.Segment(), int32(n))
		l = capnp.List(u)
	case 2:
		var u capnp.UInt16List
		u, err = capnp.NewUInt16List(b.Segment(), int32(n))
		l = capnp.List(u)
	case 4:
		var u capnp.UInt32List
		u, err = capnp.NewUInt32List(b.Segment(), int32(n))
		l = capnp.List(u)
	default:
		var u capnp.UInt64List
		u, err = capnp.NewUInt64List(b.Segment(), int32(n))
		l = capnp.List(u)
	}
	if err != nil {
		b.SetErr(err)
		return capnp.Ptr{}, nil
	}
	return l.ToPtr(), tail(l, n*int(size))
}

// tail is the memory of a list of n bytes that was allocated just now.
func tail(l capnp.List, n int) []byte {
	data := l.Segment().Data()
	start := len(data) - (n+7)&^7
	return data[start : start+n]
}

func encodeNumbers[T Number](b Builder, v []T) capnp.Ptr {
	p, mem := newNumbers(b, unsafe.Sizeof(*new(T)), len(v))
	if len(mem) == 0 {
		return p
	}
	switch unsafe.Sizeof(*new(T)) {
	case 1:
		copy(mem, unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)))
	case 2:
		for k := range v {
			binary.LittleEndian.PutUint16(mem[2*k:], *(*uint16)(unsafe.Pointer(&v[k])))
		}
	case 4:
		for k := range v {
			binary.LittleEndian.PutUint32(mem[4*k:], *(*uint32)(unsafe.Pointer(&v[k])))
		}
	default:
		for k := range v {
			binary.LittleEndian.PutUint64(mem[8*k:], *(*uint64)(unsafe.Pointer(&v[k])))
		}
	}
	return p
}

// numbers returns the list that p points at, if its elements can hold values
// of size bytes.
func numbers(r Reader, p capnp.Ptr, size capnp.Size) (capnp.List, bool) {
	l, ok := list(r, p)
	if ok && l.Len() > 0 && l.Struct(0).Size().DataSize < size {
		r.Fail(fmt.Errorf("list of smaller values where the schema has values of %d bytes", size))
		return l, false
	}
	return l, ok
}

// copyNumbers fills v from memory of the wire.
func copyNumbers[T Number](v []T, mem []byte) {
	if len(v) == 0 {
		return
	}
	if littleEndian || unsafe.Sizeof(v[0]) == 1 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(mem)), mem)
		return
	}
	switch unsafe.Sizeof(v[0]) {
	case 2:
		for k := range v {
			*(*uint16)(unsafe.Pointer(&v[k])) = binary.LittleEndian.Uint16(mem[2*k:])
		}
	case 4:
		for k := range v {
			*(*uint32)(unsafe.Pointer(&v[k])) = binary.LittleEndian.Uint32(mem[4*k:])
		}
	default:
		for k := range v {
			*(*uint64)(unsafe.Pointer(&v[k])) = binary.LittleEndian.Uint64(mem[8*k:])
		}
	}
}

// littleEndian says that this machine has numbers in memory as the wire has.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

func decodeNumbers[T Number](r Reader, p capnp.Ptr) []T {
	size := unsafe.Sizeof(*new(T))
	l, ok := numbers(r, p, capnp.Size(size))
	if !ok || !r.charge(l.Len(), size) {
		return nil
	}
	v := make([]T, l.Len())
	switch size {
	case 1:
		for k := range v {
			*(*uint8)(unsafe.Pointer(&v[k])) = capnp.UInt8List(l).At(k)
		}
	case 2:
		for k := range v {
			*(*uint16)(unsafe.Pointer(&v[k])) = capnp.UInt16List(l).At(k)
		}
	case 4:
		for k := range v {
			*(*uint32)(unsafe.Pointer(&v[k])) = capnp.UInt32List(l).At(k)
		}
	default:
		for k := range v {
			*(*uint64)(unsafe.Pointer(&v[k])) = capnp.UInt64List(l).At(k)
		}
	}
	return v
}

// SetNumberSet writes a set of numbers or enums to the i-th pointer, in no
// particular order; nil is null.
func SetNumberSet[T Number](b Builder, i uint16, v map[T]struct{}) {
	if v == nil {
		return
	}
	p, mem := newNumbers(b, unsafe.Sizeof(*new(T)), len(v))
	b.SetPtr(i, p)
	for x := range v {
		if len(mem) == 0 {
			return // the list was too long, and the call fails
		}
		switch unsafe.Sizeof(x) {
		case 1:
			mem[0] = *(*uint8)(unsafe.Pointer(&x))
		case 2:
			binary.LittleEndian.PutUint16(mem, *(*uint16)(unsafe.Pointer(&x)))
		case 4:
			binary.LittleEndian.PutUint32(mem, *(*uint32)(unsafe.Pointer(&x)))
		default:
			binary.LittleEndian.PutUint64(mem, *(*uint64)(unsafe.Pointer(&x)))
		}
		mem = mem[unsafe.Sizeof(x):]
	}
}

// GetNumberSet reads a set of numbers or enums from the i-th pointer; null is
// nil.
func GetNumberSet[T Number](r Reader, i uint16) map[T]struct{} {
	size := unsafe.Sizeof(*new(T))
	l, ok := numbers(r, r.Ptr(i), capnp.Size(size))
	if !ok || !r.charge(l.Len(), pairSize) {
		return nil
	}
	v := make(map[T]struct{}, l.Len())
	for k := range l.Len() {
		var x T
		switch size {
		case 1:
			*(*uint8)(unsafe.Pointer(&x)) = capnp.UInt8List(l).At(k)
		case 2:
			*(*uint16)(unsafe.Pointer(&x)) = capnp.UInt16List(l).At(k)
		case 4:
			*(*uint32)(unsafe.Pointer(&x)) = capnp.UInt32List(l).At(k)
		default:
			*(*uint64)(unsafe.Pointer(&x)) = capnp.UInt64List(l).At(k)
		}
		v[x] = struct{}{}
	}
	return v
}

// SetBools writes a list of Bool to the i-th pointer; nil is null.
func SetBools(b Builder, i uint16, v []bool) {
	if v != nil {
		b.SetPtr(i, encodeBools(b, v))
	}
}

// GetBools reads a list of Bool from the i-th pointer; null is nil.
func GetBools(r Reader, i uint16) []bool {
	if mem, n, ok := r.list(i, bitElems); ok {
		if mem == nil || !r.charge(n, 1) {
			return nil
		}
		v := make([]bool, n)
		for k := range v {
			v[k] = mem[k/8]>>(k%8)&1 != 0
		}
		return v
	}
	return decodeBools(r, r.Ptr(i))
}

func encodeBools(b Builder, v []bool) capnp.Ptr {
	if !fits(b, len(v)) {
		return capnp.Ptr{}
	}
	l, err := capnp.NewBitList(b.Segment(), int32(len(v)))
	if err != nil {
		b.SetErr(err)
		return capnp.Ptr{}
	}
	mem := tail(capnp.List(l), (len(v)+7)/8)
	for k, x := range v {
		if x {
			mem[k/8] |= 1 << (k % 8)
		}
	}
	return capnp.List(l).ToPtr()
}

func decodeBools(r Reader, p capnp.Ptr) []bool {
	l, ok := list(r, p)
	if !ok {
		return nil
	}
	if l.Len() > 0 && l.Struct(0).IsValid() {
		r.Fail(errors.New("list of something other than bits where the schema has a list of Bool"))
		return nil
	}
	if !r.charge(l.Len(), 1) {
		return nil
	}
	v := make([]bool, l.Len())
	for k := range v {
		v[k] = capnp.BitList(l).At(k)
	}
	return v
}

// SetVoids writes a list of Void to the i-th pointer; nil is null.
func SetVoids(b Builder, i uint16, v []struct{}) {
	if v != nil {
		b.SetPtr(i, Voids{}.EncodeList(b, v))
	}
}

// GetVoids reads a list of Void from the i-th pointer; null is nil.
func GetVoids(r Reader, i uint16) []struct{} { return Voids{}.DecodeList(r, r.Ptr(i)) }

// Numbers is the [Elem] of numbers and enums.
type Numbers[T Number] struct{}

// EncodeList implements [Elem].
func (Numbers[T]) EncodeList(b Builder, v []T) capnp.Ptr {
	if v == nil {
		return capnp.Ptr{}
	}
	return encodeNumbers(b, v)
}

// DecodeList implements [Elem].
func (Numbers[T]) DecodeList(r Reader, p capnp.Ptr) []T { return decodeNumbers[T](r, p) }

// Bools is the [Elem] of Bool.
type Bools struct{}

// EncodeList implements [Elem].
func (Bools) EncodeList(b Builder, v []bool) capnp.Ptr {
	if v == nil {
		return capnp.Ptr{}
	}
	return encodeBools(b, v)
}

// DecodeList implements [Elem].
func (Bools) DecodeList(r Reader, p capnp.Ptr) []bool { return decodeBools(r, p) }

// Voids is the [Elem] of Void.
type Voids struct{}

// EncodeList implements [Elem].
func (Voids) EncodeList(b Builder, v []struct{}) capnp.Ptr {
	if v == nil || !fits(b, len(v)) {
		return capnp.Ptr{}
	}
	return capnp.List(capnp.NewVoidList(b.Segment(), int32(len(v)))).ToPtr()
}

// DecodeList implements [Elem].
func (Voids) DecodeList(r Reader, p capnp.Ptr) []struct{} {
	l, ok := list(r, p)
	if !ok {
		return nil
	}
	return make([]struct{}, l.Len())
}
