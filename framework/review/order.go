package review

import (
	"bufio"
	"fmt"
	"io"
	"slices"

	"github.com/routegate/routegate/framework/route"
)

// An Order says which of the two parts of a deployment goes first. The zero
// Order is none.
type Order string

// The orders.
const (
	EitherFirst   Order = "either first"
	FunctionFirst Order = "function first"
	GatewayFirst  Order = "gateway first"
	NoOrder       Order = "no order" // neither is safe: the change must be split
)

// A Rollout says in which order to deploy a change, so that in no moment of the
// deployment anybody can do what neither version allows.
//
// Function and gateway are deployed one after the other, and Terraform changes
// the gateway's routes one by one, in an order that nobody knows. So between two
// versions there are moments with one version of the function behind a mixture
// of both versions of the gateway's routes. All of them are looked at.
type Rollout struct {
	Order Order
	Steps []RolloutStep
	// Refusals is what API Gateway may refuse, whichever part goes first.
	Refusals []Refusal
}

// Split reports whether the change must be released in more than one step, because
// no order is safe or because API Gateway may refuse it.
func (r *Rollout) Split() bool { return r.Order == NoOrder || len(r.Refusals) > 0 }

// A RolloutStep is the order for one change: for the requests that Old answered
// and New will.
type RolloutStep struct {
	Order    Order
	Old, New Place
	Message  string // as in Change
	Function Way    // the function first
	Gateway  Way    // the gateway first
}

// A Way is what can happen between two versions when one of the parts goes
// first.
type Way struct {
	Opens *Moment // somebody can do what neither version allows; nil: it is safe
	Gap   *Moment // somebody is refused whom both versions allow; nil: no interruption
}

// A Moment is a request between two versions.
type Moment struct {
	Method, Path string
	Caller       route.Caller
	// Gateway is the route key that the gateway has for it, in the version
	// that OfNew tells; "" when it has none for a moment.
	Gateway string
	OfNew   bool
	// Decision is what happens then: the function's decision, or where Refused
	// is true the gateway's, which never asks the function.
	Decision route.Decision
	Refused  bool
	Old, New route.Decision // what the two versions decide
}

// PlanOrder returns the order in which to deploy the function and the gateway
// when a manifest becomes another, and m makes the gateway.
func PlanOrder(old, new *route.Table, m Module) *Rollout {
	p := newPlanner(old, new, m)
	steps := make(map[pair]*RolloutStep)
	rollout := &Rollout{Refusals: m.refusals(p.old, p.new)}
	var order []pair
	// While the gateway lacks a route, a greedy route may answer a part of its requests.
	// So Answers has to tell that part from the rest.
	for class := range route.Answers(p.old.routes, p.new.routes, p.gatewayKey, p.greedy) {
		var at pair
		at.old, _ = p.old.router.Match(class.Method, class.Path)
		at.new, _ = p.new.router.Match(class.Method, class.Path)
		if p.unchanged(at) {
			continue
		}
		step := steps[at]
		if step == nil {
			step = &RolloutStep{Old: accessPlace(at.old, at.new), New: accessPlace(at.new, at.old), Message: describePair(at)}
			steps[at] = step
			order = append(order, at)
		}
		p.look(class, at, step)
	}
	for _, at := range order {
		step := steps[at]
		step.Order = choose(step.Function, step.Gateway)
		rollout.Steps = append(rollout.Steps, *step)
	}
	rollout.Order = overall(rollout.Steps)
	return rollout
}

// unchanged reports whether both routes are the same to the gateway, the function and
// Terraform. Then the gateway has the route all the time, nothing beats it, and
// its requests have the same answer in every moment.
func (p *planner) unchanged(at pair) bool {
	return at.old != nil && at.new != nil && at.old.Method == at.new.Method && p.gatewayKey(at.old) == p.gatewayKey(at.new)
}

// gatewayKey is what the gateway, the function and Terraform know of a route: the
// key included, which the one tells the other.
func (p *planner) gatewayKey(r *route.Route) string {
	return answerKey(r) + "\x00" + r.Pattern.Shape() + "\x00" + p.resource[r]
}

