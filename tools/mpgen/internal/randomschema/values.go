package randomschema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// values gives constants values, and fields and params defaults.
func (g *generator) values(d *decl) {
	switch d.kind {
	case constDecl:
		d.value = g.value(d, d.typ, 0)
		g.consts = append(g.consts, d)
	case structDecl:
		g.defaults(d, d.members)
	case interfaceDecl:
		for _, m := range d.methods {
			g.defaults(d, m.params)
			g.defaults(d, m.results)
			for _, a := range m.params {
				if k := a.typ.kind; a.value == "" && !a.noValue && k >= textType && k <= interfaceType && k != enumType && g.chance(10) {
					a.value = "null"
				}
			}
		}
	}
}

func (g *generator) defaults(scope *decl, list []*member) {
	for _, m := range list {
		g.defaults(scope, m.members)
		if m.typ != nil && !m.noValue && m.typ.valuable(nil) && g.chance(25) {
			m.value = g.value(scope, m.typ, 1)
		}
	}
}

// value is an expression for a value of a type that is valuable.
func (g *generator) value(scope *decl, t *typ, depth int) string {
	// An enum's constant counts as a number, which no enum is.
	if t.kind != enumType && g.chance(15) {
		if c := g.constOf(scope, t); c != "" {
			return c
		}
	}
	switch t.kind {
	case voidType:
		return "void"
	case boolType:
		return pick(g, []string{"true", "false"})
	case int8Type, int16Type, int32Type, int64Type:
		n := int64(g.Uint64()) >> (64 - 8<<(t.kind-int8Type)) >> g.IntN(8<<(t.kind-int8Type))
		if g.chance(10) {
			n = -1 << (8<<(t.kind-int8Type) - 1)
		}
		if n < 0 {
			return "-" + g.number(uint64(-n))
		}
		return g.number(uint64(n))
	case uint8Type, uint16Type, uint32Type, uint64Type:
		bits := 8 << (t.kind - uint8Type)
		return g.number(g.Uint64() >> (64 - bits) >> g.IntN(bits))
	case float32Type, float64Type:
		return pick(g, []string{"0", "-0", "1", "-2", "1.5", "-1.25e-3", "6.02e23", "inf", "-inf", "nan", "1e38", "0.1", "16777217", "1e-45", "123456789", "-0.0",
			fmt.Sprint(g.NormFloat64()), fmt.Sprintf("%e", float32(g.NormFloat64()))})
	case textType:
		return g.text()
	case dataType:
		switch g.IntN(3) {
		case 0:
			return g.text()
		case 1:
			return `0x"` + strings.Repeat("0f ", 1+g.IntN(4)) + `"`
		}
		return fmt.Sprintf(`0x"%02x %02x"`, g.IntN(256), g.IntN(256))
	case enumType:
		return pick(g, t.decl.enumerants).name
	case listType:
		var list []string
		for n := g.IntN(5 - min(depth, 4)); n >= 0 && t.elem.valuable(nil); n-- {
			list = append(list, g.value(scope, t.elem, depth+1))
		}
		if g.chance(10) {
			list = nil
		}
		return "[" + strings.Join(list, ", ") + "]"
	case structType:
		return "(" + strings.Join(g.assignments(scope, t, t.decl.members, depth+1), ", ") + ")"
	}
	panic("a type without values: " + t.text)
}

// assignments are those of some fields.
func (g *generator) assignments(scope *decl, t *typ, members []*member, depth int) (list []string) {
	if depth > 4 {
		return nil
	}
	one := func(m *member) {
		switch {
		case m.name == "" && m.what == "union":
			list = append(list, g.assignments(scope, t, []*member{pick(g, m.members)}, depth)...)
		case m.what == "union":
			list = append(list, m.name+" = ("+strings.Join(g.assignments(scope, t, []*member{pick(g, m.members)}, depth+1), ", ")+")")
		case m.what == "group":
			list = append(list, m.name+" = ("+strings.Join(g.assignments(scope, t, m.members, depth+1), ", ")+")")
		default:
			if u := m.typ.subst(t.args); u.valuable(nil) {
				list = append(list, m.name+" = "+g.value(scope, u, depth+1))
			}
		}
	}
	for _, m := range members {
		if g.chance(60) {
			one(m)
		}
	}
	return list
}

