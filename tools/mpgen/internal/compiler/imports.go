package compiler

import (
	"slices"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// fileImport is an import of a file, under the name that it uses.
type fileImport struct {
	name string
	file *file
}

// importTable lists the imports that generated code depends on, sorted by
// name: those in types, but not those in values, which the request holds in
// full.
func (f *file) importTable() []fileImport {
	names := map[string]bool{}
	importsOfDecl(f.tree.Root, names)
	var table []fileImport
	for name := range names {
		if g, err := f.importFile(name); err == nil {
			table = append(table, fileImport{name, g})
		}
	}
	slices.SortFunc(table, func(a, b fileImport) int { return strings.Compare(a.name, b.name) })
	return table
}

func importsOfExpr(e *syntax.Expr, names map[string]bool) {
	if e == nil {
		return
	}
	if e.Kind == syntax.Import {
		names[e.Name.Text] = true
	}
	importsOfExpr(e.Base, names)
	for _, el := range e.List {
		importsOfExpr(el, names)
	}
	for i := range e.Params {
		importsOfExpr(e.Params[i].Value, names)
	}
}

func importsOfParams(l *syntax.ParamList, names map[string]bool) {
	if l == nil {
		return
	}
	if l.Kind == syntax.StreamParams {
		names["/capnp/stream.capnp"] = true
	}
	importsOfExpr(l.Type, names)
	for i := range l.Params {
		importsOfExpr(l.Params[i].Type, names)
		importsOfAnnotations(l.Params[i].Annots, names)
	}
}

func importsOfAnnotations(as []syntax.Annotation, names map[string]bool) {
	for i := range as {
		importsOfExpr(as[i].Name, names)
	}
}

func importsOfDecl(d *syntax.Decl, names map[string]bool) {
	switch d.Kind {
	case syntax.UsingDecl, syntax.ConstDecl, syntax.FieldDecl:
		importsOfExpr(d.Type, names)
	case syntax.InterfaceDecl:
		for _, e := range d.Extends {
			importsOfExpr(e, names)
		}
	case syntax.MethodDecl:
		importsOfParams(d.ParamList, names)
		importsOfParams(d.ResultList, names)
	}
	importsOfAnnotations(d.Annots, names)
	for _, sub := range d.Decls {
		importsOfDecl(sub, names)
	}
}
