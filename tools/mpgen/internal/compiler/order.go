package compiler

import (
	"maps"
	"slices"

	"capnproto.org/go/capnp/v3/std/capnp/schema"
)

// Which nodes a request has, and in which order. A request has all nodes of
// the requested files, what these depend on, directly or not, and the lexical
// parents of that. The order is the reference compiler's: it visits a node, then what
// it refers to, then its children, and enters each node into its list when the
// node itself or the first reference to it is loaded.

// reach is a set of what to visit from a node.
type reach uint8

const (
	reachNode reach = 1 << iota
	reachParents
	reachChildren
	reachDeps // what the node refers to, with parents, and so on
)

// orderer collects the nodes.
type orderer struct {
	c      *compiler
	seen   map[*node]reach
	loaded map[uint64]*outNode // what the request has
	ids    []uint64            // in order; some of them may not be loaded
	listed map[uint64]bool

	// params is the first implicit params struct whose interface was done.
	params *outNode
	// streams is set if a method's results were seen to be StreamResult before
	// that struct was.
	streams bool
}

// nodesOf lists the nodes of a request for the files, and those of them that
// get a source info. The reference compiler forgets the ids of the infos of
// implicit params and results, so that only one of them is left, with id 0.
func (c *compiler) nodesOf(files []*file) (nodes, described []*outNode) {
	o := &orderer{c: c, seen: map[*node]reach{}, loaded: map[uint64]*outNode{}, listed: map[uint64]bool{}}
	for _, f := range files {
		o.visit(f.node, reachNode|reachChildren|reachDeps)
	}
	for _, id := range o.ids {
		out := o.loaded[id]
		if out == nil {
			continue
		}
		nodes = append(nodes, out)
		if !out.isParams || out == o.params {
			described = append(described, out)
		}
	}
	return nodes, described
}

func (o *orderer) visit(n *node, r reach) {
	if o.seen[n]&r == r {
		return
	}
	o.seen[n] |= r
	if n.finish() {
		o.load(n)
		if r&reachDeps != 0 {
			o.visitDeps(n.out)
			for _, aux := range n.aux {
				o.visitDeps(aux)
			}
		}
		if o.params == nil && len(n.aux) > 0 && n.aux[0].isParams {
			o.params = n.aux[0]
		}
	}
	if r&reachParents != 0 && n.parent != nil {
		o.visit(n.parent, r)
	}
	if r&reachChildren != 0 {
		n.expand()
		for _, m := range n.nested {
			o.visit(m, r)
		}
		for _, name := range slices.Sorted(maps.Keys(n.aliases)) {
			n.aliases[name].resolve()
		}
	}
}

// dep visits a node that another one refers to.
func (o *orderer) dep(id uint64) {
	if n := o.c.nodes[id]; n != nil {
		o.visit(n, reachNode|reachParents|reachDeps)
	}
}

func (o *orderer) visitDeps(out *outNode) {
	switch out.kind {
	case schema.Node_Which_structNode:
		for i := range out.fields {
			if out.fields[i].typ != nil {
				o.typ(out.fields[i].typ, o.dep)
			}
			o.annots(out.fields[i].annots)
		}
	case schema.Node_Which_enum:
		for i := range out.enumerants {
			o.annots(out.enumerants[i].annots)
		}
	case schema.Node_Which_interface:
		for i := range out.supers {
			o.dep(out.supers[i].id)
			o.brand(out.supers[i].brand, o.dep)
		}
		for i := range out.methods {
			m := &out.methods[i]
			o.dep(m.paramsID)
			o.brand(m.paramsBrand, o.dep)
			o.dep(m.resultsID)
			o.brand(m.resultBrand, o.dep)
			o.annots(m.annots)
		}
	case schema.Node_Which_const, schema.Node_Which_annotation:
		o.typ(out.typ, o.dep)
	}
	o.annots(out.annots)
}

func (o *orderer) annots(as []outAnnotation) {
	for i := range as {
		o.dep(as[i].id)
	}
}

// typ calls do with the id of each node that a type refers to.
func (o *orderer) typ(t *typ, do func(uint64)) {
	switch t.kind {
	case schema.Type_Which_list:
		o.typ(t.elem, do)
	case schema.Type_Which_enum, schema.Type_Which_structType, schema.Type_Which_interface:
		do(t.id)
		o.brand(t.brand, do)
	}
}

func (o *orderer) brand(b *brand, do func(uint64)) {
	if b == nil {
		return
	}
	for i := range b.scopes {
		for _, t := range b.scopes[i].bind {
			o.typ(t, do)
		}
	}
}

// list enters an id into the order.
func (o *orderer) list(id uint64) {
	if !o.listed[id] {
		o.listed[id] = true
		o.ids = append(o.ids, id)
	}
}

// load adds a node and what belongs to it to the request.
func (o *orderer) load(n *node) {
	if o.loaded[n.id] != nil {
		return
	}
	for _, aux := range n.aux {
		o.loadOut(aux)
	}
	o.loadOut(n.out)
}

// loadOut lists the types that a node refers to and then the node.
func (o *orderer) loadOut(out *outNode) {
	switch out.kind {
	case schema.Node_Which_structNode:
		for i := range out.fields {
			if f := &out.fields[i]; f.group != nil {
				o.list(f.group.id)
			} else if f.typ != nil {
				o.typ(f.typ, o.list)
			}
		}
		if out.isGroup {
			o.list(out.scopeID)
		}
	case schema.Node_Which_interface:
		for i := range out.supers {
			o.list(out.supers[i].id)
			o.brand(out.supers[i].brand, o.list)
		}
		for i := range out.methods {
			m := &out.methods[i]
			o.list(m.paramsID)
			o.brand(m.paramsBrand, o.list)
			if m.resultsID == streamResultID && o.loaded[streamResultID] == nil {
				o.streams = true
			}
			o.list(m.resultsID)
			o.brand(m.resultBrand, o.list)
		}
	case schema.Node_Which_const, schema.Node_Which_annotation:
		o.typ(out.typ, o.list)
	}
	o.list(out.id)
	if out.id == streamResultID && o.streams {
		// The reference compiler then takes the one it was built with, which
		// has no place in a file.
		native := *out
		native.placed = false
		out = &native
	}
	o.loaded[out.id] = out
}
