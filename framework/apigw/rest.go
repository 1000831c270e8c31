package apigw

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// decodeV1 reads the event of a REST API and payload format 1.0 of an HTTP API,
// which was made to resemble it. AWS documents them under "Set up Lambda proxy
// integrations in API Gateway" and "Create AWS Lambda proxy integrations for HTTP
// APIs".
func (e *Event) decodeV1(top object) {
	context := top.object("requestContext")
	identity := context.object("identity")
	domain := context.text("domainName")

	e.Method = top.text("httpMethod")
	e.Stage = context.text("stage")
	e.RequestID = context.text("requestId")
	if e.Source == REST && !isUUID(e.RequestID) {
		e.RequestID = context.text("extendedRequestId")
	}
	e.RequestID = gatewayID(e.RequestID)
	e.SourceIP = identity.text("sourceIp")
	e.https = true
	e.setHeaders(top.object("headers"), top.object("multiValueHeaders"), domain)
	e.query = encodeQuery(top.textMap("queryStringParameters"), top.listMap("multiValueQueryStringParameters"), url.QueryEscape)
	style := HTTPAPIClaims
	if e.Source == REST {
		style = CognitoRESTClaims
	}
	e.Authorizer = authorizerV1(context.object("authorizer"), identity, style)

	resource := top.text("resource")
	path, contextPath := top.text("path"), context.text("path")
	params := top.textMap("pathParameters")
	custom := domain != "" && !strings.Contains(domain, ".execute-api.")

	if e.Source == REST {
		// A REST API has no route keys; method and resource make one. Its path
		// and parameters are encoded, each decoded here once. The stage is only
		// in requestContext.path. With a custom domain, both paths are instead
		// what the client sent, base path included.
		e.RouteKey = e.Method + " " + resource
		if custom && contextPath == path {
			path = trimBasePath(path, resource, params)
		}
		e.setEncodedPath(orRoot(path))
		for name, value := range params {
			params[name] = unescape(value)
		}
		e.PathParameters = params
		return
	}

	// In format 1.0 requestContext.resourceId holds the route key.
	switch id, key := context.text("resourceId"), context.text("routeKey"); {
	case isRouteKey(id):
		e.RouteKey = id
	case key != "":
		e.RouteKey = key
	case resource == "$default":
		e.RouteKey = resource
	case resource != "":
		e.RouteKey = e.Method + " " + resource
	}
	// Sources disagree on whether path is encoded: captures of April 2025 show it
	// encoded ("/users/J%20Doe"), a later report has it decoded. The same captures
	// show requestContext.path and pathParameters decoded, and nothing contradicts
	// them, so Path is requestContext.path, and it is not decoded here. An event
	// without requestContext.path did not come from the gateway. Its path is taken as
	// it is, because decoding a path a second time opens holes.
	escaped := path
	if contextPath != "" {
		path = contextPath
	}
	path = trimStage(path, e.Stage, resource, params)
	if custom {
		path = trimBasePath(path, resource, params)
	}
	e.Path = orRoot(path)
	if end := encodedEnd(escaped, e.Path); contextPath != "" && end != "" {
		e.keepEncoding(end)
	}
	e.PathParameters = params
}

// encodedEnd returns the end of a path, from one of its slashes on, that decodes to
// decoded. It returns "" if there is none. In front of it can be the stage or the base
// path, which decoded lacks.
func encodedEnd(path, decoded string) string {
	for more := len(unescape(path)) - len(decoded); more > 0; {
		slash := strings.Index(path[1:], "/") + 1
		if slash == 0 {
			return ""
		}
		more -= len(unescape(path[:slash]))
		path = path[slash:]
	}
	if !strings.HasPrefix(path, "/") || unescape(path) != decoded {
		return ""
	}
	return path
}

// isRouteKey tells the route key of an HTTP API, "GET /x" or "$default", from the
// random resource id of a REST API.
func isRouteKey(s string) bool {
	method, path, ok := strings.Cut(s, " ")
	return s == "$default" || ok && validToken(method) && strings.HasPrefix(path, "/")
}

// trimBasePath drops the base path, which is also called API mapping key, from the
// front of path: whatever stands before resource with its variables filled in.
// Where path does not end so it is left alone. Slashes at the end do not count,
// and stay.
func trimBasePath(path, resource string, params map[string]string) string {
	filled, ok := fill(resource, params)
	if !ok {
		return path
	}
	base, ok := strings.CutSuffix(strings.TrimRight(path, "/"), strings.TrimRight(filled, "/"))
	if !ok {
		return path
	}
	return path[len(base):]
}

// fill puts values in place of the variables of a resource such as "/a/{b}/{c+}".
// It reports false where a value is missing or the resource is no path.
func fill(resource string, params map[string]string) (string, bool) {
	if !strings.HasPrefix(resource, "/") {
		return "", false
	}
	segments := strings.Split(resource, "/")
	for i, s := range segments {
		if !strings.HasPrefix(s, "{") || !strings.HasSuffix(s, "}") {
			continue
		}
		value, ok := params[strings.TrimSuffix(s[1:len(s)-1], "+")]
		if !ok {
			return "", false
		}
		segments[i] = value
	}
	return strings.Join(segments, "/"), true
}

// encodeQuery builds a query string, keys in order and values as they came, each
// passed through escape. The single map holds only the last value of each key, so
// it counts only where there is no other.
func encodeQuery(single map[string]string, multi map[string][]string, escape func(string) string) string {
	if len(multi) == 0 {
		multi = make(map[string][]string, len(single))
		for key, value := range single {
			multi[key] = []string{value}
		}
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(multi)) {
		for _, value := range multi[key] {
			pairs = append(pairs, escape(key)+"="+escape(value))
		}
	}
	return strings.Join(pairs, "&")
}
