package review_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/route"
)

// What a manifest means is told here a second time, from the manifest's
// documentation and without a line of the framework's. Two tellings that agree
// on every request are worth more than one that agrees with itself.

// A rule is a route as the manifest has it. Its fields are the manifest's keys.
type rule struct {
	Path, Method, Handler string
	Public                bool
	Auth                  string
	Groups, Scopes        []string
}

func (r rule) key() string { return r.Method + " " + r.Path }

func (r rule) isGreedy() bool { return strings.HasSuffix(r.Path, "+}") }

// kind names what the rule asks, for the tally.
func (r *rule) kind() string {
	switch {
	case r == nil:
		return "no route"
	case r.Public:
		return "public"
	case r.Auth == "iam":
		return "iam"
	case len(r.Groups) > 0 && len(r.Scopes) > 0:
		return "groups and scopes"
	case len(r.Groups) > 0:
		return "groups"
	case len(r.Scopes) > 0:
		return "scopes"
	}
	return "any token"
}

// write prints rules as a manifest.
func write(rules []rule) []byte {
	var b strings.Builder
	b.WriteString("version: 1\nroutes:\n")
	for _, r := range rules {
		fmt.Fprintf(&b, "  - {path: %q, method: %s, handler: %s", r.Path, r.Method, r.Handler)
		if r.Public {
			b.WriteString(", public: true")
		}
		if r.Auth != "" {
			b.WriteString(", auth: " + r.Auth)
		}
		if len(r.Groups) > 0 {
			fmt.Fprintf(&b, ", groups: %s", flowList(r.Groups))
		}
		if len(r.Scopes) > 0 {
			fmt.Fprintf(&b, ", scopes: %s", flowList(r.Scopes))
		}
		b.WriteString("}\n")
	}
	return []byte(b.String())
}

func flowList(names []string) string {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, strconv.Quote(n))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// A call is a request as far as routes can tell it from others.
type call struct {
	method   string
	segments []string // decoded; a slash in one was sent as %2F
	slash    bool     // behind the last segment
	doubled  bool     // the first slash is two
	escaped  bool     // all of the path is, letters too
	unstaged bool     // the stage is left out, so that no route is meant
}

// anyStandsFor are the methods that ANY takes.
var anyStandsFor = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

func isSlash(c rune) bool { return c == '/' }

func (r rule) takes(c call) bool {
	if r.Method == "ANY" {
		return slices.Contains(anyStandsFor, c.method) && r.takesPath(c)
	}
	return r.Method == c.method && r.takesPath(c)
}

func (r rule) takesPath(c call) bool {
	pattern := strings.FieldsFunc(r.Path, isSlash)
	for i, p := range pattern {
		switch {
		case strings.HasSuffix(p, "+}"): // the rest, and nothing behind a slash only
			return len(c.segments) > i || len(c.segments) == i && (c.slash || i == 0)
		case i == len(c.segments), !strings.HasPrefix(p, "{") && p != c.segments[i]:
			return false
		}
	}
	return len(pattern) == len(c.segments)
}

// covers reports whether r takes whatever o does, of two rules that are both
// greedy or both not. It asks r about a request that o takes and hardly another
// rule does: one that has at each variable what no rule writes there.
func (r rule) covers(o rule) bool {
	var c call
	for _, p := range strings.FieldsFunc(o.Path, isSlash) {
		if strings.HasPrefix(p, "{") {
			p = "?"
		}
		c.segments = append(c.segments, p)
	}
	return (r.Method == "ANY" || r.Method == o.Method) && r.takesPath(c)
}

// answering returns the rule that answers a call, nil where none does: of those
// that take it one without a greedy variable before one with, and of these the
// one that all others cover.
func answering(t testing.TB, rules []rule, c call) *rule {
	t.Helper()
	if c.unstaged {
		return nil
	}
	for _, greedy := range []bool{false, true} {
		var takers []*rule
		for i, r := range rules {
			if r.isGreedy() == greedy && r.takes(c) {
				takers = append(takers, &rules[i])
			}
		}
		for _, first := range takers {
			if !slices.ContainsFunc(takers, func(o *rule) bool { return !o.covers(*first) }) {
				return first
			}
		}
		if len(takers) > 0 {
			t.Fatalf("%+v has no clear answer, and yet the manifest is accepted:\n%s", c, write(rules))
		}
	}
	return nil
}

