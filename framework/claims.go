package framework

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"unicode"

	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/route"
)

// A claimReader makes a route.Caller of what the gateway vouches for.
//
// API Gateway hands over claims as text: ["staff admin"] arrives as
// "[staff admin]", which reads as the groups staff and admin (captures of live
// traffic show it; AWS documents no form). So groups are read from the payload
// of the bearer token that the gateway has just verified, once it is shown to be
// that token: rendered the gateway's way it must equal the gateway's text of
// iss, sub, exp, scope, scp and, where the groups claim is flat, of that claim.
// A token that disagrees is refused. Only where the request has no bearer token
// (the authorizer then takes it from elsewhere) is the text itself split.
type claimReader struct {
	groups []string // the path of the groups claim
}

// CallerFrom returns who calls, for tools that explain a decision: what Invoke
// believes of an event, where Options.GroupsClaim is groupsClaim. It is the zero
// Caller, which has proved nothing, unless the gateway's JWT or IAM authorizer
// let the request through.
func CallerFrom(e *apigw.Event, groupsClaim []string) route.Caller {
	if groupsClaim == nil {
		groupsClaim = defaultGroupsClaim
	}
	return claimReader{groups: groupsClaim}.caller(e)
}

var defaultGroupsClaim = []string{"groups"}

// caller returns the zero Caller, which has proved nothing, unless the gateway's
// JWT or IAM authorizer let the request through. A Lambda authorizer's context
// is no proof: what it checked is unknown here.
func (c claimReader) caller(e *apigw.Event) route.Caller {
	a := e.Authorizer
	switch a.Kind {
	case apigw.IAMAuthorizer:
		arn, _ := a.Claims["userArn"].(string)
		return route.Caller{Auth: route.IAM, Principal: route.Principal{Subject: arn, Claims: a.Claims}}
	case apigw.JWTAuthorizer:
	default:
		return route.Caller{}
	}
	token, present := e.BearerToken()
	if !present {
		return route.Caller{Auth: route.JWT, Principal: c.fromText(a)}
	}
	claims, err := tokenClaims(token)
	if err != nil || !c.agree(claims, a) {
		return route.Caller{Mismatch: true}
	}
	return route.Caller{Auth: route.JWT, Principal: c.fromToken(claims, a)}
}

// agree reports whether the claims of the bearer token are those that the
// gateway verified.
func (c claimReader) agree(claims map[string]any, a apigw.Authorizer) bool {
	if _, ok := a.Claims["iss"]; !ok {
		return false // the authorizer requires iss: without it nothing was verified
	}
	compared := []string{"iss", "sub", "exp", "scope", "scp"}
	if len(c.groups) == 1 {
		compared = append(compared, c.groups[0])
	}
	for _, name := range compared {
		ours, has := claims[name]
		text, has2 := "", false
		if has {
			text, has2 = a.Style.Text(name, ours)
		}
		theirs, ok := a.Claims[name]
		theirText := ""
		if ok {
			theirText, ok = a.Style.Text(name, theirs)
		}
		if has2 != ok || text != theirText && !sameNumber(text, theirText) {
			return false
		}
	}
	return true
}

// sameNumber reports whether two texts are decimal notations of one number:
// whether the gateway writes 1.5e9 as 1500000000 is not known.
func sameNumber(a, b string) bool {
	if !isDecimal(a) || !isDecimal(b) {
		return false
	}
	x, ok1 := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	return ok1 && ok2 && x.Cmp(y) == 0
}

// isDecimal keeps sameNumber from exponents so large that comparing them would
// take the machine's memory.
func isDecimal(s string) bool {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	return mantissa != "" && len(exponent) < 4 &&
		strings.Trim(mantissa, "+-.0123456789") == "" && strings.Trim(exponent, "+-0123456789") == ""
}

func (c claimReader) fromToken(claims map[string]any, a apigw.Authorizer) route.Principal {
	subject, _ := claims["sub"].(string)
	var groups []string
	for _, g := range names(lookup(claims, c.groups)) {
		if c.vouched(g, a) {
			groups = append(groups, g)
		}
	}
	scopes := append(words(claims["scope"]), words(claims["scp"])...)
	return route.Principal{Subject: subject, Groups: groups, Scopes: scopes, Claims: claims}
}

