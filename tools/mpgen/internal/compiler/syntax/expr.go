package syntax

import (
	"fmt"
	"math"
	"strings"
)

// expr parses an expression. After an error it returns one of kind Unknown.
func (p *parser) expr() *Expr {
	e := p.primary()
	n := 0
	for !p.failed && p.i < len(p.toks) {
		if n++; n > maxParts {
			p.fail(fmt.Sprintf("an expression has more than %d parts", maxParts), "")
			break
		}
		switch {
		case p.is(LParen) && e.isName():
			a := &Expr{Kind: Application, Start: e.Start, Base: e}
			a.Params = p.tuple()
			a.End = p.toks[p.i-1].End
			e = a
			continue
		case p.isOp("."):
			p.i++
			m := &Expr{Kind: Member, Start: e.Start, Base: e}
			m.Name = p.ident("the name of a member")
			m.End = m.Name.End
			e = m
			continue
		}
		break
	}
	if p.failed {
		return &Expr{}
	}
	return e
}

// isName tells whether the expression may be one that takes generic
// parameters, or an annotation's value.
func (e *Expr) isName() bool {
	switch e.Kind {
	case RelativeName, AbsoluteName, Import, Member, Application:
		return true
	}
	return false
}

// primary parses an expression without what may follow it.
func (p *parser) primary() *Expr {
	if p.failed {
		return &Expr{}
	}
	if p.i >= len(p.toks) {
		p.expected("an expression", "")
		return &Expr{}
	}
	t := &p.toks[p.i]
	e := &Expr{Start: t.Start, End: t.End}
	switch t.Kind {
	case IntegerLiteral:
		p.i++
		e.Kind, e.Int = PositiveInt, t.Int
	case FloatLiteral:
		p.i++
		e.Kind, e.Float = Float, t.Float
	case StringLiteral:
		e.Kind = String
		p.strings(e)
	case BinaryLiteral:
		p.i++
		e.Kind, e.Name.Text = Binary, t.Text
	case LBracket:
		e.Kind = List
		p.list(func() { e.List = append(e.List, p.expr()) })
		e.End = p.toks[p.i-1].End
	case LParen:
		e.Params = p.tuple()
		if len(e.Params) == 1 && !e.Params[0].Named {
			return e.Params[0].Value // only put in parentheses
		}
		e.Kind, e.End = Tuple, p.toks[p.i-1].End
	case Operator:
		p.operator(t, e)
	case Identifier:
		p.i++
		if (t.Text == "import" || t.Text == "embed") && p.is(StringLiteral) {
			s := &p.toks[p.i]
			p.i++
			e.Kind = Import
			if t.Text == "embed" {
				e.Kind = Embed
			}
			e.Name, e.End = Ident{s.Text, s.Start, s.End}, s.End
			break
		}
		e.Kind, e.Name = RelativeName, Ident{t.Text, t.Start, t.End}
	default:
		p.expected("an expression", "")
	}
	return e
}

// operator parses an expression that begins with an operator.
func (p *parser) operator(t *Token, e *Expr) {
	if t.Text != "-" && t.Text != "." {
		hint := ""
		if len(t.Text) > 1 && (t.Text[0] == '-' || t.Text[0] == '.') {
			hint = "operators that touch are read as one; put a space between them"
		}
		p.expected("an expression", hint)
		return
	}
	p.i++
	if t.Text == "." {
		e.Kind = AbsoluteName
		e.Name = p.ident("a name")
		e.End = e.Name.End
		return
	}
	switch {
	case p.is(IntegerLiteral):
		n := &p.toks[p.i]
		*e = Expr{Kind: NegativeInt, Start: n.Start, End: n.End, Int: n.Int}
	case p.is(FloatLiteral):
		n := &p.toks[p.i]
		*e = Expr{Kind: Float, Start: n.Start, End: n.End, Float: -n.Float}
	case p.isKeyword("inf"):
		e.Kind, e.Float, e.End = Float, math.Inf(-1), p.toks[p.i].End
	default:
		p.expected("a number after '-'", "")
		return
	}
	p.i++
}

// strings parses string literals in a row, which make up one.
func (p *parser) strings(e *Expr) {
	first := p.toks[p.i].Text
	var sb strings.Builder
	for n := 0; p.is(StringLiteral); n++ {
		if n == 1 {
			sb.WriteString(first)
		}
		if n >= 1 {
			sb.WriteString(p.toks[p.i].Text)
		}
		e.End = p.toks[p.i].End
		p.i++
	}
	e.Name.Text = first
	if sb.Len() > 0 {
		e.Name.Text = sb.String()
	}
}

// tuple parses a list in parentheses whose items may be named.
func (p *parser) tuple() []Param {
	var params []Param
	p.list(func() {
		var a Param
		if p.is(Identifier) && p.toks[p.i+1].Kind == Operator && p.toks[p.i+1].Text[0] == '=' {
			a.Named = true
			a.Name = p.ident("a name")
			p.op("=")
		}
		a.Value = p.expr()
		params = append(params, a)
	})
	return params
}
