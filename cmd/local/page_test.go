package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/routegate/routegate/framework/route"
)

// hang is how long something may take before it hangs: no test waits for so
// long unless it fails.
const hang = 60 * time.Second

// A fakeAPI is a page with what it shows: routes, a rule of who may call them,
// and a gateway that answers by it.
type fakeAPI struct {
	page *page

	mu      sync.Mutex
	shown   state
	access  map[string]route.Access // by key
	asked   int                     // requests to the gateway
	changed chan struct{}
}

// newFakeAPI makes one of n routes, of which the first eight are always there.
func newFakeAPI(n int) *fakeAPI {
	f := &fakeAPI{access: make(map[string]route.Access), changed: make(chan struct{})}
	f.shown = state{
		Manifest: "routes.yaml", Stage: "/mvp", Version: 1, BuiltIn: true, Issuer: "http://127.0.0.1/_routegate/issuer",
		Groups: []string{"ADMINS", "AUDITORS", "USERS"}, Scopes: []string{"users/read", "users/write"},
		People: []person{
			{Name: "alice", About: "is in every group and has every scope", Groups: []string{"ADMINS", "AUDITORS", "USERS"}, Scopes: []string{"users/read", "users/write"}},
			{Name: "bob", About: "is in USERS only", Groups: []string{"USERS"}, Scopes: []string{"users/read", "users/write"}},
			{Name: "mallory", About: "is in no group and has no scope"},
		},
		Checks: "checked here: signature, issuer, audience, time and scopes of the tokens of the built-in issuer, and all that the function checks; not checked: IAM signatures (refused), throttling",
		CORS:   describeCORS(nil),
	}
	f.add("GET", "/v1/manage/hc", "health_check", "Service Health Check", route.Access{Auth: route.Public})
	f.add("GET", "/v1/users/whoami", "whoami", "Get user claims", route.Access{Auth: route.JWT})
	f.add("GET", "/v1/admin/endpoints", "site_map", "Get endpoints list", route.Access{Auth: route.JWT, Groups: []string{"ADMINS"}})
	f.add("GET", "/v1/users/{id}", "get_user", "Get a user", route.Access{Auth: route.JWT, Groups: []string{"USERS", "ADMINS"}, Scopes: []string{"users/read"}})
	f.add("PUT", "/v1/users/{id}", "put_user", "Replace a user", route.Access{Auth: route.JWT, Groups: []string{"ADMINS"}, Scopes: []string{"users/write"}})
	f.add("ANY", "/v1/files/{folder}/{path+}", "files", "Files of a folder", route.Access{Auth: route.JWT, Groups: []string{"AUDITORS"}})
	f.add("GET", "/v1/old", "redirect", "Moved elsewhere", route.Access{Auth: route.Public})
	f.add("POST", "/v1/jobs", "start_job", "Start a job", route.Access{Auth: route.IAM})
	for i := len(f.shown.Routes); i < n; i++ {
		groups := [][]string{nil, {"USERS"}, {"ADMINS", "AUDITORS"}}[i%3]
		f.add([]string{"GET", "POST", "DELETE"}[i%3], fmt.Sprintf("/v1/things%d/{thing_id}/parts/{part_id}", i), fmt.Sprintf("handle_things%d", i), "", route.Access{Auth: route.JWT, Groups: groups})
	}
	f.page = &page{state: f.state, decide: f.decide, history: newHistory(), changed: func() <-chan struct{} {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.changed
	}}
	return f
}

func (f *fakeAPI) add(method, path, handler, summary string, access route.Access) {
	key := method + " " + path
	f.access[key] = access
	f.shown.Routes = append(f.shown.Routes, listedRoute{
		Key: key, Method: method, Path: path, Handler: handler, Summary: summary, Who: access.String(),
		Public: access.Auth == route.Public, Line: 8 + 6*len(f.shown.Routes),
	})
}

func (f *fakeAPI) state() state {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown
}

func (f *fakeAPI) change(how func(*state)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how(&f.shown)
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeAPI) decide(c caller) []decided {
	var list []decided
	for _, r := range f.state().Routes {
		list = append(list, f.decideOne(r, c))
	}
	return list
}

