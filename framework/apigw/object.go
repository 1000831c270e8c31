package apigw

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// An object is a JSON object inside an event. encoding/json fills struct fields
// from keys of any case, so that "requestcontext" could replace "requestContext";
// here a key counts only as written, and one that comes twice is an error.
//
// Absent, null and empty are the same to every reader below, because the services
// and the tools that imitate them do not agree on which to send. A value of the
// wrong type is an error: the first one is kept in failure and readers go on with
// zero values, so that callers check once, at the end.
type object struct {
	name    string // where it is, "requestContext.http"; "" for the event itself
	fields  map[string]json.RawMessage
	failure *error
}

// parseObject reads raw, which must be an object.
func parseObject(name string, raw []byte, failure *error) object {
	o := object{name: name, failure: failure}
	fields, err := readFields(raw)
	if err != nil {
		o.fail(fmt.Errorf("gateway event: %s: %w", o.label(), err))
		return o
	}
	o.fields = fields
	return o
}

var errNotObject = errors.New("not a JSON object")

func readFields(raw []byte) (map[string]json.RawMessage, error) {
	// Unmarshal first: it checks the whole text, trailing bytes and depth
	// included, and its errors are better than the decoder's.
	var whole json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, err
	}
	if kindOf(whole) != "an object" {
		return nil, errNotObject
	}
	dec := json.NewDecoder(bytes.NewReader(whole))
	if _, err := dec.Token(); err != nil { // the opening brace
		return nil, err
	}
	// Token by token, because a map would silently keep the last of two.
	fields := map[string]json.RawMessage{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, errNotObject
		}
		if _, twice := fields[key]; twice {
			return nil, fmt.Errorf("key %q comes twice", key)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		fields[key] = value
	}
	return fields, nil
}

// kindOf names the type of a JSON value with its article; "" when there is none.
func kindOf(raw json.RawMessage) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// label names the object in messages, child one of its keys.
func (o object) label() string {
	if o.name == "" {
		return "the event"
	}
	return fmt.Sprintf("%q", o.name)
}

func (o object) child(key string) string {
	if o.name == "" {
		return key
	}
	return o.name + "." + key
}

// fail keeps the first error: later ones may only follow from it.
func (o object) fail(err error) {
	if *o.failure == nil {
		*o.failure = err
	}
}

// lookup returns the value of key when it has the wanted kind, and nil when it is
// absent, null or, which is recorded, something else. Messages name the place and
// the types, never the value: events hold personal data and end up in logs.
func (o object) lookup(key, want string) json.RawMessage {
	raw := o.fields[key]
	switch got := kindOf(raw); got {
	case want:
		return raw
	case "", "null":
	default:
		o.fail(fmt.Errorf("gateway event: %q is %s, want %s", o.child(key), got, want))
	}
	return nil
}

// has reports whether key is there and not null.
func (o object) has(key string) bool {
	kind := kindOf(o.fields[key])
	return kind != "" && kind != "null"
}

// keys returns the keys in order, so that the same event gives the same error.
func (o object) keys() []string { return slices.Sorted(maps.Keys(o.fields)) }

func (o object) object(key string) object {
	if raw := o.lookup(key, "an object"); raw != nil {
		return parseObject(o.child(key), raw, o.failure)
	}
	return object{name: o.child(key), failure: o.failure}
}

func (o object) text(key string) string {
	raw := o.lookup(key, "a string")
	if raw == nil {
		return ""
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		o.fail(fmt.Errorf("gateway event: %q: %w", o.child(key), err))
	}
	return s
}

// peek is text for telling events apart: another type is not an error there.
func (o object) peek(key string) string {
	if kindOf(o.fields[key]) != "a string" {
		return ""
	}
	return o.text(key)
}

func (o object) flag(key string) bool {
	return string(bytes.TrimSpace(o.lookup(key, "a boolean"))) == "true"
}

// texts reads an array of strings. Nulls in it are skipped.
func (o object) texts(key string) []string {
	raw := o.lookup(key, "an array")
	if raw == nil {
		return nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		o.fail(fmt.Errorf("gateway event: %q: %w", o.child(key), err))
		return nil
	}
	list := object{name: o.child(key), fields: map[string]json.RawMessage{}, failure: o.failure}
	var out []string
	for i, item := range items {
		at := fmt.Sprint(i)
		list.fields[at] = item
		if list.has(at) {
			out = append(out, list.text(at))
		}
	}
	return out
}

// textMap reads an object of strings, such as headers. A null is no value, and its
// key is left out, rather than being the empty string that encoding/json makes it.
func (o object) textMap(key string) map[string]string {
	in := o.object(key)
	var out map[string]string
	for _, k := range in.keys() {
		if in.has(k) {
			if out == nil {
				out = map[string]string{}
			}
			out[k] = in.text(k)
		}
	}
	return out
}

// listMap reads an object of arrays of strings, such as multiValueHeaders.
func (o object) listMap(key string) map[string][]string {
	in := o.object(key)
	var out map[string][]string
	for _, k := range in.keys() {
		if in.has(k) {
			if out == nil {
				out = map[string][]string{}
			}
			out[k] = in.texts(k)
		}
	}
	return out
}

// values reads an object of anything. Numbers stay json.Number: as float64 an
// exp of 1612061676 would print as 1.612061676e+09.
func (o object) values() map[string]any {
	var out map[string]any
	for _, key := range o.keys() {
		dec := json.NewDecoder(bytes.NewReader(o.fields[key]))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			o.fail(fmt.Errorf("gateway event: %q: %w", o.child(key), err))
			return nil
		}
		if out == nil {
			out = map[string]any{}
		}
		out[key] = v
	}
	return out
}
