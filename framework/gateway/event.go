package gateway

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/routegate/routegate/framework/apigw"
)

// What AWS would know and localhost does not. The account is the one that AWS's
// documentation uses in examples.
const (
	accountID = "123456789012"
	apiID     = "localhost1a"
)

// eventTime is the form of requestContext.time: "12/Mar/2020:19:03:58 +0000".
const eventTime = "02/Jan/2006:15:04:05 -0700"

// An inbound is a request for which a route was found, and which it lets in.
type inbound struct {
	*http.Request
	id       string
	start    time.Time
	path     string // as sent, with the stage
	query    string // as sent
	stage    string // "$default" where there is none
	match    match
	claims   map[string]any // of the verified token; nil on routes that ask for none
	userARN  string         // of who signed with AWS credentials; "" on routes that do not ask
	body     []byte
	isBase64 bool // the body goes into the event in base64
}

// The types below are the events as AWS documents them ("Create AWS Lambda proxy
// integrations for HTTP APIs"), in the order of its samples. Captures of live
// traffic show that format 2.0 leaves out what is empty.
type eventV2 struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        contextV2         `json:"requestContext"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	Body                  *string           `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type contextV2 struct {
	AccountID    string        `json:"accountId"`
	APIID        string        `json:"apiId"`
	Authorizer   *authorizerV2 `json:"authorizer,omitempty"`
	DomainName   string        `json:"domainName"`
	DomainPrefix string        `json:"domainPrefix"`
	HTTP         httpV2        `json:"http"`
	RequestID    string        `json:"requestId"`
	RouteKey     string        `json:"routeKey"`
	Stage        string        `json:"stage"`
	Time         string        `json:"time"`
	TimeEpoch    int64         `json:"timeEpoch"`
}

type authorizerV2 struct {
	JWT *authorizedJWT `json:"jwt,omitempty"`
	IAM *authorizedIAM `json:"iam,omitempty"`
}

type authorizedJWT struct {
	Claims map[string]string `json:"claims"`
	Scopes []string          `json:"scopes"` // null on a route that asks for none
}

type authorizedIAM struct {
	AccessKey       string  `json:"accessKey"`
	AccountID       string  `json:"accountId"`
	CallerID        string  `json:"callerId"`
	CognitoIdentity *string `json:"cognitoIdentity"` // null: AWS credentials that are not Cognito's
	PrincipalOrgID  *string `json:"principalOrgId"`  // null: an account in no organization
	UserARN         string  `json:"userArn"`
	UserID          string  `json:"userId"`
}

