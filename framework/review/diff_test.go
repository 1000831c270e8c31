package review

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/route"
)

func load(t testing.TB, src string) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", []byte(src), nil)
	if table == nil {
		t.Fatalf("%v\n%s", report.Err(), src)
	}
	return table
}

// A diffRoute is a line of a random manifest.
type diffRoute struct{ path, method, handler, access string }

func manifestOf(routes []diffRoute) string {
	src := "version: 1\nroutes:\n"
	for i, r := range routes {
		src += fmt.Sprintf("  - {path: '%s', method: %s, handler: %s, name: n%d, %s}\n", r.path, r.method, r.handler, i, r.access)
	}
	return src
}

func randomRoute(rng *rand.Rand) diffRoute {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	r := diffRoute{
		method:  pick("GET", "GET", "POST", "ANY"),
		handler: pick("h", "i", "j"),
		access: pick("public: true", "auth: jwt", "auth: iam", "groups: [A]", "groups: [B]", "groups: [A, B]",
			"scopes: [s]", "scopes: [s, t]", "groups: [A], scopes: [s]"),
	}
	for range rng.IntN(3) {
		r.path += "/" + pick("a", "b", "{x}", "{y}")
	}
	if rng.IntN(4) == 0 {
		r.path += "/{p+}"
	}
	r.path = strings.ReplaceAll(r.path, "/{x}/{x}", "/{x}/{y}")
	r.path = strings.ReplaceAll(r.path, "/{y}/{y}", "/{x}/{y}")
	if r.path == "" {
		r.path = "/"
	}
	return r
}

// randomTables returns a table and one that was made of it by a few edits.
func randomTables(rng *rand.Rand) (old, new *route.Table, text string) {
	for {
		var routes []diffRoute
		for range 1 + rng.IntN(4) {
			routes = append(routes, randomRoute(rng))
		}
		edited := slices.Clone(routes)
		for range 1 + rng.IntN(2) {
			switch i := rng.IntN(len(edited)); rng.IntN(5) {
			case 0:
				edited = append(edited, randomRoute(rng))
			case 1:
				if len(edited) > 1 {
					edited = slices.Delete(edited, i, i+1)
				}
			case 2:
				edited[i].access = randomRoute(rng).access
			case 3:
				edited[i].handler = randomRoute(rng).handler
			case 4:
				edited[i].path = randomRoute(rng).path
			}
		}
		old, _ = route.Load("old", []byte(manifestOf(routes)), nil)
		new, _ = route.Load("new", []byte(manifestOf(edited)), nil)
		if old != nil && new != nil {
			return old, new, manifestOf(routes) + manifestOf(edited)
		}
	}
}

// All requests and all callers that the random tables can tell apart, and more.
func allRequests() (requests [][2]string) {
	paths := []string{"/"}
	for at := 0; at < len(paths) && strings.Count(paths[at], "/") <= 3; at++ {
		for _, s := range []string{"a", "b", "q"} {
			paths = append(paths, strings.TrimSuffix(paths[at], "/")+"/"+s)
		}
	}
	for _, p := range paths {
		for _, m := range []string{"GET", "POST", "DELETE"} {
			requests = append(requests, [2]string{m, p}, [2]string{m, strings.TrimSuffix(p, "/") + "/"})
		}
	}
	return requests
}

func allCallers() []route.Caller {
	callers := []route.Caller{{}, {Auth: route.IAM}}
	subsets := func(names ...string) (sets [][]string) {
		for bits := range 1 << len(names) {
			var set []string
			for i, name := range names {
				if bits>>i&1 == 1 {
					set = append(set, name)
				}
			}
			sets = append(sets, set)
		}
		return sets
	}
	for _, groups := range subsets("A", "B", "C") {
		for _, scopes := range subsets("s", "t") {
			callers = append(callers, Token(groups, scopes))
		}
	}
	return callers
}

func keyOf(r *route.Route) string {
	if r == nil {
		return ""
	}
	return r.Key()
}

