package apigw

import (
	"slices"
	"strings"
)

// decodeV2 reads payload format 2.0, which an HTTP API and a Function URL share
// but for the path, the cookies and the authorizer. AWS documents it under "Create
// AWS Lambda proxy integrations for HTTP APIs" and "Invoking Lambda function URLs".
func (e *Event) decodeV2(top object) {
	context := top.object("requestContext")
	http := context.object("http")

	e.Method = http.text("method")
	e.Stage = context.text("stage")
	e.RequestID = gatewayID(context.text("requestId"))
	e.SourceIP = http.text("sourceIp")
	e.query = top.text("rawQueryString")
	e.https = true // neither service listens for plain HTTP

	// Repeated headers come joined by commas, and are left so: which commas the
	// gateway added cannot be told any more.
	e.setHeaders(top.object("headers"), object{}, context.text("domainName"))
	// An HTTP API moves cookies out of the headers; a Function URL sends them in
	// both places. One header holds them all (RFC 6265, section 5.4).
	if cookies := top.texts("cookies"); len(cookies) > 0 {
		e.fields = slices.DeleteFunc(e.fields, func(f field) bool { return f.name == "Cookie" })
		e.fields = append(e.fields, field{"Cookie", cleanValue(strings.Join(cookies, "; "))})
	}

	path, authorizer := top.text("rawPath"), context.object("authorizer")
	if e.Source == FunctionURL {
		// Here rawPath is raw. A Function URL has no routes, though it says
		// "$default", and no authorizer but IAM's.
		e.setEncodedPath(orRoot(path))
		e.Authorizer = iamAuthorizer(authorizer.object("iam"))
		return
	}
	// Despite its name rawPath is decoded by an HTTP API: a "?", "#" or "%" in it
	// is a character the client escaped, so it is neither parsed nor decoded.
	// It holds the stage, unless that is $default, and never the mapping key; it
	// is empty where a request has nothing after the mapping key.
	e.RouteKey = top.text("routeKey")
	e.PathParameters = top.textMap("pathParameters") // decoded too
	_, resource, _ := strings.Cut(e.RouteKey, " ")
	e.Path = orRoot(trimStage(path, e.Stage, resource, e.PathParameters))
	e.Authorizer = authorizerV2(authorizer)
}
