// Package rpctext prints Cap'n Proto RPC messages (rpc.capnp) for people, one line a message:
//
//	call #4 import 0 FooInterface.add (0x200000001)
//	return #4 (0x3)
//	call #6 answer #5.0 0xd3d8f6a18a1a9d46.0 caps [senderHosted 1] ("main" <0>)
//	return #6 exception failed "int fn error"
//	finish #4 releaseResultCaps=false
//
// Words are rpc.capnp's, and flags are told where they differ from its defaults. #n is a question (the same number is
// the answer's), and the number after a dot is a pointer field that a promised answer's transform follows. Contents are
// printed without their schema: data words in hexadecimal, then pointers; bytes that end in a NUL and can be text are
// quoted, others in hexadecimal after their count; <n> is entry n of the cap table.
package rpctext

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"capnproto.org/go/capnp/v3"
	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// DefaultMaxChars is the length that lines are cut to unless [Options] says otherwise.
const DefaultMaxChars = 500

// Options say how messages are printed. The zero value is ready to use.
type Options struct {
	// MaxChars cuts a line that would have more bytes; "…" marks the cut. 0 means DefaultMaxChars. It also bounds the
	// work and memory that a message can cost, however it was forged.
	MaxChars int

	// Method gives the name to print for a method, such as "FooInterface.add", or "" if it knows none. Nil knows none.
	Method func(interfaceID uint64, methodID uint16) string
}

// String returns the line for a message, without a line end. See [Append].
func String(msg *capnp.Message, o Options) string {
	return string(Append(nil, msg, o))
}

// Append appends the line for a message to b, without a line end. It takes any message, also one that is not RPC, is
// malformed or was forged to be expensive, and says what is wrong in its place. The message is not changed, not even
// its traversal limit is used up; it must not be written to meanwhile.
func Append(b []byte, msg *capnp.Message, o Options) []byte {
	if o.MaxChars <= 0 {
		o.MaxChars = DefaultMaxChars
	}
	p := &printer{max: max(o.MaxChars, len(cutMark)), method: o.Method}
	if m, err := view(msg); err != nil {
		p.problem(err)
	} else if root, err := rpccp.ReadRootMessage(m); err != nil {
		p.problem(err)
	} else if !root.IsValid() {
		p.problem(errors.New("no root"))
	} else {
		p.message(root, 0)
	}
	return append(b, p.line...)
}

// AppendStruct appends the content of a call or a return, as it is printed within one. What is read counts against the
// limits of its message.
func AppendStruct(b []byte, s capnp.Struct, o Options) []byte {
	if o.MaxChars <= 0 {
		o.MaxChars = DefaultMaxChars
	}
	p := &printer{max: max(o.MaxChars, len(cutMark))}
	p.structure(s)
	return append(b, p.line...)
}

// maxSegments is more than any sender splits an RPC message into, and what capnp's own readers accept.
const maxSegments = 512

// view returns a message on the same bytes with limits of its own.
func view(msg *capnp.Message) (*capnp.Message, error) {
	n := msg.NumSegments()
	if n > maxSegments {
		return nil, fmt.Errorf("too many segments: %d", n)
	}
	segments := make([][]byte, n)
	for i := range segments {
		s, err := msg.Segment(capnp.SegmentID(i))
		if err != nil {
			return nil, err
		}
		segments[i] = s.Data()
	}
	// No traversal limit is needed: each pointer that is followed adds to the line, and a full line ends it.
	return &capnp.Message{Arena: capnp.MultiSegment(segments), TraverseLimit: math.MaxUint64, DepthLimit: 64}, nil
}

// printer makes a line of at most max bytes.
type printer struct {
	line   []byte
	max    int
	full   bool
	method func(interfaceID uint64, methodID uint16) string
}

const cutMark = "…"

// add appends text, or what of it fits. Once the line is full nothing is added any more; whoever loops looks at full.
func (p *printer) add(text string) {
	if p.full {
		return
	}
	if len(p.line)+len(text) <= p.max {
		p.line = append(p.line, text...)
		return
	}
	p.full = true
	end := p.max - len(cutMark)
	if room := end - len(p.line); room > 0 {
		p.line = append(p.line, text[:min(room+1, len(text))]...)
	}
	for end > 0 && end < len(p.line) && !utf8.RuneStart(p.line[end]) {
		end--
	}
	p.line = append(p.line[:min(end, len(p.line))], cutMark...)
}

func (p *printer) number(n uint64) { p.add(strconv.FormatUint(n, 10)) }

func (p *printer) hex(n uint64) { p.add("0x" + strconv.FormatUint(n, 16)) }

// quoted prints text in quotes, with whatever is not printable escaped.
func (p *printer) quoted(text []byte) {
	if len(text) > p.max {
		text = text[:p.max]
	}
	p.add(strconv.Quote(string(text)))
}

// problem prints what is wrong with a part of the message, in its place.
func (p *printer) problem(err error) {
	p.add("!(")
	p.add(err.Error())
	p.add(")")
}
