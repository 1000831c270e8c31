//go:build !routegate.packaged

package manifest

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// yaml.v3 says a syntax error as text, with a line that is missing when it
// would be the first, one too small when the parser (not the scanner) found the
// error, and that of the enclosing block when something in the block is wrong;
// and without a column. syntaxError puts that right, from three sources:
//
//   - quotes and brackets without a partner are looked for in the file itself
//     (pairing.go);
//   - what the scanner refuses stands where it stopped reading, which it does a
//     few characters behind the culprit;
//   - the parser reads some tokens ahead, so for its errors the file is read
//     again without its last lines.

var yamlErrorText = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// Errors that a quote or a bracket without its partner may be the cause of.
var unpairedMessages = map[string]bool{
	"did not find expected key":                             true,
	"did not find expected '-' indicator":                   true,
	"did not find expected ',' or ']'":                      true,
	"did not find expected ',' or '}'":                      true,
	"did not find expected node content":                    true,
	"did not find expected <document start>":                true,
	"could not find expected ':'":                           true,
	"mapping values are not allowed in this context":        true,
	"found unexpected end of stream":                        true,
	"found unexpected document indicator":                   true,
	"did not find expected alphabetic or numeric character": true,
	"found character that cannot start any token":           true,
}

// What the parser says, and only the parser (yaml.v3, parserc.go).
var parserMessages = map[string]bool{
	"did not find expected <stream-start>":   true,
	"did not find expected <document start>": true,
	"did not find expected key":              true,
	"did not find expected '-' indicator":    true,
	"did not find expected ',' or ']'":       true,
	"did not find expected ',' or '}'":       true,
	"did not find expected node content":     true,
	"found undefined tag handle":             true,
	"found duplicate %YAML directive":        true,
	"found duplicate %TAG directive":         true,
	"found incompatible YAML document":       true,
}

func syntaxError(src []byte, err error) Diagnostic {
	message := yamlErrorText.ReplaceAllString(err.Error(), "")
	reader := &countingReader{src: src}
	firstReadError(reader)
	stop := reader.n
	// At the end of the file an escape is unknown for want of its letter.
	if unpairedMessages[message] || stop == len(src) && message == "found unknown escape character" {
		if u := firstUnpaired(src); u.kind != allPaired && u.at < stop {
			return explainUnpaired(src, u)
		}
	}
	if at, width, text := explainStop(src, stop, message); text != "" {
		return Diagnostic{Span: Span{posAt(src, at), width}, Rule: "syntax", Message: text}
	}

	lines := splitLines(src)
	line := 1
	switch {
	case message == "did not find expected key", message == "did not find expected '-' indicator":
		line = lineWhereReadingStopped(src, lines, stop, message)
	default:
		// With an empty line in front no line is missing.
		shifted := yamlErrorText.FindStringSubmatch(firstYAMLError(append([]byte("\n"), src...)))
		if shifted != nil && shifted[1] != "" {
			line, _ = strconv.Atoi(shifted[1])
			if !parserMessages[message] {
				line--
			}
		}
	}
	line = min(max(line, 1), len(lines))
	column, width, text := explainLine(lines[line-1], message)
	return Diagnostic{Span: Span{Pos{line, column}, width}, Rule: "syntax", Message: text}
}

// firstYAMLError returns the text of the first syntax error in src, or "".
func firstYAMLError(src []byte) string {
	return firstReadError(bytes.NewReader(src))
}

func firstReadError(r io.Reader) string {
	dec := yaml.NewDecoder(r)
	for {
		switch _, err := decodeYAML(dec); {
		case errors.Is(err, io.EOF):
			return ""
		case err != nil:
			return err.Error()
		}
	}
}

// countingReader gives one byte a time and counts them, so that what was read
// is what the scanner needed, not what a buffer could hold.
type countingReader struct {
	src []byte
	n   int
}

func (r *countingReader) Read(p []byte) (int, error) {
	if r.n == len(r.src) {
		return 0, io.EOF
	}
	p[0] = r.src[r.n]
	r.n++
	return 1, nil
}

// lineWhereReadingStopped finds the line of the token that was wrong. The
// scanner may have read a token or two further, to see whether it is a key; so
// as long as the file without the line fails in the same way, the error is
// higher up.
func lineWhereReadingStopped(src []byte, lines [][]byte, stop int, message string) int {
	line := posAt(src, stop-1).Line
	for tries := 0; line > 1 && tries < 8; tries++ {
		if content := bytes.TrimSpace(lines[line-1]); len(content) > 0 && content[0] != '#' {
			above := yamlErrorText.ReplaceAllString(firstYAMLError(bytes.Join(lines[:line-1], []byte("\n"))), "")
			if above != message {
				break
			}
		}
		line--
	}
	return line
}

