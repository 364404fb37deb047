package compiler

import "errors"

// The layout of a struct: where each field lies. Fields are placed in the
// order of their ordinals, so that a field added later never moves an earlier
// one. Data fields fill the padding that earlier ones left. The members of a
// union share space: a union keeps a list of places, and each member fills
// them anew as if it were alone.
//
// Sizes are binary logarithms of bits, offsets are multiples of the size.

// wordLg is the size of a word.
const wordLg = 6

// holes is the padding in a part of the data section: for each size below a
// word the offset of the one hole of that size, 0 if there is none. There is
// never more than one hole of a size, since a hole is made only by splitting
// a larger one when no smaller one fits; and never a hole at offset 0, since
// space is used from its start.
type holes [wordLg]uint32

// take finds the smallest hole that holds the size and returns its start. The
// rest of the hole becomes smaller holes.
func (h *holes) take(lg int) (offset uint32, ok bool) {
	for i := lg; i < wordLg; i++ {
		if h[i] == 0 {
			continue
		}
		offset = h[i]
		h[i] = 0
		for i--; i >= lg; i-- {
			offset *= 2
			h[i] = offset + 1
		}
		return offset, true
	}
	return 0, false
}

// addUpTo adds the holes that remain when a field of size lg that ends at
// offset was put at the start of a space of size limit.
func (h *holes) addUpTo(lg int, offset uint32, limit int) {
	for ; lg < limit; lg++ {
		h[lg] = offset
		offset = (offset + 1) / 2
	}
}

// grow makes the field at offset larger by 2^by if the holes behind it allow.
func (h *holes) grow(lg int, offset uint32, by int) bool {
	if by == 0 {
		return true
	}
	if lg >= wordLg || h[lg] != offset+1 {
		return false
	}
	if !h.grow(lg+1, offset>>1, by-1) {
		return false
	}
	h[lg] = 0
	return true
}

// smallest returns the size of the smallest hole of at least the size.
func (h *holes) smallest(lg int) (int, bool) {
	for i := lg; i < wordLg; i++ {
		if h[i] != 0 {
			return i, true
		}
	}
	return 0, false
}

// errIssue344 reports structs that compilers up to 0.5 laid out wrongly.
// Nobody knows which of the two layouts such a schema's users have, so the
// reference compiler refuses them, and so do we.
var errIssue344 = errors.New("unions within unions in this order were laid out wrongly by Cap'n Proto 0.5 and before, " +
	"so no compiler accepts them any more")

// fieldSpace is where fields are placed: a struct, or a member of a union.
type fieldSpace interface {
	addVoid()
	addData(lg int) uint32
	addPointer() uint32
	// growData makes an earlier field larger by 2^by, if there is room.
	growData(lg int, offset uint32, by int) bool
}

// structSpace is the space of a whole struct.
type structSpace struct {
	words    uint32
	pointers uint32
	holes    holes
	err      error // set by anything within it
	steps    int   // how much work it took
}

// maxLayoutSteps limits the work on one struct. Only unions within unions with
// thousands of members come near it.
const maxLayoutSteps = 1 << 28

var errTooManyPlaces = errors.New("the unions within unions of this struct have too many members")

func (s *structSpace) addVoid() {}

func (s *structSpace) addData(lg int) uint32 {
	if at, ok := s.holes.take(lg); ok {
		return at
	}
	at := s.words << (wordLg - lg)
	s.words++
	s.holes.addUpTo(lg, at+1, wordLg)
	return at
}

func (s *structSpace) addPointer() uint32 {
	s.pointers++
	return s.pointers - 1
}

func (s *structSpace) growData(lg int, offset uint32, by int) bool {
	return s.holes.grow(lg, offset, by)
}

// unionSpace is the places that the members of a union share.
type unionSpace struct {
	in       fieldSpace
	top      *structSpace
	members  int // how many have a field yet
	tag      uint32
	hasTag   bool
	data     []unionData
	pointers []uint32
}

type unionData struct {
	lg     int
	offset uint32
	// limit is the size, if not 0, that the place cannot be grown to any more.
	limit int
}

// grow makes the place larger up to the size, if there is room.
func (d *unionData) grow(u *unionSpace, lg int) bool {
	if lg <= d.lg {
		return true
	}
	if d.limit != 0 && lg >= d.limit {
		return false
	}
	if !u.in.growData(d.lg, d.offset, lg-d.lg) {
		if u.in == fieldSpace(u.top) {
			// What lies behind a place in the struct itself is never freed.
			d.limit = lg
		}
		return false
	}
	d.offset >>= lg - d.lg
	d.lg = lg
	return true
}

// addTag places the discriminant. It is false if that was done before.
func (u *unionSpace) addTag() bool {
	if u.hasTag {
		return false
	}
	u.hasTag = true
	u.tag = u.in.addData(4)
	return true
}

// memberSpace is how one member of a union fills the union's places.
type memberSpace struct {
	union    *unionSpace
	used     []placeUse // of union.data, as far as it has been looked at
	pointers int        // how many of union.pointers are used
	any      bool
	// from is, for each size, the first place that may have room for it.
	from [wordLg + 1]int
}

