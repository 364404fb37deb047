package gogen

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// marshalWrapped writes the fields of an existing Go struct v, or of one of its
// fields that has those of a group, whatever its type.
func (g *generator) marshalWrapped(s *model.Struct, v, owner string) {
	names := fieldNames(s)
	set := func(f *model.Field) {
		switch to := v + "." + names[f]; {
		case f.Group != nil:
			g.marshalWrapped(f.Group, to, owner+"_"+upper(f.Name))
		case visible(f):
			g.setWrapped(f, to, owner)
		}
	}
	for _, f := range s.Fields {
		if f.Discriminant < 0 {
			set(f)
		}
	}
	if s.Union != nil {
		g.cases(s, g.mprt("SetWhich(b, ")+strconv.Itoa(s.Union.Offset)+", "+v+"."+whichField(s)+")", set)
	}
}

// unmarshalWrapped reads what marshalWrapped writes. What a union does not have
// is set to zero, as other fields of the schema's are.
func (g *generator) unmarshalWrapped(s *model.Struct, v, owner string) {
	names := fieldNames(s)
	get := func(f *model.Field) {
		switch from := v + "." + names[f]; {
		case f.Group != nil:
			g.unmarshalWrapped(f.Group, from, owner+"_"+upper(f.Name))
		case visible(f):
			g.getWrapped(f, from, owner)
		}
	}
	for _, f := range s.Fields {
		if f.Discriminant < 0 {
			get(f)
		}
	}
	if s.Union == nil {
		return
	}
	for _, f := range s.Union.Members {
		if visible(f) {
			g.P(g.mprt("Zero(&"), v, ".", names[f], ")")
		}
	}
	g.cases(s, g.mprt("AssignWhich(r, ")+strconv.Itoa(s.Union.Offset)+", &"+v+"."+whichField(s)+")", get)
}

// cases writes a switch over which member of a union is set.
func (g *generator) cases(s *model.Struct, which string, member func(f *model.Field)) {
	if !slices.ContainsFunc(s.Union.Members, visible) {
		g.P(which)
		return
	}
	g.P("switch ", which, " {")
	for _, f := range s.Union.Members {
		if visible(f) {
			g.P("case ", f.Discriminant, ": // ", f.Name)
			member(f)
		}
	}
	g.P("}")
}

// whichField is the Go field that says which member of a union is set.
func whichField(s *model.Struct) string {
	if s.Go.Which != "" {
		return s.Go.Which
	}
	return "Which"
}

// setWrapped writes a field of an existing Go struct. Its type is the Go
// compiler's business: the functions called take any type that fits.
func (g *generator) setWrapped(f *model.Field, v, owner string) {
	if f.Has == nil {
		g.setPlain("b", f, g.loosen(f, v), owner)
		return
	}
	g.P("if ", v, " != nil {")
	g.P("b.SetBit(", f.Has.Offset, ", true)")
	if !nilable(f) || converted(f) {
		v = "*" + v
	}
	g.setPlain("b", f, g.loosen(f, v), owner)
	g.P("}")
}

// loosen converts a value of whatever Go type to what the schema's is in Go.
func (g *generator) loosen(f *model.Field, v string) string {
	if converted(f) || f.Go.Map || f.Go.Set || f.Go.Optional {
		return v
	}
	wire := func() string { return g.typ(f.Type) }
	switch k := f.Type.Kind; {
	case integer(k):
		return g.mprt("ToInt[") + wire() + "](b, " + v + ")"
	case k == model.Float32 || k == model.Float64:
		return g.mprt("ConvertFloat[") + wire() + "](" + v + ")"
	case k == model.Bool || k == model.Text || k == model.Data:
		return conversion(wire(), v)
	case k == model.ListOf && integer(f.Type.Elem.Kind):
		return g.mprt("ToInts[") + g.typ(f.Type.Elem) + "](b, " + v + ")"
	case k == model.ListOf && (f.Type.Elem.Kind == model.Float32 || f.Type.Elem.Kind == model.Float64):
		return g.mprt("ToFloats[") + g.typ(f.Type.Elem) + "](" + v + ")"
	}
	return v
}

// checkWrapped checks that an existing Go struct has the fields, and that they
// are of types that fit. pos is where s is.
func (g *generator) checkWrapped(s *model.Struct, pos model.Pos, params []*model.Param, codec, typ, v, owner string) {
	names := fieldNames(s)
	check := func(pos model.Pos, body string) {
		if len(params) > 0 {
			g.check(pos, "func _", g.paramDecl(params), "(c ", codec, g.paramUse(params), ", r ", g.mprt("Reader"), ", v *", typ, ") { ", body, " }")
			return
		}
		g.check(pos, "var _ = func(r ", g.mprt("Reader"), ", v *", typ, ") { ", body, " }")
	}
	if s.Union != nil {
		check(pos, g.mprt("AssignInt(r, &")+v+"."+whichField(s)+", r.Uint16("+strconv.Itoa(s.Union.Offset)+"))")
	}
	for _, f := range s.Fields {
		if f.Group != nil {
			g.checkWrapped(f.Group, f.Pos, params, codec, typ, v+"."+names[f], owner+"_"+upper(f.Name))
			continue
		}
		if !visible(f) {
			continue
		}
		whole := g.buf
		g.buf = bytes.Buffer{}
		g.getWrapped(f, v+"."+names[f], owner)
		body := strings.ReplaceAll(strings.TrimSpace(g.buf.String()), "\n", "; ")
		body = strings.ReplaceAll(body, "{; ", "{ ")
		g.buf = whole
		check(f.Pos, body)
	}
}

