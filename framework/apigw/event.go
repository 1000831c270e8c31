package apigw

import (
	"context"
	"fmt"
)

// Source says which AWS service made an event. The zero value is no source.
type Source int

// The services that call a function over HTTP.
const (
	HTTPAPI     Source = iota + 1 // HTTP API, payload format 2.0
	FunctionURL                   // Lambda function URL
	HTTPAPIv1                     // HTTP API, payload format 1.0
	REST                          // REST API, Lambda proxy integration
	ALB                           // Application Load Balancer, Lambda target
)

// String returns the name of the service for logs, such as "HTTP API".
func (s Source) String() string {
	switch s {
	case HTTPAPI:
		return "HTTP API"
	case FunctionURL:
		return "Function URL"
	case HTTPAPIv1:
		return "HTTP API (payload 1.0)"
	case REST:
		return "REST API"
	case ALB:
		return "load balancer"
	}
	return fmt.Sprintf("Source(%d)", int(s))
}

// Event is one request as AWS described it. Its exported fields are for reading:
// an event may be shared by all that see the request's context.
type Event struct {
	// Source is the service that made the event.
	Source Source

	// Method is the HTTP method as the client sent it, which may differ from
	// that of RouteKey ("ANY /x").
	Method string

	// Path is the requested path, decoded exactly once, without the stage and,
	// where the source adds it, without the API mapping key. Repeated and
	// trailing slashes are those the client sent. It starts with "/".
	Path string

	// EncodedPath is Path as the client encoded it. It is "" if the event has only
	// the decoded path, as that of an HTTP API with payload format 2.0.
	EncodedPath string

	// RouteKey is the route that the gateway chose and authorized, such as
	// "GET /users/{id}", "ANY /x/{p+}" or "$default". It is empty for a
	// Function URL and a load balancer, which choose none.
	RouteKey string

	// PathParameters are the decoded values of RouteKey's variables, by name.
	PathParameters map[string]string

	// Stage is requestContext.stage, "$default" included; empty when there is
	// none.
	Stage string

	// RequestID is requestContext.requestId. It is empty if that is not an id of at
	// most 128 letters, digits and characters of "+/=_-".
	//
	// A client of a REST API can choose the id with its X-Amzn-RequestId header. Only
	// a UUID is taken, and otherwise requestContext.extendedRequestId, which no client
	// can choose (API Gateway developer guide, "Access logging for REST APIs"). A load
	// balancer has no request id. RequestID is then the Root of the X-Amzn-Trace-Id
	// header, which the client can choose as well; see TraceRoot.
	RequestID string

	// TraceHeader is the X-Amzn-Trace-Id header, which AWS adds to every request. If
	// the client sent one, a load balancer keeps its Root (ELB user guide, "Request
	// tracing for your Application Load Balancer"), and a REST API keeps the trace (API
	// Gateway developer guide, "Trace user requests to REST APIs using X-Ray"). AWS
	// does not document what an HTTP API and a Function URL do.
	TraceHeader string

	// SourceIP is the address of the peer that the service saw, never what a
	// client claims in X-Forwarded-For.
	SourceIP string

	// Authorizer is what the gateway vouches for.
	Authorizer Authorizer

	payload     string
	failure     error   // the first of reading it; nil once it is decoded
	fields      []field // headers, without Host
	host        string  // host header, else the domain name
	escapedPath string  // Path as the client encoded it; "" when not known
	query       string  // for URL.RawQuery
	body        string  // as in the event
	base64      bool    // body is in base64
	https       bool    // the client spoke TLS
	multi       bool    // ALB: the answer goes into multiValueHeaders
}

// Payload returns the whole event as it came, in a slice of its own. What Decode was
// given is not kept: aws-lambda-go reads the next event into the same memory, while
// a handler that was left behind at its deadline may still look at this one.
func (e *Event) Payload() []byte { return []byte(e.payload) }

// eventKey is the context key of the event. Being unexported it can be set by
// Request alone, so no client and no other package can put an event there.
type eventKey struct{}

// EventFrom returns the event that a request was made from, given the request's
// context. It reports false when the request did not come from an event, as in a
// container.
func EventFrom(ctx context.Context) (*Event, bool) {
	e, ok := ctx.Value(eventKey{}).(*Event)
	return e, ok
}
