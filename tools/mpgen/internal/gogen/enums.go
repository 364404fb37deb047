package gogen

import (
	"strconv"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// enumerantNames are the Go names of an enum's constants.
func enumerantNames(e *model.Enum) []string {
	taken := names{}
	out := make([]string, len(e.Enumerants))
	for i, en := range e.Enumerants {
		name := upper(en.Name)
		if en.Go.Name != "" {
			name = en.Go.Name
		}
		out[i] = taken.take(avoid(&e.Decl, goName(&e.Decl)+"_"+name), "_")
	}
	return out
}

func (g *generator) enum(e *model.Enum) {
	name := goName(&e.Decl)
	g.declComment(&e.Decl, name, "enum")
	g.P("type ", name, " uint16")
	g.P()
	consts := enumerantNames(e)
	if len(consts) > 0 {
		g.say("The values of ", name, ".")
		g.P("const (")
		for i, en := range e.Enumerants {
			g.comment(en.Doc, "")
			g.P(consts[i], " ", name, " = ", i)
		}
		g.P(")")
		g.P()
	}
	args := make([]string, len(e.Enumerants))
	for i, en := range e.Enumerants {
		args[i] = en.Name
	}
	g.say("String returns the schema's name of the value, or its number if it has none.")
	g.P("func (e ", name, ") String() string {")
	g.enumName(name, "e", args)
	g.P("}")
	g.P()
}

// enumName returns the name of the number v, of those of a type.
func (g *generator) enumName(typ, v string, list []string) {
	line, names := strconv.Quote(typ)+", uint16("+v+")", ""
	for _, n := range list {
		names += ", " + strconv.Quote(n)
	}
	if len(line+names) > 80 {
		names = ",\n" + fill(strings.TrimPrefix(names, ", "))
	}
	g.P("return ", g.mprt("EnumName("), line, names, ")")
}

// whichNames are the Go names of the constants for a union's members.
func whichNames(s *model.Struct) (typ string, members []string) {
	typ = avoid(&s.Decl, structName(s)+"_Which")
	for _, f := range s.Fields {
		if f.Group != nil && groupName(&f.Group.Decl) == typ {
			typ += "_"
		}
	}
	taken := names{}
	for _, f := range s.Union.Members {
		name := upper(f.Name)
		if f.Go.Name != "" {
			name = f.Go.Name
		}
		members = append(members, taken.take(typ+"_"+name, "_"))
	}
	return typ, members
}

func structName(s *model.Struct) string {
	if s.Group {
		return groupName(&s.Decl)
	}
	return goName(&s.Decl)
}

func (g *generator) whichConst(s *model.Struct, f *model.Field) string {
	_, members := whichNames(s)
	return g.qual(s.File, members[f.Discriminant])
}

// which writes the type that tells the members of a union apart.
func (g *generator) which(s *model.Struct) {
	typ, members := whichNames(s)
	g.say(typ, " says which member of the union of ", structName(s), " is set.")
	g.P("type ", typ, " uint16")
	g.P()
	g.say("The members of the union of ", structName(s), ".")
	g.P("const (")
	args := make([]string, len(members))
	for i, f := range s.Union.Members {
		g.P(members[i], " ", typ, " = ", f.Discriminant)
		args[i] = f.Name
	}
	g.P(")")
	g.P()
	g.say("String returns the schema's name of the member, or its number if it has none.")
	g.P("func (w ", typ, ") String() string {")
	g.enumName(typ, "w", args)
	g.P("}")
	g.P()
}
