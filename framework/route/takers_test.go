package route

import (
	"encoding/binary"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// This file has a slow walk over the requests of two lists of routes. The tests of
// Answers compare it with Differences, which leaves out nothing that some route takes.

// Differences yields the classes of requests in which two lists of routes may
// differ, so that asking one request of each is asking about all requests. A
// request that is in no class that it yields is answered, in both lists, by
// routes with the same method and key, or by none at all.
//
// key is what routes are compared by. To have all classes of one list, give it
// as the old or as the new one, and nil as the other.
//
// A class of Differences has all the routes that take its request as Old and New,
// and not only those that no other one beats.
//
// The space of requests is infinite, but a segment of a path is either one of
// the literals that the routes have at its place, or it is as good as any other
// segment. So the classes are found by going down both lists as tries at once.
// Equal parts of the tries are told by their number and left out. Time and memory
// are proportional to the rest; where many routes with a variable and many with
// a literal at the same place go on alike below it, to the pairs of them.
func Differences(old, new []*Route, key func(*Route) string) iter.Seq[Class] {
	return func(yield func(Class) bool) {
		w := &takersWalker{yield: yield, numbers: make(map[string]int), seen: make(map[string]bool), free: freeSegment(old, new)}
		var start takersState
		for i, list := range [][]*Route{old, new} {
			if len(list) == 0 {
				continue
			}
			root := &takersPlace{}
			for _, r := range list {
				root.insert(r)
			}
			w.number(root, key)
			start.places[i] = []*takersPlace{root}
		}
		w.walk(start, "")
	}
}

// A takersPlace is a node of a trie: where a path is after some segments.
type takersPlace struct {
	literals map[string]*takersPlace
	variable *takersPlace
	ends     []*Route // whose pattern ends here
	rest     []*Route // whose greedy variable is here
	id       int
	number   int // equal for equal tries, of both lists
	restNo   int // equal for equal lists of greedy routes here
}

func (p *takersPlace) insert(r *Route) {
	for _, s := range r.Pattern.Segments {
		switch s.Kind {
		case Greedy:
			p.rest = append(p.rest, r)
			return
		case Variable:
			if p.variable == nil {
				p.variable = &takersPlace{}
			}
			p = p.variable
		case Literal:
			if p.literals == nil {
				p.literals = make(map[string]*takersPlace)
			}
			if p.literals[s.Text] == nil {
				p.literals[s.Text] = &takersPlace{}
			}
			p = p.literals[s.Text]
		}
	}
	p.ends = append(p.ends, r)
}

type takersWalker struct {
	yield   func(Class) bool
	places  int             // how many have an id
	numbers map[string]int  // of what the tries are
	seen    map[string]bool // the states from where the walk went on already
	free    string          // a segment that is no literal of any route
	done    bool
}

// number gives every place an id, and equal tries equal numbers.
func (w *takersWalker) number(p *takersPlace, key func(*Route) string) {
	w.places++
	p.id = w.places
	routes := func(list []*Route) string {
		var keys []string
		for _, r := range list {
			keys = append(keys, strconv.Quote(r.Method+" "+key(r)))
		}
		slices.Sort(keys)
		return strings.Join(keys, " ")
	}
	var b strings.Builder
	for _, text := range slices.Sorted(maps.Keys(p.literals)) {
		next := p.literals[text]
		w.number(next, key)
		b.WriteString(text + "=" + strconv.Itoa(next.number) + " ") // no literal has a space or "="
	}
	if p.variable != nil {
		w.number(p.variable, key)
		b.WriteString("{}=" + strconv.Itoa(p.variable.number))
	}
	rest := "+ " + routes(p.rest)
	p.restNo = w.intern(rest)
	p.number = w.intern(b.String() + "\n" + routes(p.ends) + "\n" + rest)
}

func (w *takersWalker) intern(s string) int {
	n, ok := w.numbers[s]
	if !ok {
		n = len(w.numbers) + 1
		w.numbers[s] = n
	}
	return n
}

// A takersState is all that the two lists can still make of a path that has some
// segments already.
type takersState struct {
	depth  int                // how many segments
	places [2][]*takersPlace  // where either trie can be, literals before variables
	rest   [2][]takersPassage // the places with greedy routes that the path has passed
}

// A takersPassage is a place that a path has passed after so many segments, which
// decides which greedy route is first.
type takersPassage struct {
	*takersPlace
	depth int
}

// same reports whether the two lists answer all that follows alike. Which of
// several places answers depends on their order alone.
func (s takersState) same() bool {
	return slices.EqualFunc(s.places[0], s.places[1], func(a, b *takersPlace) bool { return a.number == b.number }) &&
		slices.EqualFunc(s.rest[0], s.rest[1], func(a, b takersPassage) bool { return a.restNo == b.restNo && a.depth == b.depth })
}

// id tells states apart.
func (s takersState) id() string {
	var b []byte
	for i := range s.places {
		for _, p := range s.places[i] {
			b = binary.AppendUvarint(b, uint64(p.id))
		}
		b = append(b, 0) // no id
		for _, p := range s.rest[i] {
			b = binary.AppendUvarint(b, uint64(p.id))
		}
		b = append(b, 0)
	}
	return string(b)
}

// walk yields the classes of the paths that start with path, which is the
// segments that led to s.
func (w *takersWalker) walk(s takersState, path string) {
	if w.done || s.same() {
		return
	}
	// Behind the same places the same routes wait, whatever led there.
	id := s.id()
	if w.seen[id] {
		return
	}
	w.seen[id] = true
	var here takersState // what the path takes if it ends here, with a slash or without
	literals := make(map[string]bool)
	deeper := false
	for i := range s.places {
		here.rest[i] = s.rest[i]
		for _, p := range s.places[i] {
			if len(p.rest) > 0 {
				here.rest[i] = append(slices.Clip(here.rest[i]), takersPassage{p, s.depth})
				deeper = true
			}
			for text := range p.literals {
				literals[text] = true
			}
			deeper = deeper || p.variable != nil
		}
	}
	behindSlash := here
	behindSlash.places = s.places
	switch {
	case path == "":
		w.end(behindSlash, "/")
	case len(s.places[0])+len(s.places[1]) == 0: // only greedy routes are left, and take whatever comes
		w.end(s, path)
		return
	default:
		w.end(s, path)
		if deeper { // a greedy variable takes an empty rest behind a slash only
			w.end(behindSlash, path+"/")
		}
	}

	for _, text := range slices.Sorted(maps.Keys(literals)) {
		w.walk(s.next(here, text), path+"/"+text)
	}
	if deeper || len(here.rest[0])+len(here.rest[1]) > 0 {
		w.walk(s.next(here, w.free), path+"/"+w.free)
	}
}

// next is the state behind one more segment.
func (s takersState) next(here takersState, text string) takersState {
	n := takersState{rest: here.rest, depth: s.depth + 1}
	for i, places := range s.places {
		for _, p := range places {
			if next := p.literals[text]; next != nil {
				n.places[i] = append(n.places[i], next)
			}
			if p.variable != nil {
				n.places[i] = append(n.places[i], p.variable)
			}
		}
	}
	return n
}

// end yields the classes of a path that ends in s, a method each.
func (w *takersWalker) end(s takersState, path string) {
	for _, method := range Methods {
		c := Class{Method: method, Path: path}
		for i, list := range []*[]*Route{&c.Old, &c.New} {
			for _, p := range s.places[i] {
				*list = appendTaking(*list, p.ends, method)
			}
			for _, p := range s.rest[i] {
				*list = appendTaking(*list, p.rest, method)
			}
		}
		if len(c.Old)+len(c.New) > 0 && !w.done && !w.yield(c) {
			w.done = true
		}
	}
}
