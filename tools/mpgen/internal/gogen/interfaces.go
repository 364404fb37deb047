package gogen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/model"
)

// value is an argument or a result of a method: a field of its params or
// results, or the whole of them if they are a struct that has a name.
type value struct {
	name  string // the Go variable
	field *model.Field
	whole *model.Type // in place of field
	owner string
}

func (g *generator) valueType(v value) string {
	if v.whole != nil {
		return g.typ(v.whole)
	}
	return g.fieldType(v.field)
}

// signature is what the Go side of a method looks like.
type signature struct {
	name       string // of the Go method
	start      string // of the Go method that does not wait
	in, out    []value
	exceptions []value
	// base and args are the interface that declares the method, as the one at
	// hand extends it.
	base *model.Type
	m    *model.Method

	// What $Go.method says.
	noCtx, noErr, variadic bool
}

// commonNames are what the code of every method calls something: its variables,
// and packages, whether they are imported or not.
var commonNames = set("c", "ctx", "call", "impl", "p", "r", "e", "s", "err", "mprt", "capnp", "context", "errors", "math", "slog")

// signature works out a method's Go side. base is the interface that declares
// it, with its type arguments, and i the one at hand.
func (g *generator) signature(i *model.Interface, m *model.Method, base *model.Type, name string) *signature {
	s := &signature{name: name, base: base, m: m}
	taken := names{}
	for _, list := range []names{g.inner, keywords, predeclared, commonNames} {
		for n := range list {
			taken[n] = true
		}
	}
	for _, n := range paramNames(base.Interface.File, base.Interface.Params) {
		taken[codecParam(n)] = true
	}
	owner := goName(&i.Decl) + "_" + name
	use := func(st *model.Struct, args []*model.Type, f *model.Field) *model.Field {
		return subst(subst(f, st.Params, args), base.Interface.Params, base.Args)
	}
	wholeType := func(st *model.Struct, args []*model.Type) *model.Type {
		t := &model.Type{Kind: model.StructOf, Struct: st, Args: args}
		return t.Subst(base.Interface.Params, base.Args)
	}
	varName := func(f *model.Field) string {
		if f.Go.Name != "" {
			return lower(f.Go.Name)
		}
		return f.Name
	}
	if m.Params.Anonymous {
		for _, f := range m.In {
			s.in = append(s.in, value{name: taken.take(varName(f), "Arg"), field: use(m.Params, m.ParamsArgs, f), owner: owner + "Params"})
		}
	} else {
		s.in = append(s.in, value{name: taken.take("params", "Arg"), whole: wholeType(m.Params, m.ParamsArgs)})
	}
	switch {
	case m.Streaming:
	case m.Results.Anonymous:
		for _, f := range m.Out {
			s.out = append(s.out, value{name: taken.take(varName(f), "Out"), field: use(m.Results, m.ResultsArgs, f), owner: owner + "Results"})
		}
		for _, f := range m.Exceptions {
			s.exceptions = append(s.exceptions, value{name: "e", field: use(m.Results, m.ResultsArgs, f), owner: owner + "Results"})
		}
	default:
		s.out = append(s.out, value{name: taken.take("results", "Out"), whole: wholeType(m.Results, m.ResultsArgs)})
	}
	if m.Go.Method != "" {
		g.bindMethod(s)
	}
	return s
}

