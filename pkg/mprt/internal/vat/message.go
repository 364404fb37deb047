package vat

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// message is one RPC message with its capability table. Messages are pooled:
// after release nothing of it may be used, so whatever outlives the call is
// copied out.
type message struct {
	msg  capnp.Message
	own  capnp.Arena    // for all but large messages of the peer; see segment.go
	cut  *frameArena    // for those of several segments, nil before the first
	seg  *capnp.Segment // the first
	root rpc.Message
	// caps is the payload's capability table, one owned reference an entry.
	// Entries of a message from the peer may be nil (descriptor none).
	caps []*Cap
	// lent are segments behind the arena's own that belong to somebody else:
	// large data that is written from where it is. Only for messages that go
	// to a peer.
	lent [][]byte
	// pooled is the memory of a large incoming frame.
	pooled []byte
	// table is the capability table of an incoming message as it was read.
	table []descriptor
	// path is the part of an answer that a call is on, likewise.
	path []uint16
}

var messagePool = sync.Pool{New: func() any {
	m := new(message)
	m.renew()
	return m
}}

// outgoing is how much may be read of a message of our own.
const outgoing = 64 << 20

// emptyMessage returns a message with one empty segment, of which limit bytes
// may be read.
func emptyMessage(limit uint64) *message {
	m := messagePool.Get().(*message)
	m.limit(limit)
	return m
}

// limit is how many bytes may be read of m. The field says it to who reads more
// and sets it again (the log of calls).
func (m *message) limit(n uint64) {
	m.msg.TraverseLimit = n
	m.msg.ResetReadLimit(n)
}

// newMessage returns a message with a root to write to.
func newMessage() *message {
	m := emptyMessage(outgoing)
	root, err := rpc.NewRootMessage(m.seg)
	if err != nil {
		panic("vat: a fresh arena cannot hold a root: " + err.Error())
	}
	m.root = root
	return m
}

// newIncoming returns a message of one segment of size bytes from the pool,
// and those bytes for the caller to fill.
func newIncoming(size int, traversal uint64) (*message, []byte, error) {
	m := emptyMessage(traversal)
	b, err := m.allocate(size)
	if err != nil {
		m.release()
		return nil, nil, err
	}
	return m, b, nil
}

// newIncomingLarge wraps the segment of a large frame. It takes over frame, of
// which the segment is a part.
func newIncomingLarge(frame, segment []byte, traversal uint64) (*message, error) {
	return wrapArena(capnp.SingleSegment(segment), frame, traversal)
}

func wrapArena(arena capnp.Arena, frame []byte, traversal uint64) (*message, error) {
	return messagePool.Get().(*message).wrap(arena, frame, traversal)
}

// wrap makes m, fresh from the pool, a message of arena, whose memory is frame.
func (m *message) wrap(arena capnp.Arena, frame []byte, traversal uint64) (*message, error) {
	m.pooled = frame
	m.msg.Arena = nil // else Reset gives m's own away
	seg, err := m.msg.Reset(arena)
	if err != nil {
		m.release()
		return nil, err
	}
	m.seg = seg
	m.limit(traversal)
	return m, nil
}

// largePool keeps memory of large frames by size, as powers of two. Unlike a
// sync.Pool it is not emptied by the garbage collector, which large messages
// keep busy; it is bounded instead.
type largePool struct {
	mu      sync.Mutex
	free    [maxLarge + 1][][]byte
	bytes   int
	reserve reserve
}

const (
	minLarge  = 14      // 16 KiB
	maxLarge  = 22      // 4 MiB; larger ones come too seldom to be kept
	keepLarge = 8 << 20 // bytes in all
)

var large largePool

// get returns memory for n bytes, which hold anything.
func (p *largePool) get(n int) []byte {
	p.reserve.use()
	class := max(bits.Len(uint(n-1)), minLarge)
	if class > maxLarge {
		return make([]byte, n)
	}
	p.mu.Lock()
	free := p.free[class]
	if last := len(free) - 1; last >= 0 {
		b := free[last]
		free[last] = nil
		p.free[class] = free[:last]
		p.bytes -= cap(b)
		p.mu.Unlock()
		return b[:n]
	}
	p.mu.Unlock()
	return make([]byte, n, 1<<class)
}

// put gives back what get returned.
func (p *largePool) put(b []byte) {
	class := bits.Len(uint(cap(b))) - 1
	if class < minLarge || class > maxLarge || cap(b) != 1<<class {
		return
	}
	p.mu.Lock()
	if p.bytes+cap(b) <= keepLarge {
		p.free[class] = append(p.free[class], b)
		p.bytes += cap(b)
	}
	p.mu.Unlock()
}

// newIncomingSegments wraps a frame of several segments; it takes over frame.
func newIncomingSegments(frame []byte, traversal uint64) (*message, error) {
	if emptiable {
		m := messagePool.Get().(*message)
		if m.cut == nil {
			m.cut = newFrameArena()
		}
		if err := m.cut.cut(frame); err != nil {
			m.release()
			return nil, err
		}
		return m.wrap(m.cut, frame, traversal)
	}
	parsed, err := capnp.Unmarshal(frame)
	if err != nil {
		return nil, err
	}
	arena := parsed.Arena
	// The segments must belong to our message, whose tables are pooled.
	for i := range arena.NumSegments() {
		arena.Segment(capnp.SegmentID(i)).BindTo(nil)
	}
	parsed.Arena = nil
	return wrapArena(arena, frame, traversal)
}

