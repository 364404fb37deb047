package gogen

import (
	"regexp"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// converted reports whether a field is bound to a Go type of its own.
func converted(f *model.Field) bool { return f.Go.Type != "" || f.Go.Convert != "" }

// plain is a field as it is without such a binding.
func plain(f *model.Field) *model.Field {
	p := *f
	p.Go.Type, p.Go.Convert, p.Has = "", "", nil
	return &p
}

// boundType is the Go type that a field is bound to.
func (g *generator) boundType(f *model.Field) string {
	for _, text := range []string{f.Go.Convert, f.Go.Type} {
		if typ, ok := strings.CutPrefix(text, resolved); ok {
			return typ
		}
	}
	if f.Go.Convert != "" {
		return g.goType(f.Go.Convert, g.schema, f.Pos)
	}
	return g.goType(f.Go.Type, g.schema, f.Pos)
}

var byteArray = regexp.MustCompile(`^\[([0-9]+)\](byte|uint8)$`)

func integer(k model.Kind) bool { return k >= model.Int8 && k <= model.Uint64 || k == model.EnumOf }

// toWire converts a value of the bound Go type to what the schema's is in Go.
func (g *generator) toWire(b string, f *model.Field, v string) string {
	wire := g.fieldType(plain(f))
	switch k := f.Type.Kind; {
	case f.Go.FromGo != "":
		return g.mprt("ConvertTo(") + b + ", " + g.goType(f.Go.FromGo, g.schema, f.Pos) + ", " + v + ")"
	case f.Go.Convert != "":
		return g.convertTo(f, wire, v)
	case integer(k):
		return g.mprt("ToInt[") + wire + "](" + b + ", " + v + ")"
	case k == model.Float32 || k == model.Float64:
		return g.mprt("ConvertFloat[") + wire + "](" + v + ")"
	case k == model.ListOf && integer(f.Type.Elem.Kind):
		return g.mprt("ToInts[") + g.typ(f.Type.Elem) + "](" + b + ", " + v + ")"
	case k == model.Data && byteArray.MatchString(f.Go.Type):
		if strings.HasPrefix(v, "*") {
			v = "(" + v + ")"
		}
		return v + "[:]"
	case k == model.Text || k == model.Data:
		name := map[model.Kind]string{model.Text: "MarshalText", model.Data: "MarshalBinary"}[k]
		if strings.HasPrefix(f.Go.Type, "*") {
			name += "Of"
		}
		return g.mprt(name) + "(" + b + ", " + v + ")"
	}
	return v // validate lets nothing else through
}

// fromWire converts what the schema's type is in Go to the bound Go type.
func (g *generator) fromWire(r string, f *model.Field, expr string) string {
	bound := g.boundType(f)
	switch k := f.Type.Kind; {
	case f.Go.ToGo != "":
		return g.mprt("ConvertFrom(") + r + ", " + g.goType(f.Go.ToGo, g.schema, f.Pos) + ", " + expr + ")"
	case f.Go.Convert != "":
		return g.convertTo(f, bound, expr)
	case integer(k):
		return g.mprt("FromInt[") + bound + "](" + r + ", " + expr + ")"
	case k == model.Float32 || k == model.Float64:
		return g.mprt("ConvertFloat[") + bound + "](" + expr + ")"
	case k == model.ListOf && integer(f.Type.Elem.Kind):
		return g.mprt("FromInts[") + bound + "](" + r + ", " + expr + ")"
	case k == model.Data && byteArray.MatchString(f.Go.Type):
		return bound + "(" + g.mprt("FixedData(") + r + ", " + expr + ", " + byteArray.FindStringSubmatch(f.Go.Type)[1] + "))"
	case k == model.Text || k == model.Data:
		name := map[model.Kind]string{model.Text: "UnmarshalText", model.Data: "UnmarshalBinary"}[k]
		if strings.HasPrefix(f.Go.Type, "*") {
			name, bound = name+"Of", strings.TrimPrefix(bound, "*")
		}
		return g.mprt(name+"[") + bound + "](" + r + ", " + expr + ")"
	}
	return expr
}

// convertTo is v converted to a type that a $Go.convert or a method's signature
// has for a field, or back. Lists are converted element by element if their
// elements are.
func (g *generator) convertTo(f *model.Field, typ, v string) string {
	if f.Type.Kind == model.ListOf && strings.HasPrefix(g.boundType(f), "[]") {
		switch k := f.Type.Elem.Kind; {
		case k == model.Text:
			return g.mprt("ConvertTexts[") + typ + "](" + v + ")"
		case k == model.Float32 || k == model.Float64:
			return g.mprt("ToFloats[") + strings.TrimPrefix(typ, "[]") + "](" + v + ")"
		}
	}
	return conversion(typ, v)
}

// conversion is v converted to a type.
func conversion(typ, v string) string {
	if strings.HasPrefix(typ, "*") || strings.HasPrefix(typ, "func") {
		typ = "(" + typ + ")"
	}
	return typ + "(" + v + ")"
}
