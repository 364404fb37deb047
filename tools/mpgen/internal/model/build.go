package model

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"
)

// Locate gives the line and column, from 1, of something in a schema file that
// the request names: of the bytes from start to end, or, since a request does
// not say where these are, of the members found in turn in there, such as a
// method and its param. It gives 0, 0 if it does not know.
type Locate func(file string, start, end uint32, members ...Member) (line, col int)

// Member is a field, an enumerant, a method or a param.
type Member struct {
	Name    string
	Ordinal int // -1 if it has none
}

// New reads a request. It fails if the request is broken.
func New(req schema.CodeGeneratorRequest, locate Locate) (s *Schema, err error) {
	defer func() {
		if r := recover(); r != nil {
			b, ok := r.(broken)
			if !ok {
				panic(r)
			}
			s, err = nil, fmt.Errorf("bad code generator request: %w", b.err)
		}
	}()
	b := &builder{
		nodes:      map[uint64]schema.Node{},
		docs:       map[uint64]schema.Node_SourceInfo{},
		files:      map[uint64]*File{},
		enums:      map[uint64]*Enum{},
		structs:    map[uint64]*Struct{},
		interfaces: map[uint64]*Interface{},
		locate:     locate,
	}
	nodes := must(req.Nodes())
	for i := range nodes.Len() {
		b.nodes[nodes.At(i).Id()] = nodes.At(i)
	}
	if infos, err := req.SourceInfo(); err == nil {
		for i := range infos.Len() {
			b.docs[infos.At(i).Id()] = infos.At(i)
		}
	}
	b.markExceptions()
	s = &Schema{}
	requested := must(req.RequestedFiles())
	for i := range requested.Len() {
		rf := requested.At(i)
		f := b.file(rf.Id())
		f.Imports = map[uint64]string{}
		imports := must(rf.Imports())
		for j := range imports.Len() {
			id := imports.At(j).Id()
			f.Imports[id] = must(imports.At(j).Name())
			if _, used := b.nodes[id]; used {
				f.ImportedNames = append(f.ImportedNames, b.file(id).Names...)
			}
		}
		b.declare(f, rf.Id())
		sort.SliceStable(f.Enums, func(i, j int) bool { return f.Enums[i].FullName() < f.Enums[j].FullName() })
		sort.SliceStable(f.Structs, func(i, j int) bool { return f.Structs[i].FullName() < f.Structs[j].FullName() })
		sort.SliceStable(f.Interfaces, func(i, j int) bool { return f.Interfaces[i].FullName() < f.Interfaces[j].FullName() })
		sort.SliceStable(f.Consts, func(i, j int) bool { return f.Consts[i].FullName() < f.Consts[j].FullName() })
		s.Files = append(s.Files, f)
	}
	makeRegular(b.uses) // before values copy the types
	for len(b.later) > 0 {
		run := b.later
		b.later = nil
		for _, f := range run {
			f()
		}
	}
	return s, nil
}

// broken carries an error in the request itself up to New.
type broken struct{ err error }

func must[T any](v T, err error) T {
	if err != nil {
		panic(broken{err})
	}
	return v
}

type builder struct {
	nodes      map[uint64]schema.Node
	docs       map[uint64]schema.Node_SourceInfo
	files      map[uint64]*File
	enums      map[uint64]*Enum
	structs    map[uint64]*Struct
	interfaces map[uint64]*Interface
	exceptions map[uint64]bool
	locate     Locate

	// methodOf is the method whose params or results are being read.
	methodOf struct {
		iface  uint64
		method Member
	}
	// later holds what needs every struct's fields: values of struct types.
	later []func()
	// uses are all uses of generic declarations.
	uses []use
}

func (b *builder) node(id uint64) schema.Node {
	n, ok := b.nodes[id]
	if !ok {
		panic(broken{fmt.Errorf("no node %#x", id)})
	}
	return n
}

