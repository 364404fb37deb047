// Package model turns a compiled schema, a CodeGeneratorRequest, into what a
// generator of proxies thinks in: structs whose fields are values of a
// program's, interfaces whose methods have arguments and results.
//
// Like libmultiprocess's generator it merges what belongs together: a field
// with the flag that says whether it is there, a result with the flag that
// asks for it, a param with the result of the same name. The flags, contexts
// and thread maps that the runtime fills in are gone from the merged lists.
//
// It knows no Go syntax, and nothing of how the schema was parsed.
package model

import (
	"fmt"
	"math"
	"sort"
	"strings"
)

// Schema is a whole compilation: the files to generate, and what they use.
type Schema struct {
	// Files are the files to generate, in the request's order.
	Files []*File
}

// File is one schema file.
type File struct {
	ID   uint64
	Name string // as the request names it
	Doc  string
	Go   Bindings

	// Imports maps what the file imports to the name it imports it by; only
	// of files to generate.
	Imports map[uint64]string

	// What the file declares, at every depth, outer before inner, sorted by
	// name. Only of files to generate.
	Enums      []*Enum
	Structs    []*Struct
	Interfaces []*Interface
	Consts     []*Const

	// Names are the names that the file declares at its top level.
	Names []string
	// ImportedNames are those of the files that it imports and uses; only of
	// files to generate.
	ImportedNames []string
}

// Pos is a place in a schema file.
type Pos struct {
	File      string
	Line, Col int // from 1; 0 if not known
}

