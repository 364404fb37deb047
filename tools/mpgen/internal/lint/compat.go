package lint

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
)

// Compare lists the changes from old to new that break the wire: programs
// built from one would misread, or not understand, what programs built from
// the other send. Each finding stands at the new place and notes the old one.
//
// What may change freely: names, as long as ids stay and no name goes over to
// another ordinal that there was; the order in the file;
// new declarations, fields, params, results, enumerants and methods, with the
// next ordinals; a field that becomes a group or a union's first member; a list
// of a plain type that becomes a list of structs whose first field has that
// type.
func Compare(old, new *compiler.Result) (compiler.Diagnostics, error) {
	o, err := index(old)
	if err != nil {
		return nil, err
	}
	n, err := index(new)
	if err != nil {
		return nil, err
	}
	c := &comparison{old: o, new: n, done: map[[2]uint64]bool{}}
	for i, file := range o.files {
		if i < len(n.files) {
			c.file(file, n.files[i])
		}
	}
	slices.SortStableFunc(n.found, func(a, b *compiler.Diagnostic) int {
		return cmp.Or(strings.Compare(a.Start.File, b.Start.File), cmp.Compare(a.Start.Offset, b.Start.Offset))
	})
	return n.found, nil
}

type comparison struct {
	old, new *request
	done     map[[2]uint64]bool // pairs of nodes that were compared
}

// place is a node or a member of one.
type place struct {
	id     uint64
	member int
}

func whole(n schema.Node) place { return place{n.Id(), compiler.Whole} }

// broken adds a finding: at the new place, with a note at the old one.
func (c *comparison) broken(new, old place, format string, args ...any) {
	at, line, _ := c.new.Place(new.id, new.member)
	d := &compiler.Diagnostic{Start: at, End: at, Line: line, Message: fmt.Sprintf(format, args...)}
	if was, oldLine, ok := c.old.Place(old.id, old.member); ok {
		d.Notes = []compiler.Note{{Start: was, Message: "it was here", Line: oldLine}}
	}
	c.new.found = append(c.new.found, d)
}

// file compares what is declared in two versions of a file.
func (c *comparison) file(oldID, newID uint64) {
	byName := map[string]schema.Node{}
	c.new.each(newID, func(n schema.Node) { byName[shortName(n)] = n })
	if oldID != newID {
		c.broken(place{newID, compiler.Whole}, place{oldID, compiler.Whole},
			"the id of the file was @%#x and is @%#x: so is that of everything in it that has none of its own", oldID, newID)
	}
	c.old.each(oldID, func(n schema.Node) {
		if n.Which() == schema.Node_Which_file {
			return
		}
		m, ok := c.new.nodes[n.Id()]
		if !ok {
			m, ok = byName[shortName(n)]
			switch {
			case !ok && n.Which() == schema.Node_Which_interface:
				c.broken(place{newID, compiler.Whole}, whole(n), "the interface '%s', id @%#x, is gone", shortName(n), n.Id())
				return
			case !ok:
				return // it is no longer used by this file, or has a new name, which nobody sees
			case n.Which() == schema.Node_Which_interface && oldID == newID:
				c.broken(whole(m), whole(n), "the id of '%s' was @%#x and is @%#x: it names the interface in every call", shortName(n), n.Id(), m.Id())
			}
		}
		c.node(n, m, whole(m), whole(n))
	})
}

// node compares two nodes that stand for the same thing. at and was are where
// they are used.
func (c *comparison) node(old, new schema.Node, at, was place) {
	key := [2]uint64{old.Id(), new.Id()}
	if c.done[key] {
		return
	}
	c.done[key] = true
	if old.Which() != new.Which() {
		c.broken(at, was, "'%s' was %s and is %s", shortName(old), kindOf(old), kindOf(new))
		return
	}
	switch old.Which() {
	case schema.Node_Which_structNode:
		c.structs(old, new, shortName(old), false)
	case schema.Node_Which_enum:
		a, b := must(old.Enum().Enumerants()), must(new.Enum().Enumerants())
		was := map[string]int{}
		for i := range a.Len() {
			was[must(a.At(i).Name())] = i
		}
		for i := range min(a.Len(), b.Len()) {
			name := must(b.At(i).Name())
			if j, ok := was[name]; ok && j != i {
				c.moved(place{new.Id(), i}, place{old.Id(), j}, "enumerant", name, "'"+shortName(old)+"'", j, i)
			}
		}
		for i := b.Len(); i < a.Len(); i++ {
			c.broken(whole(new), place{old.Id(), i}, "the enumerant '%s' @%d of '%s' is gone", must(a.At(i).Name()), i, shortName(old))
		}
	case schema.Node_Which_interface:
		c.interfaces(old, new)
	}
}

