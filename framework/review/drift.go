package review

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// A DriftKind says how a deployed gateway differs from the manifest.
type DriftKind string

// The kinds.
const (
	Exposed DriftKind = "exposed" // the gateway lets in what the manifest does not
	Blocked DriftKind = "blocked" // what the manifest allows is refused
	Orphan  DriftKind = "orphan"  // deployed, and not in the manifest
	Missing DriftKind = "missing" // in the manifest, and not deployed
)

// Compare puts the kinds in the order in which they are told, the worst first.
func (k DriftKind) Compare(other DriftKind) int {
	order := []DriftKind{Exposed, Blocked, Orphan, Missing}
	return cmp.Compare(slices.Index(order, k), slices.Index(order, other))
}

// A Drift is a difference between a deployed gateway and the manifest, with a
// request that shows it.
type Drift struct {
	Kind     DriftKind
	Route    *route.Route   // the manifest's; nil where the manifest has none
	Deployed *DeployedRoute // the gateway's that answers; nil where none does
	// Authorizer is set where it is the authorizer that differs.
	Authorizer *Authorizer

	// The request, and who makes it.
	Method, Path string
	Caller       route.Caller
	Token        string // what is special about the caller's token, "" for nothing

	// Enforced tells of an exposure and of an orphan that the function refuses
	// by itself whomever the gateway should not have let in. Otherwise nothing
	// does, or it is not known.
	Enforced bool
	// Message says what differs, and Then what the function makes of it; that
	// may be "".
	Message, Then string
}

// Open reports whether somebody gets through to something that the manifest
// does not let them reach, and nothing behind the gateway is known to refuse.
func (d *Drift) Open() bool {
	return (d.Kind == Exposed || d.Kind == Orphan) && !d.Enforced
}

// Drifts compares a deployed gateway with the manifest's table, and returns
// every difference that a caller can notice, and every deployed route that the
// manifest does not have. Nothing else is a difference: not the order of routes
// or of scopes, not the names of variables, not what is left at its default.
//
// Whom the gateway lets in is compared with whom it should let in; what becomes
// of them in the function is asked of the function's own decision
// ([route.Router.Decide]), given the event that this gateway would send.
//
//	exposed   the gateway lets in a caller that it should refuse, or a request
//	          runs for a caller whom the manifest does not allow
//	blocked   a caller whom the manifest allows is refused, by the gateway or
//	          by the function behind it
//	orphan    a deployed route that is not in the manifest, once
//	missing   a route of the manifest whose requests nothing takes, or another
//	          route of the manifest, or another integration than the function;
//	          a catch-all route that takes them for the function is none
//
// There is one exposure and one blockage for each pair of a manifest's route
// and a deployed one. The error names a deployed route that cannot be
// understood: then nothing was compared.
func Drifts(t *route.Table, d *Deployment) ([]Drift, error) {
	g, err := newComparison(t, d)
	if err != nil {
		return nil, err
	}
	g.findFunction()
	for class := range route.Answers(g.wanted, g.deployed, g.key, nil) {
		g.compare(class)
	}
	out := make([]Drift, 0, len(g.found))
	for _, f := range g.found {
		out = append(out, *f)
	}
	slices.SortFunc(out, compareDrifts)
	return out, nil
}

func compareDrifts(a, b Drift) int {
	line := func(d Drift) int {
		if d.Route == nil {
			return 0
		}
		return d.Route.Line
	}
	key := func(d Drift) string {
		if d.Deployed == nil {
			return ""
		}
		return d.Deployed.Key + "\n" + d.Deployed.Where
	}
	return cmp.Or(
		a.Kind.Compare(b.Kind),
		cmp.Compare(line(a), line(b)),
		cmp.Compare(key(a), key(b)),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(slices.Index(route.Methods, a.Method), slices.Index(route.Methods, b.Method)),
		cmp.Compare(a.Message, b.Message),
	)
}

// defaultKey is the key of the route that takes what no other takes.
const defaultKey = "$default"

// A driftComparison is of one table with one deployment.
type driftComparison struct {
	router   *route.Router
	wanted   []*route.Route
	deployed []*route.Route // of Deployment.Routes, and of gates
	gates    map[*route.Route]*gate
	function string // the target that is the function; "" if that is not known

	done  map[gatePair]bool
	found map[driftAt]*Drift
}

// A gate is a deployed route as it is compared.
type gate struct {
	*DeployedRoute
	pattern route.Pattern
	listed  *route.Route // the manifest's route of the same method and paths
	leads   destination
}

// A destination says where a gate leads.
type destination int

const (
	toFunction destination = iota
	elsewhere              // to another integration
	somewhere              // to an integration that may be the function or not
)

