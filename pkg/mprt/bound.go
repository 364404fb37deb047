package mprt

import "fmt"

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
