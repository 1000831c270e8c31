package apigw

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type obj = map[string]any

// An authorizer is all that an Authorizer says.
type authorizer struct {
	Kind   AuthorizerKind
	Claims map[string]any
	Scopes []string
	Style  ClaimStyle
}

func seenAuthorizer(a Authorizer) authorizer {
	return authorizer{a.Kind, a.Claims(), a.Scopes, a.Style}
}

func TestAuthorizer(t *testing.T) {
	claims := obj{"sub": "user-1"}
	jwt := func(style ClaimStyle, scopes ...string) authorizer {
		return authorizer{Kind: JWTAuthorizer, Claims: claims, Scopes: scopes, Style: style}
	}
	tests := []struct {
		name       string
		event      string
		authorizer any
		want       authorizer
	}{
		{"2.0 jwt", "httpapi-jwt", obj{"jwt": obj{"claims": claims, "scopes": []string{"a", "b"}}}, jwt(HTTPAPIClaims, "a", "b")},
		{"2.0 jwt, no scopes", "httpapi-jwt", obj{"jwt": obj{"claims": claims}}, jwt(HTTPAPIClaims)},
		{"2.0 jwt first", "httpapi-jwt", obj{"jwt": obj{"claims": claims}, "lambda": obj{"sub": "x"}, "iam": obj{"userArn": "x"}}, jwt(HTTPAPIClaims)},
		{"2.0 jwt of no claims", "httpapi-jwt", obj{"jwt": obj{"claims": obj{}, "scopes": []string{"admin"}}}, authorizer{}},
		{"2.0 claims without jwt", "httpapi-jwt", obj{"claims": claims}, authorizer{}},
		{"2.0 typed claims", "httpapi-jwt", obj{"jwt": obj{"claims": obj{"exp": 1612061676, "n": 12345678901234567, "ok": true, "z": nil}}},
			authorizer{Kind: JWTAuthorizer, Claims: obj{"exp": json.Number("1612061676"), "n": json.Number("12345678901234567"), "ok": true, "z": nil}}},
		{"2.0 iam of an account", "httpapi-jwt", obj{"iam": obj{"accountId": "111122223333"}}, authorizer{}},
		{"2.0 iam key only", "httpapi-jwt", obj{"iam": obj{"accessKey": "AKIAEXAMPLE"}}, authorizer{Kind: IAMAuthorizer, Claims: obj{}}},
		{"2.0 lambda, no context", "httpapi-jwt", obj{"lambda": obj{}}, authorizer{Kind: LambdaAuthorizer}},
		{"2.0 lambda null", "httpapi-jwt", obj{"lambda": nil}, authorizer{}},
		{"2.0 unknown", "httpapi-jwt", obj{"other": obj{"claims": claims}}, authorizer{}},
		{"function url takes iam alone", "functionurl", obj{"lambda": obj{"a": "b"}, "jwt": obj{"claims": claims}}, authorizer{}},

		{"1.0 jwt", "httpapiv1-jwt", obj{"claims": claims, "scopes": []string{"a"}}, jwt(HTTPAPIClaims, "a")},
		{"1.0 jwt, no scopes", "httpapiv1-jwt", obj{"claims": claims, "scopes": nil}, jwt(HTTPAPIClaims)},
		{"1.0 jwt level", "httpapiv1-jwt", obj{"jwt": nil, "claims": nil}, authorizer{}},
		{"1.0 lambda", "httpapiv1-jwt", obj{"lambda": obj{"a": "b"}}, authorizer{Kind: LambdaAuthorizer, Claims: obj{"a": "b"}}},
		{"1.0 lambda, flat", "httpapiv1-jwt", obj{"a": "b"}, authorizer{Kind: LambdaAuthorizer, Claims: obj{"a": "b"}}},
		{"1.0 lambda that returns claims", "httpapiv1-jwt", obj{"lambda": obj{"claims": claims}}, authorizer{Kind: LambdaAuthorizer, Claims: obj{"claims": claims}}},
		{"1.0 nothing", "httpapiv1-jwt", obj{"claims": nil, "scopes": nil, "principalId": ""}, authorizer{}},

		{"rest cognito", "rest-cognito", obj{"claims": claims}, jwt(CognitoRESTClaims)},
		{"rest lambda that returns claims", "rest-cognito", obj{"principalId": "p", "claims": claims},
			authorizer{Kind: LambdaAuthorizer, Claims: obj{"principalId": "p", "claims": claims}}},
		{"rest lambda, claims is text", "rest-cognito", obj{"principalId": "p", "claims": "x", "scopes": "y"},
			authorizer{Kind: LambdaAuthorizer, Claims: obj{"principalId": "p", "claims": "x", "scopes": "y"}}},
		{"rest null", "rest-cognito", nil, authorizer{}},
		{"rest empty", "rest-cognito", obj{}, authorizer{}},
		{"rest no claims", "rest-cognito", obj{"claims": obj{}}, authorizer{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := decode(t, edit(t, tt.event, "requestContext.authorizer", tt.authorizer))
			if diff := cmp.Diff(tt.want, seenAuthorizer(e.Authorizer)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAccessKeyIsDropped(t *testing.T) {
	for _, name := range []string{"httpapi-iam", "functionurl-iam", "httpapiv1-custom-domain", "rest-iam"} {
		e := decode(t, edit(t, name))
		text, err := json.Marshal(seenAuthorizer(e.Authorizer))
		if err != nil || e.Authorizer.Kind != IAMAuthorizer || strings.Contains(string(text), "AKIA") {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

// Nothing that a client can send makes an authorizer.
func TestForgedHeaders(t *testing.T) {
	forged := obj{
		"x-amzn-request-context":        `{"authorizer":{"jwt":{"claims":{"sub":"admin"}}}}`,
		"x-golambdaproxy-apigw-context": `{"authorizer":{"claims":{"sub":"admin"}}}`,
		"x-amzn-oidc-data":              "a.b.c",
		"x-amzn-oidc-identity":          "admin",
		"x-amzn-lambda-context":         `{"identity":{"userArn":"admin"}}`,
		"authorization":                 "Bearer a.b.c",
	}
	for _, name := range []string{"httpapi-form", "functionurl", "alb-single"} {
		e := decode(t, edit(t, name, "headers", forged))
		if diff := cmp.Diff(authorizer{}, seenAuthorizer(e.Authorizer)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
		if got, ok := EventFrom(request(t, e).Context()); !ok || got != e {
			t.Errorf("%s: EventFrom is %v, %v", name, got, ok)
		}
	}
}

func TestBearerToken(t *testing.T) {
	tests := []struct {
		header  any
		token   string
		present bool
	}{
		{nil, "", false},
		{"", "", false},
		{"Bearer a.b.c", "a.b.c", true},
		{"bearer a.b.c", "a.b.c", true},
		{"BEARER  a.b.c ", "a.b.c", true},
		{"Bearer\ta.b.c", "a.b.c", true},
		{"Bearer opaque", "opaque", true},
		{"Bearer a.b.c, Bearer d.e.f", "a.b.c, Bearer d.e.f", true}, // not split
		{"Bearer ", "", true},
		{"Bearer", "", true},
		{"a.b.c", "a.b.c", true},
		{"a.b", "", false},
		{"a.b.c.d", "", false},
		{"Basic dXNlcjpwYXNz", "", false},
		{"Basic a.b.c", "", false},
		{"a.b.c d", "", false},
		{"BearerX a.b.c", "", false},
		{"AWS4-HMAC-SHA256 Credential=x, SignedHeaders=a;b;c", "", false},
	}
	for _, tt := range tests {
		e := decode(t, edit(t, "httpapi-form", "headers.authorization", tt.header))
		if token, present := e.BearerToken(); token != tt.token || present != tt.present {
			t.Errorf("%q: got %q, %v, want %q, %v", tt.header, token, present, tt.token, tt.present)
		}
	}

	several := edit(t, "rest-cognito", "multiValueHeaders.Authorization", []string{"Bearer a.b.c", "Bearer d.e.f"})
	if token, present := decode(t, several).BearerToken(); token != "Bearer a.b.c,Bearer d.e.f" || !present {
		t.Errorf("several: got %q, %v", token, present)
	}
	cases := edit(t, "rest-cognito", "multiValueHeaders.Authorization", []string{"Bearer a.b.c"}, "multiValueHeaders.authorization", []string{"Basic x"})
	if token, present := decode(t, cases).BearerToken(); token != "Bearer a.b.c,Basic x" || !present {
		t.Errorf("two cases: got %q, %v", token, present)
	}
}

// A server hands over values as they came, and one that begins with a space names no
// scheme.
func TestBearerTokenBehindASpace(t *testing.T) {
	if token, present := BearerToken([]string{" a.b.c"}); token != "" || present {
		t.Errorf("got %q, %v", token, present)
	}
}

// One claim is found by its name, whatever stands around it.
func TestAuthorizerClaimText(t *testing.T) {
	e := decode(t, edit(t, "httpapi-jwt", "requestContext.authorizer.jwt.claims",
		json.RawMessage(`{"first": "1", "none": null, "list": ["a", "b"], "empty": "", "last": "4"}`)))
	iam := Authorizer{made: map[string]any{"userArn": "arn"}}
	for _, tt := range []struct {
		in         *Authorizer
		name, want string
		ok         bool
	}{
		{&e.Authorizer, "first", "1", true},
		{&e.Authorizer, "last", "4", true},
		{&e.Authorizer, "list", "[a b]", true},
		{&e.Authorizer, "empty", "", true},
		{&e.Authorizer, "none", "", false},
		{&e.Authorizer, "other", "", false},
		{&iam, "userArn", "arn", true},
		{&iam, "other", "", false},
		{new(Authorizer), "first", "", false},
	} {
		if text, ok := tt.in.ClaimText(tt.name); text != tt.want || ok != tt.ok {
			t.Errorf("%s: %q, %v, want %q, %v", tt.name, text, ok, tt.want, tt.ok)
		}
	}
}

func TestClaimText(t *testing.T) {
	tests := []struct {
		name, claim   string // claim as JSON
		http, cognito string
	}{
		{"sub", `"user 1"`, "user 1", "user 1"},
		{"sub", `""`, "", ""},
		{"exp", `1680633579`, "1680633579", "Tue Apr 04 18:39:39 UTC 2023"},
		{"iat", `1.680633579e9`, "1680633579", "Tue Apr 04 18:39:39 UTC 2023"},
		{"auth_time", `0`, "0", "Thu Jan 01 00:00:00 UTC 1970"},
		{"exp", `1.5`, "1.5", "1.5"},
		{"exp", `"1680633579"`, "1680633579", "1680633579"},
		{"nbf", `1680633579`, "1680633579", "1680633579"},
		{"n", `12345678901234567890123`, "12345678901234567890123", "12345678901234567890123"},
		{"n", `1E3`, "1000", "1000"},
		{"n", `-2.5e-3`, "-0.0025", "-0.0025"},
		{"n", `1e999999999`, "1e999999999", "1e999999999"}, // fits nowhere
		{"ok", `true`, "true", "true"},
		{"ok", `false`, "false", "false"},
		{"groups", `["admin","power user"]`, "[admin power user]", "admin,power user"},
		{"groups", `["admin"]`, "[admin]", "admin"},
		{"groups", `[]`, "[]", ""},
		{"ids", `[1,true,null,1.5e2]`, "[1 true <nil> 150]", "1,true,<nil>,150"},
		{"realm_access", `{"roles":["a","b"],"n":1}`, "map[n:1 roles:[a b]]", "map[n:1 roles:a,b]"},
	}
	for _, tt := range tests {
		dec := json.NewDecoder(strings.NewReader(tt.claim))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if got, ok := HTTPAPIClaims.Text(tt.name, v); got != tt.http || !ok {
			t.Errorf("HTTP API, %s %s: got %q, %v, want %q", tt.name, tt.claim, got, ok, tt.http)
		}
		if got, ok := CognitoRESTClaims.Text(tt.name, v); got != tt.cognito || !ok {
			t.Errorf("Cognito, %s %s: got %q, %v, want %q", tt.name, tt.claim, got, ok, tt.cognito)
		}
	}
	for _, v := range []any{nil, struct{}{}, []any{struct{}{}}, obj{"a": struct{}{}}} {
		if got, ok := HTTPAPIClaims.Text("x", v); ok || got != "" {
			t.Errorf("%#v: got %q, want nothing", v, got)
		}
	}
	for _, v := range []any{1612061676, int64(1612061676), float64(1612061676)} {
		if got, _ := HTTPAPIClaims.Text("exp", v); got != "1612061676" {
			t.Errorf("%T: got %q", v, got)
		}
	}
	if got, _ := HTTPAPIClaims.Text("groups", []string{"a", "b"}); got != "[a b]" {
		t.Errorf("[]string: got %q", got)
	}
}
