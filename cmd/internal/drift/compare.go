package drift

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// Options are what people say beside the source of a Deployment.
type Options struct {
	// Issuer and Audience are what JWT authorizers must verify. If one is empty,
	// the only value that the authorizers have is taken for the right one, and
	// listed in Result.Assumed.
	Issuer   string
	Audience []string

	// FunctionEnforces does not count what the function refuses by itself
	// although the gateway or a door lets it in.
	FunctionEnforces bool
}

// A Result is what a comparison found.
type Result struct {
	Findings   []Finding // sorted, the worst first
	NotCounted []Finding // what Options.FunctionEnforces does not count, sorted

	Read    []string // what was read, for people
	Assumed []string // what the result rests on although it was not read, for people
}

// Compare compares a deployment with the manifest's table. It returns every
// difference that a caller can notice, every deployed route and every door that
// the manifest does not have, and every Gap that the result depends on. The order
// of routes and of scopes and the names of variables are no differences.
//
// Whom the gateway lets in is compared with whom it should let in. What happens to
// them in the function is the function's own decision ([route.Router.Decide]) on
// the event that this gateway would send.
//
//	exposed   a caller is let in that the gateway should refuse, or reaches
//	          something that the manifest does not let the caller reach
//	unknown   a Gap decides about one of the other kinds
//	blocked   the gateway, or the function behind it, refuses a caller that the
//	          manifest lets in
//	orphan    a deployed route or a door that is not in the manifest
//	missing   a route of the manifest has requests that no deployed route takes, or
//	          that lead to another route or to something else than the function
//
// There is one exposure and one blockage for each pair of a manifest's route and a
// deployed one, and one unknown for each Gap.
//
// A Value that is not known is tried with every value that can make a difference.
// If all of them give the same finding, the finding counts and the Gap does not
// matter. Otherwise the Gap is reported.
//
// A deployed route with an unknown key may take any request. Its key is always
// reported as unknown, and the findings on other routes are about the requests that
// it does not take.
//
// The error names a deployed route that contradicts the rules of API Gateway. Then
// nothing was compared.
func Compare(t *route.Table, d *Deployment, opts Options) (*Result, error) {
	c := &comparison{
		Options: opts,
		router:  route.NewRouter(t, ""),
		wanted:  slices.Collect(t.All()),
		gates:   make(map[*route.Route]*gate),
		least:   make(map[*route.Route]route.Caller),
		done:    make(map[pair]bool),
		found:   make(map[at]*Finding),
		gaps:    make(map[Gap]*Finding),
		touched: make(map[Gap]map[string]bool),
	}
	if err := c.addGates(d); err != nil {
		return nil, err
	}
	for class := range c.classes() {
		c.class(class)
	}
	assumed := c.authorizers()
	c.doors(d)
	c.gapsOf(d)
	return c.result(d, assumed), nil
}

// A comparison is of one table with one deployment.
type comparison struct {
	Options
	router   *route.Router
	wanted   []*route.Route
	deployed []*route.Route // of the gates
	gates    map[*route.Route]*gate
	keyless  []*Route // the deployed routes whose keys are not known

	least   map[*route.Route]route.Caller // see comparison.allowed
	done    map[pair]bool
	found   map[at]*Finding
	others  []Finding               // on authorizers and doors
	gaps    map[Gap]*Finding        // the worst finding that a gap decides about
	touched map[Gap]map[string]bool // all that a gap decides about
	read    []string
}

// A pair is a route of the manifest and a deployed one that takes its requests.
type pair struct {
	route *route.Route
	gate  *gate
}

type at struct {
	kind Kind
	pair
}

func (c *comparison) addGates(d *Deployment) error {
	byShape := make(map[string]*route.Route)
	for _, r := range c.wanted {
		byShape[shape(r)] = r
	}
	for i := range d.Routes {
		deployed := &d.Routes[i]
		key, ok := deployed.Key.Get()
		if !ok {
			c.keyless = append(c.keyless, deployed)
			continue
		}
		g, err := newGate(deployed, key, d.Function)
		if err != nil {
			return fmt.Errorf("the deployed route %q (%s) %w", key, deployed.Where, err)
		}
		if key != defaultKey {
			g.listed = byShape[shape(g.route)]
		}
		c.deployed = append(c.deployed, g.route)
		c.gates[g.route] = g
	}
	return nil
}

