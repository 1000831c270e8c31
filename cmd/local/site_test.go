package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSiteOf(t *testing.T) {
	t.Parallel()
	const host = "127.0.0.1:8080"
	tests := []struct {
		host, fetchSite, origin string
		want                    site
	}{
		{host, "", "", own}, // curl
		{host, "none", "", own},
		{host, "same-origin", "", own},
		{host, "same-origin", "http://" + host, own},
		{host, "same-origin", "http://localhost:5173", own}, // a development server that forwards to this one
		{host, "same-site", "http://127.0.0.1:3000", sameSite},
		{host, "cross-site", "", otherSite},
		{host, "cross-site", "http://" + host, otherSite},
		{host, "cross-site", "https://evil.example", otherSite},
		{host, "anything", "", otherSite},
		{host, "SAME-ORIGIN", "", otherSite},
		// Without Fetch Metadata.
		{host, "", "http://" + host, own},
		{"API.test:8080", "", "http://api.test:8080", own},
		{"[::1]:8080", "", "http://[::1]:8080", own},
		{host, "", "http://127.0.0.1:3000", sameSite},
		{"[::1]:8080", "", "http://[::1]", sameSite},
		{host, "", "http://localhost:8080", otherSite},
		{host, "", "https://evil.example", otherSite},
		{host, "", "http://127.0.0.1.evil.example:8080", otherSite},
		{host, "", "http://evil.example/127.0.0.1:8080", otherSite},
		{host, "", "null", otherSite},
		{host, "", "file://", otherSite},
		{host, "", "%", otherSite},
	}
	for _, test := range tests {
		r := httptest.NewRequest("POST", "/", nil)
		r.Host = test.host
		for name, value := range map[string]string{"Sec-Fetch-Site": test.fetchSite, "Origin": test.origin} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		if got := siteOf(r); got != test.want {
			t.Errorf("host %s, site %q, origin %q: got %d, want %d", test.host, test.fetchSite, test.origin, got, test.want)
		}
	}
}

// The routes by which tokens could reach a page. The last two are the service's
// own: any handler may ask the issuer.
var tokenRoutes = []struct{ method, path, contentType, body string }{
	{"POST", "/_routegate/issuer/token", "application/x-www-form-urlencoded", "grant_type=password&username=alice&password=alice"},
	{"POST", "/_routegate/issuer/token", "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=x&client_secret=x&groups=ADMINS"},
	{"POST", "/v1/auth/token", "application/x-www-form-urlencoded", "grant_type=password&username=alice&password=alice"},
	{"POST", "/v1/auth/token", "application/json", `{"grant_type": "password", "username": "alice", "password": "alice"}`},
	{"GET", "/v1/my/token", "", ""},
	{"GET", "/v1/my/token?address=known", "", ""},
}

// withMyToken adds GET /v1/my/token to a service, whose handler answers with a
// token of the built-in issuer. It asks the address in the environment or, with
// the parameter, the one of the page.
func withMyToken(t *testing.T, c *config) {
	editFile(t, c.manifest, "tests:\n", "  - {path: /v1/my/token, method: GET, handler: my_token, public: true}\n\ntests:\n")
	dir := strings.TrimSuffix(c.manifest, "routes.yaml")
	editFile(t, dir+"handlers/handlers.go", "\t\t\"auth_token\":", "\t\t\"my_token\": myToken,\n\t\t\"auth_token\":")
	editFile(t, dir+"handlers/auth.go", "import (\n", "import (\n\t\"io\"\n\t\"net/url\"\n\t\"os\"\n")
	editFile(t, dir+"handlers/auth.go", "// authToken", `func myToken(w http.ResponseWriter, r *http.Request) {
	address := os.Getenv("AUTH_TOKEN_URL")
	if r.URL.Query().Has("address") {
		address = "http://`+c.addr+`/_routegate/issuer/token"
	}
	resp, err := http.PostForm(address, url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"alice"}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	io.Copy(w, resp.Body)
}

// authToken`)
}

// friend is a page of another origin on the same host as the API.
const friend = "http://127.0.0.1:3000"

// senders are those who ask for a token. self is the API's own URL. A sender may
// have a token through the API's routes or from the issuer itself.
func senders(self string, named bool) []sender {
	return []sender{
		{"curl", "", "", true, true},
		{"the page", "same-origin", self, true, true},
		{"the address bar", "none", "", true, true},
		{"the page, in an old browser", "", self, true, true},
		{"a friend on this host", "same-site", friend, named, false},
		{"a friend on this host, in an old browser", "", friend, named, false},
		{"somebody on this host", "same-site", "http://127.0.0.1:1", false, false},
		{"somebody on this host, without an origin", "same-site", "", false, false},
		{"a friend elsewhere", "cross-site", "https://friend.example", false, false},
		{"evil", "cross-site", "https://evil.example", false, false},
		{"evil, by a link", "cross-site", "", false, false},
		{"evil, in an old browser", "", "https://evil.example", false, false},
		{"a sandbox", "cross-site", "null", false, false},
		{"a sandbox, in an old browser", "", "null", false, false},
	}
}

type sender struct {
	name              string
	fetchSite, origin string
	api, issuer       bool
}

