package route

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// table makes a table of routes written "GET /a". They are public, and their
// names are h0, h1 and so on.
func table(t testing.TB, keys ...string) *Table {
	t.Helper()
	var b strings.Builder
	b.WriteString("version: 1\nroutes:\n")
	for i, key := range keys {
		method, path, _ := strings.Cut(key, " ")
		fmt.Fprintf(&b, "  - {method: %s, path: '%s', handler: h%d, public: true}\n", method, path, i)
	}
	table, report := Load("routes.yaml", []byte(b.String()), nil)
	if table == nil {
		t.Fatal(report.Err())
	}
	return table
}

// The sets of routes that API Gateway takes and a single httprouter refuses.
func TestRouterTakesWhatHTTPRouterRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		keys []string
		want map[string]string // by request
	}{
		{[]string{"GET /users/me", "GET /users/{id}"}, map[string]string{"GET /users/me": "GET /users/me", "GET /users/you": "GET /users/{id}"}},
		{[]string{"GET /users/{id}", "GET /users/{user_id}/posts"}, map[string]string{"GET /users/1": "GET /users/{id}", "GET /users/1/posts": "GET /users/{user_id}/posts"}},
		{[]string{"ANY /{proxy+}", "GET /health"}, map[string]string{"GET /health": "GET /health", "POST /health": "ANY /{proxy+}", "GET /x/y": "ANY /{proxy+}"}},
		{[]string{"GET /files/{path+}", "GET /files/list"}, map[string]string{"GET /files/list": "GET /files/list", "GET /files/list/x": "GET /files/{path+}"}},
		{[]string{"GET /{tenant}/x", "GET /health"}, map[string]string{"GET /a/x": "GET /{tenant}/x", "GET /health": "GET /health", "GET /health/x": "GET /{tenant}/x"}},
		{[]string{"GET /v1/items:batch", "GET /v1/{x}"}, map[string]string{"GET /v1/items:batch": "GET /v1/items:batch", "GET /v1/items:other": "GET /v1/{x}", "GET /v1/items\x00batch": "GET /v1/{x}"}},
		{[]string{"GET /a/b", "ANY /a/b", "GET /a/{x}"}, map[string]string{"GET /a/b": "GET /a/b", "POST /a/b": "ANY /a/b", "GET /a/c": "GET /a/{x}", "POST /a/c": ""}},
		{[]string{"GET /a/{x}", "GET /{y}/b", "GET /a/b"}, map[string]string{"GET /a/b": "GET /a/b", "GET /a/x": "GET /a/{x}", "GET /x/b": "GET /{y}/b"}},
		{[]string{"GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}"}, map[string]string{
			"GET /pets/dog/1": "GET /pets/dog/1", "GET /pets/dog/2": "GET /pets/dog/{id}", "GET /pets/cat": "GET /pets/{proxy+}", "POST /pets/dog/1": "ANY /{proxy+}"}},
	}
	for _, test := range tests {
		for _, stage := range []string{"", "$default", "mvp"} {
			router := NewRouter(table(t, test.keys...), stage)
			for request, want := range test.want {
				method, path, _ := strings.Cut(request, " ")
				got := ""
				if r, _ := router.Match(method, router.Prefix()+path); r != nil {
					got = r.Key()
				}
				if got != want {
					t.Errorf("%q, stage %q: %s is answered by %q, want %q", test.keys, stage, request, got, want)
				}
			}
		}
	}
}

func TestRouterStage(t *testing.T) {
	t.Parallel()
	router := NewRouter(table(t, "GET /", "GET /a", "GET /x/{p+}"), "mvp")
	for path, want := range map[string]string{
		"/mvp": "GET /", "/mvp/": "GET /", "/mvp/a": "GET /a", "/mvp//a/": "GET /a", "/mvp/x/": "GET /x/{p+}",
		"/": "", "/a": "", "/mvpa": "", "/mvpadmin/a": "", "/MVP/a": "", "": "", "mvp/a": "", "/mvp/mvp/a": "",
	} {
		got := ""
		if r, _ := router.Match("GET", path); r != nil {
			got = r.Key()
		}
		if got != want {
			t.Errorf("%q is answered by %q, want %q", path, got, want)
		}
	}
}

