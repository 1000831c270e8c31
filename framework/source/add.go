package source

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A File is a file to write.
type File struct {
	Name string // with the package's directory
	Data []byte
	Adds string // what is new in it, in words
}

// Add returns the files that a handler of that name is added by: a function that
// answers 501 (RFC 9110, section 15.6.2), in the file of the route's resource,
// and its entry in All, at its place where the entries are sorted. Written in
// this order, each leaves a package that compiles. Nothing else of the files
// changes, and none is written here.
//
// The error says what is in the way.
func (p *Package) Add(name, method, path string) ([]File, error) {
	fn, err := p.functionName(name)
	if err != nil {
		return nil, err
	}
	resource := Resource(path) + ".go"
	edits := []edit{{p.in, p.entry(name, fn)}}
	stub, err := p.stub(resource, fn, method+" "+path)
	if err != nil {
		return nil, err
	}
	for _, insert := range stub {
		edits = append(edits, edit{resource, insert})
	}
	changed := make(map[string][]byte)
	for _, file := range []string{resource, p.in} {
		changed[file] = p.edited(file, edits)
	}

	// What was edited as text is read again: nothing else may have changed.
	sources := make(map[string][]byte)
	for name, src := range p.sources {
		sources[name] = src
	}
	for name, src := range changed {
		sources[name] = src
	}
	after, err := parse(p.dir, sources)
	if err != nil {
		return nil, fmt.Errorf("cannot add a handler to the source as it is written: %w", err)
	}
	if want := append(p.Names(), name); !slices.Equal(slices.Sorted(slices.Values(want)), after.Names()) || !after.declared()[fn] {
		return nil, p.errorf(p.literal, "cannot add a handler to the source as it is written")
	}

	function := File{filepath.Join(p.dir, resource), changed[resource], "function " + fn}
	entry := File{filepath.Join(p.dir, p.in), changed[p.in], "handler " + strconv.Quote(name)}
	if resource == p.in {
		function.Adds += ", " + entry.Adds
		return []File{function}, nil
	}
	return []File{function, entry}, nil
}

// Resource returns what a path is about, as the name of a Go file: its first
// literal segment that is not a version, "orders" for /v1/orders/{id}. It has
// letters and digits only, since the go command reads a meaning into names that
// end in _test or _linux.
func Resource(path string) string {
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") || version.MatchString(part) {
			continue
		}
		if name := notAlnum.ReplaceAllString(strings.ToLower(part), ""); name != "" {
			return name
		}
	}
	return "root"
}

var (
	version  = regexp.MustCompile(`^[vV][0-9]+([.][0-9]+)*$`)
	notAlnum = regexp.MustCompile(`[^a-z0-9]+`)
)

