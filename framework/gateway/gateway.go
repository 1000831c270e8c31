package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/routegate/routegate/framework/route"
)

// The limits of an HTTP API (developer guide, "Quotas for configuring and
// running an HTTP API").
const (
	maxTimeout = 30 * time.Second
	maxBody    = 10 << 20
	maxHeader  = 10_240 // request line and header values together
)

// longPath is how long a path may be before the ARN of what is called, which has
// about a hundred bytes in front of it, may have more than the 1,600 that it may
// have where a route asks for authorization (developer guide, "Amazon API Gateway
// quotas", which speaks of methods, as REST APIs have them).
const longPath = 1_500

// A Function answers events. *Runtime does, and so does *framework.App.
type Function interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// Options are what an HTTP API is configured with, and switches that make it
// stricter than AWS is known to be. The zero Options let nobody use a route that
// asks for a token.
type Options struct {
	// Stage stands in front of every path. "" is $default, which does not.
	Stage string

	// Authorizer verifies the tokens of JWT routes. nil refuses every request to
	// them.
	Authorizer *Authorizer

	// IAM tells who signed a request with AWS credentials, by the ARN, and ""
	// where nobody did. The gateway itself cannot check signatures: nil refuses
	// every request to IAM routes. It is for tests, which say who calls.
	IAM func(*http.Request) (userARN string)

	// CORS is answered for by the gateway. nil leaves it to the function.
	CORS *CORS

	// PayloadV1 sends events in payload format 1.0, which is what Terraform's
	// integration has unless it is told "2.0".
	PayloadV1 bool

	// Timeout is how long the function has. 0 is 30 s, which is also the most.
	Timeout time.Duration

	// Base64 encodes the body of every request, so that handlers are found that
	// do not heed isBase64Encoded.
	Base64 bool

	// StrictSlash lets a path that ends in a slash match greedy routes only.
	// Reports on AWS conflict; most of them say that the slash does not count.
	StrictSlash bool

	// Observe is called once a request, when it has been answered. It is not
	// waited for by the client, but by the connection.
	Observe func(Exchange)
}

// An Exchange is what happened to one request, for a log or a page. Event,
// Answer, Path and Query may hold secrets; nothing else does.
type Exchange struct {
	ID       string // of the request, as in the apigw-requestid header
	Start    time.Time
	Duration time.Duration

	Method, Path, Query string // as sent

	Status   int
	Route    *route.Route // nil: none matched
	By       string       // who answered: "gateway" or "function"
	Refusal  string       // why the gateway did not hand on what the function said, for people
	Event    []byte       // what the function got; nil if it was not asked
	Answer   []byte       // what the function returned; nil likewise
	Warnings []string     // where AWS may differ, or is known to surprise
}

// A Gateway is an HTTP API. It is safe for concurrent use.
type Gateway struct {
	opts     Options
	function Function
	matcher  atomic.Pointer[matcher]
	cors     *CORS
	corsErr  error
}

// New makes a Gateway of the routes of a table, all of them in front of one
// function.
func New(t *route.Table, f Function, opts Options) *Gateway {
	if opts.Timeout <= 0 || opts.Timeout > maxTimeout {
		opts.Timeout = maxTimeout
	}
	if opts.Stage == "" {
		opts.Stage = "$default"
	}
	g := &Gateway{opts: opts, function: f, cors: opts.CORS}
	if g.cors != nil {
		if g.corsErr = g.cors.Validate(); g.corsErr != nil {
			g.cors = &CORS{}
		}
	}
	g.SetTable(t)
	return g
}

// SetTable replaces the routes for the requests that come from now on.
func (g *Gateway) SetTable(t *route.Table) {
	g.matcher.Store(newMatcher(t, g.opts.StrictSlash))
}

// ServeHTTP answers a request as the HTTP API would.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &Exchange{ID: requestID(), Start: time.Now(), Method: r.Method, By: "gateway"}
	x.Path, x.Query = target(r)
	if g.corsErr != nil {
		x.warn("the CORS configuration is not valid, so that no origin is allowed: %v", g.corsErr)
	}

	answer := g.answer(w, r, x)
	if g.cors != nil && !answer.preflight {
		// On the gateway's own errors, too: AWS does not say whether it does.
		g.cors.decorate(answer.header, r.Header.Get("Origin"))
	}
	x.Status = answer.status
	answer.send(w, r.Method, x.ID, time.Now().UTC().Format(http.TimeFormat))
	x.Duration = time.Since(x.Start)
	if g.opts.Observe != nil {
		g.opts.Observe(*x)
	}
}

