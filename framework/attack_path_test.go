package framework_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
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

// TestPathsOverAllFrontEnds sends one table of paths through all six front ends.
// The path is cut at its slashes and then decoded, once, whether a gateway chose the
// route by the encoded path, or the function did because no gateway chose. Only an
// HTTP API event of payload 2.0 that names no route of the table has no encoded path.
// Then the path is decoded before it is cut.
func TestPathsOverAllFrontEnds(t *testing.T) {
	t.Parallel()
	const (
		no   = ""            // no route takes the path
		dots = "dot segment" // the path is refused
	)
	tests := []struct {
		name, path string
		route      string // the route that is chosen by the encoded path
		// read is the route that the decoded path belongs to, which must allow the
		// caller too. It is "=" if that is the same one.
		read string
	}{
		{"as it is", "/admin", "admin", "="},
		{"encoded letter", "/%61dmin", "admin", "="},
		{"double encoding", "/%2561dmin", "any", "="},
		{"upper case", "/ADMIN", "any", "="},
		{"fullwidth letters", "/%EF%BD%81dmin", "any", "="},
		{"zero width space", "/admin%E2%80%8B", "any", "="},
		{"composed", "/caf%C3%A9", "any", "="},
		{"decomposed", "/cafe%CC%81", "any", "="},
		{"trailing slash", "/admin/", "admin", "="},
		{"leading slashes", "//admin", "admin", "="},
		{"encoded trailing slash", "/admin%2F", "any", "admin"},
		{"encoded leading slash", "/%2Fadmin", "any", "admin"},
		{"encoded slash", "/private%2Fx", "any", "private"},
		{"double-encoded slash", "/private%252Fx", "any", "="},
		{"encoded slash in a deeper route", "/files/a%2Fsecret", "file", "secret"},
		{"double-encoded slash in a deeper route", "/files/a%252Fsecret", "file", "="},
		{"encoded slash that makes it too deep", "/files/a%2Fb/secret", "secret", no},
		{"repeated slashes", "/files//a///secret", "secret", "="},
		{"greedy route with nothing", "/private/", "any", "="},
		{"fullwidth slash", "/private%EF%BC%8Fx", "any", "="},
		{"overlong slash", "/private%C0%AFx", "any", "="},
		{"backslash", "/private%5Cx", "any", "="},
		{"dot", "/./admin", dots, "="},
		{"dots", "/public/../admin", dots, "="},
		{"encoded dots", "/public/%2e%2e/admin", dots, "="},
		{"dots and encoded slashes", "/public%2F..%2Fadmin", dots, "="},
		{"dots as a value", "/files/..", dots, "="},
		{"dots as a value of a deeper route", "/files/../secret", dots, "="},
		{"dots above the root", "/../admin", dots, "="},
		{"dots with a parameter", "/public/..;/admin", "public", "="},
		{"trailing dot", "/admin.", "any", "="},
		{"trailing space", "/admin%20", "any", "="},
		{"trailing plus", "/admin+", "any", "="},
		{"line", "/admin%0A", "any", "="},
		{"NUL", "/admin%00", "any", "="},
		{"parameter", "/admin;x=1", "any", "="},
		{"parameter in the middle", "/files;x=1/a/secret", no, "="},
		{"question mark", "/admin%3Fx", "any", "="},
		{"question mark in a deeper route", "/files/a%3F/secret", "secret", "="},
		{"question mark that hides a route", "/files/a%3F%2Fsecret", "file", "secret"},
		{"number sign", "/admin%23", "any", "="},
		{"percent sign", "/files/%25", "file", "="},
		{"encoded escape", "/files/%252F", "file", "="},
		{"encoded braces", "/files/%7Bx%7D/secret", "secret", "="},
		{"colon and star", "/:x", "any", "="},
		{"star", "/*x", "any", "="},
		{"a host", "//y/admin", no, "="},
		{"very long", "/files/" + strings.Repeat("a", 100_000) + "/secret", "secret", "="},
		{"very many segments", "/private/" + strings.Repeat("a/", 50_000), "private", "="},
		{"very many slashes", strings.Repeat("/", 100_000) + "admin", "admin", "="},
	}
	protected := map[string]bool{"admin": true, "private": true, "secret": true}
	for _, front := range frontEnds() {
		t.Run(front.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, pathManifest, framework.Options{}, pathHandlers...)
			for _, test := range tests {
				chosen, read := test.route, test.read
				if read == "=" {
					read = chosen
				}
				if front.decodes {
					chosen = read
				}
				for _, admin := range []bool{false, true} {
					got, vouched := front.send(t, s, test.path, admin)
					want := ran(chosen)
					switch {
					case chosen == dots:
						want = refused(400, "dot_segment")
					case chosen == no:
						want = refused(404, "no_route")
					case (protected[chosen] || protected[read]) && !vouched:
						want = refused(401, "no_principal")
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s, as an admin: %v (-want +got):\n%s", test.name, admin, diff)
					}
				}
			}
			if strings.Contains(s.log.String(), "dmin%") || strings.Contains(s.log.String(), "files/a") {
				t.Error("the log has paths")
			}
		})
	}
}

