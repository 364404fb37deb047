package randomschema

import (
	"maps"
	"slices"
	"strings"
)

type typeKind int

const (
	voidType typeKind = iota
	boolType
	int8Type
	int16Type
	int32Type
	int64Type
	uint8Type
	uint16Type
	uint32Type
	uint64Type
	float32Type
	float64Type
	textType
	dataType
	listType
	enumType
	structType
	interfaceType
	anyPointerType
	capabilityType
	paramType
	runtimeType // of /mp/proxy.capnp
)

var plainTypes = []string{"Void", "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "Text", "Data"}

// A typ is a type, with the text that names it where it stands.
type typ struct {
	kind typeKind
	text string
	elem *typ
	decl *decl
	// args are what generic parameters are bound to; those that are not in it
	// are unbound.
	args  map[*param]*typ
	param *param
}

// pointer reports whether a type can be a generic parameter's argument.
func (t *typ) pointer() bool { return t.kind >= textType && t.kind != enumType }

// subst is a type with generic parameters replaced by what they are bound to.
func (t *typ) subst(args map[*param]*typ) *typ {
	switch {
	case t.kind == paramType:
		if a := args[t.param]; a != nil {
			return a
		}
	case t.elem != nil:
		e := t.elem.subst(args)
		return &typ{kind: listType, elem: e}
	case len(t.args) > 0:
		u := *t
		u.args = map[*param]*typ{}
		for p, a := range t.args {
			u.args[p] = a.subst(args)
		}
		return &u
	}
	return t
}

// equal reports whether two types are the same.
func (t *typ) equal(u *typ) bool {
	if t.kind != u.kind || t.decl != u.decl || t.param != u.param || (t.elem == nil) != (u.elem == nil) {
		return false
	}
	if t.elem != nil && !t.elem.equal(u.elem) {
		return false
	}
	return maps.EqualFunc(t.args, u.args, func(a, b *typ) bool { return a.equal(b) })
}

// valuable reports whether a type has values that can be written down.
func (t *typ) valuable(seen []*decl) bool {
	switch t.kind {
	case interfaceType, anyPointerType, capabilityType, paramType, runtimeType:
		return false
	case enumType:
		return len(t.decl.enumerants) > 0
	case listType:
		return t.elem.valuable(seen)
	}
	return true
}

// newType is a random type that can be named in a scope.
func (g *generator) newType(scope *decl, implicit []*param, depth int) *typ {
	if depth > 3 {
		return g.plainType(scope)
	}
	switch k := g.IntN(100); {
	case k < 45:
		return g.plainType(scope)
	case k < 62:
		for {
			e := g.newType(scope, implicit, depth+1)
			switch {
			case e.kind == anyPointerType || e.kind == paramType || e.kind == runtimeType:
				continue
			case e.kind == capabilityType && g.chance(80):
				continue
			}
			return &typ{kind: listType, elem: e, text: "List(" + e.text + ")"}
		}
	case k < 88:
		list := g.reachable(scope.file(), func(d *decl) bool { return d.kind == structDecl || d.kind == enumDecl || d.kind == interfaceDecl })
		if len(list) == 0 {
			break
		}
		d := pick(g, list)
		t := g.refer(scope, d, implicit, depth)
		return t
	case k < 95:
		params := slices.Concat(scope.allParams(), implicit)
		if len(params) == 0 {
			break
		}
		p := pick(g, params)
		if p.scope != nil && resolve(scope, p.name) != any(p) || slices.ContainsFunc(implicit, func(q *param) bool { return q != p && q.name == p.name }) {
			break
		}
		return &typ{kind: paramType, param: p, text: p.name}
	case k < 97:
		return &typ{kind: anyPointerType, text: pick(g, []string{"AnyPointer", "AnyPointer", "AnyStruct", "AnyList"})}
	case k < 98:
		return &typ{kind: capabilityType, text: "Capability"}
	}
	return g.plainType(scope)
}

// plainType is a type of the language that no declaration hides.
func (g *generator) plainType(scope *decl) *typ {
	for {
		k := typeKind(g.IntN(len(plainTypes)))
		if resolve(scope, plainTypes[k]) == nil {
			return &typ{kind: k, text: plainTypes[k]}
		}
	}
}

// resolve finds what a name means in a scope: a declaration, a parameter or an
// import.
func resolve(scope *decl, name string) any {
	for ; scope != nil; scope = scope.parent {
		for _, p := range scope.params {
			if p.name == name {
				return p
			}
		}
		for _, n := range scope.nested {
			if n.name == name {
				return n
			}
		}
		for other, alias := range scope.imports {
			if alias == name {
				return other
			}
		}
	}
	return nil
}

// refer is a type that names a declaration in a scope.
func (g *generator) refer(scope, d *decl, implicit []*param, depth int) *typ {
	t := &typ{decl: d, args: map[*param]*typ{}}
	switch d.kind {
	case structDecl:
		t.kind = structType
	case enumDecl:
		t.kind = enumType
	case interfaceDecl:
		t.kind = interfaceType
	}
	path := d.path()
	var text string
	// From the nearest scope that leads there, or else from a file.
	relative := -1
	if d.file() == scope.file() && g.chance(70) {
		for i := len(path) - 1; i >= 0 && relative < 0; i-- {
			if resolve(scope, path[i].name) != any(path[i]) || i > 0 && !within(scope, path[i-1]) {
				continue
			}
			if slices.ContainsFunc(implicit, func(p *param) bool { return p.name == path[i].name }) {
				continue
			}
			relative = i
		}
	}
	switch {
	case relative >= 0:
		// What is around both keeps its parameters.
		for _, p := range path[:relative] {
			for _, q := range p.params {
				t.args[q] = &typ{kind: paramType, param: q, text: q.name}
			}
		}
		path = path[relative:]
	case d.file() == scope.file():
		text = " ." // ":." would be one operator
	default:
		alias := scope.file().imports[d.file()]
		if alias == "" || resolve(scope, alias) != any(d.file()) || slices.ContainsFunc(implicit, func(p *param) bool { return p.name == alias }) {
			alias = "import \"" + d.file().name + "\""
		}
		text = alias + "."
	}
	for i, p := range path {
		if i > 0 {
			text += "."
		}
		text += p.name
		if len(p.params) == 0 || !g.chance(75) {
			continue
		}
		var args []string
		for _, q := range p.params {
			a := g.argument(scope, implicit, depth+1)
			t.args[q] = a
			args = append(args, a.text)
		}
		text += "(" + strings.Join(args, ", ") + ")"
	}
	if len(t.args) == 0 {
		t.args = nil
	}
	if d.kind == enumDecl {
		// Which parameters are bound around an enum says nothing.
		t.args = nil
	}
	t.text = text
	return t
}

// argument is a type for a generic parameter.
func (g *generator) argument(scope *decl, implicit []*param, depth int) *typ {
	for {
		t := g.newType(scope, implicit, depth)
		if t.pointer() && t.kind != capabilityType && (t.kind != anyPointerType || t.text == "AnyPointer") {
			return t
		}
	}
}

// within reports whether a scope is d or in it.
func within(scope, d *decl) bool {
	for ; scope != nil; scope = scope.parent {
		if scope == d {
			return true
		}
	}
	return false
}
