package syntax

import (
	"fmt"
	"slices"
	"strings"
)

// maxDepth limits in how many blocks and lists, taken together, a token may
// stand. The limit is the reference's; it also keeps hostile input from
// exhausting the stack.
const maxDepth = 62

// maxParts limits how many members and applications follow each other in one
// expression.
const maxParts = 200

var tooDeep = fmt.Sprintf("blocks and lists are nested deeper than %d", maxDepth)

// Parse reads the text of one schema file. It reports every mistake it finds,
// once, and returns what could be understood: a declaration in which a part is
// broken is there all the same, with Unknown expressions, so that its name
// and ordinal are known.
func Parse(src string, errs Reporter) *File {
	p := newParser(src)
	root := &Decl{Kind: FileDecl}
	p.block(root, fileLevel, nil, 0)
	return &File{Root: root, Damage: p.found.tell(src, errs)}
}

func newParser(src string) *parser {
	p := &parser{}
	p.src = src
	p.errs = &p.found
	return p
}

// level is where a declaration stands; it decides which are allowed.
type level uint8

const (
	fileLevel level = iota
	enumLevel
	structLevel
	interfaceLevel
)

// parser is a recursive descent over the tokens of one statement after
// another.
type parser struct {
	lexer
	i      int        // index into toks
	term   terminator // what ended the tokens
	split  bool       // the tokens from i on are a statement of their own
	failed bool       // this statement, or this list item, has reported an error
	blocks int        // around this statement
	depth  int        // of lists in each other
	deep   bool       // this statement was reported to be too deep
	found  mistakes
}

// next makes the next statement current.
func (p *parser) next() {
	p.found.next()
	if p.split {
		p.split = false
		p.toks = p.toks[p.i:]
		p.i = 0
		p.failed = false
		return
	}
	p.term = p.statement()
	p.i = 0
	p.deep = false
	p.failed = false
}

// block reads the statements up to the closing brace, or for the file up to
// its end. open is the statement that the block belongs to, nil for the file.
func (p *parser) block(parent *Decl, lv level, open *blockStart, depth int) {
	for {
		p.next()
		if len(p.toks) == 0 {
			switch p.term {
			case closeBrace:
				if open == nil {
					p.reportAs(braceStray, p.pos, p.pos+1, "'}' closes nothing", "")
					p.found.current.cutShort = p.found.before.cutShort || !p.endsLine(p.pos+1)
					p.pos++
					continue
				}
				p.closed(open)
				p.pos++
				if p.found.before.cutShort && !p.endsLine(p.pos) {
					p.found.goOn()
				}
				return
			case endOfFile:
				if open != nil {
					p.unclosedBlock(open)
				}
				return
			case semicolon:
				p.reportAs(remains, p.pos-1, p.pos, "empty statement", "remove this ';'")
				p.found.current.cutShort = true
				continue
			case openBrace:
				p.reportAs(braceAstray, p.pos-1, p.pos, "a block without a declaration before it", "")
				parent.broken = true
				p.found.current.start, p.found.current.end, p.found.current.brace = uint32(p.pos-1), uint32(p.pos), true
				p.skipBlock(depth)
				continue
			}
		}
		if open != nil {
			open.see(p.src, int(p.toks[0].Start))
		}
		if depth > maxDepth {
			if !parent.broken {
				p.report(int(p.toks[0].Start), int(p.toks[0].End), tooDeep, "")
				parent.broken = true
			}
			if p.term == openBrace {
				p.skipBlock(depth)
			}
			continue
		}
		if d := p.decl(parent, lv, depth); d != nil {
			parent.Decls = append(parent.Decls, d)
		}
	}
}

// blockStart remembers where a block opened, to tell where it may have been
// meant to end.
type blockStart struct {
	stmt    int  // start of the statement
	brace   int  // offset of the '{'
	suspect int  // first statement inside that is indented no deeper, or 0
	assumed bool // the '{' itself is missing, which was reported
}

func (b *blockStart) see(src string, start int) {
	if b.suspect != 0 {
		return
	}
	if column(src, start) <= column(src, b.stmt) && strings.IndexByte(src[b.brace:start], '\n') >= 0 {
		b.suspect = start
	}
}

// unindented is the column of what does not begin its line.
const unindented = 1 << 20

const neverClosed = "the block is never closed"

