package vat

import (
	"errors"
	"math"
	"reflect"
	"unsafe"

	"capnproto.org/go/capnp/v3"
)

// ErrTooDeep is the error of a message whose lists are nested too deep.
var ErrTooDeep = errors.New("pointers are nested too deep")

// listDepth is where a list has how many levels below it may be read.
var listDepth, hasListDepth = func() (uintptr, bool) {
	f, ok := reflect.TypeFor[capnp.List]().FieldByName("depthLimit")
	return f.Offset, ok && f.Type.Kind() == reflect.Uint
}()

// TooDeep reports whether nothing below l may be read. go-capnp (v3.1.0-alpha.2)
// takes one off for the elements of a list without looking whether any is left,
// and then reads without a limit: a list that contains itself would be followed
// until the stack overflows, which ends the process. So who is about to follow
// pointers from elements of a list asks first.
func TooDeep(l capnp.List) bool {
	return hasListDepth && *(*uint)(unsafe.Add(unsafe.Pointer(&l), listDepth)) == 0
}

// checkDepth follows every pointer from p, as a copy by go-capnp will, and fails
// if one is too deep. What it reads does not count against the message's limit.
func checkDepth(p capnp.Ptr) error {
	var d depthCheck
	err := d.pointer(p)
	for msg := p.Segment().Message(); d.read > 0; {
		n := min(d.read, math.MaxInt32)
		msg.Unread(capnp.Size(n))
		d.read -= n
	}
	return err
}

// depthCheck counts the bytes that are read below the first pointer.
type depthCheck struct{ read uint64 }

func bytesOf(size capnp.ObjectSize, n int) uint64 {
	return (uint64(size.DataSize) + 8*uint64(size.PointerCount)) * uint64(n)
}

func (d *depthCheck) pointer(p capnp.Ptr) error {
	if s := p.Struct(); s.IsValid() {
		return d.fields(s)
	}
	l := p.List()
	if l.Len() == 0 {
		return nil
	}
	if first := l.Struct(0); !first.IsValid() || first.Size().PointerCount == 0 {
		return nil
	}
	if TooDeep(l) {
		return ErrTooDeep
	}
	for i := range l.Len() {
		if err := d.fields(l.Struct(i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *depthCheck) fields(s capnp.Struct) error {
	for i := range s.Size().PointerCount {
		p, err := s.Ptr(i)
		if err != nil {
			return err
		}
		if to := p.Struct(); to.IsValid() {
			d.read += bytesOf(to.Size(), 1)
		} else if l := p.List(); l.Len() > 0 {
			if first := l.Struct(0); first.IsValid() {
				d.read += bytesOf(first.Size(), l.Len())
			}
		}
		if err := d.pointer(p); err != nil {
			return err
		}
	}
	return nil
}
