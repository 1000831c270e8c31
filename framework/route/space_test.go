package route

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// accessKey is what the tests compare routes by.
func accessKey(r *Route) string { return r.Access.String() }

// takers returns the keys of the routes that take a request, by brute force.
func takers(routes []*Route, method, path string) string {
	var keys []string
	for _, r := range routes {
		if (r.Method == AnyMethod || r.Method == method) && bruteMatch(r.Pattern.String(), path) {
			// Variables may be called anything.
			keys = append(keys, r.Method+" "+r.Pattern.Shape()+" "+accessKey(r))
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

func keysOf(routes []*Route) string {
	var keys []string
	for _, r := range routes {
		keys = append(keys, r.Method+" "+r.Pattern.Shape()+" "+accessKey(r))
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

// randomTable returns a valid table of a few routes over a small alphabet.
func randomTable(rng *rand.Rand, patterns [][]string) *Table {
	for {
		src := "version: 1\nroutes:\n"
		for i := range 1 + rng.IntN(5) {
			path := "/" + strings.Join(patterns[rng.IntN(len(patterns))], "/")
			method := []string{"GET", "POST", "ANY"}[rng.IntN(3)]
			access := []string{"public: true", "groups: [A]", "scopes: [s]", "auth: jwt"}[rng.IntN(4)]
			src += fmt.Sprintf("  - {path: '%s', method: %s, handler: h%d, %s}\n", path, method, i, access)
		}
		if t, _ := Load("routes.yaml", []byte(src), nil); t != nil {
			return t
		}
	}
}

// Every request that two tables may answer differently is in a class that is
// told, every class is what it says it is, and the unbeaten route of a class
// is the router's.
func TestDifferences(t *testing.T) {
	t.Parallel()
	var patterns [][]string
	for _, p := range sequences([]string{"a", "b", "{x}"}, 3) {
		patterns = append(patterns, p)
		if len(p) < 3 {
			patterns = append(patterns, append(slices.Clone(p), "{p+}"))
		}
	}
	u := universe{methods: Methods[:4]}
	for _, p := range sequences([]string{"a", "b", "x", "z"}, 4) {
		path := "/" + strings.Join(p, "/")
		u.paths = append(u.paths, path)
		if len(p) > 0 {
			u.paths = append(u.paths, path+"/")
		}
	}

	rng := rand.New(rand.NewPCG(1, 2))
	classes, requests, left := 0, 0, 0
	for range 1500 {
		old, new := randomTable(rng, patterns), randomTable(rng, patterns)
		if rng.IntN(3) == 0 { // mostly the same routes
			new = &Table{routes: slices.Clone(old.routes)}
			i := rng.IntN(len(new.routes))
			changed := *new.routes[i]
			changed.Access = Access{Auth: IAM}
			new.routes[i] = &changed
		}
		routers := []*Router{NewRouter(old, ""), NewRouter(new, "")}
		told := make(map[string]bool)
		for c := range Differences(old.routes, new.routes, accessKey) {
			classes++
			told[c.Method+" "+keysOf(c.Old)+" | "+keysOf(c.New)] = true
			for i, list := range [][]*Route{c.Old, c.New} {
				from := []*Table{old, new}[i]
				if got, want := keysOf(list), takers(from.routes, c.Method, c.Path); got != want {
					t.Fatalf("%s %s: taken by %q, want %q", c.Method, c.Path, got, want)
				}
				first := Unbeaten(list)
				answers, _ := routers[i].Match(c.Method, c.Path)
				if len(list) == 0 && answers == nil {
					continue
				}
				if len(first) != 1 || first[0] != answers {
					t.Fatalf("%s %s: unbeaten is %s, the router answers %v", c.Method, c.Path, keysOf(first), answers)
				}
			}
		}
		for i := range u.size() {
			method, path := u.request(i)
			requests++
			if told[method+" "+takers(old.routes, method, path)+" | "+takers(new.routes, method, path)] {
				continue
			}
			left++
			o, _ := routers[0].Match(method, path)
			n, _ := routers[1].Match(method, path)
			if (o == nil) != (n == nil) || o != nil && (o.Method != n.Method || accessKey(o) != accessKey(n)) {
				t.Fatalf("%s %s: %v and %v, in no class\n%s\n%s", method, path, o, n, keysOf(old.routes), keysOf(new.routes))
			}
		}
	}
	t.Logf("%d classes stand for %d requests, of which %d are left out", classes, requests, left)
	if left == 0 {
		t.Error("nothing was left out: equal parts are not told")
	}
}

// A table has no difference from itself, and all of its own classes from none.
func TestDifferencesOfOne(t *testing.T) {
	t.Parallel()
	table, _ := Load("routes.yaml", []byte(`
version: 1
routes:
  - {path: /a, method: GET, handler: h, public: true}
  - {path: '/a/{x}', method: POST, handler: i}
  - {path: '/f/{p+}', method: ANY, handler: j, groups: [A]}
`), nil)
	for c := range Differences(table.routes, table.routes, accessKey) {
		t.Errorf("a difference: %s %s", c.Method, c.Path)
	}
	want := []string{"GET /a", "GET /a/", "POST /a/x", "GET /f/", "POST /f/", "GET /f/x", "POST /f/x"}
	for side, lists := range [][2][]*Route{{table.routes, nil}, {nil, table.routes}} {
		var got []string
		for c := range Differences(lists[0], lists[1], accessKey) {
			if c.Method == "GET" || c.Method == "POST" {
				got = append(got, c.Method+" "+c.Path)
			}
			if none := [][]*Route{c.New, c.Old}[side]; len(none) > 0 {
				t.Errorf("%s %s is taken by no routes", c.Method, c.Path)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("classes are %q, want %q", got, want)
		}
	}
	for range Differences(table.routes, nil, accessKey) {
		break // must not go on
	}
}

// What is told of a few routes, exactly. Behind /a and behind any other segment
// /{v}/c waits, and is told once. Greedy routes with the same keys in the same order
// still differ where their depths do: of two at one depth the literal is first, of
// two at different depths the deeper.
func TestDifferencesOfFew(t *testing.T) {
	t.Parallel()
	routes := func(keys ...string) (list []*Route) {
		for i, key := range keys {
			r := routeOf(t, key)
			r.Access = Access{Auth: JWT, Groups: []string{fmt.Sprint(i)}}
			list = append(list, r)
		}
		return list
	}
	tests := []struct {
		old, new []*Route
		want     []string
	}{
		{routes("GET /a/b", "GET /{v}/c"), nil, []string{"GET /a/b", "GET /a/c"}},
		{
			routes("GET /a/{p+}", "GET /{v}/{p+}"), routes("GET /a/b/{p+}", "GET /a/b/c/{p+}"),
			[]string{"GET /a/", "GET /a/b", "GET /a/b/", "GET /a/b/c", "GET /a/b/c/", "GET /a/b/c/x", "GET /a/b/x", "GET /a/x", "GET /x/", "GET /x/x"},
		},
	}
	for _, test := range tests {
		var got []string
		for c := range Differences(test.old, test.new, accessKey) {
			got = append(got, c.Method+" "+c.Path)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("classes are %q, want %q", got, test.want)
		}
	}
}

// Equal tables of the largest size are told at once, and a change in one of
// them is found without a look at the rest.
func TestDifferencesOfLargeTables(t *testing.T) {
	t.Parallel()
	large := func(access func(int) Access) []*Route {
		var routes []*Route
		for i := range maxTable {
			p, err := ParsePattern(fmt.Sprintf("/v1/r%d/{id}/s%d", i/10, i%10))
			if err != nil {
				t.Fatal(err)
			}
			routes = append(routes, &Route{Method: "GET", Pattern: p, Access: access(i)})
		}
		return routes
	}
	jwt := func(int) Access { return Access{Auth: JWT} }
	old := large(jwt)
	for c := range Differences(old, large(jwt), accessKey) {
		t.Fatalf("a difference: %s %s", c.Method, c.Path)
	}
	found := 0
	for c := range Differences(old, large(func(i int) Access {
		if i == 4321 {
			return Access{Auth: Public}
		}
		return Access{Auth: JWT}
	}), accessKey) {
		found++
		if c.Path != "/v1/r432/x/s1" || c.Method != "GET" {
			t.Errorf("a difference: %s %s", c.Method, c.Path)
		}
	}
	if found != 1 {
		t.Errorf("%d differences, want 1", found)
	}
	if n := count(Differences(old, nil, accessKey)); n != maxTable {
		t.Errorf("%d classes, want %d", n, maxTable)
	}
}

func count[T any](seq func(func(T) bool)) (n int) {
	for range seq {
		n++
	}
	return n
}

// Which of two routes answers a request that both take: the one without a greedy
// variable, and then the one whose requests are a part of the other's.
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
		a, b := routeOf(t, test.a), routeOf(t, test.b)
		if a.Beats(b) != test.beats || b.Beats(a) != test.back {
			t.Errorf("%s beats %s: %v, and the other way round: %v", test.a, test.b, a.Beats(b), b.Beats(a))
		}
	}
}

func routeOf(t testing.TB, key string) *Route {
	t.Helper()
	method, path, _ := strings.Cut(key, " ")
	return &Route{Method: method, Pattern: mustParse(t, path)}
}
