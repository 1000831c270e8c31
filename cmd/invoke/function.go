//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/routegate/routegate/framework/source"
)

// The Runtime Interface Emulator has no release on the module proxy but this
// form of its main branch.
const (
	emulator        = "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie"
	emulatorVersion = "v0.0.0-20261030222936-bef5c4ba774d"
)

// A function is the deployed program, running under the emulator.
type function struct {
	dir string // holds bootstrap
	url string // where the emulator takes events
	cmd *exec.Cmd
}

// start builds the function of the manifest's service and the emulator, and starts
// both. Both write their logs to w. The caller must stop the function.
func start(ctx context.Context, manifest string, w io.Writer) (_ *function, err error) {
	service, err := source.Of(manifest)
	if err != nil {
		return nil, err
	}
	rie, err := installEmulator(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "routegate-")
	if err != nil {
		return nil, err
	}
	f := &function{dir: dir}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	bootstrap := filepath.Join(dir, "bootstrap")
	if err := goCommand(ctx, service.Dir, nil, "build", "-tags", "lambda.norpc", "-o", bootstrap, "./cmd/lambda"); err != nil {
		return nil, fmt.Errorf("cannot build the function: %w", err)
	}
	events, err := freeAddress()
	if err != nil {
		return nil, err
	}
	runtimeAPI, err := freeAddress()
	if err != nil {
		return nil, err
	}
	f.url = "http://" + events + "/2015-03-31/functions/function/invocations"
	f.cmd = exec.Command(rie, "--log-level", "error", "--runtime-interface-emulator-address", events, "--runtime-api-address", runtimeAPI, bootstrap)
	f.cmd.Dir, f.cmd.Stdout, f.cmd.Stderr = dir, w, w
	// A group of its own, so that an interrupt from the terminal reaches it by way
	// of stop only, and the function is ended in order.
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := f.cmd.Start(); err != nil {
		f.cmd = nil
		return nil, fmt.Errorf("cannot start the emulator: %w", err)
	}
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", events)
		if err == nil {
			return f, conn.Close()
		}
		if time.Now().After(until) || ctx.Err() != nil {
			return nil, fmt.Errorf("the emulator does not listen: %w", err)
		}
	}
}

// stop ends emulator and function and removes what start wrote.
func (f *function) stop() {
	if f.cmd != nil {
		_ = f.cmd.Process.Signal(syscall.SIGTERM) // on which it ends the function
		kill := time.AfterFunc(5*time.Second, func() { _ = f.cmd.Process.Kill() })
		_ = f.cmd.Wait() // its exit code says nothing
		kill.Stop()
	}
	os.RemoveAll(f.dir)
}

// invoke sends an event and returns the function's answer.
func (f *function) invoke(ctx context.Context, event []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(event))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the emulator does not answer: %w", err)
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// installEmulator returns the path of the emulator, which it takes from the Go
// module proxy and builds once; it is kept in the user's cache.
func installEmulator(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "routegate", emulatorVersion)
	path := filepath.Join(dir, "aws-lambda-rie")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Built beside and renamed, so that two at once do not meet half a file.
	beside, err := os.MkdirTemp(dir, "building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(beside)
	// GOFLAGS and the target are for the user's own module and function.
	env := []string{"GOBIN=" + beside, "GOFLAGS=", "GOOS=", "GOARCH="}
	if err := goCommand(ctx, "", env, "install", emulator+"@"+emulatorVersion); err != nil {
		return "", fmt.Errorf("cannot build the emulator: %w", err)
	}
	if err := os.Rename(filepath.Join(beside, "aws-lambda-rie"), path); err != nil {
		return "", err
	}
	return path, nil
}

// goCommand runs the go command in dir, or in the working directory if dir is empty.
func goCommand(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// freeAddress returns a loopback address that nothing listens on just now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
