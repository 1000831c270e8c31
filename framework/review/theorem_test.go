package review_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// TestTheorem holds what the project does against what the manifest means, for
// the manifest that is shipped and for random ones: every call by everybody, as
// an HTTP request with a signed token,
//
//   - through the gateway and the function, which together must answer what the
//     manifest means;
//   - through a gateway that has nothing but the generated Terraform, to a
//     function that lets everything in: it must let through what the manifest's
//     scopes and token rules allow, and nothing else;
//   - through a careless gateway, which asks for no scopes, takes a token for an
//     AWS signature, leaves routes open and calls variables otherwise, to the
//     function, which must refuse by itself what the manifest refuses;
//
// and as the event of a caller with AWS credentials to the function alone.
//
// The pairs of a caller and a handler that review.Reach states are held against the
// same calls: no call runs a handler that its caller does not reach, and a call runs
// the handler if its route is the one through which the caller reaches it.
//
// The meaning is that of theorem_meaning_test.go.
func TestTheorem(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	t.Run("shipped", func(t *testing.T) {
		t.Parallel()
		theoremOfShipped(t, p)
	})
	t.Run("random", func(t *testing.T) {
		t.Parallel()
		theoremOfRandom(t, p)
	})
}

// theoremOfShipped reads routes.yaml by itself, so that whoever changes its
// routes has nothing to change here.
func theoremOfShipped(t *testing.T, p *provider) {
	var manifest struct{ Routes []rule }
	if err := yaml.Unmarshal(routegate.Manifest, &manifest); err != nil {
		t.Fatal(err)
	}
	groups, scopes := namesOf(manifest.Routes)
	total := newTally()
	for _, nested := range []bool{false, true} {
		cast, stage := p.newCast(nested, groups, scopes), ""
		if nested {
			stage = "mvp"
		}
		rng := rand.New(rand.NewPCG(0, 0))
		s := newService(t, rng, routegate.Manifest, manifest.Routes, p.authorizer, nested, stage)
		strangers, odd := cast.strangers(), cast.odd()
		for i, c := range calls(rng, manifest.Routes, stage) {
			r := targetOf(t, manifest.Routes, c)
			senders := append(slices.Clip(strangers), cast.holders(rng, r.rule)...)
			const some = 8 // a large manifest has too many names for all of them at each call
			for j := range some {
				senders = append(senders, odd[(some*i+j)%len(odd)])
			}
			s.check(t, c, r, senders)
		}
		total.add(s.tally)
	}
	total.log(t)
}

// namesOf returns the groups and the scopes that rules ask for, and ones that
// no rule asks for, which share a part with them.
func namesOf(rules []rule) (groups, scopes []string) {
	for _, r := range rules {
		groups, scopes = append(groups, r.Groups...), append(scopes, r.Scopes...)
	}
	more := func(names []string) []string {
		if len(names) == 0 {
			return []string{"unused"}
		}
		slices.Sort(names)
		names = slices.Compact(names)
		return append(names, names[0]+"X", "X-"+names[0])
	}
	return more(groups), more(scopes)
}

// theoremOfRandom decides random manifests, each of which its number alone
// determines.
func theoremOfRandom(t *testing.T, p *provider) {
	casts := [2]*cast{p.newCast(false, randomGroups, randomScopes), p.newCast(true, randomGroups, randomScopes)}
	strangers, odd := casts[0].strangers(), casts[0].odd()
	const chunks = 8
	var mu sync.Mutex
	total := newTally()
	t.Run("tables", func(t *testing.T) {
		for chunk := range chunks {
			t.Run(fmt.Sprint(chunk), func(t *testing.T) {
				t.Parallel()
				sum := newTally()
				for i := chunk; i < randomTables; i += chunks {
					sum.add(theoremOfTable(t, casts[i%2], uint64(i), strangers, odd))
				}
				mu.Lock()
				defer mu.Unlock()
				total.add(sum)
			})
		}
	})
	total.log(t)
	if t.Failed() {
		return
	}
	for _, v := range []string{
		"no route refused", "public allowed", "any token allowed", "any token refused", "groups allowed", "groups refused",
		"scopes allowed", "scopes refused", "groups and scopes allowed", "groups and scopes refused", "iam allowed", "iam refused",
	} {
		if n := total.verdicts[v]; n < randomTables/4 {
			t.Errorf("%s: only %d times, which proves little", v, n)
		}
	}
}