// number writes a number in one of the bases.
func (g *generator) number(n uint64) string {
	switch g.IntN(6) {
	case 0:
		return "0x" + strconv.FormatUint(n, 16)
	case 1:
		return "0" + strconv.FormatUint(n, 8)
	}
	return strconv.FormatUint(n, 10)
}

func (g *generator) text() string {
	return pick(g, []string{`""`, `"a"`, `"Grüße, 馬"`, `"\x00\xff"`, `"\"\\\n\t\a\b\f\v\'\?"`, `"one " "two"`, `"\101\0"`, `"` + "`" + `"`, `"%d %s {}"`,
		`"a longer text, of more than eight bytes"`})
}

// constOf names a constant of a type that has a value already, if there is
// one.
func (g *generator) constOf(scope *decl, t *typ) string {
	var list []*decl
	for _, c := range g.consts {
		_, imported := scope.file().imports[c.file()]
		if c != scope && c.typ.equal(t) && (imported || c.file() == scope.file()) {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return ""
	}
	c := pick(g, list)
	return g.name(scope, c)
}

// name is how a scope names a constant or an annotation.
func (g *generator) name(scope, d *decl) string {
	text := " ." // "$." would be one operator
	if d.file() != scope.file() {
		text = scope.file().imports[d.file()]
		if text == "" || resolve(scope, text) != any(d.file()) {
			text = "import \"" + d.file().name + "\""
		}
		text += "."
	}
	var names []string
	for _, p := range d.path() {
		names = append(names, p.name)
	}
	return text + strings.Join(names, ".")
}

// annotate applies annotations.
func (g *generator) annotate(d *decl) {
	var walk func(list []*member)
	walk = func(list []*member) {
		for _, m := range list {
			what := m.what
			if what == "" {
				what = "field"
			}
			if m.name != "" {
				m.uses = append(m.uses, g.applied(d, what)...)
			}
			walk(m.members)
		}
	}
	switch d.kind {
	case fileDecl:
		d.uses = append(d.uses, g.applied(d, "file")...)
	case structDecl:
		d.uses = append(d.uses, g.applied(d, "struct")...)
		walk(d.members)
	case enumDecl:
		d.uses = append(d.uses, g.applied(d, "enum")...)
		for _, e := range d.enumerants {
			e.uses = g.applied(d, "enumerant")
		}
	case interfaceDecl:
		d.uses = append(d.uses, g.applied(d, "interface")...)
		for _, m := range d.methods {
			m.uses = g.applied(d, "method")
			for _, a := range slices.Concat(m.params, m.results) {
				a.uses = append(a.uses, g.applied(d, "param")...)
			}
		}
	case constDecl:
		d.uses = g.applied(d.parent, "const")
	case annotationDecl:
		d.uses = g.applied(d.parent, "annotation")
		d.complete = true
	}
}

// applied are annotations that may stand at a target.
func (g *generator) applied(scope *decl, target string) (uses []string) {
	if !g.chance(10) {
		return nil
	}
	list := g.reachable(scope.file(), func(d *decl) bool {
		return d.kind == annotationDecl && (slices.Contains(d.targets, target) || d.targets[0] == "*") &&
			// Or two annotations, or an annotation's value and the constant or enum
			// that it stands at, would depend on each other.
			(target != "annotation" || d.complete) && (!strings.HasPrefix(target, "enum") && target != "const" || d.typ.kind <= dataType)
	})
	if target == "const" || strings.HasPrefix(target, "enum") {
		defer func(consts []*decl) { g.consts = consts }(g.consts)
		g.consts = nil
	}
	used := map[*decl]bool{}
	for range min(len(list), 1+g.IntN(2)) {
		a := pick(g, list)
		if used[a] {
			continue
		}
		used[a] = true
		text := "$" + g.name(scope, a)
		if a.typ.kind != voidType || g.chance(30) {
			v := g.value(scope, a.typ, 1)
			if strings.HasPrefix(v, "(") {
				text += v
			} else {
				text += "(" + v + ")"
			}
		}
		uses = append(uses, text)
	}
	return uses
}
