package drift

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// identitySource is where the function sees the token that was verified.
const identitySource = "$request.header.Authorization"

// A use is an authorizer and a gate that asks it. The authorizer may be known in
// part.
type use struct {
	*Authorizer
	gate *gate
}

// authorizers compares the authorizers that the JWT routes use. The function checks
// neither the issuer nor the audience of a token, so nothing refuses what an
// authorizer should not have let in. authorizers also compares where tokens are
// read from: without a token of its own, the function has only the gateway's text of
// the claims, in which one group may read as two.
//
// A route is left out if none of its requests belongs to the manifest. Whoever calls it
// reaches no handler.
//
// authorizers returns what was assumed, because nobody said what is right.
func (c *comparison) authorizers() (assumed []string) {
	var uses []use
	hidden := 0 // uses of an authorizer that is not known
	seen := make(map[*Authorizer]bool)
	for _, g := range c.jwtGates() {
		a, known := g.Authorizer.Get()
		switch {
		case !known:
			hidden++
			c.unknownToken(use{gate: g}, gapOf(g.Authorizer, "the authorizer of the route", g.Where), "", "any token that it accepts gets in")
		case !seen[a]:
			seen[a] = true
			uses = append(uses, use{a, g})
		}
	}
	for _, u := range uses {
		c.sources(u)
	}
	issuers := attribute{
		name: "issuer", flag: "-issuer",
		get: func(a *Authorizer) Value[[]string] { return single(a.Issuer) },
	}
	if c.Issuer != "" {
		issuers.want = []string{c.Issuer}
	}
	audiences := attribute{
		name: "audience", flag: "-audience", want: c.Audience,
		get: func(a *Authorizer) Value[[]string] { return a.Audience },
	}
	for _, attr := range []attribute{issuers, audiences} {
		if attr.want == nil {
			assumed = append(assumed, c.assume(attr, uses, len(uses)+hidden > 1)...)
			continue
		}
		for _, u := range uses {
			c.verify(attr, u)
		}
	}
	return assumed
}

// jwtGates returns the gates that may ask for a token and through which callers
// reach something. Those that surely ask for one come first.
func (c *comparison) jwtGates() []*gate {
	var gates []*gate
	for _, r := range c.deployed {
		g := c.gates[r]
		if slices.Contains(g.auths, JWT) && g.leads[0] != nowhere && (g.used || g.listed != nil) {
			gates = append(gates, g)
		}
	}
	slices.SortFunc(gates, func(a, b *gate) int { return cmp.Or(cmp.Compare(len(a.auths), len(b.auths)), compareGates(a, b)) })
	return gates
}

// addToken adds a finding on an authorizer. If no gate surely asks the authorizer,
// the gate's authorization decides about it.
func (c *comparison) addToken(u use, f Finding) {
	if !c.maybeAsked(u, f) {
		c.others = append(c.others, f)
	}
}

// maybeAsked reports whether no gate surely asks the authorizer. Then the gate's
// authorization decides about the finding.
func (c *comparison) maybeAsked(u use, f Finding) bool {
	if len(u.gate.auths) == 1 {
		return false
	}
	c.decides(u.gate.authGap(), f)
	return true
}

// unknownToken notes that a gap decides about what an authorizer accepts.
func (c *comparison) unknownToken(u use, gap Gap, token, message string) {
	f := c.tokenFinding(u, Exposed, token, message)
	c.decides(gap, f)
	c.maybeAsked(u, f)
}

// single returns a value as the only element of a list. An empty string is not known:
// AWS has no JWT authorizer without an issuer.
func single(v Value[string]) Value[[]string] {
	s, _ := v.Get()
	if s == "" {
		return Unknown[[]string](v.gap)
	}
	return Known([]string{s})
}

// sources compares where an authorizer reads tokens from. The name of a header has
// no case.
func (c *comparison) sources(u use) {
	sources, _ := u.IdentitySources.Get()
	if len(sources) == 0 { // AWS has no such authorizer
		c.unknownToken(u, gapOf(u.IdentitySources, "the identity source of the authorizer", u.Where), "", "tokens may be read from elsewhere than "+identitySource)
		return
	}
	for _, source := range sources {
		if !strings.EqualFold(source, identitySource) {
			f := c.tokenFinding(u, Exposed, fmt.Sprintf("in %q", source), fmt.Sprintf("authorizer %q takes tokens from %q; want %q", u.name(), source, identitySource))
			f.Then = "the function reads groups from the gateway's text, and the client alone decides what stands in Authorization"
			c.addToken(u, f)
			return
		}
	}
}

