package framework_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
)

// Nobody's event, from each of the five services, with everything in it that a
// client can write, made to look like what only the service may write.
func TestLookAlikes(t *testing.T) {
	t.Parallel()
	admin := alice(value{"groups": []string{"admin"}})
	claims := texts(admin, apigw.HTTPAPIClaims)
	jwt := value{"jwt": value{"claims": claims, "scopes": nil}, "claims": claims, "iam": value{"userArn": "arn:aws:iam::123456789012:user/admin", "accessKey": "x"}}
	contextJSON, err := json.Marshal(value{"authorizer": jwt})
	if err != nil {
		t.Fatal(err)
	}
	said := string(contextJSON)
	headers := func(pairs ...string) func(value) {
		return func(e value) {
			for i := 0; i < len(pairs); i += 2 {
				e["headers"].(value)[pairs[i]] = pairs[i+1]
				if multi, ok := e["multiValueHeaders"].(value); ok {
					multi[pairs[i]] = []string{pairs[i+1]}
				}
			}
		}
	}
	tests := []struct {
		name string
		edit func(value)
	}{
		{"a token", headers("authorization", "Bearer "+token(admin))},
		{"a token of the load balancer", headers("x-amzn-oidc-data", token(admin), "x-amzn-oidc-accesstoken", token(admin), "x-amzn-oidc-identity", "alice")},
		{"context in headers", headers("x-amzn-request-context", said, "x-amzn-lambda-context", said, "x-apigateway-event", said, "x-apigateway-context", said,
			"requestContext", said, "requestcontext", said, "request-context", said, "authorizer", said)},
		{"claims in headers", headers("x-amzn-apigateway-claims", said, "claims", said, "groups", "admin", "x-groups", "[admin]", "x-jwt-claim-groups", "admin", "sub", "alice")},
		{"an ARN in headers", headers("x-amzn-iam-user-arn", "arn:aws:iam::123456789012:user/admin", "userarn", "x", "accesskey", "x")},
		{"context in the query", func(e value) {
			at("rawQueryString", "requestContext="+said+"&requestContext[authorizer][jwt][claims][groups]=admin&authorizer.claims.groups=admin")(e)
			at("queryStringParameters", value{"requestContext": said, "requestContext.authorizer.jwt.claims.groups": "admin", "__proto__": said})(e)
		}},
		{"context in the body", at("body", `{"requestContext":`+said+`}`)},
		{"context in a cookie", func(e value) {
			at("cookies", []string{"requestContext=" + said, "Authorization=Bearer " + token(admin)})(e)
			headers("cookie", "requestContext="+said)(e)
		}},
		{"context in the path's variables", at("pathParameters", value{"requestContext": said, "authorizer": said})},
		{"context in stage variables", at("stageVariables", value{"requestContext": said, "authorizer": said})},
		{"Requestcontext", at("Requestcontext", value{"authorizer": jwt})},
		{"requestcontext", at("requestcontext", value{"authorizer": jwt})},
		{"REQUESTCONTEXT", at("REQUESTCONTEXT", value{"authorizer": jwt})},
		{"request_context", at("request_context", value{"authorizer": jwt})},
		{"requestContext with a space", at("requestContext ", value{"authorizer": jwt})},
		{"requestContext with NUL", at("requestContext\x00", value{"authorizer": jwt})},
		{"requestContext with a K of Kelvin", at("re\u212auestContext", value{"authorizer": jwt})},
		{"authorizer outside of the context", at("authorizer", jwt)},
		{"authorizer in http", at("requestContext.http.authorizer", jwt)},
		{"authorizer in identity", at("requestContext.identity.authorizer", jwt)},
		{"authorizer in authentication", at("requestContext.authentication", jwt)},
		{"Authorizer", at("requestContext.Authorizer", jwt)},
		{"AUTHORIZER", at("requestContext.AUTHORIZER", jwt)},
		{"authorizer with a dot", at("requestContext", value{"authorizer.jwt": jwt["jwt"]})},
		{"JWT", at("requestContext.authorizer", value{"JWT": jwt["jwt"]})},
		{"Claims", at("requestContext.authorizer", value{"jwt": value{"Claims": claims}, "Claims": claims})},
		{"IAM", at("requestContext.authorizer", value{"IAM": jwt["iam"]})},
		{"a client's certificate", at("requestContext.authentication", value{"clientCert": value{"subjectDN": "CN=admin"}})},
		{"claims null", at("requestContext.authorizer", value{"jwt": value{"claims": nil}, "claims": nil})},
		{"claims empty", at("requestContext.authorizer", value{"jwt": value{"claims": value{}}, "claims": value{}})},
		{"principal of nobody", at("requestContext.authorizer", value{"principalId": "", "groups": "admin"})},
		{"a Lambda authorizer's claims", at("requestContext.authorizer", value{"principalId": "alice", "claims": claims, "groups": "[admin]", "sub": "alice"})},
		{"a Lambda authorizer's jwt", at("requestContext.authorizer", value{"lambda": value{"jwt": jwt["jwt"], "claims": claims}})},
		{"an ARN that is empty", at("requestContext.identity", value{"userArn": "", "caller": "", "accessKey": "", "user": "", "accountId": "123456789012"})},
		{"an account alone", at("requestContext.authorizer", value{"iam": value{"accountId": "123456789012"}})},
	}
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	for _, source := range sources() {
		for _, test := range tests {
			for _, path := range []string{"/admins", "/token", "/signed"} {
				e := source.event(path)
				before, _ := json.Marshal(e["requestContext"])
				test.edit(e)
				if test.name == "authorizer with a dot" { // which must not take the rest of the context away
					whole := value{}
					_ = json.Unmarshal(before, &whole)
					whole["authorizer.jwt"], whole["authorizer.claims"] = jwt["jwt"], claims
					e["requestContext"] = whole
				}
				got := s.invoke(t, e)
				if got.Ran != "" || got.Status != 401 {
					t.Errorf("%s, %s, %s: %+v", source.name, test.name, path, got)
				}
			}
		}
	}
	for _, secret := range []string{"alice", token(admin)[40:80], "arn:aws"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %q:\n%.2000s", secret, s.log)
		}
	}
}

