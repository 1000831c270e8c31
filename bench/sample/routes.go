// Package sample is the API that every contestant serves: its routes, its
// manifest, and events for it.
package sample

import (
	"fmt"
	"strings"
)

// A Route is one of the API's.
type Route struct {
	Name    string // unique
	Method  string
	Path    string // in API Gateway's syntax
	Handler string // "show" or "echo"
}

// perResource is how many routes a resource has.
const perResource = 10

// words are the resources' names, which a number follows.
var words = []string{"orders", "people", "stocks", "claims", "events", "images", "offers", "quotes", "shifts", "wagons"}

// Routes returns n routes, ten a resource, none of which a peer's router would
// refuse beside another: Routegate itself takes more.
func Routes(n int) []Route {
	routes := make([]Route, 0, n)
	for i := range n {
		routes = append(routes, route(i))
	}
	return routes
}

func route(i int) Route {
	resource := fmt.Sprintf("%s-%04d", words[i/perResource%len(words)], i/perResource)
	r := Route{Handler: "show"}
	suffix, verb := "", ""
	switch i % perResource {
	case 0:
		r.Method, verb = "GET", "list"
	case 1:
		r.Method, verb = "POST", "create"
	case 2:
		r.Method, verb, suffix = "GET", "get", "/{id}"
	case 3:
		r.Method, verb, suffix = "PUT", "put", "/{id}"
	case 4:
		r.Method, verb, suffix = "DELETE", "delete", "/{id}"
	case 5:
		r.Method, verb, suffix = "GET", "list_items", "/{id}/items"
	case 6:
		r.Method, verb, suffix = "POST", "create_item", "/{id}/items"
	case 7:
		r.Method, verb, suffix = "GET", "get_item", "/{id}/items/{item}"
	case 8:
		r.Method, verb, suffix = "PUT", "put_item", "/{id}/items/{item}"
	case 9:
		r.Method, verb, suffix = "DELETE", "delete_item", "/{id}/items/{item}"
	}
	if r.Method == "POST" || r.Method == "PUT" {
		r.Handler = "echo"
	}
	r.Name = verb + "_" + strings.ReplaceAll(resource, "-", "_")
	r.Path = "/v1/" + resource + suffix
	return r
}

// Groups and Scopes are what every route asks for: one of each.
var (
	Groups = []string{"admins", "staff"}
	Scopes = []string{"api/admin", "api/read"}
)

// Manifest returns the routes.yaml of n routes.
func Manifest(n int) []byte {
	var b strings.Builder
	b.WriteString(`version: 1

groups:
  admins: Operate the service
  staff: Work with it

scopes:
  api/admin: Everything
  api/read: Reading, and what staff writes

routes:
`)
	for _, r := range Routes(n) {
		fmt.Fprintf(&b, `  - path: %s
    method: %s
    handler: %s
    name: %s
    summary: %s
    tags: [%s]
    groups: [%s]
    scopes: [%s]

`, r.Path, r.Method, r.Handler, r.Name, strings.ReplaceAll(r.Name, "_", " "), r.Path[4:10],
			strings.Join(Groups, ", "), strings.Join(Scopes, ", "))
	}
	request := "GET " + route(0).Path
	fmt.Fprintf(&b, `tests:
  - name: staff reads
    as: { groups: [staff], scopes: [api/read] }
    allow: [%[1]s]

  - name: a scope alone is not enough
    as: { scopes: [api/read] }
    deny: [%[1]s]

  - name: nobody is let in without a token
    deny: [%[1]s]
`, request)
	return []byte(b.String())
}

// Colons returns a path in the syntax of httprouter and gin.
func Colons(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
