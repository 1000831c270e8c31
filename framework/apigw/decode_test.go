package apigw

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHTTPAPIPath(t *testing.T) {
	tests := []struct{ rawPath, stage, want string }{
		{"/users", "$default", "/users"},
		{"/mvp/users", "$default", "/mvp/users"},
		{"/mvp/users", "", "/mvp/users"},
		{"/mvp/users", "mvp", "/users"},
		{"/mvp/users/", "mvp", "/users/"},
		{"/mvp//users", "mvp", "//users"},
		{"/mvp/mvp/x", "mvp", "/mvp/x"}, // once
		{"/mvp", "mvp", "/"},
		{"/mvp/", "mvp", "/"},
		{"/mvpadmin/x", "mvp", "/mvpadmin/x"}, // not a segment
		{"/MVP/x", "mvp", "/MVP/x"},
		{"/users", "mvp", "/users"},
		{"", "$default", "/"}, // nothing after the mapping key
		{"", "mvp", "/"},
		{"/a?admin=true", "$default", "/a?admin=true"},
		{"/a#frag", "$default", "/a#frag"},
		{"/100%", "$default", "/100%"},
		{"/%61dmin", "$default", "/%61dmin"},
		{"/a/../b//", "$default", "/a/../b//"},
		{"//evil.example.com/x", "$default", "//evil.example.com/x"},
		{"/ä ☕", "$default", "/ä ☕"},
	}
	for _, tt := range tests {
		e := decode(t, edit(t, "httpapi-lambda", "rawPath", tt.rawPath, "requestContext.stage", tt.stage))
		if e.Path != tt.want {
			t.Errorf("rawPath %q, stage %q: Path %q, want %q", tt.rawPath, tt.stage, e.Path, tt.want)
		}
		req := request(t, e)
		if req.URL.Path != tt.want || req.URL.RawQuery != "" || req.URL.Fragment != "" || req.URL.Host != "" {
			t.Errorf("rawPath %q: URL %#v", tt.rawPath, req.URL)
		}
	}
}

func TestFunctionURLPath(t *testing.T) {
	tests := []struct{ rawPath, want, escaped string }{
		{"/a%20b", "/a b", "/a%20b"},
		{"/a%2Fb", "/a/b", "/a%2Fb"},
		{"/a%2fb", "/a/b", "/a%2fb"}, // the client's spelling
		{"/%2561", "/%61", "/%2561"}, // once
		{"/a%3Fb%23", "/a?b#", "/a%3Fb%23"},
		{"/100%", "/100%", "/100%25"},
		{"/%zz%41%4", "/%zzA%4", "/%25zzA%254"},
		{"/a+b", "/a+b", "/a+b"},
		{"", "/", "/"},
		{"/$default/x", "/$default/x", "/$default/x"},
		{"//x/", "//x/", "//x/"},
	}
	for _, tt := range tests {
		e := decode(t, edit(t, "functionurl", "rawPath", tt.rawPath))
		if got := request(t, e).URL.EscapedPath(); e.Path != tt.want || got != tt.escaped {
			t.Errorf("rawPath %q: Path %q, escaped %q; want %q, %q", tt.rawPath, e.Path, got, tt.want, tt.escaped)
		}
	}
}

