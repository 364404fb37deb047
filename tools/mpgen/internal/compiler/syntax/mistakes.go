package syntax

import (
	"cmp"
	"slices"
	"strings"
)

// One mistake often looks like several: what follows from it is a mistake to
// the parser as well. Therefore errors are collected while a file is parsed,
// and told when it is known what surrounds them.

// maxErrors is how many errors one file may report; what comes after them is
// seldom read, and on hostile input there would be one for every byte.
const maxErrors = 1000

// mistake tells what an Error may have to do with others.
type mistake uint8

const (
	plain mistake = iota

	// A bracket or comma that has no counterpart, the most telling last. The
	// rest of such a statement is not understood.
	strayComma
	bracketOpen
	bracketOther
	bracketStray

	weak      // one that did not keep the parser from going on; another in the statement says more
	misplaced // a statement that cannot stand where it stands
	remains   // what is left of a statement that was cut in two

	// A brace that has no counterpart.
	braceAstray
	braceStray
	braceOpen
)

// statement is what is known of a statement with a mistake.
type statement struct {
	n          int    // its number in the file
	start, end uint32 // of its tokens
	name       uint32 // where the name that it declares may end; 0 if it is a member
	cutShort   bool   // it ends where more was expected
	brace      bool   // it has a block where it should have none, or none where it should
	lacksBlock bool   // the latter
}

// mistakes collects the errors of one file.
type mistakes struct {
	errs        []Error
	of          []int // the numbers of their statements
	muted       int
	statement   int // the number of the current one
	current     statement
	before      statement
	broken      bool        // the current one has a mistake
	statements  []statement // that have
	blocks      [][2]uint32 // that were skipped
	unbalanced  bool        // the braces do not match
	lost        uint32      // where a '}' seems to be too many, or a '{' to be missing; 0 if nowhere
	closed      int         // where the block before this statement was closed, or 0
	closedStart int         // where its statement begins
	misclosed   Error       // what to say of the block that ends there if a '}' is missing
}

// Report implements Reporter.
func (m *mistakes) Report(e Error) {
	if m.muted > 0 || len(m.errs) == maxErrors {
		return
	}
	if len(m.errs) == maxErrors-1 {
		e = Error{Start: e.Start, End: e.End, Message: "too many errors; the rest of the file is not reported"}
	}
	m.broken = true
	m.unbalanced = m.unbalanced || e.kind == braceStray
	m.errs = append(m.errs, e)
	m.of = append(m.of, m.statement)
}

// forget drops the errors after the first n.
func (m *mistakes) forget(n int) {
	if n < len(m.errs) {
		m.errs, m.of = m.errs[:n], m.of[:n]
	}
}

// goOn takes what follows as part of the statement before.
func (m *mistakes) goOn() {
	m.current = m.before
	m.statement--
}

// next goes on to the next statement.
func (m *mistakes) next() {
	if m.broken {
		m.current.n = m.statement
		m.statements = append(m.statements, m.current)
		m.broken = false
	}
	m.before, m.current = m.current, statement{}
	m.statement++
}

func (m *mistakes) skipped(start, end int) {
	m.blocks = append(m.blocks, [2]uint32{uint32(start), uint32(end)})
}

// tell reports the errors that do not follow from others.
func (m *mistakes) tell(src string, to Reporter) *Damage {
	m.next()
	if len(m.errs) == 0 {
		return nil
	}
	d := &Damage{src: src, unbalanced: m.unbalanced, statements: make([][2]uint32, len(m.statements)), blocks: m.blocks}
	for i, s := range m.statements {
		d.statements[i] = [2]uint32{s.start, s.end}
	}
	for i, e := range m.errs {
		if s := m.info(m.of[i]); s.name > 0 && e.kind >= strayComma && e.kind <= bracketStray || e.Start <= s.name {
			d.nameless = true
		}
	}
	causes := m.causes(src)
	if len(causes) == 0 {
		causes = m.errs[:1] // each was taken to follow from another
	}
	for _, e := range causes {
		to.Report(e)
	}
	return d
}

