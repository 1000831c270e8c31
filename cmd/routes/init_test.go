//go:build unix

package main

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"errors"
	"go/format"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/source"
)

// goEnv makes the go command take the modules that this repository's build has
// already downloaded: go.sum of the new service does not have them yet.
const goEnv = "GOFLAGS=-mod=mod GOWORK=off "

// A new service builds, and its tests pass: everything that init says to do next
// can be done.
func TestInit(t *testing.T) {
	t.Parallel()
	for _, modulePath := range []string{"example.com/orders", "example.org/team/my-service.v1/v2", "orders"} {
		t.Run(modulePath, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "a service")
			var stdout, stderr strings.Builder
			if code := run([]string{"init", dir, "-module", modulePath}, nil, &stdout, &stderr); code != exitFine {
				t.Fatalf("exit code %d\n%s", code, stderr.String())
			}
			if !strings.Contains(stderr.String(), "built from a checkout") || !strings.Contains(stdout.String(), "go mod tidy") {
				t.Errorf("said %q, %q", stdout.String(), stderr.String())
			}
			checkFormat(t, dir)
			steps := []struct{ command, want string }{
				{goEnv + "go mod tidy >log 2>&1 || cat log; rm log", ""},
				{"go vet ./...", ""},
				{"go test ./... >log 2>&1 || cat log; rm log", ""},
				{"go tool routes check", "routes.yaml: 2 routes, 2 tests pass\n"},
				{"go tool routes drift 2>/dev/null; echo $?", "2\n"}, // where go run ends with 1
				{"go tool gen-tf -check", "up to date: deploy/terraform/routes_definitions.tf\n"},
				{"go tool package 2>&1 | grep -o '^wrote dist/function.zip'", "wrote dist/function.zip\n"},
				{"GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -o /dev/null ./cmd/lambda", ""},
			}
			if modulePath != "example.com/orders" {
				steps = steps[:2] // whose packages are found
			}
			for _, step := range steps {
				if got := shell(dir, step.command); got != step.want {
					t.Fatalf("$ %s\n%s", step.command, got)
				}
			}
			if modulePath != "example.com/orders" {
				return
			}

			// A route that is added answers, and goes on to be tested for.
			if got := shell(dir, "go tool routes add GET /v1/orders/{id} get_order -public"); !strings.Contains(got, "wrote handlers/orders.go: function getOrder\n") {
				t.Errorf("routes add: %s", got)
			}
			if got := shell(dir, "go vet ./... && go tool routes check"); got != "routes.yaml: 3 routes, 2 tests pass\n" {
				t.Errorf("routes check: %s", got)
			}
			if got := shell(dir, "go test ./handlers"); !strings.Contains(got, `no test of the manifest covers "GET /v1/orders/{id}"`) {
				t.Errorf("go test: %s", got)
			}

			checkEnds(t, dir)

			local := &localServer{}
			local.start(t, dir, "go tool local")
			for path, want := range map[string]string{"/v1/manage/hc": "200 OK {\"status\":\"ok\"}\n", "/v1/orders/42": "501 Not Implemented not implemented\n"} {
				res, err := http.Get("http://" + local.address + path)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				if body, err := io.ReadAll(res.Body); err != nil || res.Status+" "+string(body) != want {
					t.Errorf("%s: %s %s, %v", path, res.Status, body, err)
				}
			}
		})
	}
}

