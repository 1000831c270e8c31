package framework_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
)

const accessManifest = `
version: 1
routes:
  - {path: /open, method: GET, handler: open, public: true}
  - {path: /token, method: GET, handler: token}
  - {path: /signed, method: GET, handler: signed, auth: iam}
  - {path: /admins, method: GET, handler: admins, groups: [admin, root]}
  - {path: /read, method: GET, handler: read, scopes: [users/read, users/write]}
  - {path: /both, method: GET, handler: both, groups: [admin], scopes: [users/read]}

  - {path: '/files/{name}', method: GET, handler: file, public: true}
  - {path: '/files/{name}/secret', method: GET, handler: secret, groups: [admin]}
  - {path: '/files/{name}', method: DELETE, handler: delete_file, groups: [admin]}
  - {path: '/public/{rest+}', method: GET, handler: public, public: true}
  - {path: '/private/{rest+}', method: GET, handler: private, groups: [admin]}
`

var accessHandlers = []string{"open", "token", "signed", "admins", "read", "both", "file", "secret", "delete_file", "public", "private"}

// caller edits an event of any source.
type caller = func(value)

func nobody(value) {}

func get(path string, who caller, edits ...func(value)) value {
	return httpAPI("GET", path, "GET "+path, append([]func(value){who}, edits...)...)
}

func iam(e value) {
	at("requestContext.authorizer", value{"iam": value{
		"accessKey": "AKIAEXAMPLE", "accountId": "123456789012", "callerId": "AIDAEXAMPLE", "cognitoIdentity": nil,
		"principalOrgId": "o-example", "userArn": "arn:aws:iam::123456789012:user/job", "userId": "AIDAEXAMPLE",
	}})(e)
}

func lambdaAuthorizer(e value) {
	at("requestContext.authorizer", value{"lambda": value{"claims": alice(value{"groups": "[admin]"}), "groups": "[admin]", "sub": "alice"}})(e)
}

// Who gets where: every kind of route against every kind of caller.
func TestAccess(t *testing.T) {
	t.Parallel()
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	callers := []struct {
		name string
		edit caller
		want map[string]outcome // by path; the rest is refused with otherwise
		rest outcome
	}{
		{"nobody", nobody, map[string]outcome{"/open": ran("open")}, refused(401, "no_principal")},
		{"a token", bearer(alice(nil)), map[string]outcome{
			"/open": ran("open"), "/token": ran("token"), "/signed": refused(401, "wrong_auth"),
			"/read": refused(403, "missing_scope"), "/both": refused(403, "missing_scope"),
		}, refused(403, "missing_group")},
		{"an admin", bearer(alice(value{"groups": []string{"staff", "admin"}})), map[string]outcome{
			"/open": ran("open"), "/token": ran("token"), "/signed": refused(401, "wrong_auth"), "/admins": ran("admins"),
		}, refused(403, "missing_scope")},
		{"a reader", bearer(alice(value{"scope": "openid users/read"})), map[string]outcome{
			"/open": ran("open"), "/token": ran("token"), "/signed": refused(401, "wrong_auth"), "/read": ran("read"),
		}, refused(403, "missing_group")},
		{"an admin who reads", bearer(alice(value{"groups": []string{"root", "admin"}, "scp": []string{"users/read"}})), map[string]outcome{
			"/open": ran("open"), "/token": ran("token"), "/signed": refused(401, "wrong_auth"),
			"/admins": ran("admins"), "/read": ran("read"), "/both": ran("both"),
		}, outcome{}},
		{"an IAM caller", iam, map[string]outcome{"/open": ran("open"), "/signed": ran("signed")}, refused(401, "wrong_auth")},
		{"a Lambda authorizer", lambdaAuthorizer, map[string]outcome{"/open": ran("open")}, refused(401, "no_principal")},
		{"text, no bearer token", vouched(alice(value{"groups": []string{"staff", "admin"}, "scope": "users/read"})), map[string]outcome{
			"/open": ran("open"), "/token": ran("token"), "/signed": refused(401, "wrong_auth"),
			"/admins": ran("admins"), "/read": ran("read"), "/both": ran("both"),
		}, outcome{}},
	}
	for _, c := range callers {
		t.Run(c.name, func(t *testing.T) {
			for _, path := range []string{"/open", "/token", "/signed", "/admins", "/read", "/both"} {
				want, ok := c.want[path]
				if !ok {
					want = c.rest
				}
				if diff := cmp.Diff(want, s.invoke(t, get(path, c.edit))); diff != "" {
					t.Errorf("GET %s (-want +got):\n%s", path, diff)
				}
			}
		})
	}
}

