package framework_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

const echoManifest = `
version: 1
routes:
  - {path: '/v1/{kind}/items/{id}', method: POST, handler: echo}
  - {path: '/v1/files/{path+}', method: ANY, handler: echo, name: files, public: true}
  - {path: /, method: GET, handler: echo, name: root, public: true}
`

// A request reaches its handler as the client sent it.
func TestRequestReachesHandler(t *testing.T) {
	t.Parallel()
	s := newService(t, echoManifest, framework.Options{Stage: "mvp"}, "echo")
	claims := alice(value{"groups": []string{"user"}, "admin": true})
	event := httpAPI("POST", "/mvp/v1/größe/items/a b%20c", "POST /v1/{kind}/items/{id}",
		params("kind", "größe", "id", "a b%20c"), at("requestContext.stage", "mvp"),
		at("rawQueryString", "q=a%20b&q=c,d&empty="), at("cookies", []string{"a=1", "b=2"}),
		at("body", "aGVsbG8="), at("isBase64Encoded", true), bearer(claims),
		header("x-list", "one, two,three"), header("content-length", "5"))
	if got := s.invoke(t, event); got != ran("echo") {
		t.Fatalf("got %+v", got)
	}
	r := s.got
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := framework.PrincipalFrom(r.Context())
	e, okEvent := apigw.EventFrom(r.Context())
	table, okTable := framework.TableFrom(r.Context())
	if !ok || !okEvent || !okTable {
		t.Fatalf("the context has principal: %v, event: %v, table: %v", ok, okEvent, okTable)
	}
	got := map[string]any{
		"method": r.Method, "path": r.URL.Path, "query": r.URL.RawQuery, "pattern": r.Pattern,
		"kind": r.PathValue("kind"), "id": r.PathValue("id"), "cookies": r.Header["Cookie"], "list": r.Header["X-List"],
		"body": string(body), "length": r.ContentLength, "from": r.RemoteAddr, "host": r.Host, "tls": r.TLS != nil,
		"subject": p.Subject, "groups": p.Groups, "admin": p.Claims["admin"], "stage": e.Stage, "routes": table.Len(),
	}
	want := map[string]any{
		"method": "POST", "path": "/v1/größe/items/a b%20c", "query": "q=a%20b&q=c,d&empty=", "pattern": "POST /v1/{kind}/items/{id}",
		"kind": "größe", "id": "a b%20c", "cookies": []string{"a=1; b=2"}, "list": []string{"one, two,three"},
		"body": "hello", "length": int64(5), "from": "203.0.113.7:0", "host": "abcdefghij.execute-api.eu-west-1.amazonaws.com", "tls": true,
		"subject": "alice", "groups": []string{"user"}, "admin": true, "stage": "mvp", "routes": 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, configured, stage, rawPath string
		want                             outcome
		path                             string
	}{
		{"default", "", "$default", "/v1/files/a", ran("echo"), "/v1/files/a"},
		{"default, by name", "$default", "$default", "/v1/files/a", ran("echo"), "/v1/files/a"},
		{"named", "mvp", "mvp", "/mvp/v1/files/a", ran("echo"), "/v1/files/a"},
		{"named, nothing behind it", "mvp", "mvp", "/mvp", ran("echo"), "/"},
		{"named, the beginning of a segment", "mvp", "mvp", "/mvpadmin/v1/files/a", refused(404, "no_route"), ""},
		{"named, in the path again", "mvp", "mvp", "/mvp/mvp/v1/files/a", refused(404, "no_route"), ""},
		{"named, not in the path", "mvp", "mvp", "/v1/files/a", ran("echo"), "/v1/files/a"},
		{"the event's stage counts", "", "dev", "/dev/v1/files/a", ran("echo"), "/v1/files/a"},
		{"a function URL has none", "mvp", "$default", "/v1/files/a", ran("echo"), "/v1/files/a"},
		{"an empty path", "", "$default", "", ran("echo"), "/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, echoManifest, framework.Options{Stage: test.configured}, "echo")
			got := s.invoke(t, httpAPI("GET", test.rawPath, "$default", at("requestContext.stage", test.stage)))
			if got != test.want {
				t.Fatalf("got %+v, want %+v", got, test.want)
			}
			if s.got != nil && s.got.URL.Path != test.path {
				t.Errorf("path is %q, want %q", s.got.URL.Path, test.path)
			}
		})
	}
}

