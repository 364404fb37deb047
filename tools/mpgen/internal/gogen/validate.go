package gogen

import (
	"go/token"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// checkBases reports interfaces that extend themselves, which the language does not
// forbid.
func checkBases(s *model.Schema) error {
	var errs model.Errors
	for _, f := range s.Files {
		for _, i := range f.Interfaces {
			seen := map[*model.Interface]bool{}
			var walk func(j *model.Interface)
			walk = func(j *model.Interface) {
				for _, t := range j.Extends {
					if !seen[t.Interface] {
						seen[t.Interface] = true
						walk(t.Interface)
					}
				}
			}
			if walk(i); seen[i] {
				errs = append(errs, &model.Error{Pos: i.Pos, Msg: i.FullName() + " extends itself"})
			}
		}
	}
	if len(errs) > 0 {
		return errs.Sort()
	}
	return nil
}

// validate reports the bindings that do not fit what they stand at, and takes
// them away, so that the rest can go on as if they were not there.
func (g *generator) validate() {
	for _, e := range g.schema.Enums {
		g.validateName(&e.Decl)
		given := names{}
		for _, en := range e.Enumerants {
			g.validateMemberName(&en.Go, en.Name, e.Pos, given, false)
		}
	}
	for _, c := range g.schema.Consts {
		g.validateName(&c.Decl)
	}
	for _, s := range g.schema.Structs {
		g.validateName(&s.Decl)
		g.validateWrap(&s.Decl)
		if s.Go.Wrap != "" && s.Go.Codec != "" {
			g.errorf(s.Pos, "%s has both $Go.wrap and $Go.codec", s.FullName())
			s.Go.Codec = ""
		}
		g.validateStruct(s, s.Go.Wrap != "")
		g.validateWhich(s, s.Pos, s.Go.Wrap != "")
	}
	for _, i := range g.schema.Interfaces {
		g.validateName(&i.Decl)
		g.validateWrap(&i.Decl)
		given := names{}
		for _, m := range i.Methods {
			g.validateMemberName(&m.Go, m.Name, m.Pos, given, false)
		}
		if i.Go.Absent != nil && i.Go.Wrap == "" {
			g.errorf(i.Pos, "$Go.absent on %s: it lists methods of an interface that $Go.wrap binds, which this is not", i.FullName())
			i.Go.Absent = nil
		}
		for _, m := range i.Methods {
			for _, s := range []*model.Struct{m.Params, m.Results} {
				if s.Anonymous {
					g.validateStruct(s, false)
				}
			}
		}
	}
}

// validateName reports a Go name of a declaration that is none.
func (g *generator) validateName(d *model.Decl) {
	g.validateMemberName(&d.Go, d.FullName(), d.Pos, names{}, false)
}

// validateMemberName reports a Go name that is none, or that something beside it
// was given, too. In a path there may be dots.
func (g *generator) validateMemberName(b *model.Bindings, of string, pos model.Pos, given names, path bool) {
	if b.Name == "" {
		return
	}
	parts := []string{b.Name}
	if path {
		parts = strings.Split(b.Name, ".")
	}
	for _, p := range parts {
		if !token.IsIdentifier(p) {
			g.errorf(pos, "$Go.name(%q) on %s: that is no name in Go", b.Name, of)
			b.Name = ""
			return
		}
	}
	if given[b.Name] {
		g.errorf(pos, "$Go.name(%q) on %s: another one beside it has that name already", b.Name, of)
		b.Name = ""
		return
	}
	given[b.Name] = true
}

// validateWrap reports a $Go.wrap that names no declared type.
func (g *generator) validateWrap(d *model.Decl) {
	if strings.HasPrefix(d.Go.Wrap, "*") || strings.HasPrefix(d.Go.Wrap, "[") {
		g.errorf(d.Pos, "$Go.wrap(%q) on %s: give the name of the type itself, without * or []", d.Go.Wrap, d.FullName())
		d.Go.Wrap = strings.TrimLeft(d.Go.Wrap, "*[]0123456789")
	}
}

// validateStruct reports the bindings of fields, of which those of wrapped
// structs are called by paths.
func (g *generator) validateStruct(s *model.Struct, wrapped bool) {
	given := names{}
	for _, f := range s.Fields {
		g.validateMemberName(&f.Go, f.Name, f.Pos, given, wrapped)
		if f.Group != nil {
			g.validateStruct(f.Group, wrapped)
			continue
		}
		g.validateField(f)
	}
}

// validateWhich reports where $Go.which has nothing to say. Unlike what it stands
// at, a group has no place of its own: that is pos.
func (g *generator) validateWhich(s *model.Struct, pos model.Pos, wrapped bool) {
	switch {
	case s.Go.Which == "":
	case !wrapped:
		g.errorf(pos, "$Go.which on %s: it names a field of a struct that $Go.wrap binds, which this is not", s.FullName())
	case s.Union == nil:
		g.errorf(pos, "$Go.which on %s: it has no union", s.FullName())
	}
	for _, f := range s.Fields {
		if f.Group != nil {
			g.validateWhich(f.Group, f.Pos, wrapped)
		}
	}
}

func (g *generator) validateField(f *model.Field) {
	b := &f.Go
	kinds := 0
	for _, set := range []bool{b.Map, b.Set, b.Value, b.Type != "", b.Convert != ""} {
		if set {
			kinds++
		}
	}
	if kinds > 1 {
		g.errorf(f.Pos, "%s has more than one of $Go.map, $Go.set, $Go.value, $Go.type and $Go.convert", f.Name)
		*b = model.Bindings{Name: b.Name}
		return
	}
	if b.Map {
		if _, _, _, ok := g.pair(f, f.Type); !ok {
			b.Map = false
		}
	}
	if b.Set && !settable(f.Type) {
		g.errorf(f.Pos, "$Go.set on %s: a set is a list of numbers, enums or texts", f.Name)
		b.Set = false
	}
	if b.Value && f.Type.Kind != model.StructOf {
		g.errorf(f.Pos, "$Go.value on %s: it is no struct", f.Name)
		b.Value = false
	}
	if b.Optional && f.Type.Kind != model.Text {
		g.errorf(f.Pos, "$Go.optional on %s: only a Text needs it. A number is optional if the schema has a has%s :Bool beside it; other types have a nil anyway",
			f.Name, upper(f.Name))
		b.Optional = false
	}
	if (b.ToGo == "") != (b.FromGo == "") || b.ToGo != "" && b.Type == "" {
		g.errorf(f.Pos, "%s needs all of $Go.type, $Go.toGo and $Go.fromGo, or none of the last two", f.Name)
		b.ToGo, b.FromGo = "", ""
	}
	if b.Type != "" && b.ToGo == "" && !conventional(f) {
		g.errorf(f.Pos, "$Go.type(%q) on %s: no convention converts %s to it; name functions with $Go.toGo and $Go.fromGo, or use $Go.convert", b.Type, f.Name, g.typ(f.Type))
		b.Type = ""
	}
	if converted(f) {
		g.checkConversion(f)
	}
	if f.Default != nil && f.Type.Kind.Pointer() && f.Type.Kind != model.Text && (b.Map || b.Set || b.Value || converted(f)) {
		g.errorf(f.Pos, "%s has a default, which a map, a set, a struct held by value or a bound Go type cannot have", f.Name)
		f.Default = nil
	}
}

// checkConversion checks that a Go type is what its binding takes it for.
func (g *generator) checkConversion(f *model.Field) {
	bound := g.boundType(f) // reports what is no Go type
	wire := g.fieldType(plain(f))
	base := strings.TrimPrefix(bound, "*")
	switch k := f.Type.Kind; {
	case f.Go.ToGo != "":
		g.check(f.Pos, "var _ func(", wire, ") (", bound, ", error) = ", g.goType(f.Go.ToGo, g.schema, f.Pos))
		g.check(f.Pos, "var _ func(", bound, ") (", wire, ", error) = ", g.goType(f.Go.FromGo, g.schema, f.Pos))
	case f.Go.Convert != "":
		g.check(f.Pos, "var _ = func(v ", wire, ") ", bound, " { return ", g.convertTo(f, bound, "v"), " }")
	case integer(k):
		g.check(f.Pos, "var _ = ", g.mprt("FromInt["), bound, ", ", wire, "]")
	case k == model.Float32 || k == model.Float64:
		g.check(f.Pos, "var _ = ", g.mprt("ConvertFloat["), bound, ", ", wire, "]")
	case k == model.Text:
		g.check(f.Pos, "var _ = ", g.mprt("UnmarshalText["), base, ", *", base, "]")
		g.check(f.Pos, "var _ = ", g.mprt("MarshalText["), bound, "]")
	case k == model.Data && !byteArray.MatchString(f.Go.Type):
		g.check(f.Pos, "var _ = ", g.mprt("UnmarshalBinary["), base, ", *", base, "]")
		g.check(f.Pos, "var _ = ", g.mprt("MarshalBinary["), bound, "]")
	case k == model.ListOf:
		g.check(f.Pos, "var _ = func(r ", g.mprt("Reader"), ", v ", wire, ") ", bound, " { return ", g.mprt("FromInts["), bound, "](r, v) }")
	}
}

func settable(t *model.Type) bool {
	if t.Kind != model.ListOf {
		return false
	}
	k := t.Elem.Kind
	return k == model.Text || k != model.Void && k != model.Bool && !k.Pointer()
}

// conventional reports whether a field's type is one that conventions convert
// to others.
func conventional(f *model.Field) bool {
	switch k := f.Type.Kind; k {
	case model.Float32, model.Float64, model.Text, model.Data:
		return true
	case model.ListOf:
		return integer(f.Type.Elem.Kind)
	default:
		return integer(k)
	}
}
