package vat

import "capnproto.org/go/capnp/v3/std/capnp/rpc"

// Options are the limits of a connection and what watches it. The zero value
// of each field means its default.
type Options struct {
	// MaxMessage is the largest frame in bytes that is read or written.
	// Default 64 MiB.
	MaxMessage int
	// Traversal is how many bytes may be read from one message, counting
	// what is read twice twice. Default MaxMessage. Of a small message less
	// is read anyway: see input.limit.
	Traversal uint64
	// MaxCalls is how many calls of the peer may be unanswered. Further ones
	// are refused as overloaded. Default 16,384: as a goroutine costs little, Go
	// programs make thousands of calls at once, and the reference has no limit.
	MaxCalls int
	// MaxAnswers is how many questions of the peer may be open: called, and
	// not finished. One more ends the session. Default 4 * MaxCalls.
	MaxAnswers int
	// MaxHeld is how many bytes the peer's calls may hold here until they
	// return, and their results until they are finished. Further calls are
	// refused as overloaded, but never the only one. Default 4 * MaxMessage.
	MaxHeld int
	// MaxExports is how many objects the peer may hold here. Default 1 << 20.
	MaxExports int
	// MaxImports is how many objects the peer may send here. Default 1 << 20.
	MaxImports int
	// MaxUnsent is how many bytes are kept for a peer that does not read
	// before the connection is ended. Default 2 * MaxMessage.
	MaxUnsent int
	// TailCalls has calls of the peer that are passed on to one of its own objects
	// answered by saying that the results are those of that call. A peer that
	// does not know that message loses the call, and then the connection.
	TailCalls bool
	// Trace, if set, sees every message that is sent or received, in order.
	// It must not keep the message nor call into the connection.
	Trace func(sent bool, m rpc.Message)
	// Ended, if set, is called once, when the session has ended and before
	// [Conn.Done] says so. It must not block.
	Ended func()
	// Owner is what the connection belongs to; see [Conn.Owner].
	Owner any
}

func (o *Options) setDefaults() {
	if o.MaxMessage == 0 {
		o.MaxMessage = 64 << 20
	}
	if o.Traversal == 0 {
		o.Traversal = uint64(o.MaxMessage)
	}
	if o.MaxCalls == 0 {
		o.MaxCalls = 1 << 14
	}
	if o.MaxAnswers == 0 {
		o.MaxAnswers = 4 * o.MaxCalls
	}
	if o.MaxHeld == 0 {
		o.MaxHeld = 4 * o.MaxMessage
	}
	if o.MaxExports == 0 {
		o.MaxExports = 1 << 20
	}
	if o.MaxImports == 0 {
		o.MaxImports = 1 << 20
	}
	if o.MaxUnsent == 0 {
		o.MaxUnsent = 2 * o.MaxMessage
	}
}
