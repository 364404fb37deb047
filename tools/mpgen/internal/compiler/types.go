package compiler

import (
	"slices"

	"capnproto.org/go/capnp/v3/std/capnp/schema"
)

// A typ is a type as a node holds it. Types are never changed once made.
type typ struct {
	kind  schema.Type_Which
	elem  *typ   // list
	id    uint64 // enum, struct, interface
	brand *brand // enum, struct, interface; nil if nothing is bound

	any   anyKind // anyPointer
	scope uint64  // anyParameter
	index uint16  // anyParameter, anyImplicit
}

// anyKind tells the kinds of AnyPointer apart.
type anyKind uint8

const (
	anyAny anyKind = iota
	anyStruct
	anyList
	anyCapability
	anyParameter // a generic parameter
	anyImplicit  // an implicit parameter of the method
)

// A brand binds the generic parameters of scopes, the innermost first.
type brand struct {
	scopes []scopeBinding
}

type scopeBinding struct {
	id      uint64
	inherit bool // the parameters stand for themselves
	bind    []*typ
}

var simpleTypes = func() (ts [19]*typ) {
	for i := range ts {
		ts[i] = &typ{kind: schema.Type_Which(i)}
	}
	return ts
}()

func simple(k schema.Type_Which) *typ { return simpleTypes[k] }

// unknownType stands for one that was not found, which was reported. It takes
// no room, and any value.
var unknownType = &typ{kind: schema.Type_Which_void}

func listOf(elem *typ) *typ { return &typ{kind: schema.Type_Which_list, elem: elem} }

// isPointer tells whether values of the type lie in the pointer section.
func (t *typ) isPointer() bool {
	switch t.kind {
	case schema.Type_Which_text, schema.Type_Which_data, schema.Type_Which_list,
		schema.Type_Which_structType, schema.Type_Which_interface, schema.Type_Which_anyPointer:
		return true
	}
	return false
}

// isParameter tells whether the type is a generic parameter.
func (t *typ) isParameter() bool {
	return t.kind == schema.Type_Which_anyPointer && t.any >= anyParameter
}

// lgBits is the binary logarithm of the size of the type in the data section,
// or one of lgVoid and lgPointer.
func (t *typ) lgBits() int {
	switch t.kind {
	case schema.Type_Which_void:
		return lgVoid
	case schema.Type_Which_bool:
		return 0
	case schema.Type_Which_int8, schema.Type_Which_uint8:
		return 3
	case schema.Type_Which_int16, schema.Type_Which_uint16, schema.Type_Which_enum:
		return 4
	case schema.Type_Which_int32, schema.Type_Which_uint32, schema.Type_Which_float32:
		return 5
	case schema.Type_Which_int64, schema.Type_Which_uint64, schema.Type_Which_float64:
		return 6
	}
	return lgPointer
}

const (
	lgVoid    = -1
	lgPointer = -2
)

var typeNames = [...]string{"Void", "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32",
	"UInt64", "Float32", "Float64", "Text", "Data", "List", "enum", "struct", "interface", "AnyPointer"}

// typeName writes a type as in a schema.
func (c *compiler) typeName(t *typ) string {
	switch t.kind {
	case schema.Type_Which_list:
		return "List(" + c.typeName(t.elem) + ")"
	case schema.Type_Which_enum, schema.Type_Which_structType, schema.Type_Which_interface:
		if n := c.nodes[t.id]; n != nil {
			return n.decl.Name.Text
		}
	case schema.Type_Which_anyPointer:
		switch t.any {
		case anyStruct:
			return "AnyStruct"
		case anyList:
			return "AnyList"
		case anyCapability:
			return "Capability"
		}
	}
	return typeNames[t.kind]
}

// env gives meaning to the generic parameters in a type: where values are
// checked, types must be known as far as they can be. In a bound env every
// parameter that it does not bind is AnyPointer.
type env struct {
	unbound bool // every parameter stands for itself
	scopes  []scopeBinding
}

var unboundEnv = &env{unbound: true}

