package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/route"
)

// setsOf returns all subsets of names, in the order of names.
func setsOf(names ...string) [][]string {
	sets := [][]string{nil}
	for _, name := range names {
		for _, s := range sets[:len(sets):len(sets)] {
			sets = append(sets, append(slices.Clone(s), name))
		}
	}
	return sets
}

// accessesOf returns every access that a manifest can write with these names.
func accessesOf(groups, scopes []string) []route.Access {
	list := []route.Access{{Auth: route.Public}, {Auth: route.IAM}}
	for _, g := range setsOf(groups...) {
		for _, s := range setsOf(scopes...) {
			list = append(list, route.Access{Auth: route.JWT, Groups: g, Scopes: s})
		}
	}
	return list
}

// callersOf returns every caller with these names.
func callersOf(groups, scopes []string) []route.Caller {
	list := []route.Caller{{}, {Auth: route.IAM}}
	for _, g := range setsOf(groups...) {
		for _, s := range setsOf(scopes...) {
			list = append(list, Token(g, s))
		}
	}
	return list
}

// tableOf loads a manifest that has the route GET /r with an access, and knows
// the groups and scopes of another one.
func tableOf(t testing.TB, a route.Access, known route.Access) *route.Table {
	t.Helper()
	write := func(path string, a route.Access) map[string]any {
		r := map[string]any{"method": "GET", "path": path, "handler": "h", "name": strings.Trim(path, "/")}
		if a.Auth == route.Public {
			r["public"] = true
		}
		if a.Auth == route.IAM {
			r["auth"] = "iam"
		}
		if len(a.Groups) > 0 {
			r["groups"] = a.Groups
		}
		if len(a.Scopes) > 0 {
			r["scopes"] = a.Scopes
		}
		return r
	}
	src, err := json.Marshal(map[string]any{"version": 1, "routes": []any{write("/r", a), write("/known", known)}})
	if err != nil {
		t.Fatal(err)
	}
	table, report := route.Load("routes.yaml", src, nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

// ask asks why GET /r is answered as it is, to a token that the gateway takes or
// not.
func ask(t *route.Table, c route.Caller, refused bool) *Explanation {
	q := Question{Method: "GET", Path: "/r", Caller: c}
	if refused {
		q.Refused = "the token has expired"
	}
	return Why(t, q)
}

// different counts the names that only one of the lists has.
func different(a, b []string) int { return len(minus(a, b)) + len(minus(b, a)) }

// steps counts what has to change of a caller to become another one: one for
// another proof, or for a token that the gateway takes, and one for each name.
func steps(from, to route.Caller, refused bool) int {
	p, q := from.Principal, to.Principal
	switch {
	case from.Auth != to.Auth:
		return 1 + len(q.Groups) + len(q.Scopes)
	case refused:
		return 1 + different(p.Groups, q.Groups) + different(p.Scopes, q.Scopes)
	}
	return different(p.Groups, q.Groups) + different(p.Scopes, q.Scopes)
}

// keys counts the keys of a route that have to change for another access.
func keys(from, to route.Access) (n int) {
	for _, changes := range []bool{
		(from.Auth == route.Public) != (to.Auth == route.Public),
		(from.Auth == route.IAM) != (to.Auth == route.IAM),
		!slices.Equal(from.Groups, to.Groups),
		!slices.Equal(from.Scopes, to.Scopes),
	} {
		if changes {
			n++
		}
	}
	return n
}

// Of every small access and every small caller, with a token that the gateway
// takes or not: each flip turns the answer round, whichever names are chosen; no
// part of it does; and nothing that is smaller does, as trying everything shows.
func TestFlipsAreMinimal(t *testing.T) {
	t.Parallel()
	groups, scopes := []string{"a", "b", "c"}, []string{"x", "y"}
	none := route.Access{Auth: route.JWT}
	known := route.Access{Auth: route.JWT, Groups: groups, Scopes: scopes}
	callers := callersOf(groups, scopes)

	// The answers, from tables that were loaded: also for names that no caller has.
	all := accessesOf(append(slices.Clone(groups), "other0"), append(slices.Clone(scopes), "other0"))
	answers := make(map[string]bool)
	key := func(a route.Access, c route.Caller) string {
		var b strings.Builder
		fmt.Fprint(&b, int(a.Auth), int(c.Auth))
		for _, names := range [][]string{a.Groups, a.Scopes, slices.Sorted(slices.Values(c.Principal.Groups)), slices.Sorted(slices.Values(c.Principal.Scopes))} {
			b.WriteString(" " + strings.Join(names, ","))
		}
		return b.String()
	}
	for _, a := range all {
		table := tableOf(t, a, none)
		for _, c := range callers {
			answers[key(a, c)] = ask(table, c, false).Allowed
		}
	}
	allowed := func(a route.Access, c route.Caller, refused bool) bool {
		if refused {
			c = route.Caller{}
		}
		got, ok := answers[key(a, c)]
		if !ok {
			t.Fatalf("nothing is known of %v for %v", a, c)
		}
		return got
	}

	asked := 0
	for _, a := range accessesOf(groups, scopes) {
		for _, others := range []route.Access{none, known} {
			table := tableOf(t, a, others)
			for _, c := range callers {
				for _, refused := range []bool{false, true} {
					if refused && c.Auth != route.JWT {
						continue
					}
					asked++
					x := ask(table, c, refused)
					who := fmt.Sprintf("%v of %v (token refused: %v)", Describe(c), a, refused)
					if x.Allowed != allowed(a, c, refused) {
						t.Fatalf("%s: allowed %v", who, x.Allowed)
					}
					checkCallerFlips(t, who, x, a, c, refused, callers, allowed)
					checkRouteFlips(t, who, x, a, c, refused, all, callers, allowed)
				}
			}
		}
	}
	t.Logf("%d questions", asked)
}

type answerOf func(route.Access, route.Caller, bool) bool

func checkCallerFlips(t *testing.T, who string, x *Explanation, a route.Access, c route.Caller, refused bool, callers []route.Caller, allowed answerOf) {
	t.Helper()
	least := 0
	var best []string // the callers with the fewest changes that get the other answer
	for _, d := range callers {
		n := steps(c, d, refused)
		switch {
		case allowed(a, d, false) == x.Allowed:
		case least == 0 || n < least:
			least, best = n, []string{Describe(d)}
		case n == least:
			best = append(best, Describe(d))
		}
	}
	if (least == 0) != (len(x.CallerFlips) == 0) {
		t.Fatalf("%s: %d flips, and the fewest changes are %d", who, len(x.CallerFlips), least)
	}
	for i, f := range x.CallerFlips {
		if i == 0 && f.size() != least {
			t.Errorf("%s: %v changes %d things, and %d are enough", who, f.Edits, f.size(), least)
		}
		for _, d := range f.callers {
			if allowed(a, d, false) == x.Allowed || steps(c, d, refused) != f.size() {
				t.Errorf("%s: %v leads to %s, %d changes away, allowed %v", who, f.Edits, Describe(d), steps(c, d, refused), allowed(a, d, false))
			}
		}
		for _, e := range f.Edits {
			if e.Do != Remove {
				continue
			}
			for _, part := range setsOf(e.Names...) { // all but the last, which is the whole
				less := c
				if e.What == "group" {
					less.Principal.Groups = minus(c.Principal.Groups, part)
				} else if e.What == "scope" {
					less.Principal.Scopes = minus(c.Principal.Scopes, part)
				}
				if len(part) < len(e.Names) && allowed(a, less, false) != x.Allowed {
					t.Errorf("%s: of %v the part %q is enough", who, f.Edits, part)
				}
			}
		}
	}
	if x.Allowed || len(x.CallerFlips) == 0 {
		return
	}
	// What a caller lacks is all that it can add with as few changes.
	if len(x.CallerFlips) != 1 {
		t.Fatalf("%s: %d flips, want one", who, len(x.CallerFlips))
	}
	from := []route.Caller{c}
	for _, e := range x.CallerFlips[0].Edits {
		from = chosen(from, e)
	}
	var got []string
	for _, d := range from {
		got = append(got, Describe(d))
	}
	slices.Sort(got)
	slices.Sort(best)
	if diff := cmp.Diff(best, got); diff != "" {
		t.Errorf("%s: %v (-want +got):\n%s", who, x.CallerFlips[0].Edits, diff)
	}
}

// chosen makes an edit with each of its names.
func chosen(from []route.Caller, e Edit) (to []route.Caller) {
	for _, c := range from {
		switch e.What {
		case "iam":
			to = append(to, route.Caller{Auth: route.IAM})
		case "token":
			if e.Do == Add {
				c = Token(nil, nil)
			}
			to = append(to, c)
		}
		for _, name := range e.Names {
			d := c
			if e.What == "group" {
				d.Principal.Groups = slices.Sorted(slices.Values(append(slices.Clone(c.Principal.Groups), name)))
			} else {
				d.Principal.Scopes = slices.Sorted(slices.Values(append(slices.Clone(c.Principal.Scopes), name)))
			}
			to = append(to, d)
		}
	}
	return to
}

func checkRouteFlips(t *testing.T, who string, x *Explanation, a route.Access, c route.Caller, refused bool, all []route.Access, callers []route.Caller, allowed answerOf) {
	t.Helper()
	least := 0
	for _, b := range all {
		if n := keys(a, b); allowed(b, c, refused) != x.Allowed && (least == 0 || n < least) {
			least = n
		}
	}
	if least == 0 || len(x.RouteFlips) == 0 {
		t.Fatalf("%s: %d flips, and the fewest keys are %d", who, len(x.RouteFlips), least)
	}
	for i, f := range x.RouteFlips {
		if len(f.Edits) != least {
			t.Errorf("%s: %v changes %d keys, and %d are enough", who, f.Edits, len(f.Edits), least)
		}
		for _, b := range f.accesses {
			if allowed(b, c, refused) == x.Allowed || keys(a, b) != len(f.Edits) {
				t.Errorf("%s: %v leads to %v, %d keys away, allowed %v", who, f.Edits, b, keys(a, b), allowed(b, c, refused))
			}
			for _, d := range callers { // the narrowest comes first
				if i == 0 && !x.Allowed && allowed(b, d, false) && !allowed(x.RouteFlips[len(x.RouteFlips)-1].accesses[0], d, false) {
					t.Errorf("%s: %v lets %s in, and a later flip does not", who, f.Edits, Describe(d))
				}
			}
		}
		for _, e := range f.Edits {
			if e.Line == 0 {
				t.Errorf("%s: %v has no line", who, e)
			}
			if e.Do != Remove {
				continue
			}
			for _, part := range setsOf(e.Names...) {
				less := withNames(a, e.What, func(list []string) []string { return minus(list, part) })
				if len(part) < len(e.Names) && allowed(less, c, refused) != x.Allowed {
					t.Errorf("%s: of %v the part %q is enough", who, f.Edits, part)
				}
			}
		}
	}
}

// A manifest that declares its groups has to declare another one, and one that
// it cannot write is not offered.
func TestFlipsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	load := func(src string) *route.Table {
		table, report := route.Load("routes.yaml", []byte(src), nil)
		if err := report.Err(); err != nil {
			t.Fatal(err)
		}
		return table
	}
	closed := load("version: 1\ngroups:\n  A: one\nroutes:\n  - path: /r\n    method: GET\n    handler: h\n    groups: [A]\n")
	full := "version: 1\nroutes:\n  - path: /r\n    method: GET\n    handler: h\n    scopes: [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9]\n"
	explicit := load("version: 1\nroutes:\n  - path: /r\n    method: GET\n    handler: h\n    auth: jwt\n")
	for _, test := range []struct {
		name  string
		table *route.Table
		c     route.Caller
		want  []string
	}{
		{"undeclared", closed, Token([]string{"B"}, nil), []string{`add "B" to groups, and declare it`, "drop groups"}},
		{"several", closed, Token([]string{"B", "C", "C"}, nil), []string{`add "B" or "C" to groups, and declare it`, "drop groups"}},
		{"no name of a group", closed, Token([]string{"staff admin", "a,b", "[x]", ""}, nil), []string{"drop groups"}},
		{"too many scopes", load(full), Token(nil, []string{"t"}), []string{"drop scopes"}},
		{"public and auth", explicit, route.Caller{}, []string{"say public: true", "drop auth"}},
		{"nothing else is known", closed, Token([]string{"A"}, nil), []string{"say groups: with a group that the caller does not have"}},
	} {
		var got []string
		for _, f := range ask(test.table, test.c, false).RouteFlips {
			for _, e := range f.Edits {
				got = append(got, e.String())
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
