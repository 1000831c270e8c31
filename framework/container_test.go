package framework_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
)

// A safeBuffer is a log that is read while requests are served.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// line waits for the n-th line with a message: the client has its answer before
// the line is written.
func (b *safeBuffer) line(t *testing.T, message string, n int) value {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		seen := 0
		for line := range strings.Lines(b.String()) {
			var v value
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatalf("log line %q: %v", line, err)
			}
			if v["msg"] == message {
				if seen++; seen == n {
					return v
				}
			}
		}
	}
	t.Fatalf("the log has not %d lines %q:\n%s", n, message, b)
	return nil
}

// verifyKnown vouches for the tokens that it is given, and for no other. Their
// payloads are texts, or claims.
func verifyKnown(tokens map[string]any) func(context.Context, string) (string, error) {
	return func(_ context.Context, token string) (string, error) {
		claims, ok := tokens[token]
		if !ok {
			return "", errors.New("not a known one")
		}
		if payload, ok := claims.(string); ok {
			return payload, nil
		}
		payload, err := json.Marshal(claims)
		if err != nil {
			panic(err)
		}
		return string(payload), nil
	}
}

// newContainer serves handlers over HTTP.
func newContainer(t *testing.T, manifest string, handlers framework.Handlers, opts framework.Options, hopts framework.HandlerOptions) (url string, log *safeBuffer) {
	t.Helper()
	log = &safeBuffer{}
	opts.Logger = slog.New(slog.NewJSONHandler(log, nil))
	app, err := framework.New([]byte(manifest), handlers, opts)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(app.Handler(hopts))
	t.Cleanup(server.Close)
	return server.URL, log
}

// tellHandlers are handlers that answer with their name.
func tellHandlers(names ...string) framework.Handlers {
	handlers := framework.Handlers{}
	for _, name := range names {
		handlers[name] = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }
	}
	return handlers
}

// send sends a request and returns the answer with its body.
func send(t *testing.T, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp, string(b)
}

// code returns the code of a problem document, and checks the rest of it.
func code(t *testing.T, resp *http.Response, body string) string {
	t.Helper()
	if resp.Header.Get("Content-Type") != "application/problem+json" {
		return ""
	}
	var p struct {
		Title, Detail, Code string
		Status              int
		RequestID           string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("problem %q: %v", body, err)
	}
	if p.Status != resp.StatusCode || p.Title == "" || p.Detail == "" || p.RequestID == "" || p.RequestID != resp.Header.Get("X-Request-Id") {
		t.Errorf("problem is not whole: %s %v", body, resp.Header)
	}
	return p.Code
}

