// Package randomschema writes random schemas for tests: valid ones, which use
// every construct of the language in whatever combination comes up, and names
// that mean something in Go or in generated code.
package randomschema

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// A Schema is a set of files that import each other.
type Schema struct {
	// Names are the files' names, in order.
	Names []string
	// Files are their texts.
	Files map[string]string
}

// Options limit what schemas have.
type Options struct {
	// Files is how many files there are at most; 1 if it is 0.
	Files int
	// Size is about how many declarations a file has; 8 if it is 0.
	Size int
	// Shuffled puts declarations that do not depend on their order into
	// another one. Apart from that, the same random numbers give the same
	// schema with it and without.
	Shuffled bool
	// Harness adds a file, harness.capnp, with an interface RandomHarness whose
	// methods return objects of all the others.
	Harness bool
}

// New makes a schema of random numbers. A few schemas have unions in an order
// that no compiler takes, since old ones laid it out wrongly.
func New(r *rand.Rand, o Options) *Schema {
	g := &generator{Rand: r, size: o.Size}
	if g.size == 0 {
		g.size = 8
	}
	n := 1
	if o.Files > 1 {
		n += g.IntN(o.Files)
	}
	for range n {
		g.declareFile()
	}
	for _, f := range g.files {
		g.imports(f)
	}
	for _, f := range g.files {
		f.walk(g.fill)
	}
	for _, f := range g.files {
		f.walk(g.values)
	}
	for _, f := range g.files {
		f.walk(g.annotate)
	}
	s := &Schema{Files: map[string]string{}}
	// What shuffles must not draw from r, or nothing else would stay the same.
	g.order = rand.New(rand.NewPCG(1, 1))
	for _, f := range g.files {
		s.Names = append(s.Names, f.name)
		s.Files[f.name] = g.print(f, o.Shuffled)
	}
	if o.Harness {
		s.Names = append(s.Names, "harness.capnp")
		s.Files["harness.capnp"] = g.harness()
	}
	return s
}

type generator struct {
	*rand.Rand
	size   int
	files  []*decl
	consts []*decl // that have a value
	order  *rand.Rand
}

// chance is true in n of 100 cases.
func (g *generator) chance(n int) bool { return g.IntN(100) < n }

func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// A kind is a kind of declaration.
type kind int

const (
	fileDecl kind = iota
	structDecl
	enumDecl
	interfaceDecl
	constDecl
	annotationDecl
)

// A decl is a declaration.
type decl struct {
	kind   kind
	name   string
	parent *decl
	nested []*decl
	taken  map[string]bool // names in its scope
	params []*param
	doc    string
	uses   []string // annotations

	// Of a file.
	id      uint64
	imports map[*decl]string // how other files are called, "" for by their path alone
	proxy   bool             // imports /mp/proxy.capnp as Proxy
	cxx     bool

	// Of a struct.
	members []*member

	enumerants []*member

	// Of an interface.
	extends  []*typ
	callback bool // stands for a function
	methods  []*method
	closure  map[string]bool // Go names of all its methods

	// Of a constant or an annotation.
	typ     *typ
	value   string
	targets []string
	// complete says that an annotation has those that stand at itself.
	complete bool
}

// A param is a generic parameter.
type param struct {
	name  string
	scope *decl // nil for one of a method
}

// A member is a field, a group, a union or an enumerant.
type member struct {
	name    string // "" for an unnamed union
	typ     *typ   // of a field
	what    string // "group" or "union"
	members []*member
	ordinal int // -1 for none
	value   string
	uses    []string
	doc     string
	noValue bool // a flag of another field
}

type method struct {
	name            string
	doc             string
	uses            []string
	implicit        []*param
	params, results []*member // if there is no type
	paramsType      *typ
	resultsType     *typ
	stream, noOut   bool
}

func (d *decl) file() *decl {
	for d.parent != nil {
		d = d.parent
	}
	return d
}

// walk calls f for a declaration and all in it, outer before inner.
func (d *decl) walk(f func(d *decl)) {
	f(d)
	for _, n := range d.nested {
		n.walk(f)
	}
}

// path is the declarations from the one below the file to d.
func (d *decl) path() []*decl {
	if d.parent == nil {
		return nil
	}
	return append(d.parent.path(), d)
}

// allParams are the generic parameters in scope.
func (d *decl) allParams() []*param {
	if d == nil {
		return nil
	}
	return append(d.parent.allParams(), d.params...)
}

