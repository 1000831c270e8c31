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

// traceID returns the id of the trace that ctx belongs to, or "".
func traceID(ctx context.Context) string {
	header, _ := TraceFrom(ctx)
	return apigw.TraceRoot(header)
}

// routeKey returns the key of the route that was decided on, "" where there is none.
func routeKey(d route.Decision) string {
	if d.Route == nil {
		return ""
	}
	return d.Route.Key()
}

// A requestLine is what the log says of a request beside its decision.
type requestLine struct {
	id, source, method string
	gatewayKey         string // the route key of the event, if there was one
	status             int
	failure            string      // the code of what went wrong after the decision
	more               []slog.Attr // what else the source has to say
	end                time.Time
	took               time.Duration
}

// logRequest writes the line of a request. It holds no token, no claim, no
// query, no body and no path: paths have tokens in them more often than one
// would like.
func (a *App) logRequest(ctx context.Context, l requestLine, d route.Decision) {
	level := slog.LevelInfo
	switch {
	case l.status >= 500:
		level = slog.LevelError
	case !d.Allowed, l.failure != "":
		level = slog.LevelWarn
	}
	attrs := make([]slog.Attr, 0, 14)
	attrs = append(attrs, slog.String("request_id", l.id))
	if id := lambdaRequestID(ctx); id != "" && id != l.id {
		attrs = append(attrs, slog.String("lambda_request_id", id))
	}
	if id := traceID(ctx); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	attrs = append(attrs, slog.String("source", l.source), slog.String("method", l.method))
	key := routeKey(d)
	attrs = append(attrs, slog.String("route_key", key))
	if l.gatewayKey != key && l.gatewayKey != "" {
		attrs = append(attrs, slog.String("gateway_route_key", l.gatewayKey))
	}
	if d.ReadAs != nil {
		attrs = append(attrs, slog.String("read_as_route_key", d.ReadAs.Key()))
	}
	decision := "deny"
	if d.Allowed {
		decision = "allow"
	}
	attrs = append(attrs,
		slog.Int("status", l.status),
		slog.Float64("duration_ms", milliseconds(l.took)),
		slog.String("decision", decision),
		slog.String("reason", string(d.Reason)))
	switch d.Reason {
	case route.MissingScope:
		attrs = append(attrs, slog.Any("any_scope_of", d.Asking().Access.Scopes))
	case route.MissingGroup:
		attrs = append(attrs, slog.Any("any_group_of", d.Asking().Access.Groups))
	}
	if l.failure != "" {
		attrs = append(attrs, slog.String("failure", l.failure))
	}
	attrs = append(attrs, l.more...)
	// As LogAttrs does, but without looking up the place in the source, which
	// would be this one for each request.
	handler := a.log.Handler()
	if !handler.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(l.end, level, "request", 0)
	record.AddAttrs(attrs...)
	_ = handler.Handle(ctx, record) // as slog itself does
}
