package review

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// A Step is a check of a decision in words.
type Step struct {
	By     string // "gateway" or "function"
	Check  route.Check
	Passed bool
	Asked  bool // whether the route asks for it at all
	Text   string
	Line   int // of the manifest, that decides it; 0 where none does
}

// Explain puts the steps of a decision of the function in words.
func Explain(d route.Decision) []Step {
	steps := []Step{}
	asking := d.Route
	for _, s := range d.Steps {
		if s.Check == route.CheckReadAs {
			asking = d.ReadAs
		}
		steps = append(steps, Step{
			By: "function", Check: s.Check, Passed: s.Passed, Asked: !s.Passed || s.By != "",
			Text: explainStep(d, asking, s), Line: lineOf(asking, s.Check),
		})
	}
	return steps
}

// lineOf returns the line of the manifest that decides a check of a route.
func lineOf(r *route.Route, check route.Check) int {
	switch {
	case r == nil:
		return 0
	case check == route.CheckRoute, check == route.CheckReadAs:
		return r.LineOf("path")
	case check != route.CheckCaller:
		return r.LineOf(string(check)) // "scopes" or "groups"
	case r.Access.Auth == route.Public:
		return r.LineOf("public")
	}
	return r.LineOf("auth")
}

// explainStep puts a step in words. asking is the route that the step is about.
func explainStep(d route.Decision, asking *route.Route, s route.Step) string {
	switch s.Check {
	case route.CheckReadAs:
		return "the path is that of " + s.By + ", which must allow the caller too"
	case route.CheckRoute:
		switch {
		case s.Passed:
			return s.By
		case d.Reason == route.DotSegment:
			return `the path has a segment "." or ".."`
		case d.Reason == route.RouteMismatch:
			return "the gateway authorized another path"
		}
		return "no route matches"
	case route.CheckCaller:
		switch {
		case s.By == route.Public.String():
			return "nobody is asked"
		case s.Passed:
			return "vouched for: " + s.By
		case d.Reason == route.TokenMismatch:
			return "the token is not the one that was verified"
		case d.Reason == route.WrongAuth:
			return "this route asks for " + asking.Access.Auth.String()
		}
		return "nobody vouched for the caller"
	case route.CheckScopes:
		return explainNames("scope", s, asking.Access.Scopes)
	}
	return explainNames("group", s, asking.Access.Groups)
}

func explainNames(noun string, s route.Step, wanted []string) string {
	switch {
	case !s.Passed:
		return "needs the " + noun + " " + strings.Join(wanted, " or ")
	case s.By == "":
		return "no " + noun + " is asked for"
	}
	return "has the " + noun + " " + s.By
}

// explainGateway puts in words what the gateway makes of a caller. refused says
// why it refuses the caller's token, "" where it does not.
func explainGateway(d route.Decision, refused string) []Step {
	var steps []Step
	for _, s := range Explain(d) {
		s.By = "gateway"
		switch auth := d.Route.Access.Auth; {
		case s.Check == route.CheckGroups:
			continue // of which the gateway knows nothing
		case s.Check != route.CheckCaller:
		case auth == route.Public:
			s.Text = "no token is asked for"
		case auth == route.IAM && s.Passed:
			s.Text = "a request signed with AWS credentials is asked for, and it is"
		case auth == route.IAM:
			s.Text = "a request signed with AWS credentials is asked for, and it is not"
		case s.Passed:
			s.Text = "a valid token is asked for, and there is one"
		case refused != "":
			s.Text = refused
		default:
			s.Text = "a valid token is asked for, and there is none"
		}
		steps = append(steps, s)
	}
	return steps
}

// held says which names the caller of a failed check has instead.
func held(s Step, c route.Caller) string {
	list := c.Principal.Groups
	switch {
	case s.Passed || s.Check != route.CheckGroups && s.Check != route.CheckScopes:
		return ""
	case s.Check == route.CheckScopes:
		list = c.Principal.Scopes
	}
	if len(list) == 0 {
		return "; the caller has none"
	}
	return "; the caller has " + listed(list, ", ", plain)
}

// shownNames is how many names a sentence holds: a token may have hundreds.
const shownNames = 8

// listed joins names as quote writes them, and counts those that are too many.
func listed(names []string, separator string, quote func(string) string) string {
	var shown []string
	for i, name := range names {
		if i == shownNames {
			shown = append(shown, fmt.Sprintf("%d more", len(names)-i))
			break
		}
		shown = append(shown, quote(name))
	}
	return strings.Join(shown, separator)
}

// plain returns a name as it is where that shows what it is, and quoted where it
// does not: tokens hold any text.
func plain(name string) string {
	if name == "" || strings.ContainsAny(name, " ,;") || strconv.Quote(name) != `"`+name+`"` {
		return strconv.Quote(name)
	}
	return name
}

// describe says who the caller is, as Describe does, in words that a terminal
// can show whatever is in the token, and with its subject.
func describe(c route.Caller) string {
	shown := route.Caller{Auth: c.Auth, Mismatch: c.Mismatch}
	for _, list := range []struct{ from, to *[]string }{
		{&c.Principal.Groups, &shown.Principal.Groups}, {&c.Principal.Scopes, &shown.Principal.Scopes},
	} {
		for i, name := range *list.from {
			if i == shownNames {
				*list.to = append(*list.to, fmt.Sprintf("%d more", len(*list.from)-i))
				break
			}
			*list.to = append(*list.to, plain(name))
		}
	}
	text := Describe(shown)
	switch sub := c.Principal.Subject; {
	case sub == "" || c.Auth == route.NoAuth:
	case c.Auth == route.IAM:
		text += ", " + plain(sub)
	default:
		text += ", sub " + plain(sub)
	}
	return text
}
