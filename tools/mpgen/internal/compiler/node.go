package compiler

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/mpgo-dev/mpgo/schema"
	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// builtin is a name that is defined everywhere.
type builtin uint8

// The builtins. Those from Void to Data are in the order of schema.Type, all
// are in the order of the reference compiler, whose numbers for them appear
// in the request's file source info.
const (
	notBuiltin builtin = iota
	builtinVoid
	builtinBool
	builtinInt8
	builtinInt16
	builtinInt32
	builtinInt64
	builtinUInt8
	builtinUInt16
	builtinUInt32
	builtinUInt64
	builtinFloat32
	builtinFloat64
	builtinText
	builtinData
	builtinList
	builtinObject
	builtinAnyPointer
	builtinAnyStruct
	builtinAnyList
	builtinCapability
)

var builtinNames = []string{"Void", "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32",
	"UInt64", "Float32", "Float64", "Text", "Data", "List", "Object", "AnyPointer", "AnyStruct", "AnyList", "Capability"}

// firstBuiltinID is the number that stands for Void where an id is expected.
const firstBuiltinID = 1014

// A node is a declaration that has an id. Nodes come to life step by step, as
// far as they are needed: expand knows what is declared inside, layOut the
// types and offsets, finish the values.
type node struct {
	file    *file
	parent  *node // nil for a file
	decl    *syntax.Decl
	builtin builtin
	id      uint64
	display string // the name with its scopes
	prefix  int    // length of the scopes in it
	scope   *scope // see startScope

	expanded bool
	nested   []*node
	members  map[string]*node
	aliases  map[string]*alias

	busy     bool // being laid out or finished
	state    nodeState
	out      *outNode
	aux      []*outNode // groups, or implicit params and results
	unfilled []unfilledValue
	failed   bool // an error makes the node unfit for use
}

type nodeState uint8

const (
	declared nodeState = iota
	laidOut
	finished
)

// An alias is a using declaration.
type alias struct {
	in    *node
	decl  *syntax.Decl
	state uint8 // 0 new, 1 being looked up, 2 done
	found found
}

func (c *compiler) newFileNode(f *file) *node {
	d := f.tree.Root
	n := &node{file: f, decl: d, display: f.path, prefix: strings.LastIndexByte(f.path, '.') + 1}
	if i := strings.LastIndexByte(f.path, ':'); i >= n.prefix {
		n.prefix = i + 1
	}
	c.addNode(n, d.ID)
	return n
}

func newNode(parent *node, d *syntax.Decl) *node {
	sep := "."
	if parent.parent == nil {
		sep = ":"
	}
	n := &node{file: parent.file, parent: parent, decl: d, display: parent.display + sep + d.Name.Text}
	n.prefix = len(n.display) - len(d.Name.Text)
	id := d.ID
	if !d.HasID {
		id = childID(parent.id, d.Name.Text)
	}
	parent.file.c.addNode(n, id)
	return n
}

// addNode enters a node under its id. If the id is taken it gets a made-up
// one, so that work can go on.
func (c *compiler) addNode(n *node, id uint64) {
	for {
		other := c.nodes[id]
		if other == nil {
			break
		}
		if id&idBit != 0 && !(n.parent != nil && other.parent == n.parent && other.decl.Name.Text == n.decl.Name.Text) {
			start, end := n.nameSpan()
			at, _ := other.nameSpan()
			hint := ""
			if n.parent == nil {
				hint = "every file needs an id of its own; two copies of one file must be the same"
			}
			c.report(problem{file: n.file, start: start, end: end, hint: hint,
				msg:   fmt.Sprintf("the id @%#x is taken", id),
				notes: []placeNote{{other.file, at, "it belongs to '" + other.title() + "'"}}})
		}
		c.madeUpIDs++
		id = 2000 + c.madeUpIDs
	}
	n.id = id
	c.nodes[id] = n
}

func (n *node) nameSpan() (start, end uint32) {
	if n.decl.Name.Text != "" {
		return n.decl.Name.Start, n.decl.Name.End
	}
	return n.decl.Start, n.decl.End
}

// title names a node in a message.
func (n *node) title() string {
	if n.parent == nil && n.file != nil {
		return n.file.shown
	}
	return n.display[strings.LastIndexByte(n.display, ':')+1:]
}

// what tells what kind of thing a node is.
func (n *node) what() string {
	if n.isBuiltin() {
		return "a built-in type"
	}
	return kindNames[n.decl.Kind]
}

