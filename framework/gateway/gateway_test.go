package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/route"
)

// Answers that the gateway makes itself, to the byte. "capture": captures of live
// traffic, "tool": AWS's own test tool, "choice": not known of AWS.
//
// The number in front of a row is the section of the project's collection of
// facts about API Gateway that it comes from.
func TestGatewayAnswers(t *testing.T) {
	t.Parallel()
	fails := functionFunc(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("exit status 1") })
	panics := functionFunc(func(context.Context, []byte) ([]byte, error) { panic("oops") })
	tests := []struct {
		source  string
		f       Function
		opts    Options
		request string
		want    string
		about   string
	}{
		{"2.2 capture: no route", says(""), Options{}, request("GET /nowhere"), gatewaySays(404, "Not Found"), "no route"},
		{"2.2 capture: wrong method", says(""), Options{}, request("PUT /x"), gatewaySays(404, "Not Found"), "no route"},
		{"2.2 capture: HEAD, GET exists", says(""), Options{}, request("HEAD /x"), strings.TrimSuffix(gatewaySays(404, "Not Found"), `{"message":"Not Found"}`), "no route"},
		{"2.2 routes: no such stage", says(""), Options{Stage: "dev"}, request("GET /x"), gatewaySays(404, "Not Found"), "stage dev"},
		{"11 choice: strict slash", says(""), Options{StrictSlash: true}, request("GET /x/"), gatewaySays(404, "Not Found"), "no route"},
		{"2.2 capture: the function fails", fails, Options{}, request("GET /x"), gatewaySays(500, "Internal Server Error"), "exit status 1"},
		{"2.2 capture: it panics", panics, Options{}, request("GET /x"), gatewaySays(500, "Internal Server Error"), "oops"},
		{"2.2 no function", nil, Options{}, request("GET /x"), gatewaySays(500, "Internal Server Error"), "there is none"},
	}
	for _, test := range tests {
		l := serve(t, newTable(t, "GET /x public"), test.f, test.opts)
		got, x := l.send(t, test.request)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.source, diff)
		}
		if !strings.Contains(x.Refusal, test.about) || x.By != "gateway" {
			t.Errorf("%s: by %s, refusal %q, want %q in it", test.source, x.By, x.Refusal, test.about)
		}
	}
}

// Source: "Quotas": request line and header values have 10,240 bytes together.
func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	l := serve(t, newTable(t, "GET /x public"), says(`{"statusCode":200}`), Options{})
	fixed := len("GET /x HTTP/1.1") + len("api.example.com") + len("close")
	_, x := l.send(t, request("GET /x", "X-A: "+strings.Repeat("a", 5000), "X-B: "+strings.Repeat("b", maxHeader-5000-fixed)))
	if x.Status != 200 {
		t.Errorf("at the limit: %d %s", x.Status, x.Refusal)
	}
	got, x := l.send(t, request("GET /x", "X-A: "+strings.Repeat("a", 5000), "X-B: "+strings.Repeat("b", maxHeader-5000-fixed+1)))
	if got != gatewaySays(431, "Request Header Fields Too Large") || !strings.Contains(x.Refusal, "10241 bytes") || !strings.Contains(strings.Join(x.Warnings, ""), "guess") {
		t.Errorf("over the limit: %q, refusal %q, warnings %q", got, x.Refusal, x.Warnings)
	}
	if _, x = l.send(t, request("GET /x?"+strings.Repeat("a", maxHeader))); x.Status != 431 {
		t.Errorf("a long query: %d", x.Status)
	}
}

// Source: "Amazon API Gateway quotas", 2.2: a very long path, 414. It is not refused
// here: the page speaks of methods, and the ARN's other parts are invented.
func TestLongPath(t *testing.T) {
	t.Parallel()
	l := serve(t, newTable(t, "GET /{x}", "GET /public/{x} public"), says(`{"statusCode":200}`), Options{})
	for _, test := range []struct {
		path   string
		status int
		warned bool
	}{
		{"/" + strings.Repeat("a", longPath-1), 401, false},
		{"/" + strings.Repeat("a", longPath), 401, true},
		{"/public/" + strings.Repeat("a", longPath), 200, false},
	} {
		_, x := l.send(t, request("GET "+test.path))
		if warned := strings.Contains(strings.Join(x.Warnings, ""), "414"); x.Status != test.status || warned != test.warned {
			t.Errorf("a path of %d bytes: %d %s, warnings %q", len(test.path), x.Status, x.Refusal, x.Warnings)
		}
	}
}

// endless is a body that says how much of it was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

