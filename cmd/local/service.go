package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/framework/source"
)

// A service is the gateway, the function behind it and the issuer, and what the
// page shows of them.
type service struct {
	config
	url        string // of this service
	terminal   *terminal
	root       string // the service's directory, which has cmd/lambda
	dir        string // holds what is built
	authorizer *gateway.Authorizer
	issuer     *issuer // nil with somebody else's
	runtime    *gateway.Runtime
	history    *history

	deploying sync.Mutex
	built     string // what the last version was built of, see stamp; watch and deploy only
	mu        sync.Mutex
	gateway   *gateway.Gateway
	table     *route.Table
	app       *framework.App // decides as the function does; has no handlers
	problem   string
	version   int
	changed   chan struct{} // closed and replaced when the state changes
}

const pagePath = "/_routegate/"

func newService(c config, url string, t *terminal) (*service, error) {
	of, err := source.Of(c.manifest)
	if err != nil {
		return nil, err
	}
	s := &service{config: c, url: url, terminal: t, root: of.Dir, history: newHistory(), changed: make(chan struct{})}
	if s.authorizer, err = gateway.NewAuthorizer(gateway.AuthorizerOptions{Issuer: s.issuerURL(), Audiences: c.audiences}); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "routegate-"); err != nil {
		return nil, err
	}
	s.runtime, err = gateway.NewRuntime(gateway.RuntimeOptions{
		Concurrency: c.concurrency,
		Env:         s.functionEnv(),
		Log:         functionLog{t},
		Crashed:     func(err error) { t.problem(err.Error()) },
	})
	if err != nil {
		os.RemoveAll(s.dir)
		return nil, err
	}
	return s, nil
}

// issuerURL returns the issuer whose tokens are checked.
func (s *service) issuerURL() string {
	if s.config.issuer != "" {
		return s.config.issuer
	}
	return s.url + pagePath + "issuer"
}

// checkIssuer fetches the keys of an issuer that is not the built-in one. It
// returns an error if the issuer cannot be reached, has no discovery document, or
// has another name there. Without this check, every token would be refused later.
func (s *service) checkIssuer(ctx context.Context) error {
	if s.config.issuer == "" {
		return nil
	}
	if err := s.authorizer.FetchKeys(ctx); err != nil {
		return fmt.Errorf("cannot use the issuer %q, from -issuer or JWT_ISSUER: %w", s.config.issuer, err)
	}
	return nil
}

// functionEnv is what the function's environment says of where it runs. With the
// built-in issuer that is where its token route asks, whatever else is set here:
// nobody else's tokens are taken.
func (s *service) functionEnv() []string {
	env := []string{"AWS_API_GW_STAGE_NAME=" + s.stage}
	if s.config.issuer == "" {
		env = append(env, "AUTH_TOKEN_URL="+s.url+pagePath+"issuer/token",
			"AUTH_CLIENT_ID=", "AUTH_CLIENT_SECRET=", "AUTH_AUDIENCE=", "AUTH_FIREBASE_API_KEY=")
	}
	return env
}

func (s *service) close() {
	if err := s.runtime.Close(); err != nil {
		s.terminal.problem(err.Error())
	}
	os.RemoveAll(s.dir)
}

// load reads the manifest, and makes sure that its own tests pass.
func (s *service) load() (*route.Table, *framework.App, error) {
	src, err := os.ReadFile(s.manifest)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the manifest: %w", err)
	}
	table, report := route.Load(s.manifest, src, nil)
	if table != nil {
		for _, failure := range table.Test() {
			report.Add(failure)
		}
		report.Sort()
	}
	if err := report.Err(); err != nil {
		return nil, nil, err
	}
	handlers := make(framework.Handlers)
	for r := range table.All() {
		handlers[r.Handler] = http.NotFound
	}
	app, err := framework.New(src, handlers, framework.Options{Stage: s.stage, GroupsClaim: s.groupsClaim, Logger: slog.New(slog.DiscardHandler)})
	return table, app, err
}

// deploy reads the manifest, builds the function and puts both in the place of
// what ran before. On an error that goes on.
//

