package compiler

import (
	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// outNode is a node as it goes into the request: schema.Node and its source
// info.
type outNode struct {
	kind       schema.Node_Which
	id         uint64
	display    string
	prefix     int
	scopeID    uint64
	params     []syntax.Ident
	generic    bool
	nested     []*node
	annots     []outAnnotation
	start, end uint32
	nameStart  uint32
	placed     bool // start and end go into the node, not only into its source info
	file       *file
	doc        string
	hasDoc     bool

	// structs
	words, pointers uint32
	isGroup         bool
	isParams        bool // implicit params or results
	tagCount        int
	tagOffset       uint32
	fields          []outField

	enumerants []outMember
	methods    []outMethod
	supers     []outSuper

	typ     *typ // constants and annotations
	value   *value
	targets syntax.Targets
}

// outMember is what fields, enumerants and methods have in common.
type outMember struct {
	name       string
	codeOrder  int
	annots     []outAnnotation
	doc        string
	hasDoc     bool
	start, end uint32
}

type outField struct {
	outMember
	tag         uint16 // discriminant value, or noTag
	group       *outNode
	hasOrdinal  bool
	ordinal     uint16
	offset      uint32
	typ         *typ
	value       *value // nil for the type's own default
	hadExplicit bool
}

const noTag = 0xffff

type outMethod struct {
	outMember
	implicit                 []syntax.Ident
	paramsID, resultsID      uint64
	paramsBrand, resultBrand *brand
}

type outSuper struct {
	id    uint64
	brand *brand
}

type outAnnotation struct {
	id    uint64
	brand *brand
	typ   *typ
	value *value
}