// moved reports that a name has gone over to another ordinal.
func (c *comparison) moved(at, was place, kind, name, of string, from, to int) {
	c.broken(at, was, "the %s '%s' of %s was @%d and is @%d", kind, name, of, from, to)
}

func kindOf(n schema.Node) string {
	switch n.Which() {
	case schema.Node_Which_structNode:
		return "a struct"
	case schema.Node_Which_enum:
		return "an enum"
	case schema.Node_Which_interface:
		return "an interface"
	case schema.Node_Which_const:
		return "a constant"
	case schema.Node_Which_annotation:
		return "an annotation"
	}
	return "a file"
}

func (c *comparison) interfaces(old, new schema.Node) {
	a, b := must(old.Interface().Methods()), must(new.Interface().Methods())
	name := shortName(old)
	before := map[string]int{}
	for i := range a.Len() {
		before[must(a.At(i).Name())] = i
	}
	for i := 0; i < a.Len(); i++ {
		full := name + "." + must(a.At(i).Name())
		if i >= b.Len() {
			c.broken(whole(new), place{old.Id(), i}, "the method '%s' @%d is gone", full, i)
			continue
		}
		if j, ok := before[must(b.At(i).Name())]; ok && j != i {
			c.moved(place{new.Id(), i}, place{old.Id(), j}, "method", must(b.At(i).Name()), "'"+name+"'", j, i)
			continue
		}
		at, was := place{new.Id(), i}, place{old.Id(), i}
		c.signature(a.At(i).ParamStructType(), b.At(i).ParamStructType(), "params", full, at, was)
		c.signature(a.At(i).ResultStructType(), b.At(i).ResultStructType(), "results", full, at, was)
	}
	supers := must(old.Interface().Superclasses())
	for i := 0; i < supers.Len(); i++ {
		if id := supers.At(i).Id(); !c.new.extends(new, id, map[uint64]bool{}) {
			c.broken(whole(new), whole(old), "'%s' no longer extends '%s'", name, shortName(c.old.nodes[id]))
		}
	}
}

// extends tells whether an interface extends another, directly or not.
func (q *request) extends(n schema.Node, id uint64, seen map[uint64]bool) bool {
	if !n.IsValid() || n.Which() != schema.Node_Which_interface || seen[n.Id()] {
		return false
	}
	seen[n.Id()] = true
	supers := must(n.Interface().Superclasses())
	for i := 0; i < supers.Len(); i++ {
		if s := supers.At(i).Id(); s == id || q.extends(q.nodes[s], id, seen) {
			return true
		}
	}
	return false
}

// streamResult is what methods that stream give.
const streamResult = 0x995f9a3377c0b16e

func (c *comparison) signature(oldID, newID uint64, what, method string, at, was place) {
	if (oldID == streamResult) != (newID == streamResult) {
		c.broken(at, was, "'%s' streams in one version only", method)
		return
	}
	old, new := c.old.nodes[oldID], c.new.nodes[newID]
	switch {
	case !old.IsValid() || !new.IsValid():
	case oldID == newID && old.ScopeId() != 0: // a struct with a name, whose changes are its own
		c.node(old, new, at, was)
	default:
		c.structs(old, new, what+" of '"+method+"'", true)
	}
}

// leaf is a field that is no group, with the unions that it is in.
type leaf struct {
	field schema.Field
	at    place
	name  string
	tags  []tag // the outermost union first
}

// tag is a discriminant and its value.
type tag struct {
	offset uint32
	value  uint16
}

// leaves lists the fields of a struct and its groups by ordinal.
func (q *request) leaves(n schema.Node, prefix string, tags []tag, to map[uint16]leaf) {
	for i, f := range fields(n) {
		ft := tags
		if f.DiscriminantValue() != math.MaxUint16 {
			ft = append(slices.Clip(tags), tag{n.StructNode().DiscriminantOffset(), f.DiscriminantValue()})
		}
		name := prefix + must(f.Name())
		if f.Which() == schema.Field_Which_group {
			q.leaves(q.nodes[f.Group().TypeId()], name+".", ft, to)
			continue
		}
		to[f.Ordinal().Explicit()] = leaf{f, place{n.Id(), i}, name, ft}
	}
}

