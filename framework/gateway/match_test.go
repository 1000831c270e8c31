package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/route"
)

// Which route answers, and what its variables stand for. Each row tells where it
// is from: "routes" is AWS's page "Create routes for HTTP APIs", "capture" a
// capture of live traffic, "tool" AWS's own test tool, "choice" what this gateway
// does where AWS is not known.
//
// The number in front of a row is the section of the project's collection of
// facts about API Gateway that it comes from.
func TestSelection(t *testing.T) {
	t.Parallel()
	aws := []string{"GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}"}
	tests := []struct {
		source  string
		routes  []string
		request string // with stage dev
		want    string // "" is none
	}{
		{"5 routes: full match, static", aws, "GET /dev/pets/dog/1", "GET /pets/dog/1"},
		{"5 routes: full match, variable", aws, "GET /dev/pets/dog/2", "GET /pets/dog/{id} id=2"},
		{"5 routes: greedy, longer prefix", aws, "GET /dev/pets/cat/1", "GET /pets/{proxy+} proxy=cat/1"},
		{"5 routes: greedy, shorter prefix", aws, "GET /dev/other", "ANY /{proxy+} proxy=other"},
		{"5 routes: the method counts before the prefix", aws, "POST /dev/pets/dog/1", "ANY /{proxy+} proxy=pets/dog/1"},
		{"5 routes: ANY is for methods not otherwise defined", []string{"ANY /x", "GET /x"}, "GET /dev/x", "GET /x"},
		{"5 routes: likewise", []string{"ANY /x", "GET /x"}, "POST /dev/x", "ANY /x"},
		{"5 routes: the event has the matched key", []string{"ANY /x/{p+}"}, "DELETE /dev/x/y", "ANY /x/{p+} p=y"},
		{"5 routes: any name may be greedy, one segment is enough", []string{"GET /x/{rest+}"}, "GET /dev/x/y", "GET /x/{rest+} rest=y"},
		{"5 routes: greedy takes no fewer than its prefix", []string{"GET /x/y/{rest+}"}, "GET /dev/x", ""},
		{"5 routes: a variable takes one segment", []string{"GET /x/{a}"}, "GET /dev/x/1/2", ""},
		{"5 routes: stage is chosen first", []string{"GET /x"}, "GET /x", ""},
		{"5 routes: stage is a whole segment", []string{"GET /x", "GET /{a}"}, "GET /developer/x", ""},
		{"5 routes: a stage shadows a route of its name", []string{"GET /dev"}, "GET /dev", ""},
		{"5 routes: and can be reached beneath it", []string{"GET /dev"}, "GET /dev/dev", "GET /dev"},
		{"5 routes: bare stage is the root", []string{"GET /"}, "GET /dev", "GET /"},
		{"5 capture: wrong method is 404", []string{"GET /x"}, "PUT /dev/x", ""},
		{"5 capture: HEAD is not served by GET", []string{"GET /x"}, "HEAD /dev/x", ""},
		{"5 capture: HEAD by itself", []string{"HEAD /x"}, "HEAD /dev/x", "HEAD /x"},
		{"5 routes: HEAD by ANY", []string{"ANY /x"}, "HEAD /dev/x", "ANY /x"},
		{"11 choice: ANY is the seven methods", []string{"ANY /x"}, "TRACE /dev/x", ""},
		{"11 choice: ANY is no method", []string{"ANY /x"}, "ANY /dev/x", ""},
		{"11 choice: methods are in upper case", []string{"GET /x"}, "get /dev/x", ""},
		{"11 choice: paths are case-sensitive", []string{"GET /x"}, "GET /dev/X", ""},
		{"5 capture: a trailing slash does not count", []string{"GET /x"}, "GET /dev/x/", "GET /x"},
		{"5 capture: nor behind a variable", []string{"GET /x/{a}"}, "GET /dev/x/1/", "GET /x/{a} a=1"},
		{"5 report: double slashes are tolerated", []string{"GET /x/{a}"}, "GET /dev//x///1", "GET /x/{a} a=1"},
		{"11 choice: but not before the stage", []string{"GET /x"}, "GET //dev/x", ""},
		{"5 tool: /{proxy+} takes /", []string{"ANY /{proxy+}"}, "GET /dev/", "ANY /{proxy+} proxy="},
		{"5 tool: and the bare stage", []string{"ANY /{proxy+}"}, "GET /dev", "ANY /{proxy+} proxy="},
		{"5 tool: /pe/{proxy+} takes /pe/", []string{"GET /pe/{proxy+}"}, "GET /dev/pe/", "GET /pe/{proxy+} proxy="},
		{"5 tool: and not /pe", []string{"GET /pe/{proxy+}"}, "GET /dev/pe", ""},
		{"11 choice: /pe/ is /pe before it is greedy", []string{"GET /pe", "GET /pe/{p+}"}, "GET /dev/pe/", "GET /pe"},
		{"11 choice: a full match on ANY before a greedy one on the method", []string{"ANY /pets/{id}", "GET /pets/{p+}"}, "GET /dev/pets/1", "ANY /pets/{id} id=1"},
		{"11 choice: greedy keeps slashes", []string{"GET /x/{p+}"}, "GET /dev/x//a//b/", "GET /x/{p+} p=a//b/"},
		{"1.2 capture: parameters are decoded", []string{"GET /x/{a}"}, "GET /dev/x/a%20b%C3%A9%40", "GET /x/{a} a=a bé@"},
		{"11 choice: cut before decoding", []string{"GET /x/{a}"}, "GET /dev/x/a%2Fb", "GET /x/{a} a=a/b"},
		{"11 choice: also behind a greedy one", []string{"GET /x/{a+}"}, "GET /dev/x/a%2F/b%2fc", "GET /x/{a+} a=a//b/c"},
		{"11 choice: literals are decoded", []string{"GET /xyz"}, "GET /d%65v/%78y%7a", "GET /xyz"},
		{"11 choice: decoded once", []string{"GET /x/{a}"}, "GET /dev/x/%2541", "GET /x/{a} a=%41"},
		{"11 choice: %2F is no slash between segments", []string{"GET /x/y"}, "GET /dev/x%2Fy", ""},
		{"11 choice: nor a trailing one", []string{"GET /x"}, "GET /dev/x%2F", ""},
		{"5 RFC: + is a plus in a path", []string{"GET /x/{a}"}, "GET /dev/x/a+b", "GET /x/{a} a=a+b"},
		{"11 choice: dots are not resolved", []string{"GET /x/{a}", "GET /y"}, "GET /dev/x/..", "GET /x/{a} a=.."},
		{"11 choice: nor encoded ones", []string{"GET /y", "ANY /{p+}"}, "GET /dev/x/%2e%2e/y", "ANY /{p+} p=x/../y"},
		{"5 table: backtracking from a literal", []string{"GET /a/b", "ANY /{x}/{y}"}, "POST /dev/a/b", "ANY /{x}/{y} x=a y=b"},
		{"5 table: likewise, deeper", []string{"GET /a/b/c", "GET /{x}/b/d"}, "GET /dev/a/b/d", "GET /{x}/b/d x=a"},
		{"5 table: variables of different names", []string{"GET /u/{id}", "GET /u/{user}/posts"}, "GET /dev/u/1/posts", "GET /u/{user}/posts user=1"},
	}
	for _, test := range tests {
		method, path, _ := strings.Cut(test.request, " ")
		raw, ok := cutStage(path, "dev")
		got := ""
		if ok {
			got = describe(newMatcher(newTable(t, test.routes...), false).match(method, splitPath(raw)))
		}
		if got != test.want {
			t.Errorf("%s: %v: %s: got %q, want %q", test.source, test.routes, test.request, got, test.want)
		}
	}
}

