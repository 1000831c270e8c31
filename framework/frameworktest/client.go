package frameworktest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

// A Client sends requests to a service, all of them as one caller. The one that
// New returns has neither a token nor a signature. A Client is safe for
// concurrent use, and may be used in subtests.
type Client struct {
	*service
	token   string
	userARN string
}

// A service is what the Clients of one New have in common.
type service struct {
	t           testing.TB
	gateway     *gateway.Gateway
	groupsClaim []string
	prefix      string // "/" and the stage, or ""
}

// New makes a Client of the service that the manifest and the handlers make, as
// framework.New does. It fails the test when they make none.
//
// The log of t gets what the service logs, unless opts.Logger is set, and why
// the gateway refused a request.
func New(t testing.TB, manifest []byte, handlers framework.Handlers, opts framework.Options) *Client {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	if opts.GroupsClaim == nil {
		opts.GroupsClaim = []string{"groups"}
	}
	app, err := framework.New(manifest, handlers, opts)
	if err != nil {
		t.Fatal(err)
	}
	table, report := route.Load("routes.yaml", manifest, nil)
	if table == nil {
		t.Fatal(report.Err())
	}
	s := &service{t: t, groupsClaim: opts.GroupsClaim, prefix: route.NewRouter(table, opts.Stage).Prefix()}
	s.gateway = gateway.New(table, inOwnContext{app}, gateway.Options{
		Stage:      opts.Stage,
		Authorizer: authorizer(),
		IAM:        func(r *http.Request) string { return sentBy(r.Context()).userARN },
		Observe:    s.observe,
	})
	return &Client{service: s}
}

// observe logs what a client is not told.
func (s *service) observe(x gateway.Exchange) {
	if x.Refusal != "" {
		s.t.Logf("%s %s: the gateway answered %d: %s", x.Method, x.Path, x.Status, x.Refusal)
	}
	for _, warning := range x.Warnings {
		s.t.Logf("%s %s: %s", x.Method, x.Path, warning)
	}
}

// As returns a Client that sends a token of p: its Subject, its Groups in the
// claim that Options.GroupsClaim names, its Scopes in "scope", and its Claims.
//
// A Claim beats what would stand there by itself in iss, aud, iat and exp, so
// that a token can be made that the gateway refuses:
//
//	c.As(route.Principal{Claims: map[string]any{"exp": 0}}) // expired
//
// A public route gets no principal of it: no gateway verifies a token there.
func (c *Client) As(p route.Principal) *Client {
	c.t.Helper()
	token, err := sign(claimsOf(p, c.groupsClaim))
	if err != nil {
		c.t.Fatalf("no token for %q: %v", p.Subject, err)
	}
	return &Client{service: c.service, token: token}
}

// AsIAM returns a Client whose requests are signed with the AWS credentials of
// the user or the role with that ARN. Their signature is not checked.
func (c *Client) AsIAM(userARN string) *Client {
	return &Client{service: c.service, userARN: userARN}
}

// Get sends a GET. The target is a path without the stage, and may have a query.
// Like httptest.NewRequest, Get panics if it is none.
func (c *Client) Get(target string) *http.Response {
	return c.Do(httptest.NewRequest(http.MethodGet, target, nil))
}

// Post sends a POST with a body. It panics as Get does.
func (c *Client) Post(target, contentType string, body io.Reader) *http.Response {
	r := httptest.NewRequest(http.MethodPost, target, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return c.Do(r)
}

// Do sends a request, as httptest.NewRequest and http.NewRequest make them, and
// returns the answer, whose body need not be closed. The path has no stage: Do
// puts it in front. An Authorization header of the request stays as it is.
//
// The handler runs in the request's context: it sees the values of that context,
// its cancellation and its deadline. The deadline takes the place of Lambda's, so
// the handler's own is up to 200 ms earlier. When the context ends first, the
// response is a 503.
func (c *Client) Do(r *http.Request) *http.Response {
	// The gateway's part has no end of its own, because a canceled request would
	// otherwise get a 401 if the gateway still had to fetch the keys.
	sent := r.Clone(context.WithValue(context.WithoutCancel(r.Context()), sendingKey{}, sending{r.Context(), c.userARN}))
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") {
		target = r.URL.RequestURI()
	}
	sent.RequestURI = c.prefix + target
	if sent.Header == nil {
		sent.Header = make(http.Header)
	}
	if sent.Host == "" { // a request of http.NewRequest has none with a bare path
		sent.Host = "example.com"
	}
	if sent.RemoteAddr == "" { // nor who it is from
		sent.RemoteAddr = "192.0.2.1:1234"
	}
	if sent.Header.Get("Authorization") == "" {
		switch {
		case c.token != "":
			sent.Header.Set("Authorization", "Bearer "+c.token)
		case c.userARN != "":
			sent.Header.Set("Authorization", "AWS4-HMAC-SHA256 not checked")
		}
	}
	w := httptest.NewRecorder()
	c.gateway.ServeHTTP(w, sent)
	res := w.Result()
	res.Request = r
	return res
}

// A sending is what the gateway does not hand on by itself.
type sending struct {
	context context.Context // the request's own
	userARN string          // of the IAM caller, or ""
}

type sendingKey struct{}

func sentBy(ctx context.Context) sending {
	s, _ := ctx.Value(sendingKey{}).(sending)
	return s
}

// inOwnContext runs the App in the context of the test's own request. The
// gateway's context has no deadline, and a client cannot cancel it, because API
// Gateway does not stop a function when its client is gone.
type inOwnContext struct{ app *framework.App }

func (f inOwnContext) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f.app.Invoke(sentBy(ctx).context, payload)
}
