package review

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/routegate/routegate/framework/route"
)

// A Coverage says what of a table its manifest's own tests touch.
//
// A route is touched when it answers a request of a test. A group, or a scope,
// is touched when it is what let a caller of a test in, or when a caller who
// has it was refused because the route asks for another one.
type Coverage struct {
	Routes, Groups, Scopes Covered
	OneSided               []OneSided // routes with tests of one kind only, in the order of the table
}

// Covered is how many of one kind are touched, and which are not.
type Covered struct {
	Touched, Total int
	Untouched      []Untouched // by line
}

// An Untouched is a route, a group or a scope that no test touches.
type Untouched struct {
	Name string // of a route, its key
	Line int    // of a name that is not declared, where a route first asks for it
}

// A OneSided is a route that asks something of its callers, all of whose tests
// end alike, so that it may let in everybody or nobody without a test failing.
type OneSided struct {
	Route   *route.Route
	Allowed bool // whether all its tests are let in; else all are refused
}

// Cover finds what the results of a table's tests (Table.RunTests) touch.
func Cover(t *route.Table, results []route.TestResult) *Coverage {
	var seen seenByTests
	for i := range results {
		seen.add(&results[i])
	}
	c := &Coverage{}
	for r := range t.All() {
		seen.routes.count(&c.Routes, r.Key(), r.Line)
		allowed, refused := seen.allowed[r], seen.refused[r]
		if r.Access.Auth != route.Public && allowed != refused {
			c.OneSided = append(c.OneSided, OneSided{r, allowed})
		}
	}
	groupAt, scopeAt := declaredLines(t.DeclaredGroups()), declaredLines(t.DeclaredScopes())
	for r := range t.All() {
		groupAt.first(r.Access.Groups, r.LineOf("groups"))
		scopeAt.first(r.Access.Scopes, r.LineOf("scopes"))
	}
	for _, name := range t.Groups() {
		seen.groups.count(&c.Groups, name, groupAt.of[name])
	}
	for _, name := range t.Scopes() {
		seen.scopes.count(&c.Scopes, name, scopeAt.of[name])
	}
	for _, kind := range []*Covered{&c.Routes, &c.Groups, &c.Scopes} {
		slices.SortStableFunc(kind.Untouched, func(a, b Untouched) int { return cmp.Compare(a.Line, b.Line) })
	}
	return c
}

// Touched and Total return the sums of all three kinds. Total is at least 1.
func (c *Coverage) Touched() int { return c.Routes.Touched + c.Groups.Touched + c.Scopes.Touched }

// Total returns how much there is to touch.
func (c *Coverage) Total() int { return c.Routes.Total + c.Groups.Total + c.Scopes.Total }

// Percent returns the share that is touched, exactly.
func (c *Coverage) Percent() *big.Rat {
	return big.NewRat(int64(c.Touched())*100, int64(c.Total()))
}

// Tenths returns the percentage cut to one decimal, so that nothing short of
// everything reads as 100.
func (c *Coverage) Tenths() float64 {
	return float64(c.Touched()*1000/c.Total()) / 10
}

// seenByTests is what test results touch.
type seenByTests struct {
	routes, groups, scopes seenNames
	allowed, refused       map[*route.Route]bool
}

// seenNames is a set.
type seenNames map[string]bool

func (t *seenByTests) add(result *route.TestResult) {
	d := &result.Decision
	if d.Route == nil || d.Reason == route.RouteMismatch {
		return
	}
	if t.routes == nil {
		*t = seenByTests{seenNames{}, seenNames{}, seenNames{}, map[*route.Route]bool{}, map[*route.Route]bool{}}
	}
	t.routes[d.Route.Key()] = true
	if d.Allowed {
		t.allowed[d.Route] = true
	} else {
		t.refused[d.Route] = true
	}
	for _, step := range d.Steps {
		switch step.Check {
		case route.CheckGroups:
			t.groups.step(step, d.Allowed, result.Test.Caller.Principal.Groups)
		case route.CheckScopes:
			t.scopes.step(step, d.Allowed, result.Test.Caller.Principal.Scopes)
		}
	}
}

// step adds what was enough to be let in, or what was held and not enough.
func (n seenNames) step(step route.Step, allowed bool, held []string) {
	switch {
	case !step.Passed:
		for _, name := range held {
			n[name] = true
		}
	case allowed && step.By != "":
		n[step.By] = true
	}
}

func (n seenNames) count(c *Covered, name string, line int) {
	c.Total++
	if n[name] {
		c.Touched++
		return
	}
	c.Untouched = append(c.Untouched, Untouched{name, line})
}

// A nameLines tells where the manifest has each name.
type nameLines struct {
	of       map[string]int
	declared bool
}

func declaredLines(declared []route.Name) *nameLines {
	l := &nameLines{of: make(map[string]int), declared: declared != nil}
	for _, n := range declared {
		l.of[n.Name] = n.Line
	}
	return l
}

// first takes a line that has the names, if it is the first that does. Where
// names are declared, that is their place.
func (l *nameLines) first(names []string, line int) {
	if l.declared {
		return
	}
	for _, name := range names {
		if at, ok := l.of[name]; !ok || line < at {
			l.of[name] = line
		}
	}
}
