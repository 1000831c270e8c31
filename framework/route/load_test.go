package route

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/routegate/routegate/framework/manifest"
)

var update = flag.Bool("update", false, "write the goldens in testdata anew")

var full = flag.Bool("full", false, "run the tests with manifests of many megabytes, which take a minute")

// The handlers that exist in all the goldens.
var testHandlers = []string{"create_user", "get_user", "health_check", "list_users", "site_map", "whoami"}

// TestBadManifests compares what is said of each manifest in testdata/bad with
// its golden: the whole report as it is printed, and the manifest's failing
// tests when nothing else is wrong.
func TestBadManifests(t *testing.T) {
	t.Parallel()
	forEachArchive(t, "testdata/bad", 55, func(t *testing.T, src []byte) string {
		report := loadAndTest(t, src)
		if len(report.Diagnostics) == 0 {
			t.Error("nothing is said of a bad manifest")
		}
		return printed(t, report)
	})
}

// TestGoodManifests compares the table that each manifest in testdata/good
// means, and what it is warned of, with its golden.
func TestGoodManifests(t *testing.T) {
	t.Parallel()
	forEachArchive(t, "testdata/good", 8, func(t *testing.T, src []byte) string {
		report := loadAndTest(t, src)
		if report.HasErrors() {
			t.Errorf("a good manifest has errors:\n%s", report.Err())
			return printed(t, report)
		}
		table, _ := Load("routes.yaml", src, testHandlers)
		return dump(table) + printed(t, report)
	})
}

// forEachArchive runs check for each archive of a folder and compares what it
// returns with the archive's golden, the file "want".
func forEachArchive(t *testing.T, folder string, atLeast int, check func(t *testing.T, src []byte) string) {
	names, err := filepath.Glob(folder + "/*.txtar")
	if err != nil || len(names) < atLeast {
		t.Fatalf("%s has %d archives, want at least %d: %v", folder, len(names), atLeast, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, src := readArchive(t, name)
			got := check(t, src)
			at := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
			switch {
			case *update:
				archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			case at < 0:
				t.Errorf(`no golden "want" in %s: run go test with -update`, name)
			default:
				if d := cmp.Diff(string(archive.Files[at].Data), got); d != "" {
					t.Errorf("report (-want +got):\n%s", d)
				}
			}
		})
	}
}

// readArchive returns an archive and the manifest in it. That is the file
// "routes.yaml", or "routes.yaml.quoted", each line of which is the inside of a
// Go string: its line breaks are written out, and so is what an editor would
// hide, such as a byte order mark.
func readArchive(t testing.TB, name string) (*txtar.Archive, []byte) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	comment := bytes.TrimSpace(archive.Comment)
	if len(comment) == 0 || bytes.ContainsRune(comment, '\n') {
		t.Errorf("%s has no comment of one line that says what it shows", name)
	}
	if len(archive.Files) == 0 {
		t.Fatalf("%s has no file", name)
	}
	switch f := archive.Files[0]; f.Name {
	case "routes.yaml":
		return archive, f.Data
	case "routes.yaml.quoted":
		var src []byte
		for rest := strings.ReplaceAll(string(f.Data), "\n", ""); rest != ""; {
			c, multibyte, tail, err := strconv.UnquoteChar(rest, 0)
			if err != nil {
				t.Fatalf("%s: %q: %v", name, rest, err)
			}
			if rest = tail; multibyte {
				src = utf8.AppendRune(src, c)
			} else {
				src = append(src, byte(c))
			}
		}
		return archive, src
	default:
		t.Fatalf("%s starts with the file %q", name, f.Name)
		return nil, nil
	}
}

// loadAndTest returns everything that is said of a manifest, and checks what
// must hold of every report.
func loadAndTest(t testing.TB, src []byte) *manifest.Report {
	t.Helper()
	table, report := Load("routes.yaml", src, testHandlers)
	if (table == nil) != report.HasErrors() {
		t.Errorf("table is nil: %t, report has errors: %t", table == nil, report.HasErrors())
	}
	checkReport(t, report)
	if table != nil {
		report.Diagnostics = append(report.Diagnostics, table.Test()...)
		report.Sort()
		checkReport(t, report)
	}
	return report
}