// theoremOfTable sends the calls of one random manifest. Of the tokens that are
// not valid, or odd, each call gets the next one in turn: which of them it is has
// little to do with the route.
func theoremOfTable(t *testing.T, cast *cast, seed uint64, strangers, odd []sender) *tally {
	rng := rand.New(rand.NewPCG(seed, 0))
	rules := randomRules(rng)
	stage := ""
	if rng.IntN(2) == 0 {
		stage = "mvp"
	}
	s := newService(t, rng, write(rules), rules, cast.authorizer, cast.nested, stage)
	if rng.IntN(3) > 0 {
		s.careless = nil
	}
	turn := rng.IntN(1000)
	for _, c := range calls(rng, rules, stage) {
		r := targetOf(t, rules, c)
		turn++
		senders := append(cast.holders(rng, r.rule), sender{name: "nobody"})
		senders[0] = senders[0].bare()
		if turn%2 == 0 {
			senders = append(senders, strangers[turn/2%len(strangers)])
		} else {
			senders = append(senders, odd[turn/2%len(odd)])
		}
		s.check(t, c, r, senders)
	}
	return s.tally
}

// A service is a manifest, served in all the ways that the theorem is about.
type service struct {
	rules []rule
	app   *framework.App
	stage string

	whole    *gateway.Gateway // in front of app
	deployed *gateway.Gateway // of the generated Terraform, in front of reached
	reached  bool             // since it was last set to false

	careless *gateway.Gateway // in front of app; nil: to save time
	open     map[string]bool  // which routes it lets everyone use

	reach *review.Reach

	tally *tally
}

func newService(t testing.TB, rng *rand.Rand, manifest []byte, rules []rule, a *gateway.Authorizer, nested bool, stage string) *service {
	t.Helper()
	s := &service{rules: rules, stage: stage, open: make(map[string]bool), tally: newTally()}
	s.tally.tables++
	opts := framework.Options{Stage: stage, GroupsClaim: flatClaim, Logger: slog.New(slog.DiscardHandler)}
	if nested {
		opts.GroupsClaim = nestedClaim
	}
	var err error
	if s.app, err = framework.New(manifest, handlersOf(rules), opts); err != nil {
		t.Fatal(err)
	}

	table := load(t, manifest)
	s.reach = review.NewReach(table)
	s.whole = gateway.New(table, s.app, gateway.Options{Authorizer: a, Stage: stage, PayloadV1: rng.IntN(4) == 0})
	s.deployed = gateway.New(load(t, write(deployed(t, table))), functionFunc(s.letIn), gateway.Options{Authorizer: a, Stage: stage})
	var careless []rule
	for _, r := range rules {
		s.open[r.key()] = rng.IntN(2) == 0
		path := strings.ReplaceAll(r.Path, "{", "{other_")
		careless = append(careless, rule{Method: r.Method, Path: path, Handler: r.Handler, Public: s.open[r.key()]})
	}
	s.careless = gateway.New(load(t, write(careless)), s.app, gateway.Options{Authorizer: a, Stage: stage})
	return s
}

func load(t testing.TB, manifest []byte) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", manifest, nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

// handlersOf returns handlers that tell in a header, which the answer to HEAD
// has too, which of them ran and for which route.
func handlersOf(rules []rule) framework.Handlers {
	handlers := make(framework.Handlers)
	for _, r := range rules {
		handlers[r.Handler] = func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Ran", r.Handler+" for "+req.Pattern)
		}
	}
	return handlers
}

// A functionFunc is a gateway.Function.
type functionFunc func(ctx context.Context, payload []byte) ([]byte, error)

