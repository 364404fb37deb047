package compiler

import (
	"math"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/std/capnp/schema"
)

// version is the version of the reference compiler whose requests ours equal.
var version = struct {
	major        uint16
	minor, micro uint8
}{1, 5, 0}

// The sizes of structs that go-capnp's schema package has in an older, smaller
// form. The fields that it lacks are written by their offsets, which follow
// from schema.capnp of Cap'n Proto 1.5.
var (
	nodeSize          = capnp.ObjectSize{DataSize: 48, PointerCount: 6}
	sourceInfoSize    = capnp.ObjectSize{DataSize: 16, PointerCount: 2}
	requestedFileSize = capnp.ObjectSize{DataSize: 8, PointerCount: 3}
	fileInfoSize      = capnp.ObjectSize{PointerCount: 1}
	identifierSize    = capnp.ObjectSize{DataSize: 24}
)

const (
	nodeStartByte       = 40
	nodeEndByte         = 44
	sourceInfoStartByte = 8
	sourceInfoEndByte   = 12
	fileSourceInfoPtr   = 2
	identifierStartByte = 0
	identifierEndByte   = 4
	identifierTypeID    = 8
)

// writer builds a request. It keeps the first error; there is one only if the
// message grows too large.
type writer struct {
	err error
}

func (w *writer) check(err error) {
	if w.err == nil {
		w.err = err
	}
}

// try unwraps the results of go-capnp's constructors.
func try[T any](w *writer) func(T, error) T {
	return func(v T, err error) T {
		w.check(err)
		return v
	}
}

// emit builds the request message.
func (c *compiler) emit(nodes, described []*outNode) (schema.CodeGeneratorRequest, error) {
	w := &writer{}
	_, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	if err != nil {
		return schema.CodeGeneratorRequest{}, err
	}
	req, err := schema.NewRootCodeGeneratorRequest(seg)
	if err != nil {
		return req, err
	}
	v := try[schema.CapnpVersion](w)(req.NewCapnpVersion())
	v.SetMajor(version.major)
	v.SetMinor(version.minor)
	v.SetMicro(version.micro)

	list := w.composite(seg, nodeSize, len(nodes))
	for i, n := range nodes {
		w.node(schema.Node(list.Struct(i)), n)
	}
	w.check(req.SetNodes(schema.Node_List(list)))

	infos := w.composite(seg, sourceInfoSize, len(described))
	for i, n := range described {
		w.sourceInfo(schema.Node_SourceInfo(infos.Struct(i)), n)
	}
	w.check(req.SetSourceInfo(schema.Node_SourceInfo_List(infos)))

	files := w.composite(seg, requestedFileSize, len(c.requested))
	for i, f := range c.requested {
		w.requestedFile(schema.CodeGeneratorRequest_RequestedFile(files.Struct(i)), f)
	}
	w.check(req.SetRequestedFiles(schema.CodeGeneratorRequest_RequestedFile_List(files)))
	// Reading it over and over is no harm: it is in memory already.
	req.Message().ResetReadLimit(math.MaxUint64)
	return req, w.err
}

func (w *writer) composite(seg *capnp.Segment, size capnp.ObjectSize, n int) capnp.List {
	return try[capnp.List](w)(capnp.NewCompositeList(seg, size, int32(n)))
}

func (w *writer) text(s capnp.Struct, i uint16, text string) {
	w.check(s.SetNewText(i, text))
}