// httprouter answers nothing by itself.
func TestRouterGivesNoAutomaticAnswers(t *testing.T) {
	t.Parallel()
	router := NewRouter(table(t, "GET /a", "POST /b"), "")
	for _, request := range []string{"OPTIONS /a", "HEAD /a", "POST /a", "GET /A", "GET /b", "PROPFIND /a", " /a", "get /a"} {
		method, path, _ := strings.Cut(request, " ")
		if r, _ := router.Match(method, path); r != nil {
			t.Errorf("%s is answered by %s", request, r.Key())
		}
	}
}

// Nor would a router of httprouter's that somebody serves with.
func TestHTTPRouterGivesNoAutomaticAnswers(t *testing.T) {
	t.Parallel()
	if hr := newHTTPRouter(); hr.RedirectTrailingSlash || hr.RedirectFixedPath || hr.HandleMethodNotAllowed || hr.HandleOPTIONS {
		t.Errorf("%+v", hr)
	}
}

// Routes that one httprouter can hold are in one.
func TestRouterStacksFew(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		keys         string
		full, greedy int
	}{
		{"/a /b /a/{x} /b/{x}/c /b/{y}/d /b/{z}", 1, 0},
		{"/a/{x} /a/b", 2, 0},
		{"/{x}/a /{y}/b/{z} /{x}", 1, 0},
		{"/a/{p+} /b/{p+} /c/{x}/{p+}", 0, 1},
		{"/a/{p+} /{p+}", 0, 2},
		{"/{x}/{p+} /{p+}", 0, 2},
		{"/a /{p+}", 1, 1},
	} {
		var keys []string
		for _, path := range strings.Fields(test.keys) {
			keys = append(keys, "GET "+path)
		}
		s := newStacks(table(t, keys...), "GET", "")
		if len(s.full) != test.full || len(s.greedy) != test.greedy {
			t.Errorf("%s: %d and %d routers, want %d and %d", test.keys, len(s.full), len(s.greedy), test.full, test.greedy)
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	manifest := `
version: 1
routes:
  - {path: '/users/{id}', method: GET, handler: get_user, groups: [USERS, ADMINS], scopes: [users/read]}
  - {path: '/{rest+}', method: ANY, handler: rest, public: true}
`
	loaded, report := Load("routes.yaml", []byte(manifest), nil)
	if loaded == nil {
		t.Fatal(report.Err())
	}
	router := NewRouter(loaded, "mvp")
	caller := func(groups, scopes string) Caller {
		return Caller{Auth: JWT, Principal: Principal{Groups: strings.Fields(groups), Scopes: strings.Fields(scopes)}}
	}
	type result struct {
		Allowed bool
		Reason  Reason
		Key     string
		Values  []string
		Steps   []Step
	}
	key := "GET /users/{id}"
	chosen := Step{CheckRoute, true, key}
	byToken := Step{CheckCaller, true, "jwt"}
	tests := []struct {
		name    string
		request Request
		want    result
	}{
		{"allowed", Request{Method: "GET", Path: "/users/1", Caller: caller("X ADMINS", "users/read")},
			result{true, Allowed, key, []string{"1"}, []Step{chosen, byToken, {CheckScopes, true, "users/read"}, {CheckGroups, true, "ADMINS"}}}},
		{"no group", Request{Method: "GET", Path: "/users/1", Caller: caller("X", "users/read")},
			result{false, MissingGroup, key, []string{"1"}, []Step{chosen, byToken, {CheckScopes, true, "users/read"}, {Check: CheckGroups}}}},
		{"no scope", Request{Method: "GET", Path: "/users/1", Caller: caller("ADMINS", "")},
			result{false, MissingScope, key, []string{"1"}, []Step{chosen, byToken, {Check: CheckScopes}}}},
		{"nobody", Request{Method: "GET", Path: "/users/1"},
			result{false, NoPrincipal, key, []string{"1"}, []Step{chosen, {Check: CheckCaller}}}},
		{"another token", Request{Method: "GET", Path: "/users/1", Caller: Caller{Mismatch: true}},
			result{false, TokenMismatch, key, []string{"1"}, []Step{chosen, {Check: CheckCaller}}}},
		{"public", Request{Method: "POST", Path: "/users/1"},
			result{true, Allowed, "ANY /{rest+}", []string{"users/1"}, []Step{{CheckRoute, true, "ANY /{rest+}"}, {CheckCaller, true, "public"}}}},
		{"the gateway's route", Request{Method: "GET", Path: "/users/a/b", RouteKey: "GET /users/{name}", PathParameters: map[string]string{"name": "a/b"}, Caller: caller("USERS", "users/read")},
			result{true, Allowed, key, []string{"a/b"}, []Step{chosen, byToken, {CheckScopes, true, "users/read"}, {CheckGroups, true, "USERS"}, {CheckReadAs, true, "ANY /{rest+}"}, {CheckCaller, true, "public"}}}},
		{"not the gateway's route", Request{Method: "GET", Path: "/users/1", RouteKey: "ANY /{rest+}", PathParameters: map[string]string{"rest": "x"}},
			result{false, RouteMismatch, "ANY /{rest+}", nil, []Step{{Check: CheckRoute}}}},
		{"the gateway's route has another method", Request{Method: "POST", Path: "/users/1", RouteKey: "GET /users/{id}", PathParameters: map[string]string{"id": "1"}},
			result{false, RouteMismatch, key, nil, []Step{{Check: CheckRoute}}}},
		{"the gateway's route without its variable", Request{Method: "GET", Path: "/", RouteKey: "GET /users/{id}"},
			result{false, RouteMismatch, key, nil, []Step{{Check: CheckRoute}}}},
		{"slashes do not count", Request{Method: "GET", Path: "//users/1/", RouteKey: "GET /users/{id}", PathParameters: map[string]string{"id": "1"}, Caller: caller("USERS", "users/read")},
			result{true, Allowed, key, []string{"1"}, []Step{chosen, byToken, {CheckScopes, true, "users/read"}, {CheckGroups, true, "USERS"}}}},
		{"no route", Request{Method: "GET", Path: "users"},
			result{false, NoRoute, "", nil, []Step{{Check: CheckRoute}}}},
	}
	for _, test := range tests {
		d := router.Decide(test.request)
		got := result{d.Allowed, d.Reason, "", d.Values, d.Steps}
		if d.Route != nil {
			got.Key = d.Route.Key()
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// Deny is the zero value, of whatever.
func TestZeroDenies(t *testing.T) {
	t.Parallel()
	callers := []Caller{{}, {Auth: NoAuth, Principal: Principal{Groups: []string{"g"}, Scopes: []string{"s"}}}, {Auth: JWT}, {Auth: IAM}, {Auth: Public}, {Auth: JWT, Mismatch: true}}
	for _, c := range callers {
		if d := (Access{}).decide(c, Decision{}); d.Allowed {
			t.Errorf("the zero Access lets %+v in", c)
		}
	}
	for _, a := range []Access{{}, {Auth: JWT}, {Auth: IAM}, {Auth: 42}, {Auth: JWT, Groups: []string{""}}, {Auth: JWT, Scopes: []string{""}}} {
		for _, c := range []Caller{{}, {Auth: Public}, {Auth: 42}, {Mismatch: true}, {Auth: JWT, Mismatch: true}} {
			if d := a.decide(c, Decision{}); d.Allowed {
				t.Errorf("%+v lets %+v in", a, c)
			}
		}
	}
	if (Decision{}).Allowed || Reason("").Status() < 400 {
		t.Error("the zero Decision allows")
	}
	if Auth(42).String() != "none" || (Access{Auth: 42, Groups: nil}).String() == "anyone" {
		t.Error("an unknown Auth is called public")
	}
}

// FuzzRouter makes routes of whatever comes, and compares with the brute force
// for the path that comes. It takes what the exhaustive comparison cannot:
// long sets, odd characters, and literals that are prefixes of each other.
func FuzzRouter(f *testing.F) {
	f.Add("GET /a/b GET /a/{x} ANY /{p+} GET /ab GET /a/bc/{p+}", "/a/b")
	f.Add("GET /users:x GET /users/{y} GET /{a}/{b}", "/users:x")
	f.Add("GET / GET /{p+} POST /{x}", "//")
	f.Add("GET /a/b/c GET /a/{x}/c GET /a/{x}/{y} GET /{p+}", "/a/z/c")
	f.Fuzz(func(t *testing.T, keys, path string) {
		if !strings.HasPrefix(path, "/") || len(keys) > 400 || len(path) > 200 {
			return
		}
		words := strings.Fields(keys)
		u := universe{Methods[:2], []string{path}}
		var routes []bruteRoute
		var b strings.Builder
		b.WriteString("version: 1\nroutes:\n")
		for i := 0; i+1 < len(words); i += 2 {
			if _, err := ParsePattern(words[i+1]); err != nil {
				return
			}
			routes = append(routes, u.route(words[i], words[i+1]))
			fmt.Fprintf(&b, "  - {method: %s, path: '%s', handler: h%d, public: true}\n", words[i], words[i+1], i)
		}
		loaded, _ := Load("routes.yaml", []byte(b.String()), nil)
		if loaded == nil {
			return
		}
		router := NewRouter(loaded, "")
		for i := range u.size() {
			method, path := u.request(i)
			got, _ := router.Match(method, path)
			// One path says nothing of what is more specific. But whether a
			// route answers is certain, and it must be one that matches, of the
			// right kind.
			any, full := false, false
			for _, r := range routes {
				if r.requests.has(i) {
					any = true
					full = full || !r.greedy
				}
			}
			if (got != nil) != any {
				t.Fatalf("%s: %s %q is answered by %v", keys, method, path, got)
			}
			if got != nil && (!bruteMatch(got.Pattern.Shape(), path) || !got.takes(method) || got.Pattern.IsGreedy() == full) {
				t.Fatalf("%s: %s %q is answered by %s", keys, method, path, got.Key())
			}
		}
	})
}

// If the gateway chooses a route of one method without a greedy variable, nothing
// is built, whatever the gateway calls the variables. An unknown method is not
// taken for ANY.
func TestRouterBuildsWhatIsAsked(t *testing.T) {
	t.Parallel()
	r := NewRouter(table(t, "GET /a/{x}", "ANY /b/{x}", "POST /a/{x}"), "")
	for i, method := range Methods {
		r.stacks[i] = func() stacks {
			t.Errorf("routers for %s are built", method)
			return stacks{}
		}
	}
	for key, want := range map[string]string{
		"GET /a/{x}": "GET /a/{x}", "POST /a/{y}": "POST /a/{x}",
	} {
		method, _, _ := strings.Cut(key, " ")
		d := r.Decide(Request{
			Method: strings.Replace(method, AnyMethod, "PUT", 1), Path: key[strings.Index(key, "/"):][:3] + "1",
			RouteKey: key, PathParameters: map[string]string{"x": "1", "y": "1", "z": "1"},
		})
		if d.Route == nil || d.Route.Key() != want || d.Reason == RouteMismatch {
			t.Errorf("%s: %+v", key, d)
		}
	}
	for _, key := range []string{"FOO /b/{x}", "ANY /a/{x}", "GET /b/{x}", "GET", "GET /a", ""} {
		if rt, _ := r.named(key); rt != nil {
			t.Errorf("%q names %s", key, rt.Key())
		}
	}
}
