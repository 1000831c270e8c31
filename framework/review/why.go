package review

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

// A Question is a request, and who makes it.
type Question struct {
	Method string
	// Path is as the client sends it: without the stage and the query, and
	// encoded. It starts with "/", and its escapes are valid.
	Path string

	// Event, where it is not nil, is the request as the function got it, in place
	// of Method and Path.
	Event *apigw.Event

	// Caller is who calls, whatever the route asks for; with an Event, whom the
	// gateway vouches for in it. A Mismatch is the function's alone: to the gateway
	// the caller has a token.
	Caller route.Caller

	// Refused is why the gateway refuses the caller's token wherever it looks at
	// one, "" where it does not.
	Refused string
}

// An Explanation is why a request is answered as it is.
type Explanation struct {
	Method, Path string // the path encoded; of an Event, decoded
	Caller       string // who calls, in words

	Route  *route.Route // that answers; nil: none
	Values []string     // of its variables, from left to right; nil where it is no match
	Steps  []Step       // that were taken, up to the first that failed

	Allowed bool
	By      string // "gateway" or "function", who refuses; "function" where nobody does
	Status  int    // of the refusal, and 200 where there is none
	Reason  route.Reason

	// Function is what the function decides. Where Asked is false it is what it
	// would say, if it were asked.
	Function route.Decision
	Asked    bool

	// CallerFlips and RouteFlips are the changes of the caller, or of the route in
	// the manifest, that turn the answer round, and of which no part does. The
	// first of each is the smallest there is.
	CallerFlips, RouteFlips []Flip

	// Near are requests that were perhaps meant, where no route takes this one.
	Near []Near

	Notes []string
}

// Why says how the routes of a table, behind the gateway that is made of them,
// answer a request, step by step. The gateway's route is gateway.Match's, and
// every decision is that of package route, the one that runs in the function.
func Why(t *route.Table, q Question) *Explanation {
	x := &Explanation{Caller: describe(q.Caller), By: "function"}
	if q.Event == nil && q.Caller.Mismatch {
		asToken := q.Caller
		asToken.Mismatch = false
		x.Caller = describe(asToken)
	}
	router := route.NewRouter(t, "")
	if q.Event != nil {
		x.explainEvent(t, router, q)
	} else {
		x.explainRequest(t, router, q)
	}
	switch r := x.Route; {
	case x.Function.Reason == route.DotSegment && (r != nil || q.Event != nil):
		x.note("the function refuses every such path, because a handler that resolves the segment reads another path")
	case r == nil:
		x.Near = near(t, x.Method, escapePath(x.Path, q.Event != nil), q.effective())
		if x.Method == http.MethodHead && slices.ContainsFunc(x.Near, func(n Near) bool { return n.Method == http.MethodGet && n.Path == x.Path }) {
			x.note("a GET route does not take HEAD: only a route with HEAD or ANY does")
		}
	case x.Reason == route.RouteMismatch:
		x.note("the event contradicts itself: the route that it names, filled with its path parameters, is not its path")
	case !x.Allowed && x.Asked && x.Function.Asking() != r:
		x.note("send the path as %s has it, without escapes: then only that route is asked", x.Function.ReadAs.Key())
	default:
		x.CallerFlips = callerFlips(r.Access, q)
		x.RouteFlips = routeFlips(t, r, q.effective())
		if x.Asked && x.Reason == route.TokenMismatch {
			x.note("the function reads the token of the Authorization header, and it does not have the claims that the gateway verified")
		}
	}
	return x
}

func (x *Explanation) note(format string, args ...any) {
	x.Notes = append(x.Notes, fmt.Sprintf(format, args...))
}

// effective returns the caller as far as anybody believes it.
func (q Question) effective() route.Caller {
	if q.Refused != "" || q.Caller.Mismatch {
		return route.Caller{}
	}
	return q.Caller
}

// explainRequest follows a request through the gateway and the function.
func (x *Explanation) explainRequest(t *route.Table, router *route.Router, q Question) {
	x.Method, x.Path = q.Method, q.Path
	decoded, err := url.PathUnescape(q.Path)
	if err != nil {
		decoded = q.Path
	}
	req := route.Request{Method: q.Method, Path: decoded}
	r, params := gateway.Match(t, q.Method, q.Path)
	if r != nil {
		req.RouteKey, req.PathParameters = r.Key(), params
		req.Caller = q.Caller.Behind(r.Access)
	}
	x.Route, x.Function = r, router.Decide(req)
	x.compareDecoded(t, decoded)
	if r == nil {
		x.Steps = []Step{{By: "gateway", Check: route.CheckRoute, Asked: true, Text: "no route takes this method and path"}}
		x.refuse("gateway", http.StatusNotFound, route.NoRoute)
		return
	}

	x.Values = x.Function.Values
	atGateway := q.Caller
	atGateway.Mismatch = false // it verifies what it gets
	if q.Refused != "" {
		atGateway = route.Caller{}
	}
	d := r.Access.AtGateway().Decide(atGateway)
	d.Route = r
	x.Steps = append(x.Steps, Step{
		By: "gateway", Check: route.CheckRoute, Passed: true, Asked: true,
		Text: r.Key() + withValues(r.Pattern, x.Values), Line: lineOf(r, route.CheckRoute),
	})
	x.addSteps(explainGateway(d, q.Refused), q.Caller)
	if !d.Allowed {
		status := d.Reason.Status()
		if r.Access.Auth == route.IAM {
			status = http.StatusForbidden // what AWS answers to a request that is not signed
		}
		x.refuse("gateway", status, d.Reason)
		return
	}
	x.askFunction(q.Caller)
}

