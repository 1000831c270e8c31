//go:build !routegate.packaged

// Package manifest reads routes.yaml: bytes to values that know their place,
// and a report of everything that is wrong with their form.
//
// Parse checks the form only: YAML, and the JSON Schema of package schema. What
// the routes mean, and whether they clash, is package route's to say; its Load
// is what a program calls. The form is a plain subset of YAML: one document, in
// UTF-8, without anchors, aliases, merge keys and tags, so that every rule is
// read where it stands.
//
//	what is in the file                   what the report says of it
//	groups: [ADMINS, ADMINS]              duplicate "ADMINS" ...           [duplicate-value]
//	  metod: GET                          unknown key "metod", did you ... [unknown-key]
//	  public: yes                         "public" must be true or false   [wrong-type]
//	  method: get                         unknown method "get", did you .. [bad-value]
//	<tab>method: GET                      a tab cannot indent ...          [syntax]
//
// No input makes Parse panic, and none makes it slow out of proportion to its
// size, which MaxSize limits.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// MaxSize is the size in bytes above which Parse refuses a file: far more than
// any API has routes for, and little enough to read in a moment.
const MaxSize = 8 << 20

// Parse reads the manifest in src. The name of the file is for the report only.
//
// The Report is never nil; if it has errors, the Manifest holds what was
// well-formed, for further checks, and may be nil when there was nothing.
func Parse(filename string, src []byte) (*Manifest, *Report) {
	r := &Report{Filename: filename, Source: src}
	defer r.Sort()
	root := parseTree(r)
	if root == nil {
		return nil, r
	}
	checkStructure(r, root)
	if root.kind != mapping {
		return nil, r
	}
	return (&builder{report: r}).manifest(root), r
}

const emptyFile = `the file is empty: a manifest has at least "version" and "routes"`

// parseTree returns nil when there is no document to go on with.
func parseTree(r *Report) *node {
	if len(r.Source) > MaxSize {
		r.Errorf(Span{}, "too-large", "the file has %d bytes, more than the %d that a manifest may have", len(r.Source), MaxSize)
		r.Source = nil // not worth showing
		return nil
	}
	if at := firstInvalidUTF8(r.Source); at >= 0 {
		hint := ""
		if bytes.HasPrefix(r.Source, []byte{0xFF, 0xFE}) || bytes.HasPrefix(r.Source, []byte{0xFE, 0xFF}) {
			hint = "; it looks like UTF-16"
		}
		r.Errorf(Span{posAt(r.Source, at), 1}, "not-utf8", "byte 0x%02X is not UTF-8: save the file as UTF-8%s", r.Source[at], hint)
		return nil
	}
	// A byte order mark is no character of the file.
	r.Source = bytes.TrimPrefix(r.Source, []byte("\uFEFF"))
	if at, c := firstControl(r.Source); at >= 0 {
		what := "control character"
		if c == '\uFEFF' {
			what = "byte order mark"
		}
		r.Errorf(Span{posAt(r.Source, at), 1}, "control-character", "%s U+%04X is not allowed here", what, c)
		return nil
	}

	dec := yaml.NewDecoder(bytes.NewReader(r.Source))
	doc, err := decodeYAML(dec)
	switch {
	case errors.Is(err, io.EOF):
		r.Errorf(Span{Pos{1, 1}, 1}, "empty-file", emptyFile)
		return nil
	case err != nil:
		r.Add(syntaxError(r.Source, err))
		return nil
	}
	b := &treeBuilder{report: r, cursor: cursor{lines: splitLines(r.Source)}}
	root := b.build(doc.Content[0])
	if root != nil && root.kind == scalar && root.value == nil && root.text == "" {
		r.Errorf(Span{Pos{1, 1}, 1}, "empty-file", emptyFile)
		root = nil
	}

	switch second, err := decodeYAML(dec); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.Add(syntaxError(r.Source, err))
	default:
		r.Errorf(b.documentStart(second), "second-document", "a second document starts here: a manifest is one document")
	}
	return root
}

// documentStart finds the "---" in front of a document.
func (b *treeBuilder) documentStart(doc *yaml.Node) Span {
	at := b.span(doc)
	for line := min(at.Line, len(b.cursor.lines)); line > 0; line-- {
		if bytes.HasPrefix(b.cursor.lines[line-1], []byte("---")) {
			return Span{Pos{line, 1}, 3}
		}
	}
	return at
}

// decodeYAML decodes the next document, and never panics: yaml.v3 is not ours,
// and what it is fed here may be anything.
func decodeYAML(dec *yaml.Decoder) (doc *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: the parser failed: %v", p)
		}
	}()
	doc = new(yaml.Node)
	if err := dec.Decode(doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, io.EOF
	}
	return doc, nil
}

func firstInvalidUTF8(src []byte) int {
	if utf8.Valid(src) {
		return -1
	}
	for i := 0; i < len(src); {
		c, size := utf8.DecodeRune(src[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// firstControl finds the first character that YAML does not take anywhere
// (YAML 1.2, section 5.1), or that makes a line look other than it is read. yaml.v3
// finds the former too, but forgets where. It ends lines, and comments, at some that
// no editor shows as an end (YAML 1.1, section 4.2), as a carriage return in a file
// whose lines end otherwise: a key could hide behind one. And some change the
// direction in which what follows is shown (Unicode Technical Report 36, section 2.7).
func firstControl(src []byte) (offset int, c rune) {
	hasFeeds := bytes.IndexByte(src, '\n') >= 0
	for i, c := range string(src) {
		switch {
		case c == '\r' && hasFeeds && (i+1 == len(src) || src[i+1] != '\n'),
			c == '\u2028', c == '\u2029', '\u202a' <= c && c <= '\u202e', '\u2066' <= c && c <= '\u2069':
			return i, c
		case c == '\t', c == '\n', c == '\r', ' ' <= c && c <= '~', 0xA0 <= c && c <= 0xFFFD && c != 0xFEFF, c >= 0x10000:
		default:
			return i, c
		}
	}
	return -1, 0
}