// header returns the headers by which a browser says who the sender is.
func (s sender) header() http.Header {
	h := make(http.Header)
	if s.fetchSite != "" {
		h.Set("Sec-Fetch-Site", s.fetchSite)
	}
	if s.origin != "" {
		h.Set("Origin", s.origin)
	}
	return h
}

func TestMayHaveToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cors  string
		named bool
	}{
		"off":                  {"", false},
		"every":                {`{"allow_origins": ["*"]}`, false},
		"every and the friend": {`{"allow_origins": ["*", "` + friend + `"]}`, false},
		"every http":           {`{"allow_origins": ["http://*", "https://*"], "allow_credentials": true}`, false},
		"the friends":          {`{"allow_origins": ["` + friend + `", "https://friend.example"]}`, true},
	} {
		s := &service{config: config{cors: mustCORS(t, c.cors)}}
		for _, from := range senders("http://127.0.0.1:8080", c.named) {
			r := httptest.NewRequest("POST", "/", nil)
			r.Host, r.Header = "127.0.0.1:8080", from.header()
			if got := s.mayHaveToken(r); got != from.api {
				t.Errorf("CORS for %s, %s: got %t, want %t", name, from.name, got, from.api)
			}
		}
	}
}

// No page of another site gets a token, by any route. Everyone else does.
func TestNoTokenForAnotherSite(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *config) {
		c.cors = mustCORS(t, `{"allow_origins": ["`+friend+`", "https://friend.example", "https://evil.example"]}`)
		c.addr = freeAddress(t)
		withMyToken(t, c)
	})
	for _, from := range senders(r.url, true) {
		for _, route := range tokenRoutes {
			header := from.header()
			if route.contentType != "" {
				header.Set("Content-Type", route.contentType)
			}
			resp := do(t, route.method, r.url+route.path, route.body, header)
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			want := from.api
			if strings.HasPrefix(route.path, pagePath) {
				want = from.issuer
			}
			got := strings.Contains(string(body), "eyJ")
			if got != want || got != strings.Contains(string(body), `"access_token"`) {
				t.Errorf("%s: %s %s gives a token: %t, want %t\n%s %s", from.name, route.method, route.path, got, want, resp.Status, body)
			}
		}
	}
	r.shows("problem: no token while the function runs a request from another site")
}

// While a request from another site runs, the function gets no token for anybody.
// Afterwards it does.
func TestTokenGate(t *testing.T) {
	t.Parallel()
	begun, end := make(chan bool), make(chan bool)
	gate := &tokenGate{Function: functionFunc(func(context.Context, []byte) ([]byte, error) {
		begun <- true
		<-end
		return nil, nil
	})}
	i, _ := startIssuer(t, "groups")
	i.closed = gate.closed
	token := func(header http.Header) int {
		t.Helper()
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(t, "POST", i.url+"/token", "grant_type=password&username=alice&password=alice", header).StatusCode
	}
	invoke := func(ctx context.Context) {
		go gate.Invoke(ctx, nil)
		<-begun
	}
	foreign := context.WithValue(t.Context(), noToken{}, true)

	invoke(t.Context())
	if got := token(http.Header{}); got != 200 {
		t.Errorf("while a request of the page runs: %d", got)
	}
	invoke(foreign)
	invoke(foreign)
	if got := token(http.Header{}); got != 400 {
		t.Errorf("while requests from another site run: %d", got)
	}
	for _, browser := range []http.Header{{"Sec-Fetch-Site": {"same-origin"}}, {"Origin": {i.url}}} {
		if got := token(browser); got != 200 {
			t.Errorf("the page meanwhile: %d", got)
		}
	}
	if _, err := fetchToken(t.Context(), i.url+"/token", url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"alice"}}); err != nil {
		t.Errorf("go run ./cmd/local token meanwhile: %v", err)
	}
	close(end)
	for gate.closed() {
		time.Sleep(time.Millisecond)
	}
	if got := token(http.Header{}); got != 200 {
		t.Errorf("after all requests: %d", got)
	}
}

type functionFunc func(context.Context, []byte) ([]byte, error)

func (f functionFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// Nothing below the page's path answers a page of another origin, except the page
// itself, which a link may lead to. Tokens are in the events that the page shows.
func TestPageForAnotherSite(t *testing.T) {
	t.Parallel()
	f := newFakeAPI(8)
	server := f.serve(t, "")
	f.page.history.add(detail{request: request{ID: "one"}, Event: json.RawMessage(`{"authorization":"secret"}`)})
	for path, want := range map[string]int{
		"": 200, "state": 403, "requests": 403, "requests/one": 403, "page.js": 403, "nothing": 403,
		"issuer/keys": 403, "issuer/.well-known/openid-configuration": 403, "issuer/token": 403,
	} {
		for _, fetchSite := range []string{"cross-site", "same-site"} {
			resp := do(t, "GET", server.URL+pagePath+path, "", http.Header{"Sec-Fetch-Site": {fetchSite}})
			if resp.StatusCode != want {
				t.Errorf("%s GET /%s: got %d, want %d", fetchSite, path, resp.StatusCode, want)
			}
			if resp := do(t, "POST", server.URL+pagePath+path, "", http.Header{"Sec-Fetch-Site": {fetchSite}}); resp.StatusCode != 403 {
				t.Errorf("%s POST /%s: got %d, want 403", fetchSite, path, resp.StatusCode)
			}
		}
	}
}
