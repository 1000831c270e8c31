package framework

import (
	"context"
	"log/slog"
	"sync"

	"github.com/routegate/routegate/framework/route"
)

// A requestContext is the context of a request with what the App knows of it.
type requestContext struct {
	context.Context
	app      *App
	identity identity
	id       string // of the request
	routeKey string

	logOnce sync.Once
	log     *slog.Logger // LoggerFrom builds it, because most handlers do not log
}

// requestKey is the key under which a context finds the requestContext that it
// comes from. No other package can make one.
type requestKey struct{}

func (c *requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// PrincipalFrom returns who calls, for a handler or a middleware whose context
// is that of a request. ok is false where nobody vouched for the caller: on
// public routes mostly, since the gateway verifies no token there.
func PrincipalFrom(ctx context.Context) (p route.Principal, ok bool) {
	c, _ := ctx.Value(requestKey{}).(*requestContext)
	if c == nil || c.identity.caller.Auth == route.NoAuth {
		return route.Principal{}, false
	}
	return c.identity.principal(), true
}

// TableFrom returns the table of the App that serves a request, for handlers
// that tell about routes. ok is false if ctx is no request's context.
func TableFrom(ctx context.Context) (t *route.Table, ok bool) {
	c, _ := ctx.Value(requestKey{}).(*requestContext)
	if c == nil {
		return nil, false
	}
	return c.app.table, true
}

// RequestIDFrom returns the id of the request that ctx belongs to. The request's
// line in the log has the same id, and so has a problem document. In Lambda it is
// the gateway's id, or the id of the invocation if the event has none. ok is false
// if ctx is not a request's context, or if the request has no id.
func RequestIDFrom(ctx context.Context) (id string, ok bool) {
	c, _ := ctx.Value(requestKey{}).(*requestContext)
	if c == nil {
		return "", false
	}
	return c.id, c.id != ""
}

// LoggerFrom returns the logger for the lines of a handler. It writes to
// Options.Logger. Each line has the request_id and the route_key of the request's
// own line, and its trace_id if that line has one. LoggerFrom never returns nil:
// if ctx is not a request's context, it returns slog.Default().
func LoggerFrom(ctx context.Context) *slog.Logger {
	c, _ := ctx.Value(requestKey{}).(*requestContext)
	if c == nil {
		return slog.Default()
	}
	c.logOnce.Do(func() {
		attrs := append(make([]slog.Attr, 0, 3), slog.String("request_id", c.id))
		if id := traceID(c); id != "" {
			attrs = append(attrs, slog.String("trace_id", id))
		}
		attrs = append(attrs, slog.String("route_key", c.routeKey))
		c.log = slog.New(c.app.log.Handler().WithAttrs(attrs))
	})
	return c.log
}
