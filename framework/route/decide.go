package route

import "strings"

// A Request is what a decision is about.
type Request struct {
	Method string
	Path   string // decoded once, without the stage
	// RouteKey is the route that the gateway chose and authorized, "" where
	// there is no gateway that chooses. PathParameters are its variables'
	// values, decoded.
	RouteKey       string
	PathParameters map[string]string
	// EncodedPath is the path as the client sent it, with the stage, where no
	// gateway has decoded it. Path and RouteKey do not count then.
	EncodedPath string
	Caller      Caller
}

// Decide says which route answers a request and whether it may run. It is the
// one decision of Routegate: the function, the container and every tool ask it.
// It makes, in this order, the checks of the package's documentation, up to the
// first that fails.
func (r *Router) Decide(req Request) Decision {
	d := Decision{Steps: make([]Step, 0, 4)}
	var mismatch bool
	d.Route, d.Values, mismatch = r.choose(req)
	switch {
	case mismatch:
		d.Reason = RouteMismatch
	case d.Route == nil:
		d.Reason = NoRoute
	default:
		d.Steps = append(d.Steps, Step{Check: CheckRoute, Passed: true, By: d.Route.Key()})
		return d.Route.Access.decide(req.Caller, d)
	}
	d.Steps = append(d.Steps, Step{Check: CheckRoute})
	return d
}

// choose returns the route that the gateway chose, if the table has it, and
// otherwise the route that the router finds.
//
// The gateway's route is taken at its word, so that what was authorized is what
// runs, whatever was encoded in the path (rawPath is decoded, so
// /files/a%2Fb arrives as /files/a/b). But its pattern, filled with the values
// that the gateway found, must give the path; else the event contradicts
// itself, and mismatch is true.
func (r *Router) choose(req Request) (rt *Route, values []string, mismatch bool) {
	if req.EncodedPath != "" {
		rt, values = r.MatchEncoded(req.Method, req.EncodedPath)
		return rt, values, false
	}
	rt, pattern := r.named(req.RouteKey)
	if rt == nil {
		rt, values = r.Match(req.Method, r.prefix+req.Path)
		return rt, values, false
	}
	var buf [256]byte // enough for most, and not on the heap
	path, ok := pattern.appendFilled(buf[:0], req.PathParameters)
	if !ok || !rt.takes(req.Method) || string(path) != req.Path && clean(string(path)) != clean(req.Path) {
		return rt, nil, true
	}
	return rt, pattern.eachVariable(func(name string) string { return req.PathParameters[name] }), false
}

// named returns the route of the table that a route key names, whatever its
// variables are called there, and the key's own pattern.
func (r *Router) named(routeKey string) (*Route, Pattern) {
	method, path, ok := strings.Cut(routeKey, " ")
	if !ok {
		return nil, Pattern{} // "", $default
	}
	if rt := r.table.find(method, path); rt != nil {
		return rt, rt.Pattern
	}
	p, err := ParsePattern(path)
	if err != nil {
		return nil, Pattern{} // no route of any table
	}
	return r.shaped()[key{method, p.Shape()}], p
}