// Who gets where in a container, and what a refusal's header says: RFC 6750.
func TestContainerAccess(t *testing.T) {
	t.Parallel()
	tokens := map[string]any{
		"a.plain.token": alice(nil),
		"an.admin.":     alice(value{"groups": []any{"staff", "admin"}}),
		"a.reader.":     alice(value{"scope": "openid users/read"}),
		"a.both.":       alice(value{"groups": []any{"root", "admin"}, "scp": []any{"users/read"}}),
		"a.trick.":      alice(value{"groups": []any{"staff admin", "[admin]"}, "scope": "xusers/read"}),
		"a.text.":       alice(value{"groups": "admin"}),
		"no.claims.":    "",
		"a.null.":       "null",
		"a.list.":       `[{"sub":"alice"}]`,
		"a.half.":       `{"sub":"alice"`,
		"a.sub.twice.":  `{"sub":"alice","sub":"bob"}`,
		"a.deep.one.":   `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
	}
	url, log := newContainer(t, accessManifest, tellHandlers(accessHandlers...), framework.Options{}, framework.HandlerOptions{Verify: verifyKnown(tokens)})
	const bare, invalid, scope = "Bearer", `Bearer error="invalid_token"`, `Bearer error="insufficient_scope"`
	tests := []struct {
		path, authorization string
		status              int
		code, challenge     string
	}{
		{"/open", "", 200, "", ""},
		{"/open", "Bearer nonsense", 200, "", ""},
		{"/token", "", 401, "no_principal", bare},
		{"/token", "Bearer", 401, "no_principal", bare},
		{"/token", "Basic YTpi", 401, "no_principal", bare},
		{"/token", "Bearer nonsense", 401, "no_principal", invalid},
		{"/token", "Bearer a.plain.token, Bearer a.plain.token", 401, "no_principal", invalid},
		{"/token", "Bearer no.claims.", 401, "no_principal", invalid},
		{"/token", "Bearer a.null.", 401, "no_principal", invalid},
		{"/token", "Bearer a.list.", 401, "no_principal", invalid},
		{"/token", "Bearer a.half.", 401, "no_principal", invalid},
		{"/token", "Bearer a.sub.twice.", 401, "no_principal", invalid},
		{"/token", "Bearer a.deep.one.", 401, "no_principal", invalid},
		{"/token", "Bearer a.plain.token", 200, "", ""},
		{"/token", "bearer  a.plain.token ", 200, "", ""},
		{"/token", "a.plain.token", 200, "", ""},
		{"/signed", "", 401, "no_principal", bare},
		{"/signed", "Bearer a.both.", 401, "no_principal", bare},
		{"/signed", "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260710/eu-west-1/execute-api/aws4_request", 401, "no_principal", bare},
		{"/admins", "Bearer a.plain.token", 403, "missing_group", ""},
		{"/admins", "Bearer a.trick.", 403, "missing_group", ""},
		{"/admins", "Bearer a.text.", 200, "", ""},
		{"/admins", "Bearer an.admin.", 200, "", ""},
		{"/read", "Bearer an.admin.", 403, "missing_scope", scope},
		{"/read", "Bearer a.trick.", 403, "missing_scope", scope},
		{"/read", "Bearer a.reader.", 200, "", ""},
		{"/both", "Bearer a.reader.", 403, "missing_group", ""},
		{"/both", "Bearer a.both.", 200, "", ""},
		{"/nowhere", "Bearer a.both.", 404, "no_route", ""},
		{"/files/a%2Fsecret", "", 401, "no_principal", "Bearer"},
		{"/files/a/secret", "", 401, "no_principal", bare},
		{"/files/a%2Fsecret%22", "", 200, "", ""}, // url.URL.EscapedPath would give it up
		{`/files/a%2Fsecret"`, "", 200, "", ""},
		{"/public/../private/x", "", 400, "dot_segment", ""},
		{"/public/%2e%2e/private/x", "", 400, "dot_segment", ""},
		{"/%70rivate/x", "", 401, "no_principal", bare},
		{"/private%2Fx", "", 404, "no_route", ""},
		{"//private//x", "", 401, "no_principal", bare},
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, test := range tests {
		// Written by hand: a client would tidy the path.
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: api.example.com\r\n", test.path)
		if test.authorization != "" {
			fmt.Fprintf(conn, "Authorization: %s\r\n", test.authorization)
		}
		fmt.Fprint(conn, "\r\n")
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", test.path, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("%s: %v", test.path, err)
		}
		if got := code(t, resp, string(body)); resp.StatusCode != test.status || got != test.code || resp.Header.Get("WWW-Authenticate") != test.challenge {
			t.Errorf("GET %s with %q: status %d, code %q, challenge %q, want %d, %q, %q", test.path, test.authorization,
				resp.StatusCode, got, resp.Header.Get("WWW-Authenticate"), test.status, test.code, test.challenge)
		}
		for _, word := range []string{"admin", "root", "users/"} {
			if test.code != "" && (bytes.Contains(body, []byte(word)) || strings.Contains(fmt.Sprint(resp.Header), word)) {
				t.Errorf("GET %s: the refusal tells %q: %s %v", test.path, word, body, resp.Header)
			}
		}
	}
	if strings.Contains(log.String(), "panic") {
		t.Error(log)
	}
}

