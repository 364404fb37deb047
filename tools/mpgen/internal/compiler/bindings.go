package compiler

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// Bindings files apply annotations to declarations as if they stood there.

// applied is an annotation from a bindings file. Its names are looked up
// there.
type applied struct {
	from *node
	a    *syntax.Annotation
}

// bindings reads a bindings file and notes what it applies to what. Nothing
// may be laid out before that.
func (c *compiler) bindings(name string) {
	r, rel := c.locate(name)
	f := &file{c: c, index: len(c.order), root: r, path: rel, shown: r.join(rel)}
	src, err := c.read(r, rel)
	if err != nil {
		msg := fmt.Sprintf("cannot be read: %v", err)
		if errors.Is(err, fs.ErrNotExist) {
			msg = "no such file"
		}
		f.shown = name
		c.order = append(c.order, f)
		c.report(problem{file: f, msg: msg})
		return
	}
	f.src = string(src)
	c.order = append(c.order, f)
	c.sourceBytes += len(src)
	b := syntax.ParseBindings(f.src, f)
	f.tree = &syntax.File{Root: b.Root}
	f.damage = b.Damage
	b.Root.HasID, b.Root.ID = true, derivedFileID(rel, f.src)
	f.node = c.newFileNode(f)
	f.node.checkNames()
	for i := range b.Binds {
		bind := &b.Binds[i]
		for _, key := range f.targets(bind) {
			for j := range bind.Annots {
				c.applied[key] = append(c.applied[key], applied{f.node, &bind.Annots[j]})
			}
		}
	}
}

// targets finds what a statement binds to: a *syntax.Decl, or one or two
// *syntax.ParamDecl.
func (f *file) targets(b *syntax.Bind) []any {
	if b.Target == nil {
		g := f.resolveImport(&syntax.Expr{Kind: syntax.Import, Start: b.File.Start, End: b.File.End, Name: b.File})
		if g == nil {
			return nil
		}
		return []any{g.tree.Root}
	}
	var names []syntax.Ident
	e := b.Target
	for ; e.Kind == syntax.Member; e = e.Base {
		names = append(names, e.Name)
	}
	switch e.Kind {
	case syntax.RelativeName, syntax.AbsoluteName, syntax.Import:
	default:
		f.errorAt(b.Target, "", "expected the path of a declaration, such as 'Alias.Struct.field'")
		return nil
	}
	r, ok := f.node.lookUp(e, implicits{})
	if !ok || r.broken {
		return nil
	}
	if r.param || r.node.isBuiltin() {
		f.errorAt(e, "", "'%s' is not declared in a schema file", e)
		return nil
	}
	n, d := r.node, r.node.decl // d is n's declaration, or a member of n
	shown := e.String()
	for i := len(names) - 1; i >= 0; i-- {
		name := names[i]
		if d == n.decl {
			if fd, ok := n.resolveMember(name.Text); ok {
				if fd.broken || fd.param || fd.node.isBuiltin() {
					return nil
				}
				n, d = fd.node, fd.node.decl
				shown += "." + name.Text
				continue
			}
		}
		if d.Kind == syntax.MethodDecl {
			return f.params(d, shown, names[:i+1])
		}
		sub := memberOf(d, name.Text)
		if sub == nil && n.file.damage.MayDeclare(name.Text) {
			return nil
		}
		if sub == nil {
			f.errorf(name.Start, name.End, didYouMean(name.Text, pathNames(n, d)), "'%s' has no '%s'", shown, name.Text)
			return nil
		}
		d = sub
		shown += "." + name.Text
	}
	return []any{d}
}

// params finds a method's params and results of a name. names is what is left
// of the path, its end first.
func (f *file) params(d *syntax.Decl, shown string, names []syntax.Ident) []any {
	name := names[len(names)-1]
	if len(names) > 1 {
		f.errorf(names[0].Start, names[0].End, "", "the path goes on after a param of '%s'", shown)
		return nil
	}
	var found []any
	var known []string
	isStruct := false
	for _, l := range []*syntax.ParamList{d.ParamList, d.ResultList} {
		if l == nil {
			continue
		}
		isStruct = isStruct || l.Kind == syntax.StructParams
		for i := range l.Params {
			known = append(known, l.Params[i].Name.Text)
			if l.Params[i].Name.Text == name.Text {
				found = append(found, &l.Params[i])
			}
		}
	}
	if len(found) == 0 {
		hint := didYouMean(name.Text, known)
		if isStruct && hint == "" {
			hint = "the method takes or gives a struct; bind that struct's fields"
		}
		f.errorf(name.Start, name.End, hint, "the method '%s' has no param or result '%s'", shown, name.Text)
	}
	return found
}

// memberOf finds a field, group, union, enumerant or method by name.
func memberOf(d *syntax.Decl, name string) *syntax.Decl {
	for _, sub := range d.Decls {
		switch sub.Kind {
		case syntax.FieldDecl, syntax.GroupDecl, syntax.EnumerantDecl, syntax.MethodDecl:
			if sub.Name.Text == name {
				return sub
			}
		case syntax.UnionDecl:
			if sub.Name.Text == name {
				return sub
			}
			if sub.Name.Text == "" {
				if m := memberOf(sub, name); m != nil {
					return m
				}
			}
		}
	}
	return nil
}

// pathNames lists what a path can go on with.
func pathNames(n *node, d *syntax.Decl) []string {
	var names []string
	for _, sub := range d.Decls {
		if sub.Kind == syntax.UnionDecl && sub.Name.Text == "" {
			names = append(names, pathNames(n, sub)...)
			continue
		}
		names = append(names, sub.Name.Text)
	}
	return names
}
