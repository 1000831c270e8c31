//go:build !routegate.packaged

package manifest

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// A node is a value of the document with its place. Unlike yaml.Node it holds
// no alias, no anchor, no tag and no key twice: newTree reports those and
// leaves them out, so that whatever reads a node can trust it.
type node struct {
	Span
	kind  kind
	value any    // of a scalar: string, bool, int, uint64, float64 or nil
	text  string // of a scalar, as written, without quotes

	fields []field // of a mapping, in the order of the file
	items  []*node // of a sequence

	index   map[string]int // of a mapping with many fields: where in them a key is
	partial bool           // of a mapping: whether keys were reported and left out
	refused bool           // of a scalar: whether its value was reported
}

type kind int

const (
	scalar kind = iota
	mapping
	sequence
)

type field struct {
	key   String
	value *node // nil when the value was reported and left out
}

// field returns the field of that name.
func (n *node) field(name string) (field, bool) {
	if len(n.fields) > fewFields {
		i, ok := n.index[name]
		if !ok {
			return field{}, false
		}
		return n.fields[i], true
	}
	for _, f := range n.fields {
		if f.key.Value == name {
			return f, true
		}
	}
	return field{}, false
}

// fewFields is how many fields are found as fast without an index.
const fewFields = 16

// add adds a field whose key the mapping does not have.
func (n *node) add(f field) {
	n.fields = append(n.fields, f)
	switch {
	case len(n.fields) == fewFields+1:
		n.index = make(map[string]int)
		for i, f := range n.fields {
			n.index[f.key.Value] = i
		}
	case len(n.fields) > fewFields:
		n.index[f.key.Value] = len(n.fields) - 1
	}
}

// data returns the value as encoding/json would have decoded it, for the schema.
func (n *node) data() any {
	switch n.kind {
	case mapping:
		m := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			if f.value != nil {
				m[f.key.Value] = f.value.data()
			}
		}
		return m
	case sequence:
		s := make([]any, len(n.items))
		for i, item := range n.items {
			s[i] = item.data()
		}
		return s
	}
	return n.value
}

// A treeBuilder turns yaml.v3's nodes into ours.
type treeBuilder struct {
	report *Report
	cursor cursor
}

// build returns nil for what it reported and left out.
func (b *treeBuilder) build(y *yaml.Node) *node {
	at := b.span(y)
	if y.Kind == yaml.AliasNode {
		b.report.Errorf(at, "no-alias", "alias %s is not allowed: write the value out, so that each rule can be read where it stands", Quote("*"+y.Value))
		return nil
	}
	if y.Anchor != "" {
		b.report.Errorf(at, "no-anchor", "anchor %s is not allowed: write the value out wherever it is used", Quote("&"+y.Anchor))
	}
	if y.Style&yaml.TaggedStyle != 0 {
		b.report.Errorf(at, "no-tag", "tag %s is not allowed: every value here is plain text, a number, true or false, a list or a mapping", Quote(y.Tag))
		if y.Kind == yaml.ScalarNode {
			return nil // what it would be without the tag is anyone's guess
		}
	}
	switch y.Kind {
	case yaml.MappingNode:
		return b.mapping(y, at)
	case yaml.SequenceNode:
		n := &node{Span: at, kind: sequence, items: make([]*node, 0, len(y.Content))}
		for _, c := range y.Content {
			if item := b.build(c); item != nil {
				n.items = append(n.items, item)
			}
		}
		return n
	}
	return &node{Span: at, value: scalarValue(y), text: y.Value}
}

func (b *treeBuilder) mapping(y *yaml.Node, at Span) *node {
	n := &node{Span: at, kind: mapping, fields: make([]field, 0, len(y.Content)/2)}
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		if k.Kind == yaml.ScalarNode && k.Tag == "!!merge" {
			b.report.Errorf(b.span(k), "no-merge", `merge key "<<" is not allowed: write the keys out`)
			n.partial = true
			continue
		}
		if k.Kind != yaml.ScalarNode {
			b.report.Errorf(b.span(k), "bad-key", "a key must be a plain word")
			n.partial = true
			continue
		}
		if k.Value == "" {
			// The schema library cannot say where such a key is.
			b.report.Errorf(b.span(k), "bad-key", "a key must not be empty")
			n.partial = true
			continue
		}
		kn := b.build(k)
		if kn == nil { // it had a tag
			n.partial = true
			continue
		}
		key := String{Value: kn.text, Span: kn.Span}
		if i == 0 && y.Style&yaml.FlowStyle == 0 {
			// A block mapping starts where its first key does.
			n.Span = key.Span
		}
		value := b.build(y.Content[i+1])
		if first, ok := n.field(key.Value); ok {
			first := first.key
			b.report.Add(Diagnostic{
				Span: key.Span, Rule: "duplicate-key",
				Message: "duplicate key " + Quote(key.Value) + ", first on line " + itoa(first.Line),
				Related: []Related{{first.Span, "the first one"}},
			})
			continue
		}
		n.add(field{key, value})
	}
	return n
}

// scalarValue resolves a scalar as YAML 1.2's core schema does. A date, which
// YAML 1.1 would make a time of, stays the text that it is.
func scalarValue(y *yaml.Node) any {
	switch y.ShortTag() {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var v any
		if y.Decode(&v) != nil {
			return y.Value
		}
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return y.Value // JSON, and so the schema, has no such number
		}
		return v
	}
	return y.Value
}

// span returns where y stands, and how much of its first line it takes.
func (b *treeBuilder) span(y *yaml.Node) Span {
	s := Span{Pos{max(y.Line, 1), max(y.Column, 1)}, 1}
	rest := b.cursor.from(s.Pos)
	switch {
	case y.Kind == yaml.AliasNode:
		s.Width = 1 + utf8.RuneCountInString(y.Value)
	case y.Kind != yaml.ScalarNode:
		// A bracket, or the caller knows better.
	case y.Style&yaml.DoubleQuotedStyle != 0:
		s.Width = quotedWidth(rest, '"')
	case y.Style&yaml.SingleQuotedStyle != 0:
		s.Width = quotedWidth(rest, '\'')
	case bytes.HasPrefix(rest, []byte(y.Value)):
		s.Width = utf8.RuneCountInString(y.Value)
	case y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && strings.HasPrefix(y.Value, string(bytes.TrimRight(rest, " \t"))):
		// A plain scalar that goes on in the next line.
		s.Width = utf8.RuneCount(bytes.TrimRight(rest, " \t"))
	}
	s.Width = max(s.Width, 1)
	return s
}

// quotedWidth counts the characters up to the closing quote, or to the end of
// the line where the text goes on in the next.
func quotedWidth(rest []byte, quote byte) int {
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && quote == '"':
			i++
		case rest[i] == quote && quote == '\'' && i+1 < len(rest) && rest[i+1] == quote:
			i++
		case rest[i] == quote:
			return utf8.RuneCount(rest[:i+1])
		}
	}
	return utf8.RuneCount(bytes.TrimRight(rest, " \t"))
}

// from returns what stands in p's line from p on.
func (c *cursor) from(p Pos) []byte {
	line, offset := c.seek(p)
	return line[offset:]
}