// Names that mean something in Go, in generated code or in the runtime.
var (
	typeNames = []string{"String", "Error", "Client", "Context", "Server", "Codec", "Type", "Method", "Interface", "Any", "Int32", "Bool",
		"Reader", "Builder", "Mprt", "Capnp", "Init", "Main", "Which", "New", "Struct", "T", "K", "V", "Nil", "Map", "Close", "Start", "Wait", "Started",
		"Results", "Params", "Call", "ID", "Url", "HttpServer", "Unimplemented", "Handler", "Group", "Union", "Exception", "Pair", "Fmt", "Slog"}
	// There is no true, false, void, inf or nan, which would hide those of the
	// language.
	memberNames = []string{"string", "error", "close", "type", "range", "func", "map", "interface", "struct", "package", "import", "var", "const", "go", "chan",
		"select", "default", "switch", "case", "return", "nil", "len", "new", "make", "panic", "any", "int32", "uint8", "float64", "byte", "bool",
		"ctx", "c", "e", "r", "p", "s", "b", "v", "i", "k", "m", "n", "l", "w", "err", "call", "impl", "mprt", "capnp", "context", "errors", "math", "slog",
		"which", "client", "capability", "begin", "start", "wait", "finish", "results", "params", "pipeline", "result", "logValue", "capnpSize",
		"marshalCapnp", "unmarshalCapnp", "id", "url", "userId", "init", "main", "iota", "comparable", "size", "marshal", "unmarshal", "value", "key",
		"has", "want", "union", "group", "enum", "annotation", "using", "extends", "list", "text", "data", "x2", "aB", "callback", "fn",
		"destroyed", "closeContext", "in", "out", "self", "equal", "format", "clone", "proxy", "server", "codec", "first", "second", "a", "d", "f", "g", "h"}
	enumerantNames = append([]string{"true", "false", "void", "inf", "nan", "import", "embed"}, memberNames...)
	// What generated code adds to a declaration's name.
	prefixes = []string{"New", "Unimplemented", "Iface", "Serve", "Take", "Begin", "Set", "Get"}
	suffixes = []string{"Client", "Server", "Codec", "Call", "Params", "Results", "Which", "ID"}
)

// newName is a name that is not taken in the scopes of a declaration.
func (g *generator) newName(d *decl, pool []string, suffix string) string {
	for n := 0; ; n++ {
		name := pick(g, pool)
		if n > 3 || g.chance(40) {
			name += fmt.Sprint(g.IntN(100 + n))
		}
		if name += suffix; !d.taken[name] {
			d.taken[name] = true
			return name
		}
	}
}

// typeName is the name of a new type in d. Names at the top of files differ
// from file to file, since these are one Go package.
func (g *generator) typeName(d *decl) string {
	suffix := ""
	if d.kind == fileDecl && d != g.files[0] {
		suffix = string(rune('A' + slices.Index(g.files, d)))
	}
	if len(d.nested) > 0 && g.chance(20) {
		base := strings.TrimSuffix(pick(g, d.nested).name, suffix)
		name := upper(base) + pick(g, suffixes) + suffix
		if g.chance(50) {
			name = pick(g, prefixes) + upper(base) + suffix
		}
		if !d.taken[name] {
			d.taken[name] = true
			return name
		}
	}
	return g.newName(d, typeNames, suffix)
}

func upper(s string) string {
	r := []rune(s)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}

func (g *generator) declareFile() {
	f := &decl{kind: fileDecl, name: fmt.Sprintf("file%d.capnp", len(g.files)), id: g.Uint64() | 1<<63, taken: map[string]bool{"Cxx": true, "Proxy": true}, imports: map[*decl]string{}}
	f.proxy, f.cxx = g.chance(60), g.chance(30)
	f.doc = g.comment()
	g.files = append(g.files, f)
	n := g.size/2 + g.IntN(g.size)
	for range n + 1 {
		g.declare(f, 0)
	}
}

