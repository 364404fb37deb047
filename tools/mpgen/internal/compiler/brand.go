package compiler

import (
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// A found is what a name refers to, before it is seen from the place where
// the name stands: a declaration, or a generic parameter.
type found struct {
	node *node

	// The lexical parent that a brand of the declaration hangs on, and the
	// brand if the name is an alias of a bound generic.
	scopeID uint64
	brand   *brand

	param      bool // a generic parameter
	paramScope uint64
	paramIndex int

	broken bool // an error, already reported
}

// A ref is a declaration with what is bound to its generic parameters, or a
// generic parameter that nothing is bound to.
type ref struct {
	found
	scope *scope       // nil for a parameter
	src   *syntax.Expr // nil if no expression named it
}

// A scope tracks the bindings along the lexical parents of a declaration.
type scope struct {
	parent    *scope
	id        uint64
	params    int  // how many parameters the declaration has
	inherited bool // it encloses the place we look from: unbound parameters stand for themselves
	bound     []ref
}

// startScope is the scope of a place inside n.
func (n *node) startScope() *scope {
	if n.scope == nil {
		n.scope = &scope{id: n.id, params: len(n.decl.Generic), inherited: true}
		if n.parent != nil {
			n.scope.parent = n.parent.startScope()
		}
	}
	return n.scope
}

func (s *scope) isGeneric() bool {
	for ; s != nil; s = s.parent {
		if s.params > 0 {
			return true
		}
	}
	return false
}

// push makes the scope of a declaration inside s.
func (s *scope) push(id uint64, params int) *scope {
	return &scope{parent: s, id: id, params: params}
}

// pop goes up to the scope of the given id; a fresh root if s is not in it.
func (s *scope) pop(id uint64) *scope {
	for ; s != nil; s = s.parent {
		if s.id == id {
			return s
		}
	}
	return &scope{id: id}
}

// bind gives the parameters of the innermost declaration.
func (s *scope) bind(params []ref, isList bool, src *syntax.Expr, f *file) (*scope, bool) {
	switch n := f.c.nodes[s.id]; {
	case len(params) != s.params && n != nil && n.broken():
		return nil, false
	case len(s.bound) != 0:
		f.errorAt(src, "", "the generic parameters are bound twice")
		return nil, false
	case len(params) > s.params && s.params == 0:
		f.errorAt(src, "", "'%s' is not generic and takes no parameters", src.Base)
		return nil, false
	case len(params) != s.params && isList:
		f.errorAt(src, "", "'List' takes one parameter, the type of its elements")
		return nil, false
	case len(params) != s.params:
		plural := "s"
		if s.params == 1 {
			plural = ""
		}
		f.errorAt(src, "", "'%s' takes %d generic parameter%s, not %d", src.Base, s.params, plural, len(params))
		return nil, false
	}
	if !isList {
		for i := range params {
			if p := &params[i]; !p.param && !p.node.isPointerType() {
				hint := ""
				if p.node.isBuiltin() {
					hint = "wrap it in a struct"
				}
				f.errorAt(orElse(p.src, src), hint, "only pointer types can be bound to generic parameters (structs, interfaces, lists, Text, Data, AnyPointer)")
			}
		}
	}
	b := *s
	b.inherited = false
	b.bound = params
	return &b, true
}

func orElse(e, other *syntax.Expr) *syntax.Expr {
	if e != nil {
		return e
	}
	return other
}

// lookup finds what is bound to a parameter. ok is false if it stands for
// itself.
func (s *scope) lookup(c *compiler, id uint64, index int) (r ref, ok bool) {
	for ; s != nil; s = s.parent {
		if s.id != id {
			continue
		}
		if index < len(s.bound) {
			return s.bound[index], true
		}
		if s.inherited {
			return ref{}, false
		}
		return c.builtinRef(builtinAnyPointer), true
	}
	return ref{}, false
}

// args gives all bindings of a scope. ok is false if they are inherited.
func (s *scope) args(id uint64) (bound []ref, ok bool) {
	for ; s != nil; s = s.parent {
		if s.id == id {
			return s.bound, !s.inherited
		}
	}
	return nil, false
}

// see turns what a name refers to into a ref, as seen from s.
func (s *scope) see(c *compiler, fd found, src *syntax.Expr) ref {
	if fd.param {
		if r, ok := s.lookup(c, fd.paramScope, fd.paramIndex); ok {
			return r
		}
		return ref{found: fd, src: src}
	}
	up := s.pop(fd.scopeID)
	if fd.brand != nil {
		return ref{found: fd, scope: up.unfold(c, fd.node, fd.brand.scopes), src: src}
	}
	return ref{found: fd, scope: up.push(fd.node.id, len(fd.node.decl.Generic)), src: src}
}

// unfold makes the scope of n from a brand.
func (s *scope) unfold(c *compiler, n *node, b []scopeBinding) *scope {
	r := &scope{id: n.id, params: len(n.decl.Generic)}
	if len(b) > 0 && b[0].id == n.id {
		if b[0].inherit {
			if bound, ok := s.args(n.id); ok {
				r.bound = bound
			} else {
				r.inherited = true
			}
		} else {
			for _, t := range b[0].bind {
				r.bound = append(r.bound, s.refOf(c, t))
			}
		}
		b = b[1:]
	}
	if n.parent != nil {
		r.parent = s.unfold(c, n.parent, b)
	}
	return r
}

// refOf turns a type back into a ref.
func (s *scope) refOf(c *compiler, t *typ) ref {
	if c.spend(1) {
		return c.builtinRef(builtinAnyPointer)
	}
	switch t.kind {
	case schema.Type_Which_enum, schema.Type_Which_structType, schema.Type_Which_interface:
		n := c.nodes[t.id]
		var b []scopeBinding
		if t.brand != nil {
			b = t.brand.scopes
		}
		return ref{found: found{node: n, scopeID: n.scopeID()}, scope: s.unfold(c, n, b)}
	case schema.Type_Which_list:
		list := c.builtinRef(builtinList)
		list.scope.bound = []ref{s.refOf(c, t.elem)}
		return list
	case schema.Type_Which_anyPointer:
		if t.any == anyParameter {
			if r, ok := s.lookup(c, t.scope, int(t.index)); ok {
				return r
			}
			return ref{found: found{param: true, paramScope: t.scope, paramIndex: int(t.index)}}
		}
		return c.builtinRef(builtinAnyPointer)
	}
	return c.builtinRef(builtinVoid + builtin(t.kind))
}

// compile writes the scope as a brand, nil if nothing is generic.
func (s *scope) compile(c *compiler, f *file) *brand {
	var b *brand
	for ; s != nil; s = s.parent {
		if len(s.bound) == 0 && !(s.inherited && s.params > 0) {
			continue
		}
		if b == nil {
			b = &brand{}
		}
		sb := scopeBinding{id: s.id, inherit: s.inherited}
		if !s.inherited {
			for i := range s.bound {
				t, _ := s.bound[i].asType(c, f)
				sb.bind = append(sb.bind, t)
			}
		}
		b.scopes = append(b.scopes, sb)
	}
	return b
}

// implicits are the implicit parameters of the method that an expression
// belongs to.
type implicits struct {
	scope uint64 // of the params or results struct that has them as its own; 0 in the method itself
	names []syntax.Ident
}

// lookUp finds the declaration that an expression names, as seen from inside
// n. It reports what it cannot find.
func (n *node) lookUp(e *syntax.Expr, im implicits) (ref, bool) {
	f, c := n.file, n.file.c
	if c.spend(1) {
		return ref{}, false
	}
	switch e.Kind {
	case syntax.Unknown:
		return ref{}, false
	case syntax.RelativeName:
		for i := range im.names {
			if im.names[i].Text == e.Name.Text {
				return ref{found: found{param: true, paramScope: im.scope, paramIndex: i}}, true
			}
		}
		fd, ok := n.resolve(e.Name.Text)
		if !ok && f.damage.MayDeclare(e.Name.Text) {
			return ref{}, false
		}
		if !ok {
			f.errorf(e.Name.Start, e.Name.End, n.nameHint(e.Name.Text, im), "'%s' is not defined", e.Name.Text)
			return ref{}, false
		}
		return n.noted(e, fd)
	case syntax.AbsoluteName:
		fd, ok := f.node.resolveMember(e.Name.Text)
		if !ok && f.damage.MayDeclare(e.Name.Text) {
			return ref{}, false
		}
		if !ok {
			f.errorf(e.Name.Start, e.Name.End, n.absoluteHint(e.Name.Text), "'%s' is not defined in the file's scope", e.Name.Text)
			return ref{}, false
		}
		return n.noted(e, fd)
	case syntax.Import:
		g := f.resolveImport(e)
		if g == nil {
			return ref{}, false
		}
		f.resolved = append(f.resolved, resolution{e.Start, e.End, g.node.id})
		return ref{found: found{node: g.node}, scope: g.node.startScope(), src: e}, true
	case syntax.Application:
		return n.apply(e, im)
	case syntax.Member:
		r, ok := n.lookUp(e.Base, im)
		if !ok {
			return ref{}, false
		}
		var m ref
		if !r.param {
			var fd found
			if fd, ok = r.node.resolveMember(e.Name.Text); ok {
				if fd.broken {
					return ref{}, false
				}
				m = r.scope.see(c, fd, e)
			}
		} else {
			ok = false
		}
		if !ok && r.node != nil && !r.node.isBuiltin() && r.node.file.damage.MayDeclare(e.Name.Text) {
			return ref{}, false
		}
		if !ok {
			f.errorf(e.Name.Start, e.Name.End, r.memberHint(e.Name.Text), "'%s' has no member named '%s'", e.Base, e.Name.Text)
			return ref{}, false
		}
		if !m.param {
			f.resolved = append(f.resolved, resolution{e.Start, e.End, m.node.id})
		}
		return m, true
	}

	hint := ""
	if e.Kind == syntax.List {
		hint = "a list of T is written List(T)"
	}
	f.errorAt(e, hint, "expected a name")
	return ref{}, false
}

// noted sees fd from n and records that e refers to it.
func (n *node) noted(e *syntax.Expr, fd found) (ref, bool) {
	if fd.broken {
		return ref{}, false
	}
	r := n.startScope().see(n.file.c, fd, e)
	if !fd.param {
		n.file.resolved = append(n.file.resolved, resolution{e.Start, e.End, fd.node.id})
	}
	return r, true
}

// apply binds the parameters of a generic.
func (n *node) apply(e *syntax.Expr, im implicits) (ref, bool) {
	r, ok := n.lookUp(e.Base, im)
	if !ok {
		return ref{}, false
	}
	params := make([]ref, 0, len(e.Params))
	for i := range e.Params {
		p := &e.Params[i]
		if p.Named {
			n.file.errorf(p.Name.Start, p.Name.End, "", "generic parameters have no names here")
			ok = false
			break
		}
		if q, found := n.lookUp(p.Value, im); found {
			params = append(params, q)
		} else {
			ok = false
		}
	}
	if !ok {
		r.broken = true
		return r, true
	}
	if r.param {
		n.file.errorAt(e, "", "'%s' is a generic parameter and takes none itself", e.Base)
		r.broken = true
		return r, true
	}
	bound, ok := r.scope.bind(params, r.node.builtin == builtinList, e, n.file)
	if !ok {
		r.broken = true
		return r, true
	}
	r.scope, r.src = bound, e
	return r, true
}

// id gives the node's id and what is bound to it.
func (r *ref) idAndBrand(c *compiler, f *file) (uint64, *brand) {
	return r.node.id, r.scope.compile(c, f)
}

// asType makes the type that the ref stands for.
func (r *ref) asType(c *compiler, f *file) (*typ, bool) {
	if c.spend(1) {
		return unknownType, false
	}
	if r.param {
		if r.paramScope == 0 {
			return &typ{kind: schema.Type_Which_anyPointer, any: anyImplicit, index: uint16(r.paramIndex)}, true
		}
		return &typ{kind: schema.Type_Which_anyPointer, any: anyParameter, scope: r.paramScope, index: uint16(r.paramIndex)}, true
	}
	if r.broken {
		return unknownType, false
	}
	fail := func(hint, format string, args ...any) (*typ, bool) {
		at := orElse(r.src, &syntax.Expr{})
		f.errorf(at.Start, at.End, hint, format, args...)
		return unknownType, false
	}
	switch b := r.node.builtin; {
	case b == builtinList:
		args, _ := r.scope.args(r.node.id)
		if len(args) != 1 {
			return fail("write 'List(Element)'", "'List' takes one parameter, the type of its elements")
		}
		elem, ok := args[0].asType(c, f)
		if !ok {
			return unknownType, false
		}
		if elem.kind == schema.Type_Which_anyPointer && elem.any == anyAny {
			return fail("use AnyList", "'List(AnyPointer)' is not supported")
		}
		if elem.kind == schema.Type_Which_anyPointer && elem.any == anyStruct {
			return fail("use AnyList", "'List(AnyStruct)' is not supported")
		}
		if elem.isParameter() && elem.index < 2 {
			// The reference compiler means to refuse AnyPointer and AnyStruct
			// only, but takes the number of a generic parameter for the kind.
			return fail("put the elements into a struct with one field", "a list of a generic parameter is not supported")
		}
		return listOf(elem), true
	case b == builtinObject:
		return fail("write 'AnyPointer'", "'Object' is the old name of 'AnyPointer'")
	case b == builtinAnyPointer:
		return simple(schema.Type_Which_anyPointer), true
	case b == builtinAnyStruct:
		return &typ{kind: schema.Type_Which_anyPointer, any: anyStruct}, true
	case b == builtinAnyList:
		return &typ{kind: schema.Type_Which_anyPointer, any: anyList}, true
	case b == builtinCapability:
		return &typ{kind: schema.Type_Which_anyPointer, any: anyCapability}, true
	case b != notBuiltin:
		return simple(schema.Type_Which(b - builtinVoid)), true
	}
	t := &typ{}
	switch r.node.decl.Kind {
	case syntax.EnumDecl:
		t.kind = schema.Type_Which_enum
	case syntax.StructDecl:
		t.kind = schema.Type_Which_structType
	case syntax.InterfaceDecl:
		t.kind = schema.Type_Which_interface
	default:
		return fail("", "'%s' is not a type but %s", orElse(r.src, &syntax.Expr{}), r.node.what())
	}
	t.id, t.brand = r.idAndBrand(c, f)
	return t, true
}