// answer takes a request as far as it gets.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, x *Exchange) reply {
	if size := headerSize(r); size > maxHeader {
		x.warn("AWS publishes the limit of %d bytes and not the answer: status 431 is a guess", maxHeader)
		return x.refuse(http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large",
			"the request line and the header values have %d bytes together: API Gateway takes %d", size, maxHeader)
	}
	raw, ok := cutStage(x.Path, g.opts.Stage)
	if !ok {
		return x.refuse(http.StatusNotFound, "Not Found", "the path is not under the stage %s", g.opts.Stage)
	}
	if g.cors != nil && isPreflight(r) {
		return g.preflight(r, x)
	}

	m := g.matcher.Load()
	path := splitPath(raw)
	found := m.match(r.Method, path)
	x.Route = found.route
	x.warnOfPath(m, r.Method, raw, found)
	if found.route == nil {
		if isPreflight(r) {
			x.warn("the browser will not send the request that this preflight is for: there is no CORS configuration")
		}
		return x.refuse(http.StatusNotFound, "Not Found", "no route takes this method and path")
	}
	in := &inbound{
		Request: r, id: x.ID, start: x.Start, path: x.Path, query: x.Query, stage: g.opts.Stage, match: found,
	}
	var refused *reply
	if x.Route.Access.Auth == route.IAM {
		in.userARN, refused = g.authorizeIAM(r, x)
	} else {
		in.claims, refused = g.authorize(r, x)
	}
	if refused != nil {
		return *refused
	}
	return g.integrate(w, in, x)
}

// target returns the path and the query as they were sent, which r.URL does not
// always keep.
func target(r *http.Request) (path, query string) {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, query, _ = strings.Cut(r.RequestURI, "?")
		return path, query
	}
	return route.EncodedPath(r.URL), r.URL.RawQuery // http://host/path, or a request made by hand
}

// headerSize counts what the quota does: "request line and header values".
func headerSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("  ") + len(r.Host)
	for _, values := range r.Header {
		for _, v := range values {
			n += len(v)
		}
	}
	return n
}

// preflight answers a preflight without a route, a token or the function: 204,
// and from an origin that is not allowed 204 without CORS headers, which is a
// choice. Captures of live traffic show no content-type with it.
func (g *Gateway) preflight(r *http.Request, x *Exchange) reply {
	answer := reply{status: http.StatusNoContent, header: make(http.Header), preflight: true}
	origin := r.Header.Get("Origin")
	g.cors.preflight(answer.header, origin)
	if g.cors.allowed(origin) == "" {
		x.Refusal = "CORS: the origin is not allowed"
		x.warn("what AWS answers to a preflight from an origin that is not allowed is not known")
	}
	if slices.Contains(g.cors.AllowHeaders, "*") && strings.Contains(strings.ToLower(r.Header.Get("Access-Control-Request-Headers")), "authorization") {
		x.warn("the Fetch standard does not count authorization among the headers that * allows: name it in the CORS configuration")
	}
	return answer
}

