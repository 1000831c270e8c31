package manifest

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Severity tells an error, which makes a manifest unusable, from a warning.
// The zero value is Error.
type Severity int

// The severities.
const (
	Error Severity = iota
	Warning
)

// String returns "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// A Diagnostic is one thing that is wrong with the file.
type Diagnostic struct {
	Span            // the text it is about; the zero Span is the file as a whole
	Severity        // Error or Warning
	Rule     string // a stable id, such as "unknown-key"
	Message  string // lower case, the culprit quoted, no full stop
	Related  []Related
}

// Related is another place that a Diagnostic is about, such as the first of two
// clashing routes.
type Related struct {
	Span
	Message string
}

// A Report is everything that is wrong with one file, and the file, so that it
// can be shown. The zero Report is an unnamed empty file with nothing wrong.
//
// What is wrong with a file is kept apart from error: a Report says what its
// author has to mend, an error that a program could not do its work.
type Report struct {
	Filename    string
	Source      []byte
	Diagnostics []Diagnostic
}

// Errorf adds an error with the rule's id and a formatted message.
func (r *Report) Errorf(at Span, rule, format string, args ...any) {
	r.Add(Diagnostic{Span: at, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

// Warnf adds a warning with the rule's id and a formatted message.
func (r *Report) Warnf(at Span, rule, format string, args ...any) {
	r.Add(Diagnostic{Span: at, Severity: Warning, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

// Add adds a diagnostic.
func (r *Report) Add(d Diagnostic) {
	r.Diagnostics = append(r.Diagnostics, d)
}

// Sort puts the diagnostics in the order of the file, those about the file as a
// whole first, and drops repeated ones.
func (r *Report) Sort() {
	slices.SortStableFunc(r.Diagnostics, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Message, b.Message),
		)
	})
	r.Diagnostics = slices.CompactFunc(r.Diagnostics, func(a, b Diagnostic) bool {
		return a.Span == b.Span && a.Rule == b.Rule && a.Message == b.Message
	})
}

// HasErrors reports whether a diagnostic is an error.
func (r *Report) HasErrors() bool {
	return slices.ContainsFunc(r.Diagnostics, func(d Diagnostic) bool { return d.Severity == Error })
}

// Err returns nil when the report has no error, and otherwise an error whose
// text is the printed report.
func (r *Report) Err() error {
	if !r.HasErrors() {
		return nil
	}
	return &reportError{r}
}

type reportError struct{ report *Report }

func (e *reportError) Error() string {
	var b strings.Builder
	e.report.Print(&b)
	return strings.TrimSuffix(b.String(), "\n")
}

// Print writes every diagnostic in the form
//
//	routes.yaml:14:14: error: unknown handler "get_usr", did you mean "get_user"? [unknown-handler]
//	   14 |     handler: get_usr
//	      |              ^^^^^^^
//
// with the related places behind it as notes of the same form. It reports the
// first error of w.
func (r *Report) Print(w io.Writer) error {
	lines := splitLines(r.Source)
	// Related places get a cursor of their own, so that going back to one does
	// not make the other start its line again.
	at, related := cursor{lines: lines}, cursor{lines: lines}
	b := bufio.NewWriter(w)
	for _, d := range r.Diagnostics {
		r.printOne(b, &at, d.Span, fmt.Sprintf("%s: %s [%s]", d.Severity, d.Message, d.Rule))
		for _, rel := range d.Related {
			r.printOne(b, &related, rel.Span, "note: "+rel.Message)
		}
	}
	return b.Flush()
}

// A line of a hostile file can have megabytes; a reader wants to see the place.
const shownBefore, shownAfter = 100, 100

func (r *Report) printOne(b *bufio.Writer, c *cursor, at Span, text string) {
	if at.Line == 0 {
		fmt.Fprintf(b, "%s: %s\n", r.Filename, text)
		return
	}
	fmt.Fprintf(b, "%s:%d:%d: %s\n", r.Filename, at.Line, at.Column, text)
	if at.Line > len(c.lines) {
		return
	}
	line, offset := c.seek(at.Pos)
	before, after := string(lastRunes(line[:offset], shownBefore)), string(firstRunes(line[offset:], shownAfter))
	if len(before) < offset {
		before = "…" + before
	}
	if offset+len(after) < len(line) {
		after += "…"
	}
	fmt.Fprintf(b, "%5d | %s\n", at.Line, strings.TrimRight(printable(before+after), " \t"))

	// The caret is placed by characters, below a tab by a tab.
	indent := strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		return ' '
	}, before)
	width := min(max(at.Width, 1), max(utf8.RuneCountInString(after), 1))
	fmt.Fprintf(b, "      | %s%s\n", indent, strings.Repeat("^", width))
}

// printable replaces what a terminal would not show as one character.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c != '\t' && !unicode.IsGraphic(c) {
			return utf8.RuneError
		}
		return c
	}, s)
}

func firstRunes(s []byte, n int) []byte {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		_, size := utf8.DecodeRune(s[i:])
		i += size
	}
	return s[:i]
}

func lastRunes(s []byte, n int) []byte {
	i := len(s)
	for ; n > 0 && i > 0; n-- {
		_, size := utf8.DecodeLastRune(s[:i])
		i -= size
	}
	return s[i:]
}

// A cursor finds the bytes at a place. It remembers where it was, so that
// asking for places in the order of the file takes one pass over it, however
// long its lines are.
type cursor struct {
	lines  [][]byte
	line   int // 1-based; 0: nowhere yet
	column int
	offset int
}

// seek returns the line of p and the offset in bytes of p's column in it.
func (c *cursor) seek(p Pos) (line []byte, offset int) {
	if p.Line < 1 || p.Line > len(c.lines) {
		return nil, 0
	}
	line = c.lines[p.Line-1]
	if c.line != p.Line || c.column > p.Column {
		c.line, c.column, c.offset = p.Line, 1, 0
	}
	for c.column < p.Column && c.offset < len(line) {
		_, size := utf8.DecodeRune(line[c.offset:])
		c.offset += size
		c.column++
	}
	return line, c.offset
}

// splitLines cuts where YAML 1.1, and so yaml.v3, counts a new line: CR LF, LF,
// CR, NEL, LS and PS.
func splitLines(src []byte) [][]byte {
	var lines [][]byte
	start := 0
	for i := 0; i < len(src); {
		n := breakAt(src[i:])
		if n == 0 {
			i++
			continue
		}
		lines = append(lines, src[start:i])
		i += n
		start = i
	}
	return append(lines, src[start:])
}

// breakAt returns the length in bytes of the line break that s starts with, or 0.
func breakAt(s []byte) int {
	switch {
	case len(s) == 0:
		return 0
	case s[0] == '\n':
		return 1
	case s[0] == '\r':
		if len(s) > 1 && s[1] == '\n' {
			return 2
		}
		return 1
	case s[0] == 0xC2 && len(s) > 1 && s[1] == 0x85: // NEL
		return 2
	case s[0] == 0xE2 && len(s) > 2 && s[1] == 0x80 && (s[2] == 0xA8 || s[2] == 0xA9): // LS, PS
		return 3
	}
	return 0
}

// posAt returns the place of the byte at offset.
func posAt(src []byte, offset int) Pos {
	p := Pos{Line: 1, Column: 1}
	for i := 0; i < offset && i < len(src); {
		if n := breakAt(src[i:]); n > 0 {
			i += n
			p.Line++
			p.Column = 1
			continue
		}
		_, size := utf8.DecodeRune(src[i:])
		i += size
		p.Column++
	}
	return p
}
