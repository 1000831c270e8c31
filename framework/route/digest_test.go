package route

import (
	"reflect"
	"testing"
)

// The digest changes with every field of a route, and with nothing else.
func TestDigest(t *testing.T) {
	t.Parallel()
	load := func(src string) *Table {
		t.Helper()
		table, report := Load("routes.yaml", []byte(src), nil)
		if table == nil {
			t.Fatal(report.Err())
		}
		return table
	}
	const one = "{path: /a, method: GET, handler: a, tags: [x, y], groups: [A, B]}"
	const other = "{path: '/b/{id}', method: POST, handler: b, summary: B}"
	table := load("version: 1\nroutes:\n  - " + one + "\n  - " + other + "\n")
	digest := table.Digest()
	if len(digest) != 64 {
		t.Errorf("digest is %q", digest)
	}
	for what, src := range map[string]string{
		"order":      "version: 1\nroutes:\n  - " + other + "\n  - " + one + "\n",
		"groups":     "version: 1\nroutes:\n  - {path: /a, method: GET, handler: a, tags: [x, y], groups: [B, A]}\n  - " + other + "\n",
		"comment":    "# Hello.\nversion: 1\nroutes:\n  - " + one + "\n\n  - " + other + "\n",
		"vocabulary": "version: 1\ngroups: {A: one, B: two}\nroutes:\n  - " + one + "\n  - " + other + "\ntests: [{name: t, deny: [GET /a]}]\n",
		"default":    "version: 1\nroutes:\n  - {path: /a, method: GET, handler: a, name: a, summary: a, auth: jwt, tags: [x, y], groups: [A, B]}\n  - " + other + "\n",
	} {
		if got := load(src).Digest(); got != digest {
			t.Errorf("another %s changes the digest", what)
		}
	}

	pattern, err := ParsePattern("/c")
	if err != nil {
		t.Fatal(err)
	}
	typ := reflect.TypeFor[Route]()
	for i := range typ.NumField() {
		field := typ.Field(i)
		switch field.Name {
		case "Line", "Lines", "HandlerAt": // a place is no meaning
			continue
		case "RouteKey": // made of two others
			continue
		}
		changed := *table.routes[0]
		switch v := reflect.ValueOf(&changed).Elem().Field(i).Addr().Interface().(type) {
		case *string:
			*v += "x"
		case *bool:
			*v = !*v
		case *[]string:
			*v = []string{"x,y"}
		case *Pattern:
			*v = pattern
		case *Access:
			for name, access := range map[string]Access{
				"auth": {Auth: IAM, Groups: v.Groups}, "groups": {Auth: v.Auth, Groups: v.Groups[:1]},
				"scopes": {Auth: v.Auth, Groups: v.Groups, Scopes: []string{"s"}}, "both": {Auth: v.Auth, Scopes: v.Groups},
			} {
				changed.Access = access
				if (&Table{routes: []*Route{&changed, table.routes[1]}}).Digest() == digest {
					t.Errorf("another access, %s, does not change the digest", name)
				}
			}
		default:
			t.Fatalf("field %s has a type that this test does not know", field.Name)
		}
		if (&Table{routes: []*Route{&changed, table.routes[1]}}).Digest() == digest {
			t.Errorf("another %s does not change the digest", field.Name)
		}
	}
}