// placeUse is how much of a place is used: from its start up to size lg, less
// the holes, whose offsets count from the start of the place.
type placeUse struct {
	used  bool
	lg    int
	holes holes
}

// add notes that the member has a field. The tag is placed when a second
// member gets its first one.
func (m *memberSpace) add() {
	if !m.any {
		m.any = true
		if m.union.members++; m.union.members == 2 {
			m.union.addTag()
		}
	}
}

func (m *memberSpace) addVoid() {
	m.add()
	// If the union is itself a member of a union, that one wants to know too.
	m.union.in.addVoid()
}

func (m *memberSpace) addPointer() uint32 {
	m.add()
	u := m.union
	if m.pointers == len(u.pointers) {
		u.pointers = append(u.pointers, u.in.addPointer())
	}
	m.pointers++
	return u.pointers[m.pointers-1]
}

func (m *memberSpace) addData(lg int) uint32 {
	m.add()
	u := m.union
	for len(m.used) < len(u.data) {
		m.used = append(m.used, placeUse{})
	}
	from := &m.from[lg]
	for *from < len(u.data) && m.used[*from].isFull(&u.data[*from], lg) {
		*from++
	}
	best, bestLg := -1, wordLg+1
	for i := *from; i < len(u.data) && bestLg > lg; i++ {
		u.top.steps++
		if size, ok := m.used[i].smallest(&u.data[i], lg); ok && size < bestLg {
			best, bestLg = i, size
		}
	}
	if best >= 0 {
		return m.used[best].take(&u.data[best], lg)
	}
	for i := *from; i < len(u.data) && u.top.steps < maxLayoutSteps; i++ {
		u.top.steps++
		if at, ok := m.used[i].takeGrowing(m, &u.data[i], lg); ok {
			return at
		}
	}
	if u.top.steps >= maxLayoutSteps {
		u.top.err = errTooManyPlaces
	}
	at := u.in.addData(lg)
	u.data = append(u.data, unionData{lg: lg, offset: at})
	m.used = append(m.used, placeUse{used: true, lg: lg})
	return at
}

// isFull tells whether there is no room for the size in the place, and never
// will be.
func (p *placeUse) isFull(d *unionData, lg int) bool {
	if _, ok := p.smallest(d, lg); ok {
		return false
	}
	want := lg
	if p.used {
		want = max(p.lg, lg) + 1
	}
	return want > wordLg || d.limit != 0 && want >= d.limit
}

// smallest returns the size of the smallest room in the place for the size.
func (p *placeUse) smallest(d *unionData, lg int) (int, bool) {
	if !p.used {
		return d.lg, lg <= d.lg
	}
	if lg >= p.lg {
		// It needs as much again as is used, at least.
		return lg, lg < d.lg
	}
	if size, ok := p.holes.smallest(lg); ok {
		return size, true
	}
	// The used part may be doubled.
	return p.lg, p.lg < d.lg
}

// take uses the room that smallest found.
func (p *placeUse) take(d *unionData, lg int) uint32 {
	var at uint32
	switch {
	case !p.used:
		p.used, p.lg = true, lg
	case lg >= p.lg:
		p.holes.addUpTo(p.lg, 1, lg)
		p.lg = lg + 1
		at = 1
	default:
		hole, ok := p.holes.take(lg)
		if ok {
			at = hole
			break
		}
		at = 1 << (p.lg - lg)
		p.holes.addUpTo(lg, at+1, p.lg)
		p.lg++
	}
	return d.offset<<(d.lg-lg) + at
}

// takeGrowing makes the place larger to get room, where that is possible.
func (p *placeUse) takeGrowing(m *memberSpace, d *unionData, lg int) (uint32, bool) {
	if !p.used {
		if !d.grow(m.union, lg) {
			return 0, false
		}
		p.used, p.lg = true, lg
		return d.offset << (d.lg - lg), true
	}
	want := max(p.lg, lg) + 1
	if want > d.lg && !d.grow(m.union, want) {
		return 0, false
	}
	p.holes.addUpTo(p.lg, 1, want)
	p.lg = want
	at, _ := p.holes.take(lg)
	return d.offset<<(d.lg-lg) + at, true
}

func (m *memberSpace) growData(lg int, offset uint32, by int) bool {
	// The old compilers went on where the larger field would not be aligned
	// or be larger than a word.
	impossible := lg+by > wordLg || offset&(1<<by-1) != 0
	u := m.union
	for i := range m.used {
		if u.top.steps++; u.top.steps >= maxLayoutSteps {
			return false
		}
		d := &u.data[i]
		if d.lg < lg || offset>>(d.lg-lg) != d.offset {
			continue
		}
		p := &m.used[i]
		local := offset - d.offset<<(d.lg-lg)
		var ok bool
		if local == 0 && p.lg == lg {
			// The place holds just this field: make the place larger.
			want := lg + by
			ok = want <= wordLg && (want <= d.lg || d.grow(u, want))
			if ok {
				// The old compilers marked the gain as holes and so gave it
				// to another field as well.
				u.top.err = errIssue344
				p.lg = want
			}
		} else {
			ok = p.holes.grow(lg, local, by)
		}
		if ok && impossible {
			u.top.err = errIssue344
		}
		return ok
	}
	return false
}