// Sources: "Quotas" (10 MB), Lambda quotas (6 MB, and base64 counts), AWS's own
// test tool for the bytes.
func TestPayloadLimits(t *testing.T) {
	t.Parallel()
	var called bool
	var last Exchange
	f := functionFunc(func(context.Context, []byte) ([]byte, error) { called = true; return []byte(`{"statusCode":200}`), nil })
	g := New(newTable(t, "POST /x public"), f, Options{Observe: func(x Exchange) { last = x }})
	tests := []struct {
		name, contentType string
		size              int // -1: endless
		announced         int64
		status            int
	}{
		{"4 MB of bytes", "application/octet-stream", 4 << 20, 4 << 20, 200},
		{"5 MB of bytes, in base64 7", "application/octet-stream", 5 << 20, 5 << 20, 413},
		{"5 MB of text", "text/plain", 5 << 20, 5 << 20, 200},
		{"6 MB of text, with the event around it", "text/plain", 6 << 20, 6 << 20, 413},
		{"11 MB announced", "text/plain", -1, 11 << 20, 413},
		{"endless, in chunks", "text/plain", -1, -1, 413},
	}
	for _, test := range tests {
		called = false
		stream := &endless{}
		var body io.Reader = stream
		if test.size >= 0 {
			body = strings.NewReader(strings.Repeat("a", test.size))
		}
		r := httptest.NewRequest("POST", "/x", body)
		r.ContentLength = test.announced
		r.Header.Set("Content-Type", test.contentType)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != test.status || called != (test.status == 200) || called != (last.Event != nil) {
			t.Errorf("%s: %d, function called: %v, want %d", test.name, w.Code, called, test.status)
		}
		if test.status == 413 && w.Body.String() != `{"message":"Request Entity Too Large"}` {
			t.Errorf("%s: body %q", test.name, w.Body)
		}
		if stream.read > maxBody+1<<20 || test.announced > maxBody && stream.read > 0 {
			t.Errorf("%s: %d bytes were read", test.name, stream.read)
		}
	}
}

// Sources: "Quotas" (30 s at most), captures of live traffic (503 and its body).
func TestIntegrationTimeout(t *testing.T) {
	t.Parallel()
	release, ended := make(chan struct{}), make(chan error, 1)
	f := functionFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		<-release
		ended <- ctx.Err()
		return []byte(`{"statusCode":200}`), nil
	})
	l := serve(t, newTable(t, "GET /x public"), f, Options{Timeout: time.Millisecond})
	got, x := l.send(t, request("GET /x"))
	if got != gatewaySays(503, "Service Unavailable") || !strings.Contains(x.Refusal, "did not answer within 1ms") || x.Event == nil || x.Answer != nil {
		t.Errorf("got %q, refusal %q", got, x.Refusal)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Errorf("the function was stopped: %v", err)
	}
	for in, want := range map[time.Duration]time.Duration{0: maxTimeout, -1: maxTimeout, time.Hour: maxTimeout, time.Second: time.Second} {
		if got := New(nil, f, Options{Timeout: in}).opts.Timeout; got != want {
			t.Errorf("timeout %v became %v, want %v", in, got, want)
		}
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	token := sign(t, jose.RS256, testKeys()[0], "key-0", iss.claims(c).with(claims{"realm_access": map[string]any{"roles": []string{"a"}}, "flat": []string{"a"}}))
	l := serve(t, newTable(t, "GET /f/{p+}"), says(`{"statusCode":404,"body":"mine"}`), Options{Authorizer: iss.authorizer(t, c), Stage: "dev"})
	answer, x := l.send(t, request("GET /dev/f/?a=%20b", "Authorization: bearer "+token))
	if !strings.HasPrefix(answer, "HTTP/1.1 404 ") {
		t.Errorf("got %s", answer)
	}
	e, err := apigw.Decode(x.Event)
	if err != nil {
		t.Fatal(err)
	}
	if e.RequestID != x.ID || x.Duration <= 0 || x.Start.IsZero() {
		t.Errorf("request id %q in the event, %+v", e.RequestID, x)
	}
	want := Exchange{
		ID: x.ID, Start: x.Start, Duration: x.Duration, Method: "GET", Path: "/dev/f/", Query: "a=%20b", Status: 404, Route: x.Route, By: "function",
		Event: x.Event, Answer: []byte(`{"statusCode":404,"body":"mine"}`),
		Warnings: []string{
			`the greedy variable of "GET /f/{p+}" takes nothing here: whether AWS does this is not documented`,
			`the scheme is written "bearer": whether AWS takes anything but "Bearer" is not known`,
			`the claim "realm_access" is nested: AWS hands it on as text that cannot be read back`,
		},
	}
	if diff := cmp.Diff(want, x, cmp.Comparer(func(a, b *route.Route) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if x.Route.Key() != "GET /f/{p+}" {
		t.Errorf("route %v", x.Route.Key())
	}
}

// The table may change at any time; a request has the one or the other.
func TestSetTable(t *testing.T) {
	t.Parallel()
	tables := []*route.Table{newTable(t, "GET /a public"), newTable(t, "GET /b public")}
	g := New(tables[0], says(`{"statusCode":200}`), Options{})
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				g.SetTable(tables[i%2])
			}
		}
	})
	for range 500 {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest("GET", "/a", nil))
		if w.Code != 200 && w.Code != 404 {
			t.Fatalf("status %d", w.Code)
		}
	}
	close(stop)
	swapping.Wait()
	g.SetTable(tables[1])
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest("GET", "/b", nil))
	if w.Code != 200 {
		t.Errorf("status %d from the table that was set", w.Code)
	}
}

