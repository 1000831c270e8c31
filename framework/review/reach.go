package review

import (
	"iter"
	"slices"

	"github.com/routegate/routegate/framework/route"
)

// A Reach says who may do what: the pairs of a class of callers and a handler,
// each with a route through which those callers reach the handler.
//
// A class of callers is what one access asks for: nothing, an IAM signature, or a
// token with at most one group and at most one scope. These classes are enough.
// A route asks for one of its groups and one of its scopes, so a caller reaches
// exactly the handlers that the classes it belongs to reach together.
type Reach struct {
	handlers map[string]map[callerClass]*route.Route
}

// A callerClass is the callers that have a proof and hold a group and a scope. An
// empty group or scope is not asked for. Every caller belongs to the class of NoAuth.
type callerClass struct {
	auth         route.Auth // NoAuth, JWT or IAM
	group, scope string
}

func (c callerClass) caller() route.Caller {
	if c.auth != route.JWT {
		return route.Caller{Auth: c.auth}
	}
	return Token(nameList(c.group), nameList(c.scope))
}

func nameList(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

// NewReach returns who may do what by a table.
func NewReach(t *route.Table) *Reach { return newSide(t).reach() }

func (s side) reach() *Reach {
	r := &Reach{handlers: make(map[string]map[callerClass]*route.Route)}
	for _, rt := range s.routes {
		if !s.answers(rt) {
			continue
		}
		classes := r.handlers[rt.Handler]
		if classes == nil {
			classes = make(map[callerClass]*route.Route)
			r.handlers[rt.Handler] = classes
		}
		for class := range classesOf(rt.Access) {
			if classes[class] == nil {
				classes[class] = rt
			}
		}
	}
	return r
}

// answers reports whether r answers any request. Only a route for ANY may answer
// none: another route takes a part of the paths of r and never all of them, but
// there may be a route with the same paths for each method.
func (s side) answers(r *route.Route) bool {
	return r.Method != route.AnyMethod || slices.ContainsFunc(route.Methods, func(method string) bool {
		return s.byKey[method+" "+r.Pattern.Shape()] == nil
	})
}

// classesOf yields the classes of callers that an access lets in, without those
// that hold more than another one of them.
func classesOf(a route.Access) iter.Seq[callerClass] {
	groups, scopes := a.Groups, a.Scopes
	switch {
	case a.Auth == route.NoAuth:
		return func(func(callerClass) bool) {}
	case a.Auth == route.Public:
		return func(yield func(callerClass) bool) { yield(callerClass{}) }
	}
	if len(groups) == 0 {
		groups = []string{""}
	}
	if len(scopes) == 0 {
		scopes = []string{""}
	}
	return func(yield func(callerClass) bool) {
		for _, g := range groups {
			for _, s := range scopes {
				if !yield(callerClass{a.Auth, g, s}) {
					return
				}
			}
		}
	}
}

// Through returns a route through which the caller reaches the handler, or nil if
// no request of the caller does.
func (r *Reach) Through(c route.Caller, handler string) *route.Route {
	classes := r.handlers[handler]
	if classes == nil {
		return nil
	}
	if rt := classes[callerClass{}]; rt != nil || c.Mismatch || c.Auth == route.NoAuth {
		return rt
	}
	for _, g := range append([]string{""}, c.Principal.Groups...) {
		for _, s := range append([]string{""}, c.Principal.Scopes...) {
			if rt := classes[callerClass{c.Auth, g, s}]; rt != nil {
				return rt
			}
		}
	}
	return nil
}

// gained returns a caller that an access lets in and that does not reach the
// handler, or nil if there is none.
func (r *Reach) gained(a route.Access, handler string) *route.Caller {
	for class := range classesOf(a) {
		if c := class.caller(); r.Through(c, handler) == nil {
			return &c
		}
	}
	return nil
}
