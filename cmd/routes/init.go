package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"go/build"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/tools/txtar"

	"github.com/routegate/routegate/deploy"
	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/framework/source"
	"github.com/routegate/routegate/schema"
)

const initUsage = `usage: go run ./cmd/routes init DIR -module PATH

Init writes a new service into the directory DIR, which must not exist, be empty,
or hold only .git. It writes a manifest, two handlers, their tests, the function,
what deploys it, and a workflow that checks it all. The service is a Go module of
its own. It uses this framework as a library, in the version of this command, and
the commands as tools ("go tool routes check"). On an error nothing is written.

  -module PATH   the path of the new module, such as example.com/orders, or any
                 other that "go mod init" takes

exit codes: 0 written; 2 wrong usage; 3 could not be done
`

// starter has the files of a new service.
//
//go:embed starter.txtar
var starter []byte

// starterModule is the module that those files speak of.
const starterModule = "example.com/orders"

// tools are the commands that a new service has as Go tools.
var tools = []string{"gen-tf", "local", "package", "routes"}

// init writes a new service.
func (c *call) init() int {
	modulePath := ""
	args, code, ok := c.parse(initUsage, []string{"DIR"}, 1, func(flags *flag.FlagSet) { flags.StringVar(&modulePath, "module", "", "") })
	switch {
	case !ok:
		return code
	case c.manifest != "routes.yaml":
		return c.misuse("a new service's manifest is its routes.yaml")
	case modulePath == "":
		return c.misuse("-module is missing: it names the new module")
	case modulePath == source.ModulePath:
		return c.misuse("-module %q is the framework's own", modulePath)
	}
	if err := checkModulePath(modulePath); err != nil {
		return c.misuse("-module: %v", err)
	}
	dir := args[0]
	framework, err := runningFramework()
	if err != nil {
		return c.fail(err)
	}
	files, err := newService(modulePath, framework)
	if err != nil {
		return c.fail(err)
	}
	if err := writeNew(dir, files); err != nil {
		return c.fail(err)
	}
	if framework.dir != "" {
		fmt.Fprintf(c.stderr, "routes init: this command was built from a checkout: go.mod takes %s from %s; take a released version before others build the service\n", source.ModulePath, framework.dir)
	}
	cd := ""
	if filepath.Clean(dir) != "." {
		cd = "  cd " + dir + "\n"
	}
	_, err = fmt.Fprintf(c.stdout, `wrote %s: module %s, %d files

next:
%s  go mod tidy      # writes down what it depends on
  go test ./...
  go tool local    # the API on localhost
`, dir, modulePath, len(files), cd)
	return c.done(exitFine, err)
}

// checkModulePath refuses the paths that "go mod init" refuses, and those whose
// packages cannot be imported (Go modules reference, "Module paths").
func checkModulePath(p string) error {
	if err := module.CheckImportPath(p); err != nil {
		return err
	}
	_, _, ok := module.SplitPathVersion(p)
	switch {
	case !ok && strings.HasPrefix(p, "gopkg.in/"):
		return fmt.Errorf("%q has no version: a path at gopkg.in ends in one, such as \".v1\"", p)
	case !ok:
		return fmt.Errorf("%q ends in %q: the first version of a module has no suffix, later ones have \"/v2\", \"/v3\" and so on", p, "/"+path.Base(p))
	case slices.Contains([]string{"go", "toolchain", "std", "cmd", "vendor"}, p):
		return fmt.Errorf("%q is reserved by the go command", p)
	}
	if root := build.Default.GOROOT; root != "" {
		if _, err := build.ImportDir(filepath.Join(root, "src", filepath.FromSlash(p)), 0); err == nil {
			return fmt.Errorf("%q is a package of the standard library, which hides a module of the same path", p)
		}
	}
	return nil
}

// A version is which framework a new service requires: a released one, or the
// one in a directory.
type version struct{ version, dir string }

// runningFramework is the version that this command belongs to. A module that was
// downloaded has a checksum; what was built from a checkout has none.
func runningFramework() (version, error) {
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Path == source.ModulePath && info.Main.Sum != "" && info.Main.Replace == nil {
		return version{version: info.Main.Version}, nil
	}
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Dir(filepath.Dir(filepath.Dir(file))) // of cmd/routes/init.go
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !filepath.IsAbs(dir) || modfile.ModulePath(mod) != source.ModulePath {
		return version{}, errors.New("the framework's version is not known: this command was built from a checkout that is not there any more, or with -trimpath")
	}
	return version{dir: dir}, nil
}

