package gogen

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// set writes the statements that put the value v of a field into the builder
// b. owner names what the field is part of, for helpers.
func (g *generator) set(b string, f *model.Field, v, owner string) {
	t := f.Type
	if f.Has != nil {
		cond := v + " != nil"
		if !f.Go.Map && !f.Go.Set && !converted(f) && nilable(f) {
			cond = notNil(t, v)
		}
		g.P("if ", cond, " {")
		g.P(b, ".SetBit(", f.Has.Offset, ", true)")
		if (nilable(f) || f.Go.Map || f.Go.Set) && !converted(f) {
			g.setPlain(b, f, v, owner)
		} else {
			g.setPlain(b, f, "*"+v, owner)
		}
		g.P("}")
		return
	}
	g.setPlain(b, f, v, owner)
}

func (g *generator) setPlain(b string, f *model.Field, v, owner string) {
	t := f.Type
	i := strconv.Itoa(f.Offset)
	if converted(f) {
		v, f = g.toWire(b, f, v), plain(f)
	}
	switch {
	case f.Go.Map:
		set, _ := g.mapFuncs(f, owner)
		g.P(set, "(", g.codecArgs(t), b, ", ", i, ", ", v, ")")
		return
	case f.Go.Set:
		g.P(g.mprt(setName(t, "Set")), "(", b, ", ", i, ", ", v, ")")
		return
	case f.Go.Optional && t.Kind == model.Text && f.Has == nil:
		g.P(g.mprt("SetOptionalText"), "(", b, ", ", i, ", ", v, ")")
		return
	}
	if !t.Kind.Pointer() {
		g.setScalar(b, f, v)
		return
	}
	switch t.Kind {
	case model.Text:
		g.P(b, ".SetText(", i, ", ", v, ")")
	case model.Data:
		g.P(b, ".SetData(", i, ", ", v, ")")
	case model.StructOf:
		if f.Go.Value {
			v = "&" + v
		}
		if selfEncoding(t.Struct) {
			g.P(g.mprt("SetStruct"), "(", b, ", ", i, ", ", v, ")")
		} else {
			g.P(g.mprt("SetStructWith"), "(", b, ", ", i, ", ", v, ", ", g.structCodec(t), ")")
		}
	case model.InterfaceOf:
		if t.Interface.Runtime {
			g.P(b, ".SetCapability(", i, ", ", v, ")")
			return
		}
		g.P(g.proxy(t, ""), ".Set(", b, ", ", i, ", ", v, ")")
	case model.Capability:
		g.P(b, ".SetCapability(", i, ", ", v, ")")
	case model.ListOf:
		if name := listName(t.Elem); name != "" {
			g.P(g.mprt("Set"+name), "(", b, ", ", i, ", ", v, ")")
			return
		}
		g.P(g.mprt("SetList"), "(", b, ", ", i, ", ", v, ", ", g.hoist(t.Elem, owner+"_"+upper(f.Name)), ")")
	default:
		g.P(g.mprt("SetValue"), "(", b, ", ", i, ", ", v, ", ", g.codec(t), ")")
	}
}

func (g *generator) setScalar(b string, f *model.Field, v string) {
	mask := ""
	if f.Default != nil {
		mask = " ^ " + hex(f.Default.Bits)
	}
	off := f.Offset / 8
	switch t := f.Type; t.Kind {
	case model.Void:
	case model.Bool:
		if f.Default != nil {
			v = "!" + v
		}
		g.P(b, ".SetBit(", f.Offset, ", ", v, ")")
	case model.Float32:
		g.P(b, ".SetUint32(", off, ", ", g.imp("math"), ".Float32bits(", v, ")", mask, ")")
	case model.Float64:
		g.P(b, ".SetUint64(", off, ", ", g.imp("math"), ".Float64bits(", v, ")", mask, ")")
	case model.Uint8, model.Uint16, model.Uint32, model.Uint64:
		g.P(b, ".SetUint", t.Kind.Bits(), "(", off, ", ", v, mask, ")")
	default:
		g.P(b, ".SetUint", t.Kind.Bits(), "(", off, ", uint", t.Kind.Bits(), "(", v, ")", mask, ")")
	}
}

// get is the expression that reads a field from the reader r.
func (g *generator) get(r string, f *model.Field, owner string) string {
	if f.Has == nil {
		return g.getPlain(r, f, owner)
	}
	there := *f
	there.Has, there.Go.Optional = nil, false
	v := g.getPlain(r, &there, owner)
	has := r + ".Bit(" + strconv.Itoa(f.Has.Offset) + ")"
	if converted(f) {
		return g.mprt("OptionalFunc(") + has + ", func() " + strings.TrimPrefix(g.fieldType(f), "*") + " { return " + v + " })"
	}
	if nilable(f) || f.Go.Map || f.Go.Set {
		return g.mprt("IfSet(") + has + ", " + v + ")"
	}
	return g.mprt("Optional(") + has + ", " + v + ")"
}

