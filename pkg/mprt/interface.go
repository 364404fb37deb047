package mprt

import (
	"context"
	"sync"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Interface describes a proxied interface. Generated code has one for each,
// which is never changed.
type Interface struct {
	ID   uint64
	Name string // as in the schema, "Outer.Inner" if nested
	// Methods are the interface's own, by ordinal.
	Methods []*Method
	// Extends are the interfaces that it extends directly.
	Extends []*Interface
	// Destroy is the method that [Client.Close] calls, own or inherited; or nil.
	Destroy *Method
	// Construct is the method that exchanges thread maps when a peer's
	// bootstrap object is first used; or nil.
	Construct *Method

	once   sync.Once
	served map[methodID]*servedMethod
}

// Method describes a method of an interface.
type Method struct {
	InterfaceID   uint64
	InterfaceName string
	ID            uint16
	Name          string
	// ParamsSize and ResultsSize are the sizes of its structs on the wire.
	ParamsSize, ResultsSize capnp.ObjectSize
	// Context is 1 + the pointer index of the param of type Proxy.Context;
	// 0 if there is none.
	Context int
	// ParamsThreadMap and ResultsThreadMap are likewise where thread maps are
	// exchanged.
	ParamsThreadMap, ResultsThreadMap int
	// Handler calls the method of impl. It is nil for what the runtime does
	// itself.
	Handler func(ctx context.Context, impl any, call *ServerCall) error
}

// String names the method as errors do.
func (m *Method) String() string { return m.InterfaceName + "." + m.Name }

type methodID struct {
	iface  uint64
	method uint16
}

// servedMethod is a method as a proxy server sees it.
type servedMethod struct {
	*Method
	destroys bool
	pace     vat.Pace
}

// find returns a method of the interface or of one that it extends.
func (i *Interface) find(iface uint64, method uint16) *servedMethod {
	i.once.Do(func() {
		i.served = map[methodID]*servedMethod{}
		i.collect(i)
	})
	return i.served[methodID{iface, method}]
}

func (i *Interface) collect(from *Interface) {
	for _, m := range from.Methods {
		i.served[methodID{from.ID, m.ID}] = &servedMethod{Method: m, destroys: m == from.Destroy}
	}
	for _, base := range from.Extends {
		i.collect(base)
	}
}
