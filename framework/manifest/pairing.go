//go:build !routegate.packaged

package manifest

import "bytes"

// yaml.v3 notices a bracket or a quote that has no partner where the text
// stops to make sense, often many lines further down, and says the line of an
// enclosing block. So the culprit is looked for apart from it: firstUnpaired
// reads just enough of YAML to tell quotes and brackets that mean something from
// those in comments, block scalars and plain text.

// An unpaired is a quote or a bracket that is wrong, or what stands behind one.
type unpaired struct {
	kind unpairedKind
	at   int // offset of the culprit
	open int // offset of the quote or bracket that started what it is in
}

type unpairedKind int

const (
	allPaired      unpairedKind = iota
	openQuote                   // the quote at open has no partner
	openBracket                 // the bracket at open has no partner
	strayText                   // something follows the partner of open
	strayBracket                // a closing bracket, or a comma, that belongs to nothing
	wrongBracket                // a closing bracket that is not open's partner
	missingComma                // something follows a value in open's brackets
	missingValue                // a comma where a value should be, in open's brackets
	bracketInPlain              // a bracket or "?" within plain text in open's brackets
)

// firstUnpaired returns the first of src.
func firstUnpaired(src []byte) unpaired {
	u := &unpairedFinder{src: src}
	u.block()
	return u.found
}

type unpairedFinder struct {
	src   []byte
	i     int
	found unpaired
}

func (u *unpairedFinder) report(kind unpairedKind, at, open int) bool {
	u.found = unpaired{kind, at, open}
	return false
}

func (u *unpairedFinder) done() bool { return u.i >= len(u.src) }

// blank reports whether white space, a line break or the end is at i.
func (u *unpairedFinder) blank(i int) bool {
	return i >= len(u.src) || u.src[i] == ' ' || u.src[i] == '\t' || breakAt(u.src[i:]) > 0
}

func (u *unpairedFinder) skipBlanks() {
	for !u.done() && (u.src[u.i] == ' ' || u.src[u.i] == '\t') {
		u.i++
	}
}

func (u *unpairedFinder) skipLine() {
	for !u.done() {
		n := breakAt(u.src[u.i:])
		u.i += max(n, 1)
		if n > 0 {
			return
		}
	}
}

// atLineEnd reports whether only white space and a comment are left of the line.
func (u *unpairedFinder) atLineEnd() bool {
	u.skipBlanks()
	return u.done() || u.src[u.i] == '#' || breakAt(u.src[u.i:]) > 0
}

// documentMark reports whether a "---" or "..." is at i, which starts a line.
func (u *unpairedFinder) documentMark(i int) bool {
	rest := u.src[i:]
	return (bytes.HasPrefix(rest, []byte("---")) || bytes.HasPrefix(rest, []byte("..."))) && u.blank(i+3)
}

// block reads lines outside of brackets. It returns false when it found
// something.
func (u *unpairedFinder) block() bool {
	const none = 1 << 30
	// Lines that are indented deeper go on with a plain text or a block scalar.
	text := none
	for !u.done() {
		start := u.i
		for !u.done() && u.src[u.i] == ' ' {
			u.i++
		}
		indent := u.i - start
		switch {
		case u.atLineEnd(), indent > text:
			u.skipLine()
			continue
		case u.src[start] == '%':
			u.skipLine()
			continue
		case u.documentMark(start):
			u.i += 3
		}
		text = none
		within := indent - 1 // what the value must be indented deeper than
		if !u.dashes(start, &within) {
			continue
		}
		for value := false; !u.atLineEnd(); {
			c, open := u.src[u.i], u.i
			switch c {
			case '&', '!', '*':
				for !u.blank(u.i) {
					u.i++
				}
				continue
			case '"', '\'':
				if !u.quoted() {
					return false
				}
			case '[', '{':
				if !u.brackets() {
					return false
				}
			case ']', '}', ',':
				return u.report(strayBracket, u.i, u.i)
			case '|', '>':
				text = within
				u.skipLine()
			default:
				if u.plain() && !value {
					value, within = true, open-start
					continue
				}
				text = within
				u.skipLine()
			}
			if text != none {
				break
			}
			switch {
			case u.atLineEnd():
			case u.src[u.i] == ':' && u.blank(u.i+1) && !value:
				u.i++
				value, within = true, open-start
			default:
				return u.report(strayText, u.i, open)
			}
		}
		if text == none {
			u.skipLine()
		}
	}
	return true
}

// dashes skips the marks of list items at the start of a line. It returns
// false when nothing else is in the line.
func (u *unpairedFinder) dashes(start int, within *int) bool {
	for !u.atLineEnd() {
		if c := u.src[u.i]; c != '-' && c != '?' || !u.blank(u.i+1) {
			return true
		}
		*within = u.i - start
		u.i++
	}
	u.skipLine()
	return false
}

// plain skips plain text up to the colon behind a key, and reports whether
// there is one.
func (u *unpairedFinder) plain() bool {
	for ; !u.done() && breakAt(u.src[u.i:]) == 0; u.i++ {
		switch {
		case u.src[u.i] == ':' && u.blank(u.i+1):
			u.i++
			return true
		case u.src[u.i] == '#' && u.blank(u.i-1):
			return false
		}
	}
	return false
}

