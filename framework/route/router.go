package route

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/julienschmidt/httprouter"
)

// A Router finds the route of a request, and decides whether it may run. It is
// safe for concurrent use.
//
// One httprouter tree holds no /users/me beside /users/{id}, no /users/{id}
// beside /users/{user}/posts and no /{proxy+} beside /health, all of which API
// Gateway takes. So the Router stacks several for each method: each route goes
// into the first one behind all those with which it would clash, the most
// specific routes first, and those with a greedy variable behind all others. A
// request is answered by the first that has a route for it, which is then the
// right one: whatever overlaps with a route and is more specific lies in front of
// it.
//
// httprouter is only asked to look up. Its four automatic answers (trailing
// slash, fixed path, 405, OPTIONS) are thereby out of play: API Gateway gives
// none of them.
//
// A method's stacks are built when they are first needed. If the gateway chooses
// the route, as an HTTP API does, most services never need them.
type Router struct {
	table  *Table
	prefix string                // "/" and the stage, or ""
	stacks []func() (s stacks)   // by the index of the method in Methods
	shaped func() map[key]*Route // also built when it is asked for

	literals func() map[string]bool // the literal segments of all patterns
}

// stacks find the routes of one method.
type stacks struct {
	full, greedy []*httprouter.Router
	index        *index // nil if there are few of them
}

// An index says which of very many httprouters to ask. If thousands of routes mix
// literals and variables at the same places, each needs an httprouter of its own.
// Asking one after the other would take a millisecond.
type index struct {
	trie *trie
	at   map[*Route][]*httprouter.Router // the router that holds a route, alone
}

// manyRouters is how many httprouters of a method make an index worth its memory.
// Ordinary tables have two or three.
const manyRouters = 16

// A key is a method and a pattern's shape.
type key struct{ method, shape string }

// NewRouter builds the router of a table. The stage stands in front of every
// path, as a named stage does in an event's rawPath; "" and "$default" put
// nothing there.
func NewRouter(t *Table, stage string) *Router {
	r := &Router{table: t, stacks: make([]func() stacks, len(Methods))}
	if stage != "" && stage != "$default" {
		r.prefix = "/" + stage
	}
	for i, method := range Methods {
		r.stacks[i] = sync.OnceValue(func() stacks { return newStacks(t, method, r.prefix) })
	}
	r.shaped = sync.OnceValue(func() map[key]*Route {
		shaped := make(map[key]*Route, t.Len())
		for _, rt := range t.routes {
			shaped[key{rt.Method, rt.Pattern.Shape()}] = rt
		}
		return shaped
	})
	r.literals = sync.OnceValue(func() map[string]bool {
		literals := make(map[string]bool)
		for _, rt := range t.routes {
			for _, s := range rt.Pattern.Segments {
				if s.Kind == Literal {
					literals[s.Text] = true
				}
			}
		}
		return literals
	})
	return r
}

// Prefix returns what stands in front of every path: "/" and the stage, or "".
func (r *Router) Prefix() string { return r.prefix }

// mostSpecificFirst orders routes so that one whose requests are a part of
// another's comes before it: its pattern is then longer or has more literals,
// or is the same with a method in place of ANY. Others keep their order.
func mostSpecificFirst(routes []*Route) []*Route {
	type rank [3]int // of which there are few, however many routes there are
	ranks := make(map[rank][]*Route)
	for _, r := range routes {
		k := rank{-len(r.Pattern.Segments), 0, 0}
		for _, s := range r.Pattern.Segments {
			if s.Kind == Literal {
				k[1]--
			}
		}
		if r.Method == AnyMethod {
			k[2] = 1
		}
		ranks[k] = append(ranks[k], r)
	}
	sorted := make([]*Route, 0, len(routes))
	for _, k := range slices.SortedFunc(maps.Keys(ranks), func(a, b rank) int { return slices.Compare(a[:], b[:]) }) {
		sorted = append(sorted, ranks[k]...)
	}
	return sorted
}

func newStacks(t *Table, method, prefix string) stacks {
	return newIndexedStacks(t, method, prefix, manyRouters)
}

// newIndexedStacks returns the stacks with an index if there are more than many
// httprouters.
func newIndexedStacks(t *Table, method, prefix string, many int) stacks {
	full, greedy := &stack{prefix: prefix}, &stack{prefix: prefix}
	var routes []*Route
	for _, rt := range t.routes {
		if rt.takes(method) {
			routes = append(routes, rt)
		}
	}
	at := make([]int, len(routes))
	routes = mostSpecificFirst(routes)
	for i, rt := range routes {
		if rt.Pattern.IsGreedy() {
			at[i] = greedy.add(rt)
		} else {
			at[i] = full.add(rt)
		}
	}
	s := stacks{full: full.routers, greedy: greedy.routers}
	if len(s.full)+len(s.greedy) > many {
		s.index = &index{newTrie(routes, nil), make(map[*Route][]*httprouter.Router, len(routes))}
		s.index.trie.mark()
		for i, rt := range routes {
			list := s.full
			if rt.Pattern.IsGreedy() {
				list = s.greedy
			}
			s.index.at[rt] = list[at[i] : at[i]+1]
		}
	}
	return s
}

// A stack is a list of httprouters under construction. Each of them has one tree:
// the method that they know it by is AnyMethod, whatever it is for.
type stack struct {
	prefix  string
	routers []*httprouter.Router
	roots   []int32 // of what each router holds
	forest
}

