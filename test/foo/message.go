package foo

import (
	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// FooMessage is a struct with a codec written by hand. Like the C++ one of
// libmultiprocess's tests it leaves its mark on the text, each time that it
// goes to the wire or comes from it.
type FooMessage struct {
	Message string
}

// CapnpSize implements mprt.Struct.
func (*FooMessage) CapnpSize() capnp.ObjectSize { return capnp.ObjectSize{PointerCount: 1} }

// MarshalCapnp implements mprt.Struct.
func (m *FooMessage) MarshalCapnp(b mprt.Builder) { b.SetText(0, m.Message+" build") }

// UnmarshalCapnp implements mprt.Struct.
func (m *FooMessage) UnmarshalCapnp(r mprt.Reader) { m.Message = r.Text(0) + " read" }

// FooMutable is [FooMessage] for an argument that goes in and out.
type FooMutable struct {
	Message string
}

// CapnpSize implements mprt.Struct.
func (*FooMutable) CapnpSize() capnp.ObjectSize { return capnp.ObjectSize{PointerCount: 1} }

// MarshalCapnp implements mprt.Struct.
func (m *FooMutable) MarshalCapnp(b mprt.Builder) { b.SetText(0, m.Message+" build") }

// UnmarshalCapnp implements mprt.Struct.
func (m *FooMutable) UnmarshalCapnp(r mprt.Reader) { m.Message = r.Text(0) + " read" }
