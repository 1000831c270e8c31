// Package apigw turns the events that AWS sends to a function into net/http
// requests, and what a handler writes into the answer that AWS expects. Nothing
// else in this module knows what an event looks like.
//
//	event, err := apigw.Decode(payload)   // which service, which route, who
//	req, err := event.Request(ctx)        // a server request, as net/http makes it
//	resp := apigw.NewResponse(event.Method)
//	handler.ServeHTTP(resp, req)
//	payload, err = event.Encode(resp)     // in the form that service takes
//
// Five services call a function over HTTP, and no two of them agree on what a
// path, a query or a header is:
//
//	source         path in the event       query in the event     headers        route key
//	HTTP API 2.0   decoded, with stage     as sent                joined by ","  yes
//	Function URL   encoded                 as sent                joined by ","  none
//	HTTP API 1.0   encoded and decoded     decoded, repeated      repeated       yes
//	REST API       encoded, with base path decoded, repeated      repeated       from method and resource
//	ALB            encoded                 encoded, see below     see below      none
//
// A load balancer sends each query parameter and header once, or repeated,
// depending on a setting of its target group, and wants the answer in the form
// of the request.
//
// Three rules hold for all of them.
//
// A path is decoded exactly once. A path that is decoded already is never parsed
// as a URL: in "/a?b" the question mark is a character of the path that the
// client wrote as %3F, and taking it for the start of a query would let the
// client run another route than the one the gateway authorized.
//
// Who calls is read from requestContext alone. A header can be sent by anyone.
//
// Header values are never split or joined on the way in: commas are part of
// dates, cookies and user agents.
//
// Keys of an event count only in their exact case, unlike with plain
// encoding/json, and a key that comes twice in one object is an error: where two
// readers could disagree on a value, there is none.
//
// The tables behind all this are AWS's pages "Create AWS Lambda proxy
// integrations for HTTP APIs", "Invoking Lambda function URLs", "Set up Lambda
// proxy integrations in API Gateway" and "Use Lambda functions as targets of an
// Application Load Balancer", and captures of live traffic where those are
// silent.
package apigw
