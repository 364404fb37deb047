package gogen

import (
	"fmt"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

var scalarTypes = map[model.Kind]string{
	model.Void: "struct{}", model.Bool: "bool",
	model.Int8: "int8", model.Int16: "int16", model.Int32: "int32", model.Int64: "int64",
	model.Uint8: "uint8", model.Uint16: "uint16", model.Uint32: "uint32", model.Uint64: "uint64",
	model.Float32: "float32", model.Float64: "float64",
	model.Text: "string", model.Data: "[]byte",
}

// typ is the Go type of a value. Structs are pointers, for the wire can have a
// null for each.
func (g *generator) typ(t *model.Type) string {
	switch t.Kind {
	case model.ListOf:
		return "[]" + g.elem(t.Elem)
	case model.EnumOf:
		e := t.Enum
		return g.qual(e.File, goName(&e.Decl))
	case model.StructOf:
		return "*" + g.structType(t)
	case model.InterfaceOf:
		i := t.Interface
		if i.Runtime {
			return g.mprt("Capability")
		}
		if i.Go.Wrap != "" {
			return g.goType(i.Go.Wrap, i.File, i.Pos) + g.typeArgs(t.Args)
		}
		return g.qual(i.File, goName(&i.Decl)) + g.typeArgs(t.Args)
	case model.AnyPointer:
		return g.mprt("AnyPointer")
	case model.Capability:
		return g.mprt("Capability")
	case model.ParamOf:
		if name, ok := g.params[*t.Param]; ok {
			return name
		}
		return g.mprt("AnyPointer")
	}
	return scalarTypes[t.Kind]
}

// elem is the Go type of a list's element: structs are values.
func (g *generator) elem(t *model.Type) string {
	if t.Kind == model.StructOf {
		return g.structType(t)
	}
	return g.typ(t)
}

// structType is the Go type of a struct itself.
func (g *generator) structType(t *model.Type) string {
	s := t.Struct
	switch {
	case s.Go.Codec != "":
		return g.goType(s.Go.Codec, s.File, s.Pos)
	case s.Go.Wrap != "":
		return g.goType(s.Go.Wrap, s.File, s.Pos) + g.typeArgs(t.Args)
	case s.Group:
		return g.qual(s.File, groupName(&s.Decl)) + g.typeArgs(t.Args)
	}
	return g.qual(s.File, goName(&s.Decl)) + g.typeArgs(t.Args)
}

func (g *generator) typeArgs(args []*model.Type) string {
	if len(args) == 0 {
		return ""
	}
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = g.typ(a)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// goType is a Go type that a binding names. Without a package it is one of the
// package that home is in.
func (g *generator) goType(text string, home *model.File, pos model.Pos) string {
	prefix := ""
	for text != "" {
		switch {
		case text[0] == '*':
			prefix, text = prefix+"*", text[1:]
			continue
		case text[0] == '[':
			if end := strings.IndexByte(text, ']'); end > 0 {
				prefix, text = prefix+text[:end+1], text[end+1:]
				continue
			}
		}
		break
	}
	slash := strings.LastIndexByte(text, '/')
	dot := strings.IndexByte(text[slash+1:], '.')
	if dot < 0 {
		if slash >= 0 || text == "" {
			g.errorf(pos, "%q is no Go type: write it with its import path, as time.Duration or example.com/app/units.Celsius", text)
			return "struct{}"
		}
		if _, err := parser.ParseExpr(text); err != nil {
			g.errorf(pos, "%q is no Go type", text)
			return "struct{}"
		}
		if predeclared[text] {
			return prefix + text
		}
		return prefix + g.qual(home, text)
	}
	importPath, name := text[:slash+1+dot], text[slash+2+dot:]
	base, _, _ := strings.Cut(name, "[")
	_, err := parser.ParseExpr(name)
	switch {
	case err != nil || !token.IsIdentifier(base) || strings.ContainsAny(importPath, " \t\n()[]*"):
		g.errorf(pos, "%q is no Go type: %q is no name that a package can have", text, name)
		return "struct{}"
	case importPath != g.pkg.ImportPath && !token.IsExported(name):
		g.errorf(pos, "%q is not exported by its package", text)
		return "struct{}"
	}
	if importPath == g.pkg.ImportPath {
		return prefix + name
	}
	return prefix + g.impBound(importPath) + "." + name
}

// enterParams brings type parameters into scope, with the expression that
// their codecs are fields of; prefix is "c." or the like.
func (g *generator) enterParams(params []*model.Param, prefix string) {
	g.params, g.codecs, g.members = map[model.Param]string{}, map[model.Param]string{}, map[model.Param]string{}
	all := paramNames(g.schema, params)
	// Another file may be of the same package; that one says what the codec's
	// member is called, but not what the parameter is called here.
	taken := set(g.schema.ImportedNames...)
	for i, p := range params {
		g.params[*p] = taken.take(all[i], "_")
		g.members[*p] = codecMember(all[i])
		if prefix == "" {
			g.codecs[*p] = codecParam(g.params[*p])
		} else {
			g.codecs[*p] = prefix + g.members[*p]
		}
	}
}

// paramNames are the Go names of type parameters: those of the schema, unless
// the file declares something of the name.
func paramNames(f *model.File, params []*model.Param) []string {
	taken := names{}
	for _, n := range f.Names {
		taken[n] = true
	}
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = taken.take(upper(p.Name), "T")
	}
	return list
}

// paramDecl declares the type parameters in scope, in the order of params.
func (g *generator) paramDecl(params []*model.Param) string {
	if len(params) == 0 {
		return ""
	}
	return "[" + strings.Join(g.paramNames(params), ", ") + " any]"
}

func (g *generator) paramUse(params []*model.Param) string {
	if len(params) == 0 {
		return ""
	}
	return "[" + strings.Join(g.paramNames(params), ", ") + "]"
}

func (g *generator) paramNames(params []*model.Param) []string {
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = g.params[*p]
	}
	return list
}

