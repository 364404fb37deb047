package compiler

import (
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// layOut finds the types and offsets of a node. It is false if the node is
// being laid out right now, that is, if it depends on itself.
func (n *node) layOut() bool {
	if n.state >= laidOut {
		return true
	}
	if n.busy {
		n.dependsOnItself()
		return false
	}
	n.busy = true
	defer func() { n.busy = false }()
	n.expand()
	n.doLayOut()
	n.state = laidOut
	return true
}

func (n *node) dependsOnItself() {
	start, end := n.nameSpan()
	n.failed = true
	n.file.errorf(start, end, "", "'%s' depends on itself", n.title())
}

func (n *node) doLayOut() {
	d := n.decl
	n.out = &outNode{id: n.id, display: n.display, prefix: n.prefix, scopeID: n.scopeID(), params: d.Generic,
		generic: n.startScope().isGeneric(), nested: n.nested, start: d.Start, end: d.End, file: n.file, doc: d.Doc, hasDoc: d.HasDoc}
	n.out.nameStart, _ = n.nameSpan()
	n.checkNames()
	var target syntax.Targets
	switch d.Kind {
	case syntax.FileDecl:
		n.out.kind, target = schema.Node_Which_file, syntax.TargetFile
	case syntax.ConstDecl:
		n.out.kind, target = schema.Node_Which_const, syntax.TargetConst
		t, ok := n.typeOf(d.Type, implicits{})
		n.out.typ = t
		if ok {
			n.setValue(n, d.Value, t, unboundEnv, func(v *value, _ *typ) { n.out.value = v })
		} else {
			n.failed = true
		}
	case syntax.AnnotationDecl:
		n.out.kind, target = schema.Node_Which_annotation, syntax.TargetAnnotation
		t, ok := n.typeOf(d.Type, implicits{})
		n.out.typ, n.out.targets = t, d.Targets
		n.failed = n.failed || !ok
	case syntax.EnumDecl:
		n.out.kind, target = schema.Node_Which_enum, syntax.TargetEnum
		n.layOutEnum()
	case syntax.StructDecl:
		n.out.kind, target = schema.Node_Which_structNode, syntax.TargetStruct
		n.layOutStruct()
	case syntax.InterfaceDecl:
		n.out.kind, target = schema.Node_Which_interface, syntax.TargetInterface
		n.layOutInterface()
	}
	n.out.placed = d.Kind == syntax.ConstDecl || d.Kind == syntax.EnumDecl || d.Kind == syntax.StructDecl || d.Kind == syntax.InterfaceDecl
	n.annotate(&n.out.annots, d.Annots, d, target)
}

// finish computes the values of a node. It is false if the node depends on
// itself.
func (n *node) finish() bool {
	if n.state == finished {
		return true
	}
	if n.busy {
		n.dependsOnItself()
		return false
	}
	if !n.layOut() {
		return false
	}
	n.busy = true
	defer func() { n.busy = false }()
	for i := 0; i < len(n.unfilled); i++ {
		u := n.unfilled[i]
		n.fill(u, false)
	}
	n.unfilled = nil
	n.state = finished
	return true
}

// typeOf finds the type that an expression stands for; Void if it is none.
func (n *node) typeOf(e *syntax.Expr, im implicits) (*typ, bool) {
	r, ok := n.lookUp(e, im)
	if !ok {
		return unknownType, false
	}
	return r.asType(n.file.c, n.file)
}

// annotate applies annotations to something of n that is of the kind target:
// those that stand there, and those that bindings files apply to key, which is
// its *syntax.Decl or *syntax.ParamDecl.
func (n *node) annotate(to *[]outAnnotation, as []syntax.Annotation, key any, target syntax.Targets) {
	more := n.file.c.applied[key]
	if len(as)+len(more) == 0 {
		return
	}
	// Values may be set later, so the list must not move.
	list := make([]outAnnotation, 0, len(as)+len(more))
	apply := func(from *node, a *syntax.Annotation) {
		out, ok := from.annotation(a, target)
		if !ok {
			n.failed = true
			return
		}
		list = append(list, out)
		at := &list[len(list)-1]
		if a.Value != nil {
			n.setValue(from, a.Value, at.typ, from.annotationEnv(at), func(v *value, t *typ) { at.value, at.typ = v, t })
		}
	}
	for i := range as {
		apply(n, &as[i])
	}
	for _, m := range more {
		apply(m.from, m.a)
	}
	*to = list
}

// annotationEnv is the env of an annotation's type: what the brand binds.
func (n *node) annotationEnv(a *outAnnotation) *env {
	b := n.file.c.resolveBrand(a.brand, unboundEnv)
	if b == nil {
		return &env{}
	}
	return &env{scopes: b.scopes}
}

// annotation finds out which annotation is applied.
func (n *node) annotation(a *syntax.Annotation, target syntax.Targets) (outAnnotation, bool) {
	c, f := n.file.c, n.file
	r, ok := n.lookUp(a.Name, implicits{})
	if !ok || r.broken {
		return outAnnotation{}, false
	}
	if r.param || r.node.isBuiltin() || r.node.decl.Kind != syntax.AnnotationDecl {
		what := "a generic parameter"
		if !r.param {
			what = r.node.what()
		}
		f.errorAt(a.Name, "", "'%s' is not an annotation but %s", a.Name, what)
		return outAnnotation{}, false
	}
	var out outAnnotation
	out.id, out.brand = r.idAndBrand(c, f)
	if !r.node.layOut() || r.node.failed {
		return outAnnotation{}, false
	}
	out.typ = r.node.out.typ
	if r.node.broken() {
		return out, true
	}
	if r.node.out.targets&target == 0 {
		f.errorAt(a.Name, "it is for: "+targetList(r.node.out.targets), "'%s' cannot be applied to %s", a.Name, targetNames[target])
	}
	if a.Value == nil && out.typ.kind != schema.Type_Which_void {
		f.errorAt(a.Name, "write '$"+a.Name.String()+"(…)'", "'%s' needs a value of type %s", a.Name, c.typeName(out.typ))
	}
	return out, true
}

var targetNames = map[syntax.Targets]string{
	syntax.TargetFile: "a file", syntax.TargetConst: "a constant", syntax.TargetEnum: "an enum", syntax.TargetEnumerant: "an enumerant",
	syntax.TargetStruct: "a struct", syntax.TargetField: "a field", syntax.TargetUnion: "a union", syntax.TargetGroup: "a group",
	syntax.TargetInterface: "an interface", syntax.TargetMethod: "a method", syntax.TargetParam: "a param or result",
	syntax.TargetAnnotation: "an annotation",
}

func targetList(t syntax.Targets) string {
	names := t.Names()
	if len(names) == 0 {
		return "nothing"
	}
	s := names[0]
	for _, n := range names[1:] {
		s += ", " + n
	}
	return s
}
