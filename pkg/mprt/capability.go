package mprt

import (
	"io"
	"reflect"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Capability is a reference to an object of any interface, here or in another
// process. It is owned: release it, or give it to something that takes it
// over. The zero Capability is null. Copies are the same reference.
type Capability struct {
	cap *vat.Cap
	// from is the call being served that the capability came with, if any:
	// what Close does runs on its thread.
	from *ServerCall
	// function says that it becomes a Go function, which nobody can close.
	function bool
}

// IsNull reports whether c refers to nothing.
func (c Capability) IsNull() bool { return c.cap == nil }

// AddRef returns c as a further reference.
func (c Capability) AddRef() Capability { return Capability{cap: c.cap.AddRef(), from: c.from} }

// Release gives the reference back. An object that nobody refers to any more
// is told (see [NewServer]).
func (c Capability) Release() { c.cap.Release() }

// proxyClient is what every generated proxy client is.
type proxyClient interface{ proxy() *proxy }

// Export returns the capability by which impl is passed to the peer of a call:
// null for nil; for a proxy client, the object that it stands for; otherwise a
// proxy server around impl, which owns it from then on.
//
// A proxy client of another connection is wrapped like any other object: calls
// come through this process, so that they run on its threads.
func Export(b Builder, impl any, i *Interface) Capability {
	if isNil(impl) {
		return Capability{}
	}
	if p, ok := impl.(proxyClient); ok {
		p := p.proxy()
		if c := p.conn(); c == nil || b.enc.conn == nil || c == b.enc.conn {
			return Capability{cap: p.cap.AddRef()}
		}
	}
	if b.enc.conn != nil {
		b.enc.conn.object("IPC server create", i)
	}
	return Capability{cap: newProxyServer(i, impl, b.enc.conn, true)}
}

// Close closes an object that was received, whatever stands for it: a proxy
// client destroys what it stands for ([Client.Close]), an object of this
// process is closed if it has a Close method. Nil and functions need none.
func Close(object any) error {
	if isNil(object) {
		return nil
	}
	if closes := closer(object); closes != nil {
		return closes()
	}
	return nil
}

// closer is what Close calls; nil if object has no Close method.
func closer(object any) func() error {
	switch c := object.(type) {
	case io.Closer:
		return c.Close
	case interface{ Close() }:
		return func() error { c.Close(); return nil }
	}
	return nil
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return r.IsNil()
	}
	return false
}

// Import makes a Go value of a capability that it takes over: the zero value
// of null; the object itself if it is one of this process that implements T;
// otherwise a proxy client.
func Import[T any](c Capability, newClient func(Capability) T) T {
	if c.IsNull() {
		var zero T
		return zero
	}
	if s, ok := c.cap.Local(); ok {
		if s, ok := s.(*proxyServer); ok {
			if impl, ok := s.impl.(T); ok {
				// Whoever holds the object needs no reference of the wire's.
				c.Release()
				return impl
			}
		}
	}
	c.function = reflect.TypeFor[T]().Kind() == reflect.Func
	return newClient(c)
}

// Broken returns a capability whose calls fail with err.
func Broken(err error) Capability { return Capability{cap: vat.NewBroken(err)} }
