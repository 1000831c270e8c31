package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/manifest"
)

// Which of several matching routes answers (API Gateway developer guide, "Create
// routes for HTTP APIs"):
//
//  1. a route without a greedy variable before one with,
//  2. then the route whose requests are a part of the other's: GET /a before
//     ANY /a, /users/me before /users/{id}, /a/{p+} before /{p+}.
//
// Two routes that match the same request without either rule telling which is
// first clash, unless a third route, more specific than both, takes all that
// they share. AWS says nothing about such pairs, so the manifest may have none.

// A relation says how the requests of one route relate to those of another.
type relation int

const (
	disjoint    relation = iota
	same                 // the same requests
	narrower             // a part of the other's
	wider                // the other's and more
	overlapping          // some in common, and each some of its own
)

// both is the relation of two products, such as methods × paths, whose factors
// relate as a and b.
func both(a, b relation) relation {
	switch {
	case a == disjoint || b == disjoint:
		return disjoint
	case a == same:
		return b
	case b == same || a == b:
		return a
	}
	return overlapping
}

func compareMethods(a, b string) relation {
	switch {
	case a == b:
		return same
	case b == AnyMethod:
		return narrower
	case a == AnyMethod:
		return wider
	}
	return disjoint
}

// comparePatterns relates the paths of two patterns of which both are greedy
// or neither is.
func comparePatterns(a, b Pattern) relation {
	as, bs := a.Segments, b.Segments
	rel := same
	if a.IsGreedy() {
		as, bs = as[:len(as)-1], bs[:len(bs)-1]
		switch {
		case len(as) > len(bs): // /x/{p+} is a part of /{p+}
			rel, as = narrower, as[:len(bs)]
		case len(as) < len(bs):
			rel, bs = wider, bs[:len(as)]
		}
	} else if len(as) != len(bs) {
		return disjoint
	}
	for i := range as {
		switch a, b := as[i], bs[i]; {
		case a.Kind == Variable && b.Kind == Variable:
		case a.Kind == Variable:
			rel = both(rel, wider)
		case b.Kind == Variable:
			rel = both(rel, narrower)
		case a.Text != b.Text:
			return disjoint
		}
	}
	return rel
}

// A clash is why a route cannot stay: another route, and a request that both match.
type clash struct {
	other   writtenRoute
	witness string // the method and the path of the request
}

// conflicts reports duplicate routes and clashes. It reports at most one for each
// route: the one with the first route of the file that it clashes with.
func (c *compiler) conflicts(routes []writtenRoute) {
	first := make(map[key]writtenRoute, len(routes))
	written := make(map[*Route]writtenRoute, len(routes))
	var list []*Route
	shapes := make([]key, len(routes))
	for i, r := range routes {
		shapes[i] = key{r.Method, r.Pattern.Shape()}
		if _, ok := first[shapes[i]]; !ok {
			first[shapes[i]] = r
			written[r.Route] = r
			list = append(list, r.Route)
		}
	}
	free := freeSegment(list)
	found := clashes(list, written, free)
	for i, r := range routes {
		f := first[shapes[i]]
		if at, ok := found[f.Route]; ok { // what clashes with a route clashes with its duplicates
			c.reportClash(r, at.other, at.witness, false)
		} else if f.Route != r.Route {
			method := r.Method
			if method == AnyMethod {
				method = Methods[0]
			}
			c.reportClash(r, f, method+" "+witnessPath(r.Pattern, free), true)
		}
	}
}

// clashes returns the clash of each route that clashes with a route of an earlier
// line. No two routes of the list have the same method and shape.
//
// If a manifest has very many clashes, clashes stops after it has found some of them.
func clashes(list []*Route, written map[*Route]writtenRoute, free string) map[*Route]clash {
	const enough = 20_000_000 // compared pairs, which takes about a second
	compared := 0
	found := make(map[*Route]clash)
	t := newTrie(list, nil)
	t.root.markPlain()
	w := &walker{tries: []*trie{t, t}, free: free, settled: func(s state) bool {
		r := s.in[0]
		return len(r.at) == 1 && len(r.passed) == 0 && r.at[0].plain
	}}
	w.yield = func(class Class) bool {
		if len(class.Old) < 2 {
			return true
		}
		takers := t.takers(class, written, free)
		compared += 100 + len(takers)*len(takers)
		addClashes(found, class, takers)
		return compared < enough || len(found) == 0
	}
	w.walk(w.start())
	return found
}

