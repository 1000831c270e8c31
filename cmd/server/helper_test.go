package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
)

// The time that nothing here comes near, unless it hangs.
const patience = 30 * time.Second

type object = map[string]any

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

// An issuer is an OpenID provider. It may be down.
type issuer struct {
	*httptest.Server
	mu   sync.Mutex
	down bool
	keys jose.JSONWebKeySet
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{}
	i.publish("key-0", testKeys()[0])
	// Whoever asked a server that had this port before may ask this one at once.
	i.Server = httptest.NewUnstartedServer(i)
	i.Start()
	t.Cleanup(i.Close)
	return i
}

// publish replaces the issuer's keys by one.
func (i *issuer) publish(id string, key *rsa.PrivateKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: id, Use: "sig", Algorithm: "RS256"}}}
}

func (i *issuer) setDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.down:
		w.WriteHeader(http.StatusBadGateway)
	case r.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	case r.URL.Path == "/keys":
		_ = json.NewEncoder(w).Encode(i.keys)
	default:
		http.NotFound(w, r)
	}
}

func (i *issuer) authorizer(t testing.TB, now func() time.Time) *gateway.Authorizer {
	t.Helper()
	a, err := gateway.NewAuthorizer(gateway.AuthorizerOptions{Issuer: i.URL, Audiences: []string{"api"}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// token returns one that is good, with changes; nil takes a claim away.
func (i *issuer) token(t testing.TB, changes object) string {
	t.Helper()
	return sign(t, jose.RS256, testKeys()[0], "key-0", i.claims(changes))
}

func (i *issuer) claims(changes object) object {
	now := time.Now().Unix()
	c := object{"iss": i.URL, "sub": "alice", "aud": "api", "iat": now - 10, "exp": now + 3600}
	for name, v := range changes {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, claims object) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	opts := (&jose.SignerOptions{}).WithHeader("kid", kid)
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

// A record is what a server writes to standard error.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// line waits for the n-th line with a message.
func (r *record) line(t testing.TB, message string, n int) object {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		seen := 0
		for line := range strings.Lines(r.String()) {
			var v object
			if json.Unmarshal([]byte(line), &v) == nil && v["msg"] == message {
				if seen++; seen == n {
					return v
				}
			}
		}
	}
	t.Fatalf("the log has not %d lines %q:\n%s", n, message, r)
	return nil
}

// A running is a server that runs.
type running struct {
	*record
	api, health string // addresses
	stop        func()
	ended       chan error
}

// start runs a server in this process.
func start(t testing.TB, c config, manifest string, hs framework.Handlers) *running {
	t.Helper()
	c.listen, c.health = "127.0.0.1:0", "127.0.0.1:0"
	if c.timeout == 0 {
		c.timeout = patience
	}
	if c.maxBody == 0 {
		c.maxBody = 10 << 20
	}
	if c.grace == 0 {
		c.grace = patience
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{record: &record{}, stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- serve(ctx, c, []byte(manifest), hs, r.record) }()
	t.Cleanup(cancel)
	r.addresses(t)
	return r
}

func (r *running) addresses(t testing.TB) {
	t.Helper()
	at := r.line(t, "listening", 1)
	r.api, r.health = at["api"].(string), at["health"].(string)
}

// A process is a server as a program: this test binary, as TestMain makes it one.
type process struct {
	*running
	cmd *exec.Cmd
}

func startProcess(t testing.TB, name string, env []string, args ...string) *process {
	t.Helper()
	p := &process{running: &running{record: &record{}, ended: make(chan error, 1)}}
	p.cmd = exec.Command(os.Args[0], append([]string{"-listen", "127.0.0.1:0", "-health", "127.0.0.1:0"}, args...)...)
	p.cmd.Env = append(os.Environ(), "ROUTEGATE_TEST_SERVER="+name, "GORACE=atexit_sleep_ms=0")
	for _, v := range variables {
		p.cmd.Env = append(p.cmd.Env, v+"=")
	}
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stdout, p.cmd.Stderr = p.record, p.record
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it may have ended
	return p
}

// variables are what the server reads from the environment.
var variables = []string{
	"PORT", "AWS_API_GW_STAGE_NAME", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME", "JWT_ISSUER", "JWT_AUTHORIZED_AUDIENCES", "JWT_ISSUER_JWKS_URI",
	"ROUTEGATE_METRICS_NAMESPACE", "CORS_ALLOW_ORIGINS", "CORS_ALLOW_HEADERS",
}

func (p *process) exitCode(t testing.TB) int {
	t.Helper()
	select {
	case err := <-p.ended:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		return 0
	case <-time.After(patience):
		t.Fatalf("the server does not end\n%s", p)
	}
	return -1
}

// fetch returns status and body of the answer to a GET.
func fetch(url string, header ...string) (int, string, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// get is fetch where nothing may go wrong.
func get(t testing.TB, url string, header ...string) (int, string) {
	t.Helper()
	status, body, err := fetch(url, header...)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

// await waits until an address says a status.
func await(t testing.TB, url string, status int) string {
	t.Helper()
	var got int
	var body string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got, body = get(t, url); got == status {
			return body
		}
	}
	t.Fatalf("%s says %d %q, want %d", url, got, body, status)
	return ""
}

// answerOf reads one answer from a connection.
func answerOf(in *bufio.Reader, method string) (*http.Response, string, error) {
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}
