//go:build unix

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/route"
)

const motoManifest = `version: 1
routes:
  - {path: /v1/hc, method: GET, handler: health_check, public: true}
  - {path: /v1/me, method: GET, handler: whoami, groups: [USERS]}
  - {path: '/v1/users/{id}', method: GET, handler: whoami, name: get_user, scopes: [users/read, users/all]}
  - {path: '/v1/users/{id}', method: DELETE, handler: whoami, name: delete_user, groups: [ADMINS], scopes: [users/all]}
  - {path: '/v1/files/{path+}', method: ANY, handler: site_map, name: files, scopes: [files]}
  - {path: /v1/jobs, method: POST, handler: health_check, name: start_job, auth: iam}
`

// program returns where a program is. The test is skipped where there is none,
// unless ROUTEGATE_MOTO says that there must be.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		// A shim of pyenv is there for programs that its Python does not have.
		run := exec.Command(path, "--version").Run()
		if exit := (*exec.ExitError)(nil); errors.As(run, &exit) && (exit.ExitCode() == 126 || exit.ExitCode() == 127) {
			err = fmt.Errorf("%s does not run: %w", path, run)
		}
	}
	switch {
	case err == nil:
		return path
	case os.Getenv("ROUTEGATE_MOTO") != "":
		t.Fatalf("ROUTEGATE_MOTO is set: %v", err)
	}
	t.Skipf("%s is not installed (pip install 'moto[server]' awscli), so nothing is compared with a server that others wrote", name)
	return ""
}

// startMoto starts moto_server and returns its URL.
func startMoto(t *testing.T) string {
	t.Helper()
	server := program(t, "moto_server")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()
	cmd := exec.Command(server, "-H", host, "-p", port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it may be a script that has a child
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
	})
	url := "http://" + net.JoinHostPort(host, port)
	for range 240 {
		if resp, err := http.Get(url + "/moto-api/"); err == nil {
			resp.Body.Close()
			return url
		}
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("moto_server ended: %v", err)
		case <-time.After(250 * time.Millisecond):
		}
	}
	t.Fatal("moto_server does not answer")
	return ""
}

// A motoAPI is an HTTP API in moto, which the aws command line changes.
type motoAPI struct {
	aws, id, integration, authorizer string
	routes                           map[string]string // route ids by route key
}

