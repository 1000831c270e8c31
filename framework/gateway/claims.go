package gateway

import (
	"errors"
	"strconv"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// parseClaims refuses a payload in which a claim stands twice: which of the two
// counts depends on who reads it, and the function reads it again. It refuses
// numbers that no float64 comes near, too: not all that read it could. What it
// returns is to be freed.
func parseClaims(payload string) (*rawjson.Doc, error) {
	doc, err := rawjson.Parse(payload, rawjson.MaxDepth)
	if err != nil || doc.Root().Kind() != rawjson.Object {
		return nil, errors.New("the token's payload is not a JSON object, or has a claim twice")
	}
	if !inRange(doc.Root()) {
		return nil, errors.New("the token's payload has a number that is too large")
	}
	return doc, nil
}

// decodeClaims returns the claims of a payload, typed as in the token, numbers as
// json.Number.
func decodeClaims(payload string) (map[string]any, error) {
	doc, err := parseClaims(payload)
	if err != nil {
		return nil, err
	}
	defer doc.Free()
	return doc.Root().Map(), nil
}

func inRange(v rawjson.Value) bool {
	switch v.Kind() {
	case rawjson.Number:
		_, ok := seconds(v)
		return ok
	case rawjson.Array:
		for item := range v.Items() {
			if !inRange(item) {
				return false
			}
		}
	case rawjson.Object:
		for _, member := range v.Members() {
			if !inRange(member) {
				return false
			}
		}
	}
	return true
}

// seconds reads a NumericDate (RFC 7519, section 2), which may have a fraction. It
// reports false for what is no number, or one that no float64 comes near.
func seconds(v rawjson.Value) (float64, bool) {
	if v.Kind() != rawjson.Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.Raw(), 64)
	return f, err == nil
}
