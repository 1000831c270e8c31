package drift

import (
	"flag"
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

var full = flag.Bool("full", false, "compare many random deployments with brute force")

// The code below says again, by brute force and without a line of the code that it
// checks, who reaches what in a deployment whose fields are all known. A deployment
// with unknown fields is every deployment that has some value in their place.

// A bruteRoute is a route of a manifest.
type bruteRoute struct {
	key            string // "GET /a/{x}"
	auth           string // public, jwt, iam
	groups, scopes []string
}

// A bruteGate is a deployed route whose fields are all known.
type bruteGate struct {
	key        string // "GET /a/{x}", "$default"
	auth       string // public, jwt, iam, lambda
	scopes     []string
	calls      string // what its integration calls, "-" for no integration
	authorizer int
}

// A bruteAuthorizer is a JWT authorizer whose fields are all known.
type bruteAuthorizer struct {
	source   string
	issuer   string
	audience []string
}

// A bruteDeployment is a deployment whose fields are all known.
type bruteDeployment struct {
	function    string
	gates       []bruteGate
	authorizers []bruteAuthorizer
	doors       []Entry
}

func (d *bruteDeployment) clone() *bruteDeployment {
	return &bruteDeployment{d.function, slices.Clone(d.gates), slices.Clone(d.authorizers), slices.Clone(d.doors)}
}

type bruteRequest struct{ method, path string }

type bruteCaller struct {
	auth           string // "", jwt, iam
	groups, scopes []string
}

func takes(key string, q bruteRequest) bool {
	if key == "$default" {
		return true
	}
	method, pattern, _ := strings.Cut(key, " ")
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

// bruteShape is a key whose variables are all called alike.
func bruteShape(key string) string {
	var b strings.Builder
	for i, part := range strings.Split(key, "{") {
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

// A bruteSet is route keys, and which of the requests each takes.
type bruteSet struct {
	keys  []string
	takes [][]bool // by key, then by request
}

func newBruteSet(keys []string, requests []bruteRequest) *bruteSet {
	s := &bruteSet{keys: keys}
	for _, key := range keys {
		var list []bool
		for _, q := range requests {
			list = append(list, takes(key, q))
		}
		s.takes = append(s.takes, list)
	}
	return s
}

// beats reports whether of two keys i is before j: full before greedy, then the one
// whose requests are fewer.
func (s *bruteSet) beats(i, j int) bool {
	a, b := s.keys[i], s.keys[j]
	isGreedy := func(key string) bool { return strings.HasSuffix(key, "+}") }
	switch {
	case a == "$default":
		return false
	case b == "$default":
		return true
	case isGreedy(a) != isGreedy(b):
		return isGreedy(b)
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

// first returns the indices of the keys that may answer a request.
func (s *bruteSet) first(q bruteRequest) []int {
	var out []int
	for i, key := range s.keys {
		beaten := !takes(key, q)
		for j, other := range s.keys {
			beaten = beaten || takes(other, q) && s.beats(j, i)
		}
		if !beaten {
			out = append(out, i)
		}
	}
	return out
}

func has(want, held []string) bool {
	for _, w := range want {
		if slices.Contains(held, w) {
			return true
		}
	}
	return len(want) == 0
}

func (r *bruteRoute) allows(c bruteCaller, withGroups bool) bool {
	if r.auth == "public" || r.auth == "iam" {
		return r.auth == "public" || c.auth == "iam"
	}
	return c.auth == "jwt" && has(r.scopes, c.scopes) && (!withGroups || has(r.groups, c.groups))
}

// lets reports whether the gateway lets a caller with a valid token through. A Lambda
// authorizer may let in anybody.
func (g *bruteGate) lets(c bruteCaller) bool {
	switch g.auth {
	case "public", "lambda":
		return true
	case "iam":
		return c.auth == "iam"
	}
	return c.auth == "jwt" && has(g.scopes, c.scopes)
}

// seen is the caller as the function sees it behind the gate.
func (g *bruteGate) seen(c bruteCaller) bruteCaller {
	if c.auth != g.auth {
		return bruteCaller{}
	}
	return c
}

// A brutePair is a route of the manifest, -1 for none, and a deployed one, -1 for none.
type brutePair struct{ route, gate int }

// A brute is a manifest and the keys of a deployment.
type brute struct {
	manifest []bruteRoute
	keys     []string
	listed   []int // by key, the manifest's route of the same shape, or -1
	pairs    []brutePair
	opts     Options
	callers  []bruteCaller
}

func newBrute(w *bruteWorld, manifest []bruteRoute, keys []string, opts Options) *brute {
	b := &brute{manifest: manifest, keys: keys, opts: opts, callers: w.callers}
	var wantedKeys []string
	for _, r := range manifest {
		wantedKeys = append(wantedKeys, r.key)
	}
	for _, key := range keys {
		b.listed = append(b.listed, slices.IndexFunc(wantedKeys, func(k string) bool { return bruteShape(k) == bruteShape(key) }))
	}
	b.pairs = b.pairsOf(newBruteSet(wantedKeys, w.requests), newBruteSet(keys, w.requests), w.requests)
	return b
}

func (b *brute) pairsOf(wanted, deployed *bruteSet, requests []bruteRequest) []brutePair {
	seen := make(map[brutePair]bool)
	for _, q := range requests {
		r := -1
		if first := wanted.first(q); len(first) > 0 {
			r = first[0]
		}
		first := deployed.first(q)
		if len(first) == 0 {
			first = []int{-1}
		}
		for _, g := range first {
			seen[brutePair{r, g}] = true
		}
	}
	return slices.Collect(maps.Keys(seen))
}

// withRequest is b with the pairs of one request only, and one caller.
func (b *brute) withRequest(w *bruteWorld, q bruteRequest, c bruteCaller) *brute {
	one := *b
	var wantedKeys []string
	for _, r := range b.manifest {
		wantedKeys = append(wantedKeys, r.key)
	}
	one.pairs = b.pairsOf(newBruteSet(wantedKeys, w.requests), newBruteSet(b.keys, w.requests), []bruteRequest{q})
	one.callers = []bruteCaller{c}
	return &one
}

// findings returns what differs in a deployment, and whether the function refuses
// everybody by itself.
func (b *brute) findings(d *bruteDeployment) map[string]bool {
	out := make(map[string]bool)
	tell := func(enforced bool, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		was, isKnown := out[text]
		out[text] = enforced && (was || !isKnown)
	}
	for _, p := range b.pairs {
		if p.gate < 0 {
			if p.route >= 0 {
				tell(false, "missing %d #%d", p.route, p.gate)
			}
			continue
		}
		g := &d.gates[p.gate]
		isFunction, isNothing := g.calls == d.function, g.calls == "-"
		listed := b.listed[p.gate]
		if listed < 0 {
			tell(isFunction || isNothing, "orphan #%d", p.gate)
		}
		if p.route < 0 {
			continue
		}
		if !isFunction || listed >= 0 && listed != p.route {
			tell(false, "missing %d #%d", p.route, p.gate)
		}
		if isNothing {
			continue
		}
		r := &b.manifest[p.route]
		runs := r
		if listed >= 0 {
			runs = &b.manifest[listed]
		}
		for _, c := range b.callers {
			lets := g.lets(c)
			functionAllows := runs.allows(g.seen(c), true) && r.allows(g.seen(c), true)
			var exposed bool
			switch {
			case !isFunction:
				exposed = lets && !r.allows(c, true)
			case runs != r:
				exposed = lets && functionAllows && !r.allows(c, true)
			default:
				exposed = lets && !r.allows(c, false)
			}
			if exposed {
				tell(isFunction && !functionAllows, "exposed %d #%d", p.route, p.gate)
			}
			if r.allows(c, true) && (!lets || g.auth == "lambda" || isFunction && !functionAllows) {
				tell(false, "blocked %d #%d", p.route, p.gate)
			}
		}
	}
	for a := range b.asked(d) {
		authorizer := d.authorizers[a]
		if authorizer.source != identitySource {
			tell(false, "exposed authorizer %d in", a)
		}
		if want := b.opts.Issuer; want != "" && authorizer.issuer != want {
			tell(false, "exposed authorizer %d issuer", a)
			tell(false, "blocked authorizer %d issuer", a)
		}
		if want := b.opts.Audience; want != nil {
			for _, s := range authorizer.audience {
				if !slices.Contains(want, s) {
					tell(false, "exposed authorizer %d audience", a)
				}
			}
			for _, s := range want {
				if !slices.Contains(authorizer.audience, s) {
					tell(false, "blocked authorizer %d audience", a)
				}
			}
		}
	}
	// Nobody says what is right, and the authorizers disagree.
	issuers, audiences := b.verified(d)
	if len(issuers) > 1 && b.opts.Issuer == "" {
		tell(false, "unknown issuer")
	}
	if len(audiences) > 1 && b.opts.Audience == nil {
		tell(false, "unknown audience")
	}
	for i, entry := range d.doors {
		if (entry == AnyEvent || entry == Vouched) && b.isProtected() {
			tell(false, "exposed door %d", i)
		} else {
			tell(true, "orphan door %d", i)
		}
	}
	return out
}

func (b *brute) isProtected() bool {
	return slices.ContainsFunc(b.manifest, func(r bruteRoute) bool { return r.auth != "public" })
}

// asked returns the authorizers that are asked about requests of the manifest.
func (b *brute) asked(d *bruteDeployment) map[int]bool {
	out := make(map[int]bool)
	for _, p := range b.pairs {
		if p.gate >= 0 && p.route >= 0 && d.gates[p.gate].auth == "jwt" && d.gates[p.gate].calls != "-" {
			out[d.gates[p.gate].authorizer] = true
		}
	}
	return out
}

// verified returns the issuers and the audiences that the authorizers verify.
func (b *brute) verified(d *bruteDeployment) (issuers, audiences map[string]bool) {
	issuers, audiences = make(map[string]bool), make(map[string]bool)
	for a := range b.asked(d) {
		issuers[d.authorizers[a].issuer] = true
		audiences[strings.Join(d.authorizers[a].audience, " ")] = true
	}
	return issuers, audiences
}

// isTooMuch reports whether some caller reaches a handler, or something that is not
// the function, that the manifest does not let this caller reach. It knows nothing of
// findings. The right issuer and audience are the given ones, or what all authorizers
// verify.
func (b *brute) isTooMuch(d *bruteDeployment) bool {
	issuers, audiences := b.verified(d)
	isRight := func(a bruteAuthorizer) bool {
		audience := b.opts.Audience
		if audience == nil {
			audience = a.audience
		}
		issuer := b.opts.Issuer
		if issuer == "" {
			issuer = a.issuer
		}
		foreign := slices.ContainsFunc(a.audience, func(s string) bool { return !slices.Contains(audience, s) })
		return a.issuer == issuer && !foreign && a.source == identitySource
	}
	for _, p := range b.pairs {
		if p.route < 0 || p.gate < 0 || d.gates[p.gate].calls == "-" {
			continue
		}
		g, r := &d.gates[p.gate], &b.manifest[p.route]
		runs := r
		if b.listed[p.gate] >= 0 {
			runs = &b.manifest[b.listed[p.gate]]
		}
		if g.auth == "jwt" && r.auth == "jwt" && !isRight(d.authorizers[g.authorizer]) {
			// A foreign token may have every scope and group.
			return true
		}
		for _, c := range b.callers {
			reaches := g.lets(c) && (g.calls != d.function || runs.allows(g.seen(c), true) && r.allows(g.seen(c), true))
			if reaches && !r.allows(c, true) {
				return true
			}
		}
	}
	if len(issuers) > 1 && b.opts.Issuer == "" || len(audiences) > 1 && b.opts.Audience == nil {
		return true
	}
	return b.isProtected() && slices.ContainsFunc(d.doors, func(e Entry) bool { return e == AnyEvent || e == Vouched })
}

// A bruteField is a field that is not known, and puts each value that it may have
// into a deployment.
type bruteField struct {
	name string
	set  []func(*bruteDeployment)
}

// completions calls yield for each deployment that the fields may stand for, with the
// values' indices.
func completions(d *bruteDeployment, fields []bruteField, yield func(*bruteDeployment, []int)) {
	index := make([]int, len(fields))
	for {
		c := d.clone()
		for i, f := range fields {
			f.set[index[i]](c)
		}
		yield(c, slices.Clone(index))
		i := 0
		for ; i < len(fields); i++ {
			if index[i]++; index[i] < len(fields[i].set) {
				break
			}
			index[i] = 0
		}
		if i == len(fields) {
			return
		}
	}
}

// subsets returns all lists of some of the names.
func subsets(names ...string) [][]string {
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

// newBruteWorld returns a world of patterns with at most depth segments.
func newBruteWorld(seed uint64, depth int) *bruteWorld {
	w := &bruteWorld{rng: rand.New(rand.NewPCG(seed, 7))}
	paths := func(letters []string, depth int) [][]string {
		out := [][]string{{""}}
		for last := out[0]; depth > 0; depth-- {
			var next []string
			for _, p := range last {
				for _, l := range letters {
					next = append(next, p+"/"+l)
				}
			}
			last = next
			out = append(out, next)
		}
		return out
	}
	for n, list := range paths([]string{"a", "b", "{}"}, depth) {
		for _, p := range list {
			if n > 0 {
				w.patterns = append(w.patterns, p)
			}
			if n < depth {
				w.patterns = append(w.patterns, p+"/{+}")
			}
		}
	}
	w.patterns = append(w.patterns, "/")
	for _, method := range []string{"GET", "POST", "PUT"} {
		for _, list := range paths([]string{"a", "b", "z"}, depth+1) {
			for _, p := range list {
				if p != "" {
					w.requests = append(w.requests, bruteRequest{method, p})
				}
				w.requests = append(w.requests, bruteRequest{method, p + "/"})
			}
		}
	}
	w.callers = []bruteCaller{{}, {auth: "iam"}}
	for _, groups := range subsets("G", "H") {
		for _, scopes := range subsets("s", "t", "u") {
			w.callers = append(w.callers, bruteCaller{"jwt", groups, scopes})
		}
	}
	return w
}

func pick[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }

// named gives the variables of a pattern names.
func (w *bruteWorld) named(pattern string) string {
	for i := 0; strings.Contains(pattern, "{}") || strings.Contains(pattern, "{+}"); i++ {
		name := fmt.Sprintf("%s%d", pick(w.rng, "x", "y"), i)
		if strings.Contains(pattern, "{}") {
			pattern = strings.Replace(pattern, "{}", "{"+name+"}", 1)
		} else {
			pattern = strings.Replace(pattern, "{+}", "{"+name+"+}", 1)
		}
	}
	return pattern
}

func (w *bruteWorld) key() string {
	return pick(w.rng, "GET", "GET", "POST", "ANY") + " " + w.named(pick(w.rng, w.patterns...))
}

// manifest returns a valid manifest of a few routes.
func (w *bruteWorld) manifest() ([]bruteRoute, *route.Table) {
	for {
		var routes []bruteRoute
		src := "version: 1\nroutes:\n"
		for i := range 1 + w.rng.IntN(4) {
			r := bruteRoute{key: w.key(), auth: pick(w.rng, "public", "jwt", "jwt", "jwt", "iam")}
			access := "public: true"
			switch r.auth {
			case "jwt":
				r.groups, r.scopes = pick(w.rng, subsets("G", "H")...), pick(w.rng, subsets("s", "t")...)
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

// deployment returns a deployment that has most of the routes, some of them changed,
// and sometimes other routes and doors.
func (w *bruteWorld) deployment(manifest []bruteRoute) *bruteDeployment {
	d := &bruteDeployment{function: "f"}
	for range 1 + w.rng.IntN(2) {
		a := bruteAuthorizer{identitySource, "https://i/", []string{"a", "b"}}
		if w.rng.IntN(3) == 0 {
			a = bruteAuthorizer{pick(w.rng, identitySource, "$request.querystring.t"), pick(w.rng, "https://i/", "https://j/"), pick(w.rng, subsets("a", "b", "c")[1:]...)}
		}
		d.authorizers = append(d.authorizers, a)
	}
	random := func(key string) bruteGate {
		return bruteGate{key: key, auth: pick(w.rng, "public", "jwt", "jwt", "iam", "lambda"), scopes: pick(w.rng, subsets("s", "t", "u")...)}
	}
	likeTheManifest := w.rng.IntN(3) == 0 // so that some are clean
	only := !likeTheManifest && w.rng.IntN(6) == 0
	for _, r := range manifest {
		if only || !likeTheManifest && w.rng.IntN(8) == 0 {
			continue
		}
		method, _, _ := strings.Cut(r.key, " ")
		_, path, _ := strings.Cut(bruteShape(r.key), " ")
		g := bruteGate{key: method + " " + w.named(path), auth: r.auth, scopes: slices.Clone(r.scopes)}
		w.rng.Shuffle(len(g.scopes), func(i, j int) { g.scopes[i], g.scopes[j] = g.scopes[j], g.scopes[i] })
		if !likeTheManifest && w.rng.IntN(3) == 0 {
			g = random(g.key)
		}
		d.gates = append(d.gates, g)
	}
	if !likeTheManifest {
		for range w.rng.IntN(3) {
			d.gates = append(d.gates, random(pick(w.rng, w.key(), w.key(), "$default", "ANY /{proxy+}")))
		}
		for range w.rng.IntN(3) / 2 {
			d.doors = append(d.doors, pick(w.rng, Refused, Unvouched, SameRules, IAMCallers, Vouched, AnyEvent))
		}
	}
	isDeployed := make(map[string]bool)
	d.gates = slices.DeleteFunc(d.gates, func(g bruteGate) bool { // AWS has no key twice
		shape := bruteShape(g.key)
		was := isDeployed[shape]
		isDeployed[shape] = true
		return was
	})
	for i := range d.gates {
		g := &d.gates[i]
		g.calls, g.authorizer = "f", w.rng.IntN(len(d.authorizers))
		if !likeTheManifest {
			g.calls = pick(w.rng, "f", "f", "f", "f", "f", "f", "g", "g", "-")
		}
	}
	w.rng.Shuffle(len(d.gates), func(i, j int) { d.gates[i], d.gates[j] = d.gates[j], d.gates[i] })
	return d
}

// fields returns every field of a deployment that may be unknown.
func (w *bruteWorld) fields(d *bruteDeployment) []bruteField {
	var fields []bruteField
	for _, f := range []string{"f", "g", "h"} {
		fields = grow(fields, "function", func(d *bruteDeployment) { d.function = f })
	}
	for i := range d.gates {
		name := func(what string) string { return fmt.Sprintf("%s of gate %d", what, i) }
		for _, auth := range []string{"public", "jwt", "iam", "lambda"} {
			fields = grow(fields, name("auth"), func(d *bruteDeployment) { d.gates[i].auth = auth })
		}
		for _, scopes := range subsets("s", "t", "u") {
			fields = grow(fields, name("scopes"), func(d *bruteDeployment) { d.gates[i].scopes = scopes })
		}
		for _, what := range []string{"integration", "calls"} {
			for _, calls := range []string{"f", "g", "h"} {
				fields = grow(fields, name(what), func(d *bruteDeployment) { d.gates[i].calls = calls })
			}
		}
	}
	for i := range d.gates {
		for _, source := range []string{identitySource, "$request.querystring.t"} {
			fields = grow(fields, fmt.Sprintf("authorizer of gate %d", i), func(d *bruteDeployment) {
				d.gates[i].authorizer = len(d.authorizers)
				d.authorizers = append(d.authorizers, bruteAuthorizer{source, "https://i/", []string{"a", "b"}})
			})
		}
	}
	for i := range d.authorizers {
		name := func(what string) string { return fmt.Sprintf("%s of authorizer %d", what, i) }
		for _, source := range []string{identitySource, "$request.querystring.t"} {
			fields = grow(fields, name("source"), func(d *bruteDeployment) { d.authorizers[i].source = source })
		}
		for _, issuer := range []string{"https://i/", "https://j/"} {
			fields = grow(fields, name("issuer"), func(d *bruteDeployment) { d.authorizers[i].issuer = issuer })
		}
		for _, audience := range subsets("a", "b", "c")[1:] {
			fields = grow(fields, name("audience"), func(d *bruteDeployment) { d.authorizers[i].audience = audience })
		}
	}
	for i := range d.doors {
		for entry := Refused; entry <= AnyEvent; entry++ {
			fields = grow(fields, fmt.Sprintf("door %d", i), func(d *bruteDeployment) { d.doors[i] = entry })
		}
	}
	return fields
}

// grow adds a value to the last field if it has the name, and a field if not.
func grow(fields []bruteField, name string, set func(*bruteDeployment)) []bruteField {
	if n := len(fields); n > 0 && fields[n-1].name == name {
		fields[n-1].set = append(fields[n-1].set, set)
		return fields
	}
	return append(fields, bruteField{name, []func(*bruteDeployment){set}})
}

// unknownFields returns a few fields that together have at most 200 values.
func (w *bruteWorld) unknownFields(d *bruteDeployment) []bruteField {
	all := w.fields(d)
	w.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var out []bruteField
	n := 1
	integrations := make(map[string]bool)
	for _, f := range all {
		what, gate, _ := strings.Cut(f.name, " of ")
		if what == "integration" || what == "calls" {
			index := 0
			fmt.Sscanf(gate, "gate %d", &index)
			if integrations[gate] || d.gates[index].calls == "-" {
				continue // no integration has no function
			}
			integrations[gate] = true
		}
		if n*len(f.set) <= 200 && len(out) < 4 {
			n *= len(f.set)
			out = append(out, f)
		}
	}
	return out[:1+w.rng.IntN(len(out))]
}

var bruteTypes = map[string]Authorization{"public": None, "jwt": JWT, "iam": IAM, "lambda": Custom}

// asDeployment returns a deployment in which the fields are not known.
func asDeployment(d *bruteDeployment, fields []bruteField) *Deployment {
	unknown := make(map[string]bool)
	for _, f := range fields {
		unknown[f.name] = true
	}
	var authorizers []*Authorizer
	for i, a := range d.authorizers {
		name := func(what string) string { return fmt.Sprintf("%s of authorizer %d", what, i) }
		authorizers = append(authorizers, &Authorizer{
			Name: fmt.Sprint(i), Where: fmt.Sprint(i), Type: Known("JWT"),
			IdentitySources: value(unknown, name("source"), []string{a.source}),
			Issuer:          value(unknown, name("issuer"), a.issuer),
			Audience:        value(unknown, name("audience"), a.audience),
		})
	}
	out := &Deployment{Function: value(unknown, "function", FunctionID(d.function))}
	for i, g := range d.gates {
		name := func(what string) string { return fmt.Sprintf("%s of gate %d", what, i) }
		r := Route{
			Key: Known(g.key), Where: fmt.Sprint(i),
			Authorization: value(unknown, name("auth"), bruteTypes[g.auth]),
			Scopes:        value(unknown, name("scopes"), g.scopes),
			Authorizer:    value(unknown, name("authorizer"), authorizers[g.authorizer]),
			Integration:   Known[*Integration](nil),
		}
		if g.calls != "-" {
			r.Integration = value(unknown, name("integration"), &Integration{
				Type: Known("AWS_PROXY"), Calls: value(unknown, name("calls"), FunctionID(g.calls)),
				Mappings: Known[map[string]string](nil),
			})
		}
		out.Routes = append(out.Routes, r)
	}
	for i, entry := range d.doors {
		out.Doors = append(out.Doors, Door{Kind: FunctionURL, Where: fmt.Sprint(i), Lets: value(unknown, fmt.Sprintf("door %d", i), entry)})
	}
	return out
}

func value[T any](unknown map[string]bool, name string, v T) Value[T] {
	if unknown[name] {
		return Unknown[T](Gap{What: name})
	}
	return Known(v)
}

// textOf names a finding as brute.findings does.
func textOf(manifest []bruteRoute, f Finding) string {
	text := string(f.Kind)
	switch {
	case f.Kind == NotKnown && strings.HasPrefix(f.Gap.What, "which issuer"):
		return "unknown issuer"
	case f.Kind == NotKnown && strings.HasPrefix(f.Gap.What, "which audience"):
		return "unknown audience"
	case f.Kind == NotKnown && strings.HasPrefix(f.Gap.What, "what the function does behind the parameter mapping"):
		return "unknown path mapping"
	case f.Kind == NotKnown && strings.HasPrefix(f.Gap.What, "what the stage"):
		return "unknown manual stage"
	case f.Kind == NotKnown:
		return text + " " + f.Gap.What
	case f.Door != nil:
		return text + " door " + f.Door.Where
	case f.Authorizer != nil:
		what := strings.Fields(f.Token)
		return text + " authorizer " + f.Authorizer.Where + " " + strings.TrimPrefix(strings.Join(what[:min(3, len(what)-1)], " "), "with the ")
	}
	if f.Route != nil && f.Kind != Orphan {
		i := slices.IndexFunc(manifest, func(r bruteRoute) bool { return r.key == f.Route.Key() })
		text += fmt.Sprintf(" %d", i)
	}
	if f.Deployed != nil && f.Kind != Missing {
		text += " #" + f.Deployed.Where
	}
	return text
}

// weighed returns findings with how much they count at the end of each name.
func weighed(findings map[string]bool, functionEnforces bool) map[string]bool {
	out := make(map[string]bool)
	for text, enforced := range findings {
		switch {
		case enforced && functionEnforces:
			text += ", not counted"
		case strings.HasPrefix(text, "orphan") && !enforced:
			text += ", open"
		}
		out[text] = enforced
	}
	return out
}

// exitOf returns the exit code that weighed findings have.
func exitOf(findings map[string]bool) int {
	code := 0
	for text := range findings {
		switch {
		case strings.HasSuffix(text, ", not counted"):
		case strings.HasPrefix(text, "exposed"), strings.HasSuffix(text, ", open"):
			return 4
		case strings.HasPrefix(text, "unknown"):
			code = 5
		case code == 0:
			code = 1
		}
	}
	return code
}

// oneMissing names each missing route once, whatever gates take its requests.
func oneMissing(findings map[string]bool) map[string]bool {
	out := make(map[string]bool)
	for text, enforced := range findings {
		if strings.HasPrefix(text, "missing") {
			text, _, _ = strings.Cut(text, " #")
		}
		out[text] = enforced
	}
	return out
}

// A bruteCase is a random manifest, a deployment, and what is not known of it.
type bruteCase struct {
	manifest []bruteRoute
	table    *route.Table
	deployed *bruteDeployment
	fields   []bruteField
	blind    []string // what the comparison does not follow, whatever it is
	opts     Options
}

// blindSpots are what a deployment may have that the comparison does not follow.
var blindSpots = []string{"half", "key", "stage", "manual stage", "mappings", "path mapping"}

// asDeployment returns the deployment of a case.
func (c *bruteCase) asDeployment() *Deployment {
	d := asDeployment(c.deployed, c.fields)
	for _, spot := range c.blind {
		switch spot {
		case "half":
			d.Gaps = append(d.Gaps, Gap{What: spot})
		case "key":
			d.Routes = append(d.Routes, Route{Key: Unknown[string](Gap{What: spot})})
		case "stage":
			d.Stages = append(d.Stages, Stage{AutoDeploy: Unknown[bool](Gap{What: spot})})
		case "manual stage":
			d.Stages = append(d.Stages, Stage{AutoDeploy: Known(false)})
		default:
			i, _ := d.Routes[0].Integration.Get()
			i.Mappings = Unknown[map[string]string](Gap{What: spot})
			if spot == "path mapping" {
				i.Mappings = Known(map[string]string{"overwrite:path": "/"})
			}
		}
	}
	return d
}

// blindSpot chooses something that the comparison does not follow.
func (c *bruteCase) blindSpot(w *bruteWorld) {
	spot := pick(w.rng, blindSpots...)
	if strings.Contains(spot, "mapping") {
		isUnknown := slices.ContainsFunc(c.fields, func(f bruteField) bool { return f.name == "integration of gate 0" })
		if isUnknown || len(c.deployed.gates) == 0 || c.deployed.gates[0].calls != "f" {
			return
		}
	}
	c.blind = append(c.blind, spot)
}

func (w *bruteWorld) newCase() *bruteCase {
	c := &bruteCase{opts: Options{FunctionEnforces: w.rng.IntN(4) == 0}}
	c.manifest, c.table = w.manifest()
	c.deployed = w.deployment(c.manifest)
	if w.rng.IntN(3) > 0 {
		c.fields = w.unknownFields(c.deployed)
	}
	if w.rng.IntN(5) == 0 {
		c.blindSpot(w)
	}
	if w.rng.IntN(3) > 0 {
		c.opts.Issuer = "https://i/"
	}
	if w.rng.IntN(3) > 0 {
		c.opts.Audience = []string{"b", "a"}
	}
	return c
}

func (c *bruteCase) String() string {
	var b strings.Builder
	for i, r := range c.manifest {
		fmt.Fprintf(&b, "%d: %s %s groups %v scopes %v\n", i, r.key, r.auth, r.groups, r.scopes)
	}
	for i, g := range c.deployed.gates {
		fmt.Fprintf(&b, "#%d: %s %s scopes %v calls %s authorizer %d\n", i, g.key, g.auth, g.scopes, g.calls, g.authorizer)
	}
	fmt.Fprintf(&b, "function %s, authorizers %v, doors %v, options %+v\n", c.deployed.function, c.deployed.authorizers, c.deployed.doors, c.opts)
	for _, f := range c.fields {
		fmt.Fprintf(&b, "unknown: %s\n", f.name)
	}
	fmt.Fprintf(&b, "not followed: %v\n", c.blind)
	return b.String()
}

// Compare finds what brute force finds in every deployment that the unknown fields
// may stand for. What is in all of them is certain. What is in some of them only is
// unknown, because of the fields that decide about it. Nothing else is found.
func TestCompareIsBruteForce(t *testing.T) {
	t.Parallel()
	rounds, depth := 900, 2
	if *full {
		rounds, depth = 20_000, 3
	}
	w := newBruteWorld(1, depth)
	counts := make(map[string]int)
	for range rounds {
		c := w.newCase()
		deployment := c.asDeployment()
		result, err := Compare(c.table, deployment, c.opts)
		if err != nil {
			t.Fatalf("%v\n%s", err, c)
		}
		code := (&Report{Result: result}).ExitCode()
		counts["deployments"]++
		counts[fmt.Sprintf("exit code %d", code)]++
		counts[fmt.Sprintf("%d unknown fields", len(c.fields))]++
		for _, f := range result.Findings {
			counts[string(f.Kind)]++
		}

		slices.Reverse(deployment.Routes)
		again, err := Compare(c.table, deployment, c.opts)
		if diff := cmp.Diff(result, again, cmpopts.IgnoreFields(Finding{}, "Route", "Deployed", "Authorizer", "Door")); diff != "" || err != nil {
			t.Fatalf("in another order: %v, (-want +got):\n%s\n%s", err, diff, c)
		}
		slices.Reverse(deployment.Routes)

		var keys []string
		for _, g := range c.deployed.gates {
			keys = append(keys, g.key)
		}
		b := newBrute(w, c.manifest, keys, c.opts)

		// What is in all completions, in some, and what decides about it.
		var certain, possible map[string]bool
		outcomes := make(map[string]string)
		deciding := make(map[string]bool)
		tooMuch := 0
		n := 0
		completions(c.deployed, c.fields, func(d *bruteDeployment, index []int) {
			n++
			found := weighed(b.findings(d), c.opts.FunctionEnforces)
			if exit := exitOf(found); b.isTooMuch(d) {
				tooMuch++
				if exit != 4 && exit != 5 {
					t.Fatalf("somebody reaches too much, and brute force exits with %d\n%v\n%s", exit, found, c)
				}
			}
			all := strings.Join(slices.Sorted(maps.Keys(found)), "\n")
			outcomes[fmt.Sprint(index)] = all
			for i := range index {
				// Compare with the values of this field that came before.
				for other := range index[i] {
					before := slices.Clone(index)
					before[i] = other
					if was, ok := outcomes[fmt.Sprint(before)]; ok && was != all {
						deciding[c.fields[i].name] = true
					}
				}
			}
			if certain == nil {
				certain, possible = maps.Clone(found), maps.Clone(found)
				return
			}
			for text, enforced := range certain {
				now, ok := found[text]
				if !ok {
					delete(certain, text)
				} else {
					certain[text] = enforced && now
				}
			}
			maps.Copy(possible, found)
		})
		counts["completions"] += n

		// The claims of the documentation.
		switch {
		case tooMuch > 0 && code != 4 && code != 5:
			t.Fatalf("somebody reaches too much in %d completions of %d, and the exit code is %d\n%s", tooMuch, n, code, c)
		case code == 0 && len(c.blind) > 0:
			t.Fatalf("something is not followed, and the exit code is 0\n%s", c)
		case len(c.blind) == 0 && code == 5 && len(certain) == len(possible) && !hasUnknown(certain):
			t.Fatalf("all completions are alike, and the exit code is 5\n%s", c)
		}
		if tooMuch > 0 {
			counts["somebody reaches too much"]++
			if tooMuch < n {
				counts["somebody may reach too much"]++
			}
		}

		// Exactly these findings.
		want := oneMissing(certain)
		for name := range deciding {
			want["unknown "+name] = false
		}
		for _, spot := range c.blind {
			want["unknown "+spot] = false
			counts["not followed: "+spot]++
		}
		got := make(map[string]bool)
		for i, list := range [][]Finding{result.Findings, result.NotCounted} {
			for _, f := range list {
				text := textOf(c.manifest, f)
				if i == 1 {
					text += ", not counted"
				} else if f.Kind == Orphan && !f.Enforced {
					text += ", open"
				}
				if _, twice := got[text]; twice {
					t.Fatalf("%s is found twice\n%s", text, c)
				}
				got[text] = f.Enforced
			}
		}
		if exit := exitOf(got); code != exit {
			t.Fatalf("exit code %d, want %d\n%s", code, exit, c)
		}
		if len(c.fields) > 0 {
			// Some completions have no question which issuer is right.
			for _, m := range []map[string]bool{want, got} {
				maps.DeleteFunc(m, func(text string, _ bool) bool { return text == "unknown issuer" || text == "unknown audience" })
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("findings (-brute force +got):\n%s\n%s", diff, c)
		}
		if len(c.fields) > 0 {
			continue
		}
		// The request of each finding shows it.
		for _, f := range append(result.Findings, result.NotCounted...) {
			if f.Door != nil || f.Authorizer != nil || f.Kind == NotKnown {
				continue
			}
			caller := bruteCaller{groups: f.Caller.Principal.Groups, scopes: f.Caller.Principal.Scopes}
			if f.Caller.Auth != route.NoAuth {
				caller.auth = f.Caller.Auth.String()
			}
			if _, ok := oneMissing(b.withRequest(w, bruteRequest{f.Method, f.Path}, caller).findings(c.deployed))[textOf(c.manifest, f)]; !ok {
				t.Fatalf("%s: %s %s by %s does not show it\n%s", textOf(c.manifest, f), f.Method, f.Path, review.Describe(f.Caller), c)
			}
			counts["requests that show a finding"]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[name], name)
	}
	for _, name := range []string{
		"exit code 0", "exit code 1", "exit code 4", "exit code 5", "exposed", "unknown", "blocked", "orphan", "missing",
		"0 unknown fields", "1 unknown fields", "2 unknown fields", "3 unknown fields", "4 unknown fields", "somebody reaches too much", "somebody may reach too much",
		"not followed: half", "not followed: key", "not followed: stage", "not followed: manual stage", "not followed: mappings", "not followed: path mapping",
	} {
		if counts[name] < rounds/100 {
			t.Errorf("%s: %d times in %d deployments", name, counts[name], rounds)
		}
	}
}

func hasUnknown(findings map[string]bool) bool {
	for text := range findings {
		if strings.HasPrefix(text, "unknown") {
			return true
		}
	}
	return false
}
