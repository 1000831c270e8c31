package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// A Kind is what a change does to who may do what. The zero Kind is none.
type Kind string

// The kinds, the most dangerous first.
const (
	// Wider means that a caller reaches a handler that it could not reach before,
	// whichever route leads there (see [Reach]), or that a request of a caller runs a
	// handler and was refused before.
	Wider Kind = "WIDER"
	// Narrower is the reverse of Wider.
	Narrower Kind = "NARROWER"
	// Moved means that the same callers get in, and that each of them reaches the same
	// handlers as before, but by other requests.
	Moved Kind = "MOVED"
	// Neutral means that every request of every caller runs what it ran before.
	Neutral Kind = "NEUTRAL"
)

var kinds = []Kind{Wider, Narrower, Moved, Neutral}

// A Change is one difference between two tables.
type Change struct {
	Kind    Kind
	Rule    string // which of Rules found it
	Public  bool   // it is wider for a caller without any proof
	Message string // what it is, beginning with the route key or the name that it is about
	Old     Place
	New     Place
	Witness *Witness // nil if and only if Kind is Neutral
}

// A Place is where one side of a Change is. The zero Place is nowhere: the side
// does not have it.
type Place struct {
	Line     int
	RouteKey string // "" where it is about no route
}

// A Witness is a request that the two tables answer differently. Both answers
// are those of the production router and decision.
type Witness struct {
	Method, Path string
	Caller       route.Caller
	Old, New     route.Decision
}

// Rules are the rules that find changes, and what each is about.
var Rules = []struct{ ID, About string }{
	{"newly-public", "a caller without a token gets in where it did not, or reaches a handler that it could not reach before"},
	{"access-wider", "a caller gets in that was refused before"},
	{"access-narrower", "a caller is refused that got in before"},
	{"route-added", "requests are answered that no route took before"},
	{"route-removed", "requests are not answered any more"},
	{"handler-wider", "a caller reaches a handler that it could not reach before"},
	{"handler-narrower", "a caller does not reach a handler any more that it could reach before"},
	{"route-moved", "a route has another method or path, with the same handler and the same callers"},
	{"handler-changed", "requests run another handler, which the same callers could reach before by other requests"},
	{"route-key", "a route has another key, and every request is answered as before"},
	{"variable-renamed", "a variable of the path has another name, which the handler asks for"},
	{"name-changed", "the key in Terraform, and the OpenAPI operationId"},
	{"summary-changed", "Terraform's operation_name, and documentation"},
	{"description-changed", "documentation"},
	{"tags-changed", "documentation"},
	{"deprecated-changed", "documentation"},
	{"vocabulary-changed", "whether groups, or scopes, must be declared"},
	{"name-declared", "a group or a scope is declared"},
	{"name-undeclared", "a group or a scope is declared no more"},
	{"meaning-changed", "what a group or a scope stands for"},
	{"test-added", "a test of the manifest's own"},
	{"test-removed", "a test of the manifest's own"},
	{"test-changed", "a test of the manifest's own"},
}

// A Diff is how two tables differ in who may do what.
type Diff struct {
	Changes []Change // the most dangerous first, then by place
	// Terraform is what an apply does beyond changing routes in place.
	Terraform []string
}

