package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/internal/planted"
	"github.com/routegate/routegate/framework/oauth"
)

// What must be in no log and in no answer but where it belongs.
const (
	password     = "planted-password-1f0c"
	clientSecret = "planted-client-secret-77aa"
	callerSecret = "planted-caller-secret-3b9d"
	apiKey       = "planted-api-key-90ee"
	accessToken  = "planted-access-token-c4d2"
	refreshToken = "planted-refresh-token-5e61"
	userName     = "planted-user-8e0f@u5er.test"
	code         = "planted-code-d08b41c7"
)

// A tokenRoute is the token route in front of a provider.
type tokenRoute struct {
	t       *testing.T
	handler http.HandlerFunc
	log     bytes.Buffer
}

func newRoute(t *testing.T, c oauth.Config) *tokenRoute {
	r := &tokenRoute{t: t}
	r.handler = oauth.Handler(c, slog.New(slog.NewJSONHandler(&r.log, nil)))
	t.Cleanup(func() {
		secrets := planted.New()
		for _, secret := range []string{password, clientSecret, callerSecret, apiKey, accessToken, refreshToken, userName, code} {
			secrets.Add(secret, strings.TrimPrefix(secret, "planted-")) // what is not in all of them
		}
		if found := secrets.In(r.log.String()); found != nil {
			t.Errorf("the log has %q:\n%s", found, r.log.String())
		}
	})
	return r
}

type object = map[string]any

// send sends a request and returns the answer, which must be as RFC 6749 wants.
func (r *tokenRoute) send(req *http.Request) (status int, body object, header http.Header) {
	r.t.Helper()
	w := httptest.NewRecorder()
	r.handler(w, req)
	for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"} {
		if got := w.Header().Get(name); got != want {
			r.t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	text := w.Body.String()
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		r.t.Fatalf("%v: %s", err, text)
	}
	secrets := []string{password, clientSecret, callerSecret, apiKey, userName, refreshToken}
	if w.Code != 200 {
		secrets = append(secrets, accessToken)
		if body["error"] == nil || body["error_description"] == "" {
			r.t.Errorf("status %d without an error: %s", w.Code, text)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) || strings.Contains(fmt.Sprint(w.Header()), secret) {
			r.t.Errorf("the answer has %q: %s", secret, text)
		}
	}
	return w.Code, body, w.Header()
}

func form(pairs ...string) *http.Request {
	values := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return request("application/x-www-form-urlencoded", values.Encode())
}

// multipartForm returns a request as "curl -F name=value" sends it.
func multipartForm(pairs ...string) *http.Request {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return request(w.FormDataContentType(), body.String())
}

func request(contentType, body string) *http.Request {
	req := httptest.NewRequest("POST", "/v1/auth/token", strings.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	return req
}

func signIn(more ...string) *http.Request {
	return form(append([]string{"grant_type", "password", "username", userName, "password", password}, more...)...)
}

// A provider is a token endpoint that keeps what it is asked.
type provider struct {
	*httptest.Server
	asked  []url.Values
	header http.Header
}

func newProvider(t *testing.T, status int, body string) *provider {
	p := &provider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		values, err := url.ParseQuery(string(data))
		if err != nil || r.Method != "POST" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		p.asked, p.header = append(p.asked, values), r.Header
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "17")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(p.Close)
	return p
}

const goodAnswer = `{"access_token": "` + accessToken + `", "token_type": "bearer", "expires_in": 3600, "scope": "a b",
	"refresh_token": "` + refreshToken + `", "id_token": "x", "password": "` + password + `"}`

