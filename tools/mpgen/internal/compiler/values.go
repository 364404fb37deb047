package compiler

import (
	"encoding/binary"
	"math"
	"slices"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// A value is the value of a constant, a default or an annotation. Values are
// not changed once they are complete, so they may be shared.
type value struct {
	kind valueKind
	bits uint64  // bool, int (two's complement), uint, enum
	f    float64 // float
	s    string  // text, data
	typ  *typ    // list, structure, enum: the resolved type; nil for what was read from a file

	list []*value // list: the elements
	// Of a list of structs: the size of its elements.
	elemWords, elemPtrs int

	data []byte   // structure: the data section, whole words
	ptrs []*value // structure: the pointer section

	ptr   capnp.Ptr // embeddedPointer
	limit uint64    // how many bytes may be read to copy it
}

type valueKind uint8

const (
	voidValue valueKind = iota
	boolValue
	intValue // negative
	uintValue
	floatValue
	textValue
	dataValue
	listValue
	enumValue
	structValue
	embeddedPointer // what a pointer in an embedded message points to
)

// unfilledValue is a value that is to be computed.
type unfilledValue struct {
	from *node // where its names are looked up
	expr *syntax.Expr
	typ  *typ
	env  *env
	set  func(*value, *typ) // takes the value and its resolved type
}

// setValue computes the value of an expression, at once if its type is plain,
// else when the node is finished and all nodes it may need can be laid out.
func (n *node) setValue(from *node, e *syntax.Expr, t *typ, in *env, set func(*value, *typ)) {
	u := unfilledValue{from, e, t, in, set}
	switch t.kind {
	case schema.Type_Which_list, schema.Type_Which_structType, schema.Type_Which_interface, schema.Type_Which_anyPointer:
		n.unfilled = append(n.unfilled, u)
	default:
		n.fill(u, true)
	}
}

// fill computes a value. early is set while the node is being laid out.
func (n *node) fill(u unfilledValue, early bool) {
	t, ok := n.file.c.resolveType(u.typ, u.env, true)
	if ok {
		v := &valuer{n: u.from, early: early}
		if val := v.value(u.expr, t); val != nil {
			u.set(val, t)
			return
		}
	}
	n.failed = true
}

// valuer computes the value of an expression in n.
type valuer struct {
	n     *node
	early bool
}

func (v *valuer) errorAt(e *syntax.Expr, hint, format string, args ...any) {
	v.n.file.errorAt(e, hint, format, args...)
}

func (v *valuer) typeName(t *typ) string { return v.n.file.c.typeName(t) }

func (v *valuer) mismatch(e *syntax.Expr, t *typ) *value {
	if n := v.n.file.c.nodes[t.id]; t.kind == schema.Type_Which_structType && n != nil && n.broken() {
		return nil // the first field may be another one
	}
	hint := ""
	if t.kind == schema.Type_Which_bool {
		hint = "write true or false"
	}
	v.errorAt(e, hint, "the value does not fit: %s is expected", v.typeName(t))
	return nil
}

// value computes a value of the resolved type t; nil after an error.
func (v *valuer) value(e *syntax.Expr, t *typ) *value {
	if t == unknownType {
		return nil
	}
	if t.isParameter() {
		v.errorAt(e, "", "a value cannot be given here: its type is a generic parameter that nothing is bound to")
		return nil
	}
	val := v.guess(e, t)
	if val == nil {
		return nil
	}
	if fit, ok := v.fit(e, t, val); ok {
		return fit
	}
	// A single value stands for a struct whose first field has it.
	if t.kind == schema.Type_Which_structType {
		if out := v.nodeOf(t); out != nil && len(out.fields) > 0 && out.fields[0].group == nil {
			if ft, ok := v.fieldType(&out.fields[0], t); ok {
				if fit, ok := v.fit(e, ft, val); ok {
					s := v.newStruct(t)
					if s == nil {
						return nil
					}
					v.set(s, out, &out.fields[0], fit)
					return s
				}
			}
		}
	}
	return v.mismatch(e, t)
}

// ranges of the integer types: from the least negative to the greatest value.
var intRanges = map[schema.Type_Which]struct {
	min int64
	max uint64
}{
	schema.Type_Which_int8:    {math.MinInt8, math.MaxInt8},
	schema.Type_Which_int16:   {math.MinInt16, math.MaxInt16},
	schema.Type_Which_int32:   {math.MinInt32, math.MaxInt32},
	schema.Type_Which_int64:   {math.MinInt64, math.MaxInt64},
	schema.Type_Which_uint8:   {0, math.MaxUint8},
	schema.Type_Which_uint16:  {0, math.MaxUint16},
	schema.Type_Which_uint32:  {0, math.MaxUint32},
	schema.Type_Which_uint64:  {0, math.MaxUint64},
	schema.Type_Which_float32: {math.MinInt64, math.MaxUint64},
	schema.Type_Which_float64: {math.MinInt64, math.MaxUint64},
}

// fit sees whether a value is one of type t. An integer out of range is
// reported and counts as fitting.
func (v *valuer) fit(e *syntax.Expr, t *typ, val *value) (*value, bool) {
	switch val.kind {
	case voidValue:
		return val, t.kind == schema.Type_Which_void
	case boolValue:
		return val, t.kind == schema.Type_Which_bool
	case intValue, uintValue:
		r, ok := intRanges[t.kind]
		if !ok {
			return val, false
		}
		if val.kind == intValue && int64(val.bits) < r.min || val.kind == uintValue && val.bits > r.max {
			v.errorAt(e, "", "the value is out of range: %s holds %d to %d", v.typeName(t), r.min, r.max)
		}
		return val, true
	case floatValue:
		return val, t.kind == schema.Type_Which_float32 || t.kind == schema.Type_Which_float64
	case textValue:
		return val, t.kind == schema.Type_Which_text
	case dataValue:
		return val, t.kind == schema.Type_Which_data
	case enumValue:
		return val, t.kind == schema.Type_Which_enum && sameType(val.typ, t)
	case listValue:
		if t.kind == schema.Type_Which_anyPointer {
			return val, t.any == anyAny || t.any == anyList
		}
		return val, t.kind == schema.Type_Which_list && sameType(val.typ, t)
	case structValue:
		if t.kind == schema.Type_Which_anyPointer {
			return val, t.any == anyAny || t.any == anyStruct
		}
		return val, t.kind == schema.Type_Which_structType && sameType(val.typ, t)
	}
	return val, false
}

var quietNaN = math.Float64frombits(0x7ff8000000000000)

// guess computes a value whose type may differ from t, which only helps where
// the expression alone does not tell.
func (v *valuer) guess(e *syntax.Expr, t *typ) *value {
	if v.n.file.c.spend(1) {
		return nil
	}
	switch e.Kind {
	case syntax.RelativeName:
		if t.kind == schema.Type_Which_enum {
			out := v.nodeOf(t)
			if out == nil {
				return nil // it depends on itself, which was reported
			}
			if i := slices.IndexFunc(out.enumerants, func(m outMember) bool { return m.name == e.Name.Text }); i >= 0 {
				return &value{kind: enumValue, bits: uint64(i), typ: t}
			}
		} else {
			switch e.Name.Text {
			case "void":
				return &value{}
			case "true":
				return &value{kind: boolValue, bits: 1}
			case "false":
				return &value{kind: boolValue}
			case "nan":
				return &value{kind: floatValue, f: quietNaN}
			case "inf":
				return &value{kind: floatValue, f: math.Inf(1)}
			}
		}
		return v.constant(e, t)
	case syntax.AbsoluteName, syntax.Import, syntax.Application, syntax.Member:
		return v.constant(e, t)
	case syntax.Embed:
		return v.embed(e, t)
	case syntax.PositiveInt:
		return &value{kind: uintValue, bits: e.Int}
	case syntax.NegativeInt:
		if e.Int > 1<<63 {
			v.errorAt(e, "", "the number is too small for any integer type")
			return nil
		}
		if e.Int == 0 {
			return &value{kind: uintValue}
		}
		return &value{kind: intValue, bits: -e.Int}
	case syntax.Float:
		return &value{kind: floatValue, f: e.Float}
	case syntax.String:
		if v.n.file.c.spend(len(e.Name.Text) / 8) {
			return nil
		}
		if t.kind == schema.Type_Which_data {
			return &value{kind: dataValue, s: e.Name.Text}
		}
		return &value{kind: textValue, s: e.Name.Text}
	case syntax.Binary:
		if t.kind != schema.Type_Which_data {
			return v.mismatch(e, t)
		}
		return &value{kind: dataValue, s: e.Name.Text}
	case syntax.List:
		if t.kind != schema.Type_Which_list {
			return v.mismatch(e, t)
		}
		l := &value{kind: listValue, typ: t, list: make([]*value, len(e.List))}
		ok := true
		for i, el := range e.List {
			if l.list[i] = v.value(el, t.elem); l.list[i] == nil {
				ok = false
			}
		}
		if !ok {
			return nil
		}
		if t.elem.kind == schema.Type_Which_structType {
			if out := v.nodeOf(t.elem); out != nil {
				l.elemWords, l.elemPtrs = int(out.words), int(out.pointers)
			}
		}
		return l
	case syntax.Tuple:
		if t.kind != schema.Type_Which_structType {
			return v.mismatch(e, t)
		}
		s := v.newStruct(t)
		if s == nil || !v.assign(s, v.nodeOf(t), e.Params) {
			return nil
		}
		return s
	}
	return nil // Unknown: reported
}

// nodeOf gives the node of a struct or enum type, nil if it is unfit.
func (v *valuer) nodeOf(t *typ) *outNode {
	n := v.n.file.c.nodes[t.id]
	if n == nil || !n.layOut() {
		return nil
	}
	return n.out
}

// fieldType is the type of a field as seen through the struct type.
func (v *valuer) fieldType(f *outField, in *typ) (*typ, bool) {
	return v.n.file.c.resolveType(f.typ, envOf(in), false)
}

func (v *valuer) newStruct(t *typ) *value {
	out := v.nodeOf(t)
	if out == nil || v.n.file.c.spend(int(out.words+out.pointers)+1) {
		return nil
	}
	return &value{kind: structValue, typ: t, data: make([]byte, 8*out.words), ptrs: make([]*value, out.pointers)}
}

// assign sets the fields of a struct or group from the items of a tuple.
func (v *valuer) assign(s *value, out *outNode, params []syntax.Param) bool {
	ok := true
	for i := range params {
		p := &params[i]
		if !p.Named {
			v.errorAt(p.Value, "write 'field = value'", "the name of the field is missing")
			ok = false
			continue
		}
		fi := slices.IndexFunc(out.fields, func(f outField) bool { return f.name == p.Name.Text })
		if fi < 0 && out.file.damage.MayDeclare(p.Name.Text) {
			ok = false
			continue
		}
		if fi < 0 {
			var names []string
			for j := range out.fields {
				names = append(names, out.fields[j].name)
			}
			v.n.file.errorf(p.Name.Start, p.Name.End, didYouMean(p.Name.Text, names), "'%s' has no field named '%s'", out.display[out.prefix:], p.Name.Text)
			ok = false
			continue
		}
		f := &out.fields[fi]
		if f.group != nil {
			ok = v.assignGroup(s, out, f, p.Value) && ok
			continue
		}
		t, known := v.fieldType(f, s.typ)
		if !known {
			ok = false
			continue
		}
		if val := v.value(p.Value, t); val != nil {
			v.set(s, out, f, val)
		} else {
			ok = false
		}
	}
	return ok
}

// assignGroup sets a group, from a tuple or from one value, which is that of
// its first field.
func (v *valuer) assignGroup(s *value, out *outNode, f *outField, e *syntax.Expr) bool {
	v.clearGroup(s, f.group)
	setTag(s, out, f)
	if e.Kind == syntax.Tuple {
		return v.assign(s, f.group, e.Params)
	}
	if len(f.group.fields) > 0 && f.group.fields[0].group == nil {
		first := &f.group.fields[0]
		val := v.guess(e, &typ{kind: schema.Type_Which_structType, id: f.group.id})
		if val == nil {
			return false
		}
		if t, ok := v.fieldType(first, s.typ); ok {
			if fit, ok := v.fit(e, t, val); ok {
				v.set(s, f.group, first, fit)
				return true
			}
		}
	}
	if out.file.damage == nil {
		v.errorAt(e, "write '(field = value, …)'", "the value does not fit: '%s' is a group", f.name)
	}
	return false
}

// clearGroup sets a group to its defaults: every field outside of its union,
// and the first one in it.
func (v *valuer) clearGroup(s *value, g *outNode) {
	for i := range g.fields {
		f := &g.fields[i]
		if f.tag != noTag && f.tag != 0 {
			continue
		}
		setTag(s, g, f)
		switch {
		case f.group != nil:
			v.clearGroup(s, f.group)
		case f.typ.isPointer():
			s.ptrs[f.offset] = nil
		default:
			if lg := f.typ.lgBits(); lg >= 0 {
				putBits(s.data, lg, f.offset, 0)
			}
		}
	}
}

// setTag makes f the active member of its union.
func setTag(s *value, out *outNode, f *outField) {
	if f.tag != noTag {
		putBits(s.data, 4, out.tagOffset, uint64(f.tag))
	}
}

// set stores a value in a struct as it goes on the wire: plain fields are
// xored with their default.
func (v *valuer) set(s *value, out *outNode, f *outField, val *value) {
	setTag(s, out, f)
	if f.typ.isPointer() {
		s.ptrs[f.offset] = val
		return
	}
	lg := f.typ.lgBits()
	if lg < 0 {
		return
	}
	bits := wireBits(val, f.typ)
	if f.value != nil {
		bits ^= wireBits(f.value, f.typ)
	}
	putBits(s.data, lg, f.offset, bits)
}

// wireBits gives a plain value of a type as the bits of the data section.
func wireBits(val *value, t *typ) uint64 {
	f := val.f
	switch val.kind {
	case intValue:
		f = float64(int64(val.bits))
	case uintValue:
		f = float64(val.bits)
	}
	switch t.kind {
	case schema.Type_Which_float32:
		switch val.kind {
		case intValue:
			return uint64(math.Float32bits(float32(int64(val.bits))))
		case uintValue:
			return uint64(math.Float32bits(float32(val.bits)))
		}
		return uint64(math.Float32bits(float32(f)))
	case schema.Type_Which_float64:
		return math.Float64bits(f)
	}
	return val.bits
}

// putBits stores a field of size 2^lg bits.
func putBits(data []byte, lg int, offset uint32, bits uint64) {
	switch lg {
	case 0:
		mask := byte(1) << (offset % 8)
		data[offset/8] &^= mask
		if bits&1 != 0 {
			data[offset/8] |= mask
		}
	case 3:
		data[offset] = byte(bits)
	case 4:
		binary.LittleEndian.PutUint16(data[2*offset:], uint16(bits))
	case 5:
		binary.LittleEndian.PutUint32(data[4*offset:], uint32(bits))
	case 6:
		binary.LittleEndian.PutUint64(data[8*offset:], bits)
	}
}

// constant finds the value of a constant by its name.
func (v *valuer) constant(e *syntax.Expr, t *typ) *value {
	n, c := v.n, v.n.file.c
	fail := func(hint, format string, args ...any) *value {
		v.errorAt(e, hint, format, args...)
		return nil
	}
	if e.Kind == syntax.RelativeName && t.kind == schema.Type_Which_enum {
		if _, ok := n.resolve(e.Name.Text); !ok && c.nodes[t.id].file.damage.MayDeclare(e.Name.Text) {
			return nil
		} else if !ok {
			var names []string
			for i := range c.nodes[t.id].out.enumerants {
				names = append(names, c.nodes[t.id].out.enumerants[i].name)
			}
			return fail(didYouMean(e.Name.Text, names), "the enum '%s' has no enumerant '%s'", v.typeName(t), e.Name.Text)
		}
	}
	r, ok := n.lookUp(e, implicits{})
	if !ok || r.broken {
		return nil
	}
	if r.param || r.node.isBuiltin() || r.node.decl.Kind != syntax.ConstDecl {
		what := "a generic parameter"
		if !r.param {
			what = r.node.what()
		}
		return fail("", "'%s' is not a constant but %s", e, what)
	}
	if !r.node.layOut() {
		return nil
	}
	if !v.early && !r.node.finish() {
		return nil
	}
	if r.node.failed {
		return nil // reported there
	}
	if e.Kind == syntax.RelativeName {
		scope := ""
		if p := r.node.parent; p.parent != nil {
			scope = p.decl.Name.Text
		}
		return fail("write '"+scope+"."+e.Name.Text+"'", "the name of a constant must be qualified")
	}
	out := r.node.out
	_, b := r.idAndBrand(c, n.file)
	ct, ok := c.resolveType(out.typ, &env{scopes: scopesOf(c.resolveBrand(b, unboundEnv))}, true)
	if !ok {
		return nil
	}
	val := out.value
	if val == nil {
		// Not computed yet: a list or struct where a plain value is expected.
		return v.mismatch(e, t)
	}
	if c.spend(val.cost()) {
		return nil
	}
	switch ct.kind {
	case schema.Type_Which_enum:
		// The value of an enum constant is seen as a number.
		return &value{kind: uintValue, bits: val.bits}
	case schema.Type_Which_float32:
		return &value{kind: floatValue, f: float64(math.Float32frombits(uint32(wireBits(val, ct))))}
	case schema.Type_Which_float64:
		return &value{kind: floatValue, f: math.Float64frombits(wireBits(val, ct))}
	case schema.Type_Which_anyPointer:
		return fail("name the constant it was made from", "a constant of type AnyPointer cannot be used as a value")
	case schema.Type_Which_list, schema.Type_Which_structType:
		if !sameType(val.typ, ct) {
			same := *val
			same.typ = ct
			return &same
		}
	}
	return val
}

func scopesOf(b *brand) []scopeBinding {
	if b == nil {
		return nil
	}
	return b.scopes
}

// cost estimates the size of a value in words.
func (v *value) cost() int {
	if v == nil {
		return 0
	}
	n := 1 + len(v.s)/8 + len(v.data)/8 + len(v.ptrs) + len(v.list)
	for _, p := range v.ptrs {
		n += p.cost()
	}
	for _, p := range v.list {
		n += p.cost()
	}
	return n
}

// embed reads a file as a value.
func (v *valuer) embed(e *syntax.Expr, t *typ) *value {
	data, err := v.n.file.readEmbed(e.Name.Text)
	if err != nil {
		v.n.file.errorf(e.Name.Start, e.Name.End, "", "cannot read '%s': %v", e.Name.Text, err)
		return nil
	}
	v.n.file.c.sourceBytes += len(data)
	switch t.kind {
	case schema.Type_Which_text:
		return &value{kind: textValue, s: string(data)}
	case schema.Type_Which_data:
		return &value{kind: dataValue, s: string(data)}
	case schema.Type_Which_structType:
		s, err := embeddedStruct(data)
		if err != nil {
			v.errorAt(e, "", "'%s' is not a Cap'n Proto message: %v", e.Name.Text, err)
			return nil
		}
		s.typ = t
		return s
	}
	v.errorAt(e, "", "a file can be embedded as Text, Data or a struct, not as %s", v.typeName(t))
	return nil
}

// embeddedStruct reads the root of a message.
func embeddedStruct(data []byte) (*value, error) {
	msg, err := capnp.Unmarshal(data)
	if err != nil {
		return nil, err
	}
	// In a proper message nothing is pointed to twice, so that copying it
	// reads not much more than it has.
	limit := 4*uint64(len(data)) + 1024
	msg.ResetReadLimit(limit)
	msg.DepthLimit = 256
	root, err := msg.Root()
	if err != nil {
		return nil, err
	}
	s := root.Struct()
	size := s.Size()
	v := &value{kind: structValue, data: make([]byte, (size.DataSize+7)&^7), ptrs: make([]*value, size.PointerCount)}
	for i := capnp.Size(0); i < size.DataSize; i++ {
		v.data[i] = s.Uint8(capnp.DataOffset(i))
	}
	for i := range v.ptrs {
		p, err := s.Ptr(uint16(i))
		if err != nil {
			return nil, err
		}
		if p.IsValid() {
			v.ptrs[i] = &value{kind: embeddedPointer, ptr: p, limit: limit}
		}
	}
	// Copy it once now, so that a malformed message is found here.
	scratch, seg := capnp.NewSingleSegmentMessage(nil)
	defer scratch.Release()
	w := &writer{}
	if w.structure(seg, v); w.err != nil {
		return nil, w.err
	}
	return v, nil
}
