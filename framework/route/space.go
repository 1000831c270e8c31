package route

import (
	"iter"
	"slices"
)

// A Class is a set of requests that two lists of routes answer alike: each of
// them has the same answers in the old list, and the same in the new one.
type Class struct {
	Method, Path string // one request of the class, the path decoded and without a stage
	// Old and New are the routes of either list that take the request and that
	// no other route of the list beats. In a Table that is one route, the
	// Router's choice, or none.
	Old, New []*Route
}

// Answers yields requests that show all the ways in which two lists of routes may
// answer differently. If some request is answered by one route of the old list and
// another of the new one, then Answers yields a request with the same answers.
// No route counts as an answer, too. The only requests left out are those that
// routes with the same methods and keys answer in both lists.
//
// key is what routes are compared by. With a nil key nothing is left out. To see the
// answers of one list, pass it as old or as new, and nil as the other.
//
// also, which may be nil, is a mixture whose candidates the requests tell apart. If a
// request has some answers and a candidate, then Answers yields a request with the
// same answers and the same candidate.
//
// Answers rests on one observation. Take a request that route a answers in the old
// list and route b in the new one, and make it as general as a and b allow. It keeps
// the literals that a or b has at a place, and has a segment that occurs nowhere
// at every other place. The routes that take this request take every request that
// both a and b take. So none of them beats a or b, and a and b answer it. It is
// therefore enough to try one such path for each pair of routes.
//
// Answers finds these paths by walking down both lists as tries at the same time.
// It turns back where the tries are equal, and where [trie.covered] says that no
// request needs what is below.
func Answers(old, new []*Route, key func(*Route) string, also *Mixture) iter.Seq[Class] {
	return func(yield func(Class) bool) {
		w := &walker{tries: []*trie{newTrie(old, nil), newTrie(new, nil)}, yield: yield}
		if key != nil {
			var numbers numbering
			for _, t := range w.tries {
				numbers.numberKeys(t.root, key)
			}
			w.settled = state.same
		}
		if also == nil {
			w.free = freeSegment(old, new)
		} else {
			w.free = freeSegment(old, new, also.routes)
			w.tries = append(w.tries, also.all)
		}
		w.walk(w.start())
	}
}

// numberKeys gives places equal numbers if and only if they have the same routes
// below, by what is left of their patterns, by method and by key.
func (n *numbering) numberKeys(p *place, key func(*Route) string) {
	for _, next := range p.literals {
		n.numberKeys(next, key)
	}
	if p.variable != nil {
		n.numberKeys(p.variable, key)
	}
	name := func(r *Route) string { return r.Method + " " + key(r) }
	p.same = n.of(p.describe(func(p *place) int32 { return p.same }, name))
	p.restSame = n.of(string(appendNames([]byte("+ "), p.rest, name))) // no place is described like this
}

// positions is a set of segments of a path, by their number.
type positions [(maxSegments + 63) / 64]uint64

func (s positions) with(i int) positions {
	s[i/64] |= 1 << (i % 64)
	return s
}

// before returns the positions of s that are less than n.
func (s positions) before(n int) positions {
	for i := range s {
		switch low := n - 64*i; {
		case low <= 0:
			s[i] = 0
		case low < 64:
			s[i] &= 1<<low - 1
		}
	}
	return s
}

func (s positions) within(t positions) bool {
	for i := range s {
		if s[i]&^t[i] != 0 {
			return false
		}
	}
	return true
}

