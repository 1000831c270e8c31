package framework

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"sync"

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
// A token that disagrees is refused. How a nested claim is written is less certain,
// so that there only its groups do not count. Only where the request has no bearer
// token (the authorizer then takes it from elsewhere) is the text itself split.
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
	var i identity
	claimReader{groups: groupsClaim}.identify(&i, e)
	caller := i.caller
	caller.Principal = i.principal()
	return caller
}

var defaultGroupsClaim = []string{"groups"}

// An identity is who calls, and what tells so.
type identity struct {
	caller route.Caller // without the principal's Claims
	token  string       // the payload of the token that was verified, if there was one
	event  *apigw.Event

	once   sync.Once
	claims map[string]any
}

// principal returns the caller's, with its Claims, which are the same map each
// time. Most handlers do not ask.
func (i *identity) principal() route.Principal {
	i.once.Do(func() {
		if i.caller.Auth != route.NoAuth {
			i.claims = i.readClaims()
		}
	})
	p := i.caller.Principal
	p.Claims = i.claims
	return p
}

// readClaims returns what was verified: all of a token's in a container; behind a
// gateway the claims that it states, of which the bearer token only tells the types.
func (i *identity) readClaims() map[string]any {
	var claims map[string]any
	if i.event != nil {
		claims = i.event.Authorizer.Claims()
	}
	if i.token == "" {
		return claims
	}
	payload, err := rawjson.Parse(i.token, maxClaimDepth)
	if err != nil {
		return claims // never: it was parsed before
	}
	defer payload.Free()
	if i.event == nil {
		return payload.Root().Map()
	}
	for name, claim := range payload.Root().Members() {
		if _, stated := claims[name]; stated && agreeOn(name, claim, &i.event.Authorizer) {
			claims[name] = claim.Any()
		}
	}
	return claims
}

// identify says who sent an event. It is the zero Caller, which has proved
// nothing, unless the gateway's JWT or IAM authorizer let the request through. A
// Lambda authorizer's context is no proof: what it checked is unknown here.
func (c claimReader) identify(i *identity, e *apigw.Event) {
	i.event = e
	a := &e.Authorizer
	switch a.Kind {
	case apigw.IAMAuthorizer:
		arn, _ := a.ClaimText("userArn")
		i.caller = route.Caller{Auth: route.IAM, Principal: route.Principal{Subject: arn}}
		return
	case apigw.JWTAuthorizer:
	default:
		return
	}
	token, present := e.BearerToken()
	if !present {
		i.caller = route.Caller{Auth: route.JWT, Principal: c.fromText(a)}
		return
	}
	i.caller = route.Caller{Mismatch: true}
	text, err := tokenPayload(token)
	if err != nil {
		return
	}
	payload, err := rawjson.Parse(text, maxClaimDepth)
	if err != nil {
		return
	}
	defer payload.Free()
	if payload.Root().Kind() != rawjson.Object || !c.agree(payload.Root(), a) {
		return
	}
	i.token = text
	i.caller = route.Caller{Auth: route.JWT, Principal: c.fromToken(payload.Root())}
	if len(c.groups) > 1 && !agreeOn(c.groups[0], payload.Root().Get(c.groups[0]), a) {
		i.caller.Principal.Groups = nil
	}
}

// agree reports whether the claims of the bearer token are those that the
// gateway verified.
func (c claimReader) agree(claims rawjson.Value, a *apigw.Authorizer) bool {
	if _, ok := a.ClaimText("iss"); !ok {
		return false // the authorizer requires iss: without it nothing was verified
	}
	for _, name := range []string{"iss", "sub", "exp", "scope", "scp"} {
		if !agreeOn(name, claims.Get(name), a) {
			return false
		}
	}
	return len(c.groups) > 1 || agreeOn(c.groups[0], claims.Get(c.groups[0]), a)
}

// agreeOn reports whether one claim of the token is, as the gateway writes it,
// what the gateway wrote. Of an object two ways are known, and either will do.
func agreeOn(name string, claim rawjson.Value, a *apigw.Authorizer) bool {
	theirs, ok := a.ClaimText(name)
	var buf [256]byte // enough for most, and not on the heap
	ours, has := appendClaimText(buf[:0], a.Style, name, claim)
	switch {
	case has != ok:
		return false
	case string(ours) == theirs:
		return true
	case claim.Kind() == rawjson.Number:
		return sameNumber(string(ours), theirs)
	}
	return claim.Kind() == rawjson.Object && isJSONOf(claim, theirs)
}

