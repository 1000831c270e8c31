package framework_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/routegate/routegate/framework"
)

// A service is a manifest and its handlers. In a function's main, app goes to
// lambda.Start.
func Example() {
	manifest := []byte(`
version: 1
routes:
  - path: /v1/users/{id}
    method: GET
    handler: get_user
    groups: [ADMINS]
`)
	handlers := framework.Handlers{
		"get_user": func(w http.ResponseWriter, r *http.Request) {
			p, _ := framework.PrincipalFrom(r.Context())
			fmt.Fprintf(w, "user %s, for %s", r.PathValue("id"), p.Subject)
		},
	}
	app, err := framework.New(manifest, handlers, framework.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}

	invoke := func(authorizer string) {
		event := `{
			"version": "2.0", "routeKey": "GET /v1/users/{id}", "rawPath": "/v1/users/42",
			"pathParameters": {"id": "42"},
			"requestContext": {"stage": "$default", "requestId": "abc", "http": {"method": "GET"}` + authorizer + `}
		}`
		out, err := app.Invoke(context.Background(), []byte(event))
		if err != nil {
			log.Fatal(err)
		}
		var answer struct {
			StatusCode int
			Body       string
		}
		if err := json.Unmarshal(out, &answer); err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer.StatusCode, answer.Body)
	}
	invoke(`, "authorizer": {"jwt": {"claims": {"sub": "alice", "groups": "[ADMINS]"}, "scopes": null}}`)
	invoke(``)
	// Output:
	// 200 user 42, for alice
	// 401 {"type":"about:blank","title":"Unauthorized","status":401,"detail":"a verified token or signature is needed","code":"no_principal","request_id":"abc"}
}

// The handler's line and the request's line have the same request_id. The client
// has it, too: in a problem document, and in the header apigw-requestid of API
// Gateway or X-Request-Id of a container.
func ExampleLoggerFrom() {
	manifest := []byte(`
version: 1
routes:
  - {path: '/v1/orders/{id}', method: GET, handler: get_order, public: true}
`)
	getOrder := func(w http.ResponseWriter, r *http.Request) {
		framework.LoggerFrom(r.Context()).Error("the database is down", "order", r.PathValue("id"))
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	}
	// Times and random ids would differ in each run of this example.
	quiet := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "duration_ms":
			return slog.Attr{}
		case "request_id":
			return slog.String(a.Key, "RANDOM")
		}
		return a
	}
	app, err := framework.New(manifest, framework.Handlers{"get_order": getOrder}, framework.Options{
		Logger: slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelError, ReplaceAttr: quiet})),
	})
	if err != nil {
		log.Fatal(err)
	}
	app.Handler(framework.HandlerOptions{}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/orders/7", nil))
	// Output:
	// level=ERROR msg="the database is down" request_id=RANDOM route_key="GET /v1/orders/{id}" order=7
	// level=ERROR msg=request request_id=RANDOM source=container method=GET route_key="GET /v1/orders/{id}" status=503 decision=allow reason=allowed
}

// A manifest that is not valid is an error that shows every diagnostic.
func ExampleNew_invalid() {
	manifest := []byte(`version: 1
routes:
  - path: /v1/users/{id}
    method: get
    handler: get_usr
`)
	_, err := framework.New(manifest, framework.Handlers{"get_user": http.NotFound}, framework.Options{})
	fmt.Println(err)
	// Output:
	// the manifest is not valid:
	// routes.yaml:4:13: error: unknown method "get", did you mean "GET"? [bad-value]
	//     4 |     method: get
	//       |             ^^^
	// routes.yaml:5:14: error: unknown handler "get_usr", did you mean "get_user"? [unknown-handler]
	//     5 |     handler: get_usr
	//       |              ^^^^^^^
}