// getWrapped reads a field of an existing Go struct.
func (g *generator) getWrapped(f *model.Field, v, owner string) {
	if f.Has == nil {
		g.assign(f, "&"+v, v, owner)
		return
	}
	has := *f
	has.Has = nil
	g.P("if r.Bit(", f.Has.Offset, ") {")
	if nilable(f) && !converted(f) {
		g.assign(&has, "&"+v, v, owner)
	} else {
		g.assign(&has, g.mprt("New(&")+v+")", "*"+v, owner)
	}
	g.P("} else {")
	g.P(v, " = nil")
	g.P("}")
}

// assign reads a field into the variable v, at addr.
func (g *generator) assign(f *model.Field, addr, v, owner string) {
	expr := g.get("r", f, owner)
	to := v
	if strings.HasPrefix(v, "*") {
		to = "*" + addr // which makes what v points to
	}
	if converted(f) || f.Go.Map || f.Go.Set || f.Go.Optional {
		g.P(to, " = ", expr)
		return
	}
	switch k := f.Type.Kind; {
	case integer(k):
		g.P(g.mprt("AssignInt"), "(r, ", addr, ", ", expr, ")")
	case k == model.Float32 || k == model.Float64:
		g.P(g.mprt("AssignFloat"), "(", addr, ", ", expr, ")")
	case k == model.Bool:
		g.P(g.mprt("AssignBool"), "(", addr, ", ", expr, ")")
	case k == model.Text:
		g.P(g.mprt("AssignText"), "(", addr, ", ", expr, ")")
	case k == model.Data:
		g.P(g.mprt("AssignData"), "(", addr, ", ", expr, ")")
	case k == model.ListOf && integer(f.Type.Elem.Kind):
		g.P(g.mprt("AssignInts"), "(r, ", addr, ", ", expr, ")")
	case k == model.ListOf && (f.Type.Elem.Kind == model.Float32 || f.Type.Elem.Kind == model.Float64):
		g.P(g.mprt("AssignFloats"), "(", addr, ", ", expr, ")")
	case k == model.ListOf && f.Type.Elem.Kind == model.Text:
		g.P(g.mprt("AssignTexts"), "(", addr, ", ", expr, ")")
	default:
		g.P(to, " = ", expr)
	}
	g.fallback(v, f)
}

// goMethod is a method's signature as a binding gives it.
type goMethod struct {
	name            string
	params, results []goParam // without ctx and error
	ctx, err        bool
	variadic        bool
}

type goParam struct {
	name string // "" if it has none
	typ  string // with this file's names of packages
}

var qualified = regexp.MustCompile(`((?:[\w~-][\w.~-]*/)*[\w~-]+)\.([A-Z]\w*)`)

// parseMethod reads a signature such as "Sum(ctx context.Context, v ...int) int"
// of a method of an interface t, whose type parameters it may use.
func (g *generator) parseMethod(text string, pos model.Pos, t *model.Type) *goMethod {
	source := qualified.ReplaceAllStringFunc(text, func(q string) string {
		m := qualified.FindStringSubmatch(q)
		if m[1] == g.pkg.ImportPath {
			return m[2]
		}
		return g.impBound(m[1]) + "." + m[2]
	})
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", "package p; type _ interface { "+source+" }", parser.SkipObjectResolution)
	bad := func() *goMethod {
		g.errorf(pos, "%q is no signature of a Go method, such as Sum(ctx context.Context, v ...int) (int, error)", text)
		return nil
	}
	if err != nil || len(file.Decls) != 1 {
		return bad()
	}
	decl, ok := file.Decls[0].(*ast.GenDecl)
	if !ok || len(decl.Specs) != 1 {
		return bad()
	}
	it, ok := decl.Specs[0].(*ast.TypeSpec).Type.(*ast.InterfaceType)
	if !ok || len(it.Methods.List) != 1 || len(it.Methods.List[0].Names) != 1 {
		return bad()
	}
	fn, ok := it.Methods.List[0].Type.(*ast.FuncType)
	if !ok {
		return bad()
	}
	m := &goMethod{name: it.Methods.List[0].Names[0].Name}
	args := map[string]string{}
	for k, name := range paramNames(t.Interface.File, t.Interface.Params) {
		args[name] = g.typ(t.Args[k])
	}
	show := func(e ast.Expr) string {
		ast.Inspect(e, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				return false
			case *ast.Ident:
				if arg, ok := args[n.Name]; ok {
					n.Name = arg
				}
			}
			return true
		})
		var b bytes.Buffer
		_ = printer.Fprint(&b, fset, e) // a bytes.Buffer takes everything
		return b.String()
	}
	fields := func(l *ast.FieldList) (out []goParam) {
		if l == nil {
			return nil
		}
		for _, f := range l.List {
			typ := f.Type
			if dots, ok := typ.(*ast.Ellipsis); ok {
				m.variadic = true
				typ = &ast.ArrayType{Elt: dots.Elt}
			}
			names := f.Names
			if len(names) == 0 {
				names = []*ast.Ident{{}}
			}
			for _, n := range names {
				out = append(out, goParam{n.Name, show(typ)})
			}
		}
		return out
	}
	m.params, m.results = fields(fn.Params), fields(fn.Results)
	if len(m.params) > 0 && m.params[0].typ == g.imports["context"]+".Context" {
		m.ctx, m.params = true, m.params[1:]
	}
	if n := len(m.results); n > 0 && m.results[n-1].typ == "error" {
		m.err, m.results = true, m.results[:n-1]
	}
	return m
}

