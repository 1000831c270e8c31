package sample

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// Item is the value of the path's variables in the events.
const (
	ID   = "7d1e4c52"
	Item = "42"
)

// Answer is the body that the handler "show" answers with.
func Answer(item string) string {
	return `{"id":"` + item + `","status":"shipped","quantity":3}`
}

// Get is an event of an HTTP API, payload 2.0, for the last route of n that reads
// an item, with the JWT authorizer in front. With byPath the gateway has one
// route, $default, that takes everything, and so chose none of the n.
func Get(n int, byPath bool) []byte {
	r := route((n/perResource-1)*perResource + 7)
	return event(r, byPath, "", 0)
}

// Post is an event with a body, JSON as text.
func Post(n int, body string) []byte {
	r := route((n/perResource-1)*perResource + 6)
	return event(r, false, body, len(body))
}

// JSON returns a document of about so many bytes: a list of objects, as an API
// returns them.
func JSON(size int) string {
	var b strings.Builder
	b.WriteByte('[')
	for i := 0; b.Len() < size-100; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"Grüße %d","price":%d.5,"tags":["new","sale"],"note":"two \"quoted\" words\n"}`, i, i, i)
	}
	b.WriteByte(']')
	return b.String()
}

// What a gateway of an HTTP API with a custom domain sends, in its order: the
// API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP
// APIs", has the keys, and leaves out what is empty.
type payload struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Headers         map[string]string `json:"headers"`
	RequestContext  requestContext    `json:"requestContext"`
	PathParameters  map[string]string `json:"pathParameters,omitempty"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string     `json:"accountId"`
	APIID        string     `json:"apiId"`
	Authorizer   authorizer `json:"authorizer"`
	DomainName   string     `json:"domainName"`
	DomainPrefix string     `json:"domainPrefix"`
	HTTP         httpPart   `json:"http"`
	RequestID    string     `json:"requestId"`
	RouteKey     string     `json:"routeKey"`
	Stage        string     `json:"stage"`
	Time         string     `json:"time"`
	TimeEpoch    int64      `json:"timeEpoch"`
}

type authorizer struct {
	JWT struct {
		Claims map[string]string `json:"claims"`
		Scopes []string          `json:"scopes"`
	} `json:"jwt"`
}

type httpPart struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

const (
	domain    = "api.example.com"
	userAgent = "okhttp/4.12.0"
)

func event(r Route, byPath bool, body string, length int) []byte {
	path := strings.NewReplacer("{id}", ID, "{item}", Item).Replace(r.Path)
	p := payload{
		Version: "2.0", RouteKey: r.Method + " " + r.Path, RawPath: path,
		Headers: map[string]string{
			"accept":            "application/json",
			"accept-encoding":   "gzip",
			"authorization":     "Bearer " + token(),
			"content-length":    fmt.Sprint(length),
			"host":              domain,
			"user-agent":        userAgent,
			"x-amzn-trace-id":   "Root=1-6a5145a9-1bae89e2512ec92d5d9438a0",
			"x-forwarded-for":   "203.0.113.7",
			"x-forwarded-port":  "443",
			"x-forwarded-proto": "https",
		},
		Body: body,
		RequestContext: requestContext{
			AccountID: "123456789012", APIID: "a1b2c3d4e5",
			DomainName: domain, DomainPrefix: "api",
			HTTP:      httpPart{Method: r.Method, Path: path, Protocol: "HTTP/1.1", SourceIP: "203.0.113.7", UserAgent: userAgent},
			RequestID: "ATfSdF7nPHcErRA=", Stage: "$default",
			Time: "10/Jul/2026:19:19:04 +0000", TimeEpoch: 1783711144000,
		},
	}
	if body != "" {
		p.Headers["content-type"] = "application/json"
	}
	p.PathParameters = map[string]string{"id": ID}
	if strings.Contains(r.Path, "{item}") {
		p.PathParameters["item"] = Item
	}
	if byPath {
		p.RouteKey, p.PathParameters = "$default", nil
	}
	p.RequestContext.RouteKey = p.RouteKey
	p.RequestContext.Authorizer.JWT.Claims = make(map[string]string)
	for _, c := range claims {
		p.RequestContext.Authorizer.JWT.Claims[c.name] = c.text
	}
	p.RequestContext.Authorizer.JWT.Scopes = strings.Fields(claimScope)
	return marshal(p)
}

const claimScope = "api/read profile"

// claims are those of an access token of Amazon Cognito (developer guide,
// "Understanding the access token"), and the gateway's text of each.
var claims = []struct {
	name  string
	typed any
	text  string
}{
	{"sub", "9f2c4d1e-5b0a-4c67-8e1f-3a7d90b2c654", "9f2c4d1e-5b0a-4c67-8e1f-3a7d90b2c654"},
	{"groups", []string{"staff", "night shift"}, "[staff night shift]"},
	{"iss", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E"},
	{"version", 2, "2"},
	{"client_id", "3n4b5urk1ft4fl3mg5e62d9ado", "3n4b5urk1ft4fl3mg5e62d9ado"},
	{"event_id", "c3b1f0a2-7d64-4e0b-9a55-1f0c2d3e4b5a", "c3b1f0a2-7d64-4e0b-9a55-1f0c2d3e4b5a"},
	{"token_use", "access", "access"},
	{"scope", claimScope, claimScope},
	{"auth_time", 1783711000, "1783711000"},
	{"exp", 1783714600, "1783714600"},
	{"iat", 1783711000, "1783711000"},
	{"jti", "5e0d2a71-64c8-4b39-bb1e-08f7c6a5d432", "5e0d2a71-64c8-4b39-bb1e-08f7c6a5d432"},
	{"username", "alice@example.com", "alice@example.com"},
}

// token is what Cognito signs with RS256: the signature of a key of 2048 bits,
// which nobody looks at behind the gateway that has.
func token() string {
	var payload bytes.Buffer
	payload.WriteByte('{')
	for i, c := range claims {
		if i > 0 {
			payload.WriteByte(',')
		}
		fmt.Fprintf(&payload, "%q:%s", c.name, marshal(c.typed))
	}
	payload.WriteByte('}')
	signature := make([]byte, 256)
	for i := range signature {
		signature[i] = byte(i*167 + 13)
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"kid":"abcdefghijklmnopqrsexample=","alg":"RS256"}`)) + "." +
		enc.EncodeToString(payload.Bytes()) + "." + enc.EncodeToString(signature)
}

// marshal writes "<", ">" and "&" as they are, as the gateway does.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // the values are this package's own
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
