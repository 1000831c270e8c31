package route

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func mustParse(t testing.TB, path string) Pattern {
	t.Helper()
	p, err := ParsePattern(path)
	if err != nil {
		t.Fatalf("ParsePattern(%q): %v", path, err)
	}
	return p
}

func TestParsePattern(t *testing.T) {
	t.Parallel()
	good := []struct {
		path, shape string
		variables   []string
		greedy      bool
	}{
		{"/", "/", nil, false},
		{"/a", "/a", nil, false},
		{"/a/b-c_d.e:f", "/a/b-c_d.e:f", nil, false},
		{"/{id}", "/{}", []string{"id"}, false},
		{"/a/{id}/b/{x-y.z}", "/a/{}/b/{}", []string{"id", "x-y.z"}, false},
		{"/{rest+}", "/{+}", []string{"rest"}, true},
		{"/a/{id}/{rest+}", "/a/{}/{+}", []string{"id", "rest"}, true},
	}
	for _, test := range good {
		p := mustParse(t, test.path)
		if p.String() != test.path || p.Shape() != test.shape || p.IsGreedy() != test.greedy {
			t.Errorf("%s: string %s, shape %s, greedy %v", test.path, p, p.Shape(), p.IsGreedy())
		}
		if diff := cmp.Diff(test.variables, p.Variables()); diff != "" {
			t.Errorf("%s: variables (-want +got):\n%s", test.path, diff)
		}
	}

	bad := []struct {
		path, reason  string
		offset, width int
	}{
		{"", `must start with "/"`, 0, 1},
		{"a/b", `must start with "/"`, 0, 3},
		{"$default", "is refused", 0, 8},
		{"/a/", `must not end in "/"`, 2, 1},
		{"//", `must not end in "/"`, 1, 1},
		{"//a", "empty segment", 0, 2},
		{"/a//b", "empty segment", 2, 2},
		{"/a/./b", "clients resolve", 3, 1},
		{"/a/..", "clients resolve", 3, 2},
		{"/{}", "without a name", 1, 2},
		{"/{+}", "without a name", 1, 3},
		{"/{a+}/b", "before its end", 1, 4},
		{"/{a}/{a}", `"a" twice`, 5, 3},
		{"/{a}/{a+}", `"a" twice`, 5, 4},
		{"/{a0}/{a1}/{a2}/{a3}/{a4}/{a5}/{a6}/{a7}/{a8}/{a9}/{b0}/{b1}/{b2}/{b3}/{b4}/{b5}/{b6}/{b7}/{b6}", `"b6" twice`, 91, 4},
		{"/{a0}/{a1}/{a2}/{a3}/{a4}/{a5}/{a6}/{a7}/{a8}/{a9}/{b0}/{b1}/{b2}/{b3}/{b4}/{b5}/{b6}/{b7}/{a3}", `"a3" twice`, 91, 4},
		{"/{id}.json", "a variable fills its segment", 1, 1},
		{"/x{id}", "a variable fills its segment", 2, 1},
		{"/{a", "a variable fills its segment", 1, 1},
		{"/a}", "a variable fills its segment", 2, 1},
		{"/{{a}}", "a variable fills its segment", 2, 1},
		{"/a b", "has a space", 2, 1},
		{"/a+", `a "+" comes last`, 2, 1},
		{"/{a++}", `a "+" comes last`, 3, 1},
		{"/größe/x", `the character 'ö'`, 3, 1},
		{"/größe/a~b", `the character 'ö'`, 3, 1},
		{"/a~b", `the character '~'`, 2, 1},
		{"/a%20b", `the character '%'`, 2, 1},
		{"/{a b}", "has a space", 3, 1},
		{"/a\xff", "the character", 2, 1},
		{"/a?b", `the character '?'`, 2, 1},
		{"/:id", "", 0, 0}, // a literal
	}
	for _, test := range bad {
		p, err := ParsePattern(test.path)
		if test.reason == "" {
			if err != nil || p.Shape() != test.path {
				t.Errorf("%s: %v, %v", test.path, p, err)
			}
			continue
		}
		var e *PatternError
		if !errors.As(err, &e) {
			t.Errorf("ParsePattern(%q) = %v, %v, want an error", test.path, p, err)
			continue
		}
		if !strings.Contains(e.Reason, test.reason) || e.Offset != test.offset || e.Width != test.width {
			t.Errorf("ParsePattern(%q): %q at %d+%d, want %q at %d+%d", test.path, e.Reason, e.Offset, e.Width, test.reason, test.offset, test.width)
		}
		if p.Segments != nil {
			t.Errorf("ParsePattern(%q) returned a pattern beside the error", test.path)
		}
	}
}