// declare adds a declaration to d, with those nested in it.
func (g *generator) declare(d *decl, depth int) {
	n := &decl{parent: d, taken: map[string]bool{}, doc: g.comment()}
	switch k := g.IntN(100); {
	case k < 45:
		n.kind = structDecl
	case k < 55:
		n.kind = enumDecl
	case k < 78:
		n.kind = interfaceDecl
	case k < 92:
		n.kind = constDecl
	default:
		n.kind = annotationDecl
	}
	switch n.kind {
	case constDecl, annotationDecl:
		suffix := ""
		if d.kind == fileDecl {
			suffix = string(rune('A' + slices.Index(g.files, d)))
		}
		n.name = g.newName(d, memberNames, suffix)
	default:
		n.name = g.typeName(d)
	}
	if (n.kind == structDecl || n.kind == interfaceDecl) && g.chance(25) {
		for range 1 + g.IntN(3) {
			n.params = append(n.params, &param{g.newName(n, []string{"T", "U", "V", "Key", "Value", "Elem", "String", "Any", "Error", "B", "C", "R"}, ""), n})
		}
	}
	d.nested = append(d.nested, n)
	if (n.kind == structDecl || n.kind == interfaceDecl) && depth < 3 {
		for g.chance(30) {
			g.declare(n, depth+1)
		}
	}
}

// imports says how a file calls the others.
func (g *generator) imports(f *decl) {
	for _, other := range g.files {
		if other == f || !g.chance(70) {
			continue
		}
		name := ""
		if g.chance(60) {
			name = g.newName(f, []string{"Other", "Import", "Fmt", "Lib", "Std"}, "")
		}
		f.imports[other] = name
	}
}

// reachable are the declarations that a file can name.
func (g *generator) reachable(f *decl, ok func(d *decl) bool) (list []*decl) {
	for _, other := range g.files {
		if _, imported := f.imports[other]; imported || other == f {
			other.walk(func(d *decl) {
				if ok(d) {
					list = append(list, d)
				}
			})
		}
	}
	return list
}

// fill gives declarations what they are made of, but values.
func (g *generator) fill(d *decl) {
	switch d.kind {
	case structDecl:
		g.fillStruct(d)
	case enumDecl:
		for i := range g.IntN(6) + g.IntN(2)*g.IntN(8) {
			d.enumerants = append(d.enumerants, &member{name: g.newName(d, enumerantNames, ""), ordinal: i, doc: g.comment()})
		}
		if g.chance(30) {
			g.Shuffle(len(d.enumerants), func(i, j int) { d.enumerants[i], d.enumerants[j] = d.enumerants[j], d.enumerants[i] })
		}
	case interfaceDecl:
		g.fillInterface(d)
	case constDecl:
		for d.typ == nil || !d.typ.valuable(nil) {
			d.typ = g.newType(d.parent, nil, 0)
		}
	case annotationDecl:
		for d.typ == nil || !d.typ.valuable(nil) {
			d.typ = g.newType(d.parent, nil, 1)
		}
		if g.chance(15) {
			d.targets = []string{"*"}
			break
		}
		for _, t := range targets {
			if g.chance(40) {
				d.targets = append(d.targets, t)
			}
		}
		if d.targets == nil {
			d.targets = []string{"struct"}
		}
	}
}

var targets = []string{"file", "const", "enum", "enumerant", "struct", "field", "union", "group", "interface", "method", "param", "annotation"}

// fillStruct gives a struct fields, and those their ordinals.
func (g *generator) fillStruct(d *decl) {
	n := g.IntN(7)
	if g.chance(10) {
		n += g.IntN(40)
	}
	d.members = g.fields(d, d.taken, n, 0)
	var leaves []*member
	var collect func(list []*member)
	collect = func(list []*member) {
		for _, m := range list {
			if m.what == "" {
				leaves = append(leaves, m)
			}
			collect(m.members)
		}
	}
	collect(d.members)
	switch g.IntN(3) {
	case 0: // in the order of the text
	case 1:
		g.Shuffle(len(leaves), func(i, j int) { leaves[i], leaves[j] = leaves[j], leaves[i] })
	case 2:
		for i := range leaves {
			if j := i + g.IntN(3); j < len(leaves) {
				leaves[i], leaves[j] = leaves[j], leaves[i]
			}
		}
	}
	next := 0
	unions := map[*member]*member{} // by the field whose ordinal theirs comes before
	var explicit func(list []*member)
	explicit = func(list []*member) {
		for _, m := range list {
			if m.what == "union" && m.name != "" && g.chance(15) {
				first := leaves[len(leaves)-1]
				for _, l := range leaves {
					if contains(m.members, l) {
						first = l
						break
					}
				}
				if unions[first] == nil {
					unions[first] = m
				}
			}
			explicit(m.members)
		}
	}
	explicit(d.members)
	for _, l := range leaves {
		if u := unions[l]; u != nil {
			u.ordinal = next
			next++
		}
		l.ordinal = next
		next++
	}
	if d.file().proxy && g.chance(10) {
		d.uses = append(d.uses, "$Proxy.wrap(\"cxx::"+d.name+"\")")
	}
}

