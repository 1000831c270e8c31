package main

import (
	"archive/zip"
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/source/sourcetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, programs)
}

// programs are what this test binary is under another name.
var programs = map[string]func(){
	"package": main,
}

func runProgram() int { return run(context.Background(), os.Args[1:], os.Stdout, os.Stderr) }

// TestScripts runs the command on a service that is small to build.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// TestRepository runs the command on two copies of this repository, in $WORK/one
// and $WORK/two.
func TestRepository(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/repository",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"one", "two"} {
				if err := copyRepository(filepath.Join(env.WorkDir, name)); err != nil {
					return err
				}
			}
			return setup(env)
		},
		Condition: func(name string) (bool, error) {
			if name != "full" {
				return false, fmt.Errorf("no condition %q", name)
			}
			return *full, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// setup gives a script, which has a home of its own, the settings of the go command,
// and its modules the framework.
func setup(env *testscript.Env) error {
	settings, err := sourcetest.GoEnv()
	if err != nil {
		return err
	}
	for name, value := range settings {
		env.Setenv(name, value)
	}
	return sourcetest.Require(env.WorkDir)
}

// copyRepository copies what the function is built of.
func copyRepository(dir string) error {
	root := os.DirFS("../..")
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" && !d.IsDir():
			return nil // in a work tree; whoever commits to the copy would commit to it
		case d.IsDir() && (name == ".git" || name == "dist" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), data, 0o644)
	})
}

// exits runs a command and checks its exit code: exits 3 package -o x.zip.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code is %d, want %d", got, want)
	}
}

// The zip has one file, as Lambda wants it, and in it a static program for each
// of the two architectures of provided.al2023. The one of this machine answers.
func TestPackage(t *testing.T) {
	t.Chdir("../..")
	for arch, machine := range map[string]elf.Machine{"arm64": elf.EM_AARCH64, "amd64": elf.EM_X86_64} {
		t.Run(arch, func(t *testing.T) {
			program := unpack(t, arch)
			// What Lambda loads when an instance starts. With Swagger UI, and without
			// YAML and JSON Schema, it was 6.9 MB for arm64 and 7.5 MB for amd64.
			t.Logf("%d bytes", len(program))
			if len(program) >= 8_000_000 {
				t.Errorf("has %d bytes, want less than 8,000,000", len(program))
			}
			f, err := elf.NewFile(bytes.NewReader(program))
			if err != nil {
				t.Fatal(err)
			}
			if f.Machine != machine {
				t.Errorf("machine is %v, want %v", f.Machine, machine)
			}
			if libs, err := f.ImportedLibraries(); err != nil || len(libs) > 0 {
				t.Errorf("needs the libraries %v (%v), want a static program", libs, err)
			}
			if f.Section(".symtab") != nil || f.Section(".debug_info") != nil || f.Section(".zdebug_info") != nil {
				t.Error("is not stripped")
			}
			checkSettings(t, program, arch)
			if runtime.GOOS == "linux" && runtime.GOARCH == arch {
				answers(t, program)
				makesNothing(t, program)
			}
		})
	}
}