func TestHTTPAPIv1Path(t *testing.T) {
	const execute, custom = "abcde12345.execute-api.eu-central-1.amazonaws.com", "api.example.com"
	tests := []struct {
		path, contextPath any
		stage, domain     string
		want              string
	}{
		{"/users/J%20D", "/users/J D", "$default", execute, "/users/J D"},
		{"/users/J D", "/users/J D", "$default", execute, "/users/J D"}, // the other report
		{"/mvp/users/J%20D", "/mvp/users/J D", "mvp", execute, "/users/J D"},
		{"/users/J%20D", "/mvp/users/J D", "mvp", execute, "/users/J D"},
		{"/users/J%20D", "/users/J D", "mvp", execute, "/users/J D"},
		{"/users/%2541", "/users/%41", "$default", execute, "/users/%41"},
		{"/users/a%20b", nil, "$default", execute, "/users/a%20b"}, // never guess
		{"/mvpadmin", "/mvpadmin", "mvp", execute, "/mvpadmin"},
		{"/key/users/J%20D", "/key/users/J D", "$default", custom, "/users/J D"},
		{"/key/users/J%20D", "/mvp/users/J D", "mvp", custom, "/users/J D"},
		{"/key/users/J%20D", "/key/users/J D", "$default", execute, "/key/users/J D"},
		{"", "", "$default", execute, "/"},
	}
	for _, tt := range tests {
		e := decode(t, edit(t, "httpapiv1-jwt", "path", tt.path, "requestContext.path", tt.contextPath,
			"requestContext.stage", tt.stage, "requestContext.domainName", tt.domain, "pathParameters.name", "J D"))
		if e.Path != tt.want {
			t.Errorf("path %q, requestContext.path %v, stage %q, domain %q: Path %q, want %q",
				tt.path, tt.contextPath, tt.stage, tt.domain, e.Path, tt.want)
		}
	}
}

// The client's encoding is known if what the event has in path decodes to Path.
func TestHTTPAPIv1EscapedPath(t *testing.T) {
	const execute, custom = "abcde12345.execute-api.eu-central-1.amazonaws.com", "api.example.com"
	for _, tt := range []struct {
		path, contextPath any
		stage, domain     string
		want              string
	}{
		{"/files/a%2Fb", "/files/a/b", "$default", execute, "/files/a%2Fb"},
		{"/files/a%2fb", "/files/a/b", "$default", execute, "/files/a%2fb"}, // the client's spelling
		{"/files/a%252Fb", "/files/a%2Fb", "$default", execute, "/files/a%252Fb"},
		{"/mvp/files/a%2Fb", "/mvp/files/a/b", "mvp", execute, "/files/a%2Fb"},
		{"/files/a%2Fb", "/mvp/files/a/b", "mvp", execute, "/files/a%2Fb"},
		{"/key/files/a%2Fb", "/mvp/files/a/b", "mvp", custom, "/files/a%2Fb"},
		{"/a%2Fkey/files/a%2Fb", "/mvp/files/a/b", "mvp", execute, "/files/a%2Fb"},
		{"/mvp", "/mvp", "mvp", execute, "/"},
		{"/mvp/", "/mvp/", "mvp", execute, "/"},
		// Decoded already, as another report has it.
		{"/files/a/b", "/files/a/b", "$default", execute, "/files/a/b"},
		{"/files/a%2Fb", "/files/a%2Fb", "$default", execute, "/files/a%252Fb"},
		{"/files/a b", "/files/a b", "$default", execute, "/files/a%20b"},
		{"/files/100%", "/files/100%", "$default", execute, "/files/100%25"},
		// Another path is not the request's.
		{"/admin", "/files/a/b", "$default", execute, "/files/a/b"},
		{"/files/c%2Fd", "/files/a/b", "$default", execute, "/files/a/b"},
		{"/xfiles/a%2Fb", "/files/a/b", "$default", execute, "/files/a/b"},
		{"%2Ffiles/a%2Fb", "/files/a/b", "$default", execute, "/files/a/b"},
		{"x%2Ffiles/a%2Fb", "/files/a/b", "$default", execute, "/files/a/b"},
		{"", "/files/a/b", "$default", execute, "/files/a/b"},
		{nil, "/files/a/b", "$default", execute, "/files/a/b"},
		{"/files/a%2Fb", nil, "$default", execute, "/files/a%252Fb"}, // which did not come from a gateway
	} {
		e := decode(t, edit(t, "httpapiv1-jwt", "path", tt.path, "requestContext.path", tt.contextPath,
			"requestContext.stage", tt.stage, "requestContext.domainName", tt.domain, "resource", "/files/{p+}", "pathParameters", map[string]any{"p": "a/b"}))
		req := request(t, e)
		if got := req.URL.EscapedPath(); got != tt.want || unescape(got) != e.Path || !strings.HasPrefix(req.RequestURI, got) {
			t.Errorf("path %v, requestContext.path %v, stage %q, domain %q: %q, RequestURI %q, Path %q, want %q",
				tt.path, tt.contextPath, tt.stage, tt.domain, got, req.RequestURI, e.Path, tt.want)
		}
	}
}

