package oauth_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/oauth"
)

// TestLogLines finds the token route's line by the id of the request's line.
func TestLogLines(t *testing.T) {
	t.Parallel()
	const manifest = "{version: 1, routes: [{path: /v1/auth/token, method: POST, handler: token, public: true}]}"
	for _, own := range []bool{false, true} {
		var log bytes.Buffer
		var logger *slog.Logger // nil: the App's
		if own {
			logger = slog.New(slog.NewJSONHandler(&log, nil))
		}
		app, err := framework.New([]byte(manifest), framework.Handlers{"token": oauth.Handler(oauth.Config{}, logger)},
			framework.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		app.Handler(framework.HandlerOptions{}).ServeHTTP(httptest.NewRecorder(), signIn())
		ids := make(map[string]any)
		for text := range strings.Lines(log.String()) {
			var line object
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
			ids[line["msg"].(string)] = line["request_id"]
		}
		if id, _ := ids["no token"].(string); id == "" || id != ids["request"] {
			t.Errorf("with a logger of its own: %v; the route's line has the id %v, and the request's line has %v", own, ids["no token"], ids["request"])
		}
	}
}
