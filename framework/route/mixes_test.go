package route

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/internal/growth"
	"github.com/routegate/routegate/framework/manifest"
)

// mixes returns the table of all routes of n segments, each of which is a word or a
// variable. Every two of these routes overlap.
func mixes(t testing.TB, n int) *Table {
	t.Helper()
	table, report := Load("routes.yaml", []byte("version: 1\nroutes:\n"+bits(n)), testHandlers)
	if table == nil {
		t.Fatal(printed(t, report))
	}
	return table
}

// logOf returns the n of mixes that has so many routes.
func logOf(routes int) (n int) {
	for 1<<n < routes {
		n++
	}
	return n
}

// Routes that all overlap cost about as much as routes that do not: to load, to find
// for a request, and to compare.
func TestMixesGrow(t *testing.T) {
	growth.Check(t, "load", 256, func(n int) func() {
		src := []byte("version: 1\nroutes:\n" + bits(logOf(n)))
		return func() { Load("routes.yaml", src, testHandlers) }
	})
	growth.Check(t, "load with a clash", 256, func(n int) func() {
		// Without the route of words alone, many routes clash.
		_, rest, _ := strings.Cut(bits(logOf(n)), "\n")
		src := []byte("version: 1\nroutes:\n" + rest)
		return func() { Load("routes.yaml", src, testHandlers) }
	})
	growth.Check(t, "find every route", 256, func(n int) func() {
		table := mixes(t, logOf(n))
		return func() {
			r := NewRouter(table, "")
			for rt := range table.All() {
				if found, _ := r.Match("GET", witnessPath(rt.Pattern, "x")); found != rt {
					t.Fatalf("%q is not found", rt.Key())
				}
			}
		}
	})
	growth.Check(t, "find nothing", 256, func(n int) func() {
		r := NewRouter(mixes(t, logOf(n)), "")
		return func() {
			for range 100 {
				if found, _ := r.Match("GET", strings.Repeat("/a", logOf(n)-1)); found != nil {
					t.Fatalf("%q is found", found.Key())
				}
			}
		}
	})
}

// Two tables of n routes that all overlap have n pairs of answers, and Answers tries no
// more than that.
func TestAnswersOfMixes(t *testing.T) {
	t.Parallel()
	const n = 10
	old := slices.Collect(mixes(t, n).All())
	changed := func(change func(i int, r *Route)) []*Route {
		var list []*Route
		for i, r := range old {
			r := *r
			change(i, &r)
			list = append(list, &r)
		}
		return list
	}
	for _, test := range []struct {
		name string
		new  []*Route
		want int
	}{
		{"nothing", changed(func(int, *Route) {}), 0},
		{"one", changed(func(i int, r *Route) {
			if i == 512 {
				r.Access = Access{Auth: IAM}
			}
		}), 1},
		{"all", changed(func(i int, r *Route) { r.Access = Access{Auth: IAM} }), 1 << n},
		{"all are gone", nil, 1 << n},
	} {
		if got := count(Answers(old, test.new, accessKey, nil)); got != test.want {
			t.Errorf("%s: %d classes, want %d", test.name, got, test.want)
		}
	}
}

// Each of these routes has its one word at a place of its own, and an end of its own. A
// path can lead to any set of them until it ends, so there are 2^60 such sets. But only
// 60 pairs of routes answer something.
func TestAnswersOfDistinctEnds(t *testing.T) {
	t.Parallel()
	const n = 60
	list := func(access Access) (list []*Route) {
		for i := range n {
			var path strings.Builder
			for j := range n {
				if i == j {
					path.WriteString("/a")
				} else {
					fmt.Fprintf(&path, "/{v%d}", j)
				}
			}
			r := routeOf(t, fmt.Sprintf("GET %s/end%d", path.String(), i))
			r.Access = access
			list = append(list, r)
		}
		return list
	}
	if got := count(Answers(list(Access{Auth: JWT}), list(Access{Auth: Public}), accessKey, nil)); got != n {
		t.Errorf("%d classes, want %d", got, n)
	}
}