// ids of /mp/proxy.capnp.
const (
	proxyFile      = 0xcc316e3f71a040fb
	proxyWrap      = 0xe6f46079b7b1405e
	proxyCount     = 0xd02682b319f69b38
	proxyException = 0x996a183200992f88
	proxySkip      = 0x824c08b82695d8dd
)

// streamResult is the struct that a streaming method returns.
const streamResult = 0x995f9a3377c0b16e

func (b *builder) file(id uint64) *File {
	if f := b.files[id]; f != nil {
		return f
	}
	n := b.node(id)
	f := &File{ID: id, Name: must(n.DisplayName()), Go: b.bindings(must(n.Annotations()))}
	b.files[id] = f
	f.Doc = b.doc(id)
	f.Names = nestedNames(n)
	return f
}

func nestedNames(n schema.Node) []string {
	nested := must(n.NestedNodes())
	names := make([]string, nested.Len())
	for i := range names {
		names[i] = must(nested.At(i).Name())
	}
	return names
}

func (b *builder) doc(id uint64) string {
	info, ok := b.docs[id]
	if !ok {
		return ""
	}
	return must(info.DocComment())
}

func (b *builder) memberDoc(id uint64, i int) string {
	info, ok := b.docs[id]
	if !ok {
		return ""
	}
	members := must(info.Members())
	if i >= members.Len() {
		return ""
	}
	return must(members.At(i).DocComment())
}

// decl reads what all declarations have. The name of an anonymous struct is
// what the compiler displays.
func (b *builder) decl(id uint64) Decl {
	n := b.node(id)
	d := Decl{ID: id, Doc: b.doc(id), Go: b.bindings(must(n.Annotations())), Nested: nestedNames(n)}
	display := must(n.DisplayName())
	d.Name = display[min(int(n.DisplayNamePrefixLength()), len(display)):]
	child := id
	for scope := n.ScopeId(); scope != 0; {
		parent := b.node(scope)
		nested := must(parent.NestedNodes())
		var names []string
		for i := range nested.Len() {
			nn := nested.At(i)
			names = append(names, must(nn.Name()))
			if child == id && nn.Id() == id {
				d.Name = must(nn.Name())
			}
		}
		if child == id {
			d.Siblings = names
		}
		if parent.ScopeId() == 0 && parent.Which() == schema.Node_Which_file {
			d.File = b.file(scope)
			break
		}
		d.Scope = append([]string{b.ownName(scope)}, d.Scope...)
		child, scope = scope, parent.ScopeId()
	}
	if d.File != nil {
		d.Pos = b.pos(d.File, id)
	}
	return d
}

// ownName is the name of a declaration without its scopes.
func (b *builder) ownName(id uint64) string {
	n := b.node(id)
	parent := b.node(n.ScopeId())
	nested := must(parent.NestedNodes())
	for i := range nested.Len() {
		if nested.At(i).Id() == id {
			return must(nested.At(i).Name())
		}
	}
	display := must(n.DisplayName())
	return display[min(int(n.DisplayNamePrefixLength()), len(display)):]
}

// pos finds where a declaration, or a member of it, is. Compilers before 1.1 do
// not say.
func (b *builder) pos(f *File, id uint64, members ...Member) Pos {
	if f == nil {
		return Pos{}
	}
	p := Pos{File: f.Name}
	info, ok := b.docs[id]
	if !ok || b.locate == nil {
		return p
	}
	// SourceInfo.startByte @3 and endByte @4, which go-capnp's schema.capnp
	// does not have yet.
	start, end := capnp.Struct(info).Uint32(8), capnp.Struct(info).Uint32(12)
	if end == 0 {
		return p
	}
	p.Line, p.Col = b.locate(f.Name, start, end, members...)
	return p
}

