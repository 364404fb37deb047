package vat

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
)

// input cuts the byte stream into messages. It is resumable: an error of
// read (a kick) loses nothing. Only the holder of the reader role uses it.
type input struct {
	nc  net.Conn
	raw syscall.RawConn // nil if nc has none

	maxMessage int    // bytes
	traversal  uint64 // bytes

	buf    []byte // nil while nothing is buffered
	r, w   int    // buf[r:w] is unread
	expect int    // size of the last frame if it was large: the next may be, too
	most   int    // size of the largest frame so far

	// A frame too large for buf, read straight into its own memory.
	big       []byte // what has been read so far; grows as bytes arrive
	bigTotal  int
	bigHeader int // 8 for one segment

	readFn func(fd uintptr) bool // allocated once
	n      int
	err    error
}

const (
	// readBuffer holds about a hundred small frames. What is read of a large
	// one before its size is known is copied, so it is no larger.
	readBuffer = 16 << 10
	// maxSegments bounds the segment table (as the reference does).
	maxSegments = 512
	// bigStep is how far memory is allocated ahead of the bytes of a large
	// frame, so that a length that is only claimed costs little: firstStep for a
	// peer that has sent no frame as large.
	bigStep   = 4 << 20
	firstStep = 64 << 10
)

var readBuffers = sync.Pool{New: func() any { return new([readBuffer]byte) }}

func newInput(nc net.Conn, raw syscall.RawConn, maxMessage int, traversal uint64) *input {
	in := &input{nc: nc, raw: raw, maxMessage: maxMessage, traversal: traversal}
	in.readFn = in.tryRead
	return in
}

// frameError says what is wrong with a frame; the peer is told.
type frameError struct{ text string }

func (e *frameError) Error() string { return e.text }

func badFrame(format string, args ...any) error {
	return &frameError{fmt.Sprintf(format, args...)}
}

// header looks at the buffered bytes. total is the frame's whole length and
// header its segment table's; ok is false if more bytes are needed to tell.
func (in *input) header() (header, total int, ok bool, err error) {
	b := in.buf[in.r:in.w]
	if len(b) < 8 {
		return 0, 0, false, nil
	}
	n := uint64(binary.LittleEndian.Uint32(b)) + 1
	if n > maxSegments {
		return 0, 0, false, badFrame("frame has %d segments, more than %d", n, maxSegments)
	}
	header = int(n/2+1) * 8
	if len(b) < header {
		return 0, 0, false, nil
	}
	sum := uint64(header)
	for i := range int(n) {
		sum += uint64(binary.LittleEndian.Uint32(b[4+4*i:])) * 8
	}
	if sum > uint64(in.maxMessage) {
		return 0, 0, false, badFrame("frame of %d bytes is larger than the limit of %d", sum, in.maxMessage)
	}
	return header, int(sum), true, nil
}

// hasFrame says whether next would return without reading.
func (in *input) hasFrame() bool {
	if in.big != nil {
		return len(in.big) == in.bigTotal
	}
	_, total, ok, err := in.header()
	return err != nil || ok && total <= in.w-in.r
}

// next returns the next message. It blocks.
func (in *input) next() (*message, error) {
	for {
		if in.big != nil {
			if err := in.fillBig(); err != nil {
				return nil, err
			}
			frame, header := in.big, in.bigHeader
			in.big = nil
			return in.message(frame, header, true)
		}
		header, total, ok, err := in.header()
		switch {
		case err != nil:
			return nil, err
		case ok && total <= in.w-in.r:
			if len(in.buf) > readBuffer && in.r == 0 && in.w == total {
				frame := in.buf[:total]
				in.buf, in.w = nil, 0
				return in.message(frame, header, true)
			}
			m, err := in.message(in.buf[in.r:in.r+total], header, false)
			in.r += total
			if in.r == in.w {
				in.drop()
			}
			return m, err
		case ok && total > len(in.buf):
			ahead := min(max(in.most, firstStep), bigStep)
			in.big = large.get(min(total, max(ahead, in.w-in.r)))
			in.big = in.big[:copy(in.big, in.buf[in.r:in.w])]
			in.bigTotal, in.bigHeader = total, header
			in.drop()
			continue
		}
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
}

// expected notes the size of a frame. One of the same size is then read
// straight into the memory that its message will have.
func (in *input) expected(total int) {
	in.most = max(in.most, total)
	in.expect = 0
	if total > readBuffer && total <= 1<<maxLarge {
		in.expect = total
	}
}

// drop gives the empty buffer back.
func (in *input) drop() {
	switch {
	case len(in.buf) > readBuffer:
		large.put(in.buf)
	case in.buf != nil:
		readBuffers.Put((*[readBuffer]byte)(in.buf))
	}
	in.buf, in.r, in.w = nil, 0, 0
}

// limit is how much may be read from a frame of n bytes. The schema's defaults
// and lists of empty structs make more of a small message than its bytes, but
// not thousands of times more.
func (in *input) limit(n int) uint64 {
	const factor, anyway = 8, 4 << 20
	return min(in.traversal, uint64(n)*factor+anyway)
}

func (in *input) message(frame []byte, header int, owned bool) (*message, error) {
	in.expected(len(frame))
	var m *message
	var err error
	traversal := in.limit(len(frame))
	switch {
	case header > 8:
		if !owned {
			frame = append(large.get(len(frame))[:0], frame...)
		}
		m, err = newIncomingSegments(frame, traversal)
	case len(frame) == header:
		return nil, badFrame("frame is empty")
	case owned:
		m, err = newIncomingLarge(frame, frame[header:], traversal)
	default:
		var b []byte
		if m, b, err = newIncoming(len(frame)-header, traversal); err == nil {
			copy(b, frame[header:])
		}
	}
	if err != nil {
		return nil, badFrame("%v", err)
	}
	return m, nil
}

// fill reads more into buf.
func (in *input) fill() error {
	if in.r > 0 && in.w == len(in.buf) || in.w-in.r < 8 && in.r > 0 {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	if in.raw == nil {
		in.need()
		n, err := in.nc.Read(in.buf[in.w:])
		in.w += n
		if n > 0 || err == nil { // a stream may also return nothing, and go on
			return nil
		}
		return in.end(err)
	}
	in.n, in.err = 0, nil
	if err := in.raw.Read(in.readFn); err != nil {
		return in.end(err)
	}
	if in.err != nil || in.n == 0 {
		return in.end(in.err)
	}
	in.w += in.n
	return nil
}

func (in *input) need() {
	switch {
	case in.buf != nil:
	case in.expect > 0:
		in.buf = large.get(in.expect)
		in.buf = in.buf[:cap(in.buf)]
	default:
		in.buf = readBuffers.Get().(*[readBuffer]byte)[:]
	}
}

// end makes the end of the stream in the middle of a frame an error of its own.
func (in *input) end(err error) error {
	if err == nil || err == io.EOF {
		if in.w > in.r || in.big != nil {
			return io.ErrUnexpectedEOF
		}
		return io.EOF
	}
	return err
}

// fillBig reads the rest of a large frame.
func (in *input) fillBig() error {
	for len(in.big) < in.bigTotal {
		if len(in.big) == cap(in.big) {
			grown := large.get(min(in.bigTotal, 2*cap(in.big)))
			grown = grown[:copy(grown, in.big)]
			large.put(in.big)
			in.big = grown
		}
		n, err := in.nc.Read(in.big[len(in.big):min(cap(in.big), in.bigTotal)])
		in.big = in.big[:len(in.big)+n]
		if err != nil && len(in.big) < in.bigTotal {
			return in.end(err)
		}
	}
	return nil
}