func TestPassword(t *testing.T) {
	t.Parallel()
	want := object{"access_token": accessToken, "token_type": "Bearer", "expires_in": 3600.0, "scope": "a b"}
	user := url.Values{"grant_type": {"password"}, "username": {userName}, "password": {password}}
	with := func(pairs ...string) url.Values {
		v := make(url.Values)
		for name, values := range user {
			v[name] = values
		}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	withBasic := func(req *http.Request, id, secret string) *http.Request {
		req.SetBasicAuth(id, secret)
		return req
	}
	jsonBody := fmt.Sprintf(`{"grant_type": "password", "username": %q, "password": %q, "scope": ""}`, userName, password)
	tests := []struct {
		name          string
		config        oauth.Config
		request       *http.Request
		asked         url.Values
		id, secret    string // of the Basic header
		authenticates bool
	}{
		{name: "a form", request: signIn(), asked: user},
		{name: "JSON", request: request("application/json; charset=utf-8", jsonBody), asked: user},
		{name: "multipart, as curl -F sends it", request: multipartForm("username", userName, "password", password), asked: user},
		{name: "multipart with every parameter", request: multipartForm("grant_type", "password", "username", userName, "password", password, "scope", "a b"), asked: with("scope", "a b")},
		{name: "a form without grant_type", request: form("username", userName, "password", password), asked: user},
		{name: "a form with an empty grant_type", request: form("grant_type", "", "username", userName, "password", password), asked: user},
		{name: "JSON without grant_type", request: request("application/json", fmt.Sprintf(`{"username": %q, "password": %q}`, userName, password)), asked: user},
		{name: "scopes", request: signIn("scope", "a b"), asked: with("scope", "a b")},
		{name: "no value is no parameter", request: signIn("scope", "", "client_id", ""), asked: user},
		{name: "what the grant does not have stays here", request: signIn("groups", "ADMINS", "redirect_uri", "x", "audience", "y"), asked: user},
		{name: "Swagger UI's empty client", request: withBasic(signIn(), "", ""), asked: user},
		{name: "the caller's public client", request: signIn("client_id", "app"), asked: with("client_id", "app")},
		{name: "the caller's client", request: withBasic(signIn(), "app", callerSecret), asked: user, id: "app", secret: callerSecret, authenticates: true},
		{name: "our public client", config: oauth.Config{ClientID: "ours"}, request: signIn("client_id", "app"), asked: with("client_id", "ours")},
		{
			name: "our client", config: oauth.Config{ClientID: "ou:rs", ClientSecret: clientSecret + "+/"},
			request: withBasic(signIn(), "app", callerSecret), asked: user,
			id: "ou%3Ars", secret: clientSecret + "%2B%2F", authenticates: true, // RFC 6749, section 2.3.1
		},
		{name: "an audience", config: oauth.Config{Audience: "https://api"}, request: signIn(), asked: with("audience", "https://api")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, 200, goodAnswer)
			test.config.TokenURL = p.URL
			status, body, _ := newRoute(t, test.config).send(test.request)
			if diff := cmp.Diff(want, body); diff != "" || status != 200 {
				t.Errorf("status %d; answer (-want +got):\n%s", status, diff)
			}
			if diff := cmp.Diff([]url.Values{test.asked}, p.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			id, secret, ok := (&http.Request{Header: p.header}).BasicAuth()
			if ok != test.authenticates || id != test.id || secret != test.secret {
				t.Errorf("the provider sees the client %q, %q (%v)", id, secret, ok)
			}
		})
	}
}

// A client gets a token for its own credentials, never for ours.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	p := newProvider(t, 200, `{"access_token": "`+accessToken+`", "token_type": "Bearer", "expires_in": "60"}`)
	r := newRoute(t, oauth.Config{TokenURL: p.URL, ClientID: "ours", ClientSecret: clientSecret})

	status, body, _ := r.send(form("grant_type", "client_credentials", "client_id", "job", "client_secret", callerSecret, "scope", "a"))
	if diff := cmp.Diff(object{"access_token": accessToken, "token_type": "Bearer", "expires_in": 60.0}, body); diff != "" || status != 200 {
		t.Errorf("status %d; answer (-want +got):\n%s", status, diff)
	}
	basic := form("grant_type", "client_credentials", "username", userName)
	basic.SetBasicAuth("job", callerSecret)
	r.send(basic)
	if id, secret, _ := (&http.Request{Header: p.header}).BasicAuth(); id != "job" || secret != callerSecret {
		t.Errorf("the provider sees the client %q, %q", id, secret)
	}
	want := []url.Values{
		{"grant_type": {"client_credentials"}, "client_id": {"job"}, "client_secret": {callerSecret}, "scope": {"a"}},
		{"grant_type": {"client_credentials"}},
	}
	if diff := cmp.Diff(want, p.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}

	for _, req := range []*http.Request{
		form("grant_type", "client_credentials"),
		form("grant_type", "client_credentials", "client_id", "ours"),
		form("grant_type", "client_credentials", "client_secret", callerSecret),
	} {
		status, body, header := r.send(req)
		if status != 401 || body["error"] != "invalid_client" || header.Get("WWW-Authenticate") == "" {
			t.Errorf("%d %v", status, body)
		}
	}
	if len(p.asked) != len(want) {
		t.Errorf("the provider was asked %d times", len(p.asked))
	}
}