// markPlain sets plain of p and of the places below. A place is plain if no place from
// there on has a greedy variable, or a literal beside a variable.
func (p *place) markPlain() {
	p.plain = len(p.rest) == 0 && (p.variable == nil || p.literals == nil)
	if p.variable != nil {
		p.variable.markPlain()
		p.plain = p.plain && p.variable.plain
	}
	for _, next := range p.literals {
		next.markPlain()
		p.plain = p.plain && next.plain
	}
}

// A taker is a route that takes a request.
type taker struct {
	writtenRoute
	bare positions // where the request has a literal of the manifest, and the route a variable
}

// takers returns the routes that take the request of a class, in the order of the file.
// If the routes that answer have a greedy variable, it returns only routes with a greedy
// variable, and otherwise only routes without one.
func (t *trie) takers(class Class, written map[*Route]writtenRoute, free string) []taker {
	var takers []taker
	var literals positions
	segments := strings.Split(strings.Trim(class.Path, "/"), "/")
	for i, s := range segments {
		if s != free {
			literals = literals.with(i)
		}
	}
	if class.Path == "/" {
		segments, literals = nil, positions{}
	}
	greedy := class.Old[0].Pattern.IsGreedy()
	var walk func(p *place, depth int, variables positions)
	walk = func(p *place, depth int, variables positions) {
		if p == nil {
			return
		}
		list := p.rest
		if !greedy {
			list = p.ends
		}
		atEnd := depth == len(segments)
		if atEnd && (!greedy || strings.HasSuffix(class.Path, "/")) || !atEnd && greedy {
			for _, r := range list {
				if r.takes(class.Method) {
					takers = append(takers, taker{written[r], literals.minus(literals.before(depth).minus(variables))})
				}
			}
		}
		if !atEnd {
			walk(p.literals[segments[depth]], depth+1, variables)
			walk(p.variable, depth+1, variables.with(depth))
		}
	}
	walk(t.root, 0, positions{})
	slices.SortFunc(takers, func(a, b taker) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.in.Column, b.in.Column))
	})
	return takers
}

// addClashes adds the clashes of routes that take the request of a class. takers are
// in the order of the file.
func addClashes(found map[*Route]clash, class Class, takers []taker) {
	var exact []taker // the routes that have every literal of the request
	for _, r := range takers {
		if r.bare == (positions{}) {
			exact = append(exact, r)
		}
	}
	// answered reports whether a route takes exactly the paths that both take, and
	// is more specific than both.
	answered := func(a, b taker) bool {
		asked, segments := strongest(a.Method, b.Method), max(len(a.Pattern.Segments), len(b.Pattern.Segments))
		return slices.ContainsFunc(exact, func(r taker) bool {
			return len(r.Pattern.Segments) == segments && (r.Method == class.Method || asked == AnyMethod)
		})
	}
	witness := class.Method + " " + class.Path
	for i, r := range takers {
		for _, other := range takers[:i] {
			if r.bare.and(other.bare) != (positions{}) ||
				both(compareMethods(r.Method, other.Method), comparePatterns(r.Pattern, other.Pattern)) != overlapping || answered(r, other) {
				continue
			}
			// A path that ends in a slash is a witness only if there is no other.
			was, ok := found[r.Route]
			if !ok || other.Line < was.other.Line || other.Line == was.other.Line && strings.HasSuffix(was.witness, "/") && !strings.HasSuffix(witness, "/") {
				found[r.Route] = clash{other.writtenRoute, witness}
			}
			break
		}
	}
}

// strongest is the method that a third route must beat in order to beat both.
func strongest(a, b string) string {
	if a == AnyMethod {
		return b
	}
	return a
}

func (c *compiler) reportClash(r, other writtenRoute, witness string, duplicate bool) {
	d := manifest.Diagnostic{
		Span: r.in.Path.Span,
		Rule: "route-conflict",
		Message: fmt.Sprintf("%q and %q on line %d both match %q, and API Gateway does not say which is first",
			r.Key(), other.Key(), other.Line, witness),
		Related: []manifest.Related{{Span: other.in.Path.Span, Message: "the other one"}},
	}
	switch {
	case duplicate:
		d.Rule = "duplicate-route"
		d.Message = fmt.Sprintf("%q and %q on line %d match the same requests, such as %q", r.Key(), other.Key(), other.Line, witness)
	case r.Method != other.Method:
		d.Message += ": name the methods instead of ANY"
	}
	c.report.Add(d)
}

func witnessPath(p Pattern, free string) string {
	var b strings.Builder
	for _, s := range p.Segments {
		b.WriteByte('/')
		if s.Kind == Literal {
			b.WriteString(s.Text)
		} else {
			b.WriteString(free)
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}
