package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// The time that nothing here comes near, unless it hangs.
const patience = time.Minute

// A running is the whole of go run ./cmd/local, in a copy of the repository.
type running struct {
	t   *testing.T
	dir string
	url string
	out *output
}

// An output is a terminal's, for a test to read meanwhile.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func start(t *testing.T, change func(*config)) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir(), out: &output{}}
	copyRepository(t, r.dir)
	c := config{
		addr: "127.0.0.1:0", manifest: filepath.Join(r.dir, "routes.yaml"), groupsClaim: []string{"groups"},
		audiences: []string{"routegate"}, concurrency: 2,
	}
	if change != nil {
		change(&c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, r.out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	address := regexp.MustCompile(`the API:   (http://\S+)`)
	for range r.until("the welcome") {
		if m := address.FindStringSubmatch(r.out.String()); m != nil {
			r.url = m[1]
			break
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("it did not start: %v", err)
		default:
		}
	}
	return r
}

// until is a loop that waits: its body breaks when what it waits for is there.
func (r *running) until(what string) func(func(int, struct{}) bool) {
	r.t.Helper()
	return func(yield func(int, struct{}) bool) {
		r.t.Helper()
		for end, i := time.Now().Add(patience), 0; ; i++ {
			if !yield(i, struct{}{}) {
				return
			}
			if time.Now().After(end) {
				r.t.Fatalf("no sign of %s\n%s", what, r.out.String())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// shows waits until the terminal shows a text: the line of a request comes after
// its answer.
func (r *running) shows(want string) {
	r.t.Helper()
	for range r.until(want) {
		if strings.Contains(r.out.String(), want) {
			return
		}
	}
}

// get sends a GET with a token, unless that is "".
func (r *running) get(path, token string) (status int, header http.Header, body string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, strings.TrimSpace(string(data))
}

// token is what go run ./cmd/local token prints.
func (r *running) token(args ...string) string {
	r.t.Helper()
	var stdout, stderr bytes.Buffer
	u, err := url.Parse(r.url)
	if err != nil {
		r.t.Fatal(err)
	}
	if code := run(r.t.Context(), append([]string{"token", "-addr", u.Host}, args...), &stdout, &stderr); code != exitFine {
		r.t.Fatalf("token %v: exit code %d: %s", args, code, stderr.String())
	}
	return strings.TrimSpace(stdout.String())
}

func (r *running) edit(name, old, new string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		r.t.Fatalf("%s does not have %q", name, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func copyRepository(t *testing.T, dir string) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" && !d.IsDir():
			return nil // of a work tree: it leads back to the real repository
		case d.IsDir() && (name == ".git" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	alice, mallory := r.token("-as", "alice"), r.token("-as", "mallory")
	tests := []struct {
		name, path, token string
		status            int
		body              string // a part of it
	}{
		{"public", "/v1/manage/hc", "", 200, `{"status":"ok"}`},
		{"no token", "/v1/users/whoami", "", 401, `{"message":"Unauthorized"}`},
		{"a token", "/v1/users/whoami", mallory, 200, `"sub":"mallory"`},
		{"claims are typed", "/v1/users/whoami", alice, 200, `"groups":["ADMINS"]`},
		{"in the group", "/v1/admin/endpoints", alice, 200, `"routes":[`},
		{"not in the group", "/v1/admin/endpoints", mallory, 403, `"code":"missing_group"`},
		{"groups of one's choice", "/v1/admin/endpoints", r.token("-as", "mallory", "-groups", "ADMINS,X"), 200, `"routes":[`},
		{"no token at all", "/v1/users/whoami", "no.token.atall", 401, `{"message":"Unauthorized"}`},
		{"changed by a letter", "/v1/users/whoami", alice[:len(alice)-8] + "AAAAAAAA", 401, `{"message":"Unauthorized"}`},
		{"no route", "/v1/nothing", alice, 404, `{"message":"Not Found"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, header, body := r.get(test.path, test.token)
			if status != test.status || !strings.Contains(body, test.body) {
				t.Errorf("%d %s, want %d with %s", status, body, test.status, test.body)
			}
			if header.Get("Apigw-Requestid") == "" {
				t.Error("the answer has no apigw-requestid")
			}
		})
	}

	for _, want := range []string{
		"the page:  " + r.url + "/_routegate/\n",
		"checked here: signature, issuer, audience, time and scopes of the tokens of the built-in issuer",
		"\nCORS: off, as in deploy/terraform unless var.cors is set; -cors turns it on\n\n",
		"GET     /v1/admin/endpoints  site_map      group ADMINS\n",
		"curl " + r.url + "/v1/manage/hc\n",
		"200 GET     /v1/manage/hc  ",
		"401 GET     /v1/users/whoami  ",
		"gateway: no token",
		"function: missing_group: needs the group ADMINS (" + filepath.Join(r.dir, "routes.yaml") + ":21)",
		`  | {"time":`,
	} {
		r.shows(want)
	}
	out := r.out.String()
	if strings.Contains(out, "eyJ") || strings.Contains(out, "\x1b") {
		t.Errorf("the terminal shows a token or an escape\n%s", out)
	}
}

func TestLocalStage(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *config) { c.stage, c.payloadV1, c.base64 = "mvp", true, true })
	// The API's address has the stage.
	base := strings.TrimSuffix(r.url, "/mvp")
	if base == r.url {
		t.Fatalf("the address %s has no stage", r.url)
	}
	if status, _, body := r.get("/v1/manage/hc", ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	r.url = base
	if status, _, body := r.get("/v1/manage/hc", ""); status != 404 {
		t.Errorf("without the stage: %d %s", status, body)
	}
	if status, _, body := r.get("/mvp/v1/users/whoami", r.token()); status != 200 {
		t.Errorf("with a token: %d %s", status, body)
	}
}

// With somebody else's issuer tokens are checked and none is made.
func TestLocalForeignIssuer(t *testing.T) {
	t.Parallel()
	theirs := start(t, nil)
	ours := start(t, func(c *config) { c.issuer, c.audiences = theirs.url+"/_routegate/issuer", []string{"routegate"} })
	if status, _, body := ours.get("/v1/users/whoami", theirs.token("-scopes", "a,b")); status != 200 || !strings.Contains(body, `"scope":"a b"`) {
		t.Errorf("a token of theirs: %d %s", status, body)
	}
	if status, _, _ := ours.get("/v1/users/whoami", ""); status != 401 {
		t.Errorf("no token: %d", status)
	}
	// The token route asks the built-in issuer, or whom the environment names.
	for r, want := range map[*running]int{theirs: 200, ours: 501} {
		resp, err := http.PostForm(r.url+"/v1/auth/token", url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"alice"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("the token route answers %s, want %d", resp.Status, want)
		}
	}
	var stdout, stderr bytes.Buffer
	address := strings.TrimPrefix(ours.url, "http://")
	if code := run(t.Context(), []string{"token", "-addr", address}, &stdout, &stderr); code != exitError || !strings.Contains(stderr.String(), "there is no built-in issuer") {
		t.Errorf("token: exit code %d, %s", code, stderr.String())
	}
	if !strings.Contains(ours.out.String(), "of the tokens of "+theirs.url) {
		t.Errorf("the terminal does not say whose tokens are checked\n%s", ours.out.String())
	}
}

// What is saved is what answers, and what is broken is told and does no harm.
func TestLocalReloads(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	answers := func(path, want string) {
		t.Helper()
		for range r.until(want) {
			if _, _, body := r.get(path, ""); strings.Contains(body, want) {
				return
			}
		}
	}
	answers("/v1/manage/hc", `"ok"`)
	r.edit("handlers/manage.go", `"ok"`, `"fine"`)
	answers("/v1/manage/hc", `"fine"`)

	r.edit("routes.yaml", "tests:", "  - {path: /v1/ping, method: GET, handler: health_check, name: ping_it, public: true}\n\ntests:")
	answers("/v1/ping", `"fine"`)

	// A build that fails, and its repair.
	r.edit("handlers/manage.go", "func healthCheck", "func healthCheck oops")
	r.shows("the function does not build")
	r.shows("handlers/manage.go:6")
	answers("/v1/manage/hc", `"fine"`)
	r.edit("handlers/manage.go", "func healthCheck oops", "func healthCheck")
	r.edit("handlers/manage.go", `"fine"`, `"well"`)
	answers("/v1/manage/hc", `"well"`)

	// A manifest that is wrong, one whose tests fail, and one with a handler that is not there.
	for _, broken := range []struct{ old, new, says string }{
		{"method: GET", "method: GOT", `unknown method "GOT", did you mean "GET"?`},
		{"allow: [GET /v1/manage/hc]", "deny: [GET /v1/manage/hc]", "duplicate key"},
		{"handler: whoami", "handler: whoami_not", `unknown handler "whoami_not"`},
	} {
		r.edit("routes.yaml", broken.old, broken.new)
		r.shows(broken.says)
		answers("/v1/manage/hc", `"well"`)
		answers("/_routegate/state", strings.Split(broken.says, `"`)[0])
		r.edit("routes.yaml", broken.new, broken.old)
		for range r.until("the end of the problem") {
			if _, _, body := r.get("/_routegate/state", ""); strings.Contains(body, `"problem":""`) {
				break
			}
		}
	}
}

// A bootstrap that was built elsewhere is run as it is, and again when it changes.
func TestLocalFunction(t *testing.T) {
	t.Parallel()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := func() {
		t.Helper()
		if out, err := exec.Command("go", "build", "-o", bootstrap, "../lambda").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	build()
	r := start(t, func(c *config) { c.function = bootstrap })
	if status, _, body := r.get("/v1/manage/hc", ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	// A change of the sources is not its business.
	r.edit("handlers/manage.go", `"ok"`, `"fine"`)
	if err := os.Remove(bootstrap); err != nil {
		t.Fatal(err)
	}
	r.shows("the last good version goes on")
	build()
	r.shows("deployed anew")
	if _, _, body := r.get("/v1/manage/hc", ""); body != `{"status":"ok"}` {
		t.Errorf("after it was built again: %s", body)
	}
}

// A function that crashes is reported, and the next request works.
func TestLocalCrash(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.edit("handlers/manage.go", `import "net/http"`, "import (\n\t\"net/http\"\n\t\"os\"\n)")
	r.edit("handlers/manage.go", "_ *http.Request) {", "r *http.Request) {\n\tif r.URL.Query().Has(\"crash\") {\n\t\tos.Exit(7)\n\t}")
	crashed := false
	for range r.until("a crash") {
		if status, _, body := r.get("/v1/manage/hc?crash", ""); status == 500 && body == `{"message":"Internal Server Error"}` {
			crashed = true
			break
		}
	}
	if !crashed {
		t.Fatal("the function did not crash")
	}
	if status, _, body := r.get("/v1/manage/hc", ""); status != 200 {
		t.Errorf("after the crash: %d %s", status, body)
	}
	r.shows("problem: the function ended: exit status 7; it printed ")
}

// Ordinary clients work unchanged.
func TestLocalClients(t *testing.T) {
	t.Parallel()
	r := start(t, nil)

	t.Run("curl", func(t *testing.T) {
		curl, err := exec.LookPath("curl")
		if err != nil && os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		if err != nil {
			t.Skip(err)
		}
		out, err := exec.Command(curl, "-sS", "-i", "-H", "Authorization: Bearer "+r.token(), r.url+"/v1/users/whoami").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 200 OK") || !strings.Contains(string(out), `"sub":"alice"`) {
			t.Errorf("%v\n%s", err, out)
		}
	})

	// An OpenID Connect client that knows the issuer's address only.
	t.Run("oauth", func(t *testing.T) {
		provider, err := oidc.NewProvider(t.Context(), r.url+"/_routegate/issuer")
		if err != nil {
			t.Fatal(err)
		}
		password := oauth2.Config{ClientID: "client", Endpoint: provider.Endpoint(), Scopes: []string{"a", "b"}}
		token, err := password.PasswordCredentialsToken(t.Context(), "alice", "alice")
		if err != nil {
			t.Fatal(err)
		}
		verified, err := provider.Verifier(&oidc.Config{ClientID: "routegate"}).Verify(t.Context(), token.AccessToken)
		if err != nil || verified.Subject != "alice" {
			t.Errorf("token %+v: %v", verified, err)
		}
		if _, err := password.PasswordCredentialsToken(t.Context(), "alice", "wrong"); err == nil {
			t.Error("a wrong password is taken")
		}
		machine := clientcredentials.Config{ClientID: "job", ClientSecret: "job", TokenURL: provider.Endpoint().TokenURL}
		resp, err := machine.Client(t.Context()).Get(r.url + "/v1/users/whoami")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || !strings.Contains(string(body), `"sub":"job"`) {
			t.Errorf("%s %s", resp.Status, body)
		}
	})
}

var soak = flag.Int("soak", 2_000, "how many requests TestSoak sends")

// Requests go on while the function is swapped every second, and none is lost.
func TestSoak(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *config) { c.concurrency = 4 })
	token := r.token()
	var sent, wrong, swaps atomic.Int64
	done := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-second.C:
			}
			before := strings.Count(r.out.String(), "deployed anew")
			r.edit("handlers/handlers.go", "package handlers", fmt.Sprintf("package handlers // %d", i))
			for strings.Count(r.out.String(), "deployed anew") == before {
				select {
				case <-done:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
			swaps.Add(1)
		}
	})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	var sending sync.WaitGroup
	for range 16 {
		sending.Go(func() {
			for sent.Add(1) <= int64(*soak) || swaps.Load() < 2 {
				req, _ := http.NewRequest(http.MethodGet, r.url+"/v1/users/whoami", nil)
				req.Header.Set("Authorization", "Bearer "+token)
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != 200 || !bytes.Contains(body, []byte(`"sub":"alice"`)) {
					if wrong.Add(1) < 10 {
						t.Errorf("%s %s %v", resp.Status, body, err)
					}
				}
			}
		})
	}
	start := time.Now()
	sending.Wait()
	close(done)
	swapping.Wait()
	t.Logf("%d requests in %.1f s, %d swaps, %d wrong", sent.Load(), time.Since(start).Seconds(), swaps.Load(), wrong.Load())
}
