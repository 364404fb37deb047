package vat

import (
	"math/bits"
	"strings"
	"sync"
	"unsafe"
)

// largePool keeps memory of large frames by size. Unlike a sync.Pool it is not
// emptied by the garbage collector, which large messages keep busy; it is
// bounded instead.
type largePool struct {
	mu      sync.Mutex
	free    [maxLarge - minLarge + 1][sizesPerLarge][][]byte
	bytes   int
	reserve reserve
}

const (
	minLarge  = 14      // 16 KiB
	maxLarge  = 22      // 4 MiB; larger ones come too seldom to be kept
	keepLarge = 8 << 20 // bytes in all

	// sizesPerLarge is how many sizes there are from one power of two to the
	// next: whoever takes a frame for the data in it has little memory besides.
	sizesPerLarge = 8
)

var large largePool

// class returns the least size that is kept and holds n bytes, and where that
// is; nil if it is too large.
func (p *largePool) class(n int) (size int, free *[][]byte) {
	n = max(n, 1<<minLarge)
	step := 1 << (bits.Len(uint(n)) - 1) / sizesPerLarge
	size = (n + step - 1) / step * step
	if size > 1<<maxLarge {
		return n, nil
	}
	power := bits.Len(uint(size)) - 1
	return size, &p.free[power-minLarge][(size-1<<power)*sizesPerLarge>>power]
}

// get returns memory for n bytes, which hold anything.
func (p *largePool) get(n int) []byte {
	p.reserve.use()
	size, free := p.class(n)
	if free == nil {
		return uncleared(size)[:n]
	}
	p.mu.Lock()
	if last := len(*free) - 1; last >= 0 {
		b := (*free)[last]
		(*free)[last] = nil
		*free = (*free)[:last]
		p.bytes -= cap(b)
		p.mu.Unlock()
		return b[:n]
	}
	p.mu.Unlock()
	return uncleared(size)[:n]
}

// put gives back what get returned.
func (p *largePool) put(b []byte) {
	size, free := p.class(cap(b))
	if free == nil || size != cap(b) {
		return
	}
	p.mu.Lock()
	if p.bytes+size <= keepLarge {
		*free = append(*free, b)
		p.bytes += size
	}
	p.mu.Unlock()
}

// uncleared returns n bytes of memory that hold anything: to clear what is read
// into takes as long as the reading.
func uncleared(n int) []byte {
	var b strings.Builder // Go has no other way to ask for it
	b.Grow(n)
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), n)
}