func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Error is a schema that is valid, but cannot be generated as it stands.
type Error struct {
	Pos Pos
	Msg string
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// Errors are all the errors found, sorted by position.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Sort sorts errors by position and drops duplicates.
func (e Errors) Sort() Errors {
	sort.SliceStable(e, func(i, j int) bool {
		a, b := e[i].Pos, e[j].Pos
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
	out := e[:0]
	for i, err := range e {
		if i == 0 || *err != *e[i-1] {
			out = append(out, err)
		}
	}
	return out
}

// Decl is what all declarations have.
type Decl struct {
	ID    uint64
	File  *File
	Scope []string // names of the declarations around it, outermost first
	Name  string   // its own name
	Doc   string
	Pos   Pos
	Go    Bindings

	// Siblings are the names declared beside it, in the same scope.
	Siblings []string
	// Nested are the names declared directly inside it.
	Nested []string
}

// FullName is the name with its scopes, separated by dots.
func (d *Decl) FullName() string {
	return strings.Join(append(append([]string(nil), d.Scope...), d.Name), ".")
}

// Bindings are what the annotations of /mp/go.capnp say. Empty strings and
// false mean nothing was said.
type Bindings struct {
	Package, Import string
	Name            string
	Map             bool
	Set             bool
	Optional        bool
	Value           bool
	Type            string
	Convert         string
	ToGo, FromGo    string
	Codec           string
	Wrap            string
	Which           string
	Method          string
	Absent          []string
}

// Enum is an enum.
type Enum struct {
	Decl
	Enumerants []*Enumerant // by number
}

// Enumerant is one value of an enum; its number is its place.
type Enumerant struct {
	Name string
	Doc  string
	Go   Bindings
}

// Param is a type parameter of a generic struct or interface.
type Param struct {
	Scope uint64 // the declaration that has it
	Index int
	Name  string
}

// Struct is a struct, a group, or the params or results of a method.
type Struct struct {
	Decl
	// Params are the type parameters in scope, outermost first.
	Params   []*Param
	Data     int // size of the data section in words
	Pointers int // size of the pointer section in words
	Group    bool
	// Anonymous says that it has no name: the params or results of a method.
	Anonymous bool
	// Wrap is the text of $Proxy.wrap: a C++ type.
	Wrap string
	// Exception says that a method has it as a declared exception.
	Exception bool

	// Fields are the fields that a program sees, in the order of the schema
	// text.
	Fields []*Field
	// Hidden are the fields that it does not see: counted 0, or skipped.
	Hidden []*Field
	// Union is the unnamed union, or nil. Its members are among Fields.
	Union *Union
}

// Bound reports whether an existing Go type is in place of a generated one.
func (s *Struct) Bound() bool { return s.Go.Wrap != "" || s.Go.Codec != "" }

// Union is an unnamed union.
type Union struct {
	Offset  int      // of the discriminant in the data section, in bytes
	Members []*Field // by discriminant
}

// Field is a field, a param or a result.
type Field struct {
	Name string
	Doc  string
	Pos  Pos
	Go   Bindings

	// Type is nil for a group.
	Type *Type
	// Param says that the type is the argument of a type parameter, which is
	// what the field is declared with.
	Param   bool
	Default *Value // nil if it is zero or null
	// Offset is where the field is: in bits, from the start of the data
	// section, or an index of the pointer section.
	Offset int
	// Group is the group, or nil.
	Group *Struct
	// Discriminant is the field's number in the unnamed union, -1 if it is
	// in none.
	Discriminant int

	// Has is the Bool that says whether the field is there, or nil.
	Has *Field
	// Want is the Bool param that asks for the field, or nil.
	Want *Field
	// Exception is the text of $Proxy.exception: a C++ type.
	Exception string

	order int // place in the schema text
}

// Kind is a kind of type.
type Kind int

// The kinds of types.
const (
	Void Kind = iota
	Bool
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64
	Text
	Data
	ListOf
	EnumOf
	StructOf
	InterfaceOf
	AnyPointer // also AnyStruct and AnyList
	Capability
	ParamOf // a type parameter
)

// Bits is the size of a value in a data section; 0 for Void and pointers.
func (k Kind) Bits() int {
	switch k {
	case Bool:
		return 1
	case Int8, Uint8:
		return 8
	case Int16, Uint16, EnumOf:
		return 16
	case Int32, Uint32, Float32:
		return 32
	case Int64, Uint64, Float64:
		return 64
	}
	return 0
}

// Pointer reports whether values are pointers on the wire.
func (k Kind) Pointer() bool { return k >= Text && k != EnumOf }

// Type is a type as a field, param or constant has it.
type Type struct {
	Kind      Kind
	Elem      *Type // ListOf
	Enum      *Enum
	Struct    *Struct
	Interface *Interface
	// Args are the type arguments of a generic struct or interface, one for
	// each of its Params.
	Args  []*Type
	Param *Param // ParamOf
}

// Subst returns t with params replaced by args.
func (t *Type) Subst(params []*Param, args []*Type) *Type {
	if len(params) == 0 || t == nil {
		return t
	}
	switch t.Kind {
	case ParamOf:
		for i, p := range params {
			if *p == *t.Param && i < len(args) {
				return args[i]
			}
		}
	case ListOf:
		return &Type{Kind: ListOf, Elem: t.Elem.Subst(params, args)}
	case StructOf, InterfaceOf:
		if len(t.Args) == 0 {
			return t
		}
		u := *t
		u.Args = make([]*Type, len(t.Args))
		for i, a := range t.Args {
			u.Args[i] = a.Subst(params, args)
		}
		return &u
	}
	return t
}

// Interface is an interface.
type Interface struct {
	Decl
	Params  []*Param
	Wrap    string // the text of $Proxy.wrap: a C++ type
	Extends []*Type
	Methods []*Method // by ordinal
	// Runtime says that the runtime has it: the thread interfaces of
	// /mp/proxy.capnp.
	Runtime bool
}

// Func reports whether the interface stands for a function, and returns the
// method that calls it.
func (i *Interface) Func() *Method {
	if !strings.HasPrefix(strings.TrimSpace(i.Wrap), "ProxyCallback<") || len(i.Extends) > 0 {
		return nil
	}
	var call *Method
	for _, m := range i.Methods {
		if m.Destroy {
			continue
		}
		if call != nil {
			return nil
		}
		call = m
	}
	return call
}

// Method is a method.
type Method struct {
	Interface *Interface
	Ordinal   int
	Name      string
	Doc       string
	Pos       Pos
	Go        Bindings

	Params, Results         *Struct
	ParamsArgs, ResultsArgs []*Type // type arguments of Params and Results

	// In are the arguments, in the order of the schema text. If the params are a
	// struct that has a name, In is empty and the struct is the argument.
	In []*Field
	// Out are the results: the one named result, then the others in the order
	// of the schema text. As for In.
	Out []*Field
	// Exceptions are the results that are failures.
	Exceptions []*Field
	// Wants are the flags in the params that ask for results.
	Wants []*Field

	// Destroy says that the method destroys its object.
	Destroy bool
	// Construct says that the method exchanges thread maps and does nothing
	// else.
	Construct bool
	Streaming bool

	// The pointer indexes of what the runtime fills in; -1 if there is none.
	Context          int
	ParamsThreadMap  int
	ResultsThreadMap int
}

// Const is a constant.
type Const struct {
	Decl
	Type  *Type
	Value *Value
}

// Value is a constant or a default value.
type Value struct {
	Type *Type
	Bits uint64 // integers, floats, Bool and enums, as on the wire
	Text string
	Data []byte
	Null bool     // of a pointer
	List []*Value // ListOf
	// Fields are the fields of a struct or group that differ from their
	// defaults, and the active member of its union.
	Fields []FieldValue
	// Raw is the canonical message of an AnyPointer, or of a struct that is
	// bound to an existing Go type.
	Raw []byte
}

// FieldValue is the value of one field.
type FieldValue struct {
	Field *Field
	Value *Value
	// Group holds the values of a group, in place of Value.
	Group []FieldValue
}

// Float returns a float's value.
func (v *Value) Float() float64 {
	if v.Type.Kind == Float32 {
		return float64(math.Float32frombits(uint32(v.Bits)))
	}
	return math.Float64frombits(v.Bits)
}

// Int returns a signed integer's value.
func (v *Value) Int() int64 {
	shift := 64 - v.Type.Kind.Bits()
	return int64(v.Bits<<shift) >> shift
}
