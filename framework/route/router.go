package route

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/julienschmidt/httprouter"
)

// A Router finds the route of a request, and decides whether it may run. It is
// safe for concurrent use.
//
// One httprouter tree holds no /users/me beside /users/{id}, no /users/{id}
// beside /users/{user}/posts and no /{proxy+} beside /health, all of which API
// Gateway takes. So the Router stacks several: each route goes into the first
// one behind all those with which it would clash, the most specific routes
// first, and those with a greedy variable behind all others. A request is
// answered by the first that has a route for it, which is then the right one:
// whatever overlaps with a route and is more specific lies in front of it.
//
// httprouter is only asked to look up. Its four automatic answers (trailing
// slash, fixed path, 405, OPTIONS) are thereby out of play: API Gateway gives
// none of them.
type Router struct {
	prefix string // "/" and the stage, or ""
	full   []*httprouter.Router
	greedy []*httprouter.Router
	keyed  map[string]*Route // by route key
	shaped map[string]*Route // by method and shape
}

// NewRouter builds the router of a table. The stage stands in front of every
// path, as a named stage does in an event's rawPath; "" and "$default" put
// nothing there.
func NewRouter(t *Table, stage string) *Router {
	r := &Router{keyed: make(map[string]*Route, t.Len()), shaped: make(map[string]*Route, t.Len())}
	if stage != "" && stage != "$default" {
		r.prefix = "/" + stage
	}
	full, greedy := &stack{prefix: r.prefix}, &stack{prefix: r.prefix}
	for _, rt := range mostSpecificFirst(t.routes) {
		s := full
		if rt.Pattern.IsGreedy() {
			s = greedy
		}
		if rt.Method != AnyMethod {
			s.add(rt.Method, rt)
		} else {
			for _, method := range Methods {
				s.add(method, rt)
			}
		}
		r.keyed[rt.Key()] = rt
		r.shaped[rt.Method+" "+rt.Pattern.Shape()] = rt
	}
	r.full, r.greedy = full.routers, greedy.routers
	return r
}

// Prefix returns what stands in front of every path: "/" and the stage, or "".
func (r *Router) Prefix() string { return r.prefix }

// mostSpecificFirst orders routes so that one whose requests are a part of
// another's comes before it: its pattern is then longer or has more literals,
// or is the same with a method in place of ANY.
func mostSpecificFirst(routes []*Route) []*Route {
	literals := func(r *Route) (n int) {
		for _, s := range r.Pattern.segments {
			if s.kind == literal {
				n++
			}
		}
		return n
	}
	any := func(r *Route) int {
		if r.Method == AnyMethod {
			return 1
		}
		return 0
	}
	sorted := slices.Clone(routes)
	slices.SortStableFunc(sorted, func(a, b *Route) int {
		return cmp.Or(
			-cmp.Compare(len(a.Pattern.segments), len(b.Pattern.segments)),
			-cmp.Compare(literals(a), literals(b)),
			cmp.Compare(any(a), any(b)),
		)
	})
	return sorted
}

// A stack is a list of httprouters under construction.
type stack struct {
	prefix  string
	routers []*httprouter.Router
	trees   []map[string]*tree // what each router holds, by method
}

// add puts the route behind all that its pattern clashes with in httprouter's
// eyes. Two patterns that match a common path always do.
func (s *stack) add(method string, rt *Route) {
	at := 0
	for i, trees := range s.trees {
		if trees[method].refuses(rt.Pattern.segments) {
			at = i + 1
		}
	}
	if at == len(s.routers) {
		s.routers = append(s.routers, newHTTPRouter())
		s.trees = append(s.trees, make(map[string]*tree))
	}
	if s.trees[at][method] == nil {
		s.trees[at][method] = &tree{}
	}
	s.trees[at][method].insert(rt.Pattern.segments)
	s.routers[at].Handle(method, httprouterPath(s.prefix, rt.Pattern), func(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) {
		w.(*selection).route = rt
	})
}

