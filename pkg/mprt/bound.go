package mprt

import (
	"context"
	"fmt"
)

// Context is the context of calls that are made through a bound Go interface
// whose method has no context: it is never cancelled, and such a call borrows
// a thread even if it is made while serving another.
func (c Client) Context() context.Context { return context.Background() }

// PanicError is what a proxy client's method panics with when a call fails
// and the Go interface that it is bound to gives the method no error to
// return.
type PanicError struct{ Err error }

// Error is the text of the call's error.
func (e *PanicError) Error() string { return "mprt: " + e.Err.Error() }

// Unwrap returns the call's error.
func (e *PanicError) Unwrap() error { return e.Err }

// NotInSchema is the error of a method that a Go interface has and the schema
// that it is bound to has not. errors.Is finds [ErrUnimplemented].
func NotInSchema(iface, method string) error {
	return fmt.Errorf("%s has no method for %s in its schema: %w", iface, method, ErrUnimplemented)
}
