// Package mprt is the runtime of mpgo: it lets a program call functions and
// hold objects that live in another process, as if they were local. Code that
// mpgen generates from a Cap'n Proto schema builds on it.
//
// # Connections
//
// [Dial] and [NewConn] connect to a peer, [Serve] and [ServeConn] let peers
// connect, [Spawn] and [ServeSpawned] do both between a parent and a child.
// [Conn.Bootstrap] is the object that the peer offers; the generated
// New…Client functions make a proxy client of it.
//
// # Objects
//
// A proxy client ([Client], embedded in generated types) belongs to who
// received it: close it, or let the garbage collector find it. An object that
// is passed to a peer is wrapped by a proxy server and belongs to it from then
// on: when the peer destroys it, drops its last reference or leaves, its Close
// method is called, if it has one.
//
// # Threads
//
// Calls of methods with a context parameter run on a thread of the peer. Go
// has no thread-local storage, so a thread is a value that travels in a
// context.Context: the context that a method is served with carries the
// thread it runs on, and calls made with it find their way back to whoever
// waits for the method. A call made with any other context borrows a thread of
// the connection for as long as it takes; [WithThread] keeps one. While a call
// waits, calls addressed to its thread run on the waiting goroutine.
//
// The wire facts are libmultiprocess's; see docs/design.md.
package mprt

// IsAtLeastVersion0_1 makes generated code that needs this version of the
// package fail to compile with an older one.
const IsAtLeastVersion0_1 = true
