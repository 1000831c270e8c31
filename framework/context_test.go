package framework_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
)

// TestLoggerFrom runs a handler that logs and then panics. The handler's line, the
// request's line and the problem document must have the same request id.
func TestLoggerFrom(t *testing.T) {
	t.Parallel()
	const (
		root      = "1-6a5145a9-1bae89e2512ec92d5d9438a0"
		lambdaID  = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
		manifest  = "{version: 1, routes: [{path: '/orders/{id}', method: GET, handler: order, public: true}]}"
		routeKey  = "GET /orders/{id}"
		gatewayID = "ATfSdF7nPHcErRA="
	)
	invoke := func(event value) func(*testing.T, *framework.App) []byte {
		return func(t *testing.T, app *framework.App) []byte {
			payload, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: lambdaID})
			out, err := app.Invoke(ctx, payload)
			if err != nil {
				t.Fatal(err)
			}
			var answer struct{ Body string }
			if err := json.Unmarshal(out, &answer); err != nil {
				t.Fatal(err)
			}
			return []byte(answer.Body)
		}
	}
	tests := []struct {
		name    string
		send    func(*testing.T, *framework.App) (body []byte)
		id      string // "" if the request id is random
		traceID any    // nil if there is none
	}{
		{"an HTTP API", invoke(httpAPI("GET", "/orders/7", routeKey, params("id", "7"), header("x-amzn-trace-id", "Root="+root))), gatewayID, root},
		{"no trace", invoke(httpAPI("GET", "/orders/7", routeKey, params("id", "7"))), gatewayID, nil},
		{"no id of a gateway", invoke(httpAPI("GET", "/orders/7", "$default", at("requestContext.requestId", ""))), lambdaID, nil},
		{"a container", func(_ *testing.T, app *framework.App) []byte {
			r := httptest.NewRequest("GET", "/orders/7", nil)
			r.Header.Set("X-Amzn-Trace-Id", "Root="+root)
			w := httptest.NewRecorder()
			app.Handler(framework.HandlerOptions{}).ServeHTTP(w, r)
			return w.Body.Bytes()
		}, "", root},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var log safeBuffer
			var id string
			var ok bool
			order := func(_ http.ResponseWriter, r *http.Request) {
				id, ok = framework.RequestIDFrom(r.Context())
				var calls sync.WaitGroup // a handler may log from several goroutines
				for range 4 {
					calls.Go(func() { framework.LoggerFrom(r.Context()).Debug("dropped by the level") })
				}
				calls.Wait()
				framework.LoggerFrom(r.Context()).Info("loaded", "order", 7)
				panic("no such order")
			}
			app, err := framework.New([]byte(manifest), framework.Handlers{"order": order},
				framework.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil)).With("service", "orders")})
			if err != nil {
				t.Fatal(err)
			}
			var problem struct {
				RequestID string `json:"request_id"`
			}
			if err := json.Unmarshal(test.send(t, app), &problem); err != nil {
				t.Fatal(err)
			}
			if id == "" || !ok || problem.RequestID != id || test.id != "" && id != test.id {
				t.Errorf("RequestIDFrom is %q, %v; the problem document has %q, want %q", id, ok, problem.RequestID, test.id)
			}

			line := log.line(t, "loaded", 1)
			delete(line, "time")
			want := value{"level": "INFO", "msg": "loaded", "service": "orders", "request_id": id, "route_key": routeKey, "order": 7.}
			if test.traceID != nil {
				want["trace_id"] = test.traceID
			}
			if diff := cmp.Diff(want, line); diff != "" {
				t.Errorf("the handler's line (-want +got):\n%s", diff)
			}
			for _, message := range []string{"handler panicked", "request"} {
				line := log.line(t, message, 1)
				got := value{"request_id": line["request_id"], "route_key": line["route_key"], "trace_id": line["trace_id"]}
				if diff := cmp.Diff(value{"request_id": id, "route_key": routeKey, "trace_id": test.traceID}, got); diff != "" {
					t.Errorf("the line %q (-want +got):\n%s", message, diff)
				}
			}
			if strings.Contains(log.String(), "dropped") {
				t.Errorf("the logger ignores the level of Options.Logger:\n%s", log.String())
			}
		})
	}
}

// TestOutsideOfARequest does not run in parallel, because it replaces the default
// logger of package slog.
func TestOutsideOfARequest(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	defer slog.SetDefault(before)

	ctx := context.Background()
	if id, ok := framework.RequestIDFrom(ctx); id != "" || ok {
		t.Errorf("RequestIDFrom is %q, %v", id, ok)
	}
	framework.LoggerFrom(ctx).Info("started")
	var line value
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("log %q: %v", &log, err)
	}
	delete(line, "time")
	if diff := cmp.Diff(value{"level": "INFO", "msg": "started"}, line); diff != "" {
		t.Errorf("the line (-want +got):\n%s", diff)
	}
}