func (g *generator) getPlain(r string, f *model.Field, owner string) string {
	t := f.Type
	i := strconv.Itoa(f.Offset)
	switch {
	case converted(f):
		return g.fromWire(r, f, g.getPlain(r, plain(f), owner))
	case f.Go.Map:
		_, get := g.mapFuncs(f, owner)
		return get + "(" + g.codecArgs(t) + r + ", " + i + ")"
	case f.Go.Set:
		return g.mprt("Get"+setName(t, "")) + "Set" + typeArg(t.Elem, g) + "(" + r + ", " + i + ")"
	case f.Go.Optional && t.Kind == model.Text:
		return g.mprt("GetOptionalText(") + r + ", " + i + ")"
	}
	if !t.Kind.Pointer() {
		return g.getScalar(r, f)
	}
	switch t.Kind {
	case model.Text:
		if f.Default != nil {
			return g.mprt("GetTextOr(") + r + ", " + i + ", " + strconv.Quote(f.Default.Text) + ")"
		}
		return r + ".Text(" + i + ")"
	case model.Data:
		return r + ".Data(" + i + ")"
	case model.StructOf:
		name := "GetStruct"
		if f.Go.Value {
			name = "GetStructValue"
		}
		if selfEncoding(t.Struct) {
			return g.mprt(name+"[") + g.structType(t) + "](" + r + ", " + i + ")"
		}
		return g.mprt(name+"With") + "(" + r + ", " + i + ", " + g.structCodec(t) + ")"
	case model.InterfaceOf:
		if t.Interface.Runtime {
			return r + ".Capability(" + i + ")"
		}
		return g.proxy(t, "") + ".Get(" + r + ", " + i + ")"
	case model.Capability:
		return r + ".Capability(" + i + ")"
	case model.ListOf:
		if name := listName(t.Elem); name != "" {
			return g.mprt("Get"+name) + typeArg(t.Elem, g) + "(" + r + ", " + i + ")"
		}
		return g.mprt("GetList(") + r + ", " + i + ", " + g.hoist(t.Elem, owner+"_"+upper(f.Name)) + ")"
	}
	return g.mprt("GetValue(") + r + ", " + i + ", " + g.codec(t) + ")"
}

func (g *generator) getScalar(r string, f *model.Field) string {
	mask := ""
	if f.Default != nil {
		mask = "^" + hex(f.Default.Bits)
	}
	off := f.Offset / 8
	switch t := f.Type; t.Kind {
	case model.Void:
		return "struct{}{}"
	case model.Bool:
		not := ""
		if f.Default != nil {
			not = "!"
		}
		return fmt.Sprintf("%s%s.Bit(%d)", not, r, f.Offset)
	case model.Float32, model.Float64:
		return fmt.Sprintf("%s.Float%dfrombits(%s.Uint%d(%d)%s)", g.imp("math"), t.Kind.Bits(), r, t.Kind.Bits(), off, mask)
	case model.Uint8, model.Uint16, model.Uint32, model.Uint64:
		return fmt.Sprintf("%s.Uint%d(%d)%s", r, t.Kind.Bits(), off, mask)
	default:
		return fmt.Sprintf("%s(%s.Uint%d(%d)%s)", g.typ(t), r, t.Kind.Bits(), off, mask)
	}
}

// fallback writes what sets lhs to the default of a pointer that was null,
// where get does not see to it.
func (g *generator) fallback(lhs string, f *model.Field) {
	if f.Default == nil || !f.Type.Kind.Pointer() || f.Type.Kind == model.Text || f.Has != nil {
		return
	}
	cond := lhs + " == nil"
	if f.Type.Kind == model.AnyPointer {
		cond = lhs + ".IsNull()"
	}
	g.P("if ", cond, " {")
	g.P(lhs, " = ", g.value(f.Default))
	g.P("}")
}

// listName is the part of the name of the mprt functions for lists of an
// element type, or "" if such lists need a codec.
func listName(t *model.Type) string {
	switch t.Kind {
	case model.Void:
		return "Voids"
	case model.Bool:
		return "Bools"
	case model.Text:
		return "Texts"
	case model.Data:
		return "Datas"
	case model.StructOf:
		if selfEncoding(t.Struct) {
			return "Structs"
		}
		return ""
	}
	if !t.Kind.Pointer() {
		return "Numbers"
	}
	return ""
}

// typeArg is the type argument that reading a list of an element type needs.
func typeArg(t *model.Type, g *generator) string {
	if t.Kind == model.StructOf || !t.Kind.Pointer() && t.Kind != model.Bool && t.Kind != model.Void {
		return "[" + g.elem(t) + "]"
	}
	return ""
}

