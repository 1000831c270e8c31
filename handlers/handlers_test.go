package handlers_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/frameworktest"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/handlers"
)

// The shipped manifest is valid, its own tests pass and leave no route out, and
// every handler has a route.
func TestShippedManifest(t *testing.T) {
	t.Parallel()
	frameworktest.TestManifest(t, routegate.Manifest, handlers.All())
}

type object = map[string]any

func TestHandlers(t *testing.T) {
	t.Parallel()
	c := frameworktest.New(t, routegate.Manifest, handlers.All(), framework.Options{})
	bob := c.As(route.Principal{Subject: "bob", Claims: object{"email": "bob@example.com", "level": 3}})
	admin := c.As(route.Principal{Subject: "alice", Groups: []string{"ADMINS"}})

	get := func(c *frameworktest.Client, path string) object {
		t.Helper()
		res := c.Get(path)
		var body object
		if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != "application/json" {
			t.Errorf("%s: status %d, content type %q", path, res.StatusCode, got)
		}
		return body
	}
	check := func(path string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	check("/v1/manage/hc", object{"status": "ok"}, get(c, "/v1/manage/hc"))
	check("/v1/admin/endpoints", siteMap(t), get(admin, "/v1/admin/endpoints"))

	claims, _ := get(bob, "/v1/users/whoami")["claims"].(object)
	for _, name := range []string{"iss", "aud", "iat", "exp"} { // which the tests' issuer chooses
		if claims[name] == nil {
			t.Errorf("/v1/users/whoami says no %s", name)
		}
		delete(claims, name)
	}
	check("/v1/users/whoami", object{"sub": "bob", "email": "bob@example.com", "level": 3.0}, claims)
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