func TestHTTPAPIv1RouteKey(t *testing.T) {
	tests := []struct {
		resourceID, routeKey any
		resource             string
		want                 string
	}{
		{"GET /users/{name}", nil, "/x", "GET /users/{name}"},
		{"ANY /{proxy+}", "GET /x", "/x", "ANY /{proxy+}"},
		{"$default", nil, "$default", "$default"},
		{"al6gqb", "GET /users", "/x", "GET /users"},
		{nil, nil, "/users/{name}", "GET /users/{name}"},
		{"a b", nil, "$default", "$default"},
		{"", "", "", ""},
	}
	for _, tt := range tests {
		e := decode(t, edit(t, "httpapiv1-jwt", "requestContext.resourceId", tt.resourceID,
			"requestContext.routeKey", tt.routeKey, "resource", tt.resource))
		if e.RouteKey != tt.want {
			t.Errorf("%+v: RouteKey %q", tt, e.RouteKey)
		}
	}
}

func TestRESTPath(t *testing.T) {
	const execute, custom = "abcde12345.execute-api.eu-central-1.amazonaws.com", "api.example.com"
	tests := []struct {
		path, contextPath, domain string
		resource                  string
		params                    map[string]any
		want                      string
	}{
		{"/users/1", "/live/users/1", execute, "/users/{id}", map[string]any{"id": "1"}, "/users/1"},
		{"/live/users/1", "/live/live/users/1", execute, "/{p+}", map[string]any{"p": "live/users/1"}, "/live/users/1"},
		{"/key/users/a%2Fb", "/key/users/a%2Fb", custom, "/users/{id}", map[string]any{"id": "a%2Fb"}, "/users/a/b"},
		{"/key/users/1//", "/key/users/1//", custom, "/users/{id}", map[string]any{"id": "1"}, "/users/1//"},
		{"/users/1", "/users/1", custom, "/users/{id}", map[string]any{"id": "1"}, "/users/1"},
		{"/key/users/1", "/live/users/1", custom, "/users/{id}", map[string]any{"id": "1"}, "/key/users/1"},
		{"/key/users/1", "/key/users/1", execute, "/users/{id}", map[string]any{"id": "1"}, "/key/users/1"},
		{"/key/users/1", "/key/users/1", "", "/users/{id}", map[string]any{"id": "1"}, "/key/users/1"},
		{"/keyusers/1", "/keyusers/1", custom, "/users/{id}", map[string]any{"id": "1"}, "/keyusers/1"},
		{"/key/users/2", "/key/users/2", custom, "/users/{id}", map[string]any{"id": "1"}, "/key/users/2"},
		{"/key/users/1", "/key/users/1", custom, "/users/{id}", nil, "/key/users/1"},
		{"/key", "/key", custom, "/", nil, "/"},
		{"/key/", "/key/", custom, "/", nil, "/"},
		{"/a%252Fb/100%", "/live/a%252Fb/100%", execute, "/{p+}", map[string]any{"p": "a%252Fb/100%"}, "/a%2Fb/100%"},
		{"", "/live", execute, "/", nil, "/"},
	}
	for _, tt := range tests {
		e := decode(t, edit(t, "rest-iam", "path", tt.path, "requestContext.path", tt.contextPath,
			"requestContext.domainName", tt.domain, "resource", tt.resource, "pathParameters", tt.params))
		if e.Path != tt.want || e.RouteKey != "GET "+tt.resource {
			t.Errorf("%+v: Path %q, RouteKey %q", tt, e.Path, e.RouteKey)
		}
	}
}