// causes picks the errors that do not follow from others.
func (m *mistakes) causes(src string) []Error {
	var causes []Error
	var open, stray *Error
	braces := false // an error says already that a brace is wrong
	before := statement{n: -1}
	for i := 0; i < len(m.errs); {
		s := m.info(m.of[i])
		var errs []Error
		for ; i < len(m.errs) && m.of[i] == s.n; i++ {
			switch e := &m.errs[i]; {
			case e.kind == braceOpen:
				open = e
			case e.kind != braceStray:
				errs = append(errs, *e)
			case stray == nil && !(before.cutShort && s.n == before.n+1):
				stray = e
			}
		}
		errs = within(src, errs)
		if len(errs) > 0 && before.cutShort && s.n == before.n+1 && follows(errs[0]) {
			errs = nil
		}
		before = s
		if m.lost != 0 && m.unbalanced && len(errs) > 0 {
			braces = braces || s.brace && s.start <= m.lost && (m.lost <= s.end || strings.Trim(src[s.end:m.lost], " \t\r\n}") == "")
			errs = slices.DeleteFunc(errs, func(e Error) bool { return e.Start > m.lost })
		}
		causes = append(causes, errs...)
	}
	if stray != nil && !braces {
		if m.lost != 0 {
			stray.Notes = []Note{{m.lost, m.lost, "something may be wrong with the braces here"}}
		}
		causes = append(causes, *stray)
	}
	if open != nil && (stray == nil || stray.Start < open.Start) {
		if m.misclosed.Start > open.Start {
			open = &m.misclosed
		}
		// Where it should have been closed is only a guess. What comes after
		// that follows from it, and what comes before may be why.
		suspect := uint32(len(src))
		if len(open.Notes) > 0 {
			suspect = open.Notes[0].Start
		}
		causes = slices.DeleteFunc(causes, func(e Error) bool { return e.Start >= suspect })
		why := func(e Error) bool { return e.Start > open.Start && (e.kind == misplaced || e.kind == remains) }
		if !slices.ContainsFunc(causes, why) &&
			!slices.ContainsFunc(m.statements, func(s statement) bool { return s.brace && s.start > open.Start && s.start < suspect }) {
			causes = append(causes, *open)
		}
	}
	return causes
}

func (m *mistakes) info(n int) statement {
	i, ok := slices.BinarySearchFunc(m.statements, n, func(s statement, n int) int { return cmp.Compare(s.n, n) })
	if !ok {
		return statement{n: n}
	}
	return m.statements[i]
}

// within picks from the errors of one statement. Those of different list
// items, say, are mistakes of their own.
func within(src string, errs []Error) []Error {
	slices.SortStableFunc(errs, func(a, b Error) int { return cmp.Compare(a.Start, b.Start) })
	worst := 0
	for i, e := range errs {
		if e.kind >= strayComma && e.kind <= bracketStray && (e.kind > errs[worst].kind || errs[worst].kind > bracketStray) {
			worst = i
		}
	}
	if len(errs) > 0 && errs[worst].kind >= strayComma && errs[worst].kind <= bracketStray {
		return errs[worst : worst+1]
	}
	if len(errs) > 1 && slices.ContainsFunc(errs, func(e Error) bool { return e.kind != weak }) {
		errs = slices.DeleteFunc(errs, func(e Error) bool { return e.kind == weak })
	}
	var kept []Error
	for _, e := range errs {
		if len(kept) > 0 {
			last := &kept[len(kept)-1]
			if e.Start <= last.End || blank(src[last.End:e.Start]) || e.Message == last.Message && e.Message == singleQuote {
				continue
			}
		}
		kept = append(kept, e)
	}
	return kept
}

func blank(s string) bool {
	for i := range len(s) {
		if !isSpace(s[i]) {
			return false
		}
	}
	return true
}

const singleQuote = "a string is written in double quotes"

// follows tells whether an error is found only because the statement before
// was cut short: this one is the rest of it.
func follows(e Error) bool {
	switch e.kind {
	case bracketStray, strayComma, misplaced, remains, braceAstray:
		return true
	}
	return false
}

// Damage tells what of a file is not known because of mistakes in it: an
// error there, or a name that is missing, follows from them.
type Damage struct {
	src        string
	unbalanced bool
	nameless   bool // the name of a declaration may be what is wrong
	statements [][2]uint32
	blocks     [][2]uint32

	names map[string]bool // that may have been declared; made when first needed
}

// Covers tells whether an offset lies where the file was not understood.
func (d *Damage) Covers(at uint32) bool {
	if d == nil {
		return false
	}
	if d.unbalanced {
		return true
	}
	in := func(r [2]uint32) bool { return r[0] <= at && at < r[1] }
	return slices.ContainsFunc(d.statements, in) || slices.ContainsFunc(d.blocks, in)
}

// MayDeclare tells whether the file may have been meant to declare a name.
func (d *Damage) MayDeclare(name string) bool {
	if d == nil {
		return false
	}
	if d.unbalanced || d.nameless {
		return true
	}
	if d.names == nil {
		d.names = map[string]bool{}
		for _, r := range slices.Concat(d.statements, d.blocks) {
			d.collect(d.src[r[0]:r[1]])
		}
	}
	return d.names[name]
}

// collect finds the identifiers in a piece of source.
func (d *Damage) collect(src string) {
	for i := 0; i < len(src); i++ {
		if !isNameStart(src[i]) {
			continue
		}
		start := i
		for i < len(src) && isNameChar(src[i]) {
			i++
		}
		d.names[src[start:i]] = true
	}
}
