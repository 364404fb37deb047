package syntax

import (
	"fmt"
	"strings"
)

// TokenKind tells what a Token is.
type TokenKind uint8

// The kinds of token. LParen to RBracket and Comma are single characters; an
// Operator is the longest run of operator characters, so "=-" is one token.
const (
	Identifier TokenKind = iota
	StringLiteral
	BinaryLiteral
	IntegerLiteral
	FloatLiteral
	Operator
	LParen
	RParen
	LBracket
	RBracket
	Comma
	Invalid // already reported
)

// A Token is one word of a statement. Semicolons and braces end statements
// and are not tokens.
type Token struct {
	Kind       TokenKind
	Start, End uint32 // byte offsets in the file

	Text  string  // identifier and operator: the source; string and binary literal: the decoded bytes
	Int   uint64  // integer literal
	Float float64 // float literal
}

// describe names the token in an error message.
func (t *Token) describe() string {
	switch t.Kind {
	case Identifier, Operator:
		return fmt.Sprintf("'%s'", t.Text)
	case StringLiteral:
		return "a string"
	case BinaryLiteral:
		return "a data literal"
	case IntegerLiteral, FloatLiteral:
		return "a number"
	case LParen:
		return "'('"
	case RParen:
		return "')'"
	case LBracket:
		return "'['"
	case RBracket:
		return "']'"
	case Comma:
		return "','"
	}
	return "this"
}

// unexpected is describe without an article.
func (t *Token) unexpected() string { return strings.TrimPrefix(t.describe(), "a ") }

// An Ident is a name with its place in the file.
type Ident struct {
	Text       string
	Start, End uint32
}

// A Reporter takes the errors of one file. The offsets are bytes in the file.
type Reporter interface {
	Report(Error)
}

// An Error is one mistake in one file.
type Error struct {
	Start, End uint32
	Message    string
	Hint       string // what to do about it, or empty
	Notes      []Note // other places that matter

	kind mistake
}

// A Note is a place that helps to understand an Error.
type Note struct {
	Start, End uint32
	Message    string
}
