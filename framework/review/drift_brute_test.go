package review_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// What follows says again, by brute force and without a line of the code that
// it checks, what a gateway and a function do with a request.

// A bruteRoute is a route of a manifest or of a gateway.
type bruteRoute struct {
	key            string // "GET /a/{x}", "$default"
	auth           string // public, jwt, iam, lambda
	groups, scopes []string
	target         string
}

type bruteRequest struct{ method, path string }

type bruteCaller struct {
	auth           string // "", jwt, iam
	groups, scopes []string
}

func (r *bruteRoute) takes(q bruteRequest) bool {
	if r.key == "$default" {
		return true
	}
	method, pattern, _ := strings.Cut(r.key, " ")
	if method != "ANY" && method != q.method {
		return false
	}
	split := func(s string) []string { return strings.FieldsFunc(s, func(c rune) bool { return c == '/' }) }
	want, got := split(pattern), split(q.path)
	for i, s := range want {
		switch {
		case strings.HasSuffix(s, "+}"):
			return len(got) > i || len(got) == i && strings.HasSuffix(q.path, "/")
		case i >= len(got):
			return false
		case s[0] != '{' && s != got[i]:
			return false
		}
	}
	return len(want) == len(got)
}

// shape is the key with all variables called alike.
func (r *bruteRoute) shape() string {
	var b strings.Builder
	for i, part := range strings.Split(r.key, "{") {
		if i > 0 {
			_, rest, _ := strings.Cut(part, "}")
			b.WriteString("{")
			if strings.Contains(part, "+}") {
				b.WriteString("+")
			}
			part = "}" + rest
		}
		b.WriteString(part)
	}
	return b.String()
}

func (r *bruteRoute) greedy() bool { return strings.HasSuffix(r.key, "+}") }

// A bruteSet is routes, with the requests that each takes.
type bruteSet struct {
	routes []*bruteRoute
	takes  [][]bool // by route, then by request
}

func newBruteSet(routes []*bruteRoute, requests []bruteRequest) *bruteSet {
	s := &bruteSet{routes: routes}
	for _, r := range routes {
		var list []bool
		for _, q := range requests {
			list = append(list, r.takes(q))
		}
		s.takes = append(s.takes, list)
	}
	return s
}

// beats reports whether of two routes i is before j: full before greedy, then
// the one whose requests are fewer.
func (s *bruteSet) beats(i, j int) bool {
	a, b := s.routes[i], s.routes[j]
	switch {
	case a.key == "$default":
		return false
	case b.key == "$default":
		return true
	case a.greedy() != b.greedy():
		return b.greedy()
	}
	fewer := false
	for q := range s.takes[i] {
		switch in, inOther := s.takes[i][q], s.takes[j][q]; {
		case in && !inOther:
			return false
		case !in && inOther:
			fewer = true
		}
	}
	return fewer
}

// first returns the routes that may answer request q.
func (s *bruteSet) first(q int) []*bruteRoute {
	var out []*bruteRoute
	for i := range s.routes {
		beaten := !s.takes[i][q]
		for j := range s.routes {
			beaten = beaten || s.takes[j][q] && s.beats(j, i)
		}
		if !beaten {
			out = append(out, s.routes[i])
		}
	}
	return out
}

func (r *bruteRoute) allows(c bruteCaller, withGroups bool) bool {
	some := func(want, has []string) bool {
		for _, w := range want {
			if slices.Contains(has, w) {
				return true
			}
		}
		return len(want) == 0
	}
	switch r.auth {
	case "public", "lambda": // a Lambda authorizer may let anyone in
		return true
	case "iam":
		return c.auth == "iam"
	}
	return c.auth == "jwt" && some(r.scopes, c.scopes) && (!withGroups || some(r.groups, c.groups))
}

