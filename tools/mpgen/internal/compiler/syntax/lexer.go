// Package syntax turns the text of a Cap'n Proto schema file into a tree of
// declarations. It knows nothing of names, types or other files.
package syntax

import (
	"strconv"
	"strings"
)

// A terminator is what ends a statement.
type terminator uint8

const (
	endOfFile terminator = iota
	semicolon
	openBrace
	closeBrace
)

// lexer splits a file into statements and these into tokens, on demand: it
// holds the tokens of one statement only.
type lexer struct {
	src  string
	pos  int
	errs Reporter

	toks []Token // of the current statement
	// lists is the stack of brackets that are open in the current statement,
	// as indexes into toks.
	lists   []int
	unended bool // the current statement left one open
}

const bom = "\xef\xbb\xbf"

func isSpace(c byte) bool {
	return c == ' ' || (c >= '\t' && c <= '\r')
}

func isNameStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameChar(c byte) bool { return isNameStart(c) || isDigit(c) }

func isOperator(c byte) bool { return strings.IndexByte("!$%&*+-./:<=>?@^|~", c) >= 0 }

func hexValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func (l *lexer) report(start, end int, msg, hint string, notes ...Note) {
	l.reportAs(plain, start, end, msg, hint, notes...)
}

func (l *lexer) reportAs(kind mistake, start, end int, msg, hint string, notes ...Note) {
	l.errs.Report(Error{Start: uint32(start), End: uint32(end), Message: msg, Hint: hint, Notes: notes, kind: kind})
}

// peek returns the byte at offset i from the position, 0 past the end.
func (l *lexer) peek(i int) byte {
	if l.pos+i < len(l.src) {
		return l.src[l.pos+i]
	}
	return 0
}

// skipSpace skips blanks, byte order marks and comments.
func (l *lexer) skipSpace() {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case isSpace(c):
			l.pos++
		case c == '#':
			i := strings.IndexByte(l.src[l.pos:], '\n')
			if i < 0 {
				l.pos = len(l.src)
			} else {
				l.pos += i + 1
			}
		case c == 0xef && strings.HasPrefix(l.src[l.pos:], bom):
			l.pos += len(bom)
		default:
			return
		}
	}
}

// docComment takes the comment lines that follow the position with at most
// one line break before them. ok is false, and nothing taken, if there are none.
func (l *lexer) docComment() (doc string, ok bool) {
	p := l.pos
	blanks := func() {
		for p < len(l.src) && isSpace(l.src[p]) && l.src[p] != '\n' && l.src[p] != '\r' {
			p++
		}
	}
	blanks()
	if p < len(l.src) && l.src[p] == '\r' {
		p++
		if p < len(l.src) && l.src[p] == '\n' {
			p++
		}
	} else if p < len(l.src) && l.src[p] == '\n' {
		p++
	}
	var sb strings.Builder
	for {
		blanks()
		if p >= len(l.src) || l.src[p] != '#' {
			break
		}
		p++
		if p < len(l.src) && l.src[p] == ' ' {
			p++
		}
		line := l.src[p:]
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
			p += i + 1
		} else {
			p = len(l.src)
		}
		sb.WriteString(line)
		sb.WriteByte('\n')
		l.pos = p
		ok = true
	}
	return sb.String(), ok
}

// statement reads the tokens up to the next terminator and takes that too,
// except for the closing brace and the end of the file.
func (l *lexer) statement() terminator {
	l.toks = l.toks[:0]
	l.lists = l.lists[:0]
	l.unended = false
	for {
		l.skipSpace()
		if l.pos >= len(l.src) {
			l.unclosed()
			return endOfFile
		}
		switch l.src[l.pos] {
		case ';':
			l.unclosed()
			l.pos++
			return semicolon
		case '{':
			l.unclosed()
			l.pos++
			return openBrace
		case '}':
			l.unclosed()
			return closeBrace
		}
		l.token()
	}
}

// unclosed closes the lists that the statement left open.
func (l *lexer) unclosed() {
	if len(l.lists) == 0 {
		return
	}
	l.unended = true
	t := l.toks[l.lists[0]]
	want := "')'"
	if t.Kind == LBracket {
		want = "']'"
	}
	last := l.toks[len(l.toks)-1]
	l.reportAs(bracketOpen, int(t.Start), int(t.End), t.describe()+" is never closed", "add "+want,
		Note{last.End, last.End, "the statement ends here"})
	for i := len(l.lists) - 1; i >= 0; i-- {
		k := RParen
		if l.toks[l.lists[i]].Kind == LBracket {
			k = RBracket
		}
		l.toks = append(l.toks, Token{Kind: k, Start: last.End, End: last.End})
	}
	l.lists = l.lists[:0]
}

func (l *lexer) add(t Token, start int) {
	t.Start, t.End = uint32(start), uint32(l.pos)
	l.toks = append(l.toks, t)
}

