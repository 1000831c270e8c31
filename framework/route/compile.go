package route

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/routegate/routegate/framework/manifest"
)

// maxRoutes is how many routes an HTTP API has unless AWS raised it (developer
// guide, "Quotas for configuring and running an HTTP API").
const maxRoutes = 300

// maxTable is how many routes a manifest may have: far more than any API, and
// few enough that all that overlap can be compared in seconds.
const maxTable = 10_000

// compile gives every route of the manifest its meaning and reports what has
// none. The Table is of use only if the report has no error.
func compile(m *manifest.Manifest, handlers []string, report *manifest.Report) *Table {
	c := &compiler{report: report, groups: newVocabulary("group", m.Groups), scopes: newVocabulary("scope", m.Scopes)}
	t := &Table{}
	var written []writtenRoute
	for i := range m.Routes[:min(len(m.Routes), maxTable)] {
		mr := &m.Routes[i]
		r, ok := c.route(mr)
		if handlers != nil && mr.Handler.Value != "" && !slices.Contains(handlers, mr.Handler.Value) {
			reportHandler(report, mr.Handler, handlers)
		}
		if ok {
			t.routes = append(t.routes, r)
			written = append(written, writtenRoute{r, mr})
		}
	}
	switch {
	case len(m.Routes) > maxTable:
		report.Errorf(m.Routes[maxTable].Span, "too-many", "%d routes: a manifest may have %d", len(m.Routes), maxTable)
	case len(m.Routes) > maxRoutes:
		report.Warnf(m.Routes[maxRoutes].Span, "route-quota", "%d routes: an HTTP API takes %d unless AWS raised the quota", len(m.Routes), maxRoutes)
	}
	c.names(written)
	c.conflicts(written)
	c.preflights(written)
	for i := range m.Tests {
		t.tests = append(t.tests, c.test(&m.Tests[i]))
	}
	for _, v := range []*vocabulary{c.groups, c.scopes} {
		v.reportUnused(report)
		v.reportSimilar(report)
	}
	t.groups, t.scopes = c.groups.names(), c.scopes.names()
	t.declaredGroups, t.declaredScopes = c.groups.sorted(), c.scopes.sorted()

	slices.SortFunc(t.routes, func(a, b *Route) int { return a.compare(b.Method, b.Pattern.Text) })
	return t
}

// A writtenRoute is a route and how it was written.
type writtenRoute struct {
	*Route
	in *manifest.Route
}

type compiler struct {
	report *manifest.Report
	groups *vocabulary
	scopes *vocabulary
}

// route returns false when the route has no method or no pattern, so that
// nothing more can be said of it.
func (c *compiler) route(mr *manifest.Route) (*Route, bool) {
	r := &Route{
		Method:      mr.Method.Value,
		Handler:     mr.Handler.Value,
		Name:        cmp.Or(mr.Name.Value, mr.Handler.Value),
		Summary:     cmp.Or(mr.Summary.Value, mr.Name.Value, mr.Handler.Value),
		Description: mr.Description.Value,
		Tags:        values(mr.Tags),
		Deprecated:  mr.Deprecated.Value,
		Line:        mr.Line,
		Lines:       linesOf(mr),
		HandlerAt:   mr.Handler.Span,
	}
	r.Access = c.access(mr)
	ok := r.Method == AnyMethod || slices.Contains(Methods, r.Method)
	ok = c.pattern(r, mr.Path) && ok
	r.RouteKey = r.Method + " " + r.Pattern.String()
	return r, ok
}