func (w *writer) node(n schema.Node, out *outNode) {
	s := capnp.Struct(n)
	n.SetId(out.id)
	w.check(n.SetDisplayName(out.display))
	n.SetDisplayNamePrefixLength(uint32(out.prefix))
	n.SetScopeId(out.scopeID)
	n.SetIsGeneric(out.generic)
	if out.placed {
		s.SetUint32(nodeStartByte, out.start)
		s.SetUint32(nodeEndByte, out.end)
	}
	if len(out.params) > 0 {
		l := try[schema.Node_Parameter_List](w)(n.NewParameters(int32(len(out.params))))
		for i, p := range out.params {
			w.check(l.At(i).SetName(p.Text))
		}
	}
	if len(out.nested) > 0 {
		l := try[schema.Node_NestedNode_List](w)(n.NewNestedNodes(int32(len(out.nested))))
		for i, m := range out.nested {
			w.check(l.At(i).SetName(m.decl.Name.Text))
			l.At(i).SetId(m.id)
		}
	}
	if len(out.annots) > 0 {
		w.annotations(try[schema.Annotation_List](w)(n.NewAnnotations(int32(len(out.annots)))), out.annots)
	}
	switch out.kind {
	case schema.Node_Which_file:
		n.SetFile()
	case schema.Node_Which_structNode:
		n.SetStructNode()
		st := n.StructNode()
		st.SetDataWordCount(uint16(out.words))
		st.SetPointerCount(uint16(out.pointers))
		st.SetPreferredListEncoding(schema.ElementSize_inlineComposite)
		st.SetIsGroup(out.isGroup)
		st.SetDiscriminantCount(uint16(out.tagCount))
		st.SetDiscriminantOffset(out.tagOffset)
		if len(out.fields) > 0 {
			l := try[schema.Field_List](w)(st.NewFields(int32(len(out.fields))))
			for i := range out.fields {
				w.field(l.At(i), &out.fields[i])
			}
		}
	case schema.Node_Which_enum:
		n.SetEnum()
		l := try[schema.Enumerant_List](w)(n.Enum().NewEnumerants(int32(len(out.enumerants))))
		for i := range out.enumerants {
			e, m := l.At(i), &out.enumerants[i]
			w.check(e.SetName(m.name))
			e.SetCodeOrder(uint16(m.codeOrder))
			if len(m.annots) > 0 {
				w.annotations(try[schema.Annotation_List](w)(e.NewAnnotations(int32(len(m.annots)))), m.annots)
			}
		}
	case schema.Node_Which_interface:
		n.SetInterface()
		w.iface(n, out)
	case schema.Node_Which_const:
		n.SetConst()
		w.typ(try[schema.Type](w)(n.Const().NewType()), out.typ)
		w.value(try[schema.Value](w)(n.Const().NewValue()), out.typ, out.value)
	case schema.Node_Which_annotation:
		n.SetAnnotation()
		w.typ(try[schema.Type](w)(n.Annotation().NewType()), out.typ)
		const targetBits = 112 // Node.annotation.targetsFile; the others follow
		for i := 0; i < 12; i++ {
			s.SetBit(capnp.BitOffset(targetBits+i), out.targets&(1<<i) != 0)
		}
	}
}

func (w *writer) iface(n schema.Node, out *outNode) {
	if len(out.methods) > 0 {
		l := try[schema.Method_List](w)(n.Interface().NewMethods(int32(len(out.methods))))
		for i := range out.methods {
			m, from := l.At(i), &out.methods[i]
			w.check(m.SetName(from.name))
			m.SetCodeOrder(uint16(from.codeOrder))
			m.SetParamStructType(from.paramsID)
			m.SetResultStructType(from.resultsID)
			if from.paramsBrand != nil {
				w.brand(try[schema.Brand](w)(m.NewParamBrand()), from.paramsBrand)
			}
			if from.resultBrand != nil {
				w.brand(try[schema.Brand](w)(m.NewResultBrand()), from.resultBrand)
			}
			if len(from.implicit) > 0 {
				il := try[schema.Node_Parameter_List](w)(m.NewImplicitParameters(int32(len(from.implicit))))
				for j, p := range from.implicit {
					w.check(il.At(j).SetName(p.Text))
				}
			}
			if len(from.annots) > 0 {
				w.annotations(try[schema.Annotation_List](w)(m.NewAnnotations(int32(len(from.annots)))), from.annots)
			}
		}
	}
	if len(out.supers) > 0 {
		l := try[schema.Superclass_List](w)(n.Interface().NewSuperclasses(int32(len(out.supers))))
		for i, s := range out.supers {
			l.At(i).SetId(s.id)
			if s.brand != nil {
				w.brand(try[schema.Brand](w)(l.At(i).NewBrand()), s.brand)
			}
		}
	}
}

func (w *writer) field(f schema.Field, from *outField) {
	w.check(f.SetName(from.name))
	f.SetCodeOrder(uint16(from.codeOrder))
	f.SetDiscriminantValue(from.tag)
	if from.hasOrdinal {
		f.Ordinal().SetExplicit(from.ordinal)
	}
	if len(from.annots) > 0 {
		w.annotations(try[schema.Annotation_List](w)(f.NewAnnotations(int32(len(from.annots)))), from.annots)
	}
	if from.group != nil {
		f.SetGroup()
		f.Group().SetTypeId(from.group.id)
		return
	}
	f.SetSlot()
	slot := f.Slot()
	slot.SetOffset(from.offset)
	slot.SetHadExplicitDefault(from.hadExplicit)
	w.typ(try[schema.Type](w)(slot.NewType()), from.typ)
	w.value(try[schema.Value](w)(slot.NewDefaultValue()), from.typ, from.value)
}

