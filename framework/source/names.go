package source

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/manifest"
)

// Names returns the sorted names of the service's handlers. It reads them from the
// package in the directory handlers: from the function or method that returns the
// map of handlers.
//
// That function has a result of type framework.Handlers, or else of another map
// from strings to http.HandlerFunc. Functions that it calls for a part of the map do not
// count. If there are several, it is the one named All, or all of them if they
// return the same names.
//
// The names are known if every map that the function can return is made by a
// composite literal with constant keys, in that function or in another one of the
// package, and is changed at most by assignments to constant keys that happen on
// every path. A nil map that is returned with an error does not count. An
// [UnknownError] says why the names are not known.
//
// Any other error means that the source cannot be compiled, and has the compiler's
// message.
func (s Service) Names(ctx context.Context) ([]string, error) {
	dir := filepath.Join(s.Dir, "handlers")
	switch root, _, err := moduleOf(s.Dir); {
	case err != nil:
		return nil, err
	case root == "":
		return nil, &UnknownError{fmt.Sprintf("%q is in no Go module", dir)}
	case !isDir(dir):
		return nil, &UnknownError{fmt.Sprintf("there is no directory %q", dir)}
	}
	p, err := s.load(ctx, "./handlers")
	var unknown *UnknownError
	switch {
	case errors.As(err, &unknown):
		return nil, err
	case err != nil && strings.Contains(err.Error(), "missing go.sum entry"):
		return nil, fmt.Errorf("cannot compile the handlers in %q: go.sum is not complete: run go mod tidy", dir)
	case err != nil:
		return nil, fmt.Errorf("cannot compile the handlers in %q: %w", dir, err)
	}
	c, err := p.check(p.root)
	if err != nil {
		return nil, err
	}
	r := &reader{checked: c, decls: make(map[*types.Func]*ast.FuncDecl), busy: make(map[*types.Func]bool)}
	roots := r.roots()
	if len(roots) == 0 {
		return nil, &UnknownError{fmt.Sprintf("no function in %q returns a framework.Handlers", dir)}
	}
	names, err := r.function(roots[0].fn, roots[0].result)
	for _, root := range roots[1:] {
		if err != nil {
			break
		}
		var other []string
		if other, err = r.function(root.fn, root.result); err == nil && !slices.Equal(names, other) {
			err = r.unknown(root.fn.Pos(), "%s and %s return different handlers: only the one that cmd/lambda calls may have the name All", roots[0].fn.Name(), root.fn.Name())
		}
	}
	return names, err
}

// Diagnose returns an [UnknownError] of [Service.Names] as the warning
// handlers-unknown, and every other result as it is.
func Diagnose(names []string, err error) ([]string, *manifest.Diagnostic, error) {
	if unknown := (*UnknownError)(nil); errors.As(err, &unknown) {
		return nil, &manifest.Diagnostic{
			Severity: manifest.Warning, Rule: "handlers-unknown",
			Message: "which handlers there are is not known, so unknown handlers are not found: " + unknown.Reason,
		}, nil
	}
	return names, nil, err
}

// A reader finds out which keys a map has.
type reader struct {
	*checked
	decls map[*types.Func]*ast.FuncDecl
	busy  map[*types.Func]bool // functions that are being read, which may call themselves
}

// A root is a function and which of its results is the map of handlers.
type root struct {
	fn     *types.Func
	result int
}

// roots returns the functions that may return the service's handlers.
func (r *reader) roots() []root {
	var exact, similar []root
	for _, f := range r.files {
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			fn, ok := r.info.Defs[d.Name].(*types.Func)
			if !ok {
				continue
			}
			r.decls[fn] = d
			results := fn.Signature().Results()
			for i := range results.Len() {
				switch t := results.At(i).Type(); {
				case isFrameworkHandlers(t):
					exact = append(exact, root{fn, i})
				case isHandlerMap(t):
					similar = append(similar, root{fn, i})
				}
			}
		}
	}
	if len(exact) == 0 {
		exact = similar
	}
	parts := make(map[*types.Func]bool)
	for _, caller := range exact {
		ast.Inspect(r.decls[caller.fn], func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if fn, ok := r.info.Uses[id].(*types.Func); ok && fn.Origin() != caller.fn {
					parts[fn.Origin()] = true
				}
			}
			return true
		})
	}
	var all, named []root
	for _, f := range exact {
		switch {
		case parts[f.fn]:
		case f.fn.Name() == "All":
			named = append(named, f)
			fallthrough
		default:
			all = append(all, f)
		}
	}
	if len(named) == 1 {
		return named
	}
	return all
}

