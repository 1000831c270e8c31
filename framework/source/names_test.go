package source

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/routegate/routegate/framework/source/sourcetest"
)

// Each file of testdata/names has a service, and in "want" the names of its
// handlers or why they are not known.
func TestNames(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/names/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files, want := archive.Files, txtar.File{}
			if last := files[len(files)-1]; last.Name == "want" {
				files, want = files[:len(files)-1], last
			}
			dir := unpack(t, append(files, txtar.File{Name: "go.mod", Data: []byte("module example.com/orders\n")}))
			if err := sourcetest.Require(dir); err != nil {
				t.Fatal(err)
			}
			got := namesOf(t, dir)
			if *update {
				archive.Files = append(files, txtar.File{Name: "want", Data: got})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want.Data), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// namesOf returns what Names returns for a service, as text.
func namesOf(t *testing.T, dir string) []byte {
	names, err := Service{Dir: dir}.Names(t.Context())
	kind := "error: "
	if unknown := (*UnknownError)(nil); errors.As(err, &unknown) {
		kind = "unknown: "
	}
	if err != nil {
		return bytes.ReplaceAll([]byte(kind+err.Error()+"\n"), []byte(dir+string(filepath.Separator)), nil)
	}
	return []byte(strings.Join(names, "\n") + "\n")
}

// Without a module, without handlers and without a go command, the names are not
// known.
func TestNamesWithoutSource(t *testing.T) {
	mod := txtar.File{Name: "go.mod", Data: []byte("module example.com/x\n")}
	handlers := txtar.File{Name: "handlers/handlers.go", Data: []byte("package handlers\n")}
	for _, test := range []struct {
		name, path string
		files      []txtar.File
		want       string
	}{
		{"no module", os.Getenv("PATH"), []txtar.File{handlers}, `unknown: "handlers" is in no Go module`},
		{"no handlers", os.Getenv("PATH"), []txtar.File{mod}, `unknown: there is no directory "handlers"`},
		{"tests only", os.Getenv("PATH"), []txtar.File{mod, {Name: "handlers/handlers_test.go", Data: handlers.Data}}, `unknown: no function in "handlers" returns a framework.Handlers`},
		{"no go command", t.TempDir(), []txtar.File{mod, handlers}, "unknown: there is no go command to read the source with"},
		{"no path", os.Getenv("PATH"), []txtar.File{{Name: "go.mod", Data: []byte("go 1.26\n")}, handlers}, `error: "go.mod" names no module`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("PATH", test.path)
			if got := string(namesOf(t, unpack(t, test.files))); got != test.want+"\n" {
				t.Errorf("got %swant %s", got, test.want)
			}
		})
	}
}
