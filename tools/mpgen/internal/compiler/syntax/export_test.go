package syntax

// Tokens gives all tokens of a file.
func Tokens(src string, errs Reporter) []Token {
	l := &lexer{src: src, errs: errs}
	var all []Token
	for {
		end := l.statement()
		all = append(all, l.toks...)
		switch end {
		case closeBrace:
			l.pos++
		case endOfFile:
			return all
		}
	}
}