func (f *fakeAPI) decideOne(r listedRoute, c caller) decided {
	d := decided{Key: r.Key, Line: r.Line}
	check := func(name string, passed bool, reason route.Reason, text string) bool {
		d.Steps = append(d.Steps, step{Check: name, Passed: passed, Asked: !strings.HasSuffix(text, " is asked for"), Text: text})
		d.Allowed, d.Reason = passed, string(route.Allowed)
		if !passed {
			d.Reason = string(reason)
		}
		return passed
	}
	holds := func(name string, wanted, held []string, reason route.Reason) bool {
		if len(wanted) == 0 {
			return check(name+"s", true, "", "no "+name+" is asked for")
		}
		for _, w := range wanted {
			if slices.Contains(held, w) {
				return check(name+"s", true, "", "has the "+name+" "+w)
			}
		}
		return check(name+"s", false, reason, "needs the "+name+" "+strings.Join(wanted, " or "))
	}
	access := f.access[r.Key]
	check("route", true, "", fmt.Sprintf("%s, line %d", r.Key, r.Line))
	switch {
	case access.Auth == route.Public:
		check("caller", true, "", "nobody is asked")
	case c.Auth == "":
		check("caller", false, route.NoPrincipal, "nobody vouched for the caller")
	case c.Auth != access.Auth.String():
		check("caller", false, route.WrongAuth, "this route asks for "+access.Auth.String())
	default:
		_ = check("caller", true, "", "vouched for: "+c.Auth) &&
			holds("scope", access.Scopes, c.Scopes, route.MissingScope) &&
			holds("group", access.Groups, c.Groups, route.MissingGroup)
	}
	return d
}

// ServeHTTP is the gateway and the function. It believes every token.
func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked++
	id := fmt.Sprintf("request%d=", f.asked)
	f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	d := detail{
		request: request{ID: id, Time: time.Now(), Method: r.Method, Path: r.URL.RequestURI(), Status: 404, Millis: 1.25, By: "gateway", Reason: "no route matches", Warnings: []string{}},
		Steps:   []step{},
	}
	answer := map[string]any{"message": "Not Found"}
	if at := slices.IndexFunc(f.state().Routes, func(l listedRoute) bool { return fits(l, r, f.state().Stage) }); at >= 0 {
		l := f.state().Routes[at]
		decision := f.decideOne(l, tokenCaller(r))
		d.Route, d.Line, d.By, d.Steps, d.Status, d.Reason = l.Key, l.Line, "function", decision.Steps, 200, ""
		answer = map[string]any{"query": r.URL.RawQuery, "body": string(body), "x": r.Header.Get("X-Example"), "type": r.Header.Get("Content-Type")}
		if !decision.Allowed {
			d.Status, d.Reason = 403, decision.Reason
			answer = map[string]any{"code": decision.Reason}
		}
		if l.Handler == "redirect" {
			d.Status = 302
			w.Header().Set("Location", "/elsewhere")
		}
		d.Event, _ = json.Marshal(map[string]any{"version": "2.0", "routeKey": l.Key, "rawPath": r.URL.Path})
		text, _ := json.Marshal(answer)
		d.Answer, _ = json.Marshal(map[string]any{"statusCode": d.Status, "headers": map[string]string{"x-given": "yes"}, "body": string(text)})
	}
	w.Header().Set("Apigw-Requestid", id)
	answerJSON(w, d.Status, answer)
	f.page.history.add(d)
}

// fits tells whether a route is the request's, with the simplest of rules.
func fits(l listedRoute, r *http.Request, stage string) bool {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), stage)
	want, got := strings.Split(l.Path, "/"), strings.Split(path, "/")
	if !ok || l.Method != "ANY" && l.Method != r.Method {
		return false
	}
	for i, part := range want {
		switch {
		case strings.HasSuffix(part, "+}"):
			return i < len(got)
		case i >= len(got), !strings.HasPrefix(part, "{") && part != got[i]:
			return false
		}
	}
	return len(want) == len(got)
}

func tokenCaller(r *http.Request) caller {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		return caller{}
	}
	var claims struct {
		Groups []string `json:"groups"`
		Scope  string   `json:"scope"`
	}
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	if json.Unmarshal(payload, &claims) != nil {
		return caller{}
	}
	return caller{Auth: "jwt", Groups: claims.Groups, Scopes: strings.Fields(claims.Scope)}
}

// serve starts it on an address, "" for any.
func (f *fakeAPI) serve(t *testing.T, addr string) *httptest.Server {
	t.Helper()
	if st := f.state(); st.BuiltIn {
		i, err := newIssuer(st.Issuer, "routegate", []string{"groups"}, st.People, st.Scopes)
		if err != nil {
			t.Fatal(err)
		}
		f.page.issuer = i.handler()
	}
	done := make(chan struct{})
	f.page.done = done
	pages := f.page.handler()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, pagePath) {
			pages.ServeHTTP(w, r)
			return
		}
		f.ServeHTTP(w, r)
	}))
	if addr != "" {
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		server.Listener.Close()
		server.Listener = listener
	}
	server.Start()
	t.Cleanup(sync.OnceFunc(func() {
		close(done)
		server.Close()
	}))
	return server
}

