package review

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// Tokens says which tokens the gateway is to take. What is empty is not
// compared.
type Tokens struct {
	Issuer   string
	Audience []string
}

// AuthorizerDrifts compares the JWT authorizers that the gateway's routes use
// with the issuer and the audiences that they are to take. The function does
// not check either, so nothing refuses what an authorizer lets in too much. And it
// looks where they take tokens from: of a token that the function does not see it
// has the gateway's text alone, in which one group cannot be told from two.
//
// Authorizers are part of some sources only. Where one is not, the error says
// so: then nothing was compared.
func AuthorizerDrifts(d *Deployment, want Tokens) ([]Drift, error) {
	uses, err := authorizersInUse(d)
	if err != nil {
		return nil, err
	}
	var out []Drift
	seen := make(map[*Authorizer]bool)
	for _, use := range uses {
		if use.authorizers == nil && (want.Issuer != "" || want.Audience != nil) {
			return nil, fmt.Errorf("the authorizer %q of route %q is not in it, so its issuer and audience cannot be compared", use.route.Authorizer, use.route.Key)
		}
		for _, a := range use.authorizers {
			if seen[a] {
				continue
			}
			seen[a] = true
			found, err := a.drifts(use.route, want)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
	}
	return out, nil
}

// A use is a JWT route and the authorizers that may be its own: several where
// their ids are not known yet, and none where it is not known.
type use struct {
	route       *DeployedRoute
	authorizers []*Authorizer
}

// authorizersInUse returns the JWT routes, by their keys, with their
// authorizers.
func authorizersInUse(d *Deployment) ([]use, error) {
	byID := make(map[string][]*Authorizer)
	for i := range d.Authorizers {
		a := &d.Authorizers[i]
		if a.ID != "" || a.JWT || a.Unknown {
			byID[a.ID] = append(byID[a.ID], a)
		}
	}
	var uses []use
	for i := range d.Routes {
		r := &d.Routes[i]
		if r.Access.Auth != route.JWT {
			continue
		}
		list := byID[r.Authorizer]
		switch {
		case d.Complete && r.Authorizer == "":
			return nil, fmt.Errorf("route %q asks for a token and names no authorizer", r.Key)
		case d.Complete && list == nil:
			return nil, fmt.Errorf("route %q has the authorizer %q, which is not among the authorizers: read both again, at the same time", r.Key, r.Authorizer)
		case len(list) > 0 && !list[0].JWT && !list[0].Unknown:
			return nil, fmt.Errorf("route %q asks for a token of the authorizer %q, which is no JWT authorizer", r.Key, r.Authorizer)
		}
		uses = append(uses, use{r, list})
	}
	slices.SortStableFunc(uses, func(a, b use) int { return cmp.Compare(a.route.Key, b.route.Key) })
	return uses, nil
}

// identitySource is where the function sees the token that was verified.
const identitySource = "$request.header.Authorization"

// drifts compares one authorizer. The route is one that uses it.
func (a *Authorizer) drifts(r *DeployedRoute, want Tokens) ([]Drift, error) {
	isOther := func(source string) bool { return !strings.EqualFold(source, identitySource) }
	other := slices.IndexFunc(a.IdentitySources, isOther)
	switch compared := want.Issuer != "" || want.Audience != nil; {
	case !compared && other < 0:
		return nil, nil
	case compared && a.Unknown:
		return nil, fmt.Errorf("%s: its issuer or audience is known only after terraform apply", a.Where)
	case compared && a.Issuer == "":
		return nil, fmt.Errorf("authorizer %q has no issuer in it", a.Where)
	}
	parsed, err := parseKey(r.Key)
	if err != nil {
		return nil, errors.New("the deployed route " + r.Key + " cannot be understood")
	}
	method, path := exampleOf(parsed)
	drift := func(kind DriftKind, token, format string, args ...any) Drift {
		d := Drift{
			Kind: kind, Deployed: r, Authorizer: a, Method: method, Path: path,
			Caller: Token(nil, r.Access.Scopes[:min(1, len(r.Access.Scopes))]), Token: token, Message: fmt.Sprintf(format, args...),
		}
		d.Then = "the gateway refuses it"
		if kind == Exposed {
			d.Then = "the function checks neither issuer nor audience, so it lets it in too"
		}
		return d
	}
	var out []Drift
	if other >= 0 {
		d := drift(Exposed, fmt.Sprintf("in %q", a.IdentitySources[other]), "authorizer %q takes tokens from %q; want %q", a.name(), a.IdentitySources[other], identitySource)
		d.Then = "the function reads groups from the gateway's text, and what stands in Authorization is nobody's but the client's"
		out = append(out, d)
	}
	if want.Issuer != "" && a.Issuer != want.Issuer {
		out = append(out,
			drift(Exposed, fmt.Sprintf("of issuer %q", a.Issuer), "authorizer %q trusts the issuer %q; want %q", a.name(), a.Issuer, want.Issuer),
			drift(Blocked, fmt.Sprintf("of issuer %q", want.Issuer), "authorizer %q trusts the issuer %q; want %q", a.name(), a.Issuer, want.Issuer))
	}
	if want.Audience == nil {
		return out, nil
	}
	if more := without(a.Audience, want.Audience); len(more) > 0 {
		out = append(out, drift(Exposed, fmt.Sprintf("for audience %q", more[0]), "authorizer %q takes tokens for %s too", a.name(), quoted(more)))
	}
	if less := without(want.Audience, a.Audience); len(less) > 0 {
		out = append(out, drift(Blocked, fmt.Sprintf("for audience %q", less[0]), "authorizer %q does not take tokens for %s", a.name(), quoted(less)))
	}
	return out, nil
}

// name is what people know the authorizer by.
func (a *Authorizer) name() string { return cmp.Or(a.Name, a.Where) }

// without returns what a has and b has not, sorted.
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