// choose prefers what is safe, and then what interrupts nothing.
func choose(function, gateway Way) Order {
	switch f, g := function.Opens == nil, gateway.Opens == nil; {
	case !f && !g:
		return NoOrder
	case !g, f && function.Gap == nil && gateway.Gap != nil:
		return FunctionFirst
	case !f, gateway.Gap == nil && function.Gap != nil:
		return GatewayFirst
	}
	return EitherFirst
}

// overall is the order that is safe for every step, and of two such orders the
// one that interrupts fewer.
func overall(steps []RolloutStep) Order {
	var opens, gaps [2]int
	for _, s := range steps {
		for i, way := range []Way{s.Function, s.Gateway} {
			if way.Opens != nil {
				opens[i]++
			}
			if way.Gap != nil {
				gaps[i]++
			}
		}
	}
	switch f, g := opens[0] == 0, opens[1] == 0; {
	case !f && !g:
		return NoOrder
	case !g, f && gaps[0] < gaps[1]:
		return FunctionFirst
	case !f, gaps[1] < gaps[0]:
		return GatewayFirst
	}
	return EitherFirst
}

type planner struct {
	old, new side
	gateway  *route.Mixture // what the gateway may have between the versions
	greedy   *route.Mixture // those of its greedy routes that overlap with others
	isNew    map[*route.Route]bool
	resource map[*route.Route]string // the key in Terraform of the resource, after all moves
	does     map[*route.Route]string // see mayAnswer
	looked   map[answering]bool      // what lookAt has looked at
}

// An answering is who answers a request: in the two versions, and at the gateway between
// them. What can happen depends on nothing else.
type answering struct {
	pair
	gateway string // what its route does; "" for no route
}

// A candidate is a version of a route that the gateway may have for a request in
// some moment. A nil route is none at all.
type candidate struct {
	*route.Route
	ofNew bool
}

// newPlanner knows which routes the gateway has while its routes change from old to
// new, one by one. It always has a route that both versions have, in one of the
// two versions, unless the route becomes another resource of the module. Terraform
// then deletes the one and makes the other.
func newPlanner(old, new *route.Table, m Module) *planner {
	p := &planner{
		old: newSide(old), new: newSide(new), isNew: make(map[*route.Route]bool), resource: make(map[*route.Route]string),
		does: make(map[*route.Route]string), looked: make(map[answering]bool),
	}
	for key, v := range m.instances(p.old, p.new) {
		for _, r := range v {
			if r != nil {
				p.resource[r] = key
			}
		}
	}
	loose := make(map[*route.Route]bool)
	var all []*route.Route
	longest := 0 // how many segments routes without a greedy variable have
	for i, routes := range [][]*route.Route{p.old.routes, p.new.routes} {
		for _, r := range routes {
			o, n := p.old.byKey[shape(r)], p.new.byKey[shape(r)]
			p.does[r] = mayAnswer(r, o, n)
			loose[r] = o == nil || n == nil || p.resource[o] != p.resource[n]
			p.isNew[r] = i == 1
			all = append(all, r)
			if !r.Pattern.IsGreedy() {
				longest = max(longest, len(r.Pattern.Segments))
			}
		}
	}
	label := func(r *route.Route) string {
		if loose[r] {
			return p.does[r]
		}
		return ""
	}
	p.gateway = route.NewMixture(all, label)
	p.greedy = route.NewMixture(slices.DeleteFunc(slices.Clone(all), func(r *route.Route) bool {
		return !r.Pattern.IsGreedy() || len(r.Pattern.Segments) > longest+1
	}), label)
	return p
}

// mayAnswer is what becomes of a request that the gateway has a route for: what the
// gateway asks for, and what either function has in its place. Nil is none.
func mayAnswer(at, old, new *route.Route) string {
	label := at.Access.AtGateway().String()
	for _, r := range []*route.Route{old, new} {
		label += "\x00"
		if r != nil {
			label += "\x00" + answerKey(r)
		}
	}
	return label
}

