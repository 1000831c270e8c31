package handlers_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/handlers"
)

// The shipped manifest is valid, its own tests pass, and every handler has a route.
func TestShippedManifest(t *testing.T) {
	t.Parallel()
	table, report := route.Load("routes.yaml", routegate.Manifest, slices.Sorted(maps.Keys(handlers.All())))
	if len(report.Diagnostics) > 0 {
		var b strings.Builder
		report.Print(&b)
		t.Fatal(b.String())
	}
	for _, failure := range table.Test() {
		t.Errorf("routes.yaml:%d: %s", failure.Line, failure.Message)
	}
	unused := handlers.All()
	for r := range table.All() {
		delete(unused, r.Handler)
	}
	if len(unused) > 0 {
		t.Errorf("no route has the handlers %v", slices.Sorted(maps.Keys(unused)))
	}
}

// call sends a GET through the whole path: event, decision, handler.
func call(t *testing.T, path, authorizer string) (status int, body any) {
	t.Helper()
	app, err := framework.New(routegate.Manifest, handlers.All(), framework.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	event := fmt.Sprintf(`{"version": "2.0", "routeKey": "GET %[1]s", "rawPath": "%[1]s",
		"requestContext": {"stage": "$default", "http": {"method": "GET"}, "authorizer": %[2]s}}`, path, authorizer)
	out, err := app.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	if got := answer.Headers["Content-Type"]; answer.StatusCode == 200 && got != "application/json" {
		t.Errorf("content type is %q", got)
	}
	if err := json.Unmarshal([]byte(answer.Body), &body); err != nil {
		t.Fatalf("body %q: %v", answer.Body, err)
	}
	return answer.StatusCode, body
}

type object = map[string]any

func TestHandlers(t *testing.T) {
	t.Parallel()
	const admin = `{"jwt": {"claims": {"sub": "alice", "groups": "[ADMINS]"}, "scopes": null}}`
	tests := []struct {
		path, authorizer string
		status           int
		body             any
	}{
		{"/v1/manage/hc", `null`, 200, object{"status": "ok"}},
		{"/v1/users/whoami", `{"jwt": {"claims": {"sub": "bob"}}}`, 200, object{"claims": object{"sub": "bob"}}},
		{"/v1/admin/endpoints", admin, 200, siteMap(t)},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			status, body := call(t, test.path, test.authorizer)
			if status != test.status {
				t.Errorf("status is %d, want %d", status, test.status)
			}
			if diff := cmp.Diff(test.body, body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// siteMap is what the site map says of the manifest's routes.
func siteMap(t *testing.T) object {
	t.Helper()
	var entries []any
	table, _ := route.Load("routes.yaml", routegate.Manifest, nil)
	list := func(names []string) (l []any) {
		for _, name := range names {
			l = append(l, name)
		}
		return l
	}
	for r := range table.All() {
		e := object{"name": r.Name, "method": r.Method, "path": r.Pattern.String(), "summary": r.Summary, "auth": r.Access.Auth.String()}
		if len(r.Access.Groups) > 0 {
			e["groups"] = list(r.Access.Groups)
		}
		if len(r.Access.Scopes) > 0 {
			e["scopes"] = list(r.Access.Scopes)
		}
		entries = append(entries, e)
	}
	return object{"manifest_digest": table.Digest(), "routes": entries}
}
