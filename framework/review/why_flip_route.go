package review

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/routegate/routegate/framework/route"
)

// An editor makes changes of a route for one caller.
type editor struct {
	table *route.Table
	route *route.Route
	c     route.Caller
}

// routeFlips returns what would have to change of the route in the manifest: the
// fewest of its keys. Of two that change as many, the one that lets fewer in
// comes first.
func routeFlips(t *route.Table, r *route.Route, c route.Caller) []Flip {
	e := &editor{t, r, c}
	allowed := letsIn(r.Access, c)
	flips := e.open()
	if allowed {
		flips = e.shut()
	}
	var valid []Flip
	for _, f := range flips {
		good := !slices.ContainsFunc(f.accesses, func(a route.Access) bool { return letsIn(a, c) == allowed || !writable(r, a) })
		if good && len(f.accesses) > 0 {
			valid = append(valid, f)
		}
	}
	return valid
}

// open returns the ways to let the caller in.
func (e *editor) open() []Flip {
	a := e.route.Access
	switch {
	case e.c.Auth == route.NoAuth:
		return []Flip{e.become(route.Public)}
	case e.c.Auth != a.Auth:
		return []Flip{e.become(e.c.Auth)}
	}
	groups, scopes := missing(a, e.c)
	flips := []Flip{{accesses: []route.Access{a}}}
	drop := Flip{accesses: []route.Access{a}}
	if len(scopes) > 0 {
		flips[0] = e.widen(flips[0], "scope")
		drop = e.drop(drop, "scope")
	}
	if len(groups) > 0 {
		flips[0] = e.widen(flips[0], "group")
		drop = e.drop(drop, "group")
	}
	if !slices.ContainsFunc(flips[0].Edits, func(c Edit) bool { return c.Do == Add }) {
		return []Flip{drop}
	}
	return append(flips, drop)
}

// become makes the route ask for another proof, or for none, and drops what it
// cannot ask for then.
func (e *editor) become(auth route.Auth) Flip {
	a := e.route.Access
	f := Flip{accesses: []route.Access{{Auth: auth}}}
	switch auth {
	case route.Public:
		f.Edits = append(f.Edits, e.edit(Set, "public", nil))
	case route.IAM:
		f.Edits = append(f.Edits, e.edit(Set, "iam", nil))
	}
	if a.Auth == route.Public {
		f.Edits = append(f.Edits, e.edit(Drop, "public", nil))
	}
	if auth != route.IAM && e.hasAuth() {
		f.Edits = append(f.Edits, e.edit(Drop, "iam", nil))
	}
	if len(a.Groups) > 0 {
		f.Edits = append(f.Edits, e.edit(Drop, "group", nil))
	}
	if len(a.Scopes) > 0 {
		f.Edits = append(f.Edits, e.edit(Drop, "scope", nil))
	}
	return f
}

// hasAuth reports whether the manifest gives the route the key "auth", as far as
// can be told: "auth: jwt" on the route's own line says nothing new.
func (e *editor) hasAuth() bool {
	return e.route.Access.Auth == route.IAM || e.route.LineOf("auth") != e.route.Line
}

// keyOfEdit has the keys that changes of a route are about.
var keyOfEdit = map[string]string{"group": "groups", "scope": "scopes", "public": "public", "iam": "auth"}

func (e *editor) edit(do Do, what string, names []string) Edit {
	return Edit{Do: do, What: what, Names: names, Line: e.route.LineOf(keyOfEdit[what])}
}

// widen lets the route take one more of the names that the caller has, and drops
// the key where the manifest can hold none of them.
func (e *editor) widen(f Flip, noun string) Flip {
	held := e.c.Principal.Groups
	if noun == "scope" {
		held = e.c.Principal.Scopes
	}
	var usable []string
	for _, name := range e.knownFirst(noun, held) {
		if writable(e.route, withNames(e.route.Access, noun, func(list []string) []string { return append(list, name) })) {
			usable = append(usable, name)
		}
	}
	if len(usable) == 0 {
		return e.drop(f, noun)
	}
	edit := e.edit(Add, noun, usable)
	edit.Declare = e.undeclared(noun, usable)
	f.Edits = append(f.Edits, edit)
	return f.choose(usable, func(a route.Access, name string) route.Access {
		return withNames(a, noun, func(list []string) []string { return append(list, name) })
	})
}

func (e *editor) drop(f Flip, noun string) Flip {
	f.Edits = append(f.Edits, e.edit(Drop, noun, nil))
	return f.choose([]string{""}, func(a route.Access, _ string) route.Access {
		return withNames(a, noun, func([]string) []string { return nil })
	})
}