var kindNames = map[syntax.DeclKind]string{
	syntax.FileDecl: "a file", syntax.ConstDecl: "a constant", syntax.EnumDecl: "an enum", syntax.StructDecl: "a struct",
	syntax.InterfaceDecl: "an interface", syntax.AnnotationDecl: "an annotation",
}

// broken tells whether the file of n has mistakes in its syntax in or before
// the declaration of n, so that it may be more, or other, than is known.
func (n *node) broken() bool {
	return !n.isBuiltin() && (n.decl.Broken() || n.file.damage.Covers(n.decl.Start))
}

func (n *node) isBuiltin() bool { return n.builtin != notBuiltin }

func (n *node) isPointerType() bool {
	switch n.builtin {
	case notBuiltin:
		return n.decl.Kind == syntax.StructDecl || n.decl.Kind == syntax.InterfaceDecl
	case builtinList, builtinText, builtinData, builtinAnyPointer:
		return true
	}
	return false
}

func (n *node) scopeID() uint64 {
	if n.parent == nil {
		return 0
	}
	return n.parent.id
}

func (c *compiler) makeBuiltins() {
	c.builtins = make(map[string]*node, len(builtinNames))
	c.builtinNodes = make([]*node, len(builtinNames)+1)
	for i, name := range builtinNames {
		n := &node{builtin: builtinVoid + builtin(i), id: firstBuiltinID + uint64(i), display: name,
			decl: &syntax.Decl{Name: syntax.Ident{Text: name}}, expanded: true}
		if n.builtin == builtinList {
			n.decl.Generic = []syntax.Ident{{Text: "Element"}}
		}
		c.builtins[name] = n
		c.builtinNodes[n.builtin] = n
	}
}

func (c *compiler) builtinRef(b builtin) ref {
	n := c.builtinNodes[b]
	return ref{found: found{node: n}, scope: &scope{id: n.id, params: len(n.decl.Generic)}}
}

// expand makes the nodes of what is declared in n.
func (n *node) expand() {
	if n.expanded {
		return
	}
	n.expanded = true
	for _, d := range n.decl.Decls {
		switch d.Kind {
		case syntax.ConstDecl, syntax.EnumDecl, syntax.StructDecl, syntax.InterfaceDecl, syntax.AnnotationDecl:
			if n.members == nil {
				n.members = make(map[string]*node)
			}
			m := newNode(n, d)
			n.nested = append(n.nested, m)
			if n.members[d.Name.Text] == nil {
				n.members[d.Name.Text] = m
			}
		case syntax.UsingDecl:
			if n.aliases == nil {
				n.aliases = make(map[string]*alias)
			}
			if n.aliases[d.Name.Text] == nil {
				n.aliases[d.Name.Text] = &alias{in: n, decl: d}
			}
		}
	}
}

// resolve finds a name as seen from inside n.
func (n *node) resolve(name string) (found, bool) {
	for m := n; m != nil; m = m.parent {
		if fd, ok := m.resolveMember(name); ok {
			return fd, true
		}
		for i := range m.decl.Generic {
			if m.decl.Generic[i].Text == name {
				return found{param: true, paramScope: m.id, paramIndex: i}, true
			}
		}
	}
	if b := n.file.c.builtins[name]; b != nil {
		return found{node: b}, true
	}
	return found{}, false
}

// resolveMember finds a name that is declared in n.
func (n *node) resolveMember(name string) (found, bool) {
	n.expand()
	if m := n.members[name]; m != nil {
		return found{node: m, scopeID: n.id}, true
	}
	if a := n.aliases[name]; a != nil {
		return a.resolve(), true
	}
	return found{}, false
}

// resolve finds what an alias stands for.
func (a *alias) resolve() found {
	switch a.state {
	case 1:
		a.in.file.errorf(a.decl.Name.Start, a.decl.Name.End, "", "'%s' is declared by means of itself", a.decl.Name.Text)
		return found{broken: true}
	case 0:
		a.state = 1
		r, ok := a.in.lookUp(a.decl.Type, implicits{})
		switch {
		case !ok || r.broken:
			a.found = found{broken: true}
		case r.param:
			a.found = r.found
		default:
			a.found = found{node: r.node, scopeID: a.in.id, brand: r.scope.compile(a.in.file.c, a.in.file)}
		}
		a.state = 2
	}
	return a.found
}