// What the route says, filled in, must be the path: callers compare the two, and
// decoding must not come between, whatever the escapes.
func TestFilledRouteIsPath(t *testing.T) {
	for _, name := range []string{"httpapi-jwt", "httpapi-iam", "httpapiv1-jwt", "httpapiv1-custom-domain", "rest-cognito", "rest-custom-domain"} {
		e := decode(t, edit(t, name))
		_, resource, _ := strings.Cut(e.RouteKey, " ")
		filled, ok := fill(resource, e.PathParameters)
		if !ok || strings.TrimRight(filled, "/") != strings.TrimRight(e.Path, "/") {
			t.Errorf("%s: %q filled is %q, Path %q", name, e.RouteKey, filled, e.Path)
		}
	}
}

func TestALB(t *testing.T) {
	tests := []struct {
		name string
		edit []any
		got  func(*Event) any
		want any
	}{
		{"no forwarded-for", []any{"headers.x-forwarded-for", drop}, func(e *Event) any { return e.SourceIP }, ""},
		{"address and port", []any{"headers.x-forwarded-for", "198.51.100.66, 203.0.113.7:40123"}, func(e *Event) any { return e.SourceIP }, "203.0.113.7"},
		{"bare IPv6", []any{"headers.x-forwarded-for", "198.51.100.66,2001:db8::7"}, func(e *Event) any { return e.SourceIP }, "2001:db8::7"},
		{"no trace", []any{"headers.x-amzn-trace-id", drop}, func(e *Event) any { return e.RequestID }, ""},
		{"a root of the client's own making", []any{"headers.x-amzn-trace-id", "Root=secret"}, func(e *Event) any { return e.RequestID }, ""},
		{"no stage", []any{"requestContext.stage", "mvp"}, func(e *Event) any { return e.Stage }, ""},
		{"no authorizer", []any{"requestContext.authorizer", map[string]any{"claims": map[string]any{"sub": "admin"}}}, func(e *Event) any { return e.Authorizer.Kind }, NoAuthorizer},
		{"no parameters", []any{"pathParameters", map[string]any{"id": "1"}, "resource", "/{id}"}, func(e *Event) any { return fmt.Sprint(e.PathParameters, e.RouteKey) }, "map[]"},
		{"single", nil, func(e *Event) any { return e.multi }, false},
		{"multi", []any{"headers", nil, "multiValueHeaders", map[string]any{"host": []string{"x"}}}, func(e *Event) any { return e.multi }, true},
		{"multi but empty", []any{"headers", drop, "multiValueHeaders", map[string]any{}}, func(e *Event) any { return e.multi }, true},
		{"typed single", []any{"multiValueHeaders", map[string]any{}, "multiValueQueryStringParameters", nil}, func(e *Event) any { return e.multi }, false},
		{"proto the client sent as well", []any{"headers.X-Forwarded-Proto", "https"}, func(e *Event) any { return e.https }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.got(decode(t, edit(t, "alb-single", tt.edit...)))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name    string
		payload string
		want    []string // parts of the message
	}{
		{"authorizer call, 2.0", string(edit(t, "httpapi-jwt", "type", "REQUEST", "routeArn", "arn:aws:x")), []string{"a call of a Lambda authorizer"}},
		{"authorizer call, 1.0", string(edit(t, "rest-iam", "type", "REQUEST", "methodArn", "arn:aws:x")), []string{"a call of a Lambda authorizer"}},
		{"authorizer call, token", `{"type":"TOKEN","authorizationToken":"s3cret","methodArn":"arn"}`, []string{"a call of a Lambda authorizer", `"authorizationToken", "methodArn", "type"`}},
		{"websocket", `{"requestContext":{"connectionId":"L0SM9cOFvHcCIhw=","eventType":"MESSAGE"},"body":"s3cret"}`, []string{"a WebSocket event"}},
		{"queue", `{"Records":[{"body":"s3cret"}]}`, []string{"an S3, SQS, SNS or stream event", `"Records"`}},
		{"schedule", `{"source":"s3cret","detail-type":"Scheduled Event","detail":{}}`, []string{"an EventBridge event", `the keys "detail", "detail-type", "source"`}},
		{"unknown", `{"b":"s3cret","a":1}`, []string{`it has the keys "a", "b"`}},
		{"empty object", `{}`, []string{"it has no keys"}},
		{"later version", string(edit(t, "httpapi-jwt", "version", "3.0")), []string{"not a request", `"version"`}},
		{"2.0 without http", string(edit(t, "httpapi-jwt", "requestContext.http", drop)), []string{"not a request"}},
		{"1.0 without method", string(edit(t, "httpapiv1-jwt", "httpMethod", drop)), []string{"not a request"}},
		{"version is a number", string(edit(t, "rest-iam", "version", 2)), []string{"not a request"}},

		{"not JSON", `{"a":`, []string{"unexpected end of JSON input"}},
		{"nothing", ``, []string{"unexpected end of JSON input"}},
		{"two values", `{} {}`, []string{"after top-level value"}},
		{"null", `null`, []string{"not a JSON object"}},
		{"array", `[]`, []string{"not a JSON object"}},
		{"string", `"s3cret"`, []string{"not a JSON object"}},

		{"wrong type", string(edit(t, "httpapi-jwt", "requestContext", "s3cret")), []string{`"requestContext" is a string, want an object`}},
		{"wrong type, nested", string(edit(t, "httpapi-jwt", "requestContext.http.sourceIp", 7)), []string{`"requestContext.http.sourceIp" is a number, want a string`}},
		{"wrong type of a header", string(edit(t, "httpapi-jwt", "headers.x-a", []string{"s3cret"})), []string{`"headers.x-a" is an array, want a string`}},
		{"wrong type of a value", string(edit(t, "rest-iam", "multiValueHeaders.x-a", []any{"a", 1})), []string{`"multiValueHeaders.x-a.1" is a number, want a string`}},
		{"wrong type of claims", string(edit(t, "httpapi-jwt", "requestContext.authorizer.jwt.claims", "s3cret")), []string{`"requestContext.authorizer.jwt.claims" is a string, want an object`}},
		{"wrong type of scopes", string(edit(t, "httpapi-jwt", "requestContext.authorizer.jwt.scopes", "s3cret")), []string{`is a string, want an array`}},
		{"wrong type of flag", string(edit(t, "httpapi-jwt", "isBase64Encoded", "true")), []string{`"isBase64Encoded" is a string, want a boolean`}},
		{"wrong type of body", string(edit(t, "alb-single", "body", map[string]any{"a": "s3cret"})), []string{`"body" is an object, want a string`}},

		{"no method", string(edit(t, "httpapi-jwt", "requestContext.http.method", nil)), []string{"the method is not"}},
		{"bad method", string(edit(t, "alb-single", "httpMethod", "GET /x")), []string{"the method is not"}},
		{"no slash", string(edit(t, "httpapi-jwt", "rawPath", "s3cret")), []string{`does not start with "/"`}},
		{"escaped slash", string(edit(t, "functionurl", "rawPath", "%2Fs3cret")), []string{`does not start with "/"`}},
		{"asterisk", string(edit(t, "alb-single", "path", "*")), []string{`does not start with "/"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := Decode([]byte(tt.payload))
			if err == nil {
				t.Fatalf("got %+v, want an error", e)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q shows a value of the event", err)
			}
		})
	}

	var syntax *json.SyntaxError
	if _, err := Decode([]byte(`{"a"}`)); !errors.As(err, &syntax) {
		t.Errorf("error %v does not wrap that of encoding/json", err)
	}
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, `%q:1,`, fmt.Sprintf("key%02d", i))
	}
	_, err := Decode([]byte("{" + strings.TrimSuffix(many.String(), ",") + "}"))
	if !strings.HasSuffix(err.Error(), `"key19" and 80 more`) {
		t.Errorf("error for many keys: %v", err)
	}
}

// encoding/json would take each of these keys for the real one.
func TestDecodeKeyCase(t *testing.T) {
	insert := func(base []byte, after, extra string) []byte {
		at := strings.Index(string(base), after)
		if at < 0 {
			t.Fatalf("no %s in %s", after, base)
		}
		at += len(after)
		return []byte(string(base[:at]) + extra + string(base[at:]))
	}
	anonymous := edit(t, "httpapi-typed-nulls", "rawPath", "/real", "pathParameters", map[string]any{"a": "real"})
	tests := []struct{ after, extra string }{
		{`{`, `"RequestContext":{"authorizer":{"jwt":{"claims":{"sub":"admin"}}},"http":{"method":"PUT"}},`},
		{`"requestContext":{`, `"Authorizer":{"jwt":{"claims":{"sub":"admin"}}},`},
		{`"requestContext":{`, `"HTTP":{"method":"PUT","sourceIp":"198.51.100.66"},`},
		{`"authorizer":{`, `"JWT":{"claims":{"sub":"admin"}},`},
		{`"jwt":{`, `"Claims":{"sub":"admin"},`},
		{`"iam":{`, `"UserArn":"arn:admin",`},
		{`{`, `"RouteKey":"GET /admin",`},
		{`{`, `"RAWPATH":"/admin",`},
		{`{`, `"PathParameters":{"a":"admin"},`},
		{`{`, `"Headers":{"authorization":"Bearer a.b.c"},`},
		{`{`, `"Version":"1.0","HttpMethod":"PUT","TYPE":"REQUEST",`},
		{`{`, `"Body":"admin","IsBase64Encoded":true,`},
	}
	want := describe(t, decode(t, anonymous))
	for _, tt := range tests {
		got := describe(t, decode(t, insert(anonymous, tt.after, tt.extra)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s after %s changes the event (-want +got):\n%s", tt.extra, tt.after, diff)
		}
	}

	// Alone, a key in the wrong case is an unknown key.
	wrong := strings.Replace(string(anonymous), `"requestContext"`, `"RequestContext"`, 1)
	if _, err := Decode([]byte(wrong)); err == nil {
		t.Error("RequestContext passes for requestContext")
	}

	// In the right case but twice, none of the two can be trusted.
	for _, tt := range []struct{ after, extra, want string }{
		{`{`, `"requestContext":{},`, `the event: key "requestContext" comes twice`},
		{`"jwt":{`, `"claims":{"sub":"admin"},`, `"requestContext.authorizer.jwt": key "claims" comes twice`},
		{`"headers":{`, `"accept":"x",`, `"headers": key "accept" comes twice`},
		{`{`, `"r\u0061wPath":"/admin",`, `key "rawPath" comes twice`},
	} {
		_, err := Decode(insert(anonymous, tt.after, tt.extra))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s after %s: error %v, want %q", tt.extra, tt.after, err, tt.want)
		}
	}
}

// Each optional key may be null, absent or empty.
func TestDecodeOptional(t *testing.T) {
	optional := map[string][]string{
		"httpapi-jwt": {"routeKey", "rawQueryString", "cookies", "headers", "pathParameters", "body", "isBase64Encoded",
			"requestContext.authorizer", "requestContext.domainName", "requestContext.requestId", "requestContext.stage",
			"requestContext.http.sourceIp", "requestContext.authorizer.jwt", "requestContext.authorizer.jwt.claims", "requestContext.authorizer.jwt.scopes"},
		"functionurl": {"routeKey", "cookies", "headers", "requestContext.authorizer", "requestContext.stage"},
		"httpapiv1-jwt": {"resource", "path", "headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters",
			"pathParameters", "requestContext", "requestContext.identity", "requestContext.authorizer", "requestContext.resourceId", "requestContext.authorizer.claims"},
		"rest-cognito": {"resource", "headers", "multiValueHeaders", "pathParameters", "requestContext.path", "requestContext.identity", "requestContext.authorizer"},
		"alb-multi":    {"path", "headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters", "body"},
	}
	for name, keys := range optional {
		for _, key := range keys {
			for _, value := range []any{nil, drop} {
				e, err := Decode(edit(t, name, key, value))
				if err != nil {
					t.Errorf("%s with %s %v: %v", name, key, value, err)
					continue
				}
				if _, err := e.Request(t.Context()); err != nil {
					t.Errorf("%s with %s %v: %v", name, key, value, err)
				}
			}
		}
	}
}

// A null is no value, wherever it stands, and does not end the list or the object.
func TestNullsAreSkipped(t *testing.T) {
	e := decode(t, edit(t, "httpapi-form",
		"cookies", []any{nil, "a=1", nil, "b=2"},
		"pathParameters", map[string]any{"a": nil, "b": "2", "c": nil, "d": "4"}))
	if diff := cmp.Diff([]string{"a=1; b=2"}, request(t, e).Header["Cookie"]); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"b": "2", "d": "4"}, e.PathParameters); diff != "" {
		t.Errorf("path parameters (-want +got):\n%s", diff)
	}
	e = decode(t, edit(t, "rest-cognito", "multiValueQueryStringParameters", map[string]any{"a": nil, "b": []any{nil, "2"}, "c": nil, "d": []any{"4", nil}}))
	if got, want := request(t, e).URL.RawQuery, "b=2&d=4"; got != want {
		t.Errorf("query %q, want %q", got, want)
	}
}

func TestIsRouteKey(t *testing.T) {
	for s, want := range map[string]bool{
		"$default": true, "GET /": true, "ANY /a/{b}": true,
		"": false, "a1b2c3": false, "GET a": false, "GET": false, "/a": false, " /a": false, "G@T /a": false, "$default /": true,
	} {
		if got := isRouteKey(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestFill(t *testing.T) {
	params := map[string]string{"a": "1", "b": "2/3", "": "none"}
	for resource, want := range map[string]string{
		"/": "/", "/x": "/x", "/{a}": "/1", "/x/{a}/{b+}": "/x/1/2/3",
		"/{a/a}": "/{a/a}", "/{}": "/none", // no variable, and one without a name
		"": "", "$default": "", "x/{a}": "", "/{c}": "", "/{a}/{c+}": "",
	} {
		if got, ok := fill(resource, params); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", resource, got, ok)
		}
	}
}

func TestTrimStage(t *testing.T) {
	for _, tt := range []struct{ path, stage, want string }{
		{"/mvp/x", "mvp", "/x"},
		{"/mvp", "mvp", ""},
		{"/mvpx", "mvp", "/mvpx"},
		{"/x/mvp", "mvp", "/x/mvp"},
		{"//x", "", "//x"}, // no stage
		{"/$default/x", "$default", "/$default/x"},
	} {
		if got := trimStage(tt.path, tt.stage, "/{p+}", nil); got != tt.want {
			t.Errorf("%q in stage %q: %q, want %q", tt.path, tt.stage, got, tt.want)
		}
	}
}

func TestSourceString(t *testing.T) {
	got := fmt.Sprint(HTTPAPI, FunctionURL, HTTPAPIv1, REST, ALB, Source(0))
	if want := "HTTP API Function URL HTTP API (payload 1.0) REST API load balancer Source(0)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