// hasDots reports whether the path has a segment "." or ".." once it is decoded.
func (c call) hasDots() bool {
	read := strings.Split(strings.Join(c.segments, "/"), "/")
	return slices.Contains(read, ".") || slices.Contains(read, "..")
}

// readAs returns the call as a handler reads it that cannot tell an escaped slash
// from another one.
func (c call) readAs() call {
	path := c.path(func(s string) string { return s })
	c.segments, c.slash = strings.FieldsFunc(path, isSlash), strings.HasSuffix(path, "/")
	return c
}

// A target is what a call is for: the rule that answers it, nil where none does,
// and the rule that the decoded path belongs to, nil where that is the same one or
// none.
type target struct {
	*rule
	readAs *rule
	dots   bool
}

func targetOf(t testing.TB, rules []rule, c call) target {
	t.Helper()
	found := target{rule: answering(t, rules, c), dots: c.hasDots()}
	if other := answering(t, rules, c.readAs()); found.rule != nil && other != found.rule {
		found.readAs = other
	}
	return found
}

// values returns the path parameters with which a gateway tells the function
// about a call that the rule takes.
func (r rule) values(c call) map[string]string {
	values := make(map[string]string)
	for i, p := range strings.FieldsFunc(r.Path, isSlash) {
		switch name := strings.Trim(p, "{+}"); {
		case !strings.HasPrefix(p, "{"):
		case !strings.HasSuffix(p, "+}"):
			values[name] = c.segments[i]
		default:
			values[name] = strings.Join(c.segments[i:], "/")
			if c.slash && i < len(c.segments) {
				values[name] += "/"
			}
		}
	}
	return values
}

// path returns the call's path, each segment as encode writes it.
func (c call) path(encode func(string) string) string {
	var b strings.Builder
	if c.doubled {
		b.WriteByte('/')
	}
	for _, s := range c.segments {
		b.WriteString("/" + encode(s))
	}
	if c.slash || len(c.segments) == 0 {
		b.WriteByte('/')
	}
	return b.String()
}

// target returns the path as a client sends it to a stage.
func (c call) target(stage string) string {
	encode := url.PathEscape
	if c.escaped {
		encode = escapeAll
	}
	path := c.path(encode)
	if stage == "" || c.unstaged {
		return path
	}
	return "/" + stage + path
}

func escapeAll(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

// An outcome is what a client gets: a status, and the handler that ran with the
// route that it ran for, or "".
type outcome struct {
	status int
	ran    string
}

func (r rule) ran() outcome { return outcome{200, r.Handler + " for " + r.key()} }

func holdsAny(wanted, held []string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return slices.Contains(held, w) })
}

// A principal is who sends a call, as the manifest sees it.
type principal struct {
	token          bool // a valid one
	groups, scopes []string
}

// functionMeans is what the function must do with a call that somebody vouched for
// as p. p is the zero principal if nobody did. Whoever calls a route by a path that
// reads as another's needs the permission of both.
func (g target) functionMeans(p principal) outcome {
	if g.dots {
		return outcome{status: 400}
	}
	got := g.rule.functionMeans(p)
	if got.ran == "" || g.readAs == nil {
		return got
	}
	if other := g.readAs.functionMeans(p); other.ran == "" {
		return other
	}
	return got
}

// functionMeans is target.functionMeans for one rule.
func (r rule) functionMeans(p principal) outcome {
	switch {
	case r.Public:
		return r.ran()
	case !p.token || r.Auth == "iam":
		return outcome{status: 401}
	case !holdsAny(r.Scopes, p.scopes) || !holdsAny(r.Groups, p.groups):
		return outcome{status: 403}
	}
	return r.ran()
}

// means is what must come of a call by p on its way through the gateway and the
// function. IAM routes refuse everyone, because the imitated gateway cannot check
// the signatures of AWS credentials. The gateway vouches for nobody on a public
// route.
func (g target) means(p principal) outcome {
	switch {
	case g.rule == nil:
		return outcome{status: 404}
	case g.Auth == "iam":
		return outcome{status: 403}
	case g.Public:
		return g.functionMeans(principal{})
	case !g.gatewayAllows(p):
		return g.rule.functionMeans(p) // what the gateway refuses the function would refuse alike
	}
	return g.functionMeans(p)
}

