package framework

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/route"
)

// New takes the packaged table for the manifest that it is of, without a look at
// it, and reads every other manifest.
func TestNewFromPackaged(t *testing.T) {
	const good = "version: 1\nroutes:\n  - {path: '/a/{x}', method: GET, handler: a, public: true}\n"
	const unreadable = "no: [manifest"
	table, report := route.Load("routes.yaml", []byte(good), nil)
	if table == nil {
		t.Fatal(report.Err())
	}
	handlers := Handlers{"a": func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.PathValue("x"))) }}
	start := func(src string, handlers Handlers) (*App, string, error) {
		var log bytes.Buffer
		app, err := New([]byte(src), handlers, Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		}))})
		return app, log.String(), err
	}
	defer UsePackaged(packaged)

	_, want, err := start(good, handlers)
	if err != nil {
		t.Fatal(err)
	}
	_, _, wantErr := start(good, Handlers{"b": nil})
	UsePackaged(table.Packaged([]byte(good)))
	if _, got, err := start(good, handlers); err != nil || got != want {
		t.Errorf("from the packaged table the log is %q, %v, want %q", got, err, want)
	}
	if _, _, err := start(good, Handlers{"b": nil}); err == nil || wantErr == nil || err.Error() != wantErr.Error() {
		t.Errorf("from the packaged table without the handler: %v, want %v", err, wantErr)
	}
	if _, _, err := start(good+"    nope: true\n", handlers); err == nil || !strings.Contains(err.Error(), "routes.yaml:4") {
		t.Errorf("another manifest: %v", err)
	}
	if app, _, err := start(good+"  - {path: /b, method: GET, handler: a, name: b}\n", handlers); err != nil || app.table.Len() != 2 {
		t.Errorf("another manifest: %v", err)
	}

	UsePackaged(table.Packaged([]byte(unreadable)))
	app, _, err := start(unreadable, handlers)
	if err != nil {
		t.Fatalf("the manifest was read: %v", err)
	}
	event := `{"version":"2.0","routeKey":"GET /a/{x}","rawPath":"/a/1","pathParameters":{"x":"1"},"headers":{},
		"requestContext":{"http":{"method":"GET","path":"/a/1"},"stage":"$default","requestId":"id"}}`
	answer, err := app.Invoke(context.Background(), []byte(event))
	if err != nil || !bytes.Contains(answer, []byte(`"statusCode":200`)) || !bytes.Contains(answer, []byte(`"body":"1"`)) {
		t.Errorf("Invoke = %s, %v", answer, err)
	}
}