// functionName returns the name of the function for a handler: getOrder for
// get_order. A name that is taken gets "Handler" behind it.
func (p *Package) functionName(name string) (string, error) {
	var b strings.Builder
	for i, word := range strings.FieldsFunc(name, func(c rune) bool { return c == '_' || c == '-' }) {
		first, rest := word[:1], word[1:]
		if i == 0 {
			b.WriteString(strings.ToLower(first) + rest)
		} else {
			b.WriteString(strings.ToUpper(first) + rest)
		}
	}
	fn := cmp.Or(b.String(), "handler")
	taken := p.declared()
	for _, candidate := range []string{fn, fn + "Handler", "handler" + fn} {
		if token.IsIdentifier(candidate) && !taken[candidate] && types.Universe.Lookup(candidate) == nil {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("no function can be named after the handler %q: %q is taken", name, fn)
}

// declared returns the names that a new function must not have: those of the
// package, and those by which its files speak of others.
func (p *Package) declared() map[string]bool {
	names := map[string]bool{"init": true, "main": true, "http": true}
	for _, f := range p.files {
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			names[importName(f, path)] = true
		}
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// An insert is a text that goes in front of the byte at an offset.
type insert struct {
	at   int
	text string
}

type edit struct {
	file string
	insert
}

// edited returns the file with the edits that are for it, and formatted where it
// was before.
func (p *Package) edited(file string, edits []edit) []byte {
	var inserts []insert
	for _, e := range edits {
		if e.file == file {
			inserts = append(inserts, e.insert)
		}
	}
	slices.SortStableFunc(inserts, func(a, b insert) int { return cmp.Compare(a.at, b.at) })
	old := p.sources[file]
	var out []byte
	done := 0
	for _, i := range inserts {
		out = append(append(out, old[done:i.at]...), i.text...)
		done = i.at
	}
	out = append(out, old[done:]...)
	if gofmt, err := format.Source(old); old == nil || err == nil && bytes.Equal(gofmt, old) {
		if gofmt, err := format.Source(out); err == nil {
			return gofmt
		}
	}
	return out
}

// stub returns what the file of the resource gets: the function, and the import
// that it needs.
func (p *Package) stub(file, fn, routeKey string) ([]insert, error) {
	f, src := p.files[file], p.sources[file]
	http := "http"
	var inserts []insert
	switch {
	case f == nil:
		if name := filepath.Join(p.dir, file); exists(name) {
			return nil, fmt.Errorf("%q is there, and is not built for Linux", name)
		}
		inserts = append(inserts, insert{0, "package " + p.files[p.in].Name.Name + "\n\nimport \"net/http\"\n"})
	case importName(f, "net/http") != "":
		http = importName(f, "net/http")
	default:
		for _, spec := range f.Imports {
			if path, _ := strconv.Unquote(spec.Path.Value); importName(f, path) == http {
				return nil, p.errorf(spec, "the name http is taken")
			}
		}
		inserts = append(inserts, p.importHTTP(f))
	}
	text := fmt.Sprintf(`
// %[1]s answers %[2]s.
func %[1]s(w %[3]s.ResponseWriter, r *%[3]s.Request) {
	%[3]s.Error(w, "not implemented", %[3]s.StatusNotImplemented)
}
`, fn, routeKey, http)
	if len(src) > 0 && src[len(src)-1] != '\n' {
		text = "\n" + text
	}
	return append(inserts, insert{len(src), text}), nil
}

// importHTTP returns what imports net/http into a file: in front of its imports.
func (p *Package) importHTTP(f *ast.File) insert {
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.GenDecl)
		switch {
		case !ok || d.Tok != token.IMPORT:
		case d.Lparen.IsValid():
			return insert{p.offset(d.Lparen) + 1, "\n\t\"net/http\""}
		case d.Doc != nil:
			return insert{p.offset(d.Doc.Pos()), "import \"net/http\"\n\n"}
		default:
			return insert{p.offset(d.Pos()), "import \"net/http\"\n"}
		}
	}
	return insert{p.offset(f.Name.End()), "\n\nimport \"net/http\"\n"}
}

// entry returns what makes the name an entry of All's literal: behind the entry
// that it follows, so that comments in front of the next stay with that.
func (p *Package) entry(name, fn string) insert {
	src := p.sources[p.in]
	text := strconv.Quote(name) + ": " + fn
	names, elts := p.inOrder(), p.literal.Elts
	at := len(names)
	if slices.IsSorted(names) {
		at, _ = slices.BinarySearch(names, name)
	}
	next := p.literal.Rbrace
	if at < len(elts) {
		next = elts[at].Pos()
	}
	before := p.literal.Lbrace + 1
	if at > 0 {
		before = elts[at-1].End()
	}
	switch {
	case p.line(before) != p.line(next):
		end := p.offset(before)
		if n := bytes.IndexByte(src[end:], '\n'); n >= 0 {
			return insert{end + n + 1, "\t\t" + text + ",\n"}
		}
		return insert{end, text + ","} // no such file can be parsed
	case len(elts) == 0:
		return insert{p.offset(before), "\n\t\t" + text + ",\n\t"}
	case at == 0:
		return insert{p.offset(before), text + ", "}
	}
	return insert{p.offset(before), ", " + text}
}

func (p *Package) offset(pos token.Pos) int { return p.fset.Position(pos).Offset }

func (p *Package) line(pos token.Pos) int { return p.fset.Position(pos).Line }
