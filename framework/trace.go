package framework

import (
	"context"

	"github.com/routegate/routegate/framework/apigw"
)

// traceKey is where the context of an invocation has the X-Amzn-Trace-Id that
// Lambda gave it. The key is aws-lambda-go's, a plain string, and tracing
// libraries look there.
const traceKey = "x-amzn-trace-id"

// withTrace returns a context that has the trace header of a request. Lambda's
// own word stands where there is one; a header may be the client's, so it counts
// only if it could be from AWS: that has a Root, and is short and printable.
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

// TraceFrom returns the X-Amzn-Trace-Id of the request that a context belongs
// to, for that header of the calls that its handler makes; in Lambda, AWS's SDK
// sets it by itself. ok is false where there is none.
func TraceFrom(ctx context.Context) (header string, ok bool) {
	header, _ = ctx.Value(traceKey).(string)
	return header, header != ""
}
