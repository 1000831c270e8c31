//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/routegate/routegate/framework/source"
	"github.com/routegate/routegate/framework/source/sourcetest"
)

var full = flag.Bool("full", false, "disturb the commands that write for minutes")

// A service is a directory with a manifest and handlers that routes add takes.
type service struct {
	dir string
	t   testing.TB
}

func makeService(t testing.TB) service {
	t.Helper()
	s := service{t.TempDir(), t}
	for name, text := range map[string]string{
		"go.mod":      "module example.com/orders\n",
		"routes.yaml": "version: 1\nroutes:\n  - {path: /v1/manage/hc, method: GET, handler: health_check, public: true}\n",
		"handlers/handlers.go": `package handlers

import (
	"net/http"

	"github.com/routegate/routegate/framework"
)

// All returns them.
func All() framework.Handlers {
	return framework.Handlers{
		"health_check": healthCheck,
	}
}

func healthCheck(http.ResponseWriter, *http.Request) {}
`,
	} {
		if err := os.MkdirAll(filepath.Dir(s.at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.at(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := sourcetest.Require(s.dir); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s service) at(name string) string { return filepath.Join(s.dir, name) }

// files returns what all files have in them, by their names.
func (s service) files() map[string]string {
	s.t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(s.dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		files[strings.TrimPrefix(name, s.dir+"/")] = string(data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

// program returns a call of this test binary as the program that TestMain makes
// of the name.
func (s service) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Args = append([]string{name}, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// check fails unless the manifest is valid, with every handler in the source.
func (s service) check(what string) {
	s.t.Helper()
	if out, err := s.program("routes", "check").CombinedOutput(); err != nil || strings.Contains(string(out), "[handlers-unknown]") {
		s.t.Fatalf("%s: %v\n%s", what, err, out)
	}
}

func (s service) handlers() []string {
	s.t.Helper()
	p, err := source.Read(s.at("handlers"))
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Names()
}

// Of many adds at once none is lost.
func TestAddAtOnce(t *testing.T) {
	t.Parallel()
	const adds = 12
	s := makeService(t)
	var all sync.WaitGroup
	for n := range adds {
		all.Go(func() {
			if out, err := s.program("routes", "add", "GET", fmt.Sprintf("/v1/things/%d", n), fmt.Sprintf("thing_%d", n)).CombinedOutput(); err != nil {
				t.Errorf("%d: %v\n%s", n, err, out)
			}
		})
	}
	all.Wait()
	s.check("after all")
	manifest := s.files()["routes.yaml"]
	for n := range adds {
		if want := fmt.Sprintf("/v1/things/%d\n", n); strings.Count(manifest, want) != 1 {
			t.Errorf("there is no route %s", want)
		}
	}
	if names := s.handlers(); len(names) != adds+1 {
		t.Errorf("%d handlers, want %d: %q", len(names), adds+1, names)
	}
	if n := len(s.files()); n != 5 {
		t.Errorf("%d files, want 5: %v", n, s.files())
	}
}

// A file that is locked and never let go is no reason to wait for ever, and one
// whose program has died is not locked.
func TestLock(t *testing.T) {
	t.Parallel()
	s := makeService(t)
	unlock, err := lock(s.at("routes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() {
		again, err := lock(s.at("routes.yaml"))
		if err == nil {
			again()
		}
		waits <- err
	}()
	select {
	case err := <-waits:
		t.Fatalf("locked twice, or refused at once: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	// The file is replaced meanwhile: the lock that is waited for is the new one's.
	if err := os.WriteFile(s.at("new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.at("new"), s.at("routes.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; err != nil {
		t.Error(err)
	}
	unlock()
	if _, err := lock(s.at("missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// A signal in the middle of an add leaves each file as it was or as it is to
// be, all of them alike unless it was SIGKILL, and the same add can be done after
// it.
func TestAddSignals(t *testing.T) {
	t.Parallel()
	times := 10
	if *full {
		times = 150
	}
	add := []string{"add", "GET", "/v1/orders/{id}", "get_order"}
	start := time.Now()
	whole := makeService(t)
	before := whole.files()
	if out, err := whole.program("routes", add...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	after, took := whole.files(), time.Since(start)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(2, uint64(sig)))
			done := 0
			for n := range times {
				s := makeService(t)
				cmd := s.program("routes", add...)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if n%2 == 0 {
					time.Sleep(time.Duration(random.Int64N(int64(took) + 1)))
				} else {
					// When it begins to write.
					for end := time.Now().Add(took); time.Now().Before(end); {
						if entries, err := os.ReadDir(s.at("handlers")); err != nil || len(entries) > 1 {
							break
						}
					}
				}
				_ = cmd.Process.Signal(sig) // it may have ended
				_ = cmd.Wait()
				got := s.files()
				for name, text := range got {
					switch {
					case text == after[name] || text == before[name] && before[name] != "":
					case sig == syscall.SIGKILL && strings.HasPrefix(filepath.Base(name), "."):
					default:
						t.Errorf("%d: %s is neither as before nor as after:\n%s", n, name, text)
					}
				}
				isBefore, isAfter := equal(got, before), equal(got, after)
				if sig != syscall.SIGKILL && !isBefore && !isAfter {
					t.Errorf("%d: some of the files were written, and others not: %v", n, got)
				}
				s.check(fmt.Sprintf("%d: after the signal", n))
				if got["routes.yaml"] == after["routes.yaml"] {
					done++
					continue
				}
				if out, err := s.program("routes", add...).CombinedOutput(); err != nil {
					t.Errorf("%d: the next add: %v\n%s", n, err, out)
				}
				s.check(fmt.Sprintf("%d: after the next add", n))
				if names := s.handlers(); len(names) != 2 {
					t.Errorf("%d: after the next add: handlers %q", n, names)
				}
			}
			t.Logf("%d of %d adds were done in spite of the signal", done, times)
		})
	}
}

func equal(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, text := range a {
		if b[name] != text {
			return false
		}
	}
	return true
}

func init() { programs["routes-on-a-full-disk"] = routesOnAFullDisk }

// routesOnAFullDisk is routes where no file may become longer than 40 bytes: each
// write takes what fits, and fails behind it, as on a disk that becomes full.
func routesOnAFullDisk() {
	signal.Ignore(syscall.SIGXFSZ) // else it would end the program
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 40, Max: 40}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(100)
	}
	routes()
}

// What finds no room for its files ends with 3, leaves the old ones, and no new
// one.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	s := makeService(t)
	if err := os.WriteFile(s.at("old"), []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := s.files()
	for _, args := range [][]string{
		{"add", "GET", "/v1/orders/{id}", "get_order"},
		{"add", "GET", "/v1/orders/{id}", "health_check", "-name", "again"},
		{"matrix", "-o", "old"},
		{"matrix", "-o", "new.html"},
		{"openapi", "-o", "old"},
		{"openapi", "-o", "new.json"},
		{"init", "new", "-module", "example.com/new"},
	} {
		var exit *exec.ExitError
		out, err := s.program("routes-on-a-full-disk", args...).CombinedOutput()
		if !errors.As(err, &exit) || exit.ExitCode() != exitError || !strings.Contains(string(out), "file too large") {
			t.Errorf("%q: %v, want exit code %d\n%s", args, err, exitError, out)
		}
		if got := s.files(); !equal(got, before) {
			t.Errorf("%q: the directory holds %v", args, got)
		}
	}
	if _, err := os.Stat(s.at("new")); err == nil {
		t.Error("init left a directory")
	}
}
