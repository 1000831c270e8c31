package review

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/route"
)

// sameResource reports whether a module keeps the resource of a route that has the
// same requests in both versions.
func sameResource(m Module, old, new *route.Table, o, n *route.Route) bool {
	has := func(t *route.Table, name string) bool {
		for r := range t.All() {
			if r.Name == name {
				return true
			}
		}
		return false
	}
	switch m {
	case TerraformAWSModules:
		return o.Key() == n.Key()
	case RootModule:
		return o.Name == n.Name || o.Key() == n.Key() && !has(old, n.Name) && !has(new, o.Name)
	}
	return o.Name == n.Name
}

// A gatewayState is the routes of a gateway in some moment of an apply.
func gatewayStates(m Module, old, new *route.Table) (states [][]candidate) {
	byShape := make(map[string][2]*route.Route)
	for i, t := range []*route.Table{old, new} {
		for r := range t.All() {
			versions := byShape[shape(r)]
			versions[i] = r
			byShape[shape(r)] = versions
		}
	}
	states = [][]candidate{nil}
	for _, versions := range byShape {
		var next [][]candidate
		for _, state := range states {
			for i, r := range versions {
				grown := slices.Clip(state)
				if r != nil {
					grown = append(grown, candidate{r, i == 1})
				}
				next = append(next, grown)
			}
			if o, n := versions[0], versions[1]; o != nil && n != nil && !sameResource(m, old, new, o, n) {
				next = append(next, state) // one is destroyed before the other is made
			}
		}
		states = next
	}
	return states
}

// unclear marks a request for which AWS does not say which route is first.
var unclear = &route.Route{}

// selected is the route that a gateway in some state has for a request.
func selected(state []candidate, method, path string) *route.Route {
	var taking []*route.Route
	for _, c := range state {
		if _, ok := c.Pattern.Match(path); ok && (c.Method == method || c.Method == route.AnyMethod) {
			taking = append(taking, c.Route)
		}
	}
	first := route.Unbeaten(taking)
	switch len(first) {
	case 0:
		return nil
	case 1:
		return first[0]
	}
	return unclear
}

// overlappingTables returns two tables of a few routes that all overlap, which is
// where versions get in each other's way.
func overlappingTables(rng *rand.Rand) (old, new *route.Table, text string) {
	random := func() (*route.Table, string) {
		for {
			var routes []diffRoute
			for range 1 + rng.IntN(3) {
				r := randomRoute(rng)
				r.path = []string{"/a/{x}", "/a/b", "/a/{p+}", "/{x}/{y}", "/{p+}", "/{x}/b"}[rng.IntN(6)]
				routes = append(routes, r)
			}
			if table, _ := route.Load("routes.yaml", []byte(manifestOf(routes)), nil); table != nil {
				return table, manifestOf(routes)
			}
		}
	}
	old, before := random()
	new, after := random()
	return old, new, before + after
}

// In every state that a gateway can be in while it changes from one version to
// the other, route by route, and with either function behind it, what the
// rollout calls safe lets nobody do what neither version allows; and what it
// calls unsafe, or interrupted, is so in some state.
func TestPlanOrderAgainstBruteForce(t *testing.T) {
	t.Parallel()
	var requests [][2]string
	for _, path := range []string{"/a/b", "/a/q", "/q/b", "/q/q", "/a", "/a/", "/a/b/q", "/q"} {
		requests = append(requests, [2]string{"GET", path}, [2]string{"POST", path}, [2]string{"HEAD", path})
	}
	callers := []route.Caller{{}, {Auth: route.IAM}}
	for _, groups := range [][]string{nil, {"A"}, {"B"}, {"A", "B"}} {
		callers = append(callers, Token(groups, nil), Token(groups, []string{"s"}), Token(groups, []string{"t"}), Token(groups, []string{"s", "t"}))
	}
	rng := rand.New(rand.NewPCG(5, 6))
	opened := 0
	orders := make(map[Order]int)
	moments, ambiguous := 0, 0
	for i := range 300 {
		old, new, text := overlappingTables(rng)
		m := Modules[i%len(Modules)]
		text = string(m) + "\n" + text
		reach := [2]*Reach{NewReach(new), NewReach(old)}
		sides := [2]side{newSide(old), newSide(new)}
		rollout := PlanOrder(old, new, m)
		orders[rollout.Order]++

		// opens and gaps, by the pair of routes and by which part goes first.
		type key struct {
			pair string
			part int
		}
		opens, gaps := make(map[key]string), make(map[key]string)
		unsure := make(map[string]bool)
		for _, state := range gatewayStates(m, old, new) {
			for _, q := range requests {
				at := selected(state, q[0], q[1])
				for _, caller := range callers {
					was, is := sides[0].decide(q[0], q[1], caller), sides[1].decide(q[0], q[1], caller)
					id := keyOf(was.Route) + "|" + keyOf(is.Route)
					if at == unclear {
						ambiguous++
						unsure[id] = true
						continue
					}
					for part, function := range []side{sides[1], sides[0]} { // function first, gateway first
						moments++
						var d route.Decision
						if at != nil {
							d, _ = behind(at, function, q[0], q[1], caller)
						}
						// By pairs of a caller and a handler no moment is wider than the version of
						// the function that runs in it. So what opens is about requests.
						if d.Allowed && reach[part].Through(caller, d.Route.Handler) == nil {
							t.Fatalf("%s %s as %s runs %q, which this version of the function lets the caller not reach\n%s", q[0], q[1], Describe(caller), d.Route.Handler, text)
						}
						say := fmt.Sprintf("%s %s as %s with %q at the gateway", q[0], q[1], Describe(caller), keyOf(at))
						switch {
						case d.Allowed && !runsHandler(was, d) && !runsHandler(is, d):
							opens[key{id, part}] = say
						case !d.Allowed && was.Allowed && is.Allowed:
							gaps[key{id, part}] = say
						}
					}
				}
			}
		}

		told := make(map[string]RolloutStep)
		for _, s := range rollout.Steps {
			id := s.Old.RouteKey + "|" + s.New.RouteKey
			told[id] = s
			for part, way := range []Way{s.Function, s.Gateway} {
				at := key{id, part}
				if way.Opens != nil && opens[at] == "" && !unsure[id] {
					t.Fatalf("%s: part %d opens nothing, but is said to: %v\n%s", id, part, way.Opens, text)
				}
				if way.Gap != nil && gaps[at] == "" && !unsure[id] {
					t.Fatalf("%s: part %d interrupts nothing, but is said to: %v\n%s", id, part, way.Gap, text)
				}
			}
		}
		opened += len(opens)
		for at, say := range opens {
			s := told[at.pair]
			if []Way{s.Function, s.Gateway}[at.part].Opens == nil {
				t.Fatalf("%s: part %d opens %s, and nothing says so\n%s", at.pair, at.part, say, text)
			}
		}
		for at, say := range gaps {
			s := told[at.pair]
			if []Way{s.Function, s.Gateway}[at.part].Gap == nil {
				t.Fatalf("%s: part %d interrupts %s, and nothing says so\n%s", at.pair, at.part, say, text)
			}
		}
	}
	t.Logf("%d moments, %d of them unclear, %d openings; orders %v", moments, ambiguous, opened, orders)
	for _, o := range []Order{EitherFirst, FunctionFirst, GatewayFirst, NoOrder} {
		if orders[o] == 0 {
			t.Errorf("no rollout is %q", o)
		}
	}
}

func TestPlanOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		old, new string
		want     Order
		opens    string // the order that opens something
	}{
		{"nothing", "{path: /a, method: GET, handler: h}", "{path: /a, method: GET, handler: h}", EitherFirst, ""},
		{"tightening interrupts when the function is first", "{path: /a, method: GET, handler: h, public: true}", "{path: /a, method: GET, handler: h}", GatewayFirst, ""},
		{"loosening interrupts when the gateway is first", "{path: /a, method: GET, handler: h}", "{path: /a, method: GET, handler: h, public: true}", FunctionFirst, ""},
		{"a new route", "{path: /a, method: GET, handler: h}", "{path: /a, method: GET, handler: h}\n  - {path: /b, method: GET, handler: i}", EitherFirst, ""},
		{"groups alone", "{path: /a, method: GET, handler: h, groups: [A]}", "{path: /a, method: GET, handler: h, groups: [B]}", EitherFirst, ""},
		// The old gateway chooses /a/{x} for /a/secret. The new function knows whose
		// path that is, and asks for the group.
		{"a part that stays closed while the rest is opened", "{path: '/a/{x}', method: GET, handler: h, groups: [A]}",
			"{path: '/a/{x}', method: GET, handler: h}\n  - {path: /a/secret, method: GET, handler: h, name: s, groups: [A]}", EitherFirst, ""},
		// But it runs the handler of /a/{x} for callers who may use both routes now.
		{"a part gets another handler while the rest is opened", "{path: '/a/{x}', method: GET, handler: h, groups: [A]}",
			"{path: '/a/{x}', method: GET, handler: h}\n  - {path: /a/other, method: GET, handler: i}", GatewayFirst, "function"},
		// The same with the old function behind the new gateway.
		{"a part with another handler is given up while the rest is closed",
			"{path: '/a/{x}', method: GET, handler: h}\n  - {path: /a/other, method: GET, handler: i}",
			"{path: '/a/{x}', method: GET, handler: h, groups: [A]}", FunctionFirst, "gateway"},
		// While Terraform replaces the route, the looser one answers at the gateway.
		{"another name, and a looser route behind it", "{path: /a, method: GET, handler: h, groups: [A]}\n  - {path: '/{p+}', method: ANY, handler: i, public: true}",
			"{path: /a, method: GET, handler: h, name: n, groups: [A]}\n  - {path: '/{p+}', method: ANY, handler: i, public: true}", EitherFirst, ""},
		{"both at once",
			"{path: '/a/{x}', method: GET, handler: h, groups: [A]}\n  - {path: '/b/{x}', method: GET, handler: i}\n  - {path: /b/other, method: GET, handler: k}",
			"{path: '/a/{x}', method: GET, handler: h}\n  - {path: /a/other, method: GET, handler: k}\n  - {path: '/b/{x}', method: GET, handler: i, groups: [A]}",
			NoOrder, "function gateway"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := PlanOrder(load(t, "version: 1\nroutes:\n  - "+test.old+"\n"), load(t, "version: 1\nroutes:\n  - "+test.new+"\n"), Obytes)
			if r.Order != test.want {
				t.Errorf("order is %q, want %q", r.Order, test.want)
			}
			opens := make(map[string]bool)
			for _, s := range r.Steps {
				if s.Function.Opens != nil {
					opens["function"] = true
				}
				if s.Gateway.Opens != nil {
					opens["gateway"] = true
				}
			}
			var got []string
			for _, part := range []string{"function", "gateway"} {
				if opens[part] {
					got = append(got, part)
				}
			}
			if strings.Join(got, " ") != test.opens {
				t.Errorf("what opens something first is %q, want %q", got, test.opens)
			}
		})
	}
}
