package route

import (
	"iter"
	"slices"
)

// A Mixture is the routes that a gateway has while they change, one by one, from one
// list to another. It has some of them for certain, and each of the others may be
// there or not.
type Mixture struct {
	routes       []*Route
	all, certain *trie
	label        func(*Route) string
	bits         map[string]uint64 // of each label
}

// otherLabel is the bit of the certain routes, and of the labels that have no bit of
// their own.
const otherLabel uint64 = 1 << 63

// NewMixture returns the mixture of some routes. label returns "" for a route that is
// certain to be there. Other routes with the same label need not be told apart: one
// of them stands for all.
func NewMixture(routes []*Route, label func(*Route) string) *Mixture {
	m := &Mixture{routes: routes, label: label, bits: map[string]uint64{"": otherLabel}}
	var certain []*Route
	for _, r := range routes {
		l := label(r)
		if l == "" {
			certain = append(certain, r)
		}
		if _, ok := m.bits[l]; !ok {
			m.bits[l] = otherLabel
			if n := len(m.bits) - 2; n < 63 {
				m.bits[l] = 1 << n
			}
		}
	}
	m.all = newTrie(routes, func(r *Route) bool { return label(r) != "" })
	m.certain = newTrie(certain, nil)
	m.all.mark()
	m.certain.mark()
	m.labelsOf(m.all.root)
	return m
}

func (m *Mixture) labelsOf(p *place) uint64 {
	for _, list := range [][]*Route{p.ends, p.rest} {
		for _, r := range list {
			p.labels |= m.bits[m.label(r)]
		}
	}
	for _, next := range p.literals {
		p.labels |= m.labelsOf(next)
	}
	if p.variable != nil {
		p.labels |= m.labelsOf(p.variable)
	}
	return p.labels
}

// Candidates returns the routes that may answer a request: those that take it and that
// no certain route beats. Of the routes with the same label, it returns one. If two
// are left of which AWS does not say which is first, it returns both. always reports
// whether a certain route takes the request. Otherwise it may be that no route does.
func (m *Mixture) Candidates(method, path string) (routes iter.Seq[*Route], always bool) {
	slash := len(path) > 0 && path[len(path)-1] == '/'
	path = clean(path)
	for range m.certain.taking(method, path, slash, nil) {
		always = true
		break
	}
	return func(yield func(*Route) bool) {
		var certain []*Route
		var seen uint64
		told := make(map[string]bool)
		for r := range m.all.taking(method, path, slash, func(p *place) bool { return p.labels&^seen == 0 }) {
			label := m.label(r)
			if told[label] || slices.ContainsFunc(certain, func(c *Route) bool { return c.Beats(r) }) {
				continue
			}
			if label == "" {
				certain = append(certain, r)
			} else {
				told[label] = true
				seen |= m.bits[label] &^ otherLabel
			}
			if !yield(r) {
				return
			}
		}
	}, always
}
