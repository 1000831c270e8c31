package apigw

import (
	"maps"
	"strings"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// AuthorizerKind says what kind of authorizer let a request pass. The zero value
// is NoAuthorizer.
type AuthorizerKind int

// The kinds of authorizer.
const (
	NoAuthorizer     AuthorizerKind = iota // none: the request is anonymous
	JWTAuthorizer                          // a JWT authorizer, or Cognito's of a REST API
	IAMAuthorizer                          // AWS_IAM: the request was signed with AWS credentials
	LambdaAuthorizer                       // a Lambda authorizer, also called custom
)

// Authorizer is what the gateway vouches for. It is read from requestContext only,
// never from a header. The zero value vouches for nobody.
type Authorizer struct {
	// Kind is the kind of authorizer.
	Kind AuthorizerKind

	// Scopes is what the gateway lists beside the claims of a JWT. It is nil on a
	// route that asks for no scopes, even where the token has some.
	Scopes []string

	// Style is how the service renders claims as text.
	Style ClaimStyle

	written []claim        // the claims, as they are in the event
	made    map[string]any // the claims, where the event has them otherwise
}

// A claim is one of a JWT, or of the context of a Lambda authorizer.
type claim struct {
	name string
	text string // of a claim that is text, as nearly all are
	raw  string // of any other: as JSON
}

func claimsOf(o object) []claim {
	claims := make([]claim, 0, o.Len())
	for name, v := range o.Members() {
		c := claim{name: name}
		if v.Kind() == rawjson.String {
			c.text = v.Text()
		} else {
			c.raw = v.Raw()
		}
		claims = append(claims, c)
	}
	return claims
}

func (c *claim) value() any {
	if c.raw == "" {
		return c.text
	}
	doc, err := rawjson.Parse(c.raw, rawjson.MaxDepth)
	if err != nil {
		return nil // never: it was parsed before
	}
	defer doc.Free()
	return doc.Root().Any()
}

// Claims says who calls. Of a JWT it has each claim as the gateway renders it:
// text, though booleans and numbers (as json.Number) have been seen. Of IAM it has
// accountId, callerId, userArn, userId, principalOrgId and cognitoIdentity, those
// that are not empty, under these names for every source, and never the access
// key. Of a Lambda authorizer it is the context that the authorizer returned. It is
// nil where there is none. Each call makes a new map.
func (a *Authorizer) Claims() map[string]any {
	if a.made != nil {
		return maps.Clone(a.made)
	}
	if a.written == nil {
		return nil
	}
	claims := make(map[string]any, len(a.written))
	for i := range a.written {
		claims[a.written[i].name] = a.written[i].value()
	}
	return claims
}

// ClaimText returns one claim of Claims as the gateway's text, which Style.Text
// makes of those that are none. It reports false where there is no such claim.
func (a *Authorizer) ClaimText(name string) (text string, ok bool) {
	if a.made != nil {
		return a.Style.Text(name, a.made[name])
	}
	for i := range a.written {
		switch c := &a.written[i]; {
		case c.name != name:
		case c.raw == "":
			return c.text, true
		default:
			return a.Style.Text(name, c.value())
		}
	}
	return "", false
}

// BearerToken is the function of that name for the request's Authorization
// header.
func (e *Event) BearerToken() (token string, present bool) {
	var buf [1]string // there is one, unless somebody tries something
	return BearerToken(e.appendHeaders(buf[:0], "Authorization"))
}

// BearerToken returns the bearer token of a request's Authorization headers, and
// whether there is one. It accepts what a JWT authorizer does: "Bearer x", here in
// any case, and a bare token, which is a value with two dots and no space. Other
// schemes are not bearer tokens.
//
// A header that names the scheme without a token gives "", and several
// Authorization headers give all of them joined by commas. Both are reported as
// present: they are no valid token, and whoever checks it has to see that. Commas
// inside a header are part of it.
func BearerToken(values []string) (token string, present bool) {
	if len(values) != 1 {
		return strings.Join(values, ","), len(values) > 1
	}
	value := values[0]
	scheme, rest := value, ""
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		scheme, rest = value[:i], strings.Trim(value[i:], " \t")
	}
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return rest, true
	case rest == "" && strings.Count(value, ".") == 2:
		return value, true
	}
	return "", false
}

