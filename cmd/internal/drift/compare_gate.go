package drift

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// defaultKey is the key of the route that takes what no other route takes.
const defaultKey = "$default"

// A gate is a deployed route as it is compared.
type gate struct {
	*Route
	key    string
	route  *route.Route // with the gate's method and pattern
	listed *route.Route // the manifest's route of the same method and paths
	used   bool         // whether it answers requests of a route of the manifest

	// auths and leads are the values that the gate may have. There is one if it
	// is known.
	auths    []Authorization
	leads    []destination
	leadGaps []Gap
}

// A destination says where a gate leads.
type destination int

const (
	toFunction destination = iota
	elsewhere              // to something that is not the function
	nowhere                // the gate has no integration
)

// newGate reads the route's key and the values that decide who gets in. The error
// is the end of a sentence.
func newGate(r *Route, key string, function Value[FunctionID]) (*gate, error) {
	parsed, err := parseKey(key)
	if err != nil {
		return nil, fmt.Errorf("cannot be understood: %w", err)
	}
	g := &gate{Route: r, key: key, route: parsed}
	g.leads, g.leadGaps = destinations(r.Integration, function)
	auth, known := r.Authorization.Get()
	if !known {
		g.auths = []Authorization{None, Custom, IAM, JWT}
		return g, nil
	}
	auth = cmp.Or(Authorization(strings.ToUpper(string(auth))), None)
	if !slices.Contains([]Authorization{None, JWT, IAM, Custom}, auth) {
		return nil, fmt.Errorf("has the unknown authorization type %q: want NONE, AWS_IAM, CUSTOM or JWT", auth)
	}
	g.auths = []Authorization{auth}
	if auth == JWT {
		return g, g.checkAuthorizer()
	}
	return g, nil
}

// checkAuthorizer reports a JWT route that AWS would not have made.
func (g *gate) checkAuthorizer() error {
	a, known := g.Authorizer.Get()
	switch {
	case !known:
		return nil
	case a == nil:
		return errors.New("asks for a token and names no authorizer")
	}
	if kind, known := a.Type.Get(); known && kind != "JWT" {
		return fmt.Errorf("asks for a token of the authorizer %q, which is not a JWT authorizer", a.name())
	}
	return nil
}

// parseKey reads a route key. "$default" becomes a greedy variable at the root,
// which takes every request. The method may be in any case.
func parseKey(key string) (*route.Route, error) {
	if key == defaultKey {
		key = route.AnyMethod + " /{default+}"
	}
	method, path, ok := strings.Cut(key, " ")
	method = strings.ToUpper(method)
	switch {
	case !ok:
		return nil, errors.New("want a method, a space and a path")
	case method != route.AnyMethod && !slices.Contains(route.Methods, method):
		return nil, fmt.Errorf("unknown method %q", method)
	}
	pattern, err := route.ParsePattern(path)
	if err != nil {
		return nil, fmt.Errorf("its path %w", err)
	}
	return &route.Route{Method: method, Pattern: pattern}, nil
}

// destinations returns where an integration may lead, and what is not known of it.
// An unknown integration is taken for some integration: a route that surely has an
// integration refers to it, whether it exists already or not.
func destinations(v Value[*Integration], function Value[FunctionID]) (list []destination, gaps []Gap) {
	either := []destination{elsewhere, toFunction} // the words of the last one are kept
	i, known := v.Get()
	if known && i == nil {
		return []destination{nowhere}, nil
	}
	var calls FunctionID
	if !known {
		gaps = append(gaps, gapOf(v, "the integration of a route", ""))
	} else if calls, known = i.Calls.Get(); !known {
		if kind, known := i.Type.Get(); known && kind != "AWS_PROXY" {
			return []destination{elsewhere}, nil
		}
		gaps = append(gaps, gapOf(i.Calls, "the function that the integration calls", i.Where))
	} else if calls == "" {
		return []destination{elsewhere}, nil
	}
	f, isNamed := function.Get()
	switch {
	case !isNamed: // whatever it calls may be the function
		gaps = append(gaps, gapOf(function, "which function was built from the manifest", "give -function"))
	case known && calls == f:
		return []destination{toFunction}, nil
	case known:
		return []destination{elsewhere}, nil
	}
	return either, gaps
}

func (g *gate) authGap() Gap {
	return gapOf(g.Authorization, "the authorization type of the route", g.Where)
}

// mayAskLambda reports whether a Lambda authorizer may decide. It does if the
// authorization is not known.
func (g *gate) mayAskLambda() bool { return slices.Contains(g.auths, Custom) }

// target names what the gate leads to, for people.
func (g *gate) target() string {
	i, _ := g.Integration.Get()
	if i == nil {
		return "its integration"
	}
	calls, _ := i.Calls.Get()
	return fmt.Sprintf("%q", cmp.Or(i.Target, string(calls), i.Where))
}