// randomList returns a few routes that need not be a valid table, with all that may
// come in a deployed gateway: clashes and duplicates.
func randomList(rng *rand.Rand, patterns [][]string, n int) []*Route {
	var list []*Route
	for i := range n {
		p, err := ParsePattern("/" + strings.Join(patterns[rng.IntN(len(patterns))], "/"))
		if err != nil {
			panic(err)
		}
		list = append(list, &Route{
			Method: []string{"GET", "POST", AnyMethod}[rng.IntN(3)], Pattern: p, Line: i,
			Access: Access{Auth: JWT, Groups: []string{fmt.Sprint(rng.IntN(3))}},
		})
	}
	return list
}

// smallSpace returns patterns, and requests that tell apart whatever they can.
func smallSpace() (patterns [][]string, u universe) {
	for _, p := range sequences([]string{"a", "b", "{x}"}, 3) {
		if strings.Count(strings.Join(p, "/"), "{x}") > 1 {
			p = slices.Clone(p)
			for i := range p {
				p[i] = strings.Replace(p[i], "{x}", fmt.Sprintf("{x%d}", i), 1)
			}
		}
		patterns = append(patterns, p)
		if len(p) < 3 {
			patterns = append(patterns, append(slices.Clone(p), "{p+}"))
		}
	}
	u.methods = []string{"GET", "POST", "PUT"}
	for _, p := range sequences([]string{"a", "b", "z"}, 5) {
		path := "/" + strings.Join(p, "/")
		u.paths = append(u.paths, path)
		if len(p) > 0 {
			u.paths = append(u.paths, path+"/")
		}
	}
	return patterns, u
}

// unbeatenTakers returns the routes of a list that answer a request, by brute force.
func unbeatenTakers(list []*Route, method, path string) []*Route {
	var taking []*Route
	for _, r := range list {
		if r.takes(method) && bruteMatch(r.Pattern.String(), path) {
			taking = append(taking, r)
		}
	}
	return Unbeaten(taking)
}

// Whatever two routes answer a request, Answers tells of them, together with each
// candidate of a mixture. What it tells is true.
func TestAnswersAgainstBruteForce(t *testing.T) {
	t.Parallel()
	patterns, u := smallSpace()
	type pair struct{ old, new, also *Route }
	rng := rand.New(rand.NewPCG(3, 4))
	pairs, left := 0, 0
	for range 150 {
		var old, new, also []*Route
		if rng.IntN(2) == 0 {
			old, new = slices.Collect(randomTable(rng, patterns).All()), slices.Collect(randomTable(rng, patterns).All())
		} else {
			old, new = randomList(rng, patterns, rng.IntN(6)), randomList(rng, patterns, rng.IntN(6))
		}
		var mixture *Mixture
		if rng.IntN(3) == 0 {
			also = randomList(rng, patterns, 3)
			mixture = NewMixture(also, certainIfZero)
		}
		if rng.IntN(3) == 0 {
			new = slices.Clone(old)
			if len(new) > 0 {
				changed := *new[0]
				changed.Access = Access{Auth: IAM}
				new[0] = &changed
			}
		}
		key := accessKey
		if rng.IntN(4) == 0 {
			key = nil
		}
		each := func(old, new []*Route, method, path string, do func(pair)) {
			taking := append(candidatesOf(also, method, path), nil)
			for _, o := range append(old, nil) {
				for _, n := range append(new, nil) {
					for _, a := range taking {
						if (o == nil) == (len(old) == 0) && (n == nil) == (len(new) == 0) && (o != nil || n != nil) {
							do(pair{o, n, a})
						}
					}
				}
			}
		}
		told := make(map[pair]bool)
		for c := range Answers(old, new, key, mixture) {
			for i, list := range [][]*Route{c.Old, c.New} {
				if got, want := keysOf(list), keysOf(unbeatenTakers([][]*Route{old, new}[i], c.Method, c.Path)); got != want {
					t.Fatalf("%s %s: answered by %q, want %q", c.Method, c.Path, got, want)
				}
			}
			each(c.Old, c.New, c.Method, c.Path, func(p pair) { told[p] = true })
		}
		for i := range u.size() {
			method, path := u.request(i)
			o, n := unbeatenTakers(old, method, path), unbeatenTakers(new, method, path)
			each(o, n, method, path, func(p pair) {
				pairs++
				if told[p] {
					return
				}
				left++
				if key == nil || !slices.Equal(methodsAndKeys(o), methodsAndKeys(n)) {
					t.Fatalf("%s %s: answers %s and %s, and also %v, are told nowhere\n%s\n%s\n%s", method, path, keysOf(o), keysOf(n), p.also, keysOf(old), keysOf(new), keysOf(also))
				}
			})
		}
	}
	if left == 0 || left == pairs {
		t.Errorf("of %d pairs, %d were left out", pairs, left)
	}
}