// authorize checks what the route asks of the gateway, and returns the claims of
// the token that it verified. Whatever is not known to be allowed is refused.
func (g *Gateway) authorize(r *http.Request, x *Exchange) (map[string]any, *reply) {
	refuse := func(answer reply) (map[string]any, *reply) { return nil, &answer }
	switch x.Route.Access.Auth {
	case route.Public:
		return nil, nil
	case route.JWT:
	default:
		return refuse(x.refuse(http.StatusForbidden, "Forbidden", "the route lets nobody in"))
	}

	unauthorized := func(challenge, format string, args ...any) (map[string]any, *reply) {
		answer := x.refuse(http.StatusUnauthorized, "Unauthorized", format, args...)
		answer.header.Set("Www-Authenticate", challenge)
		return nil, &answer
	}
	if g.opts.Authorizer == nil {
		return unauthorized("Bearer", "this gateway knows no issuer, so that it cannot check tokens")
	}
	token := bearerToken(r.Header["Authorization"], x)
	if token == "" {
		return unauthorized("Bearer", "no token")
	}
	payload, err := g.opts.Authorizer.Verify(r.Context(), token)
	var claims map[string]any
	if err == nil {
		claims, err = decodeClaims(payload)
	}
	if err != nil {
		description := badForm
		if refused := (*TokenError)(nil); errors.As(err, &refused) {
			description = refused.Description
		}
		// Spaces and no commas between the parameters: AWS's page
		// "Troubleshooting issues with HTTP API JWT authorizers" shows it.
		return unauthorized(`Bearer scope="" error="invalid_token" error_description="`+description+`"`, "%v", err)
	}
	// One is enough. Which www-authenticate comes with a 403, if any, is not known.
	if wanted := x.Route.Access.Scopes; len(wanted) > 0 {
		held := Scopes(claims)
		if !slices.ContainsFunc(wanted, func(s string) bool { return slices.Contains(held, s) }) {
			return refuse(x.refuse(http.StatusForbidden, "Forbidden", "scope: the token has none of %s", strings.Join(wanted, ", ")))
		}
	}
	x.warnOfClaims(claims)
	return claims, nil
}

// authorizeIAM returns who signed the request, as Options.IAM knows it.
func (g *Gateway) authorizeIAM(r *http.Request, x *Exchange) (userARN string, refused *reply) {
	if g.opts.IAM == nil {
		answer := x.refuse(http.StatusForbidden, "Forbidden", "this gateway cannot check the signatures of AWS credentials, so that it refuses everyone on an iam route")
		return "", &answer
	}
	if userARN = g.opts.IAM(r); userARN == "" {
		answer := x.refuse(http.StatusForbidden, "Forbidden", "nobody signed the request with AWS credentials")
		return "", &answer
	}
	return userARN, nil
}

// bearerToken reads the identity source $request.header.Authorization: a token,
// or "Bearer " and a token. Several headers are taken as AWS hands them on,
// joined by commas, which is no valid token.
func bearerToken(values []string, x *Exchange) string {
	value := strings.Trim(strings.Join(values, ","), " \t")
	scheme, rest := value, ""
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		scheme, rest = value[:i], strings.Trim(value[i:], " \t")
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return value
	}
	if scheme != "Bearer" && rest != "" {
		x.warn("the scheme is written %q: whether AWS takes anything but \"Bearer\" is not known", scheme)
	}
	return rest
}

// integrate asks the function.
func (g *Gateway) integrate(w http.ResponseWriter, in *inbound, x *Exchange) reply {
	tooLarge := func(format string, args ...any) reply {
		return x.refuse(http.StatusRequestEntityTooLarge, "Request Entity Too Large", format, args...)
	}
	if in.ContentLength > maxBody {
		return tooLarge("the body has %d bytes: API Gateway takes %d", in.ContentLength, maxBody)
	}
	body, err := readBody(w, in.Request)
	if tooMuch := (*http.MaxBytesError)(nil); errors.As(err, &tooMuch) {
		return tooLarge("the body has more than %d bytes, which API Gateway takes", maxBody)
	}
	if err != nil {
		return x.refuse(http.StatusBadRequest, "Bad Request", "the body could not be read: %v", err)
	}
	in.body = body
	contentType := in.Header.Get("Content-Type")
	in.isBase64 = len(body) > 0 && (g.opts.Base64 || !isText(contentType, body))
	x.warnOfBody(contentType, body)

	makeEvent := in.event
	if g.opts.PayloadV1 {
		makeEvent = in.eventV1
	}
	event, err := makeEvent()
	if err != nil {
		x.Refusal = "the event could not be made: " + err.Error()
		return internalServerError()
	}
	if len(event) > lambdaLimit {
		return tooLarge("the event has %d bytes: Lambda takes %d", len(event), lambdaLimit)
	}

	x.Event = event
	x.Answer, err = g.invoke(in.Context(), event)
	if errors.Is(err, errTimeout) {
		return x.refuse(http.StatusServiceUnavailable, "Service Unavailable", "the function did not answer within %v; it goes on", g.opts.Timeout)
	}
	if err != nil {
		x.Refusal = "the function failed: " + err.Error()
		return internalServerError()
	}
	answer, warnings, err := functionReply(x.Answer, g.opts.PayloadV1)
	x.Warnings = append(x.Warnings, warnings...)
	if err != nil {
		x.Refusal = err.Error()
		return internalServerError()
	}
	x.By = "function"
	return answer
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}

