package compiler

import (
	"fmt"
	"slices"

	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// structLayout lays out one struct: it walks the members as written, then
// places them in the order of their ordinals.
type structLayout struct {
	n         *node // the struct, or the interface that the implicit struct belongs to
	im        implicits
	space     structSpace
	all       []*member // as written
	byOrdinal []*member
	broken    bool // some ordinals are not known
}

// member is a field, a group or a union; or the struct itself.
type member struct {
	parent    *member
	codeOrder int
	inUnion   bool
	isParam   bool
	kind      syntax.DeclKind

	name       string
	hasOrdinal bool
	ordinal    syntax.Ordinal
	typeExpr   *syntax.Expr
	value      *syntax.Expr
	annots     []syntax.Annotation
	key        any // what bindings files know it by
	start, end uint32
	doc        string
	hasDoc     bool

	children    int // how many members it has
	initialized int // how many of them have their field in out.fields
	tags        int // how many of these are in its union

	placed bool // its field is in the parent's out.fields
	index  int  // there

	out   *outNode    // of a group or union, and of the struct
	space fieldSpace  // of a field: where it is placed
	union *unionSpace // of a union, and of what has an unnamed union
}

func (m *member) field() *outField { return &m.parent.out.fields[m.index] }

// layOutStruct lays out a struct declaration.
func (n *node) layOutStruct() {
	l := &structLayout{n: n}
	root := &member{out: n.out}
	l.group(n.decl, root, &l.space)
	l.finish(root)
}

// layOutParams makes the struct of a method's params or results.
func (n *node) layOutParams(out *outNode, params []syntax.ParamDecl, im implicits) {
	l := &structLayout{n: n, im: im}
	root := &member{out: out, children: len(params)}
	if len(params) > 65536 {
		n.file.errorf(out.start, out.end, "", "a method has at most 65536 params")
		return
	}
	for i := range params {
		p := &params[i]
		m := &member{parent: root, codeOrder: i, isParam: true, kind: syntax.FieldDecl, name: p.Name.Text,
			ordinal: syntax.Ordinal{Value: uint16(i)}, typeExpr: p.Type, value: p.Value, annots: p.Annots, key: p,
			start: p.Start, end: p.End, space: &l.space}
		l.all = append(l.all, m)
		l.byOrdinal = append(l.byOrdinal, m)
	}
	l.finish(root)
}

func (l *structLayout) errorf(start, end uint32, hint, format string, args ...any) {
	l.n.file.errorf(start, end, hint, format, args...)
}

// add makes the member of a declaration.
func (l *structLayout) add(d *syntax.Decl, parent *member, codeOrder *int, inUnion bool) *member {
	m := &member{parent: parent, codeOrder: *codeOrder, inUnion: inUnion, kind: d.Kind, name: d.Name.Text,
		hasOrdinal: d.HasOrdinal, ordinal: d.Ordinal, typeExpr: d.Type, value: d.Value, annots: d.Annots, key: d,
		start: d.Start, end: d.End, doc: d.Doc, hasDoc: d.HasDoc}
	*codeOrder++
	parent.children++
	if d.Kind != syntax.FieldDecl {
		p := parent.out
		display := p.display + "." + d.Name.Text
		m.out = &outNode{kind: schema.Node_Which_structNode, isGroup: true, display: display,
			prefix: len(display) - len(d.Name.Text), generic: p.generic, start: d.Start, end: d.End, nameStart: d.Name.Start, file: p.file}
		l.n.aux = append(l.n.aux, m.out)
	}
	l.all = append(l.all, m)
	return m
}

// group walks the members of a struct or a group.
func (l *structLayout) group(d *syntax.Decl, parent *member, space fieldSpace) {
	codeOrder := 0
	l.broken = l.broken || d.Broken()
	for _, sub := range d.Decls {
		switch sub.Kind {
		case syntax.FieldDecl:
			m := l.add(sub, parent, &codeOrder, false)
			m.space = space
			l.order(m)
		case syntax.UnionDecl:
			u := &unionSpace{in: space, top: &l.space}
			if sub.Name.Text == "" {
				parent.union = u
				l.unionMembers(sub, parent, u, &codeOrder)
				break
			}
			m := l.add(sub, parent, &codeOrder, false)
			m.union = u
			inner := 0
			l.unionMembers(sub, m, u, &inner)
			l.order(m)
		case syntax.GroupDecl:
			m := l.add(sub, parent, &codeOrder, false)
			l.groupMembers(sub, m, space)
		}
	}
}

// groupMembers walks the members of a group.
func (l *structLayout) groupMembers(d *syntax.Decl, m *member, space fieldSpace) {
	if len(d.Decls) == 0 && !d.Broken() {
		l.errorf(d.Start, d.End, "", "the group '%s' is empty", m.name)
	}
	l.group(d, m, space)
}

// unionMembers walks the members of a union.
func (l *structLayout) unionMembers(d *syntax.Decl, parent *member, u *unionSpace, codeOrder *int) {
	l.broken = l.broken || d.Broken()
	if len(d.Decls) < 2 && !d.Broken() {
		l.errorf(d.Start, d.End, "", "a union needs at least two members")
	}
	for _, sub := range d.Decls {
		switch sub.Kind {
		case syntax.FieldDecl:
			m := l.add(sub, parent, codeOrder, true)
			m.space = &memberSpace{union: u}
			l.order(m)
		case syntax.UnionDecl:
			if sub.Name.Text == "" {
				l.errorf(sub.Start, sub.End, "give it a name: 'name :union {'", "an unnamed union cannot stand in a union")
				l.broken = l.broken || len(sub.Decls) > 0 || sub.Broken()
				break
			}
			m := l.add(sub, parent, codeOrder, true)
			m.union = &unionSpace{in: &memberSpace{union: u}, top: &l.space}
			inner := 0
			l.unionMembers(sub, m, m.union, &inner)
			l.order(m)
		case syntax.GroupDecl:
			m := l.add(sub, parent, codeOrder, true)
			l.groupMembers(sub, m, &memberSpace{union: u})
		}
	}
}

// order enters a member among those that are placed by ordinal.
func (l *structLayout) order(m *member) {
	if m.hasOrdinal {
		l.byOrdinal = append(l.byOrdinal, m)
	}
}

// place puts the member's field into its parent's list. A group's field comes
// where its first member comes.
func (m *member) place() *outField {
	if m.placed {
		return m.field()
	}
	p := m.parent
	m.placed = true
	m.index = p.initialized
	if p.out.fields == nil {
		if p.parent != nil {
			p.place()
		}
		p.out.fields = make([]outField, p.children)
	}
	p.initialized++
	f := m.field()
	f.outMember = outMember{name: m.name, codeOrder: m.codeOrder, doc: m.doc, hasDoc: m.hasDoc, start: m.start, end: m.end}
	f.tag = noTag
	if m.inUnion {
		f.tag = uint16(p.tags)
		p.tags++
	}
	return f
}

// finish places all members and fills in what follows from that.
func (l *structLayout) finish(root *member) {
	n := l.n
	slices.SortStableFunc(l.byOrdinal, func(a, b *member) int { return int(a.ordinal.Value) - int(b.ordinal.Value) })
	ordinals := ordinalCheck{f: n.file, what: "field", broken: l.broken}
	for _, m := range l.byOrdinal {
		if m.hasOrdinal {
			ordinals.check(m.ordinal)
		}
		f := m.place()
		f.hasOrdinal, f.ordinal = true, m.ordinal.Value
		if m.kind == syntax.UnionDecl {
			if !m.union.addTag() {
				l.errorf(m.ordinal.Start, m.ordinal.End, "only one field can become a member of a union after the fact",
					"the ordinal of a union is greater than those of several of its members")
			}
			continue
		}
		l.fieldType(m, f)
		// The default value may lay out other nodes, but not change this one.
		f = m.field()
		switch lg := f.typ.lgBits(); lg {
		case lgPointer:
			f.offset = m.space.addPointer()
		case lgVoid:
			m.space.addVoid()
		default:
			f.offset = m.space.addData(lg)
		}
	}
	if l.space.err != nil {
		l.errorf(root.out.start, root.out.end, "", "%v", l.space.err)
	}
	if l.space.words > 65535 || l.space.pointers > 65535 {
		l.errorf(root.out.start, root.out.end, "", "the struct is too large: %d words of data and %d pointers, where 65535 are allowed", l.space.words, l.space.pointers)
	}

	root.finishGroup()
	for _, m := range l.all {
		target := syntax.TargetField
		switch {
		case m.isParam:
			target = syntax.TargetParam
		case m.kind == syntax.UnionDecl:
			target = syntax.TargetUnion
			m.finishGroup()
		case m.kind == syntax.GroupDecl:
			target = syntax.TargetGroup
			m.finishGroup()
		}
		f := m.place()
		n.annotate(&f.annots, m.annots, m.key, target)
	}
	for _, m := range l.all {
		if m.out != nil {
			m.out.words, m.out.pointers = l.space.words, l.space.pointers
		}
	}
	root.out.words, root.out.pointers = l.space.words, l.space.pointers
}

// fieldType finds the type and the default of a field.
func (l *structLayout) fieldType(m *member, f *outField) {
	n := l.n
	t, ok := n.typeOf(m.typeExpr, l.im)
	f.typ = t
	if !ok {
		n.failed = true
		return
	}
	if m.value == nil {
		return
	}
	f.hadExplicit = true
	if m.isParam && m.value.Kind == syntax.RelativeName && m.value.Name.Text == "null" {
		if !t.isPointer() {
			n.file.errorAt(m.value, "", "only params of pointer types can be null, not %s", n.file.c.typeName(t))
		}
		return
	}
	n.setValue(n, m.value, t, unboundEnv, func(v *value, _ *typ) { m.field().value = v })
}

// finishGroup fills in what is known when all members are placed.
func (m *member) finishGroup() {
	if m.union != nil {
		m.union.addTag()
		m.out.tagCount = m.tags
		m.out.tagOffset = m.union.tag
	}
	if m.parent == nil {
		return
	}
	f := m.place()
	m.out.id = groupID(m.parent.out.id, uint16(m.index))
	m.out.scopeID = m.parent.out.id
	m.out.doc, m.out.hasDoc = m.doc, m.hasDoc
	f.group = m.out
}

// ordinalCheck sees that ordinals, which come sorted, have no duplicates and
// no gaps.
type ordinalCheck struct {
	f      *file
	what   string
	broken bool // ordinals are missing because of another error
	next   int
	last   *syntax.Ordinal
}

func (o *ordinalCheck) check(at syntax.Ordinal) {
	v := int(at.Value)
	switch {
	case v < o.next:
		p := problem{file: o.f, start: at.Start, end: at.End, msg: fmt.Sprintf("the ordinal @%d is taken", v)}
		if o.last != nil {
			p.notes = []placeNote{{o.f, o.last.Start, fmt.Sprintf("@%d is used here", v)}}
		}
		o.f.c.report(p)
		return
	case v > o.next && !o.broken:
		o.f.errorf(at.Start, at.End, fmt.Sprintf("use @%d, or add the %s that is missing", o.next, o.what),
			"the ordinal @%d is skipped; ordinals have no gaps", o.next)
	}
	o.next = v + 1
	o.last = &at
}