// compareDecoded adds a note if it matters whether the gateway decodes the path
// before it chooses a route. Here the gateway chooses first. AWS does not document
// what it does.
func (x *Explanation) compareDecoded(t *route.Table, decoded string) {
	if decoded == x.Path || x.Function.ReadAs != nil {
		return
	}
	if other, _ := gateway.Match(t, x.Method, escapePath(decoded, true)); other != x.Route {
		key := "no route"
		if other != nil {
			key = fmt.Sprintf("%s on line %d", other.Key(), other.Line)
		}
		x.note("decoded, the path is that of %s: here the gateway goes by the encoded one, and AWS does not say", key)
	}
}

// explainEvent takes the gateway at its word, as the function does.
func (x *Explanation) explainEvent(t *route.Table, router *route.Router, q Question) {
	e := q.Event
	x.Method, x.Path = e.Method, e.Path
	x.Function = router.Decide(route.Request{
		Method: e.Method, Path: e.Path, EncodedPath: e.EncodedPath, RouteKey: e.RouteKey, PathParameters: e.PathParameters, Caller: q.Caller,
	})
	x.Route, x.Values = x.Function.Route, x.Function.Values

	chosen := Step{By: "gateway", Check: route.CheckRoute, Passed: true, Asked: e.RouteKey != "", Text: "chose " + e.RouteKey}
	switch {
	case e.RouteKey == "":
		chosen.Text = "a " + e.Source.String() + " chooses no route"
	case x.Function.Reason == route.DotSegment: // before the function looks for the route
	case !names(e.RouteKey, x.Route):
		chosen.Text = fmt.Sprintf("chose %q, which is no route of the manifest: the function chooses", e.RouteKey)
	default:
		chosen.Line = lineOf(x.Route, route.CheckRoute)
		_, path, _ := strings.Cut(e.RouteKey, " ")
		pattern, _ := route.ParsePattern(path) // in which the variables may have other names
		chosen.Text += withValues(pattern, x.Values)
		x.compareGateway(t, q)
	}
	vouched := Step{By: "gateway", Check: route.CheckCaller, Passed: true, Asked: e.Authorizer.Kind != apigw.NoAuthorizer}
	switch e.Authorizer.Kind {
	case apigw.JWTAuthorizer:
		vouched.Text = "verified a token"
	case apigw.IAMAuthorizer:
		vouched.Text = "verified the signature of an IAM caller"
	case apigw.LambdaAuthorizer:
		vouched.Text = "a Lambda authorizer let it through, which proves nothing to the function"
	default:
		vouched.Text = "vouches for nobody"
	}
	x.Steps = []Step{chosen, vouched}
	x.askFunction(q.Caller)
}

// compareGateway tells where a gateway that is made of the table would not have
// handed on the event as it is.
func (x *Explanation) compareGateway(t *route.Table, q Question) {
	e, r := q.Event, x.Route
	if x.Function.Reason == route.RouteMismatch {
		return
	}
	other, _ := gateway.Match(t, e.Method, sentPath(e))
	switch access := r.Access.AtGateway(); {
	case other == nil:
		x.note("the gateway of the manifest would choose no route here: the deployed one is not made of this manifest")
	case other != r:
		x.note("the gateway of the manifest would choose %s on line %d: the deployed one is not made of this manifest", other.Key(), other.Line)
	case !access.Decide(q.Caller).Allowed && !q.Caller.Mismatch:
		x.note("the gateway of the manifest would not have asked the function: the deployed one is not made of this manifest")
	}
}

// names reports whether a route key is that of the route, whatever it calls the
// variables.
func names(key string, r *route.Route) bool {
	method, path, _ := strings.Cut(key, " ")
	p, err := route.ParsePattern(path)
	return err == nil && r != nil && method == r.Method && p.Shape() == r.Pattern.Shape()
}

// sentPath returns the path as the client may have sent it: a slash in the value
// of a variable that is not greedy was escaped.
func sentPath(e *apigw.Event) string {
	_, pattern, _ := strings.Cut(e.RouteKey, " ")
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		name, isVariable := strings.CutPrefix(part, "{")
		switch {
		case !isVariable:
		case strings.HasSuffix(name, "+}"):
			parts[i] = escapePath(e.PathParameters[strings.TrimSuffix(name, "+}")], true)
		default:
			parts[i] = url.PathEscape(e.PathParameters[strings.TrimSuffix(name, "}")])
		}
	}
	return strings.Join(parts, "/")
}

// escapePath encodes a path, slashes aside, if it is decoded.
func escapePath(path string, decoded bool) string {
	if !decoded {
		return path
	}
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

func withValues(p route.Pattern, values []string) string {
	var b strings.Builder
	for i, name := range p.Variables() {
		if i < len(values) {
			fmt.Fprintf(&b, ", %s = %q", name, values[i])
		}
	}
	return b.String()
}

// addSteps adds steps, and to one that failed what the caller has instead.
func (x *Explanation) addSteps(steps []Step, c route.Caller) {
	for _, s := range steps {
		s.Text += held(s, c)
		x.Steps = append(x.Steps, s)
	}
}

func (x *Explanation) askFunction(c route.Caller) {
	d := x.Function
	x.Asked, x.Allowed = true, d.Allowed
	x.Status, x.Reason = d.Reason.Status(), d.Reason
	x.addSteps(Explain(d), c)
}

func (x *Explanation) refuse(by string, status int, reason route.Reason) {
	x.By, x.Status, x.Reason = by, status, reason
}
