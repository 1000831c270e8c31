package frameworktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/frameworktest"
	"github.com/routegate/routegate/framework/route"
)

const everyAccess = `
version: 1
routes:
  - {path: /open, method: GET, handler: tell, name: open, public: true}
  - {path: /me, method: GET, handler: tell, name: me}
  - {path: '/users/{id}', method: GET, handler: tell, name: user, groups: [ADMINS, 'site/ops'], scopes: [users/read]}
  - {path: '/files/{path+}', method: PUT, handler: tell, name: file, scopes: [files/write]}
  - {path: /jobs, method: POST, handler: tell, name: job, auth: iam}
tests:
  - {name: open, allow: [GET /open]}
`

// What reached a handler.
type seen struct {
	Key, Path, ID, Query, Type, Body, Cookie, Host string
	Principal                                      *route.Principal
	RouteKey                                       string // the event's
}

func tell(w http.ResponseWriter, r *http.Request) {
	s := seen{
		Key: r.Pattern, Path: r.URL.Path, ID: r.PathValue("id") + r.PathValue("path"), Query: r.URL.RawQuery,
		Type: r.Header.Get("Content-Type"), Cookie: r.Header.Get("Cookie"), Host: r.Host,
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	s.Body = string(body)
	if p, ok := framework.PrincipalFrom(r.Context()); ok {
		for _, name := range []string{"iss", "aud", "iat", "exp"} {
			delete(p.Claims, name)
		}
		s.Principal = &p
	}
	if e, ok := apigw.EventFrom(r.Context()); ok {
		s.RouteKey = e.RouteKey
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("Set-Cookie", "a=1")
	w.Header().Add("Set-Cookie", "b=2")
	_ = json.NewEncoder(w).Encode(s)
}

func newClient(t *testing.T, opts framework.Options) *frameworktest.Client {
	t.Helper()
	return frameworktest.New(t, []byte(everyAccess), framework.Handlers{"tell": tell}, opts)
}

func read(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Every kind of caller on every kind of route. A status of the gateway's own
// answers has a message, one of the function's a code.
func TestCallers(t *testing.T) {
	t.Parallel()
	c := newClient(t, framework.Options{})
	operator := c.As(route.Principal{Subject: "otto", Groups: []string{"site/ops", "X"}, Scopes: []string{"a", "users/read"}})
	callers := map[string]*frameworktest.Client{
		"nobody": c, "token": c.As(route.Principal{}), "operator": operator,
		"outsider": c.As(route.Principal{Groups: []string{"USERS"}, Scopes: []string{"users/read"}}),
		"iam":      c.AsIAM("arn:aws:iam::111122223333:user/Deploy"),
		"expired":  c.As(route.Principal{Claims: map[string]any{"exp": 1}}),
		"stranger": c.As(route.Principal{Claims: map[string]any{"iss": "https://evil.example.com"}}),
	}
	tests := []struct{ caller, request, want string }{
		{"nobody", "GET /open", "200"},
		{"token", "GET /open", "200"},
		{"expired", "GET /open", "200"}, // no gateway looks at a token there
		{"nobody", "GET /me", `401 {"message":"Unauthorized"}`},
		{"token", "GET /me", "200"},
		{"expired", "GET /me", `401 {"message":"Unauthorized"}`},
		{"stranger", "GET /me", `401 {"message":"Unauthorized"}`},
		{"iam", "GET /me", `401 {"message":"Unauthorized"}`},
		{"operator", "GET /users/7", "200"},
		{"outsider", "GET /users/7", "403 missing_group"},
		{"token", "GET /users/7", `403 {"message":"Forbidden"}`},
		{"operator", "PUT /files/a", `403 {"message":"Forbidden"}`},
		{"iam", "POST /jobs", "200"},
		{"nobody", "POST /jobs", `403 {"message":"Forbidden"}`},
		{"operator", "POST /jobs", `403 {"message":"Forbidden"}`},
		{"operator", "GET /users", `404 {"message":"Not Found"}`},
		{"operator", "HEAD /me", `404 `},
	}
	for _, test := range tests {
		t.Run(test.caller+" "+test.request, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(test.request, " ")
			res := callers[test.caller].Do(httptest.NewRequest(method, path, nil))
			got, body := fmt.Sprint(res.StatusCode), read(t, res)
			var problem struct{ Code string }
			switch {
			case res.StatusCode == 200:
			case res.Header.Get("Content-Type") == "application/problem+json":
				if err := json.Unmarshal([]byte(body), &problem); err != nil {
					t.Fatal(err)
				}
				got += " " + problem.Code
			default:
				got += " " + body
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// What the client sends is what the handler sees.
func TestRequestArrives(t *testing.T) {
	t.Parallel()
	post := httptest.NewRequest("PUT", "https://api.example.org/files/a%2Fb/c%20d?q=1&q=%202", strings.NewReader("\xff\x00 <&>"))
	post.Header.Set("Content-Type", "application/octet-stream")
	post.Header.Set("Cookie", "x=1; y=2")
	post.Header.Add("Cookie", "z=3")
	byHand, err := http.NewRequest("GET", "/users/7?x", nil)
	if err != nil {
		t.Fatal(err)
	}
	alice := route.Principal{Subject: "alice", Groups: []string{"ADMINS"}, Scopes: []string{"users/read", "files/write"},
		Claims: map[string]any{"email": "alice@example.com", "sub": "overruled", "realm": map[string]any{"region": "eu"}}}
	principal := &route.Principal{Subject: "alice", Groups: []string{"ADMINS"}, Scopes: []string{"users/read", "files/write"},
		Claims: map[string]any{"email": "alice@example.com", "sub": "alice", "scope": "users/read files/write"}}
	tests := []struct {
		name  string
		claim []string
		extra map[string]any // claims beside those of every row
		send  func(c *frameworktest.Client) *http.Response
		want  seen
	}{
		{"get", nil, map[string]any{"groups": []any{"ADMINS"}, "realm": map[string]any{"region": "eu"}},
			func(c *frameworktest.Client) *http.Response { return c.Get("/users/7?x=1") },
			seen{Key: "GET /users/{id}", Path: "/users/7", ID: "7", Query: "x=1", Host: "example.com", RouteKey: "GET /users/{id}"}},
		{"by hand", nil, map[string]any{"groups": []any{"ADMINS"}, "realm": map[string]any{"region": "eu"}},
			func(c *frameworktest.Client) *http.Response { return c.Do(byHand) },
			seen{Key: "GET /users/{id}", Path: "/users/7", ID: "7", Query: "x", Host: "example.com", RouteKey: "GET /users/{id}"}},
		{"binary", []string{"cognito:groups"}, map[string]any{"cognito:groups": []any{"ADMINS"}, "realm": map[string]any{"region": "eu"}},
			func(c *frameworktest.Client) *http.Response { return c.Do(post) },
			seen{Key: "PUT /files/{path+}", Path: "/files/a/b/c d", ID: "a/b/c d", Query: "q=1&q=%202", Type: "application/octet-stream",
				Body: "\ufffd\x00 <&>", Cookie: "x=1; y=2; z=3", Host: "api.example.org", RouteKey: "PUT /files/{path+}"}},
		{"nested groups", []string{"realm", "roles"}, map[string]any{"realm": map[string]any{"region": "eu", "roles": []any{"ADMINS"}}},
			func(c *frameworktest.Client) *http.Response { return c.Get("/users/7") },
			seen{Key: "GET /users/{id}", Path: "/users/7", ID: "7", Host: "example.com", RouteKey: "GET /users/{id}"}},
	}
	for _, test := range tests {
		for _, stage := range []string{"", "mvp"} {
			c := newClient(t, framework.Options{Stage: stage, GroupsClaim: test.claim}).As(alice)
			res := test.send(c)
			var got seen
			if err := json.Unmarshal([]byte(read(t, res)), &got); err != nil || res.StatusCode != 200 {
				t.Fatalf("%s: %d, %v", test.name, res.StatusCode, err)
			}
			want := test.want
			p := *principal
			p.Claims = map[string]any{}
			for _, m := range []map[string]any{principal.Claims, test.extra} {
				for k, v := range m {
					p.Claims[k] = v
				}
			}
			want.Principal = &p
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, stage %q (-want +got):\n%s", test.name, stage, diff)
			}
			if diff := cmp.Diff([]string{"a=1", "b=2"}, res.Header["Set-Cookie"]); diff != "" {
				t.Errorf("%s: cookies (-want +got):\n%s", test.name, diff)
			}
			if strings.Contains(res.Request.URL.Path, "mvp") {
				t.Errorf("%s: the test's own request was changed", test.name)
			}
			post.Body = io.NopCloser(strings.NewReader("\xff\x00 <&>"))
		}
	}
	if len(alice.Claims["realm"].(map[string]any)) != 1 {
		t.Error("the test's own claims were changed")
	}
}

// An Authorization header of the request's own is not replaced.
func TestOwnAuthorization(t *testing.T) {
	t.Parallel()
	c := newClient(t, framework.Options{}).As(route.Principal{Subject: "alice"})
	r := httptest.NewRequest("GET", "/me", nil)
	r.Header.Set("Authorization", "Bearer x.y.z")
	if res := c.Do(r); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("status is %d", res.StatusCode)
	}
	if got := r.Header.Get("Authorization"); got != "Bearer x.y.z" {
		t.Errorf("the test's own request was changed: %q", got)
	}
}

func TestPost(t *testing.T) {
	t.Parallel()
	c := newClient(t, framework.Options{}).AsIAM("arn:aws:iam::111122223333:user/Deploy")
	var got seen
	if err := json.Unmarshal([]byte(read(t, c.Post("/jobs", "application/json", strings.NewReader(`{}`)))), &got); err != nil {
		t.Fatal(err)
	}
	if got.Body != "{}" || got.Type != "application/json" || got.Principal == nil || got.Principal.Subject != "arn:aws:iam::111122223333:user/Deploy" {
		t.Errorf("got %+v", got)
	}
}

// A fake is a test that fails without failing this one.
type fake struct {
	testing.TB
	said strings.Builder
}

func (f *fake) Helper()                           {}
func (f *fake) Output() io.Writer                 { return &f.said }
func (f *fake) Logf(format string, args ...any)   { fmt.Fprintf(&f.said, format+"\n", args...) }
func (f *fake) Errorf(format string, args ...any) { fmt.Fprintf(&f.said, format+"\n", args...) }
func (f *fake) Fatal(args ...any)                 { fmt.Fprintln(&f.said, args...); panic(f) }
func (f *fake) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }

// run returns what the fake test said, up to where it ended.
func (f *fake) run(test func()) (said string) {
	defer func() {
		if cause := recover(); cause != nil && cause != f {
			panic(cause)
		}
		said = f.said.String()
	}()
	test()
	return
}

func TestFailures(t *testing.T) {
	t.Parallel()
	one := framework.Handlers{"tell": tell}
	tests := []struct {
		name string
		test func(f *fake)
		want []string
	}{
		{"no service", func(f *fake) { frameworktest.New(f, []byte(everyAccess), nil, framework.Options{}) },
			[]string{`routes.yaml:4:41: error: unknown handler "tell"`}},
		{"no options", func(f *fake) {
			frameworktest.New(f, []byte(everyAccess), one, framework.Options{GroupsClaim: []string{}})
		}, []string{"the groups claim has no key"}},
		{"no token", func(f *fake) {
			frameworktest.New(f, []byte(everyAccess), one, framework.Options{}).As(route.Principal{Subject: "alice", Claims: map[string]any{"x": func() {}}})
		}, []string{`no token for "alice": json: unsupported type`}},
		{"refusals are logged", func(f *fake) {
			c := frameworktest.New(f, []byte(everyAccess), one, framework.Options{})
			c.Get("/me")
			c.As(route.Principal{Scopes: []string{"users/read"}}).Get("/users//7")
		}, []string{"GET /me: the gateway answered 401: no token\n", "a repeated slash counts as one here", "reason=missing_group"}},
		{"manifest is not valid", func(f *fake) { frameworktest.TestManifest(f, []byte("version: 2\n"), one) },
			[]string{"the manifest is not clean:\nroutes.yaml:1:1: error"}},
		{"manifest with a failing test, an unused handler and uncovered routes", func(f *fake) {
			m := strings.Replace(everyAccess, "allow: [GET /open]", "allow: [GET /me, GET /opne]", 1)
			frameworktest.TestManifest(f, []byte(m), framework.Handlers{"tell": tell, "rest": tell, "also": tell})
		}, []string{
			`routes.yaml:10: test "open" fails: "GET /me" is refused by "GET /me" on line 5: no_principal`,
			`routes.yaml:10: test "open" fails: "GET /opne" is answered by no route`,
			"routes.yaml:4: no test of the manifest covers \"GET /open\"\nroutes.yaml:6:",
			"handler \"also\" has no route\nhandler \"rest\" has no route\n",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			said := f.run(func() { test.test(f) })
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("said\n%swithout %q", said, want)
				}
			}
		})
	}
}

// A clean manifest says nothing.
func TestCleanManifest(t *testing.T) {
	t.Parallel()
	clean := `
version: 1
routes:
  - {path: /open, method: GET, handler: tell, public: true}
tests:
  - {name: open, allow: [GET /open]}
`
	f := &fake{}
	if said := f.run(func() { frameworktest.TestManifest(f, []byte(clean), framework.Handlers{"tell": tell}) }); said != "" {
		t.Errorf("said %q", said)
	}
}