// The first segment of a route may have the stage's name.
func TestStageNamedAsASegment(t *testing.T) {
	t.Parallel()
	s := newService(t, echoManifest, framework.Options{Stage: "v1"}, "echo")
	for _, test := range []struct{ rawPath, routeKey, param string }{
		{"/v1/v1/files/a", "ANY /v1/files/{path+}", "a"}, // as on execute-api
		{"/v1/files/a/", "ANY /v1/files/{path+}", "a/"},  // a custom domain that leaves the stage out
		{"/v1/v1/files/v1/a", "ANY /v1/files/{path+}", "v1/a"},
	} {
		got := s.invoke(t, httpAPI("GET", test.rawPath, test.routeKey, params("path", test.param), at("requestContext.stage", "v1")))
		if got != ran("echo") || strings.TrimRight(s.got.URL.Path, "/") != "/v1/files/"+strings.TrimRight(test.param, "/") {
			t.Errorf("%s: %+v", test.rawPath, got)
		}
	}
	// The router has nothing to go by, and takes the first segment for the stage.
	if got := s.invoke(t, httpAPI("GET", "/v1/files/a", "$default", at("requestContext.stage", "v1"))); got != refused(404, "no_route") {
		t.Errorf("by the router: %+v", got)
	}
}

// Greedy values come as they were sent.
func TestGreedyValue(t *testing.T) {
	t.Parallel()
	s := newService(t, echoManifest, framework.Options{}, "echo")
	for rawPath, want := range map[string]string{
		"/v1/files/a": "a", "/v1/files/a/b/": "a/b/", "/v1/files//a//b": "a//b", "/v1/files/": "", "/v1/files/..x/.y": "..x/.y",
	} {
		if got := s.invoke(t, httpAPI("GET", rawPath, "$default")); got != ran("echo") || s.got.PathValue("path") != want {
			t.Errorf("%s: got %+v with %q, want %q", rawPath, got, s.got.PathValue("path"), want)
		}
	}
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	var order []string
	wrap := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order = append(order, name)
				next.ServeHTTP(w, r)
			})
		}
	}
	s := newService(t, accessManifest, framework.Options{Middleware: []func(http.Handler) http.Handler{wrap("outer"), wrap("inner")}}, accessHandlers...)
	s.invoke(t, get("/admins", nobody))
	if order != nil {
		t.Errorf("middleware saw a refused request: %v", order)
	}
	s.invoke(t, get("/open", nobody))
	if diff := cmp.Diff([]string{"outer", "inner"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// The log says what happened and why, and nothing that is somebody's.
func TestLog(t *testing.T) {
	t.Parallel()
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	// Whatever a client sends or a token holds has "secret" in it.
	secret := alice(value{"sub": "secret-sub", "email": "secret@example.com", "groups": []string{"secret-group"}, "scope": "secret-scope"})
	sent := []func(value){at("rawQueryString", "token=secret"), at("body", "secret"), at("cookies", []string{"session=secret"}), header("x-api-key", "secret")}
	with := func(more ...func(value)) []func(value) { return append(more, sent...) }
	tests := []struct {
		name  string
		event value
		want  value
	}{
		{"allowed", get("/token", bearer(secret), sent...), value{"level": "INFO", "route_key": "GET /token", "status": 200., "decision": "allow", "reason": "allowed"}},
		{"group", get("/admins", bearer(secret), sent...), value{"level": "WARN", "route_key": "GET /admins", "status": 403., "decision": "deny", "reason": "missing_group", "any_group_of": []any{"admin", "root"}}},
		{"scope", get("/read", bearer(secret), sent...), value{"level": "WARN", "route_key": "GET /read", "status": 403., "decision": "deny", "reason": "missing_scope", "any_scope_of": []any{"users/read", "users/write"}}},
		{"nobody", get("/read", nobody, sent...), value{"level": "WARN", "route_key": "GET /read", "status": 401., "decision": "deny", "reason": "no_principal"}},
		{"other token", get("/token", vouched(secret), with(header("authorization", "Bearer secret"))...), value{"level": "WARN", "route_key": "GET /token", "status": 401., "decision": "deny", "reason": "token_mismatch"}},
		{"other path", httpAPI("GET", "/files/secret/secret", "GET /files/{name}", with(params("name", "secret"))...), value{"level": "WARN", "route_key": "GET /files/{name}", "status": 403., "decision": "deny", "reason": "route_mismatch"}},
		{"catch-all", httpAPI("GET", "/files/secret", "ANY /{proxy+}", with(params("proxy", "files/secret"))...), value{"level": "INFO", "route_key": "GET /files/{name}", "gateway_route_key": "ANY /{proxy+}", "status": 200., "decision": "allow", "reason": "allowed"}},
		{"no route", httpAPI("GET", "/secret", "$default", sent...), value{"level": "WARN", "route_key": "", "gateway_route_key": "$default", "status": 404., "decision": "deny", "reason": "no_route"}},
		{"unreadable body", get("/open", nobody, with(at("body", "%secret"), at("isBase64Encoded", true))...), value{"level": "WARN", "route_key": "GET /open", "status": 400., "decision": "allow", "reason": "allowed", "failure": "bad_request"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.invoke(t, test.event)
			if strings.Contains(s.log.String(), "secret") {
				t.Errorf("the log has what it must not have:\n%s", s.log)
			}
			lines := s.lines(t)
			got := lines[len(lines)-1]
			if _, ok := got["duration_ms"].(float64); !ok {
				t.Errorf("no duration: %v", got)
			}
			delete(got, "duration_ms")
			delete(got, "time")
			test.want["msg"], test.want["source"], test.want["method"], test.want["request_id"] = "request", "HTTP API", "GET", "ATfSdF7nPHcErRA="
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A refusal never tells what would have been enough.
func TestRefusalsAreSilent(t *testing.T) {
	t.Parallel()
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	for _, event := range []value{get("/admins", bearer(alice(nil))), get("/read", bearer(alice(nil))), get("/both", nobody)} {
		payload, _ := json.Marshal(event)
		out, err := s.app.Invoke(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"admin", "root", "users/"} {
			if bytes.Contains(out, []byte(word)) {
				t.Errorf("the answer tells %q: %s", word, out)
			}
		}
	}
}

// What a handler can do wrong.
func TestHandlersThatFail(t *testing.T) {
	t.Parallel()
	handlers := framework.Handlers{
		"panics":      func(http.ResponseWriter, *http.Request) { panic(fmt.Errorf("no %s", "luck")) },
		"panics_late": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "half an ans"); panic("late") },
		"nil_panic":   func(http.ResponseWriter, *http.Request) { panic(nil) },
		"aborts":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"exits":       func(http.ResponseWriter, *http.Request) { runtime.Goexit() },
		"bad_status":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(42) },
		"switches":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(101); w.WriteHeader(200) },
		"silent":      func(http.ResponseWriter, *http.Request) {},
		"twice":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) },
		"no_content":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); fmt.Fprint(w, "body") },
		"large":       func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 6<<20)) },
	}
	var manifest strings.Builder
	manifest.WriteString("version: 1\nroutes:\n")
	for name := range handlers {
		fmt.Fprintf(&manifest, "  - {path: /%[1]s, method: GET, handler: %[1]s, public: true}\n", name)
	}
	var log bytes.Buffer
	app, err := framework.New([]byte(manifest.String()), handlers, framework.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{app: app, log: &log}
	s.lines(t) // of its start
	problem := refused(500, "internal_error")
	tests := []struct {
		name  string
		want  outcome
		lines []string // of the log before the request's own
		says  string
	}{
		{"panics", problem, []string{"handler panicked"}, "no luck"},
		{"panics_late", problem, []string{"handler panicked"}, "late"},
		{"nil_panic", problem, []string{"handler panicked"}, "panic called with nil"},
		{"aborts", problem, nil, ""},
		{"exits", problem, []string{"handler panicked"}, ""},
		{"bad_status", problem, []string{"handler panicked"}, "invalid WriteHeader code 42"},
		{"switches", problem, []string{"handler panicked"}, "invalid WriteHeader code 101: no protocol can be switched to"},
		{"silent", outcome{Status: 200}, nil, ""},
		{"twice", outcome{Status: 201}, nil, ""},
		{"no_content", outcome{Status: 204}, nil, ""},
		{"large", refused(500, "response_too_large"), []string{"response too large"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := s.invoke(t, get("/"+test.name, nobody)); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			lines := s.lines(t)
			var messages []string
			for _, line := range lines[:len(lines)-1] {
				messages = append(messages, line["msg"].(string))
				if p, ok := line["panic"].(string); ok && (!strings.Contains(p, test.says) || !strings.Contains(line["stack"].(string), "goroutine")) {
					t.Errorf("panic is %q, want %q, stack %v", p, test.says, line["stack"])
				}
				if line["request_id"] != "ATfSdF7nPHcErRA=" {
					t.Errorf("the line has no request id: %v", line)
				}
			}
			if diff := cmp.Diff(test.lines, messages); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

// The log says which manifest the function was built from.
func TestLogOfTheStart(t *testing.T) {
	t.Parallel()
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	table, _ := route.Load("routes.yaml", []byte(accessManifest), nil)
	lines := s.lines(t)
	if len(lines) != 1 || lines[0]["msg"] != "start" || lines[0]["manifest_digest"] != table.Digest() || lines[0]["routes"] != float64(table.Len()) {
		t.Errorf("log is %v", lines)
	}
}

// A load balancer takes less than the gateways.
func TestLargeAnswerForALoadBalancer(t *testing.T) {
	t.Parallel()
	handlers := framework.Handlers{"large": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1<<20)) }}
	app, err := framework.New([]byte("{version: 1, routes: [{path: /large, method: GET, handler: large, public: true}]}"), handlers,
		framework.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{app: app, log: new(bytes.Buffer)}
	e := value{"requestContext": value{"elb": value{"targetGroupArn": "arn"}}, "httpMethod": "GET", "path": "/large", "headers": value{"host": "lb.example.com"}}
	if got := s.invoke(t, e); got != refused(500, "response_too_large") {
		t.Errorf("got %+v", got)
	}
	if got := s.invoke(t, get("/large", nobody)); got.Status != 200 {
		t.Errorf("an HTTP API takes it, got %+v", got)
	}
}

// A body that is a lot longer as JSON text is sent as base64, and the local API
// decodes it.
func TestBodiesThatJSONMakesLong(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for i := range 2500 {
		text := fmt.Sprintf("file %d\n", i)
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d.txt", i), Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const manifest = "{version: 1, routes: [{path: /large, method: GET, handler: large, public: true}]}"
	for name, body := range map[string][]byte{
		"zeros": make([]byte, 1_100_000),
		"tar":   archive.Bytes(),
	} {
		if !utf8.Valid(body) {
			t.Fatalf("%s: the body is not UTF-8", name)
		}
		app, err := framework.New([]byte(manifest),
			framework.Handlers{"large": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/octet-stream")
				_, _ = w.Write(body)
			}}, framework.Options{Logger: discard})
		if err != nil {
			t.Fatal(err)
		}
		out, err := app.Invoke(t.Context(), []byte(plain(get("/large", nobody))))
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			StatusCode      int
			Body            []byte // in base64
			IsBase64Encoded bool
		}
		if err := json.Unmarshal(out, &answer); err != nil || answer.StatusCode != 200 || !answer.IsBase64Encoded || !bytes.Equal(answer.Body, body) {
			t.Errorf("%s: %v, %.200s", name, err, out)
		}
		table, _ := route.Load("routes.yaml", []byte(manifest), nil)
		local := httptest.NewRecorder()
		gateway.New(table, app, gateway.Options{}).ServeHTTP(local, httptest.NewRequest("GET", "/large", nil))
		if local.Code != 200 || !bytes.Equal(local.Body.Bytes(), body) || local.Header().Get("Content-Length") != fmt.Sprint(len(body)) {
			t.Errorf("%s: the local API sends status %d, %d bytes, headers %v", name, local.Code, local.Body.Len(), local.Header())
		}
	}
}

// The deadline ends the request's context, and the client gets an answer in time.
func TestDeadline(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	release := make(chan struct{})
	defer close(release)
	handlers := framework.Handlers{"stuck": func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ended <- r.Context().Err()
		<-release
		fmt.Fprint(w, "too late")
	}}
	app, err := framework.New([]byte("{version: 1, routes: [{path: /stuck, method: GET, handler: stuck, public: true}]}"), handlers,
		framework.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(get("/stuck", nobody))
	deadline := time.Now().Add(time.Second)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	out, err := app.Invoke(ctx, payload)
	if err != nil || !bytes.Contains(out, []byte(`"statusCode":503`)) || !bytes.Contains(out, []byte(`\"code\":\"timeout\"`)) {
		t.Errorf("answer %s, error %v", out, err)
	}
	if ctx.Err() != nil {
		t.Error("the answer came after the deadline")
	}
	if err := <-ended; err != context.DeadlineExceeded {
		t.Errorf("the context ended with %v", err)
	}
}

// Many requests at once see each their own.
func TestConcurrentInvoke(t *testing.T) {
	t.Parallel()
	handlers := framework.Handlers{"echo": func(w http.ResponseWriter, r *http.Request) {
		p, _ := framework.PrincipalFrom(r.Context())
		fmt.Fprintf(w, "%s %s", r.PathValue("id"), p.Subject)
	}}
	app, err := framework.New([]byte("{version: 1, routes: [{path: '/items/{id}', method: GET, handler: echo}]}"), handlers,
		framework.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			id, sub := fmt.Sprint("id", i), fmt.Sprint("sub", i)
			e := httpAPI("GET", "/items/"+id, "GET /items/{id}", params("id", id), bearer(alice(value{"sub": sub})))
			payload, _ := json.Marshal(e)
			out, err := app.Invoke(context.Background(), payload)
			if want := fmt.Sprintf(`"body":"%s %s"`, id, sub); err != nil || !bytes.Contains(out, []byte(want)) {
				t.Errorf("answer %s, error %v, want %s", out, err, want)
			}
		})
	}
	wg.Wait()
	app.Drain()
}