// Answers tells of the same pairs of routes as the walk that leaves out nothing. The
// tables are larger than brute force can look at.
func TestAnswersAgainstDifferences(t *testing.T) {
	t.Parallel()
	var patterns [][]string
	for i := range 1 << 5 { // every mix of a word and a variable
		var p []string
		for j := range 5 {
			p = append(p, []string{"a", fmt.Sprintf("{v%d}", j)}[i>>j&1])
		}
		patterns = append(patterns, p, append(slices.Clone(p), "{p+}"), append(slices.Clone(p[:4]), "b"), p[:3])
	}
	type pair struct{ old, new *Route }
	first := func(list []*Route) *Route {
		if list = Unbeaten(list); len(list) > 0 {
			return list[0]
		}
		return nil
	}
	rng := rand.New(rand.NewPCG(9, 10))
	// random returns as many routes in random order as there can be without a clash.
	random := func() *Table {
		list := randomList(rng, patterns, 60)
		written := make(map[*Route]writtenRoute)
		seen := make(map[key]bool)
		var kept []*Route
		for i, r := range list {
			k := key{r.Method, r.Pattern.Shape()}
			written[r] = writtenRoute{r, &manifest.Route{}}
			r.Handler = fmt.Sprint(i)
			if !seen[k] && len(clashes(append(slices.Clone(kept), r), written, "x")) == 0 {
				kept, seen[k] = append(kept, r), true
			}
		}
		return &Table{routes: kept}
	}
	byHandler := func(r *Route) string { return r.Handler }
	pairs := 0
	for range 60 {
		old, new := random(), random()
		told := make(map[pair]bool)
		for c := range Answers(old.routes, new.routes, byHandler, nil) {
			told[pair{first(c.Old), first(c.New)}] = true
		}
		want := make(map[pair]bool)
		for c := range Differences(old.routes, new.routes, byHandler) {
			want[pair{first(c.Old), first(c.New)}] = true
		}
		pairs += len(want)
		for p := range want {
			if !told[p] && (p.old == nil || p.new == nil || p.old.Method != p.new.Method || p.old.Handler != p.new.Handler) {
				t.Fatalf("%v and %v are told nowhere\n%s\n%s", p.old, p.new, keysOf(old.routes), keysOf(new.routes))
			}
		}
		for p := range told {
			if !want[p] {
				t.Fatalf("%v and %v are told, and answer nothing\n%s\n%s", p.old, p.new, keysOf(old.routes), keysOf(new.routes))
			}
		}
	}
	if pairs < 1000 {
		t.Errorf("only %d pairs of routes", pairs)
	}
}

// certainIfZero is a label of randomList's routes.
func certainIfZero(r *Route) string { return strings.TrimLeft(r.Access.Groups[0], "0") }

// candidatesOf returns the routes that take a request and that no certain route beats,
// by brute force.
func candidatesOf(list []*Route, method, path string) (candidates []*Route) {
	var taking []*Route
	for _, r := range list {
		if r.takes(method) && bruteMatch(r.Pattern.String(), path) {
			taking = append(taking, r)
		}
	}
	for _, r := range taking {
		if !slices.ContainsFunc(taking, func(c *Route) bool { return certainIfZero(c) == "" && c.Beats(r) }) {
			candidates = append(candidates, r)
		}
	}
	return candidates
}

func methodsAndKeys(list []*Route) []string {
	var keys []string
	for _, r := range list {
		keys = append(keys, r.Method+" "+accessKey(r))
	}
	slices.Sort(keys)
	return keys
}

// An index finds in every table what the routers find one after the other.
func TestIndexAgainstRouters(t *testing.T) {
	t.Parallel()
	patterns, u := smallSpace()
	rng := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		table := randomTable(rng, patterns)
		plain, indexed := NewRouter(table, "s"), NewRouter(table, "s")
		for i, method := range Methods {
			s := newIndexedStacks(table, method, indexed.prefix, 0)
			indexed.stacks[i] = func() stacks { return s }
		}
		for i := range u.size() {
			method, path := u.request(i)
			want, values := plain.Match(method, "/s"+path)
			got, same := indexed.Match(method, "/s"+path)
			if got != want || !slices.Equal(values, same) {
				t.Fatalf("%s %s: the index finds %v %q, the routers %v %q\n%s", method, path, got, same, want, values, keysOf(table.routes))
			}
		}
	}
}

