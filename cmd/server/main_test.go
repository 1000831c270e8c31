package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/route"
)

const testManifest = `
version: 1
routes:
  - {path: /ok, method: GET, handler: ok, public: true}
  - {path: /who, method: GET, handler: who}
  - {path: /admins, method: GET, handler: who, name: admins, groups: [admin]}
  - {path: /signed, method: GET, handler: who, name: signed, auth: iam}
  - {path: /slow, method: GET, handler: slow, public: true}
  - {path: /stuck, method: GET, handler: stuck, public: true}
  - {path: /large, method: GET, handler: large, public: true}
  - {path: /takes, method: POST, handler: takes, public: true}
`

const publicManifest = "{version: 1, routes: [{path: /ok, method: GET, handler: ok, public: true}]}"

const largeAnswer = 1 << 20

var testHandlers = framework.Handlers{
	"ok": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") },
	"who": func(w http.ResponseWriter, r *http.Request) {
		p, _ := framework.PrincipalFrom(r.Context())
		fmt.Fprint(w, p.Subject, " ", p.Groups)
	},
	"slow": func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "do")
		w.(http.Flusher).Flush()
		time.Sleep(700 * time.Millisecond)
		fmt.Fprint(w, "ne")
	},
	"stuck": func(http.ResponseWriter, *http.Request) { time.Sleep(patience) },
	"large": func(w http.ResponseWriter, _ *http.Request) {
		for range largeAnswer / 4096 {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
				return
			}
		}
	},
	"takes": func(w http.ResponseWriter, r *http.Request) {
		n, err := new(bytes.Buffer).ReadFrom(r.Body)
		fmt.Fprint(w, n, err)
	},
}

// TestMain makes this test binary the server where a test starts it as one.
func TestMain(m *testing.M) {
	manifest := testManifest
	switch os.Getenv("ROUTEGATE_TEST_SERVER") {
	case "":
		os.Exit(m.Run())
	case "main":
		main()
	case "bad":
		manifest = strings.Replace(testManifest, "handler: ok", "handler: okay", 1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], []byte(manifest), testHandlers, os.Stdout, os.Stderr))
}

// The shipped server: its routes, its checks, its log, and its end.
func TestServesTheShippedRoutes(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	const trace = "1-6a5145a9-1bae89e2512ec92d5d9438a0"
	p := startProcess(t, "main", []string{"JWT_ISSUER=" + i.URL, "JWT_AUTHORIZED_AUDIENCES=other, api", "AWS_API_GW_STAGE_NAME=mvp", "CORS_ALLOW_ORIGINS=https://app.example.com", "ROUTEGATE_METRICS_NAMESPACE=Test"}, "-drain", "0s")
	p.addresses(t)
	await(t, "http://"+p.health+"/readyz", 200)
	if status, body := get(t, "http://"+p.api+"/mvp/v1/manage/hc", "Origin", "https://app.example.com"); status != 200 || body != `{"status":"ok"}`+"\n" {
		t.Errorf("health check: %d %s", status, body)
	}
	if status, body := get(t, "http://"+p.api+"/mvp/v1/admin/endpoints"); status != 401 {
		t.Errorf("site map for nobody: %d %s", status, body)
	}
	if status, body := get(t, "http://"+p.api+"/mvp/v1/admin/endpoints", "Authorization", "Bearer "+i.token(t, object{"groups": []string{"ADMINS"}}), "X-Amzn-Trace-Id", "Root="+trace); status != 200 || !strings.Contains(body, `"path":"/v1/users/whoami"`) {
		t.Errorf("site map: %d %s", status, body)
	}
	if line := p.line(t, "request", 3); line["source"] != "container" || line["status"] != 200. || line["route_key"] != "GET /v1/admin/endpoints" || line["trace_id"] != trace {
		t.Errorf("log line %v", line)
	}
	for _, metric := range []string{`"Decision":"no_principal","Count":1,"Errors":0`, `"Decision":"allowed","Count":1,"Errors":0`} {
		// It is written behind the line of the request.
		for begin := time.Now(); !strings.Contains(p.String(), `"Route":"GET /v1/admin/endpoints",`+metric); time.Sleep(time.Millisecond) {
			if time.Since(begin) > 10*time.Second {
				t.Fatalf("no metric %s:\n%s", metric, p)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/mvp/healthz"} {
		if status, _ := get(t, "http://"+p.api+path); status != 404 {
			t.Errorf("%s is among the API's routes: %d", path, status)
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, p)
	}
}

// SIGTERM first tells whoever sends requests, then lets those that run end.
func TestEndsGracefully(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "test", nil, "-public-only", "-drain", "1s", "-grace", "20s")
	p.addresses(t)
	await(t, "http://"+p.health+"/readyz", 200)

	slow := func() <-chan string {
		done := make(chan string, 1)
		go func() {
			status, body, err := fetch("http://" + p.api + "/slow")
			done <- fmt.Sprint(status, " ", body, " ", err)
		}()
		return done
	}
	before := slow()
	time.Sleep(100 * time.Millisecond) // so that the handler runs
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if body := await(t, "http://"+p.health+"/readyz", 503); body != "ending\n" {
		t.Errorf("not ready: %s", body)
	}
	if status, _ := get(t, "http://"+p.health+"/healthz"); status != 200 {
		t.Errorf("/healthz says %d", status)
	}
	time.Sleep(500 * time.Millisecond)
	if status, body := get(t, "http://"+p.api+"/ok"); status != 200 || body != "fine" { // the drain goes on
		t.Errorf("a new request: %d %s", status, body)
	}
	late := slow() // it begins in the drain and ends behind it
	for _, done := range []<-chan string{before, late} {
		if got := <-done; got != "200 done <nil>" {
			t.Errorf("a request that ran: %s", got)
		}
	}
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, p)
	}
	if conn, err := net.Dial("tcp", p.api); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
	p.line(t, "ended", 1)
}