func setName(t *model.Type, prefix string) string {
	name := "Number"
	if t.Elem != nil && t.Elem.Kind == model.Text {
		name = "Text"
	}
	if prefix != "" {
		return prefix + name + "Set"
	}
	return name
}

// hoist is the codec of a list's elements: a variable of the package, unless
// it is nothing to make or depends on type parameters. Of a generic interface it
// is made where it is used: what describes the interface may use it, which Go
// would call an initialization cycle.
func (g *generator) hoist(t *model.Type, name string) string {
	expr := g.elemCodec(t)
	if usesParams(t) || usesGenericInterface(t) || t.Kind != model.ListOf && !(t.Kind == model.StructOf && !selfEncoding(t.Struct)) {
		return expr
	}
	// A param of a method and a field of a struct may come to the same name.
	for name = lower(name) + "Codec"; g.hoisted[name] != "" && g.hoisted[name] != expr; {
		name += "_"
	}
	if g.hoisted[name] == "" {
		g.hoisted[name] = expr
		elem := g.elem(t)
		g.after = append(g.after, func() {
			g.P("var ", name, " ", g.mprt("Elem["), elem, "] = ", expr)
			g.P()
		})
	}
	return name
}

// usedParams are the type parameters in scope that a type depends on.
func (g *generator) usedParams(t *model.Type) (used []*model.Param) {
	if t == nil {
		return nil
	}
	add := func(list []*model.Param) {
		for _, p := range list {
			if !slices.ContainsFunc(used, func(q *model.Param) bool { return *p == *q }) {
				used = append(used, p)
			}
		}
	}
	if t.Kind == model.ParamOf && g.params[*t.Param] != "" {
		add([]*model.Param{t.Param})
	}
	for _, a := range t.Args {
		add(g.usedParams(a))
	}
	add(g.usedParams(t.Elem))
	return used
}

// codecArgs are the arguments by which a helper for a field whose type depends
// on type parameters gets their codecs.
func (g *generator) codecArgs(t *model.Type) string {
	args := ""
	for _, p := range g.usedParams(t) {
		args += g.codecs[*p] + ", "
	}
	return args
}

// mapFuncs are the functions that write and read a field that is a map.
func (g *generator) mapFuncs(f *model.Field, owner string) (set, get string) {
	set, get = "set"+owner+"_"+upper(f.Name), "get"+owner+"_"+upper(f.Name)
	if g.local[set] {
		return set, get
	}
	g.local[set], g.local[get] = true, true
	s, key, val, _ := g.pair(f, f.Type)
	texts := key.Type.Kind == model.Text && !converted(key) && !key.Go.Optional && key.Has == nil
	g.after = append(g.after, func() {
		typ := g.fieldType(f)
		used := g.usedParams(f.Type)
		outer, codecs := g.codecs, ""
		g.codecs = maps.Clone(g.codecs)
		for _, p := range used {
			g.codecs[*p] = codecParam(g.params[*p])
			codecs += g.codecs[*p] + " " + g.mprt("Codec[") + g.params[*p] + "], "
		}
		defer func() { g.codecs = outer }()
		g.P("func ", set, g.paramDecl(used), "(", codecs, "b ", g.mprt("Builder"), ", i uint16, m ", typ, ") {")
		g.P("if m == nil {")
		g.P("return")
		g.P("}")
		if texts {
			g.P("l, keys, ok := ", g.mprt("NewTextPairs"), "(b, i, ", g.size(s), ", ", key.Offset, ", m)")
		} else {
			g.P("l, ok := ", g.mprt("NewPairs"), "(b, i, ", g.size(s), ", len(m))")
		}
		g.P("if !ok {")
		g.P("return")
		g.P("}")
		g.P("n := 0")
		g.P("for k, v := range m {")
		if texts {
			g.P("keys.Set(n, k)")
		}
		g.P("e := b.With(l.Struct(n))")
		if !texts {
			g.set("e", key, "k", owner+"_"+upper(f.Name)+"Key")
		}
		g.set("e", val, "v", owner+"_"+upper(f.Name)+"Value")
		g.P("n++")
		g.P("}")
		g.P("}")
		g.P()
		g.P("func ", get, g.paramDecl(used), "(", codecs, "r ", g.mprt("Reader"), ", i uint16) ", typ, " {")
		pairs := "GetPairs"
		if texts {
			pairs = "GetTextPairs"
		}
		g.P("l, ok := ", g.mprt(pairs), "(r, i)")
		g.P("if !ok {")
		g.P("return nil")
		g.P("}")
		g.P("m := make(", typ, ", l.Len())")
		g.P("for n := range l.Len() {")
		g.P("e := r.With(l.Struct(n))")
		g.P("m[", g.get("e", key, owner+"_"+upper(f.Name)+"Key"), "] = ", g.get("e", val, owner+"_"+upper(f.Name)+"Value"))
		g.P("}")
		g.P("return m")
		g.P("}")
		g.P()
	})
	return set, get
}