// token reads one token at the position, which is not blank.
func (l *lexer) token() {
	start := l.pos
	c := l.src[start]
	switch {
	case isNameStart(c):
		for l.pos < len(l.src) && isNameChar(l.src[l.pos]) {
			l.pos++
		}
		l.add(Token{Kind: Identifier, Text: l.src[start:l.pos]}, start)
	case isDigit(c):
		l.number()
	case c == '"':
		l.str()
	case c == '`':
		l.line()
	case isOperator(c):
		for l.pos < len(l.src) && isOperator(l.src[l.pos]) {
			l.pos++
		}
		l.add(Token{Kind: Operator, Text: l.src[start:l.pos]}, start)
	case c == '(' || c == '[':
		l.pos++
		k := LParen
		if c == '[' {
			k = LBracket
		}
		l.lists = append(l.lists, len(l.toks))
		l.add(Token{Kind: k}, start)
	case c == ')' || c == ']':
		l.pos++
		l.closeList(c, start)
	case c == ',':
		l.pos++
		if len(l.lists) == 0 {
			l.reportAs(strayComma, start, l.pos, "',' outside of a list", "a statement ends with ';'")
			l.add(Token{Kind: Invalid}, start)
			return
		}
		l.add(Token{Kind: Comma}, start)
	default:
		l.bad()
	}
}

func (l *lexer) closeList(c byte, start int) {
	k, open := RParen, LParen
	if c == ']' {
		k, open = RBracket, LBracket
	}
	if len(l.lists) == 0 {
		l.reportAs(bracketStray, start, l.pos, "'"+string(c)+"' closes nothing", "")
		l.add(Token{Kind: Invalid}, start)
		return
	}
	top := l.toks[l.lists[len(l.lists)-1]]
	if top.Kind != open {
		want := ")"
		if top.Kind == LBracket {
			want = "]"
		}
		l.reportAs(bracketOther, start, l.pos, "found '"+string(c)+"' where '"+want+"' was expected", "",
			Note{top.Start, top.End, "to match this one"})
		k = RParen + RBracket - k
	}
	l.lists = l.lists[:len(l.lists)-1]
	l.add(Token{Kind: k}, start)
}

// bad takes a run of bytes that begin no token.
func (l *lexer) bad() {
	start := l.pos
	c := l.src[start]
	l.pos++
	switch {
	case c == 0, c >= 0xfe:
		l.pos = len(l.src)
		l.report(start, start+1, "this is not UTF-8 text", "save the file as UTF-8")
	case c >= 0x80:
		for l.pos < len(l.src) && l.src[l.pos] >= 0x80 && l.src[l.pos] < 0xfe {
			l.pos++
		}
		l.report(start, l.pos, "only ASCII is allowed outside of strings and comments", "")
	case c == '\'':
		l.report(start, l.pos, singleQuote, "")
	default:
		l.report(start, l.pos, "unexpected character "+strconv.QuoteRune(rune(c)), "")
	}
	l.add(Token{Kind: Invalid}, start)
}

// endsNumber tells whether a number may end at offset p.
func (l *lexer) endsNumber(p int) bool {
	return p >= len(l.src) || !(isNameStart(l.src[p]) || l.src[p] == '.')
}

func (l *lexer) number() {
	start := l.pos
	if strings.HasPrefix(l.src[start:], `0x"`) {
		l.hexData()
		return
	}
	p := start
	base := 10
	switch {
	case l.src[p] == '0' && p+2 < len(l.src) && l.src[p+1] == 'x' && hexValue(l.src[p+2]) >= 0:
		base = 16
		p += 2
		for p < len(l.src) && hexValue(l.src[p]) >= 0 {
			p++
		}
	case l.src[p] == '0':
		base = 8
		for p < len(l.src) && l.src[p] >= '0' && l.src[p] <= '7' {
			p++
		}
	default:
		for p < len(l.src) && isDigit(l.src[p]) {
			p++
		}
	}
	if l.endsNumber(p) {
		l.pos = p
		if p < len(l.src) && isDigit(l.src[p]) {
			for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
				l.pos++
			}
			l.report(start, l.pos, "a number that begins with 0 is octal and has digits up to 7", "")
			l.add(Token{Kind: Invalid}, start)
			return
		}
		digits := l.src[start:p]
		if base == 16 {
			digits = digits[2:]
		}
		v, err := strconv.ParseUint(digits, base, 64)
		if err != nil {
			l.report(start, p, "the number does not fit into 64 bits", "")
			l.add(Token{Kind: Invalid}, start)
			return
		}
		l.add(Token{Kind: IntegerLiteral, Int: v}, start)
		return
	}

	p = start
	for p < len(l.src) && isDigit(l.src[p]) {
		p++
	}
	if p < len(l.src) && l.src[p] == '.' {
		p++
		for p < len(l.src) && isDigit(l.src[p]) {
			p++
		}
	}
	badExponent := false
	if p < len(l.src) && l.src[p]|0x20 == 'e' {
		p++
		if p < len(l.src) && (l.src[p] == '+' || l.src[p] == '-') {
			p++
		}
		digits := p
		for p < len(l.src) && isDigit(l.src[p]) {
			p++
		}
		badExponent = p == digits
	}
	if badExponent || !l.endsNumber(p) {
		for p < len(l.src) && (isNameChar(l.src[p]) || l.src[p] == '.') {
			p++
		}
		l.pos = p
		l.report(start, p, "malformed number", "")
		l.add(Token{Kind: Invalid}, start)
		return
	}
	l.pos = p
	v, _ := strconv.ParseFloat(l.src[start:p], 64) // out of range gives infinity, as in C
	l.add(Token{Kind: FloatLiteral, Float: v}, start)
}

