package rawjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// MaxDepth is how deep encoding/json lets arrays and objects lie in each other.
const MaxDepth = 10_000

// A Doc is a JSON text and where its values are. The zero Doc has none.
type Doc struct {
	text    string
	decoded []byte // the strings whose text is not what is written
	nodes   []node
}

// A node is one value of the text. Behind an array or an object come the nodes of
// what is in it.
type node struct {
	start, end          uint32 // in the text, brackets included, quotes not
	keyStart, keyEnd    uint32 // of a member of an object: its key, likewise
	next                uint32 // the first node that is not inside this one
	kind                Kind
	decoded, keyDecoded bool // a string that lies in Doc.decoded
}

// A span is where a value lies: in the text or, if it is a string that has escapes
// there or is not UTF-8, in Doc.decoded.
type span struct {
	start, end int
	decoded    bool
}

// errTooDeep is what Parse returns for values that lie deeper than is allowed.
var errTooDeep = errors.New("nested too deep")

// A DuplicateKeyError is what Parse returns for an object that has a key twice.
type DuplicateKeyError struct {
	Path string // of the object, as Value.Path has it
	Key  string

	way []string // to the object, from its end
}

func (e *DuplicateKeyError) Error() string { return fmt.Sprintf("key %.100q comes twice", e.Key) }

// Parse reads a text, in which arrays and objects lie in each other at most
// maxDepth deep. The error for a text that is not JSON is that of encoding/json.
func Parse(text string, maxDepth int) (*Doc, error) {
	if len(text) >= 1<<30 { // so that what is decoded is not longer than a node can say
		return nil, errors.New("longer than 1 GiB")
	}
	d := docs.Get().(*Doc)
	p := parser{Doc: *d, depth: maxDepth}
	p.text = text
	if end := p.value(p.space(0)); end >= 0 && p.space(end) < len(text) {
		p.err = errSyntax
	}
	if p.err == errSyntax {
		// Whoever wrote the text finds the place faster with these messages.
		var whole json.RawMessage
		if err := json.Unmarshal([]byte(text), &whole); err != nil {
			return nil, err
		}
	}
	if twice, ok := p.err.(*DuplicateKeyError); ok {
		twice.setPath()
	}
	if p.err != nil {
		return nil, p.err
	}
	*d = p.Doc
	return d, nil
}

// docs keeps the memory for nodes, which would be a third of all that is allocated
// for a request, and for what is decoded.
var docs = sync.Pool{New: func() any { return new(Doc) }}

// How much of it is kept: one large document is no reason to keep as much.
const mostNodes, mostDecoded = 4096, 256 << 10

// Free gives back the memory of the Doc. Neither it nor a Value of it may be used
// after that; texts may. A Doc that is not freed is garbage like any other.
func (d *Doc) Free() {
	if cap(d.nodes) <= mostNodes && cap(d.decoded) <= mostDecoded {
		d.text, d.decoded, d.nodes = "", d.decoded[:0], d.nodes[:0]
		docs.Put(d)
	}
}

// Root returns the value that the whole text is.
func (d *Doc) Root() Value {
	if len(d.nodes) == 0 {
		return Value{}
	}
	return Value{doc: d}
}

var errSyntax = errors.New("not JSON")

// A parser goes through the text once. Its methods take the place where something
// has to begin and return where it ends, or -1 when it is not there, for the reason
// in err.
type parser struct {
	Doc
	depth int // how much deeper values may lie
	err   error
}

func (p *parser) fail(err error) int {
	p.err = err
	return -1
}

// space returns where the space at i ends.
func (p *parser) space(i int) int {
	for i < len(p.text) && p.text[i] <= ' ' && (p.text[i] == ' ' || p.text[i] == '\n' || p.text[i] == '\t' || p.text[i] == '\r') {
		i++ // seldom: gateways write no space, which one comparison finds out
	}
	return i
}

