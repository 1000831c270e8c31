package source

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"maps"
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

// Add returns the files that add a handler of that name: a function or a method that
// responds with 501 (RFC 9110, section 15.6.2), in the file of the route's resource,
// and its entry in All, at its place if the entries are sorted. A handler that was
// written before gets the entry only. Written in this order, each file leaves a
// package that compiles. Nothing else in the files changes, and Add writes none.
//
// The error says what is in the way.
func (p *Package) Add(name, method, path string) ([]File, error) {
	resource := Resource(path) + ".go"
	at, err := p.place(name, resource)
	if err != nil {
		return nil, err
	}
	edits := []edit{{p.in, p.entry(name, at.value)}}
	if !at.isThere {
		stub, err := p.stub(resource, at, method+" "+path)
		if err != nil {
			return nil, err
		}
		for _, insert := range stub {
			edits = append(edits, edit{resource, insert})
		}
	}
	changed := map[string][]byte{p.in: p.edited(p.in, edits)}
	if !at.isThere {
		changed[resource] = p.edited(resource, edits)
	}

	// What was edited as text is read again: nothing else may have changed. An error
	// cites no line of that, because the files do not have it.
	sources := maps.Clone(p.sources)
	maps.Copy(sources, changed)
	after, err := parse(p.dir, sources)
	if want := append(p.Names(), name); err != nil || !slices.Equal(slices.Sorted(slices.Values(want)), after.Names()) || after.find(at.name, receiverType(at.method)) == nil {
		return nil, p.errorf(p.literal, "cannot add a handler to the source as it is written")
	}

	entry := File{filepath.Join(p.dir, p.in), changed[p.in], "handler " + strconv.Quote(name)}
	if at.isThere {
		entry.Adds += ", which is " + at.value
		return []File{entry}, nil
	}
	function := File{filepath.Join(p.dir, resource), changed[resource], "function " + at.name}
	if at.method != nil {
		function.Adds = "method " + at.name + " of " + receiverType(at.method)
	}
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

// declared returns the names that a new function must not have. They are those that
// the package declares or imports, and those in the function All, which may be
// parameters.
func (p *Package) declared() map[string]bool {
	names := map[string]bool{"init": true, "main": true, "http": true}
	if all := p.all(); all != nil {
		ast.Inspect(all, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				names[id.Name] = true
			}
			return true
		})
	}
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

// fileNames returns the names of the files, sorted.
func (p *Package) fileNames() []string { return slices.Sorted(maps.Keys(p.files)) }

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

// stub returns what the file of the resource gets: the function or method, and the
// import that it needs.
func (p *Package) stub(file string, at place, routeKey string) ([]insert, error) {
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
	receiver, w, r := "", "w", "r"
	if at.method != nil {
		recv := at.method.Recv
		in := filepath.Base(p.fset.File(recv.Pos()).Name())
		receiver = string(p.sources[in][p.offset(recv.Pos()):p.offset(recv.End())]) + " "
		if names := recv.List[0].Names; len(names) > 0 {
			switch names[0].Name {
			case w:
				w = "rw"
			case r:
				r = "req"
			case http:
				return nil, p.errorf(recv, "the name http is taken")
			}
		}
	}
	text := fmt.Sprintf(`
// %[1]s answers %[2]s.
func %[4]s%[1]s(%[5]s %[3]s.ResponseWriter, %[6]s *%[3]s.Request) {
	%[3]s.Error(%[5]s, "not implemented", %[3]s.StatusNotImplemented)
}
`, at.name, routeKey, http, receiver, w, r)
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
