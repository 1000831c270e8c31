package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// buildArgs build what Lambda's OS-only runtimes run (Lambda developer guide,
// "Deploy Go Lambda functions with .zip file archives"). lambda.norpc leaves out
// what only the runtime go1.x needed.
//
// The bytes depend on the source and on the Go that builds it, and on nothing
// else. -trimpath takes the directory out, and -buildvcs=false the commit: one
// that changes no source changes no byte, and nothing is deployed.
var buildArgs = []string{"build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w"}

// buildEnv keeps out what a machine is set to: each of these would change the
// bytes. Where it can be, a value is not empty, since an empty one does not hide
// what "go env -w" has written.
func buildEnv(arch string) []string {
	return append(os.Environ(),
		"GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0",
		"CGO_ENABLED=0", // static: no libc of this machine
		"GOFLAGS=-trimpath", "GOWORK=off", "GOFIPS140=off", "GOEXPERIMENT=",
	)
}

// build returns the function's program.
func build(ctx context.Context, arch string) ([]byte, error) {
	dir, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "routegate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "bootstrap")
	args := append(append([]string{}, buildArgs...), "-o", name, "./cmd/lambda")
	cmd := exec.CommandContext(ctx, "go", args...)
	// The go command leaves its own directory behind where it is interrupted early.
	cmd.Env = append(buildEnv(arch), "GOTMPDIR="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the function does not build: %w\n%s", err, bytes.TrimSpace(out))
	}
	return os.ReadFile(name)
}

// epoch is the time of the file in the zip, the first that the format knows.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// archive returns the deployment package. The program must be named bootstrap,
// lie at the root and be executable for all.
func archive(bootstrap []byte) ([]byte, error) {
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: epoch}
	header.SetMode(0o755)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(bootstrap); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
