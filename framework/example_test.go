package framework_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"

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
