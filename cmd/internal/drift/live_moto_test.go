//go:build unix

package drift_test

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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/routegate/routegate/cmd/internal/drift"
)

// program returns where a program is. The test is skipped without it, unless
// ROUTEGATE_MOTO says that it must be there.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		// A shim of pyenv exists for programs that its Python does not have.
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
	t.Skipf("%s is not installed (pip install 'moto[server]' awscli), so nothing is read from a server that others wrote", name)
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

// withURLs stands before moto 5.2, which has get-function-url-config and lacks
// list-function-url-configs, and makes the list of the one.
func withURLs(t *testing.T, moto string) string {
	t.Helper()
	target, err := url.Parse(moto)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		function, isList := strings.CutSuffix(r.URL.EscapedPath(), "/urls")
		if !isList {
			proxy.ServeHTTP(w, r)
			return
		}
		ask, err := http.NewRequest("GET", moto+function+"/url", nil)
		if err != nil {
			t.Error(err)
			return
		}
		ask.Header = r.Header.Clone() // moto takes the region from the signature
		resp, err := http.DefaultClient.Do(ask)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		one, _ := io.ReadAll(resp.Body)
		if resp.StatusCode >= 300 { // there is none
			one = nil
		}
		fmt.Fprintf(w, `{"FunctionUrlConfigs":[%s]}`, one)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// awsCommand runs the aws command line and returns one value of what it prints.
func awsCommand(t *testing.T, key string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t, "aws"), append(args, "--output", "json")...)
	cmd.WaitDelay = 5 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	if key == "" {
		return string(out)
	}
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

// moto and the aws command line are other people's work: what they make of an API with
// doors to its function is read, and nothing else.
func TestReadLiveFromMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	program(t, "aws")
	useAWS(t, withURLs(t, startMoto(t)))
	var archive bytes.Buffer
	zipped := zip.NewWriter(&archive)
	if f, err := zipped.Create("bootstrap"); err != nil {
		t.Fatal(err)
	} else if _, err := f.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	zipped.Close()
	code := filepath.Join(t.TempDir(), "function.zip")
	if err := os.WriteFile(code, archive.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	awsCommand(t, "", "iam", "create-role", "--role-name", "users", "--assume-role-policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	function := awsCommand(t, "FunctionArn", "lambda", "create-function", "--function-name", "users", "--runtime", "provided.al2023", "--handler", "bootstrap",
		"--role", "arn:aws:iam::123456789012:role/users", "--zip-file", "fileb://"+code)
	api := awsCommand(t, "ApiId", "apigatewayv2", "create-api", "--name", "users", "--protocol-type", "HTTP")
	integration := awsCommand(t, "IntegrationId", "apigatewayv2", "create-integration", "--api-id", api, "--integration-type", "AWS_PROXY", "--payload-format-version", "2.0", "--integration-uri", function)
	authorizer := awsCommand(t, "AuthorizerId", "apigatewayv2", "create-authorizer", "--api-id", api, "--name", "main", "--authorizer-type", "JWT", "--identity-source", "$request.header.Authorization",
		"--jwt-configuration", "Audience=users-app,Issuer=https://issuer.example/")
	awsCommand(t, "", "apigatewayv2", "create-route", "--api-id", api, "--route-key", "GET /me", "--authorization-type", "JWT", "--authorizer-id", authorizer, "--target", "integrations/"+integration)
	awsCommand(t, "", "apigatewayv2", "create-stage", "--api-id", api, "--stage-name", "$default", "--auto-deploy")
	permission := func(id, principal string, more ...string) {
		awsCommand(t, "", append([]string{"lambda", "add-permission", "--function-name", "users", "--statement-id", id, "--action", "lambda:InvokeFunction", "--principal", principal}, more...)...)
	}
	permission("api", "apigateway.amazonaws.com", "--source-arn", "arn:aws:execute-api:eu-west-1:123456789012:"+api+"/*/*")

	read := func() *drift.Live {
		t.Helper()
		live, err := drift.ReadLive(t.Context(), drift.ReadOptions{API: api})
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := live.Function.Get(); !ok || string(id) != function {
			t.Errorf("function %q, want %q", id, function)
		}
		for _, r := range live.Routes {
			a, ok1 := r.Authorizer.Get()
			i, ok2 := r.Integration.Get()
			if key, _ := r.Key.Get(); key != "GET /me" || !ok1 || !ok2 || a == nil || i == nil {
				t.Errorf("route %+v", r)
			}
		}
		return live
	}
	if live := read(); len(live.Doors) > 0 || len(live.Gaps) > 0 || len(live.Routes) != 1 || len(live.Stages) != 1 {
		t.Errorf("without doors: %s", dumpLive(live, nil))
	}

	permission("everybody", "*")
	other := awsCommand(t, "ApiId", "apigatewayv2", "create-api", "--name", "other", "--protocol-type", "HTTP")
	second := awsCommand(t, "IntegrationId", "apigatewayv2", "create-integration", "--api-id", other, "--integration-type", "AWS_PROXY", "--integration-uri", function)
	awsCommand(t, "", "apigatewayv2", "create-route", "--api-id", other, "--route-key", "ANY /{proxy+}", "--target", "integrations/"+second)
	permission("other", "apigateway.amazonaws.com", "--source-arn", "arn:aws:execute-api:eu-west-1:123456789012:"+other+"/*/*")
	awsCommand(t, "", "lambda", "create-function-url-config", "--function-name", "users", "--auth-type", "NONE")
	found := dumpLive(read(), nil)
	for _, want := range []string{
		"door function URL", "unvouched (auth type NONE)",
		"door resource policy statement everybody: any event",
		"door route of another HTTP API " + other + "/", `unvouched ("ANY /{proxy+}" of the API ` + other + ", authorization type NONE)",
	} {
		if !strings.Contains(found, want) {
			t.Errorf("no %q in\n%s", want, found)
		}
	}
}