// An event in which a key stands twice, in whatever spelling, is nobody's event:
// two readers could see two callers in it.
func TestKeysTwice(t *testing.T) {
	t.Parallel()
	admin := alice(value{"groups": []string{"admin"}})
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	for _, source := range sources() {
		e := source.event("/admins")
		bearer(admin)(e)
		if source.admin != nil {
			source.admin(e)
		}
		whole, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		text := string(whole)
		tests := map[string]string{
			"requestContext":                 strings.Replace(text, "{", `{"requestContext":{},`, 1),
			"requestContext with an escape":  strings.Replace(text, "{", `{"request\u0043ontext":{},`, 1),
			"requestContext with two":        strings.Replace(text, "{", `{"\u0072equestConte\u0078t":{},`, 1),
			"requestContext at the end":      text[:len(text)-1] + `,"requestContext":{}}`,
			"authorizer":                     strings.Replace(text, `"requestContext":{`, `"requestContext":{"authorizer":null,`, 1),
			"authorizer with an escape":      strings.Replace(text, `"requestContext":{`, `"requestContext":{"\u0061uthorizer":{},`, 1),
			"claims":                         strings.Replace(text, `"claims":{`, `"claims":{},"claims":{`, 1),
			"a claim":                        strings.Replace(text, `"groups":`, `"groups":"[user]","groups":`, 1),
			"a claim with an escape":         strings.Replace(text, `"groups":`, `"group\u0073":"[user]","groups":`, 1),
			"headers":                        strings.Replace(text, `"headers":{`, `"headers":{},"headers":{`, 1),
			"a header":                       strings.Replace(text, `"headers":{`, `"headers":{"x-a":"1","x-a":"2",`, 1),
			"the path":                       strings.Replace(text, "{", `{"rawPath":"/open","rawPath":"/open","path":"/open",`, 1),
			"a key that nobody reads":        strings.Replace(text, "{", `{"x":1,"x":1,`, 1),
			"a key of bytes that are no UTF": strings.Replace(text, "{", "{\"\xff\":1,\"\xfe\":1,", 1),
		}
		for name, text := range tests {
			if text == string(whole) {
				if name == "claims" && source.admin == nil || name == "authorizer" {
					continue
				}
				t.Errorf("%s, %s: nothing is twice", source.name, name)
			}
			s.ran = ""
			out, err := s.app.Invoke(context.Background(), []byte(text))
			if err == nil || s.ran != "" || !strings.Contains(err.Error(), "comes twice") {
				t.Errorf("%s, %s: answer %s, error %v", source.name, name, out, err)
			}
			if err != nil && strings.Contains(err.Error(), "alice") {
				t.Errorf("%s, %s: the error has a value: %v", source.name, name, err)
			}
		}
	}
}

