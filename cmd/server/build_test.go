package main

import (
	"crypto/sha256"
	"debug/elf"
	"flag"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// What is in the container beside the function's code is what checks signatures.
func TestDependencies(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{.Module.Path}}{{end}}", ".")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{
		"github.com/routegate/routegate":           true,
		"github.com/aws/aws-lambda-go":             true,
		"github.com/go-jose/go-jose/v4":            true,
		"github.com/julienschmidt/httprouter":      true,
		"github.com/santhosh-tekuri/jsonschema/v5": true,
		"gopkg.in/yaml.v3":                         true,
	}
	for module := range strings.FieldsSeq(string(out)) {
		if !allowed[module] {
			t.Errorf("the server has code of %s", module)
		}
	}
}

// An instruction of a Dockerfile, with its lines joined.
type instruction struct{ name, rest string }

func dockerfile(t *testing.T) (list []instruction) {
	t.Helper()
	data, err := os.ReadFile("../../deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(string(data), "")
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			list = append(list, instruction{name, strings.Join(strings.Fields(rest), " ")})
		}
	}
	return list
}

// The image is what the Dockerfile's comments say, as far as reading tells.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	var stages []string
	last := map[string]string{} // what the last stage says, by instruction
	for _, i := range dockerfile(t) {
		if i.name == "FROM" {
			stages = append(stages, i.rest)
			last = map[string]string{}
		}
		last[i.name] = strings.TrimSpace(last[i.name] + " " + i.rest)
	}
	if len(stages) != 2 {
		t.Fatalf("stages %q", stages)
	}
	for name, want := range map[string]string{
		"FROM": "gcr.io/distroless/static-debian13:nonroot", "COPY": "--from=build /server /server",
		"USER": "65532:65532", "EXPOSE": "8080 8081", "ENTRYPOINT": `["/server"]`,
	} {
		if last[name] != want {
			t.Errorf("%s %s, want %s", name, last[name], want)
		}
		delete(last, name)
	}
	if len(last) > 0 {
		t.Errorf("the image has more: %v", last)
	}
	// The builder is one release of Go, and one that can build this module.
	builder := regexp.MustCompile(`^--platform=\$BUILDPLATFORM golang:(\d+\.\d+\.\d+) AS build$`).FindStringSubmatch(stages[0])
	if builder == nil {
		t.Fatalf("FROM %s", stages[0])
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if needs := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod); version.Compare("go"+builder[1], "go"+string(needs[1])) < 0 {
		t.Errorf("Go %s does not build a module for %s", builder[1], needs[1])
	}
}

var full = flag.Bool("full", false, "compile everything once more for the second of two equal programs, which takes a minute")

// The Dockerfile's own build command makes, of the files that the build gets and
// of no others, one and the same static program in whatever folder. The second
// time little is compiled, unless the cache is another: see -full.
func TestDockerfileBuilds(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the command is for a Linux container")
	}
	command := ""
	for _, i := range dockerfile(t) {
		if i.name == "RUN" {
			command = regexp.MustCompile(`^(--mount=\S+ )+`).ReplaceAllString(i.rest, "")
		}
	}
	if !strings.HasPrefix(command, "CGO_ENABLED=0 ") || strings.Count(command, " -o /server ") != 1 {
		t.Fatalf("RUN %s", command)
	}
	for arch, machine := range map[string]elf.Machine{"arm64": elf.EM_AARCH64, "amd64": elf.EM_X86_64} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			var sums []string
			folders := 1
			if arch == runtime.GOARCH {
				folders = 2
			}
			for i := range folders {
				src, server := t.TempDir(), filepath.Join(t.TempDir(), "server")
				copyContext(t, src)
				cmd := exec.Command("sh", "-ec", strings.Replace(command, "-o /server", "-o "+server, 1))
				cmd.Dir = src
				cmd.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH="+arch, "GOFLAGS=")
				if *full && i > 0 {
					cmd.Env = append(cmd.Env, "GOCACHE="+t.TempDir())
				}
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				program, err := os.ReadFile(server)
				if err != nil {
					t.Fatal(err)
				}
				sums = append(sums, fmt.Sprintf("%x", sha256.Sum256(program)))
				f, err := elf.Open(server)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if libs, err := f.ImportedLibraries(); f.Machine != machine || err != nil || len(libs) > 0 {
					t.Errorf("a program for %v with the libraries %v (%v)", f.Machine, libs, err)
				}
				if len(sums) == 1 {
					t.Logf("%s: %d bytes", arch, len(program))
				}
			}
			if sums[0] != sums[len(sums)-1] {
				t.Error("the same source gave two programs")
			}
		})
	}
}

// copyContext copies what a build with the Dockerfile gets: the repository
// without what Dockerfile.dockerignore names. Of its patterns these forms are
// understood: a path from the top, and "**/" with a pattern for the last element.
func copyContext(t *testing.T, dst string) {
	t.Helper()
	data, err := os.ReadFile("../../deploy/Dockerfile.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			patterns = append(patterns, line)
		}
	}
	ignored := func(name string) bool {
		for _, p := range patterns {
			if last, ok := strings.CutPrefix(p, "**/"); ok {
				if match, err := path.Match(last, path.Base(name)); err != nil || match {
					return true
				}
			} else if strings.ContainsAny(p, "*?[!") {
				t.Fatalf("%q: this test does not understand such a pattern", p)
			} else if name == p {
				return true
			}
		}
		return false
	}
	files := 0
	err = fs.WalkDir(os.DirFS("../.."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && ignored(name):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dst, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			return err
		}
		files++
		return os.WriteFile(filepath.Join(dst, name), data, 0o644)
	})
	if err != nil || files < 50 {
		t.Fatalf("%d files: %v", files, err)
	}
	if _, err := os.Stat(filepath.Join(dst, "cmd/server/main_test.go")); err == nil {
		t.Error("the tests are in the build")
	}
}
