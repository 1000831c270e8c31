package framework

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/internal/rawjson"
	"github.com/routegate/routegate/framework/route"
)

// HandlerOptions are what a container has to know beside the Options.
type HandlerOptions struct {
	// Verify returns the payload of a token that it vouches for, which is a JSON
	// object of claims (RFC 7519, section 3). A token with any other payload is
	// refused. The text of its error goes into the log, and must hold nothing of
	// the token that is somebody's. nil vouches for nobody.
	Verify func(ctx context.Context, token string) (payload string, err error)

	// Timeout is how long a request may take, from its last header on: for its
	// body to come, for the handler, and for the client to take the answer.
	// 0 is 30 s, API Gateway's limit.
	Timeout time.Duration

	// MaxBody is the longest body that is taken. 0 is 10 MiB, API Gateway's limit.
	MaxBody int64
}

// The limits of an HTTP API (developer guide, "Quotas for configuring and running
// an HTTP API").
const (
	defaultTimeout = 30 * time.Second
	defaultMaxBody = 10 << 20
)

// flushTime is how long a client may take for the end of an answer that was
// written in time.
const flushTime = 10 * time.Second

// Handler returns the App as a handler for net/http, with no gateway in front:
// the same routes, decisions, refusals and log as with Invoke. The paths have
// the stage in front here, too.
//
// Serve it directly, not behind an http.ServeMux, which redirects paths such as
// //x. What a gateway would have checked is checked here: a token only where a
// route asks for one, by Verify. Nobody checks signatures of AWS credentials, so
// that iam routes refuse everyone. The address of the client is that of the
// connection's other end; X-Forwarded-For is a header like any other. A connection
// is closed behind a body in chunks, which could hide another request from whoever
// is in front, and behind each request of HTTP/1.0.
//
// What a handler writes is sent at once, and it may flush. A handler that panics or
// takes too long therefore gets its problem document only if nothing of its response
// is on its way. Otherwise the connection is cut, so that the client does not take a
// part for the whole. As in Lambda, trailers and informational responses are not sent,
// status 101 is a panic, trailers of the request are not shown, and connections cannot
// be hijacked. Of a Connection header only "close" has an effect.
func (a *App) Handler(opts HandlerOptions) http.Handler {
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	if opts.MaxBody <= 0 {
		opts.MaxBody = defaultMaxBody
	}
	return &container{app: a, opts: opts}
}

// A container answers requests that no gateway saw.
type container struct {
	app  *App
	opts HandlerOptions
}

// A verdict is what is decided of a request, and on what grounds.
type verdict struct {
	route.Decision
	caller  route.Caller
	payload string // of the token
	refused error  // why the token was; nil if there was none, or it was not looked at
}

func (c *container) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.app.running.Add(1)
	defer c.app.running.Add(-1)
	start := time.Now()
	id := rand.Text()
	w.Header().Set("X-Request-Id", id)
	if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
		// Whoever is in front may have gone by a Content-Length, which net/http
		// drops without a word beside Transfer-Encoding: what it took for the rest
		// of the body would be a request here. Closing the connection is what
		// RFC 9112, section 6.1, asks for then, and always in HTTP/1.0, of which
		// net/http drops Transfer-Encoding itself.
		w.Header().Set("Connection", "close")
	}

	// A handler's time goes from here on, and no read or write outlasts it: what
	// is blocked in one when it is over comes back.
	ctx, cancel := context.WithDeadline(r.Context(), start.Add(c.opts.Timeout))
	defer cancel()
	conn := http.NewResponseController(w)
	deadline, _ := ctx.Deadline()
	if r.ContentLength != 0 { // else net/http reads to see whether the client goes
		_ = conn.SetReadDeadline(deadline) // a test's recorder has none
	}
	_ = conn.SetWriteDeadline(deadline)

	ctx = withTrace(ctx, r.Header.Get("X-Amzn-Trace-Id"))
	v := c.decide(ctx, r)
	out := &writer{to: w, conn: conn, id: id, header: make(http.Header)}
	c.answer(ctx, out, r, v)
	out.body.stop(conn)

	_ = conn.SetWriteDeadline(time.Now().Add(flushTime))
	end := time.Now()
	line := requestLine{
		id: id, source: "container", method: r.Method,
		status: out.status, failure: out.failure, end: end, took: end.Sub(start),
	}
	if v.refused != nil {
		line.more = []slog.Attr{slog.String("token_refused", v.refused.Error())}
	}
	if line.failure == "" && errors.Is(r.Context().Err(), context.Canceled) {
		line.failure = failureClientGone
	}
	c.app.logRequest(ctx, line, v.Decision)
	c.app.metrics.write(v.Decision, line.status, start, line.took)
	if out.cut {
		panic(http.ErrAbortHandler) // net/http's word for closing the connection
	}
}

