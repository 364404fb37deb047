// Package lint looks in compiled schemas for what goes wrong in use: what
// libmultiprocess and its kin expect of an interface and the compiler does not
// know, and changes that break the wire.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"capnproto.org/go/capnp/v3/std/capnp/schema"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler"
)

// The ids of what /mp/proxy.capnp declares.
const (
	proxyFile = 0xcc316e3f71a040fb
	threadMap = 0xee5e37179ad9dc9d
	context   = 0x9c44e6645d0b22c6
)

// request is a compiled schema, indexed.
type request struct {
	*compiler.Result
	nodes map[uint64]schema.Node
	files []uint64
	found compiler.Diagnostics
}

func index(r *compiler.Result) (*request, error) {
	q := &request{Result: r, nodes: map[uint64]schema.Node{}}
	nodes, err := r.Request.Nodes()
	if err != nil {
		return nil, err
	}
	for i := 0; i < nodes.Len(); i++ {
		q.nodes[nodes.At(i).Id()] = nodes.At(i)
	}
	files, err := r.Request.RequestedFiles()
	if err != nil {
		return nil, err
	}
	for i := 0; i < files.Len(); i++ {
		q.files = append(q.files, files.At(i).Id())
	}
	return q, nil
}

// must unwraps what only a malformed message can fail at; ours was just made.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// warn adds a finding at a node or one of its members.
func (q *request) warn(id uint64, member int, hint, format string, args ...any) {
	at, line, _ := q.Place(id, member)
	q.found = append(q.found, &compiler.Diagnostic{Start: at, End: at, Line: line, Message: fmt.Sprintf(format, args...), Hint: hint, Warning: true})
}

// each calls do with all nodes that are declared in a file or node.
func (q *request) each(id uint64, do func(schema.Node)) {
	n := q.nodes[id]
	do(n)
	nested := must(n.NestedNodes())
	for i := 0; i < nested.Len(); i++ {
		q.each(nested.At(i).Id(), do)
	}
}

func shortName(n schema.Node) string {
	name := must(n.DisplayName())
	return name[strings.LastIndexByte(name, ':')+1:]
}

// fields lists the fields of a struct node; none for other nodes.
func fields(n schema.Node) []schema.Field {
	if !n.IsValid() || n.Which() != schema.Node_Which_structNode {
		return nil
	}
	l := must(n.StructNode().Fields())
	fs := make([]schema.Field, l.Len())
	for i := range fs {
		fs[i] = l.At(i)
	}
	return fs
}

// typeOf is the type of a field, and false for a group.
func typeOf(f schema.Field) (schema.Type, bool) {
	if f.Which() != schema.Field_Which_slot {
		return schema.Type{}, false
	}
	return must(f.Slot().Type()), true
}

func find(fs []schema.Field, name string) (schema.Field, bool) {
	i := slices.IndexFunc(fs, func(f schema.Field) bool { return must(f.Name()) == name })
	if i < 0 {
		return schema.Field{}, false
	}
	return fs[i], true
}

// Check looks for what goes wrong in use, in the files that were compiled.
// The findings are warnings.
func Check(r *compiler.Result) (compiler.Diagnostics, error) {
	q, err := index(r)
	if err != nil {
		return nil, err
	}
	for _, file := range q.files {
		usesContext := false
		q.each(file, func(n schema.Node) {
			for _, m := range q.methods(n) {
				usesContext = usesContext || m.hasContext
			}
		})
		proxied := usesContext || q.importsProxy(file)
		q.each(file, func(n schema.Node) {
			switch n.Which() {
			case schema.Node_Which_structNode:
				q.flags(n)
			case schema.Node_Which_interface:
				for _, m := range q.methods(n) {
					q.method(n, m, proxied && file != proxyFile, usesContext)
				}
			}
		})
	}
	slices.SortStableFunc(q.found, func(a, b *compiler.Diagnostic) int {
		return cmp.Or(strings.Compare(a.Start.File, b.Start.File), cmp.Compare(a.Start.Offset, b.Start.Offset))
	})
	return q.found, nil
}

func (q *request) importsProxy(file uint64) bool {
	files := must(q.Request.RequestedFiles())
	for i := 0; i < files.Len(); i++ {
		if files.At(i).Id() != file {
			continue
		}
		imports := must(files.At(i).Imports())
		for j := 0; j < imports.Len(); j++ {
			if imports.At(j).Id() == proxyFile {
				return true
			}
		}
	}
	return false
}

type method struct {
	index           int
	name            string
	params, results schema.Node // of implicit and of named structs
	hasContext      bool
}

func (q *request) methods(n schema.Node) []method {
	if n.Which() != schema.Node_Which_interface {
		return nil
	}
	l := must(n.Interface().Methods())
	ms := make([]method, l.Len())
	for i := range ms {
		m := l.At(i)
		ms[i] = method{index: i, name: must(m.Name()), params: q.nodes[m.ParamStructType()], results: q.nodes[m.ResultStructType()]}
		for _, f := range fields(ms[i].params) {
			if t, ok := typeOf(f); ok && t.Which() == schema.Type_Which_structType && t.StructType().TypeId() == context {
				ms[i].hasContext = true
			}
		}
	}
	return ms
}