// A provider that repeats the secret of a Basic header as its error's code does not
// bring it into the log, encoded or not: newRoute looks.
func TestProviderRepeatsSecret(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{callerSecret, "planted-caller%2dsecret-3b9d"} {
		p := newProvider(t, 400, `{"error": "`+callerSecret+`"}`)
		r := newRoute(t, oauth.Config{TokenURL: p.URL})
		basic := form("grant_type", "client_credentials")
		basic.SetBasicAuth("job", sent)
		if status, _, _ := r.send(basic); status != 502 {
			t.Errorf("status %d", status)
		}
	}
}

// How long a token lasts is left out where the provider's word for it is of no use.
func TestExpiresIn(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]any{
		"60": 60.0, `"60"`: 60.0, "59.9": 59.0, "null": nil, "0": nil, "-1": nil, `"NaN"`: nil, `"Inf"`: nil, "1e300": nil, `"1e300"`: nil,
	} {
		p := newProvider(t, 200, `{"access_token": "`+accessToken+`", "token_type": "Bearer", "expires_in": `+said+`}`)
		r := newRoute(t, oauth.Config{TokenURL: p.URL})
		status, body, _ := r.send(signIn())
		if status != 200 || body["expires_in"] != want {
			t.Errorf("%s: status %d, %v", said, status, body["expires_in"])
		}
	}
}

// What is wrong with a request is said before the provider is asked.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	twice := signIn("client_secret", callerSecret)
	twice.SetBasicAuth("app", callerSecret)
	inURL := form("grant_type", "password")
	inURL.URL.RawQuery = url.Values{"username": {userName}, "password": {password}}.Encode()
	tests := []struct {
		name    string
		request *http.Request
		status  int
		code    string
	}{
		{"no grant and no user", form("client_id", "job", "client_secret", callerSecret), 400, "invalid_request"},
		{"a refresh token", form("grant_type", "refresh_token", "refresh_token", refreshToken), 400, "unsupported_grant_type"},
		{"another grant", form("grant_type", "authorization_code", "code", code, "code_verifier", code), 400, "unsupported_grant_type"},
		{"no name", form("grant_type", "password", "password", password), 400, "invalid_request"},
		{"no password", form("grant_type", "password", "username", userName, "password", ""), 400, "invalid_request"},
		{"twice", signIn("password", "other"), 400, "invalid_request"},
		{"credentials twice", twice, 400, "invalid_request"},
		{"in the URL", inURL, 400, "invalid_request"},
		{"no body", form(), 400, "invalid_request"},
		{"no form", request("application/x-www-form-urlencoded", "password=%zz"), 400, "invalid_request"},
		{"no JSON", request("application/json", `{"password": "`+password), 400, "invalid_request"},
		{"JSON null", request("application/json", `null`), 400, "invalid_request"},
		{"a number", request("application/json", `{"grant_type": "password", "username": 1}`), 400, "invalid_request"},
		{"multipart without a boundary", request("multipart/form-data", "--x\r\n\r\n--x--"), 400, "invalid_request"},
		{"multipart that is cut off", request("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\n"+userName), 400, "invalid_request"},
		{"multipart that is none", request("multipart/form-data; boundary=x", "username="+userName+"&password="+password), 400, "invalid_request"},
		{"an empty multipart body", request("multipart/form-data; boundary=x", ""), 400, "invalid_request"},
		{"a part without a name", request("multipart/form-data; boundary=x", "--x\r\n\r\n"+password+"\r\n--x--\r\n"), 400, "invalid_request"},
		{"a file", request("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\n"+userName+"\r\n--x\r\n"+
			"Content-Disposition: form-data; name=\"password\"; filename=\"p.txt\"\r\n\r\n"+password+"\r\n--x--\r\n"), 400, "invalid_request"},
		{"multipart, twice", multipartForm("username", userName, "password", password, "password", "other"), 400, "invalid_request"},
		{"multipart, too long", multipartForm("username", userName, "password", strings.Repeat("x", 16<<10)), 413, "invalid_request"},
		{"multipart, too many parts", multipartForm(slices.Repeat([]string{"x", ""}, 1000)...), 413, "invalid_request"},
		{"multipart/mixed", request("multipart/mixed; boundary=x", "--x--"), 400, "invalid_request"},
		{"another type", request("text/plain", "x"), 400, "invalid_request"},
		{"no type", request("", "x"), 400, "invalid_request"},
		{"too long", signIn("scope", strings.Repeat("x", 16<<10)), 413, "invalid_request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, 200, goodAnswer)
			status, body, _ := newRoute(t, oauth.Config{TokenURL: p.URL}).send(test.request)
			if status != test.status || body["error"] != test.code {
				t.Errorf("%d %v, want %d %s", status, body, test.status, test.code)
			}
			if len(p.asked) > 0 {
				t.Error("the provider was asked")
			}
		})
	}
}