func contains(list []*member, m *member) bool {
	return slices.ContainsFunc(list, func(x *member) bool { return x == m || contains(x.members, m) })
}

// fields makes n members of a struct, a group or a union.
func (g *generator) fields(d *decl, taken map[string]bool, n, depth int) (list []*member) {
	scope := &decl{taken: taken}
	unnamed := false
	for range n {
		m := &member{ordinal: -1, doc: g.comment()}
		switch k := g.IntN(100); {
		case k < 6 && depth < 3:
			m.what, m.name = "group", g.newName(scope, memberNames, "")
			m.members = g.fields(d, map[string]bool{}, 1+g.IntN(4), depth+1)
		case k < 12 && depth < 3:
			m.what, m.name = "union", g.newName(scope, memberNames, "")
			m.members = g.union(d, map[string]bool{}, depth+1)
		case k < 17 && depth < 3 && !unnamed:
			unnamed = true
			m.what = "union"
			m.members = g.union(d, taken, depth+1)
		default:
			m.name = g.newName(scope, memberNames, "")
			m.typ = g.newType(d, nil, 0)
		}
		list = append(list, m)
		if m.what != "union" && g.chance(8) && !taken["has"+upper(m.name)] && resolve(d, "Bool") == nil && resolve(d, "UInt32") == nil {
			flag := &member{name: "has" + upper(m.name), typ: &typ{kind: boolType, text: "Bool"}, ordinal: -1, noValue: true}
			if g.chance(20) {
				flag.typ = &typ{kind: uint32Type, text: "UInt32"} // which makes it a field like any other
			}
			taken[flag.name] = true
			list = append(list, flag)
		}
	}
	return list
}

// union makes the members of a union, which are two or more.
func (g *generator) union(d *decl, taken map[string]bool, depth int) []*member {
	for {
		list := g.fields(d, taken, 2+g.IntN(4), depth)
		unnamed := slices.ContainsFunc(list, func(m *member) bool { return m.name == "" })
		if !unnamed { // a union directly in a union has no place
			return list
		}
		for _, m := range list {
			delete(taken, m.name)
			for _, u := range m.members {
				if m.name == "" {
					delete(taken, u.name)
				}
			}
		}
	}
}

// fillInterface gives an interface bases and methods. The bases are of files
// and places before it, so that nothing extends itself.
func (g *generator) fillInterface(d *decl) {
	d.closure = map[string]bool{}
	if g.chance(30) {
		bases := g.reachable(d.file(), func(b *decl) bool { return b.kind == interfaceDecl && b.closure != nil && b != d })
		for range min(len(bases), 1+g.IntN(3)) {
			b := pick(g, bases)
			used := slices.ContainsFunc(d.extends, func(t *typ) bool { return t.decl == b })
			for name := range b.closure {
				used = used || d.closure[name]
			}
			if used || b.callback {
				continue
			}
			t := g.refer(d, b, nil, 1)
			d.extends = append(d.extends, t)
			for name := range b.closure {
				d.closure[name] = true
			}
		}
	}
	names := &decl{taken: maps.Clone(d.taken)}
	names.taken["destroy"] = true
	for name := range d.closure {
		names.taken[name] = true
	}
	n := g.IntN(5)
	callback := d.file().proxy && d.extends == nil && g.chance(15)
	if callback {
		n = 1
		d.callback = true
		d.uses = append(d.uses, "$Proxy.wrap(\"ProxyCallback<std::function<int(bool)>>\")")
	} else if d.file().proxy && g.chance(30) {
		d.uses = append(d.uses, "$Proxy.wrap(\"cxx::"+d.name+"\")")
	}
	for range n {
		m := &method{name: g.newName(names, memberNames, ""), doc: g.comment()}
		d.closure[m.name] = true
		if g.chance(10) {
			for range 1 + g.IntN(2) {
				scope := &decl{taken: map[string]bool{}}
				m.implicit = append(m.implicit, &param{name: g.newName(scope, []string{"T", "W", "X", "Y"}, fmt.Sprint(len(m.implicit)))})
			}
		}
		g.signature(d, m)
		d.methods = append(d.methods, m)
	}
	if d.file().proxy && !callback && !d.closure["destroy"] && !d.taken["destroy"] && g.chance(25) {
		d.closure["destroy"] = true
		m := &method{name: "destroy"}
		m.params = []*member{{name: "context", typ: &typ{kind: runtimeType, text: "Proxy.Context"}}}
		d.methods = slices.Insert(d.methods, g.IntN(len(d.methods)+1), m)
	}
}

