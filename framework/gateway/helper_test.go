package gateway

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/routegate/routegate/framework/route"
)

// newTable loads routes written as "GET /a/{b} public" or "GET /a scope:x".
func newTable(t testing.TB, routes ...string) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", manifestOf(routes), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

func manifestOf(routes []string) []byte {
	var b strings.Builder
	b.WriteString("version: 1\nroutes:\n")
	for i, r := range routes {
		f := strings.Fields(r)
		fmt.Fprintf(&b, "  - {method: %s, path: '%s', handler: h%d", f[0], f[1], i)
		for _, word := range f[2:] {
			name, value, ok := strings.Cut(word, ":")
			switch {
			case !ok && word == "iam":
				b.WriteString(", auth: iam")
			case !ok:
				fmt.Fprintf(&b, ", %s: true", word)
			default:
				fmt.Fprintf(&b, ", %s: [%s]", name, value)
			}
		}
		b.WriteString("}\n")
	}
	return []byte(b.String())
}

// A functionFunc is a Function.
type functionFunc func(ctx context.Context, payload []byte) ([]byte, error)

func (f functionFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// says returns a function that always answers the same.
func says(answer string) Function {
	return functionFunc(func(context.Context, []byte) ([]byte, error) { return []byte(answer), nil })
}

// A live is a gateway behind a real net/http server.
type live struct {
	*httptest.Server
	exchanges chan Exchange
}

func serve(t testing.TB, table *route.Table, f Function, opts Options) *live {
	t.Helper()
	l := &live{exchanges: make(chan Exchange, 1000)}
	opts.Observe = func(x Exchange) { l.exchanges <- x }
	l.Server = httptest.NewServer(New(table, f, opts))
	t.Cleanup(l.Close)
	return l
}

var (
	anyDate = regexp.MustCompile(`(?m)^Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r$`)
	anyID   = regexp.MustCompile(`(?m)^Apigw-Requestid: [A-Za-z0-9_-]{15}=\r$`)
)

// send sends a request as it stands, "\n" for "\r\n", and returns the answer's
// bytes likewise, date and id aside, and the Exchange.
func (l *live) send(t testing.TB, request string) (string, Exchange) {
	t.Helper()
	conn, err := net.Dial("tcp", l.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head, body, _ := strings.Cut(request, "\n\n")
	head = strings.ReplaceAll(head, "\n", "\r\n") + "\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, head+body); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	answer := anyDate.ReplaceAllString(string(raw), "Date: D\r")
	answer = anyID.ReplaceAllString(answer, "Apigw-Requestid: I\r")
	answer = strings.Replace(answer, "Connection: close\r\n", "", 1)
	select {
	case x := <-l.exchanges:
		return strings.ReplaceAll(answer, "\r\n", "\n"), x
	case <-time.After(time.Minute):
		t.Fatalf("net/http answered by itself: %q", answer)
		return "", Exchange{}
	}
}

// request writes a request without a body.
func request(line string, headers ...string) string {
	return line + " HTTP/1.1\nHost: api.example.com\n" + strings.Join(headers, "\n") + strings.Repeat("\n", min(len(headers), 1)) + "\n"
}

// gatewaySays is the whole of an answer that the gateway makes.
func gatewaySays(status int, message string, headers ...string) string {
	body := `{"message":"` + message + `"}`
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\n", status, http.StatusText(status))
	var before, after []string // in the order of their names, as net/http writes them
	for _, h := range headers {
		if h < "Apigw" {
			before = append(before, h)
		} else {
			after = append(after, h)
		}
	}
	lines := append(before, "Apigw-Requestid: I", fmt.Sprintf("Content-Length: %d", len(body)), "Content-Type: application/json", "Date: D")
	for _, h := range append(lines, after...) {
		b.WriteString(h + "\n")
	}
	return b.String() + "\n" + body
}

// testKeys are made once: that takes a while.
var testKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	list := make([]*rsa.PrivateKey, 2)
	for i := range list {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		list[i] = key
	}
	return list
})

// A fakeClock is a time that goes when it is told to.
type fakeClock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *fakeClock { return &fakeClock{at: time.Unix(1_700_000_000, 0)} }

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// An issuer is an OpenID provider that publishes what it is told to.
type issuer struct {
	*httptest.Server
	mu        sync.Mutex
	name      string // what it calls itself
	keys      string // its JWKS
	discovers int
	fetches   int
	intercept http.HandlerFunc // answers in place of everything else
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{}
	// Whoever asked a server that had this port before may ask this one at once.
	i.publish(jwk("key-0", testKeys()[0]))
	i.Server = httptest.NewUnstartedServer(i)
	i.name = "http://" + i.Listener.Addr().String()
	i.Start()
	t.Cleanup(i.Close)
	return i
}

func jwk(id string, key *rsa.PrivateKey) jose.JSONWebKey {
	return jose.JSONWebKey{Key: &key.PublicKey, KeyID: id, Use: "sig", Algorithm: "RS256"}
}

func (i *issuer) publish(keys ...jose.JSONWebKey) {
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: append([]jose.JSONWebKey{}, keys...)})
	if err != nil {
		panic(err)
	}
	i.set(func() { i.keys = string(b) })
}

func (i *issuer) set(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func (i *issuer) counts() (discovers, fetches int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.discovers, i.fetches
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	intercept, name, keys := i.intercept, i.name, i.keys
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		i.discovers++
	case "/keys":
		i.fetches++
	}
	i.mu.Unlock()
	switch {
	case intercept != nil:
		intercept(w, r)
	case r.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": name, "jwks_uri": i.URL + "/keys"})
	case r.URL.Path == "/keys":
		_, _ = io.WriteString(w, keys)
	default:
		http.NotFound(w, r)
	}
}

func (i *issuer) authorizer(t testing.TB, c *fakeClock) *Authorizer {
	t.Helper()
	a, err := NewAuthorizer(AuthorizerOptions{Issuer: i.name, Audiences: []string{"api", "other-api"}, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

type claims map[string]any

// with returns the claims with changes; nil takes one away.
func (c claims) with(changes claims) claims {
	out := claims{}
	for k, v := range c {
		out[k] = v
	}
	for k, v := range changes {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

// claims returns those of a valid token.
func (i *issuer) claims(c *fakeClock) claims {
	now := c.now().Unix()
	return claims{"iss": i.name, "sub": "alice", "aud": "api", "iat": now, "exp": now + 3600, "scope": "users/read users/write"}
}

// sign signs claims. key is an *rsa.PrivateKey, or a []byte for an HMAC; kid ""
// leaves it out.
func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, c claims) string {
	t.Helper()
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return signPayload(t, alg, key, kid, payload)
}

func signPayload(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, payload []byte) string {
	t.Helper()
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		opts.WithHeader("kid", kid)
	}
	if planted := os.Getenv("ROUTEGATE_PLANTED_SECRET"); planted != "" { // .ci/run looks for it in all that the tests write
		opts.WithHeader("planted", planted)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
