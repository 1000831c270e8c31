package framework

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/route"
)

// requestID returns the gateway's id of the request, which its own log and the
// client's apigw-requestid header have too, or Lambda's where there is none.
func requestID(ctx context.Context, e *apigw.Event) string {
	if e.RequestID != "" {
		return e.RequestID
	}
	return lambdaRequestID(ctx)
}

func lambdaRequestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}

// logRequest writes the line of a request. It holds no token, no claim, no
// query, no body and no path: paths have tokens in them more often than one
// would like.
func (a *App) logRequest(ctx context.Context, e *apigw.Event, d route.Decision, ans *answer, id string, took time.Duration) {
	status := ans.response.Status()
	level := slog.LevelInfo
	switch {
	case status >= 500:
		level = slog.LevelError
	case !d.Allowed, ans.failure != "":
		level = slog.LevelWarn
	}
	attrs := make([]slog.Attr, 0, 13)
	attrs = append(attrs, slog.String("request_id", id))
	if l := lambdaRequestID(ctx); l != "" && l != id {
		attrs = append(attrs, slog.String("lambda_request_id", l))
	}
	trace, _ := TraceFrom(ctx)
	if root := traceRoot(trace); root != "" {
		attrs = append(attrs, slog.String("trace_id", root))
	}
	attrs = append(attrs, slog.String("source", e.Source.String()), slog.String("method", e.Method))
	key := ""
	if d.Route != nil {
		key = d.Route.Key()
	}
	attrs = append(attrs, slog.String("route_key", key))
	if e.RouteKey != key && e.RouteKey != "" {
		attrs = append(attrs, slog.String("gateway_route_key", e.RouteKey))
	}
	decision := "deny"
	if d.Allowed {
		decision = "allow"
	}
	attrs = append(attrs,
		slog.Int("status", status),
		slog.Float64("duration_ms", milliseconds(took)),
		slog.String("decision", decision),
		slog.String("reason", string(d.Reason)))
	switch d.Reason {
	case route.MissingScope:
		attrs = append(attrs, slog.Any("any_scope_of", d.Route.Access.Scopes))
	case route.MissingGroup:
		attrs = append(attrs, slog.Any("any_group_of", d.Route.Access.Groups))
	}
	if ans.failure != "" {
		attrs = append(attrs, slog.String("failure", ans.failure))
	}
	a.log.LogAttrs(ctx, level, "request", attrs...)
}
