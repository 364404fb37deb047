package vat

import (
	"bytes"
	"testing"
)

// A message that held a large frame, or grew large itself, has an arena of its
// own again that no other message has.
func TestMessagesShareNoMemory(t *testing.T) {
	lives := []struct {
		name string
		live func(t *testing.T) *message
	}{
		{"large frame", func(t *testing.T) *message {
			frame := large.get(64 << 10)
			m, err := newIncomingLarge(frame, frame[8:], 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}},
		{"frame of two segments", func(t *testing.T) *message {
			frame := append(large.get(24)[:0], words(1|1<<32, 0, 0)...)
			m, err := newIncomingSegments(frame, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}},
		{"frame of ten segments", func(t *testing.T) *message {
			frame := append(large.get(8 * 16)[:0], words(9|1<<32, 1|1<<32, 1|1<<32, 1|1<<32, 1|1<<32, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)...)
			m, err := newIncomingSegments(frame, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				if s := m.segment(i); len(s) != 8 || s[0] != byte(i) {
					t.Fatalf("segment %d is %x", i, s)
				}
			}
			return m
		}},
		{"frame whose second segment is cut off", func(t *testing.T) *message {
			frame := append(large.get(24)[:0], words(1|1<<32, 2, 0)...)
			if m, err := newIncomingSegments(frame, 1<<20); err == nil {
				t.Errorf("message of %d segments", m.msg.NumSegments())
			}
			return nil
		}},
		{"frame that cannot be read", func(t *testing.T) *message {
			if m, err := newIncomingSegments(large.get(8)[:4], 1<<20); err == nil {
				t.Errorf("message of %d segments", m.msg.NumSegments())
			}
			return nil
		}},
		{"small", func(*testing.T) *message { return newMessage() }},
		{"grown", func(t *testing.T) *message {
			m := newMessage()
			if _, err := m.allocate(2 * keptSegment); err != nil {
				t.Fatal(err)
			}
			return m
		}},
	}
	for _, life := range lives {
		t.Run(life.name, func(t *testing.T) {
			for range 10 {
				life.live(t).release()
				var all []*message
				for i := range 8 {
					m, b, err := newIncoming(32, 1<<20)
					if err != nil {
						t.Fatal(err)
					}
					if len(b) != 32 || len(m.data()) != 32 || !bytes.Equal(b, make([]byte, 32)) {
						t.Fatalf("segment of %d bytes, %x, not of 32 zeros", len(m.data()), b)
					}
					for k := range b {
						b[k] = byte(i + 1)
					}
					all = append(all, m)
				}
				for i, m := range all {
					if want := bytes.Repeat([]byte{byte(i + 1)}, 32); !bytes.Equal(m.data(), want) {
						t.Fatalf("message %d holds %x, what was written into another", i, m.data())
					}
					m.release()
				}
			}
		})
	}
}
