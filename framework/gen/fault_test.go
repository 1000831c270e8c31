//go:build linux

package gen

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var full = flag.Bool("full", false, "disturb the writing of files for minutes")

// TestMain makes this test binary a program that writes a file, where a test
// starts it as one.
func TestMain(m *testing.M) {
	switch os.Getenv("ROUTEGATE_TEST_WRITER") {
	case "":
		os.Exit(m.Run())
	case "again":
		writeAgain(os.Args[1])
	case "limited":
		limit, _ := strconv.ParseUint(os.Args[2], 10, 64)
		writeLimited(os.Args[1], limit)
	}
}

// The two contents of the files. Neither is a part of the other.
var one, two = bytes.Repeat([]byte("one\n"), 100_000), bytes.Repeat([]byte("second\n"), 100_000)

func writer(kind string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "ROUTEGATE_TEST_WRITER="+kind, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// writeAgain writes one and two in turn until something ends it. It says when it
// begins.
func writeAgain(name string) {
	fmt.Println("begin")
	for {
		for _, data := range [][]byte{two, one} {
			if _, err := WriteFile(name, data); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}

// writeLimited writes two where no file may become longer than the limit: a write
// takes what fits, and fails behind it, as on a disk that becomes full.
func writeLimited(name string, limit uint64) {
	signal.Ignore(syscall.SIGXFSZ) // else it would end the program
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, err := WriteFile(name, two)
	switch {
	case errors.Is(err, syscall.EFBIG):
		os.Exit(3)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A signal in the middle of writing leaves the old file or the new one, and
// nothing beside it unless it was SIGKILL, behind which nobody can tidy up.
func TestWriteFileSignals(t *testing.T) {
	t.Parallel()
	times := 25
	if *full {
		times = 300
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, uint64(sig)))
			left := 0
			for n := range times {
				dir := t.TempDir()
				name := filepath.Join(dir, "out.tf")
				mustWrite(t, name, string(one), true)
				cmd := writer("again", name)
				stdout, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(stdout, make([]byte, len("begin"))); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(random.Int64N(int64(10 * time.Millisecond))))
				if sig == syscall.SIGKILL { // most of the time nothing is being written
					for begin := time.Now(); time.Since(begin) < time.Second; {
						if entries, err := os.ReadDir(dir); err != nil || len(entries) > 1 {
							break
						}
					}
				}
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				err = cmd.Wait()
				if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != sig {
					t.Fatalf("%d: it ended with %v, want the signal", n, err)
				}
				if got := read(t, name); got != string(one) && got != string(two) {
					t.Fatalf("%d: the file has %d bytes, and is neither the old nor the new one", n, len(got))
				}
				entries, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				if sig != syscall.SIGKILL {
					checkOnly(t, dir, "out.tf")
				} else if left += len(entries) - 1; len(entries) > 2 {
					t.Errorf("%d: the directory holds %v", n, entries)
				}
				if _, err := WriteFile(name, []byte("three\n")); err != nil || read(t, name) != "three\n" {
					t.Errorf("%d: the next write: %v", n, err)
				}
			}
			if sig == syscall.SIGKILL && left == 0 {
				t.Error("no write was in the middle: the test shows nothing")
			}
		})
	}
}

// On a disk that becomes full, wherever in the file that is, the old file stays,
// and nothing else does.
func TestWriteFileDiskFull(t *testing.T) {
	t.Parallel()
	whole := len(two)
	for _, limit := range []int{0, 1, 4095, 4096, 4097, whole / 2, whole - 1, whole} {
		for _, old := range []bool{false, true} {
			dir := t.TempDir()
			name := filepath.Join(dir, "out.tf")
			if old {
				mustWrite(t, name, string(one), true)
			}
			err := writer("limited", name, strconv.Itoa(limit)).Run()
			var exit *exec.ExitError
			switch {
			case limit == whole:
				if err != nil || read(t, name) != string(two) {
					t.Errorf("%d bytes free: %v", limit, err)
				}
			case !errors.As(err, &exit) || exit.ExitCode() != 3:
				t.Errorf("%d bytes free: %v, want an error of WriteFile that is EFBIG", limit, err)
			case old && read(t, name) != string(one):
				t.Errorf("%d bytes free: the old file is lost", limit)
			}
			if old || limit == whole {
				checkOnly(t, dir, "out.tf")
			} else {
				checkOnly(t, dir)
			}
		}
	}
}

// Of several at once one wins, with all that it wrote.
func TestWriteFileAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 { // the moment is short at which a file begins to be there
		writeAtOnce(t)
	}
}

func writeAtOnce(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "out.tf")
	contents := make(map[string]bool)
	var all sync.WaitGroup
	for n := range 20 {
		data := strings.Repeat(fmt.Sprintln("writer", n), 1_000+n)
		contents[data] = true
		all.Go(func() {
			if _, err := WriteFile(name, []byte(data)); err != nil {
				t.Error(err)
			}
		})
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if got, err := os.ReadFile(name); err == nil && !contents[string(got)] {
				t.Errorf("a reader saw %d bytes that nobody wrote", len(got))
				return
			}
		}
	})
	all.Wait()
	close(stop)
	reader.Wait()
	if !contents[read(t, name)] {
		t.Error("the file is nobody's")
	}
	checkOnly(t, dir, "out.tf")
}

// A signal that comes meanwhile is not lost, and is sent again when the last call
// has returned, be they nested or several at once.
func TestUndisturbed(t *testing.T) {
	// So that it does not end the tests, not even if one is late.
	seen := make(chan os.Signal, 10)
	signal.Notify(seen, syscall.SIGHUP)
	await := func() {
		t.Helper()
		select {
		case <-seen:
		case <-time.After(30 * time.Second):
			t.Fatal("the signal is lost")
		}
	}
	why := errors.New("f's own")
	err := Undisturbed(func() error {
		inside := make(chan struct{})
		var other sync.WaitGroup
		other.Go(func() {
			_ = Undisturbed(func() error { <-inside; return nil })
		})
		err := Undisturbed(func() error {
			return errors.Join(syscall.Kill(os.Getpid(), syscall.SIGHUP), why)
		})
		await() // as it came
		close(inside)
		other.Wait()
		if len(seen) > 0 {
			t.Error("it was sent again before the last call has returned")
		}
		return err
	})
	if !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
	await() // again
}
