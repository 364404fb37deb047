package compiler

import (
	"fmt"
	"slices"

	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// streamResultID is the id of StreamResult in /capnp/stream.capnp, which is
// what methods that stream return.
const streamResultID = 0x995f9a3377c0b16e

// byOrdinal lists the nested declarations of a kind, sorted by ordinal.
func (n *node) byOrdinal(kind syntax.DeclKind) (ds []*syntax.Decl, codeOrder map[*syntax.Decl]int) {
	codeOrder = make(map[*syntax.Decl]int)
	for _, d := range n.decl.Decls {
		if d.Kind == kind {
			codeOrder[d] = len(ds)
			ds = append(ds, d)
		}
	}
	slices.SortStableFunc(ds, func(a, b *syntax.Decl) int { return int(a.Ordinal.Value) - int(b.Ordinal.Value) })
	return ds, codeOrder
}

func newMember(d *syntax.Decl, codeOrder int) outMember {
	return outMember{name: d.Name.Text, codeOrder: codeOrder, doc: d.Doc, hasDoc: d.HasDoc, start: d.Start, end: d.End}
}

func (n *node) layOutEnum() {
	ds, codeOrder := n.byOrdinal(syntax.EnumerantDecl)
	ordinals := ordinalCheck{f: n.file, what: "enumerant", broken: n.decl.Broken()}
	n.out.enumerants = make([]outMember, len(ds))
	for i, d := range ds {
		ordinals.check(d.Ordinal)
		n.out.enumerants[i] = newMember(d, codeOrder[d])
		n.annotate(&n.out.enumerants[i].annots, d.Annots, d, syntax.TargetEnumerant)
	}
}

func (n *node) layOutInterface() {
	c := n.file.c
	for _, e := range n.decl.Extends {
		r, ok := n.lookUp(e, implicits{})
		switch {
		case !ok || r.broken:
			n.failed = true
		case r.param:
			n.file.errorAt(e, "", "'%s' is a generic parameter, which an interface cannot extend", e)
		case r.node.isBuiltin() || r.node.decl.Kind != syntax.InterfaceDecl:
			n.file.errorAt(e, "", "'%s' is not an interface but %s", e, r.node.what())
		default:
			s := outSuper{}
			s.id, s.brand = r.idAndBrand(c, n.file)
			n.out.supers = append(n.out.supers, s)
		}
	}
	ds, codeOrder := n.byOrdinal(syntax.MethodDecl)
	ordinals := ordinalCheck{f: n.file, what: "method", broken: n.decl.Broken()}
	n.out.methods = make([]outMethod, len(ds))
	for i, d := range ds {
		ordinals.check(d.Ordinal)
		m := &n.out.methods[i]
		m.outMember = newMember(d, codeOrder[d])
		m.implicit = d.Generic
		if l := d.ParamList; l.Kind == syntax.StreamParams {
			n.file.errorf(l.Start, l.End, "", "'stream' can only stand after '->'")
		}
		m.paramsID, m.paramsBrand = n.paramStruct(d, d.ParamList, false)
		results := d.ResultList
		if results == nil {
			results = &syntax.ParamList{}
		}
		m.resultsID, m.resultBrand = n.paramStruct(d, results, true)
		n.annotate(&m.annots, d.Annots, d, syntax.TargetMethod)
	}
}

// paramStruct finds or makes the struct of a method's params or results.
func (n *node) paramStruct(d *syntax.Decl, l *syntax.ParamList, results bool) (uint64, *brand) {
	c, f := n.file.c, n.file
	switch l.Kind {
	case syntax.StreamParams:
		if !results {
			return 0, nil
		}
		g, err := f.importFile("/capnp/stream.capnp")
		if err != nil {
			f.errorf(l.Start, l.End, "", "a method that streams needs '/capnp/stream.capnp', which is in no import root")
			return 0, nil
		}
		if _, ok := g.node.resolveMember("StreamResult"); !ok {
			f.errorf(l.Start, l.End, "", "'%s' is not the standard stream.capnp: StreamResult is missing", g.shown)
		}
		return streamResultID, nil
	case syntax.StructParams:
		r, ok := n.lookUp(l.Type, implicits{names: d.Generic})
		switch {
		case !ok || r.broken:
			n.failed = true
		case r.param:
			f.errorAt(l.Type, "use a list with a field of this type", "a generic parameter cannot be the whole params or results of a method")
		case r.node.isBuiltin() || r.node.decl.Kind != syntax.StructDecl:
			list := fmt.Sprintf("(value :%s)", l.Type)
			if results {
				list = fmt.Sprintf("(result :%s)", l.Type)
			}
			f.errorAt(l.Type, "write '"+list+"'", "'%s' is not a struct but %s", l.Type, r.node.what())
		default:
			return r.idAndBrand(c, f)
		}
		return 0, nil
	}
	name := d.Name.Text + "$Params"
	if results {
		name = d.Name.Text + "$Results"
	}
	display := n.display + "." + name
	out := &outNode{kind: schema.Node_Which_structNode, id: paramsID(n.id, d.Ordinal.Value, results), display: display,
		prefix: len(display) - len(name), params: d.Generic, generic: n.out.generic || len(d.Generic) > 0,
		start: l.Start, end: l.End, nameStart: l.Start, file: f, isParams: true}
	dup := map[string]syntax.Ident{}
	for i := range l.Params {
		n.checkParamName(l.Params[i].Name, dup)
	}
	n.layOutParams(out, l.Params, implicits{scope: out.id, names: d.Generic})
	n.aux = append(n.aux, out)
	return out.id, n.startScope().push(out.id, 0).compile(c, f)
}
