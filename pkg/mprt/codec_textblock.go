package mprt

import (
	"encoding/binary"
	"unsafe"

	"capnproto.org/go/capnp/v3"
)

// TextBlock writes the texts that the elements of a list point at, in one piece
// behind the list: their memory is got at once, and their pointers are written
// as they come.
type TextBlock struct {
	b    Builder
	list capnp.List
	slot uint16 // the pointer of an element that is a text

	// Places in the list's segment, in bytes; seg is nil if the texts are not
	// beside the list.
	seg       *capnp.Segment
	first     int // the first element's pointer
	elem      int // from one element to the next
	next, end int // where the texts go
}

// textSize is the number of bytes that a text takes, with the NUL behind it.
func textSize(s string) int { return (len(s) + 8) &^ 7 }

// textSizes is the sum of textSize for the keys of a map.
func textSizes[V any](m map[string]V) int {
	n := 0
	for s := range m {
		n += textSize(s)
	}
	return n
}

// NewTextPairs is [NewPairs] for a map whose keys are texts, at the slot-th
// pointer of each pair. [TextBlock.Set] writes them.
func NewTextPairs[V any](b Builder, i uint16, size capnp.ObjectSize, slot uint16, m map[string]V) (capnp.List, TextBlock, bool) {
	l, ok := newStructs(b, size, len(m))
	if !ok {
		return l, TextBlock{}, false
	}
	elem := int(size.DataSize) + 8*int(size.PointerCount)
	t := newTextBlock(b, l, elem, int(size.DataSize)+8*int(slot), textSizes(m))
	t.slot = slot
	b.SetPtr(i, l.ToPtr())
	return l, t, true
}

// GetTextPairs is [GetPairs] for a map whose keys are texts.
func GetTextPairs(r Reader, i uint16) (capnp.List, bool) {
	l, ok := GetPairs(r, i)
	if ok {
		r.expectTexts(l.Len())
	}
	return l, ok
}

// newTexts makes a list of n texts that take total bytes.
func newTexts(b Builder, n, total int) (capnp.List, TextBlock, bool) {
	l, ok := newPointers(b, n)
	if !ok {
		return capnp.List{}, TextBlock{}, false
	}
	return capnp.List(l), newTextBlock(b, capnp.List(l), 8, 0, total), true
}

// newTextBlock gets the memory for the texts of a list that was allocated just
// now. Its elements are elem bytes each, with the pointer at some place in them.
func newTextBlock(b Builder, l capnp.List, elem, pointer, total int) TextBlock {
	t := TextBlock{b: b, list: l}
	seg := l.Segment()
	if l.Len()*elem+total > maxList || total == 0 {
		return t
	}
	first := len(seg.Data()) - l.Len()*elem
	mem, err := capnp.NewUInt8List(seg, int32(total))
	if err != nil {
		b.SetErr(err)
		return t
	}
	if capnp.List(mem).Segment() != seg {
		return t // a new segment, for this one is full
	}
	end := len(seg.Data())
	t.seg, t.first, t.elem, t.next, t.end = seg, first+pointer, elem, end-total, end
	return t
}

// Set writes the text of the k-th element.
func (t *TextBlock) Set(k int, s string) {
	size := textSize(s)
	if t.seg == nil || t.next+size > t.end {
		t.b.SetErr(t.list.Struct(k).SetNewText(t.slot, s))
		return
	}
	// A list pointer: how many words from its end to the list, and the size.
	data := t.seg.Data()
	at := t.first + k*t.elem
	const listTag = 1
	binary.LittleEndian.PutUint32(data[at:], uint32(t.next-at-8)/8<<2|listTag)
	binary.LittleEndian.PutUint32(data[at+4:], uint32(len(s)+1)<<3|byteElems)
	copy(data[t.next:], s)
	t.next += size
}

// Short texts of one list or map share memory, so that each does not take an
// allocation. What is kept of them keeps the others from being collected: hence
// the limits, in bytes.
const (
	shortText  = 32  // a longer text has memory of its own
	textsChunk = 512 // at most, in one piece
)

// sharedTexts is that memory, and how many more texts it is for.
type sharedTexts struct {
	mem  []byte
	more int
}

// expectTexts says that n texts are read next, all of one list or map.
func (r Reader) expectTexts(n int) {
	if r.dec != nil {
		r.dec.texts.more = n
	}
}

// text is the text that p points at, empty for null.
func (r Reader) text(p capnp.Ptr) string {
	s := p.TextBytes()
	if !r.charge(len(s), 1) {
		return ""
	}
	return r.copyText(s)
}

func (r Reader) copyText(s []byte) string {
	if r.dec == nil || r.dec.texts.more == 0 {
		return string(s)
	}
	return r.dec.texts.add(s)
}

func (t *sharedTexts) add(s []byte) string {
	t.more--
	if len(s) == 0 || len(s) > shortText {
		return string(s)
	}
	if len(s) > cap(t.mem)-len(t.mem) {
		if t.more == 0 {
			return string(s)
		}
		// As much as they take if they are all of this length.
		t.mem = make([]byte, 0, min(len(s)*(t.more+1), textsChunk))
	}
	start := len(t.mem)
	t.mem = append(t.mem, s...)
	return unsafe.String(&t.mem[start], len(s))
}