func compareGates(a, b *gate) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.Where, b.Where))
}

// A setting is one possible value of everything in a gate that decides who gets in
// and where to.
type setting struct {
	auth   int // index in gate.auths
	scopes int // which of gate.scopes; 0 if the authorization asks for no token
	lead   int // index in gate.leads

	access  route.Access // the zero Access behind a Lambda authorizer
	lambda  bool
	leads   destination
	callers []route.Caller // that the manifest's route and the gate tell apart
}

// settings returns every setting that the gate may have, as far as the manifest's
// route can tell settings apart. If everything is known, there is one.
func (g *gate) settings(wanted *route.Route) []setting {
	var list []setting
	for a, auth := range g.auths {
		scopes := [][]string{nil}
		if auth == JWT {
			scopes = g.scopes(wanted)
		}
		for s := range scopes {
			access := accessOf(auth, scopes[s])
			callers := g.callers(wanted, access)
			for l, lead := range g.leads {
				list = append(list, setting{a, s, l, access, auth == Custom, lead, callers})
			}
		}
	}
	return list
}

// callers returns the classes of callers that a route of the manifest and the gate tell
// apart.
func (g *gate) callers(wanted *route.Route, access route.Access) []route.Caller {
	if wanted == nil {
		return nil
	}
	accesses := []route.Access{wanted.Access, access}
	if g.isOther(wanted) {
		accesses = append(accesses, g.listed.Access)
	}
	return slices.Collect(review.Callers(accesses...))
}

// scopes returns the scopes that a gate with a JWT authorizer may ask for. Unknown
// scopes are any list. A list lets in a caller that the wanted scopes do not let in
// if it is empty or has another scope, and it refuses one that they let in if it
// lacks a wanted scope. The lists that are returned do both, either and none.
func (g *gate) scopes(wanted *route.Route) [][]string {
	if scopes, known := g.Scopes.Get(); known {
		return [][]string{scopes}
	}
	if wanted == nil {
		return [][]string{nil}
	}
	list := wanted.Access.Scopes
	other := "other"
	for slices.Contains(list, other) {
		other += "x"
	}
	if len(list) == 0 {
		return [][]string{{other}, nil}
	}
	return [][]string{nil, {other}, append(slices.Clone(list), other), list[:1], list}
}

// accessOf returns what a gateway asks for. Scopes count for JWT only (API
// reference, CreateRoute: "used with a JWT authorizer").
func accessOf(auth Authorization, scopes []string) route.Access {
	switch auth {
	case None:
		return route.Access{Auth: route.Public}
	case IAM:
		return route.Access{Auth: route.IAM}
	case JWT:
		return route.Access{Auth: route.JWT, Scopes: slices.Compact(slices.Sorted(slices.Values(scopes)))}
	}
	return route.Access{}
}

// blame returns the gaps that decide about an outcome: those for which two settings
// that differ in nothing else have outcomes of different weights.
func (g *gate) blame(settings []setting, weight func(i int) int) []Gap {
	var blamed [3]bool // authorization, scopes, integration
	for i, a := range settings {
		for j, b := range settings[:i] {
			differ := []bool{a.auth != b.auth, a.auth == b.auth && a.scopes != b.scopes, a.lead != b.lead}
			only := slices.Index(differ, true)
			if weight(i) != weight(j) && !slices.Contains(differ[only+1:], true) {
				blamed[only] = true
			}
		}
	}
	var gaps []Gap
	if blamed[0] {
		gaps = append(gaps, g.authGap())
	}
	if blamed[1] {
		gaps = append(gaps, gapOf(g.Scopes, "the scopes of the route", g.Where))
	}
	if blamed[2] {
		gaps = append(gaps, g.leadGaps...)
	}
	return gaps
}

// remapped returns the gap of an integration that changes the path or the header
// Authorization of requests on their way to the function. The comparison does not
// follow such a mapping. The decision rests on nothing else that a mapping can change:
// the gateway's claims and the route key are no parameters.
func (g *gate) remapped() (Gap, bool) {
	i, _ := g.Integration.Get()
	if i == nil || !slices.Contains(g.leads, toFunction) {
		return Gap{}, false
	}
	mappings, known := i.Mappings.Get()
	if !known {
		return gapOf(i.Mappings, "the parameter mappings of the integration", i.Where), true
	}
	for key := range mappings {
		_, subject, _ := strings.Cut(key, ":")
		isParameter := strings.HasPrefix(subject, "header.") || strings.HasPrefix(subject, "querystring.")
		if !isParameter || strings.EqualFold(subject, "header.authorization") {
			return Gap{
				What: fmt.Sprintf("what the function does behind the parameter mapping %q (%s)", key, i.Where),
				Get:  "remove the mapping: the comparison does not follow it",
			}, true
		}
	}
	return Gap{}, false
}