func TestPageFiles(t *testing.T) {
	server := newFakeAPI(8).serve(t, "")
	for path, want := range map[string]string{
		"":         "text/html; charset=utf-8",
		"page.js":  "text/javascript; charset=utf-8",
		"page.css": "text/css; charset=utf-8",
		"icon.svg": "image/svg+xml",
		"state":    "application/json",
	} {
		resp := do(t, "GET", server.URL+pagePath+path, "", nil)
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != want {
			t.Errorf("/%s: got %d %s, want 200 %s", path, resp.StatusCode, got, want)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": pagePolicy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("/%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	for _, path := range []string{"page", "page/page.js", "nothing", "requests/none", "issuer/nothing"} {
		if resp := do(t, "GET", server.URL+pagePath+path, "", nil); resp.StatusCode != 404 {
			t.Errorf("/%s: got %d, want 404", path, resp.StatusCode)
		}
	}
	for _, path := range []string{"state", "requests", "page.js"} {
		if resp := do(t, "POST", server.URL+pagePath+path, "{}", nil); resp.StatusCode != 405 {
			t.Errorf("POST /%s: got %d, want 405", path, resp.StatusCode)
		}
	}
	// What the page is made of neither asks another site for anything nor has
	// scripts or styles inside the document, which the policy would stop.
	for _, name := range []string{"index.html", "page.js", "page.css"} {
		src, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"https://", "http://", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "<style", " style=", " onclick="} {
			if strings.Contains(string(src), bad) {
				t.Errorf("%s contains %s", name, bad)
			}
		}
	}
}

func TestPageDecides(t *testing.T) {
	server := newFakeAPI(8).serve(t, "")
	resp := do(t, "POST", server.URL+pagePath+"decide", `{"auth":"jwt","groups":["ADMINS"],"scopes":[]}`, nil)
	var list []decided
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list) != 8 {
		t.Fatalf("got %d decisions, %v", len(list), err)
	}
	if d := list[2]; d.Key != "GET /v1/admin/endpoints" || !d.Allowed {
		t.Errorf("got %+v", d)
	}
	if d := list[3]; d.Allowed || d.Reason != "missing_scope" || d.Line != 26 {
		t.Errorf("got %+v", d)
	}
	for _, bad := range []string{"", "[]", `{"auth":"basic"}`, `{"auht":""}`, `{"auth":"` + strings.Repeat("x", 64<<10) + `"}`} {
		if resp := do(t, "POST", server.URL+pagePath+"decide", bad, nil); resp.StatusCode != 400 {
			t.Errorf("%.20q: got %d, want 400", bad, resp.StatusCode)
		}
	}
}

func TestPageDetail(t *testing.T) {
	f := newFakeAPI(8)
	server := f.serve(t, "")
	f.page.history.add(detail{request: request{ID: "a/b=", Status: 404}})
	resp := do(t, "GET", server.URL+pagePath+"requests/"+url.PathEscape("a/b="), "", nil)
	var d detail
	if err := json.NewDecoder(resp.Body).Decode(&d); err != nil || d.ID != "a/b=" || string(d.Event) != "null" {
		t.Errorf("got %+v, %v", d, err)
	}
}

// The issuer answers clients that are no browsers, below its prefix.
func TestPageIssuer(t *testing.T) {
	f := newFakeAPI(8)
	server := f.serve(t, "")
	discovery := do(t, "GET", server.URL+pagePath+"issuer/.well-known/openid-configuration", "", nil)
	var found struct{ Issuer string }
	if err := json.NewDecoder(discovery.Body).Decode(&found); err != nil || found.Issuer != f.state().Issuer {
		t.Errorf("got %+v, %v", found, err)
	}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	resp := do(t, "POST", server.URL+pagePath+"issuer/token", "grant_type=password&username=bob&password=bob", form)
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || strings.Count(got.Token, ".") != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	f = newFakeAPI(8)
	f.shown.BuiltIn = false
	server = f.serve(t, "")
	if resp := do(t, "GET", server.URL+pagePath+"issuer/keys", "", nil); resp.StatusCode != 404 {
		t.Errorf("without an issuer: got %d, want 404", resp.StatusCode)
	}
}

func TestPageOrigins(t *testing.T) {
	server := newFakeAPI(8).serve(t, "")
	for _, row := range []struct {
		origin, site string
		want         int
	}{
		{"", "", 200},
		{server.URL, "", 200},
		{server.URL, "same-origin", 200},
		{"https://example.com", "", 403},
		{"https://example.com", "cross-site", 403},
		{"http://localhost:1", "same-site", 403},
		{"null", "", 403},
	} {
		for path, body := range map[string]string{"decide": "{}", "issuer/token": "grant_type=password&username=bob&password=bob"} {
			header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			if row.origin != "" {
				header.Set("Origin", row.origin)
			}
			if row.site != "" {
				header.Set("Sec-Fetch-Site", row.site)
			}
			if resp := do(t, "POST", server.URL+pagePath+path, body, header); resp.StatusCode != row.want {
				t.Errorf("%s, origin %q, site %q: got %d, want %d", path, row.origin, row.site, resp.StatusCode, row.want)
			}
		}
	}
}