// structs compares two structs field by field.
func (c *comparison) structs(old, new schema.Node, what string, params bool) {
	a, b := map[uint16]leaf{}, map[uint16]leaf{}
	c.old.leaves(old, "", nil, a)
	c.new.leaves(new, "", nil, b)
	kind := "field"
	if params {
		kind = "param"
		if strings.HasPrefix(what, "results") {
			kind = "result"
		}
	} else {
		what = "'" + what + "'"
	}
	ordinals := make([]uint16, 0, len(a))
	before := map[string]uint16{}
	for o, l := range a {
		ordinals = append(ordinals, o)
		before[l.name] = o
	}
	slices.Sort(ordinals)
	for _, o := range ordinals {
		was := a[o]
		is, ok := b[o]
		if !ok {
			c.broken(whole(new), was.at, "the %s '%s' @%d of %s is gone", kind, was.name, o, what)
			continue
		}
		if m, ok := before[is.name]; ok && m != o {
			c.moved(is.at, a[m].at, kind, is.name, what, int(m), int(o))
			continue
		}
		c.field(was, is, o, kind, what)
	}
}

func (c *comparison) field(was, is leaf, ordinal uint16, kind, what string) {
	subject := fmt.Sprintf("the %s '%s' @%d of %s", kind, is.name, ordinal, what)
	ot, nt := must(was.field.Slot().Type()), must(is.field.Slot().Type())
	if why := c.types(ot, nt, is.at, was.at); why != "" {
		c.broken(is.at, was.at, "%s %s", subject, why)
		return
	}
	if ot.Which() != schema.Type_Which_void && was.field.Slot().Offset() != is.field.Slot().Offset() {
		c.broken(is.at, was.at, "%s lies at offset %d, where it lay at %d, in units of its size", subject, is.field.Slot().Offset(), was.field.Slot().Offset())
		return
	}
	if !sameDefault(ot, must(was.field.Slot().DefaultValue()), must(is.field.Slot().DefaultValue())) {
		c.broken(is.at, was.at, "%s has another default: what is not sent is read as something else", subject)
	}
	if !sameUnions(was.tags, is.tags) {
		c.broken(is.at, was.at, "%s has another place in a union", subject)
	}
}

// sameUnions compares the unions around a field. A field may have become the
// first member of unions.
func sameUnions(was, is []tag) bool {
	for len(is) > len(was) {
		i := slices.IndexFunc(is, func(t tag) bool { return t.value == 0 && !slices.Contains(was, t) })
		if i < 0 {
			return false
		}
		is = slices.Delete(slices.Clone(is), i, i+1)
	}
	return slices.Equal(was, is)
}

func sameDefault(t schema.Type, a, b schema.Value) bool {
	switch t.Which() {
	case schema.Type_Which_text, schema.Type_Which_data, schema.Type_Which_list, schema.Type_Which_structType, schema.Type_Which_anyPointer:
		pa, pb := must(capnp.Struct(a).Ptr(0)), must(capnp.Struct(b).Ptr(0))
		if a.Which() == schema.Value_Which_text {
			return bytes.Equal(pa.TextBytes(), pb.TextBytes())
		}
		return must(capnp.Equal(pa, pb))
	case schema.Type_Which_interface, schema.Type_Which_void:
		return true
	}
	// Plain values lie in the first two words.
	return capnp.Struct(a).Uint64(0)>>16 == capnp.Struct(b).Uint64(0)>>16 && capnp.Struct(a).Uint64(8) == capnp.Struct(b).Uint64(8)
}