type httpV2 struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// event returns the event in payload format 2.0.
func (in *inbound) event() ([]byte, error) {
	header := in.header()
	host, prefix := in.domain()
	path := unescape(in.path, false) // rawPath is decoded, whatever its name says
	key := in.match.route.Key()
	e := eventV2{
		Version:               "2.0",
		RouteKey:              key,
		RawPath:               path,
		RawQueryString:        in.query,
		Cookies:               cookies(header),
		Headers:               make(map[string]string, len(header)),
		QueryStringParameters: joinedQuery(in.query),
		RequestContext: contextV2{
			AccountID:    accountID,
			APIID:        apiID,
			DomainName:   host,
			DomainPrefix: prefix,
			HTTP: httpV2{
				Method:    in.Method,
				Path:      path,
				Protocol:  in.Proto,
				SourceIP:  in.sourceIP(),
				UserAgent: in.UserAgent(),
			},
			RequestID: in.id,
			RouteKey:  key,
			Stage:     in.stage,
			Time:      in.start.UTC().Format(eventTime),
			TimeEpoch: in.start.UnixMilli(),
		},
		PathParameters:  in.match.params,
		Body:            in.text(),
		IsBase64Encoded: in.isBase64,
	}
	for name, values := range header {
		if name != "Cookie" { // it is in cookies
			e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	switch {
	case in.claims != nil:
		a := in.authorized()
		e.RequestContext.Authorizer = &authorizerV2{JWT: &a}
	case in.userARN != "":
		a := in.signed()
		e.RequestContext.Authorizer = &authorizerV2{IAM: &a}
	}
	return marshal(e)
}

// authorized returns what the gateway says of a verified token. Its scopes are
// all that it has, and null where the route asks for none (captures of live
// traffic).
func (in *inbound) authorized() authorizedJWT {
	a := authorizedJWT{Claims: make(map[string]string, len(in.claims))}
	for name, value := range in.claims {
		if text, ok := apigw.HTTPAPIClaims.Text(name, value); ok {
			a.Claims[name] = text
		}
	}
	if len(in.match.route.Access.Scopes) > 0 {
		a.Scopes = Scopes(in.claims)
	}
	return a
}

// signed returns what the gateway says of AWS credentials. The keys are those of
// the examples in AWS's documentation.
func (in *inbound) signed() authorizedIAM {
	const id = "AIDACKCEVSQ6C2EXAMPLE"
	a := authorizedIAM{AccessKey: "AKIAIOSFODNN7EXAMPLE", AccountID: accountID, CallerID: id, UserARN: in.userARN, UserID: id}
	// arn:partition:service:region:account:resource
	if parts := strings.SplitN(in.userARN, ":", 6); len(parts) == 6 && parts[4] != "" {
		a.AccountID = parts[4]
	}
	return a
}

// hopByHop are the headers that are about one connection only (RFC 9110, section
// 7.6.1, and what it replaced).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// dropHopByHop removes them, and those that Connection names. Authorization and
// Cookie stay even then: a client must not be able to let the gateway verify a
// token and the function see none.
func dropHopByHop(h http.Header) {
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			switch name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name {
			case "Authorization", "Cookie":
			default:
				delete(h, name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// header returns the headers that the function sees: the client's, and those that
// captures of live traffic show to be added. It replaces an X-Amzn-Trace-Id that the
// client sent. Load balancers and REST APIs keep that (see [apigw.Event]), and AWS does
// not document what an HTTP API does.
func (in *inbound) header() http.Header {
	h := make(http.Header, len(in.Header)+6)
	for name, values := range in.Header {
		name = http.CanonicalHeaderKey(name)
		h[name] = append(h[name], values...)
	}
	dropHopByHop(h)
	h.Set("Host", in.Host)
	h.Set("Content-Length", strconv.Itoa(len(in.body)))
	h.Set("X-Amzn-Trace-Id", traceID(in.start))
	h.Set("X-Forwarded-For", strings.Join(append(h["X-Forwarded-For"], in.sourceIP()), ", "))
	h.Set("X-Forwarded-Port", "443")
	h.Set("X-Forwarded-Proto", "https")
	return h
}

// domain returns the host that the client asked for, and its first label.
func (in *inbound) domain() (name, prefix string) {
	name = in.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	prefix, _, _ = strings.Cut(name, ".")
	return name, prefix
}

func (in *inbound) sourceIP() string {
	if host, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
		return host
	}
	return in.RemoteAddr
}

// text returns the body as the event has it, nil where there is none.
func (in *inbound) text() *string {
	if len(in.body) == 0 {
		return nil
	}
	s := string(in.body)
	if in.isBase64 {
		s = base64.StdEncoding.EncodeToString(in.body)
	}
	return &s
}

// isText reports whether a body of this type goes into the event as it is. AWS
// publishes no list; this is the wider of two that were found by trying, and
// HTML forms are on neither.
func isText(contentType string, body []byte) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch media {
	case "application/json", "application/xml", "application/javascript":
	default:
		if !strings.HasPrefix(media, "text/") {
			return false
		}
	}
	return utf8.Valid(body) // JSON holds nothing else
}

// cookies splits the Cookie headers (RFC 6265, section 4.2).
func cookies(h http.Header) []string {
	var list []string
	for _, value := range h["Cookie"] {
		for c := range strings.SplitSeq(value, ";") {
			if c = strings.TrimSpace(c); c != "" {
				list = append(list, c)
			}
		}
	}
	return list
}

// queryPairs yields the parameters of a query, decoded. One without "=" has an
// empty value; AWS does not say.
func queryPairs(query string, yield func(name, value string)) {
	for pair := range strings.SplitSeq(query, "&") {
		if pair != "" {
			name, value, _ := strings.Cut(pair, "=")
			yield(validText(unescape(name, true)), validText(unescape(value, true)))
		}
	}
}

// validText does before what encoding JSON would do to bytes that are no UTF-8:
// afterwards two names could be one, which is no JSON object any more.
func validText(s string) string { return string([]rune(s)) }

// joinedQuery returns the parameters of format 2.0, where those that come more
// than once are joined by commas.
func joinedQuery(query string) map[string]string {
	params := make(map[string]string)
	queryPairs(query, func(name, value string) {
		if earlier, ok := params[name]; ok {
			value = earlier + "," + value
		}
		params[name] = value
	})
	return params
}

// requestID returns an id as captures of live traffic show it: 15 characters of
// base64 and "=".
func requestID() string {
	b := make([]byte, 11)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return base64.URLEncoding.EncodeToString(b)
}

// traceID returns a root of AWS X-Ray: the time and a random number.
func traceID(t time.Time) string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	binary.BigEndian.PutUint32(b, uint32(t.Unix()))
	return "Root=1-" + hex.EncodeToString(b[:4]) + "-" + hex.EncodeToString(b[4:])
}

// marshal writes JSON with its keys in a stable order, and with "<", ">" and "&"
// as they are, since each escape would count as six bytes of the limit.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
