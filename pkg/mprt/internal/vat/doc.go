// Package vat speaks level 1 of the Cap'n Proto RPC protocol (rpc.capnp) over
// one stream connection. It knows questions and answers, exports and imports,
// promises and embargoes; it knows nothing of proxies, threads or Go types of
// users. Package mprt builds those on top.
//
// # Roles
//
// A [Conn] has one reader role. Whoever holds it reads frames and dispatches
// them: a caller that waits for its own return (so that no other goroutine has
// to be woken for it), or a background goroutine of the connection. The role
// is vacant while the background goroutine runs a call inline; if the call
// blocks, the watchdog lets another goroutine take the role over. reader.go
// has the details and the reasons.
//
// # Objects
//
// A [Cap] is a counted reference to an object: a local one that implements
// [Server], one that the peer hosts, or a promise for either. A [Question] is
// a call being made, a [Call] is a call being served, a [Queue] runs calls one
// at a time and in order.
package vat