// declare adds what a node declares, at every depth, to its file.
func (b *builder) declare(f *File, id uint64) {
	nested := must(b.node(id).NestedNodes())
	for i := range nested.Len() {
		child := nested.At(i).Id()
		n := b.node(child)
		switch n.Which() {
		case schema.Node_Which_enum:
			f.Enums = append(f.Enums, b.enum(child))
		case schema.Node_Which_structNode:
			f.Structs = append(f.Structs, b.structOf(child, 0))
		case schema.Node_Which_interface:
			f.Interfaces = append(f.Interfaces, b.iface(child))
		case schema.Node_Which_const:
			c := &Const{Decl: b.decl(child)}
			c.Type = b.typ(must(n.Const().Type()), b.params(child))
			v := must(n.Const().Value())
			b.later = append(b.later, func() { c.Value = b.value(c.Type, v) })
			f.Consts = append(f.Consts, c)
		}
		b.declare(f, child)
	}
}

func (b *builder) enum(id uint64) *Enum {
	if e := b.enums[id]; e != nil {
		return e
	}
	e := &Enum{Decl: b.decl(id)}
	b.enums[id] = e
	list := must(b.node(id).Enum().Enumerants())
	for i := range list.Len() {
		e.Enumerants = append(e.Enumerants, &Enumerant{
			Name: must(list.At(i).Name()),
			Doc:  b.memberDoc(id, i),
			Go:   b.bindings(must(list.At(i).Annotations())),
		})
	}
	return e
}

// params are the type parameters in scope inside a node, outermost first.
func (b *builder) params(id uint64) []*Param {
	if id == 0 {
		return nil
	}
	n := b.node(id)
	var out []*Param
	if n.ScopeId() != 0 {
		out = b.params(n.ScopeId())
	}
	list := must(n.Parameters())
	for i := range list.Len() {
		out = append(out, &Param{Scope: id, Index: i, Name: must(list.At(i).Name())})
	}
	return out
}

// structOf reads a struct. scope is the interface whose type parameters an
// anonymous struct inherits, or 0.
func (b *builder) structOf(id, scope uint64) *Struct {
	if s := b.structs[id]; s != nil {
		return s
	}
	n := b.node(id)
	if n.Which() != schema.Node_Which_structNode {
		panic(broken{fmt.Errorf("node %#x is no struct", id)})
	}
	s := &Struct{Decl: b.decl(id), Exception: b.exceptions[id]}
	b.structs[id] = s
	sn := n.StructNode()
	s.Anonymous = n.ScopeId() == 0
	s.Data, s.Pointers = int(sn.DataWordCount()), int(sn.PointerCount())
	s.Group = sn.IsGroup()
	s.Params = b.params(id)
	if s.Anonymous {
		s.Params = append(b.params(scope), s.Params...)
		if scope != 0 {
			s.File = b.iface(scope).File
			s.Pos = b.iface(scope).Pos
		}
	}
	annotations := must(n.Annotations())
	s.Wrap, _ = textAnnotation(annotations, proxyWrap)
	if sn.DiscriminantCount() > 0 {
		s.Union = &Union{Offset: int(sn.DiscriminantOffset()) * 2}
	}
	list := must(sn.Fields())
	var fields []*Field
	for i := range list.Len() {
		f := b.field(s, list.At(i), i)
		if f.Discriminant >= 0 && s.Union != nil {
			s.Union.Members = append(s.Union.Members, f)
		}
		if b.hidden(list.At(i), f) {
			s.Hidden = append(s.Hidden, f)
			continue
		}
		fields = append(fields, f)
	}
	if s.Union != nil {
		sort.SliceStable(s.Union.Members, func(i, j int) bool {
			return s.Union.Members[i].Discriminant < s.Union.Members[j].Discriminant
		})
	}
	s.Fields = mergeHas(fields)
	sort.SliceStable(s.Fields, func(i, j int) bool { return s.Fields[i].order < s.Fields[j].order })
	return s
}

// top is the declaration that a group is part of: groups have no place of
// their own.
func (b *builder) top(id uint64) uint64 {
	for n := b.node(id); n.Which() == schema.Node_Which_structNode && n.StructNode().IsGroup(); n = b.node(id) {
		id = n.ScopeId()
	}
	return id
}