// Of all characters, those of the AWS console's rule.
func TestSegmentCharacters(t *testing.T) {
	t.Parallel()
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_-"
	for c := rune(0); c < 0x500; c++ {
		if got, want := isSegmentChar(c), strings.ContainsRune(allowed, c); got != want {
			t.Errorf("%q: %v", c, got)
		}
	}
}

// The relation of products is that of the sets which they are.
func TestBoth(t *testing.T) {
	t.Parallel()
	// Two sets for each relation, as bits.
	sets := map[relation][2]uint{disjoint: {1, 2}, same: {3, 3}, narrower: {1, 3}, wider: {3, 1}, overlapping: {3, 6}}
	product := func(a, b uint) (p uint64) {
		for i := range 3 {
			for j := range 3 {
				if a>>i&1 == 1 && b>>j&1 == 1 {
					p |= 1 << (3*i + j)
				}
			}
		}
		return p
	}
	for a, as := range sets {
		for b, bs := range sets {
			x, y := product(as[0], bs[0]), product(as[1], bs[1])
			want := overlapping
			switch {
			case x&y == 0:
				want = disjoint
			case x == y:
				want = same
			case x&y == x:
				want = narrower
			case x&y == y:
				want = wider
			}
			if got := both(a, b); got != want {
				t.Errorf("%v and %v: %v, want %v", a, b, got, want)
			}
		}
	}
}

func TestPatternMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, path string
		values        []string // nil: no match; empty: a match without values
	}{
		{"/", "/", []string{}},
		{"/", "//", []string{}},
		{"/", "/a", nil},
		{"/a", "/a", []string{}},
		{"/a", "/a/", []string{}},
		{"/a", "//a//", []string{}},
		{"/a", "/A", nil},
		{"/a", "/ab", nil},
		{"/a", "a", nil},
		{"/a", "", nil},
		{"/a", "/a/b", nil},
		{"/{x}", "/", nil},
		{"/{x}", "/a b", []string{"a b"}},
		{"/{x}", "/..", []string{".."}},
		{"/{x}", "/a%2Fb", []string{"a%2Fb"}},
		{"/a/{x}/c", "/a/b/c", []string{"b"}},
		{"/a/{x}/c", "/a//c", nil},
		{"/{x}/{y}", "/1/2", []string{"1", "2"}},
		{"/{p+}", "/", []string{""}},
		{"/{p+}", "/a/b", []string{"a/b"}},
		{"/{p+}", "", nil},
		{"/a/{p+}", "/a", nil},
		{"/a/{p+}", "/a/", []string{""}},
		{"/a/{p+}", "/a/b//c/", []string{"b//c/"}},
		{"/a/{p+}", "/ab", nil},
		{"/{x}/{p+}", "/a/b/c", []string{"a", "b/c"}},
		{"/v1/items:batch", "/v1/items:batch", []string{}},
		{"/v1/items:batch", "/v1/items\x00batch", nil},
	}
	for _, test := range tests {
		values, ok := mustParse(t, test.pattern).Match(test.path)
		if ok != (test.values != nil) || ok && !cmp.Equal(append([]string{}, values...), test.values) {
			t.Errorf("%s matches %q: %v with %q, want %q", test.pattern, test.path, ok, values, test.values)
		}
	}
	if _, ok := (Pattern{}).Match("/"); ok {
		t.Error("the zero pattern matches")
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"": "/", "/": "/", "//": "/", "/a": "/a", "/a/": "/a", "//a///b//": "/a/b", "/a/./b": "/a/./b", "/a/../b": "/a/../b", "a//b": "a/b",
	} {
		if got := clean(path); got != want {
			t.Errorf("clean(%q) = %q, want %q", path, got, want)
		}
	}
}