// checkEnds checks that the function of a service closes what it has opened when it
// is asked to end.
func checkEnds(t *testing.T, dir string) {
	t.Helper()
	main := filepath.Join(dir, "cmd/lambda/main.go")
	src, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	const place = "\t\t// Close it here."
	if strings.Count(string(src), place) != 1 {
		t.Fatalf("where is a database closed?\n%s", src)
	}
	changed := strings.Replace(string(src), place, "\t\tlog.Print(\"closed\")\n"+place, 1)
	if err := os.WriteFile(main, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := shell(dir, "go build -o dist/bootstrap ./cmd/lambda"); out != "" {
		t.Fatal(out)
	}
	if err := os.WriteFile(main, src, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r, err := gateway.NewRuntime(gateway.RuntimeOptions{Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Deploy(t.Context(), filepath.Join(dir, "dist/bootstrap")); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), " closed\n") {
		t.Errorf("the function has closed nothing:\n%s", log.String())
	}
}

// A service that requires a released version, which lies among the modules that were
// downloaded and cannot be added to, is packaged with its table all the same.
func TestReleased(t *testing.T) {
	t.Parallel()
	released := module.Version{Path: source.ModulePath, Version: "v1.2.3"}
	files, err := newService("example.com/orders", version{version: released.Version})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range files {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	// The go command finds the version in a proxy of its own, and most others where
	// this repository's build has downloaded them.
	env := `GOPROXY="file://` + serve(t, released) + `,file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" ` +
		`GOSUMDB=off GOWORK=off GOMODCACHE="` + t.TempDir() + `" `
	for _, step := range []struct{ command, want string }{
		{env + "GOFLAGS='-mod=mod -modcacherw' go mod tidy >log 2>&1 || cat log; rm log", ""},
		{env + "GOFLAGS=-modcacherw go tool package 2>&1 | grep -o '^wrote dist/function.zip'", "wrote dist/function.zip\n"},
	} {
		if got := shell(dir, step.command); got != step.want {
			t.Fatalf("$ %s\n%s", step.command, got)
		}
	}

	z, err := zip.OpenReader(filepath.Join(dir, "dist/function.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	program, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(info.Settings, debug.BuildSetting{Key: "-tags", Value: "lambda.norpc,routegate.packaged"}) {
		t.Errorf("the function has no table: it was built with %v", info.Settings)
	}
	if !slices.ContainsFunc(info.Deps, func(m *debug.Module) bool {
		return m.Path == released.Path && m.Version == released.Version && m.Replace == nil
	}) {
		t.Errorf("the function was built with another %s", released.Path)
	}
}

// serve makes a module proxy that has this repository, as it is, as a version, and
// returns its directory (Go modules reference, "GOPROXY protocol").
func serve(t *testing.T, v module.Version) string {
	t.Helper()
	repository := t.TempDir()
	copyRepository(t, repository)
	proxy := t.TempDir()
	at := filepath.Join(proxy, v.Path, "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := modzip.CreateFromDir(&archive, v, repository); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"list": []byte(v.Version + "\n"), v.Version + ".info": []byte(`{"Version":"` + v.Version + `"}`),
		v.Version + ".mod": mod, v.Version + ".zip": archive.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(at, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return proxy
}

// checkFormat checks that the Go files in dir are formatted.
func checkFormat(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if filepath.Ext(name) == ".go" {
			if formatted, err := format.Source(data); err != nil || string(formatted) != string(data) {
				t.Errorf("%s is not formatted: %v", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The module's path is the only thing that is put into the files.
func TestNewService(t *testing.T) {
	t.Parallel()
	released := version{version: "v1.2.3"}
	one, err := newService(starterModule, released)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newService("example.org/a/b/v2", released)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range one {
		text := strings.ReplaceAll(string(data), starterModule, "example.org/a/b/v2")
		text = strings.Replace(text, "# orders\n", "# b\n", 1)
		text = strings.Replace(text, `= "orders"`, `= "b"`, 1)
		if diff := cmp.Diff(text, string(other[name])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// What deploys this repository deploys a service, by the commands as tools.
	for _, file := range []string{".github/workflows/routegate.yml", "deploy/terraform/function.tf", "deploy/examples/obytes/gateway.tf"} {
		text := string(one[file])
		if text == "" || strings.Contains(text, "go run ") || strings.Contains(text, " ./cmd/") || strings.HasPrefix(text, "# Copy") {
			t.Errorf("%s:\n%s", file, text)
		}
	}
	if got := string(other["deploy/terraform/variables.tf"]); !strings.Contains(got, "\n  default     = \"b\"\n") {
		t.Errorf("variables.tf:\n%s", got)
	}
	if got := string(one["go.mod"]); !strings.Contains(got, "\nrequire "+source.ModulePath+" v1.2.3\n") || strings.Contains(got, "replace") {
		t.Errorf("go.mod of a released version:\n%s", got)
	}
	if got := string(goMod("m", version{dir: "/a b"})); !strings.Contains(got, `=> "/a b"`) {
		t.Errorf("go.mod with a replacement:\n%s", got)
	}
}

// On an error nothing is there that was not there before.
func TestWriteNew(t *testing.T) {
	t.Parallel()
	everything := func(dir string) (names []string) {
		err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(dir, name)
			names = append(names, rel)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	good := map[string][]byte{"a": nil, "b/c": nil}
	bad := map[string][]byte{"a": nil, "a/b": nil} // a cannot be both
	at := func(dir string) string { return filepath.Join(dir, "new") }
	self := func(dir string) string { return dir }
	tests := []struct {
		name  string
		files map[string][]byte
		place func(string) string
		want  []string
		fails bool
	}{
		{"new", good, at, []string{".", "new", "new/a", "new/b", "new/b/c"}, false},
		{"empty", good, self, []string{".", "a", "b", "b/c"}, false},
		{"new, fails", bad, at, []string{"."}, true},
		{"empty, fails", bad, self, []string{"."}, true},
		{"no parent", good, func(dir string) string { return filepath.Join(dir, "x", "y") }, []string{"."}, true},
	}
	for _, test := range tests {
		dir := t.TempDir()
		err := writeNew(test.place(dir), test.files)
		if (err != nil) != test.fails {
			t.Errorf("%s: error %v", test.name, err)
		}
		if got := everything(dir); !slices.Equal(got, test.want) {
			t.Errorf("%s: there is %q, want %q", test.name, got, test.want)
		}
	}
	dir := t.TempDir()
	if err := writeNew(at(dir), good); err != nil {
		t.Fatal(err)
	}
	// A directory that holds only .git, which is a file in a work tree.
	for _, mode := range []fs.FileMode{fs.ModeDir, 0} {
		dir := t.TempDir()
		git := filepath.Join(dir, ".git")
		var err error
		if mode.IsDir() {
			err = os.Mkdir(git, 0o755)
		} else {
			err = os.WriteFile(git, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := writeNew(dir, bad); err == nil {
			t.Error("no error")
		}
		if got, want := everything(dir), []string{".", ".git"}; !slices.Equal(got, want) {
			t.Errorf("beside .git there is %q, want %q", got, want)
		}
		if err := writeNew(dir, good); err != nil {
			t.Error(err)
		}
		if got, want := everything(dir), []string{".", ".git", "a", "b", "b/c"}; !slices.Equal(got, want) {
			t.Errorf("beside .git there is %q, want %q", got, want)
		}
	}
	before := everything(dir)
	if err := writeNew(at(dir), good); err == nil || !strings.Contains(err.Error(), `is not empty: it has "a"`) {
		t.Errorf("error %v", err)
	}
	if err := writeNew(filepath.Join(dir, "new", "a"), good); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file for a directory: %v", err)
	}
	if got := everything(dir); !slices.Equal(got, before) {
		t.Errorf("there is %q, want %q", got, before)
	}
	info, err := os.Stat(at(dir))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
