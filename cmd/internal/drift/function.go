package drift

import (
	"regexp"
	"strings"
)

// A functionName is what a string says about a function. Parts that the string does
// not have are "".
type functionName struct {
	partition, region, account, name, qualifier string
}

// invocation matches the URI by which API Gateway invokes a function (API reference,
// CreateIntegration, integrationUri).
var invocation = regexp.MustCompile(`^arn:[^:]*:apigateway:[^:]*:lambda:path/[0-9-]+/functions/(.+)/(?:response-streaming-)?invocations$`)

// parseFunction reads an ARN, a partial ARN, a name, each with or without a qualifier,
// or an invocation URI with an ARN (Lambda API reference, Invoke, FunctionName). It
// reports false for any other string.
func parseFunction(s string) (functionName, bool) {
	if m := invocation.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	var f functionName
	parts := strings.Split(s, ":")
	if parts[0] == "arn" {
		if len(parts) < 7 || parts[2] != "lambda" || parts[5] != "function" {
			return functionName{}, false
		}
		f.partition, f.region, f.account = parts[1], parts[3], parts[4]
		parts = parts[6:]
	} else if len(parts) >= 3 && parts[1] == "function" {
		f.account = parts[0]
		parts = parts[2:]
	}
	if parts[0] == "function" && len(parts) > 1 {
		parts = parts[1:]
	}
	f.name = parts[0]
	switch {
	case len(parts) == 2:
		f.qualifier = parts[1]
	case len(parts) > 2:
		return functionName{}, false
	}
	return f, functionNameChars.MatchString(f.name)
}

var functionNameChars = regexp.MustCompile(`^[A-Za-z0-9_-]{1,140}$`)

// arn returns the ARN without a qualifier, or "" if parts are missing.
func (f functionName) arn() string {
	if f.region == "" || f.account == "" || f.partition == "" {
		return ""
	}
	return "arn:" + f.partition + ":lambda:" + f.region + ":" + f.account + ":function:" + f.name
}

// fits reports whether f and g can be the same function, whatever their qualifiers.
func (f functionName) fits(g functionName) bool {
	same := func(a, b string) bool { return a == "" || b == "" || a == b }
	return f.name == g.name && same(f.partition, g.partition) && same(f.region, g.region) && same(f.account, g.account)
}