// Requests in a container are waited for, too.
func TestDrainContainer(t *testing.T) {
	t.Parallel()
	started, goOn, drained := make(chan struct{}), make(chan struct{}), make(chan struct{})
	app, err := framework.New([]byte(openManifest), framework.Handlers{
		"open": func(http.ResponseWriter, *http.Request) { close(started); <-goOn },
		"next": http.NotFound,
	}, framework.Options{Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	go app.Handler(framework.HandlerOptions{}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/open", nil))
	<-started
	go func() {
		app.Drain()
		close(drained)
	}()
	select {
	case <-drained:
		t.Error("drained while a request runs")
	case <-time.After(300 * time.Millisecond):
	}
	close(goOn)
	<-drained
}

// An id that is not the gateway's reaches neither the log nor the problem document.
func TestInvokeLongRequestID(t *testing.T) {
	t.Parallel()
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	s.lines(t) // of its start
	const extended, lambda = "JCJmXjUAPHcEP4w=", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
	long := strings.Repeat("secret", 1<<20)
	rest := func(id string) value {
		return value{
			"resource": "/nowhere", "path": "/nowhere", "httpMethod": "GET", "headers": value{}, "multiValueHeaders": value{},
			"requestContext": value{"resourceId": "a1b2c3", "path": "/dev/nowhere", "stage": "dev", "requestId": id, "extendedRequestId": extended, "identity": value{}},
		}
	}
	for _, test := range []struct {
		name, want string
		event      value
	}{
		{"REST API", extended, rest("secret")},
		{"REST API, long", extended, rest(long)},
		{"HTTP API, long", lambda, httpAPI("GET", "/nowhere", "$default", at("requestContext.requestId", long))},
	} {
		out, err := s.app.Invoke(lambdaContext(t), []byte(plain(test.event)))
		if err != nil || !strings.HasPrefix(string(out), `{"statusCode":404,`) || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %.300s, %v", test.name, out, err)
		}
		if lines := s.lines(t); len(lines) != 1 || lines[0]["request_id"] != test.want {
			t.Errorf("%s: the log has %.300v", test.name, lines)
		}
	}
}

func TestInvokeRefusesOtherEvents(t *testing.T) {
	t.Parallel()
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	for _, payload := range []string{``, `null`, `[]`, `{}`, `{"Records":[{"body":"secret"}]}`, `{"type":"REQUEST","routeArn":"secret"}`} {
		out, err := s.app.Invoke(t.Context(), []byte(payload))
		if err == nil || out != nil {
			t.Errorf("%s: answer %q, error %v", payload, out, err)
		}
	}
	if strings.Contains(s.log.String(), "secret") {
		t.Errorf("the log has what it must not have:\n%s", s.log)
	}
}

func TestNewFails(t *testing.T) {
	t.Parallel()
	good := framework.Handlers{"a": func(http.ResponseWriter, *http.Request) {}}
	manifest := "{version: 1, routes: [{path: /a, method: GET, handler: a}]}"
	tests := []struct {
		name, manifest string
		handlers       framework.Handlers
		opts           framework.Options
		want           string
	}{
		{"manifest", "version: 2", good, framework.Options{}, `routes.yaml:1:10: error: "version" must be 1`},
		{"no handlers", manifest, nil, framework.Options{}, `unknown handler "a"`},
		{"nil handler", manifest, framework.Handlers{"a": nil}, framework.Options{}, `handler "a" is nil`},
		{"stage", manifest, good, framework.Options{Stage: "a/b"}, `stage "a/b"`},
		{"groups claim", manifest, good, framework.Options{GroupsClaim: []string{}}, "no key"},
		{"groups claim key", manifest, good, framework.Options{GroupsClaim: []string{"a", ""}}, "empty key"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app, err := framework.New([]byte(test.manifest), test.handlers, test.opts)
			if app != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("app %v, error %v, want %q", app, err, test.want)
			}
		})
	}
}

