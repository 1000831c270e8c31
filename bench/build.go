package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/routegate/routegate/bench/sample"
)

// A repository is a copy of this one, of what git tracks and what is new, as it
// lies there, without bench.
type repository struct{ dir string }

// copyRepository copies it. With sampled it gets the handlers of the sample API in
// place of its own.
func copyRepository(dir string, sampled bool) (repository, error) {
	r := repository{dir}
	list, err := output("..", nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return r, err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if strings.HasPrefix(name, "bench/") || sampled && strings.HasPrefix(name, "handlers/") {
			continue
		}
		data, err := os.ReadFile(filepath.Join("..", name))
		if os.IsNotExist(err) {
			continue // removed, and git not told yet
		}
		if err == nil {
			err = r.write(name, data)
		}
		if err != nil {
			return r, err
		}
	}
	if sampled {
		data, err := os.ReadFile("handlers/handlers.go")
		if err != nil {
			return r, err
		}
		return r, r.write("handlers/handlers.go", data)
	}
	return r, nil
}

func (r repository) write(name string, data []byte) error {
	name = filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// function has cmd/package make the function of n routes of the sample, or of the
// manifest that is there where n is 0, and writes its program to a file.
func (r repository) function(n int, arch, name string) error {
	if n > 0 {
		if err := r.write("routes.yaml", sample.Manifest(n)); err != nil {
			return err
		}
		// It packages nothing beside stale Terraform.
		if _, err := output(r.dir, nil, "go", "run", "./cmd/gen-tf"); err != nil {
			return err
		}
	}
	archive := name + ".zip"
	if _, err := output(r.dir, nil, "go", "run", "./cmd/package", "-arch", arch, "-o", archive); err != nil {
		return err
	}
	program, err := unzip(archive)
	if err != nil {
		return err
	}
	return os.WriteFile(name, program, 0o755)
}

func unzip(archive string) ([]byte, error) {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	f, err := z.Open("bootstrap")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// build builds a command of this module as cmd/package builds the function.
func build(pkg, arch, name string) error {
	env := []string{
		"GOOS=linux", "GOARCH=" + arch, "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=0",
		"GOFLAGS=-trimpath", "GOWORK=off", "GOFIPS140=off", "GOEXPERIMENT=",
	}
	_, err := output(".", env, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", name, pkg)
	return err
}

// output runs a command in a directory and returns what it wrote to its standard
// output.
func output(dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.Bytes(), nil
}

// The programs below are built once, when they are asked for first.

// program returns the file that make has written.
func (b *bench) program(name string, make func(name string) error) (string, error) {
	file := filepath.Join(b.dir, name)
	if b.made[name] {
		return file, nil
	}
	fmt.Fprintln(b.progress, "building", name)
	if err := make(file + ".made"); err != nil {
		return "", err
	}
	if err := unpack(file+".made", file); err != nil {
		return "", err
	}
	b.made[name] = true
	return file, nil
}

// unpack copies a program page by page. The kernel keeps in one piece what was
// written at once, where it finds room for that, and then maps more of it when one
// page is looked at: up to a tenth of a function's memory and of the time it takes to
// start, by chance.
func unpack(from, to string) error {
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	defer f.Close()
	for piece := range slices.Chunk(program, os.Getpagesize()) {
		if _, err := f.Write(piece); err != nil {
			return err
		}
	}
	return f.Close()
}

// packaged returns the function of n routes of the sample API.
func (b *bench) packaged(n int, arch string) (string, error) {
	return b.program(fmt.Sprintf("routegate-%d-%s", n, arch), func(name string) error {
		r, err := b.copied(true)
		if err != nil {
			return err
		}
		return r.function(n, arch, name)
	})
}

// shipped returns the function of the repository as it is, with documentation.
func (b *bench) shipped(arch string) (string, error) {
	return b.program("shipped-"+arch, func(name string) error {
		r, err := b.copied(false)
		if err != nil {
			return err
		}
		return r.function(0, arch, name)
	})
}

// command returns a command of the repository. Some commands need its handlers.
func (b *bench) command(cmd string) (string, error) {
	return b.program(cmd, func(name string) error {
		r, err := b.copied(false)
		if err != nil {
			return err
		}
		_, err = output(r.dir, nil, "go", "build", "-o", name, "./cmd/"+cmd)
		return err
	})
}

// built returns a command of this module.
func (b *bench) built(pkg, arch string) (string, error) {
	return b.program(pkg+"-"+arch, func(name string) error { return build("./"+pkg, arch, name) })
}

func (b *bench) copied(sampled bool) (repository, error) {
	name := "copy"
	if sampled {
		name = "copy-sampled"
	}
	dir := filepath.Join(b.dir, name)
	if b.made[name] {
		return repository{dir}, nil
	}
	b.made[name] = true
	return copyRepository(dir, sampled)
}

const thisArch = runtime.GOARCH
