package route

import (
	"slices"
	"strings"
)

// Auth is how a caller proves who it is, or what a route asks of it. The zero
// value, NoAuth, is no proof; as what a route asks, it lets nobody in.
type Auth int

// The kinds of proof.
const (
	NoAuth Auth = iota // a caller without proof; a route that denies everyone
	Public             // routes only: no proof is asked
	JWT                // a token that the gateway's JWT authorizer, or the container, verified
	IAM                // a request signed with AWS credentials that the gateway verified
)

// String returns "none", "public", "jwt" or "iam".
func (a Auth) String() string {
	switch a {
	case Public:
		return "public"
	case JWT:
		return "jwt"
	case IAM:
		return "iam"
	}
	return "none"
}

// Access is what a route asks of its caller. The zero Access denies everyone.
type Access struct {
	Auth   Auth
	Groups []string // the caller must be in one of them; empty: not asked
	Scopes []string // the token must hold one of them; empty: not asked
}

// String says in words who may call: "anyone", "any valid token", "group
// ADMINS or USERS", "group ADMINS, and scope users/read", "any IAM caller".
func (a Access) String() string {
	switch a.Auth {
	case Public:
		return "anyone"
	case IAM:
		return "any IAM caller"
	case NoAuth:
		return "nobody"
	}
	var parts []string
	if len(a.Groups) > 0 {
		parts = append(parts, "group "+strings.Join(a.Groups, " or "))
	}
	if len(a.Scopes) > 0 {
		parts = append(parts, "scope "+strings.Join(a.Scopes, " or "))
	}
	if len(parts) == 0 {
		return "any valid token"
	}
	return strings.Join(parts, ", and ")
}

// AtGateway returns what API Gateway checks of the access: all but the groups,
// of which it knows nothing.
func (a Access) AtGateway() Access {
	a.Groups = nil
	return a
}

// Equal reports whether two accesses ask the same of every caller.
func (a Access) Equal(b Access) bool {
	return a.Auth == b.Auth && slices.Equal(a.Groups, b.Groups) && slices.Equal(a.Scopes, b.Scopes)
}

// A Principal is who calls, as somebody vouched for it who verified the token
// or the signature: API Gateway, or the container.
type Principal struct {
	Subject string   // the token's sub; of an IAM caller, its ARN
	Groups  []string // from the claim that Options.GroupsClaim names
	Scopes  []string // from the token's scope or scp
	// Claims are the token's claims. Behind a gateway they are those that it
	// states, typed as in the token (numbers are json.Number) where that could be
	// read and has the same, else as the gateway's text.
	Claims map[string]any
}

// A Caller is a Principal and how it was proved. The zero Caller has no proof.
type Caller struct {
	Auth      Auth // NoAuth, JWT or IAM
	Principal Principal
	// Mismatch tells that the request carries another token than the one that
	// was verified. Such a caller has proved nothing.
	Mismatch bool
}

// Behind returns the caller as a gateway hands it on to the function from a
// route that asks for a: with its token only where the route has the JWT
// authorizer, and as an IAM caller only where it has AWS_IAM. On any other
// route nobody vouches for it, whatever it sent.
func (c Caller) Behind(a Access) Caller {
	if c.Auth != a.Auth {
		return Caller{}
	}
	return c
}

// A Reason is why a Decision is what it is: one of a few fixed codes, which
// never change. The zero Reason belongs to no decision that was made.
type Reason string

// The reasons. Those of a refusal are also the code of its problem document.
const (
	Allowed       Reason = "allowed"
	DotSegment    Reason = "dot_segment"    // 400: the path has a segment "." or ".."
	NoRoute       Reason = "no_route"       // 404: no route matches
	RouteMismatch Reason = "route_mismatch" // 403: the gateway authorized another path than this
	NoPrincipal   Reason = "no_principal"   // 401: nobody vouched for the caller
	TokenMismatch Reason = "token_mismatch" // 401: the token is not the one that was verified
	WrongAuth     Reason = "wrong_auth"     // 401: vouched for, but not in the way that the route asks
	MissingScope  Reason = "missing_scope"  // 403: the token has none of the route's scopes
	MissingGroup  Reason = "missing_group"  // 403: the caller is in none of the route's groups
)

// Status returns the HTTP status that answers a refusal for this reason, and
// 200 for Allowed.
func (r Reason) Status() int {
	switch r {
	case Allowed:
		return 200
	case DotSegment:
		return 400
	case NoRoute:
		return 404
	case NoPrincipal, TokenMismatch, WrongAuth:
		return 401
	}
	return 403
}

