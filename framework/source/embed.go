package source

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An Embedded is a manifest that the function passes to framework.New.
type Embedded struct {
	File  string // the embedded file
	Place string // the directive that embeds it: file, line and column
}

// Manifests returns the manifests that the function in cmd/lambda passes to
// framework.New. It returns none if the function does not use the framework.
//
// A manifest is known if the call has a package variable with a directive
// "go:embed" that names one file (package embed). The call may be in any package of
// the module. An [UnknownError] says why a manifest is not known. Any other error
// means that the function cannot be compiled, and has the compiler's message.
//
// Assignments to the variable are not looked for. A packaged function does not
// start if it passes other bytes than those that were checked.
func (s Service) Manifests(ctx context.Context) ([]Embedded, error) {
	p, err := s.load(ctx, "./cmd/lambda")
	var unknown *UnknownError
	switch {
	case errors.As(err, &unknown):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("the function does not build: %w", err)
	case p.all[frameworkPath] == nil:
		return nil, nil
	}
	var found []Embedded
	for _, l := range p.all {
		if l.Module == nil || !l.Module.Main || !slices.Contains(l.Imports, frameworkPath) {
			continue
		}
		c, err := p.check(l)
		if err != nil {
			return nil, err
		}
		for _, f := range c.files {
			for n := range ast.Preorder(f) {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 {
					continue
				}
				if fn := c.callee(call); fn == nil || fn.FullName() != frameworkPath+".New" {
					continue
				}
				e, err := p.embedded(c, call.Args[0])
				if err != nil {
					return nil, err
				}
				found = append(found, e)
			}
		}
	}
	if len(found) == 0 {
		return nil, &UnknownError{fmt.Sprintf("no package of the module calls %s.New", frameworkPath)}
	}
	slices.SortFunc(found, func(a, b Embedded) int { return strings.Compare(a.Place, b.Place) })
	return found, nil
}

// embedded returns the file that is embedded in the variable which the expression
// names, directly or in a conversion.
func (p *program) embedded(c *checked, e ast.Expr) (Embedded, error) {
	e = ast.Unparen(e)
	var name *ast.Ident
	switch e := e.(type) {
	case *ast.CallExpr:
		if c.info.Types[e.Fun].IsType() {
			return p.embedded(c, e.Args[0])
		}
	case *ast.Ident:
		name = e
	case *ast.SelectorExpr:
		name = e.Sel
	}
	computed := c.unknown(e.Pos(), "the manifest is not a variable with a directive go:embed")
	if name == nil {
		return Embedded{}, computed
	}
	v, ok := c.info.Uses[name].(*types.Var)
	if !ok || v.Kind() != types.PackageVar || p.all[v.Pkg().Path()] == nil {
		return Embedded{}, computed
	}
	l := p.all[v.Pkg().Path()]
	for _, file := range l.GoFiles {
		fset := token.NewFileSet()
		f, err := p.parse(fset, l, file)
		if err != nil {
			return Embedded{}, err
		}
		at, pattern := directive(f, v.Name())
		if pattern == "" {
			continue
		}
		// The compiler lets a variable that is not an embed.FS have one file only.
		files, err := fs.Glob(os.DirFS(l.Dir), pattern)
		if err != nil || len(files) != 1 {
			return Embedded{}, computed
		}
		return Embedded{filepath.Join(p.dir(l), filepath.FromSlash(files[0])), fset.Position(at).String()}, nil
	}
	return Embedded{}, computed
}

// directive returns the place and the pattern of the directive go:embed of a
// variable, or "" if it has none or several patterns.
func directive(f *ast.File, variable string) (at token.Pos, pattern string) {
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range d.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok || v.Names[0].Name != variable {
				continue
			}
			doc := v.Doc
			if doc == nil {
				doc = d.Doc
			}
			if doc == nil {
				continue
			}
			for _, c := range doc.List {
				if patterns, ok := strings.CutPrefix(c.Text, "//go:embed "); ok {
					pattern = strings.TrimPrefix(strings.Trim(strings.TrimSpace(patterns), "\"`"), "all:")
					return c.Pos(), pattern
				}
			}
		}
	}
	return token.NoPos, ""
}
