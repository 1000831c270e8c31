package route

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A trie holds routes by the segments of their patterns. The check for clashes,
// the classes of requests and the index of a Router all read the same trie.
type trie struct {
	root *place
	// loose reports whether a route may be there or not, so that it cannot be relied
	// on to beat another one. A nil loose makes every route certain.
	loose func(*Route) bool

	shapes numbering
	covers map[[2]int32]bool // the results of covered, by shape
}

// A place is a node of a trie. It stands for the paths that begin with some
// segments.
type place struct {
	literals map[string]*place
	variable *place
	ends     []*Route // the routes whose pattern ends here
	rest     []*Route // the routes whose greedy variable is here

	size     int32  // how many routes end here or below
	shape    int32  // equal for places with the same routes below; 0 until it is asked for
	same     int32  // equal for places whose routes below have equal keys too; see numberKeys
	restSame int32  // equal for places whose greedy routes have equal keys
	suffices bool   // whether no request needs the variable beside this literal; see mark
	plain    bool   // whether every request is taken by one place here or below, at most; see markPlain
	labels   uint64 // the labels of the routes here and below; see Mixture
}

func newTrie(routes []*Route, loose func(*Route) bool) *trie {
	t := &trie{root: &place{}, loose: loose, covers: make(map[[2]int32]bool)}
	for _, r := range routes {
		t.root.insert(r)
	}
	return t
}

func (p *place) insert(r *Route) {
	p.size++
	for _, s := range r.Pattern.Segments {
		switch s.Kind {
		case Greedy:
			p.rest = append(p.rest, r)
			return
		case Variable:
			if p.variable == nil {
				p.variable = &place{}
			}
			p = p.variable
		case Literal:
			next := p.literals[s.Text]
			if next == nil {
				next = &place{}
				if p.literals == nil {
					p.literals = make(map[string]*place)
				}
				p.literals[s.Text] = next
			}
			p = next
		}
		p.size++
	}
	p.ends = append(p.ends, r)
}

// A numbering gives equal strings equal numbers, from 1.
type numbering map[string]int32

func (n *numbering) of(s string) int32 {
	if *n == nil {
		*n = make(numbering)
	}
	number, ok := (*n)[s]
	if !ok {
		number = int32(len(*n)) + 1
		(*n)[s] = number
	}
	return number
}

// describe writes what is at a place: child is the number of a place below, and
// name is what routes are compared by.
func (p *place) describe(child func(*place) int32, name func(*Route) string) string {
	var b []byte
	for _, text := range slices.Sorted(maps.Keys(p.literals)) {
		b = append(b, text...)
		b = append(b, '=') // no literal has "=" or a space
		b = strconv.AppendInt(b, int64(child(p.literals[text])), 10)
		b = append(b, ' ')
	}
	if p.variable != nil {
		b = append(b, "{}="...)
		b = strconv.AppendInt(b, int64(child(p.variable)), 10)
	}
	for _, list := range [][]*Route{p.ends, p.rest} {
		b = append(b, '\n')
		b = appendNames(b, list, name)
	}
	return string(b)
}

func appendNames(b []byte, routes []*Route, name func(*Route) string) []byte {
	names := make([]string, 0, 8)
	for _, r := range routes {
		names = append(names, name(r))
	}
	slices.Sort(names)
	for _, n := range names {
		b = strconv.AppendQuote(b, n)
	}
	return b
}

func (t *trie) isLoose(r *Route) bool { return t.loose != nil && t.loose(r) }

// shape returns the number of the routes at p and below, by what is left of
// their patterns, by method, and by whether they are loose.
func (t *trie) shape(p *place) int32 {
	if p.shape == 0 {
		p.shape = t.shapes.of(p.describe(t.shape, func(r *Route) string { return r.Method + " " + strconv.FormatBool(t.isLoose(r)) }))
	}
	return p.shape
}

