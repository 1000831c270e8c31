package apigw

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/routegate/routegate/framework/internal/rawjson"
)

// Decode reads an event of any of the five sources.
//
// The error for a payload that is not JSON wraps that of encoding/json. For an
// event that is none of the five, the error says what it looks like, if that is
// known, and which keys it has; errors never hold values of the event. Nothing of
// payload's memory is kept.
func Decode(payload []byte) (*Event, error) {
	text := string(payload)
	doc, err := rawjson.Parse(text, rawjson.MaxDepth)
	if err != nil {
		return nil, parseError(err)
	}
	defer doc.Free()
	e := &Event{payload: text}
	top := object{doc.Root(), &e.failure}
	if top.Kind() != rawjson.Object {
		return nil, parseError(errNotObject)
	}
	source, looksLike := sourceOf(top)
	if e.failure != nil {
		return nil, e.failure
	}
	e.Source = source
	switch source {
	case HTTPAPI, FunctionURL:
		e.decodeV2(top)
	case HTTPAPIv1, REST:
		e.decodeV1(top)
	case ALB:
		e.decodeALB(top)
	default:
		return nil, unknownEvent(top, looksLike)
	}
	e.TraceHeader = e.header("X-Amzn-Trace-Id")
	e.body = top.text("body")
	e.base64 = top.flag("isBase64Encoded")
	if e.failure != nil {
		return nil, e.failure
	}

	// net/http holds a method to the same rule (RFC 9110, section 9.1).
	if !validToken(e.Method) {
		return nil, errors.New("gateway event: the method is not an HTTP method")
	}
	if !strings.HasPrefix(e.Path, "/") {
		return nil, errors.New(`gateway event: the path does not start with "/"`)
	}
	return e, nil
}

// sourceOf tells the sources apart by what only one of them has, in an order in
// which no earlier test can take what belongs to a later one. That routeKey is
// "$default" says nothing: quick-create HTTP APIs and Function URLs share it.
//
// With no source it returns a guess at what the event is, or "".
func sourceOf(top object) (source Source, looksLike string) {
	context := top.object("requestContext")
	version := top.peek("version")
	method := top.peek("httpMethod") != ""

	switch kind := top.peek("type"); {
	case kind == "REQUEST" || kind == "TOKEN":
		return 0, "a call of a Lambda authorizer"
	case context.has("elb"):
		return ALB, ""
	case context.peek("connectionId") != "":
		return 0, "a WebSocket event"
	case version == "2.0" && context.has("http"):
		if strings.Contains(context.peek("domainName"), ".lambda-url.") {
			return FunctionURL, ""
		}
		return HTTPAPI, ""
	case version == "1.0" && method:
		return HTTPAPIv1, ""
	case !top.has("version") && method && context.peek("resourceId") != "":
		return REST, ""
	case top.has("Records"):
		return 0, "an S3, SQS, SNS or stream event"
	case top.has("detail-type"):
		return 0, "an EventBridge event"
	}
	return 0, ""
}

// unknownEvent describes an event by its keys, of which it shows the first few.
func unknownEvent(top object, looksLike string) error {
	const shown = 20
	var msg strings.Builder
	msg.WriteString("gateway event: not a request from an HTTP API, a REST API, a Function URL or a load balancer")
	if looksLike != "" {
		msg.WriteString(", looks like " + looksLike)
	}
	keys := top.keys()
	if len(keys) == 0 {
		msg.WriteString("; it has no keys")
	}
	for i, key := range keys {
		switch {
		case i == shown:
			fmt.Fprintf(&msg, " and %d more", len(keys)-shown)
		case i > shown:
		case i == 0:
			fmt.Fprintf(&msg, "; it has the keys %.100q", key)
		default:
			fmt.Fprintf(&msg, ", %.100q", key)
		}
	}
	return errors.New(msg.String())
}

// trimStage drops "/stage" from the front of path where it is a whole segment, so
// that stage "mvp" leaves "/mvpadmin/x" alone. The default stage adds no segment.
//
// Whether a custom domain that is mapped to a named stage puts the stage in front
// rests on one report. So a path that is already what the gateway matched, which
// is resource filled with params, is left alone: with the stage "v1" and the route
// "/v1/x" the first segment of "/v1/x" is the route's.
func trimStage(path, stage, resource string, params map[string]string) string {
	if stage == "" || stage == "$default" {
		return path
	}
	rest, ok := strings.CutPrefix(path, "/"+stage)
	if !ok || rest != "" && rest[0] != '/' {
		return path
	}
	if filled, ok := fill(resource, params); ok && strings.TrimRight(filled, "/") == strings.TrimRight(path, "/") {
		return path
	}
	return rest
}

// orRoot gives the empty path, which comes of a bare stage or mapping key, the
// name under which routes know it.
func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// unescape decodes each percent escape of s once. What is no escape stays as it
// is, so a lone "%" does no harm, and decoding the parts of a path gives the parts
// of the decoded path: url.PathUnescape would fail for the whole of it.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