// bruteDrifts returns the differences, as "kind manifest's-key deployed-index",
// with " open" where nothing refuses, or it is not clear whether something does.
// All requests tell which route is before which, and which integration is the
// function; what differs is asked of those from one on.
func bruteDrifts(manifest, deployed []*bruteRoute, requests []bruteRequest, from int, callers []bruteCaller) map[string]bool {
	wantedSet, deployedSet := newBruteSet(manifest, requests), newBruteSet(deployed, requests)
	listed := make(map[*bruteRoute]*bruteRoute)
	for _, d := range deployed {
		for _, r := range manifest {
			if r.shape() == d.shape() {
				listed[d] = r
			}
		}
	}
	wanted := func(q int) *bruteRoute {
		if first := wantedSet.first(q); len(first) > 0 {
			return first[0]
		}
		return nil
	}

	// Which target is the function?
	votes, targets := make(map[string]int), make(map[string]bool)
	for _, d := range deployed {
		if d.target != "" {
			targets[d.target] = true
			if listed[d] != nil {
				votes[d.target]++
			}
		}
	}
	if len(votes) == 0 {
		answers := make(map[string]bool)
		for q := range requests {
			for _, d := range deployedSet.first(q) {
				if r := wanted(q); r != nil && d.target != "" && !answers[d.target+" "+r.key] {
					answers[d.target+" "+r.key] = true
					votes[d.target]++
				}
			}
		}
	}
	most := 0
	for _, n := range votes {
		most = max(most, n)
	}
	var function []string
	for target, n := range votes {
		if n == most {
			function = append(function, target)
		}
	}
	isFunction := func(d *bruteRoute) bool {
		return d.target == "" || len(targets) < 2 || len(function) == 1 && d.target == function[0]
	}
	isOther := func(d *bruteRoute) bool { return !isFunction(d) && len(function) == 1 }

	out := make(map[string]bool)
	tell := func(kind string, r, d *bruteRoute, open bool) {
		text := kind
		if r != nil && kind != "orphan" {
			text += " " + r.key
		}
		if d != nil && kind != "missing" {
			text += fmt.Sprintf(" #%d", slices.Index(deployed, d))
		}
		if open {
			delete(out, text)
			out[text+" open"] = true
		} else if !out[text+" open"] {
			out[text] = true
		}
	}
	for q := from; q < len(requests); q++ {
		r := wanted(q)
		first := deployedSet.first(q)
		if r != nil && len(first) == 0 {
			tell("missing", r, nil, false)
		}
		for _, d := range first {
			if listed[d] == nil {
				tell("orphan", nil, d, !isFunction(d))
			}
			if r == nil {
				continue
			}
			if isOther(d) || listed[d] != nil && listed[d] != r {
				tell("missing", r, nil, false)
			}
			runs := r
			if listed[d] != nil {
				runs = listed[d]
			}
			for _, c := range callers {
				seen := bruteCaller{}
				if c.auth == d.auth {
					seen = c
				}
				lets := d.allows(c, false)
				functionAllows := runs.allows(seen, true) && r.allows(seen, true) // r is whose path it is
				var exposed bool
				switch {
				case isOther(d):
					exposed = lets && !r.allows(c, true)
				case runs != r:
					exposed = lets && functionAllows && !r.allows(c, true)
				default:
					exposed = lets && !r.allows(c, false)
				}
				if exposed {
					tell("exposed", r, d, functionAllows || !isFunction(d))
				}
				if r.allows(c, true) && (!lets || d.auth == "lambda" || !functionAllows && !isOther(d)) {
					tell("blocked", r, d, false)
				}
			}
		}
	}
	return out
}

// bruteSubsets returns all lists of some of the names.
func bruteSubsets(names ...string) [][]string {
	out := [][]string{nil}
	for _, name := range names {
		for _, s := range slices.Clone(out) {
			out = append(out, append(slices.Clone(s), name))
		}
	}
	return out
}

type bruteWorld struct {
	rng      *rand.Rand
	patterns []string
	requests []bruteRequest
	callers  []bruteCaller
}

