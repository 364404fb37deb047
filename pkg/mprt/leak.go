package mprt

import (
	"fmt"
	"runtime"
	"strings"
)

// Leak is a proxy client that was dropped without Close; see [WithLeakReport].
type Leak struct {
	Interface string // as in the schema
	Peer      string // what errors call the process with the object
	// Stack is where the proxy client was made: function, file and line of each
	// caller, the innermost first, as in a goroutine's stack trace.
	Stack string
}

// String describes the leak, in several lines.
func (l Leak) String() string {
	return fmt.Sprintf("a proxy client of %s (%s) was not closed; it was made by\n%s", l.Interface, l.Peer, l.Stack)
}

// callers is the stack of who made a proxy client.
func callers() []uintptr {
	var pcs [32]uintptr
	const own = 3 // runtime.Callers, callers, NewClient
	n := runtime.Callers(own, pcs[:])
	return append([]uintptr(nil), pcs[:n]...)
}

// stackOf prints a stack.
func stackOf(pcs []uintptr) string {
	var b strings.Builder
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return b.String()
		}
	}
}