// types tells why a type cannot stand for another, "" if it can.
func (c *comparison) types(old, new schema.Type, at, was place) string {
	differ := func() string {
		return fmt.Sprintf("had the type %s and has %s", c.old.typeName(old), c.new.typeName(new))
	}
	if old.Which() != new.Which() {
		return differ()
	}
	switch old.Which() {
	case schema.Type_Which_list:
		oe, ne := must(old.List().ElementType()), must(new.List().ElementType())
		if ne.Which() == schema.Type_Which_structType && oe.Which() != schema.Type_Which_structType && oe.Which() != schema.Type_Which_bool {
			// The first field of the struct takes the place of the element.
			first := map[uint16]leaf{}
			c.new.leaves(c.new.nodes[ne.StructType().TypeId()], "", nil, first)
			if f, ok := first[0]; ok && c.types(oe, must(f.field.Slot().Type()), at, was) == "" && f.field.Slot().Offset() == 0 && len(f.tags) == 0 {
				return ""
			}
		}
		if c.types(oe, ne, at, was) != "" {
			return differ()
		}
	case schema.Type_Which_enum:
		return c.refs(old.Enum().TypeId(), new.Enum().TypeId(), at, was)
	case schema.Type_Which_structType:
		if !c.sameBrands(must(old.StructType().Brand()), must(new.StructType().Brand()), at, was) {
			return differ()
		}
		return c.refs(old.StructType().TypeId(), new.StructType().TypeId(), at, was)
	case schema.Type_Which_interface:
		if !c.sameBrands(must(old.Interface().Brand()), must(new.Interface().Brand()), at, was) {
			return differ()
		}
		// Objects are used under the id of their interface.
		if o, n := old.Interface().TypeId(), new.Interface().TypeId(); o != n && !c.new.extends(c.new.nodes[n], o, map[uint64]bool{}) {
			if shortName(c.old.nodes[o]) != shortName(c.new.nodes[n]) {
				return differ()
			}
			return "" // said at the interface
		}
	}
	return ""
}

// sameBrands tells whether what is bound to the generic parameters of a type
// can still stand for what was. A parameter that nothing was bound to may be
// bound, and the other way round.
func (c *comparison) sameBrands(old, new schema.Brand, at, was place) bool {
	a, b := must(old.Scopes()), must(new.Scopes())
	for i := range a.Len() {
		for j := range b.Len() {
			if a.At(i).ScopeId() != b.At(j).ScopeId() || a.At(i).Which() != schema.Brand_Scope_Which_bind ||
				b.At(j).Which() != schema.Brand_Scope_Which_bind {
				continue
			}
			x, y := must(a.At(i).Bind()), must(b.At(j).Bind())
			for k := range min(x.Len(), y.Len()) {
				if x.At(k).Which() == schema.Brand_Binding_Which_type && y.At(k).Which() == schema.Brand_Binding_Which_type &&
					c.types(must(x.At(k).Type()), must(y.At(k).Type()), at, was) != "" {
					return false
				}
			}
		}
	}
	return true
}

// refs compares the nodes that two types refer to.
func (c *comparison) refs(oldID, newID uint64, at, was place) string {
	old, new := c.old.nodes[oldID], c.new.nodes[newID]
	if old.IsValid() && new.IsValid() {
		c.node(old, new, at, was)
	}
	return ""
}

// typeName writes a type for messages.
func (q *request) typeName(t schema.Type) string {
	name := func(id uint64) string { return shortName(q.nodes[id]) }
	switch t.Which() {
	case schema.Type_Which_list:
		return "List(" + q.typeName(must(t.List().ElementType())) + ")"
	case schema.Type_Which_enum:
		return name(t.Enum().TypeId())
	case schema.Type_Which_structType:
		return name(t.StructType().TypeId()) + q.arguments(must(t.StructType().Brand()), t.StructType().TypeId())
	case schema.Type_Which_interface:
		return name(t.Interface().TypeId()) + q.arguments(must(t.Interface().Brand()), t.Interface().TypeId())
	case schema.Type_Which_anyPointer:
		return "AnyPointer"
	case schema.Type_Which_uint8, schema.Type_Which_uint16, schema.Type_Which_uint32, schema.Type_Which_uint64:
		return "UInt" + strings.TrimPrefix(t.Which().String(), "uint")
	}
	s := t.Which().String()
	return strings.ToUpper(s[:1]) + s[1:]
}

// arguments writes what a brand binds to the parameters of a node, in
// parentheses; "" if nothing.
func (q *request) arguments(b schema.Brand, id uint64) string {
	scopes := must(b.Scopes())
	for i := range scopes.Len() {
		if scopes.At(i).ScopeId() != id || scopes.At(i).Which() != schema.Brand_Scope_Which_bind {
			continue
		}
		bindings := must(scopes.At(i).Bind())
		args := make([]string, bindings.Len())
		for j := range args {
			args[j] = "AnyPointer"
			if bindings.At(j).Which() == schema.Brand_Binding_Which_type {
				args[j] = q.typeName(must(bindings.At(j).Type()))
			}
		}
		return "(" + strings.Join(args, ", ") + ")"
	}
	return ""
}