func (c *compiler) pattern(r *Route, path manifest.String) bool {
	if path.Line == 0 {
		return false
	}
	at := func(offset, width int) manifest.Span {
		at := path.Span
		switch utf8.RuneCountInString(path.Value) {
		case path.Width: // written plainly
			at.Column, at.Width = at.Column+offset, width
		case path.Width - 2: // in quotes
			at.Column, at.Width = at.Column+1+offset, width
		}
		return at
	}
	var err error
	r.Pattern, err = ParsePattern(path.Value)
	foreign := foreignSegments(path.Value)
	if err != nil {
		e := err.(*PatternError)
		for _, f := range foreign {
			if f.offset <= e.Offset && e.Offset < f.offset+f.width {
				e = &PatternError{f.offset, f.width, f.reason()}
				break
			}
		}
		c.report.Errorf(at(e.Offset, e.Width), "bad-path", "path %s %s", manifest.Quote(path.Value), e.Reason)
		return false
	}
	for _, f := range foreign {
		c.report.Warnf(at(f.offset, f.width), "foreign-variable", "path %s %s", manifest.Quote(path.Value), f.reason())
	}
	if s := r.Pattern.Segments; len(s) == 1 && (s[0].Text == "ping" || s[0].Text == "sping") && s[0].Kind == Literal {
		c.report.Warnf(path.Span, "reserved-path", "path %q is reserved by API Gateway on custom domains (documented for REST and WebSocket APIs): better use another", path.Value)
	}
	return true
}

// access resolves who may call the route. What is left out never widens it.
func (c *compiler) access(mr *manifest.Route) Access {
	a := Access{Auth: JWT, Groups: values(mr.Groups), Scopes: values(mr.Scopes)}
	if mr.Auth.Value == "iam" {
		a.Auth = IAM
	}
	if mr.Public.Value {
		a.Auth = Public
	}
	for _, key := range []string{"auth", "groups", "scopes"} {
		at, has := mr.Has[key]
		switch {
		case !has:
		case a.Auth == Public:
			c.report.Add(manifest.Diagnostic{
				Span: at, Rule: "public-and-restricted",
				Message: "a public route asks for no token, so it cannot have " + strconv.Quote(key),
				Related: []manifest.Related{{Span: mr.Has["public"], Message: "public here"}},
			})
		case a.Auth == IAM && key != "auth":
			c.report.Add(manifest.Diagnostic{
				Span: at, Rule: "iam-and-token",
				Message: "an iam route has no token, so it cannot have " + strconv.Quote(key),
				Related: []manifest.Related{{Span: mr.Auth.Span, Message: "iam here"}},
			})
		}
	}
	_, hasGroups := mr.Has["groups"]
	_, hasScopes := mr.Has["scopes"]
	c.groups.use(c.report, mr.Groups, hasGroups)
	c.scopes.use(c.report, mr.Scopes, hasScopes)
	slices.Sort(a.Groups)
	slices.Sort(a.Scopes)
	return a
}

// reportHandler reports a name that is none of the handlers'.
func reportHandler(report *manifest.Report, name manifest.String, handlers []string) {
	hint := manifest.Suggest(name.Value, handlers)
	if hint == "" {
		hint = ": handlers.All() has none of that name"
	}
	report.Errorf(name.Span, "unknown-handler", "unknown handler %q%s", name.Value, hint)
}

// names reports routes that share a name.
func (c *compiler) names(routes []writtenRoute) {
	first := make(map[string]writtenRoute, len(routes))
	for _, r := range routes {
		if _, named := r.in.Has["name"]; r.Name == "" || named && r.in.Name.Line == 0 {
			continue
		}
		other, ok := first[r.Name]
		if !ok {
			first[r.Name] = r
			continue
		}
		c.report.Add(manifest.Diagnostic{
			Span: nameSpan(r.in), Rule: "duplicate-name",
			Message: strconv.Quote(r.Key()) + " and " + strconv.Quote(other.Key()) + " on line " + strconv.Itoa(other.Line) +
				" are both named " + strconv.Quote(r.Name) + `: give one of them another "name"`,
			Related: []manifest.Related{{Span: nameSpan(other.in), Message: "the other one"}},
		})
	}
}

func nameSpan(mr *manifest.Route) manifest.Span {
	if mr.Name.Line > 0 {
		return mr.Name.Span
	}
	return mr.Handler.Span
}

