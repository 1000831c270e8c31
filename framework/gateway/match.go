package gateway

import (
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// A matcher selects routes by AWS's rules (developer guide, "Create routes for
// HTTP APIs"): a full match on method and path is first, then the greedy route
// with the longest prefix; a literal segment goes before a variable, and a
// method before ANY. Which of /a/{x} and /{y}/b takes /a/b AWS does not say, and
// no table has both.
//
// It is a tree of segments, searched with backtracking. It knows nothing of how
// package route matches, so that each can be held against the other.
type matcher struct {
	root node
	// strictSlash lets a path that ends in a slash match greedy routes only.
	strictSlash bool
}

// Match returns the route of the table that an HTTP API with the stage $default
// selects for a request, and what its variables stand for, decoded. The path is
// encoded, as the client sends it, and without a query. The route is nil where
// none matches.
func Match(t *route.Table, method, path string) (*route.Route, map[string]string) {
	found := newMatcher(t, false).match(method, splitPath(path))
	return found.route, found.params
}

// A node is where a path is after some segments.
type node struct {
	literals map[string]*node
	variable *node
	full     map[string]*route.Route // routes that end here, by method
	greedy   map[string]*route.Route // routes whose greedy variable comes here
}

// A match is the route of a request and what its variables stand for.
type match struct {
	route       *route.Route      // nil: no route matches
	params      map[string]string // decoded; nil where the route has no variables
	emptyGreedy bool              // the greedy variable took nothing
}

// newMatcher makes the matcher of a table. A nil table has no routes.
func newMatcher(t *route.Table, strictSlash bool) *matcher {
	m := &matcher{strictSlash: strictSlash}
	if t == nil {
		return m
	}
	for r := range t.All() {
		n, last := &m.root, ""
		for _, s := range patternSegments(r) {
			last = s
			if isGreedy(s) {
				break // it comes last
			}
			n = n.child(s)
		}
		at := &n.full
		if isGreedy(last) {
			at = &n.greedy
		}
		if *at == nil {
			*at = make(map[string]*route.Route)
		}
		(*at)[r.Method] = r
	}
	return m
}

// patternSegments returns the segments of a route's path as they are written.
func patternSegments(r *route.Route) []string {
	path := strings.Trim(r.Pattern.String(), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

func isVariable(segment string) bool { return strings.HasPrefix(segment, "{") }
func isGreedy(segment string) bool   { return strings.HasSuffix(segment, "+}") }

// child returns the node behind a segment of a pattern.
func (n *node) child(segment string) *node {
	if isVariable(segment) {
		if n.variable == nil {
			n.variable = &node{}
		}
		return n.variable
	}
	if n.literals == nil {
		n.literals = make(map[string]*node)
	}
	if n.literals[segment] == nil {
		n.literals[segment] = &node{}
	}
	return n.literals[segment]
}

// match selects the route of a request.
func (m *matcher) match(method string, p requestPath) match {
	var r *route.Route
	if !m.strictSlash || !p.slash || len(p.segments) == 0 {
		r = m.root.findFull(method, p.segments)
	}
	if r == nil {
		r = m.root.findGreedy(method, p.segments, p.slash)
	}
	if r == nil {
		return match{}
	}
	found := match{route: r}
	for i, s := range patternSegments(r) {
		if !isVariable(s) {
			continue
		}
		name, value := strings.Trim(s, "{+}"), ""
		if isGreedy(s) {
			value = p.rest(i)
			found.emptyGreedy = value == ""
		} else {
			value = p.segments[i].text
		}
		if found.params == nil {
			found.params = make(map[string]string)
		}
		found.params[name] = value
	}
	return found
}

func (n *node) findFull(method string, rest []pathSegment) *route.Route {
	if n == nil {
		return nil
	}
	if len(rest) == 0 {
		return forMethod(n.full, method)
	}
	if r := n.literals[rest[0].text].findFull(method, rest[1:]); r != nil {
		return r
	}
	return n.variable.findFull(method, rest[1:])
}

// findGreedy looks deeper before it takes a greedy variable here, which makes
// the longest prefix win. An empty rest is taken only behind a slash: /pe/ and
// not /pe by /pe/{p+} (AWS's own test tool does so; its documentation is silent).
func (n *node) findGreedy(method string, rest []pathSegment, slash bool) *route.Route {
	if n == nil {
		return nil
	}
	if len(rest) > 0 {
		if r := n.literals[rest[0].text].findGreedy(method, rest[1:], slash); r != nil {
			return r
		}
		if r := n.variable.findGreedy(method, rest[1:], slash); r != nil {
			return r
		}
	} else if !slash {
		return nil
	}
	return forMethod(n.greedy, method)
}

// forMethod lets ANY stand for the methods that routes can have, and no others.
// GET does not stand for HEAD: captures of live traffic show 404.
func forMethod(routes map[string]*route.Route, method string) *route.Route {
	if r := routes[method]; r != nil && method != route.AnyMethod {
		return r
	}
	if slices.Contains(route.Methods, method) {
		return routes[route.AnyMethod]
	}
	return nil
}