// do sends a request, whose answer is closed when the test ends.
func do(t *testing.T, method, target, body string, header http.Header) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// events reads server-sent events: each as its name and its data, and a comment
// as "comment".
func events(t *testing.T, server *httptest.Server) func() (string, string) {
	t.Helper()
	resp := do(t, "GET", server.URL+pagePath+"requests", "", nil)
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	lines := bufio.NewScanner(resp.Body)
	return func() (name, data string) {
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ":")
			switch {
			case lines.Text() == "":
				return name, data
			case key == "":
				name = "comment"
			case key == "event":
				name = strings.TrimSpace(value)
			case key == "data":
				data = strings.TrimSpace(value)
			}
		}
		return "end", fmt.Sprint(lines.Err())
	}
}

func TestPageStream(t *testing.T) {
	f := newFakeAPI(8)
	server := f.serve(t, "")
	f.page.history.add(numbered(1))
	f.page.history.add(numbered(2))
	next := events(t, server)
	want := func(name, part string) {
		t.Helper()
		if n, data := next(); n != name || !strings.Contains(data, part) {
			t.Fatalf("got event %s with %s, want %s with %s", n, data, name, part)
		}
	}
	want("request", `"id":"id-1"`)
	want("request", `"id":"id-2"`)
	want("state", `"version":1`)
	f.page.history.add(numbered(3))
	want("request", `"id":"id-3"`)
	f.change(func(s *state) { s.Version, s.Problem = 2, "line\nline" })
	want("state", `"problem":"line\nline"`)
	f.page.history.add(numbered(4))
	want("request", `"id":"id-4"`)
}

func TestPageStreamHeartbeat(t *testing.T) {
	f := newFakeAPI(8)
	f.page.heartbeat = time.Millisecond
	next := events(t, f.serve(t, ""))
	next() // the state
	if name, _ := next(); name != "comment" {
		t.Errorf("got %s, want a comment", name)
	}
}

// Streams end when the page is done and when their reader goes away, so that a
// server can be shut down, and leave no follower behind.
func TestPageStreamEnds(t *testing.T) {
	f := newFakeAPI(8)
	done := make(chan struct{})
	f.page.done = done
	server := httptest.NewServer(f.page.handler())
	defer server.Close()
	next := events(t, server)
	next()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL+pagePath+"requests", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cancel()
	close(done)
	if name, err := next(); name != "end" || err != "<nil>" {
		t.Errorf("got %s, %s; want the end", name, err)
	}
	closing, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	if err := server.Config.Shutdown(closing); err != nil {
		t.Error(err)
	}
	followers := func() int {
		f.page.history.mu.Lock()
		defer f.page.history.mu.Unlock()
		return len(f.page.history.followers)
	}
	for end := time.Now().Add(hang); followers() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d followers are left", followers())
		}
	}
}

// What follows drives the page in a browser.

// newBrowser starts one. Without any, the test is skipped, except in CI.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no chromium: apt-get install -y chromium")
		}
		t.Skip("there is no chromium to show the page in")
	}
	opts := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // which root cannot have
		chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"), // of pages of another site
		chromedp.Flag("disable-component-update", true),
	})
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the browser has ended and left its folder
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("cannot start %s: %v", path, err)
	}
	return ctx
}

// A tab is a page that is open.
type tab struct {
	*testing.T
	ctx context.Context
}

// open shows the page in a new tab. When the test ends, the console must have
// nothing to complain of but refusals of requests that were tried.
func open(t *testing.T, browser context.Context, server *httptest.Server, width int64) *tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(browser, 2*hang)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800)); err != nil {
		t.Fatal(err)
	}
	messages := chromedp.Console(ctx)
	tb := &tab{t, ctx}
	tb.do(chromedp.Navigate(server.URL + pagePath))
	tb.wait(`document.querySelectorAll("#rows .mark.good").length > 0`)
	t.Cleanup(func() {
		tb.eval(`console.log("the test ends")`)
		for m, err := range messages {
			switch {
			case err != nil:
				t.Errorf("the console cannot be read: %v", err)
				return
			case m.Text == "the test ends":
				return
			case m.Type != "error" && m.Type != "warning" && m.Type != chromedp.ConsoleException:
			case strings.HasPrefix(m.Text, "Failed to load resource") && !strings.Contains(m.URL, pagePath):
				// That a request was answered with a 4xx, which the browser reports.
			case strings.Contains(m.Text, "net::ERR") && strings.HasSuffix(m.URL, pagePath+"requests"):
				// That the server was away.
			default:
				t.Errorf("the console says: %s %s (%s)", m.Type, m.Text, m.URL)
			}
		}
	})
	return tb
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.Helper()
	if err := chromedp.Do(tb.ctx, steps...); err != nil {
		tb.Fatal(err)
	}
}

