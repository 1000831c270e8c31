package framework

import (
	"context"

	"github.com/routegate/routegate/framework/route"
)

type contextKey int

const requestKey contextKey = iota

// What a request's context carries, in one value.
type requestValues struct {
	table  *route.Table
	caller route.Caller
}

// PrincipalFrom returns who calls, for a handler or a middleware whose context
// is that of a request. ok is false where nobody vouched for the caller: on
// public routes mostly, since the gateway verifies no token there.
func PrincipalFrom(ctx context.Context) (p route.Principal, ok bool) {
	v, _ := ctx.Value(requestKey).(*requestValues)
	if v == nil || v.caller.Auth == route.NoAuth {
		return route.Principal{}, false
	}
	return v.caller.Principal, true
}

// TableFrom returns the table of the App that serves a request, for handlers
// that tell about routes. ok is false if ctx is no request's context.
func TableFrom(ctx context.Context) (t *route.Table, ok bool) {
	v, _ := ctx.Value(requestKey).(*requestValues)
	if v == nil {
		return nil, false
	}
	return v.table, true
}