func (s positions) and(t positions) positions {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

func (s positions) minus(t positions) positions {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

// A reached is a place that a path has reached, or has passed if it has a greedy
// variable that takes the rest of the path.
type reached struct {
	*place
	variables positions // where the place's own segments are variables
	depth     int       // how many segments it has
}

// A reach is what a path can be in one trie.
type reach struct {
	at     []reached // the places that the path leads to, literals before variables
	passed []reached // the places before, that have a greedy variable
}

// A state is what a path can be in each trie of a walk.
type state struct {
	depth    int       // how many segments the path has
	literals positions // which of them are literals of a route
	in       []reach
}

type walker struct {
	tries   []*trie          // of the old list and the new list, and of candidates that are told apart
	settled func(state) bool // whether nothing that a state leads to is of interest; may be nil
	yield   func(Class) bool
	free    string // a segment that is no literal of any route
	path    []byte // that leads to the state of walk
	done    bool
}

func (w *walker) start() state {
	s := state{in: make([]reach, len(w.tries))}
	for i, t := range w.tries {
		s.in[i].at = []reached{{place: t.root}}
	}
	return s
}

// same reports whether the two lists answer every request alike that s leads to.
func (s state) same() bool {
	return slices.EqualFunc(s.in[0].at, s.in[1].at, func(a, b reached) bool {
		return a.same == b.same && a.variables == b.variables
	}) && slices.EqualFunc(s.in[0].passed, s.in[1].passed, func(a, b reached) bool {
		return a.restSame == b.restSame && a.variables == b.variables && a.depth == b.depth
	})
}

// walk yields the classes of the paths that begin with the path that leads to s.
func (w *walker) walk(s state) {
	if w.done || w.settled != nil && w.settled(s) {
		return
	}
	here := make([]reach, len(s.in)) // what the path can be if anything follows, even a slash alone
	goesOn, ends, greedy := false, false, false
	for i, r := range s.in {
		here[i] = reach{r.at, r.pass(w.tries[i].loose == nil)}
		for _, p := range r.at {
			goesOn = true
			ends = ends || len(p.ends) > 0
			greedy = greedy || len(p.rest) > 0
		}
		ends = ends || len(r.passed) > 0
	}
	if ends && s.depth > 0 {
		w.end(s.in, "")
	}
	switch {
	case !goesOn:
		return // only greedy variables are left, and they take whatever comes
	case s.depth == 0:
		w.end(here, "/")
	case greedy: // a greedy variable takes an empty rest behind a slash only
		w.end(here, "/")
	}
	texts, free := s.ways(here)
	path := w.path
	follow := func(text string, literals positions) {
		w.path = append(append(path, '/'), text...)
		w.walk(w.next(s, here, text, literals))
		w.path = path
	}
	for _, text := range texts {
		follow(text, s.literals.with(s.depth))
	}
	if free {
		follow(w.free, s.literals)
	}
}

// pass adds to what was passed the places with a greedy variable that the path is
// at. If certain, it leaves out greedy routes that another one beats from here on.
func (r reach) pass(certain bool) []reached {
	passed := slices.Clip(r.passed)
	for _, p := range r.at {
		if len(p.rest) > 0 {
			passed = append(passed, p)
		}
	}
	if !certain || len(passed) < 2 || len(passed) == len(r.passed) {
		return passed
	}
	var left []reached
	for i, p := range passed {
		beaten := false
		for j := len(r.passed); j < len(passed) && !beaten; j++ {
			beaten = i != j && passed[j].takesRestOf(p)
		}
		if !beaten {
			left = append(left, p)
		}
	}
	return left
}

// takesRestOf reports whether every greedy route at p is beaten by one at q, for
// paths that have passed both.
func (q reached) takesRestOf(p reached) bool {
	if q.depth < p.depth || !q.variables.before(p.depth).within(p.variables) {
		return false
	}
	for _, r := range p.rest {
		if !slices.ContainsFunc(q.rest, func(o *Route) bool { return o.Method == r.Method }) {
			return false
		}
	}
	return true
}

// A way is how one list may answer a path: by a route that ends at a place or below
// it, by a greedy route that was passed, or not at all.
type way struct {
	at    *place    // nil for a greedy route, and for none
	bare  positions // where the path has a literal and the route a variable
	none  bool
	loose bool // whether any segment may follow
}

// ways returns the segments that may follow s, and whether a segment may follow
// that is no literal. It returns only what makes a path as general as the routes at
// its end allow: at each place with a literal, the route of one list must have that
// literal.
func (s state) ways(here []reach) (texts []string, free bool) {
	ways := make([][]way, len(here))
	for i, r := range here {
		bare := func(p reached) positions {
			return s.literals.minus(s.literals.before(p.depth).minus(p.variables))
		}
		for _, p := range r.at {
			ways[i] = append(ways[i], way{at: p.place, bare: bare(p), loose: p.variable != nil})
		}
		for _, p := range r.passed {
			ways[i] = append(ways[i], way{bare: bare(p), loose: true})
		}
		ways[i] = append(ways[i], way{bare: s.literals, none: true, loose: true})
	}
	chosen := make([]way, 0, 3)
	var choose func(bare positions)
	choose = func(bare positions) {
		if i := len(chosen); i < len(ways) {
			for _, c := range ways[i] {
				chosen = append(chosen, c)
				choose(bare.and(c.bare))
				chosen = chosen[:i]
			}
			return
		}
		if bare == (positions{}) && !(chosen[0].none && chosen[1].none) {
			var any bool
			texts, any = appendTexts(texts, chosen)
			free = free || any
		}
	}
	choose(s.literals)
	slices.Sort(texts)
	return slices.Compact(texts), free
}

// appendTexts appends the segments that all the ways can go on with, and that are a
// literal of one. It reports whether all can go on with any other segment.
func appendTexts(texts []string, ways []way) (more []string, free bool) {
	var least *place // which must have the segment
	for _, c := range ways {
		if !c.loose && (least == nil || len(c.at.literals) < len(least.literals)) {
			least = c.at
		}
	}
	for _, c := range ways {
		if c.at == nil || least != nil && c.at != least {
			continue
		}
		for text := range c.at.literals {
			if !slices.ContainsFunc(ways, func(o way) bool { return !o.loose && o.at.literals[text] == nil }) {
				texts = append(texts, text)
			}
		}
	}
	return texts, least == nil
}

// next returns what a path can be behind one more segment.
func (w *walker) next(s state, here []reach, text string, literals positions) state {
	n := state{depth: s.depth + 1, literals: literals, in: make([]reach, len(here))}
	for i, r := range here {
		if i > 0 && w.tries[i] == w.tries[0] {
			n.in[i] = n.in[0]
			continue
		}
		n.in[i].passed = r.passed
		add := func(p *place, variables positions) {
			if p != nil && !w.needless(w.tries[i], n.in[i].at, p, variables) {
				n.in[i].at = append(n.in[i].at, reached{p, variables, n.depth})
			}
		}
		for _, p := range r.at {
			add(p.literals[text], p.variables)
			add(p.variable, p.variables.with(s.depth))
		}
	}
	return n
}

// needless reports whether no request needs p, because of one of the places that
// the path leads to as well. Narrower places come before wider ones in that list.
func (w *walker) needless(t *trie, others []reached, p *place, variables positions) bool {
	const few = 16 // a limit of the time that this takes, not of what is found
	for _, o := range others[:min(len(others), few)] {
		if o.variables.within(variables) && t.covered(p, o.place) {
			return true
		}
	}
	return false
}

// end yields the classes of the walker's path, with a slash behind it or not, that
// leads to in: one for each method.
func (w *walker) end(in []reach, slash string) {
	path := string(w.path) + slash
	for _, method := range Methods {
		c := Class{Method: method, Path: path, Old: in[0].answers(method), New: in[1].answers(method)}
		if len(c.Old)+len(c.New) > 0 && !w.done && !w.yield(c) {
			w.done = true
		}
	}
}

// answers returns the routes that take a path that ends here and that none of the
// others beats.
func (r reach) answers(method string) []*Route {
	var list []*Route
	for _, p := range r.at {
		list = appendTaking(list, p.ends, method)
	}
	if len(list) == 0 {
		for _, p := range r.passed {
			list = appendTaking(list, p.rest, method)
		}
	}
	return Unbeaten(list)
}

func appendTaking(list, routes []*Route, method string) []*Route {
	for _, r := range routes {
		if r.takes(method) {
			list = append(list, r)
		}
	}
	return list
}

// freeSegment returns a segment that is no literal of any route, so that a
// request that has it is taken by variables only.
func freeSegment(lists ...[]*Route) string {
	taken := make(map[string]bool)
	for _, list := range lists {
		for _, r := range list {
			for _, s := range r.Pattern.Segments {
				if s.Kind == Literal {
					taken[s.Text] = true
				}
			}
		}
	}
	value := "x"
	for taken[value] {
		value += "x"
	}
	return value
}

// Beats reports whether of two routes that take the same request r answers it,
// by the rules of the package's documentation. Where neither route beats the
// other, the request has no clear answer; no Table has such a pair without a
// third route that beats both.
func (r *Route) Beats(other *Route) bool {
	if greedy := r.Pattern.IsGreedy(); greedy != other.Pattern.IsGreedy() {
		return !greedy
	}
	return both(compareMethods(r.Method, other.Method), comparePatterns(r.Pattern, other.Pattern)) == narrower
}

// Unbeaten returns those of some routes, all of which take the same request,
// that no other of them beats. Of the routes of a Table that take a request it
// is one, and the Router's choice.
func Unbeaten(routes []*Route) []*Route {
	var first []*Route
	for _, r := range routes {
		if !slices.ContainsFunc(routes, func(o *Route) bool { return o.Beats(r) }) {
			first = append(first, r)
		}
	}
	return first
}