func (tb *tab) eval(expression string) string {
	tb.Helper()
	s, err := chromedp.Run(tb.ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		tb.Fatalf("%s: %v", expression, err)
	}
	return s
}

// newTab opens an empty tab.
func newTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(browser, 2*hang)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return &tab{t, ctx}
}

// fetch calls the browser's fetch with options written in JavaScript. It returns
// the status and the body, or "failed: " and the error.
func (tb *tab) fetch(url, options string) string {
	tb.Helper()
	tb.eval(`(window.result = "", fetch(` + quoted(url) + `, ` + options + `).then(async r => {
		window.result = r.status + " " + await r.text()
	}).catch(e => { window.result = "failed: " + e }), "")`)
	tb.wait(`window.result !== ""`)
	return tb.eval(`window.result`)
}

// wait waits until a condition holds.
func (tb *tab) wait(condition string) {
	tb.Helper()
	for end := time.Now().Add(hang); tb.eval(condition) != "true"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("it never came to: %s\nthe page says:\n%s", condition, tb.eval("document.body.innerText"))
		}
	}
}

// waitText waits until an element's text contains a part.
func (tb *tab) waitText(selector, part string) {
	tb.Helper()
	tb.wait(fmt.Sprintf("document.querySelector(%s)?.innerText.includes(%s)", quoted(selector), quoted(part)))
}

// quoted writes a string as JavaScript does.
func quoted(s string) string {
	b, _ := json.Marshal(s) // a string always works
	return string(b)
}

func (tb *tab) click(selector string) {
	tb.Helper()
	tb.do(chromedp.Click(chromedp.CSS(selector)))
}

// fill replaces what a field has, as if by pasting.
func (tb *tab) fill(selector, text string) {
	tb.Helper()
	tb.do(chromedp.Focus(chromedp.CSS(selector)))
	tb.eval(`document.activeElement.select()`)
	if _, err := chromedp.Call(tb.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		tb.Fatal(err)
	}
}

// choose picks an option of a list, by the start of its text, with the arrow keys.
func (tb *tab) choose(selector, text string) {
	tb.Helper()
	tb.do(chromedp.Focus(chromedp.CSS(selector)), chromedp.KeyEvent(kb.Home))
	for range 20 {
		if strings.HasPrefix(tb.eval("document.activeElement.selectedOptions[0].text"), text) {
			return
		}
		tb.do(chromedp.KeyEvent(kb.ArrowDown))
	}
	tb.Fatalf("%s has no option %s", selector, text)
}

// row is the selector of a route's row, and verdict what is shown there.
func row(key string) string { return `#rows tr[data-key="` + key + `"]` }

func (tb *tab) waitVerdict(key, verdict, why string) {
	tb.Helper()
	tb.waitText(row(key)+" .verdict", verdict)
	tb.waitText(row(key)+" .who", why)
}

// picture writes what a tab shows into the folder that ROUTEGATE_PICTURES names,
// for somebody to look at.
func (tb *tab) picture(name string) {
	tb.Helper()
	dir := os.Getenv("ROUTEGATE_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		tb.Fatal(err)
	}
}

