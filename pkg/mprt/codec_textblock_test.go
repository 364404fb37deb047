package mprt

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"capnproto.org/go/capnp/v3"
)

// TestTextBlock writes texts into messages of one and of many segments, and has
// go-capnp read them.
func TestTextBlock(t *testing.T) {
	var long []string
	for i := range 200 {
		long = append(long, strings.Repeat("x", i))
	}
	arenas := map[string]func() capnp.Arena{
		"one segment":   func() capnp.Arena { return capnp.SingleSegment(nil) },
		"many segments": func() capnp.Arena { return capnp.MultiSegment(nil) },
	}
	for name, arena := range arenas {
		for _, texts := range [][]string{nil, {}, {""}, {"", "a", "1234567", "12345678", "\x00", "Grüße"}, long} {
			t.Run(fmt.Sprint(name, " ", len(texts)), func(t *testing.T) {
				_, seg, err := capnp.NewMessage(arena())
				if err != nil {
					t.Fatal(err)
				}
				s, err := capnp.NewRootStruct(seg, capnp.ObjectSize{PointerCount: 3})
				if err != nil {
					t.Fatal(err)
				}
				pairs := map[string]int32{}
				set := map[string]struct{}{}
				for i, text := range texts {
					pairs[text] = int32(i)
					set[text] = struct{}{}
				}
				b, done := newBuilder(s)
				SetTexts(b, 0, texts)
				SetTextSet(b, 1, set)
				l, keys, ok := NewTextPairs(b, 2, capnp.ObjectSize{DataSize: 8, PointerCount: 2}, 1, pairs)
				if !ok {
					t.Fatal(done())
				}
				n := 0
				for key, value := range pairs {
					keys.Set(n, key)
					e := b.With(l.Struct(n))
					e.SetText(0, "value of "+key) // goes behind the keys, or moves the segment
					e.SetUint32(0, uint32(value))
					n++
				}
				if err := done(); err != nil {
					t.Fatal(err)
				}

				if many := seg.Message().NumSegments() > 1; len(texts) == len(long) && many != (name == "many segments") {
					t.Errorf("the message has %d segments", seg.Message().NumSegments())
				}
				r, failed := newReader(s)
				if got := GetTexts(r, 0); !slices.Equal(got, texts) || (got == nil) != (texts == nil) {
					t.Errorf("texts are %q", got)
				}
				if got := GetTextSet(r, 1); !maps.Equal(got, set) {
					t.Errorf("set is %q", got)
				}
				got, more := map[string]int32{}, map[string]bool{}
				if l, ok := GetTextPairs(r, 2); ok {
					for n := range l.Len() {
						e := r.With(l.Struct(n))
						got[e.Text(1)] = int32(e.Uint32(0))
						more[e.Text(0)] = true
					}
				}
				if !maps.Equal(got, pairs) || len(more) != len(pairs) {
					t.Errorf("pairs are %v, with %v", got, more)
				}
				if err := failed(); err != nil {
					t.Error(err)
				}

				p, err := s.Ptr(0)
				if err != nil {
					t.Fatal(err)
				}
				for i := range texts {
					if text, err := capnp.TextList(p.List()).At(i); text != texts[i] || err != nil {
						t.Errorf("go-capnp reads %q, %v, not %q", text, err, texts[i])
					}
				}
			})
		}
	}
}

// TestSharedTexts keeps short texts of one list together, and no more than is
// worth keeping for one of them.
func TestSharedTexts(t *testing.T) {
	var dec decoder
	r := Reader{dec: &dec}
	_, seg := capnp.NewSingleSegmentMessage(nil)
	ptr := func(s string) capnp.Ptr {
		text, err := capnp.NewText(seg, s)
		if err != nil {
			t.Fatal(err)
		}
		return text.ToPtr()
	}
	if s := r.text(ptr("alone")); s != "alone" || dec.texts.mem != nil {
		t.Errorf("%q is kept in %d bytes", s, cap(dec.texts.mem))
	}
	short := ptr("ten bytes!")
	r.expectTexts(1000)
	for range 1000 {
		if s := r.text(short); s != "ten bytes!" {
			t.Fatalf("read %q", s)
		}
		if cap(dec.texts.mem) > textsChunk {
			t.Fatalf("%d bytes in one piece", cap(dec.texts.mem))
		}
	}
	if dec.texts.more != 0 {
		t.Errorf("%d more to come", dec.texts.more)
	}
	if n := testing.AllocsPerRun(100, func() {
		dec.texts.mem = nil
		r.expectTexts(20)
		for range 20 {
			r.text(short)
		}
	}); n != 1 {
		t.Errorf("%v allocations for 20 short texts", n)
	}
}