func (w *writer) annotations(l schema.Annotation_List, as []outAnnotation) {
	for i := range as {
		a, from := l.At(i), &as[i]
		a.SetId(from.id)
		// The reference compiler writes a brand even if nothing is bound.
		b := try[schema.Brand](w)(a.NewBrand())
		if from.brand != nil {
			w.brand(b, from.brand)
		}
		w.value(try[schema.Value](w)(a.NewValue()), from.typ, from.value)
	}
}

func (w *writer) typ(t schema.Type, from *typ) {
	switch from.kind {
	case schema.Type_Which_list:
		t.SetList()
		w.typ(try[schema.Type](w)(t.List().NewElementType()), from.elem)
	case schema.Type_Which_enum:
		t.SetEnum()
		t.Enum().SetTypeId(from.id)
		if from.brand != nil {
			w.brand(try[schema.Brand](w)(t.Enum().NewBrand()), from.brand)
		}
	case schema.Type_Which_structType:
		t.SetStructType()
		t.StructType().SetTypeId(from.id)
		if from.brand != nil {
			w.brand(try[schema.Brand](w)(t.StructType().NewBrand()), from.brand)
		}
	case schema.Type_Which_interface:
		t.SetInterface()
		t.Interface().SetTypeId(from.id)
		if from.brand != nil {
			w.brand(try[schema.Brand](w)(t.Interface().NewBrand()), from.brand)
		}
	case schema.Type_Which_anyPointer:
		t.SetAnyPointer()
		any := t.AnyPointer()
		switch from.any {
		case anyParameter:
			any.SetParameter()
			any.Parameter().SetScopeId(from.scope)
			any.Parameter().SetParameterIndex(from.index)
		case anyImplicit:
			any.SetImplicitMethodParameter()
			any.ImplicitMethodParameter().SetParameterIndex(from.index)
		default:
			any.SetUnconstrained()
			switch u := any.Unconstrained(); from.any {
			case anyStruct:
				u.SetStruct()
			case anyList:
				u.SetList()
			case anyCapability:
				u.SetCapability()
			default:
				u.SetAnyKind()
			}
		}
	default:
		capnp.Struct(t).SetUint16(0, uint16(from.kind))
	}
}

func (w *writer) brand(b schema.Brand, from *brand) {
	l := try[schema.Brand_Scope_List](w)(b.NewScopes(int32(len(from.scopes))))
	for i := range from.scopes {
		s, sf := l.At(i), &from.scopes[i]
		s.SetScopeId(sf.id)
		if sf.inherit {
			s.SetInherit()
			continue
		}
		bl := try[schema.Brand_Binding_List](w)(s.NewBind(int32(len(sf.bind))))
		for j, t := range sf.bind {
			w.typ(try[schema.Type](w)(bl.At(j).NewType()), t)
		}
	}
}

// value writes a value of type t, or the type's own default if v is nil.
func (w *writer) value(to schema.Value, t *typ, v *value) {
	// The members of Value and Type have the same numbers.
	s := capnp.Struct(to)
	s.SetUint16(0, uint16(t.kind))
	if v == nil {
		return
	}
	if t.isPointer() {
		w.pointer(s, 0, v)
		return
	}
	switch bits := wireBits(v, t); t.lgBits() {
	case 0:
		s.SetBit(16, bits != 0)
	case 3:
		s.SetUint8(2, uint8(bits))
	case 4:
		s.SetUint16(2, uint16(bits))
	case 5:
		s.SetUint32(4, uint32(bits))
	case 6:
		s.SetUint64(8, bits)
	}
}

// pointer writes what a pointer points to.
func (w *writer) pointer(s capnp.Struct, i uint16, v *value) {
	w.check(s.SetPtr(i, w.object(s.Segment(), v)))
}

// object writes a value that a pointer can point to.
func (w *writer) object(seg *capnp.Segment, v *value) capnp.Ptr {
	if v == nil || w.err != nil {
		return capnp.Ptr{}
	}
	switch v.kind {
	case textValue:
		return try[capnp.UInt8List](w)(capnp.NewText(seg, v.s)).ToPtr()
	case dataValue:
		return try[capnp.UInt8List](w)(capnp.NewData(seg, []byte(v.s))).ToPtr()
	case structValue:
		return w.structure(seg, v).ToPtr()
	case listValue:
		return w.list(seg, v)
	case embeddedPointer:
		// SetPtr copies it. Each word is read once for each time that it is used.
		v.ptr.Message().ResetReadLimit(v.limit)
		return v.ptr
	}
	return capnp.Ptr{}
}

func (w *writer) structure(seg *capnp.Segment, v *value) capnp.Struct {
	s := try[capnp.Struct](w)(capnp.NewStruct(seg, capnp.ObjectSize{DataSize: capnp.Size(len(v.data)), PointerCount: uint16(len(v.ptrs))}))
	w.fill(s, v)
	return s
}