func (b *builder) field(s *Struct, sf schema.Field, i int) *Field {
	annotations := must(sf.Annotations())
	f := &Field{
		Name:         must(sf.Name()),
		Doc:          b.memberDoc(s.ID, i),
		Go:           b.bindings(annotations),
		Discriminant: -1,
		order:        int(sf.CodeOrder()),
	}
	member := Member{f.Name, -1}
	if sf.Ordinal().Which() == schema.Field_ordinal_Which_explicit {
		member.Ordinal = int(sf.Ordinal().Explicit())
	}
	if s.Anonymous {
		f.Pos = b.pos(s.File, b.methodOf.iface, b.methodOf.method, Member{f.Name, -1})
	} else {
		f.Pos = b.pos(s.File, b.top(s.ID), member)
	}
	f.Exception, _ = textAnnotation(annotations, proxyException)
	if d := sf.DiscriminantValue(); d != schema.Field_noDiscriminant {
		f.Discriminant = int(d)
	}
	if sf.Which() == schema.Field_Which_group {
		f.Group = b.structOf(sf.Group().TypeId(), 0)
		f.Group.Go.Which = f.Go.Which
		if f.Doc == "" {
			f.Doc = f.Group.Doc
		}
		return f
	}
	slot := sf.Slot()
	f.Type = b.typ(must(slot.Type()), s.Params)
	f.Offset = int(slot.Offset())
	if bits := f.Type.Kind.Bits(); bits > 0 {
		f.Offset *= bits
	}
	if slot.HasDefaultValue() {
		v := must(slot.DefaultValue())
		set := func() {
			if v := b.value(f.Type, v); !v.zero() {
				f.Default = v
			}
		}
		if f.Type.Kind.Pointer() {
			b.later = append(b.later, set)
		} else {
			set()
		}
	}
	return f
}

// hidden reports whether the runtime fills a field in, so that a program does
// not see it.
func (b *builder) hidden(sf schema.Field, f *Field) bool {
	annotations := must(sf.Annotations())
	for i := range annotations.Len() {
		switch a := annotations.At(i); a.Id() {
		case proxySkip:
			return true
		case proxyCount:
			return must(a.Value()).Int32() == 0
		}
	}
	if f.Type == nil {
		return false
	}
	var id uint64
	switch f.Type.Kind {
	case StructOf:
		id = f.Type.Struct.ID
	case InterfaceOf:
		id = f.Type.Interface.ID
	default:
		return false
	}
	annotations = must(b.node(id).Annotations())
	for i := range annotations.Len() {
		if a := annotations.At(i); a.Id() == proxyCount {
			return must(a.Value()).Int32() == 0
		}
	}
	return false
}

// mergeHas joins fields with the flags that say whether they are there.
func mergeHas(fields []*Field) []*Field {
	byName := map[string]*Field{}
	for _, f := range fields {
		byName[f.Name] = f
	}
	flags := map[*Field]bool{}
	for _, f := range fields {
		if f.Type == nil || f.Type.Kind == Void {
			continue
		}
		flag := byName["has"+upper(f.Name)]
		if flag == nil || flag.Type == nil || flag.Type.Kind != Bool || flag.Default != nil || flag.Discriminant != f.Discriminant || flag.Discriminant >= 0 {
			continue
		}
		f.Has = flag
		flags[flag] = true
	}
	for _, f := range fields {
		if flags[f] && f.Has != nil {
			// hasHasX: x's flag has a flag of its own; keep the outer pair.
			delete(flags, f.Has)
			f.Has = nil
		}
	}
	var out []*Field
	for _, f := range fields {
		if !flags[f] {
			out = append(out, f)
		}
	}
	return out
}

func upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

