// Package source reads and edits the Go source of a service, for commands that are
// not compiled into that service.
//
// [Service.Names] type-checks the handlers' package and returns the names of the
// handlers. [Service.Manifest] finds the manifest that the function embeds.
//
// [Read] and [Package.Add] edit the source. They need no go command, and understand
// only the form that a new service has, a function All whose body is
//
//	return framework.Handlers{
//		"get_order": getOrder,
//	}
package source

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/routegate/routegate/framework"
)

// frameworkPath is the import path of package framework, in whatever module this
// is compiled.
var frameworkPath = reflect.TypeFor[framework.Handlers]().PkgPath()

// ModulePath is the path of the module that package framework belongs to.
var ModulePath = strings.TrimSuffix(frameworkPath, "/framework")

// AsTools returns a text that says "go run ./cmd/routes" for a module that has
// the commands of this one as Go tools: "go tool routes".
func AsTools(text string) string { return strings.ReplaceAll(text, "go run ./cmd/", "go tool ") }

// Here returns a text as it is true in the working directory: AsTools in another
// module, and the text itself elsewhere.
func Here(text string) string {
	if _, module, err := moduleOf("."); err != nil || module == "" || module == ModulePath {
		return text
	}
	return AsTools(text)
}

// Command returns the words that call a command of this module, in the working
// directory.
func Command(name string) []string { return strings.Fields(Here("go run ./cmd/" + name)) }

// A Package is the Go source of a service's handlers.
type Package struct {
	dir     string
	fset    *token.FileSet
	sources map[string][]byte // by base name; the tests' files, too
	files   map[string]*ast.File
	literal *ast.CompositeLit // what All returns
	in      string            // the file that has it
}

// Read reads the package in dir. The error says what about it is not understood,
// with its place.
func Read(dir string) (*Package, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	// The function runs on Linux; what is built elsewhere only is not its.
	linux := build.Default
	linux.GOOS, linux.CgoEnabled = "linux", false
	sources := make(map[string][]byte)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || e.IsDir() {
			continue
		}
		if match, err := linux.MatchFile(dir, e.Name()); err != nil || !match {
			continue
		}
		if sources[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return parse(dir, sources)
}

func parse(dir string, sources map[string][]byte) (*Package, error) {
	p := &Package{dir: dir, fset: token.NewFileSet(), sources: sources, files: make(map[string]*ast.File)}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		f, err := parser.ParseFile(p.fset, filepath.Join(dir, name), sources[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files[name] = f
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, decl := range f.Decls {
			all, ok := decl.(*ast.FuncDecl)
			if !ok || all.Recv != nil || all.Name.Name != "All" {
				continue
			}
			if p.literal != nil {
				return nil, p.errorf(all, "a second function All")
			}
			if p.literal = returned(f, all); p.literal == nil {
				return nil, p.errorf(all, "function All does more than to return a framework.Handlers{...}")
			}
			p.in = name
		}
	}
	if p.literal == nil {
		return nil, fmt.Errorf("%q has no function All", dir)
	}
	for _, elt := range p.literal.Elts {
		if _, ok := keyOf(elt); !ok {
			return nil, p.errorf(elt, "a handler's name is not a string literal")
		}
	}
	return p, nil
}

func (p *Package) errorf(at ast.Node, format string, args ...any) error {
	return fmt.Errorf("%v: %s", p.fset.Position(at.Pos()), fmt.Sprintf(format, args...))
}

// returned returns the literal of type framework.Handlers that is all that a
// function returns, or nil.
func returned(f *ast.File, fn *ast.FuncDecl) *ast.CompositeLit {
	if fn.Body == nil || len(fn.Body.List) != 1 {
		return nil
	}
	ret, ok := fn.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return nil
	}
	lit, ok := ret.Results[0].(*ast.CompositeLit)
	if !ok {
		return nil
	}
	sel, ok := lit.Type.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Handlers" {
		return nil
	}
	if x, ok := sel.X.(*ast.Ident); !ok || x.Name != importName(f, frameworkPath) {
		return nil
	}
	return lit
}

// importName returns the name by which a file speaks of an imported package, ""
// where it has none.
func importName(f *ast.File, path string) string {
	for _, spec := range f.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != path {
			continue
		}
		switch {
		case spec.Name == nil:
			return path[strings.LastIndex(path, "/")+1:]
		case spec.Name.Name != "_" && spec.Name.Name != ".":
			return spec.Name.Name
		}
	}
	return ""
}

// keyOf returns the name that an entry of All's literal has.
func keyOf(elt ast.Expr) (string, bool) {
	kv, ok := elt.(*ast.KeyValueExpr)
	if !ok {
		return "", false
	}
	lit, ok := kv.Key.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	key, err := strconv.Unquote(lit.Value)
	return key, err == nil
}

// inOrder returns the names in the order of the source.
func (p *Package) inOrder() []string {
	names := []string{}
	for _, elt := range p.literal.Elts {
		name, _ := keyOf(elt)
		names = append(names, name)
	}
	return names
}

// Names returns the names of the handlers, sorted.
func (p *Package) Names() []string { return slices.Sorted(slices.Values(p.inOrder())) }