// A Check is one of the steps of a decision.
type Check string

// The checks, in the order in which they are made.
const (
	CheckRoute  Check = "route"
	CheckCaller Check = "caller"
	CheckScopes Check = "scopes"
	CheckGroups Check = "groups"

	// CheckReadAs marks where the checks of Decision.ReadAs begin: its caller,
	// scopes and groups follow those of Decision.Route. It passes always.
	CheckReadAs Check = "read_as"
)

// A Step is a check that was made.
type Step struct {
	Check  Check
	Passed bool
	// By is the scope or the group that was enough, or the route's key; "" when
	// the check failed or the route does not ask.
	By string
}

// A Decision says whether a request may reach its handler. The zero Decision
// denies.
type Decision struct {
	Allowed bool
	Reason  Reason
	Route   *Route   // nil when no route matches
	Values  []string // of the route's variables, from left to right

	// ReadAs is the route that the decoded path belongs to, if that is another
	// than Route. A handler sees the decoded path, so the caller needs the
	// permission of both routes. It is nil for nearly every request.
	ReadAs *Route

	Steps []Step // the checks that were made, up to the first that failed
}

// Asking returns the route whose access the last step is about: ReadAs if the
// caller passed all checks of Route and there is a ReadAs, otherwise Route. It is
// nil when no route matches.
func (d Decision) Asking() *Route {
	for _, s := range d.Steps {
		if s.Check == CheckReadAs {
			return d.ReadAs
		}
	}
	return d.Route
}

// For returns the decision of the same request by another caller. d must come
// from [Router.Decide].
func (d Decision) For(c Caller) Decision {
	if d.Route == nil || d.Reason == RouteMismatch {
		return d
	}
	d.Steps = slices.Clip(d.Steps[:1]) // the route's
	return d.decide(c)
}

// decide makes all checks but the first.
func (d Decision) decide(c Caller) Decision {
	d = d.Route.Access.decide(c, d)
	if !d.Allowed || d.ReadAs == nil {
		return d
	}
	d.Steps = append(d.Steps, Step{Check: CheckReadAs, Passed: true, By: d.ReadAs.Key()})
	return d.ReadAs.Access.decide(c, d)
}

// Decide says whether the caller may use what the access protects, as
// Router.Decide does once it has the route. The decision has no Route.
func (a Access) Decide(c Caller) Decision { return a.decide(c, Decision{}) }

// decide says whether the caller may use what the access protects. It adds its
// steps to those of d, whose Route and Values it keeps.
func (a Access) decide(c Caller, d Decision) Decision {
	deny := func(check Check, reason Reason) Decision {
		d.Steps = append(d.Steps, Step{Check: check})
		d.Allowed, d.Reason = false, reason
		return d
	}
	switch {
	case a.Auth == Public:
		d.Steps = append(d.Steps, Step{Check: CheckCaller, Passed: true, By: Public.String()})
		d.Allowed, d.Reason = true, Allowed
		return d
	case c.Mismatch:
		return deny(CheckCaller, TokenMismatch)
	case c.Auth == NoAuth:
		return deny(CheckCaller, NoPrincipal)
	case a.Auth != JWT && a.Auth != IAM, c.Auth != a.Auth:
		return deny(CheckCaller, WrongAuth)
	}
	d.Steps = append(d.Steps, Step{Check: CheckCaller, Passed: true, By: c.Auth.String()})

	scope, ok := anyOf(a.Scopes, c.Principal.Scopes)
	if !ok {
		return deny(CheckScopes, MissingScope)
	}
	d.Steps = append(d.Steps, Step{Check: CheckScopes, Passed: true, By: scope})

	group, ok := anyOf(a.Groups, c.Principal.Groups)
	if !ok {
		return deny(CheckGroups, MissingGroup)
	}
	d.Steps = append(d.Steps, Step{Check: CheckGroups, Passed: true, By: group})
	d.Allowed, d.Reason = true, Allowed
	return d
}

// anyOf returns the first wanted name that is held. Wanting none is enough.
func anyOf(wanted, held []string) (string, bool) {
	if len(wanted) == 0 {
		return "", true
	}
	for _, w := range wanted {
		if slices.Contains(held, w) {
			return w, true
		}
	}
	return "", false
}