// checkReport checks that every diagnostic is complete, lies in the file and
// stands in its order.
func checkReport(t testing.TB, r *manifest.Report) {
	t.Helper()
	lines := strings.Split(lineBreak.ReplaceAllString(string(r.Source), "\n"), "\n")
	inFile := func(s manifest.Span) bool {
		if s == (manifest.Span{}) {
			return true
		}
		if s.Line < 1 || s.Line > len(lines) {
			return false
		}
		end := utf8.RuneCountInString(lines[s.Line-1]) + 1
		return s.Column >= 1 && s.Width >= 1 && (s.Column+s.Width <= end || s.Column == end && s.Width == 1)
	}
	for _, d := range r.Diagnostics {
		if d.Rule == "" || d.Message == "" {
			t.Errorf("diagnostic without a rule or a message: %+v", d)
		}
		if !inFile(d.Span) {
			t.Errorf("not in the file: %+v", d)
		}
		for _, rel := range d.Related {
			if rel.Message == "" || rel.Line == 0 || !inFile(rel.Span) {
				t.Errorf("related place not in the file: %+v", d)
			}
		}
		if strings.HasSuffix(d.Message, ".") || strings.ContainsAny(d.Message, "\n\t") || 'A' <= d.Message[0] && d.Message[0] <= 'Z' && !strings.HasPrefix(d.Message, "ANY ") {
			t.Errorf("not in the grammar of messages: %q", d.Message)
		}
	}
	if !slices.IsSortedFunc(r.Diagnostics, func(a, b manifest.Diagnostic) int {
		return slices.Compare([]int{a.Line, a.Column}, []int{b.Line, b.Column})
	}) {
		t.Errorf("not sorted:\n%s", printed(t, r))
	}
}

// The line breaks of YAML 1.1.
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

func printed(t testing.TB, r *manifest.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Error(err)
	}
	return b.String()
}

// dump writes a table as text, what is left out included.
func dump(table *Table) string {
	var b strings.Builder
	for r := range table.All() {
		fmt.Fprintf(&b, "%s\n\tline %d, name %q, handler %q, summary %q\n\t%s, groups %q, scopes %q\n",
			r.Key(), r.Line, r.Name, r.Handler, r.Summary, r.Access.Auth, r.Access.Groups, r.Access.Scopes)
		if r.Description != "" || r.Tags != nil || r.Deprecated {
			fmt.Fprintf(&b, "\tdescription %q, tags %q, deprecated %t\n", r.Description, r.Tags, r.Deprecated)
		}
	}
	fmt.Fprintf(&b, "groups %q\nscopes %q\n", table.Groups(), table.Scopes())
	return b.String()
}

// Rules that no archive can show, and the test that does.
var shownElsewhere = map[string]string{
	"too-large":    "TestTooLarge of package manifest",
	"route-quota":  "TestRouteQuota",
	"not-packaged": "TestChecksNoOther of cmd/package",
	"schema":       "none: the schema library takes every value that a file can hold",
}

// TestEveryRuleHasAGolden reads the rules off the source.
func TestEveryRuleHasAGolden(t *testing.T) {
	t.Parallel()
	goldens := make(map[string]bool)
	names, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`(?m)(?:error|warning): .* \[([a-z0-9-]+)\]$`)
	for _, name := range names {
		archive, _ := readArchive(t, name)
		for _, m := range id.FindAllSubmatch(archive.Files[len(archive.Files)-1].Data, -1) {
			goldens[string(m[1])] = true
		}
	}
	rules := rulesInSource(t, ".", "../manifest")
	if len(rules) < 30 {
		t.Errorf("found only %d rules in the source: %q", len(rules), rules)
	}
	for _, rule := range rules {
		if !goldens[rule] && shownElsewhere[rule] == "" {
			t.Errorf("no archive in testdata/bad shows the rule %q", rule)
		}
		delete(goldens, rule)
	}
	for rule := range goldens {
		t.Errorf("the archives show the rule %q, which was not found in the source", rule)
	}
}

// rulesInSource returns the rules of all calls of Errorf and Warnf, and of all
// literals of Diagnostic.
func rulesInSource(t *testing.T, folders ...string) []string {
	t.Helper()
	var rules []string
	add := func(e ast.Expr) {
		switch e := e.(type) {
		case *ast.BasicLit:
			rule, err := strconv.Unquote(e.Value)
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, rule)
		case *ast.BinaryExpr: // "unknown-" + v.noun
			prefix, err := strconv.Unquote(e.X.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, prefix+"group", prefix+"scope")
		}
	}
	for _, folder := range folders {
		names, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					f, ok := n.Fun.(*ast.SelectorExpr)
					if ok && (f.Sel.Name == "Errorf" || f.Sel.Name == "Warnf") && len(n.Args) >= 3 {
						add(n.Args[1])
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Rule" {
						add(n.Value)
					}
				case *ast.AssignStmt:
					for i, left := range n.Lhs {
						if field, ok := left.(*ast.SelectorExpr); ok && field.Sel.Name == "Rule" && len(n.Lhs) == len(n.Rhs) {
							add(n.Rhs[i])
						}
					}
				}
				return true
			})
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}
