package mprt

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"capnproto.org/go/capnp/v3"
)

// TestDirect fails if go-capnp has changed what a Struct is in memory: all
// works then as before, but slower.
func TestDirect(t *testing.T) {
	if !direct {
		t.Error("capnp.Struct is not what structView takes it for")
	}
}

// TestDirectOrNot reads the same lists from memory and by go-capnp's accessors.
func TestDirectOrNot(t *testing.T) {
	write := func(arena capnp.Arena) capnp.Struct {
		_, seg, err := capnp.NewMessage(arena)
		if err != nil {
			t.Fatal(err)
		}
		s, err := capnp.NewRootStruct(seg, capnp.ObjectSize{DataSize: 8, PointerCount: 9})
		if err != nil {
			t.Fatal(err)
		}
		b, done := newBuilder(s)
		b.SetText(0, "a text")
		b.SetText(1, "")
		SetNumbers(b, 2, []int8{math.MinInt8, 0, 1})
		SetNumbers(b, 3, []uint16{math.MaxUint16, 2})
		SetNumbers(b, 4, []float32{0.5})
		SetNumbers(b, 5, []int64{math.MinInt64, 3, 4})
		SetBools(b, 6, []bool{true, false, true, true, false, false, false, false, true})
		SetNumbers(b, 7, []uint32{})
		if err := done(); err != nil {
			t.Fatal(err)
		}
		return s
	}
	type all struct {
		texts   []string
		bytes   []int8
		shorts  []uint16
		floats  []float32
		longs   []int64
		bools   []bool
		nothing []uint32
		null    []uint32
	}
	read := func(s capnp.Struct) all {
		r, failed := newReader(s)
		v := all{[]string{r.Text(0), r.Text(1), r.Text(8), r.Text(9)}, GetNumbers[int8](r, 2), GetNumbers[uint16](r, 3), GetNumbers[float32](r, 4),
			GetNumbers[int64](r, 5), GetBools(r, 6), GetNumbers[uint32](r, 7), GetNumbers[uint32](r, 8)}
		if err := failed(); err != nil {
			t.Error(err)
		}
		if v.nothing == nil || v.null != nil {
			t.Error("an empty list and a null are not told apart")
		}
		return v
	}
	same := func(a, b all) bool {
		return slices.Equal(a.texts, b.texts) && slices.Equal(a.bytes, b.bytes) && slices.Equal(a.shorts, b.shorts) &&
			slices.Equal(a.floats, b.floats) && slices.Equal(a.longs, b.longs) && slices.Equal(a.bools, b.bools)
	}
	defer func(d, l bool) { direct, littleEndian = d, l }(direct, littleEndian)
	s := write(capnp.SingleSegment(nil))
	first := read(s)
	if first.texts[0] != "a text" || first.bytes[0] != math.MinInt8 || first.shorts[0] != math.MaxUint16 || first.longs[0] != math.MinInt64 || !first.bools[8] {
		t.Errorf("read %v", first)
	}
	littleEndian = false
	if v := read(s); !same(v, first) {
		t.Errorf("byte by byte it reads %v, not %v", v, first)
	}
	direct = false
	if v := read(s); !same(v, first) {
		t.Errorf("go-capnp reads %v, not %v", v, first)
	}
}

// TestBrokenText follows text pointers that lead nowhere: nothing is read, by
// either way, and nothing is read from outside.
func TestBrokenText(t *testing.T) {
	for name, pointer := range map[string][]byte{
		"behind the end":   {0xfd, 0xff, 0, 0, 0x22, 0, 0, 0},
		"before the start": {0x01, 0xff, 0xff, 0xff, 0x22, 0, 0, 0},
		"too long":         {0x01, 0, 0, 0, 0xfa, 0xff, 0xff, 0xff},
		"no NUL":           {0xfd, 0xff, 0xff, 0xff, 0x22, 0, 0, 0},
		"a struct":         {0x00, 0, 0, 0, 1, 0, 0, 0},
		"two-byte values":  {0x01, 0, 0, 0, 0x23, 0, 0, 0},
	} {
		// The root pointer, to a struct of one pointer, and that.
		segment := append([]byte{0, 0, 0, 0, 0, 0, 1, 0}, pointer...)
		segment = append(segment, bytes.Repeat([]byte{1}, 8)...)
		root, err := (&capnp.Message{Arena: capnp.SingleSegment(segment)}).Root()
		if err != nil {
			t.Fatal(err)
		}
		r, failed := newReader(root.Struct())
		if s := r.Text(0); s != "" {
			t.Errorf("%s: read %q, %v", name, s, failed())
		}
	}
}

// TestTextGrowth has many pointers lead to one text.
func TestTextGrowth(t *testing.T) {
	_, seg := capnp.NewSingleSegmentMessage(nil)
	s, err := capnp.NewRootStruct(seg, capnp.ObjectSize{PointerCount: 200})
	if err != nil {
		t.Fatal(err)
	}
	text, err := capnp.NewText(seg, strings.Repeat("x", 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint16(200) {
		if err := s.SetPtr(i, text.ToPtr()); err != nil {
			t.Fatal(err)
		}
	}
	r, failed := newReader(s)
	total := 0
	for i := range uint16(200) {
		total += len(r.Text(i))
	}
	if err := failed(); err == nil || total > 66<<20 {
		t.Errorf("%d bytes were read, error %v", total, err)
	}
}