type gatePair struct {
	route *route.Route
	gate  *gate
}

type driftAt struct {
	kind DriftKind
	gatePair
}

func newComparison(t *route.Table, d *Deployment) (*driftComparison, error) {
	g := &driftComparison{
		router: route.NewRouter(t, ""),
		wanted: slices.Collect(t.All()),
		gates:  make(map[*route.Route]*gate),
		done:   make(map[gatePair]bool),
		found:  make(map[driftAt]*Drift),
	}
	byShape := make(map[string]*route.Route)
	for _, r := range g.wanted {
		byShape[shape(r)] = r
	}
	for i := range d.Routes {
		deployed := &d.Routes[i]
		r, err := parseKey(deployed.Key)
		if err != nil {
			return nil, fmt.Errorf("the deployed route %q (%s) cannot be understood: %w", deployed.Key, deployed.Where, err)
		}
		r.Access = deployed.Access
		gate := &gate{DeployedRoute: deployed, pattern: r.Pattern}
		if deployed.Key != defaultKey {
			gate.listed = byShape[shape(r)]
		}
		g.deployed = append(g.deployed, r)
		g.gates[r] = gate
	}
	return g, nil
}

// parseKey reads a route key. "$default" takes every request, as a greedy
// variable at the root does; see first. The method may be in any case: AWS has
// no methods that differ in it.
func parseKey(key string) (*route.Route, error) {
	if key == defaultKey {
		key = route.AnyMethod + " /{default+}"
	}
	method, path, ok := strings.Cut(key, " ")
	method = strings.ToUpper(method)
	switch {
	case !ok:
		return nil, fmt.Errorf("want a method, a space and a path")
	case method != route.AnyMethod && !slices.Contains(route.Methods, method):
		return nil, fmt.Errorf("unknown method %q", method)
	}
	pattern, err := route.ParsePattern(path)
	if err != nil {
		return nil, fmt.Errorf("its path %w", err)
	}
	return &route.Route{Method: method, Pattern: pattern}, nil
}

// key is what a route of the manifest and a deployed one have in common if and
// only if there is nothing to say about them.
func (g *driftComparison) key(r *route.Route) string {
	gate := g.gates[r]
	if gate == nil {
		return asks(r.Access)
	}
	key := asks(gate.Access) // behind a Lambda authorizer "none", as no route of a manifest
	switch {
	case gate.listed == nil: // $default looks like the manifest's ANY /{proxy+}
		return "unlisted " + key
	case gate.leads == elsewhere:
		return "elsewhere " + key
	}
	return key
}

// asks returns what the gateway asks for an access, in one text.
func asks(a route.Access) string {
	if a.Auth != route.JWT {
		return a.Auth.String()
	}
	return strings.Join(append([]string{a.Auth.String()}, slices.Compact(slices.Sorted(slices.Values(a.Scopes)))...), " ")
}

// findFunction finds out which of the integrations is the function: the one
// that most routes lead to that are in the manifest too, or, where there are
// none, the one that answers requests of most routes of the manifest. Where two
// have as many, it is not known. A route without a target leads nowhere else.
func (g *driftComparison) findFunction() {
	targets := make(map[string]bool)
	votes := make(map[string]int)
	for _, gate := range g.gates {
		if gate.Target == "" {
			continue
		}
		targets[gate.Target] = true
		if gate.listed != nil {
			votes[gate.Target]++
		}
	}
	if len(targets) < 2 {
		return // all lead to the same
	}
	if len(votes) == 0 {
		votes = g.answered()
	}
	most, tie := 0, false
	for target, n := range votes {
		switch {
		case n > most:
			g.function, most, tie = target, n, false
		case n == most:
			tie = true
		}
	}
	if tie {
		g.function = ""
	}
	for _, gate := range g.gates {
		switch {
		case gate.Target == "" || gate.Target == g.function:
		case g.function == "":
			gate.leads = somewhere
		default:
			gate.leads = elsewhere
		}
	}
}

// answered returns for each target how many routes of the manifest have
// requests that go there.
func (g *driftComparison) answered() map[string]int {
	type answer struct {
		target string
		route  *route.Route
	}
	seen, votes := make(map[answer]bool), make(map[string]int)
	for class := range route.Answers(g.wanted, g.deployed, g.key, nil) {
		if len(class.Old) == 0 {
			continue
		}
		wanted, _ := g.router.Match(class.Method, class.Path)
		for _, gate := range g.first(class.New) {
			if a := (answer{gate.Target, wanted}); gate.Target != "" && !seen[a] {
				seen[a] = true
				votes[gate.Target]++
			}
		}
	}
	return votes
}

