package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

// A service is the gateway, the function behind it and the issuer, and what the
// page shows of them.
type service struct {
	config
	url      string // of this service
	terminal *terminal
	dir      string  // holds what is built
	issuer   *issuer // nil with somebody else's
	runtime  *gateway.Runtime
	history  *history

	deploying sync.Mutex
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
	s := &service{config: c, url: url, terminal: t, history: newHistory(), changed: make(chan struct{})}
	var err error
	if s.dir, err = os.MkdirTemp("", "routegate-"); err != nil {
		return nil, err
	}
	s.runtime, err = gateway.NewRuntime(gateway.RuntimeOptions{
		Concurrency: c.concurrency,
		Env:         []string{"AWS_API_GW_STAGE_NAME=" + c.stage},
		Log:         functionLog{t},
		Crashed:     func(err error) { t.problem("the function crashed: " + err.Error()) },
	})
	if err != nil {
		os.RemoveAll(s.dir)
		return nil, err
	}
	return s, nil
}

func (s *service) close() {
	if err := s.runtime.Close(); err != nil {
		s.terminal.problem(err.Error())
	}
	os.RemoveAll(s.dir)
}

// root is the service's folder: the one of its manifest.
func (s *service) root() string { return filepath.Dir(s.manifest) }

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
	table, app, err := s.load()
	if err != nil {
		return err
	}
	bootstrap := s.function
	if bootstrap == "" {
		bootstrap = filepath.Join(s.dir, "bootstrap")
		cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "./cmd/lambda")
		cmd.Dir = s.root()
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
		return fmt.Errorf("the function does not start: %w", err)
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
	issuerURL := s.config.issuer
	if issuerURL == "" {
		issuerURL = s.url + pagePath + "issuer"
		if s.issuer, err = newIssuer(issuerURL, s.audiences[0], s.groupsClaim, invent(table), table.Scopes()); err != nil {
			return err
		}
	}
	authorizer, err := gateway.NewAuthorizer(gateway.AuthorizerOptions{Issuer: issuerURL, Audiences: s.audiences})
	if err != nil {
		return err
	}
	opts := gateway.Options{
		Stage: s.stage, Authorizer: authorizer, PayloadV1: s.payloadV1, Base64: s.base64, StrictSlash: s.strictSlash,
		Observe: s.observe,
	}
	if s.cors {
		opts.CORS = gateway.DefaultCORS()
	}
	s.gateway = gateway.New(table, s.runtime, opts)
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

// watch deploys again whenever a file changes, until ctx ends.
func (s *service) watch(ctx context.Context) {
	last := s.stamp()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
		now := s.stamp()
		if now == last {
			continue
		}
		last = now
		start := time.Now()
		switch err := s.deploy(ctx); {
		case ctx.Err() != nil:
		case err != nil:
			s.update(func() { s.problem = err.Error() })
			s.terminal.problem(err.Error() + "\nthe last good version goes on")
		default:
			s.terminal.note(fmt.Sprintf("deployed anew in %.1f s", time.Since(start).Seconds()))
		}
	}
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
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not by the mux's own rules, which clean paths and redirect.
		if strings.HasPrefix(r.URL.Path, pagePath) || r.URL.Path+"/" == pagePath {
			mux.ServeHTTP(w, r)
			return
		}
		s.gateway.ServeHTTP(w, r)
	})
}

