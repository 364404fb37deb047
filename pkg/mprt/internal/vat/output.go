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
	// flushing says that somebody writes.
	flushing bool

	queuedBytes, writingBytes int

	drained sync.Cond

	unwritten [][]byte // of writing

	writeFn func(fd uintptr) bool // allocated once
	n       int
	err     error
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
	start := len(b.small)
	if n <= copyLimit || keep {
		b.small = m.appendHeader(b.small)
		for i := range int(m.msg.NumSegments()) {
			b.small = append(b.small, m.segment(i)...)
		}
		b.addSmall(start)
		return false
	}
	b.small = m.appendHeader(b.small)
	b.addSmall(start)
	for i := range int(m.msg.NumSegments()) {
		if s := m.segment(i); len(s) > 0 {
			b.bufs = append(b.bufs, s)
		}
	}
	b.owned = append(b.owned, m)
	return true
}

// addSmall makes small[start:] part of the batch, joined to what precedes it
// where that is the same memory.
func (b *batch) addSmall(start int) {
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
	for len(o.unwritten) > 0 {
		o.n, o.err = 0, nil
		if err := o.raw.Write(o.writeFn); err != nil {
			return false, err
		}
		if o.err == syscall.EAGAIN {
			return false, nil
		}
		if o.err != nil {
			return false, o.err
		}
		o.unwritten = advance(o.unwritten, o.n)
	}
	return true, nil
}

// writeAll writes the rest of the batch, blocking.
func (o *output) writeAll(nc net.Conn) error {
	rest := net.Buffers(o.unwritten)
	_, err := rest.WriteTo(nc)
	return err
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
