package framework

import (
	"context"

	"github.com/routegate/routegate/framework/apigw"
)

// traceKey is the key under which aws-lambda-go puts the X-Amzn-Trace-Id of an
// invocation into its context. It is a plain string, and tracing libraries read it.
const traceKey = "x-amzn-trace-id"

// withTrace returns a context that has the trace header of a request. If Lambda has
// given the invocation one, it stays. Otherwise the request's own header is taken. That
// may be the client's, so it must look like AWS's: it has a Root, and is short and
// printable.
func withTrace(ctx context.Context, header string) context.Context {
	const longest = 512 // AWS's own stay far below
	if _, ok := TraceFrom(ctx); ok || len(header) > longest || apigw.TraceRoot(header) == "" {
		return ctx
	}
	for i := range len(header) {
		if header[i] < ' ' || header[i] > '~' {
			return ctx
		}
	}
	//lint:ignore SA1029 the key is not ours
	return context.WithValue(ctx, traceKey, header)
}

// TraceFrom returns the X-Amzn-Trace-Id of the request that a context belongs to. ok is
// false if the request has none. A handler sends it as a header with the calls that it
// makes.
//
// AWS's SDK for Go sends it by itself only in a function that runs one event at a time:
// it reads the variable _X_AMZN_TRACE_ID of the process, which aws-lambda-go does not
// set if AWS_LAMBDA_MAX_CONCURRENCY is more than 1.
func TraceFrom(ctx context.Context) (header string, ok bool) {
	header, _ = ctx.Value(traceKey).(string)
	return header, header != ""
}
