package gateway

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// decodeClaims refuses a payload in which a claim stands twice: which of the two
// counts depends on who reads it, and the function reads it again.
//
// It has a decoder of its own because that of the standard library does not tell
// of a name that stands twice, go-jose's has its own type for numbers, and to ask
// both takes half as long as to check the signature. The tests hold it against
// the two.
func decodeClaims(payload string) (map[string]any, error) {
	r := claimsReader{rest: payload}
	if v, ok := r.value(0); ok && r.next() == 0 && r.rest == "" {
		if claims, ok := v.(map[string]any); ok {
			return claims, nil
		}
	}
	return nil, errors.New("the token's payload is not a JSON object, or has a claim twice")
}

// maxClaimsDepth is as deep as encoding/json goes.
const maxClaimsDepth = 10_000

// A claimsReader reads JSON (RFC 8259), numbers as json.Number and names once
// an object. Each method reads one thing, with the white space in front of it, and
// returns false if it is not there; then the reader is of no more use.
type claimsReader struct {
	rest string
}

// next returns the next character that is not white space, and 0 at the end.
func (r *claimsReader) next() byte {
	r.rest = strings.TrimLeft(r.rest, " \t\r\n")
	if r.rest == "" {
		return 0
	}
	return r.rest[0]
}

func (r *claimsReader) skip(c byte) bool {
	if r.next() != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *claimsReader) value(depth int) (any, bool) {
	c := r.next()
	if depth == maxClaimsDepth && (c == '{' || c == '[') {
		return nil, false
	}
	switch c {
	case '{':
		return r.object(depth)
	case '[':
		return r.list(depth)
	case '"':
		return r.text()
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	}
	return r.number()
}

func (r *claimsReader) word(word string) (ok bool) {
	r.rest, ok = strings.CutPrefix(r.rest, word)
	return ok
}

func (r *claimsReader) object(depth int) (map[string]any, bool) {
	object := make(map[string]any)
	r.skip('{')
	if r.skip('}') {
		return object, true
	}
	for {
		if r.next() != '"' {
			return nil, false
		}
		name, ok := r.text()
		if _, twice := object[name]; !ok || twice || !r.skip(':') {
			return nil, false
		}
		if object[name], ok = r.value(depth + 1); !ok {
			return nil, false
		}
		if r.skip('}') {
			return object, true
		}
		if !r.skip(',') {
			return nil, false
		}
	}
}

func (r *claimsReader) list(depth int) ([]any, bool) {
	list := []any{}
	r.skip('[')
	if r.skip(']') {
		return list, true
	}
	for {
		v, ok := r.value(depth + 1)
		if !ok {
			return nil, false
		}
		list = append(list, v)
		if r.skip(']') {
			return list, true
		}
		if !r.skip(',') {
			return nil, false
		}
	}
}

// text reads a string, whose first quote is there. What is more than plain ASCII
// is left to encoding/json.
func (r *claimsReader) text() (string, bool) {
	plain := true
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			literal := r.rest[:i+1]
			r.rest = r.rest[i+1:]
			if plain {
				return literal[1:i], true
			}
			var s string
			err := json.Unmarshal([]byte(literal), &s)
			return s, err == nil
		case c == '\\':
			i++ // a quote behind it is no end
			plain = false
		case c < ' ' || c > '~':
			plain = false
		}
	}
	return "", false
}

// number refuses what no float64 comes near: not all that read it could.
func (r *claimsReader) number() (json.Number, bool) {
	end := 0
	digits := func() bool {
		from := end
		for end < len(r.rest) && '0' <= r.rest[end] && r.rest[end] <= '9' {
			end++
		}
		return end > from
	}
	skip := func(chars string) bool {
		has := end < len(r.rest) && strings.IndexByte(chars, r.rest[end]) >= 0
		if has {
			end++
		}
		return has
	}
	skip("-")
	if !skip("0") && !digits() || skip(".") && !digits() {
		return "", false
	}
	if skip("eE") {
		skip("+-")
		if !digits() {
			return "", false
		}
	}
	n := r.rest[:end]
	r.rest = r.rest[end:]
	_, err := strconv.ParseFloat(n, 64)
	return json.Number(n), err == nil
}
