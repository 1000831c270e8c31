package framework_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/routegate/routegate/framework"
)

// BenchmarkInvoke is a whole request: a usual event, a token, a decision, a
// small answer and the line in the log.
func BenchmarkInvoke(b *testing.B) {
	claims := alice(value{"groups": []string{"user"}})
	payload, err := json.Marshal(httpAPI("GET", "/v1/users/42", "GET /v1/users/{id}", params("id", "42"), bearer(claims),
		header("x-amzn-trace-id", "Root=1-6a5145a9-1bae89e2512ec92d5d9438a0")))
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		opts framework.Options
	}{
		{"plain", framework.Options{}},
		{"metrics", framework.Options{MetricsNamespace: "Test", MetricsWriter: io.Discard}},
	} {
		bench.opts.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil))
		app, err := framework.New([]byte("{version: 1, routes: [{path: '/v1/users/{id}', method: GET, handler: get_user, groups: [user]}]}"),
			framework.Handlers{"get_user": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.PathValue("id")) }}, bench.opts)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := app.Invoke(b.Context(), payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