// vouched reports whether a group of a nested claim occurs in the gateway's
// text of the claim around it. How the gateway writes nested claims is not
// certain, map[k:v] or JSON, but in either form a name stands between characters
// that no group's name has. So a bearer token that agrees in all else cannot
// bring groups that the verified one has not. A flat claim was compared as a
// whole.
func (c claimReader) vouched(group string, a apigw.Authorizer) bool {
	if len(c.groups) == 1 {
		return true
	}
	text, ok := a.Claims[c.groups[0]].(string)
	if !ok {
		return true // the gateway says nothing of the claim
	}
	for rest := text; ; {
		i := strings.Index(rest, group)
		if i < 0 {
			return false
		}
		before, after := rest[:i], rest[i+len(group):]
		if endsName(before, true) && endsName(after, false) {
			return true
		}
		rest = rest[i+1:]
	}
}

// endsName reports whether a name cannot go on into s, which lies before or
// behind it.
func endsName(s string, before bool) bool {
	if s == "" {
		return true
	}
	c := s[0]
	if before {
		c = s[len(s)-1]
	}
	return strings.IndexByte(" []{},:\"", c) >= 0
}

// fromText reads the gateway's own text, in which a group's name with a space
// cannot be told from two.
func (c claimReader) fromText(a apigw.Authorizer) route.Principal {
	p := route.Principal{Claims: a.Claims}
	p.Subject, _ = a.Claims["sub"].(string)
	if len(c.groups) == 1 {
		p.Groups = splitText(a.Claims[c.groups[0]], a.Style)
	}
	for _, name := range []string{"scope", "scp"} {
		for _, s := range splitText(a.Claims[name], a.Style) {
			p.Scopes = append(p.Scopes, strings.Fields(s)...)
		}
	}
	if p.Scopes == nil {
		p.Scopes = a.Scopes
	}
	return p
}

// splitText reads a claim's text as a list only where it is one for certain: in
// brackets, or with commas in the Cognito authorizer's form.
func splitText(v any, style apigw.ClaimStyle) []string {
	text, ok := v.(string)
	if !ok || text == "" {
		return nil
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok := strings.CutSuffix(inner, "]"); ok {
			return strings.Fields(inner)
		}
	}
	if style == apigw.CognitoRESTClaims {
		return strings.Split(text, ",")
	}
	return []string{text}
}

// lookup follows a path of keys into nested claims.
func lookup(claims map[string]any, path []string) any {
	var v any = claims
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// names returns the names that a typed claim holds: the strings of a list, or
// one string, which is one name, whatever is in it. Nothing else is a name.
func names(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// words returns the scopes of a typed claim: of a string those between spaces
// (RFC 8693, section 4.2), of a list its strings.
func words(v any) []string {
	if s, ok := v.(string); ok {
		return strings.FieldsFunc(s, unicode.IsSpace)
	}
	return names(v)
}

var errNoToken = errors.New("not a JWT with a JSON object as its payload")

// tokenClaims returns the payload of a JWT (RFC 7519), whose signature it does
// not look at. Numbers are json.Number. A payload with a key twice is an error:
// which of the two counts depends on who reads it.
func tokenClaims(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errNoToken
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoToken, err)
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	v, err := decodeOnce(dec, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoToken, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errNoToken
	}
	claims, ok := v.(map[string]any)
	if !ok {
		return nil, errNoToken
	}
	return claims, nil
}

// maxClaimDepth is deeper than any provider nests claims.
const maxClaimDepth = 32

// decodeOnce decodes the next value, and refuses objects that have a key twice.
func decodeOnce(dec *json.Decoder, depth int) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == maxClaimDepth {
		return nil, errors.New("claims are nested too deep")
	}
	var object map[string]any
	list := []any{}
	if delim == '{' {
		object = make(map[string]any)
	}
	for dec.More() {
		key := ""
		if object != nil {
			t, err := dec.Token()
			if err != nil {
				return nil, err
			}
			key = t.(string)
			if _, ok := object[key]; ok {
				return nil, errors.New("a claim stands there twice")
			}
		}
		v, err := decodeOnce(dec, depth+1)
		if err != nil {
			return nil, err
		}
		if object != nil {
			object[key] = v
		} else {
			list = append(list, v)
		}
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return nil, err
	}
	if object != nil {
		return object, nil
	}
	return list, nil
}
