package main

import (
	"encoding/binary"
	"errors"
)

// message is a decoded protocol buffer of the kinds of fields that occur in
// stardoc_output.proto: numbers, strings and messages. There, a file is small
// and comes from Bazel itself.
type message struct {
	numbers map[uint64]uint64
	bytes   map[uint64][][]byte
}

var errWire = errors.New("not what starlark_doc_extract writes")

func decode(b []byte) (*message, error) {
	m := &message{numbers: map[uint64]uint64{}, bytes: map[uint64][][]byte{}}
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errWire
		}
		b = b[n:]
		value, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errWire
		}
		b = b[n:]
		switch tag & 7 {
		case 0:
			m.numbers[tag>>3] = value
		case 2:
			if value > uint64(len(b)) {
				return nil, errWire
			}
			m.bytes[tag>>3] = append(m.bytes[tag>>3], b[:value])
			b = b[value:]
		default:
			return nil, errWire
		}
	}
	return m, nil
}

// text is a string field.
func (m *message) text(field uint64) string {
	if all := m.bytes[field]; len(all) > 0 {
		return string(all[len(all)-1])
	}
	return ""
}

// texts is a repeated string field.
func (m *message) texts(field uint64) []string {
	var out []string
	for _, b := range m.bytes[field] {
		out = append(out, string(b))
	}
	return out
}

// messages is a repeated field of messages.
func (m *message) messages(field uint64) ([]*message, error) {
	var out []*message
	for _, b := range m.bytes[field] {
		sub, err := decode(b)
		if err != nil {
			return nil, err
		}
		out = append(out, sub)
	}
	return out, nil
}
