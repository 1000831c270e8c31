package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/routegate/routegate"
)

// printing are calls that print results, in a directory that has what
// outputDir puts there.
var printing = [][]string{
	{"-h"},
	{"check", "-h"},
	{"check"},
	{"list"},
	{"list", "-json"},
	{"test"},
	{"test", "-json"},
	{"matrix"},
	{"matrix", "-format", "html"},
	{"matrix", "-o", "stale.md", "-check"},
	{"why", "GET", "/v1/manage/hc"},
	{"why", "GET", "/v1/admin/endpoints", "-json"},
	{"why", "GET", "/v1/admin/endpoints", "-groups", "ADMINS"},
	{"diff", "routes.yaml", "other.yaml"},
	{"diff", "-format", "markdown", "routes.yaml", "other.yaml"},
	{"diff", "-format", "sarif", "routes.yaml", "other.yaml"},
	{"diff", "-plan-order", "routes.yaml", "other.yaml"},
	{"drift", "-routes", "aws.json"},
	{"openapi"},
	{"openapi", "-o", "stale.md", "-check"},
	{"add", "GET", "/v1/new", "new_one", "-manifest", "other.yaml"},
	{"init", "service", "-module", "example.com/service"},
}

// outputDir returns a directory with the files that the calls read.
func outputDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"routes.yaml": string(routegate.Manifest),
		"other.yaml":  "version: 1\nroutes:\n  - {path: /v1/manage/hc, method: GET, handler: health_check}\n",
		"stale.md":    "old\n",
		"aws.json":    `{"Items": [{"RouteKey": "GET /v1/manage/hc", "RouteId": "a", "AuthorizationType": "NONE", "ApiKeyRequired": false}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A limitedWriter takes so many writes, and none behind them.
type limitedWriter struct{ left int }

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.left == 0 {
		return 0, syscall.ENOSPC
	}
	w.left--
	return len(p), nil
}

// What cannot be printed, be it the last line only, was not done.
func TestOutputFails(t *testing.T) {
	for _, args := range printing {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			for writes := 0; ; writes++ {
				t.Chdir(outputDir(t))
				var stderr strings.Builder
				w := &limitedWriter{left: writes}
				code := run(args, nil, w, &stderr)
				if w.left > 0 { // it writes no more than that
					if writes == 0 || code == exitError || code == exitUsage {
						t.Errorf("%d writes, exit code %d\n%s", writes, code, stderr.String())
					}
					return
				}
				// The last of the writes may have been its last.
				if code != exitError && !enough(t, args, writes) {
					t.Errorf("the write after %d fails, exit code %d, want %d\n%s", writes, code, exitError, stderr.String())
				}
				if code == exitError && !strings.Contains(stderr.String(), "no space left on device") {
					t.Errorf("standard error does not say why: %s", stderr.String())
				}
				if writes == 100 {
					return // a table; a hundred of its lines will do
				}
			}
		})
	}
}

// enough says whether a call makes no more than so many writes.
func enough(t *testing.T, args []string, writes int) bool {
	t.Chdir(outputDir(t))
	w := &limitedWriter{left: 1 << 30}
	run(args, nil, w, io.Discard)
	return 1<<30-w.left <= writes
}

// The same of the program: on a full disk it ends with 3, and so it does where
// nobody reads its output, unless SIGPIPE ends it.
func TestOutputFailsAsAProgram(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range printing {
		run := func(stdout *os.File, program string) *os.ProcessState {
			t.Helper()
			// The name by which TestMain knows the program.
			cmd := exec.Command(os.Args[0])
			cmd.Args = append([]string{program}, args...)
			cmd.Dir, cmd.Stdout = outputDir(t), stdout
			cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
			_ = cmd.Run() // the state says it all
			if cmd.ProcessState == nil {
				t.Fatal("it does not run")
			}
			return cmd.ProcessState
		}
		if state := run(full, "routes"); state.ExitCode() != exitError {
			t.Errorf("%v on a full disk: %v, want exit code %d", args, state, exitError)
		}
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close()
		if state := run(write, "routes"); !brokenPipe(state) {
			t.Errorf("%v with nobody who reads: %v", args, state)
		}
		if state := run(write, "routes-without-sigpipe"); state.ExitCode() != exitError {
			t.Errorf("%v with nobody who reads, SIGPIPE ignored: %v, want exit code %d", args, state, exitError)
		}
		write.Close()
	}
}

// brokenPipe says whether a program ended as those do whose output nobody reads.
func brokenPipe(s *os.ProcessState) bool {
	status, ok := s.Sys().(syscall.WaitStatus)
	return runtime.GOOS == "windows" && s.ExitCode() == exitError || ok && status.Signaled() && status.Signal() == syscall.SIGPIPE
}