// shape returns the key of a route without the names of its variables.
func shape(r *route.Route) string { return r.Method + " " + r.Pattern.Shape() }

// classes yields the classes of requests about which there may be something to say.
func (c *comparison) classes() iter.Seq[route.Class] {
	return route.Answers(c.wanted, c.deployed, c.same, nil)
}

// same returns a text that a route of the manifest and a deployed one have in
// common if and only if there is nothing to say about the pair.
func (c *comparison) same(r *route.Route) string {
	g := c.gates[r]
	switch {
	case g == nil:
		return shape(r) + " " + asks(r.Access)
	case g.listed == nil || g.mayAskLambda() || !slices.Equal(g.leads, []destination{toFunction}):
		return "differs"
	}
	scopes, ok := g.Scopes.Get()
	if g.auths[0] == JWT && !ok {
		return "differs"
	}
	return shape(r) + " " + asks(accessOf(g.auths[0], scopes))
}

// asks returns what a gateway asks for an access as one string.
func asks(a route.Access) string {
	if a.Auth != route.JWT {
		return a.Auth.String()
	}
	return a.Auth.String() + fmt.Sprintf("%q", slices.Compact(slices.Sorted(slices.Values(a.Scopes))))
}

// first returns the gates that may answer a request that all of routes take. There
// is more than one if AWS does not say which of them answers. "$default" answers
// only what no other route takes.
func (c *comparison) first(routes []*route.Route) []*gate {
	isDefault := func(r *route.Route) bool { return c.gates[r].key == defaultKey }
	if slices.ContainsFunc(routes, isDefault) && !slices.ContainsFunc(routes, func(r *route.Route) bool { return !isDefault(r) }) {
		routes = routes[:1] // there is one in an API
	} else {
		routes = slices.DeleteFunc(slices.Clone(routes), isDefault)
	}
	var gates []*gate
	for _, r := range route.Unbeaten(routes) {
		gates = append(gates, c.gates[r])
	}
	slices.SortFunc(gates, compareGates)
	return gates
}

// class compares what the manifest and the gateway do with the requests of a class.
// One request of each pair of routes is enough, because the pair alone decides.
func (c *comparison) class(class route.Class) {
	wanted, _ := c.router.Match(class.Method, class.Path)
	gates := c.first(class.New)
	if len(gates) == 0 && wanted != nil {
		c.add(at{Missing, pair{route: wanted}}, c.missing(class, wanted, nil, "no deployed route takes it: the gateway answers 404"+c.orKeyless()))
	}
	for _, g := range gates {
		p := pair{wanted, g}
		if c.done[p] {
			continue
		}
		c.done[p] = true
		if wanted != nil {
			g.used = true
		}
		c.pair(class, p, ambiguity(gates))
	}
}

// orKeyless limits what is said about a missing route to the routes that are known.
func (c *comparison) orKeyless() string {
	if len(c.keyless) == 0 {
		return ""
	}
	return ", unless it is a route whose key is not known"
}

// ambiguity says that AWS does not say which of several gates answers. It returns
// "" for one gate.
func ambiguity(gates []*gate) string {
	if len(gates) < 2 {
		return ""
	}
	var keys []string
	for _, g := range gates {
		keys = append(keys, fmt.Sprintf("%q", g.key))
	}
	return "; AWS does not say which of " + strings.Join(keys, " and ") + " answers"
}

// pair compares the requests of one pair. It asks for the outcome of every value
// that the unknown fields of the gate may have. If all values give a finding of a
// kind, the finding is certain.
func (c *comparison) pair(class route.Class, p pair, also string) {
	settings := p.gate.settings(p.route)
	outcomes := make([]outcome, len(settings))
	for i, s := range settings {
		outcomes[i] = c.outcome(class, p, s)
	}
	for k, kind := range []Kind{Exposed, Blocked, Orphan, Missing} {
		worst, last := 0, 0 // the setting of the worst outcome, and the last one of a finding
		certain := true
		for i, o := range outcomes {
			certain = certain && c.weight(o[k]) == c.weight(outcomes[0][k])
			if c.weight(o[k]) > c.weight(outcomes[worst][k]) {
				worst = i
			}
			if o[k] != nil {
				last = i
			}
		}
		if outcomes[worst][k] == nil {
			continue
		}
		if !certain {
			f := *outcomes[worst][k]
			if f.Message == "" {
				f.Message = p.message(settings[worst])
			}
			for _, gap := range p.gate.blame(settings, func(i int) int { return c.weight(outcomes[i][k]) }) {
				c.decides(gap, f)
			}
			continue
		}
		f := outcomes[last][k]
		for _, o := range outcomes {
			// A refusal counts only if the request surely leads to the function.
			if f.Enforced && !o[k].Enforced {
				f.Enforced, f.Then = false, o[k].Then
			}
		}
		place := at{kind, p}
		switch kind {
		case Exposed, Blocked:
			f.Message = p.message(settings[last]) + also
		case Orphan:
			place.route = nil
		case Missing:
			place.gate = nil
		}
		c.add(place, f)
	}
}

