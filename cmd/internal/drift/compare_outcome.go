package drift

import (
	"fmt"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// An outcome is what there is to say about one pair of routes: whether it is
// exposed, blocked, an orphan, and missing, in this order. nil means no.
type outcome [4]*Finding

// outcome compares the requests of a class for one setting of the gate.
func (c *comparison) outcome(class route.Class, p pair, s setting) outcome {
	var o outcome
	wanted, g := p.route, p.gate
	if wanted != nil && s.leads != nowhere {
		o[0], o[1] = c.access(class, p, s)
	}
	if g.listed == nil {
		o[2] = c.orphan(class, p, s)
	}
	if wanted == nil {
		return o
	}
	switch {
	case s.leads == elsewhere:
		o[3] = c.missing(class, wanted, g, fmt.Sprintf("it goes to %s, which is not the function", g.target()))
	case s.leads == nowhere:
		o[3] = c.missing(class, wanted, g, "the deployed route has no integration: the gateway answers 500")
	case g.isOther(wanted):
		o[3] = c.missing(class, wanted, g, fmt.Sprintf("%q answers it instead", g.key))
	}
	return o
}

// isOther reports whether the gate is another route of the manifest.
func (g *gate) isOther(wanted *route.Route) bool { return g.listed != nil && g.listed != wanted }

// missing returns the finding that a route of the manifest is not reached.
func (c *comparison) missing(class route.Class, wanted *route.Route, g *gate, message string) *Finding {
	f := &Finding{Kind: Missing, Route: wanted, Method: class.Method, Path: class.Path, Caller: c.allowed(wanted), Message: message}
	if g != nil {
		f.Deployed = g.Route
	}
	return f
}

// allowed returns the caller with the least proof that a route of the manifest lets in.
func (c *comparison) allowed(r *route.Route) route.Caller {
	caller, known := c.least[r]
	if !known {
		caller = allowed(r.Access)
		c.least[r] = caller
	}
	return caller
}

// allowed returns the caller with the least proof that an access lets in.
func allowed(a route.Access) route.Caller {
	for caller := range review.Callers(a) {
		if a.Decide(caller).Allowed {
			return caller
		}
	}
	return route.Caller{}
}

// orphan returns the finding that a gate is not in the manifest.
func (c *comparison) orphan(class route.Class, p pair, s setting) *Finding {
	f := &Finding{
		Kind: Orphan, Route: p.route, Deployed: p.gate.Route,
		Method: class.Method, Path: class.Path, Message: "the manifest does not have it",
		Enforced: s.leads != elsewhere,
	}
	if !s.lambda {
		f.Caller = allowed(s.access)
	}
	switch {
	case s.leads == elsewhere:
		f.Then = fmt.Sprintf("it goes to %s, which is not the function: nothing checks what the manifest says", p.gate.target())
	case s.leads == nowhere:
		f.Then = "it has no integration: the gateway answers 500"
	case p.route == nil:
		f.Then = fmt.Sprintf("the function answers %d", c.behind(class, p.gate, s, f.Caller).Reason.Status())
	default:
		f.Then = fmt.Sprintf("the function takes it for %q (line %d)", p.route.Key(), p.route.Line)
	}
	return f
}

// admits reports whether the gateway lets the caller through, and whether that is
// sure. A Lambda authorizer may let in anybody.
func (s setting) admits(caller route.Caller) (lets, sure bool) {
	if s.lambda {
		return true, false
	}
	return s.access.Decide(caller).Allowed, true
}

// behind returns what the function decides about a request that came through the
// gate.
func (c *comparison) behind(class route.Class, g *gate, s setting, caller route.Caller) route.Decision {
	req := route.Request{Method: class.Method, Path: class.Path, RouteKey: g.key, Caller: caller.Behind(s.access)}
	if values, ok := g.route.Pattern.Match(class.Path); ok {
		req.PathParameters = make(map[string]string)
		for i, name := range g.route.Pattern.Variables() {
			req.PathParameters[name] = values[i]
		}
	}
	return c.router.Decide(req)
}

// access finds a caller that is let in and should not be, and one that is refused
// and should not be.
func (c *comparison) access(class route.Class, p pair, s setting) (exposed, blocked *Finding) {
	wanted, g := p.route, p.gate
	base := c.behind(class, g, s, route.Caller{}) // the same route for every caller
	for _, caller := range s.callers {
		lets, sure := s.admits(caller)
		may := wanted.Access.Decide(caller).Allowed
		if !lets && !may {
			continue
		}
		d := base.For(caller.Behind(s.access))

		var through bool // to what the caller should not reach
		switch {
		case s.leads == elsewhere:
			through = lets && !may
		case g.isOther(wanted):
			through = lets && d.Allowed && !may
		default:
			through = lets && !wanted.Access.AtGateway().Decide(caller).Allowed
		}
		if through && exposed == nil {
			exposed = &Finding{Kind: Exposed, Caller: caller, Enforced: !d.Allowed && s.leads == toFunction, Then: g.then(d, s)}
		}
		if refused := !lets || !sure || !d.Allowed && s.leads == toFunction; blocked == nil && may && refused {
			blocked = &Finding{Kind: Blocked, Caller: caller, Then: refusal(d, s, lets)}
		}
		if exposed != nil && blocked != nil {
			break
		}
	}
	for _, f := range []*Finding{exposed, blocked} {
		if f != nil {
			f.Route, f.Deployed, f.Method, f.Path = wanted, g.Route, class.Method, class.Path
		}
	}
	return exposed, blocked
}

// message says how what the gateway asks for differs from what the manifest asks for.
func (p pair) message(s setting) string {
	wanted, g := p.route, p.gate
	switch {
	case s.leads == elsewhere:
		return fmt.Sprintf("the gateway asks for %s, and the function is not asked; the manifest asks for %s", g.asks(s), inWords(wanted.Access))
	case g.isOther(wanted):
		return fmt.Sprintf("%q answers it, which asks for %s; the manifest asks for %s", g.key, inWords(g.listed.Access), inWords(wanted.Access))
	}
	return fmt.Sprintf("the gateway asks for %s; it should ask for %s", g.asks(s), inWords(wanted.Access.AtGateway()))
}

// then says what happens to a caller that the gateway should have refused.
func (g *gate) then(d route.Decision, s setting) string {
	switch {
	case s.leads == elsewhere && len(g.leads) > 1:
		return fmt.Sprintf("the function may refuse it, but it is not known whether %s is the function", g.target())
	case s.leads == elsewhere:
		return fmt.Sprintf("it goes to %s, which is not the function: nothing refuses it", g.target())
	case d.Allowed:
		return "the function lets it in too"
	}
	return refuses(d)
}

// refusal says who refuses a caller that the manifest lets in.
func refusal(d route.Decision, s setting, lets bool) string {
	switch {
	case !lets:
		return "the gateway refuses it"
	case d.Allowed || s.leads != toFunction: // so the authorizer is not sure
		return "the Lambda authorizer may refuse it"
	case s.access.Auth == route.Public:
		return refuses(d) + ", since such a gateway looks at no token"
	}
	return refuses(d)
}

func refuses(d route.Decision) string {
	return fmt.Sprintf("the function refuses it: %d %s", d.Reason.Status(), d.Reason)
}

// asks says in words what the gateway asks of callers.
func (g *gate) asks(s setting) string {
	_, scopesKnown := g.Scopes.Get()
	switch {
	case len(g.auths) > 1:
		return "something that is not known"
	case s.lambda:
		return "what its Lambda authorizer wants, which is not known here"
	case s.access.Auth == route.JWT && !scopesKnown:
		return "a token with scopes that are not known"
	}
	return inWords(s.access)
}

// inWords says what an access asks of callers, as the end of "asks for".
func inWords(a route.Access) string {
	switch a.Auth {
	case route.Public:
		return "nothing"
	case route.IAM:
		return "an IAM signature"
	}
	return a.String()
}