// Compare compares two tables exactly: if a caller may do by the new table what
// it may not do by the old one, or the reverse, a change says so and shows a
// request. Places do not count, nor does the order of anything.
func Compare(old, new *route.Table) *Diff {
	c := comparison{
		old: newSide(old), new: newSide(new),
		diff: &Diff{},
	}
	c.before, c.now = c.old.reach(), c.new.reach()
	c.requests()
	c.fields()
	c.vocabulary("group", old.DeclaredGroups(), new.DeclaredGroups())
	c.vocabulary("scope", old.DeclaredScopes(), new.DeclaredScopes())
	c.tests(old.Tests(), new.Tests())
	c.terraform()
	slices.SortStableFunc(c.diff.Changes, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			-compareBool(a.Public, b.Public),
			cmp.Compare(cmp.Or(a.New.Line, a.Old.Line), cmp.Or(b.New.Line, b.Old.Line)),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return c.diff
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// A Count is how many changes of each kind a Diff has.
type Count struct {
	Public   int `json:"public"` // routes that are newly public; their changes are WIDER
	Wider    int `json:"wider"`
	Narrower int `json:"narrower"`
	Moved    int `json:"moved"`
	Neutral  int `json:"neutral"`
}

// Count counts the changes.
func (d *Diff) Count() Count {
	var n Count
	public := make(map[string]bool)
	for _, c := range d.Changes {
		switch c.Kind {
		case Wider:
			n.Wider++
		case Narrower:
			n.Narrower++
		case Moved:
			n.Moved++
		case Neutral:
			n.Neutral++
		}
		if c.Public {
			public[c.New.RouteKey] = true
		}
	}
	n.Public = len(public)
	return n
}

// String is the line that says how risky a change is: "1 route newly public, 2
// wider, 0 narrower, 0 moved, 1 neutral".
func (n Count) String() string {
	return fmt.Sprintf("%d %s newly public, %d wider, %d narrower, %d moved, %d neutral",
		n.Public, plural("route", n.Public), n.Wider, n.Narrower, n.Moved, n.Neutral)
}

// A side is one of the two tables.
type side struct {
	routes []*route.Route
	router *route.Router
	byKey  map[string]*route.Route // by shape
}

func newSide(t *route.Table) side {
	s := side{
		routes: slices.Collect(t.All()), router: route.NewRouter(t, ""),
		byKey: make(map[string]*route.Route, t.Len()),
	}
	for _, r := range s.routes {
		s.byKey[shape(r)] = r
	}
	return s
}

// shape is the route's key without the names of its variables, which say
// nothing of which requests it takes.
func shape(r *route.Route) string { return r.Method + " " + r.Pattern.Shape() }

// decide asks the production decision. A request goes to it without a route
// key, as to a function that is invoked by nothing but the manifest's gateway.
func (s side) decide(method, path string, caller route.Caller) route.Decision {
	return s.router.Decide(route.Request{Method: method, Path: path, Caller: caller})
}

type comparison struct {
	old, new    side
	before, now *Reach
	diff        *Diff
}

func (c *comparison) add(change Change) { c.diff.Changes = append(c.diff.Changes, change) }

// A pair is two routes of which the one answered, by the old table, what the
// other answers by the new one; nil is none.
type pair struct{ old, new *route.Route }

// requests compares the answers to all requests. The requests that two routes
// share differ in nothing that the decision looks at, so one of them stands for
// all.
func (c *comparison) requests() {
	type request struct{ method, path string }
	seen := make(map[pair]request)
	var pairs []pair
	for class := range route.Answers(c.old.routes, c.new.routes, answerKey, nil) {
		var p pair
		p.old, _ = c.old.router.Match(class.Method, class.Path)
		p.new, _ = c.new.router.Match(class.Method, class.Path)
		if _, ok := seen[p]; !ok && (p.old != nil || p.new != nil) {
			seen[p] = request{class.Method, class.Path}
			pairs = append(pairs, p)
		}
	}
	moved := movedRoutes(pairs)
	for _, p := range pairs {
		at := seen[p]
		if to := moved[p.old]; p.new == nil && to != nil {
			c.move(pair{p.old, to}, at.method, at.path)
			continue
		}
		if p.old == nil && moved[p.new] != nil {
			continue // told already
		}
		c.compare(p, at.method, at.path)
	}
}

// answerKey is what two routes have in common that answer alike.
func answerKey(r *route.Route) string { return r.Handler + "\x00" + r.Access.String() }

// compare reports which callers get in by the new route of a pair and not by the
// old one, or reach a handler by it that they could not reach, and the reverse.
// If there are none, it reports whether the routes run the same.
func (c *comparison) compare(p pair, method, path string) {
	var before, now route.Access // of no route: nobody
	if p.old != nil {
		before = p.old.Access
	}
	if p.new != nil {
		now = p.new.Access
	}
	var gained, lost *route.Caller
	for caller := range Callers(before, now) {
		switch was, is := before.Decide(caller).Allowed, now.Decide(caller).Allowed; {
		case is && !was && gained == nil:
			gained = &caller
		case was && !is && lost == nil:
			lost = &caller
		}
	}
	var reaches, loses *route.Caller // a handler
	otherHandler := p.old != nil && p.new != nil && p.old.Handler != p.new.Handler
	if otherHandler {
		reaches, loses = c.before.gained(now, p.new.Handler), c.now.gained(before, p.old.Handler)
	}
	report := func(change Change, kind Kind, rule string, caller route.Caller) {
		change.Kind, change.Rule = kind, rule
		if change.Public = kind == Wider && caller.Auth == route.NoAuth; change.Public {
			change.Rule = "newly-public"
		}
		change.Witness = &Witness{method, path, caller, c.old.decide(method, path, caller), c.new.decide(method, path, caller)}
		c.add(change)
	}
	ofAccess := Change{Old: accessPlace(p.old, p.new), New: accessPlace(p.new, p.old), Message: describePair(p)}
	switch {
	case gained == nil && reaches != nil:
		report(handlerChange(p, fmt.Sprintf("%s reaches %q now, and did not before", callerNoun(*reaches), p.new.Handler)), Wider, "handler-wider", *reaches)
	case gained != nil && p.old == nil:
		report(ofAccess, Wider, "route-added", *gained)
	case gained != nil:
		report(ofAccess, Wider, "access-wider", *gained)
	}
	switch {
	case lost != nil && p.new == nil:
		report(ofAccess, Narrower, "route-removed", *lost)
	case lost != nil:
		report(ofAccess, Narrower, "access-narrower", *lost)
	case loses != nil:
		report(handlerChange(p, fmt.Sprintf("%s does not reach %q any more", callerNoun(*loses), p.old.Handler)), Narrower, "handler-narrower", *loses)
	}
	if otherHandler && gained == nil && lost == nil && reaches == nil && loses == nil {
		report(handlerChange(p, ""), Moved, "handler-changed", admitted(now))
	}
}

// handlerChange returns the change of a pair of routes with two handlers. why says
// what follows from it.
func handlerChange(p pair, why string) Change {
	change := Change{
		Old: Place{p.old.LineOf("handler"), p.old.Key()}, New: Place{p.new.LineOf("handler"), p.new.Key()},
		Message: fmt.Sprintf("%s runs %q now instead of %q", subject(p), p.new.Handler, p.old.Handler),
	}
	if why != "" {
		change.Message += ": " + why
	}
	return change
}

// callerNoun is Describe for the subject of a sentence.
func callerNoun(c route.Caller) string {
	if c.Auth == route.NoAuth {
		return "a caller without a token"
	}
	return Describe(c)
}

// admitted returns the caller with the least that an access lets in.
func admitted(a route.Access) route.Caller {
	for caller := range Callers(a) {
		if a.Decide(caller).Allowed {
			return caller
		}
	}
	return route.Caller{}
}

// subject names what a change is about: the route, or the request that one route
// took from another.
func subject(p pair) string {
	switch {
	case p.new == nil:
		return p.old.Key()
	case p.old == nil || shape(p.old) == shape(p.new):
		return p.new.Key()
	}
	return fmt.Sprintf("%s, which takes requests that were answered by %q,", p.new.Key(), p.old.Key())
}

func describePair(p pair) string {
	switch {
	case p.old == nil:
		return fmt.Sprintf("%s is added: %s may call it", p.new.Key(), p.new.Access)
	case p.new == nil:
		return fmt.Sprintf("%s is removed, or takes less: %s could call it", p.old.Key(), p.old.Access)
	case shape(p.old) == shape(p.new) && p.old.Name != p.new.Name && answerKey(p.old) == answerKey(p.new):
		return fmt.Sprintf("%s is named %q now instead of %q", subject(p), p.new.Name, p.old.Name)
	}
	return fmt.Sprintf("%s may be called by %s now, and by %s before", subject(p), p.new.Access, p.old.Access)
}

// accessPlace is the line of r that says who may call it, where that is another
// than other's: of public or auth, of scopes or of groups.
func accessPlace(r, other *route.Route) Place {
	if r == nil {
		return Place{}
	}
	p := Place{Line: r.Line, RouteKey: r.Key()}
	if other == nil {
		return p
	}
	a, b := r.Access, other.Access
	switch {
	case a.Auth == route.Public && b.Auth != route.Public:
		p.Line = r.LineOf("public")
	case a.Auth == route.IAM && b.Auth != route.IAM:
		p.Line = r.LineOf("auth")
	case !slices.Equal(a.Groups, b.Groups):
		p.Line = r.LineOf("groups")
	case !slices.Equal(a.Scopes, b.Scopes):
		p.Line = r.LineOf("scopes")
	}
	return p
}

// movedRoutes finds the routes that are answered elsewhere only: those whose
// requests nothing answers any more, with the only other one that answers
// nothing but requests that nothing answered before, and has the same handler,
// method, callers and variables. Whoever got there gets there, with the same
// values.
func movedRoutes(pairs []pair) map[*route.Route]*route.Route {
	stays := make(map[*route.Route]bool)
	for _, p := range pairs {
		if p.old != nil && p.new != nil {
			stays[p.old], stays[p.new] = true, true
		}
	}
	identity := func(r *route.Route) string {
		vars := strings.Join(r.Pattern.Variables(), "/")
		if r.Pattern.IsGreedy() {
			vars += "+"
		}
		return r.Method + " " + answerKey(r) + "\x00" + vars
	}
	gone, come := make(map[string][]*route.Route), make(map[string][]*route.Route)
	for _, p := range pairs {
		switch {
		case p.new == nil && !stays[p.old]:
			gone[identity(p.old)] = append(gone[identity(p.old)], p.old)
		case p.old == nil && !stays[p.new]:
			come[identity(p.new)] = append(come[identity(p.new)], p.new)
		}
	}
	moved := make(map[*route.Route]*route.Route) // both ways
	for id, from := range gone {
		if to := come[id]; len(from) == 1 && len(to) == 1 {
			moved[from[0]], moved[to[0]] = to[0], from[0]
		}
	}
	return moved
}

func (c *comparison) move(p pair, method, path string) {
	caller := admitted(p.old.Access)
	c.add(Change{
		Kind: Moved, Rule: "route-moved",
		Message: fmt.Sprintf("%s is %s now, for the same callers", p.old.Key(), p.new.Key()),
		Old:     Place{p.old.LineOf("path"), p.old.Key()},
		New:     Place{p.new.LineOf("path"), p.new.Key()},
		Witness: &Witness{method, path, caller, c.old.decide(method, path, caller), c.new.decide(method, path, caller)},
	})
}

// fields compares what routes have beside their requests, handlers and callers.
func (c *comparison) fields() {
	told := make(map[string]bool)
	for _, change := range c.diff.Changes {
		told["old "+change.Old.RouteKey], told["new "+change.New.RouteKey] = true, true
	}
	for _, r := range c.old.routes {
		if c.new.byKey[shape(r)] == nil && !told["old "+r.Key()] {
			c.neutral("route-key", r, nil, "path", "%s is removed: other routes answer all its requests as it did", r.Key())
		}
	}
	for _, n := range c.new.routes {
		o := c.old.byKey[shape(n)]
		if o == nil {
			if !told["new "+n.Key()] {
				c.neutral("route-key", nil, n, "path", "%s is added: all its requests were answered in the same way before", n.Key())
			}
			continue
		}
		if o.Name != n.Name {
			c.neutral("name-changed", o, n, "name", "%s is named %q now instead of %q", n.Key(), n.Name, o.Name)
		}
		if o.Summary != n.Summary {
			c.neutral("summary-changed", o, n, "summary", "%s has another summary", n.Key())
		}
		if o.Description != n.Description {
			c.neutral("description-changed", o, n, "description", "%s has another description", n.Key())
		}
		if !slices.Equal(o.Tags, n.Tags) {
			c.neutral("tags-changed", o, n, "tags", "%s has other tags", n.Key())
		}
		if o.Deprecated != n.Deprecated {
			state := "is not deprecated any more"
			if n.Deprecated {
				state = "is deprecated"
			}
			c.neutral("deprecated-changed", o, n, "deprecated", "%s %s", n.Key(), state)
		}
		if before, now := o.Pattern.Variables(), n.Pattern.Variables(); !slices.Equal(before, now) {
			c.neutral("variable-renamed", o, n, "path", "%s was %s: handler %q finds its values under other names", n.Key(), o.Key(), n.Handler)
		}
	}
}

func (c *comparison) neutral(rule string, o, n *route.Route, key, format string, args ...any) {
	change := Change{Kind: Neutral, Rule: rule, Message: fmt.Sprintf(format, args...)}
	if o != nil {
		change.Old = Place{o.LineOf(key), o.Key()}
	}
	if n != nil {
		change.New = Place{n.LineOf(key), n.Key()}
	}
	c.add(change)
}

// vocabulary compares the names that the tables declare.
func (c *comparison) vocabulary(noun string, old, new []route.Name) {
	if (old == nil) != (new == nil) {
		state := "need not be declared any more"
		if new != nil {
			state = "must be declared now"
		}
		c.add(Change{Kind: Neutral, Rule: "vocabulary-changed", Message: noun + "s " + state})
	}
	before := make(map[string]route.Name)
	for _, n := range old {
		before[n.Name] = n
	}
	for _, n := range new {
		o, ok := before[n.Name]
		delete(before, n.Name)
		change := Change{Kind: Neutral, Old: Place{Line: o.Line}, New: Place{Line: n.Line}}
		switch {
		case !ok:
			change.Rule, change.Message = "name-declared", fmt.Sprintf("%s %q is declared", noun, n.Name)
		case o.Meaning != n.Meaning:
			change.Rule, change.Message = "meaning-changed", fmt.Sprintf("%s %q has another meaning", noun, n.Name)
		default:
			continue
		}
		c.add(change)
	}
	for _, o := range before {
		c.add(Change{Kind: Neutral, Rule: "name-undeclared", Message: fmt.Sprintf("%s %q is declared no more", noun, o.Name), Old: Place{Line: o.Line}})
	}
}

// tests compares the manifest's own tests, which have names that need not be
// unique.
func (c *comparison) tests(old, new []route.Test) {
	content := func(t route.Test) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%d %q %q", t.Caller.Auth, t.Caller.Principal.Groups, t.Caller.Principal.Scopes)
		for _, r := range t.Allow {
			fmt.Fprintf(&b, " allow %q", r.Value)
		}
		for _, r := range t.Deny {
			fmt.Fprintf(&b, " deny %q", r.Value)
		}
		return b.String()
	}
	// What both have is no change.
	both := make(map[string]int)
	for _, o := range old {
		both[o.Name+content(o)]++
	}
	unchanged := make(map[string]int)
	new = slices.DeleteFunc(new, func(n route.Test) bool {
		id := n.Name + content(n)
		if both[id] == 0 {
			return false
		}
		both[id]--
		unchanged[id]++
		return true
	})
	gone := make(map[string][]route.Test) // by name
	var names []string
	for _, o := range old {
		if id := o.Name + content(o); unchanged[id] > 0 {
			unchanged[id]--
			continue
		}
		gone[o.Name] = append(gone[o.Name], o)
		names = append(names, o.Name)
	}
	for _, n := range new {
		change := Change{Kind: Neutral, Rule: "test-added", Message: fmt.Sprintf("test %q is added", n.Name), New: Place{Line: n.Line}}
		if earlier := gone[n.Name]; len(earlier) > 0 {
			change.Rule, change.Message, change.Old.Line = "test-changed", fmt.Sprintf("test %q is changed", n.Name), earlier[0].Line
			gone[n.Name] = earlier[1:]
		}
		c.add(change)
	}
	for _, name := range names {
		if left := gone[name]; len(left) > 0 {
			c.add(Change{
				Kind: Neutral, Rule: "test-removed", Old: Place{Line: left[0].Line},
				Message: fmt.Sprintf("test %q is removed: nothing holds what it held", name),
			})
			gone[name] = left[1:]
		}
	}
}

// terraform says what an apply of the generated routes does beyond changing them in
// place, if the gateway is that of deploy/terraform.
func (c *comparison) terraform() {
	for key, v := range RootModule.instances(c.old, c.new) {
		if o, n := v[0], v[1]; o != nil && n != nil && o.Name != n.Name {
			c.diff.Terraform = append(c.diff.Terraform, fmt.Sprintf(
				"%s: gen-tf writes a moved block from [%q] to [%q], so Terraform keeps the route. The module of obytes has no such blocks: there, \"terraform state mv\" does it",
				n.Key(), o.Name, key))
		}
	}
	for _, r := range RootModule.refusals(c.old, c.new) {
		c.diff.Terraform = append(c.diff.Terraform, r.Message+". To split it: "+r.Split)
	}
	slices.Sort(c.diff.Terraform)
}
