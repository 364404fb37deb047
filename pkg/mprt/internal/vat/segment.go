package vat

import (
	"encoding/binary"
	"reflect"
	"unsafe"

	"capnproto.org/go/capnp/v3"
)

// A message keeps its arena, and that its memory, from one life to the next. To
// give both back to go-capnp's pools and to take others for each message costs
// as much as all that is then written into it.

// keptSegment is how much memory a message keeps; most need a tenth.
const keptSegment = 16 << 10

// segmentView is a capnp.Segment as it is in memory: go-capnp has no way to
// empty one and keep what it holds.
type segmentView struct {
	msg  *capnp.Message
	id   capnp.SegmentID
	data []byte
}

// emptiable says that a capnp.Segment is what segmentView takes it for. If
// another version of go-capnp has it otherwise, its pools are used.
var emptiable = func() bool {
	theirs, ours := reflect.TypeFor[capnp.Segment](), reflect.TypeFor[segmentView]()
	for i := range ours.NumField() {
		f := ours.Field(i)
		g, ok := theirs.FieldByName(f.Name)
		if !ok || g.Offset != f.Offset || g.Type != f.Type {
			return false
		}
	}
	return theirs.NumField() == ours.NumField()
}()

// renew gives m an empty arena.
func (m *message) renew() {
	m.own = capnp.SingleSegment(nil)
	m.adopt()
}

// adopt makes m's own arena, which has a segment from the beginning, that of
// its message, in place of another, which is given back.
func (m *message) adopt() {
	seg, err := m.msg.Reset(m.own)
	if err != nil {
		panic("vat: an arena of one segment has none: " + err.Error())
	}
	m.seg = seg
}

// empty ends a life of m.
func (m *message) empty() {
	if m.msg.Arena != m.own {
		m.adopt()
		return
	}
	data := m.seg.Data()
	if !emptiable || cap(data) > keptSegment || m.msg.CapTable().Len() > 0 {
		m.renew()
		return
	}
	clear(data) // what go-capnp allocates behind the end must be zero
	(*segmentView)(unsafe.Pointer(m.seg)).data = data[:0]
}

// allocate appends size bytes to the first segment of a message of our own,
// which may move it, and returns them.
func (m *message) allocate(size int) ([]byte, error) {
	_, at, err := m.own.Allocate(capnp.Size(size), &m.msg, m.seg)
	if err != nil {
		return nil, err
	}
	return m.data()[at:], nil
}

// frameArena is the arena of a frame of several segments, as large data comes
// in. go-capnp's own would be three allocations for each frame.
type frameArena struct {
	*capnp.ReadOnlySingleSegment // of which it has that nothing can be allocated in it
	segs                         []*capnp.Segment
}

func newFrameArena() *frameArena {
	return &frameArena{ReadOnlySingleSegment: capnp.NewReadOnlySingleSegment(nil)}
}

// keptSegments is how many segments an arena keeps for the next frame.
const keptSegments = 4

// cut makes the segments of frame the arena's, which has none.
func (a *frameArena) cut(frame []byte) error {
	if len(frame) < wordSize {
		return failedf("frame has no segment table")
	}
	n := uint64(binary.LittleEndian.Uint32(frame)) + 1
	at := (n/2 + 1) * wordSize
	if n > maxSegments || at > uint64(len(frame)) {
		return failedf("frame has no table of %d segments", n)
	}
	sizes := frame[4:]
	for id := range n {
		end := at + uint64(binary.LittleEndian.Uint32(sizes[4*id:]))*wordSize
		if end > uint64(len(frame)) {
			a.Release()
			return failedf("segment %d is longer than its frame", id)
		}
		if id < uint64(cap(a.segs)) {
			a.segs = a.segs[:id+1]
		} else {
			a.segs = append(a.segs, nil)
		}
		if a.segs[id] == nil {
			a.segs[id] = new(capnp.Segment)
		}
		*(*segmentView)(unsafe.Pointer(a.segs[id])) = segmentView{id: capnp.SegmentID(id), data: frame[at:end:end]}
		at = end
	}
	return nil
}

// NumSegments implements [capnp.Arena], as do the following.
func (a *frameArena) NumSegments() int64 { return int64(len(a.segs)) }

func (a *frameArena) Segment(id capnp.SegmentID) *capnp.Segment {
	if uint64(id) >= uint64(len(a.segs)) {
		return nil
	}
	return a.segs[id]
}

// Release ends the use of the frame.
func (a *frameArena) Release() {
	for _, seg := range a.segs {
		*(*segmentView)(unsafe.Pointer(seg)) = segmentView{}
	}
	if len(a.segs) > keptSegments {
		a.segs = nil
	}
	a.segs = a.segs[:0]
}
