package framework_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/routegate/routegate/framework"
)

// lambdaTrace gives spans the parent that Lambda names, whose trace X-Ray shows.
// A client's traceparent header is read by propagation.TraceContext instead.
type lambdaTrace struct{}

func (lambdaTrace) Extract(ctx context.Context, _ propagation.TextMapCarrier) context.Context {
	header, _ := framework.TraceFrom(ctx)
	fields := map[string]string{}
	for field := range strings.SplitSeq(header, ";") {
		name, v, _ := strings.Cut(field, "=")
		fields[name] = v
	}
	traceID, err := trace.TraceIDFromHex(strings.ReplaceAll(strings.TrimPrefix(fields["Root"], "1-"), "-", ""))
	if err != nil {
		return ctx
	}
	spanID, err := trace.SpanIDFromHex(fields["Parent"])
	if err != nil {
		return ctx
	}
	parent := trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, Remote: true}
	if fields["Sampled"] == "1" {
		parent.TraceFlags = trace.FlagsSampled
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(parent))
}

func (lambdaTrace) Inject(context.Context, propagation.TextMapCarrier) {}
func (lambdaTrace) Fields() []string                                   { return nil }

// OpenTelemetry's middleware for net/http fits as it is. Spans have the route's
// key as their name, and only what the access check lets through has one. In a
// function give the provider a syncer, or flush it before the handler returns:
// Lambda freezes the process between requests.
func ExampleOptions_openTelemetry() {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	opts := framework.Options{
		Logger: slog.New(slog.DiscardHandler),
		Middleware: []func(http.Handler) http.Handler{
			otelhttp.NewMiddleware("", otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(lambdaTrace{})),
		},
	}
	manifest := []byte(`
version: 1
routes:
  - {path: '/v1/users/{id}', method: ANY, handler: get_user, public: true}
  - {path: /v1/admin, method: GET, handler: get_user, name: admin, groups: [ADMINS]}
`)
	getUser := func(w http.ResponseWriter, r *http.Request) {
		trace.SpanFromContext(r.Context()).AddEvent("looked up")
		fmt.Fprint(w, "user ", r.PathValue("id"))
	}
	app, err := framework.New(manifest, framework.Handlers{"get_user": getUser}, opts)
	if err != nil {
		log.Fatal(err)
	}

	//lint:ignore SA1029 lambda.Start does this
	ctx := context.WithValue(context.Background(), "x-amzn-trace-id", "Root=1-6a5145a9-1bae89e2512ec92d5d9438a0;Parent=53995c3f42cd8ad8;Sampled=1")
	for _, path := range []string{"/v1/users/42", "/v1/admin"} {
		_, err := app.Invoke(ctx, fmt.Appendf(nil, `{"version": "2.0", "routeKey": "$default", "rawPath": %q, "headers": {},
			"requestContext": {"stage": "$default", "requestId": "abc", "http": {"method": "GET"}}}`, path))
		if err != nil {
			log.Fatal(err)
		}
	}
	for _, span := range recorder.Ended() {
		fmt.Println(span.Name())
		fmt.Println("trace", span.SpanContext().TraceID(), "parent", span.Parent().SpanID())
		for _, a := range span.Attributes() {
			if a.Key == "http.route" || a.Key == "http.response.status_code" {
				fmt.Println(a.Key, a.Value.String())
			}
		}
		fmt.Println(span.Events()[0].Name)
	}
	// Output:
	// GET /v1/users/{id}
	// trace 6a5145a91bae89e2512ec92d5d9438a0 parent 53995c3f42cd8ad8
	// http.route /v1/users/{id}
	// http.response.status_code 200
	// looked up
}
