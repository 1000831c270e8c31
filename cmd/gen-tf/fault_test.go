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
)

var full = flag.Bool("full", false, "disturb the command for minutes")

func init() { programs["gen-tf-on-a-full-disk"] = genTFOnAFullDisk }

// genTFOnAFullDisk is gen-tf where no file may become longer than 40 bytes: each
// write takes what fits, and fails behind it, as on a disk that becomes full.
func genTFOnAFullDisk() {
	signal.Ignore(syscall.SIGXFSZ) // else it would end the program
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 40, Max: 40}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(100)
	}
	genTF()
}

// writeManifest writes a manifest of so many routes.
func writeManifest(t *testing.T, name string, routes int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("version: 1\nroutes:\n")
	for n := range routes {
		fmt.Fprintf(&b, "  - {path: /%d, method: GET, handler: h%d, public: true}\n", n, n)
	}
	if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// program returns a call of this test binary as the program that TestMain makes
// of the name.
func program(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Args = append([]string{name}, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// outputs returns a directory with two manifests, and what gen-tf makes of them.
func outputs(t *testing.T) (dir, one, two string, took time.Duration) {
	t.Helper()
	dir = t.TempDir()
	writeManifest(t, filepath.Join(dir, "one.yaml"), 10)
	writeManifest(t, filepath.Join(dir, "two.yaml"), 30)
	start := time.Now()
	for _, name := range []string{"one", "two"} {
		if out, err := program(dir, "gen-tf", "-manifest", name+".yaml", "-o", name+".tf").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return dir, read(t, dir, "one.tf"), read(t, dir, "two.tf"), time.Since(start)
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// checkOnly checks that a new directory has the file and nothing else.
func checkOnly(t *testing.T, dir, file string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != file {
		t.Errorf("the directory holds %v, want %q; %v", entries, file, err)
	}
}

// A signal at any moment leaves the old file or the new one, and nothing beside
// it unless it was SIGKILL. The next run succeeds.
func TestSignals(t *testing.T) {
	t.Parallel()
	times := 10
	if *full {
		times = 150
	}
	dir, one, two, took := outputs(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(3, uint64(sig)))
			for n := range times {
				to := t.TempDir()
				name := filepath.Join(to, "out.tf")
				if err := os.WriteFile(name, []byte(one), 0o644); err != nil {
					t.Fatal(err)
				}
				cmd := program(dir, "gen-tf", "-manifest", "two.yaml", "-o", name)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if n%2 == 0 {
					time.Sleep(time.Duration(random.Int64N(int64(took) + 1)))
				} else {
					// When it begins to write.
					for end := time.Now().Add(10 * took); time.Now().Before(end); {
						if entries, err := os.ReadDir(to); err != nil || len(entries) > 1 {
							break
						}
					}
				}
				_ = cmd.Process.Signal(sig) // it may have ended
				_ = cmd.Wait()
				if got := read(t, to, "out.tf"); got != one && got != two {
					t.Fatalf("%d: the file has %d bytes, and is neither the old nor the new one", n, len(got))
				}
				if sig != syscall.SIGKILL {
					checkOnly(t, to, "out.tf")
				}
				if out, err := program(dir, "gen-tf", "-manifest", "two.yaml", "-o", name).CombinedOutput(); err != nil || read(t, to, "out.tf") != two {
					t.Errorf("%d: the next run: %v\n%s", n, err, out)
				}
			}
		})
	}
}

// Of several at once one wins, with all that it wrote, and none fails.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	dir, one, two, _ := outputs(t)
	to := t.TempDir()
	name := filepath.Join(to, "out.tf")
	for range 3 {
		var all sync.WaitGroup
		for n := range 6 {
			all.Go(func() {
				manifest := []string{"one.yaml", "two.yaml"}[n%2]
				if out, err := program(dir, "gen-tf", "-manifest", manifest, "-o", name).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		all.Wait()
		if got := read(t, to, "out.tf"); got != one && got != two {
			t.Errorf("the file has %d bytes, and is nobody's", len(got))
		}
		checkOnly(t, to, "out.tf")
	}
}

// What finds no room for its file ends with 3 and leaves the old one.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir, one, _, _ := outputs(t)
	to := t.TempDir()
	name := filepath.Join(to, "out.tf")
	if err := os.WriteFile(name, []byte(one), 0o644); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	out, err := program(dir, "gen-tf-on-a-full-disk", "-manifest", "two.yaml", "-o", name).CombinedOutput()
	if !errors.As(err, &exit) || exit.ExitCode() != exitError || !strings.Contains(string(out), "file too large") {
		t.Errorf("%v, want exit code %d\n%s", err, exitError, out)
	}
	if got := read(t, to, "out.tf"); got != one {
		t.Errorf("the file has %d bytes, and is not the old one", len(got))
	}
	checkOnly(t, to, "out.tf")
}

// To a disk that is full, and to nobody, nothing is written.
func TestStdoutFailsAsAProgram(t *testing.T) {
	t.Parallel()
	dir, _, _, _ := outputs(t)
	disk, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err) // every Linux has it
	}
	defer disk.Close()
	r, nobody, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer nobody.Close()
	for _, args := range [][]string{{"-h"}, {"-manifest", "one.yaml", "-o", "-"}, {"-manifest", "one.yaml", "-o", "two.tf", "-check"}} {
		cmd := program(dir, "gen-tf", args...)
		cmd.Stdout = disk
		if _ = cmd.Run(); cmd.ProcessState.ExitCode() != exitError {
			t.Errorf("%q on a full disk: %v, want exit code %d", args, cmd.ProcessState, exitError)
		}
		cmd = program(dir, "gen-tf", args...)
		cmd.Stdout = nobody
		_ = cmd.Run()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGPIPE {
			t.Errorf("%q with nobody who reads: %v", args, cmd.ProcessState)
		}
	}
}
