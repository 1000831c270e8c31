package framework_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
)

// Beside each protected route is a public one that takes nearly the same paths.
const pathManifest = `
version: 1
routes:
  - {path: '/public/{x+}', method: GET, handler: public, public: true}
  - {path: '/private/{x+}', method: GET, handler: private, groups: [admin]}
  - {path: '/files/{x}', method: GET, handler: file, public: true}
  - {path: '/files/{x}/secret', method: GET, handler: secret, groups: [admin]}
  - {path: /admin, method: GET, handler: admin, groups: [admin]}
  - {path: '/{x}', method: GET, handler: any, public: true}
`

var pathHandlers = []string{"public", "private", "file", "secret", "admin", "any"}

// A source makes the event of one of AWS's services for a GET of an encoded path.
// Its gateway, if it is one, has a single route, which takes everything.
type source struct {
	name  string
	event func(path string) value
	admin caller // nil: this service vouches for no token
}

func unescaped(path string) string {
	s, err := url.PathUnescape(path)
	if err != nil {
		panic(err)
	}
	return s
}

func sources() []source {
	admin := alice(value{"groups": []string{"admin"}})
	const domain = "abcdefghij.execute-api.eu-west-1.amazonaws.com"
	v1 := func(path string) value {
		return value{
			"version": "1.0", "resource": "$default", "path": path, "httpMethod": "GET", "headers": value{"Host": domain}, "multiValueHeaders": value{},
			"requestContext": value{"resourceId": "$default", "httpMethod": "GET", "path": unescaped(path), "stage": "$default", "domainName": domain,
				"requestId": "id", "identity": value{"sourceIp": "203.0.113.7"}},
		}
	}
	return []source{
		{"HTTP API 2.0", func(path string) value { return httpAPI("GET", unescaped(path), "$default") }, bearer(admin)},
		{"HTTP API 1.0", v1, at("requestContext.authorizer", value{"claims": texts(admin, apigw.HTTPAPIClaims), "scopes": nil})},
		{"REST API", func(path string) value {
			e := v1(path)
			delete(e, "version")
			e["resource"] = "/{proxy+}"
			e["pathParameters"] = value{"proxy": strings.TrimPrefix(path, "/")}
			return edit(e, []func(value){at("requestContext.resourceId", "a1b2c3"), at("requestContext.stage", "dev"), at("requestContext.path", "/dev"+path)})
		}, at("requestContext.authorizer", value{"claims": texts(admin, apigw.CognitoRESTClaims)})},
		{"Function URL", func(path string) value {
			return httpAPI("GET", path, "$default", at("requestContext.domainName", "abcdefghij.lambda-url.eu-west-1.on.aws"))
		}, nil},
		{"load balancer", func(path string) value {
			return value{
				"requestContext": value{"elb": value{"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/routegate/0"}},
				"httpMethod":     "GET", "path": path, "queryStringParameters": value{},
				"headers": value{"host": "lb.example.com", "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}, "body": "", "isBase64Encoded": false,
			}
		}, nil},
	}
}

// Where no gateway has chosen a route, the path is decoded once, and then cut:
// from every service it is the same route's, and who may call that gets to it.
func TestPathConfusionBySource(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		route      string // "": none
	}{
		{"as it is", "/admin", "admin"},
		{"encoded letter", "/%61dmin", "admin"},
		{"double encoding", "/%2561dmin", "any"},
		{"upper case", "/ADMIN", "any"},
		{"fullwidth letters", "/%EF%BD%81dmin", "any"},
		{"zero width space", "/admin%E2%80%8B", "any"},
		{"composed", "/caf%C3%A9", "any"},
		{"decomposed", "/cafe%CC%81", "any"},
		{"trailing slash", "/admin/", "admin"},
		{"leading slashes", "//admin", "admin"},
		{"encoded trailing slash", "/admin%2F", "admin"},
		{"encoded leading slash", "/%2Fadmin", "admin"},
		{"encoded slash", "/private%2Fx", "private"},
		{"double-encoded slash", "/private%252Fx", "any"},
		{"encoded slash in a deeper route", "/files/a%2Fsecret", "secret"},
		{"double-encoded slash in a deeper route", "/files/a%252Fsecret", "file"},
		{"encoded slash that makes it too deep", "/files/a%2Fb/secret", ""},
		{"repeated slashes", "/files//a///secret", "secret"},
		{"greedy route with nothing", "/private/", "any"},
		{"fullwidth slash", "/private%EF%BC%8Fx", "any"},
		{"overlong slash", "/private%C0%AFx", "any"},
		{"backslash", "/private%5Cx", "any"},
		{"dot", "/./admin", ""},
		{"dots", "/public/../admin", "public"},
		{"encoded dots", "/public/%2e%2e/admin", "public"},
		{"dots and encoded slashes", "/public%2F..%2Fadmin", "public"},
		{"dots as a value", "/files/..", "file"},
		{"dots as a value of a deeper route", "/files/../secret", "secret"},
		{"dots above the root", "/../admin", ""},
		{"dots with a parameter", "/public/..;/admin", "public"},
		{"trailing dot", "/admin.", "any"},
		{"trailing space", "/admin%20", "any"},
		{"trailing plus", "/admin+", "any"},
		{"line", "/admin%0A", "any"},
		{"NUL", "/admin%00", "any"},
		{"parameter", "/admin;x=1", "any"},
		{"parameter in the middle", "/files;x=1/a/secret", ""},
		{"question mark", "/admin%3Fx", "any"},
		{"question mark in a deeper route", "/files/a%3F/secret", "secret"},
		{"question mark that hides a route", "/files/a%3F%2Fsecret", "secret"},
		{"number sign", "/admin%23", "any"},
		{"percent sign", "/files/%25", "file"},
		{"encoded escape", "/files/%252F", "file"},
		{"encoded braces", "/files/%7Bx%7D/secret", "secret"},
		{"colon and star", "/:x", "any"},
		{"star", "/*x", "any"},
		{"a host", "//y/admin", ""},
		{"very long", "/files/" + strings.Repeat("a", 100_000) + "/secret", "secret"},
		{"very many segments", "/private/" + strings.Repeat("a/", 50_000), "private"},
		{"very many slashes", strings.Repeat("/", 100_000) + "admin", "admin"},
	}
	protected := map[string]bool{"admin": true, "private": true, "secret": true}
	for _, source := range sources() {
		t.Run(source.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, pathManifest, framework.Options{}, pathHandlers...)
			for _, test := range tests {
				for _, who := range []caller{nobody, source.admin} {
					if who == nil {
						continue
					}
					e := source.event(test.path)
					who(e)
					want := ran(test.route)
					_, vouched := e["requestContext"].(value)["authorizer"]
					switch {
					case test.route == "":
						want = refused(404, "no_route")
					case protected[test.route] && !vouched:
						want = refused(401, "no_principal")
					}
					if diff := cmp.Diff(want, s.invoke(t, e)); diff != "" {
						t.Errorf("%s, vouched for: %v (-want +got):\n%s", test.name, vouched, diff)
					}
				}
			}
			if strings.Contains(s.log.String(), "dmin%") || strings.Contains(s.log.String(), "files/a") {
				t.Error("the log has paths")
			}
		})
	}
}