func newBruteWorld(seed uint64) *bruteWorld {
	w := &bruteWorld{rng: rand.New(rand.NewPCG(seed, 7))}
	paths := func(letters []string, depth int) [][]string {
		out := [][]string{{""}}
		for last := out; depth > 0; depth-- {
			var next []string
			for _, p := range last[0] {
				for _, l := range letters {
					next = append(next, p+"/"+l)
				}
			}
			last = [][]string{next}
			out = append(out, next)
		}
		return out
	}
	for n, list := range paths([]string{"a", "b", "{}"}, 3) {
		for _, p := range list {
			if n > 0 {
				w.patterns = append(w.patterns, p)
			}
			if n < 3 {
				w.patterns = append(w.patterns, p+"/{+}")
			}
		}
	}
	w.patterns = append(w.patterns, "/")
	for _, method := range []string{"GET", "POST", "PUT"} {
		for _, list := range paths([]string{"a", "b", "z"}, 4) {
			for _, p := range list {
				if p != "" {
					w.requests = append(w.requests, bruteRequest{method, p})
				}
				w.requests = append(w.requests, bruteRequest{method, p + "/"})
			}
		}
	}
	w.callers = []bruteCaller{{}, {auth: "iam"}}
	for _, groups := range bruteSubsets("G", "H") {
		for _, scopes := range bruteSubsets("s", "t", "u") {
			w.callers = append(w.callers, bruteCaller{"jwt", groups, scopes})
		}
	}
	return w
}

func pickOne[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }

// named gives the variables of a pattern names.
func (w *bruteWorld) named(pattern string) string {
	for i := 0; strings.Contains(pattern, "{}") || strings.Contains(pattern, "{+}"); i++ {
		name := fmt.Sprintf("%s%d", pickOne(w.rng, "x", "y"), i)
		if strings.Contains(pattern, "{}") {
			pattern = strings.Replace(pattern, "{}", "{"+name+"}", 1)
		} else {
			pattern = strings.Replace(pattern, "{+}", "{"+name+"+}", 1)
		}
	}
	return pattern
}

func (w *bruteWorld) key() string {
	return pickOne(w.rng, "GET", "GET", "POST", "ANY") + " " + w.named(pickOne(w.rng, w.patterns...))
}

// manifest returns a valid manifest of a few routes.
func (w *bruteWorld) manifest() ([]*bruteRoute, *route.Table) {
	for {
		var routes []*bruteRoute
		src := "version: 1\nroutes:\n"
		for i := range 1 + w.rng.IntN(4) {
			r := &bruteRoute{key: w.key(), auth: pickOne(w.rng, "public", "jwt", "jwt", "jwt", "iam")}
			access := "public: true"
			switch r.auth {
			case "jwt":
				r.groups, r.scopes = pickOne(w.rng, bruteSubsets("G", "H")...), pickOne(w.rng, bruteSubsets("s", "t")...)
				access = fmt.Sprintf("groups: [%s], scopes: [%s]", strings.Join(r.groups, ", "), strings.Join(r.scopes, ", "))
				access = strings.ReplaceAll(strings.ReplaceAll(access, "groups: [], ", ""), "scopes: []", "auth: jwt")
			case "iam":
				access = "auth: iam"
			}
			method, path, _ := strings.Cut(r.key, " ")
			src += fmt.Sprintf("  - {path: '%s', method: %s, handler: h%d, %s}\n", path, method, i, access)
			routes = append(routes, r)
		}
		if t, _ := route.Load("routes.yaml", []byte(src), nil); t != nil {
			return routes, t
		}
	}
}

