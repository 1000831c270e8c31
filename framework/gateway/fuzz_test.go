package gateway

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/route"
)

// FuzzPath sends any path. Selection must not panic, the event must be one that
// the function understands, and the function must run the handler of the route
// that the gateway selected, and no other.
func FuzzPath(f *testing.F) {
	routes := []string{
		"GET / public", "GET /a public", "GET /a/b public", "GET /a/{x} public", "GET /a/{x}/b public", "GET /{x}/c/d public",
		"GET /f/{rest+} public", "GET /f/{x} public", "ANY /any/{x} public", "GET /any/{x} public", "GET /f/g/{rest+} public", "GET /mvp/{x} public", "GET /mvp public",
		"POST /any public", "DELETE /d/{rest+} public", "GET /{rest+} public",
	}
	table := newTable(f, routes...)
	type setup struct {
		gateway *Gateway
		last    *Exchange
		ran     *[]string
	}
	var setups []setup
	for _, stage := range []string{"", "mvp"} {
		for _, v1 := range []bool{false, true} {
			var ran []string
			handlers := framework.Handlers{}
			for r := range table.All() {
				handlers[r.Handler] = func(http.ResponseWriter, *http.Request) { ran = append(ran, r.Handler) }
			}
			app, err := framework.New(manifestOf(routes), handlers, framework.Options{
				Stage: stage, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
			})
			if err != nil {
				f.Fatal(err)
			}
			var last Exchange
			g := New(table, app, Options{Stage: stage, PayloadV1: v1, Observe: func(x Exchange) { last = x }})
			setups = append(setups, setup{g, &last, &ran})
		}
	}
	for _, path := range []string{
		"/", "", "//", "*", "/a", "/a/", "//a//b/", "/a%2Fb", "/a/%2e%2e", "/a/..%2fb", "/%61/%62", "/f/", "/f//x%2F/", "/f/%00?x=%zz", "/f/%C3/%A9",
		"/a/%252F/b", "/mvp", "/mvp/", "/mvp/mvp", "/mvp//mvp/x", "/m%76p/a", "/mvp%2Fa", "/a/%3Fb", "/a/#", "/a/{x}", "/a/%", "/f/g/..", "/a?b?c=/d", "/mvp/a/b%2F", "/mvp//", "/?%ff=1&%fe=2&\xfd=3",
	} {
		f.Add("GET", path)
		f.Add("DELETE", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		for i, s := range setups {
			*s.ran = nil
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Method, r.RequestURI, r.URL = method, path, &url.URL{Path: path}
			s.gateway.ServeHTTP(httptest.NewRecorder(), r)
			x := s.last
			if x.Event == nil {
				if len(*s.ran) > 0 || x.By != "gateway" {
					t.Fatalf("%d: %v ran without an event", i, *s.ran)
				}
				continue
			}
			e, err := apigw.Decode(x.Event)
			if err != nil {
				t.Fatalf("%d: %v\n%s", i, err, x.Event)
			}
			if e.RouteKey != x.Route.Key() || e.Method != method {
				t.Fatalf("%d: decoded as %s %s, route %s", i, e.Method, e.RouteKey, x.Route.Key())
			}
			if segments := strings.Split(e.Path, "/"); slices.Contains(segments, ".") || slices.Contains(segments, "..") {
				if len(*s.ran) > 0 || x.Status != http.StatusBadRequest {
					t.Fatalf("%d: %v ran with %d for the path %q", i, *s.ran, x.Status, e.Path)
				}
				continue
			}
			if len(*s.ran) != 1 || (*s.ran)[0] != x.Route.Handler {
				t.Fatalf("%d: %v ran, the gateway selected %s of %s\n%s", i, *s.ran, x.Route.Handler, x.Route.Key(), x.Event)
			}
		}
	})
}

