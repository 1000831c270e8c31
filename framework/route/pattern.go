package route

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Pattern is a path in API Gateway's syntax: literal segments, {name} for one
// segment, and {name+}, which may only come last, for the rest. The zero
// Pattern matches nothing.
//
//	pattern           path           values
//	/users/{id}       /users/42      42
//	/users/{id}       /users         no match
//	/users/{id}       //users/42/    42         (see Match)
//	/files/{path+}    /files/a/b     a/b
//	/files/{path+}    /files         no match
//	/files/{path+}    /files/        ""
//
// Source: API Gateway developer guide, "Create routes for HTTP APIs".
type Pattern struct {
	// ParsePattern sets both, and nothing changes them.
	Text     string    // as it was written
	Segments []Segment // from left to right; not nil, and empty for "/"
}

// A Segment is what stands between two slashes of a Pattern.
type Segment struct {
	Kind SegmentKind
	Text string // the literal, or the variable's name
}

// A SegmentKind says what a Segment matches.
type SegmentKind int

// The kinds of segments.
const (
	Literal  SegmentKind = iota // its text
	Variable                    // {name}
	Greedy                      // {name+}
)

// A PatternError says why a path is no pattern.
type PatternError struct {
	Offset int    // where in the path, in characters
	Width  int    // how many characters it is about
	Reason string // what is wrong, as the end of a sentence about the path
}

func (e *PatternError) Error() string { return e.Reason }

// maxSegments is as many variables as httprouter can count.
const maxSegments = 255

// ParsePattern reads a path in API Gateway's syntax. The error is a
// *PatternError. ParsePattern(p.String()) gives p again.
//
// Segments hold letters, digits and . : _ -, and a variable fills its segment:
// the rule of the AWS console, which the documentation does not state. A
// variable's name may not occur twice.
func ParsePattern(path string) (Pattern, error) {
	fail := func(at, end int, format string, args ...any) (Pattern, error) {
		return Pattern{}, &PatternError{
			Offset: utf8.RuneCountInString(path[:at]),
			Width:  max(utf8.RuneCountInString(path[at:end]), 1),
			Reason: fmt.Sprintf(format, args...),
		}
	}
	switch {
	case path == "$default":
		return fail(0, len(path), `is refused, since it hides who may do what: use the path "/{proxy+}"`)
	case path == "" || path[0] != '/':
		return fail(0, len(path), `must start with "/"`)
	case path == "/":
		return Pattern{Text: path, Segments: []Segment{}}, nil
	case path[len(path)-1] == '/':
		return fail(len(path)-1, len(path), `must not end in "/": API Gateway takes no such route`)
	}

	n := strings.Count(path, "/")
	if n > maxSegments {
		return fail(0, len(path), "has %d segments, more than the %d that a path may have", n, maxSegments)
	}
	p := Pattern{Text: path, Segments: make([]Segment, 0, n)}
	var few [8]string // enough for most, and not on the heap
	variables, seen := few[:0], nameSet(nil)
	at := 1
	for part := range strings.SplitSeq(path[1:], "/") {
		end := at + len(part)
		seg := Segment{Kind: Literal, Text: part}
		name, opened := strings.CutPrefix(part, "{")
		name, closed := strings.CutSuffix(name, "}")
		nameAt := at
		if opened && closed {
			nameAt++
			seg = Segment{Kind: Variable, Text: name}
			if name, ok := strings.CutSuffix(name, "+"); ok {
				seg = Segment{Kind: Greedy, Text: name}
			}
		}
		switch {
		case part == "":
			return fail(at-1, at+1, `has an empty segment ("//")`)
		case part == "." || part == "..":
			return fail(at, end, "has the segment %q, which clients resolve before they send it", part)
		case seg.Text == "":
			return fail(at, end, "has a variable without a name")
		case seg.Kind == Greedy && end != len(path):
			return fail(at, end, "has the greedy variable %q before its end: it takes all that follows", part)
		}
		for i, c := range seg.Text {
			if isSegmentChar(c) {
				continue
			}
			culprit := nameAt + i
			switch c {
			case '{', '}':
				return fail(culprit, culprit+1, "has the segment %q: a variable fills its segment, as {name} or {name+}", part)
			case ' ':
				return fail(culprit, culprit+1, "has a space")
			case '+':
				return fail(culprit, culprit+1, `has %q: a "+" comes last in a greedy variable and nowhere else`, part)
			}
			_, size := utf8.DecodeRuneInString(seg.Text[i:])
			return fail(culprit, culprit+size, "has the character %q: API Gateway takes letters, digits and . : _ - only", c)
		}
		if seg.Kind != Literal {
			if seen.has(variables, seg.Text) {
				return fail(at, end, "has the variable %q twice", seg.Text)
			}
			variables = append(variables, seg.Text)
		}
		p.Segments = append(p.Segments, seg)
		at = end + 1
	}
	return p, nil
}