// add puts the route behind all that its pattern clashes with in httprouter's
// eyes. Two patterns that match a common path always do. It returns the index of the
// router that holds the route.
func (s *stack) add(rt *Route) int {
	// Where to go on from in the router behind the one that was looked at.
	at, node, left := len(s.routers), int32(0), rt.Pattern.Segments
	for ; at > 0; at-- {
		n, rest, ok := s.follow(s.roots[at-1], rt.Pattern.Segments)
		if !ok {
			break
		}
		node, left = n, rest
	}
	if at == len(s.routers) {
		s.routers = append(s.routers, newHTTPRouter())
		s.roots = append(s.roots, s.grow())
		node = s.roots[at]
	}
	s.insert(node, left)
	s.routers[at].Handle(AnyMethod, httprouterPath(s.prefix, rt.Pattern), func(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) {
		w.(*selection).route = rt
	})
	return at
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
	if len(p.Segments) == 0 && prefix == "" {
		return "/"
	}
	var b strings.Builder
	b.Grow(len(prefix) + len(p.Text) + len("*rest")) // a variable's name may be shorter
	b.WriteString(escapeColons(prefix))
	for i, s := range p.Segments {
		b.WriteByte('/')
		switch s.Kind {
		case Literal:
			b.WriteString(escapeColons(s.Text))
		case Variable:
			b.WriteByte(':')
			b.WriteByte('a' + byte(i%26))
		case Greedy:
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
// [Pattern.Match] says which slashes count. The route is nil if no route answers
// or if the path does not start with Prefix.
func (r *Router) Match(method, path string) (*Route, []string) {
	var values []string
	rt := r.match(method, path, &values)
	return rt, values
}

// find is Match without the values, for which it allocates nothing.
func (r *Router) find(method, path string) *Route { return r.match(method, path, nil) }

func (r *Router) match(method, path string, values *[]string) *Route {
	i := slices.Index(Methods, method)
	bare, ok := strings.CutPrefix(path, r.prefix)
	if i < 0 || !ok || bare != "" && bare[0] != '/' {
		return nil
	}
	if bare == "" {
		bare = "/"
	}
	s := r.stacks[i]()
	wanted := clean(r.prefix + bare)
	if r.prefix == "" {
		wanted = clean(bare)
	}
	wanted = escapeColons(wanted)
	full, greedy := s.full, s.greedy
	if s.index != nil {
		full, greedy = s.index.routers(method, bare)
	}
	if rt := lookup(full, wanted, bare, values); rt != nil {
		return rt
	}
	if strings.HasSuffix(bare, "/") && !strings.HasSuffix(wanted, "/") {
		wanted += "/" // behind which a greedy variable takes an empty rest
	}
	return lookup(greedy, wanted, bare, values)
}

// routers returns the router of the most specific route that takes the request. In a
// Table, this route answers.
func (x *index) routers(method, path string) (full, greedy []*httprouter.Router) {
	for rt := range x.trie.taking(method, clean(path), strings.HasSuffix(path, "/"), nil) {
		if rt.Pattern.IsGreedy() {
			return nil, x.at[rt]
		}
		return x.at[rt], nil
	}
	return nil, nil
}

func lookup(routers []*httprouter.Router, wanted, bare string, values *[]string) *Route {
	for _, hr := range routers {
		handle, _, _ := hr.Lookup(AnyMethod, wanted)
		if handle == nil {
			continue
		}
		var s selection
		handle(&s, nil, nil)
		if s.route.Pattern.match(bare, values) {
			return s.route
		}
	}
	return nil
}

// A forest knows what each of some httprouters would refuse to hold: at one place
// a variable beside anything else, or the same pattern twice. It is in few pieces
// of memory, since it is thrown away once the routers are built.
type forest struct {
	nodes    []node
	literals map[edge]int32 // the nodes behind literals
}

// A node is a place in a tree.
type node struct {
	wild        int32 // behind a variable; 0, which is a root, for none
	isGreedy    bool  // whether that variable is greedy
	hasLiterals bool
	isEnd       bool
}

type edge struct {
	from int32
	text string
}

// grow returns a new node.
func (f *forest) grow() int32 {
	f.nodes = append(f.nodes, node{})
	return int32(len(f.nodes) - 1)
}

// follow goes from a node along the segments as far as there are nodes, and
// returns the last one and the segments that are left. It returns false where
// the pattern would be refused.
func (f *forest) follow(at int32, segments []Segment) (last int32, left []Segment, ok bool) {
	for i, s := range segments {
		n, next := f.nodes[at], int32(0)
		switch {
		case s.Kind == Literal:
			if n.wild != 0 {
				return 0, nil, false
			}
			if n.hasLiterals {
				next = f.literals[edge{at, s.Text}]
			}
		default:
			if n.hasLiterals || n.wild != 0 && n.isGreedy != (s.Kind == Greedy) {
				return 0, nil, false
			}
			next = n.wild
		}
		if next == 0 {
			return at, segments[i:], true
		}
		at = next
	}
	return at, nil, !f.nodes[at].isEnd
}

// insert puts behind a node the segments that follow left there.
func (f *forest) insert(at int32, left []Segment) {
	for _, s := range left {
		next := f.grow()
		if n := &f.nodes[at]; s.Kind == Literal {
			n.hasLiterals = true
			if f.literals == nil {
				f.literals = make(map[edge]int32)
			}
			f.literals[edge{at, s.Text}] = next
		} else {
			n.wild, n.isGreedy = next, s.Kind == Greedy
		}
		at = next
	}
	f.nodes[at].isEnd = true
}