// in declares the arguments.
func (g *generator) inDecl(s *signature) string {
	var parts []string
	if !s.noCtx {
		parts = append(parts, "ctx "+g.imp("context")+".Context")
	}
	for k, v := range s.in {
		parts = append(parts, v.name+" "+g.inType(s, k))
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// inType is the type of the k-th argument as a signature declares it.
func (g *generator) inType(s *signature, k int) string {
	t := g.valueType(s.in[k])
	if s.variadic && k == len(s.in)-1 {
		return "..." + strings.TrimPrefix(t, "[]")
	}
	return t
}

// inVars lists the arguments, for a call.
func inVars(s *signature) string {
	var parts []string
	if !s.noCtx {
		parts = append(parts, "ctx")
	}
	for k, v := range s.in {
		if s.variadic && k == len(s.in)-1 {
			v.name += "..."
		}
		parts = append(parts, v.name)
	}
	return strings.Join(parts, ", ")
}

// outDecl declares the results, with names if a reader needs them to tell the
// results apart, or the code that fills them in.
func (g *generator) outDecl(s *signature, named bool) string {
	if len(s.out) == 0 {
		if s.noErr {
			return ""
		}
		return "error"
	}
	named = named || len(s.out) > 1
	var parts []string
	for _, v := range s.out {
		t := g.valueType(v)
		if named {
			t = v.name + " " + t
		}
		parts = append(parts, t)
	}
	switch {
	case s.noErr:
	case named:
		parts = append(parts, "err error")
	default:
		parts = append(parts, "error")
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// outVars lists the results, for a return.
func outVars(s *signature, err string) string {
	var parts []string
	for _, v := range s.out {
		parts = append(parts, v.name)
	}
	if !s.noErr {
		parts = append(parts, err)
	}
	return strings.Join(parts, ", ")
}

// iface writes an interface: the Go interface, its proxy client and server,
// and the description that ties them to the wire.
func (g *generator) iface(i *model.Interface) {
	if i.Runtime {
		return
	}
	g.enterParams(i.Params, "c.")
	self := &model.Type{Kind: model.InterfaceOf, Interface: i, Args: paramTypes(i.Params)}
	own := g.signatures(i, self)
	all := g.allSignatures(i, self)
	switch {
	case i.Go.Wrap != "": // it is there
	case i.Func() != nil:
		g.funcType(i, own[0])
	default:
		g.goInterface(i, own, self)
	}
	g.client(i, self, all)
	g.server(i)
	if i.Func() == nil && i.Go.Wrap == "" {
		g.unimplemented(i, self, all)
	}
	g.ids(i)
	g.description(i, own, self)
	for _, s := range own {
		g.serve(i, s)
	}
	g.flush()
}

// signatures are the methods that a program sees and that self declares, by
// ordinal: the interface at hand or one that it extends.
func (g *generator) signatures(of *model.Interface, self *model.Type) []*signature {
	i := self.Interface
	byMethod := methodNames(i)
	var out []*signature
	for _, m := range i.Methods {
		if name, ok := byMethod[m]; ok && !m.Destroy && !m.Construct {
			out = append(out, g.signature(of, m, self, name))
		}
	}
	// No method that does not wait may have the name of one that does.
	taken := inheritedNames(i)
	for _, s := range out {
		taken[s.name] = true
	}
	for _, s := range out {
		s.start = taken.take("Start"+s.name, "_")
	}
	return out
}

// allSignatures are those that it inherits too, bases first, each once.
func (g *generator) allSignatures(i *model.Interface, self *model.Type) []*signature {
	seen := map[uint64]bool{}
	var out []*signature
	var walk func(t *model.Type)
	walk = func(t *model.Type) {
		if seen[t.Interface.ID] {
			return
		}
		seen[t.Interface.ID] = true
		for _, base := range t.Interface.Extends {
			walk(base.Subst(t.Interface.Params, t.Args))
		}
		out = append(out, g.signatures(i, t)...)
	}
	walk(self)
	byName := map[string]*signature{}
	for _, s := range out {
		if other := byName[s.name]; other != nil {
			g.errorf(i.Pos, "%s inherits two methods that are %s in Go, from %s and %s: give one another name with $Go.name",
				i.FullName(), s.name, other.base.Interface.FullName(), s.base.Interface.FullName())
		}
		byName[s.name] = s
	}
	return out
}

func (g *generator) goInterface(i *model.Interface, own []*signature, self *model.Type) {
	g.declComment(&i.Decl, goName(&i.Decl), "interface")
	g.P("type ", goName(&i.Decl), g.paramDecl(i.Params), " interface {")
	for _, t := range i.Extends {
		g.P(g.typ(t.Subst(i.Params, self.Args)))
	}
	for _, s := range own {
		g.comment(joinDocs(s.m.Doc, g.defaultsDoc(s)), "")
		g.P(s.name, g.inDecl(s), " ", g.outDecl(s, false))
	}
	g.P("}")
	g.P()
}

// defaultsDoc says what a caller of another language may leave out, and a Go
// caller cannot.
func (g *generator) defaultsDoc(s *signature) string {
	var defaults [][]string
	for _, v := range s.in {
		if v.field == nil || v.field.Default == nil || v.field.Go.ToGo != "" { // who knows what that makes of it
			continue
		}
		d, text := v.field.Default, ""
		switch k := d.Type.Kind; {
		case k == model.Float32:
			text = strconv.FormatFloat(d.Float(), 'g', -1, 32)
		case k == model.Float64:
			text = strconv.FormatFloat(d.Float(), 'g', -1, 64)
		case k == model.EnumOf && int(d.Bits) < len(d.Type.Enum.Enumerants):
			text = d.Type.Enum.Enumerants[d.Bits].Name
		case k == model.Text:
			if text = strconv.Quote(d.Text); len(text) > 60 {
				continue // nobody wants to read that
			}
		case k == model.EnumOf || k.Pointer():
			continue
		default:
			text = g.value(d)
		}
		defaults = append(defaults, []string{v.name, "is", text})
	}
	if len(defaults) == 0 {
		return ""
	}
	words := strings.Fields("By the schema's default,")
	for n, d := range defaults {
		switch n {
		case len(defaults) - 1:
			d[2] += "."
		case len(defaults) - 2:
			d = append(d, "and")
		default:
			d[2] += ","
		}
		words = append(words, d...)
	}
	return fillWords(words)
}

// joinDocs puts two comments into one.
func joinDocs(a, b string) string {
	return strings.Trim(strings.TrimRight(a, " \n")+"\n\n"+b, "\n")
}

// funcType writes an interface that stands for a function.
func (g *generator) funcType(i *model.Interface, s *signature) {
	name := goName(&i.Decl)
	g.declComment(&i.Decl, name, "function")
	if d := strings.TrimSpace(s.m.Doc); d != "" {
		g.P("//")
		writeComment(&g.buf, d)
	}
	g.P("type ", name, g.paramDecl(i.Params), " func", g.inDecl(s), " ", g.outDecl(s, false))
	g.P()
}

// ifaceName is the Go type of an interface, without type arguments.
func (g *generator) ifaceName(i *model.Interface) string {
	if i.Go.Wrap != "" {
		return g.goType(i.Go.Wrap, i.File, i.Pos)
	}
	return goName(&i.Decl)
}

// client writes the proxy client.
func (g *generator) client(i *model.Interface, self *model.Type, all []*signature) {
	name := g.ifaceName(i)
	client := aux(&i.Decl, "", "Client")
	decl, use := g.paramDecl(i.Params), g.paramUse(i.Params)
	if i.Func() != nil {
		g.say(client, " calls ", article(name), " ", name, " in another process.")
	} else {
		g.say(client, " is ", article(name), " ", name, " whose methods run in another process.")
	}
	g.P("type ", client, decl, " struct {")
	g.P(g.mprt("Client"))
	for _, n := range g.paramNames(i.Params) {
		g.P(codecField(n), " ", g.mprt("Codec["), n, "]")
	}
	g.P("}")
	g.P()
	newClient := aux(&i.Decl, "New", "Client")
	args, codecs := "", ""
	for _, n := range g.paramNames(i.Params) {
		args += ", " + codecParam(n) + " " + g.mprt("Codec[") + n + "]"
		codecs += ", " + codecParam(n)
	}
	desc := "&iface" + goName(&i.Decl)
	if len(i.Params) > 0 {
		desc = "iface" + goName(&i.Decl) + "(" + strings.TrimPrefix(codecs, ", ") + ")"
	}
	g.say(newClient, " makes a proxy client for c, which it takes over.")
	g.P("func ", newClient, decl, "(c ", g.mprt("Capability"), args, ") *", client, use, " {")
	g.P("return &", client, use, "{", g.mprt("NewClient"), "(c, ", desc, ")", codecs, "}")
	g.P("}")
	g.P()
	switch {
	case i.Go.Wrap != "":
		method := ""
		if i.Func() != nil {
			method = "." + all[0].name
		}
		check := "var _ " + name + use + " = (*" + client + use + ")(nil)" + method
		if len(i.Params) > 0 {
			check = "func _" + decl + "() { " + check + " }"
		}
		g.check(i.Pos, check)
	case i.Func() == nil && len(i.Params) == 0:
		g.P("var _ ", name, " = (*", client, ")(nil)")
		g.P()
	}
	for _, p := range i.Params {
		g.codecs[*p] = "c." + codecField(g.params[*p])
	}
	for _, s := range all {
		g.clientMethod(i, client+use, s)
	}
	g.absent(self, "*"+client+use)
}

// clientMethod writes a method of the proxy client: the plain one, and the one
// that does not wait.
func (g *generator) clientMethod(i *model.Interface, client string, s *signature) {
	base := s.base.Interface
	doc := s.m.Doc
	if strings.TrimSpace(doc) == "" {
		doc = fill(s.name + " calls " + base.FullName() + "." + s.m.Name + ".")
	}
	g.comment(joinDocs(doc, g.defaultsDoc(s)), "")
	if base != i && len(base.Params) == 0 && len(i.Params) == 0 {
		// The clients of both are the same struct underneath.
		ret := "return "
		if g.outDecl(s, false) == "" {
			ret = ""
		}
		convert := "(*" + g.qual(base.File, aux(&base.Decl, "", "Client")) + ")(c)."
		g.P("func (c *", client, ") ", s.name, g.inDecl(s), " ", g.outDecl(s, false), " {")
		g.P(ret, convert, s.name, "(", inVars(s), ")")
		g.P("}")
		g.P()
		g.say(s.start, " is ", s.name, " without the wait for its results.")
		g.P("func (c *", client, ") ", s.start, g.inDecl(s), " *", g.qual(base.File, g.callType(s)), " {")
		g.P("return ", convert, s.start, "(", inVars(s), ")")
		g.P("}")
		g.P()
		return
	}
	ctx := "ctx"
	if s.noCtx {
		ctx = "c.Client.Context()"
	}
	begin := "begin" + s.name
	g.P("func (c *", client, ") ", s.name, g.inDecl(s), " ", g.outDecl(s, true), " {")
	g.P("call, err := c.", begin, "(", inVars(s), ")")
	g.fail(s, "err != nil", "err")
	g.P("defer call.Finish()")
	take := g.takeCall(i, s)
	switch {
	case take == "" && s.noErr:
		g.P("_, err = call.Do()")
		g.fail(s, "err != nil", "err")
	case take == "":
		g.P("_, err = call.Do()")
		g.P("return err")
	default:
		g.P("r, err := call.Do()")
		g.fail(s, "err != nil", "err")
		plain := strings.Replace(take, ", s)", ", nil)", 1)
		if !s.noErr {
			g.P("return ", plain)
			break
		}
		g.P(strings.Join(append(outNames(s), "err"), ", "), " = ", plain)
		g.fail(s, "err != nil", "err")
		if len(s.out) > 0 {
			g.P("return ", outVars(s, ""))
		}
	}
	g.P("}")
	g.P()

	g.P("func (c *", client, ") ", begin, g.inDecl(s), " (*", g.mprt("ClientCall"), ", error) {")
	if !g.sends(s) {
		g.P("return c.Client.Begin(", ctx, ", ", g.methodRef(s), ")")
	} else {
		g.P("call, err := c.Client.Begin(", ctx, ", ", g.methodRef(s), ")")
		g.P("if err != nil {")
		g.P("return nil, err")
		g.P("}")
		g.sendParams(s)
		g.P("return call, nil")
	}
	g.P("}")
	g.P()
	g.started(i, client, s)
}

// outNames are the names of the results.
func outNames(s *signature) []string {
	var list []string
	for _, v := range s.out {
		list = append(list, v.name)
	}
	return list
}

// callType is the name of the type of a started call.
func (g *generator) callType(s *signature) string {
	return aux(&s.base.Interface.Decl, "", "_"+s.name+"Call")
}

// pipelined are the results that are objects.
func pipelined(s *signature) []value {
	var out []value
	for _, v := range s.out {
		if v.field != nil && v.field.Type.Kind == model.InterfaceOf && !v.field.Type.Interface.Runtime && v.field.Has == nil && !converted(v.field) {
			out = append(out, v)
		}
	}
	return out
}

// takeCall is the expression that reads the results from the reader r; "" if
// there are none. s is the started call, for results that it has already.
func (g *generator) takeCall(i *model.Interface, s *signature) string {
	if len(s.out) == 0 && len(s.exceptions) == 0 {
		return ""
	}
	args := "r"
	if len(i.Params) > 0 {
		args = "c, r"
	}
	if len(pipelined(s)) > 0 {
		args += ", s"
	}
	return private("take", &i.Decl, s.name) + "(" + args + ")"
}

// started writes the method that does not wait, and the type of what it
// returns.
func (g *generator) started(i *model.Interface, client string, s *signature) {
	decl, use := g.paramDecl(i.Params), g.paramUse(i.Params)
	// An inherited method of a generic interface has its own copy here.
	typ := g.callType(s)
	if s.base.Interface != i {
		typ = aux(&i.Decl, "", "_"+s.name+"Call")
	}
	recv := strings.TrimSuffix(client, use)
	g.say(s.start, " is ", s.name, " without the wait for its results.")
	g.P("func (c *", client, ") ", s.start, g.inDecl(s), " *", typ, use, " {")
	generic := ""
	if len(i.Params) > 0 {
		generic = "c: c, "
	}
	g.P("return &", typ, use, "{", generic, "Started: ", g.mprt("Start"), "(c.begin", s.name, "(", inVars(s), "))}")
	g.P("}")
	g.P()
	g.say(typ, " is a call of ", recv, ".", s.name, " that was started. Wait for it, or finish it.")
	g.P("type ", typ, decl, " struct {")
	g.P(g.mprt("Started"))
	if generic != "" {
		g.P("c *", client)
	}
	objects := pipelined(s)
	for _, v := range objects {
		g.P(v.name, " ", g.valueType(v))
	}
	g.P("}")
	g.P()
	taken := names{"Started": true, "Wait": true, "Finish": true, "Results": true, "Pipeline": true}
	for _, v := range objects {
		name := taken.take(upper(v.field.Name), "_")
		g.say(name, " is the result before it is there: what is called on it goes out at once. It is the one that Wait returns.")
		g.P("func (s *", typ, use, ") ", name, "() ", g.pipelineType(v), " {")
		codecs := g.codecs
		g.codecs = map[model.Param]string{}
		for _, p := range i.Params {
			g.codecs[*p] = "s.c." + codecField(g.params[*p])
		}
		made := g.pipelineNew(v)
		g.codecs = codecs
		if v.field.Type.Interface.Func() != nil {
			g.P("if s.", v.name, " == nil {")
			g.P("s.", v.name, " = ", made)
			g.P("}")
			g.P("return s.", v.name)
		} else {
			g.P("if s.", v.name, " == nil {")
			g.P("s.", v.name, " = ", made)
			g.P("}")
			g.P("return s.", v.name, ".(", g.pipelineType(v), ")")
		}
		g.P("}")
		g.P()
	}
	take := g.takeCall(i, s)
	wait := *s
	wait.noErr = false
	g.say("Wait waits for the results, and ends the call.")
	g.P("func (s *", typ, use, ") Wait() ", g.outDecl(&wait, true), " {")
	g.P("defer s.Finish()")
	if take == "" {
		if len(s.out) == 0 {
			g.P("_, err := s.Results()")
		}
		g.P("return err")
	} else {
		g.P("r, err := s.Results()")
		g.P("if err != nil {")
		g.P("return ", outVars(&wait, "err"))
		g.P("}")
		g.P("return ", strings.Replace(take, "(c, ", "(s.c, ", 1))
	}
	g.P("}")
	g.P()
	if take == "" {
		return
	}
	args := "r " + g.mprt("Reader")
	if len(i.Params) > 0 {
		args = "c *" + client + ", " + args
	}
	if len(objects) > 0 {
		args += ", s *" + typ + use
	}
	g.P("func ", private("take", &i.Decl, s.name), decl, "(", args, ") ", g.outDecl(&wait, true), " {")
	g.takeResults(&wait)
	g.P("}")
	g.P()
}

// pipelineType is the type of a result before it is there: a proxy client.
func (g *generator) pipelineType(v value) string {
	t := v.field.Type
	if t.Interface.Func() != nil {
		return g.valueType(v)
	}
	return "*" + g.qual(t.Interface.File, aux(&t.Interface.Decl, "", "Client")) + g.typeArgs(t.Args)
}

func (g *generator) pipelineNew(v value) string {
	t := v.field.Type
	made := "s.Pipeline(" + strconv.Itoa(v.field.Offset) + ")"
	if t.Interface.Func() != nil {
		return g.proxy(t, "") + ".New(" + made + ")"
	}
	if len(t.Args) > 0 {
		made += ", " + g.codecList(t.Args)
	}
	return g.qual(t.Interface.File, aux(&t.Interface.Decl, "New", "Client")) + g.typeArgs(t.Args) + "(" + made + ")"
}

// fail writes how a method fails with an error, if a condition holds.
func (g *generator) fail(s *signature, cond, err string) {
	g.P("if ", cond, " {")
	if s.noErr {
		g.P("panic(&", g.mprt("PanicError"), "{Err: ", err, "})")
	} else {
		g.P("return ", outVars(s, err))
	}
	g.P("}")
}

// sends reports whether a method has any params to send.
func (g *generator) sends(s *signature) bool {
	for _, v := range s.in {
		if v.whole == nil || !g.empty(v.whole.Struct) {
			return true
		}
	}
	return len(s.m.Wants) > 0
}

// sendParams writes the arguments into the params of call.
func (g *generator) sendParams(s *signature) {
	g.P("p := call.Params()")
	for _, v := range s.in {
		g.put("p", v)
	}
	for _, w := range s.m.Wants {
		g.P("p.SetBit(", w.Offset, ", ", strconv.FormatBool(w.Default == nil), ")")
	}
}

// takeResults reads the results from r and returns them.
func (g *generator) takeResults(s *signature) {
	for _, v := range s.exceptions {
		f := v.field
		if g.throwable(f.Type) {
			g.P("if e := ", g.get("r", f, v.owner), "; e != nil && r.Err() == nil {")
			g.P("return ", outVars(s, "e"))
			g.P("}")
			continue
		}
		g.P("if r.HasPtr(", f.Offset, ") {")
		g.P("return ", outVars(s, g.mprt("NewException(")+g.get("r", f, v.owner)+")"))
		g.P("}")
	}
	objects := map[string]bool{}
	for _, v := range pipelined(s) {
		objects[v.name] = true
	}
	for _, v := range s.out {
		switch {
		case objects[v.name]:
			g.P("if s != nil && s.", v.name, " != nil {")
			g.P(v.name, " = s.", v.name)
			g.P("} else {")
			g.P(v.name, " = ", g.take("r", v))
			g.P("}")
		default:
			g.P(v.name, " = ", g.take("r", v))
			if v.field != nil {
				g.fallback(v.name, v.field)
			}
		}
	}
	g.P("return ", outVars(s, "r.Err()"))
}

// put writes a value into the builder b, a whole struct or one field of it.
func (g *generator) put(b string, v value) {
	switch {
	case v.whole == nil:
		g.set(b, v.field, v.name, v.owner)
	case g.empty(v.whole.Struct):
	case selfEncoding(v.whole.Struct):
		g.P("if ", v.name, " != nil {")
		g.P(v.name, ".MarshalCapnp(", b, ")")
		g.P("}")
	default:
		g.P("if ", v.name, " != nil {")
		g.P(g.structCodec(v.whole), ".Marshal(", b, ", ", v.name, ")")
		g.P("}")
	}
}

// take is the expression that reads a value from the reader r.
func (g *generator) take(r string, v value) string {
	switch {
	case v.whole == nil:
		return g.get(r, v.field, v.owner)
	case selfEncoding(v.whole.Struct):
		return g.mprt("StructFrom[") + g.structType(v.whole) + "](" + r + ")"
	}
	return g.mprt("StructFromWith(") + r + ", " + g.structCodec(v.whole) + ")"
}

// methodRef is a pointer to the description of a method.
func (g *generator) methodRef(s *signature) string {
	i := s.base.Interface
	name := private("", &i.Decl, s.name)
	if i.File == g.schema || g.qual(i.File, name) == name {
		return "&" + name
	}
	return g.baseInterface(s.base) + ".Methods[" + strconv.Itoa(s.m.Ordinal) + "]"
}

// server writes how to serve an implementation, and how an object is passed.
func (g *generator) server(i *model.Interface) {
	name := g.ifaceName(i)
	decl, use := g.paramDecl(i.Params), g.paramUse(i.Params)
	newClient := aux(&i.Decl, "New", "Client")
	newServer := aux(&i.Decl, "New", "Server")
	proxy := aux(&i.Decl, "", "Proxy")
	desc := "iface" + goName(&i.Decl)
	args, list := "", ""
	for _, n := range g.paramNames(i.Params) {
		args += ", " + codecParam(n) + " " + g.mprt("Codec[") + n + "]"
		list += ", " + codecParam(n)
	}
	params, codecs := strings.TrimPrefix(args, ", "), strings.TrimPrefix(list, ", ")
	g.say(newServer, " wraps impl so that a peer can call it.")
	g.P("func ", newServer, decl, "(impl ", name, use, args, ") *", g.mprt("Server"), " {")
	if len(i.Params) == 0 {
		g.P("return ", g.mprt("NewServer"), "(&", desc, ", impl)")
	} else {
		g.P("return ", g.mprt("NewServer"), "(", desc, "(", codecs, "), impl)")
	}
	g.P("}")
	g.P()
	made := newClient + "(c" + list + ")"
	if i.Func() != nil {
		made += "." + g.signatures(i, &model.Type{Kind: model.InterfaceOf, Interface: i, Args: paramTypes(i.Params)})[0].name
	}
	g.say(proxy, " passes ", article(name), " ", name, " from process to process.")
	if len(i.Params) == 0 {
		fn := "func(c " + g.mprt("Capability") + ") " + name + " { return " + made + " }"
		g.P("var ", proxy, " = ", g.mprt("Proxy["), name, "]{")
		g.P("Interface: &", desc, ",")
		if i.Func() == nil {
			g.P("New: ", fn, ",")
		}
		g.P("}")
		if i.Func() != nil {
			// A function may take or return one of its own type, which Go would
			// call an initialization cycle.
			g.P()
			g.P("func init() { ", proxy, ".New = ", fn, " }")
		}
	} else {
		g.P("func ", proxy, decl, "(", params, ") *", g.mprt("Proxy["), name, use, "] {")
		g.P("return &", g.mprt("Proxy["), name, use, "]{")
		g.P("Describe: func() *", g.mprt("Interface"), " { return ", desc, "(", codecs, ") },")
		g.P("New: func(c ", g.mprt("Capability"), ") ", name, use, " { return ", made, " },")
		g.P("}")
		g.P("}")
	}
	g.P()
}

func (g *generator) unimplemented(i *model.Interface, self *model.Type, all []*signature) {
	name := aux(&i.Decl, "Unimplemented", "")
	decl, use := g.paramDecl(i.Params), g.paramUse(i.Params)
	g.say(name, " is ", article(goName(&i.Decl)), " ", goName(&i.Decl), " whose methods all fail with mprt.ErrUnimplemented. ",
		"Embed it in an implementation, and it goes on to compile when the schema gets new methods.")
	g.P("type ", name, decl, " struct{}")
	g.P()
	for _, s := range all {
		g.say(s.name, " fails with mprt.ErrUnimplemented.")
		g.P("func (", name, use, ") ", s.name, g.blankIn(s), " ", g.outDecl(s, len(s.out) > 0), " {")
		g.P("return ", outVars(s, g.mprt("Unimplemented(")+g.methodRef(s)+")"))
		g.P("}")
		g.P()
	}
	g.absent(self, name+use)
}

// blankIn declares arguments that nobody reads.
func (g *generator) blankIn(s *signature) string {
	var parts []string
	if !s.noCtx {
		parts = append(parts, g.imp("context")+".Context")
	}
	for k := range s.in {
		parts = append(parts, g.inType(s, k))
	}
	if len(s.out) > 0 {
		for k := range parts {
			parts[k] = "_ " + parts[k]
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// ids writes the constants for the interface's id and its methods'.
func (g *generator) ids(i *model.Interface) {
	name := goName(&i.Decl)
	g.say("The ids of ", name, " and its methods on the wire.")
	g.P("const (")
	g.P(aux(&i.Decl, "", "_ID"), " uint64 = ", hex(i.ID))
	for _, m := range i.Methods {
		g.P(methodID(i, m), " uint16 = ", m.Ordinal)
	}
	g.P(")")
	g.P()
}

// methodID is the constant for a method's id. An interface of the method's name
// that is declared beside it has one of its own.
func methodID(i *model.Interface, m *model.Method) string {
	name := aux(&i.Decl, "", "_"+upper(m.Name)+"_ID")
	if slices.Contains(i.Nested, upper(m.Name)) {
		name += "_"
	}
	return name
}

// description writes the mprt.Interface and its methods.
func (g *generator) description(i *model.Interface, own []*signature, self *model.Type) {
	desc := "iface" + goName(&i.Decl)
	vars := map[*model.Method]string{}
	for _, s := range own {
		vars[s.m] = private("", &i.Decl, s.name)
	}
	for _, m := range i.Methods {
		if vars[m] == "" {
			vars[m] = private("", &i.Decl, upper(m.Name))
		}
	}
	if len(i.Methods) > 0 {
		open, end := "var (\n", ")"
		if len(i.Methods) == 1 {
			open, end = "var ", ""
		}
		g.buf.WriteString(open)
		for _, m := range i.Methods {
			g.P(vars[m], " = ", g.mprt("Method{"))
			g.P("InterfaceID: ", aux(&i.Decl, "", "_ID"), ", InterfaceName: ", strconv.Quote(i.FullName()), ",")
			g.P("ID: ", methodID(i, m), ", Name: ", strconv.Quote(m.Name), ",")
			g.P("ParamsSize: ", g.size(m.Params), ", ResultsSize: ", g.size(m.Results), ",")
			slots := ""
			for _, x := range []struct {
				name string
				slot int
			}{{"Context", m.Context}, {"ParamsThreadMap", m.ParamsThreadMap}, {"ResultsThreadMap", m.ResultsThreadMap}} {
				if x.slot >= 0 {
					slots += x.name + ": " + strconv.Itoa(x.slot+1) + ", "
				}
			}
			if slots != "" {
				g.P(strings.TrimSuffix(slots, " "))
			}
			g.P("}")
		}
		g.P(end)
		g.P()
	}
	// A base may have this interface as an argument, which Go would call an
	// initialization cycle.
	cyclic := len(i.Params) == 0 && slices.ContainsFunc(i.Extends, func(t *model.Type) bool { return len(t.Args) > 0 })
	bases := func() string {
		var list []string
		for _, t := range i.Extends {
			list = append(list, g.baseInterface(t.Subst(i.Params, self.Args)))
		}
		return "[]*" + g.mprt("Interface{") + strings.Join(list, ", ") + "}"
	}
	literal := func(method func(m *model.Method) string) {
		g.P("ID: ", aux(&i.Decl, "", "_ID"), ",")
		g.P("Name: ", strconv.Quote(i.FullName()), ",")
		if len(i.Methods) > 0 {
			g.P("Methods: []*", g.mprt("Method{"))
			for _, m := range i.Methods {
				g.P(method(m), ",")
			}
			g.P("},")
		}
		if len(i.Extends) > 0 && !cyclic {
			g.P("Extends: ", bases(), ",")
		}
		if d := g.special(self, func(m *model.Method) bool { return m.Destroy }); d != "" {
			g.P("Destroy: ", d, ",")
		}
		if c := g.special(self, func(m *model.Method) bool { return m.Construct }); c != "" {
			g.P("Construct: ", c, ",")
		}
	}
	if len(i.Params) == 0 {
		g.P("var ", desc, " = ", g.mprt("Interface{"))
		literal(func(m *model.Method) string { return "&" + vars[m] })
		g.P("}")
		g.P()
		if len(own) > 0 || cyclic {
			g.P("func init() {")
			if cyclic {
				g.P(desc, ".Extends = ", bases())
			}
			for _, s := range own {
				g.P(vars[s.m], ".Handler = ", private("serve", &i.Decl, s.name))
			}
			g.P("}")
			g.P()
		}
		return
	}
	var params []string
	for _, p := range i.Params {
		n := g.params[*p]
		params = append(params, codecParam(n)+" "+g.mprt("Codec[")+n+"]")
		g.codecs[*p] = codecParam(n)
	}
	g.P("func ", desc, g.paramDecl(i.Params), "(", strings.Join(params, ", "), ") *", g.mprt("Interface"), " {")
	handled := map[*model.Method]bool{}
	codecs := g.interfaceCodecs(i)
	for _, s := range own {
		handled[s.m] = true
		g.P("m", s.m.Ordinal, " := ", vars[s.m])
		g.P("m", s.m.Ordinal, ".Handler = func(ctx ", g.imp("context"), ".Context, impl any, call *", g.mprt("ServerCall"), ") error {")
		g.P("return ", private("serve", &i.Decl, s.name), "(ctx, impl, call, ", codecs, ")")
		g.P("}")
	}
	g.P("return &", g.mprt("Interface{"))
	literal(func(m *model.Method) string {
		if handled[m] {
			return "&m" + strconv.Itoa(m.Ordinal)
		}
		return "&" + vars[m]
	})
	g.P("}")
	g.P("}")
	g.P()
}

func (g *generator) interfaceCodecs(i *model.Interface) string {
	var list []string
	for _, p := range i.Params {
		list = append(list, codecParam(g.params[*p]))
	}
	return strings.Join(list, ", ")
}

// baseInterface is the description of an interface that this one extends.
func (g *generator) baseInterface(t *model.Type) string {
	if len(t.Args) > 0 {
		return g.proxy(t, "") + ".Describe()"
	}
	return g.proxy(t, "") + ".Interface"
}

// special is the description of a method that the runtime calls: the interface's
// own, or the first that it inherits. "" if there is none.
func (g *generator) special(t *model.Type, is func(m *model.Method) bool) string {
	for _, m := range t.Interface.Methods {
		if is(m) {
			return g.methodRef(&signature{name: upper(m.Name), base: t, m: m})
		}
	}
	for _, base := range t.Interface.Extends {
		if d := g.special(base.Subst(t.Interface.Params, t.Args), is); d != "" {
			return d
		}
	}
	return ""
}

// serve writes the handler of a method: what the server side does when a
// request comes in.
func (g *generator) serve(i *model.Interface, s *signature) {
	for _, p := range i.Params {
		g.codecs[*p] = codecParam(g.params[*p])
	}
	extra := ""
	for _, p := range i.Params {
		n := g.params[*p]
		extra += ", " + codecParam(n) + " " + g.mprt("Codec[") + n + "]"
	}
	name := g.ifaceName(i) + g.paramUse(i.Params)
	g.P("func ", private("serve", &i.Decl, s.name), g.paramDecl(i.Params), "(ctx ", g.imp("context"), ".Context, impl any, call *", g.mprt("ServerCall"), extra, ") error {")
	var args []string
	if !s.noCtx {
		args = append(args, "ctx")
	}
	if len(s.in) > 0 || len(s.m.Wants) > 0 {
		g.P("p := call.Params()")
	}
	checked := false
	for _, v := range s.in {
		expr := g.take("p", v)
		if v.field == nil || v.field.Type.Kind.Pointer() || converted(v.field) {
			g.P(v.name, " := ", expr)
			if v.field != nil {
				g.fallback(v.name, v.field)
			}
			expr = v.name
			checked = true
		}
		args = append(args, expr)
	}
	if checked {
		g.P("if err := p.Err(); err != nil {")
		g.P("return err")
		g.P("}")
	}
	target := "impl.(" + name + ")"
	if i.Func() == nil {
		target += "." + s.name
	}
	if s.variadic {
		args[len(args)-1] += "..."
	}
	invoke := target + "(" + strings.Join(args, ", ") + ")"
	sent := slices.Clone(s.out)
	for k, v := range sent {
		if v.whole != nil && g.empty(v.whole.Struct) {
			sent[k].name = "_"
		}
	}
	outs := *s
	outs.out = sent
	sent = slices.DeleteFunc(slices.Clone(sent), func(v value) bool { return v.name == "_" })
	switch outs := outVars(&outs, "err"); {
	case outs == "":
		g.P(invoke)
	case outs == "_":
		g.P("_ = ", invoke)
	case len(s.out) == 0 && len(s.exceptions) == 0:
		g.P("return ", invoke)
		g.P("}")
		g.P()
		return
	default:
		g.P(outs, " := ", invoke)
	}
	if !s.noErr {
		g.P("if err != nil {")
		g.throw(s.exceptions)
		g.P("}")
	}
	if len(sent) > 0 {
		g.P("r := call.Results()")
		for _, v := range sent {
			if v.field != nil && v.field.Want != nil {
				not := ""
				if v.field.Want.Default != nil {
					not = "!"
				}
				g.P("if ", not, "p.Bit(", v.field.Want.Offset, ") {")
				g.put("r", v)
				g.P("}")
				continue
			}
			g.put("r", v)
		}
	}
	g.P("return nil")
	g.P("}")
	g.P()
}

// throwable reports whether a pointer to a struct's Go type is an error. A
// struct of another package is not: that package may not know that it is
// thrown.
func (g *generator) throwable(t *model.Type) bool {
	if t.Kind != model.StructOf || len(t.Struct.Params) > 0 {
		return false
	}
	s := t.Struct
	return s.Go.Codec != "" || s.Go.Wrap != "" || g.qual(s.File, "") == ""
}

// throw writes the returns of declared exceptions, if err is one of them. Any
// error has a text, so it can be an exception that is a Text, but only if it is
// no other.
func (g *generator) throw(exceptions []value) {
	text := -1
	for _, v := range exceptions {
		switch t := v.field.Type; {
		case t.Kind == model.Text:
			text = v.field.Offset
			continue
		case g.throwable(t):
			g.P("if e := (", g.typ(t), ")(nil); ", g.imp("errors"), ".As(err, &e) {")
			g.set("call.Results()", v.field, "e", v.owner)
		default:
			g.P("if e := (*", g.mprt("Exception["), g.typ(t), "])(nil); ", g.imp("errors"), ".As(err, &e) {")
			g.set("call.Results()", v.field, "e.Value", v.owner)
		}
		g.P("return nil")
		g.P("}")
	}
	if text < 0 {
		g.P("return err")
		return
	}
	g.P("call.Results().SetText(", text, ", err.Error())")
	g.P("return nil")
}
