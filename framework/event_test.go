package framework_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
)

// A value is JSON, written the way it is read: value{"key": …}.
type value = map[string]any

// httpAPI is an event of an HTTP API, payload 2.0, for a route that the gateway
// chose. Edits change it.
func httpAPI(method, path, routeKey string, edits ...func(value)) value {
	e := value{
		"version":        "2.0",
		"routeKey":       routeKey,
		"rawPath":        path,
		"rawQueryString": "",
		"headers": value{
			"host": "abcdefghij.execute-api.eu-west-1.amazonaws.com", "user-agent": "curl/8.7.1",
			"x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https",
		},
		"requestContext": value{
			"accountId": "123456789012", "apiId": "abcdefghij",
			"domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com", "domainPrefix": "abcdefghij",
			"http":      value{"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "curl/8.7.1"},
			"requestId": "ATfSdF7nPHcErRA=", "routeKey": routeKey, "stage": "$default",
			"time": "10/Jul/2026:19:19:04 +0000", "timeEpoch": 1783711144000,
		},
		"isBase64Encoded": false,
	}
	return edit(e, edits)
}

func edit(e value, edits []func(value)) value {
	for _, f := range edits {
		f(e)
	}
	return e
}

// at sets what stands at a path of keys: at("a.b", 1) is e["a"]["b"] = 1.
func at(path string, v any) func(value) {
	return func(e value) {
		keys := strings.Split(path, ".")
		for _, key := range keys[:len(keys)-1] {
			next, ok := e[key].(value)
			if !ok {
				next = value{}
				e[key] = next
			}
			e = next
		}
		e[keys[len(keys)-1]] = v
	}
}

func params(pairs ...string) func(value) {
	p := value{}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = pairs[i+1]
	}
	return at("pathParameters", p)
}

func header(name, v string) func(value) {
	return func(e value) { e["headers"].(value)[name] = v }
}

// alice are the claims of a token in which nothing is special.
func alice(more value) value {
	claims := value{"iss": "https://issuer.example.com/", "sub": "alice", "exp": 1900000000, "aud": "routegate"}
	maps.Copy(claims, more)
	return claims
}

// token is a JWT with these claims. Its signature was verified by the gateway,
// so here it can be anything.
func token(claims any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return rawToken(string(payload))
}

func rawToken(payload string) string {
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + enc.EncodeToString([]byte(payload)) + "." + signature
}

// signature is one of nobody's. .ci/run plants another, and looks for it in all
// that the tests write.
var signature = base64.RawURLEncoding.EncodeToString([]byte(cmp.Or(os.Getenv("ROUTEGATE_PLANTED_SECRET"), "signature")))

// vouched makes the gateway vouch for the claims, as text, the way it does.
func vouched(claims value) func(value) {
	return at("requestContext.authorizer", value{"jwt": value{"claims": texts(claims, apigw.HTTPAPIClaims), "scopes": nil}})
}

func texts(claims value, style apigw.ClaimStyle) value {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	var typed value
	if err := dec.Decode(&typed); err != nil {
		panic(err)
	}
	t := value{}
	for name, v := range typed {
		if s, ok := style.Text(name, v); ok {
			t[name] = s
		}
	}
	return t
}

// bearer is a caller whose verified token is in the Authorization header.
func bearer(claims value) func(value) {
	return func(e value) {
		vouched(claims)(e)
		header("authorization", "Bearer "+token(claims))(e)
	}
}

// A service is an App whose handlers tell what reached them.
type service struct {
	app *framework.App
	log *bytes.Buffer
	ran string // the handler that ran last
	got *http.Request
}

func newService(t testing.TB, manifest string, opts framework.Options, names ...string) *service {
	t.Helper()
	s := &service{log: new(bytes.Buffer)}
	handlers := framework.Handlers{}
	for _, name := range names {
		handlers[name] = func(w http.ResponseWriter, r *http.Request) {
			s.ran, s.got = name, r
			w.WriteHeader(http.StatusOK)
		}
	}
	opts.Logger = slog.New(slog.NewJSONHandler(s.log, nil))
	app, err := framework.New([]byte(manifest), handlers, opts)
	if err != nil {
		t.Fatal(err)
	}
	s.app = app
	return s
}

// An outcome is what a client sees of a decision: the status, and the code of
// the problem document if there is one.
type outcome struct {
	Status int
	Code   string
	Ran    string // the handler that ran, "" for none
}

func (s *service) invoke(t testing.TB, e value) outcome {
	t.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	s.ran, s.got = "", nil
	out, err := s.app.Invoke(context.Background(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		StatusCode        int
		Headers           map[string]string
		MultiValueHeaders map[string][]string
		Body              string
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("answer %s: %v", out, err)
	}
	contentType := answer.Headers["Content-Type"]
	if v := answer.MultiValueHeaders["Content-Type"]; len(v) > 0 {
		contentType = v[0]
	}
	return s.outcome(t, answer.StatusCode, contentType, answer.Body)
}

// serve is invoke for a request to the container.
func (s *service) serve(t testing.TB, r *http.Request, verify func(context.Context, string) (string, error)) outcome {
	t.Helper()
	s.ran, s.got = "", nil
	w := httptest.NewRecorder()
	s.app.Handler(framework.HandlerOptions{Verify: verify}).ServeHTTP(w, r)
	return s.outcome(t, w.Code, w.Header().Get("Content-Type"), w.Body.String())
}

func (s *service) outcome(t testing.TB, status int, contentType, body string) outcome {
	t.Helper()
	o := outcome{Status: status, Ran: s.ran}
	if contentType != "application/problem+json" || body == "" { // HEAD has none
		return o
	}
	var p struct {
		Type, Title, Detail, Code string
		Status                    int
		RequestID                 string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("problem %s: %v", body, err)
	}
	if p.Type != "about:blank" || p.Title != http.StatusText(o.Status) || p.Status != o.Status || p.Detail == "" || p.Code == "" {
		t.Errorf("problem is not whole: %s", body)
	}
	o.Code = p.Code
	return o
}

// lines returns the log's lines since the last call.
func (s *service) lines(t testing.TB) []value {
	t.Helper()
	var lines []value
	for line := range strings.Lines(s.log.String()) {
		var v value
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		lines = append(lines, v)
	}
	s.log.Reset()
	return lines
}

func ran(handler string) outcome { return outcome{Status: 200, Ran: handler} }

func refused(status int, code string) outcome { return outcome{Status: status, Code: code} }

// answerParts returns the parts of a response in payload format 2.0 whose body is text.
func answerParts(t testing.TB, out []byte) (status int, headers map[string]string, body string) {
	t.Helper()
	var answer struct {
		StatusCode      int
		Headers         map[string]string
		Body            string
		IsBase64Encoded bool
	}
	if err := json.Unmarshal(out, &answer); err != nil || answer.IsBase64Encoded {
		t.Fatalf("answer %.300s: %v", out, err)
	}
	return answer.StatusCode, answer.Headers, answer.Body
}