// deployment returns a gateway that has most of the routes, some of them
// changed, and sometimes others too.
func (w *bruteWorld) deployment(manifest []*bruteRoute) []*bruteRoute {
	var out []*bruteRoute
	random := func(key string) *bruteRoute {
		return &bruteRoute{
			key: key, auth: pickOne(w.rng, "public", "jwt", "jwt", "iam", "lambda"),
			scopes: pickOne(w.rng, bruteSubsets("s", "t", "u")...), target: "f",
		}
	}
	only := w.rng.IntN(6) == 0 // only what is not in the manifest
	for _, r := range manifest {
		if only || w.rng.IntN(8) == 0 {
			continue
		}
		method, _, _ := strings.Cut(r.key, " ")
		_, path, _ := strings.Cut(r.shape(), " ")
		d := &bruteRoute{key: method + " " + w.named(path), auth: r.auth, scopes: slices.Clone(r.scopes), target: "f"}
		w.rng.Shuffle(len(d.scopes), func(i, j int) { d.scopes[i], d.scopes[j] = d.scopes[j], d.scopes[i] })
		if w.rng.IntN(3) == 0 {
			d = random(d.key)
		}
		out = append(out, d)
	}
	for range w.rng.IntN(3) {
		out = append(out, random(pickOne(w.rng, w.key(), w.key(), "$default", "ANY /{proxy+}")))
	}
	for _, d := range out {
		if d.auth != "jwt" {
			d.scopes = nil
		}
		switch w.rng.IntN(10) {
		case 0, 1:
			d.target = "g"
		case 2:
			d.target = ""
		}
	}
	w.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

var bruteTypes = map[string]string{"public": "NONE", "jwt": "JWT", "iam": "AWS_IAM", "lambda": "CUSTOM"}

// Every difference is told, nothing else is, and the request that is told
// shows it.
func TestDriftsAreThoseOfBruteForce(t *testing.T) {
	t.Parallel()
	rounds := 600
	if testing.Short() {
		rounds = 100
	}
	w := newBruteWorld(1)
	told := make(map[string]int)
	for range rounds {
		manifest, table := w.manifest()
		gateway := w.deployment(manifest)
		deployment := &review.Deployment{}
		for i, d := range gateway {
			r, err := review.NewDeployedRoute(d.key, bruteTypes[d.auth], d.scopes)
			if err != nil {
				t.Fatal(err)
			}
			r.Target, r.Where = d.target, fmt.Sprint(i)
			deployment.Routes = append(deployment.Routes, r)
		}
		drifts, err := review.Drifts(table, deployment)
		if err != nil {
			t.Fatal(err)
		}
		reversed := &review.Deployment{Routes: slices.Clone(deployment.Routes)}
		slices.Reverse(reversed.Routes)
		again, err := review.Drifts(table, reversed)
		if diff := cmp.Diff(drifts, again, cmpopts.IgnoreFields(review.Drift{}, "Route")); diff != "" || err != nil {
			t.Fatalf("in another order: %v, (-want +got):\n%s", err, diff)
		}
		got := make(map[string]bool)
		for _, d := range drifts {
			text := bruteText(d)
			if got[text] {
				t.Fatalf("%s is told twice", text)
			}
			got[text] = true
			told[string(d.Kind)]++
			// The one request and the one caller show the same.
			requests := append(slices.Clone(w.requests), bruteRequest{d.Method, d.Path})
			c := bruteCaller{groups: d.Caller.Principal.Groups, scopes: d.Caller.Principal.Scopes}
			if d.Caller.Auth != route.NoAuth {
				c.auth = d.Caller.Auth.String()
			}
			if !bruteDrifts(manifest, gateway, requests, len(w.requests), []bruteCaller{c})[text] {
				t.Fatalf("%s: %s %s by %s does not show it\n%s", text, d.Method, d.Path, review.Describe(d.Caller), bruteStory(manifest, gateway))
			}
		}
		want := bruteDrifts(manifest, gateway, w.requests, 0, w.callers)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
			t.Fatalf("drifts (-brute force +got):\n%s\n%s", diff, bruteStory(manifest, gateway))
		}
	}
	t.Logf("%d gateways, drifts %v", rounds, told)
	for _, kind := range []review.DriftKind{review.Exposed, review.Blocked, review.Orphan, review.Missing} {
		if told[string(kind)] < rounds/10 {
			t.Errorf("%d times %s only", told[string(kind)], kind)
		}
	}
}

func bruteText(d review.Drift) string {
	text := string(d.Kind)
	if d.Route != nil && d.Kind != review.Orphan {
		text += " " + d.Route.Key()
	}
	if d.Deployed != nil && d.Kind != review.Missing {
		text += " #" + d.Deployed.Where
	}
	if d.Open() {
		text += " open"
	}
	return text
}

func bruteStory(manifest, gateway []*bruteRoute) string {
	var b strings.Builder
	for _, list := range [][]*bruteRoute{manifest, gateway} {
		for i, r := range list {
			fmt.Fprintf(&b, "#%d %s %s %v %v %s\n", i, r.key, r.auth, r.groups, r.scopes, r.target)
		}
		b.WriteString("\n")
	}
	return b.String()
}