// paramTypes are type parameters as the arguments of their own declaration.
func paramTypes(params []*model.Param) []*model.Type {
	var args []*model.Type
	for _, p := range params {
		args = append(args, &model.Type{Kind: model.ParamOf, Param: p})
	}
	return args
}

// selfEncoding reports whether a pointer to a struct's Go type is an
// mprt.Struct.
func selfEncoding(s *model.Struct) bool {
	return s.Go.Codec != "" || s.Go.Wrap == "" && len(s.Params) == 0
}

// structCodec is the mprt.StructCodec of a struct that does not encode itself.
func (g *generator) structCodec(t *model.Type) string {
	s := t.Struct
	lit := g.qual(s.File, aux(&s.Decl, "", "Codec")) + g.typeArgs(t.Args)
	var fields []string
	for i, name := range paramNames(s.File, s.Params) {
		fields = append(fields, codecMember(name)+": "+g.codec(t.Args[i]))
	}
	return lit + "{" + strings.Join(fields, ", ") + "}"
}

func (g *generator) codecList(args []*model.Type) string {
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = g.codec(a)
	}
	return strings.Join(list, ", ")
}

// codec is the mprt.Codec of a type.
func (g *generator) codec(t *model.Type) string {
	switch t.Kind {
	case model.Text:
		return g.mprt("Texts{}")
	case model.Data:
		return g.mprt("Datas{}")
	case model.ListOf:
		return g.mprt("Lists[") + g.elem(t.Elem) + "]{Elem: " + g.elemCodec(t.Elem) + "}"
	case model.StructOf:
		s := g.structType(t)
		if selfEncoding(t.Struct) {
			return g.mprt("Pointers[") + s + ", *" + s + "]{}"
		}
		return g.mprt("PointersWith[") + s + "]{Codec: " + g.structCodec(t) + "}"
	case model.InterfaceOf:
		if t.Interface.Runtime {
			return g.mprt("Capabilities{}")
		}
		return g.proxy(t, "&")
	case model.AnyPointer:
		return g.mprt("AnyPointers{}")
	case model.Capability:
		return g.mprt("Capabilities{}")
	case model.ParamOf:
		if c, ok := g.codecs[*t.Param]; ok {
			return c
		}
		return g.mprt("AnyPointers{}")
	}
	return "nil" // no other type can be a type argument
}

// elemCodec is the mprt.Elem of a type.
func (g *generator) elemCodec(t *model.Type) string {
	switch t.Kind {
	case model.Void:
		return g.mprt("Voids{}")
	case model.Bool:
		return g.mprt("Bools{}")
	case model.StructOf:
		s := g.structType(t)
		if selfEncoding(t.Struct) {
			return g.mprt("Structs[") + s + ", *" + s + "]{}"
		}
		return g.mprt("StructsWith[") + s + "]{Codec: " + g.structCodec(t) + "}"
	}
	if !t.Kind.Pointer() {
		return g.mprt("Numbers[") + g.typ(t) + "]{}"
	}
	return g.codec(t)
}

// proxy is the mprt.Proxy of an interface: a variable, addressed with addr, or
// a call that makes it for a generic one.
func (g *generator) proxy(t *model.Type, addr string) string {
	i := t.Interface
	name := g.qual(i.File, aux(&i.Decl, "", "Proxy"))
	if len(i.Params) == 0 {
		return addr + name
	}
	return name + g.typeArgs(t.Args) + "(" + g.codecList(t.Args) + ")"
}