// Whatever a caller may do by one of two tables and not by the other is in a
// change of the right kind, and every change has a request that shows it.
func TestCompareAgainstBruteForce(t *testing.T) {
	t.Parallel()
	requests, callers := allRequests(), allCallers()
	rng := rand.New(rand.NewPCG(3, 4))
	found := make(map[string]int)
	decisions := 0
	for range 250 {
		old, new, text := randomTables(rng)
		routers := [2]*route.Router{route.NewRouter(old, ""), route.NewRouter(new, "")}
		diff := Compare(old, new)

		claimed := make(map[string]bool) // "kind old key|new key"
		movedFrom, movedTo := make(map[string]bool), make(map[string]bool)
		for _, c := range diff.Changes {
			found[c.Rule]++
			id := string(c.Kind) + " " + c.Old.RouteKey + "|" + c.New.RouteKey
			if c.Kind != Neutral && claimed[id] {
				t.Fatalf("%s is told twice\n%s", id, text)
			}
			claimed[id] = true
			if c.Rule == "route-moved" {
				movedFrom[c.Old.RouteKey], movedTo[c.New.RouteKey] = true, true
			}
			if err := checkWitness(c, [2]*route.Table{old, new}); err != nil {
				t.Fatalf("%s %s: %v\n%s", c.Kind, c.Message, err, text)
			}
		}
		reached := reachedBy(routers, requests, callers)
		for _, q := range requests {
			for i, caller := range callers {
				was := routers[0].Decide(route.Request{Method: q[0], Path: q[1], Caller: caller})
				is := routers[1].Decide(route.Request{Method: q[0], Path: q[1], Caller: caller})
				decisions += 2
				o, n := keyOf(was.Route), keyOf(is.Route)
				if was.Route != nil && is.Route == nil && movedFrom[o] || was.Route == nil && is.Route != nil && movedTo[n] {
					continue
				}
				var kinds []Kind
				if is.Allowed && (!was.Allowed || !reached[0][pairOf{i, is.Route.Handler}]) {
					kinds = append(kinds, Wider)
				}
				if was.Allowed && (!is.Allowed || !reached[1][pairOf{i, was.Route.Handler}]) {
					kinds = append(kinds, Narrower)
				}
				if kinds == nil && was.Allowed && was.Route.Handler != is.Route.Handler {
					// Where some callers gain or lose something, that is what is told.
					if claimed[string(Wider)+" "+o+"|"+n] || claimed[string(Narrower)+" "+o+"|"+n] {
						continue
					}
					kinds = append(kinds, Moved)
				}
				for _, kind := range kinds {
					if !claimed[string(kind)+" "+o+"|"+n] {
						t.Fatalf("%s %s as %s is %s from %q to %q, and no change says so: %v\n%s", q[0], q[1], Describe(caller), kind, o, n, claimed, text)
					}
				}
			}
		}
		back := Compare(new, old).Count()
		there := diff.Count()
		if there.Wider != back.Narrower || there.Narrower != back.Wider || there.Moved != back.Moved {
			t.Fatalf("there %v, back %v\n%s", there, back, text)
		}
		if same := Compare(new, new); len(same.Changes)+len(same.Terraform) > 0 {
			t.Fatalf("a table differs from itself: %v\n%s", same.Changes, text)
		}
	}
	t.Logf("%d decisions; changes by rule: %v", decisions, found)
	for _, rule := range []string{"newly-public", "access-wider", "access-narrower", "route-added", "route-removed", "route-moved", "handler-wider", "handler-narrower", "handler-changed", "route-key", "variable-renamed"} {
		if found[rule] == 0 {
			t.Errorf("rule %s found nothing", rule)
		}
	}
}

// A pairOf is one of some callers, by its number, and a handler.
type pairOf struct {
	caller  int
	handler string
}

