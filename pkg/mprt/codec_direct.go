package mprt

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"unsafe"

	"capnproto.org/go/capnp/v3"
)

// structView is a capnp.Struct as it is in memory. Following a pointer by
// go-capnp's accessors costs more than copying what most of them lead to.
type structView struct {
	seg  *capnp.Segment
	off  uint32 // of the data section in seg, in bytes
	size capnp.ObjectSize
}

// direct says that a capnp.Struct is what structView takes it for. If another
// version of go-capnp has it otherwise, all goes through the accessors.
var direct = func() bool {
	theirs, ours := reflect.TypeFor[capnp.Struct](), reflect.TypeFor[structView]()
	for i := range ours.NumField() {
		f := ours.Field(i)
		g, ok := theirs.FieldByName(f.Name)
		if !ok || g.Offset != f.Offset || g.Type.Kind() != f.Type.Kind() || g.Type.Size() != f.Type.Size() {
			return false
		}
	}
	return true
}()

// The kinds of elements in list pointers, by the encoding of Cap'n Proto.
const (
	bitElems  = 1
	byteElems = 2 // and 3, 4, 5 for elements of 2, 4 and 8 bytes
)

// elemKind is the kind of elements of size bytes.
func elemKind(size uintptr) uint64 {
	switch size {
	case 1:
		return byteElems
	case 2:
		return byteElems + 1
	case 4:
		return byteElems + 2
	}
	return byteElems + 3
}

// list returns the memory of the list of a kind that the i-th pointer leads to,
// and its length; nil for a null. It leaves to the accessors, by false,
// whatever is not plain: pointers to other segments, lists of another kind,
// pointers to outside.
func (r Reader) list(i uint16, kind uint64) (mem []byte, n int, ok bool) {
	s := (*structView)(unsafe.Pointer(&r.Struct))
	if !direct || s.seg == nil || r.dec == nil {
		return nil, 0, false
	}
	if i >= s.size.PointerCount {
		return nil, 0, true
	}
	data := s.seg.Data()
	at := int64(s.off) + int64(s.size.DataSize) + 8*int64(i)
	if at+8 > int64(len(data)) {
		return nil, 0, false
	}
	p := binary.LittleEndian.Uint64(data[at:])
	if p == 0 {
		return nil, 0, true
	}
	if p&3 != 1 || p>>32&7 != kind {
		return nil, 0, false
	}
	start := at + 8 + int64(int32(p)>>2)*8
	count := int64(p >> 35)
	size := (count + 7) / 8
	if kind != bitElems {
		size = count << (kind - byteElems)
	}
	if start < 0 || start+size > int64(len(data)) {
		return nil, 0, false
	}
	if r.dec.read += size; r.dec.read > r.dec.may && !r.mayRead() {
		return nil, 0, true
	}
	return data[start : start+size : start+size], int(count), true
}

// mayRead reports whether the message's limit allows what was read so far. It is
// asked when the limit is to be found out, and beyond it.
func (r Reader) mayRead() bool {
	d := r.dec
	d.may = defaultTraverse
	if limit := r.Message().TraverseLimit; limit > 0 {
		d.may = int64(min(limit, math.MaxInt64))
	}
	if d.read <= d.may {
		return true
	}
	r.Fail(fmt.Errorf("lists and texts of more than %d bytes in all are read from the message", d.may))
	return false
}
