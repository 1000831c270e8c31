package review

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/routegate/routegate/framework/route"
)

// A Flip is a change that turns the answer to a request round: all of its edits
// together do, and no part of them. Where an edit has several names to choose
// from, each of them does. The production decision says so; see letsIn.
type Flip struct {
	Edits []Edit

	// What the change leads to, once for every name that can be chosen.
	callers  []route.Caller
	accesses []route.Access
}

// MayCall says in words who may call a route after it was changed. It is "" for
// the change of a caller, and where it depends on the name that is chosen.
func (f Flip) MayCall() string {
	open := func(e Edit) bool { return e.Do == Set && (e.What == "group" || e.What == "scope") && len(e.Names) == 0 }
	if len(f.accesses) != 1 || slices.ContainsFunc(f.Edits, open) {
		return ""
	}
	return f.accesses[0].String()
}

// An Edit is one thing to change, of a caller or of a route.
type Edit struct {
	Do   Do
	What string // "token", "iam", "group" or "scope"; of a route also "public"

	// Names are the groups or scopes: Add and Set need one of them, Remove all.
	// Of Set it may be empty, for any that the caller does not have.
	Names []string

	Line int // of the manifest; 0 for a caller

	// Declare are those of Names that the manifest has to declare as well.
	Declare []string
}

// A Do is what to do.
type Do string

// What there is to do. The key of a route is "public", "auth", "groups" or
// "scopes".
const (
	Add     Do = "add"     // one of the names, or a proof of who calls
	Remove  Do = "remove"  // all of the names, or the proof
	Replace Do = "replace" // the token, by one that the gateway takes
	Set     Do = "set"     // the key, to nothing but one of the names
	Drop    Do = "drop"    // the key
)

// String says the change in words, without its line: "group ADMINS or USERS" of
// what a caller needs, `add "USERS" to groups` of a route.
func (e Edit) String() string {
	switch {
	case e.Line > 0:
		return e.routeString()
	case e.What == "iam":
		return "the signature of an IAM caller"
	case e.Do == Replace:
		return "a token that the gateway takes"
	case e.What == "token":
		return "a token"
	case e.Do == Remove:
		return plural(e.What, len(e.Names)) + " " + listed(e.Names, ", ", plain)
	}
	return e.What + " " + listed(e.Names, " or ", plain)
}

func (e Edit) routeString() string {
	key := keyOfEdit[e.What]
	var text string
	switch {
	case e.What == "public" && e.Do == Set:
		text = "say public: true"
	case e.What == "iam" && e.Do == Set:
		text = "say auth: iam"
	case e.Do == Drop:
		text = "drop " + key
	case e.Do == Remove:
		text = "take " + listed(e.Names, ", ", strconv.Quote) + " from " + key
	case e.Do == Add:
		text = "add " + listed(e.Names, " or ", strconv.Quote) + " to " + key
	case len(e.Names) == 1:
		text = "say " + key + ": [" + plain(e.Names[0]) + "]"
	case len(e.Names) > 0:
		text = "say " + key + ": with one of " + listed(e.Names, ", ", plain)
	default:
		text = "say " + key + ": with a " + e.What + " that the caller does not have"
	}
	if len(e.Declare) > 0 {
		text += ", and declare it"
	}
	return text
}

// letsIn reports whether a route that asks for a lets the caller in: the gateway
// in front of it, and the function behind that.
func letsIn(a route.Access, c route.Caller) bool {
	return a.AtGateway().Decide(c).Allowed && a.Decide(c.Behind(a)).Allowed
}

// callerFlips returns what would have to change of the caller: of one that is
// refused, the fewest things to add; of one that is let in, what to take away.
func callerFlips(a route.Access, q Question) []Flip {
	c := q.Caller
	c.Mismatch = false
	var flips []Flip
	allowed := letsIn(a, q.effective())
	switch {
	case q.Caller.Mismatch: // what the other token has is not known
	case allowed:
		flips = takeAway(a, c)
	default:
		flips = give(a, c, q.Refused != "")
	}
	flips = slices.DeleteFunc(flips, func(f Flip) bool {
		return slices.ContainsFunc(f.callers, func(c route.Caller) bool { return letsIn(a, c) == allowed })
	})
	slices.SortStableFunc(flips, func(f, g Flip) int { return cmp.Compare(f.size(), g.size()) })
	return flips
}

