package mprt

import (
	"errors"
	"slices"
	"strings"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Errors to look for with errors.Is.
var (
	// ErrDisconnected says that the connection that a call needs is gone: the
	// text tells "called after disconnect" from "interrupted by disconnect".
	ErrDisconnected = vat.ErrDisconnected
	// ErrUnimplemented says that the object does not have the method.
	ErrUnimplemented = errors.New("method is not implemented")
	// ErrOverloaded says that the peer refused a call because of a limit.
	ErrOverloaded = errors.New("peer is overloaded")
	// ErrClosed says that the proxy client was closed on this side.
	ErrClosed = errors.New("proxy client is closed")
	// ErrNoThread says that a method with a context was called, but the sides
	// have not exchanged thread maps.
	ErrNoThread = errors.New("the peer has given no thread map: call construct or another method " +
		"that exchanges one first, and see that the schema's Init interface declares " +
		"construct (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap)")
)

// CallError is the error of a call that failed, other than by an exception that
// the schema declares.
type CallError struct {
	Method string // "Interface.method"
	Peer   string // what the connection is called
	Err    error
}

// Error names method, peer and cause.
func (e *CallError) Error() string {
	if e.Peer == "" {
		return e.Method + ": " + e.Err.Error()
	}
	return e.Method + " (" + e.Peer + "): " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// RemoteError is an exception that the peer raised.
type RemoteError struct {
	// Reason is its text as it was sent; undeclared errors of a method travel
	// as "std::exception: " and their text.
	Reason string
	kind   vat.ExceptionType
}

// Error is the reason without what only says that it is one, and without the
// addresses of a C++ peer's stack.
func (e *RemoteError) Error() string {
	s := strings.TrimPrefix(e.Reason, "remote exception: ")
	return withoutStacks(strings.TrimPrefix(s, stdException))
}

// withoutStacks leaves out the lines of addresses that kj::Exception ends with.
func withoutStacks(s string) string {
	if !strings.Contains(s, "\nstack: ") {
		return s
	}
	return strings.Join(slices.DeleteFunc(strings.Split(s, "\n"), func(line string) bool {
		addresses, ok := strings.CutPrefix(line, "stack: ")
		return ok && strings.Trim(addresses, "0123456789abcdef ") == ""
	}), "\n")
}

// Is matches the exception's type with ErrDisconnected, ErrUnimplemented and
// ErrOverloaded.
func (e *RemoteError) Is(target error) bool {
	switch target {
	case ErrDisconnected:
		return e.kind == vat.Disconnected
	case ErrUnimplemented:
		return e.kind == vat.Unimplemented
	case ErrOverloaded:
		return e.kind == vat.Overloaded
	}
	return false
}

// stdException is how libmultiprocess marks an exception that is not declared.
const stdException = "std::exception: "

// callError names the method and the peer in an error that ended a call.
func callError(m *Method, peer string, err error) error {
	var x *vat.Exception
	if errors.As(err, &x) {
		err = &RemoteError{x.Reason, x.Type}
	}
	return &CallError{Method: m.String(), Peer: peer, Err: err}
}

// exceptionOf is what travels when a method returns an error that its schema
// does not declare.
func exceptionOf(err error) error {
	kind := vat.Failed
	x, ready := err.(*vat.Exception) // the runtime's own; a wrapped one is a method's
	switch {
	case ready:
		return x
	case errors.Is(err, ErrUnimplemented):
		return &vat.Exception{Type: vat.Unimplemented, Reason: err.Error()}
	case errors.Is(err, ErrOverloaded):
		kind = vat.Overloaded
	}
	return &vat.Exception{Type: kind, Reason: stdException + err.Error()}
}