func (b *builder) iface(id uint64) *Interface {
	if i := b.interfaces[id]; i != nil {
		return i
	}
	n := b.node(id)
	if n.Which() != schema.Node_Which_interface {
		panic(broken{fmt.Errorf("node %#x is no interface", id)})
	}
	i := &Interface{Decl: b.decl(id), Params: b.params(id)}
	b.interfaces[id] = i
	i.Wrap, _ = textAnnotation(must(n.Annotations()), proxyWrap)
	i.Runtime = i.File != nil && i.File.ID == proxyFile
	supers := must(n.Interface().Superclasses())
	for k := range supers.Len() {
		base := b.iface(supers.At(k).Id())
		i.Extends = append(i.Extends, &Type{
			Kind: InterfaceOf, Interface: base,
			Args: b.args(base.Params, must(supers.At(k).Brand()), i.Params),
		})
	}
	methods := must(n.Interface().Methods())
	for k := range methods.Len() {
		i.Methods = append(i.Methods, b.method(i, methods.At(k), k))
	}
	return i
}

func (b *builder) method(i *Interface, sm schema.Method, ordinal int) *Method {
	member := Member{must(sm.Name()), ordinal}
	m := &Method{
		Interface: i, Ordinal: ordinal, Name: member.Name,
		Doc: b.memberDoc(i.ID, ordinal), Pos: b.pos(i.File, i.ID, member),
		Go:      b.bindings(must(sm.Annotations())),
		Context: -1, ParamsThreadMap: -1, ResultsThreadMap: -1,
	}
	of := b.methodOf
	b.methodOf.iface, b.methodOf.method = i.ID, member
	m.Params = b.structOf(sm.ParamStructType(), i.ID)
	b.methodOf.iface, b.methodOf.method = i.ID, member
	m.Results = b.structOf(sm.ResultStructType(), i.ID)
	b.methodOf = of
	m.ParamsArgs = b.args(m.Params.Params, must(sm.ParamBrand()), i.Params)
	m.ResultsArgs = b.args(m.Results.Params, must(sm.ResultBrand()), i.Params)
	if m.Params.Anonymous {
		m.ParamsArgs = inheritArgs(m.Params.Params, m.ParamsArgs, i.Params)
	}
	if m.Results.Anonymous {
		m.ResultsArgs = inheritArgs(m.Results.Params, m.ResultsArgs, i.Params)
	}
	m.Streaming = m.Results.ID == streamResult
	m.Context = runtimeSlot(m.Params, "Context")
	m.ParamsThreadMap = runtimeSlot(m.Params, "ThreadMap")
	m.ResultsThreadMap = runtimeSlot(m.Results, "ThreadMap")

	in, out := m.Params.Fields, m.Results.Fields
	m.Destroy = m.Name == "destroy" && m.Params.Anonymous && m.Results.Anonymous && len(in) == 0 && len(out) == 0
	m.Construct = m.Name == "construct" && m.Params.Anonymous && m.Results.Anonymous && len(in) == 0 && len(out) == 0 &&
		(m.ParamsThreadMap >= 0 || m.ResultsThreadMap >= 0)
	if m.Params.Anonymous {
		wants := map[*Field]bool{}
		for _, r := range out {
			for _, p := range in {
				if p.Name == "want"+upper(r.Name) && p.Type != nil && p.Type.Kind == Bool && m.Results.Anonymous {
					r.Want = p
					wants[p] = true
					m.Wants = append(m.Wants, p)
				}
			}
		}
		for _, p := range in {
			if !wants[p] && visible(p) {
				m.In = append(m.In, p)
			}
		}
	}
	if m.Results.Anonymous {
		for _, r := range out {
			switch {
			case r.Exception != "":
				m.Exceptions = append(m.Exceptions, r)
			case r.Name == "result" && visible(r):
				m.Out = append([]*Field{r}, m.Out...)
			case visible(r):
				m.Out = append(m.Out, r)
			}
		}
	}
	return m
}

// visible reports whether a field carries a value at all.
func visible(f *Field) bool { return f.Type == nil || f.Type.Kind != Void }