// reachedBy returns who reaches which handler by each router, found by asking every
// request.
func reachedBy(routers [2]*route.Router, requests [][2]string, callers []route.Caller) (reached [2]map[pairOf]bool) {
	for v, router := range routers {
		reached[v] = make(map[pairOf]bool)
		for _, q := range requests {
			d := router.Decide(route.Request{Method: q[0], Path: q[1]})
			for i, caller := range callers {
				if d := d.For(caller); d.Allowed {
					reached[v][pairOf{i, d.Route.Handler}] = true
				}
			}
		}
	}
	return reached
}

// checkWitness checks that a change's witness is what it says.
func checkWitness(c Change, tables [2]*route.Table) error {
	if (c.Witness == nil) != (c.Kind == Neutral) {
		return fmt.Errorf("witness is %v", c.Witness)
	}
	if !slices.ContainsFunc(Rules, func(r struct{ ID, About string }) bool { return r.ID == c.Rule }) {
		return fmt.Errorf("there is no rule %q", c.Rule)
	}
	if c.Witness == nil {
		return nil
	}
	var got [2]route.Decision
	for i, table := range tables {
		got[i] = route.NewRouter(table, "").Decide(route.Request{Method: c.Witness.Method, Path: c.Witness.Path, Caller: c.Witness.Caller})
	}
	was, is := got[0], got[1]
	if was.Reason != c.Witness.Old.Reason || is.Reason != c.Witness.New.Reason {
		return fmt.Errorf("the witness is answered %s and %s", was.Reason, is.Reason)
	}
	ok := false
	switch {
	case c.Kind == Wider:
		gained := !was.Allowed || NewReach(tables[0]).Through(c.Witness.Caller, is.Route.Handler) == nil
		ok = is.Allowed && gained && c.Public == (c.Witness.Caller.Auth == route.NoAuth)
	case c.Kind == Narrower:
		ok = was.Allowed && (!is.Allowed || NewReach(tables[1]).Through(c.Witness.Caller, was.Route.Handler) == nil)
	case c.Rule == "route-moved":
		ok = was.Allowed && is.Route == nil
	case c.Kind == Moved:
		ok = was.Allowed && is.Allowed && was.Route.Handler != is.Route.Handler
	}
	if !ok || was.Route != nil && was.Route.Key() != c.Old.RouteKey || c.Rule != "route-moved" && keyOf(is.Route) != c.New.RouteKey {
		return fmt.Errorf("its witness %s does not show it", c.Witness)
	}
	return nil
}