// notes tells where the block may have been meant to end.
func (b *blockStart) notes() []Note {
	if b.suspect == 0 {
		return nil
	}
	return []Note{{uint32(b.suspect), uint32(b.suspect), "a '}' may be missing before this line"}}
}

// column is the indentation of an offset if only blanks stand before it on
// its line; else it is unindented.
func column(src string, at int) int {
	for i := at; ; i-- {
		if i == 0 || src[i-1] == '\n' {
			return at - i
		}
		if src[i-1] != ' ' && src[i-1] != '\t' || at-i > 200 {
			return unindented
		}
	}
}

// closed looks whether the '}' at the position, which closes a block, stands
// where one would write it.
func (p *parser) closed(open *blockStart) {
	p.found.closed, p.found.closedStart = p.pos, open.stmt
	if p.found.lost == 0 && column(p.src, p.pos) != column(p.src, open.stmt) && strings.IndexByte(p.src[open.brace:p.pos], '\n') >= 0 {
		p.found.lost = uint32(p.pos)
		if open.suspect == 0 {
			return
		}
		p.found.misclosed = Error{Start: uint32(open.brace), End: uint32(open.brace + 1), Message: neverClosed, Hint: "add '}'", Notes: open.notes()}
	}
}

func (p *parser) unclosedBlock(open *blockStart) {
	if !open.assumed {
		p.reportAs(braceOpen, open.brace, open.brace+1, neverClosed, "add '}'", open.notes()...)
	}
	p.found.unbalanced = true
	// The blocks around it end here as well; say it once.
	p.found.muted++
}

// skipBlock reads a block and forgets it. Why, was reported.
func (p *parser) skipBlock(depth int) {
	m := &p.found
	m.muted++
	before := m.muted
	start := p.pos - 1
	p.anyBlock(&blockStart{brace: start, stmt: start}, depth)
	m.skipped(start, p.pos)
	if m.muted == before {
		m.muted--
	} // else the file has ended: nothing more will come
}

// anyBlock skips to the brace that closes the block, whatever stands in it.
func (p *parser) anyBlock(open *blockStart, depth int) {
	for n := 1; n > 0; {
		switch p.statement() {
		case openBrace:
			n++
		case closeBrace:
			p.pos++
			n--
		case endOfFile:
			p.unclosedBlock(open)
			n = 0
		}
	}
	p.toks = p.toks[:0]
	p.split = false
}

// decl parses the current statement and the block that belongs to it. It
// returns nil for statements that declare nothing or cannot be understood.
func (p *parser) decl(parent *Decl, lv level, depth int) *Decl {
	start := p.toks[0].Start
	p.blocks = depth
	d, members := p.head(parent, lv)
	term := p.term

	if p.i < len(p.toks) && !p.failed {
		t := &p.toks[p.i]
		prev := p.toks[p.i-1]
		switch {
		case t.Kind == Invalid:
			// reported
		case p.onNewLine(prev.End, t.Start) && (t.Kind == Identifier ||
			lv == fileLevel && t.Kind == Operator && (t.Text == "@" || t.Text == "$")):
			// Most likely the end of the statement was forgotten.
			want := "';'"
			term = semicolon
			if members != noBlock {
				want = "'{'"
				term = openBrace
			}
			p.report(int(prev.End), int(prev.End), "missing "+want, "")
			p.split = true
		default:
			hint := ""
			switch {
			case t.Kind == Identifier && members == noBlock:
				hint = "a ';' may be missing before it"
			case t.Text == ":" && members == blockKind(interfaceLevel):
				hint = "write 'extends(Base)'"
			}
			p.fail("unexpected "+t.unexpected(), hint)
		}
	}
	p.noteStatement(members != noBlock)
	var open blockStart
	end := p.pos
	if p.split {
		end = int(p.toks[p.i-1].End)
		open = blockStart{stmt: int(start), brace: end, assumed: true}
	} else {
		open = blockStart{stmt: int(start), brace: p.pos - 1}
		if term == closeBrace || term == endOfFile {
			last := p.toks[len(p.toks)-1]
			end = int(last.End)
			if !p.failed {
				what := "';'"
				if members != noBlock {
					what = "a block in '{' and '}'"
				}
				p.report(end, end, "missing "+what+" at the end of the statement", "")
			}
			term = semicolon
			members = noBlock
		}
	}
	if p.found.broken {
		parent.broken = true
	}

	var doc string
	var hasDoc bool
	if !p.split && term != closeBrace && term != endOfFile && end == p.pos {
		doc, hasDoc = p.docComment()
		end = p.pos
	}
	switch {
	case term == openBrace && members != noBlock:
		into := d
		if into == nil {
			into = &Decl{}
		}
		p.block(into, level(members), &open, depth+1)
		end = p.pos
		late, hasLate := p.docComment()
		if hasLate {
			end = p.pos
			if !hasDoc {
				doc, hasDoc = late, true
			}
		}
	case term == openBrace:
		if !p.failed {
			p.report(int(start), open.brace, "this statement ends with ';', it has no block", "")
		}
		parent.broken = true // what the block declares is unknown
		p.skipBlock(depth)
		end = p.pos
		if _, ok := p.docComment(); ok {
			end = p.pos
		}
	case members != noBlock && !p.failed:
		p.report(int(start), end, "this declaration needs a block in '{' and '}'", "")
	}
	if d == nil {
		return nil
	}
	d.Start, d.End = start, uint32(end)
	if d.Kind == FileDecl { // a naked id
		if hasDoc {
			parent.Doc, parent.HasDoc = doc, true
		}
		return nil
	}
	d.Doc, d.HasDoc = doc, hasDoc
	return d
}