// first returns the gates that may answer a request that all of routes take.
// There is more than one where AWS does not say which is first. "$default"
// answers only what no other route takes.
func (g *driftComparison) first(routes []*route.Route) []*gate {
	if len(routes) > 1 {
		routes = slices.DeleteFunc(slices.Clone(routes), func(r *route.Route) bool {
			return g.gates[r].Key == defaultKey && slices.ContainsFunc(routes, func(o *route.Route) bool { return g.gates[o].Key != defaultKey })
		})
	}
	var gates []*gate
	for _, r := range route.Unbeaten(routes) {
		gates = append(gates, g.gates[r])
	}
	slices.SortFunc(gates, func(a, b *gate) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Where, b.Where)) })
	return gates
}

// compare says what differs for the requests of a class. It says it once for
// each pair of routes, as what differs depends on them alone.
func (g *driftComparison) compare(class route.Class) {
	var wanted *route.Route
	if len(class.Old) > 0 {
		wanted, _ = g.router.Match(class.Method, class.Path)
	}
	gates := g.first(class.New)
	if len(gates) == 0 && wanted != nil {
		g.missing(class, wanted, nil)
	}
	for _, gate := range gates {
		if g.done[gatePair{wanted, gate}] {
			continue
		}
		g.done[gatePair{wanted, gate}] = true
		also := ""
		if len(gates) > 1 {
			also = ambiguity(gates)
		}
		if gate.listed == nil {
			g.orphan(class, wanted, gate)
		}
		if wanted == nil {
			continue
		}
		if gate.leads == elsewhere || gate.listed != nil && gate.listed != wanted {
			g.missing(class, wanted, gate)
		}
		g.callers(class, wanted, gate, also)
	}
}

// ambiguity says that AWS does not say which of several gates answers.
func ambiguity(gates []*gate) string {
	var keys []string
	for _, gate := range gates {
		keys = append(keys, fmt.Sprintf("%q", gate.Key))
	}
	return "; AWS does not say which of " + strings.Join(keys, " and ") + " answers"
}

// missing reports a route of the manifest whose request the gate does not bring
// to it. A nil gate is none at all.
func (g *driftComparison) missing(class route.Class, wanted *route.Route, gate *gate) {
	at := driftAt{Missing, gatePair{route: wanted}}
	if g.found[at] != nil {
		return
	}
	d := &Drift{Kind: Missing, Route: wanted, Method: class.Method, Path: class.Path, Message: "no deployed route takes it: the gateway answers 404"}
	for c := range Callers(wanted.Access) {
		if wanted.Access.Decide(c).Allowed {
			d.Caller = c
			break
		}
	}
	if gate != nil {
		d.Deployed = gate.DeployedRoute
		d.Message = fmt.Sprintf("%q answers it instead", gate.Key)
		if gate.leads == elsewhere {
			d.Message = fmt.Sprintf("it goes to %q, which is not the function", gate.Target)
		}
	}
	g.found[at] = d
}

// orphan reports a gate that is not in the manifest. A request that no route of
// the manifest takes shows it best.
func (g *driftComparison) orphan(class route.Class, wanted *route.Route, gate *gate) {
	at := driftAt{Orphan, gatePair{gate: gate}}
	if was := g.found[at]; was != nil && (was.Route == nil || wanted != nil) {
		return
	}
	d := &Drift{
		Kind: Orphan, Route: wanted, Deployed: gate.DeployedRoute,
		Method: class.Method, Path: class.Path, Message: "the manifest does not have it",
		Enforced: gate.leads == toFunction,
	}
	for c := range Callers(gate.Access) {
		if lets, _ := gate.admits(c); lets {
			d.Caller = c
			break
		}
	}
	switch {
	case gate.leads == elsewhere:
		d.Then = fmt.Sprintf("it goes to %q, which is not the function: nothing checks what the manifest says", gate.Target)
	case gate.leads == somewhere:
		d.Then = fmt.Sprintf("whether %q is the function is not clear", gate.Target)
	case wanted == nil:
		d.Then = fmt.Sprintf("the function answers %d", g.behind(class, gate, d.Caller).Reason.Status())
	default:
		d.Then = fmt.Sprintf("the function takes it for %q (line %d)", wanted.Key(), wanted.Line)
	}
	g.found[at] = d
}

// admits reports whether the gateway lets the caller through the gate, and
// whether that is sure. A Lambda authorizer may let anyone in, or nobody.
func (g *gate) admits(c route.Caller) (lets, sure bool) {
	if g.Lambda {
		return true, false
	}
	return g.Access.Decide(c).Allowed, true
}