// The function comes first: it checks all that the manifest says, and the
// gateway only a part, so that no request meets less than either version asks.
func (s *service) deploy(ctx context.Context) error {
	s.deploying.Lock()
	defer s.deploying.Unlock()
	s.built = s.stamp() // before any file is read, so that no later change is missed
	table, app, err := s.load()
	if err != nil {
		return err
	}
	bootstrap := s.function
	if bootstrap == "" {
		bootstrap = filepath.Join(s.dir, "bootstrap")
		cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "./cmd/lambda")
		cmd.Dir = s.root
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("the function does not build: %w\n%s", err, strings.TrimSpace(string(out)))
		}
	}
	if s.gateway == nil {
		if err := s.newGateway(table); err != nil {
			return err
		}
	}
	if err := s.runtime.Deploy(ctx, bootstrap); err != nil {
		return err
	}
	s.gateway.SetTable(table)
	s.update(func() {
		s.table, s.app, s.problem = table, app, ""
		s.version++
		if s.issuer != nil {
			s.issuer.setPeople(invent(table), table.Scopes())
		}
	})
	return nil
}

func (s *service) newGateway(table *route.Table) (err error) {
	if s.config.issuer == "" {
		if s.issuer, err = newIssuer(s.issuerURL(), s.audiences[0], s.groupsClaim, invent(table), table.Scopes()); err != nil {
			return err
		}
	}
	opts := gateway.Options{
		Stage: s.stage, Authorizer: s.authorizer, PayloadV1: s.payloadV1, Base64: s.base64, StrictSlash: s.strictSlash,
		CORS: s.cors, Observe: s.observe,
	}
	gate := &tokenGate{Function: s.runtime}
	if s.issuer != nil {
		s.issuer.closed = func() bool {
			if gate.closed() {
				s.terminal.problem("no token while the function runs a request from another site; if that page is yours, open it on the API's own host name, and name its origin with -cors")
				return true
			}
			return false
		}
	}
	s.gateway = gateway.New(table, gate, opts)
	return nil
}

// update changes the state and tells who follows it.
func (s *service) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

// stateChanged is closed when the state changes the next time.
func (s *service) stateChanged() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// handler is the page and the API: everything that is not the page's is the
// gateway's. done ends the streams of the page.
func (s *service) handler(done <-chan struct{}) http.Handler {
	p := &page{state: s.state, changed: s.stateChanged, decide: s.decide, history: s.history, done: done}
	if s.issuer != nil {
		p.issuer = s.issuer.handler()
	}
	mux := http.NewServeMux()
	mux.Handle(pagePath, p.handler())
	return s.checkHost(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not by the mux's own rules, which clean paths and redirect.
		if strings.HasPrefix(r.URL.Path, pagePath) || r.URL.Path+"/" == pagePath {
			mux.ServeHTTP(w, r)
			return
		}
		if !s.mayHaveToken(r) {
			r = r.WithContext(context.WithValue(r.Context(), noToken{}, true))
		}
		s.gateway.ServeHTTP(w, r)
	}))
}

func (s *service) state() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := state{
		Manifest: s.manifest, Groups: s.table.Groups(), Scopes: s.table.Scopes(), People: []person{},
		Issuer: s.config.issuer, BuiltIn: s.issuer != nil, Problem: s.problem, Version: s.version, Checks: s.checks(),
		CORS: describeCORS(s.cors),
	}
	if s.stage != "" && s.stage != "$default" {
		st.Stage = "/" + s.stage
	}
	if s.issuer != nil {
		st.Issuer, st.People = s.issuer.url, s.issuer.everyone()
	}
	for r := range s.table.All() {
		st.Routes = append(st.Routes, listedRoute{
			Key: r.Key(), Method: r.Method, Path: r.Pattern.String(), Handler: r.Handler, Summary: r.Summary,
			Who: r.Access.String(), Auth: r.Access.Auth, Public: r.Access.Auth == route.Public, Line: r.Line,
		})
	}
	return st
}

// checks is the line that says what this gateway checks and what it does not.
func (s *service) checks() string {
	who := "the built-in issuer"
	if s.issuer == nil {
		who = s.config.issuer
	}
	return "checked here: signature, issuer, audience, time and scopes of the tokens of " + who +
		", and all that the function checks; not checked: IAM signatures (refused), throttling"
}
