package randomcheck

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// A walker reads messages by their schema, with go-capnp's accessors, and
// compares what it finds with Go values.
type walker struct {
	t      *testing.T
	nodes  map[uint64]schema.Node
	byName map[string]schema.Node
	// received says that the Go values were read from the message, so that a
	// null has become its default.
	received bool
}

func newWalker(t *testing.T, req schema.CodeGeneratorRequest) *walker {
	w := &walker{t: t, nodes: map[uint64]schema.Node{}, byName: map[string]schema.Node{}}
	nodes := w.must(req.Nodes()).(schema.Node_List)
	for i := range nodes.Len() {
		n := nodes.At(i)
		w.nodes[n.Id()] = n
		w.byName[w.must(n.DisplayName()).(string)] = n
	}
	return w
}

func (w *walker) must(v any, err error) any {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
	return v
}

type param struct {
	scope uint64
	index uint16
}

// bound is a type with what its generic parameters are.
type bound struct {
	schema.Type
	env
}

type env map[param]bound

// brand are the bindings of a type's brand, seen from env.
func (w *walker) brand(b schema.Brand, e env) env {
	out := env{}
	scopes := w.must(b.Scopes()).(schema.Brand_Scope_List)
	for i := range scopes.Len() {
		s := scopes.At(i)
		if s.Which() == schema.Brand_Scope_Which_inherit {
			for p, v := range e {
				if p.scope == s.ScopeId() {
					out[p] = v
				}
			}
			continue
		}
		binds := w.must(s.Bind()).(schema.Brand_Binding_List)
		for k := range binds.Len() {
			if binds.At(k).Which() == schema.Brand_Binding_Which_type {
				out[param{s.ScopeId(), uint16(k)}] = w.resolve(bound{w.must(binds.At(k).Type()).(schema.Type), e})
			}
		}
	}
	return out
}

// resolve replaces a generic parameter by what it is bound to.
func (w *walker) resolve(t bound) bound {
	for t.Which() == schema.Type_Which_anyPointer && t.AnyPointer().Which() == schema.Type_anyPointer_Which_parameter {
		p := t.AnyPointer().Parameter()
		next, ok := t.env[param{p.ScopeId(), p.ParameterIndex()}]
		if !ok {
			break
		}
		t = next
	}
	return t
}

func (w *walker) structure(path string, n schema.Node, e env, s capnp.Struct, v reflect.Value) {
	st := n.StructNode()
	fields := w.must(st.Fields()).(schema.Field_List)
	which := uint16(schema.Field_noDiscriminant)
	if st.DiscriminantCount() > 0 {
		which = s.Uint16(capnp.DataOffset(2 * st.DiscriminantOffset()))
		if got := v.FieldByName("Which"); uint16(got.Uint()) != which {
			w.t.Errorf("%s: the wire has union member %d, Go has %v", path, which, got)
			return
		}
	}
	names := map[string]schema.Field{}
	for i := range fields.Len() {
		names[w.must(fields.At(i).Name()).(string)] = fields.At(i)
	}
	for i := range fields.Len() {
		f := fields.At(i)
		name := w.must(f.Name()).(string)
		if d := f.DiscriminantValue(); d != schema.Field_noDiscriminant && d != which {
			continue
		}
		got := goField(v, name)
		if f.Which() == schema.Field_Which_group {
			if !got.IsValid() {
				w.t.Errorf("%s has no Go field %s", path, name)
				continue
			}
			w.structure(path+"."+name, w.nodes[f.Group().TypeId()], e, s, got)
			continue
		}
		t := w.resolve(bound{w.must(f.Slot().Type()).(schema.Type), e})
		if !got.IsValid() {
			if t.Which() != schema.Type_Which_void && !strings.HasPrefix(name, "has") {
				w.t.Errorf("%s has no Go field %s", path, name)
			}
			continue
		}
		// A flag that is no field of its own says whether the Go value is there.
		if flag, ok := names["has"+strings.ToUpper(name[:1])+name[1:]]; ok && !goField(v, w.must(flag.Name()).(string)).IsValid() {
			there := s.Bit(capnp.BitOffset(flag.Slot().Offset()))
			if there == isNil(got) {
				w.t.Errorf("%s.%s: the flag is %v, Go has %v", path, name, there, got)
			}
			if !there {
				continue
			}
			if got.Kind() == reflect.Pointer && t.Which() != schema.Type_Which_structType {
				got = got.Elem()
			}
		}
		w.slot(path+"."+name, f, t, s, got)
	}
}

