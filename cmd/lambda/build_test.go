package main

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxSize is how large the function may be: what it reads when it starts.
const maxSize = 9_000_000

// The function is built as for deployment: a static program for each of the
// two architectures of provided.al2023.
func TestBuildsForLambda(t *testing.T) {
	t.Parallel()
	for arch, machine := range map[string]elf.Machine{"arm64": elf.EM_AARCH64, "amd64": elf.EM_X86_64} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			bootstrap := filepath.Join(t.TempDir(), "bootstrap")
			cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", bootstrap, ".")
			cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if info, err := os.Stat(bootstrap); err != nil {
				t.Error(err)
			} else if info.Size() >= maxSize {
				t.Errorf("it has %d bytes, want less than %d", info.Size(), maxSize)
			}
			f, err := elf.Open(bootstrap)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.Machine != machine {
				t.Errorf("machine is %v, want %v", f.Machine, machine)
			}
			if libs, err := f.ImportedLibraries(); err != nil || len(libs) > 0 {
				t.Errorf("needs the libraries %v (%v), want a static program", libs, err)
			}
			info, err := buildinfo.ReadFile(bootstrap)
			if err != nil {
				t.Fatal(err)
			}
			tags := ""
			for _, s := range info.Settings {
				if s.Key == "-tags" {
					tags = s.Value
				}
			}
			if tags != "lambda.norpc" {
				t.Errorf("built with the tags %q", tags)
			}
		})
	}
}

// What only a command needs stays out of the function.
func TestDependencies(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-tags", "lambda.norpc", "-deps", "-f", "{{if .Module}}{{.Module.Path}}{{end}}", ".")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{
		"github.com/routegate/routegate":           true,
		"github.com/aws/aws-lambda-go":             true,
		"github.com/julienschmidt/httprouter":      true,
		"github.com/santhosh-tekuri/jsonschema/v5": true,
		"gopkg.in/yaml.v3":                         true,
	}
	found := make(map[string]bool)
	for module := range strings.FieldsSeq(string(out)) {
		found[module] = true
		if !allowed[module] {
			t.Errorf("the function has code of %s", module)
		}
	}
	for module := range allowed {
		if !found[module] {
			t.Errorf("the function has no code of %s: is the list read right?", module)
		}
	}
}