// noteStatement notes what matters of the current statement if it has, or
// gets, an error.
func (p *parser) noteStatement(block bool) {
	last := len(p.toks) - 1
	if p.split {
		last = p.i - 1
	}
	s := &p.found.current
	s.start, s.end = p.toks[0].Start, p.toks[last].End
	if p.toks[0].Kind != Identifier || slices.Contains(declKeywords, p.toks[0].Text) {
		s.name = p.toks[min(2, last)].End
	}
	if p.split {
		return
	}
	s.cutShort = p.unended || p.failed && p.i >= last || p.term == closeBrace || p.term == endOfFile
	s.brace = block != (p.term == openBrace) || p.term == closeBrace
	s.lacksBlock = block && p.term != openBrace
	s.cutShort = s.cutShort || s.lacksBlock
	if at := p.found.closed; at > 0 && p.found.lost == 0 {
		if c := column(p.src, int(s.start)); c < unindented && c > column(p.src, p.found.closedStart) {
			p.found.lost = uint32(at) // the members of that block follow
		}
	}
	p.found.closed = 0
	if b := p.found.before; b.lacksBlock && p.found.lost == 0 && column(p.src, int(s.start)) > column(p.src, int(b.start)) {
		p.found.lost = b.end // the members of its block follow
	} else if block && p.found.lost == 0 && p.i <= last && (p.term == semicolon || p.onNewLine(p.toks[max(p.i-1, 0)].End, p.toks[last].End)) {
		p.found.lost, s.brace = s.end, true // one of them stands in it
	}
	if p.term == closeBrace && p.found.lost == 0 && !p.endsLine(p.pos+1) && strings.TrimLeft(p.src[p.pos+1:], " \t")[0] != '}' {
		p.found.lost = s.end // the '}' stands in a statement
	}
	s.brace = s.brace || p.found.lost == s.start && s.start > 0
}

// endsLine tells whether only blanks and a comment follow on the line.
func (p *parser) endsLine(at int) bool {
	rest := p.src[at:]
	if i := strings.IndexAny(rest, "\n#"); i >= 0 {
		rest = rest[:i]
	}
	return blank(rest)
}

func (p *parser) onNewLine(prevEnd, start uint32) bool {
	return strings.IndexByte(p.src[prevEnd:start], '\n') >= 0
}

// blockKind is the level of the declarations in a block, or noBlock.
type blockKind uint8

const noBlock blockKind = 0xff