// A nameSet has the names of many variables. Few are compared with each other.
type nameSet map[string]bool

// has reports whether names, all of which it was asked for before, has name.
func (s *nameSet) has(names []string, name string) bool {
	const few = 16
	if len(names) < few {
		return slices.Contains(names, name)
	}
	if *s == nil {
		*s = make(nameSet)
		for _, n := range names {
			(*s)[n] = true
		}
	}
	if (*s)[name] {
		return true
	}
	(*s)[name] = true
	return false
}

func isSegmentChar(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '.' || c == ':' || c == '_' || c == '-'
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.Text }

// Variables returns the names of the variables, from left to right, without
// the "+" of a greedy one.
func (p Pattern) Variables() []string {
	return p.eachVariable(func(name string) string { return name })
}

// eachVariable returns what of makes of each variable's name, from left to right,
// and nil where there is no variable.
func (p Pattern) eachVariable(of func(name string) string) []string {
	n := 0
	for _, s := range p.Segments {
		if s.Kind != Literal {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for _, s := range p.Segments {
		if s.Kind != Literal {
			list = append(list, of(s.Text))
		}
	}
	return list
}

// IsGreedy reports whether the pattern ends in a greedy variable.
func (p Pattern) IsGreedy() bool {
	return len(p.Segments) > 0 && p.Segments[len(p.Segments)-1].Kind == Greedy
}

// Shape returns the pattern without the names of its variables. Two patterns
// match the same paths if and only if their shapes are equal.
func (p Pattern) Shape() string {
	if len(p.Segments) == 0 {
		return p.Text
	}
	var b strings.Builder
	for _, s := range p.Segments {
		b.WriteByte('/')
		switch s.Kind {
		case Literal:
			b.WriteString(s.Text)
		case Variable:
			b.WriteString("{}")
		case Greedy:
			b.WriteString("{+}")
		}
	}
	return b.String()
}

// Match reports whether the pattern matches a decoded path, and returns the
// values of its variables, from left to right.
//
// As at the gateway, repeated slashes count as one and a trailing slash does
// not count. AWS documents neither; reports from live APIs bear out the first,
// and most of them the second. A greedy variable takes the rest as it was sent, slashes included;
// it takes an empty rest only behind a slash. Nothing is resolved: "." and ".."
// are segments like any other, and letters match in their own case only.
func (p Pattern) Match(path string) (values []string, ok bool) {
	if !p.match(path, &values) {
		return nil, false
	}
	return values, true
}

// match is Match. It stores the values in *values if values is not nil.
func (p Pattern) match(path string, values *[]string) bool {
	if p.Segments == nil || !strings.HasPrefix(path, "/") {
		return false
	}
	var found []string
	take := func(value string) {
		if values != nil {
			found = append(found, value)
		}
	}
	rest := path
	for _, s := range p.Segments {
		trimmed := strings.TrimLeft(rest, "/")
		part := trimmed
		if s.Kind != Greedy {
			part, _, _ = strings.Cut(trimmed, "/")
		}
		switch {
		case s.Kind == Greedy && trimmed == rest:
			return false // not behind a slash
		case s.Kind != Greedy && part == "":
			return false
		case s.Kind != Literal:
			take(part)
		case s.Text != part:
			return false
		}
		rest = trimmed[len(part):]
	}
	if strings.TrimLeft(rest, "/") != "" {
		return false
	}
	if values != nil {
		*values = found
	}
	return true
}

// appendFilled appends to b the path that the pattern makes of its variables'
// values. ok is false when one is missing.
func (p Pattern) appendFilled(b []byte, values map[string]string) (path []byte, ok bool) {
	if len(p.Segments) == 0 {
		return append(b, p.Text...), p.Segments != nil
	}
	for _, s := range p.Segments {
		text := s.Text
		if s.Kind != Literal {
			if text, ok = values[s.Text]; !ok {
				return nil, false
			}
		}
		b = append(b, '/')
		b = append(b, text...)
	}
	return b, true
}

// clean returns path with repeated slashes made one, and without a trailing
// one. The empty path is "/".
func clean(path string) string {
	if !strings.Contains(path, "//") {
		if path = strings.TrimSuffix(path, "/"); path == "" {
			return "/"
		}
		return path
	}
	b := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] != '/' || len(b) == 0 || b[len(b)-1] != '/' {
			b = append(b, path[i])
		}
	}
	if len(b) > 1 && b[len(b)-1] == '/' {
		b = b[:len(b)-1]
	}
	return string(b)
}