// inheritArgs completes the arguments of an anonymous struct: it has the type
// parameters of the interface around it, and its own are implicit ones, which
// stand for any pointer.
func inheritArgs(params []*Param, args []*Type, scope []*Param) []*Type {
	out := make([]*Type, len(params))
	for k, p := range params {
		out[k] = args[k]
		for _, q := range scope {
			if *p == *q {
				out[k] = &Type{Kind: ParamOf, Param: q}
			}
		}
	}
	return out
}

// runtimeSlot is the pointer index of the field whose type is a declaration of
// /mp/proxy.capnp, or -1.
func runtimeSlot(s *Struct, name string) int {
	for _, f := range s.Hidden {
		var d *Decl
		switch {
		case f.Type == nil:
			continue
		case f.Type.Kind == StructOf:
			d = &f.Type.Struct.Decl
		case f.Type.Kind == InterfaceOf:
			d = &f.Type.Interface.Decl
		default:
			continue
		}
		if d.File != nil && d.File.ID == proxyFile && d.Name == name {
			return f.Offset
		}
	}
	return -1
}

// markExceptions finds the structs that any known method fails with.
func (b *builder) markExceptions() {
	b.exceptions = map[uint64]bool{}
	for _, n := range b.nodes {
		if n.Which() != schema.Node_Which_structNode {
			continue
		}
		fields := must(n.StructNode().Fields())
		for i := range fields.Len() {
			f := fields.At(i)
			if f.Which() != schema.Field_Which_slot {
				continue
			}
			if _, ok := textAnnotation(must(f.Annotations()), proxyException); !ok {
				continue
			}
			if t := must(f.Slot().Type()); t.Which() == schema.Type_Which_structType {
				b.exceptions[t.StructType().TypeId()] = true
			}
		}
	}
}

func textAnnotation(list schema.Annotation_List, id uint64) (string, bool) {
	for i := range list.Len() {
		if a := list.At(i); a.Id() == id {
			return must(must(a.Value()).Text()), true
		}
	}
	return "", false
}

var scalarKinds = map[schema.Type_Which]Kind{
	schema.Type_Which_void: Void, schema.Type_Which_bool: Bool,
	schema.Type_Which_int8: Int8, schema.Type_Which_int16: Int16,
	schema.Type_Which_int32: Int32, schema.Type_Which_int64: Int64,
	schema.Type_Which_uint8: Uint8, schema.Type_Which_uint16: Uint16,
	schema.Type_Which_uint32: Uint32, schema.Type_Which_uint64: Uint64,
	schema.Type_Which_float32: Float32, schema.Type_Which_float64: Float64,
	schema.Type_Which_text: Text, schema.Type_Which_data: Data,
}

// typ reads a type. scope are the type parameters that it may refer to; other
// ones are implicit parameters of a method and stand for any pointer.
func (b *builder) typ(t schema.Type, scope []*Param) *Type {
	switch t.Which() {
	case schema.Type_Which_list:
		return &Type{Kind: ListOf, Elem: b.typ(must(t.List().ElementType()), scope)}
	case schema.Type_Which_enum:
		return &Type{Kind: EnumOf, Enum: b.enum(t.Enum().TypeId())}
	case schema.Type_Which_structType:
		s := b.structOf(t.StructType().TypeId(), 0)
		return &Type{Kind: StructOf, Struct: s, Args: b.args(b.params(s.ID), must(t.StructType().Brand()), scope)}
	case schema.Type_Which_interface:
		id := t.Interface().TypeId()
		i := b.iface(id)
		return &Type{Kind: InterfaceOf, Interface: i, Args: b.args(b.params(id), must(t.Interface().Brand()), scope)}
	case schema.Type_Which_anyPointer:
		any := t.AnyPointer()
		switch any.Which() {
		case schema.Type_anyPointer_Which_parameter:
			want := Param{Scope: any.Parameter().ScopeId(), Index: int(any.Parameter().ParameterIndex())}
			for _, p := range scope {
				if p.Scope == want.Scope && p.Index == want.Index {
					return &Type{Kind: ParamOf, Param: p}
				}
			}
		case schema.Type_anyPointer_Which_unconstrained:
			if any.Unconstrained().Which() == schema.Type_anyPointer_unconstrained_Which_capability {
				return &Type{Kind: Capability}
			}
		}
		return &Type{Kind: AnyPointer}
	}
	k, ok := scalarKinds[t.Which()]
	if !ok {
		panic(broken{fmt.Errorf("unknown type %v", t.Which())})
	}
	return &Type{Kind: k}
}