// head parses the tokens of the current statement.
func (p *parser) head(parent *Decl, lv level) (*Decl, blockKind) {
	t := &p.toks[0]
	if t.Kind == Invalid {
		p.failed = true
		return p.salvage(parent)
	}
	if lv == fileLevel && t.Kind == Operator {
		switch t.Text[0] {
		case '@':
			return p.nakedID(parent), noBlock
		case '$':
			if a, ok := p.annotation(); ok {
				parent.Annots = append(parent.Annots, a)
			}
			return nil, noBlock
		}
	}
	if t.Kind != Identifier {
		p.failAs(misplaced, "a declaration cannot begin with "+t.describe(), "")
		return p.salvage(parent)
	}
	var second *Token
	if len(p.toks) > 1 {
		second = &p.toks[1]
	}
	isOp := func(c byte) bool { return second != nil && second.Kind == Operator && second.Text[0] == c }
	switch lv {
	case enumLevel:
		return p.enumerant(parent), noBlock
	case structLevel:
		switch {
		case isOp('@'):
			return p.field(parent)
		case isOp(':'):
			return p.unionOrGroup(parent)
		case t.Text == "union" && second == nil:
			p.i++
			return &Decl{Kind: UnionDecl, Name: Ident{"", t.Start, t.End}}, blockKind(structLevel)
		case t.Text == "union":
			p.i++
			p.fail("unexpected "+second.describe()+": an unnamed union is written 'union {'",
				"a named one as 'name :union {', where annotations may follow")
			return &Decl{Kind: UnionDecl, Name: Ident{"", t.Start, t.End}}, blockKind(structLevel)
		}
	case interfaceLevel:
		if isOp('@') {
			return p.method(parent), noBlock
		}
	}
	switch t.Text {
	case "using":
		return p.using(), noBlock
	case "const":
		return p.constant(), noBlock
	case "annotation":
		return p.annotationDecl(), noBlock
	case "enum":
		return p.named(EnumDecl), blockKind(enumLevel)
	case "struct":
		return p.named(StructDecl), blockKind(structLevel)
	case "interface":
		return p.named(InterfaceDecl), blockKind(interfaceLevel)
	}
	p.notADecl(lv, isOp('@'), isOp(':'))
	return p.salvage(parent)
}

// salvage gives up on a statement. What it would have declared is unknown, so
// ordinals of the scope are no longer checked for gaps.
func (p *parser) salvage(parent *Decl) (*Decl, blockKind) {
	parent.broken = true
	if p.term != openBrace {
		return nil, noBlock
	}
	for _, t := range p.toks[:min(2, len(p.toks))] {
		if t.Kind != Identifier {
			continue
		}
		near := t.Text
		if !slices.Contains(blockKeywords, near) {
			near = Nearest(near, blockKeywords)
		}
		switch near {
		case "enum":
			return nil, blockKind(enumLevel)
		case "interface":
			return nil, blockKind(interfaceLevel)
		case "struct":
			return nil, blockKind(structLevel)
		}
	}
	return nil, noBlock
}

var declKeywords = []string{"using", "const", "annotation", "enum", "struct", "interface"}

var blockKeywords = []string{"enum", "interface", "struct"}

// elsewhere says what to write for what other languages begin with.
var elsewhere = map[string]string{
	"import": "write 'using Name = import \"file.capnp\";'", "include": "write 'using Name = import \"file.capnp\";'",
	"message": "in Cap'n Proto it is called 'struct'", "class": "in Cap'n Proto it is called 'struct'",
	"service": "in Cap'n Proto it is called 'interface'", "package": "Cap'n Proto has none: a file is one",
	"oneof": "in Cap'n Proto it is called 'union'", "group": "write 'name :group {'",
	"optional": "every field is optional", "required": "every field is optional", "repeated": "write 'name @N :List(Type)'",
}

func (p *parser) notADecl(lv level, at, colon bool) {
	t := &p.toks[0]
	keywords := declKeywords
	if lv == structLevel {
		keywords = append(slices.Clone(keywords), "union")
	}
	hint := elsewhere[t.Text]
	if near := Nearest(t.Text, keywords); near != "" && hint == "" {
		hint = "did you mean '" + near + "'?"
	}
	switch {
	case lv == fileLevel && (at || colon):
		if c := column(p.src, int(t.Start)); c > 0 && c < unindented && p.found.lost == 0 && !p.found.before.lacksBlock {
			p.found.lost = t.Start
		}
		p.failAs(misplaced, "'"+t.Text+"' looks like a member, but stands outside of any struct, enum or interface", "")
	case lv == fileLevel:
		p.failAs(misplaced, "expected a declaration (using, const, annotation, enum, struct or interface), found '"+t.Text+"'", hint)
	case lv == interfaceLevel && len(p.toks) > 1 && p.toks[1].Kind == LParen:
		p.i++
		p.failAs(misplaced, "the method '"+t.Text+"' has no ordinal", "write '"+t.Text+" @N (…)', with the next free number")
	case lv == interfaceLevel:
		p.failAs(misplaced, "expected a method ('name @N (params) -> (results)') or a nested declaration", hint)
	default:
		if len(p.toks) > 1 {
			p.i++
		}
		p.failAs(misplaced, "expected a field ('name @N :Type'), a union, a group or a nested declaration", hint)
	}
}

