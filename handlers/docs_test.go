package handlers_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/handlers"
)

type answer struct {
	StatusCode int
	Headers    map[string]string
	Body       string
}

// invoke sends a request to a public route through the whole path, behind a stage.
func invoke(t *testing.T, key string, headers map[string]string, body string) answer {
	t.Helper()
	app, err := framework.New(routegate.Manifest, handlers.All(), framework.Options{Stage: "mvp", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	method, path, _ := strings.Cut(key, " ")
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": key, "rawPath": "/mvp" + path, "headers": headers, "body": body,
		"requestContext": map[string]any{"stage": "mvp", "http": map[string]any{"method": method, "path": "/mvp" + path}},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := app.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		answer
		IsBase64Encoded bool
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if got.IsBase64Encoded {
		data, err := base64.StdEncoding.DecodeString(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		got.Body = string(data)
	}
	return got.answer
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	got := invoke(t, "GET /v1/openapi.json", nil, "")
	if got.StatusCode != 200 || got.Headers["Content-Type"] != "application/json" {
		t.Fatalf("%+v", got)
	}
	document, err := openapi3.NewLoader().LoadFromData([]byte(got.Body))
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if document.Servers[0].URL != ".." {
		t.Errorf("the server is %q", document.Servers[0].URL)
	}
	again := invoke(t, "GET /v1/openapi.json", map[string]string{"if-none-match": got.Headers["Etag"]}, "")
	if again.StatusCode != 304 || again.Body != "" {
		t.Errorf("for who has it: %+v", again)
	}
}

func TestDocs(t *testing.T) {
	t.Parallel()
	got := invoke(t, "GET /v1/docs", map[string]string{"accept-encoding": "gzip, br"}, "")
	if got.StatusCode != 200 || got.Headers["Content-Encoding"] != "gzip" || !strings.HasPrefix(got.Body, "\x1f\x8b") {
		t.Errorf("status %d, headers %v", got.StatusCode, got.Headers)
	}
	// A load balancer takes a megabyte of JSON, in which this is a third longer.
	if len(got.Body) > 700_000 {
		t.Errorf("the page has %d bytes", len(got.Body))
	}
	// The page looks for the document beside itself.
	table, _ := route.Load("routes.yaml", routegate.Manifest, nil)
	paths := make(map[string]string)
	for r := range table.All() {
		paths[r.Handler] = r.Pattern.String()
	}
	if docs, ok := paths["docs"]; ok && paths["openapi_json"] != path.Dir(docs)+"/openapi.json" {
		t.Errorf("docs is %s, and openapi_json is %s: want openapi.json in the same folder", docs, paths["openapi_json"])
	}
}

// The token route asks the provider that the environment names.
func TestAuthToken(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"access_token": %q, "token_type": "Bearer"}`, "for "+r.PostFormValue("username"))
	}))
	defer provider.Close()
	form := map[string]string{"content-type": "application/x-www-form-urlencoded"}
	const body = "grant_type=password&username=alice&password=secret"
	t.Setenv("AUTH_TOKEN_URL", provider.URL)
	if got := invoke(t, "POST /v1/auth/token", form, body); got.StatusCode != 200 || !strings.Contains(got.Body, `"access_token":"for alice"`) {
		t.Errorf("%+v", got)
	}
	t.Setenv("AUTH_TOKEN_URL", "")
	t.Setenv("AUTH_FIREBASE_API_KEY", "")
	if got := invoke(t, "POST /v1/auth/token", form, body); got.StatusCode != 501 || !strings.Contains(got.Body, `"error":"server_error"`) {
		t.Errorf("not configured: %+v", got)
	}
}