func (l *lexer) hexData() {
	start := l.pos
	end := strings.IndexAny(l.src[start+3:], "\";{}#")
	if end < 0 || l.src[start+3+end] != '"' {
		l.pos = start + 3
		for l.pos < len(l.src) && (hexValue(l.src[l.pos]) >= 0 || l.src[l.pos] == ' ') {
			l.pos++
		}
		l.report(start, l.pos, "the data literal is never closed", `end it with '"'`)
		l.add(Token{Kind: Invalid}, start)
		return
	}
	body := l.src[start+3 : start+3+end]
	l.pos = start + 3 + end + 1
	var sb strings.Builder
	for i := 0; i < len(body); {
		if isSpace(body[i]) {
			i++
			continue
		}
		if i+1 >= len(body) || hexValue(body[i]) < 0 || hexValue(body[i+1]) < 0 {
			at := start + 3 + i
			l.report(at, at+1, "a data literal is made of pairs of hexadecimal digits", "")
			l.add(Token{Kind: Invalid}, start)
			return
		}
		sb.WriteByte(byte(hexValue(body[i])<<4 | hexValue(body[i+1])))
		i += 2
	}
	if sb.Len() == 0 {
		l.report(start, l.pos, "a data literal needs at least one byte", `write "" for empty data`)
		l.add(Token{Kind: Invalid}, start)
		return
	}
	l.add(Token{Kind: BinaryLiteral, Text: sb.String()}, start)
}

// line reads a backtick and the rest of the line.
func (l *lexer) line() {
	start := l.pos
	end := strings.IndexAny(l.src[start:], "\r\n")
	if end < 0 {
		end = len(l.src) - start
	}
	l.pos = start + end
	l.add(Token{Kind: StringLiteral, Text: l.src[start+1:l.pos] + "\n"}, start)
}

func (l *lexer) str() {
	start := l.pos
	rest := l.src[start+1:]
	end := strings.IndexAny(rest, "\"\\\n")
	if end >= 0 && rest[end] == '"' { // nothing to decode
		l.pos = start + 1 + end + 1
		l.add(Token{Kind: StringLiteral, Text: rest[:end]}, start)
		return
	}
	var sb strings.Builder
	l.pos++
	for {
		if l.pos >= len(l.src) || l.src[l.pos] == '\n' {
			// What ends the line in most likelihood ends the statement.
			if line := strings.TrimRight(l.src[start:l.pos], " \t\r"); strings.HasSuffix(line, ";") {
				l.pos = start + len(line) - 1
			}
			l.report(start, l.pos, "the string is not closed on its line",
				"end it with '\"'; a long text may be several strings in a row, or lines that begin with '`'")
			l.add(Token{Kind: Invalid}, start)
			return
		}
		c := l.src[l.pos]
		l.pos++
		switch c {
		case '"':
			l.add(Token{Kind: StringLiteral, Text: sb.String()}, start)
			return
		case '\\':
			l.escape(&sb)
		default:
			sb.WriteByte(c)
		}
	}
}

// escape reads what follows a backslash.
func (l *lexer) escape(sb *strings.Builder) {
	start := l.pos - 1
	c := l.peek(0)
	if i := strings.IndexByte("abfnrtv'\"\\?", c); i >= 0 && c != 0 {
		sb.WriteByte("\a\b\f\n\r\t\v'\"\\?"[i])
		l.pos++
		return
	}
	if c == 'x' && hexValue(l.peek(1)) >= 0 && hexValue(l.peek(2)) >= 0 {
		sb.WriteByte(byte(hexValue(l.peek(1))<<4 | hexValue(l.peek(2))))
		l.pos += 3
		return
	}
	if c >= '0' && c <= '7' {
		v := 0
		for i := 0; i < 3 && l.peek(0) >= '0' && l.peek(0) <= '7'; i++ {
			v = v<<3 | int(l.src[l.pos]-'0')
			l.pos++
		}
		sb.WriteByte(byte(v))
		return
	}
	end := l.pos
	if end < len(l.src) && l.src[end] != '\n' {
		end++
	}
	l.report(start, end, "unknown escape sequence", `known are \a \b \f \n \r \t \v \' \" \\ \? \xHH and octal \ooo`)
	if c != '"' && c != '\n' && c != 0 {
		l.pos++
	}
}