// gatewayAllows says whether the gateway alone, which knows of no groups, may
// let p reach the function, and then has to.
func (r *rule) gatewayAllows(p principal) bool {
	return r != nil && (r.Public || r.Auth != "iam" && p.token && holdsAny(r.Scopes, p.scopes))
}

// Alphabets so small that random routes overlap, and names of which one is a
// part of the other, or the other with a space.
var (
	randomGroups  = []string{"A", "AB", "admin", "staff-admin"}
	randomScopes  = []string{"read", "users/read", "users/read/all"}
	randomPieces  = []string{"a", "a", "a", "b", "{v}", "{v}", "{v}", "{p+}"}
	randomMethods = []string{"GET", "GET", "GET", "POST", "ANY"}
	// The last ones stand in no route.
	randomSegments = []string{"a", "a", "b", "b", "c", "a/b", "/a", "..", "a b", "{v}", "é", "a%2Fb", "a?b", "a:b"}
)

func pick(rng *rand.Rand, list []string) string { return list[rng.IntN(len(list))] }

// some returns each name with one chance in so many, in their order.
func some(rng *rand.Rand, in int, names []string) []string {
	var list []string
	for _, n := range names {
		if rng.IntN(in) == 0 {
			list = append(list, n)
		}
	}
	return list
}

// randomRules returns rules of which route.Load takes all.
func randomRules(rng *rand.Rand) []rule {
	var rules []rule
	for range 2 + rng.IntN(7) {
		with := append(slices.Clip(rules), randomRule(rng, len(rules)))
		if table, _ := route.Load("routes.yaml", write(with), nil); table != nil {
			rules = with
		}
	}
	return rules
}

func randomRule(rng *rand.Rand, i int) rule {
	r := rule{Path: randomPattern(rng), Method: pick(rng, randomMethods), Handler: fmt.Sprintf("h%d", i)}
	switch rng.IntN(8) {
	case 0, 1:
		r.Public = true
	case 2:
		r.Auth = "iam"
	case 3:
		r.Auth = "jwt"
		fallthrough
	default:
		// Nine of ten such rules ask for groups or for scopes or for both.
		r.Groups, r.Scopes = some(rng, 4, randomGroups), some(rng, 3, randomScopes)
	}
	return r
}

// randomPattern numbers the variables by their place, or starts somewhere else:
// what they are called must not matter.
func randomPattern(rng *rand.Rand) string {
	path, first := "", rng.IntN(3)
	for i := range rng.IntN(4) {
		piece := pick(rng, randomPieces)
		path += "/" + strings.Replace(piece, "v", fmt.Sprintf("v%d", first+i), 1)
		if piece == "{p+}" {
			break
		}
	}
	if path == "" {
		return "/"
	}
	return path
}

// calls returns calls for every rule, and some more that may be for none.
func calls(rng *rand.Rand, rules []rule, stage string) []call {
	var list []call
	for _, r := range rules {
		list = append(list, callOf(rng, r))
	}
	for range 2 {
		c := call{method: pick(rng, randomMethods)}
		for range rng.IntN(4) {
			c.segments = append(c.segments, pick(rng, randomSegments))
		}
		list = append(list, c)
	}
	for i := range list {
		c := &list[i]
		if c.method == "ANY" {
			c.method = pick(rng, append(slices.Clip(anyStandsFor), "PURGE"))
		}
		c.slash = rng.IntN(4) == 0
		c.doubled = rng.IntN(8) == 0
		c.escaped = rng.IntN(8) == 0
	}
	if stage != "" {
		list = append(list, call{method: list[0].method, segments: list[0].segments, unstaged: true})
	}
	return list
}

// callOf returns a call that the rule takes, unless its greedy variable gets
// nothing.
func callOf(rng *rand.Rand, r rule) call {
	c := call{method: r.Method}
	for _, p := range strings.FieldsFunc(r.Path, isSlash) {
		switch {
		case strings.HasSuffix(p, "+}"):
			for range rng.IntN(4) {
				c.segments = append(c.segments, pick(rng, randomSegments))
			}
		case strings.HasPrefix(p, "{"):
			c.segments = append(c.segments, pick(rng, randomSegments))
		default:
			c.segments = append(c.segments, p)
		}
	}
	return c
}
