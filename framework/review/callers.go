package review

import (
	"iter"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// Callers yields callers that stand for all callers as far as some accesses can
// tell them apart, the ones that hold least first: nobody, an IAM caller, and
// tokens with at most one of the groups and at most one of the scopes.
//
// One of each is enough. An access asks for any one of its groups and any one
// of its scopes, so it lets a token in if and only if it lets in a token with
// some one group, or none, and some one scope, or none, that the first one has.
// What two accesses answer alike for these callers they answer alike for all.
func Callers(accesses ...route.Access) iter.Seq[route.Caller] {
	groups, scopes := []string{""}, []string{""}
	for _, a := range accesses {
		groups = append(groups, a.Groups...)
		scopes = append(scopes, a.Scopes...)
	}
	slices.Sort(groups)
	slices.Sort(scopes)
	groups, scopes = slices.Compact(groups), slices.Compact(scopes)
	return func(yield func(route.Caller) bool) {
		if !yield(route.Caller{}) {
			return
		}
		for _, scope := range scopes {
			for _, group := range groups {
				if !yield(Token(one(group), one(scope))) {
					return
				}
			}
		}
		yield(route.Caller{Auth: route.IAM})
	}
}

func one(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
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