// The scanner has looked at four characters when it refuses the first of them.
const lookahead = 4

// explainStop explains the errors whose culprit is where the scanner stopped
// reading. text is "" for other errors.
func explainStop(src []byte, stop int, message string) (at, width int, text string) {
	window := len(src[:stop]) - len(lastRunes(src[:stop], lookahead))
	find := func(c byte) int {
		if i := bytes.IndexByte(src[window:stop], c); i >= 0 {
			return window + i
		}
		return max(bytes.LastIndexByte(src[:stop], c), 0)
	}
	switch message {
	case "mapping values are not allowed in this context":
		at = window
		for at < stop-1 && (src[at] != ':' || !isBlank(src, at+1)) {
			at++
		}
		lineStart, _ := lineAround(src, at)
		if first := valueColon(src[lineStart:]); lineStart > 0 && lineStart+first == at {
			return at, 1, `this line goes on with the text above it, so its ":" cannot start a value: check the indentation, and whether a ":" is missing above`
		}
		return at, 1, `a ":" with a space behind it starts a value, and none can start here: put the text in quotes`
	case "found character that cannot start any token":
		at = window
		for at < stop-1 && (src[at] == ' ' || breakAt(src[at:]) > 0 || src[at] != '\t' && isPlainStart(src[at])) {
			at++
		}
		if src[at] == '\t' {
			return at, 1, "a tab cannot indent: use spaces"
		}
		return at, 1, Quote(string(firstRunes(src[at:], 1))) + " cannot start a value: put the text in quotes"
	case "found a tab character that violates indentation", "found a tab character where an indentation space is expected":
		at = max(bytes.LastIndexByte(src[:stop], '\t'), 0)
		for at > 0 && src[at-1] == '\t' {
			at--
		}
		return at, 1, "a tab cannot indent: use spaces"
	case "block sequence entries are not allowed in this context":
		return find('-'), 1, `an item ("- ...") cannot start here: put it on a line of its own`
	case "mapping keys are not allowed in this context":
		return find('?'), 1, `a "?" with a space behind it starts a key, and none can start here: put the text in quotes`
	case "did not find expected alphabetic or numeric character":
		at = max(bytes.LastIndexAny(src[:stop], "*&"), 0)
		what := "an alias"
		if src[at] == '&' {
			what = "an anchor"
		}
		return at, 1, Quote(string(src[at])) + " starts " + what + ", which has no name here: put the text in quotes"
	case "found unknown escape character", "did not find expected hexdecimal number", "found invalid Unicode character escape code":
		at = badEscape(src, stop, message)
		width = 2
		text = quote2(src[at:min(at+2, len(src))]) + ` is no escape of double quotes: use single quotes, or "\\" for a backslash`
		if digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[src[min(at+1, len(src)-1)]]; digits > 0 {
			text = quote2(src[at:at+2]) + " in double quotes takes " + itoa(digits) + ` hexadecimal digits: use single quotes, or "\\" for a backslash`
			if message == "found invalid Unicode character escape code" {
				width = 2 + digits
				text = "the escape " + quote2(src[at:min(at+width, len(src))]) + " is no character"
			}
		}
		return at, width, text
	}
	if name, ok := strings.CutPrefix(message, "unknown anchor '"); ok {
		name = "*" + strings.TrimSuffix(name, "' referenced")
		at = max(bytes.LastIndex(src[:stop], []byte(name)), 0)
		return at, utf8.RuneCountInString(name), "alias " + Quote(name) + " is not allowed, and no anchor has that name: write the value out, or put the text in quotes"
	}
	if strings.HasPrefix(message, "exceeded max depth") {
		return max(stop-1, 0), 1, "lists and mappings are nested too deep here"
	}
	return 0, 0, ""
}