// What a provider refuses with, and what it means for a client.
func TestProviderErrors(t *testing.T) {
	t.Parallel()
	// The provider says more than anybody needs to know.
	says := func(code string) string {
		return `{"error": "` + code + `", "error_description": "no ` + password + ` for ` + userName + `"}`
	}
	ours := oauth.Config{ClientID: "ours", ClientSecret: clientSecret}
	tests := []struct {
		config oauth.Config
		status int
		body   string
		want   int
		code   string
	}{
		{status: 400, body: says("invalid_grant"), want: 400, code: "invalid_grant"},
		{status: 401, body: says("invalid_grant"), want: 400, code: "invalid_grant"},
		{status: 403, body: says("access_denied"), want: 400, code: "invalid_grant"},
		{status: 400, body: says("invalid_scope"), want: 400, code: "invalid_scope"},
		{status: 400, body: says("unauthorized_client"), want: 400, code: "unauthorized_client"},
		{status: 400, body: says("unsupported_grant_type"), want: 400, code: "unauthorized_client"},
		{status: 401, body: says("invalid_client"), want: 401, code: "invalid_client"},
		{config: ours, status: 401, body: says("invalid_client"), want: 502, code: "server_error"}, // nothing that the caller could mend
		{status: 400, body: says("invalid_request"), want: 502, code: "server_error"},
		{status: 400, body: says("it said " + password), want: 502, code: "server_error"},
		{status: 404, body: "<html>" + password, want: 502, code: "server_error"},
		{status: 429, body: says("too_many_attempts"), want: 429, code: "temporarily_unavailable"},
		{status: 500, body: says("server_error"), want: 503, code: "temporarily_unavailable"},
		{status: 503, body: password, want: 503, code: "temporarily_unavailable"},
		{status: 200, body: "no JSON", want: 502, code: "server_error"},
		{status: 200, body: `{"token_type": "Bearer"}`, want: 502, code: "server_error"},
		{status: 200, body: `{"access_token": "` + accessToken + `", "token_type": "mac"}`, want: 502, code: "server_error"},
		{status: 200, body: `{"access_token": "` + accessToken + `"` + strings.Repeat(" ", 256<<10), want: 502, code: "server_error"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d %.30s", test.status, test.body), func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, test.status, test.body)
			test.config.TokenURL = p.URL
			r := newRoute(t, test.config)
			status, body, header := r.send(signIn())
			if status != test.want || body["error"] != test.code {
				t.Errorf("%d %v, want %d %s", status, body, test.want, test.code)
			}
			if got := header.Get("Retry-After"); (got == "17") != (status == 429) {
				t.Errorf("retry after %q", got)
			}
			if status >= 500 && (!strings.Contains(r.log.String(), `"level":"ERROR"`) || !strings.Contains(r.log.String(), "the provider")) {
				t.Errorf("the log does not say why: %s", r.log.String())
			}
		})
	}
}