func (s *service) state() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := state{
		Manifest: s.manifest, Groups: s.table.Groups(), Scopes: s.table.Scopes(), People: []person{},
		Issuer: s.config.issuer, BuiltIn: s.issuer != nil, Problem: s.problem, Version: s.version, Checks: s.checks(),
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

// decide answers for every route whether a caller may use it.
func (s *service) decide(c caller) []decided {
	s.mu.Lock()
	table := s.table
	s.mu.Unlock()
	who := route.Caller{Principal: route.Principal{Groups: c.Groups, Scopes: c.Scopes}}
	switch c.Auth {
	case "jwt":
		who.Auth = route.JWT
	case "iam":
		who.Auth = route.IAM
	}
	router := route.NewRouter(table, s.stage)
	var list []decided
	for r := range table.All() {
		// As the gateway would say it, with some value for each variable.
		params := make(map[string]string)
		var path strings.Builder
		for part := range strings.SplitSeq(strings.TrimPrefix(r.Pattern.String(), "/"), "/") {
			if strings.HasPrefix(part, "{") {
				params[strings.Trim(part, "{+}")] = "x"
				part = "x"
			}
			path.WriteString("/" + part)
		}
		method := r.Method
		if method == route.AnyMethod {
			method = http.MethodGet
		}
		d := router.Decide(route.Request{Method: method, Path: path.String(), RouteKey: r.Key(), PathParameters: params, Caller: who})
		list = append(list, decided{Key: r.Key(), Allowed: d.Allowed, Reason: string(d.Reason), Steps: explain(d), Line: r.Line})
	}
	return list
}

// explain puts the steps of a decision in words.
func explain(d route.Decision) []step {
	steps := []step{}
	for _, st := range d.Steps {
		steps = append(steps, step{
			Check: string(st.Check), Passed: st.Passed, Asked: !st.Passed || st.By != "", Text: explainStep(d, st),
		})
	}
	return steps
}

func explainStep(d route.Decision, st route.Step) string {
	switch st.Check {
	case route.CheckRoute:
		switch {
		case st.Passed:
			return fmt.Sprintf("%s, line %d", st.By, d.Route.Line)
		case d.Reason == route.RouteMismatch:
			return "the gateway authorized another path"
		}
		return "no route matches"
	case route.CheckCaller:
		switch {
		case st.By == route.Public.String():
			return "nobody is asked"
		case st.Passed:
			return "vouched for: " + st.By
		case d.Reason == route.TokenMismatch:
			return "the token is not the one that was verified"
		case d.Reason == route.WrongAuth:
			return "this route asks for " + d.Route.Access.Auth.String()
		}
		return "nobody vouched for the caller"
	case route.CheckScopes:
		return explainNames("scope", st, d.Route.Access.Scopes)
	}
	return explainNames("group", st, d.Route.Access.Groups)
}

func explainNames(noun string, st route.Step, wanted []string) string {
	switch {
	case !st.Passed:
		return "needs the " + noun + " " + strings.Join(wanted, " or ")
	case st.By == "":
		return "no " + noun + " is asked for"
	}
	return "has the " + noun + " " + st.By
}

// observe takes what happened to a request into the history and the terminal.
func (s *service) observe(x gateway.Exchange) {
	s.mu.Lock()
	app := s.app
	s.mu.Unlock()
	d := detail{
		request: request{
			ID: x.ID, Time: x.Start, Method: x.Method, Path: x.Path, Status: x.Status,
			Millis: float64(x.Duration.Microseconds()) / 1000, By: x.By, Reason: x.Refusal, Warnings: append([]string{}, x.Warnings...),
		},
		Event: jsonOrText(x.Event), Answer: jsonOrText(x.Answer), Steps: []step{},
	}
	if x.Query != "" {
		d.Path += "?" + x.Query
	}
	if x.Route != nil {
		d.Route, d.Line = x.Route.Key(), x.Route.Line
	}
	if x.Event != nil {
		if event, err := apigw.Decode(x.Event); err == nil {
			decision := app.Decide(event)
			d.Steps = explain(decision)
			if !decision.Allowed && d.Reason == "" {
				last := d.Steps[len(d.Steps)-1]
				d.Reason = string(decision.Reason) + ": " + last.Text
			}
		}
	}
	s.history.add(d)
	s.terminal.request(d.request, s.manifest)
}

// jsonOrText is JSON as it is, and anything else as a JSON string; nil is null.
func jsonOrText(data []byte) json.RawMessage {
	if data == nil || json.Valid(data) {
		return data
	}
	text, _ := json.Marshal(string(data)) // a string always works
	return text
}

// invent makes people of a table: one who may do everything, one for each
// group, and one who is in none.
func invent(t *route.Table) []person {
	groups, scopes := t.Groups(), t.Scopes()
	people := []person{{Name: "alice", About: "is in every group and has every scope", Groups: groups, Scopes: scopes}}
	for i, group := range groups {
		if len(groups) == 1 || i >= len(names) {
			break
		}
		people = append(people, person{Name: names[i], About: "is in " + group + " only", Groups: []string{group}, Scopes: scopes})
	}
	return append(people,
		person{Name: "mallory", About: "is in no group and has no scope", Groups: []string{}, Scopes: []string{}})
}

var names = []string{"bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"}

// stamp changes when a file changes that the function is made of. It is what
// names, sizes and times of the files come to.
func (s *service) stamp() string {
	files := []string{s.manifest}
	if s.function != "" {
		files = append(files, s.function)
	} else {
		files = append(files, sources(s.root())...)
	}
	slices.Sort(files)
	var b strings.Builder
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintln(&b, name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// sources returns the files below dir that a build of the function may read:
// Go files, and those of the module and of embedded data.
func sources(dir string) []string {
	var files []string
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // it went away while we looked
		case d.IsDir() && path != dir && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.Type().IsRegular() && slices.Contains([]string{".go", ".mod", ".sum", ".json", ".yaml"}, filepath.Ext(path)) && !strings.HasSuffix(path, "_test.go"):
			files = append(files, path)
		}
		return nil
	})
	return files
}