// bindMethod makes a signature what $Go.method says.
func (g *generator) bindMethod(s *signature) {
	text := s.m.Go.Method
	m := g.parseMethod(text, s.m.Pos, s.base)
	if m == nil {
		return
	}
	s.name, s.noCtx, s.noErr, s.variadic = m.name, !m.ctx, !m.err, m.variadic
	s.in = g.bindValues(s, s.in, m.params, "arguments")
	s.out = g.bindValues(s, s.out, m.results, "results")
}

// bindValues pairs a method's values with those of a Go signature: by name, or
// by place where there are no names.
func (g *generator) bindValues(s *signature, values []value, params []goParam, what string) []value {
	if len(values) != len(params) {
		if len(values) == 1 {
			what = strings.TrimSuffix(what, "s")
		}
		g.errorf(s.m.Pos, "%s.%s has %d %s, but $Go.method(%q) has %d, not counting ctx and error", s.base.Interface.FullName(), s.m.Name,
			len(values), what, s.m.Go.Method, len(params))
		return values
	}
	out := make([]value, len(params))
	used := map[int]bool{}
	for k, p := range params {
		for n, v := range values {
			if p.name != "" && v.field != nil && v.field.Name == p.name && !used[n] {
				out[k], used[n] = v, true
			}
		}
	}
	for k := range params {
		for n := 0; out[k].name == "" && n < len(values); n++ {
			// Those of the same place, or else the first that is left.
			if n := (k + n) % len(values); !used[n] {
				out[k], used[n] = values[n], true
			}
		}
	}
	for k, p := range params {
		out[k] = g.bindValue(out[k], p)
	}
	return out
}

// resolved marks a binding's Go type that has this file's names of packages.
const resolved = "="

// bindValue gives a value the type that a Go signature has for it.
func (g *generator) bindValue(v value, p goParam) value {
	if v.field == nil || converted(v.field) || p.typ == g.valueType(v) {
		return v
	}
	f := *v.field
	switch k := f.Type.Kind; {
	case k == model.StructOf && "*"+p.typ == g.valueType(v):
		f.Go.Value = true
	case integer(k) || k == model.Float32 || k == model.Float64 || k == model.ListOf && integer(f.Type.Elem.Kind):
		f.Go.Type = resolved + p.typ
	default:
		f.Go.Convert = resolved + p.typ
	}
	v.field = &f
	return v
}

// absent gives a type the methods that a wrapped interface, or one that it
// extends, has and the schema does not.
func (g *generator) absent(t *model.Type, recv string) {
	written := names{}
	var walk func(t *model.Type)
	walk = func(t *model.Type) {
		i := t.Interface
		for _, text := range i.Go.Absent {
			if m := g.parseMethod(text, i.Pos, t); m != nil && !written[m.name] {
				written[m.name] = true
				g.absentMethod(i, m, recv)
			}
		}
		for _, base := range i.Extends {
			walk(base.Subst(i.Params, t.Args))
		}
	}
	walk(t)
}

func (g *generator) absentMethod(i *model.Interface, m *goMethod, recv string) {
	var in, out []string
	if m.ctx {
		in = append(in, g.imp("context")+".Context")
	}
	for k, p := range m.params {
		if m.variadic && k == len(m.params)-1 {
			p.typ = "..." + strings.TrimPrefix(p.typ, "[]")
		}
		in = append(in, p.typ)
	}
	for _, p := range m.results {
		out = append(out, "_ "+p.typ)
	}
	fail := g.mprt("NotInSchema(") + `"` + i.FullName() + `", "` + m.name + `")`
	g.say(m.name, " is not in the schema: it fails with mprt.ErrUnimplemented.")
	if m.err {
		out = append(out, "err error")
		g.P("func (", recv, ") ", m.name, "(", strings.Join(in, ", "), ") (", strings.Join(out, ", "), ") {")
		g.P("err = ", fail)
		g.P("return")
	} else {
		g.P("func (", recv, ") ", m.name, "(", strings.Join(in, ", "), ") (", strings.Join(out, ", "), ") {")
		g.P("panic(&", g.mprt("PanicError"), "{Err: ", fail, "})")
	}
	g.P("}")
	g.P()
}