// Nobody who vouches, nobody who gets in.
func TestContainerWithoutVerify(t *testing.T) {
	t.Parallel()
	url, _ := newContainer(t, accessManifest, tellHandlers(accessHandlers...), framework.Options{}, framework.HandlerOptions{})
	for path, want := range map[string]int{"/open": 200, "/token": 401, "/signed": 401, "/admins": 401} {
		if resp, body := send(t, "GET", url+path, nil, "Authorization", "Bearer "+token(alice(value{"groups": []string{"admin"}}))); resp.StatusCode != want {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}

// A token is looked at where a route asks for one, and nowhere else.
func TestContainerAsksOnlyForTokenRoutes(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	verify := func(_ context.Context, token string) (string, error) {
		asked <- token
		return `{"sub":"alice"}`, nil
	}
	handlers := tellHandlers(accessHandlers...)
	for _, name := range []string{"open", "token"} {
		handlers[name] = func(w http.ResponseWriter, r *http.Request) {
			p, ok := framework.PrincipalFrom(r.Context())
			fmt.Fprint(w, p.Subject, ok)
		}
	}
	url, _ := newContainer(t, accessManifest, handlers, framework.Options{}, framework.HandlerOptions{Verify: verify})
	for _, path := range []string{"/open", "/signed", "/nowhere", "/token"} {
		if len(asked) > 0 {
			t.Errorf("asked before %s", path)
		}
		_, body := send(t, "GET", url+path, nil, "Authorization", "Bearer abc")
		if want := map[string]string{"/open": "false", "/token": "alicetrue"}[path]; want != "" && body != want {
			t.Errorf("%s: the principal is %s", path, body)
		}
	}
	if len(asked) != 1 || <-asked != "abc" {
		t.Error("the token was not asked about once")
	}
}

// A request reaches its handler as the client sent it, but for the stage.
func TestContainerRequest(t *testing.T) {
	t.Parallel()
	var got value
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		p, _ := framework.PrincipalFrom(r.Context())
		table, _ := framework.TableFrom(r.Context())
		got = value{
			"path": r.URL.Path, "raw": r.URL.RawPath, "query": r.URL.RawQuery, "pattern": r.Pattern, "kind": r.PathValue("kind"), "id": r.PathValue("id"),
			"cookies": r.Header["Cookie"], "list": r.Header["X-List"], "forwarded": r.Header["X-Forwarded-For"], "body": string(body), "err": err,
			"length": r.ContentLength, "local": strings.HasPrefix(r.RemoteAddr, "127.0.0.1:"), "host": r.Host, "groups": p.Groups, "age": p.Claims["age"], "routes": table.Len(),
		}
	}
	url, _ := newContainer(t, echoManifest, framework.Handlers{"echo": echo}, framework.Options{Stage: "mvp", GroupsClaim: []string{"realm", "roles"}},
		framework.HandlerOptions{Verify: verifyKnown(map[string]any{"t": value{"realm": value{"roles": []any{"user", "a b"}}, "age": json.Number("7")}})})
	send(t, "POST", url+"/m%76p/v1/gr%C3%B6%C3%9Fe/items/a%20b%2520%2Fc?q=a%20b&q=c,d&empty=", strings.NewReader("hello"),
		"Cookie", "a=1; b=2", "X-List", "one, two", "X-List", "three", "X-Forwarded-For", "203.0.113.7", "Authorization", "Bearer t")
	want := value{
		"path": "/v1/größe/items/a b%20/c", "raw": "/v1/gr%C3%B6%C3%9Fe/items/a%20b%2520%2Fc", "query": "q=a%20b&q=c,d&empty=",
		"pattern": "POST /v1/{kind}/items/{id}", "kind": "größe", "id": "a b%20/c",
		"cookies": []string{"a=1; b=2"}, "list": []string{"one, two", "three"}, "forwarded": []string{"203.0.113.7"}, "body": "hello", "err": nil,
		"length": int64(5), "local": true, "host": strings.TrimPrefix(url, "http://"), "groups": []string{"user", "a b"}, "age": json.Number("7"), "routes": 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for path, want := range map[string]int{"/mvp": 200, "/mvp/": 200, "/": 404, "/mvpx/v1/files/a": 404, "//mvp/v1/files/a": 404, "/mvp//v1/files/a": 200} {
		if resp, _ := send(t, "GET", url+path, nil); resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
		}
	}
	if send(t, "GET", url+"/mvp", nil); got["path"] != "/" {
		t.Errorf("path of the bare stage is %q", got["path"])
	}
}

// What a handler can do wrong, as in Lambda until its answer is on its way.
func TestContainerHandlersThatFail(t *testing.T) {
	t.Parallel()
	handlers := framework.Handlers{
		"panics":      func(http.ResponseWriter, *http.Request) { panic(fmt.Errorf("no %s", "luck")) },
		"panics_late": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "half an ans"); panic("late") },
		"aborts":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"exits":       func(http.ResponseWriter, *http.Request) { runtime.Goexit() },
		"bad_status":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(42) },
		"silent":      func(http.ResponseWriter, *http.Request) {},
		"twice":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) },
		"no_content":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); fmt.Fprint(w, "body") },
		"hints": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.Header().Set("X-A", "b")
			io.WriteString(w, "<p>hinted")
		},
		"large": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 7<<20)) },
	}
	var manifest strings.Builder
	manifest.WriteString("version: 1\nroutes:\n")
	for name := range handlers {
		fmt.Fprintf(&manifest, "  - {path: /%[1]s, method: GET, handler: %[1]s, public: true}\n", name)
	}
	url, log := newContainer(t, manifest.String(), handlers, framework.Options{}, framework.HandlerOptions{})
	for name, want := range map[string]outcome{
		"panics": refused(500, "internal_error"), "aborts": refused(500, "internal_error"), "exits": refused(500, "internal_error"),
		"bad_status": refused(500, "internal_error"), "silent": {Status: 200}, "twice": {Status: 201}, "no_content": {Status: 204},
		"hints": {Status: 200}, "large": {Status: 200},
	} {
		resp, body := send(t, "GET", url+"/"+name, nil)
		if got := (outcome{Status: resp.StatusCode, Code: code(t, resp, body)}); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		if name == "hints" && (resp.Header.Get("X-A") != "b" || resp.Header.Get("Content-Type") != "text/html; charset=utf-8") {
			t.Errorf("hints: headers are %v", resp.Header)
		}
	}
	if n := strings.Count(log.String(), `"msg":"handler panicked"`); n != 3 { // an abort says nothing
		t.Errorf("%d lines about panics:\n%s", n, log)
	}
	resp, err := http.Get(url + "/panics_late")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("a part of an answer passes for the whole")
	}
	log.line(t, "handler panicked", 4)
}

