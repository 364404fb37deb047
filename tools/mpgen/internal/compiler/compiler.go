// Package compiler turns Cap'n Proto schema files into the request that code
// generators take, schema.CodeGeneratorRequest, as the reference compiler
// does. It knows nothing of what is generated from it.
//
// The stages: package syntax makes a tree of declarations of each file; nodes
// are made for those that have ids (node.go), names are looked up and generics
// bound (brand.go), fields placed (structs.go, layout.go), values computed
// (values.go), the nodes that belong into the request chosen (order.go) and
// written (emit.go). From names on, work is done on demand, since types and
// values may refer to each other in any order, across files.
package compiler

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"capnproto.org/go/capnp/v3/std/capnp/schema"
)

// Options say where files are found and what is allowed.
type Options struct {
	// FS is where files are read from; OS if nil.
	FS FileSystem
	// Dir is the absolute folder that relative names start from; the working
	// directory if empty and FS is OS, else "/".
	Dir string

	// ImportPaths are the folders in which imports that begin with '/' are
	// looked up, in this order. The standard imports, which are built in,
	// come last, unless NoStandardImports is set.
	ImportPaths       []string
	NoStandardImports bool
	// SourcePrefixes are folders that the names of the files to compile are
	// taken relative to, for the request. The longest one counts; without one
	// it is Dir.
	SourcePrefixes []string

	// Importable lists the files that the files to compile may import, by
	// name; nil means all. The files to compile and the standard imports need
	// not be listed, nor what is imported by others.
	Importable []string

	// Bindings are files that apply annotations to declarations in schema
	// files, as if they stood there; docs/schema-compiler.md tells how they are
	// written.
	Bindings []string
}

// Compile reads schema files and all they import. It returns all mistakes it
// finds; the Result is nil if there are any. An error that is no mistake in the
// input, such as a file that cannot be read, is a Diagnostic of that file.
//
// Compile keeps no state; calls may run at the same time.
func Compile(o Options, files ...string) (*Result, Diagnostics) {
	c := &compiler{fs: o.FS, dir: o.Dir, noStandard: o.NoStandardImports, files: map[string]*file{}, nodes: map[uint64]*node{}, applied: map[any][]applied{}}
	if c.fs == nil {
		c.fs = OS
	}
	if c.dir == "" {
		c.dir = "/"
		if c.fs == OS {
			if wd, err := os.Getwd(); err == nil {
				c.dir = filepath.ToSlash(wd)
			}
		}
	}
	c.setRoots(&o)
	c.makeBuiltins()
	if o.Importable != nil {
		c.listed = map[string]bool{}
		for _, name := range o.Importable {
			c.listed[c.abs(name)] = true
		}
	}
	for _, name := range files {
		c.request(name)
	}
	for _, name := range o.Bindings {
		c.bindings(name)
	}
	nodes, described := c.nodesOf(c.requested)
	if len(c.problems) > 0 {
		return nil, c.diagnostics()
	}
	req, err := c.emit(nodes, described)
	if err != nil {
		f := c.requested[0]
		c.report(problem{file: f, msg: fmt.Sprintf("the compiled schema cannot be written: %v", err)})
		return nil, c.diagnostics()
	}
	res := &Result{Request: req, nodes: make(map[uint64]*outNode, len(nodes))}
	for _, n := range nodes {
		res.nodes[n.id] = n
	}
	return res, nil
}

// compiler is one run.
type compiler struct {
	fs         FileSystem
	dir        string
	noStandard bool
	cwd        *root
	fsRoot     *root
	imports    []*root
	prefixes   []*root
	listed     map[string]bool // what may be imported; nil is everything

	files     map[string]*file // by root and path
	order     []*file
	requested []*file

	nodes        map[uint64]*node
	madeUpIDs    uint64
	builtins     map[string]*node
	builtinNodes []*node

	applied  map[any][]applied // annotations from bindings files
	problems []problem

	// What has been spent on names, types and values, and the limit, which
	// grows with the size of the input: a few lines of generics or constants
	// can stand for exponentially large types or values.
	sourceBytes int
	spent       int
	overspent   bool
}

// request adds a file to compile.
func (c *compiler) request(name string) {
	r, rel := c.locate(name)
	f, err := c.load(r, rel)
	if err != nil {
		c.missing(name, err)
		return
	}
	if f.requested {
		return
	}
	f.requested = true
	c.requested = append(c.requested, f)
}

// missing reports a file that was asked for and cannot be read.
func (c *compiler) missing(name string, err error) {
	f := &file{c: c, index: len(c.order), shown: name}
	msg := fmt.Sprintf("cannot be read: %v", err)
	if errors.Is(err, fs.ErrNotExist) {
		msg = "no such file"
	}
	c.order = append(c.order, f)
	c.report(problem{file: f, msg: msg})
}

// importable tells whether the files to compile may import f.
func (c *compiler) importable(f *file) bool {
	return c.listed == nil || f.requested || f.root.embedded || c.listed[path.Join(f.root.abs, f.path)]
}

// The budget: work units for each byte of input, and to begin with.
const (
	unitsPerByte = 32
	freeUnits    = 1 << 16
)

// spend counts work. It is true when the budget is used up; the compilation
// has failed then.
func (c *compiler) spend(units int) bool {
	c.spent += units
	if c.spent <= freeUnits+unitsPerByte*c.sourceBytes {
		return false
	}
	if !c.overspent {
		c.overspent = true
		f := c.order[0]
		c.report(problem{file: f, msg: "types or values grow too large: generics or constants multiply each other"})
	}
	return true
}

// A Result is a compiled schema.
type Result struct {
	// Request is what code generators take. Its message belongs to the
	// Result's user.
	Request schema.CodeGeneratorRequest

	nodes map[uint64]*outNode
}

// Whole is what Result.Place takes for a node as a whole.
const Whole = -1

// Place tells where a node of the request was declared, or one of its fields,
// enumerants or methods by its index in the request, and the text of the line.
// ok is false if there is no such thing.
func (r *Result) Place(id uint64, member int) (at Position, line string, ok bool) {
	n := r.nodes[id]
	if n == nil {
		return Position{}, "", false
	}
	start := n.nameStart
	if member != Whole {
		m := n.member(member)
		if m == nil {
			return Position{}, "", false
		}
		start = m.start
	}
	at = n.file.position(start)
	return at, n.file.line(at.Line), true
}

// member returns a field, enumerant or method.
func (n *outNode) member(i int) *outMember {
	switch {
	case i < 0:
	case i < len(n.fields):
		return &n.fields[i].outMember
	case i < len(n.enumerants):
		return &n.enumerants[i]
	case i < len(n.methods):
		return &n.methods[i].outMember
	}
	return nil
}
