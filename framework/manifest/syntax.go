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
// error, and that of the enclosing block when a key in the block is wrong.
// syntaxError puts that right.
//
// It reads the file a second time with an empty line in front, after which no
// line is missing; it knows which errors are the parser's; and for errors
// within a block it looks how far yaml.v3 had read when it gave up.

var yamlErrorText = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

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
	lines := splitLines(src)
	line := 1
	switch {
	case message == "did not find expected key", message == "did not find expected '-' indicator", strings.HasPrefix(message, "unknown anchor"):
		line = lineWhereReadingStopped(src, lines, message)
	default:
		shifted := yamlErrorText.FindStringSubmatch(firstYAMLError(append([]byte("\n"), src...)))
		if shifted != nil && shifted[1] != "" {
			line, _ = strconv.Atoi(shifted[1])
			if !parserMessages[message] {
				line--
			}
		}
	}
	line = min(max(line, 1), len(lines))
	column, width, text := explainSyntax(lines[line-1], message)
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
func lineWhereReadingStopped(src []byte, lines [][]byte, message string) int {
	r := &countingReader{src: src}
	firstReadError(r)
	line := posAt(src, r.n-1).Line
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

// explainSyntax says in plain words what yaml.v3's message means for this
// line, and finds the column.
func explainSyntax(line []byte, message string) (column, width int, text string) {
	indent := len(line) - len(bytes.TrimLeft(line, " \t"))
	at := indent
	text = message
	switch message {
	case "mapping values are not allowed in this context":
		text = `a ":" with a space behind it starts a value, and none can start here: check the indentation, or put the text in quotes`
		at = valueColon(line)
	case "found character that cannot start any token":
		if i := bytes.IndexByte(line[:indent], '\t'); i >= 0 {
			at, text = i, "a tab cannot indent: use spaces"
		} else if i := reservedStart(line); i >= 0 {
			at, text = i, quote(string(line[i]))+" cannot start a value: put the text in quotes"
		}
	case "found a tab character that violates indentation", "found a tab character where an indentation space is expected":
		text = "a tab cannot indent: use spaces"
		if i := bytes.IndexByte(line, '\t'); i >= 0 {
			at = i
		}
	case "did not find expected ',' or ']'":
		at, text = unclosed(line, '[', ']'), `the list that starts here with "[" is not closed, or a "," is missing in it`
	case "did not find expected ',' or '}'":
		at, text = unclosed(line, '{', '}'), `the mapping that starts here with "{" is not closed, or a "," is missing in it`
		if at > 0 && line[at-1] == '/' {
			text = `"{" starts a mapping here, since it is inside another one or a list: put the path in quotes`
		}
	case "found unexpected end of stream", "found unexpected document indicator":
		at, text = unclosedQuote(line, indent), "the text that starts here with a quote is not closed"
	case "could not find expected ':'":
		text = `this line is neither "key: value" nor the value of a key: is a ":" missing?`
	case "did not find expected key":
		text = "this line does not fit the keys above it: check the indentation"
	case "did not find expected '-' indicator":
		text = `this line is neither an item ("- ...") of the list above nor a key that goes on after it: check the indentation`
	case "block sequence entries are not allowed in this context":
		text = `an item ("- ...") cannot start here: put it on a line of its own`
		if i := bytes.Index(line, []byte(": - ")); i >= 0 {
			at = i + 2
		}
	case "did not find expected node content":
		text = "a value is missing or cannot start like this"
	case "found unknown escape character":
		if i := bytes.IndexByte(line, '\\'); i >= 0 {
			at = i
		}
		text = `a "\" in double quotes starts an escape that does not exist: use single quotes`
	default:
		if name, ok := strings.CutPrefix(message, "unknown anchor '"); ok {
			name = strings.TrimSuffix(name, "' referenced")
			if i := bytes.LastIndex(line, []byte("*"+name)); i >= 0 {
				at = i
			}
			text = "alias " + quote("*"+name) + " is not allowed, and no anchor has that name: write the value out"
		}
	}
	return utf8.RuneCount(line[:at]) + 1, 1, text
}

// valueColon finds the colon that cannot be one: the second ": " of a line, or
// the only one.
func valueColon(line []byte) int {
	first := -1
	for i, c := range line {
		if c == ':' && (i+1 == len(line) || line[i+1] == ' ' || line[i+1] == '\t') {
			if first >= 0 {
				return i
			}
			first = i
		}
	}
	return max(first, 0)
}

// reservedStart finds the character that no plain text may start with.
func reservedStart(line []byte) int {
	for i, c := range line {
		if (c == '@' || c == '`' || c == '%' || c == '\t') && (i == 0 || bytes.IndexByte([]byte(" \t[{,"), line[i-1]) >= 0) {
			return i
		}
	}
	return -1
}

// unclosed finds the last opening bracket of the line without its closing one.
func unclosed(line []byte, open, shut byte) int {
	var opened []int
	quote := byte(0)
	for i, c := range line {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == open:
			opened = append(opened, i)
		case c == shut && len(opened) > 0:
			opened = opened[:len(opened)-1]
		}
	}
	if len(opened) > 0 {
		return opened[len(opened)-1]
	}
	return max(bytes.LastIndexByte(line, open), 0)
}

// unclosedQuote finds the quote of the line that has no partner.
func unclosedQuote(line []byte, indent int) int {
	at, quote := -1, byte(0)
	for i, c := range line {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			at, quote = i, c
		case quote == c:
			quote = 0
		}
	}
	if quote == 0 || at < 0 {
		return indent
	}
	return at
}