// What a handler writes goes out when it is flushed.
func TestContainerStreams(t *testing.T) {
	t.Parallel()
	next := make(chan bool)
	stream := func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n", i)
			if i == 0 {
				w.(http.Flusher).Flush()
			} else if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-next
		}
	}
	url, _ := newContainer(t, "{version: 1, routes: [{path: /s, method: GET, handler: s, public: true}]}", framework.Handlers{"s": stream}, framework.Options{}, framework.HandlerOptions{})
	resp, err := http.Get(url + "/s")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for i := range 3 {
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("%q, %v", line, err)
		}
		next <- true
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// A request's time is limited, whoever takes it.
func TestContainerTimeout(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var left sync.WaitGroup
	left.Add(2)
	handlers := framework.Handlers{
		"stuck": func(w http.ResponseWriter, _ *http.Request) {
			defer left.Done()
			<-release
			w.Header().Set("X-Late", "1")
			if _, err := fmt.Fprint(w, "too late"); !errors.Is(err, http.ErrHandlerTimeout) {
				t.Errorf("writing too late: %v", err)
			}
			w.WriteHeader(500)
			w.(http.Flusher).Flush()
		},
		"heeds": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"begun": func(w http.ResponseWriter, r *http.Request) {
			defer left.Done()
			fmt.Fprint(w, "a part")
			w.(http.Flusher).Flush()
			<-release
			fmt.Fprint(w, "and the rest")
		},
		"reads": func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			http.Error(w, fmt.Sprint(err), 400)
		},
		"ignores": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "done") },
		"writes": func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		},
	}
	var manifest strings.Builder
	manifest.WriteString("version: 1\nroutes:\n")
	for name := range handlers {
		fmt.Fprintf(&manifest, "  - {path: /%[1]s, method: POST, handler: %[1]s, public: true}\n", name)
	}
	const timeout = 700 * time.Millisecond
	url, log := newContainer(t, manifest.String(), handlers, framework.Options{}, framework.HandlerOptions{Timeout: timeout})
	// slow sends a body that does not end, and returns the answer, if there is one.
	slow := func(path string) (*http.Response, string, error) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this", path)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return nil, "", err
		}
		body, err := io.ReadAll(resp.Body)
		return resp, string(body), err
	}
	parallel := func(f func()) { left.Add(1); go func() { defer left.Done(); f() }() }

	for _, path := range []string{"/stuck", "/heeds"} {
		parallel(func() {
			start := time.Now()
			resp, body := send(t, "POST", url+path, nil)
			if code(t, resp, body) != "timeout" || resp.StatusCode != 503 || resp.Header.Get("X-Late") != "" || time.Since(start) < timeout {
				t.Errorf("%s: %d %s", path, resp.StatusCode, body)
			}
		})
	}
	parallel(func() {
		resp, err := http.Post(url+"/begun", "", nil)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(resp.Body)
		if resp.Body.Close(); string(body) != "a part" || err == nil {
			t.Errorf("/begun: %q, %v", body, err)
		}
	})
	parallel(func() {
		resp, body, err := slow("/reads")
		if err != nil || resp.StatusCode != 408 || code(t, resp, body) != "request_timeout" || !resp.Close {
			t.Errorf("/reads: %v %q %v", resp, body, err)
		}
	})
	parallel(func() { // an answer that does not need the body waits for it no longer
		if resp, body, err := slow("/ignores"); err != nil || resp.StatusCode != 200 || body != "done" {
			t.Errorf("/ignores: %v %q %v", resp, body, err)
		}
	})
	parallel(func() {
		if resp, body, err := slow("/nowhere"); err != nil || resp.StatusCode != 404 {
			t.Errorf("/nowhere: %v %q %v", resp, body, err)
		}
	})
	parallel(func() { // a client that does not read
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "POST /writes HTTP/1.1\r\nHost: x\r\n\r\n")
		t.Cleanup(func() { conn.Close() })
	})
	log.line(t, "request", 7) // all but those that were left behind are done
	close(release)
	left.Wait()
	failures := map[string]int{}
	for i := range 7 {
		line := log.line(t, "request", i+1)
		failures[fmt.Sprint(line["route_key"], " ", line["status"], " ", line["failure"])]++
	}
	want := map[string]int{
		"POST /stuck 503 timeout": 1, "POST /heeds 503 timeout": 1, "POST /begun 200 timeout": 1, "POST /reads 408 request_timeout": 1,
		"POST /ignores 200 <nil>": 1, " 404 <nil>": 1, "POST /writes 200 client_slow": 1,
	}
	if diff := cmp.Diff(want, failures); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// A body over the limit is refused, whether or not the client says how long it