func isNil(v reflect.Value) bool {
	switch x := v.Interface().(type) {
	case mprt.AnyPointer:
		return x.IsNull()
	case mprt.Capability:
		return x.IsNull()
	}
	return v.IsNil()
}

func (w *walker) slot(path string, f schema.Field, t bound, s capnp.Struct, v reflect.Value) {
	off := f.Slot().Offset()
	def := w.must(f.Slot().DefaultValue()).(schema.Value)
	var bits uint64
	switch t.Which() {
	case schema.Type_Which_void:
		return
	case schema.Type_Which_bool:
		if s.Bit(capnp.BitOffset(off)) != def.Bool() != v.Bool() {
			w.t.Errorf("%s: Go has %v, the wire not", path, v)
		}
		return
	case schema.Type_Which_int8:
		bits = uint64(int64(int8(s.Uint8(capnp.DataOffset(off))) ^ def.Int8()))
	case schema.Type_Which_int16:
		bits = uint64(int64(int16(s.Uint16(capnp.DataOffset(2*off))) ^ def.Int16()))
	case schema.Type_Which_int32:
		bits = uint64(int64(int32(s.Uint32(capnp.DataOffset(4*off))) ^ def.Int32()))
	case schema.Type_Which_int64:
		bits = s.Uint64(capnp.DataOffset(8*off)) ^ uint64(def.Int64())
	case schema.Type_Which_uint8:
		bits = uint64(s.Uint8(capnp.DataOffset(off)) ^ def.Uint8())
	case schema.Type_Which_uint16:
		bits = uint64(s.Uint16(capnp.DataOffset(2*off)) ^ def.Uint16())
	case schema.Type_Which_enum:
		bits = uint64(s.Uint16(capnp.DataOffset(2*off)) ^ def.Enum())
	case schema.Type_Which_uint32:
		bits = uint64(s.Uint32(capnp.DataOffset(4*off)) ^ def.Uint32())
	case schema.Type_Which_uint64:
		bits = s.Uint64(capnp.DataOffset(8*off)) ^ def.Uint64()
	case schema.Type_Which_float32:
		bits = uint64(s.Uint32(capnp.DataOffset(4*off)) ^ math.Float32bits(def.Float32()))
	case schema.Type_Which_float64:
		bits = s.Uint64(capnp.DataOffset(8*off)) ^ math.Float64bits(def.Float64())
	default:
		p := w.must(s.Ptr(uint16(off))).(capnp.Ptr)
		if !p.IsValid() && f.Slot().HadExplicitDefault() && w.received {
			return // the default
		}
		w.pointer(path, t, p, v)
		return
	}
	w.number(path, t, bits, v)
}

// number compares a number with a Go value.
func (w *walker) number(path string, t bound, bits uint64, v reflect.Value) {
	var got uint64
	switch v.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		got = uint64(v.Int())
	case reflect.Float32:
		got = uint64(math.Float32bits(float32(v.Float())))
	case reflect.Float64:
		got = math.Float64bits(v.Float())
	default:
		got = v.Uint()
	}
	if got != bits {
		w.t.Errorf("%s: the wire has %#x, Go has %v (%#x)", path, bits, v, got)
	}
}

