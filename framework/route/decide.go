package route

import (
	"net/url"
	"strings"
)

// A Request is what a decision is about.
type Request struct {
	Method string

	// Path is the path without the stage, decoded once.
	Path string

	// RouteKey is the route that the gateway chose and authorized, such as
	// "GET /users/{id}". It is "" if there is no gateway that chooses routes.
	RouteKey string

	// PathParameters are the decoded values of RouteKey's variables, by name.
	PathParameters map[string]string

	// EncodedPath is the path as the client sent it, with the stage in front. It
	// is "" if the gateway has decoded the path already. Decide looks at it only
	// if RouteKey does not name a route of the table, and ignores Path then.
	EncodedPath string

	Caller Caller
}

// Decide returns the route that answers a request and whether the caller may use
// it. The function, the container and every command ask Decide and nothing else.
// The package documentation lists the checks and their order. The first check
// that fails determines the reason.
func (r *Router) Decide(req Request) Decision {
	d := Decision{Steps: make([]Step, 0, 4)}
	read := req.Path // as the handler reads it
	chosen, pattern := r.named(req.RouteKey)
	if chosen == nil && req.EncodedPath != "" {
		read = r.decoded(req.EncodedPath)
	}
	if hasDotSegment(read) {
		d.Reason = DotSegment
		d.Steps = append(d.Steps, Step{Check: CheckRoute})
		return d
	}

	var isRead bool // whether the route was found by the path as the handler reads it
	switch {
	case chosen != nil:
		d.Route = chosen
		if !fills(pattern, chosen, req) {
			d.Reason = RouteMismatch
			d.Steps = append(d.Steps, Step{Check: CheckRoute})
			return d
		}
		d.Values = pattern.eachVariable(func(name string) string { return req.PathParameters[name] })
		isRead = r.isOnly(chosen, d.Values)
	case req.EncodedPath != "":
		d.Route, d.Values = r.MatchEncoded(req.Method, req.EncodedPath)
		isRead = !strings.Contains(req.EncodedPath, "%")
	default:
		d.Route, d.Values = r.Match(req.Method, r.prefix+req.Path)
		isRead = true
	}
	if d.Route == nil {
		d.Reason = NoRoute
		d.Steps = append(d.Steps, Step{Check: CheckRoute})
		return d
	}
	if !isRead {
		if other := r.find(req.Method, r.prefix+read); other != d.Route {
			d.ReadAs = other
		}
	}
	d.Steps = append(d.Steps, Step{Check: CheckRoute, Passed: true, By: d.Route.Key()})
	return d.decide(req.Caller)
}

// fills reports whether the event agrees with itself: the pattern of the route
// that the gateway chose, filled with the gateway's path parameters, gives the
// path of the request.
//
// The gateway's choice is not made again from the path. What the gateway
// authorized is what runs, even where the decoded path no longer shows the choice:
// /files/a%2Fb arrives as /files/a/b.
func fills(p Pattern, rt *Route, req Request) bool {
	var buf [256]byte // enough for most paths, and not on the heap
	path, ok := p.appendFilled(buf[:0], req.PathParameters)
	return ok && rt.takes(req.Method) && (string(path) == req.Path || clean(string(path)) == clean(req.Path))
}

// isOnly reports, without asking the routers, that no route but rt takes the path
// that values give rt's pattern. A more specific route has a literal where rt has
// a variable. False means that the routers must be asked.
func (r *Router) isOnly(rt *Route, values []string) bool {
	if rt.Method == AnyMethod || rt.Pattern.IsGreedy() {
		return false
	}
	for _, v := range values {
		if v == "" || strings.Contains(v, "/") || r.literals()[v] {
			return false
		}
	}
	return true
}

// decoded returns an encoded path that starts with the stage as a handler reads
// it: decoded once, and without the stage.
func (r *Router) decoded(encoded string) string {
	path, _ := url.PathUnescape(canonical(encoded)) // canonical's escapes are valid
	return strings.TrimPrefix(path, r.prefix)
}

// hasDotSegment reports whether a decoded path has a segment "." or "..". A
// handler that resolves such segments, as http.FileServer does, reads the path
// of another route.
func hasDotSegment(path string) bool {
	if !strings.Contains(path, "/.") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
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
