//go:build unix

package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"invoke": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// The real function, as it is built for deployment, answers events through
// AWS's own emulator of the Lambda runtime.
func TestFunction(t *testing.T) {
	needEmulator(t)
	t.Setenv("AWS_API_GW_STAGE_NAME", "")
	t.Setenv("JWT_AUTHORIZATION_GROUPS_ATTR_NAME", "")
	var log bytes.Buffer
	f, err := start(t.Context(), "../../routes.yaml", &log)
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if !stopped {
			f.stop()
		}
		stopped = true
	}
	defer stop()

	names, err := filepath.Glob("testdata/events/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no events: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			payload, err := f.invoke(t.Context(), section(archive, "event.json"))
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := printAnswer(&got, payload); err != nil {
				got.WriteString(err.Error() + "\n")
			}
			want := section(archive, "want")
			// The site map has whatever routes there are: its golden is cut.
			if start, ok := bytes.CutSuffix(want, []byte("…\n")); ok && bytes.HasPrefix(got.Bytes(), start) {
				return
			}
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: got.Bytes()})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want == nil {
				t.Fatal("no golden: run with -update")
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
	stop()
	if strings.Contains(log.String(), "eyJ") || strings.Contains(log.String(), "alice") {
		t.Errorf("the log holds a token or a claim:\n%s", log.String())
	}
	if !strings.Contains(log.String(), `"any_group_of":["ADMINS"]`) {
		t.Errorf("the log does not say which group a refused caller lacked:\n%s", log.String())
	}
}

func section(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// needEmulator skips where the emulator cannot be had, such as without a
// network; not in CI, where that is a failure.
func needEmulator(t *testing.T) {
	t.Helper()
	if _, err := installEmulator(context.Background()); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func TestScripts(t *testing.T) {
	needEmulator(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// The scripts run elsewhere, and still build this module's function.
			for _, name := range []string{"HOME", "GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "XDG_CACHE_HOME"} {
				if v := os.Getenv(name); v != "" {
					env.Setenv(name, v)
				}
			}
			here, err := os.Getwd()
			env.Setenv("HERE", here)
			return err
		},
	})
}

func TestPrintAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, payload, want, wantErr string }{
		{"text", `{"statusCode":200,"headers":{"content-type":"text/plain"},"cookies":["a=1","b=2"],"body":"hi"}`,
			"200 OK\ncontent-type: text/plain\nset-cookie: a=1\nset-cookie: b=2\n\nhi\n", ""},
		{"base64", `{"statusCode":201,"multiValueHeaders":{"X-A":["1","2"]},"body":"aGk=","isBase64Encoded":true}`,
			"201 Created\nx-a: 1\nx-a: 2\n\nhi\n", ""},
		{"bad base64", `{"statusCode":200,"body":"%","isBase64Encoded":true}`, "", "not base64"},
		{"crash", `{"errorMessage":"exit status 1","errorType":"Runtime.ExitError"}`, "", "gave no answer"},
		{"nothing", ``, "", "gave no answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got bytes.Buffer
			err := printAnswer(&got, []byte(test.payload))
			if (err != nil) != (test.wantErr != "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("error = %v, want %q", err, test.wantErr)
			}
			if err == nil && got.String() != test.want {
				t.Errorf("got %q, want %q", got.String(), test.want)
			}
		})
	}
}

// What cannot be printed was not done.
func TestOutputFails(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"statusCode":200}`) }))
	defer server.Close()
	for writes, want := range []int{exitError, exitError, exitFine} {
		var stderr strings.Builder
		f := &function{url: server.URL}
		if code := f.answer(t.Context(), [][]byte{healthCheck, healthCheck}, &fullDisk{free: writes}, &stderr); code != want || (code == exitFine) != (stderr.Len() == 0) {
			t.Errorf("after %d writes: exit code %d, want %d; standard error %q", writes, code, want, stderr.String())
		}
	}
	if code := run([]string{"-h"}, nil, &fullDisk{}, io.Discard); code != exitError {
		t.Errorf("-h: exit code %d, want %d", code, exitError)
	}
}

// A fullDisk takes so many writes, and none behind them.
type fullDisk struct{ free int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.free == 0 {
		return 0, syscall.ENOSPC
	}
	d.free--
	return len(p), nil
}