// fail reports an error at the current token, once in a statement or list
// item.
func (p *parser) fail(msg, hint string) { p.failAs(plain, msg, hint) }

func (p *parser) failAs(kind mistake, msg, hint string) {
	if p.failed {
		return
	}
	p.failed = true
	if p.i < len(p.toks) {
		t := &p.toks[p.i]
		if t.Kind == Invalid {
			return
		}
		p.reportAs(kind, int(t.Start), int(t.End), msg, hint)
		return
	}
	at := p.pos
	if n := len(p.toks); n > 0 {
		at = int(p.toks[n-1].End)
	}
	p.reportAs(kind, at, at, msg, hint)
}

// expected reports that something else should stand here.
func (p *parser) expected(what, hint string) {
	if p.i < len(p.toks) {
		what += ", found " + p.toks[p.i].describe()
	}
	p.fail("expected "+what, hint)
}

// isOp tells whether the current token is the operator, or begins with it: an
// operator that runs into the next one is reported and taken apart.
func (p *parser) isOp(op string) bool {
	if p.failed || p.i >= len(p.toks) {
		return false
	}
	t := &p.toks[p.i]
	if t.Kind != Operator || !strings.HasPrefix(t.Text, op) {
		return false
	}
	if t.Text != op {
		if op == "-" || op == "." {
			return false
		}
		p.reportAs(weak, int(t.Start), int(t.End), "'"+t.Text+"' is read as one operator",
			"put a space after '"+op+"'")
		rest := *t
		rest.Text = t.Text[len(op):]
		rest.Start += uint32(len(op))
		t.Text = op
		t.End = rest.Start
		p.toks = append(p.toks, Token{})
		copy(p.toks[p.i+2:], p.toks[p.i+1:])
		p.toks[p.i+1] = rest
	}
	return true
}

func (p *parser) op(op string) bool {
	if p.isOp(op) {
		p.i++
		return true
	}
	return false
}

func (p *parser) is(k TokenKind) bool {
	return !p.failed && p.i < len(p.toks) && p.toks[p.i].Kind == k
}

func (p *parser) isKeyword(s string) bool {
	return p.is(Identifier) && p.toks[p.i].Text == s
}

func (p *parser) ident(what string) Ident {
	if !p.is(Identifier) {
		p.expected(what, "")
		return Ident{}
	}
	t := &p.toks[p.i]
	p.i++
	return Ident{t.Text, t.Start, t.End}
}

func (p *parser) nakedID(parent *Decl) *Decl {
	var d Decl
	p.uid(&d)
	if !d.HasID {
		return nil
	}
	if parent.HasID {
		t := p.toks[p.i-1]
		p.report(int(t.Start), int(t.End), "the file has an id already", "")
		return nil
	}
	parent.HasID, parent.ID = true, d.ID
	return &Decl{Kind: FileDecl}
}

// uid parses an id if there is one.
func (p *parser) uid(d *Decl) {
	if !p.op("@") {
		return
	}
	if !p.is(IntegerLiteral) {
		p.expected("an id, such as @0xb5a8f09e4a4b5e1c", "")
		return
	}
	t := &p.toks[p.i]
	p.i++
	if t.Int < 1<<63 {
		p.report(int(t.Start), int(t.End), "this is not an id: ids have the highest of their 64 bits set",
			"'mpgen id' makes a new one")
		p.failed = true // it may be an ordinal, and all else another thing
		// Go on with what the id would be without this one.
		d.HasID = false
		return
	}
	d.HasID, d.ID = true, t.Int
}

// ordinal parses '@N'.
func (p *parser) ordinal(d *Decl, what string) {
	if !p.op("@") {
		p.expected("'@' and the ordinal of the "+what, "")
		return
	}
	if !p.is(IntegerLiteral) {
		p.expected("the ordinal, a number from 0 to 65535", "")
		return
	}
	t := &p.toks[p.i]
	p.i++
	if t.Int > 65535 {
		p.report(int(t.Start), int(t.End), "an ordinal is at most 65535", "")
		return
	}
	d.HasOrdinal = true
	d.Ordinal = Ordinal{uint16(t.Int), t.Start, t.End}
}