// signature gives a method params and results.
func (g *generator) signature(d *decl, m *method) {
	scope := d
	structs := g.reachable(d.file(), func(s *decl) bool { return s.kind == structDecl })
	params := map[string]bool{}
	if len(structs) > 0 && g.chance(8) {
		m.paramsType = g.refer(scope, pick(g, structs), m.implicit, 0)
	} else {
		if d.file().proxy && g.chance(50) {
			params["context"] = true
			m.params = append(m.params, &member{name: "context", typ: &typ{kind: runtimeType, text: "Proxy.Context"}})
		}
		m.params = append(m.params, g.args(scope, m, params)...)
	}
	switch k := g.IntN(100); {
	case k < 6:
		m.stream = true
	case k < 12:
		m.noOut = true
	case k < 20 && len(structs) > 0:
		m.resultsType = g.refer(scope, pick(g, structs), m.implicit, 0)
	default:
		results := map[string]bool{}
		m.results = g.args(scope, m, results)
		for _, r := range m.results {
			// One that is asked for.
			if m.paramsType == nil && r.typ.kind != voidType && g.chance(10) && !params["want"+upper(r.name)] && resolve(scope, "Bool") == nil {
				params["want"+upper(r.name)] = true
				m.params = append(m.params, &member{name: "want" + upper(r.name), typ: &typ{kind: boolType, text: "Bool"}, noValue: g.chance(70)})
			}
		}
		// One of a param's name, of the same type or another.
		if len(m.params) > 0 && g.chance(20) {
			p := pick(g, m.params)
			if p.typ.kind != runtimeType && !results[p.name] && !strings.HasPrefix(p.name, "has") && !strings.HasPrefix(p.name, "want") {
				t := p.typ
				if g.chance(30) {
					t = g.newType(scope, m.implicit, 0)
				}
				results[p.name] = true
				m.results = append(m.results, &member{name: p.name, typ: t})
			}
		}
		if d.file().proxy && g.chance(15) && !results["failure"] && resolve(scope, "Text") == nil {
			t := &typ{kind: textType, text: "Text"}
			plain := g.reachable(d.file(), func(s *decl) bool { return s.kind == structDecl && len(s.allParams()) == 0 })
			if len(plain) > 0 && g.chance(80) {
				t = g.refer(scope, pick(g, plain), nil, 0)
			}
			m.results = append(m.results, &member{name: "failure", typ: t, uses: []string{"$Proxy.exception(\"std::exception\")"}, noValue: true})
		}
	}
}

// args makes params or results.
func (g *generator) args(scope *decl, m *method, taken map[string]bool) (list []*member) {
	names := &decl{taken: taken}
	for range g.IntN(4) {
		a := &member{name: g.newName(names, memberNames, ""), typ: g.newType(scope, m.implicit, 0)}
		if g.chance(20) && !taken["result"] {
			a.name, taken["result"] = "result", true
		}
		list = append(list, a)
		if g.chance(10) && !taken["has"+upper(a.name)] && resolve(scope, "Bool") == nil {
			flag := &member{name: "has" + upper(a.name), typ: &typ{kind: boolType, text: "Bool"}, noValue: true}
			taken[flag.name] = true
			list = append(list, flag)
		}
		if scope.file().proxy && g.chance(4) {
			a.uses, a.noValue = []string{"$Proxy.count(0)"}, true
		}
	}
	return list
}

// comment is a comment, or nothing.
func (g *generator) comment() string {
	if !g.chance(25) {
		return ""
	}
	return pick(g, []string{"What it is.", "Grüße, 馬!", "// looks like Go", "*/ and /* do not end anything", "First.\n\n  code {\n  }\n\nLast.",
		"go:build ignore", "//go:embed x", "line one\nline two", "`quoted` \"quoted\" 'quoted'", "- a list\n- of two", "\ttab", "Deprecated: use another.",
		"# twice", "TODO(somebody): this", "+build x", "nolint"})
}
