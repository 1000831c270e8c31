package framework_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/internal/planted"
)

// Secrets are what is planted, and makes what it is planted in.
type secrets struct{ *planted.Secrets }

// secretManifest has routes for each decision and for each way to fail.
const secretManifest = `
version: 1
routes:
  - {path: '/open/{name}', method: POST, handler: ok, name: open, public: true}
  - {path: '/token/{name}', method: POST, handler: ok, name: token}
  - {path: '/signed/{name}', method: POST, handler: ok, name: signed, auth: iam}
  - {path: '/group/{name}', method: POST, handler: ok, name: group, groups: [admin]}
  - {path: '/scope/{name}', method: POST, handler: ok, name: scope, scopes: [users/read]}
  - {path: '/panics/{name}', method: POST, handler: panics, public: true}
  - {path: '/exits/{name}', method: POST, handler: exits, public: true}
  - {path: '/aborts/{name}', method: POST, handler: aborts, public: true}
  - {path: '/bad/{name}', method: POST, handler: bad, public: true}
  - {path: '/large/{name}', method: POST, handler: large, public: true}
  - {path: '/slow/{name}', method: POST, handler: slow, public: true}
`

// secretHandlers give back all that they get: to the client, never to the log.
func secretHandlers(release <-chan struct{}) framework.Handlers {
	echo := func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), r.Header)
		w.Header().Del("Content-Length")
		p, _ := framework.PrincipalFrom(r.Context())
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.URL, p, string(body))
	}
	return framework.Handlers{
		"ok":     echo,
		"panics": func(w http.ResponseWriter, r *http.Request) { echo(w, r); panic("a word of the handler's own") },
		"exits":  func(w http.ResponseWriter, r *http.Request) { echo(w, r); panic(nil) },
		"aborts": func(w http.ResponseWriter, r *http.Request) { echo(w, r); panic(http.ErrAbortHandler) },
		"bad":    func(w http.ResponseWriter, r *http.Request) { maps.Copy(w.Header(), r.Header); w.WriteHeader(42) },
		"large": func(w http.ResponseWriter, r *http.Request) {
			maps.Copy(w.Header(), r.Header)
			for range 7 {
				_, _ = w.Write(bytes.Repeat([]byte(r.URL.RawQuery[:16]), 1<<16))
			}
		},
		"slow": func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			<-release
			echo(w, r)
		},
	}
}

// A watched is an App whose log and metrics are looked through.
type watched struct {
	secrets
	app *framework.App
	out safeBuffer
}

