package rpctext

import (
	"strconv"
	"unicode/utf8"

	"capnproto.org/go/capnp/v3"
)

// pointer prints what a pointer of unknown type points to.
func (p *printer) pointer(ptr capnp.Ptr, err error) {
	switch {
	case p.full:
	case err != nil:
		p.problem(err)
	case !ptr.IsValid():
		p.add("null")
	case ptr.Struct().IsValid():
		p.structure(ptr.Struct())
	case ptr.List().IsValid():
		p.list(ptr)
	default:
		p.add("<")
		p.number(uint64(ptr.Interface().Capability()))
		p.add(">")
	}
}

// structure prints a struct's data words and then its pointers.
func (p *printer) structure(s capnp.Struct) {
	size := s.Size()
	p.add("(")
	for off := capnp.Size(0); off < size.DataSize && !p.full; off += 8 {
		if off > 0 {
			p.add(" ")
		}
		p.hex(s.Uint64(capnp.DataOffset(off)))
	}
	for i := uint16(0); i < size.PointerCount && !p.full; i++ {
		if i > 0 || size.DataSize > 0 {
			p.add(" ")
		}
		p.pointer(s.Ptr(i))
	}
	p.add(")")
}

func (p *printer) list(ptr capnp.Ptr) {
	l := ptr.List()
	n := l.Len()
	if n == 0 {
		p.add("[]")
		return
	}
	element := l.Struct(0)
	if !element.IsValid() {
		p.bits(capnp.BitList(l))
		return
	}
	size := element.Size()
	switch {
	case size.DataSize == 0 && size.PointerCount == 0:
		p.add("[" + strconv.Itoa(n) + "×()]")
		return
	case size.DataSize == 1 && size.PointerCount == 0:
		p.bytes(ptr.Data())
		return
	}
	p.add("[")
	for i := 0; i < n && !p.full; i++ {
		if i > 0 {
			p.add(" ")
		}
		switch {
		case size.PointerCount > 0 && size.DataSize == 0 && size.PointerCount == 1:
			p.pointer(capnp.PointerList(l).At(i))
		case size.PointerCount == 0 && size.DataSize == 2:
			p.number(uint64(l.Struct(i).Uint16(0)))
		case size.PointerCount == 0 && size.DataSize == 4:
			p.number(uint64(l.Struct(i).Uint32(0)))
		case size.PointerCount == 0 && size.DataSize == 8:
			p.number(l.Struct(i).Uint64(0))
		default:
			p.structure(l.Struct(i))
		}
	}
	p.add("]")
}

func (p *printer) bits(l capnp.BitList) {
	p.add("[")
	for i := 0; i < l.Len() && !p.full; i++ {
		if l.At(i) {
			p.add("1")
		} else {
			p.add("0")
		}
	}
	p.add("]")
}

// bytes prints Text as quoted text and Data in hexadecimal.
func (p *printer) bytes(data []byte) {
	if text := data[:len(data)-1]; data[len(data)-1] == 0 && isText(text[:min(len(text), p.max)]) {
		p.quoted(text)
		return
	}
	p.number(uint64(len(data)))
	p.add(":")
	for _, c := range data {
		if p.full {
			return
		}
		const digits = "0123456789abcdef"
		p.add(string([]byte{digits[c>>4], digits[c&15]}))
	}
}

// isText tells whether bytes, which may have been cut anywhere, are UTF-8 without control characters.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 && utf8.FullRune(b) || r < ' ' && r != '\n' && r != '\t' {
			return false
		}
		b = b[n:]
	}
	return true
}
