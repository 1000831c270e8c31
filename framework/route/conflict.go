package route

import (
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

// conflicts reports duplicate routes and clashes, for each route at most one:
// that with the first route of the file that it clashes with.
func (c *compiler) conflicts(routes []writtenRoute) {
	byShape := make(map[string]writtenRoute, len(routes))
	key := func(method string, p Pattern) string { return method + " " + p.Shape() }
	for _, r := range routes {
		if _, ok := byShape[key(r.Method, r.Pattern)]; !ok {
			byShape[key(r.Method, r.Pattern)] = r
		}
	}
	// answered reports whether a route takes exactly the pattern's paths for
	// the method, and is more specific than a route with the method asked.
	answered := func(method, asked string, p Pattern) bool {
		if _, ok := byShape[key(method, p)]; ok {
			return true
		}
		_, ok := byShape[key(AnyMethod, p)]
		return ok && asked == AnyMethod
	}

	full, greedy := &trie{}, &trie{}
	var list []*Route
	for _, r := range routes {
		list = append(list, r.Route)
	}
	free := freeSegment(list)
	for _, r := range routes {
		t := full
		if r.Pattern.IsGreedy() {
			t = greedy
		}
		var clash writtenRoute
		var witness string
		var duplicate bool
		for _, other := range t.overlapping(r.Pattern) {
			if clash.Route != nil && clash.Line <= other.Line {
				continue
			}
			switch both(compareMethods(r.Method, other.Method), comparePatterns(r.Pattern, other.Pattern)) {
			case same:
				method := r.Method
				if method == AnyMethod {
					method = Methods[0]
				}
				clash, witness, duplicate = other, method+" "+witnessPath(r.Pattern, free), true
			case overlapping:
				shared := intersection(r.Pattern, other.Pattern)
				for _, method := range Methods {
					if r.takes(method) && other.takes(method) && !answered(method, strongest(r.Method, other.Method), shared) {
						clash, witness, duplicate = other, method+" "+witnessPath(shared, free), false
						break
					}
				}
			}
		}
		// What clashes with a second of a kind clashes with the first.
		if byShape[key(r.Method, r.Pattern)].Route == r.Route {
			t.insert(r)
		}
		if clash.Route != nil {
			c.reportClash(r, clash, witness, duplicate)
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

// intersection returns the pattern of the paths that both overlapping patterns
// match. Its variables have no names.
func intersection(a, b Pattern) Pattern {
	as, bs := a.Segments, b.Segments
	if len(as) < len(bs) {
		as, bs = bs, as
	}
	p := Pattern{Segments: slices.Clone(as)}
	for i, s := range bs {
		if s.Kind == Literal {
			p.Segments[i] = s
		}
	}
	return p
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

// A trie holds patterns by their segments, so that finding those that overlap
// with one does not take a look at each.
type trie struct {
	literals map[string]*trie
	variable *trie
	ends     []writtenRoute // of patterns that end here, or have a greedy variable here
}

func (t *trie) insert(r writtenRoute) {
	for _, s := range r.Pattern.Segments {
		switch s.Kind {
		case Greedy:
		case Variable:
			if t.variable == nil {
				t.variable = &trie{}
			}
			t = t.variable
		case Literal:
			next := t.literals[s.Text]
			if next == nil {
				next = &trie{}
				if t.literals == nil {
					t.literals = make(map[string]*trie)
				}
				t.literals[s.Text] = next
			}
			t = next
		}
	}
	t.ends = append(t.ends, r)
}

// overlapping returns the routes whose pattern shares a path with p. All the
// trie's patterns are greedy if p is, and none if it is not.
func (t *trie) overlapping(p Pattern) []writtenRoute {
	var found []writtenRoute
	isGreedy := p.IsGreedy()
	var walk func(t *trie, rest []Segment)
	walk = func(t *trie, rest []Segment) {
		if t == nil {
			return
		}
		atEnd := len(rest) == 0 || rest[0].Kind == Greedy
		if isGreedy || atEnd {
			found = append(found, t.ends...)
		}
		switch {
		case atEnd && !isGreedy:
			return
		case atEnd: // p's greedy variable takes whatever comes
			walk(t.variable, nil)
			for _, next := range t.literals {
				walk(next, nil)
			}
		case rest[0].Kind == Literal:
			walk(t.literals[rest[0].Text], rest[1:])
			walk(t.variable, rest[1:])
		default:
			walk(t.variable, rest[1:])
			for _, next := range t.literals {
				walk(next, rest[1:])
			}
		}
	}
	walk(t, p.Segments)
	return found
}