func newWatched(t *testing.T, s secrets) *watched {
	t.Helper()
	w := &watched{secrets: s}
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	app, err := framework.New([]byte(secretManifest), secretHandlers(release), framework.Options{
		Logger:           slog.New(slog.NewJSONHandler(&w.out, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true})),
		MetricsNamespace: "Test", MetricsWriter: &w.out,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.app = app
	return w
}

// claims are those of a token that is full of secrets.
func (s secrets) claims(more value) value {
	c := alice(value{
		"sub": s.Text("sub"), "email": s.Text("email") + "@example.com", "name": "O'" + s.Text("name"), "jti": s.Text("jti"),
		"groups": []string{s.Text("a group"), s.Text("another group")}, "scope": "openid " + s.Text("a scope"), "scp": []string{s.Text("scp")},
		"address": value{"street": s.Text("an address")},
	})
	maps.Copy(c, more)
	return c
}

// A secretEvent is an event of one source for POST /<route>/{name}.
type secretEvent struct {
	source string
	vouch  func(claims value) func(value) // nil: this source has no such authorizer
	sign   func(value)                    // makes it an IAM caller's
	event  func(route string, edits ...func(value)) value
}

// sources makes events that have secrets wherever a client's word can stand.
func (s secrets) sources() []secretEvent {
	name, query, cookie, key := s.Text("a path variable"), s.Text("the query"), s.Text("a cookie"), s.Text("a header")
	headers := func() value {
		return value{
			"host": "api.example.com", "user-agent": s.Text("the user agent"), "x-api-key": key, "content-type": "text/plain; x=" + s.Text("the content type"),
			"x-forwarded-for": s.Text("x-forwarded-for"), "x-forwarded-proto": "https", "referer": "https://example.com/" + s.Text("the referer"),
			"x-amzn-trace-id":  "Root=" + s.Text("the trace header's root") + ";CalledFrom=" + s.Text("the trace header"),
			"x-amzn-oidc-data": s.Text("x-amzn-oidc-data"), "proxy-authorization": "Basic " + s.Text("proxy-authorization"),
		}
	}
	multi := func(single value) value {
		m := value{}
		for k, v := range single {
			m[k] = []any{v}
		}
		return m
	}
	arn := "arn:aws:sts::123456789012:assumed-role/job/" + s.Text("the session's name")
	accessKey, userID := s.Text("the access key"), s.Text("the user's id")
	body := s.Text("the body")
	requestContext := func(path string) value {
		return value{
			"requestId": "id", "stage": "$default", "domainName": "api.example.com", "httpMethod": "POST", "path": path,
			"http":           value{"method": "POST", "path": path, "sourceIp": s.Text("the source's address"), "userAgent": s.Text("the user agent again")},
			"identity":       value{"sourceIp": s.Text("the identity's address"), "userAgent": s.Text("the identity's user agent")},
			"authentication": value{"clientCert": value{"subjectDN": "CN=" + s.Text("a certificate")}},
		}
	}
	v2 := func(domain, routeKey func(route string) string) func(string, ...func(value)) value {
		return func(route string, edits ...func(value)) value {
			path := "/" + route + "/" + name
			e := value{
				"version": "2.0", "routeKey": routeKey(route), "rawPath": path, "rawQueryString": query + "=1&token=" + query, "cookies": []any{"session=" + cookie},
				"headers": headers(), "queryStringParameters": value{query: "1", "token": query}, "pathParameters": value{"name": name},
				"requestContext": requestContext(path), "stageVariables": value{"key": s.Text("a stage variable")}, "body": body, "isBase64Encoded": false,
			}
			at("requestContext.domainName", domain(route))(e)
			return edit(e, edits)
		}
	}
	v1 := func(route string, edits ...func(value)) value {
		path := "/" + route + "/" + name
		h := headers()
		h["Cookie"] = "session=" + cookie
		e := value{
			"version": "1.0", "resource": "/" + route + "/{name}", "path": path, "httpMethod": "POST", "headers": h, "multiValueHeaders": multi(h),
			"queryStringParameters": value{query: "1", "token": query}, "multiValueQueryStringParameters": value{query: []any{"1"}, "token": []any{query}},
			"pathParameters": value{"name": name}, "requestContext": requestContext(path), "body": body, "isBase64Encoded": false,
		}
		at("requestContext.resourceId", "POST /"+route+"/{name}")(e)
		return edit(e, edits)
	}
	same := func(text string) func(string) string { return func(string) string { return text } }
	v1Vouch := func(style apigw.ClaimStyle) func(value) func(value) {
		return func(c value) func(value) {
			return at("requestContext.authorizer", value{"claims": texts(c, style), "scopes": []any{s.Text("an authorizer's scope")}})
		}
	}
	v1Sign := func(e value) {
		identity := e["requestContext"].(value)["identity"].(value)
		maps.Copy(identity, value{"userArn": arn, "caller": userID, "user": userID, "accessKey": accessKey, "cognitoIdentityId": s.Text("an identity")})
	}
	v2Sign := at("requestContext.authorizer", value{"iam": value{"accessKey": accessKey, "callerId": userID, "userArn": arn, "userId": userID,
		"cognitoIdentity": value{"identityId": s.Text("a cognito identity"), "amr": []any{s.Text("amr")}}}})
	return []secretEvent{
		{"HTTP API", vouched, v2Sign, v2(same("api.example.com"), func(route string) string { return "POST /" + route + "/{name}" })},
		{"Function URL", nil, v2Sign, v2(same("abc.lambda-url.eu-west-1.on.aws"), same("$default"))},
		{"HTTP API 1.0", v1Vouch(apigw.HTTPAPIClaims), v1Sign, v1},
		{"REST API", v1Vouch(apigw.CognitoRESTClaims), v1Sign, func(route string, edits ...func(value)) value {
			e := v1(route, func(e value) { delete(e, "version") }, at("requestContext.resourceId", "a1b2c3"))
			return edit(e, edits)
		}},
		{"load balancer", nil, nil, func(route string, edits ...func(value)) value {
			h := headers()
			h["cookie"] = "session=" + cookie
			return edit(value{
				"requestContext": value{"elb": value{"targetGroupArn": "arn"}}, "httpMethod": "POST", "path": "/" + route + "/" + name,
				"headers": h, "queryStringParameters": value{query: "1", "token": query}, "body": body, "isBase64Encoded": false,
			}, edits)
		}},
	}
}

// invoke has an event answered, and looks for secrets in what was logged, in the
// error, which Lambda logs, and in an answer that no handler gave.
func (w *watched) invoke(t *testing.T, ctx context.Context, payload []byte) (status int, code string, err error) {
	t.Helper()
	w.out.reset()
	out, err := w.app.Invoke(ctx, payload)
	if found := w.In(w.out.String()); found != nil {
		t.Errorf("the log has %q:\n%s", found, &w.out)
	}
	if err != nil {
		if found := w.In(err.Error()); found != nil {
			t.Errorf("the error has %q: %v", found, err)
		}
		return 0, "", err
	}
	var answer struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("answer %s: %v", out, err)
	}
	var problem struct{ Code string }
	if json.Unmarshal([]byte(answer.Body), &problem) == nil && problem.Code != "" {
		if found := w.In(string(out)); found != nil {
			t.Errorf("the problem has %q: %s", found, out)
		}
	}
	return answer.StatusCode, problem.Code, nil
}

