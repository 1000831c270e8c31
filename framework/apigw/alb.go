package apigw

import (
	"net/netip"
	"strings"
)

// decodeALB reads the event of an Application Load Balancer, which AWS documents
// under "Use Lambda functions as targets of an Application Load Balancer".
//
// It has no authorizer. The balancer can authenticate users and then sends
// x-amzn-oidc-* headers, but a listener rule without that action lets a client
// send them too, so they vouch for nothing.
func (e *Event) decodeALB(top object) {
	e.Method = top.text("httpMethod")
	multi := top.object("multiValueHeaders")
	// A setting of the target group decides on the form, and the answer must be
	// in the same one.
	e.multi = multi.hasAny() || top.has("multiValueHeaders") && !top.has("headers")
	e.setHeaders(top.object("headers"), multi, "")
	e.setEncodedPath(orRoot(top.text("path")))
	// Unlike API Gateway the balancer leaves the query encoded.
	verbatim := func(s string) string { return s }
	e.query = encodeQuery(top.textMap("queryStringParameters"), top.listMap("multiValueQueryStringParameters"), verbatim)

	// The balancer sets X-Forwarded-Proto and appends the peer it saw to
	// X-Forwarded-For, so only the right-most entry is not the client's word. (The
	// balancer's setting to preserve that header makes it worthless.)
	e.https = last(e.appendHeaders(nil, "X-Forwarded-Proto")) == "https"
	hops := strings.Split(last(e.appendHeaders(nil, "X-Forwarded-For")), ",")
	e.SourceIP = strings.TrimSpace(last(hops))
	if peer, err := netip.ParseAddrPort(e.SourceIP); err == nil {
		e.SourceIP = peer.Addr().String() // another setting adds the port
	}
	e.RequestID = TraceRoot(e.header("X-Amzn-Trace-Id"))
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
