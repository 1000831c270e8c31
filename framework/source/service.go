package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
)

// A Service is the Go source of a service.
type Service struct {
	// Dir has the handlers, the function in cmd/lambda, and deploy/terraform.
	Dir string

	// Env is the environment of the go command. Nil is the environment of this
	// process, with Linux as the target because the function runs on Linux.
	Env []string

	// Tags are build tags, separated by commas.
	Tags string
}

// Of returns the service that the named manifest belongs to. Its directory is the
// nearest one, from the manifest's up to that of the go.mod above, that has
// cmd/lambda or handlers. So a module can hold several services. If no directory
// has either, it is the directory of the go.mod, and without a go.mod it is the
// manifest's. The error says why the module cannot be found.
func Of(manifest string) (Service, error) {
	beside := filepath.Dir(manifest)
	root, _, err := moduleOf(beside)
	if err != nil || root == "" {
		return Service{Dir: beside}, err
	}
	dir, err := filepath.Abs(beside)
	if err != nil {
		return Service{}, err
	}
	first := dir
	for dir != root && !isDir(filepath.Join(dir, "cmd", "lambda")) && !isDir(filepath.Join(dir, "handlers")) {
		dir = filepath.Dir(dir)
	}
	switch {
	case dir == first:
		return Service{Dir: beside}, nil
	case filepath.IsAbs(manifest):
		return Service{Dir: dir}, nil
	}
	up, err := filepath.Rel(first, dir)
	return Service{Dir: filepath.Join(beside, up)}, err
}

// FindManifest returns the path of the routes.yaml that a command reads if no flag
// names another. It is the one in the working directory, or else the nearest one
// above, in the same module. FindManifest says on stderr, in the name of the
// command, that it took one from above. If there is none, it returns "routes.yaml".
func FindManifest(command string, stderr io.Writer) string {
	const name = "routes.yaml"
	root, _, err := moduleOf(".")
	dir, absErr := filepath.Abs(".")
	if err != nil || absErr != nil || root == "" {
		return name
	}
	for above := name; ; above = filepath.Join("..", above) {
		switch {
		case exists(above):
			if above != name {
				fmt.Fprintf(stderr, "%s: using the manifest %q, found above this directory\n", command, above)
			}
			return above
		case dir == root:
			return name
		}
		dir = filepath.Dir(dir)
	}
}

// moduleOf returns the directory and the path of the module that dir lies in. Both
// are empty if there is no go.mod in dir or above.
func moduleOf(dir string) (root, path string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", "", err
	}
	for {
		name := filepath.Join(dir, "go.mod")
		data, err := os.ReadFile(name)
		switch {
		case err == nil:
			if path := modfile.ModulePath(data); path != "" {
				return dir, path, nil
			}
			return "", "", fmt.Errorf("%q names no module", name)
		case !errors.Is(err, fs.ErrNotExist):
			return "", "", err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", "", nil
		}
		dir = parent
	}
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// An UnknownError says why a fact about a program cannot be read from its source.
// The program may be in order.
type UnknownError struct{ Reason string }

// Error returns the reason.
func (e *UnknownError) Error() string { return e.Reason }

// A listed is a package as "go list" describes it.
type listed struct {
	ImportPath string
	Dir        string
	Export     string // file of the export data, which the compiler wrote
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	ImportMap  map[string]string
	Module     *struct{ Main bool }
}

// A program is a package and everything that it imports.
type program struct {
	service Service
	root    *listed
	all     map[string]*listed // by import path
}

// load returns the package in a directory of the service, such as "./handlers",
// compiled with all that it imports. The go command takes what is compiled already
// from its cache. The error is what the go command says, or an [UnknownError] if
// there is no go command.
func (s Service) load(ctx context.Context, dir string) (*program, error) {
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,CgoFiles,Imports,ImportMap,Module"}
	if s.Tags != "" {
		args = append(args, "-tags", s.Tags)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, dir)...)
	cmd.Dir, cmd.Env = s.Dir, s.Env
	if cmd.Env == nil {
		cmd.Env = append(os.Environ(), "GOOS=linux")
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, &UnknownError{"there is no go command to read the source with"}
	case err != nil:
		return nil, fmt.Errorf("%w\n%s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	p := &program{service: s, all: make(map[string]*listed)}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		l := new(listed)
		switch err := dec.Decode(l); {
		case err == io.EOF:
			return p, nil
		case err != nil:
			return nil, fmt.Errorf("cannot read what go list printed: %w", err)
		}
		p.all[l.ImportPath] = l
		p.root = l // packages come after what they import
	}
}

// A checked is a package with its types.
type checked struct {
	fset  *token.FileSet
	files []*ast.File
	types *types.Package
	info  *types.Info
}

// check reads the types of a package. What it imports is read from export data,
// so that one package is type-checked and not hundreds.
func (p *program) check(l *listed) (*checked, error) {
	c := &checked{fset: token.NewFileSet(), info: &types.Info{
		Types: make(map[ast.Expr]types.TypeAndValue),
		Defs:  make(map[*ast.Ident]types.Object),
		Uses:  make(map[*ast.Ident]types.Object),
	}}
	for _, name := range append(append([]string{}, l.GoFiles...), l.CgoFiles...) {
		f, err := p.parse(c.fset, l, name)
		if err != nil {
			return nil, err
		}
		c.files = append(c.files, f)
	}
	config := types.Config{
		FakeImportC: true,
		Importer: importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
			if other, ok := l.ImportMap[path]; ok {
				path = other
			}
			if imported := p.all[path]; imported != nil && imported.Export != "" {
				return os.Open(imported.Export)
			}
			return nil, fmt.Errorf("package %q has no export data", path)
		}),
	}
	var err error
	if c.types, err = config.Check(l.ImportPath, c.fset, c.files, c.info); err != nil {
		// The compiler took the package. This program may be older than the compiler.
		return nil, &UnknownError{fmt.Sprintf("the types of %q cannot be read: %v", l.ImportPath, err)}
	}
	return c, nil
}

// parse reads a file of a package, under a name that a user can open.
func (p *program) parse(fset *token.FileSet, l *listed, name string) (*ast.File, error) {
	src, err := os.ReadFile(filepath.Join(l.Dir, name))
	if err != nil {
		return nil, err
	}
	return parser.ParseFile(fset, filepath.Join(p.dir(l), name), src, parser.ParseComments|parser.SkipObjectResolution)
}

// dir returns the directory of a package, below that of the service if it is there.
func (p *program) dir(l *listed) string {
	service, err := filepath.Abs(p.service.Dir)
	if err != nil {
		return l.Dir
	}
	below, err := filepath.Rel(service, l.Dir)
	if err != nil || below == ".." || strings.HasPrefix(below, ".."+string(filepath.Separator)) {
		return l.Dir
	}
	return filepath.Join(p.service.Dir, below)
}

// unknown returns an UnknownError about a place in the package.
func (c *checked) unknown(at token.Pos, format string, args ...any) error {
	return &UnknownError{fmt.Sprintf("%v: %s", c.fset.Position(at), fmt.Sprintf(format, args...))}
}
