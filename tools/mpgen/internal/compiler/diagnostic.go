package compiler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mpgo-dev/mpgo/tools/mpgen/internal/compiler/syntax"
)

// A Position is a place in a source file.
type Position struct {
	File   string // as a user would name it
	Line   int    // from 1
	Column int    // in bytes, from 1
	Offset int    // in bytes, from 0
}

// String gives file:line:column.
func (p Position) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// A Code tells kinds of Diagnostic apart that a caller may want to act on.
type Code uint8

// The codes. All other mistakes are Plain.
const (
	Plain           Code = iota
	ImportNotFound       // Diagnostic.Import is the path as written
	ImportNotListed      // the file exists but Options.Importable does not list it; Diagnostic.Import is its path
)

// A Diagnostic is one mistake in the input.
type Diagnostic struct {
	Start, End Position
	Message    string
	Hint       string // what to do about it, or empty
	Notes      []Note // other places that matter, such as the first of two declarations of a name
	Code       Code
	Import     string // see Code
	Warning    bool   // not an error; Compile gives none of these

	Line string // the source line of Start
}

// A Note is a place that helps to understand a Diagnostic.
type Note struct {
	Start   Position
	Message string
	Line    string // the source line of Start
}

// Error gives file:line:column: message, and the hint.
func (d *Diagnostic) Error() string {
	s := d.Start.String() + ": " + d.Message
	if d.Hint != "" {
		s += " (" + d.Hint + ")"
	}
	return s
}

// Format gives the message with the source line, a caret under the place, the
// hint and the notes, in several lines that end with a line break.
func (d *Diagnostic) Format() string {
	var b strings.Builder
	label := "error"
	if d.Warning {
		label = "warning"
	}
	fmt.Fprintf(&b, "%s: %s: %s\n", d.Start, label, d.Message)
	width := 1
	if d.End.Line == d.Start.Line {
		width = d.End.Column - d.Start.Column
	} else if d.End.Line > d.Start.Line {
		width = len(d.Line) - d.Start.Column + 1
	}
	caret(&b, d.Line, d.Start.Column, width)
	if d.Hint != "" {
		fmt.Fprintf(&b, "    hint: %s\n", d.Hint)
	}
	for i := range d.Notes {
		n := &d.Notes[i]
		fmt.Fprintf(&b, "%s: note: %s\n", n.Start, n.Message)
		caret(&b, n.Line, n.Start.Column, 1)
	}
	return b.String()
}

// caret writes a source line and marks width bytes of it from a column on.
// Long lines are cut around the column.
func caret(b *strings.Builder, line string, column, width int) {
	if strings.TrimSpace(line) == "" || column-1 > len(line) {
		return
	}
	const most = 160
	at := column - 1
	width = max(1, min(width, len(line)-at))
	if len(line) > most {
		from := max(0, at-most/2)
		for from > 0 && from < len(line) && !utf8.RuneStart(line[from]) {
			from--
		}
		to := min(len(line), from+most)
		line, at = line[from:to], at-from
		width = max(1, min(width, len(line)-at))
	}
	var mark strings.Builder
	for _, r := range line[:at] {
		if r == '\t' {
			mark.WriteByte('\t')
		} else {
			mark.WriteByte(' ')
		}
	}
	n := max(1, utf8.RuneCountInString(line[at:min(len(line), at+width)]))
	mark.WriteByte('^')
	mark.WriteString(strings.Repeat("~", n-1))
	clean := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == utf8.RuneError {
			return '?'
		}
		return r
	}, line)
	fmt.Fprintf(b, "    %s\n    %s\n", clean, mark.String())
}

// Diagnostics are the mistakes of one compilation, in the order of the files
// and of the places in them. They are an error if there are any.
type Diagnostics []*Diagnostic

// Error gives one line for each mistake.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Format gives all mistakes as Diagnostic.Format does.
func (ds Diagnostics) Format() string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(d.Format())
	}
	return b.String()
}

// Err gives the diagnostics as an error, nil if there are none.
func (ds Diagnostics) Err() error {
	if len(ds) == 0 {
		return nil
	}
	return ds
}

// problem is a mistake before it becomes a Diagnostic.
type problem struct {
	file       *file
	syntax     bool
	start, end uint32
	msg, hint  string
	notes      []placeNote
	code       Code
	imp        string
}

type placeNote struct {
	file  *file
	start uint32
	msg   string
}

// Report lets a file take the errors of its own syntax.
func (f *file) Report(e syntax.Error) {
	p := problem{file: f, syntax: true, start: e.Start, end: e.End, msg: e.Message, hint: e.Hint}
	for _, n := range e.Notes {
		p.notes = append(p.notes, placeNote{f, n.Start, n.Message})
	}
	f.c.report(p)
}

// maxProblems is how many mistakes are kept in all.
const maxProblems = 2000

func (c *compiler) report(p problem) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, p)
	}
}

func (f *file) errorf(start, end uint32, hint, format string, args ...any) {
	f.c.report(problem{file: f, start: start, end: end, msg: fmt.Sprintf(format, args...), hint: hint})
}

// errorAt reports a mistake in an expression, unless that is one already.
func (f *file) errorAt(e *syntax.Expr, hint, format string, args ...any) {
	if e.Kind == syntax.Unknown {
		return
	}
	f.errorf(e.Start, e.End, hint, format, args...)
}

// diagnostics sorts the problems and drops those that say the same twice, and
// those that lie where the syntax is broken.
func (c *compiler) diagnostics() Diagnostics {
	slices.SortStableFunc(c.problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.file.index, b.file.index), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	var ds Diagnostics
	for i, p := range c.problems {
		if !p.syntax && p.file.damage.Covers(p.start) {
			continue
		}
		if i > 0 {
			q := c.problems[i-1]
			if p.file == q.file && p.start == q.start && p.msg == q.msg {
				continue
			}
		}
		d := &Diagnostic{Start: p.file.position(p.start), End: p.file.position(p.end), Message: p.msg, Hint: p.hint, Code: p.code, Import: p.imp}
		d.Line = p.file.line(d.Start.Line)
		for _, n := range p.notes {
			at := n.file.position(n.start)
			d.Notes = append(d.Notes, Note{Start: at, Message: n.msg, Line: n.file.line(at.Line)})
		}
		ds = append(ds, d)
	}
	return ds
}

// position finds the line of an offset.
func (f *file) position(at uint32) Position {
	if f.lines == nil {
		f.lines = []uint32{0}
		for i := 0; i < len(f.src); i++ {
			if f.src[i] == '\n' {
				f.lines = append(f.lines, uint32(i+1))
			}
		}
	}
	n, ok := slices.BinarySearch(f.lines, at)
	if !ok {
		n--
	}
	return Position{File: f.shown, Line: n + 1, Column: int(at-f.lines[n]) + 1, Offset: int(at)}
}

// line gives the text of a line, without its end.
func (f *file) line(n int) string {
	from := f.lines[n-1]
	rest := f.src[from:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	return strings.TrimSuffix(rest, "\r")
}
