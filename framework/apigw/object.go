package apigw

import (
	"errors"
	"fmt"
	"slices"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// An object is a JSON object inside an event. encoding/json fills struct fields
// from keys of any case, so that "requestcontext" could replace "requestContext";
// here a key counts only as written.
//
// Absent, null and empty are the same to every reader below, because the services
// and the tools that imitate them do not agree on which to send. A value of the
// wrong type is an error: the first one is kept in failure and readers go on with
// zero values, so that callers check once, at the end.
type object struct {
	rawjson.Value
	failure *error
}

// parseError describes why a payload is not the JSON object that an event is.
// Messages name the place and the types, never the value: events hold personal
// data and end up in logs.
func parseError(err error) error {
	label := "the event"
	var twice *rawjson.DuplicateKeyError
	if errors.As(err, &twice) && twice.Path != "" {
		label = fmt.Sprintf("%q", twice.Path)
	}
	return fmt.Errorf("gateway event: %s: %w", label, err)
}

var errNotObject = errors.New("not a JSON object")

// want returns v when it has the wanted kind, and no value when it is absent, null
// or, which is recorded, something else.
func (o object) want(v rawjson.Value, kind rawjson.Kind) rawjson.Value {
	switch v.Kind() {
	case kind:
		return v
	case rawjson.None, rawjson.Null:
	default:
		if *o.failure == nil { // later ones may only follow from it
			*o.failure = fmt.Errorf("gateway event: %q is %v, want %v", v.Path(), v.Kind(), kind)
		}
	}
	return rawjson.Value{}
}

// has reports whether key is there and not null.
func (o object) has(key string) bool { return o.Get(key).Kind() > rawjson.Null }

// keys returns the keys in order, so that the same event gives the same error.
func (o object) keys() []string {
	keys := make([]string, 0, o.Len())
	for key := range o.Members() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (o object) object(key string) object {
	return object{o.want(o.Get(key), rawjson.Object), o.failure}
}

func (o object) text(key string) string {
	return o.want(o.Get(key), rawjson.String).Text()
}

// peek is text for telling events apart: another type is not an error there.
func (o object) peek(key string) string { return o.Get(key).Text() }

func (o object) flag(key string) bool {
	return o.want(o.Get(key), rawjson.Bool).Raw() == "true"
}

// texts reads an array of strings. Nulls in it are skipped.
func (o object) texts(key string) []string { return o.list(o.Get(key)) }

func (o object) list(v rawjson.Value) []string {
	v = o.want(v, rawjson.Array)
	var list []string
	for item := range v.Items() {
		if item.Kind() == rawjson.Null {
			continue
		}
		if list == nil {
			list = make([]string, 0, v.Len())
		}
		list = append(list, o.want(item, rawjson.String).Text())
	}
	return list
}

// textMap reads an object of strings, such as pathParameters. A null is no value,
// and its key is left out, rather than being the empty string that encoding/json
// makes it.
func (o object) textMap(key string) map[string]string {
	var out map[string]string
	in := o.object(key)
	for k, v := range in.Members() {
		if v.Kind() == rawjson.Null {
			continue
		}
		if out == nil {
			out = make(map[string]string, in.Len())
		}
		out[k] = o.want(v, rawjson.String).Text()
	}
	return out
}

// listMap reads an object of arrays of strings, such as multiValueHeaders.
func (o object) listMap(key string) map[string][]string {
	var out map[string][]string
	in := o.object(key)
	for k, v := range in.Members() {
		if v.Kind() == rawjson.Null {
			continue
		}
		if out == nil {
			out = make(map[string][]string, in.Len())
		}
		out[k] = o.list(v)
	}
	return out
}

// hasAny reports whether the object has any member.
func (o object) hasAny() bool {
	for range o.Members() {
		return true
	}
	return false
}
