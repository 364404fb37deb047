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
	free    [(maxLarge-minLarge)*sizesPerLarge + 1][][]byte
	bytes   int
	reserve reserve
}

const (
	minLarge  = 14      // 16 KiB
	maxLarge  = 22      // 4 MiB; larger ones come too seldom to be kept
	keepLarge = 8 << 20 // bytes in all

	// sizesPerLarge is how many sizes there are from one power of two to the
	// next: whoever takes a frame for the data in it has little memory besides.
	// Where there is none of a size, one of the next will do.
	sizesPerLarge = 64
	sizesTried    = sizesPerLarge / 8
)

var large largePool

// class returns the least size that is kept and holds n bytes, and its place among
// the sizes; false if it is too large.
func class(n int) (size, place int, ok bool) {
	n = max(n, 1<<minLarge)
	step := 1 << (bits.Len(uint(n)) - 1) / sizesPerLarge
	size = (n + step - 1) / step * step
	if size > 1<<maxLarge {
		return n, 0, false
	}
	power := bits.Len(uint(size)) - 1
	return size, (power-minLarge)*sizesPerLarge + (size-1<<power)*sizesPerLarge>>power, true
}

// get returns memory for n bytes, which hold anything.
func (p *largePool) get(n int) []byte {
	p.reserve.use()
	size, place, ok := class(n)
	if !ok {
		return uncleared(size)[:n]
	}
	p.mu.Lock()
	for i := place; i < min(place+sizesTried, len(p.free)); i++ {
		if last := len(p.free[i]) - 1; last >= 0 {
			b := p.free[i][last]
			p.free[i][last] = nil
			p.free[i] = p.free[i][:last]
			p.bytes -= cap(b)
			p.mu.Unlock()
			return b[:n]
		}
	}
	p.mu.Unlock()
	return uncleared(size)[:n]
}

// put gives back what get returned.
func (p *largePool) put(b []byte) {
	size, place, ok := class(cap(b))
	if !ok || size != cap(b) {
		return
	}
	p.mu.Lock()
	if p.bytes+size <= keepLarge {
		p.free[place] = append(p.free[place], b)
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