// size counts the things that a flip of a caller changes.
func (f Flip) size() int {
	n := 0
	for _, c := range f.Edits {
		if c.Do == Remove {
			n += max(1, len(c.Names))
		} else {
			n++
		}
	}
	return n
}

// give returns what a caller lacks. There is one smallest change, but for the
// names to choose from: each check is passed with one more thing, or was before.
func give(a route.Access, c route.Caller, refused bool) []Flip {
	var f Flip
	switch {
	case a.Auth != route.JWT && a.Auth != route.IAM:
		return nil
	case c.Auth != a.Auth:
		f.Edits = append(f.Edits, Edit{Do: Add, What: proof(a.Auth)})
		c = route.Caller{Auth: a.Auth}
	case refused:
		f.Edits = append(f.Edits, Edit{Do: Replace, What: "token"})
	}
	groups, scopes := missing(a, c)
	if len(scopes) > 0 {
		f.Edits = append(f.Edits, Edit{Do: Add, What: "scope", Names: scopes})
	}
	if len(groups) > 0 {
		f.Edits = append(f.Edits, Edit{Do: Add, What: "group", Names: groups})
	}
	for i := range max(len(groups), len(scopes), 1) {
		with := c
		with.Principal.Groups = plus(c.Principal.Groups, groups, i)
		with.Principal.Scopes = plus(c.Principal.Scopes, scopes, i)
		f.callers = append(f.callers, with)
	}
	return []Flip{f}
}

func proof(a route.Auth) string {
	if a == route.IAM {
		return "iam"
	}
	return "token"
}

// plus returns held and one of names, counted round and round.
func plus(held, names []string, i int) []string {
	if len(names) == 0 {
		return held
	}
	return append(slices.Clone(held), names[i%len(names)])
}

// missing returns the groups and the scopes of the access of which the caller
// needs one and has none.
func missing(a route.Access, c route.Caller) (groups, scopes []string) {
	if !letsIn(route.Access{Auth: a.Auth, Groups: a.Groups}, c) {
		groups = a.Groups
	}
	if !letsIn(route.Access{Auth: a.Auth, Scopes: a.Scopes}, c) {
		scopes = a.Scopes
	}
	return groups, scopes
}

// takeAway returns the ways in which a caller has too little: without any of the
// groups that each suffice, or of the scopes, or without its proof.
func takeAway(a route.Access, c route.Caller) []Flip {
	if a.Auth == route.Public {
		return nil // whoever it is
	}
	groups, scopes := sufficient(a, c)
	var flips []Flip
	if len(groups) > 0 {
		less := c
		less.Principal.Groups = minus(c.Principal.Groups, groups)
		flips = append(flips, Flip{Edits: []Edit{{Do: Remove, What: "group", Names: groups}}, callers: []route.Caller{less}})
	}
	if len(scopes) > 0 {
		less := c
		less.Principal.Scopes = minus(c.Principal.Scopes, scopes)
		flips = append(flips, Flip{Edits: []Edit{{Do: Remove, What: "scope", Names: scopes}}, callers: []route.Caller{less}})
	}
	return append(flips, Flip{Edits: []Edit{{Do: Remove, What: proof(c.Auth)}}, callers: []route.Caller{{}}})
}

// sufficient returns those of the caller's groups of which one is enough for the
// access, and the scopes likewise; none where the access asks for none.
func sufficient(a route.Access, c route.Caller) (groups, scopes []string) {
	for _, name := range c.Principal.Groups {
		asks := route.Access{Auth: a.Auth, Groups: a.Groups}
		if letsIn(asks, Token([]string{name}, nil)) && !letsIn(asks, Token(nil, nil)) && !slices.Contains(groups, name) {
			groups = append(groups, name)
		}
	}
	for _, name := range c.Principal.Scopes {
		asks := route.Access{Auth: a.Auth, Scopes: a.Scopes}
		if letsIn(asks, Token(nil, []string{name})) && !letsIn(asks, Token(nil, nil)) && !slices.Contains(scopes, name) {
			scopes = append(scopes, name)
		}
	}
	return groups, scopes
}

func minus(names, without []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(without, name) })
}