func isFrameworkHandlers(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == "Handlers" && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == frameworkPath
}

// isHandlerMap reports whether t is a map from strings to http.HandlerFunc.
func isHandlerMap(t types.Type) bool {
	m, ok := t.Underlying().(*types.Map)
	if !ok {
		return false
	}
	key, ok := m.Key().Underlying().(*types.Basic)
	elem, named := types.Unalias(m.Elem()).(*types.Named)
	return ok && key.Kind() == types.String && named && elem.String() == "net/http.HandlerFunc"
}

// keys are the keys of a map.
type keys struct {
	names []string // sorted
	isNil bool     // the map is nil
}

// function returns the keys of the map that is one of the results of a function of
// the package.
func (r *reader) function(fn *types.Func, result int) ([]string, error) {
	decl := r.decls[fn]
	switch {
	case decl.Body == nil:
		return nil, r.unknown(decl.Pos(), "function %s is not written in Go", fn.Name())
	case r.busy[fn]:
		return nil, r.unknown(decl.Pos(), "function %s calls itself", fn.Name())
	}
	r.busy[fn] = true
	defer delete(r.busy, fn)

	variable := fn.Signature().Results().At(result)
	var returns []*ast.ReturnStmt
	var err error
	ast.PreorderStack(decl.Body, nil, func(n ast.Node, stack []ast.Node) bool {
		inLiteral := slices.ContainsFunc(stack, func(n ast.Node) bool { _, ok := n.(*ast.FuncLit); return ok })
		switch n := n.(type) {
		case *ast.ReturnStmt:
			if !inLiteral {
				returns = append(returns, n)
			}
		case *ast.BranchStmt:
			// Without goto, the statements of the body run in their order.
			if n.Tok == token.GOTO && err == nil {
				err = r.unknown(n.Pos(), "function %s has a goto", fn.Name())
			}
		case *ast.Ident:
			// A deferred function may change a result after the return statement.
			if inLiteral && err == nil && r.info.Uses[n] == types.Object(variable) {
				err = r.unknown(n.Pos(), "the result %s is used in a function literal", n.Name)
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	var names []string
	var first *ast.ReturnStmt
	for _, ret := range returns {
		k, err := r.returned(decl, fn, ret, result)
		switch {
		case err != nil:
			return nil, err
		case k.isNil && r.fails(fn, ret):
		case first == nil:
			names, first = k.names, ret
		case !slices.Equal(names, k.names):
			return nil, r.unknown(ret.Pos(), "function %s returns other handlers here than on line %d", fn.Name(), r.fset.Position(first.Pos()).Line)
		}
	}
	if first == nil {
		return nil, r.unknown(decl.Pos(), "function %s returns no handlers", fn.Name())
	}
	return names, nil
}

// returned returns the keys of a result of a return statement.
func (r *reader) returned(decl *ast.FuncDecl, fn *types.Func, ret *ast.ReturnStmt, result int) (keys, error) {
	results := fn.Signature().Results()
	switch len(ret.Results) {
	case 0:
		return r.local(results.At(result), decl, ret.Pos())
	case results.Len():
		return r.expr(ret.Results[result], 0, decl, ret.Pos())
	}
	return r.expr(ret.Results[0], result, decl, ret.Pos())
}

// fails reports whether a return statement returns an error that is not the
// constant nil.
func (r *reader) fails(fn *types.Func, ret *ast.ReturnStmt) bool {
	results := fn.Signature().Results()
	last := results.Len() - 1
	return types.Identical(results.At(last).Type(), types.Universe.Lookup("error").Type()) &&
		len(ret.Results) == results.Len() && !r.info.Types[ret.Results[last]].IsNil()
}

// expr returns the keys that the value of an expression has at a place in a
// function. For a call, result says which of its results is meant.
func (r *reader) expr(e ast.Expr, result int, decl *ast.FuncDecl, at token.Pos) (keys, error) {
	e = ast.Unparen(e)
	if r.info.Types[e].IsNil() {
		return keys{isNil: true}, nil
	}
	switch e := e.(type) {
	case *ast.CompositeLit:
		return r.literal(e)
	case *ast.CallExpr:
		if fun := r.info.Types[e.Fun]; fun.IsType() { // a conversion
			return r.expr(e.Args[0], 0, decl, at)
		} else if id, ok := ast.Unparen(e.Fun).(*ast.Ident); ok && fun.IsBuiltin() && id.Name == "make" {
			return keys{}, nil
		}
		if fn := r.callee(e); fn != nil {
			if r.decls[fn] == nil {
				return keys{}, r.unknown(e.Pos(), "%s is not a function of this package", fn.Name())
			}
			names, err := r.function(fn, result)
			return keys{names: names}, err
		}
	case *ast.Ident:
		switch v, ok := r.info.Uses[e].(*types.Var); {
		case !ok || v.Pkg() != r.types:
		case v.Kind() == types.PackageVar:
			return r.global(v)
		default:
			return r.local(v, decl, at)
		}
	}
	return keys{}, r.unknown(e.Pos(), "the handlers are computed")
}

// literal returns the keys of a composite literal.
func (r *reader) literal(lit *ast.CompositeLit) (keys, error) {
	var k keys
	for _, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			return keys{}, r.unknown(elt.Pos(), "the handlers are computed")
		}
		name, err := r.key(kv.Key)
		if err != nil {
			return keys{}, err
		}
		k.names = append(k.names, name)
	}
	slices.Sort(k.names)
	return k, nil
}

// key returns the value of a constant key.
func (r *reader) key(e ast.Expr) (string, error) {
	value := r.info.Types[e].Value
	if value == nil || value.Kind() != constant.String {
		return "", r.unknown(e.Pos(), "the handler's name is not a constant")
	}
	return constant.StringVal(value), nil
}

// callee returns the function that a call calls, or nil if only the running
// program knows that.
func (c *checked) callee(call *ast.CallExpr) *types.Func {
	var name *ast.Ident
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		name = fun
	case *ast.SelectorExpr:
		name = fun.Sel
	default:
		return nil
	}
	fn, ok := c.info.Uses[name].(*types.Func)
	if !ok {
		return nil
	}
	return fn.Origin()
}

// local returns the keys that a variable of a function has at a place in it.
func (r *reader) local(v *types.Var, decl *ast.FuncDecl, at token.Pos) (keys, error) {
	u := uses{of: v, reader: r}
	u.find(decl)
	switch {
	case u.err != nil:
		return keys{}, u.err
	case !u.declared: // by a type switch
		return keys{}, r.unknown(at, "the handlers are computed")
	case u.value == nil:
		return keys{isNil: true}, nil
	}
	always := func(s ast.Stmt) bool { return slices.Contains(decl.Body.List, s) }
	switch {
	case !always(u.stmt):
		return keys{}, r.unknown(u.value.Pos(), "%s does not have this value on every path", v.Name())
	case u.stmt.Pos() > at:
		return keys{isNil: true}, nil
	}
	k, err := r.expr(u.value, u.result, decl, u.stmt.Pos())
	if err != nil {
		return keys{}, err
	}
	names := slices.Clone(k.names)
	for _, a := range u.assigned {
		if always(a.stmt) && a.stmt.Pos() < at {
			names = append(names, a.name)
		}
	}
	for _, a := range u.assigned {
		if !always(a.stmt) && !slices.Contains(names, a.name) {
			return keys{}, r.unknown(a.stmt.Pos(), "handler %q is not added on every path", a.name)
		}
	}
	slices.Sort(names)
	return keys{names: slices.Compact(names)}, nil
}

// global returns the keys of a variable of the package.
func (r *reader) global(v *types.Var) (keys, error) {
	if v.Exported() {
		return keys{}, r.unknown(v.Pos(), "%s is exported, so another package may change it", v.Name())
	}
	u := uses{of: v, reader: r}
	for _, f := range r.files {
		u.find(f)
	}
	switch {
	case u.err != nil:
		return keys{}, u.err
	case u.value == nil:
		return keys{isNil: true}, nil
	case u.stmt != nil:
		return keys{}, r.unknown(u.value.Pos(), "%s gets its value in a function", v.Name())
	}
	k, err := r.expr(u.value, u.result, nil, token.NoPos)
	if err != nil {
		return keys{}, err
	}
	for _, a := range u.assigned {
		if !slices.Contains(k.names, a.name) {
			return keys{}, r.unknown(a.stmt.Pos(), "handler %q is added here, and it is not known when", a.name)
		}
	}
	return k, nil
}

// uses collects what the source does with a variable that holds a map. The field err
// is set unless each use reads the map, gives the variable its only value, or assigns
// to a constant key.
type uses struct {
	*reader
	of *types.Var

	declared bool
	value    ast.Expr // the only value of the variable, or nil
	result   int      // which result, if the value is a call with several
	stmt     ast.Stmt // gives the variable its value; nil for a declaration of the package
	assigned []assignment
	err      error
}

// An assignment is one to a constant key.
type assignment struct {
	name string
	stmt ast.Stmt
}

// find adds the uses below a node.
func (u *uses) find(root ast.Node) {
	ast.PreorderStack(root, nil, func(n ast.Node, stack []ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if ok && u.err == nil && (u.info.Defs[id] == types.Object(u.of) || u.info.Uses[id] == types.Object(u.of)) {
			u.err = u.add(id, stack)
		}
		return u.err == nil
	})
}

// add adds the use of an identifier. The stack has the nodes around it.
func (u *uses) add(id *ast.Ident, stack []ast.Node) error {
	e, parent := unparen(id, stack)
	changed := u.unknown(id.Pos(), "the handlers in %s may be changed here", id.Name)
	switch n := parent.(type) {
	case *ast.BinaryExpr: // a map can only be compared with nil
		return nil
	case *ast.ReturnStmt:
		if u.returnedByReader(stack) {
			return nil
		}
	case *ast.Field:
		if u.of.Kind() != types.ResultVar {
			return u.unknown(id.Pos(), "the handlers come from the parameter %s", id.Name)
		}
		u.declared = true
		return nil
	case *ast.RangeStmt:
		if n.X == e {
			return nil
		}
	case *ast.CallExpr:
		if fun, ok := ast.Unparen(n.Fun).(*ast.Ident); ok && u.info.Types[n.Fun].IsBuiltin() && fun.Name == "len" {
			return nil
		}
	case *ast.ValueSpec:
		i := slices.Index(n.Names, id)
		if i < 0 {
			return changed // another variable gets the map
		}
		var stmt ast.Stmt // nil at the top of a file
		if i := slices.Index(stack, ast.Node(n)); i >= 2 {
			if decl, ok := stack[i-2].(*ast.DeclStmt); ok {
				stmt = decl
			}
		}
		return u.set(n.Values, i, len(n.Names), stmt, id)
	case *ast.AssignStmt:
		if i := slices.Index(n.Lhs, e); i >= 0 {
			return u.set(n.Rhs, i, len(n.Lhs), n, id)
		}
	case *ast.IndexExpr:
		if n.X == e {
			return u.element(n, stack)
		}
	}
	return changed
}

// returnedByReader reports whether a return statement with these nodes around it is in
// a function that is being read. Callers of other functions could change the map.
func (u *uses) returnedByReader(stack []ast.Node) bool {
	for _, n := range slices.Backward(stack) {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.FuncDecl:
			fn, ok := u.info.Defs[n.Name].(*types.Func)
			return ok && u.busy[fn]
		}
	}
	return false
}