// isJSONOf reports whether a text is the JSON of a claim.
func isJSONOf(claim rawjson.Value, text string) bool {
	doc, err := rawjson.Parse(text, maxClaimDepth)
	if err != nil {
		return false
	}
	defer doc.Free()
	return reflect.DeepEqual(doc.Root().Any(), claim.Any())
}

// appendClaimText appends a claim as Style.Text renders it. What nearly all claims
// are, texts, lists of texts and plain numbers, it renders itself, since each
// request has some.
func appendClaimText(b []byte, style apigw.ClaimStyle, name string, claim rawjson.Value) (text []byte, ok bool) {
	switch {
	case claim.Kind() == rawjson.String:
		return claim.AppendText(b), true
	case claim.Kind() == rawjson.Number && style == apigw.HTTPAPIClaims && !strings.ContainsAny(claim.Raw(), "eE"):
		return append(b, claim.Raw()...), true
	case claim.Kind() == rawjson.Array && style == apigw.HTTPAPIClaims && isTexts(claim):
		b = append(b, '[')
		first := true
		for item := range claim.Items() {
			if !first {
				b = append(b, ' ')
			}
			b = item.AppendText(b)
			first = false
		}
		return append(b, ']'), true
	}
	s, ok := style.Text(name, claim.Any())
	return append(b, s...), ok
}

func isTexts(list rawjson.Value) bool {
	for item := range list.Items() {
		if item.Kind() != rawjson.String {
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

// isDecimal keeps sameNumber from exponents so large, and from digits so many, that
// comparing them would take the machine's memory or its time.
func isDecimal(s string) bool {
	const longest = 400 // the largest float64 has 309 digits
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	return mantissa != "" && len(mantissa) < longest && len(exponent) < 4 &&
		strings.Trim(mantissa, "+-.0123456789") == "" && strings.Trim(exponent, "+-0123456789") == ""
}

// fromToken reads the claims of a token that was verified.
func (c claimReader) fromToken(claims rawjson.Value) route.Principal {
	groups := claims
	for _, key := range c.groups {
		groups = groups.Get(key)
	}
	return route.Principal{
		Subject: claims.Get("sub").Text(),
		Groups:  names(groups),
		Scopes:  append(words(claims.Get("scope")), words(claims.Get("scp"))...),
	}
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
			return strings.FieldsFunc(inner, func(c rune) bool { return c == ' ' }) // other spaces are a name's own
		}
	}
	if style == apigw.CognitoRESTClaims {
		return strings.Split(text, ",")
	}
	return []string{text}
}

// names returns the names that a typed claim holds: the strings of a list, or
// one string, which is one name, whatever is in it. Nothing else is a name.
func names(v rawjson.Value) (list []string) {
	switch v.Kind() {
	case rawjson.String:
		return []string{v.Text()}
	case rawjson.Array:
		for item := range v.Items() {
			if item.Kind() == rawjson.String {
				list = append(list, item.Text())
			}
		}
	}
	return list
}

// words returns the scopes of a typed claim: of a string those between spaces
// (RFC 8693, section 4.2), of a list its strings.
func words(v rawjson.Value) []string {
	if v.Kind() == rawjson.String {
		return strings.Fields(v.Text())
	}
	return names(v)
}

// maxClaimDepth is deeper than any provider nests claims.
const maxClaimDepth = 32

// strictBase64 is how a JWT is encoded (RFC 7515, section 2), each one way only.
var strictBase64 = base64.RawURLEncoding.Strict()

var errNoToken = errors.New("not a JWT")

// tokenPayload returns the payload of a JWT (RFC 7519), which is a JSON object
// unless somebody made it up: it does not look at the signature.
func tokenPayload(token string) (string, error) {
	_, rest, _ := strings.Cut(token, ".")
	encoded, rest, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(rest, ".") {
		return "", errNoToken
	}
	var room [1024]byte // enough for most, and not on the heap
	payload, err := strictBase64.AppendDecode(room[:0], []byte(encoded))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoToken, err)
	}
	return string(payload), nil
}