// resolveImport loads the file that an import expression names. It reports
// what goes wrong and returns nil then.
func (f *file) resolveImport(e *syntax.Expr) *file {
	g, err := f.importFile(e.Name.Text)
	if err == nil {
		if f.requested && !f.c.importable(g) {
			f.c.report(problem{file: f, start: e.Name.Start, end: e.Name.End, code: ImportNotListed, imp: g.shown,
				msg: fmt.Sprintf("no dependency provides '%s'", e.Name.Text), hint: "add the one that has " + g.shown + " to deps"})
		}
		return g
	}
	p := problem{file: f, start: e.Name.Start, end: e.Name.End, code: ImportNotFound, imp: e.Name.Text}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.msg = fmt.Sprintf("cannot find '%s'", e.Name.Text)
		p.hint = f.importHint(e.Name.Text)
	default:
		p.msg = fmt.Sprintf("cannot import '%s': %v", e.Name.Text, err)
	}
	f.c.report(p)
	return nil
}

// importHint guesses why an import was not found.
func (f *file) importHint(name string) string {
	rel, absolute := strings.CutPrefix(name, "/")
	if near := syntax.Nearest(rel, schema.Names()); near != "" && absolute && !f.c.noStandard &&
		(path.Dir(near) == path.Dir(rel) || path.Base(near) == path.Base(rel)) {
		return "did you mean '/" + near + "'?"
	}
	if !absolute {
		if _, err := f.c.read(&root{embedded: true}, path.Clean(rel)); err == nil && !f.c.noStandard {
			return "a standard import begins with '/': '/" + rel + "'"
		}
		return "a path without '/' in front is looked up beside this file"
	}
	var dirs []string
	for _, r := range f.c.imports {
		if !r.embedded {
			dirs = append(dirs, orDot(r.dir))
		}
	}
	if len(dirs) == 0 {
		return "a path with '/' in front is looked up in the import roots, and there are none; add one with -I"
	}
	return "looked in the import roots " + strings.Join(dirs, ", ") + "; add another with -I"
}

func orDot(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// Hints for names that are not defined.

// nameHint looks for a name that n can see and that is spelled alike.
func (n *node) nameHint(name string, im implicits) string {
	var names []string
	for i := range im.names {
		names = append(names, im.names[i].Text)
	}
	for m := n; m != nil; m = m.parent {
		names = append(names, m.visible()...)
		for i := range m.decl.Generic {
			names = append(names, m.decl.Generic[i].Text)
		}
	}
	names = append(names, builtinNames...)
	if alt := foreignTypes[name]; alt != "" {
		return "in Cap'n Proto it is called '" + alt + "'"
	}
	return didYouMean(name, names)
}

// foreignTypes are what types are called elsewhere.
var foreignTypes = map[string]string{"string": "Text", "String": "Text", "str": "Text", "bytes": "Data", "Bytes": "Data",
	"int": "Int32", "Int": "Int32", "int32": "Int32", "int64": "Int64", "long": "Int64", "uint": "UInt32", "UInt": "UInt32", "uint32": "UInt32",
	"uint64": "UInt64", "float": "Float32", "Float": "Float64", "double": "Float64", "Double": "Float64", "bool": "Bool", "boolean": "Bool",
	"void": "Void", "byte": "UInt8", "any": "AnyPointer", "Any": "AnyPointer", "list": "List"}

func (n *node) absoluteHint(name string) string {
	if n.file.c.builtins[name] != nil {
		return "built-in types are written without '.'"
	}
	return didYouMean(name, n.file.node.visible())
}

func (r *ref) memberHint(name string) string {
	if r.param {
		return "it is a generic parameter"
	}
	if r.node.isBuiltin() {
		return ""
	}
	for _, d := range r.node.decl.Decls {
		if d.Name.Text == name {
			switch d.Kind {
			case syntax.EnumerantDecl:
				return "it is an enumerant; where the enum is expected write just '" + name + "'"
			case syntax.FieldDecl, syntax.UnionDecl, syntax.GroupDecl, syntax.MethodDecl:
				return "it is a field or method, which cannot be named here"
			}
		}
	}
	return didYouMean(name, r.node.visible())
}

func (n *node) visible() []string {
	var names []string
	for _, d := range n.decl.Decls {
		switch d.Kind {
		case syntax.UsingDecl, syntax.ConstDecl, syntax.EnumDecl, syntax.StructDecl, syntax.InterfaceDecl, syntax.AnnotationDecl:
			names = append(names, d.Name.Text)
		}
	}
	return names
}

func didYouMean(name string, names []string) string {
	if near := syntax.Nearest(name, names); near != "" {
		return "did you mean '" + near + "'?"
	}
	return ""
}