// lost notes that a member's ordinal is not known.
func (d *Decl) lost(parent *Decl) *Decl {
	parent.broken = true
	return nil
}

func (p *parser) annotations() []Annotation {
	var as []Annotation
	for p.isOp("$") {
		if a, ok := p.annotation(); ok {
			as = append(as, a)
		}
	}
	return as
}

// annotation parses a use of an annotation. Its name and value look like the
// application of a function and are taken apart.
func (p *parser) annotation() (Annotation, bool) {
	if !p.op("$") {
		p.expected("'$'", "")
		return Annotation{}, false
	}
	e := p.expr()
	if e.Kind != Application {
		return Annotation{Name: e}, e.Kind != Unknown
	}
	a := Annotation{Name: e.Base}
	if len(e.Params) == 1 && !e.Params[0].Named {
		a.Value = e.Params[0].Value
	} else {
		a.Value = &Expr{Kind: Tuple, Start: e.Base.End, End: e.End, Params: e.Params}
	}
	return a, true
}

func (p *parser) using() *Decl {
	p.i++
	d := &Decl{Kind: UsingDecl}
	if p.is(Identifier) && p.i+1 < len(p.toks) && p.toks[p.i+1].Kind == Operator && p.toks[p.i+1].Text[0] == '=' {
		d.Name = p.ident("a name")
		p.op("=")
		d.Type = p.expr()
		return d
	}
	d.Type = p.expr()
	switch {
	case d.Type.Kind == Member:
		d.Name = d.Type.Name
	case !p.failed:
		hint := "write 'using Name = …'"
		if d.Type.Kind == Import {
			hint = "write 'using Name = " + d.Type.String() + ";'"
		}
		p.failed = true
		p.report(int(d.Type.Start), int(d.Type.End),
			"'using' without '=' takes a declaration of another scope, such as 'Other.Name'", hint)
		return nil
	}
	return d
}

func (p *parser) constant() *Decl {
	p.i++
	d := &Decl{Kind: ConstDecl, Name: p.ident("the name of the constant")}
	p.uid(d)
	d.Type = p.typeAfterColon()
	if !p.op("=") {
		p.expected("'=' and the value of the constant", "")
		d.Value = &Expr{}
	} else {
		d.Value = p.expr()
	}
	d.Annots = p.annotations()
	return p.ifNamed(d)
}

func (p *parser) typeAfterColon() *Expr {
	if !p.op(":") {
		p.expected("':' and a type", "")
		return &Expr{}
	}
	return p.expr()
}

// ifNamed drops a declaration whose name is missing.
func (p *parser) ifNamed(d *Decl) *Decl {
	if d.Name.Text == "" {
		return nil
	}
	return d
}

// named parses an enum, a struct or an interface up to its block.
func (p *parser) named(kind DeclKind) *Decl {
	what := p.toks[p.i].Text
	p.i++
	d := &Decl{Kind: kind, Name: p.ident("the name of the " + what)}
	p.uid(d)
	if kind != EnumDecl && p.is(LParen) {
		d.Generic = p.idents()
	}
	if kind == InterfaceDecl && p.isKeyword("extends") {
		p.i++
		if !p.is(LParen) {
			p.expected("'(' and the interfaces to extend", "write 'extends(Base)'")
		} else {
			p.list(func() {
				if e := p.expr(); e.Kind != Unknown {
					d.Extends = append(d.Extends, e)
				}
			})
		}
	}
	d.Annots = p.annotations()
	return p.ifNamed(d)
}

// idents parses a bracketed list of names.
func (p *parser) idents() []Ident {
	var ids []Ident
	p.list(func() {
		if id := p.ident("a name"); id.Text != "" {
			ids = append(ids, id)
		}
	})
	return ids
}

