package compiler

import (
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// checkNames sees that the declarations in n have different names, that the
// names have the right style, and that each may stand where it stands.
func (n *node) checkNames() {
	n.checkScope(n.decl, n.decl.Kind, map[string]syntax.Ident{})
}

func (n *node) checkScope(d *syntax.Decl, parent syntax.DeclKind, seen map[string]syntax.Ident) {
	for _, sub := range d.Decls {
		if sub.Name.Text != "" || parent != syntax.UnionDecl { // else it is not allowed at all
			n.checkName(sub, seen)
		}
		n.checkPlace(sub, parent)
		switch sub.Kind {
		case syntax.UnionDecl, syntax.GroupDecl:
			inner := map[string]syntax.Ident{}
			if sub.Name.Text == "" {
				inner = seen // the members of an unnamed union belong to the scope around it
			}
			n.checkScope(sub, sub.Kind, inner)
		}
	}
}

func (n *node) checkName(d *syntax.Decl, seen map[string]syntax.Ident) {
	name := d.Name
	if first, ok := seen[name.Text]; ok {
		msg := "'" + name.Text + "' is declared twice in this scope"
		if name.Text == "" {
			msg = "a scope can have only one unnamed union"
		}
		n.file.c.report(problem{file: n.file, start: name.Start, end: name.End, msg: msg,
			notes: []placeNote{{n.file, first.Start, "first declared here"}}})
	} else {
		seen[name.Text] = name
	}
	if name.Text == "" {
		return
	}
	first := name.Text[0]
	upper, lower := first >= 'A' && first <= 'Z', first >= 'a' && first <= 'z'
	wantUpper := false
	switch d.Kind {
	case syntax.EnumDecl, syntax.StructDecl, syntax.InterfaceDecl:
		wantUpper = true
	case syntax.UsingDecl:
		// An alias is written like what it stands for; an import like a type.
		t := d.Type.TargetName()
		wantUpper = !(t != "" && t[0] >= 'a' && t[0] <= 'z')
		if a := n.aliases[name.Text]; wantUpper != upper && a != nil && a.resolve().broken {
			return // it is not known what it is
		}
	}
	switch {
	case wantUpper && !upper:
		n.file.errorf(name.Start, name.End, "write '"+strings.ToUpper(name.Text[:1])+name.Text[1:]+"'",
			"the name of a type begins with a capital letter")
	case !wantUpper && !lower:
		n.file.errorf(name.Start, name.End, "write '"+strings.ToLower(name.Text[:1])+name.Text[1:]+"'",
			"the name of anything but a type begins with a small letter")
	}
	if strings.Contains(name.Text, "_") {
		n.file.errorf(name.Start, name.End, "write '"+camelCase(name.Text)+"'; generators adapt names to their language",
			"names are written in camelCase, without '_'")
	}
}

func camelCase(name string) string {
	parts := strings.Split(strings.Trim(name, "_"), "_")
	for i, p := range parts {
		if i > 0 && p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// checkPlace sees that a declaration may stand in its parent. The parser
// allows most things everywhere, to say more about them here.
func (n *node) checkPlace(d *syntax.Decl, parent syntax.DeclKind) {
	switch d.Kind {
	case syntax.UsingDecl, syntax.ConstDecl, syntax.EnumDecl, syntax.StructDecl, syntax.InterfaceDecl, syntax.AnnotationDecl:
		if parent == syntax.UnionDecl || parent == syntax.GroupDecl {
			n.file.errorf(d.Start, d.End, "move it to the struct around", "unions and groups hold only fields, unions and groups")
		}
	}
}

// checkParamName sees that the params of a method have different names.
func (n *node) checkParamName(name syntax.Ident, seen map[string]syntax.Ident) {
	if first, ok := seen[name.Text]; ok {
		n.file.c.report(problem{file: n.file, start: name.Start, end: name.End, msg: "'" + name.Text + "' is declared twice in this list",
			notes: []placeNote{{n.file, first.Start, "first declared here"}}})
		return
	}
	seen[name.Text] = name
}