// usesParams reports whether a type depends on type parameters in scope.
func usesParams(t *model.Type) bool {
	if t == nil {
		return false
	}
	if t.Kind == model.ParamOf {
		return true
	}
	for _, a := range t.Args {
		if usesParams(a) {
			return true
		}
	}
	return usesParams(t.Elem)
}

// usesGenericInterface reports whether a type has a generic interface in it.
func usesGenericInterface(t *model.Type) bool {
	return t != nil && (t.Kind == model.InterfaceOf && len(t.Args) > 0 || usesGenericInterface(t.Elem) || slices.ContainsFunc(t.Args, usesGenericInterface))
}

// size is the literal of a struct's size.
func (g *generator) size(s *model.Struct) string {
	var parts []string
	if s.Data > 0 {
		parts = append(parts, "DataSize: "+strconv.Itoa(s.Data*8))
	}
	if s.Pointers > 0 {
		parts = append(parts, "PointerCount: "+strconv.Itoa(s.Pointers))
	}
	return g.capnp("ObjectSize{") + strings.Join(parts, ", ") + "}"
}

// pair returns the key and the value of a map's entries.
func (g *generator) pair(f *model.Field, t *model.Type) (elem *model.Struct, key, val *model.Field, ok bool) {
	if t.Kind != model.ListOf || t.Elem.Kind != model.StructOf || len(t.Elem.Struct.Fields) != 2 || t.Elem.Struct.Union != nil ||
		t.Elem.Struct.Fields[0].Group != nil || t.Elem.Struct.Fields[1].Group != nil {
		g.errorf(f.Pos, "$Go.map on %s: a map is a list of structs with two fields, the key and the value", f.Name)
		return nil, nil, nil, false
	}
	s := t.Elem.Struct
	key, val = subst(s.Fields[0], s.Params, t.Elem.Args), subst(s.Fields[1], s.Params, t.Elem.Args)
	if val.Type.Kind == model.Void {
		g.errorf(f.Pos, "$Go.map on %s: its values are Void; a list of the keys alone can be a $Go.set", f.Name)
		return nil, nil, nil, false
	}
	switch key.Type.Kind {
	case model.ParamOf:
		g.errorf(f.Pos, "$Go.map on %s: its keys are of a type parameter, which need not be comparable in Go", f.Name)
		return nil, nil, nil, false
	case model.Data, model.ListOf, model.AnyPointer, model.Void:
		g.errorf(f.Pos, "$Go.map on %s: a Go map cannot have %s as its key", f.Name, g.typ(key.Type))
		return nil, nil, nil, false
	}
	return s, key, val, true
}

// subst is a field with its type parameters replaced.
func subst(f *model.Field, params []*model.Param, args []*model.Type) *model.Field {
	if len(params) == 0 || f.Type == nil {
		return f
	}
	c := *f
	c.Type, c.Param = f.Type.Subst(params, args), f.Param || f.Type.Kind == model.ParamOf
	return &c
}

// fieldType is the Go type of a field, with its bindings.
func (g *generator) fieldType(f *model.Field) string {
	t := f.Type
	switch {
	case f.Group != nil:
		s := f.Group
		return groupName(&s.Decl) + g.paramUse(s.Params)
	case f.Go.Map:
		_, key, val, _ := g.pair(f, t)
		return "map[" + g.fieldType(key) + "]" + g.fieldType(val)
	case f.Go.Set:
		return "map[" + g.typ(t.Elem) + "]struct{}"
	case converted(f):
		if f.Has != nil {
			return "*" + g.boundType(f)
		}
		return g.boundType(f)
	case f.Go.Value && t.Kind == model.StructOf:
		return g.structType(t)
	case f.Has != nil && !nilable(f) || f.Go.Optional && t.Kind == model.Text:
		return "*" + g.typ(t)
	}
	return g.typ(t)
}

// nilable reports whether the zero value of a field's Go type says that it is
// not there. One that is declared with a type parameter is a pointer, whatever
// the argument is.
func nilable(f *model.Field) bool {
	if f.Param {
		return false
	}
	switch f.Type.Kind {
	case model.Data, model.ListOf, model.StructOf, model.InterfaceOf, model.AnyPointer, model.Capability:
		return true
	}
	return false
}

// isNil is the condition that a nilable value is there.
func notNil(t *model.Type, v string) string {
	if t.Kind == model.AnyPointer || t.Kind == model.Capability || t.Kind == model.InterfaceOf && t.Interface.Runtime {
		return "!" + v + ".IsNull()"
	}
	return v + " != nil"
}

func hex(v uint64) string { return fmt.Sprintf("%#x", v) }