// What does not end in time is cut off, and said to be.
func TestEndsInTime(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "test", nil, "-public-only", "-drain", "0s", "-grace", "300ms")
	p.addresses(t)
	cut := make(chan error, 1)
	go func() {
		_, _, err := fetch("http://" + p.api + "/stuck")
		cut <- err
	}()
	time.Sleep(200 * time.Millisecond)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exitCode(t); code != exitError || !strings.Contains(p.String(), "server: requests that still ran after 300ms were cut off") {
		t.Errorf("exit code %d\n%s", code, p)
	}
	if err := <-cut; err == nil {
		t.Error("the request was answered")
	}
}

// The second signal does not wait.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "test", nil, "-public-only", "-drain", "1m")
	p.addresses(t)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "http://"+p.health+"/readyz", 503)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		// One that comes before the first has been seen everywhere is part of it.
		for p.cmd.Process.Signal(syscall.SIGTERM) == nil {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	if code := p.exitCode(t); code == 0 {
		t.Errorf("exit code %d\n%s", code, p)
	}
}

func TestDoesNotStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	issuer := []string{"JWT_ISSUER=https://issuer.example.com", "JWT_AUTHORIZED_AUDIENCES=api"}
	for _, test := range []struct {
		name string
		env  []string
		args []string
		code int
		says string
	}{
		{"main", nil, nil, exitError, ` of the routes ask for a token, such as "GET /v1/admin/endpoints": set it, or say -public-only`},
		{"bad", issuer, nil, exitError, `routes.yaml:4:39: error: unknown handler "okay"`},
		{"test", []string{"JWT_ISSUER=https://issuer.example.com"}, nil, exitUsage, "no audience"},
		{"test", []string{"JWT_ISSUER=issuer.example.com", "JWT_AUTHORIZED_AUDIENCES=api"}, nil, exitUsage, `issuer "issuer.example.com" is not an http or https URL`},
		{"test", []string{"AWS_API_GW_STAGE_NAME=a/b"}, nil, exitUsage, `AWS_API_GW_STAGE_NAME: stage "a/b"`},
		{"test", issuer, []string{"-listen", taken.Addr().String()}, exitError, "server: -listen " + taken.Addr().String() + ": another program listens there: stop it, or choose another port"},
		{"test", issuer, []string{"-health", taken.Addr().String()}, exitError, "server: -health " + taken.Addr().String() + ": another program listens there: stop it, or choose another port"},
	} {
		p := startProcess(t, test.name, test.env, test.args...)
		if code := p.exitCode(t); code != test.code || !strings.Contains(p.String(), test.says) {
			t.Errorf("%s %v %v: exit code %d, want %d and %q\n%s", test.name, test.env, test.args, code, test.code, test.says, p)
		}
	}
}