// The decoded path of a request is often another route's. What the gateway
// authorized is what runs, if the other route allows the caller too. The exchange
// warns about it.
func TestDecodedPathOfAnotherRoute(t *testing.T) {
	t.Parallel()
	routes := []string{"GET /files/{name} public", "GET /files/{dir}/{name} groups:ADMINS", "ANY /{all+} public"}
	ran := ""
	handlers := framework.Handlers{}
	table := newTable(t, routes...)
	for r := range table.All() {
		handlers[r.Handler] = func(_ http.ResponseWriter, req *http.Request) { ran = r.Key() + " " + req.PathValue("name") }
	}
	app, err := framework.New(manifestOf(routes), handlers, framework.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l := serve(t, table, app, Options{})
	_, x := l.send(t, request("GET /files/open%2Fmore%2Fplan"))
	if want := "GET /files/{name} open/more/plan"; ran != want || x.Status != 200 {
		t.Errorf("ran %q with %d, want %q", ran, x.Status, want)
	}
	ran = ""
	if _, x = l.send(t, request("GET /files/secret%2Fplan")); ran != "" || x.Status != 401 {
		t.Errorf("ran %q with %d, want 401", ran, x.Status)
	}
	if told := strings.Join(x.Warnings, "\n"); !strings.Contains(told, `"GET /files/{dir}/{name}"`) || !strings.Contains(told, `"GET /files/{name}"`) {
		t.Errorf("warnings: %s", told)
	}
	if router, _ := route.NewRouter(table, "").Match("GET", "/files/secret/plan"); router.Access.Auth == route.Public {
		t.Error("the test tests nothing")
	}
}

// FuzzEncodedPath holds the router of the container, which takes encoded paths,
// against the gateway's own selection: one route and one set of values.
func FuzzEncodedPath(f *testing.F) {
	table := newTable(f,
		"GET / public", "GET /a public", "GET /a/b public", "GET /a/{x} public", "GET /a/{x}/b public", "GET /{x}/c/d public", "GET /a:b/{x} public",
		"GET /f/{rest+} public", "GET /f/{x} public", "ANY /any/{x} public", "GET /f/g/{rest+} public", "DELETE /d/{rest+} public", "GET /{rest+} public",
		"GET /mvp/{x} public", "GET /mvp public")
	router, staged, m := route.NewRouter(table, ""), route.NewRouter(table, "mvp"), newMatcher(table, false)
	for _, path := range []string{
		"/", "//", "*", "", "/a/", "//a//b/", "/a%2Fb", "/a/%2e%2e", "/a/..%2fb", "/%61/%62", "/f/", "/f//x%2F/", "/f/%00%zz", "/f/%C3/%A9", "/a%3ab/%3A", "/a:b/:",
		"/a/%252F/b", "/mvp", "/mvp/", "/mvp/mvp", "/mvp//mvp/x", "/m%76p/a", "/mvp%2Fa", "/a/%3Fb", "/a/#", "/a/{x}", "/a/%", "/f/g/..", "/mvp/a/b%2F", "/a\x00b/x", "/a%00b/x",
	} {
		f.Add("GET", path)
		f.Add("DELETE", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		compareEncoded(t, m, router, "$default", method, path)
		compareEncoded(t, m, staged, "mvp", method, path)
	})
}

func compareEncoded(t *testing.T, m *matcher, router *route.Router, stage, method, path string) {
	t.Helper()
	var want match
	if bare, ok := cutStage(path, stage); ok {
		want = m.match(method, splitPath(bare))
	}
	got, values := router.MatchEncoded(method, path)
	if got != want.route {
		t.Fatalf("%s %q in stage %s: the container runs %s, the gateway %s", method, path, stage, keyOf(got), keyOf(want.route))
	}
	if got == nil {
		return
	}
	for i, name := range got.Pattern.Variables() {
		if values[i] != want.params[name] {
			t.Fatalf("%s %q in stage %s: %s is %q in the container, %q at the gateway", method, path, stage, name, values[i], want.params[name])
		}
	}
}