func (tb *tab) dark() {
	tb.Helper()
	_, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func TestBrowser(t *testing.T) {
	browser := newBrowser(t)

	t.Run("a person is chosen and the matrix changes", func(t *testing.T) {
		tb := open(t, browser, newFakeAPI(8).serve(t, ""), 1280)
		tb.waitVerdict("GET /v1/admin/endpoints", "allowed", "has the group ADMINS")
		tb.waitText("#count", "7 of 8 routes allowed")
		tb.choose("#who", "bob")
		tb.waitVerdict("GET /v1/admin/endpoints", "refused", "needs the group ADMINS")
		tb.waitText(row("GET /v1/admin/endpoints")+" .line", "routes.yaml:20")
		tb.waitText("#count", "4 of 8 routes allowed")
		tb.choose("#who", "no token")
		tb.waitVerdict("GET /v1/users/whoami", "refused", "nobody vouched for the caller")
		tb.waitText("#count", "2 of 8 routes allowed")
		tb.choose("#who", "any valid token")
		tb.waitVerdict("GET /v1/users/whoami", "allowed", "")
		tb.waitVerdict("POST /v1/jobs", "refused", "this route asks for iam")
		tb.choose("#who", "IAM")
		tb.waitVerdict("POST /v1/jobs", "allowed", "vouched for: iam")
		tb.waitText("#caller-note", "Cannot be tried")
	})

	t.Run("a group is ticked by hand", func(t *testing.T) {
		tb := open(t, browser, newFakeAPI(8).serve(t, ""), 1280)
		tb.choose("#who", "mallory")
		tb.waitVerdict("GET /v1/users/{id}", "refused", "needs the scope users/read")
		tb.click(`#scopes input[value="users/read"]`)
		tb.waitVerdict("GET /v1/users/{id}", "refused", "needs the group USERS or ADMINS")
		tb.click(`#groups input[value="USERS"]`)
		tb.waitVerdict("GET /v1/users/{id}", "allowed", "has the group USERS")
		tb.wait(`document.querySelector("#who").value === "hand"`)
		// The token that is sent has just these.
		tb.click(row("GET /v1/users/{id}") + " button")
		tb.fill("#variable-0", "42")
		tb.click("#send")
		tb.waitText("#answer-line", "200 OK: GET /mvp/v1/users/42")
		tb.waitText("#steps", "has the group USERS")
	})

	t.Run("a request is sent", func(t *testing.T) {
		tb := open(t, browser, newFakeAPI(8).serve(t, ""), 1280)
		tb.click(row("PUT /v1/users/{id}") + " button")
		tb.fill("#variable-0", "a b/ü?#")
		tb.fill("#query", "x=1&y=<b>")
		tb.fill("#headers", "X-Example: <i>one</i>\nCookie: a=b")
		tb.fill("#body", `{"name":"<img src=x>","n":12345678901234567890}`)
		tb.waitText("#preview", "PUT /mvp/v1/users/a%20b%2F%C3%BC%3F%23?x=1&y=%3Cb%3E")
		tb.wait(`document.querySelector("#curl").textContent.includes("-as 'alice'")`)
		tb.click("#send")
		tb.waitText("#answer-line", "✓ 200 OK: PUT /mvp/v1/users/")
		tb.waitText("#answer-body", `"body": "{\"name\":\"<img src=x>\",\"n\":12345678901234567890}"`)
		tb.waitText("#answer-body", `"x": "<i>one</i>"`)
		tb.waitText("#answer-body", `"type": "application/json"`)
		tb.waitText("#answer-headers pre", "apigw-requestid: request1=")
		tb.waitText("#answer-note", "PUT /v1/users/{id}, routes.yaml:32. Answered by the function.")
		tb.waitText("#answer-note", "lets no page set it: cookie")
		tb.waitText("#steps", "passed: groups")
		tb.click("#event summary")
		tb.waitText("#event pre", `"rawPath": "/mvp/v1/users/a b/ü?#"`)
		tb.wait(`document.querySelector("#log tr").getAttribute("aria-current") === "true"`)
		tb.wait(`document.querySelectorAll("img, i").length === 0`)

		tb.choose("#who", "bob")
		tb.click("#send")
		tb.waitText("#answer-line", "✗ 403 Forbidden")
		tb.waitText("#steps", "✗ failed: groups")
		tb.waitText("#answer-note", "Refused: missing_group.")

		tb.fill("#path", "//example.com/nothing")
		tb.click("#send")
		tb.waitText("#answer-line", "✗ 404 Not Found: PUT /mvp//example.com/nothing")
		tb.waitText("#answer-note", "No route matched.")
		tb.waitText("#steps", "The function was not asked")
		tb.wait(`document.querySelector("#event").hidden`)

		tb.fill("#headers", "no colon")
		tb.click("#send")
		tb.waitText("#answer-line", "Not sent: the header \"no colon\" has no colon")
	})

	t.Run("a redirect is shown although a browser hides it", func(t *testing.T) {
		tb := open(t, browser, newFakeAPI(8).serve(t, ""), 1280)
		tb.click(row("GET /v1/old") + " button")
		tb.click("#send")
		tb.waitText("#answer-line", "✓ 302: GET /mvp/v1/old")
		tb.waitText("#answer-headers pre", "x-given: yes")
	})

	t.Run("an older request is looked at", func(t *testing.T) {
		f := newFakeAPI(8)
		server := f.serve(t, "")
		do(t, "GET", server.URL+"/mvp/v1/users/whoami?a=1", "", nil)
		tb := open(t, browser, server, 1280)
		tb.waitText("#log", "GET /mvp/v1/users/whoami?a=1")
		tb.click("#log button")
		tb.waitText("#answer-line", "✗ 403: GET /mvp/v1/users/whoami?a=1")
		tb.waitText("#answer-body", `"code": "no_principal"`)
		tb.waitText("#steps", "nobody vouched for the caller")
	})

	t.Run("requests appear live and 200 stay", func(t *testing.T) {
		f := newFakeAPI(8)
		server := f.serve(t, "")
		tb := open(t, browser, server, 1280)
		tb.waitText("#requests-count", "none yet")
		do(t, "GET", server.URL+"/mvp/v1/manage/hc", "", nil)
		tb.waitText("#log", "GET /mvp/v1/manage/hc")
		for n := range 250 {
			f.page.history.add(numbered(n))
		}
		f.page.history.add(detail{request: request{ID: "last", Method: "GET", Path: "/last", Status: 502, Reason: "<b>crashed</b>", Warnings: []string{"took long"}}})
		tb.waitText("#log tr", "/last")
		tb.waitText("#log tr", "<b>crashed</b>; ⚠ took long")
		tb.wait(`document.querySelectorAll("#log tr").length === 200`)
		tb.waitText("#requests-count", "the last 200")
	})

	t.Run("the routes are filtered", func(t *testing.T) {
		tb := open(t, browser, newFakeAPI(100).serve(t, ""), 1280)
		shown := `[...document.querySelectorAll("#rows tr")].filter((r) => !r.hidden).length`
		tb.wait(shown + " === 100")
		tb.fill("#filter", "users get")
		tb.waitText("#count", ", 2 shown")
		tb.wait(shown + " === 2")
		tb.choose("#who", "bob")
		tb.fill("#filter", "refused missing_group v1/admin")
		tb.wait(shown + " === 1")
		tb.choose("#who", "alice")
		tb.wait(shown + " === 0")
		tb.waitText("#none", "No route has all of these words")
	})

	t.Run("the keyboard is enough", func(t *testing.T) {
		tb := open(t, browser, newFakeAPI(8).serve(t, ""), 1280)
		focus := func(condition string, key string, opts ...chromedp.KeyOption) {
			t.Helper()
			for range 60 {
				if tb.eval("document.activeElement.matches("+quoted(condition)+")") == "true" {
					return
				}
				tb.do(chromedp.KeyEvent(key, opts...))
			}
			t.Fatalf("the Tab key never came to %s", condition)
		}
		focus("#who", kb.Tab)
		tb.do(chromedp.KeyEvent("mallory"))
		tb.waitVerdict("GET /v1/admin/endpoints", "refused", "needs the group ADMINS")
		focus(`#groups input[value="ADMINS"]`, kb.Tab)
		tb.do(chromedp.KeyEvent(" "))
		tb.waitVerdict("GET /v1/admin/endpoints", "allowed", "has the group ADMINS")
		focus(`[aria-label="Try GET /v1/users/{id}"]`, kb.Tab)
		tb.do(chromedp.KeyEvent(kb.Enter))
		tb.wait(`document.activeElement.name === "id"`)
		tb.do(chromedp.KeyEvent("7"), chromedp.KeyEvent(kb.Enter))
		tb.waitText("#answer-line", "403 Forbidden: GET /mvp/v1/users/7")
		focus("#event summary", kb.Tab)
		tb.do(chromedp.KeyEvent(kb.Enter))
		tb.waitText("#event pre", `"routeKey": "GET /v1/users/{id}"`)
		focus("#log button", kb.Tab)
		tb.do(chromedp.KeyEvent(kb.Enter))
		tb.wait(`document.activeElement.id === "answer"`)
		// What has the focus can be seen to have it.
		focus("#gave summary", kb.Tab)
		tb.wait(`getComputedStyle(document.activeElement).outlineStyle === "solid"`)
	})

	t.Run("a problem comes and goes and the rest stays", func(t *testing.T) {
		f := newFakeAPI(8)
		tb := open(t, browser, f.serve(t, ""), 1280)
		tb.choose("#who", "bob")
		tb.fill("#path", "/typed/by/hand")
		tb.wait(`document.querySelector("#problem").hidden`)
		f.change(func(s *state) {
			s.Problem = "routes.yaml:14:14: error: unknown handler \"get_usr\" [unknown-handler]\n   14 |     handler: get_usr\n      |              ^^^^^^^"
		})
		tb.waitText("#problem", "The last good version goes on")
		tb.waitText("#problem", "              ^^^^^^^")
		tb.wait(`document.title.startsWith("⚠")`)
		tb.picture("problem")
		f.change(func(s *state) {
			s.Problem, s.Version = "", 2
			s.Groups = append(s.Groups, "ZOO")
			s.Routes = s.Routes[:7]
		})
		tb.wait(`document.querySelector("#problem").hidden`)
		tb.waitText("#about", "version 2")
		tb.waitText("#groups", "ZOO")
		tb.waitText("#count", "4 of 7 routes allowed")
		tb.wait(`document.querySelector("#who").value === "person bob" && document.querySelector("#path").value === "/typed/by/hand"`)
	})

	t.Run("the page follows a server that is started anew", func(t *testing.T) {
		f := newFakeAPI(8)
		f.page.history.add(numbered(1))
		done := make(chan struct{})
		f.page.done = done
		server := httptest.NewServer(f.page.handler())
		tb := open(t, browser, server, 1280)
		tb.waitText("#connection", "live")
		tb.wait(`document.querySelectorAll("#log tr").length === 1`)
		close(done)
		server.Close()
		tb.waitText("#connection", "trying again")
		f = newFakeAPI(9)
		f.shown.Version = 7
		f.serve(t, server.Listener.Addr().String())
		tb.waitText("#connection", "live")
		tb.waitText("#about", "version 7")
		tb.waitText("#count", "of 9 routes")
		tb.wait(`document.querySelectorAll("#log tr").length === 0`)
	})

	t.Run("tokens of another issuer are pasted", func(t *testing.T) {
		f := newFakeAPI(8)
		f.shown.BuiltIn, f.shown.People, f.shown.Issuer = false, nil, "https://issuer.example"
		tb := open(t, browser, f.serve(t, ""), 1280)
		tb.wait(`document.querySelectorAll("#who optgroup").length === 0 && document.querySelector("#who").value === "any"`)
		tb.click(row("GET /v1/users/whoami") + " button")
		tb.click("#send")
		tb.waitText("#answer-line", "Not sent: paste a token first: those of https://issuer.example cannot be made here")
		tb.fill("#token", "Bearer e30."+base64.RawURLEncoding.EncodeToString([]byte(`{"groups":["ADMINS"]}`))+".e30")
		tb.click("#send")
		tb.waitText("#answer-line", "200 OK")
		tb.wait(`localStorage.length + sessionStorage.length === 0`)
	})

	t.Run("nothing is cut off at any width", func(t *testing.T) {
		f := newFakeAPI(100)
		f.shown.Routes[1].Handler = strings.Repeat("a_very_long_handler_name_", 4)
		f.shown.Problem = "routes.yaml:14:14: error: " + strings.Repeat("long", 100)
		server := f.serve(t, "")
		do(t, "GET", server.URL+"/mvp/"+strings.Repeat("long", 100), "", nil)
		for _, width := range []int64{320, 400, 700, 1100, 1280} {
			tb := open(t, browser, server, width)
			tb.click(row("PUT /v1/users/{id}") + " button")
			tb.fill("#variable-0", strings.Repeat("long", 100))
			tb.click("#send")
			tb.waitText("#answer-line", "200 OK")
			if got := tb.eval(`document.documentElement.scrollWidth`); got != fmt.Sprint(width) {
				t.Errorf("at %d pixels the page is %s wide", width, got)
			}
			for _, id := range []string{"left", "right", "routes"} {
				if tb.eval(`document.getElementById("`+id+`").scrollWidth <= document.getElementById("`+id+`").clientWidth`) != "true" {
					t.Errorf("at %d pixels #%s scrolls sideways", width, id)
				}
			}
		}
	})

	// The verdict stays in words and signs, and every field has a name.
	t.Run("names and meanings do not depend on sight", func(t *testing.T) {
		tb := open(t, browser, newFakeAPI(8).serve(t, ""), 400)
		tb.click(row("GET /v1/users/{id}") + " button")
		nameless := `[...document.querySelectorAll("input, select, textarea, button")].filter((e) => !(e.labels?.length || e.ariaLabel || e.innerText)).map((e) => e.id || e.outerHTML).join()`
		if got := tb.eval(nameless); got != "" {
			t.Errorf("these have no name: %s", got)
		}
		if got := tb.eval(`[...document.querySelectorAll("#rows .mark")].filter((e) => !/^[✓✗] (allowed|refused)$/.test(e.innerText)).length`); got != "0" {
			t.Errorf("%s verdicts are not in words", got)
		}
	})

	if os.Getenv("ROUTEGATE_PICTURES") == "" {
		return
	}
	t.Run("pictures", func(t *testing.T) {
		for name, look := range map[string]struct {
			width  int64
			dark   bool
			routes int
		}{"light": {1280, false, 8}, "dark": {1280, true, 100}, "narrow": {400, false, 100}, "narrow-dark": {400, true, 8}, "tablet": {800, false, 8}} {
			server := newFakeAPI(look.routes).serve(t, "")
			for _, path := range []string{"/mvp/v1/users/whoami", "/mvp/v1/nothing?a=1", "/mvp/v1/manage/hc", "/mvp/v1/things9/some/parts/other"} {
				do(t, "GET", server.URL+path, "", nil)
			}
			tb := open(t, browser, server, look.width)
			if look.dark {
				tb.dark()
			}
			tb.choose("#who", "bob")
			tb.waitVerdict("GET /v1/admin/endpoints", "refused", "")
			tb.picture(name + "-first")
			tb.click(row("PUT /v1/users/{id}") + " button")
			tb.fill("#variable-0", "42")
			tb.picture(name + "-try")
			tb.click("#send")
			tb.waitText("#answer-line", "403")
			tb.eval(`document.querySelector("#answer").scrollIntoView()`)
			tb.picture(name + "-answer")
			tb.eval(`document.querySelector("#requests").scrollIntoView()`)
			tb.picture(name + "-requests")
		}
	})
}
