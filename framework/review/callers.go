package review

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// Callers yields callers that stand for all callers as far as some accesses can
// tell them apart, the ones that hold least first: nobody, an IAM caller, and
// tokens with at most two groups and at most two scopes.
//
// That is enough. An access asks for any one of its groups and any one of its
// scopes, so whoever gets in gets in by one group and one scope at most; two of
// each are for what passes two checks, of two versions or of a gateway and a
// function that differ. And of several groups that the same accesses ask for one
// is enough. So what is true of these callers' answers is true of all callers'.
func Callers(accesses ...route.Access) iter.Seq[route.Caller] {
	var groups, scopes [][]string
	for _, a := range accesses {
		groups, scopes = append(groups, a.Groups), append(scopes, a.Scopes)
	}
	groups, scopes = upToTwo(representatives(groups)), upToTwo(representatives(scopes))
	return func(yield func(route.Caller) bool) {
		if !yield(route.Caller{}) || !yield(Token(nil, nil)) || !yield(route.Caller{Auth: route.IAM}) {
			return
		}
		for size := 1; size <= 4; size++ {
			for _, s := range scopes {
				for _, g := range groups {
					if len(s)+len(g) == size && !yield(Token(g, s)) {
						return
					}
				}
			}
		}
	}
}

// representatives returns one name for each way in which some lists have a name
// or not, the first in alphabetical order.
func representatives(lists [][]string) []string {
	in := make(map[string][]byte) // in which lists a name is
	for i, list := range lists {
		for _, name := range list {
			for len(in[name]) <= i/8 {
				in[name] = append(in[name], 0)
			}
			in[name][i/8] |= 1 << (i % 8)
		}
	}
	seen := make(map[string]bool)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if key := string(in[name]); !seen[key] {
			seen[key] = true
			names = append(names, name)
		}
	}
	return names
}

// upToTwo returns the sets of none, one and two of the names.
func upToTwo(names []string) [][]string {
	sets := [][]string{nil}
	for i, a := range names {
		sets = append(sets, []string{a})
		for _, b := range names[:i] {
			sets = append(sets, []string{b, a})
		}
	}
	return sets
}

// Token returns a caller with a valid token that has these groups and scopes.
func Token(groups, scopes []string) route.Caller {
	return route.Caller{Auth: route.JWT, Principal: route.Principal{Groups: groups, Scopes: scopes}}
}

// Describe says in words who a caller is: "nobody", "an IAM caller", "a token",
// "a token with group ADMINS and scope users/read".
func Describe(c route.Caller) string {
	switch {
	case c.Mismatch:
		return "a token that is not the one that was verified"
	case c.Auth == route.IAM:
		return "an IAM caller"
	case c.Auth != route.JWT:
		return "nobody"
	}
	var has []string
	if list := c.Principal.Groups; len(list) > 0 {
		has = append(has, plural("group", len(list))+" "+strings.Join(list, ", "))
	}
	if list := c.Principal.Scopes; len(list) > 0 {
		has = append(has, plural("scope", len(list))+" "+strings.Join(list, ", "))
	}
	if len(has) == 0 {
		return "a token"
	}
	return "a token with " + strings.Join(has, " and ")
}

func plural(noun string, n int) string {
	if n != 1 {
		return noun + "s"
	}
	return noun
}