// readRoot reads the root struct of an incoming message.
func (m *message) readRoot() error {
	root, err := rpc.ReadRootMessage(&m.msg)
	if err != nil {
		return fmt.Errorf("message has no readable root: %w", err)
	}
	m.root = root
	return nil
}

func (m *message) release() {
	if m == nil {
		return
	}
	for i, c := range m.caps {
		c.Release()
		m.caps[i] = nil
	}
	m.recycle()
}

// recycle is release for a message whose caps have been taken.
func (m *message) recycle() {
	clear(m.caps)
	m.caps = m.caps[:0]
	clear(m.lent)
	m.lent = m.lent[:0]
	m.table = m.table[:0]
	m.root = rpc.Message{}
	m.empty()
	large.put(m.pooled)
	m.pooled = nil
	messagePool.Put(m)
}

// size is the length of the message's frame in bytes.
func (m *message) size() int {
	n := int(m.msg.NumSegments())
	total := ((n+len(m.lent))/2 + 1) * wordSize
	for i := range n {
		total += len(m.segment(i))
	}
	for _, b := range m.lent {
		total += len(b) + padding(b)
	}
	return total
}

// sizeToBe is size with the capability table that is still to be written.
func (m *message) sizeToBe() int {
	n := m.size()
	if len(m.caps) > 0 {
		n += (1 + 2*len(m.caps)) * wordSize
	}
	return n
}

// padding is how many bytes b lacks to be whole words.
func padding(b []byte) int { return -len(b) & (wordSize - 1) }

var zeros [wordSize]byte

// lend makes the pointer at a byte offset of the first segment one to data,
// which is not copied: it must not be changed until the message is written.
func (m *message) lend(pointer int, data []byte) error {
	// A double far pointer leads to a landing pad of two words: where the
	// list begins, and what kind of list it is.
	pad := len(m.data())
	if _, err := capnp.NewStruct(m.seg, capnp.ObjectSize{DataSize: 2 * wordSize}); err != nil {
		return err
	}
	m.lent = append(m.lent, data)
	const far, double, list, bytes = 2, 1 << 2, 1, 2 << 32
	m.putWord(pointer, far|double|uint64(pad))
	m.putWord(pad, far|uint64(len(m.lent))<<32)
	m.putWord(pad+wordSize, list|bytes|uint64(len(data))<<35)
	return nil
}

// appendHeader appends the segment table of the stream framing to b.
func (m *message) appendHeader(b []byte) []byte {
	n := int(m.msg.NumSegments())
	total := n + len(m.lent)
	b = binary.LittleEndian.AppendUint32(b, uint32(total-1))
	for i := range n {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(m.segment(i))/wordSize))
	}
	for _, data := range m.lent {
		b = binary.LittleEndian.AppendUint32(b, uint32((len(data)+wordSize-1)/wordSize))
	}
	if total%2 == 0 {
		b = append(b, 0, 0, 0, 0)
	}
	return b
}

func (m *message) segment(i int) []byte {
	seg, err := m.msg.Segment(capnp.SegmentID(i))
	if err != nil {
		return nil
	}
	return seg.Data()
}

// capAt finds the capability that an interface pointer of m refers to. The
// result is borrowed from m; it is nil for a null pointer. A pointer outside
// the table is an error of the sender.
func (m *message) capAt(p capnp.Ptr) (*Cap, error) {
	if !p.IsValid() {
		return nil, nil
	}
	i := p.Interface()
	if !i.IsValid() {
		return nil, failedf("pointer is not a capability")
	}
	if n := uint64(i.Capability()); n >= uint64(len(m.caps)) {
		return nil, failedf("capability index %d is outside the table of %d", n, len(m.caps))
	}
	return m.caps[i.Capability()], nil
}

// resolveCaps puts what promises in m's capability table have become in their
// place, before m is sent: a peer that has let go of a promise would wait for
// another Resolve. No lock may be held.
func (m *message) resolveCaps() {
	for i, cap := range m.caps {
		if cap == nil || cap.promise() == nil {
			continue
		}
		if end := cap.Resolved(); end != cap {
			m.caps[i] = end.AddRef()
			cap.Release()
		}
	}
}

// capByPath follows a promised answer's transform from content. reflected says
// that the peer whose message m is sees the capability on this side.
func (m *message) capByPath(content capnp.Ptr, path []uint16) (cap *Cap, reflected bool, err error) {
	p := content
	for _, i := range path {
		s := p.Struct()
		if p.IsValid() && !s.IsValid() {
			return nil, false, failedf("pipelined path leads through something that is no struct")
		}
		if p, err = s.Ptr(i); err != nil {
			return nil, false, failedf("%v", err)
		}
	}
	if cap, err = m.capAt(p); cap == nil {
		return nil, false, err
	}
	i := int(p.Interface().Capability())
	return cap, i < len(m.table) && ofReceiver(m.table[i].which), nil
}