func TestOptionsFromEnv(t *testing.T) {
	const stage, groups = "AWS_API_GW_STAGE_NAME", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME"
	tests := []struct {
		name, stage, groups string
		want                framework.Options
		wantErr             string
	}{
		{"nothing", "", "", framework.Options{}, ""},
		{"stage", "mvp", "", framework.Options{Stage: "mvp"}, ""},
		{"one claim", "", "https://example.com/groups", framework.Options{GroupsClaim: []string{"https://example.com/groups"}}, ""},
		{"a dotted name is one name", "", "realm_access.roles", framework.Options{GroupsClaim: []string{"realm_access.roles"}}, ""},
		{"nested", "", `["realm_access", "roles"]`, framework.Options{GroupsClaim: []string{"realm_access", "roles"}}, ""},
		{"bad list", "", `["a"`, framework.Options{}, groups + `: "[\"a\"" is not a JSON list of keys`},
		{"list of numbers", "", `[1]`, framework.Options{}, groups},
		{"empty list", "", `[]`, framework.Options{}, groups + ": the groups claim has no key"},
		{"empty key", "", `["a",""]`, framework.Options{}, groups + ": the groups claim has an empty key"},
		{"bad stage", "a/b", "", framework.Options{}, stage + `: stage "a/b"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(stage, test.stage)
			t.Setenv(groups, test.groups)
			t.Setenv("ROUTEGATE_METRICS_NAMESPACE", "")
			got, err := framework.OptionsFromEnv()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (err != nil) != (test.wantErr != "") || err != nil && !strings.HasPrefix(err.Error(), test.wantErr) {
				t.Errorf("error %v, want %q", err, test.wantErr)
			}
		})
	}
}

func TestContextOfNoRequest(t *testing.T) {
	t.Parallel()
	if p, ok := framework.PrincipalFrom(t.Context()); ok {
		t.Errorf("principal %v", p)
	}
	if table, ok := framework.TableFrom(t.Context()); ok {
		t.Errorf("table %v", table)
	}
}