// authorizerV2 reads requestContext.authorizer of payload format 2.0.
//
// A jwt without claims is no authorizer: every token that the gateway lets pass
// has claims, while loggers and emulators that fill in a typed event write
// {"jwt":{"claims":null,"scopes":null}} for anonymous requests.
func authorizerV2(a object) Authorizer {
	jwt := a.object("jwt")
	if claims := jwt.object("claims"); claims.hasAny() {
		return Authorizer{Kind: JWTAuthorizer, written: claimsOf(claims), Scopes: jwt.texts("scopes"), Style: HTTPAPIClaims}
	}
	if iam := iamAuthorizer(a.object("iam")); iam.Kind != NoAuthorizer {
		return iam
	}
	if a.has("lambda") {
		return lambdaAuthorizer(a)
	}
	return Authorizer{}
}

// authorizerV1 reads requestContext.authorizer and requestContext.identity of a
// REST API and of payload format 1.0, where claims have no jwt around them and the
// context of a Lambda authorizer stands between other keys.
func authorizerV1(a, identity object, style ClaimStyle) Authorizer {
	context := a.Map()
	// A REST API adds how long the authorizer took, which says nothing of whom.
	delete(context, "integrationLatency")

	// principalId and lambda are put there by the gateway, and only for a Lambda
	// authorizer. Asking for them first keeps one whose context has a key named
	// claims from passing as a JWT authorizer.
	if a.Get("lambda").Kind() == rawjson.Object { // one report for format 1.0
		return lambdaAuthorizer(a)
	}
	if !empty(context["principalId"]) {
		return Authorizer{Kind: LambdaAuthorizer, made: context}
	}
	if claims := (object{a.Get("claims"), a.failure}); claims.hasAny() {
		return Authorizer{Kind: JWTAuthorizer, written: claimsOf(claims), Scopes: a.texts("scopes"), Style: style}
	}
	for key, value := range context {
		if key != "claims" && key != "scopes" && !empty(value) {
			return Authorizer{Kind: LambdaAuthorizer, made: context}
		}
	}
	return iamIdentity(identity)
}

// lambdaAuthorizer takes the context of a Lambda authorizer that has a key of its
// own. One without values is an authorizer that said nothing.
func lambdaAuthorizer(a object) Authorizer {
	auth := Authorizer{Kind: LambdaAuthorizer}
	if context := a.object("lambda"); context.hasAny() {
		auth.written = claimsOf(context)
	}
	return auth
}

func empty(v any) bool { return v == nil || v == "" }

// iamAuthorizer reads requestContext.authorizer.iam of payload format 2.0.
func iamAuthorizer(iam object) Authorizer {
	claims := map[string]any{
		"accountId":      iam.text("accountId"),
		"callerId":       iam.text("callerId"),
		"principalOrgId": iam.text("principalOrgId"),
		"userArn":        iam.text("userArn"),
		"userId":         iam.text("userId"),
	}
	cognito := iam.object("cognitoIdentity")
	var amr []any
	for _, method := range cognito.texts("amr") {
		amr = append(amr, method)
	}
	return newIAM(claims, iam.text("accessKey"), cognito.text("identityId"), cognito.text("identityPoolId"), amr)
}

// iamIdentity reads the same from requestContext.identity of a REST API and of
// payload format 1.0. Without AWS_IAM its fields are null or empty.
func iamIdentity(identity object) Authorizer {
	claims := map[string]any{
		"accountId":      identity.text("accountId"),
		"callerId":       identity.text("caller"),
		"principalOrgId": identity.text("principalOrgId"),
		"userArn":        identity.text("userArn"),
		"userId":         identity.text("user"),
	}
	return newIAM(claims, identity.text("accessKey"), identity.text("cognitoIdentityId"), identity.text("cognitoIdentityPoolId"), nil)
}

// newIAM drops what is empty. Only a caller makes it an authorizer: an account
// alone names nobody. The access key is looked at and then forgotten.
func newIAM(claims map[string]any, accessKey, identityID, poolID string, amr []any) Authorizer {
	cognito := map[string]any{}
	for name, value := range map[string]string{"identityId": identityID, "identityPoolId": poolID} {
		if value != "" {
			cognito[name] = value
		}
	}
	if len(amr) > 0 {
		cognito["amr"] = amr
	}
	for name, value := range claims {
		if empty(value) {
			delete(claims, name)
		}
	}
	if accessKey == "" && claims["userArn"] == nil && claims["callerId"] == nil && claims["userId"] == nil {
		return Authorizer{}
	}
	if len(cognito) > 0 {
		claims["cognitoIdentity"] = cognito
	}
	return Authorizer{Kind: IAMAuthorizer, made: claims}
}
