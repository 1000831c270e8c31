package framework_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/routegate/routegate/framework"
)

// usualApp has 300 routes, of which usualEvent is for one that asks for a scope and
// a group.
func usualApp(t testing.TB, opts framework.Options) *framework.App {
	var manifest strings.Builder
	manifest.WriteString("version: 1\nroutes:\n")
	for i := range 60 {
		for n, r := range []string{"GET /v1/r%d", "POST /v1/r%d", "GET /v1/r%d/{id}", "PUT /v1/r%d/{id}", "DELETE /v1/r%d/{id}"} {
			method, path, _ := strings.Cut(fmt.Sprintf(r, i), " ")
			fmt.Fprintf(&manifest, "  - {path: '%s', method: %s, handler: show, name: r%d_%d, groups: [ADMINS, USERS], scopes: [api/read]}\n", path, method, i, n)
		}
	}
	app, err := framework.New([]byte(manifest.String()), framework.Handlers{"show": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"`+r.PathValue("id")+`","status":"shipped"}`)
	}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// usualEvent has an access token as Amazon Cognito makes them (developer guide,
// "Understanding the access token"), and what a gateway adds.
func usualEvent(t testing.TB) []byte {
	claims := value{
		"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI", "sub": "6f9c0c1e-7d0e-4b7e-9d0e-0a1b2c3d4e5f",
		"exp": 1900000000, "iat": 1899996400, "auth_time": 1899996400, "client_id": "1h57kf5cpq17m0eml12EXAMPLE",
		"event_id": "0e9d8c7b-6a5f-4e3d-2c1b-0a9f8e7d6c5b", "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "version": 2,
		"token_use": "access", "username": "6f9c0c1e-7d0e-4b7e-9d0e-0a1b2c3d4e5f", "scope": "openid api/read", "groups": []string{"USERS", "BETA"},
	}
	payload, err := json.Marshal(httpAPI("GET", "/v1/r59/42", "GET /v1/r59/{id}", params("id", "42"), bearer(claims),
		header("accept", "application/json"), header("accept-encoding", "gzip"), header("content-length", "0"),
		header("x-amzn-trace-id", "Root=1-6a5145a9-1bae89e2512ec92d5d9438a0"), at("requestContext.authorizer.jwt.scopes", []string{"openid", "api/read"})))
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// lambdaContext is one as aws-lambda-go makes it for an invocation.
func lambdaContext(t testing.TB) context.Context {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	t.Cleanup(cancel)
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd"})
	//lint:ignore SA1029 the key is aws-lambda-go's
	return context.WithValue(ctx, "x-amzn-trace-id", "Root=1-6a5145a9-1bae89e2512ec92d5d9438a0;Parent=53995c3f42cd8ad8;Sampled=0")
}

var discard = slog.New(slog.NewJSONHandler(io.Discard, nil))

// A request takes no more allocations than this. It is a promise of the README's.
func TestAllocations(t *testing.T) {
	app, payload, ctx := usualApp(t, framework.Options{Logger: discard}), usualEvent(t), lambdaContext(t)
	answer, err := app.Invoke(ctx, payload)
	if err != nil || !strings.Contains(string(answer), `"statusCode":200`) {
		t.Fatalf("%s, %v", answer, err)
	}
	if raceDetector {
		t.Skip("the race detector makes pools forget")
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = app.Invoke(ctx, payload) }); n > 40 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkInvoke is a whole request: a usual event, a token, a decision, a
// small answer and the line in the log.
func BenchmarkInvoke(b *testing.B) {
	payload, ctx := usualEvent(b), lambdaContext(b)
	for _, bench := range []struct {
		name string
		opts framework.Options
	}{
		{"plain", framework.Options{Logger: discard}},
		{"metrics", framework.Options{Logger: discard, MetricsNamespace: "Test", MetricsWriter: io.Discard}},
		{"no log", framework.Options{Logger: slog.New(slog.DiscardHandler)}},
	} {
		app := usualApp(b, bench.opts)
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := app.Invoke(ctx, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