func TestParse(t *testing.T) {
	for _, name := range variables {
		t.Setenv(name, "")
	}
	standard := config{listen: ":8080", health: ":8081", timeout: 30 * time.Second, maxBody: 10485760, drain: 3 * time.Second, grace: 20 * time.Second}
	with := func(change func(*config)) config { c := standard; change(&c); return c }
	tests := []struct {
		name    string
		args    string
		env     map[string]string
		want    config
		wantErr string
	}{
		{"nothing", "", nil, standard, ""},
		{"all flags", "-listen 127.0.0.1:1 -health :2 -timeout 1m -max-body 5 -drain 0 -grace 1s -public-only", nil,
			config{listen: "127.0.0.1:1", health: ":2", timeout: time.Minute, maxBody: 5, grace: time.Second, publicOnly: true}, ""},
		{"port", "", map[string]string{"PORT": "9000"}, with(func(c *config) { c.listen = ":9000" }), ""},
		{"a flag is stronger", "-listen :1", map[string]string{"PORT": "9000"}, with(func(c *config) { c.listen = ":1" }), ""},
		{"names", "", map[string]string{"AWS_API_GW_STAGE_NAME": "mvp", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME": "g"},
			with(func(c *config) { c.app = framework.Options{Stage: "mvp", GroupsClaim: []string{"g"}} }), ""},
		{"issuer", "", map[string]string{"JWT_ISSUER": "https://i", "JWT_AUTHORIZED_AUDIENCES": "a,b", "JWT_ISSUER_JWKS_URI": "https://k"},
			with(func(c *config) { c.issuer, c.keysURI = "https://i", "https://k" }), ""},
		{"audiences alone", "", map[string]string{"JWT_AUTHORIZED_AUDIENCES": "a"}, config{}, "JWT_ISSUER is not set, but"},
		{"keys alone", "", map[string]string{"JWT_ISSUER_JWKS_URI": "https://k"}, config{}, "JWT_ISSUER is not set, but"},
		{"both", "-public-only", map[string]string{"JWT_ISSUER": "https://i", "JWT_AUTHORIZED_AUDIENCES": "a"}, config{}, "-public-only is for a server without JWT_ISSUER"},
		{"keys that are no URL", "", map[string]string{"JWT_ISSUER": "https://i", "JWT_AUTHORIZED_AUDIENCES": "a", "JWT_ISSUER_JWKS_URI": "k"}, config{}, `keys URI "k"`},
		{"origin that is none", "", map[string]string{"CORS_ALLOW_ORIGINS": "https://*.example.com"}, config{}, "of origins with a *"},
		{"argument", "x", nil, config{}, `unexpected argument "x"`},
		{"flag", "-x", nil, config{}, "not defined"},
		{"misspelt flag", "-lisen=a", nil, config{}, `not defined: -lisen, did you mean "-listen"?`},
		{"timeout", "-timeout 0", nil, config{}, "timeout 0s: want more than 0"},
		{"max-body", "-max-body -1", nil, config{}, "max-body -1"},
		{"drain", "-drain -1s", nil, config{}, "cannot be less than 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, v := range test.env {
				t.Setenv(name, v)
			}
			got, err := parse(strings.Fields(test.args))
			if (err != nil) != (test.wantErr != "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Fatalf("error %v, want %q", err, test.wantErr)
			}
			if err != nil {
				return
			}
			if (got.authorizer != nil) != (test.want.issuer != "") {
				t.Errorf("authorizer %v", got.authorizer)
			}
			got.authorizer = nil
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(config{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	t.Setenv("CORS_ALLOW_ORIGINS", "https://a, https://b")
	c, err := parse(nil)
	if err != nil || strings.Join(c.cors.AllowOrigins, " ") != "https://a https://b" || strings.Join(c.cors.AllowHeaders, " ") != "authorization content-type" || len(c.cors.AllowMethods) != len(route.Methods) {
		t.Errorf("CORS %+v, error %v", c.cors, err)
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, []byte(testManifest), testHandlers, &stdout, &stderr); code != 0 || stdout.String() != usage || stderr.Len() > 0 {
		t.Errorf("exit code %d\n%s%s", code, stdout.String(), stderr.String())
	}
	if code := run(t.Context(), []string{"-h"}, []byte(testManifest), testHandlers, fullDisk{}, &stderr); code != exitError || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("on a full disk: exit code %d\n%s", code, stderr.String())
	}
	for _, name := range variables {
		if !strings.Contains(usage, name) {
			t.Errorf("the help does not name %s", name)
		}
	}
}

// A server whose issuer is down is alive and not ready, serves what needs no
// token, and becomes ready by itself. Later it stays so.
func TestIssuerDownAtTheStart(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.setDown(true)
	r := start(t, config{authorizer: i.authorizer(t, nil)}, testManifest, testHandlers)
	r.line(t, "not ready: the issuer's keys could not be had", 1)
	if status, body := get(t, "http://"+r.health+"/readyz"); status != 503 || body != "the issuer's keys are not there yet\n" {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, _ := get(t, "http://"+r.health+"/healthz"); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	if status, _ := get(t, "http://"+r.api+"/ok"); status != 200 {
		t.Errorf("/ok: %d", status)
	}
	token := "Bearer " + i.token(t, nil)
	if status, _ := get(t, "http://"+r.api+"/who", "Authorization", token); status != 401 {
		t.Errorf("/who: %d", status)
	}
	i.setDown(false)
	await(t, "http://"+r.health+"/readyz", 200) // within ten seconds
	i.setDown(true)
	if status, body := get(t, "http://"+r.api+"/who", "Authorization", token); status != 200 || body != "alice []" {
		t.Errorf("/who: %d %s", status, body)
	}
	if status, _ := get(t, "http://"+r.health+"/readyz"); status != 200 {
		t.Errorf("/readyz: %d", status)
	}
}

// A key that the issuer begins to use is found, and one that it gave up is
// forgotten then.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	r := startRotation(t)
	r.expect("before", 200, 401)
	r.issuer.publish("key-1", testKeys()[1])
	r.expect("asked just now", 200, 401)
	r.clock.advance(10 * time.Second)
	if status, _ := get(t, "http://"+r.api+"/who", "Authorization", r.young); status != 200 {
		t.Error("the new key is not found")
	}
	r.expect("rotated", 401, 200)
}

// A rotation is a server whose issuer begins to use another key.
type rotation struct {
	*running
	t          *testing.T
	issuer     *issuer
	clock      *clock
	old, young string // headers with tokens by the one key and by the other
}

func startRotation(t *testing.T) *rotation {
	t.Helper()
	r := &rotation{t: t, issuer: newIssuer(t), clock: &clock{}}
	r.running = start(t, config{authorizer: r.issuer.authorizer(t, r.clock.now)}, testManifest, testHandlers)
	await(t, "http://"+r.health+"/readyz", 200)
	claims := object{"exp": time.Now().Add(24 * time.Hour).Unix()}
	r.old = "Bearer " + r.issuer.token(t, claims)
	r.young = "Bearer " + sign(t, "RS256", testKeys()[1], "key-1", r.issuer.claims(claims))
	return r
}

// expect asks with both tokens.
func (r *rotation) expect(when string, oldStatus, youngStatus int) {
	r.t.Helper()
	for token, want := range map[string]int{r.old: oldStatus, r.young: youngStatus} {
		if status, body := get(r.t, "http://"+r.api+"/who", "Authorization", token); status != want {
			r.t.Errorf("%s: %d %s, want %d\n%s", when, status, body, want, r.running)
		}
	}
}

// A clock goes with the time, and further when it is told to.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// Without an issuer the public routes work, and no others.
func TestPublicOnly(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	p := startProcess(t, "test", nil, "-public-only")
	p.addresses(t)
	await(t, "http://"+p.health+"/readyz", 200)
	for path, want := range map[string]int{"/ok": 200, "/who": 401, "/admins": 401, "/signed": 401} {
		if status, body := get(t, "http://"+p.api+path, "Authorization", "Bearer "+i.token(t, object{"groups": []string{"admin"}})); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if line := p.line(t, "nobody checks AWS signatures here: these routes refuse everyone", 1); fmt.Sprint(line["iam_routes"]) != "[GET /signed]" {
		t.Errorf("log line %v", line)
	}
	// A table that asks nobody needs no issuer.
	r := start(t, config{}, publicManifest, testHandlers)
	if status, _ := get(t, "http://"+r.api+"/ok"); status != 200 {
		t.Errorf("/ok: %d", status)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