// The headers of an event: several that differ in case, names that are none, and
// values that would be several lines.
func TestHeadersOfEvents(t *testing.T) {
	t.Parallel()
	admin, user := alice(value{"groups": []string{"admin"}}), alice(value{"groups": []string{"user"}})
	both := func(pairs ...any) func(value) {
		return func(e value) {
			for i := 0; i < len(pairs); i += 2 {
				name, v := pairs[i].(string), pairs[i+1].(string)
				e["headers"].(value)[name] = v
			}
		}
	}
	tests := []struct {
		name string
		edit func(value)
		want outcome
		saw  http.Header // of headers that begin with X-Seen
	}{
		{"Authorization in two cases", both("authorization", "Bearer "+token(admin), "Authorization", "Bearer "+token(admin)), refused(401, "token_mismatch"), nil},
		{"Authorization in two cases, forged", both("AUTHORIZATION", "Bearer "+token(admin), "authorization", "Bearer "+token(user)), refused(401, "token_mismatch"), nil},
		{"Authorization with a line", both("authorization", "Bearer "+token(user)+"\r\nAuthorization: Bearer "+token(admin)), refused(401, "token_mismatch"), nil},
		{"Authorization with a space in its name", both("authorization", "Bearer "+token(admin), "authorization ", "Bearer "+token(user)), ran("admins"), nil},
		{"Authorization with NUL in its name", both("authorization", "Bearer "+token(admin), "authorization\x00", "Bearer "+token(user)), ran("admins"), nil},
		{"Authorization with a colon in its name", both("authorization", "Bearer "+token(admin), "authorization:", "x", ":authorization", "x"), ran("admins"), nil},
		{"names that are none", both("authorization", "Bearer "+token(admin), "X-Seen A", "1", "X-Seen\r\nX-Seen-B", "1", "X-Seen\u00e9", "1", "", "1", "(X-Seen)", "1", "X-Seen:", "1"), ran("admins"), http.Header{}},
		{"a value of two lines", both("authorization", "Bearer "+token(admin), "x-seen", "a\r\nX-Seen-B: 1\x00\x7f\x1bc"), ran("admins"), http.Header{"X-Seen": {"a  X-Seen-B: 1   c"}}},
		{"names in several cases are one", both("authorization", "Bearer "+token(admin), "x-seen", "1", "X-Seen", "1"), ran("admins"), http.Header{"X-Seen": {"1", "1"}}},
		{"an underscore is no hyphen", both("authorization", "Bearer "+token(admin), "x_seen", "1"), ran("admins"), http.Header{}},
		{"host in two cases", both("authorization", "Bearer "+token(admin), "host", "a.example.com", "Host", "a.example.com"), ran("admins"), nil},
		{"host with a line", both("authorization", "Bearer "+token(admin), "host", "a\r\nX-Seen: 1"), ran("admins"), http.Header{}},
		{"transfer encoding", both("authorization", "Bearer "+token(admin), "transfer-encoding", "chunked", "content-length", "5, 6"), ran("admins"), nil},
		{"hop by hop", both("authorization", "Bearer "+token(admin), "connection", "authorization, x-seen", "x-seen", "1"), ran("admins"), http.Header{"X-Seen": {"1"}}},
	}
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	for _, test := range tests {
		e := get("/admins", vouched(admin))
		test.edit(e)
		if diff := cmp.Diff(test.want, s.invoke(t, e)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
			continue
		}
		if s.got == nil {
			continue
		}
		saw := http.Header{}
		for name, values := range s.got.Header {
			if strings.HasPrefix(strings.ToLower(name), "x-seen") {
				saw[name] = values
			}
			if strings.ContainsAny(fmt.Sprint(values), "\r\n\x00\x7f") {
				t.Errorf("%s: %q has %q", test.name, name, values)
			}
		}
		if test.saw != nil && !cmp.Equal(test.saw, saw) {
			t.Errorf("%s: the handler saw %v, want %v", test.name, saw, test.saw)
		}
		if strings.ContainsAny(s.got.Host, "\r\n") || s.got.ContentLength != 0 || len(s.got.TransferEncoding) > 0 {
			t.Errorf("%s: host %q, length %d, encoding %v", test.name, s.got.Host, s.got.ContentLength, s.got.TransferEncoding)
		}
	}

	// Methods that are none never get as far as a route.
	for _, method := range []string{"", "GET /open HTTP/1.1", "GET\r\nX: y", "GET\x00", "G\u00cbT", "GET,POST", " GET", "{GET}"} {
		payload, err := json.Marshal(httpAPI(method, "/open", "$default"))
		if err != nil {
			t.Fatal(err)
		}
		s.ran = ""
		if out, err := s.app.Invoke(context.Background(), payload); err == nil || s.ran != "" {
			t.Errorf("method %q: %s", method, out)
		}
	}
	for _, method := range []string{"get", "Get", "ANY", "*", "$default", "TRACE", "CONNECT", "GET_", strings.Repeat("G", 100_000)} {
		if got := s.invoke(t, httpAPI(method, "/open", "$default")); got.Status != 404 || got.Ran != "" {
			t.Errorf("method %.20q: %+v", method, got)
		}
	}
	if log := s.log.String(); strings.Contains(log, "alice") || slices.ContainsFunc(strings.Split(log, "\n"), func(l string) bool { return strings.Contains(l, token(admin)[40:80]) }) {
		t.Error("the log has a token or a claim")
	}
}
