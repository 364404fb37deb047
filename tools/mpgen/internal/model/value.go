package model

import (
	"fmt"
	"math"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"
)

// value reads a constant or a default.
func (b *builder) value(t *Type, v schema.Value) *Value {
	out := &Value{Type: t}
	switch v.Which() {
	case schema.Value_Which_void:
	case schema.Value_Which_bool:
		if v.Bool() {
			out.Bits = 1
		}
	case schema.Value_Which_int8:
		out.Bits = uint64(uint8(v.Int8()))
	case schema.Value_Which_int16:
		out.Bits = uint64(uint16(v.Int16()))
	case schema.Value_Which_int32:
		out.Bits = uint64(uint32(v.Int32()))
	case schema.Value_Which_int64:
		out.Bits = uint64(v.Int64())
	case schema.Value_Which_uint8:
		out.Bits = uint64(v.Uint8())
	case schema.Value_Which_uint16:
		out.Bits = uint64(v.Uint16())
	case schema.Value_Which_uint32:
		out.Bits = uint64(v.Uint32())
	case schema.Value_Which_uint64:
		out.Bits = v.Uint64()
	case schema.Value_Which_float32:
		out.Bits = uint64(math.Float32bits(v.Float32()))
	case schema.Value_Which_float64:
		out.Bits = math.Float64bits(v.Float64())
	case schema.Value_Which_enum:
		out.Bits = uint64(v.Enum())
	case schema.Value_Which_text:
		out.Text = must(v.Text())
		out.Null = !v.HasText()
	case schema.Value_Which_data:
		out.Data = must(v.Data())
		out.Null = !v.HasData()
	case schema.Value_Which_list:
		return b.pointer(t, must(v.List()))
	case schema.Value_Which_structValue:
		return b.pointer(t, must(v.StructValue()))
	case schema.Value_Which_interface:
		out.Null = true
	case schema.Value_Which_anyPointer:
		return b.pointer(t, must(v.AnyPointer()))
	default:
		panic(broken{fmt.Errorf("unknown value %v", v.Which())})
	}
	return out
}

// zero reports whether a default changes nothing.
func (v *Value) zero() bool {
	if v.Type.Kind.Pointer() {
		return v.Null || v.Type.Kind == Text && v.Text == ""
	}
	return v.Bits == 0
}

// pointer reads a value that p points at.
func (b *builder) pointer(t *Type, p capnp.Ptr) *Value {
	out := &Value{Type: t, Null: !p.IsValid()}
	if out.Null {
		return out
	}
	switch t.Kind {
	case Text:
		out.Text = p.Text()
	case Data:
		out.Data = p.Data()
	case ListOf:
		out.List = b.list(t.Elem, p.List())
	case StructOf:
		b.structure(out, p.Struct())
	case InterfaceOf, Capability:
		out.Null = true
	default:
		out.Raw = canonical(p)
	}
	return out
}

func (b *builder) list(t *Type, l capnp.List) []*Value {
	out := make([]*Value, l.Len())
	for i := range out {
		v := &Value{Type: t}
		switch {
		case t.Kind == Bool:
			if capnp.BitList(l).At(i) {
				v.Bits = 1
			}
		case t.Kind == Void:
		case t.Kind == StructOf:
			b.structure(v, l.Struct(i))
		case t.Kind.Pointer():
			v = b.pointer(t, must(capnp.PointerList(l).At(i)))
		default:
			switch t.Kind.Bits() {
			case 8:
				v.Bits = uint64(capnp.UInt8List(l).At(i))
			case 16:
				v.Bits = uint64(capnp.UInt16List(l).At(i))
			case 32:
				v.Bits = uint64(capnp.UInt32List(l).At(i))
			case 64:
				v.Bits = capnp.UInt64List(l).At(i)
			}
		}
		out[i] = v
	}
	return out
}

func (b *builder) structure(v *Value, st capnp.Struct) {
	v.Fields = b.fieldValues(v.Type.Struct, v.Type.Args, st)
	if v.Type.Struct.Bound() {
		v.Raw = canonical(st.ToPtr())
	}
}

func (b *builder) fieldValues(s *Struct, args []*Type, st capnp.Struct) []FieldValue {
	var out []FieldValue
	for _, f := range s.Fields {
		if f.Discriminant >= 0 && int(st.Uint16(capnp.DataOffset(s.Union.Offset))) != f.Discriminant {
			continue
		}
		if f.Group != nil {
			if group := b.fieldValues(f.Group, args, st); len(group) > 0 || f.Discriminant > 0 {
				out = append(out, FieldValue{Field: f, Group: group})
			}
			continue
		}
		v := b.slot(f, f.Type.Subst(s.Params, args), st)
		if f.Has != nil && !st.Bit(capnp.BitOffset(f.Has.Offset)) {
			continue
		}
		if v.zero() && (f.Default == nil || f.Type.Kind.Pointer()) && f.Discriminant <= 0 && f.Has == nil {
			continue
		}
		out = append(out, FieldValue{Field: f, Value: v})
	}
	return out
}

func (b *builder) slot(f *Field, t *Type, st capnp.Struct) *Value {
	if t.Kind.Pointer() {
		// A null stays null even if the field has a default: a struct whose
		// default has itself as a field would never end.
		return b.pointer(t, must(st.Ptr(uint16(f.Offset))))
	}
	v := &Value{Type: t}
	off := capnp.DataOffset(f.Offset / 8)
	switch t.Kind.Bits() {
	case 1:
		if st.Bit(capnp.BitOffset(f.Offset)) {
			v.Bits = 1
		}
	case 8:
		v.Bits = uint64(st.Uint8(off))
	case 16:
		v.Bits = uint64(st.Uint16(off))
	case 32:
		v.Bits = uint64(st.Uint32(off))
	case 64:
		v.Bits = st.Uint64(off)
	}
	if f.Default != nil {
		v.Bits ^= f.Default.Bits
	}
	return v
}

// canonical is a message of its own, one segment without a frame, with p as
// its root.
func canonical(p capnp.Ptr) []byte {
	_, seg := must2(capnp.NewMessage(capnp.SingleSegment(nil)))
	check(seg.Message().SetRoot(p))
	return seg.Data()
}

func must2[T, U any](t T, u U, err error) (T, U) {
	check(err)
	return t, u
}

func check(err error) {
	if err != nil {
		panic(broken{err})
	}
}