// look fills in what can happen to a request between two versions.
func (p *planner) look(class route.Class, at pair, step *RolloutStep) {
	routes, always := p.gateway.Candidates(class.Method, class.Path)
	for r := range routes {
		p.lookAt(class, at, candidate{r, p.isNew[r]}, step)
		opens := step.Function.Opens != nil && step.Gateway.Opens != nil
		if gaps := step.Function.Gap != nil && step.Gateway.Gap != nil; opens && (gaps || !always) {
			break // nothing is left to find out but the gap without any route
		}
	}
	if !always {
		p.lookAt(class, at, candidate{}, step)
	}
}

// lookAt fills in what can happen to a request while c answers it at the gateway.
func (p *planner) lookAt(class route.Class, at pair, c candidate, step *RolloutStep) {
	answers := answering{at, p.does[c.Route]}
	if p.looked[answers] {
		return
	}
	p.looked[answers] = true
	var accesses []route.Access // of all the routes that have a say
	for _, r := range []*route.Route{at.old, at.new, c.Route} {
		if r == nil {
			continue
		}
		accesses = append(accesses, r.Access)
		for _, s := range []side{p.old, p.new} {
			if same := s.byKey[shape(r)]; same != nil && r == c.Route {
				accesses = append(accesses, same.Access)
			}
		}
	}
	was, is := p.old.decide(class.Method, class.Path, route.Caller{}), p.new.decide(class.Method, class.Path, route.Caller{})
	for caller := range Callers(accesses...) {
		was, is := was.For(caller), is.For(caller)
		for _, part := range []struct {
			function side
			way      *Way
		}{{p.new, &step.Function}, {p.old, &step.Gateway}} {
			m := Moment{
				Method: class.Method, Path: class.Path, Caller: caller, OfNew: c.ofNew,
				Refused: true, Old: was, New: is,
			}
			if c.Route != nil {
				m.Gateway = c.Key()
				m.Decision, m.Refused = behind(c.Route, part.function, class.Method, class.Path, caller)
			}
			switch runs := !m.Refused && m.Decision.Allowed; {
			case part.way.Opens == nil && runs && !runsHandler(was, m.Decision) && !runsHandler(is, m.Decision):
				part.way.Opens = &m
			case part.way.Gap == nil && !runs && was.Allowed && is.Allowed:
				part.way.Gap = &m
			}
		}
	}
}

func runsHandler(version, now route.Decision) bool {
	return version.Allowed && version.Route.Handler == now.Route.Handler
}

// behind is what happens to a request for which the gateway has a route, in
// front of a function of either version. refused tells that the gateway answers
// without asking the function.
func behind(at *route.Route, function side, method, path string, caller route.Caller) (d route.Decision, refused bool) {
	if d := at.Access.AtGateway().Decide(caller); !d.Allowed {
		return d, true
	}
	values, _ := at.Pattern.Match(path)
	params := make(map[string]string, len(values))
	for i, name := range at.Pattern.Variables() {
		params[name] = values[i]
	}
	return function.router.Decide(route.Request{
		Method: method, Path: path, RouteKey: at.Key(), PathParameters: params, Caller: caller.Behind(at.Access),
	}), false
}

