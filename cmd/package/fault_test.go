//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

var full = flag.Bool("full", false, "disturb the command, and compile everything once more, for minutes")

func init() { programs["package-on-a-full-disk"] = packageOnAFullDisk }

// packageOnAFullDisk is package with an output directory, dist, on a disk of its
// own that has room for less than a zip. It runs in a mount namespace of its own,
// so that nobody else sees the disk, and it goes with the program. Standard
// output gets what dist holds in the end.
func packageOnAFullDisk() {
	if err := syscall.Mount("none", "dist", "tmpfs", 0, "size=64k"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(100)
	}
	old := filepath.Join("dist", "function.zip")
	if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(100)
	}
	code := runProgram()
	entries, err := os.ReadDir("dist")
	data, readErr := os.ReadFile(old)
	fmt.Println(entries, string(data), errors.Join(err, readErr))
	os.Exit(code)
}

// smallService returns a directory with the service of the script package.txtar.
func smallService(t *testing.T) string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/script/package.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range archive.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "dist"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// program returns a call of this test binary as the program that TestMain makes
// of the name. Its temporary files are in tmp.
func program(dir, tmp, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Args = append([]string{name}, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// Where the zip finds no room the exit code is 3, and the old one is left, and
// nothing beside it.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	cmd := program(smallService(t), t.TempDir(), "package-on-a-full-disk")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings:  []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings:  []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EINVAL),
		errors.As(err, &exit) && exit.ExitCode() == 100:
		t.Skipf("no disk can be mounted here: %v\n%s", err, out)
	case !errors.As(err, &exit) || exit.ExitCode() != exitError || !strings.Contains(string(out), "no space left on device"):
		t.Errorf("%v, want exit code %d\n%s", err, exitError, out)
	}
	if !strings.Contains(string(out), "[- function.zip] old <nil>\n") {
		t.Errorf("the old zip is not all that is left:\n%s", out)
	}
}

// A signal at any moment leaves the old zip or the new one, and no other file,
// here or among the temporary ones, unless it was SIGKILL. The next run succeeds.
func TestSignals(t *testing.T) {
	t.Parallel()
	times := 4
	if *full {
		times = 30
	}
	dir := smallService(t)
	var took time.Duration
	for range 2 { // the first run fills the cache
		start := time.Now()
		if out, err := program(dir, t.TempDir(), "package", "-o", "one.zip").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		took = time.Since(start)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "one.zip"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(4, uint64(sig)))
			for n := range times {
				to, tmp := t.TempDir(), t.TempDir()
				name := filepath.Join(to, "function.zip")
				if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
					t.Fatal(err)
				}
				cmd := program(dir, tmp, "package", "-o", name)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(random.Int64N(int64(took))))
				_ = cmd.Process.Signal(sig) // it may have ended
				_ = cmd.Wait()
				if got, err := os.ReadFile(name); err != nil || string(got) != "old" && string(got) != string(whole) {
					t.Fatalf("%d: the zip has %d bytes, and is neither the old nor the new one; %v", n, len(got), err)
				}
				if sig != syscall.SIGKILL {
					for _, d := range []string{to, tmp} {
						if entries, err := os.ReadDir(d); err != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Name() != "function.zip" {
							t.Errorf("%d: a directory holds %v; %v", n, entries, err)
						}
					}
				}
				if out, err := program(dir, tmp, "package", "-o", name).CombinedOutput(); err != nil {
					t.Errorf("%d: the next run: %v\n%s", n, err, out)
				}
			}
		})
	}
}