// method checks one method of a proxied interface.
func (q *request) method(n schema.Node, m method, proxied, usesContext bool) {
	full := shortName(n) + "." + m.name
	q.paramFlags(n, m)
	if !proxied {
		return
	}
	isThreadMap := func(f schema.Field) bool {
		t, ok := typeOf(f)
		return ok && t.Which() == schema.Type_Which_interface && t.Interface().TypeId() == threadMap
	}
	takesMap := slices.ContainsFunc(fields(m.params), isThreadMap)
	givesMap := slices.ContainsFunc(fields(m.results), isThreadMap)
	switch {
	case m.name == "construct":
		if usesContext && !(takesMap && givesMap) {
			q.warn(n.Id(), m.index, "write 'construct @N (threadMap :Proxy.ThreadMap) -> (threadMap :Proxy.ThreadMap)'",
				"'%s' exchanges no thread maps, so calls with a context will find no thread to run on", full)
		}
		return
	case m.name == "destroy" && !m.hasContext:
		q.warn(n.Id(), m.index, "add the param 'context :Proxy.Context'",
			"'%s' has no context: it runs on the connection's own thread and blocks every other call", full)
		return
	case m.hasContext:
		return
	}
	for _, f := range fields(m.params) {
		if what := q.object(f); what != "" && !isThreadMap(f) {
			q.warn(n.Id(), m.index, "add the param 'context :Proxy.Context'",
				"'%s' takes %s ('%s') but no context: a call back to it while the method runs would wait forever", full, what, must(f.Name()))
			return
		}
	}
}

// object tells what object a param is, "" if it is none.
func (q *request) object(f schema.Field) string {
	t, ok := typeOf(f)
	if !ok {
		return ""
	}
	for t.Which() == schema.Type_Which_list {
		t = must(t.List().ElementType())
	}
	if t.Which() != schema.Type_Which_interface {
		return ""
	}
	const wrap = 0xe6f46079b7b1405e
	as := must(q.nodes[t.Interface().TypeId()].Annotations())
	for i := 0; i < as.Len(); i++ {
		if as.At(i).Id() == wrap && strings.HasPrefix(must(must(as.At(i).Value()).Text()), "ProxyCallback<") {
			return "a callback"
		}
	}
	return "an interface"
}

// flags checks the hasX fields of a struct.
func (q *request) flags(n schema.Node) {
	fs := fields(n)
	for i, f := range fs {
		if x, ok := flagOf(f, "has"); ok {
			if _, found := find(fs, x); !found {
				q.warn(n.Id(), i, near(x, fs), "'%s.%s' tells whether '%s' is there, but there is no '%s'", shortName(n), must(f.Name()), x, x)
			}
		}
	}
}

// paramFlags checks the hasX and wantX of a method.
func (q *request) paramFlags(n schema.Node, m method) {
	params, results := fields(m.params), fields(m.results)
	full := shortName(n) + "." + m.name
	place := func(s schema.Node, i int) (uint64, int) {
		if s.ScopeId() == 0 { // implicit: its fields are the params
			return s.Id(), i
		}
		return n.Id(), m.index
	}
	check := func(s schema.Node, fs, in []schema.Field, prefix, what string) {
		for i, f := range fs {
			x, ok := flagOf(f, prefix)
			if !ok || s.ScopeId() != 0 && prefix == "has" {
				continue // a named struct is checked by itself
			}
			if _, found := find(in, x); !found {
				id, member := place(s, i)
				q.warn(id, member, near(x, in), "'%s' of '%s' is about '%s', but there is no %s '%s'", must(f.Name()), full, x, what, x)
			}
		}
	}
	if m.params.IsValid() {
		check(m.params, params, params, "has", "param")
		check(m.params, params, results, "want", "result")
	}
	if m.results.IsValid() {
		check(m.results, results, results, "has", "result")
	}
}

// flagOf tells whether a field is a flag of the given kind, and of what.
func flagOf(f schema.Field, prefix string) (x string, ok bool) {
	rest, ok := strings.CutPrefix(must(f.Name()), prefix)
	if !ok || rest == "" || rest[0] < 'A' || rest[0] > 'Z' {
		return "", false
	}
	if t, slot := typeOf(f); !slot || t.Which() != schema.Type_Which_bool {
		return "", false
	}
	return strings.ToLower(rest[:1]) + rest[1:], true
}

// near suggests a field that may have been meant.
func near(name string, fs []schema.Field) string {
	for _, f := range fs {
		if n := must(f.Name()); strings.EqualFold(n, name) {
			return "names are matched exactly; there is '" + n + "'"
		}
	}
	return ""
}