// preflights warns of routes that would refuse a browser's CORS preflight,
// which never has a token (developer guide, "Configure CORS for HTTP APIs").
func (c *compiler) preflights(routes []writtenRoute) {
	has := make(map[string]bool)
	for _, r := range routes {
		if r.Method == "OPTIONS" {
			has[r.Pattern.Shape()] = true
		}
	}
	for _, r := range routes {
		if r.Method == AnyMethod && r.Access.Auth != Public && !has[r.Pattern.Shape()] {
			c.report.Warnf(r.in.Method.Span, "any-preflight", "ANY takes OPTIONS too, and a browser's preflight has no token: name the methods, or add a public OPTIONS route")
		}
	}
}

func values(list []manifest.String) []string {
	var v []string
	for _, s := range list {
		v = append(v, s.Value)
	}
	return v
}

// A vocabulary is the groups or the scopes of a manifest. A closed one was
// declared, and takes no other name.
type vocabulary struct {
	noun     string
	closed   bool
	declared []manifest.Name
	list     []string                 // the declared names
	known    map[string]bool          // whether a name was declared
	used     map[string]use           // by routes
	tested   map[string]manifest.Span // where tests first have a name
	misses   int                      // how many names were not known
	unread   bool                     // whether a route's names were not well-formed
}

// A use says how many routes ask for a name, and where the first one does.
type use struct {
	routes int
	first  manifest.Span
}

func newVocabulary(noun string, declared *manifest.Vocabulary) *vocabulary {
	v := &vocabulary{noun: noun, known: make(map[string]bool), used: make(map[string]use), tested: make(map[string]manifest.Span)}
	if declared == nil {
		return v
	}
	v.closed, v.declared = true, declared.Names
	for _, n := range declared.Names {
		v.list = append(v.list, n.Value)
		v.known[n.Value] = true
	}
	return v
}

// use checks the names that a route asks for, and counts them as used. written
// tells whether the route has any, well-formed or not.
func (v *vocabulary) use(report *manifest.Report, names []manifest.String, written bool) {
	v.unread = v.unread || written && len(names) == 0
	v.check(report, names)
	for _, n := range names {
		u := v.used[n.Value]
		if u.routes++; u.routes == 1 {
			u.first = n.Span
		}
		v.used[n.Value] = u
	}
}

// test checks the names that the caller of a test has.
func (v *vocabulary) test(report *manifest.Report, names []manifest.String) {
	v.check(report, names)
	for _, n := range names {
		if _, ok := v.tested[n.Value]; !ok {
			v.tested[n.Value] = n.Span
		}
	}
}

// check reports the names that are not declared.
func (v *vocabulary) check(report *manifest.Report, names []manifest.String) {
	for _, n := range names {
		if !v.closed || v.known[n.Value] {
			continue
		}
		hint := ""
		// A person reads the first hints; a hostile file asks for a million.
		if v.misses++; v.misses <= 100 {
			hint = manifest.Suggest(n.Value, v.list)
		}
		if hint == "" {
			hint = ": " + strconv.Quote(v.noun+"s") + " does not declare it"
		}
		report.Errorf(n.Span, "unknown-"+v.noun, "unknown %s %q%s", v.noun, n.Value, hint)
	}
}

// reportUnused reports declared names that no route asks for, unless one of
// the names that were not understood may have meant them.
func (v *vocabulary) reportUnused(report *manifest.Report) {
	if v.misses > 0 || v.unread {
		return
	}
	for _, n := range v.declared {
		if v.used[n.Value].routes == 0 {
			report.Warnf(n.Span, "unused-"+v.noun, "%s %q is used by no route", v.noun, n.Value)
		}
	}
}

// sorted returns the declared names, nil where the manifest declares none.
func (v *vocabulary) sorted() []Name {
	if !v.closed {
		return nil
	}
	list := make([]Name, 0, len(v.declared))
	for _, n := range v.declared {
		list = append(list, Name{n.Value, n.Meaning, n.Line})
	}
	slices.SortFunc(list, func(a, b Name) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (v *vocabulary) names() []string {
	all := maps.Clone(v.known)
	for name := range v.used {
		all[name] = true
	}
	return slices.Sorted(maps.Keys(all))
}
