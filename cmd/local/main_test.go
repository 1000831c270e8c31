package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/gateway"
)

func TestParse(t *testing.T) {
	for _, name := range []string{"AWS_API_GW_STAGE_NAME", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME", "JWT_ISSUER", "JWT_AUTHORIZED_AUDIENCES"} {
		t.Setenv(name, "")
	}
	standard := config{addr: "127.0.0.1:8080", manifest: "routes.yaml", groupsClaim: []string{"groups"}, audiences: []string{"routegate"}, concurrency: 4}
	with := func(change func(*config)) config { c := standard; change(&c); return c }
	tests := []struct {
		name    string
		args    string
		env     map[string]string
		want    config
		wantErr string
	}{
		{"nothing", "", nil, standard, ""},
		{"all", "-addr [::1]:1 -manifest x/routes.yaml -stage mvp -function f -concurrency 2 -payload 1.0 -base64 -strict-slash", nil,
			config{addr: "[::1]:1", manifest: "x/routes.yaml", named: true, stage: "mvp", groupsClaim: []string{"groups"}, audiences: []string{"routegate"}, function: "f", concurrency: 2, payloadV1: true, base64: true, strictSlash: true}, ""},
		{"issuer", "-issuer https://issuer.example.com/ -audience a,b", nil, with(func(c *config) { c.issuer, c.audiences = "https://issuer.example.com/", []string{"a", "b"} }), ""},
		{"environment", "", map[string]string{"AWS_API_GW_STAGE_NAME": "dev", "JWT_ISSUER": "https://i", "JWT_AUTHORIZED_AUDIENCES": "a, b", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME": `["a","b"]`},
			with(func(c *config) {
				c.stage, c.issuer, c.audiences, c.groupsClaim = "dev", "https://i", []string{"a", "b"}, []string{"a", "b"}
			}), ""},
		{"localhost", "-addr localhost:0", nil, with(func(c *config) { c.addr = "localhost:0" }), ""},
		{"every address", "-addr :8080", nil, config{}, "not on loopback"},
		{"every address, by number", "-addr 0.0.0.0:8080", nil, config{}, "not on loopback"},
		{"another address", "-addr 192.0.2.1:8080", nil, config{}, "not on loopback"},
		{"a name", "-addr example.com:8080", nil, config{}, "not on loopback"},
		{"no port", "-addr localhost", nil, config{}, "missing port"},
		{"no audience", "-issuer https://i", nil, config{}, "needs its audiences"},
		{"two audiences", "-audience a,b", nil, config{}, "has one audience"},
		{"cors", `-cors {"allow_origins":["https://a.example"],"allow_credentials":true,"max_age":5}`, nil, with(func(c *config) {
			c.cors = &gateway.CORS{AllowOrigins: []string{"https://a.example"}, AllowCredentials: true, MaxAge: 5,
				AllowMethods: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, AllowHeaders: []string{"authorization", "content-type"}}
		}), ""},
		{"cors without a value", "-cors", nil, config{}, "flag needs an argument: -cors"},
		{"cors that is not valid", "-cors=false", nil, config{}, `invalid value "false" for flag -cors: want a JSON object`},
		{"hosts", "-host api.test -host Other.Test", nil, with(func(c *config) { c.hosts = []string{"api.test", "other.test"} }), ""},
		{"a host with a port", "-host api.test:8080", nil, config{}, `invalid value "api.test:8080" for flag -host: want a host name without a scheme and a port`},
		{"payload", "-payload 3.0", nil, config{}, "want 1.0 or 2.0"},
		{"concurrency", "-concurrency 0", nil, config{}, "want at least 1"},
		{"argument", "x", nil, config{}, `unexpected argument "x"`},
		{"flag", "-x", nil, config{}, "not defined"},
		{"misspelt flag", "-adr=a", nil, config{}, `not defined: -adr, did you mean "-addr"?`},
		{"groups claim", "", map[string]string{"JWT_AUTHORIZATION_GROUPS_ATTR_NAME": "["}, config{}, "not a JSON list"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			got, err := parse(strings.Fields(test.args))
			if (err != nil) != (test.wantErr != "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Fatalf("error %v, want %q", err, test.wantErr)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(config{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	tests := []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"-h", exitFine, "usage: go run ./cmd/local", ""},
		{"token -h", exitFine, "usage: go run ./cmd/local", ""},
		{"-x", exitUsage, "", "not defined"},
		{"-addr :80", exitUsage, "", "not on loopback"},
		{"token x", exitUsage, "", "unexpected argument"},
		{"token -addr 127.0.0.1:1", exitError, "", "is go run ./cmd/local running?"},
		{"-addr 127.0.0.1:0 -manifest ../../routes.yaml -stage a/b", exitError, "", `stage "a/b"`},
		{"-addr 127.0.0.1:0 -manifest missing.yaml", exitError, "", "cannot read the manifest"},
		{"-addr 127.0.0.1:0 -manifest ../routes/testdata/clash.yaml", exitError, "", "[route-conflict]"},
	}
	for _, test := range tests {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), strings.Fields(test.args), &stdout, &stderr)
		if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) || test.stderr == "" && stderr.Len() > 0 {
			t.Errorf("local %s: exit code %d, want %d\nstdout %s\nstderr %s", test.args, code, test.code, stdout.String(), stderr.String())
		}
	}
}

