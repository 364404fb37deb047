package vat

import (
	"net"
	"sync"
	"syscall"
)

// output collects frames in the order in which they were sent and writes them
// with as few system calls as it can: who sends while another goroutine writes
// leaves its frame for that one. c.mu guards it.
type output struct {
	raw     syscall.RawConn // nil if the connection has none
	queued  batch           // not handed to a write yet
	writing batch           // being written; belongs to who holds flushing
	// flushing says that somebody writes; failed, that it did not work once.
	flushing, failed bool

	queuedBytes, writingBytes int

	drained sync.Cond

	writeFn     func(fd uintptr) bool // tryWrite
	writeRestFn func(fd uintptr) bool // tryWriteRest

	// io guards what follows, during each system call and detach.
	io        sync.Mutex
	unwritten [][]byte // of writing
	err       error
}

// batch is a list of buffers for one vectored write. Small frames share a
// buffer; large ones are referred to, not copied.
type batch struct {
	bufs  [][]byte
	small []byte // backing of the small frames; bufs refer to it
	owned []*message
}

// copyLimit is the largest frame that is copied: about where a copy costs as
// much as another element of a vectored write.
const copyLimit = 16 << 10

// add appends m's frame of n bytes. It reports whether it has taken m over; if
// not, m is copied and the caller releases it.
func (b *batch) add(m *message, n int, keep bool) (taken bool) {
	copied := n <= copyLimit || keep
	start := len(b.small)
	b.small = m.appendHeader(b.small)
	for i := range int(m.msg.NumSegments()) {
		start = b.addBytes(m.segment(i), start, copied)
	}
	for _, data := range m.lent {
		start = b.addBytes(data, start, copied)
		b.small = append(b.small, zeros[:padding(data)]...)
	}
	b.addSmall(start)
	if copied {
		return false
	}
	b.owned = append(b.owned, m)
	return true
}

// addBytes appends data behind small[start:], which is not in bufs yet. It
// returns the new start.
func (b *batch) addBytes(data []byte, start int, copied bool) int {
	if copied || len(data) <= copyLimit {
		b.small = append(b.small, data...)
		return start
	}
	b.addSmall(start)
	b.bufs = append(b.bufs, data)
	return len(b.small)
}

// addSmall makes small[start:] part of the batch, joined to what precedes it
// where that is the same memory.
func (b *batch) addSmall(start int) {
	if start == len(b.small) {
		return
	}
	if last := len(b.bufs) - 1; last >= 0 && start > 0 {
		prev := b.bufs[last]
		if len(prev) <= start && len(prev) > 0 && cap(prev) >= len(prev)+len(b.small)-start &&
			&prev[0] == &b.small[start-len(prev)] {
			b.bufs[last] = prev[:len(prev)+len(b.small)-start]
			return
		}
	}
	b.bufs = append(b.bufs, b.small[start:])
}

// reset empties the batch for its next use. The messages it owned must have
// been released.
func (b *batch) reset() {
	clear(b.bufs)
	clear(b.owned)
	*b = batch{bufs: b.bufs[:0], small: b.small[:0], owned: b.owned[:0]}
	if cap(b.small) > 4*copyLimit {
		b.small = nil
	}
}

func newOutput(raw syscall.RawConn, mu sync.Locker) *output {
	o := &output{raw: raw}
	o.drained.L = mu
	o.writeFn = o.tryWrite
	o.writeRestFn = o.tryWriteRest
	return o
}

// bytes is how much has not been written.
func (o *output) bytes() int { return o.queuedBytes + o.writingBytes }

// take makes what is queued the batch to write. The previous one is done.
func (o *output) take() {
	o.queued, o.writing = o.writing, o.queued
	o.queuedBytes, o.writingBytes = 0, o.queuedBytes
	o.unwritten = o.writing.bufs
}

// writeNow writes as much of the batch as goes without blocking. all says
// that nothing is left.
func (o *output) writeNow() (all bool, err error) {
	if err := o.raw.Write(o.writeFn); err != nil {
		return false, err
	}
	return len(o.unwritten) == 0, o.err
}

// writeRest writes what is left of the batch, blocking.
func (o *output) writeRest(nc net.Conn) error {
	if o.raw == nil {
		rest := net.Buffers(o.unwritten)
		_, err := rest.WriteTo(nc)
		return err
	}
	if err := o.raw.Write(o.writeRestFn); err != nil {
		return err
	}
	return o.err
}

// detach copies what is still to be written from memory that is lent, so that
// its owner can have it back, under c.mu.
func (o *output) detach() {
	o.io.Lock()
	defer o.io.Unlock()
	for _, bufs := range [][][]byte{o.unwritten, o.queued.bufs} {
		for i, b := range bufs {
			if len(b) > 0 {
				bufs[i] = append([]byte(nil), b...)
			}
		}
	}
}

// advance drops n written bytes from bufs.
func advance(bufs [][]byte, n int) [][]byte {
	for n > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}
