package vat

import (
	"errors"
	"fmt"
)

// ExceptionType says what a caller can do about an exception
// (rpc.capnp, Exception.Type).
type ExceptionType uint16

const (
	Failed        ExceptionType = 0 // something went wrong; trying again will not help
	Overloaded    ExceptionType = 1 // a resource was exhausted for now
	Disconnected  ExceptionType = 2 // the connection to something needed was lost
	Unimplemented ExceptionType = 3 // the callee does not know the method
)

func (t ExceptionType) String() string {
	switch t {
	case Failed:
		return "failed"
	case Overloaded:
		return "overloaded"
	case Disconnected:
		return "disconnected"
	case Unimplemented:
		return "unimplemented"
	}
	return fmt.Sprintf("exception type %d", uint16(t))
}

// Exception is an error that travels as an RPC exception. One that a
// [Question] returns was raised by the peer, unless it wraps [ErrDisconnected].
type Exception struct {
	Type   ExceptionType
	Reason string
}

func (e *Exception) Error() string { return e.Reason }

// cut is e with a reason as long as may be sent.
func (e *Exception) cut() *Exception {
	if len(e.Reason) <= maxReason {
		return e
	}
	return &Exception{e.Type, cutReason(e.Reason)}
}

// Is makes exceptions of type Disconnected match [ErrDisconnected].
func (e *Exception) Is(target error) bool {
	return target == ErrDisconnected && e.Type == Disconnected
}

// Errors that end calls on this side.
var (
	// ErrDisconnected is matched by every error that the end of the
	// connection causes.
	ErrDisconnected = errors.New("disconnected")
	// ErrNull is the error of a call on a null capability.
	ErrNull = errors.New("called a null capability")
)

// disconnectError tells a call made too late from one that was cut off.
type disconnectError struct {
	text  string
	cause error // nil for an orderly end
}

func (e *disconnectError) Error() string {
	if e.cause == nil {
		return e.text
	}
	return e.text + ": " + e.cause.Error()
}

func (e *disconnectError) Is(target error) bool { return target == ErrDisconnected }
func (e *disconnectError) Unwrap() error        { return e.cause }

func calledAfter(cause error) error {
	return &disconnectError{"called after disconnect", cause}
}

func interruptedBy(cause error) error {
	return &disconnectError{"interrupted by disconnect", cause}
}

func failedf(format string, args ...any) error {
	return &Exception{Failed, fmt.Sprintf(format, args...)}
}

// toException gives the exception that stands for err on the wire.
func toException(err error) *Exception {
	var e *Exception
	if errors.As(err, &e) && e.Error() == err.Error() {
		return e
	}
	t := Failed
	switch {
	case errors.As(err, &e):
		t = e.Type
	case errors.Is(err, ErrDisconnected): // of the connection that the call was passed on over
		t = Disconnected
	}
	return &Exception{t, err.Error()}
}
