package framework

import (
	"context"

	"github.com/routegate/routegate/framework/route"
)

// A requestContext is the context of a request with what the App knows of it.
type requestContext struct {
	context.Context
	table    *route.Table
	identity identity
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
	return c.table, true
}