// covered reports whether every route below p has a match below q: a certain route
// with the same method and the same segments left.
//
// If q is also narrower than p, so that it has a literal wherever p has one, then
// no request needs p. A path that reaches both and that a route of p takes is
// taken by the match as well, and the match beats that route. What beats the match
// beats that route, too.
func (t *trie) covered(p, q *place) bool {
	if p.size > q.size {
		return false // or, where some routes are duplicates, more is walked than is needed
	}
	at := [2]int32{t.shape(p), t.shape(q)}
	if at[0] == at[1] && t.loose == nil {
		return true
	}
	known, ok := t.covers[at]
	if !ok {
		known = t.matched(p.ends, q.ends) && t.matched(p.rest, q.rest) && t.coveredBelow(p, q)
		t.covers[at] = known
	}
	return known
}

func (t *trie) coveredBelow(p, q *place) bool {
	if p.variable != nil && (q.variable == nil || !t.covered(p.variable, q.variable)) {
		return false
	}
	if len(p.literals) > len(q.literals) {
		return false
	}
	for text, next := range p.literals {
		if other := q.literals[text]; other == nil || !t.covered(next, other) {
			return false
		}
	}
	return true
}

func (t *trie) matched(routes, by []*Route) bool {
	for _, r := range routes {
		if !slices.ContainsFunc(by, func(o *Route) bool { return o.Method == r.Method && !t.isLoose(o) }) {
			return false
		}
	}
	return true
}

// mark sets suffices of every place. Afterwards, taking does not change the trie, so
// it is safe for concurrent use.
func (t *trie) mark() { t.markBelow(t.root) }

func (t *trie) markBelow(p *place) {
	for _, next := range p.literals {
		next.suffices = p.variable != nil && t.covered(p.variable, next)
		t.markBelow(next)
	}
	if p.variable != nil {
		t.markBelow(p.variable)
	}
}

// taking yields the routes that take a request, except those that covered says no
// request needs. A route comes behind all routes that beat it. The path is clean,
// and slash reports whether the client sent a slash behind it. skip, which may be nil,
// reports that a place and all below it are to be left out.
//
// The caller must have called mark.
func (t *trie) taking(method, path string, slash bool, skip func(*place) bool) iter.Seq[*Route] {
	return func(yield func(*Route) bool) {
		rest := strings.TrimPrefix(path, "/")
		s := search{method, slash || rest == "", skip, yield}
		_ = s.ends(t.root, rest) && s.rest(t.root, rest)
	}
}

// A search is one walk down a trie, along one path.
type search struct {
	method string
	slash  bool // whether a greedy variable takes an empty rest
	skip   func(*place) bool
	yield  func(*Route) bool
}

// ends yields the routes without a greedy variable, literals first. It returns false
// when yield does.
func (s *search) ends(p *place, path string) bool {
	if s.skip != nil && s.skip(p) {
		return true
	}
	if path == "" {
		return s.found(p.ends)
	}
	text, path, _ := strings.Cut(path, "/")
	next := p.literals[text]
	if next != nil && !s.ends(next, path) {
		return false
	}
	if p.variable == nil || next != nil && next.suffices {
		return true
	}
	return s.ends(p.variable, path)
}

// rest yields the routes with a greedy variable, the deepest first. It returns false
// when yield does.
func (s *search) rest(p *place, path string) bool {
	if s.skip != nil && s.skip(p) {
		return true
	}
	if path == "" {
		return !s.slash || s.found(p.rest)
	}
	text, path, _ := strings.Cut(path, "/")
	next := p.literals[text]
	if next != nil && !s.rest(next, path) {
		return false
	}
	if p.variable != nil && (next == nil || !next.suffices) && !s.rest(p.variable, path) {
		return false
	}
	return s.found(p.rest)
}

// found yields the routes of one place that take the method, ANY last.
func (s *search) found(routes []*Route) bool {
	for _, any := range []bool{false, true} {
		for _, r := range routes {
			if r.takes(s.method) && (r.Method == AnyMethod) == any && !s.yield(r) {
				return false
			}
		}
	}
	return true
}