// What a client sends is what a handler sees, through both payload formats, with
// and without a stage, and whether or not the body is encoded; and likewise back.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	routes := []string{"POST /v1/{kind}/items/{id} groups:ADMINS scopes:users/read", "GET /open public"}
	table := newTable(t, routes...)
	token := sign(t, jose.RS256, testKeys()[0], "key-0", iss.claims(c).with(claims{"groups": []string{"ADMINS", "staff admin"}}))
	image := append([]byte{0xff, 0xd8, 0}, bytes.Repeat([]byte("x"), 3000)...)
	for _, stage := range []string{"", "mvp"} {
		for _, v1 := range []bool{false, true} {
			for _, encode := range []bool{false, true} {
				t.Run(fmt.Sprintf("stage %q, 1.0: %v, base64: %v", stage, v1, encode), func(t *testing.T) {
					t.Parallel()
					var got map[string]any
					handler := func(w http.ResponseWriter, r *http.Request) {
						body, err := io.ReadAll(r.Body)
						if err != nil {
							t.Error(err)
						}
						p, _ := framework.PrincipalFrom(r.Context())
						cookie, err := r.Cookie("b")
						if err != nil {
							t.Error(err)
							return
						}
						got = map[string]any{
							"path": r.URL.Path, "kind": r.PathValue("kind"), "id": r.PathValue("id"), "query": r.URL.Query(), "body": string(body),
							"cookie": cookie.Value, "list": strings.Join(r.Header["X-List"], ","), "host": r.Host, "auth": r.Header.Get("Authorization"),
							"hop": r.Header.Get("X-Hop"), "groups": p.Groups, "subject": p.Subject, "from": r.RemoteAddr, "pattern": r.Pattern,
						}
						http.SetCookie(w, &http.Cookie{Name: "one", Value: "1"})
						http.SetCookie(w, &http.Cookie{Name: "two", Value: "2"})
						w.Header().Set("Content-Type", "image/jpeg")
						w.WriteHeader(http.StatusCreated)
						_, _ = w.Write(image)
					}
					app, err := framework.New(manifestOf(routes), framework.Handlers{"h0": handler, "h1": handler},
						framework.Options{Stage: stage, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
					if err != nil {
						t.Fatal(err)
					}
					l := serve(t, table, app, Options{Authorizer: iss.authorizer(t, c), Stage: stage, PayloadV1: v1, Base64: encode, CORS: openCORS()})
					prefix := ""
					if stage != "" {
						prefix = "/" + stage
					}
					answer, x := l.send(t, "POST "+prefix+"/v1/gr%C3%B6%C3%9Fe%20l/items/a%2Fb%252Fc?q=a%20b&q=c%2Cd&empty= HTTP/1.1\n"+
						"Host: localhost:8080\nAuthorization: Bearer "+token+"\nCookie: a=1; b=2, 3\nX-List: one, two\nX-List: three\n"+
						"Connection: X-Hop, Authorization\nX-Hop: 1\nContent-Type: application/json\nContent-Length: 12\n\n{\"a\":\"\xc3\xa9<&\"}")
					want := map[string]any{
						"path": "/v1/größe l/items/a/b%2Fc", "kind": "größe l", "id": "a/b%2Fc", "query": url.Values{"q": {"a b", "c,d"}, "empty": {""}},
						"body": "{\"a\":\"é<&\"}", "cookie": "2, 3", "list": "one, two,three", "host": "localhost:8080", "auth": "Bearer " + token, "hop": "",
						"groups": []string{"ADMINS", "staff admin"}, "subject": "alice", "from": "127.0.0.1:0", "pattern": "POST /v1/{kind}/items/{id}",
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s\n(-want +got):\n%s", x.Refusal, diff)
					}
					resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
					if err != nil {
						t.Fatal(err)
					}
					body, err := io.ReadAll(resp.Body)
					if err != nil {
						t.Fatal(err)
					}
					if resp.StatusCode != 201 || !bytes.Equal(body, image) || !slices.Equal(resp.Header["Set-Cookie"], []string{"one=1", "two=2"}) || resp.Header.Get("Content-Type") != "image/jpeg" {
						t.Errorf("%d, %d bytes, %v", resp.StatusCode, len(body), resp.Header)
					}
				})
			}
		}
	}
}

// Every step of the function's decision agrees with what the gateway let through:
// its groups are its own affair, as in AWS.
func TestGroupsAreTheFunctions(t *testing.T) {
	t.Parallel()
	c, iss := newClock(), newIssuer(t)
	routes := []string{"GET /admin groups:ADMINS"}
	app, err := framework.New(manifestOf(routes), framework.Handlers{"h0": func(http.ResponseWriter, *http.Request) { t.Error("ran") }},
		framework.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l := serve(t, newTable(t, routes...), app, Options{Authorizer: iss.authorizer(t, c)})
	_, x := l.send(t, request("GET /admin", "Authorization: Bearer "+sign(t, jose.RS256, testKeys()[0], "key-0", iss.claims(c).with(claims{"groups": []string{"USERS"}}))))
	if x.Status != 403 || x.By != "function" || x.Refusal != "" {
		t.Errorf("%d by %s: %s", x.Status, x.By, x.Refusal)
	}
}
