package framework

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode"

	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/internal/rawjson"
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
	caller, claims := claimReader{groups: groupsClaim}.caller(e)
	caller.Principal.Claims = claims()
	return caller
}

var defaultGroupsClaim = []string{"groups"}

// caller returns the zero Caller, which has proved nothing, unless the gateway's
// JWT or IAM authorizer let the request through. A Lambda authorizer's context
// is no proof: what it checked is unknown here.
//
// It leaves the principal's Claims to the function claims, for whoever asks.
func (c claimReader) caller(e *apigw.Event) (caller route.Caller, claims func() map[string]any) {
	a := &e.Authorizer
	switch a.Kind {
	case apigw.IAMAuthorizer:
		arn, _ := a.ClaimText("userArn")
		return route.Caller{Auth: route.IAM, Principal: route.Principal{Subject: arn}}, a.Claims
	case apigw.JWTAuthorizer:
	default:
		return route.Caller{}, noClaims
	}
	token, present := e.BearerToken()
	if !present {
		return route.Caller{Auth: route.JWT, Principal: c.fromText(a)}, a.Claims
	}
	payload, err := tokenClaims(token)
	if err != nil || !c.agree(payload, a) {
		return route.Caller{Mismatch: true}, noClaims
	}
	principal := c.fromToken(func(name string) any { return payload.Get(name).Any() }, a)
	return route.Caller{Auth: route.JWT, Principal: principal}, payload.Map
}

func noClaims() map[string]any { return nil }

// agree reports whether the claims of the bearer token are those that the
// gateway verified.
func (c claimReader) agree(claims rawjson.Value, a *apigw.Authorizer) bool {
	if _, ok := a.ClaimText("iss"); !ok {
		return false // the authorizer requires iss: without it nothing was verified
	}
	for _, name := range []string{"iss", "sub", "exp", "scope", "scp"} {
		if !agreeOn(name, claims, a) {
			return false
		}
	}
	return len(c.groups) > 1 || agreeOn(c.groups[0], claims, a)
}

// agreeOn reports whether one claim of the token is, as the gateway writes it,
// what the gateway wrote.
func agreeOn(name string, claims rawjson.Value, a *apigw.Authorizer) bool {
	theirs, ok := a.ClaimText(name)
	claim := claims.Get(name)
	if claim.Kind() == rawjson.String { // as which it is written already
		return ok && claim.Text() == theirs || ok && sameNumber(claim.Text(), theirs)
	}
	ours, has := a.Style.Text(name, claim.Any())
	return has == ok && (ours == theirs || sameNumber(ours, theirs))
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

// fromToken reads the claims of a token, which claim returns by their names.
func (c claimReader) fromToken(claim func(name string) any, a *apigw.Authorizer) route.Principal {
	subject, _ := claim("sub").(string)
	groups := names(lookup(claim(c.groups[0]), c.groups[1:]))
	groups = slices.DeleteFunc(groups, func(g string) bool { return !c.vouched(g, a) })
	scopes := append(words(claim("scope")), words(claim("scp"))...)
	return route.Principal{Subject: subject, Groups: groups, Scopes: scopes}
}

// vouched reports whether a group of a nested claim occurs in the gateway's
// text of the claim around it. How the gateway writes nested claims is not
// certain, map[k:v] or JSON, but in either form a name stands between characters
// that no group's name has. So a bearer token that agrees in all else cannot
// bring groups that the verified one has not. A flat claim was compared as a
// whole.
func (c claimReader) vouched(group string, a *apigw.Authorizer) bool {
	if len(c.groups) == 1 {
		return true
	}
	text, ok := a.ClaimText(c.groups[0])
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
func (c claimReader) fromText(a *apigw.Authorizer) route.Principal {
	claims := a.Claims()
	var p route.Principal
	p.Subject, _ = claims["sub"].(string)
	if len(c.groups) == 1 {
		p.Groups = splitText(claims[c.groups[0]], a.Style)
	}
	for _, name := range []string{"scope", "scp"} {
		for _, s := range splitText(claims[name], a.Style) {
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

// lookup follows a path of keys into a nested claim.
func lookup(claim any, path []string) any {
	for _, key := range path {
		object, ok := claim.(map[string]any)
		if !ok {
			return nil
		}
		claim = object[key]
	}
	return claim
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

// maxClaimDepth is deeper than any provider nests claims.
const maxClaimDepth = 32

// tokenClaims returns the payload of a JWT (RFC 7519), whose signature it does
// not look at. A payload with a key twice is an error: which of the two counts
// depends on who reads it.
func tokenClaims(token string) (rawjson.Value, error) {
	_, rest, _ := strings.Cut(token, ".")
	encoded, rest, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(rest, ".") {
		return rawjson.Value{}, errNoToken
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return rawjson.Value{}, fmt.Errorf("%w: %w", errNoToken, err)
	}
	var doc rawjson.Doc
	if err := doc.Parse(string(payload), maxClaimDepth); err != nil {
		return rawjson.Value{}, fmt.Errorf("%w: %w", errNoToken, err)
	}
	if doc.Root().Kind() != rawjson.Object {
		return rawjson.Value{}, errNoToken
	}
	return doc.Root(), nil
}