// The same four checks for every source that can carry them.
func TestAccessBySource(t *testing.T) {
	t.Parallel()
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	admin := alice(value{"groups": []string{"admin"}, "scope": "users/read"})

	functionURL := func(path string, edits ...func(value)) value {
		return httpAPI("GET", path, "$default", append(edits,
			at("requestContext.domainName", "abcdefghij.lambda-url.eu-west-1.on.aws"))...)
	}
	v1 := func(path string, edits ...func(value)) value {
		return edit(value{
			"version": "1.0", "resource": path, "path": path, "httpMethod": "GET",
			"headers": value{"Host": "abcdefghij.execute-api.eu-west-1.amazonaws.com"}, "multiValueHeaders": value{},
			"requestContext": value{
				"resourceId": "GET " + path, "resourcePath": path, "httpMethod": "GET", "path": path, "stage": "$default",
				"domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com", "requestId": "id",
				"identity": value{"sourceIp": "203.0.113.7"},
			},
		}, edits)
	}
	rest := func(path string, edits ...func(value)) value {
		return edit(v1(path, func(e value) { delete(e, "version") }, at("requestContext.resourceId", "a1b2c3"),
			at("requestContext.stage", "dev"), at("requestContext.path", "/dev"+path)), edits)
	}
	v1Claims := func(style apigw.ClaimStyle) func(value) {
		return func(e value) {
			at("requestContext.authorizer", value{"claims": texts(admin, style), "scopes": nil})(e)
		}
	}
	balancer := func(path string, edits ...func(value)) value {
		return edit(value{
			"requestContext": value{"elb": value{"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/routegate/0"}},
			"httpMethod":     "GET", "path": path, "queryStringParameters": value{},
			"headers": value{"host": "lb.example.com", "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"},
			"body":    "", "isBase64Encoded": false,
		}, edits)
	}
	v1IAM := at("requestContext.identity", value{"sourceIp": "203.0.113.7", "userArn": "arn:aws:iam::123456789012:user/job", "caller": "AIDAEXAMPLE", "accessKey": "AKIAEXAMPLE", "user": "AIDAEXAMPLE"})
	withBearer := header("Authorization", "Bearer "+token(admin))

	tests := []struct {
		name  string
		event value
		want  outcome
	}{
		{"Function URL, public", functionURL("/open"), ran("open")},
		{"Function URL, nobody", functionURL("/admins", withBearer), refused(401, "no_principal")},
		{"Function URL, IAM", functionURL("/signed", iam), ran("signed")},
		{"Function URL, a JWT authorizer that it cannot have", functionURL("/admins", bearer(admin)), refused(401, "no_principal")},
		{"HTTP API 1.0, public", v1("/open"), ran("open")},
		{"HTTP API 1.0, nobody", v1("/admins", withBearer), refused(401, "no_principal")},
		{"HTTP API 1.0, text", v1("/both", v1Claims(apigw.HTTPAPIClaims)), ran("both")},
		{"HTTP API 1.0, bearer", v1("/both", v1Claims(apigw.HTTPAPIClaims), withBearer), ran("both")},
		{"HTTP API 1.0, another bearer", v1("/both", v1Claims(apigw.HTTPAPIClaims), header("Authorization", "Bearer "+token(alice(nil)))), refused(401, "token_mismatch")},
		{"HTTP API 1.0, IAM", v1("/signed", v1IAM), ran("signed")},
		{"HTTP API 1.0, wrong path", v1("/open", at("path", "/admins"), at("requestContext.path", "/admins")), refused(403, "route_mismatch")},
		{"REST, public", rest("/open"), ran("open")},
		{"REST, nobody", rest("/admins", withBearer), refused(401, "no_principal")},
		{"REST, text", rest("/both", v1Claims(apigw.CognitoRESTClaims)), ran("both")},
		{"REST, bearer", rest("/both", v1Claims(apigw.CognitoRESTClaims), withBearer), ran("both")},
		{"REST, another bearer", rest("/both", v1Claims(apigw.CognitoRESTClaims), header("Authorization", "Bearer "+token(alice(nil)))), refused(401, "token_mismatch")},
		{"REST, IAM", rest("/signed", v1IAM), ran("signed")},
		{"REST, wrong path", rest("/open", at("path", "/admins")), refused(403, "route_mismatch")},
		{"load balancer, public", balancer("/open"), ran("open")},
		{"load balancer, nobody", balancer("/admins", withBearer), refused(401, "no_principal")},
		{"load balancer, its own authentication", balancer("/admins", header("x-amzn-oidc-data", token(admin)), header("x-amzn-oidc-identity", "alice")), refused(401, "no_principal")},
		{"load balancer, an authorizer that it cannot have", balancer("/admins", bearer(admin)), refused(401, "no_principal")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, s.invoke(t, test.event)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What somebody might try, through the whole path. In each row the gateway did
// what it really does, and the client what it can.
func TestAttacks(t *testing.T) {
	t.Parallel()
	admin := alice(value{"groups": []string{"admin"}})
	user := alice(value{"groups": []string{"user"}})
	with := func(groups any) value { return alice(value{"groups": groups}) }
	// forged is a caller with a verified token in another header than the one
	// in Authorization, which nobody verified.
	forged := func(verified, shown value) caller {
		return func(e value) {
			vouched(verified)(e)
			header("authorization", "Bearer "+token(shown))(e)
		}
	}
	authorization := func(v string) func(value) { return header("authorization", v) }

	tests := []struct {
		name  string
		event value
		want  outcome
	}{
		// The path. The client wrote %2F, the gateway decoded it, authorized
		// /files/{name}, and the decoded path reads as another route.
		{"encoded slash", httpAPI("GET", "/files/a/secret", "GET /files/{name}", params("name", "a/secret")), refused(401, "no_principal")},
		{"double encoding", httpAPI("GET", "/files/a%2Fsecret", "GET /files/{name}", params("name", "a%2Fsecret")), ran("file")},
		{"double encoding, catch-all", httpAPI("GET", "/files/a%2Fsecret", "$default"), ran("file")},
		{"encoded slash, catch-all", httpAPI("GET", "/files/a/secret", "ANY /{proxy+}", params("proxy", "files/a/secret")), refused(401, "no_principal")},
		{"question mark in the path", httpAPI("GET", "/open?x=1", "$default"), refused(404, "no_route")},
		{"question mark in a value", httpAPI("GET", "/files/a?x=/secret", "$default"), refused(401, "no_principal")},
		{"semicolon", httpAPI("GET", "/admins;x", "$default"), refused(404, "no_route")},
		{"NUL", httpAPI("GET", "/admins\x00", "$default"), refused(404, "no_route")},
		{"backslash", httpAPI("GET", `\private\x`, "$default", at("rawPath", `/\private\x`)), refused(404, "no_route")},
		{"dot segments", httpAPI("GET", "/public/../private/x", "$default"), refused(400, "dot_segment")},
		{"dot segments to a route", httpAPI("GET", "/public/../private/x", "GET /private/{rest+}", params("rest", "x")), refused(400, "dot_segment")},
		{"dot segments from a route", httpAPI("GET", "/private/x/../../public/y", "GET /public/{rest+}", params("rest", "y")), refused(400, "dot_segment")},
		{"doubled slashes", httpAPI("GET", "//private//x", "$default"), refused(401, "no_principal")},
		{"doubled slashes, as routed", httpAPI("GET", "//private//x", "GET /private/{rest+}", params("rest", "x")), refused(401, "no_principal")},
		{"case", httpAPI("GET", "/PRIVATE/x", "$default"), refused(404, "no_route")},
		{"case of a public route", httpAPI("GET", "/ADMINS", "GET /open"), refused(403, "route_mismatch")},
		{"trailing slash", httpAPI("GET", "/admins/", "$default"), refused(401, "no_principal")},
		{"trailing slash, as routed", httpAPI("GET", "/admins/", "GET /admins"), refused(401, "no_principal")},
		{"trailing slash of a greedy route", httpAPI("GET", "/private/", "$default"), refused(401, "no_principal")},
		{"another stage's path", httpAPI("GET", "/dev/admins", "$default"), refused(404, "no_route")},

		// The method.
		{"method override", httpAPI("GET", "/files/a", "GET /files/{name}", params("name", "a"),
			header("x-http-method-override", "DELETE"), header("x-method-override", "DELETE"), header("x-http-method", "DELETE"),
			at("rawQueryString", "_method=DELETE")), ran("file")},
		{"another method than the route's", httpAPI("DELETE", "/files/a", "GET /files/{name}", params("name", "a")), refused(403, "route_mismatch")},
		{"method in another case", httpAPI("delete", "/files/a", "$default"), refused(404, "no_route")},
		{"HEAD for GET", httpAPI("HEAD", "/open", "$default"), refused(404, "no_route").withoutBody()},
		{"OPTIONS", httpAPI("OPTIONS", "/admins", "$default"), refused(404, "no_route")},

		// The route key.
		{"route key of another route", httpAPI("GET", "/private/x", "GET /open"), refused(403, "route_mismatch")},
		{"route key with other values", httpAPI("GET", "/files/a/secret", "GET /files/{name}", params("name", "a")), refused(403, "route_mismatch")},
		{"route key without values", httpAPI("GET", "/files/a", "GET /files/{name}"), refused(403, "route_mismatch")},
		{"route key with other names", httpAPI("GET", "/files/a", "GET /files/{id}", params("id", "a")), ran("file")},
		{"route key that the table has not", httpAPI("GET", "/admins", "GET /old"), refused(401, "no_principal")},
		{"route key that is none", httpAPI("GET", "/admins", "GET"), refused(401, "no_principal")},

		// Context that a client made.
		{"forged context header", get("/admins", nobody, header("x-amzn-request-context", `{"authorizer":{"jwt":{"claims":{"groups":"[admin]"}}}}`),
			header("x-golambdaproxy-apigw-context", `{"authorizer":{}}`), header("requestcontext", "x")), refused(401, "no_principal")},
		{"context in another case", get("/admins", nobody, at("RequestContext", value{"authorizer": value{"jwt": value{"claims": texts(admin, apigw.HTTPAPIClaims)}}})), refused(401, "no_principal")},
		{"context in the query", get("/admins", nobody, at("rawQueryString", "requestContext.authorizer.jwt.claims.groups=admin"),
			at("queryStringParameters", value{"requestContext.authorizer.jwt.claims.groups": "admin"})), refused(401, "no_principal")},
		{"context in the body", get("/admins", nobody, at("body", `{"requestContext":{"authorizer":{}}}`)), refused(401, "no_principal")},
		{"a token that nobody verified", get("/admins", nobody, authorization("Bearer "+token(admin))), refused(401, "no_principal")},

		// Claims.
		{"group with a space", get("/admins", bearer(with([]string{"staff admin"}))), refused(403, "missing_group")},
		{"group with a space, front", get("/admins", bearer(with([]string{"admin staff"}))), refused(403, "missing_group")},
		{"group in brackets", get("/admins", bearer(with([]string{"[admin]"}))), refused(403, "missing_group")},
		{"text in brackets", get("/admins", bearer(with("[admin]"))), refused(403, "missing_group")},
		{"text with a space", get("/admins", bearer(with("staff admin"))), refused(403, "missing_group")},
		{"text with a comma", get("/admins", bearer(with("staff,admin"))), refused(403, "missing_group")},
		{"text that is a list", get("/admins", bearer(with(`["admin"]`))), refused(403, "missing_group")},
		{"one text", get("/admins", bearer(with("admin"))), ran("admins")},
		{"another case", get("/admins", bearer(with([]string{"Admin", "ADMIN"}))), refused(403, "missing_group")},
		{"part of a name", get("/admins", bearer(with([]string{"administrator", "sysadmin"}))), refused(403, "missing_group")},
		{"no groups", get("/admins", bearer(alice(nil))), refused(403, "missing_group")},
		{"null groups", get("/admins", bearer(with(nil))), refused(403, "missing_group")},
		{"numeric groups", get("/admins", bearer(with(42))), refused(403, "missing_group")},
		{"groups true", get("/admins", bearer(with(true))), refused(403, "missing_group")},
		{"nested groups", get("/admins", bearer(with(value{"admin": true}))), refused(403, "missing_group")},
		{"list in the list", get("/admins", bearer(with([]any{[]any{"admin"}}))), refused(403, "missing_group")},
		{"object in the list", get("/admins", bearer(with([]any{value{"admin": "admin"}, nil, 1}))), refused(403, "missing_group")},
		{"empty list", get("/admins", bearer(with([]string{}))), refused(403, "missing_group")},
		{"another claim", get("/admins", bearer(alice(value{"Groups": []string{"admin"}, "roles": []string{"admin"}, "cognito:groups": []string{"admin"}}))), refused(403, "missing_group")},
		{"scopes null", get("/read", vouched(alice(nil))), refused(403, "missing_scope")},
		{"scopes of the gateway alone", get("/read", vouched(alice(nil)), at("requestContext.authorizer.jwt.scopes", []string{"users/read"})), ran("read")},
		{"part of a scope", get("/read", bearer(alice(value{"scope": "users/readers xusers/read"}))), refused(403, "missing_scope")},
		{"scope with a comma", get("/read", bearer(alice(value{"scope": "users/read,openid"}))), refused(403, "missing_scope")},
		{"claims empty", get("/token", at("requestContext.authorizer", value{"jwt": value{"claims": value{}, "scopes": nil}})), refused(401, "no_principal")},
		{"claims null", get("/token", at("requestContext.authorizer", value{"jwt": value{"claims": nil}})), refused(401, "no_principal")},
		{"authorizer null", get("/token", at("requestContext.authorizer", nil)), refused(401, "no_principal")},

		{"an issuer of the gateway's choice", get("/admins", bearer(alice(value{"groups": []string{"admin"}, "iss": "https://other.example.com"}))), ran("admins")},

		// A token that is not the one that was verified.
		{"other groups", get("/admins", forged(user, admin)), refused(401, "token_mismatch")},
		{"groups that the token has not", get("/admins", forged(alice(nil), admin)), refused(401, "token_mismatch")},
		{"other subject", get("/admins", forged(admin, alice(value{"groups": []string{"admin"}, "sub": "mallory"}))), refused(401, "token_mismatch")},
		{"other issuer", get("/admins", forged(admin, alice(value{"groups": []string{"admin"}, "iss": "https://issuer.example.com"}))), refused(401, "token_mismatch")},
		{"other time", get("/admins", forged(admin, alice(value{"groups": []string{"admin"}, "exp": 1900000001}))), refused(401, "token_mismatch")},
		{"no time", get("/admins", forged(admin, value{"groups": []string{"admin"}, "iss": "https://issuer.example.com/", "sub": "alice"})), refused(401, "token_mismatch")},
		{"other scopes", get("/read", forged(alice(nil), alice(value{"scope": "users/read"}))), refused(401, "token_mismatch")},
		{"a subject that is the same number", get("/token", forged(alice(value{"sub": "7"}), alice(value{"sub": "007"}))), refused(401, "token_mismatch")},
		{"groups that are the same number", get("/token", forged(with("10"), with("1e1"))), refused(401, "token_mismatch")},
		{"other scopes, as a list", get("/read", forged(alice(nil), alice(value{"scp": []string{"users/read"}}))), refused(401, "token_mismatch")},
		{"nothing verified", get("/admins", func(e value) {
			at("requestContext.authorizer", value{"jwt": value{"claims": value{"sub": "alice"}}})(e)
			authorization("Bearer " + token(value{"sub": "alice", "groups": []string{"admin"}}))(e)
		}), refused(401, "token_mismatch")},
		{"no token", get("/token", vouched(admin), authorization("Bearer ")), refused(401, "token_mismatch")},
		{"opaque token", get("/token", vouched(admin), authorization("Bearer opaque")), refused(401, "token_mismatch")},
		{"two tokens", get("/token", vouched(admin), authorization("Bearer "+token(admin)+",Bearer "+token(admin))), refused(401, "token_mismatch")},
		{"padded payload", get("/token", vouched(admin), authorization("Bearer "+strings.Replace(token(admin), "."+signature, "=."+signature, 1))), refused(401, "token_mismatch")},
		{"payload no object", get("/token", vouched(admin), authorization("Bearer "+rawToken(`["admin"]`))), refused(401, "token_mismatch")},
		{"bytes behind the payload", get("/token", vouched(admin), authorization("Bearer "+rawToken(`{"iss":"https://issuer.example.com/","sub":"alice","exp":1900000000,"groups":["admin"]}{}`))), refused(401, "token_mismatch")},
		{"a claim twice", get("/admins", vouched(admin), authorization("Bearer "+rawToken(`{"iss":"https://issuer.example.com/","sub":"alice","exp":1900000000,"groups":["user"],"groups":["admin"]}`))), refused(401, "token_mismatch")},
		{"deep payload", get("/token", vouched(admin), authorization("Bearer "+rawToken(strings.Repeat(`{"a":`, 5000)+"1"+strings.Repeat("}", 5000)))), refused(401, "token_mismatch")},
		{"exponent of a time", get("/token", vouched(admin), authorization("Bearer "+rawToken(`{"iss":"https://issuer.example.com/","sub":"alice","exp":19e99999999,"groups":["admin"]}`))), refused(401, "token_mismatch")},
		{"the same time, written otherwise", get("/admins", vouched(admin), authorization("Bearer "+rawToken(`{"iss":"https://issuer.example.com/","sub":"alice","exp":1.9e9,"groups":["admin"]}`))), ran("admins")},
		{"bare token", get("/admins", vouched(admin), authorization(token(admin))), ran("admins")},
		{"bearer in lower case", get("/admins", vouched(admin), authorization("bearer "+token(admin))), ran("admins")},
		{"another scheme", get("/admins", vouched(admin), authorization("Basic YWxpY2U6c2VjcmV0")), ran("admins")},
		{"a mismatch on a public route", get("/open", forged(user, admin)), ran("open")},
	}
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, s.invoke(t, test.event)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// withoutBody is the outcome of a HEAD request: no problem document.
func (o outcome) withoutBody() outcome { o.Code = ""; return o }

// Nested claims and claims with odd names.
func TestGroupsClaim(t *testing.T) {
	t.Parallel()
	keycloak := func(roles any) value { return alice(value{"realm_access": value{"roles": roles}}) }
	withText := func(claims value, text string) caller {
		return func(e value) {
			bearer(claims)(e)
			at("requestContext.authorizer.jwt.claims.realm_access", text)(e)
		}
	}
	nested := []string{"realm_access", "roles"}
	tests := []struct {
		name  string
		claim []string
		who   caller
		want  outcome
	}{
		{"nested", nested, bearer(keycloak([]string{"user", "admin"})), ran("admins")},
		{"nested, without", nested, bearer(keycloak([]string{"user"})), refused(403, "missing_group")},
		{"nested, the gateway writes JSON", nested, withText(keycloak([]string{"admin"}), `{"roles":["admin"]}`), ran("admins")},
		{"nested, the gateway writes JSON with spaces", nested, withText(keycloak([]string{"user", "admin"}), `{ "roles": ["user", "admin"] }`), ran("admins")},
		{"nested, the gateway says nothing of it", nested, func(e value) {
			vouched(alice(nil))(e)
			header("authorization", "Bearer "+token(keycloak([]string{"admin"})))(e)
		}, refused(403, "missing_group")},
		{"nested, the gateway writes it in a way that is not known", nested, withText(keycloak([]string{"admin"}), "{roles=[admin]}"), refused(403, "missing_group")},
		{"nested, forged", nested, withText(keycloak([]string{"user", "admin"}), "map[roles:[user]]"), refused(403, "missing_group")},
		{"nested, forged, in JSON", nested, withText(keycloak([]string{"user", "admin"}), `{"roles":["user"]}`), refused(403, "missing_group")},
		{"nested, forged from a part of a name", nested, withText(keycloak([]string{"admin"}), "map[roles:[sysadmin administrator]]"), refused(403, "missing_group")},
		{"nested, forged from what is beside it", nested, withText(keycloak([]string{"admin"}), "map[admin:[x] roles:[user]]"), refused(403, "missing_group")},
		{"nested, forged from what lies deeper", []string{"resource_access", "app", "roles"}, func(e value) {
			access := func(wiki, app string) value {
				return alice(value{"resource_access": value{"wiki": value{"roles": []string{wiki}}, "app": value{"roles": []string{app}}}})
			}
			vouched(access("admin", "user"))(e)
			header("authorization", "Bearer "+token(access("user", "admin")))(e)
		}, refused(403, "missing_group")},
		{"nested twice", []string{"resource_access", "app", "roles"}, bearer(alice(value{"resource_access": value{"app": value{"roles": []string{"admin"}}}})), ran("admins")},
		{"nested, a name with spaces", nested, bearer(keycloak([]string{"staff admin"})), refused(403, "missing_group")},
		{"nested, no object", nested, bearer(alice(value{"realm_access": "roles"})), refused(403, "missing_group")},
		{"nested, text only", nested, vouched(keycloak([]string{"admin"})), refused(403, "missing_group")},
		{"a name with dots, colons and slashes", []string{"https://example.com/app.groups:v1"}, bearer(alice(value{"https://example.com/app.groups:v1": []string{"admin"}})), ran("admins")},
		{"a dotted name is no path", []string{"realm_access.roles"}, bearer(keycloak([]string{"admin"})), refused(403, "missing_group")},
		{"cognito", []string{"cognito:groups"}, bearer(alice(value{"cognito:groups": []string{"admin"}})), ran("admins")},
		{"no other claim instead", []string{"cognito:groups"}, bearer(alice(value{"groups": []string{"admin"}})), refused(403, "missing_group")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, accessManifest, framework.Options{GroupsClaim: test.claim}, accessHandlers...)
			if diff := cmp.Diff(test.want, s.invoke(t, get("/admins", test.who))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