// fill copies a struct value into a struct that may be smaller.
func (w *writer) fill(s capnp.Struct, v *value) {
	if w.err != nil {
		return
	}
	size := s.Size()
	for i := 0; i < len(v.data) && i < int(size.DataSize); i++ {
		s.SetUint8(capnp.DataOffset(i), v.data[i])
	}
	for i, p := range v.ptrs {
		if p != nil && i < int(size.PointerCount) {
			w.pointer(s, uint16(i), p)
		}
	}
}

func (w *writer) list(seg *capnp.Segment, v *value) capnp.Ptr {
	n := int32(len(v.list))
	elem := v.typ.elem
	switch lg := elem.lgBits(); {
	case lg == lgVoid:
		return capnp.NewVoidList(seg, n).ToPtr()
	case lg == 0:
		l := try[capnp.BitList](w)(capnp.NewBitList(seg, n))
		for i, e := range v.list {
			l.Set(i, e.bits != 0)
		}
		return l.ToPtr()
	case lg == 3:
		l := try[capnp.UInt8List](w)(capnp.NewUInt8List(seg, n))
		for i, e := range v.list {
			l.Set(i, uint8(wireBits(e, elem)))
		}
		return l.ToPtr()
	case lg == 4:
		l := try[capnp.UInt16List](w)(capnp.NewUInt16List(seg, n))
		for i, e := range v.list {
			l.Set(i, uint16(wireBits(e, elem)))
		}
		return l.ToPtr()
	case lg == 5:
		l := try[capnp.UInt32List](w)(capnp.NewUInt32List(seg, n))
		for i, e := range v.list {
			l.Set(i, uint32(wireBits(e, elem)))
		}
		return l.ToPtr()
	case lg == 6:
		l := try[capnp.UInt64List](w)(capnp.NewUInt64List(seg, n))
		for i, e := range v.list {
			l.Set(i, wireBits(e, elem))
		}
		return l.ToPtr()
	case elem.kind == schema.Type_Which_structType:
		size := capnp.ObjectSize{DataSize: capnp.Size(8 * v.elemWords), PointerCount: uint16(v.elemPtrs)}
		l := w.composite(seg, size, int(n))
		for i, e := range v.list {
			w.fill(l.Struct(i), e)
		}
		return l.ToPtr()
	}
	l := try[capnp.PointerList](w)(capnp.NewPointerList(seg, n))
	for i, e := range v.list {
		w.check(l.Set(i, w.object(seg, e)))
	}
	return l.ToPtr()
}

func (w *writer) sourceInfo(s schema.Node_SourceInfo, n *outNode) {
	if !n.isParams {
		s.SetId(n.id)
	}
	if n.hasDoc {
		w.text(capnp.Struct(s), 0, n.doc)
	}
	if !n.isParams && !n.isGroup {
		capnp.Struct(s).SetUint32(sourceInfoStartByte, n.start)
		capnp.Struct(s).SetUint32(sourceInfoEndByte, n.end)
	}
	count := len(n.fields) + len(n.enumerants) + len(n.methods)
	if count == 0 {
		return
	}
	l := try[schema.Node_SourceInfo_Member_List](w)(s.NewMembers(int32(count)))
	member := func(i int, m *outMember) {
		if m.hasDoc {
			w.text(capnp.Struct(l.At(i)), 0, m.doc)
		}
	}
	for i := range n.fields {
		member(i, &n.fields[i].outMember)
	}
	for i := range n.enumerants {
		member(i, &n.enumerants[i])
	}
	for i := range n.methods {
		member(i, &n.methods[i].outMember)
	}
}

func (w *writer) requestedFile(r schema.CodeGeneratorRequest_RequestedFile, f *file) {
	r.SetId(f.node.id)
	w.check(r.SetFilename(f.path))
	imports := f.importTable()
	l := try[schema.CodeGeneratorRequest_RequestedFile_Import_List](w)(r.NewImports(int32(len(imports))))
	for i, im := range imports {
		l.At(i).SetId(im.file.node.id)
		w.check(l.At(i).SetName(im.name))
	}
	s := capnp.Struct(r)
	info := try[capnp.Struct](w)(capnp.NewStruct(s.Segment(), fileInfoSize))
	w.check(s.SetPtr(fileSourceInfoPtr, info.ToPtr()))
	ids := w.composite(s.Segment(), identifierSize, len(f.resolved))
	for i, r := range f.resolved {
		id := ids.Struct(i)
		id.SetUint32(identifierStartByte, r.start)
		id.SetUint32(identifierEndByte, r.end)
		id.SetUint64(identifierTypeID, r.id)
	}
	w.check(info.SetPtr(0, ids.ToPtr()))
}