// quoted skips a text in quotes.
func (u *unpairedFinder) quoted() bool {
	open, quote := u.i, u.src[u.i]
	for u.i++; !u.done(); u.i++ {
		c := u.src[u.i]
		switch {
		case c == '\\' && quote == '"':
			u.i++
		case c == quote && quote == '\'' && u.i+1 < len(u.src) && u.src[u.i+1] == quote:
			u.i++
		case c == quote:
			u.i++
			return true
		case c == '\n' && u.documentMark(u.i+1):
			return u.report(openQuote, open, open)
		}
	}
	return u.report(openQuote, open, open)
}

// brackets skips a list or a mapping in brackets.
func (u *unpairedFinder) brackets() bool {
	opened := []int{u.i}
	u.i++
	const (
		nothing = iota // before a value
		plain          // within plain text
		whole          // behind a value that is over
	)
	state, comma := nothing, true // comma: nothing stands behind the bracket or comma yet
	for lineStart := false; !u.done(); {
		open := opened[len(opened)-1]
		if n := breakAt(u.src[u.i:]); n > 0 {
			u.i += n
			lineStart = true
			continue
		}
		c := u.src[u.i]
		switch {
		case c == ' ' || c == '\t':
			u.i++
			continue
		case c == '#' && u.blank(u.i-1):
			for !u.done() && breakAt(u.src[u.i:]) == 0 {
				u.i++
			}
			continue
		case lineStart && c == '-' && u.blank(u.i+1) && state != plain, lineStart && u.documentMark(u.i):
			return u.report(openBracket, open, open)
		case c == ']' || c == '}':
			if (c == ']') != (u.src[open] == '[') {
				return u.report(wrongBracket, u.i, open)
			}
			u.i++
			if opened = opened[:len(opened)-1]; len(opened) == 0 {
				return true
			}
			state, comma = whole, false
		case c == ',':
			if comma {
				return u.report(missingValue, u.i, open)
			}
			u.i++
			state, comma = nothing, true
		case c == ':' && (u.blank(u.i+1) || state == whole || bytes.IndexByte([]byte(",[]{}"), u.src[u.i+1]) >= 0):
			u.i++
			state, comma = nothing, false
		case state == plain && (c == '[' || c == '{' || c == '?'):
			return u.report(bracketInPlain, u.i, open)
		case state == plain:
			u.i++
		case state == whole:
			return u.report(missingComma, u.i, open)
		case c == '[' || c == '{':
			opened = append(opened, u.i)
			u.i++
			comma = true
		case c == '"' || c == '\'':
			if !u.quoted() {
				return false
			}
			state, comma = whole, false
		case c == '&' || c == '!' || c == '*':
			for !u.blank(u.i) && bytes.IndexByte([]byte(",[]{}"), u.src[u.i]) < 0 {
				u.i++
			}
			comma = false
		case c == '?':
			u.i++
			comma = false
		default:
			state, comma = plain, false
			u.i++
		}
		lineStart = false
	}
	open := opened[len(opened)-1]
	return u.report(openBracket, open, open)
}

// explainUnpaired says what is wrong, and where.
func explainUnpaired(src []byte, u unpaired) Diagnostic {
	at, open := posAt(src, u.at), posAt(src, u.open)
	what := "the list"
	if src[u.open] == '{' {
		what = "the mapping"
	}
	culprit := Quote(string(firstRunes(src[u.at:], 1)))
	opener := Quote(string(src[u.open]))
	d := Diagnostic{Span: Span{at, 1}, Rule: "syntax"}
	switch u.kind {
	case openQuote:
		d.Message = "the text that starts here with a quote is not closed"
	case openBracket:
		d.Message = what + " that starts here with " + opener + " is not closed"
	case strayBracket:
		d.Message = culprit + " cannot start a value: put the text in quotes"
	case wrongBracket:
		d.Message = culprit + " cannot close " + what + " that starts with " + opener + " on line " + itoa(open.Line)
	case missingComma:
		d.Message = `a "," is missing here in ` + what + " that starts with " + opener + " on line " + itoa(open.Line)
	case missingValue:
		d.Message = `a value is missing before this ","`
	case bracketInPlain:
		d.Message = culprit + " cannot stand in plain text between brackets or braces: put the text in quotes"
	case strayText:
		closing := Quote(string(src[bytes.LastIndexAny(src[:u.at], "\"']}")]))
		switch {
		case at.Line == open.Line && bytes.IndexByte([]byte("]},"), src[u.at]) < 0:
			d.Message = "nothing can follow the closing " + closing + ": put the whole text in quotes"
		case at.Line == open.Line || src[u.open] == '[' || src[u.open] == '{':
			d.Message = "nothing can follow the closing " + closing
		default:
			// Most likely the text was to end in its own line, and what closes
			// it was to open the next.
			d.Span.Pos = open
			d.Message = "the text that starts here with a quote ends on line " + itoa(at.Line) + ", where more follows it: is its closing quote missing?"
			d.Related = []Related{{Span{at, 1}, "what follows it"}}
		}
	}
	if d.Line != open.Line {
		d.Related = []Related{{Span{open, 1}, what + " starts here"}}
	}
	return d
}