// list parses a list in brackets, its opening one at the current token. item
// parses one item; an error in it stays in it.
func (p *parser) list(item func()) {
	open := p.i
	p.i++
	closes := func() bool { return p.toks[p.i].Kind == RParen || p.toks[p.i].Kind == RBracket }
	if closes() {
		p.i++
		return
	}
	if p.tooDeep() {
		return
	}
	p.depth++
	defer func() { p.depth-- }()
	outer, cut := p.failed, false
	for {
		p.failed = false
		told := len(p.found.errs)
		if p.toks[p.i].Kind == Comma || closes() {
			p.report(int(p.toks[open].Start), int(p.toks[p.i].End), "a list item is empty", "")
		} else {
			start := p.i
			item()
			if p.deep {
				p.failed = true // for the rest of the statement
				return
			}
			if !p.failed && p.toks[p.i].Kind != Comma && !closes() {
				t := &p.toks[p.i]
				hint := ""
				if t.Kind == Identifier && start < p.i {
					hint = "items are separated by ','"
				}
				p.fail("unexpected "+t.unexpected(), hint)
			}
			if cut {
				p.found.forget(told) // of the rest of the item before
			}
			cut = p.failed && p.toks[p.i].Kind == Comma
		}
		p.failed = outer
		p.toItemEnd()
		if closes() {
			p.i++
			return
		}
		p.i++ // the comma
		if closes() {
			p.i++ // a trailing comma
			return
		}
	}
}

// tooDeep tells whether what stands in one more list is too deep to go on.
func (p *parser) tooDeep() bool {
	if p.blocks+p.depth < maxDepth {
		return false
	}
	p.deep = true
	p.fail(tooDeep, "")
	return true
}

// toItemEnd skips what is left of a list item.
func (p *parser) toItemEnd() {
	for n := 0; ; p.i++ {
		switch p.toks[p.i].Kind {
		case LParen, LBracket:
			n++
		case Comma:
			if n == 0 {
				return
			}
		case RParen, RBracket:
			if n == 0 {
				return
			}
			n--
		}
	}
}

func (p *parser) enumerant(parent *Decl) *Decl {
	t := &p.toks[0]
	if len(p.toks) > 1 && p.toks[1].Kind == Identifier {
		p.i++
		p.failAs(misplaced, "only enumerants ('name @N') may stand in an enum", "")
	} else {
		p.i++
	}
	d := &Decl{Kind: EnumerantDecl, Name: Ident{t.Text, t.Start, t.End}}
	p.ordinal(d, "enumerant")
	d.Annots = p.annotations()
	if !d.HasOrdinal {
		return d.lost(parent)
	}
	return d
}

// field parses 'name @N :Type', or a union that has an ordinal.
func (p *parser) field(parent *Decl) (*Decl, blockKind) {
	d := &Decl{Kind: FieldDecl, Name: p.ident("a name")}
	p.ordinal(d, "field")
	if p.isUnionWithOrdinal() {
		return p.unionWithOrdinal(d), blockKind(structLevel)
	}
	if p.isGroupWithOrdinal() {
		if d.HasOrdinal {
			p.report(int(d.Ordinal.Start), int(d.Ordinal.End), "a group has no ordinal", "write '"+d.Name.Text+" :group {'")
		}
		p.failed = true
		d.Kind, d.HasOrdinal = GroupDecl, false
		parent.broken = true
		return d, blockKind(structLevel)
	}
	d.Type = p.typeAfterColon()
	if p.op("=") {
		d.Value = p.expr()
	}
	d.Annots = p.annotations()
	if !d.HasOrdinal {
		return d.lost(parent), noBlock
	}
	return d, noBlock
}

// isUnionWithOrdinal looks whether 'union' follows, after an optional '!' and
// an optional ':'.
func (p *parser) isUnionWithOrdinal() bool {
	if p.failed {
		return false
	}
	j := p.i
	for j < len(p.toks) && j < p.i+2 && p.toks[j].Kind == Operator &&
		(p.toks[j].Text == "!" || p.toks[j].Text == ":" || p.toks[j].Text == "!:") {
		j++
	}
	return j < len(p.toks) && p.toks[j].Kind == Identifier && p.toks[j].Text == "union"
}

func (p *parser) isGroupWithOrdinal() bool {
	j := p.i + 1
	return !p.failed && p.term == openBrace && p.isOp(":") && j < len(p.toks) && p.toks[j].Kind == Identifier && p.toks[j].Text == "group"
}

