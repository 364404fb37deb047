package vat

import (
	"encoding/binary"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// Calls and returns are all that a busy connection carries, so what surrounds
// their content is written from templates and read in place. The layout is
// that of rpc.capnp; a word is 8 bytes. Whatever is not laid out plainly in one
// segment is read by go-capnp's accessors instead (dispatch.go).
//
// A call as we write it:
//
//	word 0     root pointer
//	word 1-2   Message: which, pointer to the Call
//	word 3-8   Call: question id, method id, which results; interface id; flags;
//	           pointers to target, params, (third party)
//	word 9-10  MessageTarget: id, which; pointer to a PromisedAnswer
//	word 11-12 Payload: pointers to content, capability table
//	word 13-   the params struct
//
// A return as we write it:
//
//	word 0     root pointer
//	word 1-2   Message: which, pointer to the Return
//	word 3-5   Return: answer id, flags, which; other question; pointer to the Payload
//	word 6-7   Payload: pointers to content, capability table
//	word 8-    the results struct
const (
	wordSize = 8

	callQuestion  = 3 * wordSize
	callMethod    = 3*wordSize + 4
	callInterface = 4 * wordSize
	callTarget    = 9 * wordSize
	callContent   = 11 * wordSize
	callTable     = 12 * wordSize

	returnAnswer  = 3 * wordSize
	returnFlags   = 3*wordSize + 4
	returnPayload = 5 * wordSize
	returnContent = 6 * wordSize
	returnTable   = 7 * wordSize

	// Bits of returnFlags.
	keepParamCaps  = 1 << 0 // releaseParamCaps, which defaults to true, inverted
	noFinishNeeded = 1 << 1
)

// structPointer is a pointer to a struct that begins offset words behind it.
func structPointer(offset int32, data, pointers uint16) uint64 {
	return uint64(uint32(offset)<<2) | uint64(data)<<32 | uint64(pointers)<<48
}

var callTemplate = words(
	structPointer(0, 1, 1),
	2, structPointer(0, 3, 3),
	0, 0, 0, structPointer(2, 1, 1), structPointer(3, 0, 2), 0,
	0, 0,
	0, 0,
)

var returnTemplate = words(
	structPointer(0, 1, 1),
	3, structPointer(0, 2, 1),
	0, 0, structPointer(0, 0, 2),
	0, 0,
)

// Bits of a Finish's flags, the upper half of its word.
const (
	keepResultCaps           = 1 << 0 // releaseResultCaps, which defaults to true, inverted
	noCancellationWorkaround = 1 << 1 // requireEarlyCancellationWorkaround, likewise
)

// appendNote appends the frame of a Finish or a Release: segment table, root
// pointer, Message, and one word of data.
func appendNote(b []byte, which rpc.Message_Which, data uint64) []byte {
	b = binary.LittleEndian.AppendUint64(b, 4<<32)
	b = binary.LittleEndian.AppendUint64(b, structPointer(0, 1, 1))
	b = binary.LittleEndian.AppendUint64(b, uint64(which))
	b = binary.LittleEndian.AppendUint64(b, structPointer(0, 1, 0))
	return binary.LittleEndian.AppendUint64(b, data)
}

func words(w ...uint64) []byte {
	b := make([]byte, 0, len(w)*wordSize)
	for _, v := range w {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// newEnvelope returns a message that begins with a template, and behind it a
// struct of a size, to which the template's content pointer refers.
func newEnvelope(template []byte, contentPointer int, size capnp.ObjectSize) (*message, capnp.Struct, error) {
	m := emptyMessage(outgoing)
	b, err := m.allocate(len(template))
	if err != nil {
		m.recycle()
		return nil, capnp.Struct{}, err
	}
	copy(b, template)
	content, err := capnp.NewStruct(m.seg, size)
	if err != nil {
		m.recycle()
		return nil, capnp.Struct{}, err
	}
	size = content.Size()
	offset := int32(len(template)/wordSize - contentPointer/wordSize - 1)
	if size == (capnp.ObjectSize{}) {
		offset = -1 // so that it is not null
	}
	m.putWord(contentPointer, structPointer(offset, uint16(size.DataSize/wordSize), size.PointerCount))
	return m, content, nil
}

// payload is what carries the content of a call or of a return with results.
func (m *message) payload() (rpc.Payload, error) {
	if err := m.readRoot(); err != nil {
		return rpc.Payload{}, err
	}
	if m.root.Which() == rpc.Message_Which_call {
		call, err := m.root.Call()
		if err != nil {
			return rpc.Payload{}, err
		}
		return call.Params()
	}
	ret, err := m.root.Return()
	if err != nil {
		return rpc.Payload{}, err
	}
	return ret.Results()
}

// setContent makes p, which is in m, the content of a call or a return.
func (m *message) setContent(p capnp.Ptr) error {
	payload, err := m.payload()
	if err != nil {
		return err
	}
	return payload.SetContent(p)
}

// data is the first segment's bytes.
func (m *message) data() []byte { return m.seg.Data() }

func (m *message) putWord(at int, v uint64)   { binary.LittleEndian.PutUint64(m.data()[at:], v) }
func (m *message) putUint32(at int, v uint32) { binary.LittleEndian.PutUint32(m.data()[at:], v) }

// newTable appends a capability table for n capabilities and sets the pointer
// to it.
func (m *message) newTable(pointer, n int) (capnp.List, error) {
	at := len(m.data())
	list, err := capnp.NewCompositeList(m.seg, capnp.ObjectSize{DataSize: 8, PointerCount: 1}, int32(n))
	if err != nil {
		return capnp.List{}, err
	}
	offset := uint32((at - pointer - wordSize) / wordSize)
	m.putWord(pointer, uint64(offset<<2)|compositeList|uint64(2*n)<<35)
	return list, nil
}

// aimAtPart aims a call at a part of a question's results: it appends a
// PromisedAnswer with its transform.
func (m *message) aimAtPart(question uint32, path []uint16) error {
	at := len(m.data())
	block := capnp.ObjectSize{DataSize: capnp.Size(3+len(path)) * wordSize}
	if _, err := capnp.NewStruct(m.seg, block); err != nil {
		return err
	}
	const pointer = callTarget + wordSize
	m.putUint32(callTarget, 0)
	m.putUint32(callTarget+4, uint32(rpc.MessageTarget_Which_promisedAnswer))
	m.putWord(pointer, structPointer(int32((at-pointer)/wordSize-1), 1, 1))
	m.putWord(at, uint64(question))
	m.putWord(at+wordSize, compositeList|uint64(len(path))<<35)
	m.putWord(at+2*wordSize, structPointer(int32(len(path)), 1, 0))
	for i, index := range path {
		m.putWord(at+(3+i)*wordSize, uint64(rpc.PromisedAnswer_Op_Which_getPointerField)|uint64(index)<<16)
	}
	return nil
}

// plain reads structs of a message that is one segment with near pointers.
// Every place is checked against the segment's end.
type plain []byte

// plainStruct is where a struct's sections are; the zero value is an empty one.
type plainStruct struct {
	data, dataEnd int // bytes
	pointers      int // byte offset
	count         int // pointers
}

// structAt follows the pointer at a byte offset. ok is false for anything but
// a near pointer to a struct within the segment.
func (b plain) structAt(pointer int) (s plainStruct, ok bool) {
	if pointer+wordSize > len(b) {
		return s, false
	}
	w := binary.LittleEndian.Uint64(b[pointer:])
	if w&3 != 0 || w == 0 {
		return s, false
	}
	start := int64(pointer) + wordSize + int64(int32(uint32(w))>>2)*wordSize
	data := int64(uint16(w >> 32))
	count := int64(uint16(w >> 48))
	end := start + (data+count)*wordSize
	if start < 0 || end > int64(len(b)) {
		return s, false
	}
	s.data, s.dataEnd = int(start), int(start+data*wordSize)
	s.pointers, s.count = s.dataEnd, int(count)
	return s, true
}

func (b plain) uint16(s plainStruct, off int) uint16 {
	if s.data+off+2 > s.dataEnd {
		return 0
	}
	return binary.LittleEndian.Uint16(b[s.data+off:])
}

func (b plain) uint32(s plainStruct, off int) uint32 {
	if s.data+off+4 > s.dataEnd {
		return 0
	}
	return binary.LittleEndian.Uint32(b[s.data+off:])
}

func (b plain) uint64(s plainStruct, off int) uint64 {
	if s.data+off+8 > s.dataEnd {
		return 0
	}
	return binary.LittleEndian.Uint64(b[s.data+off:])
}

// field follows the i-th pointer of a struct.
func (b plain) field(s plainStruct, i int) (plainStruct, bool) {
	if i >= s.count {
		return plainStruct{}, false
	}
	return b.structAt(s.pointers + i*wordSize)
}

// pointer is the i-th pointer of a struct, 0 if it has none so many.
func (b plain) pointer(s plainStruct, i int) uint64 {
	if i >= s.count {
		return 0
	}
	return binary.LittleEndian.Uint64(b[s.pointers+i*wordSize:])
}

// callHeader is what a plain call says besides its params.
type callHeader struct {
	id           uint32
	target       uint32 // an export, or the question whose answer it is a part of
	onAnswer     bool   // the latter; the part's path is in message.path
	interfaceID  uint64
	methodID     uint16
	noPipelining bool
}

// kind is which message it is; ok is false if the root is not plain.
func (m *message) kind() (which rpc.Message_Which, ok bool) {
	b := plain(m.data())
	root, ok := b.structAt(0)
	return rpc.Message_Which(b.uint16(root, 0)), ok
}

// plainNote reads the word of data of a Finish or a Release.
func (m *message) plainNote() (data uint64, ok bool) {
	b := plain(m.data())
	root, ok := b.structAt(0)
	if !ok {
		return 0, false
	}
	note, ok := b.field(root, 0)
	return b.uint64(note, 0), ok
}

// plainCall reads a call that is on an export or on a part of an answer and
// wants its results sent to the caller. Its capability table is in m.table
// then, and the message's root has become the params' content. ok is false if
// the call is anything else, and then nothing has changed.
func (m *message) plainCall() (h callHeader, ok bool) {
	b := plain(m.data())
	root, ok := b.structAt(0)
	if !ok {
		return h, false
	}
	call, ok := b.field(root, 0)
	if !ok || b.uint16(call, 6) != 0 {
		return h, false
	}
	target, ok := b.field(call, 0)
	if !ok {
		return h, false
	}
	id, onAnswer := b.uint32(target, 0), false
	switch rpc.MessageTarget_Which(b.uint16(target, 4)) {
	case rpc.MessageTarget_Which_importedCap:
	case rpc.MessageTarget_Which_promisedAnswer:
		answer, ok := b.field(target, 0)
		if !ok || !m.plainPath(answer) {
			return h, false
		}
		id, onAnswer = b.uint32(answer, 0), true
	default:
		return h, false
	}
	payload, ok := b.field(call, 1)
	if !ok {
		return h, false
	}
	h = callHeader{
		id:           b.uint32(call, 0),
		target:       id,
		onAnswer:     onAnswer,
		interfaceID:  b.uint64(call, 8),
		methodID:     b.uint16(call, 4),
		noPipelining: b.uint64(call, 16)&2 != 0,
	}
	return h, m.plainTable(payload) && m.reroot(payload)
}

// returnHeader is what a return says besides its results.
type returnHeader struct {
	id             uint32
	releaseParams  bool
	noFinishNeeded bool
}

// plainReturn reads a return with results. Their capability table is in m.table
// then, and the message's root has become their content. ok is false if the
// return is anything else, and then nothing has changed.
func (m *message) plainReturn() (h returnHeader, ok bool) {
	b := plain(m.data())
	root, ok := b.structAt(0)
	if !ok {
		return h, false
	}
	ret, ok := b.field(root, 0)
	if !ok || b.uint16(ret, 6) != 0 {
		return h, false
	}
	payload, ok := b.field(ret, 0)
	if !ok {
		return h, false
	}
	flags := b.uint32(ret, 4)
	h = returnHeader{
		id:             b.uint32(ret, 0),
		releaseParams:  flags&keepParamCaps == 0,
		noFinishNeeded: flags&noFinishNeeded != 0,
	}
	return h, m.plainTable(payload) && m.reroot(payload)
}

// descriptor is a capability descriptor that consists of a kind and an id.
type descriptor struct {
	which rpc.CapDescriptor_Which
	id    uint32
}

// plainTable reads a payload's capability table into m.table. It reports false
// if there is anything in it that is not a plain descriptor.
func (m *message) plainTable(payload plainStruct) bool {
	m.table = m.table[:0]
	b := plain(m.data())
	list, ok := b.list(payload, 1)
	if !ok {
		return false
	}
	for at := list.first; at < list.end; at += list.step {
		d := descriptor{
			which: rpc.CapDescriptor_Which(binary.LittleEndian.Uint16(b[at:])),
			id:    binary.LittleEndian.Uint32(b[at+4:]),
		}
		if d.which > rpc.CapDescriptor_Which_receiverHosted {
			return false
		}
		m.table = append(m.table, d)
	}
	return true
}

// maxPlainPath is the length of a path that messages keep room for.
const maxPlainPath = 16

// plainPath reads the transform of a PromisedAnswer into m.path. It reports
// false for a long one, and if there is anything in it that it does not know.
func (m *message) plainPath(answer plainStruct) bool {
	m.path = m.path[:0]
	b := plain(m.data())
	list, ok := b.list(answer, 0)
	if !ok || list.end-list.first > maxPlainPath*list.step {
		return false
	}
	for at := list.first; at < list.end; at += list.step {
		switch rpc.PromisedAnswer_Op_Which(binary.LittleEndian.Uint16(b[at:])) {
		case rpc.PromisedAnswer_Op_Which_noop:
		case rpc.PromisedAnswer_Op_Which_getPointerField:
			m.path = append(m.path, binary.LittleEndian.Uint16(b[at+2:]))
		default:
			return false
		}
	}
	return true
}

// plainList is where the structs of a list are, each with a word of data at
// least; the zero value is an empty one. All are byte offsets.
type plainList struct{ first, end, step int }

const compositeList = 1 | 7<<32 // pointer to a list of structs, without offset and size

// list follows the i-th pointer of a struct. ok is false for anything but null
// and a near pointer to a list of structs within the segment.
func (b plain) list(s plainStruct, i int) (l plainList, ok bool) {
	w := b.pointer(s, i)
	if w == 0 {
		return l, true
	}
	if w&(3|7<<32) != compositeList {
		return l, false
	}
	tag := int64(s.pointers) + int64(i+1)*wordSize + int64(int32(uint32(w))>>2)*wordSize
	end := tag + wordSize + int64(w>>35)*wordSize
	if tag < 0 || end > int64(len(b)) {
		return l, false
	}
	t := binary.LittleEndian.Uint64(b[tag:])
	n, data, pointers := int64(int32(uint32(t))>>2), int64(uint16(t>>32)), int64(uint16(t>>48))
	if t&3 != 0 || n < 0 || data == 0 || n*(data+pointers) > int64(w>>35) {
		return l, false
	}
	l.first, l.step = int(tag)+wordSize, int(data+pointers)*wordSize
	l.end = l.first + int(n)*l.step
	return l, true
}

// reroot points the message's root at a payload's content, so that go-capnp
// finds it in one step. It reports false if the content is no struct nearby.
func (m *message) reroot(payload plainStruct) bool {
	b := plain(m.data())
	if payload.count == 0 {
		binary.LittleEndian.PutUint64(b, 0)
		return true
	}
	w := b.pointer(payload, 0)
	if w != 0 {
		content, ok := b.structAt(payload.pointers)
		if !ok {
			return false
		}
		at := content.data
		if content.count == 0 && content.dataEnd == at {
			at = 0 // a struct without a size may be anywhere, also where the root cannot point
		}
		w = structPointer(int32(at/wordSize-1), uint16(w>>32), uint16(w>>48))
	}
	binary.LittleEndian.PutUint64(b, w)
	return true
}
