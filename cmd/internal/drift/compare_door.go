package drift

import "github.com/routegate/routegate/framework/route"

// doorWords say what each entry means, and what the function does with its callers.
var doorWords = map[Entry]struct{ message, then string }{
	Refused:    {"the manifest does not have it", "the function refuses its events"},
	Unvouched:  {"the manifest does not have it", "nobody vouches for its callers, so the function lets them reach public routes only"},
	SameRules:  {"the manifest does not have it", "it has the routes and the authorizers of the API"},
	IAMCallers: {"the manifest does not have it", "the function takes its callers for IAM callers, and asks each route's rule"},
	Vouched:    {"somebody else's authorizer vouches for its callers", "the function believes it, and knows neither its issuer nor its audience"},
	AnyEvent:   {"whoever comes through writes the event", "the function takes its callers for whoever they say they are"},
}

// doorTokens say what is special about the token of a caller who comes through a door.
var doorTokens = map[Entry]string{
	Vouched:  "claimed by another authorizer",
	AnyEvent: "claimed by the event",
}

// doors reports every door except an alias that nothing reaches. A door at which the function asks each route's rule is
// an orphan. A door at which the function believes what it should not is exposed if
// the manifest has a route that is not public.
func (c *comparison) doors(d *Deployment) {
	protected := c.protected()
	for i := range d.Doors {
		door := &d.Doors[i]
		entry, known := door.Lets.Get()
		f := Finding{Kind: Orphan, Door: door, Enforced: true}
		switch {
		case door.Kind == Alias && entry == Refused: // a pointer to the function, which nobody uses
			c.read = append(c.read, "the alias "+door.Where+", which nothing that was read reaches")
			continue
		case protected == nil:
			f.Message, f.Then = doorWords[Refused].message, "every route of the manifest is public"
		case !known || doorWords[entry].message == "":
			f = c.doorFinding(door, AnyEvent, protected)
			f.Message, f.Then = "whoever comes through may reach any handler", ""
			c.decides(gapOf(door.Lets, "who comes through the "+string(door.Kind), door.Where), f)
			continue
		case doorTokens[entry] != "":
			f = c.doorFinding(door, entry, protected)
		default:
			f.Message, f.Then = doorWords[entry].message, doorWords[entry].then
		}
		c.others = append(c.others, f)
	}
}

// doorFinding returns an exposure, with a request to a route that is not public.
func (c *comparison) doorFinding(door *Door, entry Entry, protected *route.Route) Finding {
	method, path := example(protected)
	return Finding{
		Kind: Exposed, Door: door, Route: protected, Method: method, Path: path,
		Caller: allowed(protected.Access), Token: doorTokens[entry], Message: doorWords[entry].message, Then: doorWords[entry].then,
	}
}

// protected returns a route that is not public, if possible one that asks for a
// token, and nil if all are public.
func (c *comparison) protected() *route.Route {
	var found *route.Route
	isBetter := func(r *route.Route) bool {
		if found == nil || r.Access.Auth != found.Access.Auth {
			return found == nil || r.Access.Auth == route.JWT
		}
		return r.Line < found.Line
	}
	for _, r := range c.wanted {
		if r.Access.Auth != route.Public && isBetter(r) {
			found = r
		}
	}
	return found
}