func (w *walker) pointer(path string, t bound, p capnp.Ptr, v reflect.Value) {
	if v.Type() == anyType || v.Type() == capabilityType { // which an argument may be that grows without end
		if p.IsValid() == isNil(v) {
			w.t.Errorf("%s: the wire has something: %v, Go has %v", path, p.IsValid(), v)
		}
		return
	}
	switch t.Which() {
	case schema.Type_Which_text:
		if p.Text() != v.String() || !p.IsValid() && !w.received {
			w.t.Errorf("%s: the wire has %q, Go has %q", path, p.Text(), v)
		}
		return
	case schema.Type_Which_interface:
		if p.IsValid() == v.IsZero() {
			w.t.Errorf("%s: the wire has an object: %v, Go has %v", path, p.IsValid(), v)
		}
		return
	case schema.Type_Which_anyPointer:
		w.t.Errorf("%s: an AnyPointer is a %v", path, v.Type())
		return
	}
	if p.IsValid() == v.IsNil() {
		w.t.Errorf("%s: the wire has something: %v, Go has %v", path, p.IsValid(), v)
		return
	}
	if !p.IsValid() {
		return
	}
	switch t.Which() {
	case schema.Type_Which_data:
		if !bytes.Equal(p.Data(), v.Bytes()) {
			w.t.Errorf("%s: the wire has %x, Go has %x", path, p.Data(), v)
		}
	case schema.Type_Which_structType:
		n := w.nodes[t.StructType().TypeId()]
		w.structure(path, n, w.brand(w.must(t.StructType().Brand()).(schema.Brand), t.env), p.Struct(), v.Elem())
	case schema.Type_Which_list:
		w.list(path, w.resolve(bound{w.must(t.List().ElementType()).(schema.Type), t.env}), p.List(), v)
	}
}

func (w *walker) list(path string, t bound, l capnp.List, v reflect.Value) {
	if l.Len() != v.Len() {
		w.t.Errorf("%s: the wire has %d elements, Go has %d", path, l.Len(), v.Len())
		return
	}
	for i := range l.Len() {
		e, at := v.Index(i), fmt.Sprintf("%s[%d]", path, i)
		switch t.Which() {
		case schema.Type_Which_void:
		case schema.Type_Which_bool:
			if capnp.BitList(l).At(i) != e.Bool() {
				w.t.Errorf("%s: Go has %v, the wire not", at, e)
			}
		case schema.Type_Which_int8:
			w.number(at, t, uint64(int64(capnp.Int8List(l).At(i))), e)
		case schema.Type_Which_int16:
			w.number(at, t, uint64(int64(capnp.Int16List(l).At(i))), e)
		case schema.Type_Which_int32:
			w.number(at, t, uint64(int64(capnp.Int32List(l).At(i))), e)
		case schema.Type_Which_int64:
			w.number(at, t, uint64(capnp.Int64List(l).At(i)), e)
		case schema.Type_Which_uint8:
			w.number(at, t, uint64(capnp.UInt8List(l).At(i)), e)
		case schema.Type_Which_uint16, schema.Type_Which_enum:
			w.number(at, t, uint64(capnp.UInt16List(l).At(i)), e)
		case schema.Type_Which_uint32:
			w.number(at, t, uint64(capnp.UInt32List(l).At(i)), e)
		case schema.Type_Which_uint64:
			w.number(at, t, capnp.UInt64List(l).At(i), e)
		case schema.Type_Which_float32:
			w.number(at, t, uint64(math.Float32bits(capnp.Float32List(l).At(i))), e)
		case schema.Type_Which_float64:
			w.number(at, t, math.Float64bits(capnp.Float64List(l).At(i)), e)
		case schema.Type_Which_structType:
			n := w.nodes[t.StructType().TypeId()]
			w.structure(at, n, w.brand(w.must(t.StructType().Brand()).(schema.Brand), t.env), l.Struct(i), e)
		default:
			w.pointer(at, t, w.must(capnp.PointerList(l).At(i)).(capnp.Ptr), e)
		}
	}
}
