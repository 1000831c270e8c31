package gateway

import (
	"encoding/json"
	"errors"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// decodeClaims refuses a payload in which a claim stands twice: which of the two
// counts depends on who reads it, and the function reads it again. It refuses
// numbers that no float64 comes near, too: not all that read it could.
func decodeClaims(payload string) (map[string]any, error) {
	doc, err := rawjson.Parse(payload, rawjson.MaxDepth)
	if err != nil || doc.Root().Kind() != rawjson.Object {
		return nil, errors.New("the token's payload is not a JSON object, or has a claim twice")
	}
	defer doc.Free()
	claims := doc.Root().Map()
	if !inRange(claims) {
		return nil, errors.New("the token's payload has a number that is too large")
	}
	return claims, nil
}

func inRange(v any) bool {
	switch v := v.(type) {
	case json.Number:
		_, err := v.Float64()
		return err == nil
	case []any:
		for _, item := range v {
			if !inRange(item) {
				return false
			}
		}
	case map[string]any:
		for _, item := range v {
			if !inRange(item) {
				return false
			}
		}
	}
	return true
}