// Text writes the rollout for a terminal.
func (r *Rollout) Text(w io.Writer, names Names) error {
	b := bufio.NewWriter(w)
	if len(r.Refusals) > 0 {
		fmt.Fprintln(b, "API Gateway may refuse a part of it: split it into releases")
	}
	fmt.Fprintln(b, map[Order]string{
		FunctionFirst: "deploy the function first, then the gateway",
		GatewayFirst:  "deploy the gateway first, then the function",
		EitherFirst:   "deploy the function or the gateway first: both are safe",
		NoOrder:       "no order is safe for all of it: split it into releases, each of which has one",
	}[r.Order])
	for _, f := range r.Refusals {
		fmt.Fprintf(b, "\n%-14s  %s\n", "refused", f.Message)
		fmt.Fprintf(b, "                %s:%d\n", names.New, f.Line)
		fmt.Fprintf(b, "                to split it: %s\n", f.Split)
	}
	for _, s := range r.Steps {
		fmt.Fprintf(b, "\n%-14s  %s\n", s.Order, s.Message)
		fmt.Fprintf(b, "                %s\n", places(Change{Old: s.Old, New: s.New}, names))
		tell := func(does, order string, m *Moment) {
			if m != nil {
				fmt.Fprintf(b, "                %s %s it for a moment: %s\n", order, does, m)
			}
		}
		tell("opens", "function first", s.Function.Opens)
		tell("opens", "gateway first", s.Gateway.Opens)
		if f, g := s.Function.Gap, s.Gateway.Gap; f != nil && g != nil && f.Gateway == "" && g.Gateway == "" {
			// Terraform takes one route away and adds another: the order changes nothing.
			tell("interrupts", "either order", f)
			continue
		}
		tell("interrupts", "function first", s.Function.Gap)
		tell("interrupts", "gateway first", s.Gateway.Gap)
	}
	return b.Flush()
}

// String says what happens: "GET /x as a token: with \"GET /{id}\" of the old
// gateway it runs \"get\"; 403 missing_group before, and 403 missing_group
// after".
func (m *Moment) String() string {
	at, does := "no route at the gateway", "it is 404"
	if m.Gateway != "" {
		version := "old"
		if m.OfNew {
			version = "new"
		}
		at = fmt.Sprintf("%q as the %s gateway has it", m.Gateway, version)
		does = "it " + answer(m.Decision)
		if !m.Decision.Allowed {
			does = "it is " + answer(m.Decision)
		}
	}
	return fmt.Sprintf("%s %s as %s: with %s %s; %s before, %s after", m.Method, m.Path, Describe(m.Caller), at, does, answer(m.Old), answer(m.New))
}

// JSON writes the rollout for programs. Its keys stay as they are.
func (r *Rollout) JSON(w io.Writer, names Names) error {
	type moment struct {
		Method  string      `json:"method"`
		Path    string      `json:"path"`
		Caller  shownCaller `json:"caller"`
		Message string      `json:"message"`
	}
	type way struct {
		Opens *moment `json:"opens"` // null: the order is safe
		Gap   *moment `json:"gap"`   // null: the order interrupts nothing
	}
	type step struct {
		Order    Order  `json:"order"`
		Message  string `json:"message"`
		OldLine  int    `json:"old_line,omitempty"`
		NewLine  int    `json:"new_line,omitempty"`
		Function way    `json:"function_first"`
		Gateway  way    `json:"gateway_first"`
	}
	at := func(m *Moment) *moment {
		if m == nil {
			return nil
		}
		return &moment{m.Method, m.Path, showCaller(m.Caller), m.String()}
	}
	type refusal struct {
		RouteKey string `json:"route_key"`
		NewLine  int    `json:"new_line"`
		Certain  bool   `json:"certain"` // whatever the order of the changes
		Message  string `json:"message"`
		Split    string `json:"split"`
	}
	out := struct {
		Old      string    `json:"old"`
		New      string    `json:"new"`
		Order    Order     `json:"order"`
		Split    bool      `json:"split"` // it needs more than one release
		Steps    []step    `json:"steps"`
		Refusals []refusal `json:"refusals"`
	}{names.Old, names.New, r.Order, r.Split(), []step{}, []refusal{}}
	for _, f := range r.Refusals {
		out.Refusals = append(out.Refusals, refusal{f.RouteKey, f.Line, f.Certain, f.Message, f.Split})
	}
	for _, s := range r.Steps {
		out.Steps = append(out.Steps, step{
			s.Order, s.Message, s.Old.Line, s.New.Line,
			way{at(s.Function.Opens), at(s.Function.Gap)}, way{at(s.Gateway.Opens), at(s.Gateway.Gap)},
		})
	}
	return writeJSON(w, out)
}