// TestFilesBehindTwoRoutes asks a file server that two routes share, one public and
// one for a group, for the group's file, by paths that the file server resolves to
// it.
func TestFilesBehindTwoRoutes(t *testing.T) {
	t.Parallel()
	const manifest = `
version: 1
routes:
  - {path: '/files/{path+}', method: GET, handler: files, name: files, public: true}
  - {path: '/files/secret/{id}', method: GET, handler: files, name: secret, groups: [admin]}
`
	files := http.StripPrefix("/files", http.FileServerFS(fstest.MapFS{
		"open": {Data: []byte("open")}, "secret/1": {Data: []byte("secret")},
	}))
	app, err := framework.New([]byte(manifest), framework.Handlers{"files": files.ServeHTTP}, framework.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	container := app.Handler(framework.HandlerOptions{})
	inContainer := func(path string) (int, string) {
		r := httptest.NewRequest("GET", "/", nil)
		if r.URL, err = url.ParseRequestURI(path); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		container.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	inLambda := func(e value) (int, string) {
		payload, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		out, err := app.Invoke(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			StatusCode int
			Body       string
		}
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Body
	}
	for path, want := range map[string]int{
		"/files/open": 200, "/files/secret/1": 401,
		"/files/./secret/1": 400, "/files/x/../secret/1": 400, "/files/secret/./1": 400, "/files/%2e/secret/1": 400,
		"/files/secret%2F1": 401, "/files/%2Fsecret/1": 401, "/files//secret%2f1/": 401, "/files/%73ecret%2F1": 401,
	} {
		rest := unescaped(strings.TrimPrefix(path, "/files/"))
		got := map[string]int{}
		var bodies string
		for name, ask := range map[string]func() (int, string){
			"container": func() (int, string) { return inContainer(path) },
			"greedy route": func() (int, string) {
				return inLambda(httpAPI("GET", "/files/"+rest, "GET /files/{path+}", params("path", rest)))
			},
			"no route":     func() (int, string) { return inLambda(httpAPI("GET", "/files/"+rest, "$default")) },
			"Function URL": func() (int, string) { return inLambda(sources()[3].event(path)) },
			"balancer":     func() (int, string) { return inLambda(sources()[4].event(path)) },
		} {
			status, body := ask()
			got[name] = status
			bodies += body
		}
		if diff := cmp.Diff(map[string]int{"container": want, "greedy route": want, "no route": want, "Function URL": want, "balancer": want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if strings.Contains(bodies, "secret") {
			t.Errorf("%s gives away the file", path)
		}
	}
}

// A frontEnd is a way in which a request reaches the function or the container.
type frontEnd struct {
	name    string
	decodes bool // the path is decoded before anybody chooses a route
	// send sends a GET of an encoded path, and reports whether somebody vouched for
	// an admin.
	send func(t *testing.T, s *service, path string, admin bool) (outcome, bool)
}

func frontEnds() []frontEnd {
	table, _ := route.Load("routes.yaml", []byte(pathManifest), nil)
	var list []frontEnd
	for _, source := range sources() {
		event := func(path string, admin bool) value {
			e := source.event(path)
			if admin && source.admin != nil {
				source.admin(e)
			}
			return e
		}
		send := func(t *testing.T, s *service, path string, admin bool) (outcome, bool) {
			return s.invoke(t, event(path, admin)), admin && source.admin != nil
		}
		list = append(list, frontEnd{source.name, source.name == "HTTP API 2.0", send})
		if source.admin == nil {
			continue
		}
		// The gateway has the routes of the table and vouches for callers of those
		// that are not public.
		list = append(list, frontEnd{source.name + " that chooses", false, func(t *testing.T, s *service, path string, admin bool) (outcome, bool) {
			r, params := gateway.Match(table, "GET", path)
			if r == nil {
				return send(t, s, path, admin)
			}
			admin = admin && r.Access.Auth != route.Public
			e := event(path, admin)
			if source.name == "REST API" {
				for name := range params {
					params[name] = encodedValue(r, path)
				}
				e["resource"] = r.Pattern.String()
			} else {
				e["routeKey"] = r.Key()
				at("requestContext.resourceId", r.Key())(e)
			}
			values := value{}
			for name, v := range params {
				values[name] = v
			}
			e["pathParameters"] = values
			return s.invoke(t, e), admin
		}})
	}
	return append(list, frontEnd{"container", false, func(t *testing.T, s *service, path string, admin bool) (outcome, bool) {
		r := httptest.NewRequest("GET", "http://api.example.com/", nil)
		u, err := url.ParseRequestURI(path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL, r.RequestURI = u, path
		if admin {
			r.Header.Set("Authorization", "Bearer token")
		}
		return s.serve(t, r, func(context.Context, string) (string, error) { return `{"groups": ["admin"]}`, nil }), admin
	}})
}

// encodedValue returns the part of an encoded path that the only variable of a route
// stands for, which REST APIs do not decode.
func encodedValue(r *route.Route, path string) string {
	segments := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	for i, s := range r.Pattern.Segments {
		switch s.Kind {
		case route.Variable:
			return segments[i]
		case route.Greedy:
			before, rest := 0, path
			for ; before < i; before++ {
				_, rest, _ = strings.Cut(strings.TrimLeft(rest, "/"), "/")
			}
			return strings.TrimLeft(rest, "/")
		}
	}
	return ""
}

// Whatever route a gateway says that it chose, and whatever values it gives, that
// route runs or none does. It runs by its own rule and by the rule of the route that
// the path belongs to.
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
	readsAsProtected := regexp.MustCompile(`^(admin|private/.+|files/[^/]+/secret)$`)
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
					case slices.Contains(strings.Split(path, "/"), ".."):
						want = refused(400, "dot_segment")
					case segments(filled) != segments(path):
						want = refused(403, "route_mismatch") // the gateway contradicts itself
					case protected[own] || readsAsProtected.MatchString(segments(path)):
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