// behind returns what the function decides about a request that came through
// the gate.
func (g *driftComparison) behind(class route.Class, gate *gate, c route.Caller) route.Decision {
	req := route.Request{Method: class.Method, Path: class.Path, RouteKey: gate.Key, Caller: c.Behind(gate.Access)}
	if values, ok := gate.pattern.Match(class.Path); ok && gate.Key != defaultKey {
		req.PathParameters = make(map[string]string)
		for i, name := range gate.pattern.Variables() {
			req.PathParameters[name] = values[i]
		}
	}
	return g.router.Decide(req)
}

// callers finds out which callers are let in or refused otherwise than the
// manifest says.
func (g *driftComparison) callers(class route.Class, wanted *route.Route, gate *gate, also string) {
	accesses := []route.Access{wanted.Access, gate.Access}
	other := gate.listed != nil && gate.listed != wanted
	if other {
		accesses = append(accesses, gate.listed.Access)
	}
	var exposed, blocked *Drift
	for c := range Callers(accesses...) {
		lets, sure := gate.admits(c)
		d := g.behind(class, gate, c)
		allowed := wanted.Access.Decide(c).Allowed

		through := lets && !wanted.Access.AtGateway().Decide(c).Allowed // the gateway should have refused
		refused := !d.Allowed && gate.leads == toFunction               // but the function does
		switch {
		case gate.leads == elsewhere:
			through = lets && !allowed
		case other:
			through = lets && d.Allowed && !allowed
		}
		if through && exposed == nil {
			exposed = &Drift{Kind: Exposed, Caller: c, Enforced: refused, Then: g.then(gate, d)}
		}
		if blocked == nil && allowed && (!lets || !sure || !d.Allowed && gate.leads != elsewhere) {
			blocked = &Drift{Kind: Blocked, Caller: c, Then: refusal(gate, d, lets)}
		}
	}
	for _, f := range []*Drift{exposed, blocked} {
		if f == nil {
			continue
		}
		f.Route, f.Deployed, f.Method, f.Path = wanted, gate.DeployedRoute, class.Method, class.Path
		switch {
		case gate.leads == elsewhere:
			f.Message = fmt.Sprintf("the gateway asks for %s, and the function is not asked; the manifest asks for %s", gate.asks(), wantedOf(wanted.Access))
		case other:
			f.Message = fmt.Sprintf("%q answers it, which asks for %s; the manifest asks for %s", gate.Key, wantedOf(gate.listed.Access), wantedOf(wanted.Access))
		default:
			f.Message = fmt.Sprintf("the gateway asks for %s; it should ask for %s", gate.asks(), wantedOf(wanted.Access.AtGateway()))
		}
		f.Message += also
		g.found[driftAt{f.Kind, gatePair{wanted, gate}}] = f
	}
}

// then says what becomes of a caller whom the gateway should not have let in.
func (g *driftComparison) then(gate *gate, d route.Decision) string {
	switch {
	case gate.leads == elsewhere:
		return fmt.Sprintf("it goes to %q, which is not the function: nothing refuses it", gate.Target)
	case d.Allowed:
		return "the function lets it in too"
	case gate.leads == somewhere:
		return fmt.Sprintf("the function would refuse it, but whether %q is the function is not clear", gate.Target)
	}
	return refuses(d)
}

// refusal says who refuses a caller whom the manifest allows.
func refusal(gate *gate, d route.Decision, lets bool) string {
	switch {
	case !lets:
		return "the gateway refuses it"
	case d.Allowed: // a Lambda authorizer in front of a public route
		return "the Lambda authorizer may refuse it"
	case gate.Access.Auth == route.Public && d.Reason == route.NoPrincipal:
		return refuses(d) + ", since such a gateway looks at no token"
	}
	return refuses(d)
}

func refuses(d route.Decision) string {
	return fmt.Sprintf("the function refuses it: %d %s", d.Reason.Status(), d.Reason)
}

// asks says in words what the gateway asks of callers.
func (g *gate) asks() string {
	if g.Lambda {
		return "what its Lambda authorizer wants, which is not known here"
	}
	return wantedOf(g.Access)
}

// wantedOf says in words what is asked of callers, as the end of "asks for".
func wantedOf(a route.Access) string {
	switch a.Auth {
	case route.Public:
		return "nothing"
	case route.IAM:
		return "an IAM signature"
	}
	return a.String()
}

// exampleOf returns a request that a deployed route takes.
func exampleOf(r *route.Route) (method, path string) {
	method = r.Method
	if method == route.AnyMethod {
		method = http.MethodGet
	}
	segments := strings.Split(r.Pattern.String(), "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "x"
		}
	}
	return method, strings.Join(segments, "/")
}
