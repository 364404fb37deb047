package syntax

import (
	"strconv"
)

// exprPrinter writes expressions as source text, cut off where they get long:
// the text goes into messages.
type exprPrinter struct {
	buf []byte
}

const longExpr = 200

func (p *exprPrinter) str(s string) { p.buf = append(p.buf, s...) }

func (p *exprPrinter) expr(e *Expr, depth int) {
	if len(p.buf) > longExpr || depth > maxDepth {
		p.str("…")
		return
	}
	switch e.Kind {
	case Unknown:
		p.str("<error>")
	case PositiveInt:
		p.buf = strconv.AppendUint(p.buf, e.Int, 10)
	case NegativeInt:
		p.str("-")
		p.buf = strconv.AppendUint(p.buf, e.Int, 10)
	case Float:
		p.buf = strconv.AppendFloat(p.buf, e.Float, 'g', -1, 64)
	case String:
		p.quoted(e.Name.Text)
	case Binary:
		p.str(`0x"…"`)
	case RelativeName:
		p.str(e.Name.Text)
	case AbsoluteName:
		p.str(".")
		p.str(e.Name.Text)
	case Import:
		p.str("import ")
		p.quoted(e.Name.Text)
	case Embed:
		p.str("embed ")
		p.quoted(e.Name.Text)
	case List:
		p.str("[")
		for i, el := range e.List {
			if i > 0 {
				p.str(", ")
			}
			p.expr(el, depth+1)
			if len(p.buf) > longExpr {
				break
			}
		}
		p.str("]")
	case Tuple:
		p.params(e.Params, depth)
	case Application:
		p.expr(e.Base, depth+1)
		p.params(e.Params, depth)
	case Member:
		p.expr(e.Base, depth+1)
		p.str(".")
		p.str(e.Name.Text)
	}
}

func (p *exprPrinter) params(params []Param, depth int) {
	p.str("(")
	for i := range params {
		if i > 0 {
			p.str(", ")
		}
		if params[i].Named {
			p.str(params[i].Name.Text)
			p.str(" = ")
		}
		p.expr(params[i].Value, depth+1)
		if len(p.buf) > longExpr {
			break
		}
	}
	p.str(")")
}

func (p *exprPrinter) quoted(s string) {
	if len(s) > longExpr {
		s = s[:longExpr] + "…"
	}
	p.buf = strconv.AppendQuote(p.buf, s)
}
