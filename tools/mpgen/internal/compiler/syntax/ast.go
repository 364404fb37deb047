package syntax

// ExprKind tells what an Expr is.
type ExprKind uint8

// The kinds of expression.
const (
	Unknown ExprKind = iota // an error, already reported
	PositiveInt
	NegativeInt
	Float
	String
	Binary
	RelativeName
	AbsoluteName
	Import
	Embed
	List
	Tuple
	Application
	Member
)

// An Expr is an expression: a type, a value or the name of a declaration.
type Expr struct {
	Kind       ExprKind
	Start, End uint32

	Int   uint64  // PositiveInt; NegativeInt: its magnitude
	Float float64 // Float
	// Name holds the text of String and Binary, the name of RelativeName,
	// AbsoluteName and Member, and the path of Import and Embed.
	Name   Ident
	Base   *Expr   // Application: what is applied; Member: whose member
	List   []*Expr // List
	Params []Param // Tuple and Application
}

// A Param is one element of a tuple or of an application.
type Param struct {
	Named bool
	Name  Ident
	Value *Expr
}

// String gives the expression as it would be written, for messages.
func (e *Expr) String() string {
	var b exprPrinter
	b.expr(e, 0)
	return string(b.buf)
}

// TargetName is the last name of a name expression, or "".
func (e *Expr) TargetName() string {
	for e.Kind == Application {
		e = e.Base
	}
	switch e.Kind {
	case RelativeName, AbsoluteName, Member:
		return e.Name.Text
	}
	return ""
}

// DeclKind tells what a Decl declares.
type DeclKind uint8

// The kinds of declaration.
const (
	FileDecl DeclKind = iota
	UsingDecl
	ConstDecl
	EnumDecl
	EnumerantDecl
	StructDecl
	FieldDecl
	UnionDecl
	GroupDecl
	InterfaceDecl
	MethodDecl
	AnnotationDecl
)

// A Decl is one declaration.
type Decl struct {
	Kind       DeclKind
	Name       Ident
	Start, End uint32 // of the statement, with a comment that follows
	Doc        string
	HasDoc     bool

	HasID      bool // an explicit id
	ID         uint64
	HasOrdinal bool
	Ordinal    Ordinal
	Generic    []Ident // the generic parameters; of a method, its implicit ones
	Annots     []Annotation
	Decls      []*Decl // nested

	Type       *Expr      // using: the target; const, field, annotation: the type
	Value      *Expr      // const; field: the default or nil
	Extends    []*Expr    // interface
	ParamList  *ParamList // method
	ResultList *ParamList // method; nil if there is none
	Targets    Targets    // annotation

	broken bool // a member could not be understood
}

// Broken tells whether a member of d could not be understood: then the
// ordinals that are there may have gaps.
func (d *Decl) Broken() bool { return d.broken }

// An Ordinal is the number after '@' of a member.
type Ordinal struct {
	Value      uint16
	Start, End uint32
}

// An Annotation is a use of an annotation.
type Annotation struct {
	Name  *Expr
	Value *Expr // nil if there is none
}

// ParamListKind tells the forms of a ParamList apart.
type ParamListKind uint8

// The forms of a parameter or result list.
const (
	NamedParams ParamListKind = iota
	StructParams
	StreamParams
)

// A ParamList is the parameters or the results of a method.
type ParamList struct {
	Kind       ParamListKind
	Start, End uint32
	Params     []ParamDecl // NamedParams
	Type       *Expr       // StructParams
}

// A ParamDecl is one named parameter or result.
type ParamDecl struct {
	Name       Ident
	Start, End uint32
	Type       *Expr
	Value      *Expr // the default or nil
	Annots     []Annotation
}

// Targets is the set of what an annotation may be applied to.
type Targets uint16

// The targets, in the order of schema.capnp.
const (
	TargetFile Targets = 1 << iota
	TargetConst
	TargetEnum
	TargetEnumerant
	TargetStruct
	TargetField
	TargetUnion
	TargetGroup
	TargetInterface
	TargetMethod
	TargetParam
	TargetAnnotation

	TargetAll = TargetAnnotation<<1 - 1
)

// targetNames is in the order of the bits.
var targetNames = []string{"file", "const", "enum", "enumerant", "struct", "field", "union", "group",
	"interface", "method", "param", "annotation"}

// Names lists the targets as they are written.
func (t Targets) Names() []string {
	var names []string
	for i, n := range targetNames {
		if t&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// A File is the tree of one file.
type File struct {
	Root   *Decl   // of kind FileDecl
	Damage *Damage // nil if there was no mistake
}
