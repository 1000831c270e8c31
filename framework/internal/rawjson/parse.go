package rawjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep encoding/json lets arrays and objects lie in each other.
const MaxDepth = 10_000

// A Doc is a JSON text and where its values are. The zero Doc has none.
type Doc struct {
	text  string
	nodes []node
}

// A node is one value of the text, or one key of an object. Behind an array come
// the nodes of its items, behind an object those of its keys, each with its value
// next to it.
type node struct {
	start, end uint32 // in the text, quotes and brackets included
	next       uint32 // the first node that is not inside this one
	kind       Kind
	plain      bool // a string without escapes, in UTF-8: its text is what is written
}

// ErrTooDeep is what Parse returns for values that lie deeper than is allowed.
var ErrTooDeep = errors.New("nested too deep")

// A DuplicateKeyError is what Parse returns for an object that has a key twice.
type DuplicateKeyError struct {
	Path string // of the object, as Value.Path has it
	Key  string
}

func (e *DuplicateKeyError) Error() string { return fmt.Sprintf("key %q comes twice", e.Key) }

// Parse reads a text, in which arrays and objects lie in each other at most
// maxDepth deep, and makes d its Doc. The error for a text that is not JSON is
// that of encoding/json.
func (d *Doc) Parse(text string, maxDepth int) error {
	// The kinds of documents that are read here have a value for each twenty
	// bytes; one that is a large string does not need the space.
	p := parser{text: text, nodes: make([]node, 0, min(len(text)/16+4, 512)), depth: maxDepth}
	if len(text) >= 1<<32 {
		return errors.New("longer than 4 GiB")
	}
	err := p.document()
	if err == errSyntax {
		// Whoever wrote the text finds the place faster with these messages.
		var whole json.RawMessage
		if err = json.Unmarshal([]byte(text), &whole); err == nil {
			err = errSyntax
		}
	}
	if err != nil {
		return err
	}
	*d = Doc{text: text, nodes: p.nodes}
	return nil
}

// Root returns the value that the whole text is.
func (d *Doc) Root() Value {
	if len(d.nodes) == 0 {
		return Value{}
	}
	return Value{doc: d}
}

var errSyntax = errors.New("not JSON")

type parser struct {
	text  string
	nodes []node
	at    int // in the text
	depth int // how much deeper values may lie
}

func (p *parser) document() error {
	p.space()
	if err := p.value(); err != nil {
		return err
	}
	if p.space(); p.at < len(p.text) {
		return errSyntax
	}
	return nil
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// peek returns the next byte, and 0, which is no part of JSON, at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) value() error {
	switch p.peek() {
	case '"':
		return p.string()
	case '{':
		return p.container(Object, '}', p.members)
	case '[':
		return p.container(Array, ']', p.items)
	case 't':
		return p.literal("true", Bool)
	case 'f':
		return p.literal("false", Bool)
	case 'n':
		return p.literal("null", Null)
	}
	return p.number()
}

// add notes a value without parts that ends where the parser stands.
func (p *parser) add(kind Kind, start int, plain bool) {
	next := uint32(len(p.nodes) + 1)
	p.nodes = append(p.nodes, node{start: uint32(start), end: uint32(p.at), next: next, kind: kind, plain: plain})
}

func (p *parser) literal(text string, kind Kind) error {
	if !strings.HasPrefix(p.text[p.at:], text) {
		return errSyntax
	}
	start := p.at
	p.at += len(text)
	p.add(kind, start, false)
	return nil
}

// number follows RFC 8259, section 6.
func (p *parser) number() error {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if !p.digits() {
		return errSyntax
	}
	if p.peek() == '.' {
		p.at++
		if !p.digits() {
			return errSyntax
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if !p.digits() {
			return errSyntax
		}
	}
	p.add(Number, start, false)
	return nil
}

// digits takes one or more of them.
func (p *parser) digits() bool {
	start := p.at
	for '0' <= p.peek() && p.peek() <= '9' {
		p.at++
	}
	return p.at > start
}

func (p *parser) string() error {
	start := p.at
	escaped, ascii := false, true
	i := start + 1
	for {
		end, plainASCII := plainRun(p.text, i)
		ascii = ascii && plainASCII
		if end == len(p.text) || p.text[end] < ' ' {
			return errSyntax // it does not end, or has a control character
		}
		if p.text[end] == '"' {
			p.at = end + 1
			break
		}
		escaped = true
		n := escapeLen(p.text[end:])
		if n == 0 {
			return errSyntax
		}
		i = end + n
	}
	p.add(String, start, !escaped && (ascii || utf8.ValidString(p.text[start:p.at])))
	return nil
}

// escapeLen returns the length of the escape at the start of s, 0 if it is none.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	if strings.IndexByte(`"\/bfnrt`, s[1]) >= 0 {
		return 2
	}
	if _, ok := hex4(s); ok {
		return 6
	}
	return 0
}