func (f functionFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// letIn is a function that takes everything that reaches it.
func (s *service) letIn(context.Context, []byte) ([]byte, error) {
	s.reached = true
	return []byte(`{"statusCode": 200}`), nil
}

// check sends a call in the name of everybody. r is what the call is for.
func (s *service) check(t testing.TB, c call, r target, senders []sender) {
	t.Helper()
	s.tally.calls++
	target := c.target(s.stage)
	fail := func(who, through string, got, want any) {
		t.Fatalf("%s %s by %s, through %s, which the rule %+v answers, read as %+v: got %+v, want %+v\nstage %q, manifest:\n%s",
			c.method, target, who, through, r.rule, r.readAs, got, want, s.stage, write(s.rules))
	}
	request := httptest.NewRequest(c.method, target, nil)
	for _, by := range senders {
		request.Header = make(http.Header)
		if by.authorization != nil {
			request.Header["Authorization"] = by.authorization
		}
		want := r.means(by.principal)
		if got := send(s.whole, request); got != want {
			fail(by.name, "the gateway and the function", got, want)
		}
		s.reached = false
		send(s.deployed, request)
		if want := r.gatewayAllows(by.principal); s.reached != want {
			fail(by.name, "the gateway of the generated Terraform alone", s.reached, want)
		}
		if s.careless != nil {
			if got, want := send(s.careless, request), s.carelessMeans(r, by.principal); got != want {
				fail(by.name, "a careless gateway and the function", got, want)
			}
		}
		s.tally.count(r.rule, want)
		caller := route.Caller{}
		if by.principal.token {
			caller = review.Token(by.principal.groups, by.principal.scopes)
		}
		s.checkReach(t, c, r, by.name, caller, want)
	}
	if r.rule == nil {
		return
	}
	want := r.iamMeans()
	s.checkReach(t, c, r, "an IAM caller", route.Caller{Auth: route.IAM}, want)
	if got := invoke(t, s.app, iamEvent(s.stage, c, r.rule)); got != want {
		fail("an IAM caller", "the function alone", got, want)
	}
	s.tally.count(r.rule, want)
}

// checkReach holds what review.Reach states against what a call must do.
func (s *service) checkReach(t testing.TB, c call, r target, who string, caller route.Caller, want outcome) {
	t.Helper()
	if r.rule == nil {
		return
	}
	through := s.reach.Through(caller, r.Handler)
	runs := want.ran != ""
	switch {
	case runs && through == nil:
		t.Fatalf("%s %s by %s runs %q, which the caller is said not to reach\n%s", c.method, c.target(s.stage), who, r.Handler, write(s.rules))
	case !runs && through != nil && through.Key() == r.key() && r.readAs == nil && !r.dots:
		t.Fatalf("%s %s by %s does not run %q, which the caller is said to reach through it\n%s", c.method, c.target(s.stage), who, r.Handler, write(s.rules))
	}
}

// iamMeans is what the function must do with a call of a caller with AWS
// credentials.
func (g target) iamMeans() outcome {
	takes := func(r *rule) bool { return r == nil || r.Public || r.Auth == "iam" }
	switch {
	case g.dots:
		return outcome{status: 400}
	case !takes(g.rule) || !takes(g.readAs):
		return outcome{status: 401}
	}
	return g.ran()
}

// carelessMeans is what must come of a call through the careless gateway, which
// vouches for nobody on the routes that it has open.
func (s *service) carelessMeans(r target, p principal) outcome {
	switch {
	case r.rule == nil:
		return outcome{status: 404}
	case s.open[r.key()]:
		return r.functionMeans(principal{})
	case !p.token:
		return outcome{status: 401} // of the gateway
	}
	return r.functionMeans(p)
}

func send(g *gateway.Gateway, r *http.Request) outcome {
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return outcome{w.Code, w.Header().Get("Ran")}
}

func invoke(t testing.TB, app *framework.App, event []byte) outcome {
	t.Helper()
	answer, err := app.Invoke(context.Background(), event)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		StatusCode int
		Headers    map[string]string
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	return outcome{got.StatusCode, got.Headers["Ran"]}
}

// A tally is how much was decided.
type tally struct {
	tables, calls, decisions int
	verdicts                 map[string]int // by the kind of the rule, and what came of it
}

func newTally() *tally { return &tally{verdicts: make(map[string]int)} }

func (y *tally) count(r *rule, o outcome) {
	y.decisions++
	verdict := " refused"
	if o.ran != "" {
		verdict = " allowed"
	}
	y.verdicts[r.kind()+verdict]++
}

func (y *tally) add(z *tally) {
	y.tables += z.tables
	y.calls += z.calls
	y.decisions += z.decisions
	for v, n := range z.verdicts {
		y.verdicts[v] += n
	}
}

func (y *tally) log(t testing.TB) {
	t.Helper()
	var list []string
	for _, v := range slices.Sorted(maps.Keys(y.verdicts)) {
		list = append(list, fmt.Sprintf("%d %s", y.verdicts[v], v))
	}
	t.Logf("%d tables, %d calls, %d times a call and a principal: %s", y.tables, y.calls, y.decisions, strings.Join(list, ", "))
}