// A redirect would take the password along.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := newProvider(t, 200, goodAnswer)
	for _, code := range []int{302, 307, 308} {
		p := httptest.NewServer(http.RedirectHandler(elsewhere.URL, code))
		defer p.Close()
		if status, body, _ := newRoute(t, oauth.Config{TokenURL: p.URL}).send(signIn()); status != 502 || body["error"] != "server_error" {
			t.Errorf("%d: %d %v", code, status, body)
		}
	}
	if len(elsewhere.asked) > 0 {
		t.Error("a redirect was followed")
	}
}

// A provider that is down, slow, or no HTTP server at all.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(func() { close(release); slow.Close() })

	// It answers with what it was sent, which is what must not be logged.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "%s %s\r\n\r\n", password, password)
			conn.Close()
		}
	}()

	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)

	for name, test := range map[string]struct{ url, cause string }{
		"down":      {"http://127.0.0.1:1", "cannot be reached"}, // a closed server's port may become another test's
		"slow":      {slow.URL, "took too long"},
		"no HTTP":   {"http://" + listener.Addr().String(), "connection to the provider broke"},
		"untrusted": {untrusted.URL, "certificate is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoute(t, oauth.Config{TokenURL: test.url})
			// The function's own deadline limits the slow one. The others must fail by
			// themselves, however busy the machine is.
			limit := time.Minute
			if name == "slow" {
				limit = 2 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			status, body, _ := r.send(signIn().WithContext(ctx))
			if status != 503 || body["error"] != "temporarily_unavailable" {
				t.Errorf("%d %v", status, body)
			}
			if ctx.Err() != nil {
				t.Error("the answer came after the deadline")
			}
			if !strings.Contains(r.log.String(), test.cause) {
				t.Errorf("the log does not say %q: %s", test.cause, r.log.String())
			}
		})
	}
}

// Configurations that are of no use: the route says so, and the log why.
func TestNotConfigured(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		config oauth.Config
		cause  string
	}{
		{oauth.Config{}, "no identity provider is configured: set AUTH_TOKEN_URL or AUTH_FIREBASE_API_KEY"},
		{oauth.Config{ClientID: "x"}, "no identity provider is configured"},
		{oauth.Config{TokenURL: "http://issuer.example.com/token"}, "want https"},
		{oauth.Config{TokenURL: "http://127.0.0.1.example.com/token"}, "want https"},
		{oauth.Config{TokenURL: "ftp://issuer.example.com/token"}, "want https"},
		{oauth.Config{TokenURL: "issuer.example.com/token"}, "is not a URL"},
		{oauth.Config{TokenURL: "https://me:" + password + "@issuer.example.com/token"}, "has a user"},
		{oauth.Config{TokenURL: "https://issuer.example.com/token#x"}, "fragment"},
		{oauth.Config{TokenURL: "https://issuer.example.com/token", ClientSecret: clientSecret}, "AUTH_CLIENT_ID is not"},
		{oauth.Config{TokenURL: "http://issuer.example.com", FirebaseKey: apiKey}, "want https"},
	} {
		r := newRoute(t, test.config)
		status, body, _ := r.send(signIn())
		if status != 501 || body["error"] != "server_error" {
			t.Errorf("%+v: %d %v", test.config, status, body)
		}
		if !strings.Contains(r.log.String(), test.cause) {
			t.Errorf("the log does not say %q: %s", test.cause, r.log.String())
		}
	}
}

func TestConfigFromEnv(t *testing.T) {
	for _, name := range []string{"TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET", "AUDIENCE", "FIREBASE_API_KEY"} {
		t.Setenv("AUTH_"+name, "the "+name)
	}
	want := oauth.Config{
		TokenURL: "the TOKEN_URL", ClientID: "the CLIENT_ID", ClientSecret: "the CLIENT_SECRET",
		Audience: "the AUDIENCE", FirebaseKey: "the FIREBASE_API_KEY",
	}
	if diff := cmp.Diff(want, oauth.ConfigFromEnv()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