// at returns the byte at i, and 0, which is no part of JSON, at the end.
func (p *parser) at(i int) byte {
	if i < len(p.text) {
		return p.text[i]
	}
	return 0
}

func (p *parser) value(i int) (end int) {
	switch p.at(i) {
	case '"':
		text, end := p.string(i)
		if end > 0 {
			p.add(String, text)
		}
		return end
	case '{':
		return p.object(i)
	case '[':
		return p.array(i)
	case 't':
		return p.literal(i, "true", Bool)
	case 'f':
		return p.literal(i, "false", Bool)
	case 'n':
		return p.literal(i, "null", Null)
	}
	return p.number(i)
}

// add notes a value without parts.
func (p *parser) add(kind Kind, at span) {
	p.nodes = append(p.nodes, node{start: uint32(at.start), end: uint32(at.end), next: uint32(len(p.nodes) + 1), kind: kind, decoded: at.decoded})
}

func (p *parser) literal(i int, text string, kind Kind) (end int) {
	end = i + len(text)
	if end > len(p.text) || p.text[i:end] != text {
		return p.fail(errSyntax)
	}
	p.add(kind, span{start: i, end: end})
	return end
}

// number follows RFC 8259, section 6.
func (p *parser) number(start int) (end int) {
	i := start
	if p.at(i) == '-' {
		i++
	}
	whole := p.digits(i)
	if whole == i || p.at(i) == '0' && whole > i+1 {
		return p.fail(errSyntax)
	}
	i = whole
	if p.at(i) == '.' {
		if end = p.digits(i + 1); end == i+1 {
			return p.fail(errSyntax)
		}
		i = end
	}
	if c := p.at(i); c == 'e' || c == 'E' {
		i++
		if c := p.at(i); c == '+' || c == '-' {
			i++
		}
		if end = p.digits(i); end == i {
			return p.fail(errSyntax)
		}
		i = end
	}
	p.add(Number, span{start: start, end: i})
	return i
}

// digits returns where the digits at i end.
func (p *parser) digits(i int) int {
	for i < len(p.text) && '0' <= p.text[i] && p.text[i] <= '9' {
		i++
	}
	return i
}

// string takes a string, be it a value or a key.
func (p *parser) string(quote int) (text span, end int) {
	start := quote + 1
	n, ascii := plainRun(p.text[start:])
	run := start + n
	if p.at(run) == '"' && (ascii || utf8.ValidString(p.text[start:run])) {
		return span{start: start, end: run}, run + 1
	}
	// Room for all that can follow, unless that is more than is kept: most strings
	// of a large text are small.
	b := slices.Grow(p.decoded, max(0, min(len(p.text)-start, mostDecoded-len(p.decoded))))
	b = append(b, p.text[start:run]...)
	b, n = appendUnquoted(b, p.text[run:])
	if n < 0 {
		return span{}, p.fail(errSyntax)
	}
	from := len(p.decoded)
	if meant := b[from:]; !utf8.Valid(meant) {
		b = append(b[:from], string([]rune(string(meant)))...) // which has U+FFFD for each byte that is not UTF-8
	}
	p.decoded = b
	return span{from, len(b), true}, run + n + 1
}

// open notes an array or an object, whose end is not known yet.
func (p *parser) open(kind Kind, i int) (at int, ok bool) {
	if p.depth == 0 {
		p.err = errTooDeep
		return 0, false
	}
	p.depth--
	at = len(p.nodes)
	p.add(kind, span{start: i})
	return at, true
}

func (p *parser) close(at, end int) int {
	p.depth++
	p.nodes[at].end, p.nodes[at].next = uint32(end), uint32(len(p.nodes))
	return end
}

func (p *parser) array(i int) (end int) {
	at, ok := p.open(Array, i)
	if !ok {
		return -1
	}
	if i = p.space(i + 1); p.at(i) == ']' {
		return p.close(at, i+1)
	}
	for number := 0; ; number++ {
		if i = p.value(i); i < 0 {
			return p.inside(strconv.Itoa(number))
		}
		switch i = p.space(i); p.at(i) {
		case ',':
			i = p.space(i + 1)
		case ']':
			return p.close(at, i+1)
		default:
			return p.fail(errSyntax)
		}
	}
}