// Nothing that is somebody's reaches the log, the metrics, an error or a problem,
// whatever source an event has and whatever becomes of it. The exceptions, which
// no client can use, are what a handler panics with, and the names of keys in an event
// that is not understood.
func TestSecretsOfEvents(t *testing.T) {
	t.Parallel()
	s := secrets{planted.New()}
	w := newWatched(t, s)
	claims := s.claims(nil)
	shown := func(c value) func(value) { return header("authorization", "Bearer "+token(c)) }
	encoded := func(e value) { e["body"], e["isBase64Encoded"] = "%"+e["body"].(string), true }
	for _, src := range s.sources() {
		lambda := at("requestContext.authorizer", value{"lambda": s.claims(nil), "principalId": s.Text("the principal's id")})
		type row struct {
			name, route string
			edits       []func(value)
			status      int
			code        string
		}
		rows := []row{
			{"allowed", "open", []func(value){shown(claims)}, 200, ""},
			{"a trace that AWS could have made", "open", []func(value){header("x-amzn-trace-id", "Self="+s.Text("the trace's self")+";Root=1-6a5145a9-1bae89e2512ec92d5d9438a0;CalledFrom="+s.Text("the trace's caller"))}, 200, ""},
			{"no route", "nowhere", nil, 404, "no_route"},
			{"nobody", "token", nil, 401, "no_principal"},
			{"a token that nobody verified", "group", []func(value){shown(claims)}, 401, "no_principal"},
			{"a password", "token", []func(value){header("authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("alice:"+s.Text("a password"))))}, 401, "no_principal"},
			{"a Lambda authorizer", "token", []func(value){lambda}, 401, "no_principal"},
			{"a body that is not base64", "open", []func(value){encoded}, 400, "bad_request"},
			{"a panic", "panics", nil, 500, "internal_error"},
			{"the end of the goroutine", "exits", nil, 500, "internal_error"},
			{"an abort", "aborts", nil, 500, "internal_error"},
			{"a bad status", "bad", nil, 500, "internal_error"},
			{"too large", "large", nil, 500, "response_too_large"},
			{"too slow", "slow", nil, 503, "timeout"},
		}
		if src.event("x")["routeKey"] == "POST /x/{name}" || src.event("x")["resource"] != nil { // the gateway chooses
			elsewhere := func(e value) {
				for _, key := range []string{"rawPath", "path"} {
					if e[key] != nil {
						e[key] = "/token/" + s.Text("another path")
					}
				}
				at("requestContext.path", "/token/"+s.Text("another path"))(e)
			}
			rows = append(rows, row{"another path", "open", []func(value){elsewhere}, 403, "route_mismatch"})
		}
		if src.vouch != nil {
			in := src.vouch(claims)
			rows = append(rows,
				row{"a token", "token", []func(value){in, shown(claims)}, 200, ""},
				row{"text", "token", []func(value){in}, 200, ""},
				row{"another token", "token", []func(value){in, shown(s.claims(nil))}, 401, "token_mismatch"},
				row{"no token", "token", []func(value){in, header("authorization", "Bearer "+s.Text("an opaque token"))}, 401, "token_mismatch"},
				row{"a token of which a part is no base64", "token", []func(value){in, header("authorization", "Bearer a.!"+s.Text("a broken token")+".c")}, 401, "token_mismatch"},
				row{"a token that is no JSON", "token", []func(value){in, header("authorization", "Bearer "+rawToken(`{"sub":`+s.Text("broken JSON")))}, 401, "token_mismatch"},
				row{"a token that says it twice", "token", []func(value){in, header("authorization", "Bearer "+rawToken(`{"sub":"`+s.Text("once")+`","sub":"`+s.Text("twice")+`"}`))}, 401, "token_mismatch"},
				row{"another proof", "signed", []func(value){in, shown(claims)}, 401, "wrong_auth"},
				row{"no group", "group", []func(value){in, shown(claims)}, 403, "missing_group"},
				row{"no scope", "scope", []func(value){in, shown(claims)}, 403, "missing_scope"},
				row{"a panic, with a token", "panics", []func(value){in, shown(claims)}, 500, "internal_error"},
				row{"too large, with a token", "large", []func(value){in, shown(claims)}, 500, "response_too_large"},
				row{"too slow, with a token", "slow", []func(value){in, shown(claims)}, 503, "timeout"},
				row{"no group, by text", "group", []func(value){in}, 403, "missing_group"},
			)
		}
		if src.sign != nil {
			rows = append(rows, row{"signed", "signed", []func(value){src.sign}, 200, ""}, row{"signed elsewhere", "token", []func(value){src.sign}, 401, "wrong_auth"})
		}
		for _, r := range rows {
			t.Run(src.source+"/"+r.name, func(t *testing.T) {
				ctx := t.Context()
				if r.route == "slow" {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
					defer cancel()
				}
				payload, err := json.Marshal(src.event(r.route, r.edits...))
				if err != nil {
					t.Fatal(err)
				}
				status, code, err := w.invoke(t, ctx, payload)
				if status != r.status || code != r.code || err != nil {
					t.Errorf("%d %q, error %v; want %d %q", status, code, err, r.status, r.code)
				}
				lines := w.out.String()
				if !strings.Contains(lines, `"msg":"request"`) || !strings.Contains(lines, `"Decision":`) {
					t.Errorf("the log has no line of the request, or no metrics:\n%s", lines)
				}
			})
		}
	}
}

// logged is what the log has of an event, or tells of it: the method, which is the
// client's, and the gateway's own words for the request and the route.
var logged = map[string]bool{
	"[requestContext http method]": true, "[httpMethod]": true, "[requestContext requestId]": true,
	"[routeKey]": true, "[resource]": true, "[requestContext resourceId]": true,
}

// Events that are broken in every place, one at a time: left out, of another type,
// twice, cut off.
func TestSecretsOfBrokenEvents(t *testing.T) {
	t.Parallel()
	s := secrets{planted.New()}
	w := newWatched(t, s)
	claims := s.claims(nil)
	understood, not := 0, 0
	try := func(t *testing.T, payload []byte) {
		t.Helper()
		if _, _, err := w.invoke(t, t.Context(), payload); err == nil {
			understood++
		} else if not++; !strings.Contains(w.out.String(), "event not understood") {
			t.Errorf("the log does not say so: %s", &w.out)
		}
	}
	for _, src := range s.sources() {
		t.Run(src.source, func(t *testing.T) {
			vouch := src.vouch
			if vouch == nil {
				vouch = vouched
			}
			whole, err := json.Marshal(src.event("token", vouch(claims), header("authorization", "Bearer "+token(claims))))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(whole); i += 7 {
				try(t, whole[:i])
				try(t, slices.Concat(whole[:i], []byte("\x00"), whole[i:]))
			}
			var places [][]any
			walk(decoded(t, whole), nil, func(path []any) { places = append(places, slices.Clone(path)) })
			for _, path := range places {
				if at := fmt.Sprint(path); logged[at] || s.In(at) != nil { // a key is the gateway's, but for a query's
					continue
				}
				for _, with := range []any{nil, 7, true, []any{}, []any{s.Text("an item")}, value{}, value{"x": s.Text("a member")}, s.Text("a text"), " /" + s.Text("a path")} {
					e := decoded(t, whole)
					put(e, path, with)
					payload, err := json.Marshal(e)
					if err != nil {
						t.Fatal(err)
					}
					if string(payload) == "null" {
						continue
					}
					try(t, payload)
				}
				// The key twice, where it is one.
				if key, ok := path[len(path)-1].(string); ok {
					name, _ := json.Marshal(key)
					text := append(slices.Clone(name), ':')
					try(t, bytes.Replace(whole, text, slices.Concat(text, []byte(`"`+s.Text("the first")+`",`), text), 1))
				}
			}
		})
	}
	for _, payload := range []string{
		`"%s"`, `["%s"]`, `{"Records":[{"body":"%s"}]}`, `{"type":"REQUEST","authorizationToken":"%s"}`, `{"type":"TOKEN","authorizationToken":"%s"}`,
		`{"requestContext":{"connectionId":"%s"}}`, `{"detail-type":"Other","detail":{"a":"%s"}}`, `{"version":"%s"}`, `{"warmer":"%s"}`,
		`{"version":"2.0","requestContext":{"http":{"method":"GET /%s"}},"rawPath":"/"}`,
	} {
		try(t, fmt.Appendf(nil, payload, s.Text("another event")))
	}
	if understood < 100 || not < 1000 {
		t.Errorf("%d events were understood, %d were not: are they broken in the right way?", understood, not)
	}
}

// What keeps a function warm says nothing of itself.
func TestSecretsOfWarmUps(t *testing.T) {
	t.Parallel()
	w := newWatched(t, secrets{planted.New()})
	for _, payload := range []string{
		`{"warmer":true,"token":"%s"}`, `{"warmer":true,"concurrency":"%s"}`, `{"warmer":true,"concurrency":3,"source":"%[1]s","x":"%[1]s"}`,
		`{"detail-type":"Scheduled Event","source":"aws.events","account":"%s","detail":{"x":"%[1]s"},"resources":["%[1]s"]}`,
		`{"detail-type":"Scheduled Event","source":"aws.scheduler","id":"%s"}`,
	} {
		if _, _, err := w.invoke(t, t.Context(), fmt.Appendf(nil, payload, w.Text("a warm-up"))); err != nil || !strings.Contains(w.out.String(), "warm-up") {
			t.Errorf("%s: %v, log %s", payload, err, &w.out)
		}
	}
}

// A panic's value is the handler's own word, and logged: nobody could find the
// fault without it. What it holds is the handler's responsibility.
func TestSecretsOfPanicsAreTheHandlers(t *testing.T) {
	t.Parallel()
	s := secrets{planted.New()}
	secret := s.Text("the handler's word")
	var log safeBuffer
	app, err := framework.New([]byte("{version: 1, routes: [{path: /x, method: GET, handler: x, public: true}]}"),
		framework.Handlers{"x": func(http.ResponseWriter, *http.Request) { panic(secret) }}, framework.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(get("/x", nobody))
	out, err := app.Invoke(t.Context(), payload)
	if err != nil || s.In(string(out)) != nil {
		t.Errorf("answer %s, error %v", out, err)
	}
	if s.In(log.String()) == nil {
		t.Errorf("the log does not have it:\n%s", &log)
	}
}

// The same in a container, where tokens are checked, by all that a client sends.
func TestSecretsOfContainer(t *testing.T) {
	t.Parallel()
	s := secrets{planted.New()}
	good, odd, odder := s.Text("a good token"), s.Text("a token with an odd claim"), s.Text("a token with a claim twice")
	tokens := map[string]any{
		good: s.claims(nil),
		// What Verify should not return.
		odd:   `{"n":` + s.Text("no number") + `}`,
		odder: fmt.Sprintf(`{"n":{%q:1,%[1]q:2}}`, s.Text("a key")),
	}
	var metrics safeBuffer
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	url, log := newContainer(t, secretManifest, secretHandlers(release), framework.Options{MetricsNamespace: "Test", MetricsWriter: &metrics},
		framework.HandlerOptions{Verify: verifyKnown(tokens), MaxBody: 1000, Timeout: 2 * time.Second})
	tests := []struct {
		name, route, token string
		status             int
		code               string
	}{
		{"allowed", "open", good, 200, ""},
		{"a token", "token", good, 200, ""},
		{"nobody", "token", "", 401, "no_principal"},
		{"a bad token", "token", s.Text("a bad token"), 401, "no_principal"},
		{"an odd claim", "token", odd, 401, "no_principal"},
		{"a claim twice", "token", odder, 401, "no_principal"},
		{"signed", "signed", good, 401, "no_principal"},
		{"group", "group", good, 403, "missing_group"},
		{"scope", "scope", good, 403, "missing_scope"},
		{"no route", "nowhere", good, 404, "no_route"},
		{"a bad status", "bad", good, 500, "internal_error"},
		{"a long body", "open", good, 413, "request_too_large"},
		{"too slow", "slow", good, 503, "timeout"},
	}
	for n, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := s.Text("the body")
			if test.name == "a long body" {
				body = strings.Repeat(body, 100)
			}
			headers := []string{
				"Cookie", "session=" + s.Text("a cookie"), "X-Api-Key", s.Text("a header"), "User-Agent", s.Text("the user agent"), "X-Request-Id", s.Text("x-request-id"),
				"X-Forwarded-For", s.Text("x-forwarded-for"), "X-Amzn-Trace-Id", "Root=" + s.Text("the trace header"), "Referer", "https://example.com/" + s.Text("the referer"),
			}
			if test.token != "" {
				headers = append(headers, "Authorization", "Bearer "+test.token)
			}
			resp, answer := send(t, "POST", url+"/"+test.route+"/"+s.Text("a path variable")+"?token="+s.Text("the query"), strings.NewReader(body), headers...)
			if got := code(t, resp, answer); resp.StatusCode != test.status || got != test.code {
				t.Errorf("%d %q, want %d %q", resp.StatusCode, got, test.status, test.code)
			}
			if found := s.In(answer + fmt.Sprint(resp.Header)); test.code != "" && found != nil {
				t.Errorf("the problem has %q: %s %v", found, answer, resp.Header)
			}
			log.line(t, "request", n+1)
			if found := s.In(log.String() + metrics.String()); found != nil {
				t.Errorf("the log has %q:\n%s%s", found, log, &metrics)
			}
		})
	}
	if strings.Count(metrics.String(), "\n") != len(tests) {
		t.Errorf("%d requests, and the metrics are\n%s", len(tests), &metrics)
	}
}

func (b *safeBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Reset()
}

func decoded(t *testing.T, payload []byte) value {
	t.Helper()
	var e value
	if err := json.Unmarshal(payload, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// walk tells each place in a value, as keys and indexes.
func walk(v any, path []any, f func(path []any)) {
	if len(path) > 0 {
		f(path)
	}
	switch v := v.(type) {
	case value:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			walk(v[key], append(path, key), f)
		}
	case []any:
		for i := range v {
			walk(v[i], append(path, i), f)
		}
	}
}

// put puts something in a place, and takes away what is there for nil.
func put(v any, path []any, with any) {
	switch at := path[0].(type) {
	case string:
		m := v.(value)
		switch {
		case len(path) > 1:
			put(m[at], path[1:], with)
		case with == nil:
			delete(m, at)
		default:
			m[at] = with
		}
	case int:
		l := v.([]any)
		if len(path) > 1 {
			put(l[at], path[1:], with)
		} else {
			l[at] = with
		}
	}
}
