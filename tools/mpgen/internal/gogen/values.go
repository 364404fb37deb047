package gogen

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// value is the Go expression of a constant or default.
func (g *generator) value(v *model.Value) string {
	t := v.Type
	switch t.Kind {
	case model.Void:
		return "struct{}{}"
	case model.Bool:
		return strconv.FormatBool(v.Bits != 0)
	case model.Int8, model.Int16, model.Int32, model.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case model.Uint8, model.Uint16, model.Uint32, model.Uint64:
		return strconv.FormatUint(v.Bits, 10)
	case model.Float32, model.Float64:
		return g.float(v)
	case model.Text:
		return strconv.Quote(v.Text)
	case model.EnumOf:
		return g.enumerant(t, uint16(v.Bits))
	}
	if v.Null {
		if t.Kind == model.AnyPointer || t.Kind == model.Capability {
			return g.typ(t) + "{}"
		}
		return "nil"
	}
	switch t.Kind {
	case model.Data:
		return "[]byte(" + strconv.QuoteToASCII(string(v.Data)) + ")"
	case model.ListOf:
		return g.typ(t) + g.list(v)
	case model.StructOf:
		if t.Struct.Bound() {
			return g.mprt("MustDecode(") + strconv.QuoteToASCII(string(v.Raw)) + ", " + g.codec(t) + ")"
		}
		return "&" + g.structType(t) + "{" + g.fieldList(t.Struct, t.Args, v.Fields) + "}"
	}
	return g.mprt("MustAnyPointer(") + strconv.QuoteToASCII(string(v.Raw)) + ")"
}

func (g *generator) list(v *model.Value) string {
	if len(v.List) == 0 {
		return "{}"
	}
	parts := make([]string, len(v.List))
	for i, e := range v.List {
		switch {
		case e.Type.Kind == model.StructOf && e.Type.Struct.Bound():
			parts[i] = "*" + g.value(e)
		case e.Type.Kind == model.StructOf:
			parts[i] = "{" + g.fieldList(e.Type.Struct, e.Type.Args, e.Fields) + "}"
		case e.Type.Kind == model.ListOf && !e.Null:
			parts[i] = g.list(e)
		case e.Type.Kind == model.Void:
			parts[i] = "{}"
		default:
			parts[i] = g.value(e)
		}
	}
	return "{" + lines(parts, v.List[0].Type.Kind == model.StructOf || v.List[0].Type.Kind == model.ListOf) + "}"
}

// lines joins the parts of a literal, on lines of their own where one line
// would not do.
func lines(parts []string, wrap bool) string {
	s := strings.Join(parts, ", ")
	if !wrap || len(s) < 80 {
		return s
	}
	return "\n" + strings.Join(parts, ",\n") + ",\n"
}

// fieldList is what stands between the braces of a literal of a struct or a
// group; args are its type arguments.
func (g *generator) fieldList(s *model.Struct, args []*model.Type, values []model.FieldValue) string {
	names := fieldNames(s)
	var parts []string
	for _, fv := range values {
		f := fv.Field
		if f.Discriminant > 0 {
			parts = append(parts, "Which: "+g.whichConst(s, f))
		}
		switch {
		case f.Group != nil:
			parts = append(parts, names[f]+": "+g.qual(f.Group.File, groupName(&f.Group.Decl))+g.typeArgs(args)+"{"+g.fieldList(f.Group, args, fv.Group)+"}")
		case f.Type.Kind == model.Void || fv.Value.Null:
		case numeric(f):
			// A number is an untyped constant, of whatever type it is bound to.
			parts = append(parts, names[f]+": "+g.value(fv.Value))
		case f.Go.ToGo != "" && f.Has == nil:
			parts = append(parts, names[f]+": "+g.mprt("MustConvert(")+g.goType(f.Go.ToGo, g.schema, f.Pos)+", "+g.value(fv.Value)+")")
		case f.Go.Map || f.Go.Set || converted(f):
			g.errorf(f.Pos, "%s is bound to a Go type, so it cannot have a value in a constant or default", f.Name)
		case f.Has != nil && !nilable(f):
			parts = append(parts, names[f]+": "+g.mprt("Optional[")+g.typ(fv.Value.Type)+"](true, "+g.value(fv.Value)+")")
		case f.Go.Optional && f.Type.Kind == model.Text:
			parts = append(parts, names[f]+": "+g.mprt("Optional(true, ")+g.value(fv.Value)+")")
		case f.Go.Value && f.Type.Struct.Bound():
			parts = append(parts, names[f]+": *"+g.value(fv.Value))
		case f.Go.Value:
			parts = append(parts, names[f]+": "+strings.TrimPrefix(g.value(fv.Value), "&"))
		default:
			parts = append(parts, names[f]+": "+g.value(fv.Value))
		}
	}
	return lines(parts, true)
}

// numeric reports whether a field is bound to a type of numbers.
func numeric(f *model.Field) bool {
	k := f.Type.Kind
	return f.Go.Type != "" && f.Go.ToGo == "" && f.Has == nil && (integer(k) && k != model.EnumOf || k == model.Float32 || k == model.Float64)
}

func (g *generator) float(v *model.Value) string {
	x := v.Float()
	switch {
	case math.IsNaN(x):
		if v.Type.Kind == model.Float32 {
			return "float32(" + g.imp("math") + ".NaN())"
		}
		return g.imp("math") + ".NaN()"
	case math.IsInf(x, 0):
		sign := "1"
		if x < 0 {
			sign = "-1"
		}
		if v.Type.Kind == model.Float32 {
			return "float32(" + g.imp("math") + ".Inf(" + sign + "))"
		}
		return g.imp("math") + ".Inf(" + sign + ")"
	case x == 0 && math.Signbit(x):
		if v.Type.Kind == model.Float32 {
			return "float32(" + g.imp("math") + ".Copysign(0, -1))"
		}
		return g.imp("math") + ".Copysign(0, -1)"
	}
	bits := 64
	if v.Type.Kind == model.Float32 {
		bits = 32
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}

// enumerant is an enum's constant, or a number that has none.
func (g *generator) enumerant(t *model.Type, n uint16) string {
	e := t.Enum
	if int(n) < len(e.Enumerants) {
		return g.qual(e.File, enumerantNames(e)[n])
	}
	return fmt.Sprintf("%s(%d)", g.typ(t), n)
}

// constant writes a constant: a Go const where Go has one of the type.
func (g *generator) constant(c *model.Const) {
	g.enterParams(nil, "")
	name := constName(&c.Decl)
	if c.Type.Kind == model.Void {
		return
	}
	kind := "var"
	switch t := c.Type.Kind; {
	case t == model.Float32 || t == model.Float64:
		if x := c.Value.Float(); !math.IsNaN(x) && !math.IsInf(x, 0) && !(x == 0 && math.Signbit(x)) {
			kind = "const"
		}
	case !t.Pointer() || t == model.Text:
		kind = "const"
	}
	g.declComment(&c.Decl, name, "constant")
	typ := " " + g.typ(c.Type)
	if kind == "var" && !c.Value.Null {
		typ = ""
	}
	if c.Type.Kind == model.Text {
		typ = ""
	}
	if typ == "" && (c.Type.Kind == model.Float32 || c.Type.Kind == model.Float64) {
		typ = " " + g.typ(c.Type)
	}
	g.P(kind, " ", name, typ, " = ", g.value(c.Value))
	g.P()
}
