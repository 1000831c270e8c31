package route

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccessString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		access Access
		want   string
	}{
		{Access{}, "nobody"},
		{Access{Groups: []string{"A"}, Scopes: []string{"s"}}, "nobody"},
		{Access{Auth: Public}, "anyone"},
		{Access{Auth: IAM}, "any IAM caller"},
		{Access{Auth: JWT}, "any valid token"},
		{Access{Auth: JWT, Groups: []string{"A"}}, "group A"},
		{Access{Auth: JWT, Groups: []string{"A", "B"}}, "group A or B"},
		{Access{Auth: JWT, Scopes: []string{"s", "t"}}, "scope s or t"},
		{Access{Auth: JWT, Groups: []string{"A"}, Scopes: []string{"s"}}, "group A, and scope s"},
	}
	for _, test := range tests {
		if got := test.access.String(); got != test.want {
			t.Errorf("%+v is %q, want %q", test.access, got, test.want)
		}
	}
}

// Accesses that differ in one thing are not equal.
func TestAccessEqual(t *testing.T) {
	t.Parallel()
	all := []Access{
		{},
		{Auth: Public},
		{Auth: IAM},
		{Auth: JWT},
		{Auth: JWT, Groups: []string{"A"}},
		{Auth: JWT, Groups: []string{"A", "B"}},
		{Auth: JWT, Scopes: []string{"A"}},
		{Auth: JWT, Groups: []string{"A"}, Scopes: []string{"A"}},
		{Auth: NoAuth, Groups: []string{"A"}, Scopes: []string{"A"}},
	}
	for i, a := range all {
		for j, b := range all {
			if got, want := a.Equal(b), i == j; got != want {
				t.Errorf("%v and %v: equal is %v", a, b, got)
			}
		}
	}
}

// A gateway vouches for a caller only on a route that asks for such a one.
func TestCallerBehind(t *testing.T) {
	t.Parallel()
	for _, proof := range []Auth{NoAuth, JWT, IAM} {
		for _, asked := range []Auth{NoAuth, Public, JWT, IAM} {
			c := Caller{Auth: proof, Principal: Principal{Subject: "s"}}
			got, want := c.Behind(Access{Auth: asked}), Caller{}
			if proof == asked {
				want = c
			}
			if got.Auth != want.Auth || got.Principal.Subject != want.Principal.Subject {
				t.Errorf("a caller with %v behind a route that asks for %v is %+v", proof, asked, got)
			}
		}
	}
}

func TestEncodedPath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url  url.URL
		want string
	}{
		{url.URL{}, "/"},
		{url.URL{Path: "/a b"}, "/a%20b"},
		{url.URL{Path: "/a/b", RawPath: "/a%2Fb"}, "/a%2Fb"},
		{url.URL{Path: "/a/b ", RawPath: "/a%2Fb "}, "/a%2Fb "}, // with which package url finds fault
		{url.URL{RawPath: "/a"}, "/a"},
	}
	for _, test := range tests {
		if got := EncodedPath(&test.url); got != test.want {
			t.Errorf("%+v has the path %q, want %q", test.url, got, test.want)
		}
	}
}

// Lines are found with the route at the head of the file and far from it, with its
// keys in any order and after a snapshot.
func TestLineOf(t *testing.T) {
	t.Parallel()
	src := `version: 1
routes:
  - path: /a
    method: GET
    handler: a
    public: true
  - scopes: [s]
    method: GET
    name: b

    groups:
      - A
    handler: b
    path: /b
`
	loaded, report := Load("routes.yaml", []byte(src), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	restored, _ := Restore(loaded.Snapshot([]byte(src)), "routes.yaml", []byte(src), map[string]bool{"a": true, "b": true})
	if restored == nil || restored.digest == "" {
		t.Fatal("not restored")
	}
	want := map[string]map[string]int{
		"/a": {"path": 3, "method": 4, "handler": 5, "public": 6, "groups": 3, "scopes": 3, "nothing": 3},
		"/b": {"scopes": 7, "method": 8, "name": 9, "groups": 11, "handler": 13, "path": 14, "public": 7, "tags": 7},
	}
	for _, table := range []*Table{loaded, restored} {
		for r := range table.All() {
			for key, line := range want[r.Pattern.String()] {
				if got := r.LineOf(key); got != line {
					t.Errorf("%s: %q is on line %d, want %d\n%s", r.Pattern, key, got, line, strings.Split(src, "\n")[line-1])
				}
			}
		}
	}
}

// What is declared is known in full, and apart from nothing declared.
func TestDeclared(t *testing.T) {
	t.Parallel()
	const routes = "version: 1\nroutes: [{path: /a, method: GET, handler: h, groups: [B, A]}]\n"
	for src, want := range map[string][]Name{
		routes:                                nil,
		routes + "groups: {B: two, A: one}\n": {{"A", "one", 3}, {"B", "two", 3}},
	} {
		table, report := Load("routes.yaml", []byte(src), nil)
		if err := report.Err(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, table.DeclaredGroups()); diff != "" {
			t.Errorf("groups (-want +got):\n%s", diff)
		}
		if table.DeclaredScopes() != nil {
			t.Errorf("scopes %v are declared", table.DeclaredScopes())
		}
		if diff := cmp.Diff([]string{"A", "B"}, table.Groups()); diff != "" {
			t.Errorf("all groups (-want +got):\n%s", diff)
		}
	}
}

// A Route of no Table has a key, too.
func TestKeyOfNoTable(t *testing.T) {
	t.Parallel()
	r := &Route{Method: "GET", Pattern: mustParse(t, "/a/{b}")}
	if got, want := r.Key(), "GET /a/{b}"; got != want {
		t.Errorf("key %q, want %q", got, want)
	}
	for made := range table(t, "GET /a/{b}").All() {
		if made.key == "" || made.Key() != made.Method+" "+made.Pattern.String() {
			t.Errorf("key %q, made %q", made.Key(), made.key)
		}
	}
}

// Which of two routes answers a request that both take. The order is a literal
// before a variable and the path before the method, but a greedy route is last
// (facts, section 4).
func TestBeats(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b        string
		beats, back bool
	}{
		{"GET /a", "ANY /a", true, false},
		{"ANY /a", "ANY /a", false, false},
		{"GET /a", "GET /{x}", true, false},
		{"GET /a", "ANY /{x}", true, false},
		{"ANY /a", "GET /{x}", false, false}, // only a third route can tell
		{"ANY /a", "GET /{p+}", true, false},
		{"ANY /{x}", "GET /a/{p+}", true, false},
		{"GET /a/{p+}", "GET /{p+}", true, false},
		{"GET /a/{p+}", "ANY /{p+}", true, false},
	}
	for _, test := range tests {
		a, b := route(t, test.a), route(t, test.b)
		if a.Beats(b) != test.beats || b.Beats(a) != test.back {
			t.Errorf("%s beats %s: %v, and the other way round: %v", test.a, test.b, a.Beats(b), b.Beats(a))
		}
	}
}

func route(t *testing.T, key string) *Route {
	method, path, _ := strings.Cut(key, " ")
	return &Route{Method: method, Pattern: mustParse(t, path)}
}
