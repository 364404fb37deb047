package vat

import (
	"encoding/binary"
	"errors"
	"testing"

	"capnproto.org/go/capnp/v3"
)

// A list that contains itself is not followed for ever, whatever is between the root and it. In go-capnp it is, where the
// levels that may be read end at a list.
func TestListContainsItself(t *testing.T) {
	if !hasListDepth {
		t.Fatal("go-capnp keeps a list's depth elsewhere now: see whether its elements still are read without a limit")
	}
	found := false
	for structs := range 3 {
		// Structs of one pointer, each to what follows, then a list of one such struct, which points to the list.
		var words []uint64
		for range structs + 1 {
			words = append(words, 1<<48) // a struct of one pointer, right behind
		}
		tag := len(words)
		words[tag-1] = 1 | 7<<32 | 1<<35         // instead: a composite list of one word
		words = append(words, 1<<2|1<<48)        // its tag: one element of one pointer
		back := int64(tag) - int64(len(words)+1) // from behind the pointer to the tag
		words = append(words, uint64(uint32(back<<2))|1|7<<32|1<<35)
		segment := make([]byte, 8*len(words))
		for i, w := range words {
			binary.LittleEndian.PutUint64(segment[8*i:], w)
		}
		msg := &capnp.Message{Arena: capnp.SingleSegment(segment), TraverseLimit: 1 << 40}
		root, err := msg.Root()
		if err != nil {
			t.Fatal(err)
		}
		m := newMessage()
		_, err = copyContent(m, root, nil)
		m.release()
		if err == nil {
			t.Error("it was copied")
		}
		found = found || errors.Is(err, ErrTooDeep)
	}
	if !found {
		t.Error("the levels never end at a list")
	}
}
