package route

import (
	"cmp"
	"iter"
	"slices"

	"github.com/routegate/routegate/framework/manifest"
)

// Methods are the methods that a route can have beside ANY, and those that ANY
// stands for (developer guide, "Create routes for HTTP APIs").
var Methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// AnyMethod is the method of a route that takes every method.
const AnyMethod = "ANY"

// A Route is one route of a Table, with every default filled in.
type Route struct {
	Name        string // unique in the table
	Method      string // one of Methods, or AnyMethod
	Pattern     Pattern
	Handler     string
	Summary     string // one line, 1 to 64 characters
	Description string
	Tags        []string
	Deprecated  bool
	Access      Access

	RouteKey string // Method and Pattern; see Key

	// Where the manifest has it: the route's own line, from 1, the line of each key
	// that it gives the route (see LineOf), and the handler's name.
	Line      int
	Lines     []int
	HandlerAt manifest.Span
}

// routeKeys are the keys that the manifest can give a route, in the order of
// Route.Lines, which has 0 for a key that is left out.
var routeKeys = [...]string{
	"path", "method", "handler", "name", "summary", "description",
	"tags", "deprecated", "public", "auth", "groups", "scopes",
}

func linesOf(mr *manifest.Route) []int {
	lines := make([]int, len(routeKeys))
	for i, key := range routeKeys {
		lines[i] = mr.Has[key].Line
	}
	return lines
}

// LineOf returns the line on which the manifest gives the route a key, such as
// "groups", and the route's own line where it leaves the key out.
func (r *Route) LineOf(key string) int {
	i := slices.Index(routeKeys[:], key)
	if i < 0 || i >= len(r.Lines) || r.Lines[i] == 0 {
		return r.Line
	}
	return r.Lines[i]
}

// Key returns the route key, as API Gateway writes it: "GET /v1/users/{id}".
func (r *Route) Key() string {
	if r.RouteKey == "" { // a Route that is no Table's
		return r.Method + " " + r.Pattern.String()
	}
	return r.RouteKey
}

// compare compares the route's path and then its method with others, in the order
// of a Table, which has ANY first.
func (r *Route) compare(method, path string) int {
	if c := cmp.Compare(r.Pattern.Text, path); c != 0 {
		return c
	}
	return cmp.Compare(slices.Index(Methods, r.Method), slices.Index(Methods, method))
}

// takes reports whether the route takes the method of a request. GET does not
// take HEAD: live HTTP APIs were seen to answer 404.
func (r *Route) takes(method string) bool {
	return r.Method == AnyMethod || r.Method == method
}

// A Table is the routes that a manifest means. It exists only if the manifest
// is valid, and does not change; neither must the routes that it gives away.
type Table struct {
	routes []*Route // by path, then method
	tests  []Test
	groups []string // declared or used, sorted
	scopes []string

	declaredGroups, declaredScopes []Name

	digest string // of a table that was packaged; "" where it is to be made
}

// A Name is a group or a scope that a manifest declares.
type Name struct {
	Name    string
	Meaning string // what the manifest says it stands for; may be ""
	Line    int
}

// All yields the routes in the order of their paths, and for one path in the
// order of their methods: an order that does not depend on the manifest's.
func (t *Table) All() iter.Seq[*Route] { return slices.Values(t.routes) }

// Len returns the number of routes.
func (t *Table) Len() int { return len(t.routes) }

// find returns the route of a method and a pattern, as the manifest has it.
func (t *Table) find(method, path string) *Route {
	i, ok := slices.BinarySearchFunc(t.routes, method, func(r *Route, method string) int { return r.compare(method, path) })
	if !ok || t.routes[i].Method != method {
		return nil // a method that is none is compared like ANY
	}
	return t.routes[i]
}

// Groups returns the groups that the manifest declares or uses, sorted.
func (t *Table) Groups() []string { return slices.Clone(t.groups) }

// Scopes returns the scopes that the manifest declares or uses, sorted.
func (t *Table) Scopes() []string { return slices.Clone(t.scopes) }

// DeclaredGroups returns the groups that the manifest declares, sorted. It is
// nil where the manifest has no "groups", so that any may be used.
func (t *Table) DeclaredGroups() []Name { return slices.Clone(t.declaredGroups) }

// DeclaredScopes returns the scopes that the manifest declares, as
// DeclaredGroups does the groups.
func (t *Table) DeclaredScopes() []Name { return slices.Clone(t.declaredScopes) }

// Load reads a manifest and makes its Table. The name of the file is for the
// report only. handlers are the names of the handlers that exist; nil leaves
// them unchecked, for programs that do not know them.
//
// The Table is nil if and only if the report has errors. The manifest's own
// tests are not run; see Table.Test.
func Load(filename string, src []byte, handlers []string) (*Table, *manifest.Report) {
	m, report := manifest.Parse(filename, src)
	if m == nil {
		return nil, report
	}
	t := compile(m, handlers, report)
	report.Sort()
	if report.HasErrors() {
		return nil, report
	}
	return t, report
}