// An error at the start says what to change.
func TestStartErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken, silent := filepath.Join(dir, "broken"), filepath.Join(dir, "silent")
	for name, script := range map[string]string{broken: "echo connecting; echo no database >&2; exit 1", silent: "exit 1"} {
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken := busy.Addr().String()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/openid-configuration" {
			fmt.Fprint(w, `{"issuer":"https://issuer.example.com/","jwks_uri":"https://issuer.example.com/keys"}`)
			return
		}
		http.NotFound(w, r)
	}))
	defer other.Close()

	const wrongIssuer = `local: cannot use the issuer "%s", from -issuer or JWT_ISSUER: `
	tests := []struct {
		name string
		args []string
		want string // a regular expression for standard error
	}{
		{"the function ends", []string{"-function", broken}, "local: the function does not start: exit status 1; it printed last:\n(connecting\nno database|no database\nconnecting)\n"},
		{"the function ends silently", []string{"-function", silent}, "local: the function does not start: exit status 1; it printed nothing\n"},
		{"the function is missing", []string{"-function", filepath.Join(dir, "missing")}, "local: cannot deploy the function: open .*/missing: no such file or directory\n"},
		{"the port is busy", []string{"-addr", taken}, "local: -addr " + taken + ": another program listens there: stop it, or choose another port\n"},
		{"nobody answers for the issuer", []string{"-issuer", gone.URL, "-audience", "api"}, fmt.Sprintf(wrongIssuer, gone.URL) + ".*connection refused\n"},
		{"the issuer has no discovery document", []string{"-issuer", other.URL + "/tenant", "-audience", "api"}, fmt.Sprintf(wrongIssuer, other.URL+"/tenant") + ".*/tenant/.well-known/openid-configuration: answered with status 404\n"},
		{"the issuer has another name", []string{"-issuer", other.URL, "-audience", "api"}, fmt.Sprintf(wrongIssuer, other.URL) + `.*the issuer calls itself "https://issuer.example.com/", not ".*"\n`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			args := append([]string{"-addr", "127.0.0.1:0", "-manifest", "../../routes.yaml"}, test.args...)
			ctx, cancel := context.WithTimeout(t.Context(), patience) // in case it starts
			defer cancel()
			code := run(ctx, args, io.Discard, &stderr)
			if code != exitError || !regexp.MustCompile("^"+test.want+"$").MatchString(stderr.String()) {
				t.Errorf("exit code %d, want %d\nstandard error: %s\nwant %s", code, exitError, stderr.String(), test.want)
			}
		})
	}
}

// What cannot be printed was not done.
func TestOutputFails(t *testing.T) {
	for _, name := range []string{"AWS_API_GW_STAGE_NAME", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME", "JWT_ISSUER", "JWT_AUTHORIZED_AUDIENCES"} {
		t.Setenv(name, "")
	}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"access_token":"x"}`) }))
	defer issuer.Close()
	for _, args := range [][]string{{"-h"}, {"token", "-h"}, {"token", "-addr", issuer.Listener.Addr().String()}} {
		var stderr bytes.Buffer
		if code := run(t.Context(), args, fullDisk{}, &stderr); code != exitError || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("local %q: exit code %d, want %d\n%s", args, code, exitError, stderr.String())
		}
		stderr.Reset()
		if code := run(t.Context(), args, io.Discard, &stderr); code != exitFine {
			t.Errorf("local %q: exit code %d, want 0\n%s", args, code, stderr.String())
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A manifest above is found, and the function is that of its service.
func TestManifestAbove(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":             "module example.com/orders\n",
		"config/routes.yaml": "version: 1\nroutes:\n  - {path: /, method: GET, handler: home, public: true}\n",
		"cmd/lambda/main.go": "package main\n\nfunc main() { orders() }\n",
		"config/deep/keep":   "",
	} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(dir, "config/deep"))
	var stderr strings.Builder
	code := run(t.Context(), []string{"-addr", "127.0.0.1:0"}, io.Discard, &stderr)
	for _, want := range []string{
		"local: using the manifest \"../routes.yaml\", found above this directory\n",
		"cmd/lambda/main.go:3:15: undefined: orders",
	} {
		if code != exitError || strings.Count(stderr.String(), want) != 1 {
			t.Errorf("exit code %d, want %d and once %q:\n%s", code, exitError, want, stderr.String())
		}
	}
}
