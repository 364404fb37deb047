package syntax

// A Bindings is the tree of a bindings file: it applies annotations to
// declarations that stand in schema files.
type Bindings struct {
	Root   *Decl // of kind FileDecl; it holds the using declarations
	Binds  []Bind
	Damage *Damage // nil if there was no mistake
}

// A Bind applies annotations to one declaration, or to a file.
type Bind struct {
	Start, End uint32
	Target     *Expr // the path of the declaration; nil for a file
	File       Ident // the path of the file
	Annots     []Annotation
}

// ParseBindings reads the text of one bindings file. It holds statements of
// three forms:
//
//	using Name = import "file.capnp";
//	bind Name.Declaration.member $annotation(value) …;
//	bind file "file.capnp" $annotation(value) …;
//
// Errors are handled as by Parse.
func ParseBindings(src string, errs Reporter) *Bindings {
	p := newParser(src)
	b := &Bindings{Root: &Decl{Kind: FileDecl}}
	p.bindings(b)
	b.Damage = p.found.tell(src, errs)
	return b
}

func (p *parser) bindings(b *Bindings) {
	for {
		p.next()
		switch {
		case len(p.toks) > 0:
			p.bindingStatement(b)
			p.noteStatement(false)
			if first := p.toks[0].Text; first != "using" && Nearest(first, []string{"using"}) == "" {
				p.found.current.name = 0 // it declares nothing
			}
		case p.term == endOfFile:
			return
		case p.term == semicolon:
			p.reportAs(remains, p.pos-1, p.pos, "empty statement", "remove this ';'")
		}
		switch {
		case p.split:
		case p.term == openBrace:
			if !p.failed {
				p.reportAs(braceAstray, p.pos-1, p.pos, "a bindings file has no blocks", "")
			}
			p.skipBlock(0)
		case p.term == closeBrace:
			if !p.failed {
				p.reportAs(braceStray, p.pos, p.pos+1, "'}' closes nothing", "")
			}
			p.pos++
		case p.term == endOfFile && !p.failed:
			at := int(p.toks[len(p.toks)-1].End)
			p.report(at, at, "missing ';' at the end of the statement", "")
			return
		case p.term == endOfFile:
			return
		}
	}
}

func (p *parser) bindingStatement(b *Bindings) {
	start := p.toks[0].Start
	switch {
	case p.isKeyword("using"):
		if d := p.using(); d != nil {
			d.Start, d.End = start, uint32(p.pos)
			b.Root.Decls = append(b.Root.Decls, d)
		}
	case p.isKeyword("bind"):
		p.i++
		bind := Bind{Start: start}
		if p.isKeyword("file") && p.i+1 < len(p.toks) && p.toks[p.i+1].Kind == StringLiteral {
			t := p.toks[p.i+1]
			bind.File = Ident{t.Text, t.Start, t.End}
			p.i += 2
		} else {
			bind.Target = p.expr()
		}
		if !p.isOp("$") {
			p.expected("'$' and an annotation", "")
		}
		bind.Annots = p.annotations()
		bind.End = uint32(p.pos)
		if bind.Target == nil || bind.Target.Kind != Unknown {
			b.Binds = append(b.Binds, bind)
		}
	default:
		hint := ""
		if t := p.toks[0]; t.Kind == Identifier {
			if near := Nearest(t.Text, []string{"using", "bind"}); near != "" {
				hint = "did you mean '" + near + "'?"
			}
		}
		p.expected("'using' or 'bind'", hint)
	}
	if p.failed || p.i >= len(p.toks) {
		return
	}
	t, prev := &p.toks[p.i], p.toks[p.i-1]
	if t.Kind == Identifier && p.onNewLine(prev.End, t.Start) {
		p.report(int(prev.End), int(prev.End), "missing ';'", "")
		p.split = true
		return
	}
	p.fail("unexpected "+t.unexpected(), "")
}
