package randomschema

import (
	"fmt"
	"strings"
)

// printer writes a file.
type printer struct {
	strings.Builder
	g       *generator
	shuffle bool
}

func (g *generator) print(f *decl, shuffle bool) string {
	p := &printer{g: g, shuffle: shuffle}
	p.line(0, fmt.Sprintf("@%#x;", f.id))
	p.doc(0, f.doc)
	if f.proxy {
		p.line(0, `using Proxy = import "/mp/proxy.capnp";`)
	}
	if f.cxx {
		p.line(0, `using Cxx = import "/capnp/c++.capnp";`)
		p.line(0, `$Cxx.namespace("a::b");`)
	}
	for _, other := range g.files {
		if alias := f.imports[other]; alias != "" {
			p.line(0, "using ", alias, ` = import "`, other.name, `";`)
		}
	}
	for _, use := range f.uses {
		p.line(0, use, ";")
	}
	p.nested(0, f)
	return p.String()
}

func (p *printer) line(depth int, parts ...string) {
	p.WriteString(strings.Repeat("  ", depth))
	for _, s := range parts {
		p.WriteString(s)
	}
	p.WriteByte('\n')
}

func (p *printer) doc(depth int, text string) {
	if text == "" {
		return
	}
	for _, l := range strings.Split(text, "\n") {
		p.line(depth, strings.TrimRight("# "+l, " "))
	}
}

func (p *printer) nested(depth int, d *decl) {
	order := make([]int, len(d.nested))
	for i := range order {
		order[i] = i
	}
	if p.shuffle {
		p.g.order.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for _, i := range order {
		p.decl(depth, d.nested[i])
	}
}

func params(list []*param, open, end string) string {
	if len(list) == 0 {
		return ""
	}
	var names []string
	for _, p := range list {
		names = append(names, p.name)
	}
	return open + strings.Join(names, ", ") + end
}

// spaced are annotations with a space before each.
func spaced(uses []string) (text string) {
	for _, use := range uses {
		text += " " + use
	}
	return text
}

func (p *printer) decl(depth int, d *decl) {
	switch d.kind {
	case structDecl:
		p.line(depth, "struct ", d.name, params(d.params, "(", ")"), spaced(d.uses), " {")
		p.doc(depth+1, d.doc)
		p.members(depth+1, d.members)
		p.nested(depth+1, d)
		p.line(depth, "}")
	case enumDecl:
		p.line(depth, "enum ", d.name, spaced(d.uses), " {")
		p.doc(depth+1, d.doc)
		for _, e := range d.enumerants {
			p.line(depth+1, e.name, fmt.Sprintf(" @%d", e.ordinal), spaced(e.uses), ";")
			p.doc(depth+1, e.doc)
		}
		p.line(depth, "}")
	case interfaceDecl:
		var bases []string
		for _, t := range d.extends {
			bases = append(bases, t.text)
		}
		extends := ""
		if len(bases) > 0 {
			extends = " extends (" + strings.Join(bases, ", ") + ")"
		}
		p.line(depth, "interface ", d.name, params(d.params, "(", ")"), extends, spaced(d.uses), " {")
		p.doc(depth+1, d.doc)
		for i, m := range d.methods {
			p.method(depth+1, i, m)
		}
		p.nested(depth+1, d)
		p.line(depth, "}")
	case constDecl:
		p.line(depth, "const ", d.name, " :", d.typ.text, " = ", d.value, spaced(d.uses), ";")
		p.doc(depth, d.doc)
	case annotationDecl:
		p.line(depth, "annotation ", d.name, " (", strings.Join(d.targets, ", "), ") :", d.typ.text, spaced(d.uses), ";")
		p.doc(depth, d.doc)
	}
}

func (p *printer) members(depth int, list []*member) {
	for _, m := range list {
		ordinal := ""
		if m.ordinal >= 0 {
			ordinal = fmt.Sprintf(" @%d", m.ordinal)
		}
		switch {
		case m.what == "":
			p.line(depth, m.name, ordinal, " :", m.typ.text, assigned(m.value), spaced(m.uses), ";")
			p.doc(depth, m.doc)
			continue
		case m.name == "":
			p.line(depth, "union", spaced(m.uses), " {")
		default:
			if ordinal != "" {
				ordinal += "!"
			}
			p.line(depth, m.name, ordinal, " :", m.what, spaced(m.uses), " {")
		}
		p.doc(depth+1, m.doc)
		p.members(depth+1, m.members)
		p.line(depth, "}")
	}
}

func assigned(value string) string {
	if value == "" {
		return ""
	}
	return " = " + value
}

func (p *printer) method(depth, ordinal int, m *method) {
	args := func(list []*member) string {
		var parts []string
		for _, a := range list {
			parts = append(parts, a.name+" :"+a.typ.text+assigned(a.value)+spaced(a.uses))
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	in, out := args(m.params), " -> "+args(m.results)
	if m.paramsType != nil {
		in = m.paramsType.text
	}
	switch {
	case m.resultsType != nil:
		out = " -> " + m.resultsType.text
	case m.stream:
		out = " -> stream"
	case m.noOut:
		out = ""
	}
	p.line(depth, m.name, fmt.Sprintf(" @%d ", ordinal), params(m.implicit, "[", "] "), in, out, spaced(m.uses), ";")
	p.doc(depth, m.doc)
}