// badEscape finds the escape that made the scanner stop.
func badEscape(src []byte, stop int, message string) int {
	known := []byte("0abt\tnvfe \"'/\\N_LP")
	if message == "found unknown escape character" {
		known = append(known, "xuU"...)
	}
	for at := max(0, stop-16); at < stop; at++ {
		if src[at] != '\\' {
			continue
		}
		before := len(src[:at]) - len(bytes.TrimRight(src[:at], "\\"))
		if before%2 == 0 && at+1 < len(src) && bytes.IndexByte(known, src[at+1]) < 0 && breakAt(src[at+1:]) == 0 && !wellFormed(src[at:]) {
			return at
		}
	}
	return max(bytes.LastIndexByte(src[:stop], '\\'), 0)
}

// wellFormed reports whether s starts with \x, \u or \U, its digits, and these
// are a character.
func wellFormed(s []byte) bool {
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if digits == 0 || len(s) < 2+digits {
		return false
	}
	c, err := strconv.ParseUint(string(s[2:2+digits]), 16, 32)
	return err == nil && c <= utf8.MaxRune && utf8.ValidRune(rune(c))
}

// quote2 puts quotes around what the file says, without escaping its
// backslashes.
func quote2(s []byte) string { return `"` + printable(string(s)) + `"` }

// lineAround returns the offset of the line that offset is in, and of its end.
func lineAround(src []byte, offset int) (start, end int) {
	for start = offset; start > 0 && !endsInBreak(src[:start]); start-- {
	}
	for end = offset; end < len(src) && breakAt(src[end:]) == 0; end++ {
	}
	return start, end
}

func endsInBreak(s []byte) bool {
	for n := 1; n <= 3 && n <= len(s); n++ {
		if breakAt(s[len(s)-n:]) == n {
			return true
		}
	}
	return false
}

func isBlank(src []byte, i int) bool {
	return i >= len(src) || src[i] == ' ' || src[i] == '\t' || breakAt(src[i:]) > 0
}

// isPlainStart reports whether c may start a plain text.
func isPlainStart(c byte) bool { return bytes.IndexByte([]byte("@`%|>#"), c) < 0 }

var blockHeader = regexp.MustCompile(`(?:^|[ \t])([|>][-+0-9]*)[ \t]+([^ \t#])`)

// explainLine says in plain words what yaml.v3's message means for this line,
// and finds the column.
func explainLine(line []byte, message string) (column, width int, text string) {
	at := len(line) - len(bytes.TrimLeft(line, " \t"))
	width, text = 1, message
	if bytes.HasPrefix(line, []byte("%")) {
		return 1, len("%"), `a line that starts with "%" is a directive of YAML, and a manifest needs none: leave it out`
	}
	switch message {
	case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
		text = `a list or a mapping that starts here is not closed, or a "," is missing in it`
	case "found unexpected end of stream", "found unexpected document indicator":
		text = "a text in quotes that starts here is not closed"
	case "could not find expected ':'":
		text = `this line is neither "key: value" nor the value of a key: is a ":" missing?`
		for _, mark := range []string{"<<<<<<< ", "=======", ">>>>>>> "} {
			if bytes.HasPrefix(line, []byte(mark)) {
				width, text = len("<<<<<<<"), "a merge conflict was left in the file"
			}
		}
	case "did not find expected key":
		text = "this line does not fit the keys above it: check the indentation"
	case "did not find expected '-' indicator":
		text = `this line is neither an item ("- ...") of the list above nor a key that goes on after it: check the indentation`
	case "did not find expected <document start>":
		text = "the document ended above, so that nothing can stand here: a manifest is one document"
	case "did not find expected node content":
		text = "a value is missing or cannot start like this"
	case "did not find expected comment or line break":
		if m := blockHeader.FindSubmatchIndex(line); m != nil {
			at, text = m[4], "no text can stand behind "+Quote(string(line[m[2]:m[3]]))+": start it on the next line"
		}
	case "found an indentation indicator equal to 0":
		text = "a block of text cannot be indented by 0: leave the 0 out"
		if m := blockZero.FindSubmatchIndex(line); m != nil {
			at = m[2]
		}
	default:
		// What is left is about tags.
		if i := bytes.IndexByte(line, '!'); i >= 0 {
			at, text = i, `a "!" starts a tag, and no tag is allowed: put the text in quotes`
		}
	}
	return utf8.RuneCount(line[:at]) + 1, width, text
}

var blockZero = regexp.MustCompile(`(?:^|[ \t])[|>][-+]?(0)`)

// valueColon finds the first colon of the line that starts a value.
func valueColon(line []byte) int {
	for i, c := range line {
		if c == ':' && isBlank(line, i+1) {
			return i
		}
	}
	return -1
}
