package apigw

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ClaimStyle is a way in which a gateway turns the claims of a token into text.
// The zero value is HTTPAPIClaims.
type ClaimStyle int

const (
	// HTTPAPIClaims is the style of a JWT authorizer of an HTTP API: numbers in
	// decimal, ["a","b"] as "[a b]", {"k":"v"} as "map[k:v]". Neither brackets nor
	// spaces inside a value are escaped, so the text cannot be read back safely.
	HTTPAPIClaims ClaimStyle = iota

	// CognitoRESTClaims is the style of a Cognito authorizer of a REST API:
	// ["a","b"] as "a,b", and the times exp, iat and auth_time as
	// "Tue Apr 04 18:39:39 UTC 2023".
	CognitoRESTClaims
)

// Text renders claim name of value v, as encoding/json decodes it from a token,
// the way the gateway does. It reports false for what the gateway leaves out,
// which is null, and for values that do not come from JSON.
//
// How objects, and nulls inside other values, are rendered is not settled; here
// they look as fmt prints them with %v, which all the known cases resemble.
func (s ClaimStyle) Text(name string, v any) (text string, ok bool) {
	if s == CognitoRESTClaims {
		switch name {
		case "exp", "iat", "auth_time":
			if seconds, err := strconv.ParseInt(decimalOf(v), 10, 64); err == nil {
				return time.Unix(seconds, 0).UTC().Format("Mon Jan 02 15:04:05 MST 2006"), true
			}
		}
	}
	if v == nil {
		return "", false
	}
	return s.render(v)
}

func (s ClaimStyle) render(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "<nil>", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number, float64, int, int64:
		return decimalOf(v), true
	case []string:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = item
		}
		return s.render(items)
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			text, ok := s.render(item)
			if !ok {
				return "", false
			}
			items[i] = text
		}
		if s == CognitoRESTClaims {
			return strings.Join(items, ","), true
		}
		return "[" + strings.Join(items, " ") + "]", true
	case map[string]any:
		items := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			text, ok := s.render(v[key])
			if !ok {
				return "", false
			}
			items = append(items, key+":"+text)
		}
		return "map[" + strings.Join(items, " ") + "]", true
	}
	return "", false
}

// decimalOf returns a number in decimal, without an exponent, and "" for anything
// that is not a number. A json.Number without exponent stays as written; one with
// goes through float64, which bounds its length, and stays as written when it does
// not fit.
func decimalOf(v any) string {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), "eE") {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
		return v.String()
	}
	return ""
}
