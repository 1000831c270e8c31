package route

import (
	"fmt"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/manifest"
)

// The router and the analysis of clashes are compared with brute force over
// every set of routes up to a size, and every path up to a size. The brute
// force shares no code with them: it matches by cutting strings, and what is
// "more specific" it reads off the very sets of requests that two routes match.

// A bruteRoute is a route as the brute force sees it.
type bruteRoute struct {
	method, path string
	greedy       bool
	requests     bitset // of the universe
}

type bitset []uint64

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bitset) within(c bitset) bool {
	for i := range b {
		if b[i]&^c[i] != 0 {
			return false
		}
	}
	return true
}

// bruteMatch says whether a pattern matches a path.
func bruteMatch(pattern, path string) bool {
	want := strings.FieldsFunc(pattern, func(c rune) bool { return c == '/' })
	got := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	for i, w := range want {
		if strings.HasSuffix(w, "+}") {
			return len(got) > i || len(got) == i && strings.HasSuffix(path, "/")
		}
		if i >= len(got) || !strings.HasPrefix(w, "{") && w != got[i] {
			return false
		}
	}
	return len(got) == len(want)
}

type universe struct {
	methods []string
	paths   []string
}

func (u universe) size() int { return len(u.methods) * len(u.paths) }

func (u universe) request(i int) (method, path string) {
	return u.methods[i%len(u.methods)], u.paths[i/len(u.methods)]
}

func (u universe) route(method, path string) bruteRoute {
	r := bruteRoute{method: method, path: path, greedy: strings.HasSuffix(path, "+}"), requests: make(bitset, u.size()/64+1)}
	for i := range u.size() {
		m, p := u.request(i)
		if (method == "ANY" || method == m) && bruteMatch(path, p) {
			r.requests.set(i)
		}
	}
	return r
}

// answer returns the index of the route that answers a request: -1 for none,
// -2 for no clear answer.
func answer(routes []bruteRoute, request int) int {
	best := -1
	for _, greedy := range []bool{false, true} {
		var matching []int
		for i, r := range routes {
			if r.greedy == greedy && r.requests.has(request) {
				matching = append(matching, i)
			}
		}
		if len(matching) == 0 {
			continue
		}
		best = -2
		for _, i := range matching {
			first := true
			for _, j := range matching {
				if i != j && (!routes[i].requests.within(routes[j].requests) || routes[j].requests.within(routes[i].requests)) {
					first = false
				}
			}
			if first {
				best = i
			}
		}
		return best
	}
	return best
}

// sequences returns every sequence of the letters up to a length.
func sequences(letters []string, most int) [][]string {
	all := [][]string{{}}
	last := all
	for range most {
		var next [][]string
		for _, s := range last {
			for _, l := range letters {
				next = append(next, append(s[:len(s):len(s)], l))
			}
		}
		all, last = append(all, next...), next
	}
	return all
}

// patterns returns every pattern up to a number of segments, over two literals.
func patterns(most int) []string {
	var all []string
	for _, s := range sequences([]string{"a", "b", "{}"}, most) {
		var b strings.Builder
		for i, part := range s {
			if part == "{}" {
				part = fmt.Sprintf("{v%d}", i)
			}
			b.WriteString("/" + part)
		}
		if b.Len() == 0 {
			b.WriteString("/")
		}
		all = append(all, b.String())
		if len(s) < most {
			all = append(all, strings.TrimSuffix(b.String(), "/")+"/{rest+}")
		}
	}
	return all
}

// paths returns every path up to a number of segments, with one literal more
// than the patterns have, with and without a trailing slash.
func paths(most int) []string {
	var all []string
	for _, s := range sequences([]string{"a", "b", "c"}, most) {
		p := "/" + strings.Join(s, "/")
		all = append(all, p)
		if len(s) > 0 {
			all = append(all, p+"/")
		}
	}
	return append(all, "//a", "/a//b", "/a//", "//")
}

// checkSet compares table and router with the brute force, for one set of routes.
func checkSet(t *testing.T, u universe, routes []bruteRoute) {
	m := &manifest.Manifest{}
	for i, r := range routes {
		at := manifest.Span{Pos: manifest.Pos{Line: i + 1, Column: 1}, Width: 1}
		m.Routes = append(m.Routes, manifest.Route{
			Span: at, Method: manifest.String{Value: r.method, Span: at}, Path: manifest.String{Value: r.path, Span: at},
			Handler: manifest.String{Value: fmt.Sprint("h", i), Span: at},
		})
	}
	report := &manifest.Report{Filename: "routes.yaml"}
	table := compile(m, nil, report)
	show := func() string {
		var s []string
		for _, r := range routes {
			s = append(s, r.method+" "+r.path)
		}
		return strings.Join(s, ", ")
	}

	clear := true
	for i := range u.size() {
		if answer(routes, i) == -2 {
			clear = false
			break
		}
	}
	if clear == report.HasErrors() {
		t.Fatalf("%s: every request has a clear answer: %v, but the report says %v", show(), clear, report.Diagnostics)
	}
	if !clear {
		return
	}
	stage := ""
	if len(routes)%2 == 1 {
		stage = "mvp"
	}
	router := NewRouter(table, stage)
	for i := range u.size() {
		method, path := u.request(i)
		want := answer(routes, i)
		got, _ := router.Match(method, router.Prefix()+path)
		switch {
		case want == -1 && got != nil, want >= 0 && got == nil,
			want >= 0 && got.Key() != routes[want].method+" "+routes[want].path:
			t.Fatalf("%s: %s %s: router says %v, brute force %d", show(), method, path, got, want)
		}
	}
}

func TestRouterAgainstBruteForce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                  string
		size, segments, paths int // of the sets, patterns and paths
		methods               []string
	}{
		{"pairs", 2, 3, 4, []string{"GET", "ANY"}},
		{"triples", 3, 2, 3, []string{"GET", "ANY"}},
		{"deep triples", 3, 3, 4, []string{"GET"}},
		{"quadruples", 4, 2, 3, []string{"GET"}},
		{"three methods", 3, 1, 2, []string{"GET", "POST", "ANY"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u := universe{[]string{"GET", "POST"}, paths(test.paths)}
			if len(test.methods) == 1 {
				u.methods = test.methods
			}
			var pool []bruteRoute
			for _, p := range patterns(test.segments) {
				for _, m := range test.methods {
					pool = append(pool, u.route(m, p))
				}
			}
			sets := 0
			var choose func(from int, chosen []bruteRoute)
			choose = func(from int, chosen []bruteRoute) {
				if len(chosen) > 0 {
					sets++
					checkSet(t, u, chosen)
				}
				if len(chosen) == test.size {
					return
				}
				for i := from; i < len(pool); i++ {
					choose(i+1, append(chosen[:len(chosen):len(chosen)], pool[i]))
				}
			}
			choose(0, nil)
			if sets < 50 {
				t.Fatalf("only %d sets were compared", sets)
			}
			t.Logf("%d sets of routes, %d requests each", sets, u.size())
		})
	}
}