// Each pair is compared both ways, and each pattern with itself.
func TestComparePatterns(t *testing.T) {
	t.Parallel()
	inverse := map[relation]relation{disjoint: disjoint, same: same, narrower: wider, wider: narrower, overlapping: overlapping}
	tests := []struct {
		a, b string
		want relation
	}{
		{"/a", "/b", disjoint},
		{"/a", "/a/b", disjoint},
		{"/a", "/{x}", narrower},
		{"/{x}", "/{y}", same},
		{"/a/{x}", "/{y}/b", overlapping},
		{"/a/{x}", "/{y}/{z}", narrower},
		{"/a/{x}/c", "/b/{x}/c", disjoint},
		{"/a/{p+}", "/{p+}", narrower},
		{"/a/{p+}", "/b/{p+}", disjoint},
		{"/a/{p+}", "/{x}/{p+}", narrower},
		{"/a/{p+}", "/{x}/b/{p+}", overlapping},
		{"/{x}/{p+}", "/{p+}", narrower},
		{"/a/b/{p+}", "/a/{p+}", narrower},
		{"/{p+}", "/{q+}", same},
	}
	for _, test := range tests {
		a, b := mustParse(t, test.a), mustParse(t, test.b)
		if got := comparePatterns(a, b); got != test.want {
			t.Errorf("%s to %s: %v, want %v", test.a, test.b, got, test.want)
		}
		if got := comparePatterns(b, a); got != inverse[test.want] {
			t.Errorf("%s to %s: %v, want %v", test.b, test.a, got, inverse[test.want])
		}
		if comparePatterns(a, a) != same || comparePatterns(b, b) != same {
			t.Errorf("%s or %s is not the same as itself", test.a, test.b)
		}
	}
}

// A pattern is one piece of memory; as few variables as most have need no map.
func TestParsePatternAllocates(t *testing.T) {
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := ParsePattern("/v1/users/{id}/posts/{post}/{rest+}"); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 1 {
		t.Errorf("%v allocations, want 1", allocs)
	}
}

// FuzzPattern: a pattern prints as it was parsed, matches what it was filled
// with, and agrees with the brute force on every path.
func FuzzPattern(f *testing.F) {
	for _, pattern := range []string{"/", "/a/{x}/b", "/{p+}", "/a/{p+}", "/a:b/{x-1}", "/{a}/{a}", "/a//b", "//", "/ö"} {
		f.Add(pattern, "/a/b", "v")
		f.Add(pattern, "/a//x/", "/")
	}
	f.Fuzz(func(t *testing.T, pattern, path, v string) {
		p, err := ParsePattern(pattern)
		if err != nil {
			var e *PatternError
			if !errors.As(err, &e) {
				t.Fatalf("error of type %T", err)
			}
			if length := utf8.RuneCountInString(pattern); e.Offset < 0 || e.Width < 1 || e.Offset > length || e.Offset+e.Width > max(length, 1) {
				t.Fatalf("%q: error at %d+%d of %d", pattern, e.Offset, e.Width, length)
			}
			return
		}
		again, err := ParsePattern(p.String())
		if err != nil || p.String() != pattern || !cmp.Equal(again, p) {
			t.Fatalf("%q prints as %q and parses as %v, %v", pattern, p, again, err)
		}

		values, ok := p.Match(path)
		if !strings.HasPrefix(path, "/") {
			if ok {
				t.Fatalf("%s matches %q", p, path)
			}
		} else if ok != bruteMatch(p.Shape(), path) {
			t.Fatalf("%s matches %q: %v", p, path, ok)
		}
		if ok && len(values) != len(p.Variables()) {
			t.Fatalf("%s matches %q with %q", p, path, values)
		}

		// What it is filled with comes out again.
		filling := make(map[string]string)
		for _, name := range p.Variables() {
			filling[name] = v
		}
		bytes, ok := p.appendFilled(nil, filling)
		filled := string(bytes)
		if !ok {
			t.Fatalf("%s cannot be filled", p)
		}
		if v == "" || strings.Contains(v, "/") {
			return
		}
		values, ok = p.Match(filled)
		if !ok {
			t.Fatalf("%s does not match %q", p, filled)
		}
		for _, got := range values {
			if got != v {
				t.Fatalf("%s filled with %q gives %q", p, v, values)
			}
		}
	})
}

// A path has as many segments as httprouter can count, all of which may be
// variables, and no more.
func TestMaxSegments(t *testing.T) {
	t.Parallel()
	path := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "/{v%d}", i)
		}
		return b.String()
	}
	if _, err := ParsePattern(path(256)); err == nil || !strings.Contains(err.Error(), "has 256 segments") {
		t.Errorf("256 variables: %v", err)
	}
	table, report := Load("routes.yaml", fmt.Appendf(nil,
		"{version: 1, routes: [{path: '%s', method: GET, handler: a}, {path: '/{p+}', method: ANY, handler: b, public: true}]}", path(255)), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	rt, values := NewRouter(table, "").Match("GET", strings.Repeat("/x", 255))
	if rt == nil || rt.Handler != "a" || len(values) != 255 {
		t.Errorf("255 variables: %v, %d values", rt, len(values))
	}
}
