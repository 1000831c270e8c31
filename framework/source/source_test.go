package source

import (
	"flag"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is expected in testdata/add anew")

// unpack writes the files of an archive below a new directory.
func unpack(t *testing.T, files []txtar.File) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Each file of testdata/add has a package, in its comment what to add
// ("get_order GET /v1/orders/{id}"), and behind "want/" the files to write, or
// in "error" why there are none.
func TestAdd(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/add/*.txtar")
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
			var files, want []txtar.File
			for _, f := range archive.Files {
				if f.Name == "error" || strings.HasPrefix(f.Name, "want/") {
					want = append(want, f)
				} else {
					files = append(files, f)
				}
			}
			lines := strings.Split(strings.TrimSpace(string(archive.Comment)), "\n")
			words := strings.Fields(lines[len(lines)-1])
			if len(words) != 3 {
				t.Fatalf("what is to be added? %q", words)
			}
			dir := unpack(t, files)
			got := added(dir, words[0], words[1], words[2])
			if *update {
				archive.Files = append(files, got...)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func added(dir, name, method, path string) []txtar.File {
	p, err := Read(dir)
	var files []File
	if err == nil {
		files, err = p.Add(name, method, path)
	}
	if err != nil {
		text := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
		return []txtar.File{{Name: "error", Data: []byte(strings.ReplaceAll(text, dir, "handlers") + "\n")}}
	}
	var got []txtar.File
	for _, f := range files {
		got = append(got, txtar.File{Name: "want/" + filepath.Base(f.Name), Data: f.Data})
	}
	return got
}

// What is added to the formatted stays formatted, and goes on to be read.
func TestAddTwice(t *testing.T) {
	t.Parallel()
	dir := unpack(t, []txtar.File{{Name: "handlers.go", Data: []byte("package h\n\nimport \"" + frameworkPath + "\"\n\nfunc All() framework.Handlers {\n\treturn framework.Handlers{}\n}\n")}})
	for _, name := range []string{"get_order", "delete_order", "list_orders", "a", "z", "b-c"} {
		p, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		files, err := p.Add(name, "GET", "/v1/orders/{id}")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if formatted, err := format.Source(f.Data); err != nil || string(formatted) != string(f.Data) {
				t.Errorf("%s is not formatted (%v):\n%s", f.Name, err, f.Data)
			}
			if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	p, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b-c", "delete_order", "get_order", "list_orders", "z"}, p.inOrder()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResource(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/orders/{id}": "orders", "/orders": "orders", "/": "root", "/{proxy+}": "root", "/v1/{id}": "root", "/v2.1/a": "a",
		"/v1/my-linux/x": "mylinux", "/x_test": "xtest", "/.well-known/jwks.json": "wellknown", "/V1/Users": "users", "/v1x": "v1x", "/-/a": "a",
	} {
		if got := Resource(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// What is no plain literal is not guessed at.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	head := "package handlers\n\nimport fw \"" + frameworkPath + "\"\n\n"
	for src, want := range map[string]string{
		head + "func All() fw.Handlers {\n\th := fw.Handlers{}\n\treturn h\n}\n":        "a.go:5:1: function All does more",
		head + "func All() fw.Handlers { return all }\n":                                "a.go:5:1: function All does more",
		head + "func All() fw.Handlers { return framework.Handlers{} }\n":               "a.go:5:1: function All does more",
		head + "func All() fw.Handlers { return Handlers{} }\n":                         "a.go:5:1: function All does more",
		head + "func All() fw.Handlers { return fw.Others{} }\n":                        "a.go:5:1: function All does more",
		head + "func All() (fw.Handlers, error) { return fw.Handlers{}, nil }\n":        "a.go:5:1: function All does more",
		head + "func All() fw.Handlers\n":                                               "a.go:5:1: function All does more",
		head + "func All() fw.Handlers {\n\treturn fw.Handlers{\"a\": a, name: a}\n}\n": "a.go:6:29: a handler's name is not a string literal",
		head + "func (x) All() fw.Handlers { return fw.Handlers{} }\n":                  "has no function All",
		head + "func All( fw.Handlers {}\n":                                             "a.go:5:",
		"package handlers\nfunc All() {}\nfunc All() {}\n":                              "function All does more",
	} {
		if _, err := Read(unpack(t, []txtar.File{{Name: "a.go", Data: []byte(src)}})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q for\n%s", err, want, src)
		}
	}
	two := head + "func All() fw.Handlers { return fw.Handlers{} }\n"
	dir := unpack(t, []txtar.File{
		{Name: "a.go", Data: []byte(two)}, {Name: "b.go", Data: []byte(two)}, {Name: "c.txt", Data: []byte("x")},
		{Name: "b_windows.go", Data: []byte(two)}, {Name: "ignored.go", Data: []byte("//go:build ignore\n\n" + two)},
	})
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "b.go:5:1: a second function All") {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "b.go")); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err != nil {
		t.Error(err)
	}
}

// FuzzAdd checks that whatever the source is, what is added to it is all that is
// new: its comments are there still, and the names are the old ones and the new.
func FuzzAdd(f *testing.F) {
	names, err := filepath.Glob("testdata/add/*.txtar")
	if err != nil || len(names) == 0 {
		f.Fatalf("no goldens: %v", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data, "get_order", "/v1/handlers/{id}")
			f.Add(file.Data, "a", "/orders")
		}
	}
	comments := func(p *Package) (texts []string) {
		for _, name := range []string{"handlers.go", "orders.go"} {
			if f := p.files[name]; f != nil {
				for _, group := range f.Comments {
					for _, c := range group.List {
						texts = append(texts, strings.Join(strings.Fields(c.Text), " "))
					}
				}
			}
		}
		slices.Sort(texts)
		return texts
	}
	f.Fuzz(func(t *testing.T, src []byte, name, path string) {
		p, err := parse("handlers", map[string][]byte{"handlers.go": src})
		if err != nil {
			return
		}
		files, err := p.Add(name, "GET", path)
		if err != nil {
			return
		}
		sources := map[string][]byte{"handlers.go": src}
		for _, file := range files {
			sources[filepath.Base(file.Name)] = file.Data
		}
		after, err := parse("handlers", sources)
		if err != nil {
			t.Fatalf("%v\n%s", err, files[0].Data)
		}
		want := slices.Sorted(slices.Values(append(p.Names(), name)))
		if diff := cmp.Diff(want, after.Names()); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
		now := comments(after)
		for _, text := range comments(p) {
			at := slices.Index(now, text)
			if at < 0 {
				t.Fatalf("the comment %q is not there any more:\n%s", text, sources["handlers.go"])
			}
			now = slices.Delete(now, at, at+1)
		}
		if len(now) > 1 {
			t.Errorf("new comments: %q", now)
		}
	})
}

// In another module the commands are its tools.
func TestHere(t *testing.T) {
	for mod, want := range map[string]string{
		"module " + ModulePath: "go run ./cmd/routes",
		"module example.com/x": "go tool routes",
		"":                     "go run ./cmd/routes",
	} {
		t.Chdir(unpack(t, []txtar.File{{Name: "go.mod", Data: []byte(mod + "\n")}}))
		if got := Here("go run ./cmd/routes"); got != want {
			t.Errorf("%q: %q, want %q", mod, got, want)
		}
		if got := strings.Join(Command("routes"), " "); got != want {
			t.Errorf("%q: %q, want %q", mod, got, want)
		}
	}
}