// resolveType replaces the parameters in a type. It makes sure that the nodes
// the type names are laid out, and fails if one of them is being laid out
// right now. top is set for a type that is not a struct's field.
func (c *compiler) resolveType(t *typ, e *env, top bool) (*typ, bool) {
	switch t.kind {
	case schema.Type_Which_list:
		elem, ok := c.resolveType(t.elem, e, top)
		if !ok || elem == t.elem {
			return t, ok
		}
		return listOf(elem), true
	case schema.Type_Which_enum, schema.Type_Which_structType, schema.Type_Which_interface:
		n := c.nodes[t.id]
		if n == nil || !n.layOut() {
			return nil, false
		}
		b := c.resolveBrand(t.brand, e)
		if b == t.brand {
			return t, true
		}
		return &typ{kind: t.kind, id: t.id, brand: b}, true
	case schema.Type_Which_anyPointer:
		switch t.any {
		case anyParameter:
			return e.lookup(t), true
		case anyImplicit:
			return simple(schema.Type_Which_anyPointer), true
		}
		if top {
			return simple(schema.Type_Which_anyPointer), true
		}
	}
	return t, true
}

func (e *env) lookup(t *typ) *typ {
	if e.unbound {
		return t
	}
	for i := range e.scopes {
		s := &e.scopes[i]
		if s.id != t.scope {
			continue
		}
		if s.inherit {
			return t
		}
		if int(t.index) < len(s.bind) {
			return s.bind[t.index]
		}
	}
	return simple(schema.Type_Which_anyPointer)
}

// resolveBrand replaces the parameters in a brand. The scopes of the result
// are sorted by id so that equal brands look equal.
func (c *compiler) resolveBrand(b *brand, e *env) *brand {
	if b == nil {
		return nil
	}
	if c.spend(len(b.scopes)) {
		return nil
	}
	r := &brand{}
	for _, s := range b.scopes {
		if s.inherit {
			if e.unbound {
				r.scopes = append(r.scopes, s)
				continue
			}
			for _, outer := range e.scopes {
				if outer.id == s.id {
					r.scopes = append(r.scopes, outer)
					break
				}
			}
			continue
		}
		bind := make([]*typ, len(s.bind))
		for i, t := range s.bind {
			bind[i] = c.replaceParams(t, e)
		}
		r.scopes = append(r.scopes, scopeBinding{id: s.id, bind: bind})
	}
	slices.SortFunc(r.scopes, func(a, b scopeBinding) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	if len(r.scopes) == 0 {
		return nil
	}
	return r
}

// replaceParams is resolveType for a type inside a brand, whose layout does
// not matter.
func (c *compiler) replaceParams(t *typ, e *env) *typ {
	switch t.kind {
	case schema.Type_Which_list:
		return listOf(c.replaceParams(t.elem, e))
	case schema.Type_Which_enum, schema.Type_Which_structType, schema.Type_Which_interface:
		return &typ{kind: t.kind, id: t.id, brand: c.resolveBrand(t.brand, e)}
	case schema.Type_Which_anyPointer:
		if t.any == anyParameter {
			return e.lookup(t)
		}
	}
	return t
}

// envOf is the env in which the fields of a resolved struct type stand.
func envOf(t *typ) *env {
	if t.brand == nil {
		return &env{}
	}
	return &env{scopes: t.brand.scopes}
}

// sameType compares two resolved types.
func sameType(a, b *typ) bool {
	if a == b {
		return true
	}
	if a.kind != b.kind || a.id != b.id || a.any != b.any || a.scope != b.scope || a.index != b.index {
		return false
	}
	if (a.elem == nil) != (b.elem == nil) || a.elem != nil && !sameType(a.elem, b.elem) {
		return false
	}
	if a.brand == b.brand {
		return true
	}
	if a.brand == nil || b.brand == nil {
		return false
	}
	return slices.EqualFunc(a.brand.scopes, b.brand.scopes, func(x, y scopeBinding) bool {
		return x.id == y.id && x.inherit == y.inherit && slices.EqualFunc(x.bind, y.bind, sameType)
	})
}