// choose makes each of the accesses with some name, and with each name some
// access.
func (f Flip) choose(names []string, change func(route.Access, string) route.Access) Flip {
	var next []route.Access
	for i := range max(len(names), len(f.accesses)) {
		next = append(next, change(f.accesses[i%len(f.accesses)], names[i%len(names)]))
	}
	f.accesses = next
	return f
}

func withNames(a route.Access, noun string, change func([]string) []string) route.Access {
	list := &a.Groups
	if noun == "scope" {
		list = &a.Scopes
	}
	*list = change(slices.Clone(*list))
	slices.Sort(*list)
	return a
}

// knownFirst returns those of the names that the manifest knows already, or the
// first few where it knows none: a token may have hundreds.
func (e *editor) knownFirst(noun string, names []string) []string {
	known := e.table.Groups()
	if noun == "scope" {
		known = e.table.Scopes()
	}
	list := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(known, name) })
	if len(list) == 0 {
		list = names[:min(len(names), shownNames)]
	}
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

func (e *editor) undeclared(noun string, names []string) []string {
	declared := e.table.DeclaredGroups()
	if noun == "scope" {
		declared = e.table.DeclaredScopes()
	}
	if declared == nil {
		return nil // any may be used
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(declared, func(n route.Name) bool { return n.Name == name })
	})
}

// shut returns the ways to keep the caller out.
func (e *editor) shut() []Flip {
	a := e.route.Access
	if a.Auth == route.Public {
		f := e.become(route.JWT)
		if e.c.Auth == route.JWT {
			f = e.narrow(f, "group")
		}
		return []Flip{f}
	}
	if a.Auth == route.IAM {
		return []Flip{e.become(route.JWT)}
	}
	var flips []Flip
	for _, noun := range []string{"group", "scope"} {
		if asks := a.Groups; noun == "group" && len(asks) > 0 || noun == "scope" && len(a.Scopes) > 0 {
			flips = append(flips, e.narrow(Flip{accesses: []route.Access{a}}, noun))
		}
	}
	if len(flips) == 0 {
		flips = append(flips, e.narrow(Flip{accesses: []route.Access{a}}, "group"))
	}
	return flips
}

// narrow makes the route take none of the groups or scopes that the caller has.
// What is left must not be empty, which would ask for nothing.
func (e *editor) narrow(f Flip, noun string) Flip {
	asked, held, known := e.route.Access.Groups, e.c.Principal.Groups, e.table.Groups()
	if noun == "scope" {
		asked, held, known = e.route.Access.Scopes, e.c.Principal.Scopes, e.table.Scopes()
	}
	if rest := minus(asked, held); len(rest) > 0 {
		taken := slices.DeleteFunc(slices.Clone(asked), func(name string) bool { return !slices.Contains(held, name) })
		f.Edits = append(f.Edits, e.edit(Remove, noun, taken))
		return f.choose([]string{""}, func(a route.Access, _ string) route.Access {
			return withNames(a, noun, func([]string) []string { return slices.Clone(rest) })
		})
	}
	others := minus(known, held)
	others = others[:min(len(others), shownNames)]
	f.Edits = append(f.Edits, e.edit(Set, noun, others))
	if len(others) == 0 {
		others = []string{nameBeside(held)}
	}
	return f.choose(others, func(a route.Access, name string) route.Access {
		return withNames(a, noun, func([]string) []string { return []string{name} })
	})
}

// nameBeside returns a name that is none of those.
func nameBeside(names []string) string {
	for i := 0; ; i++ {
		if name := fmt.Sprintf("other%d", i); !slices.Contains(names, name) {
			return name
		}
	}
}

// writable reports whether a manifest can have the route with another access,
// groups and scopes being declared: it makes a manifest of that route and loads
// it.
func writable(r *route.Route, a route.Access) bool {
	written := map[string]any{"path": r.Pattern.String(), "method": r.Method, "handler": "h"}
	switch a.Auth {
	case route.Public:
		written["public"] = true
	case route.IAM:
		written["auth"] = "iam"
	}
	if len(a.Groups) > 0 {
		written["groups"] = a.Groups
	}
	if len(a.Scopes) > 0 {
		written["scopes"] = a.Scopes
	}
	src, err := json.Marshal(map[string]any{"version": 1, "routes": []any{written}}) // which is YAML
	if err != nil {
		return false
	}
	t, _ := route.Load("", src, nil)
	if t == nil {
		return false
	}
	for loaded := range t.All() {
		return loaded.Access.Equal(a)
	}
	return false
}