// args reads a brand: one argument for each of params, AnyPointer where the
// brand binds none.
func (b *builder) args(params []*Param, brand schema.Brand, scope []*Param) []*Type {
	if len(params) == 0 {
		return nil
	}
	out := make([]*Type, len(params))
	scopes := must(brand.Scopes())
	for k, p := range params {
		out[k] = &Type{Kind: AnyPointer}
		for i := range scopes.Len() {
			sc := scopes.At(i)
			if sc.ScopeId() != p.Scope {
				continue
			}
			if sc.Which() == schema.Brand_Scope_Which_inherit {
				for _, q := range scope {
					if *q == *p {
						out[k] = &Type{Kind: ParamOf, Param: q}
					}
				}
				continue
			}
			binds := must(sc.Bind())
			if p.Index < binds.Len() && binds.At(p.Index).Which() == schema.Brand_Binding_Which_type {
				out[k] = b.typ(must(binds.At(p.Index).Type()), scope)
			}
		}
	}
	b.uses = append(b.uses, use{params, out})
	return out
}

// ids of /mp/go.capnp, and of the go.capnp that go-capnp has.
const (
	goPackage      = 0x8489086ac10d7897
	goImport       = 0xb5e3b1224cff7489
	goName         = 0xc7986a552ba4a4b7
	goMap          = 0x8f73509db6102ebb
	goSet          = 0xaf87738c9522c64f
	goOptional     = 0xb24eda917d05f252
	goType         = 0xbeb1165a39fcc4ea
	goConvert      = 0xcc1666db9aeaa267
	goAbsent       = 0xf2a3b5fede3c81ad
	goToGo         = 0xe5c041d0a78f57a7
	goFromGo       = 0x99d45f251d364b09
	goCodec        = 0xcede15884798e794
	goWrap         = 0xa375deb53263eef7
	goMethod       = 0xd4a4c217e747f259
	goWhich        = 0xdb16b64f62795566
	goValue        = 0x97a1107bd5c7c485
	capnpGoPackage = 0xbea97f1023792be0
	capnpGoImport  = 0xe130b601260e44b5
	capnpGoName    = 0xc2b96012172f8df1
)

func (b *builder) bindings(list schema.Annotation_List) Bindings {
	var g Bindings
	for i := range list.Len() {
		a := list.At(i)
		v := must(a.Value())
		text := func(p *string) {
			if v.Which() == schema.Value_Which_text {
				*p = strings.TrimSpace(must(v.Text()))
			}
		}
		switch a.Id() {
		case goPackage, capnpGoPackage:
			text(&g.Package)
		case goImport, capnpGoImport:
			text(&g.Import)
		case goName, capnpGoName:
			text(&g.Name)
		case goMap:
			g.Map = true
		case goSet:
			g.Set = true
		case goOptional:
			g.Optional = true
		case goValue:
			g.Value = true
		case goType:
			text(&g.Type)
		case goConvert:
			text(&g.Convert)
		case goAbsent:
			if v.Which() == schema.Value_Which_list {
				l := capnp.TextList(must(v.List()).List())
				for k := range l.Len() {
					g.Absent = append(g.Absent, strings.TrimSpace(must(l.At(k))))
				}
			}
		case goToGo:
			text(&g.ToGo)
		case goFromGo:
			text(&g.FromGo)
		case goCodec:
			text(&g.Codec)
		case goWrap:
			text(&g.Wrap)
		case goMethod:
			text(&g.Method)
		case goWhich:
			text(&g.Which)
		}
	}
	return g
}