// unpack packages the function and returns what is in the zip.
func unpack(t *testing.T, arch string) []byte {
	t.Helper()
	p := newPackager(t, arch)
	bootstrap, err := p.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(bootstrap, []byte(p.table.Digest())) {
		t.Error("the program does not have the table")
	}
	for name, want := range map[string]bool{"route.(*Router).Decide": true, "route.(*compiler).": false} {
		if bytes.Contains(bootstrap, []byte(frameworkPath+"/"+name)) != want {
			t.Errorf("the program has %s: %v, want %v", name, !want, want)
		}
	}
	data, err := archive(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.File) != 1 {
		t.Fatalf("the zip has %d files, want 1", len(r.File))
	}
	if f := r.File[0]; f.Name != "bootstrap" || f.Mode() != 0o755 || !f.Modified.Equal(epoch) {
		t.Errorf("the file is %q, %v, of %v, want \"bootstrap\", -rwxr-xr-x, of %v", f.Name, f.Mode(), f.Modified, epoch)
	}
	f, err := r.Open("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	program, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// checkSettings checks everything that the program was built with: the commit,
// for one, is no part of it.
func checkSettings(t *testing.T, program []byte, arch string) {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	want := map[string]string{
		"-buildmode": "exe", "-compiler": "gc", "-tags": "lambda.norpc,routegate.packaged", "-trimpath": "true",
		"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": arch,
	}
	switch arch {
	case "arm64":
		want["GOARM64"] = "v8.0"
	case "amd64":
		want["GOAMD64"] = "v1"
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("settings of the build (-want +got):\n%s", d)
	}
	if info.Main.Version != "(devel)" {
		t.Errorf("version is %q, want none of the commit's", info.Main.Version)
	}
}

// A packaged function checks no manifest, so that it must not start with another
// than the one that was checked.
func TestChecksNoOther(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the function is a program for Linux")
	}
	t.Chdir("../..")
	p := newPackager(t, runtime.GOARCH)
	program, err := p.compile(t.Context(), packagedFile(p.table.Packaged(append(p.src, '\n'))))
	if err != nil {
		t.Fatal(err)
	}
	out, err := start(t, program)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !bytes.Contains(out, []byte("[not-packaged]")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// A function whose manifest is not known is packaged only if a flag says so, and then
// checks its manifest when it starts.
func TestChecksItsOwn(t *testing.T) {
	t.Chdir("../..")
	p := newPackager(t, runtime.GOARCH)
	p.src = append(p.src, '\n')
	if program, err := p.build(t.Context()); err == nil || program != nil {
		t.Errorf("a function without a manifest that it embeds is packaged: %v", err)
	}
	p.function.known = false
	if program, err := p.build(t.Context()); err != nil || program != nil {
		t.Errorf("a function with an unknown manifest is packaged: %v", err)
	}
	p.allowUnknown = true
	program, err := p.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range info.Settings {
		if s.Key == "-tags" && s.Value != buildTags {
			t.Errorf("built with the tags %s, want %s", s.Value, buildTags)
		}
	}
}

// newPackager returns a packager of this repository, which it has checked.
func newPackager(t *testing.T, arch string) *packager {
	t.Helper()
	p := &packager{command: command{manifest: "routes.yaml", arch: arch}, stdout: io.Discard, stderr: io.Discard, tmp: t.TempDir()}
	if ok, err := p.check(t.Context()); err != nil || !ok {
		t.Fatalf("the repository is not one to package: %v", err)
	}
	return p
}

// answers runs the program against Lambda's Runtime API, where it starts with the
// table that it was packaged with: it could not read the manifest.
func answers(t *testing.T, program []byte) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(name, program, 0o755); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r, err := gateway.NewRuntime(gateway.RuntimeOptions{
		Concurrency: 1, Log: &log,
		Env: []string{"AWS_API_GW_STAGE_NAME=", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME="},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := r.Deploy(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	event, err := os.ReadFile("cmd/invoke/health_check.json")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.Invoke(t.Context(), event)
	if err != nil || !bytes.Contains(answer, []byte(`"statusCode":200`)) {
		t.Errorf("Invoke = %s, %v, want the status 200\n%s", answer, err, &log)
	}
}

// makesNothing checks that the table lies in the program as data: no memory is made
// for it when package main is initialized.
func makesNothing(t *testing.T, program []byte) {
	t.Helper()
	out, _ := start(t, program, "GODEBUG=inittrace=1")
	if !regexp.MustCompile(`(?m)^init main @.* 0 bytes, 0 allocs$`).Match(out) {
		t.Errorf("the table is made when the program starts, or that is not traced:\n%s", out)
	}
}

// start runs the program where nothing listens for its first poll, and returns what
// it prints.
func start(t *testing.T, program []byte, env ...string) ([]byte, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(name, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name)
	cmd.Env = append(env, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1")
	return cmd.CombinedOutput()
}

// What cannot be printed was not done.
func TestStdoutFails(t *testing.T) {
	t.Chdir("../..")
	for _, args := range [][]string{{"-h"}, {"-arch", runtime.GOARCH, "-o", filepath.Join(t.TempDir(), "function.zip")}} {
		var stderr strings.Builder
		if code := run(t.Context(), args, fullDisk{}, &stderr); code != exitError || !strings.Contains(stderr.String(), "no space") {
			t.Errorf("run(%q) = %d, want %d\n%s", args, code, exitError, stderr.String())
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
