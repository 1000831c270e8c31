package source

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A place is where a handler is written.
type place struct {
	name    string        // of the function or method
	value   string        // of the handler's entry in All, such as getOrder or s.getOrder
	method  *ast.FuncDecl // another method of the same type; nil for a function
	isThere bool          // whether the handler was written before
}

// place returns the place of a new handler: a function, or a method if the package's
// handlers are methods.
//
// The name is the handler's own, in camel case: getOrder for get_order. If another
// declaration has it, "Handler" follows. If that declaration is a handler, it is the
// one to use.
func (p *Package) place(name, file string) (place, error) {
	variable, method := p.receiver(file)
	taken := p.declared()
	if method != nil {
		taken = p.members(receiverType(method))
		variable += "."
	}
	fn := goName(name)
	if decl := p.find(fn, receiverType(method)); decl != nil && isHandler(p.fileOf(decl), decl) {
		return place{fn, variable + fn, method, true}, nil
	}
	for _, candidate := range []string{fn, fn + "Handler", "handler" + fn} {
		if token.IsIdentifier(candidate) && !taken[candidate] && (method != nil || types.Universe.Lookup(candidate) == nil) {
			return place{candidate, variable + candidate, method, false}, nil
		}
	}
	return place{}, fmt.Errorf("no function can be named after the handler %q: %q is taken", name, fn)
}

// goName returns a handler's name as a name in Go.
func goName(name string) string {
	words := strings.FieldsFunc(name, func(c rune) bool { return c == '_' || c == '-' })
	if len(words) == 1 && words[0] == name {
		return name
	}
	var b strings.Builder
	for i, word := range words {
		first, rest := word[:1], word[1:]
		if i == 0 {
			b.WriteString(strings.ToLower(first) + rest)
		} else {
			b.WriteString(strings.ToUpper(first) + rest)
		}
	}
	return cmp.Or(b.String(), "handler")
}

// receiver returns the variable in All whose method the new handler is to be, and
// another method of its type. They are "" and nil if it is to be a function.
//
// The new handler is like most handlers in its file. If its file has none, the new
// handler is like more than half of the package's.
func (p *Package) receiver(file string) (variable string, method *ast.FuncDecl) {
	type group struct {
		variable string // "" for functions
		decls    []*ast.FuncDecl
		inFile   int
	}
	var groups []*group
	total := 0
	for _, elt := range p.literal.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		variable, decl := p.handler(kv.Value)
		if decl == nil {
			continue
		}
		i := slices.IndexFunc(groups, func(g *group) bool { return g.variable == variable })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{variable: variable})
		}
		g := groups[i]
		g.decls = append(g.decls, decl)
		if p.fileOf(decl) == p.files[file] {
			g.inFile++
		}
		total++
	}
	best := &group{}
	for _, g := range groups {
		if g.inFile > best.inFile || best.inFile == 0 && 2*len(g.decls) > total {
			best = g
		}
	}
	if best.variable == "" {
		return "", nil
	}
	return best.variable, best.decls[0]
}

// handler returns the function or method that an entry of All names, and the
// variable that has the method. It returns nil for every other value.
func (p *Package) handler(value ast.Expr) (variable string, decl *ast.FuncDecl) {
	switch v := value.(type) {
	case *ast.Ident:
		return "", p.find(v.Name, "")
	case *ast.SelectorExpr:
		if x, ok := v.X.(*ast.Ident); ok {
			return x.Name, p.find(v.Sel.Name, p.typeOf(x.Name, v.Sel.Name))
		}
	}
	return "", nil
}

// typeOf returns the name of the type of a variable in All that has a method. For a
// variable that is not a parameter, it is the only type with such a method. typeOf
// returns "-" if the type is not known.
func (p *Package) typeOf(variable, method string) string {
	const unknown = "-"
	if all := p.all(); all != nil {
		fields := all.Type.Params.List
		if all.Recv != nil {
			fields = append(slices.Clone(fields), all.Recv.List...)
		}
		for _, field := range fields {
			if slices.ContainsFunc(field.Names, func(n *ast.Ident) bool { return n.Name == variable }) {
				return cmp.Or(typeName(field.Type), unknown)
			}
		}
	}
	for _, spec := range p.files[p.in].Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); importName(p.files[p.in], path) == variable {
			return unknown
		}
	}
	typ := unknown
	for _, fn := range p.functions() {
		if fn.Recv != nil && fn.Name.Name == method {
			if typ != unknown {
				return unknown
			}
			typ = receiverType(fn)
		}
	}
	return typ
}

// all returns the function that has the literal, or nil.
func (p *Package) all() *ast.FuncDecl {
	for _, decl := range p.files[p.in].Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Pos() <= p.literal.Pos() && p.literal.End() <= fn.End() {
			return fn
		}
	}
	return nil
}

// functions returns the functions and methods that are not a test's, in the order of
// the source.
func (p *Package) functions() []*ast.FuncDecl {
	var list []*ast.FuncDecl
	for _, name := range p.fileNames() {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, decl := range p.files[name].Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				list = append(list, fn)
			}
		}
	}
	return list
}

// find returns the method of a type, or the function if the type is "". It returns
// nil if there is none.
func (p *Package) find(name, typ string) *ast.FuncDecl {
	for _, fn := range p.functions() {
		if fn.Name.Name == name && receiverType(fn) == typ {
			return fn
		}
	}
	return nil
}

// receiverType returns the name of the type that a method belongs to, or "" for a
// function.
func receiverType(fn *ast.FuncDecl) string {
	if fn == nil || fn.Recv.NumFields() == 0 {
		return ""
	}
	return typeName(fn.Recv.List[0].Type)
}

// typeName returns the name of T in T, *T and T[P].
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.ParenExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	}
	return ""
}

// members returns the names of a type's methods and fields.
func (p *Package) members(typ string) map[string]bool {
	names := make(map[string]bool)
	for _, f := range p.files {
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if receiverType(d) == typ {
					names[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					s, ok := spec.(*ast.TypeSpec)
					if !ok || s.Name.Name != typ {
						continue
					}
					fields, ok := s.Type.(*ast.StructType)
					if !ok {
						continue
					}
					for _, field := range fields.Fields.List {
						for _, n := range field.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

// isHandler reports whether a function has the parameters of an http.HandlerFunc.
func isHandler(f *ast.File, fn *ast.FuncDecl) bool {
	http := importName(f, "net/http")
	is := func(e ast.Expr, name string) bool {
		sel, ok := e.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != name {
			return false
		}
		x, ok := sel.X.(*ast.Ident)
		return ok && x.Name == http
	}
	var params []ast.Expr
	for _, field := range fn.Type.Params.List {
		for range max(len(field.Names), 1) {
			params = append(params, field.Type)
		}
	}
	if len(params) != 2 || fn.Type.Results.NumFields() > 0 || fn.Type.TypeParams.NumFields() > 0 {
		return false
	}
	request, ok := params[1].(*ast.StarExpr)
	return ok && is(params[0], "ResponseWriter") && is(request.X, "Request")
}

// fileOf returns the file that has a node.
func (p *Package) fileOf(n ast.Node) *ast.File {
	return p.files[filepath.Base(p.fset.File(n.Pos()).Name())]
}
