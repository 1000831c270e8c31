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
	Line        int // in the manifest, from 1

	key    string // made once: every request asks for it
	places string // in the manifest; see writePlaces
}

// routeKeys are the keys that the manifest can give a route.
var routeKeys = [...]string{
	"path", "method", "handler", "name", "summary", "description",
	"tags", "deprecated", "public", "auth", "groups", "scopes",
}

// writePlaces writes down, as a snapshot does, for each of routeKeys 0 where it
// is left out and otherwise how far it is below the line before the route's, and
// behind these the span of the handler's name. It is text since a function, which
// has no use for it, can start without reading it.
func writePlaces(mr *manifest.Route) string {
	var w snapshotWriter
	for _, key := range routeKeys {
		below := 0
		if at, ok := mr.Has[key]; ok {
			below = at.Line - mr.Line + 1
		}
		w = w.number(below)
	}
	return string(w.span(mr.Handler.Span))
}

// LineOf returns the line on which the manifest gives the route a key, such as
// "groups", and the route's own line where it leaves the key out.
func (r *Route) LineOf(key string) int {
	places := snapshotReader{rest: r.places}
	for _, k := range routeKeys {
		if below := places.number(); k == key && below > 0 {
			return r.Line + below - 1
		}
	}
	return r.Line
}

// handlerAt returns the place of the handler's name.
func (r *Route) handlerAt() manifest.Span {
	places := snapshotReader{rest: r.places}
	for range routeKeys {
		places.number()
	}
	return places.span()
}

// Key returns the route key, as API Gateway writes it: "GET /v1/users/{id}".
func (r *Route) Key() string {
	if r.key == "" { // a Route that is no Table's
		return r.Method + " " + r.Pattern.String()
	}
	return r.key
}

// compare compares the route's path and then its method with others, in the order
// of a Table, which has ANY first.
func (r *Route) compare(method, path string) int {
	if c := cmp.Compare(r.Pattern.text, path); c != 0 {
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

	digest string // of a table that was restored; "" where it is to be made
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