// An attribute is something that an authorizer verifies of a token.
type attribute struct {
	name, flag string
	want       []string // nil: nobody said
	get        func(*Authorizer) Value[[]string]
}

// verify compares an attribute with what is wanted.
func (c *comparison) verify(attr attribute, u use) {
	v := attr.get(u.Authorizer)
	got, known := v.Get()
	if !known {
		c.unknownToken(u, gapOf(v, "the "+attr.name+" of the authorizer", u.Where), "", "tokens of any "+attr.name+" may get in")
		return
	}
	if more := without(got, attr.want); len(more) > 0 {
		f := c.tokenFinding(u, Exposed, fmt.Sprintf("with the %s %q", attr.name, more[0]), fmt.Sprintf("authorizer %q takes tokens with the %s %s", u.name(), attr.name, quoted(more)))
		f.Then = "the function checks neither issuer nor audience, so it lets it in too"
		c.addToken(u, f)
	}
	if less := without(attr.want, got); len(less) > 0 {
		f := c.tokenFinding(u, Blocked, fmt.Sprintf("with the %s %q", attr.name, less[0]), fmt.Sprintf("authorizer %q does not take tokens with the %s %s", u.name(), attr.name, quoted(less)))
		f.Then = "the gateway refuses it"
		c.addToken(u, f)
	}
}

// assume takes the only value of an attribute for the right one, because nobody said
// which is right. Of two values at least one is wrong, and nobody knows which.
// isOneOfMany says whether there may be a second authorizer.
func (c *comparison) assume(attr attribute, uses []use, isOneOfMany bool) []string {
	values := make(map[string]string) // an authorizer by the value
	var right []string                // all known values
	for _, u := range uses {
		v := attr.get(u.Authorizer)
		text := "what is not known yet"
		if got, known := v.Get(); known {
			text = quoted(slices.Compact(slices.Sorted(slices.Values(got))))
			if values[text] == "" {
				right = append(right, text)
			}
		} else if isOneOfMany {
			c.unknownToken(u, gapOf(v, "the "+attr.name+" of the authorizer", u.Where), "", "another authorizer may verify another "+attr.name)
		}
		if values[text] == "" {
			values[text] = u.name()
		}
	}
	if len(values) == 1 {
		for text, name := range values {
			subject := fmt.Sprintf("the authorizer %q verifies", name)
			if len(uses) > 1 {
				subject = "the authorizers verify"
			}
			return []string{fmt.Sprintf("%s the right %s, %s (%s compares it)", subject, attr.name, text, attr.flag)}
		}
	}
	for _, u := range uses {
		got, known := attr.get(u.Authorizer).Get()
		text := quoted(slices.Compact(slices.Sorted(slices.Values(got))))
		f := c.tokenFinding(u, Exposed, fmt.Sprintf("with the %s %s", attr.name, text), fmt.Sprintf("authorizer %q takes tokens with the %s %s", u.name(), attr.name, text))
		if known && len(right) > 1 {
			c.decides(Gap{What: fmt.Sprintf("which %s is right: the authorizers verify different ones", attr.name), Get: "give " + attr.flag}, f)
		}
		c.maybeAsked(u, f)
	}
	return nil
}

// tokenFinding returns a finding about what an authorizer accepts, with a request
// to a route that uses it.
func (c *comparison) tokenFinding(u use, kind Kind, token, message string) Finding {
	method, path := example(u.gate.route)
	scopes, _ := u.gate.Scopes.Get()
	return Finding{
		Kind: kind, Deployed: u.gate.Route, Authorizer: u.Authorizer, Method: method, Path: path,
		Caller: review.Token(nil, scopes[:min(1, len(scopes))]), Token: token, Message: message,
	}
}

// example returns a request that a route takes.
func example(r *route.Route) (method, path string) {
	method = r.Method
	if method == route.AnyMethod {
		method = http.MethodGet
	}
	segments := strings.Split(r.Pattern.String(), "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "x"
		}
	}
	return method, strings.Join(segments, "/")
}

// name returns what people know the authorizer by.
func (a *Authorizer) name() string { return cmp.Or(a.Name, a.Where) }

// without returns the elements of a that b does not have, sorted.
func without(a, b []string) []string {
	var out []string
	for _, s := range slices.Compact(slices.Sorted(slices.Values(a))) {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return strings.Join(out, ", ")
}