// command runs a command of aws apigatewayv2 on the API, or one of aws lambda or aws
// iam, and returns what it prints.
func (m *motoAPI) command(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := m.try(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (m *motoAPI) try(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if args[0] != "iam" && args[0] != "lambda" {
		args = append([]string{"apigatewayv2"}, args...)
		if m.id != "" {
			args = append(args, "--api-id", m.id)
		}
	}
	cmd := exec.CommandContext(ctx, m.aws, append(args, "--output", "json")...)
	cmd.WaitDelay = 5 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("aws %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}

// made returns one value of what a command prints about what it made.
func made(t *testing.T, out []byte, key string) string {
	t.Helper()
	var values map[string]any
	if err := json.Unmarshal(out, &values); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, ok := values[key].(string)
	if !ok {
		t.Fatalf("no %s in %s", key, out)
	}
	return text
}

// createRoute returns the arguments that make a route as gen-tf defines it.
func (m *motoAPI) createRoute(key, authorizationType string, scopes ...string) []string {
	args := []string{"create-route", "--route-key", key, "--authorization-type", authorizationType, "--target", "integrations/" + m.integration}
	if authorizationType == "JWT" {
		args = append(args, "--authorizer-id", m.authorizer)
	}
	if len(scopes) > 0 {
		args = append(append(args, "--authorization-scopes"), scopes...)
	}
	return args
}

const motoFunction = "arn:aws:lambda:eu-west-1:123456789012:function:users"

// createFunction makes the function that the API calls.
func (m *motoAPI) createFunction(t *testing.T) {
	t.Helper()
	var code bytes.Buffer
	archive := zip.NewWriter(&code)
	if _, err := archive.Create("bootstrap"); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	var role struct{ Role struct{ Arn string } }
	if err := json.Unmarshal(m.command(t, "iam", "create-role", "--role-name", "users", "--assume-role-policy-document", "{}"), &role); err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, "function.zip", code.String())
	m.command(t, "lambda", "create-function", "--function-name", "users", "--runtime", "provided.al2023", "--handler", "bootstrap", "--role", role.Role.Arn, "--zip-file", "fileb://"+file)
}

// withFunctionURLs answers for moto that there are no Function URLs: moto 5.2 lacks
// ListFunctionUrlConfigs.
func withFunctionURLs(t *testing.T, moto string) string {
	t.Helper()
	target, err := url.Parse(moto)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/urls") {
			fmt.Fprint(w, `{"FunctionUrlConfigs": []}`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// newMotoAPI sets an API up from what gen-tf writes of the table.
func newMotoAPI(t *testing.T, table *route.Table) *motoAPI {
	t.Helper()
	m := &motoAPI{aws: program(t, "aws"), routes: make(map[string]string)}
	m.createFunction(t)
	id := made(t, m.command(t, "create-api", "--name", "users", "--protocol-type", "HTTP"), "ApiId")
	m.id = id
	m.integration = made(t, m.command(t, "create-integration", "--integration-type", "AWS_PROXY", "--payload-format-version", "2.0",
		"--integration-uri", motoFunction), "IntegrationId")
	m.command(t, "create-stage", "--stage-name", "$default", "--auto-deploy")
	m.authorizer = made(t, m.command(t, "create-authorizer", "--name", "main", "--authorizer-type", "JWT", "--identity-source", "$request.header.Authorization",
		"--jwt-configuration", "Audience=users-app,admin-app,Issuer=https://issuer.example/"), "AuthorizerId")

	var generated struct {
		Routes map[string]struct {
			Key    string   `json:"route_key"`
			Type   string   `json:"authorization_type"`
			Scopes []string `json:"authorization_scopes"`
		} `json:"routes_definitions"`
	}
	if err := json.Unmarshal(gen.Terraform(table, gen.Obytes, gen.JSON, "routes.yaml"), &generated); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		key string
		out []byte
		err error
	}
	answers := make(chan answer, len(generated.Routes))
	for _, r := range generated.Routes { // at once: aws takes half a second to start
		go func() {
			out, err := m.try(m.createRoute(r.Key, r.Type, r.Scopes...)...)
			answers <- answer{r.Key, out, err}
		}()
	}
	for range generated.Routes {
		a := <-answers
		if a.err != nil {
			t.Fatal(a.err)
		}
		m.routes[a.key] = made(t, a.out, "RouteId")
	}
	if len(m.routes) != table.Len() {
		t.Fatalf("%d of %d routes were made", len(m.routes), table.Len())
	}
	return m
}

// A gateway that was set up from generated routes is as the manifest says. What
// is changed behind our back is found, in AWS itself and in what its command
// line prints.
//
// moto and the aws command line are other people's work. moto 5.2 lacks
// get-authorizers, so that the files have what get-authorizer prints; and it
// ignores it when an update takes all scopes away, so that the route is made
// anew.
func TestDriftAgainstMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	program(t, "aws")
	useAWS(t, withFunctionURLs(t, startMoto(t)))
	manifest := writeFile(t, "routes.yaml", motoManifest)
	table, report := route.Load("routes.yaml", []byte(motoManifest), nil)
	if table == nil {
		t.Fatal(report.Err())
	}
	m := newMotoAPI(t, table)
	tokens := []string{"-manifest", manifest, "-issuer", "https://issuer.example/", "-audience", "users-app,admin-app", "-json"}
	dir := t.TempDir()

	// check compares in both ways. The files show neither stages nor other ways to the
	// function, so they are unknown.
	check := func(what string, wantCode int, want ...string) {
		t.Helper()
		files := make(map[string]string)
		for name, args := range map[string][]string{
			"routes": {"get-routes"}, "authorizers": {"get-authorizer", "--authorizer-id", m.authorizer}, "integrations": {"get-integrations"},
		} {
			files[name] = filepath.Join(dir, name+".json")
			if err := os.WriteFile(files[name], m.command(t, args...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for source, args := range map[string][]string{
			"live":  {"-api-id", m.id},
			"files": {"-routes", files["routes"], "-authorizers", files["authorizers"], "-integrations", files["integrations"]},
		} {
			wantCode, want := wantCode, slices.Clone(want)
			if source == "files" {
				want = append(want, "unknown", "unknown")
				if wantCode < 4 {
					wantCode = 5
				}
			}
			code, stdout, stderr := runDrift(append(args, tokens...)...)
			var printed struct {
				Findings []struct{ Kind, Authorizer, Message, Request, Caller string }
			}
			if err := json.Unmarshal([]byte(stdout), &printed); err != nil {
				t.Fatalf("%s, %s: exit code %d: %v\n%s%s", what, source, code, err, stdout, stderr)
			}
			var got []string
			for _, f := range printed.Findings {
				text := f.Kind
				if f.Authorizer != "" {
					text += " " + f.Message
				} else if f.Request != "" {
					text += " " + f.Request + " by " + f.Caller
				}
				got = append(got, text)
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" || code != wantCode {
				t.Errorf("%s, %s: exit code %d, want %d; findings (-want +got):\n%s", what, source, code, wantCode, diff)
			}
		}
	}

	check("as generated", 0)

	m.command(t, "update-route", "--route-id", m.routes["GET /v1/me"], "--authorization-type", "NONE")
	check("no token is asked", 4,
		"exposed GET /v1/me by nobody",
		"blocked GET /v1/me by a token with group USERS")
	m.command(t, "update-route", "--route-id", m.routes["GET /v1/me"], "--authorization-type", "JWT", "--authorizer-id", m.authorizer)

	m.command(t, "update-route", "--route-id", m.routes["DELETE /v1/users/{id}"], "--authorization-scopes", "users/read")
	check("another scope", 4,
		"exposed DELETE /v1/users/x by a token with scope users/read",
		"blocked DELETE /v1/users/x by a token with group ADMINS and scope users/all")

	m.command(t, "delete-route", "--route-id", m.routes["DELETE /v1/users/{id}"])
	check("a route is deleted", 1, "missing DELETE /v1/users/x by a token with group ADMINS and scope users/all")

	m.command(t, m.createRoute("DELETE /v1/users/{user}", "JWT")...)
	check("without its scopes", 4, "exposed DELETE /v1/users/x by a token")

	m.command(t, m.createRoute("GET /v1/debug", "NONE")...)
	check("a route more", 4,
		"exposed DELETE /v1/users/x by a token",
		"orphan GET /v1/debug by nobody")

	m.command(t, "update-authorizer", "--authorizer-id", m.authorizer, "--jwt-configuration", "Audience=users-app,guests,Issuer=https://issuer.example")
	check("another authorizer", 4,
		"exposed DELETE /v1/users/x by a token",
		"orphan GET /v1/debug by nobody",
		`exposed authorizer "main" takes tokens with the issuer "https://issuer.example"`,
		`blocked authorizer "main" does not take tokens with the issuer "https://issuer.example/"`,
		`exposed authorizer "main" takes tokens with the audience "guests"`,
		`blocked authorizer "main" does not take tokens with the audience "admin-app"`)

	m.command(t, "lambda", "add-permission", "--function-name", "users", "--statement-id", "everybody", "--action", "lambda:InvokeFunction", "--principal", "*")
	if code, stdout, stderr := runDrift("-api-id", m.id, "-manifest", manifest); code != 4 || !strings.Contains(stdout, "EXPOSED   resource policy statement at ") {
		t.Errorf("a resource policy for everybody: exit code %d\n%s%s", code, stdout, stderr)
	}

	// A part of the answer is no answer.
	part := writeFile(t, "part.json", string(m.command(t, "get-routes", "--max-items", "2")))
	if code, _, stderr := runDrift("-manifest", manifest, "-routes", part); code != 3 || !strings.Contains(stderr, "one page of several") {
		t.Errorf("a part: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := runDrift("-manifest", manifest, "-api-id", "other"); code != 3 || !strings.Contains(stderr, "NotFoundException") {
		t.Errorf("another API: exit code %d: %s", code, stderr)
	}
}
