package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/framework/source"
)

// buildArgs build what Lambda's OS-only runtimes run (Lambda developer guide,
// "Deploy Go Lambda functions with .zip file archives").
//
// The bytes depend on the source and on the Go that builds it, and on nothing
// else. -trimpath takes the directory out, and -buildvcs=false the commit: one
// that changes no source changes no byte, and nothing is deployed.
var buildArgs = []string{"-trimpath", "-buildvcs=false", "-ldflags", "-s -w"}

// buildTags leave out what only the runtime go1.x needed.
const buildTags = "lambda.norpc"

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

// build returns the function's program. It has the table of the manifest src in
// it, where it is one of package framework and has src.
func build(ctx context.Context, arch string, src []byte, table *route.Table) ([]byte, error) {
	dir, err := routeDir(ctx, arch)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		program, err := compile(ctx, arch, dir, table.PackagedSource(src))
		if err != nil || bytes.Contains(program, src) {
			return program, err
		}
		// It has another manifest, or makes one: New must check that.
	}
	return compile(ctx, arch, "", nil)
}

// routeDir returns where the source of package route is, here or among the modules
// that were downloaded, or "" where the function is not one of package framework.
// What does not build is said by the build.
func routeDir(ctx context.Context, arch string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-e", "-deps", "-tags", buildTags, "-f", "{{.ImportPath}}\t{{.Dir}}", "./cmd/lambda")
	cmd.Env = buildEnv(arch)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cannot list the packages of the function: %w", err)
	}
	dirs := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		dirs[path] = dir
	}
	if _, ok := dirs[frameworkPath]; !ok {
		return "", nil
	}
	return dirs[frameworkPath+"/route"], nil
}

// frameworkPath is the import path of package framework.
var frameworkPath = source.ModulePath + "/framework"

// packagedGo is the file that has the table. The go command adds it to package
// route, as if it were there ("go help build", -overlay).
const packagedGo = "packaged_table.go"

// compile builds the program, with the source of a table for package route, which is in
// the directory routes, unless that is nil.
func compile(ctx context.Context, arch, routes string, table []byte) ([]byte, error) {
	dir, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "routegate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "bootstrap")
	tags := buildTags
	args := append([]string{"build", "-o", name}, buildArgs...)
	if table != nil {
		overlay, err := writeOverlay(dir, filepath.Join(routes, packagedGo), table)
		if err != nil {
			return nil, err
		}
		tags += ",routegate.packaged"
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "-tags", tags, "./cmd/lambda")...)
	// The go command leaves its own directory behind where it is interrupted early.
	cmd.Env = append(buildEnv(arch), "GOTMPDIR="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the function does not build: %w\n%s", err, bytes.TrimSpace(out))
	}
	return os.ReadFile(name)
}

// writeOverlay writes to dir what adds a file to the source, and returns the name
// of the list that the go command reads.
func writeOverlay(dir, added string, text []byte) (string, error) {
	file := filepath.Join(dir, filepath.Base(added))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{added: file}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o600)
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
