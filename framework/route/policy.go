package route

import (
	"slices"
	"strconv"
	"strings"

	"github.com/routegate/routegate/framework/manifest"
)

// A Test is one of the manifest's own: a caller, and what it may and may not do.
type Test struct {
	Name   string
	Caller Caller
	Line   int
	// The requests, such as "GET /v1/users/42", with their places.
	Allow, Deny []manifest.String
}

// test resolves a test of the manifest.
func (c *compiler) test(mt *manifest.Test) Test {
	t := Test{Name: mt.Name.Value, Line: mt.Line, Allow: mt.Allow, Deny: mt.Deny}
	if mt.As == nil {
		return t // no token
	}
	c.groups.test(c.report, mt.As.Groups)
	c.scopes.test(c.report, mt.As.Scopes)
	t.Caller.Auth = JWT
	t.Caller.Principal = Principal{Groups: values(mt.As.Groups), Scopes: values(mt.As.Scopes)}
	if mt.As.Auth.Value == "iam" {
		t.Caller.Auth = IAM
		if len(mt.As.Groups) > 0 || len(mt.As.Scopes) > 0 {
			c.report.Errorf(mt.As.Auth.Span, "iam-and-token", "an iam caller has no token, so no groups and no scopes")
		}
	}
	return t
}

// Tests returns the manifest's own tests, in its order.
func (t *Table) Tests() []Test { return slices.Clone(t.tests) }

// A TestResult is how one request of a Test was answered.
type TestResult struct {
	Test     *Test
	Request  manifest.String
	Allow    bool // what the manifest says
	Decision Decision
}

// Passed reports whether the request was answered as the manifest says. One
// that no route answers never is, whether it should be allowed or refused:
// nothing guards it, so most likely it is misspelt.
func (r TestResult) Passed() bool {
	return r.Decision.Route != nil && r.Decision.Allowed == r.Allow
}

// RunTests runs the manifest's own tests through the production router and
// decision, request by request.
func (t *Table) RunTests() []TestResult {
	if len(t.tests) == 0 {
		return nil
	}
	router := NewRouter(t, "")
	var results []TestResult
	for i := range t.tests {
		test := &t.tests[i]
		run := func(requests []manifest.String, allow bool) {
			for _, request := range requests {
				method, path, _ := strings.Cut(request.Value, " ")
				d := router.Decide(Request{Method: method, EncodedPath: path, Caller: test.Caller})
				results = append(results, TestResult{test, request, allow, d})
			}
		}
		run(test.Allow, true)
		run(test.Deny, false)
	}
	return results
}

// Test returns a diagnostic for each request of the manifest's own tests that
// did not pass.
func (t *Table) Test() []manifest.Diagnostic {
	var failed []manifest.Diagnostic
	for _, r := range t.RunTests() {
		if !r.Passed() {
			failed = append(failed, r.Diagnostic())
		}
	}
	return failed
}

// Diagnostic says, at the request's place, that it did not pass.
func (r TestResult) Diagnostic() manifest.Diagnostic {
	failure := manifest.Diagnostic{Span: r.Request.Span, Rule: "failing-test"}
	failure.Message = "test " + manifest.Quote(r.Test.Name) + " fails: " + manifest.Quote(r.Request.Value)
	switch d := r.Decision; {
	case d.Route == nil:
		failure.Message += " is answered by no route"
	case d.Allowed:
		failure.Message += " is allowed by " + manifest.Quote(d.Route.Key()) + " on line " + strconv.Itoa(d.Route.Line)
	default:
		failure.Message += " is refused by " + manifest.Quote(d.Route.Key()) + " on line " + strconv.Itoa(d.Route.Line) + ": " + string(d.Reason)
	}
	return failure
}