var errTimeout = errors.New("integration timeout")

// invoke leaves the function behind when its time is up: AWS does not stop it.
// Nor does it when the client hangs up.
func (g *Gateway) invoke(ctx context.Context, event []byte) ([]byte, error) {
	if g.function == nil {
		return nil, errors.New("there is none")
	}
	type result struct {
		answer []byte
		err    error
	}
	done := make(chan result, 1)
	go func() {
		r := result{err: errors.New("it panicked")}
		defer func() {
			if cause := recover(); cause != nil {
				r.err = fmt.Errorf("it panicked: %v", cause)
			}
			done <- r
		}()
		r.answer, r.err = g.function.Invoke(context.WithoutCancel(ctx), slices.Clone(event))
	}()
	timer := time.NewTimer(g.opts.Timeout)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-timer.C:
		return nil, errTimeout
	}
}

// refuse says why, and returns the gateway's answer.
func (x *Exchange) refuse(status int, message, format string, args ...any) reply {
	x.Refusal = fmt.Sprintf(format, args...)
	return gatewayReply(status, message)
}

func (x *Exchange) warn(format string, args ...any) {
	x.Warnings = append(x.Warnings, fmt.Sprintf(format, args...))
}

// warnOfPath tells where the choice of a route rests on a guess, and where a
// function that looks at the decoded path alone would run another route.
func (x *Exchange) warnOfPath(m *matcher, method, raw string, found match) {
	if found.emptyGreedy {
		x.warn("the greedy variable of %q takes nothing here: whether AWS does this is not documented", found.route.Key())
	}
	if found.route != nil && found.route.Access.Auth != route.Public && len(raw) > longPath {
		x.warn("the path has %d bytes: AWS documents status 414 where the ARN of a method has more than 1600, and not whether HTTP APIs give it", len(raw))
	}
	if strings.Contains(raw, "//") {
		x.warn("a repeated slash counts as one here: AWS does not document it")
	}
	if !strings.Contains(raw, "%") {
		return
	}
	decoded := unescape(raw, false)
	if other := m.match(method, splitPath(decoded)).route; other != found.route {
		x.warn("the decoded path is that of %s, but AWS may have authorized %s", keyOf(other), keyOf(found.route))
	}
	if strings.Contains(decoded, "?") {
		x.warn("AWS is reported to cut the path at a %%3F")
	}
	if strings.Contains(decoded, "%") {
		x.warn("AWS is reported to decode a path twice, and to refuse a %% that is no escape then: here it is decoded once")
	}
	if !utf8.ValidString(decoded) {
		x.warn("the path is not UTF-8: what AWS makes of it is not known")
	}
}

func keyOf(r *route.Route) string {
	if r == nil {
		return "no route"
	}
	return fmt.Sprintf("%q", r.Key())
}

// warnOfClaims names the claims that reach the function as text from which they
// cannot be read back.
func (x *Exchange) warnOfClaims(claims map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if isNested(claims[name]) {
			x.warn("the claim %q is nested: AWS hands it on as text that cannot be read back", name)
		}
	}
}

func isNested(claim any) bool {
	switch v := claim.(type) {
	case map[string]any:
		return true
	case []any:
		return slices.ContainsFunc(v, func(item any) bool {
			_, list := item.([]any)
			return list || isNested(item)
		})
	}
	return false
}

// warnOfBody tells of the types on which reports about base64 have nothing.
func (x *Exchange) warnOfBody(contentType string, body []byte) {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	if media = strings.TrimSpace(media); len(body) > 0 && (strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "+xml")) {
		x.warn("whether AWS encodes a body of type %q in base64 is not known: here it does", media)
	}
}
