package vat

import "iter"

// table hands out small ids, a returned one first.
type table[T any] struct {
	entries []T
	free    []uint32
}

func (t *table[T]) add(v T) uint32 {
	if n := len(t.free); n > 0 {
		id := t.free[n-1]
		t.free = t.free[:n-1]
		t.entries[id] = v
		return id
	}
	t.entries = append(t.entries, v)
	return uint32(len(t.entries) - 1)
}

// get returns the zero value for an id that is not in use.
func (t *table[T]) get(id uint32) (v T) {
	if uint64(id) < uint64(len(t.entries)) {
		v = t.entries[id]
	}
	return v
}

// at is the entry of an id that is in use.
func (t *table[T]) at(id uint32) *T { return &t.entries[id] }

func (t *table[T]) remove(id uint32) {
	var zero T
	t.entries[id] = zero
	t.free = append(t.free, id)
}

func (t *table[T]) all() []T { return t.entries }

// len is how many ids are in use.
func (t *table[T]) len() int { return len(t.entries) - len(t.free) }

// peerTable holds what has an id of the peer's choice. Peers choose small ids,
// as [table] does, for which a slice is quicker than a map and takes a third of
// its memory; a map has those of a peer that does otherwise.
type peerTable[T any] struct {
	small []*T
	other map[uint32]*T // made when it is needed
	n     int
}

// get returns nil for an id that is not in use.
func (t *peerTable[T]) get(id uint32) *T {
	if uint64(id) < uint64(len(t.small)) {
		if v := t.small[id]; v != nil {
			return v
		}
	}
	return t.other[id]
}

// set gives an id to v, in place of what has it.
func (t *peerTable[T]) set(id uint32, v *T) {
	t.remove(id)
	t.n++
	if uint64(id) >= uint64(len(t.small)) {
		// Half of the slice may be empty, so that nobody makes much of few.
		if int64(id) >= 2*int64(t.n)+32 {
			if t.other == nil {
				t.other = map[uint32]*T{}
			}
			t.other[id] = v
			return
		}
		t.small = append(t.small, make([]*T, int(id)+1-len(t.small))...)
	}
	t.small[id] = v
}

func (t *peerTable[T]) remove(id uint32) {
	switch {
	case uint64(id) < uint64(len(t.small)) && t.small[id] != nil:
		t.small[id] = nil
	case t.other[id] != nil:
		delete(t.other, id)
	default:
		return
	}
	t.n--
}

func (t *peerTable[T]) all() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for _, v := range t.small {
			if v != nil && !yield(v) {
				return
			}
		}
		for _, v := range t.other {
			if !yield(v) {
				return
			}
		}
	}
}

// len is how many ids are in use.
func (t *peerTable[T]) len() int { return t.n }