// A selection is how httprouter, which gives away functions, tells what it
// found: Router.Match calls the function with it.
type selection struct {
	http.ResponseWriter
	route *Route
}

// newHTTPRouter turns off what httprouter would answer by itself, although
// looking up alone never reaches it: whoever serves with one gets no surprise.
func newHTTPRouter() *httprouter.Router {
	hr := httprouter.New()
	hr.RedirectTrailingSlash = false
	hr.RedirectFixedPath = false
	hr.HandleMethodNotAllowed = false
	hr.HandleOPTIONS = false
	return hr
}

// httprouterPath writes a pattern for httprouter, with the variables named by
// their position, so that two routes may call them differently.
func httprouterPath(prefix string, p Pattern) string {
	var b strings.Builder
	b.WriteString(escapeColons(prefix))
	if len(p.segments) == 0 && prefix == "" {
		return "/"
	}
	for i, s := range p.segments {
		b.WriteByte('/')
		switch s.kind {
		case literal:
			b.WriteString(escapeColons(s.text))
		case variable:
			b.WriteString(":" + string(rune('a'+i%26)))
		case greedy:
			b.WriteString("*rest")
		}
	}
	return b.String()
}

// escapeColons replaces the ":" that API Gateway allows in a literal and that
// httprouter would take for a variable. What it is replaced by cannot stand in
// a literal; where it stands in a request's path, Match's own look at the
// pattern finds out.
func escapeColons(s string) string {
	return strings.ReplaceAll(s, ":", "\x00")
}

// Match returns the route that answers a request, and the values of its
// variables from left to right. The path is decoded and starts with Prefix.
// Which slashes count is Pattern.Match's to say. When no route answers, or the
// path does not start with Prefix, the route is nil.
func (r *Router) Match(method, path string) (*Route, []string) {
	bare, ok := strings.CutPrefix(path, r.prefix)
	if !ok || bare != "" && bare[0] != '/' {
		return nil, nil
	}
	if bare == "" {
		bare = "/"
	}
	wanted := clean(r.prefix + bare)
	if r.prefix == "" {
		wanted = clean(bare)
	}
	wanted = escapeColons(wanted)
	if rt, values := lookup(r.full, method, wanted, bare); rt != nil {
		return rt, values
	}
	if strings.HasSuffix(bare, "/") && !strings.HasSuffix(wanted, "/") {
		wanted += "/" // behind which a greedy variable takes an empty rest
	}
	return lookup(r.greedy, method, wanted, bare)
}

func lookup(routers []*httprouter.Router, method, wanted, bare string) (*Route, []string) {
	for _, hr := range routers {
		handle, _, _ := hr.Lookup(method, wanted)
		if handle == nil {
			continue
		}
		var s selection
		handle(&s, nil, nil)
		if values, ok := s.route.Pattern.Match(bare); ok {
			return s.route, values
		}
	}
	return nil, nil
}

// A tree knows what httprouter would refuse to hold together: at one place a
// variable beside anything else, or the same pattern twice.
type tree struct {
	literals map[string]*tree
	wild     *tree // behind a variable
	isGreedy bool  // whether that variable is greedy
	isEnd    bool
}

func (t *tree) refuses(segments []segment) bool {
	for _, s := range segments {
		switch {
		case t == nil:
			return false
		case s.kind == literal:
			if t.wild != nil {
				return true
			}
			t = t.literals[s.text]
		default:
			if len(t.literals) > 0 || t.wild != nil && t.isGreedy != (s.kind == greedy) {
				return true
			}
			t = t.wild
		}
	}
	return t != nil && t.isEnd
}

func (t *tree) insert(segments []segment) {
	for _, s := range segments {
		next := t.wild
		if s.kind == literal {
			next = t.literals[s.text]
		}
		if next == nil {
			next = &tree{}
			switch {
			case s.kind != literal:
				t.wild, t.isGreedy = next, s.kind == greedy
			case t.literals == nil:
				t.literals = map[string]*tree{s.text: next}
			default:
				t.literals[s.text] = next
			}
		}
		t = next
	}
	t.isEnd = true
}