// add adds a finding. Of two at the same place the first is kept, except that a
// request that no route of the manifest takes shows an orphan best. Only an orphan can
// have such a request.
func (c *comparison) add(place at, f *Finding) {
	if was := c.found[place]; was == nil || was.Route != nil && f.Route == nil {
		c.found[place] = f
	}
}

// weight returns how much a finding counts. Two findings on one pair that weigh the
// same are the same finding.
func (c *comparison) weight(f *Finding) int {
	switch {
	case f == nil:
		return 0
	case f.Enforced && c.FunctionEnforces:
		return 1
	case f.Kind == Orphan && f.Enforced:
		return 2
	}
	return 3
}

// decides notes that a gap decides whether there is a finding, or how bad it is.
func (c *comparison) decides(gap Gap, f Finding) {
	f.Kind, f.Might, f.Gap, f.Enforced = NotKnown, f.Kind, gap, false
	if c.touched[gap] == nil {
		c.touched[gap] = make(map[string]bool)
	}
	subject := f.key()
	if f.Route != nil {
		subject = f.Route.Key()
	}
	c.touched[gap][subject] = true
	if was := c.gaps[gap]; was == nil || compareFindings(f, *was) < 0 {
		c.gaps[gap] = &f
	}
}

// gapsOf reports what the source does not show at all.
func (c *comparison) gapsOf(d *Deployment) {
	for _, gap := range d.Gaps {
		c.decides(gap, Finding{Message: "what is not shown may let in anybody"})
	}
	for _, r := range c.keyless {
		gap := gapOf(r.Key, "the key of the route", r.Where)
		c.decides(gap, Finding{Kind: Exposed, Deployed: r, Message: "the route may take any request"})
	}
	for _, r := range c.deployed {
		if gap, ok := c.gates[r].remapped(); ok {
			c.decides(gap, Finding{Kind: Exposed, Deployed: c.gates[r].Route, Message: "the function may see another path than the gateway"})
		}
	}
	for _, s := range d.Stages {
		auto, known := s.AutoDeploy.Get()
		switch {
		case !known:
			c.decides(gapOf(s.AutoDeploy, "whether the stage deploys by itself", s.Where), Finding{Message: "the stage may serve an earlier set-up of the API"})
		case !auto:
			c.decides(Gap{
				What: fmt.Sprintf("what the stage %q (%s) serves, because it does not deploy by itself", s.Name, s.Where),
				Get:  "set auto_deploy = true",
			}, Finding{Message: "the stage may serve an earlier set-up of the API"})
		}
	}
}

// gapOf returns the gap of an unknown value. If the value has no description of its
// own, gapOf makes one from what and where.
func gapOf[T any](v Value[T], what, where string) Gap {
	gap, _ := v.Gap()
	if gap.What == "" {
		gap.What = what + " (" + where + ")"
	}
	return gap
}

func (c *comparison) result(d *Deployment, assumed []string) *Result {
	r := &Result{Read: append(slices.Clone(d.Read), c.read...), Assumed: append(slices.Clone(d.Assumed), assumed...)}
	add := func(f Finding) {
		if c.weight(&f) == 1 {
			r.NotCounted = append(r.NotCounted, f)
		} else {
			r.Findings = append(r.Findings, f)
		}
	}
	for _, f := range c.found {
		add(*f)
	}
	for _, f := range c.others {
		add(f)
	}
	for gap, f := range c.gaps {
		f.Others = len(c.touched[gap]) - 1
		add(*f)
	}
	slices.SortFunc(r.Findings, compareFindings)
	slices.SortFunc(r.NotCounted, compareFindings)
	return r
}
