package vat

import (
	"testing"
	"unsafe"
)

func TestLargeSizes(t *testing.T) {
	var p largePool
	for n := 1; n <= 1<<maxLarge; n += max(1, n/50) {
		b := p.get(n)
		if waste := cap(b) - n; len(b) != n || cap(b) > 1<<minLarge && waste > n/sizesPerLarge {
			t.Fatalf("asked for %d bytes, got %d and memory for %d more", n, len(b), waste)
		}
		p.put(b)
		if again := p.get(n); unsafe.SliceData(again) != unsafe.SliceData(b) || cap(again) != cap(b) {
			t.Fatalf("what was put back is not got again for %d bytes", n)
		}
	}
	for range 10 {
		p.put(uncleared(1 << maxLarge))
	}
	if p.bytes != keepLarge {
		t.Errorf("keeps %d bytes, not %d", p.bytes, keepLarge)
	}
	p.put(make([]byte, 1<<minLarge+1)) // not of a size that is kept
	if b := p.get(1<<maxLarge + 1); len(b) != 1<<maxLarge+1 {
		t.Errorf("got %d bytes", len(b))
	}
}

func TestTake(t *testing.T) {
	const size = 64 << 10
	large := func() *message {
		frame := large.get(size)
		m, err := newIncomingLarge(frame, frame[8:], 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.release)
		return m
	}
	for _, c := range []struct {
		name string
		part func(m *message) []byte
		ok   bool
	}{
		{"nearly all", func(m *message) []byte { return m.data()[64:] }, true},
		{"half", func(m *message) []byte { return m.data()[:size/2] }, true},
		{"less", func(m *message) []byte { return m.data()[:size/2-1] }, false},
		{"nothing", func(m *message) []byte { return m.data()[:0] }, false},
		{"other memory", func(*message) []byte { return make([]byte, size) }, false},
	} {
		m := large()
		data := c.part(m)
		if m.take(data) != c.ok {
			t.Errorf("%s: taken is %v", c.name, !c.ok)
		}
		if m.take(data) {
			t.Errorf("%s: taken twice", c.name)
		}
		if kept := m.frame != nil; kept == c.ok {
			t.Errorf("%s: the message has it still is %v", c.name, kept)
		}
	}
	small := newMessage()
	defer small.release()
	if small.take(small.data()) {
		t.Error("the memory of a small message was taken")
	}
}