// is, and whatever the handler makes of it.
func TestContainerBodyLimit(t *testing.T) {
	t.Parallel()
	ran := make(chan string, 10)
	handler := func(w http.ResponseWriter, r *http.Request) {
		ran <- r.URL.Path
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, "what is this?", 400)
		}
	}
	url, log := newContainer(t, "{version: 1, routes: [{path: /a, method: POST, handler: a, public: true}, {path: /b, method: POST, handler: b}]}",
		framework.Handlers{"a": handler, "b": handler}, framework.Options{}, framework.HandlerOptions{MaxBody: 1000})
	chunked := func(n int) io.Reader { return io.MultiReader(strings.NewReader(strings.Repeat("x", n))) }
	for _, test := range []struct {
		path string
		body io.Reader
		want outcome
		ran  bool
	}{
		{"/a", bytes.NewReader(make([]byte, 1000)), outcome{Status: 200}, true},
		{"/a", bytes.NewReader(make([]byte, 1001)), refused(413, "request_too_large"), false},
		{"/a", chunked(1000), outcome{Status: 200}, true},
		{"/a", chunked(1001), refused(413, "request_too_large"), true},
		{"/b", bytes.NewReader(make([]byte, 1001)), refused(401, "no_principal"), false}, // who comes first
	} {
		resp, body := send(t, "POST", url+test.path, test.body)
		if got := (outcome{Status: resp.StatusCode, Code: code(t, resp, body)}); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.path, got, test.want)
		}
		if (len(ran) == 1) != test.ran {
			t.Errorf("%s, %+v: the handler ran %d times", test.path, test.want, len(ran))
		}
		for len(ran) > 0 {
			<-ran
		}
	}
	if line := log.line(t, "request", 2); line["failure"] != "request_too_large" || line["level"] != "WARN" {
		t.Errorf("log line %v", line)
	}

	// A client that asks first is told before it sends anything.
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n")
	if status, err := bufio.NewReader(conn).ReadString('\n'); err != nil || status != "HTTP/1.1 413 Request Entity Too Large\r\n" {
		t.Errorf("%q, %v", status, err)
	}
}

