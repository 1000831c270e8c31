package route

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Lines are found with the route at the head of the file and far from it, with its
// keys in any order and in a packaged table.
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
	restored, _ := Restore(loaded.Packaged([]byte(src)), "routes.yaml", []byte(src), map[string]bool{"a": true, "b": true})
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

// A Route that no manifest has gives each key its own line.
func TestLineOfNoTable(t *testing.T) {
	t.Parallel()
	r := Route{Line: 3}
	for _, key := range []string{"path", "scopes", "nothing"} {
		if got := r.LineOf(key); got != 3 {
			t.Errorf("%q is on line %d, want 3", key, got)
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
	r := routeOf(t, "GET /a/{b}")
	if got, want := r.Key(), "GET /a/{b}"; got != want {
		t.Errorf("key %q, want %q", got, want)
	}
	for made := range table(t, "GET /a/{b}").All() {
		if made.RouteKey == "" || made.Key() != made.Method+" "+made.Pattern.String() {
			t.Errorf("key %q, made %q", made.Key(), made.RouteKey)
		}
	}
}
