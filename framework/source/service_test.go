package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/routegate/routegate/framework/source/sourcetest"
)

// empty returns empty files, or go.mod files of a module, by their names.
func empty(names ...string) (files []txtar.File) {
	for _, name := range names {
		f := txtar.File{Name: name}
		if filepath.Base(name) == "go.mod" {
			f.Data = []byte("module example.com/x\n")
		}
		files = append(files, f)
	}
	return files
}

// The service of a manifest is found from the manifest, not from the working
// directory.
func TestOf(t *testing.T) {
	dir := unpack(t, empty(
		"orders/go.mod", "orders/routes.yaml", "orders/config/deep/routes.yaml", "orders/handlers/a.go",
		"many/go.mod", "many/a/routes.yaml", "many/a/handlers/a.go", "many/b/cmd/lambda/main.go", "many/b/config/routes.yaml",
		"bare/go.mod", "bare/config/routes.yaml",
		"none/config/routes.yaml", "none/handlers/a.go",
	))
	for _, test := range []struct{ wd, manifest, want string }{
		{"orders", "routes.yaml", "."},
		{"orders", "config/deep/routes.yaml", "."},
		{"orders/config", "deep/routes.yaml", ".."},
		{"orders/config", "../routes.yaml", ".."},
		{"many/a", "../../orders/routes.yaml", "../../orders"},
		{"many/a", "../../orders/config/deep/routes.yaml", "../../orders"},
		{"many/a", dir + "/orders/config/deep/routes.yaml", dir + "/orders"},
		{"many/a", "routes.yaml", "."},
		{"many", "a/routes.yaml", "a"},
		{"many", "b/config/routes.yaml", "b"},
		{"bare/config", "routes.yaml", ".."},
		{"none", "config/routes.yaml", "config"},
		{"orders", "missing/routes.yaml", "."},
	} {
		t.Run(test.wd+" "+strings.TrimPrefix(test.manifest, dir), func(t *testing.T) {
			t.Chdir(filepath.Join(dir, test.wd))
			s, err := Of(filepath.FromSlash(test.manifest))
			if err != nil {
				t.Fatal(err)
			}
			if got := filepath.ToSlash(s.Dir); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// A manifest above is found up to the end of the module, and said once.
func TestFindManifest(t *testing.T) {
	dir := unpack(t, empty(
		"routes.yaml", "orders/go.mod", "orders/routes.yaml", "orders/cmd/lambda/main.go", "orders/nested/go.mod",
		"orders/nested/handlers/a.go", "none/handlers/a.go",
	))
	for _, test := range []struct{ wd, want, said string }{
		{"orders", "routes.yaml", ""},
		{"orders/cmd", "../routes.yaml", `gen-tf: using the manifest "../routes.yaml", found above this directory` + "\n"},
		{"orders/cmd/lambda", "../../routes.yaml", `gen-tf: using the manifest "../../routes.yaml", found above this directory` + "\n"},
		{"orders/nested/handlers", "routes.yaml", ""},
		{"none/handlers", "routes.yaml", ""},
	} {
		t.Run(test.wd, func(t *testing.T) {
			t.Chdir(filepath.Join(dir, test.wd))
			var stderr strings.Builder
			if got := FindManifest("gen-tf", &stderr); filepath.ToSlash(got) != test.want || stderr.String() != test.said {
				t.Errorf("%q, said %q, want %q, %q", got, stderr.String(), test.want, test.said)
			}
		})
	}
}

// The manifest is the one that the program passes to framework.New, wherever the
// call is.
func TestManifests(t *testing.T) {
	t.Parallel()
	routes := "package service\n\nimport _ \"embed\"\n\n//go:embed routes.yaml\nvar Manifest []byte\n"
	call := func(manifest string) string {
		return "package main\n\nimport (\n\tservice \"example.com/orders\"\n\t\"github.com/routegate/routegate/framework\"\n)\n\n" +
			"var _ = service.Manifest\n\nfunc main() {\n\tm := service.Manifest\n\t_ = m\n\t_, _ = framework.New(" + manifest + ", nil, framework.Options{})\n}\n"
	}
	one := []Embedded{{"routes.yaml", "routes.go:5:1"}}
	for _, test := range []struct {
		name, routes, main, more string
		want                     []Embedded
		err                      string
	}{
		{"variable", routes, call("service.Manifest"), "", one, ""},
		{"parentheses", routes, call("(service.Manifest)"), "", one, ""},
		{"string", strings.Replace(routes, "[]byte", "string", 1), call("[]byte(service.Manifest)"), "", one, ""},
		{"group", strings.Replace(routes, "//go:embed routes.yaml\nvar Manifest []byte", "var (\n\t//go:embed routes.yaml\n\tManifest []byte\n)", 1), call("service.Manifest"), "", []Embedded{{"routes.yaml", "routes.go:6:2"}}, ""},
		{"quotes", strings.Replace(routes, "routes.yaml", `"routes.yaml"`, 1), call("service.Manifest"), "", one, ""},
		{"another", strings.Replace(routes, "routes.yaml", "api/*.yaml", 1), call("service.Manifest"), "", []Embedded{{"api/other.yaml", "routes.go:5:1"}}, ""},
		{"in another package", routes, "package main\n\nimport \"example.com/orders/app\"\n\nfunc main() { app.Run() }\n",
			strings.Replace(strings.Replace(call("service.Manifest"), "package main", "package app", 1), "main()", "Run()", 1), one, ""},
		{"local variable", routes, call("m"), "", nil, "unknown: cmd/lambda/main.go:13:23: the manifest is not a variable with a directive go:embed"},
		{"no directive", "package service\n\nvar Manifest []byte\n", call("service.Manifest"), "", nil, "unknown: cmd/lambda/main.go:13:23: the manifest is not a variable with a directive go:embed"},
		{"computed", routes, call("append(service.Manifest, 'x')"), "", nil, "unknown: cmd/lambda/main.go:13:23: the manifest is not a variable with a directive go:embed"},
		{"no call", routes, "package main\n\nimport _ \"github.com/routegate/routegate/framework\"\n\nfunc main() {}\n", "", nil, "unknown: no package of the module calls " + frameworkPath + ".New"},
		{"no framework", routes, "package main\n\nfunc main() {}\n", "", nil, ""},
		{"does not compile", routes, call("nothing"), "", nil, "error: the function does not build: exit status 1\n# example.com/orders/cmd/lambda\ncmd/lambda/main.go:13:23: undefined: nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := append(empty("go.mod", "routes.yaml", "api/other.yaml"),
				txtar.File{Name: "routes.go", Data: []byte(test.routes)}, txtar.File{Name: "cmd/lambda/main.go", Data: []byte(test.main)})
			files[0].Data = []byte("module example.com/orders\n")
			if test.more != "" {
				files = append(files, txtar.File{Name: "app/app.go", Data: []byte(test.more)})
			}
			dir := unpack(t, files)
			if err := sourcetest.Require(dir); err != nil {
				t.Fatal(err)
			}
			got, err := Service{Dir: dir}.Manifests(t.Context())
			for i := range got {
				got[i].File = strings.TrimPrefix(got[i].File, dir+string(os.PathSeparator))
				got[i].Place = strings.TrimPrefix(got[i].Place, dir+string(os.PathSeparator))
			}
			kind := "error: "
			if unknown := (*UnknownError)(nil); errors.As(err, &unknown) {
				kind = "unknown: "
			}
			text := ""
			if err != nil {
				text = strings.ReplaceAll(kind+err.Error(), dir+string(os.PathSeparator), "")
			}
			if text != test.err {
				t.Errorf("error %q, want %q", text, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