// container takes an array or an object, whose parts are parsed by parts.
func (p *parser) container(kind Kind, closing byte, parts func(at int) error) error {
	if p.depth == 0 {
		return ErrTooDeep
	}
	p.depth--
	start, at := p.at, len(p.nodes)
	p.at++
	p.add(kind, start, false)
	p.space()
	if p.peek() != closing {
		if err := parts(at); err != nil {
			return err
		}
		if p.peek() != closing {
			return errSyntax
		}
	}
	p.at++
	p.depth++
	p.nodes[at].end, p.nodes[at].next = uint32(p.at), uint32(len(p.nodes))
	return nil
}

func (p *parser) items(int) error {
	for {
		if err := p.value(); err != nil {
			return err
		}
		if !p.comma() {
			return nil
		}
	}
}

// comma takes the comma in front of a further part, and the space around it.
func (p *parser) comma() bool {
	p.space()
	if p.peek() != ',' {
		return false
	}
	p.at++
	p.space()
	return true
}

func (p *parser) members(at int) error {
	var seen keySet
	for {
		if p.peek() != '"' {
			return errSyntax
		}
		key := len(p.nodes)
		if err := p.string(); err != nil {
			return err
		}
		if seen.has(p, at, key) {
			return p.duplicate(at, key)
		}
		if p.space(); p.peek() != ':' {
			return errSyntax
		}
		p.at++
		p.space()
		if err := p.value(); err != nil {
			return err
		}
		if !p.comma() {
			return nil
		}
	}
}

// duplicate makes the error for a key that comes twice. If the text is not JSON
// behind it, that is the better thing to say.
func (p *parser) duplicate(at, key int) error {
	if !json.Valid([]byte(p.text)) {
		return errSyntax
	}
	// The objects around this one have no end yet.
	for i := range p.nodes[:at+1] {
		if n := &p.nodes[i]; n.end <= n.start+1 && n.kind >= Array {
			n.next = uint32(len(p.nodes))
		}
	}
	d := &Doc{text: p.text, nodes: p.nodes}
	return &DuplicateKeyError{Path: Value{d, at}.Path(), Key: Value{d, key}.Text()}
}

// A keySet tells whether an object has a key already. Most objects are small and
// have no key twice, so few keys are compared: those for which a short hash, kept
// as one bit each, was seen. An object with many keys gets a map, whose hashes a
// client cannot foresee.
type keySet struct {
	bits  uint64
	count int
	keys  map[string]struct{}
}

const manyKeys = 32

// has reports whether the object at the node at has the key at the node key, its
// last one, already.
func (s *keySet) has(p *parser, at, key int) bool {
	d := Doc{text: p.text, nodes: p.nodes}
	text := Value{&d, key}.Text()
	s.count++
	if s.count <= manyKeys {
		bit := uint64(1) << (hashKey(text) % 64)
		if s.bits&bit == 0 {
			s.bits |= bit
			return false
		}
		for i := at + 1; i < key; i = int(p.nodes[i+1].next) {
			if (Value{&d, i}).Text() == text {
				return true
			}
		}
		return false
	}
	if s.keys == nil {
		s.keys = make(map[string]struct{}, 2*manyKeys)
		for i := at + 1; i < key; i = int(p.nodes[i+1].next) {
			s.keys[Value{&d, i}.Text()] = struct{}{}
		}
	}
	if _, ok := s.keys[text]; ok {
		return true
	}
	s.keys[text] = struct{}{}
	return false
}

func hashKey(s string) uint {
	if s == "" {
		return 0
	}
	return uint(len(s))*7 + uint(s[0])*3 + uint(s[len(s)-1])*5 + uint(s[len(s)/2])
}
