package gogen

import (
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// structure writes a struct: its type, and how it gets to the wire and back.
func (g *generator) structure(s *model.Struct) {
	switch {
	case s.Go.Codec != "":
		g.enterParams(nil, "")
		typ := g.structType(&model.Type{Kind: model.StructOf, Struct: s})
		g.check(s.Pos, "var _ ", g.mprt("Struct"), " = (*", typ, ")(nil) // encodes itself")
		return
	case s.Go.Wrap != "":
		g.enterParams(s.Params, "c.")
		g.structCodecType(s)
	default:
		g.enterParams(s.Params, "c.")
		g.structDecl(s)
		if len(s.Params) > 0 {
			g.structCodecType(s)
		} else {
			g.structMethods(s)
		}
		g.constructor(s)
	}
	g.flush()
	g.groups(s)
}

func (g *generator) groups(s *model.Struct) {
	for _, f := range s.Fields {
		if f.Group != nil && s.Go.Wrap == "" {
			g.structure(f.Group)
		}
	}
}

// structDecl writes the struct's declaration.
func (g *generator) structDecl(s *model.Struct) {
	name, what := structName(s), "struct"
	d := s.Decl
	if s.Group {
		d.Doc = "" // which the field has
		what = "group"
		if s.Union != nil && len(s.Union.Members) == len(s.Fields) {
			what = "union"
		}
	}
	g.declComment(&d, name, what)
	names := fieldNames(s)
	if g.empty(s) {
		g.P("type ", name, g.paramDecl(s.Params), " struct{}")
		g.P()
		return
	}
	g.P("type ", name, g.paramDecl(s.Params), " struct {")
	if s.Union != nil {
		which, _ := whichNames(s)
		var members []string
		for _, f := range s.Union.Members {
			if visible(f) {
				members = append(members, names[f])
			}
		}
		doc := "Which says which member of the union is set."
		switch len(members) {
		case 0:
		case 1:
			doc += " " + members[0] + " is sent only if it is that one."
		default:
			doc += " Of " + enumerate(members) + ", only that one is sent."
		}
		g.say(doc)
		g.P("Which ", which)
	}
	for _, f := range s.Fields {
		if !visible(f) {
			continue
		}
		g.comment(f.Doc, "")
		g.P(names[f], " ", g.fieldType(f))
	}
	g.P("}")
	g.P()
	if s.Union != nil {
		g.which(s)
	}
}

func visible(f *model.Field) bool { return f.Group != nil || f.Type.Kind != model.Void }

// structMethods writes the methods that make a struct an mprt.Struct.
func (g *generator) structMethods(s *model.Struct) {
	name := structName(s)
	if !s.Group {
		g.say("CapnpSize implements ", g.mprt("Struct"), ".")
		g.P("func (*", name, ") CapnpSize() ", g.capnp("ObjectSize"), " { return ", g.size(s), " }")
		g.P()
	}
	g.say("MarshalCapnp implements ", g.mprt("Struct"), ".")
	if g.empty(s) {
		g.P("func (*", name, ") MarshalCapnp(", g.mprt("Builder"), ") {}")
	} else {
		g.P("func (v *", name, ") MarshalCapnp(b ", g.mprt("Builder"), ") {")
		g.marshal(s)
		g.P("}")
	}
	g.P()
	g.say("UnmarshalCapnp implements ", g.mprt("Struct"), ".")
	if g.empty(s) {
		g.P("func (*", name, ") UnmarshalCapnp(", g.mprt("Reader"), ") {}")
	} else {
		g.P("func (v *", name, ") UnmarshalCapnp(r ", g.mprt("Reader"), ") {")
		g.unmarshal(s)
		g.P("}")
	}
	g.P()
	if !s.Group {
		g.printers(s)
	}
}

// empty reports whether a struct has nothing to send.
func (g *generator) empty(s *model.Struct) bool {
	for _, f := range s.Fields {
		if visible(f) {
			return false
		}
	}
	return s.Union == nil
}

// printers writes how a struct shows itself to people.
func (g *generator) printers(s *model.Struct) {
	name := structName(s)
	use := g.paramUse(s.Params)
	g.say("String returns the struct for people to read, cut at a limit.")
	g.P("func (v *", name, use, ") String() string { return ", g.mprt("Format"), "(v) }")
	g.P()
	g.say("LogValue implements slog.LogValuer.")
	slog := g.imp("log/slog")
	g.P("func (v *", name, use, ") LogValue() ", slog, ".Value { return ", slog, ".StringValue(v.String()) }")
	g.P()
	if s.Exception {
		g.say("Error makes ", name, " an error, for methods fail with it.")
		g.P("func (v *", name, use, ") Error() string { return ", g.errorText(s), " }")
		g.P()
	}
}

// errorText is the text of a struct as an error: its message, if it has one.
func (g *generator) errorText(s *model.Struct) string {
	names := fieldNames(s)
	for _, want := range []string{"message", "what", "error", "reason"} {
		for _, f := range s.Fields {
			if f.Name == want && f.Type != nil && f.Type.Kind == model.Text && f.Has == nil && !f.Go.Optional && !converted(f) {
				return "v." + names[f]
			}
		}
	}
	return "v.String()"
}

// structCodecType writes the codec of a struct that has no methods for it: one
// that is generic, or not ours.
func (g *generator) structCodecType(s *model.Struct) {
	g.wrapped = s.Go.Wrap != ""
	defer func() { g.wrapped = false }()
	name := aux(&s.Decl, "", "Codec")
	if s.Group {
		name = structName(s) + "Codec"
	}
	decl, use := g.paramDecl(s.Params), g.paramUse(s.Params)
	typ := g.structType(&model.Type{Kind: model.StructOf, Struct: s}) + use
	g.say(name, " is the mprt.StructCodec of ", strings.TrimSuffix(typ, use), ".")
	if len(s.Params) == 0 {
		g.P("type ", name, " struct{}")
	} else {
		g.P("type ", name, decl, " struct {")
		for _, p := range s.Params {
			g.P(g.members[*p], " ", g.mprt("Codec["), g.params[*p], "]")
		}
		g.P("}")
	}
	g.P()
	g.say("Size implements mprt.StructCodec.")
	g.P("func (", name, use, ") Size() ", g.capnp("ObjectSize"), " { return ", g.size(s), " }")
	g.P()
	if g.wrapped {
		g.checkWrapped(s, s.Pos, s.Params, name, typ, "v", structName(s))
	}
	for _, m := range []struct {
		name, arg string
		body      func(s *model.Struct)
	}{{"Marshal", "b " + g.mprt("Builder"), g.marshal}, {"Unmarshal", "r " + g.mprt("Reader"), g.unmarshal}} {
		recv := "c "
		if len(s.Params) == 0 {
			recv = ""
		}
		g.say(m.name, " implements mprt.StructCodec.")
		g.P("func (", recv, name, use, ") ", m.name, "(", m.arg, ", v *", typ, ") {")
		m.body(s)
		g.P("}")
		g.P()
	}
	if s.Go.Wrap == "" && !s.Group {
		g.printers(s)
	}
}

func (g *generator) marshal(s *model.Struct) {
	if g.wrapped {
		g.marshalWrapped(s, "v", structName(s))
		return
	}
	names := fieldNames(s)
	owner := structName(s)
	for _, f := range s.Fields {
		if f.Discriminant < 0 {
			g.setField(f, "v."+names[f], owner)
		}
	}
	if s.Union == nil {
		return
	}
	_, members := whichNames(s)
	g.P("b.SetUint16(", s.Union.Offset, ", uint16(v.Which))")
	g.P("switch v.Which {")
	for i, f := range s.Union.Members {
		if names[f] == "" || !visible(f) {
			continue
		}
		g.P("case ", members[i], ":")
		g.setField(f, "v."+names[f], owner)
	}
	g.P("}")
}

func (g *generator) setField(f *model.Field, v, owner string) {
	switch {
	case f.Group == nil:
		if visible(f) {
			g.set("b", f, v, owner)
		}
	case len(f.Group.Params) > 0:
		g.P(g.groupCodec(f.Group), ".Marshal(b, &", v, ")")
	default:
		g.P(v, ".MarshalCapnp(b)")
	}
}

func (g *generator) groupCodec(s *model.Struct) string {
	var codecs []string
	for _, p := range s.Params {
		codecs = append(codecs, g.members[*p]+": "+g.codecs[*p])
	}
	return structName(s) + "Codec" + g.paramUse(s.Params) + "{" + strings.Join(codecs, ", ") + "}"
}

func (g *generator) unmarshal(s *model.Struct) {
	if g.wrapped {
		g.unmarshalWrapped(s, "v", structName(s))
		return
	}
	names := fieldNames(s)
	owner := structName(s)
	if s.Union != nil {
		g.P("*v = ", structName(s), g.paramUse(s.Params), "{}")
	}
	for _, f := range s.Fields {
		if f.Discriminant < 0 {
			g.getField(f, "v."+names[f], owner)
		}
	}
	if s.Union == nil {
		return
	}
	typ, members := whichNames(s)
	g.P("v.Which = ", typ, "(r.Uint16(", s.Union.Offset, "))")
	g.P("switch v.Which {")
	for i, f := range s.Union.Members {
		if names[f] == "" || !visible(f) {
			continue
		}
		g.P("case ", members[i], ":")
		g.getField(f, "v."+names[f], owner)
	}
	g.P("}")
}

func (g *generator) getField(f *model.Field, v, owner string) {
	switch {
	case f.Group == nil:
		if visible(f) {
			g.P(v, " = ", g.get("r", f, owner))
			g.fallback(v, f)
		}
	case len(f.Group.Params) > 0:
		g.P(g.groupCodec(f.Group), ".Unmarshal(r, &", v, ")")
	default:
		g.P(v, ".UnmarshalCapnp(r)")
	}
}

// constructor writes NewT for a struct that has defaults.
func (g *generator) constructor(s *model.Struct) {
	if s.Group {
		return
	}
	values := defaults(s)
	if len(values) == 0 {
		return
	}
	name := aux(&s.Decl, "New", "")
	use := g.paramUse(s.Params)
	g.say(name, " returns ", article(goName(&s.Decl)), " ", goName(&s.Decl), " with the schema's defaults.")
	g.P("func ", name, g.paramDecl(s.Params), "() *", goName(&s.Decl), use, " {")
	args := paramTypes(s.Params)
	var parts []string
	for _, fv := range values {
		parts = append(parts, strings.Trim(g.fieldList(s, args, []model.FieldValue{fv}), "\n,"))
	}
	g.P("return &", goName(&s.Decl), use, "{")
	g.P(strings.Join(parts, ",\n"), ",")
	g.P("}")
	g.P("}")
	g.P()
}

// defaults are the fields of a struct that a new value does not leave zero.
// Of a union it is the first member.
func defaults(s *model.Struct) []model.FieldValue {
	var out []model.FieldValue
	for _, f := range s.Fields {
		switch {
		case f.Discriminant > 0 || f.Has != nil:
		case f.Group != nil:
			if values := defaults(f.Group); len(values) > 0 {
				out = append(out, model.FieldValue{Field: f, Group: values})
			}
		case f.Default != nil:
			out = append(out, model.FieldValue{Field: f, Value: f.Default})
		}
	}
	return out
}