// The log says what Lambda's does, and nothing that is somebody's.
func TestContainerLog(t *testing.T) {
	t.Parallel()
	waiting := make(chan bool)
	handlers := tellHandlers(accessHandlers...)
	handlers["file"] = func(_ http.ResponseWriter, r *http.Request) { waiting <- true; <-r.Context().Done() }
	secret := alice(value{"sub": "secret-sub", "groups": []any{"secret-group"}, "scope": "secret-scope"})
	url, log := newContainer(t, accessManifest, handlers, framework.Options{}, framework.HandlerOptions{Verify: verifyKnown(map[string]any{"secret": secret})})
	tests := []struct {
		path, token string
		want        value
	}{
		{"/token", "secret", value{"level": "INFO", "route_key": "GET /token", "status": 200., "decision": "allow", "reason": "allowed"}},
		{"/admins", "secret", value{"level": "WARN", "route_key": "GET /admins", "status": 403., "decision": "deny", "reason": "missing_group", "any_group_of": []any{"admin", "root"}}},
		{"/read", "secret", value{"level": "WARN", "route_key": "GET /read", "status": 403., "decision": "deny", "reason": "missing_scope", "any_scope_of": []any{"users/read", "users/write"}}},
		{"/read", "secret2", value{"level": "WARN", "route_key": "GET /read", "status": 401., "decision": "deny", "reason": "no_principal", "token_refused": "not a known one"}},
		{"/secret", "", value{"level": "WARN", "route_key": "", "status": 404., "decision": "deny", "reason": "no_route"}},
	}
	for i, test := range tests {
		resp, _ := send(t, "GET", url+test.path+"?token=secret", nil, "Authorization", "Bearer "+test.token, "Cookie", "session=secret", "X-Api-Key", "secret")
		got := log.line(t, "request", i+1)
		if _, ok := got["duration_ms"].(float64); !ok {
			t.Errorf("no duration: %v", got)
		}
		delete(got, "duration_ms")
		delete(got, "time")
		test.want["msg"], test.want["source"], test.want["method"], test.want["request_id"] = "request", "container", "GET", resp.Header.Get("X-Request-Id")
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.path, diff)
		}
	}

	ctx, hangUp := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", url+"/files/secret", nil)
	go func() { <-waiting; hangUp() }()
	if _, err := http.DefaultTransport.RoundTrip(req); err == nil {
		t.Error("no error")
	}
	if line := log.line(t, "request", len(tests)+1); line["failure"] != "client_gone" {
		t.Errorf("log line %v", line)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the log has what it must not have:\n%s", log)
	}
}