// newService returns the files of a new service by their names, with slashes.
func newService(modulePath string, framework version) (map[string][]byte, error) {
	name := path.Base(modulePath)
	if prefix, _, ok := module.SplitPathVersion(modulePath); ok {
		name = path.Base(prefix)
	}
	files := make(map[string][]byte)
	for _, f := range txtar.Parse(starter).Files {
		text := strings.ReplaceAll(string(f.Data), starterModule, modulePath)
		files[f.Name] = []byte(strings.Replace(text, "# Orders\n", "# "+name+"\n", 1))
	}
	files["go.mod"] = goMod(modulePath, framework)
	files["schema/routes.schema.json"] = schema.Routes
	if err := addDeploy(files, name); err != nil {
		return nil, err
	}
	table, report := route.Load("routes.yaml", files["routes.yaml"], nil)
	if err := report.Err(); err != nil {
		return nil, err // a test shows that it is none
	}
	routes := path.Join(gen.TerraformDir, gen.Filename(gen.Obytes, gen.TF))
	files[routes] = gen.Terraform(table, gen.Obytes, gen.TF, "routes.yaml")
	return files, nil
}

// addDeploy adds what deploys this repository, under the service's name and with
// the commands as tools.
func addDeploy(files map[string][]byte, name string) error {
	name = notInName.ReplaceAllString(name, "-")
	name = strconv.Quote(name[:min(len(name), 37)])
	return fs.WalkDir(deploy.Files, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(deploy.Files, file)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(source.AsTools(string(data)), " ./cmd/routes", " "+source.ModulePath+"/cmd/routes")
		text = strings.Replace(text, `= "routegate"`, "= "+name, 1)
		target := path.Join("deploy", file)
		if workflow, ok := strings.CutPrefix(file, "github/"); ok {
			target = path.Join(".github/workflows", workflow)
			text = strings.TrimPrefix(text, "# Copy this to "+target+".\n#\n")
		}
		files[target] = []byte(text)
		return nil
	})
}

// notInName is what the name of a function and an API must not have.
var notInName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// goMod requires the framework only: "go mod tidy" finds the rest, in the
// versions that the framework has chosen.
func goMod(modulePath string, framework version) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "module %s\n\ngo 1.26.0\n\ntool (\n", modulePath)
	for _, name := range tools {
		fmt.Fprintf(&b, "\t%s/cmd/%s\n", source.ModulePath, name)
	}
	b.WriteString(")\n\n")
	if framework.dir == "" {
		fmt.Fprintf(&b, "require %s %s\n", source.ModulePath, framework.version)
	} else {
		fmt.Fprintf(&b, "require %s v0.0.0\n\nreplace %[1]s => %s\n", source.ModulePath, modfile.AutoQuote(framework.dir))
	}
	return []byte(b.String())
}

// writeNew writes all files into dir, or none of them. dir must not exist, be empty,
// or hold only .git, as a new repository does. The files are written to a new
// directory and then moved to their places.
func writeNew(dir string, files map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err != nil && !isNew {
		return err
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			return fmt.Errorf("%q is not empty: it has %q", dir, e.Name())
		}
	}
	// In a directory that is there, since it may be one that cannot be replaced,
	// such as the one that a shell is in.
	beside := dir
	if isNew {
		beside = filepath.Dir(filepath.Clean(dir))
	}
	return gen.Undisturbed(func() error { return writeAndMove(dir, beside, isNew, files) })
}

// writeAndMove writes the files below a new directory beside dir, and moves them
// from there.
func writeAndMove(dir, beside string, isNew bool, files map[string][]byte) error {
	tmp, err := os.MkdirTemp(beside, ".routes-init-")
	if err != nil {
		return fmt.Errorf("cannot write %q: %w", dir, err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(tmp, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, files[name], 0o644); err != nil {
			return err
		}
	}
	if isNew {
		return os.Rename(tmp, dir)
	}
	return moveAll(tmp, dir)
}

// moveAll moves what is in one directory to another, everything or nothing.
func moveAll(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			for _, moved := range entries[:i] {
				os.RemoveAll(filepath.Join(to, moved.Name()))
			}
			return err
		}
	}
	return nil
}