// decide asks for a token only where a token is what is missing.
func (c *container) decide(ctx context.Context, r *http.Request) verdict {
	v := verdict{Decision: c.app.router.Decide(route.Request{Method: r.Method, EncodedPath: route.EncodedPath(r.URL)})}
	if v.Reason != route.NoPrincipal || v.Asking().Access.Auth != route.JWT || c.opts.Verify == nil {
		return v
	}
	token, _ := apigw.BearerToken(r.Header["Authorization"])
	if token == "" {
		return v
	}
	payload, err := c.opts.Verify(ctx, token)
	if err != nil {
		v.refused = err
		return v
	}
	claims, err := rawjson.Parse(payload, maxClaimDepth)
	if err != nil || claims.Root().Kind() != rawjson.Object {
		v.refused = errors.New("the payload is not a JSON object, has a claim twice, or is nested too deep") // err may quote it
		return v
	}
	defer claims.Free()
	caller := route.Caller{Auth: route.JWT, Principal: c.app.claims.fromToken(claims.Root())}
	return verdict{Decision: v.For(caller), caller: caller, payload: payload}
}

// answer runs the handler if the decision allows it, and refuses otherwise.
func (c *container) answer(ctx context.Context, out *writer, r *http.Request, v verdict) {
	switch {
	case !v.Allowed:
		p := newProblem(v.Reason.Status(), string(v.Reason), out.id)
		// RFC 6750, section 3.1. It lets the header name the scopes that would
		// have sufficed; that is for the log only.
		switch {
		case v.refused != nil:
			p.challenge = `Bearer error="invalid_token"`
		case v.Reason == route.MissingScope:
			p.challenge = `Bearer error="insufficient_scope"`
		}
		out.end(p)
		out.failure = "" // a refusal is what the manifest wants
		return
	case r.ContentLength > c.opts.MaxBody:
		out.end(bodyProblem(codeRequestTooLarge, out.id))
		return
	}

	ctx = &requestContext{
		Context: ctx, app: c.app, identity: identity{caller: v.caller, token: v.payload},
		id: out.id, routeKey: v.Route.Key(),
	}
	r = c.request(ctx, out, r, v.Decision)
	deadline, _ := ctx.Deadline()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case returned := <-c.app.run(ctx, out, r, v.Route, out.id):
		switch {
		case !returned:
			out.end(newProblem(http.StatusInternalServerError, codeInternal, out.id))
			return
		case !errors.Is(ctx.Err(), context.DeadlineExceeded) || out.begun():
			out.finish()
			return
		}
	case <-timer.C:
	}
	if out.body.isReading() {
		out.end(bodyProblem(codeRequestTimeout, out.id))
		return
	}
	out.end(newProblem(http.StatusServiceUnavailable, codeTimeout, out.id))
	if out.failure == codeTimeout {
		LoggerFrom(ctx).ErrorContext(ctx, "handler took too long")
	}
}

// request returns the request as the handler sees it: as the client sent it, but
// without the stage.
func (c *container) request(ctx context.Context, out *writer, r *http.Request, d route.Decision) *http.Request {
	r = r.WithContext(ctx)
	if prefix := c.app.router.Prefix(); prefix != "" {
		u := *r.URL
		u.Path = strings.TrimPrefix(u.Path, prefix)
		if u.Path == "" {
			u.Path = "/"
		}
		if u.RawPath != "" {
			u.RawPath = cutSegment(u.RawPath)
			if u.RawPath == (&url.URL{Path: u.Path}).EscapedPath() {
				u.RawPath = "" // only the stage was encoded in a way of its own
			}
		}
		r.URL, r.RequestURI = &u, cutTarget(r.RequestURI)
	}
	if r.Body != nil && r.Body != http.NoBody {
		// Not the ResponseWriter, whose headers it would change beside whoever
		// answers: out closes the connection by itself.
		out.body = &body{ReadCloser: http.MaxBytesReader(nil, r.Body, c.opts.MaxBody)}
		r.Body = out.body
	}
	r.Trailer = nil // which net/http may fill after the handler's time
	name(r, d)
	return r
}

// cutTarget returns a request target (RFC 9112, section 3.2) without the first segment
// of its path. A target that has no path is returned as it is.
func cutTarget(target string) string {
	origin := ""
	if scheme, rest, ok := strings.Cut(target, "://"); ok && !strings.Contains(scheme, "/") {
		host, _, _ := strings.Cut(rest, "/")
		origin = scheme + "://" + host
	}
	path, _, _ := strings.Cut(target[len(origin):], "?")
	if !strings.HasPrefix(path, "/") {
		return target // a request that did not come over a connection may have any
	}
	return origin + cutSegment(path) + target[len(origin)+len(path):]
}

// cutSegment returns an encoded path without its first segment, however that is
// encoded. The path must begin with a slash.
func cutSegment(path string) string {
	_, rest, _ := strings.Cut(path[1:], "/")
	return "/" + rest
}