// A literal may have a colon, and a path may have slashes that do not count, with an
// index, too.
func TestIndexPaths(t *testing.T) {
	t.Parallel()
	src := "version: 1\nroutes:\n" + bits(6) + "  - {path: '/a/x:y', method: GET, handler: whoami, name: colon}\n  - {path: '/{v}/{p+}', method: POST, handler: whoami, name: greedy}\n"
	table, report := Load("routes.yaml", []byte(src), testHandlers)
	if table == nil {
		t.Fatal(printed(t, report))
	}
	for _, test := range []struct{ method, path, want string }{
		{"GET", "/a/x:y", "colon"}, {"GET", "//a//x:y//", "colon"}, {"GET", "/a/x\x00y", ""},
		{"GET", "/a/a/a/a/a/a", "n0"}, {"GET", "/a/a/z/a/a/a/", "n4"}, {"GET", "/a/a/a/a/a", ""}, {"GET", "/", ""}, {"GET", "", ""},
		{"POST", "/a", ""}, {"POST", "/a/", "greedy"}, {"POST", "/a/b/c", "greedy"}, {"PUT", "/a/b", ""},
	} {
		name := ""
		if rt, _ := NewRouter(table, "").Match(test.method, test.path); rt != nil {
			name = rt.Name
		}
		if name != test.want {
			t.Errorf("%s %q: %q, want %q", test.method, test.path, name, test.want)
		}
	}
}

// The candidates of a mixture are those of brute force: one of each label that some
// route has which takes the request and which no certain route beats.
func TestCandidates(t *testing.T) {
	t.Parallel()
	patterns, u := smallSpace()
	rng := rand.New(rand.NewPCG(7, 8))
	loose := 0
	for range 300 {
		list := randomList(rng, patterns, 1+rng.IntN(7))
		label := certainIfZero
		m := NewMixture(list, label)
		for i := range u.size() {
			method, path := u.request(i)
			want := make(map[string]bool)
			for _, r := range candidatesOf(list, method, path) {
				want[label(r)+keyIf(label(r) == "", r)] = true
			}
			always := slices.ContainsFunc(list, func(r *Route) bool {
				return label(r) == "" && r.takes(method) && bruteMatch(r.Pattern.String(), path)
			})
			routes, gotAlways := m.Candidates(method, path)
			got := make(map[string]bool)
			for r := range routes {
				l := label(r) + keyIf(label(r) == "", r)
				if !want[l] || got[l] && label(r) != "" {
					t.Fatalf("%s %s: candidate %s\n%s", method, path, keysOf([]*Route{r}), keysOf(list))
				}
				got[l] = true
				if l != "" {
					loose++
				}
			}
			if len(got) != len(want) || gotAlways != always {
				t.Fatalf("%s %s: candidates %v, want %v, always %v\n%s", method, path, got, want, gotAlways, keysOf(list))
			}
		}
	}
	if loose == 0 {
		t.Error("no candidate may be away")
	}
}

func keyIf(ok bool, r *Route) string {
	if !ok {
		return ""
	}
	return " " + r.Method + " " + r.Pattern.Shape()
}

func BenchmarkMixes(b *testing.B) {
	for _, n := range []int{12, 13} {
		src := []byte("version: 1\nroutes:\n" + bits(n))
		b.Run(fmt.Sprintf("load/routes=%d", 1<<n), func(b *testing.B) {
			for b.Loop() {
				Load("routes.yaml", src, testHandlers)
			}
		})
		table := mixes(b, n)
		b.Run(fmt.Sprintf("router/routes=%d", 1<<n), func(b *testing.B) {
			for b.Loop() {
				NewRouter(table, "").Match("GET", "/")
			}
		})
		r := NewRouter(table, "")
		r.Match("GET", "/") // builds it
		for name, path := range map[string]string{
			"narrowest": strings.Repeat("/a", n), "widest": strings.Repeat("/x", n), "half": strings.Repeat("/a/x", n)[:2*n], "none": strings.Repeat("/a", n-1),
		} {
			b.Run(fmt.Sprintf("match=%s/routes=%d", name, 1<<n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r.Match("GET", path)
				}
			})
		}
	}
}