// describe writes a match as "GET /a/{b} b=1", variables in the pattern's order.
func describe(m match) string {
	if m.route == nil {
		return ""
	}
	s := m.route.Key()
	for _, name := range m.route.Pattern.Variables() {
		s += " " + name + "=" + m.params[name]
	}
	return s
}

// One report of 2023 has it that a trailing slash matches no route, so that a
// greedy one had to be added.
func TestStrictSlash(t *testing.T) {
	t.Parallel()
	m := newMatcher(newTable(t, "GET /", "GET /x", "GET /y/{a}", "GET /y/{p+}"), true)
	for path, want := range map[string]string{
		"": "GET /", "/": "GET /", "/x": "GET /x", "/x/": "", "/x//": "", "/y/1": "GET /y/{a} a=1", "/y/1/": "GET /y/{p+} p=1/",
	} {
		if got := describe(m.match("GET", splitPath(path))); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

func TestNoTable(t *testing.T) {
	t.Parallel()
	if got := newMatcher(nil, false).match("GET", splitPath("/")); got.route != nil {
		t.Errorf("got %v", got)
	}
}

// The matcher is compared, for every set of routes up to a size that the table
// takes, with the function's own router and with brute force, over every path up
// to a size.
func TestMatcherAgainstRouterAndBruteForce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                  string
		size, segments, paths int
		methods               []string
	}{
		{"pairs", 2, 3, 4, []string{"GET"}},
		{"pairs with ANY", 2, 2, 3, []string{"GET", "ANY"}},
		{"triples with ANY", 3, 1, 2, []string{"GET", "POST", "ANY"}},
		{"triples", 3, 2, 3, []string{"GET"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var pool []string
			for _, p := range allPatterns(test.segments) {
				for _, m := range test.methods {
					pool = append(pool, m+" "+p)
				}
			}
			paths := allPaths(test.paths)
			sets, requests := 0, 0
			var choose func(from int, chosen []string)
			choose = func(from int, chosen []string) {
				if len(chosen) > 0 {
					if n := compareMatchers(t, chosen, paths); n > 0 {
						sets, requests = sets+1, requests+n
					}
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
			t.Logf("%d sets of routes, %d requests", sets, requests)
		})
	}
}

// compareMatchers returns how many requests it compared, 0 when the table does
// not take the routes.
func compareMatchers(t *testing.T, routes, paths []string) int {
	table, report := route.Load("routes.yaml", manifestOf(routes), nil)
	if report.HasErrors() {
		return 0
	}
	m, router := newMatcher(table, false), route.NewRouter(table, "")
	n := 0
	for _, method := range []string{"GET", "POST"} {
		for _, path := range paths {
			n++
			found := m.match(method, splitPath(path))
			got := describe(found)
			theirs, values := router.Match(method, path)
			want := ""
			if theirs != nil {
				want = theirs.Key()
				for i, name := range theirs.Pattern.Variables() {
					want += " " + name + "=" + values[i]
				}
			}
			if got != want {
				t.Fatalf("%v: %s %q: gateway %q, router %q", routes, method, path, got, want)
			}
			brute := bruteForce(routes, method, path)
			if key := keyOrNone(found.route); key != brute {
				t.Fatalf("%v: %s %q: gateway %q, brute force %q", routes, method, path, key, brute)
			}
		}
	}
	return n
}

func keyOrNone(r *route.Route) string {
	if r == nil {
		return ""
	}
	return r.Key()
}

// bruteForce says which route AWS's page lets answer, by nothing but what it
// says: full before greedy, and of those that match the one that is literal where
// the others are variable, has the longer prefix, or has the method. For the
// tables that there are, one beats all others in that way.
func bruteForce(routes []string, method, path string) string {
	got := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	best := ""
	for _, greedy := range []bool{false, true} {
		for _, r := range routes {
			m, pattern, _ := strings.Cut(r, " ")
			if m != method && m != "ANY" || strings.HasSuffix(pattern, "+}") != greedy || !bruteMatch(pattern, path, got) {
				continue
			}
			if best == "" || bruteBeats(r, best) {
				best = r
			}
		}
		if best != "" {
			return best
		}
	}
	return ""
}

func bruteMatch(pattern, path string, got []string) bool {
	want := strings.FieldsFunc(pattern, func(c rune) bool { return c == '/' })
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

// bruteBeats reports whether a is nowhere less specific than b.
func bruteBeats(a, b string) bool {
	aMethod, aPath, _ := strings.Cut(a, " ")
	bMethod, bPath, _ := strings.Cut(b, " ")
	if aMethod == "ANY" && bMethod != "ANY" {
		return false
	}
	as, bs := strings.Split(aPath, "/"), strings.Split(bPath, "/")
	if len(as) < len(bs) {
		return false
	}
	for i := range bs {
		if strings.HasPrefix(as[i], "{") && !strings.HasPrefix(bs[i], "{") {
			return false
		}
	}
	return true
}

// allPatterns returns every pattern of up to so many segments, over two literals.
func allPatterns(most int) []string {
	all := []string{"/"}
	last := []string{""}
	for depth := range most {
		var next []string
		for _, p := range last {
			all = append(all, p+"/{rest+}")
			for _, s := range []string{"a", "b", fmt.Sprintf("{v%d}", depth)} {
				next = append(next, p+"/"+s)
			}
		}
		all, last = append(all, next...), next
	}
	return all
}

// allPaths returns every path of up to so many segments, over those literals and
// one more, with and without a slash at the end.
func allPaths(most int) []string {
	all := []string{"/", "//", "//a", "/a//b", "/a//", "//a//b//a//"}
	last := []string{""}
	for range most {
		var next []string
		for _, p := range last {
			for _, s := range []string{"a", "b", "c"} {
				next = append(next, p+"/"+s)
				all = append(all, p+"/"+s, p+"/"+s+"/")
			}
		}
		last = next
	}
	return all
}

// The container's router and the gateway agree on every path that a few pieces
// make, whatever is encoded in it.
func TestMatcherAgainstEncodedPaths(t *testing.T) {
	t.Parallel()
	pieces := []string{"/", "a", "%61", "b", "%2F", "%2f", "%25", "%3A"}
	paths := []string{""}
	for range 5 {
		for _, p := range paths {
			for _, piece := range pieces {
				paths = append(paths, p+piece)
			}
		}
		slices.Sort(paths)
		paths = slices.Compact(paths)
	}
	tables := [][]string{
		{"GET / public", "GET /a public", "GET /{x} public"},
		{"GET /a/b public", "GET /a/{x} public", "GET /{x}/{y} public", "GET /{x+} public"},
		{"GET /a/{x+} public", "GET /ab public", "GET /{x}/a/b public"},
		{"GET /a: public", "GET /a:/{x} public", "ANY /b/{x+} public", "GET /b/{x} public"},
	}
	for _, routes := range tables {
		table := newTable(t, routes...)
		m, router, staged := newMatcher(table, false), route.NewRouter(table, ""), route.NewRouter(table, "a")
		for _, path := range paths {
			compareEncoded(t, m, router, "$default", "GET", path)
			compareEncoded(t, m, router, "$default", "GET", "/"+path)
			compareEncoded(t, m, staged, "a", "GET", "/a"+path)
			compareEncoded(t, m, staged, "a", "GET", "/"+path)
		}
	}
	t.Logf("%d paths", 4*len(paths)*len(tables))
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	tests := map[string][2]string{ // without and with plus
		"a+b":          {"a+b", "a b"},
		"%2B%2b":       {"++", "++"},
		"%":            {"%", "%"},
		"%4":           {"%4", "%4"},
		"%zz%41%":      {"%zzA%", "%zzA%"},
		"%25%34%31":    {"%41", "%41"},
		"%C3%A9%ff%00": {"é\xff\x00", "é\xff\x00"},
	}
	for in, want := range tests {
		if diff := cmp.Diff(want, [2]string{unescape(in, false), unescape(in, true)}); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	var routes []string
	for i := range 150 {
		routes = append(routes, fmt.Sprintf("GET /v1/r%d/{id}", i), fmt.Sprintf("POST /v1/r%d/{id}/items/{item}", i))
	}
	m := newMatcher(newTable(b, routes...), false)
	b.ReportAllocs()
	for b.Loop() {
		if m.match("POST", splitPath("/v1/r149/42/items/7")).route == nil {
			b.Fatal("no route")
		}
	}
}
