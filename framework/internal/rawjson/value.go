package rawjson

import (
	"encoding/json"
	"iter"
	"strconv"
)

// A Kind is a type of JSON values.
type Kind uint8

// The kinds. None is that of a value that is not there.
const (
	None Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String names the kind with its article, "a string"; that of None is "".
func (k Kind) String() string {
	return [...]string{"", "null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// A Value is one value of a Doc. The zero Value is none.
type Value struct {
	doc *Doc
	at  int // among the nodes
}

// Kind returns the value's kind.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return None
	}
	return v.doc.nodes[v.at].kind
}

// Raw returns the value as it is written, and "" for a string.
func (v Value) Raw() string {
	if v.doc == nil || v.Kind() == String {
		return ""
	}
	n := &v.doc.nodes[v.at]
	return v.doc.text[n.start:n.end]
}

// Get returns the value that an object has for a key. It is none if the object
// does not have the key, or v is no object.
func (v Value) Get(key string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	d := v.doc
	end := int(d.nodes[v.at].next)
	for i := v.at + 1; i < end; i = int(d.nodes[i].next) {
		n := &d.nodes[i]
		if int(n.keyEnd-n.keyStart) == len(key) && d.textAt(n.key()) == key {
			return Value{d, i}
		}
	}
	return Value{}
}

// Len returns how many members an object has, or how many items an array.
func (v Value) Len() (n int) {
	switch v.Kind() {
	case Object:
		for range v.Members() {
			n++
		}
	case Array:
		for range v.Items() {
			n++
		}
	}
	return n
}

// Members yields the keys of an object, in their order in the text, and their
// values.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		nodes := v.doc.nodes
		for i := v.at + 1; i < int(nodes[v.at].next); i = int(nodes[i].next) {
			if !yield(v.doc.textAt(nodes[i].key()), Value{v.doc, i}) {
				return
			}
		}
	}
}

// Items yields the items of an array.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != Array {
			return
		}
		nodes := v.doc.nodes
		for i := v.at + 1; i < int(nodes[v.at].next); i = int(nodes[i].next) {
			if !yield(Value{v.doc, i}) {
				return
			}
		}
	}
}

// Text returns the text of a string, "" for a value of another kind. It is a part
// of the document's text where that has the string without escapes.
func (v Value) Text() string {
	if v.Kind() != String {
		return ""
	}
	return v.doc.textAt(v.doc.nodes[v.at].value())
}

// Plain reports whether a string is written without escapes and in UTF-8. Its text
// then is what is written, and has no control character but DEL: JSON takes none.
func (v Value) Plain() bool { return v.Kind() == String && !v.doc.nodes[v.at].decoded }

// AppendText appends the text of a string to b.
func (v Value) AppendText(b []byte) []byte { return append(b, v.Text()...) }

// Any returns the value as encoding/json decodes it into an any, with each number
// a json.Number: as float64 an exp of 1612061676 would print as 1.612061676e+09.
func (v Value) Any() any {
	switch v.Kind() {
	case Bool:
		return v.Raw() == "true"
	case Number:
		return json.Number(v.Raw())
	case String:
		return v.Text()
	case Array:
		list := make([]any, 0, v.Len())
		for item := range v.Items() {
			list = append(list, item.Any())
		}
		return list
	case Object:
		return v.Map()
	}
	return nil
}

// Map is Any for an object. It is nil for a value of another kind.
func (v Value) Map() map[string]any {
	if v.Kind() != Object {
		return nil
	}
	object := make(map[string]any, v.Len())
	for key, value := range v.Members() {
		object[key] = value.Any()
	}
	return object
}

// maxPath is how much of a path is enough to find the place.
const maxPath = 200

// Path returns where the value is in its document, for messages: the keys and the
// numbers of items that lead to it, "headers.accept" or "cookies.0". That of the
// whole document is "". A path of more than 200 bytes is cut.
func (v Value) Path() string {
	if v.doc == nil {
		return ""
	}
	var path []byte
	for at, nodes := 0, v.doc.nodes; at < v.at; {
		// The next part of the way is the child that v is, or is in.
		number, child := 0, at+1
		for v.at >= int(nodes[child].next) {
			child = int(nodes[child].next)
			number++
		}
		if len(path) > 0 {
			path = append(path, '.')
		}
		if nodes[at].kind == Object {
			path = append(path, v.doc.textAt(nodes[child].key())...)
		} else {
			path = strconv.AppendInt(path, int64(number), 10)
		}
		if len(path) > maxPath {
			return string(path[:maxPath]) + "..."
		}
		at = child
	}
	return string(path)
}