func TestCompareRules(t *testing.T) {
	t.Parallel()
	const base = `version: 1
groups: {A: all, B: both}
routes:
  - path: /a
    method: GET
    handler: a
    groups: [A, B]
  - path: /b/{id}
    method: POST
    handler: b
    scopes: [s, t]
  - path: /c
    method: GET
    handler: c
    public: true
tests:
  - name: one
    as: {groups: [A]}
    allow: [GET /a]
`
	tests := []struct {
		name      string
		from, to  string
		want      []string // kind, rule, old line, new line, message
		terraform int
	}{
		{"nothing", "", "", nil, 0},
		{"a group less", "groups: [A, B]", "groups: [A]", []string{
			`NARROWER access-narrower 7 7 GET /a may be called by group A now, and by group A or B before`}, 0},
		{"another group", "groups: [A, B]", "groups: [B]", []string{
			`NARROWER access-narrower 7 7 GET /a may be called by group B now, and by group A or B before`}, 0},
		{"no groups", "    groups: [A, B]\n", "", []string{
			`WIDER access-wider 7 4 GET /a may be called by any valid token now, and by group A or B before`}, 0},
		{"public", "groups: [A, B]", "public: true", []string{
			`WIDER newly-public 7 7 PUBLIC GET /a may be called by anyone now, and by group A or B before`}, 0},
		{"iam", "scopes: [s, t]", "auth: iam", []string{
			`WIDER access-wider 11 11 POST /b/{id} may be called by any IAM caller now, and by scope s or t before`,
			`NARROWER access-narrower 11 11 POST /b/{id} may be called by any IAM caller now, and by scope s or t before`}, 0},
		{"a token instead of nothing", "public: true", "auth: jwt", []string{
			`NARROWER access-narrower 15 12 GET /c may be called by any valid token now, and by anyone before`}, 0},
		{"another handler", "handler: c", "handler: b\n    name: c", []string{
			`WIDER newly-public 14 14 PUBLIC GET /c runs "b" now instead of "c": a caller without a token reaches "b" now, and did not before`,
			`NARROWER handler-narrower 14 14 GET /c runs "b" now instead of "c": a caller without a token does not reach "c" any more`}, 0},
		{"a handler of fewer callers", "handler: a\n", "handler: b\n    name: a\n", []string{
			`WIDER handler-wider 6 6 GET /a runs "b" now instead of "a": a token with group A reaches "b" now, and did not before`,
			`NARROWER handler-narrower 6 6 GET /a runs "b" now instead of "a": a token with group A does not reach "a" any more`}, 0},
		{"a handler that everybody reaches", "handler: a\n", "handler: c\n    name: a\n", []string{
			`NARROWER handler-narrower 6 6 GET /a runs "c" now instead of "a": a token with group A does not reach "a" any more`}, 0},
		{"another summary", "handler: c", "handler: c\n    summary: C", []string{`NEUTRAL summary-changed 12 15 GET /c has another summary`}, 0},
		{"another path", "path: /c", "path: /d", []string{`MOVED route-moved 12 12 GET /c is GET /d now, for the same callers`}, 0},
		{"another name of a variable", "{id}", "{key}", []string{
			`NEUTRAL variable-renamed 8 8 POST /b/{key} was POST /b/{id}: handler "b" finds its values under other names`}, 0},
		{"another name", "handler: c", "handler: c\n    name: d\n    summary: c", []string{`NEUTRAL name-changed 12 15 GET /c is named "d" now instead of "c"`}, 1},
		{"a meaning", "A: all", "A: some", []string{`NEUTRAL meaning-changed 2 2 group "A" has another meaning`}, 0},
		{"a test", "GET /a]", "GET /c]", []string{`NEUTRAL test-changed 17 17 test "one" is changed`}, 0},
		{"another method", "method: POST", "method: ANY", []string{
			`WIDER route-added 0 8 ANY /b/{id} is added: scope s or t may call it`,
			`NEUTRAL route-key 8 0 POST /b/{id} is removed: other routes answer all its requests as it did`}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(base, test.from) {
				t.Fatalf("nothing to edit")
			}
			edited := base
			if test.from != "" {
				edited = strings.Replace(base, test.from, test.to, 1)
			}
			diff := Compare(load(t, base), load(t, edited))
			var got []string
			for _, c := range diff.Changes {
				public := ""
				if c.Public {
					public = "PUBLIC "
				}
				got = append(got, fmt.Sprintf("%s %s %d %d %s%s", c.Kind, c.Rule, c.Old.Line, c.New.Line, public, c.Message))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("changes\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
			if len(diff.Terraform) != test.terraform {
				t.Errorf("terraform: %q", diff.Terraform)
			}
		})
	}
}

// A caller reaches a handler if a request of the caller runs it, and by the route
// that is named.
func TestReachAgainstBruteForce(t *testing.T) {
	t.Parallel()
	requests, callers := allRequests(), append(allCallers(), route.Caller{Mismatch: true})
	rng := rand.New(rand.NewPCG(7, 8))
	pairs := 0
	for range 100 {
		old, new, text := randomTables(rng)
		routers := [2]*route.Router{route.NewRouter(old, ""), route.NewRouter(new, "")}
		reached := reachedBy(routers, requests, callers)
		for v, reach := range []*Reach{NewReach(old), NewReach(new)} {
			for i, caller := range callers {
				for _, handler := range []string{"h", "i", "j", "none"} {
					at := reach.Through(caller, handler)
					if got, want := at != nil, reached[v][pairOf{i, handler}]; got != want {
						t.Fatalf("version %d: %s reaches %q: %v, want %v\n%s", v, Describe(caller), handler, got, want, text)
					}
					if at != nil && (at.Handler != handler || !at.Access.Decide(caller).Allowed) {
						t.Fatalf("version %d: %s reaches %q through %s\n%s", v, Describe(caller), handler, at.Key(), text)
					}
					if at != nil {
						pairs++
					}
				}
			}
		}
	}
	if pairs < 1000 {
		t.Errorf("only %d pairs, which proves little", pairs)
	}
}

// Nobody reaches a handler by a route all of whose requests other routes answer.
func TestReachOfShadowedRoute(t *testing.T) {
	t.Parallel()
	const src = "version: 1\nroutes:\n  - {path: '/a/{x}', method: ANY, handler: shadowed, public: true}\n"
	methods := ""
	for _, m := range route.Methods {
		methods += fmt.Sprintf("  - {path: '/a/{y}', method: %s, handler: h, name: %[1]s, public: true}\n", m)
	}
	if NewReach(load(t, src)).Through(route.Caller{}, "shadowed") == nil {
		t.Error("nobody reaches a handler that everybody reaches")
	}
	shadowed := load(t, src+methods)
	if at := NewReach(shadowed).Through(route.Caller{}, "shadowed"); at != nil {
		t.Errorf("the handler is reached through %s, which answers nothing", at.Key())
	}
	// It is wider that the handler is reached at last.
	diff := Compare(shadowed, load(t, src+strings.Replace(methods, "handler: h", "handler: shadowed", 1)))
	if n := diff.Count(); n.Public != 1 || n.Wider != 1 {
		t.Errorf("%v", n)
	}
}

// The diff says what Terraform does beyond changing routes in place.
func TestTerraformOfNames(t *testing.T) {
	t.Parallel()
	const src = "version: 1\nroutes:\n  - {path: /a, method: GET, handler: h, name: %s, summary: s}\n  - {path: /b, method: GET, handler: h, name: %s, summary: s}\n"
	diff := Compare(load(t, fmt.Sprintf(src, "x", "y")), load(t, fmt.Sprintf(src, "y", "x")))
	if len(diff.Terraform) != 2 || !strings.Contains(diff.Terraform[0], "refuses it as a conflict in every order") {
		t.Errorf("swapped names: %q", diff.Terraform)
	}
	diff = Compare(load(t, fmt.Sprintf(src, "x", "y")), load(t, fmt.Sprintf(src, "x", "z")))
	if len(diff.Terraform) != 1 || !strings.Contains(diff.Terraform[0], `gen-tf writes a moved block from ["y"] to ["z"]`) {
		t.Errorf("another name: %q", diff.Terraform)
	}
}

// Large manifests are compared in no more than their size.
func BenchmarkCompare(b *testing.B) {
	for _, n := range []int{300, 10_000} {
		src := func(change bool) string {
			var s strings.Builder
			s.WriteString("version: 1\nroutes:\n")
			for i := range n {
				groups := fmt.Sprintf("G%d, G%d", i%40, (i+1)%40)
				if change {
					groups = fmt.Sprintf("G%d", (i+2)%40)
				}
				fmt.Fprintf(&s, "  - {path: '/v1/r%d/{id}/s%d', method: GET, handler: h%d, groups: [%s]}\n", i/10, i%10, i, groups)
			}
			return s.String()
		}
		old, all := load(b, src(false)), load(b, src(true))
		one := load(b, strings.Replace(src(false), "groups: [G3, G4]", "public: true", 1))
		for name, new := range map[string]*route.Table{"nothing": old, "one": one, "all": all} {
			b.Run(fmt.Sprintf("routes=%d/changed=%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					Compare(old, new)
				}
			})
			b.Run(fmt.Sprintf("order/routes=%d/changed=%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					PlanOrder(old, new, RootModule)
				}
			})
		}
	}
}