// Whatever route a gateway says that it chose, and whatever values it gives: that
// route runs, by its own rule, or none does.
func TestChosenRouteRunsOrNone(t *testing.T) {
	t.Parallel()
	handler := map[string]string{
		"GET /public/{x+}": "public", "GET /private/{x+}": "private", "GET /files/{x}": "file", "GET /files/{x}/secret": "secret", "GET /admin": "admin", "GET /{x}": "any",
	}
	protected := map[string]bool{"admin": true, "private": true, "secret": true}
	paths := []string{
		"/admin", "/admin/", "//admin", "/private/x", "/private/", "/files/a", "/files/a/secret", "/files//secret", "/public/../admin", "/public/x", "/x",
		"/admin\x00", "/ADMIN", "/files/../secret", "/private//x", "/", "", "/files/a/secret/", "/{x}", "/files/{x}", "/private/{x+}", "/\ufffd", "/files/\ufffd",
	}
	values := []string{"", "a", "x", "/x", "admin", "/admin", "../admin", "a/secret", "secret", "{x}", "{x+}", "..", "/", "\ufffd"}
	s := newService(t, pathManifest, framework.Options{}, pathHandlers...)
	tries, runs := 0, map[string]int{}
	for key, own := range handler {
		for _, path := range paths {
			for _, v := range values {
				for _, v1 := range []bool{false, true} {
					e := httpAPI("GET", path, key, params("x", v))
					if v1 {
						e = sources()[1].event("/")
						edit(e, []func(value){params("x", v), at("path", path), at("resource", strings.TrimPrefix(key, "GET ")), at("requestContext.resourceId", key), at("requestContext.path", path)})
					}
					tries++
					got := s.invoke(t, e)
					pattern := strings.TrimPrefix(key, "GET ")
					filled := strings.NewReplacer("{x}", v, "{x+}", v).Replace(pattern)
					want := ran(own)
					switch {
					case segments(filled) != segments(path):
						want = refused(403, "route_mismatch") // the gateway contradicts itself
					case protected[own]:
						want = refused(401, "no_principal")
					}
					if got != want {
						t.Errorf("key %q, path %q, x %q: %+v, want %+v", key, path, v, got, want)
					}
					runs[got.Ran]++
				}
			}
		}
	}
	if runs["any"] == 0 || runs["file"] == 0 || runs["public"] == 0 {
		t.Errorf("%d tries, of which ran: %v", tries, runs)
	}
}

// segments is a path without its empty segments.
func segments(path string) string {
	return strings.Join(strings.FieldsFunc(path, func(r rune) bool { return r == '/' }), "/")
}