func (p *parser) unionWithOrdinal(d *Decl) *Decl {
	d.Kind = UnionDecl
	at := d.Ordinal
	forced := p.op("!")
	colon := p.op(":")
	switch {
	case !forced:
		p.reportAs(weak, int(at.Start), int(at.End), "a union needs no ordinal", fmt.Sprintf(
			"write '%s :union {'; or, if an old protocol depends on it, '%s @%d! :union {'", d.Name.Text, d.Name.Text, at.Value))
	case !colon:
		p.report(int(at.Start), int(at.End), "':' is missing between the name of the union and 'union'", "")
	}
	p.i++ // union
	d.Annots = p.annotations()
	return d
}

func (p *parser) unionOrGroup(parent *Decl) (*Decl, blockKind) {
	name := p.ident("a name")
	p.op(":")
	d := &Decl{Name: name}
	switch {
	case p.isKeyword("union"):
		d.Kind = UnionDecl
	case p.isKeyword("group"):
		d.Kind = GroupDecl
	default:
		p.i = 1
		p.fail("the field '"+name.Text+"' has no ordinal", "write '"+name.Text+" @N :Type', with the next free number")
		parent.broken = true
		return nil, noBlock
	}
	p.i++
	d.Annots = p.annotations()
	return d, blockKind(structLevel)
}

func (p *parser) method(parent *Decl) *Decl {
	d := &Decl{Kind: MethodDecl, Name: p.ident("a name")}
	p.ordinal(d, "method")
	if p.is(LBracket) {
		d.Generic = p.idents()
	}
	d.ParamList = p.paramList("the parameters of the method")
	if p.op("->") {
		d.ResultList = p.paramList("the results of the method")
	}
	d.Annots = p.annotations()
	if !d.HasOrdinal {
		return d.lost(parent)
	}
	return d
}

func (p *parser) paramList(what string) *ParamList {
	l := &ParamList{}
	switch {
	case p.is(LParen):
		l.Start = p.toks[p.i].Start
		p.list(func() {
			if d, ok := p.param(); ok {
				l.Params = append(l.Params, d)
			}
		})
		l.End = p.toks[p.i-1].End
	case p.isKeyword("stream"):
		t := &p.toks[p.i]
		p.i++
		l.Kind, l.Start, l.End = StreamParams, t.Start, t.End
	case !p.is(Identifier) && !p.isOp("."):
		p.expected(what+", in '(' and ')'", "")
		l.Kind, l.Type = StructParams, &Expr{}
	default:
		l.Kind = StructParams
		l.Type = p.expr()
		l.Start, l.End = l.Type.Start, l.Type.End
	}
	return l
}

func (p *parser) param() (ParamDecl, bool) {
	start := p.toks[p.i].Start
	d := ParamDecl{Name: p.ident("a parameter ('name :Type')")}
	d.Type = p.typeAfterColon()
	if p.op("=") {
		d.Value = p.expr()
	}
	d.Annots = p.annotations()
	d.Start, d.End = start, p.toks[p.i-1].End
	return d, d.Name.Text != ""
}

func (p *parser) annotationDecl() *Decl {
	p.i++
	d := &Decl{Kind: AnnotationDecl, Name: p.ident("the name of the annotation")}
	p.uid(d)
	if !p.is(LParen) {
		p.expected("'(' and what the annotation may be applied to, such as 'struct, field' or '*'", "")
	} else {
		p.targets(d)
	}
	d.Type = p.typeAfterColon()
	d.Annots = p.annotations()
	return p.ifNamed(d)
}

func (p *parser) targets(d *Decl) {
	n := 0
	var star *Token
	p.list(func() {
		n++
		if p.isOp("*") {
			star = &p.toks[p.i]
			d.Targets = TargetAll
			p.i++
			return
		}
		id := p.ident("what the annotation may be applied to, or '*'")
		if id.Text == "" {
			return
		}
		for i, name := range targetNames {
			if name != id.Text {
				continue
			}
			if star == nil && d.Targets&(1<<i) != 0 {
				p.report(int(id.Start), int(id.End), "'"+id.Text+"' is listed twice", "")
			}
			d.Targets |= 1 << i
			return
		}
		hint := "known are " + strings.Join(targetNames, ", ") + " and *"
		if near := Nearest(id.Text, targetNames); near != "" {
			hint = "did you mean '" + near + "'?"
		}
		p.report(int(id.Start), int(id.End), "an annotation cannot be applied to '"+id.Text+"'", hint)
		p.failed = true
	})
	if star != nil && n > 1 {
		p.report(int(star.Start), int(star.End), "'*' stands for all targets and must be the only one", "")
	}
}