func (p *parser) object(i int) (end int) {
	at, ok := p.open(Object, i)
	if !ok {
		return -1
	}
	if i = p.space(i + 1); p.at(i) == '}' {
		return p.close(at, i+1)
	}
	var seen keySet
	for {
		if p.at(i) != '"' {
			return p.fail(errSyntax)
		}
		keySpan, end := p.string(i)
		if end < 0 {
			return -1
		}
		key := p.textAt(keySpan)
		if seen.has(p, at, key) {
			return p.duplicate(key)
		}
		if i = p.space(end); p.at(i) != ':' {
			return p.fail(errSyntax)
		}
		member := len(p.nodes)
		if i = p.value(p.space(i + 1)); i < 0 {
			return p.inside(key)
		}
		n := &p.nodes[member]
		n.keyStart, n.keyEnd, n.keyDecoded = uint32(keySpan.start), uint32(keySpan.end), keySpan.decoded
		switch i = p.space(i); p.at(i) {
		case ',':
			i = p.space(i + 1)
		case '}':
			return p.close(at, i+1)
		default:
			return p.fail(errSyntax)
		}
	}
}

// duplicate fails for a key that comes twice. If the text is not JSON behind it,
// that is the better thing to say.
func (p *parser) duplicate(key string) int {
	if !json.Valid([]byte(p.text)) {
		return p.fail(errSyntax)
	}
	return p.fail(&DuplicateKeyError{Key: key})
}

// inside notes, on the way out of where it failed, that it was inside of name.
func (p *parser) inside(name string) int {
	if twice, ok := p.err.(*DuplicateKeyError); ok {
		twice.way = append(twice.way, name)
	}
	return -1
}

// setPath makes the path of the way.
func (e *DuplicateKeyError) setPath() {
	var path []byte
	for i, name := range slices.Backward(e.way) {
		path = append(path, name...)
		if len(path) > maxPath {
			e.Path = string(path[:maxPath]) + "..."
			return
		}
		if i > 0 {
			path = append(path, '.')
		}
	}
	e.Path = string(path)
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

// has reports whether the object at the node at, whose end is where the parser
// stands, has a key already.
func (s *keySet) has(p *parser, at int, key string) bool {
	if s.count++; s.count <= manyKeys {
		bit := uint64(1) << (hashKey(key) % 64)
		if s.bits&bit == 0 {
			s.bits |= bit
			return false
		}
		for i := at + 1; i < len(p.nodes); i = int(p.nodes[i].next) {
			if p.textAt(p.nodes[i].key()) == key {
				return true
			}
		}
		return false
	}
	if s.keys == nil {
		s.keys = make(map[string]struct{}, 2*manyKeys)
		for i := at + 1; i < len(p.nodes); i = int(p.nodes[i].next) {
			s.keys[p.textAt(p.nodes[i].key())] = struct{}{}
		}
	}
	if _, ok := s.keys[key]; ok {
		return true
	}
	s.keys[key] = struct{}{}
	return false
}

// key returns where the key of a member lies.
func (n *node) key() span { return span{int(n.keyStart), int(n.keyEnd), n.keyDecoded} }

// value returns where a string lies.
func (n *node) value() span { return span{int(n.start), int(n.end), n.decoded} }

// textAt returns the text of a string. What was decoded is copied: its memory is
// that of the next document, too.
func (d *Doc) textAt(at span) string {
	if at.decoded {
		return string(d.decoded[at.start:at.end])
	}
	return d.text[at.start:at.end]
}

func hashKey(s string) uint {
	if s == "" {
		return 0
	}
	return uint(len(s))*7 + uint(s[0])*3 + uint(s[len(s)-1])*5 + uint(s[len(s)/2])
}
