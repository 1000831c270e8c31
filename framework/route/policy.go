package route

import (
	"strconv"
	"strings"

	"github.com/routegate/routegate/framework/manifest"
)

// A test is one of the manifest's own: a caller, and what it may and may not do.
type test struct {
	name        string
	caller      Caller
	allow, deny []manifest.String // "GET /v1/users/42"
}

// test resolves a test of the manifest.
func (c *compiler) test(mt *manifest.Test) test {
	t := test{name: mt.Name.Value, allow: mt.Allow, deny: mt.Deny}
	if mt.As == nil {
		return t // no token
	}
	c.groups.check(c.report, mt.As.Groups)
	c.scopes.check(c.report, mt.As.Scopes)
	t.caller.Auth = JWT
	t.caller.Principal = Principal{Groups: values(mt.As.Groups), Scopes: values(mt.As.Scopes)}
	if mt.As.Auth.Value == "iam" {
		t.caller.Auth = IAM
		if len(mt.As.Groups) > 0 || len(mt.As.Scopes) > 0 {
			c.report.Errorf(mt.As.Auth.Span, "iam-and-token", "an iam caller has no token, so no groups and no scopes")
		}
	}
	return t
}

// Test runs the manifest's own tests through the production router and
// decision, and returns a diagnostic for each request that is not answered as
// the manifest says. A request that no route answers fails, whether it should
// be allowed or refused: nothing guards it, so most likely it is misspelt.
func (t *Table) Test() []manifest.Diagnostic {
	if len(t.tests) == 0 {
		return nil
	}
	router := NewRouter(t, "")
	var failed []manifest.Diagnostic
	for _, test := range t.tests {
		for _, request := range test.allow {
			failed = append(failed, test.run(router, request, true)...)
		}
		for _, request := range test.deny {
			failed = append(failed, test.run(router, request, false)...)
		}
	}
	return failed
}

func (t test) run(router *Router, request manifest.String, allow bool) []manifest.Diagnostic {
	method, path, _ := strings.Cut(request.Value, " ")
	d := router.Decide(Request{Method: method, Path: path, Caller: t.caller})
	if d.Route != nil && d.Allowed == allow {
		return nil
	}
	failure := manifest.Diagnostic{Span: request.Span, Rule: "failing-test"}
	failure.Message = "test " + manifest.Quote(t.name) + " fails: " + manifest.Quote(request.Value)
	switch {
	case d.Route == nil:
		failure.Message += " is answered by no route"
	case d.Allowed:
		failure.Message += " is allowed by " + manifest.Quote(d.Route.Key()) + " on line " + strconv.Itoa(d.Route.Line)
	default:
		failure.Message += " is refused by " + manifest.Quote(d.Route.Key()) + " on line " + strconv.Itoa(d.Route.Line) + ": " + string(d.Reason)
	}
	return []manifest.Diagnostic{failure}
}