// element adds the use of an element of the map. The stack has the nodes around the
// map, of which the innermost are parentheses and the index expression.
func (u *uses) element(index *ast.IndexExpr, stack []ast.Node) error {
	e, parent := unparen(index, stack[:slices.Index(stack, ast.Node(index))])
	switch p := parent.(type) {
	case *ast.RangeStmt:
		if p.X != e {
			return u.unknown(index.Pos(), "the handlers are assigned in a loop")
		}
	case *ast.AssignStmt:
		if !slices.Contains(p.Lhs, e) {
			return nil
		}
		name, err := u.key(index.Index)
		if err != nil {
			return err
		}
		u.assigned = append(u.assigned, assignment{name, p})
	}
	return nil
}

// unparen returns an expression with the parentheses around it, and the node around
// those. The stack has the nodes around the expression.
func unparen(e ast.Expr, stack []ast.Node) (ast.Expr, ast.Node) {
	for _, n := range slices.Backward(stack) {
		paren, ok := n.(*ast.ParenExpr)
		if !ok {
			return e, n
		}
		e = paren
	}
	return e, nil
}

// set notes the value that the variable gets: the one at index i of n.
func (u *uses) set(values []ast.Expr, i, n int, stmt ast.Stmt, id *ast.Ident) error {
	u.declared = true
	switch {
	case len(values) == 0: // a declaration without a value
	case u.value != nil:
		return u.unknown(id.Pos(), "%s gets a second value here", id.Name)
	case len(values) == n:
		u.value, u.stmt = values[i], stmt
	default:
		u.value, u.result, u.stmt = values[0], i, stmt
	}
	return nil
}
