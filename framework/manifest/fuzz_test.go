package manifest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// FuzzParse checks what holds of every file: Parse does not panic, says the
// same of the same file, and each thing that it says has a place in it.
func FuzzParse(f *testing.F) {
	for _, src := range seeds(f) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, r := Parse("routes.yaml", src)
		checkReport(t, r)
		if err := r.Print(io.Discard); err != nil {
			t.Errorf("Print: %v", err)
		}
		if again, second := Parse("routes.yaml", src); !cmp.Equal(m, again) || !cmp.Equal(r, second) {
			t.Errorf("parsing twice makes a difference (-first +second):\n%s%s", cmp.Diff(m, again), cmp.Diff(r, second))
		}
		if m == nil && !r.HasErrors() {
			t.Error("neither a manifest nor an error")
		}
		if !r.HasErrors() {
			checkComplete(t, m)
		}
	})
}

// seeds returns the manifests of all goldens, and the shipped one.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	shipped, err := os.ReadFile("../../routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := [][]byte{shipped}
	names, err := filepath.Glob("../route/testdata/*/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil || len(archive.Files) == 0 {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, archive.Files[0].Data)
	}
	for _, src := range []string{"", "\uFEFF", "a: 'b\r\n", "\xff\xfea\x00", "? |\n a\u2028: &b\n", "[{a: \"\\u00e9\"}, !b c]", "%YAML 1.1\n---\n*a"} {
		all = append(all, []byte(src))
	}
	return all
}

var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// checkReport checks that every diagnostic is complete and lies in the file,
// and that the order is the file's.
func checkReport(t testing.TB, r *Report) {
	t.Helper()
	lines := lineBreak.Split(string(r.Source), -1)
	in := func(s Span) bool {
		if s == (Span{}) {
			return true
		}
		if s.Line < 1 || s.Line > len(lines) || s.Column < 1 || s.Width < 1 {
			return false
		}
		// A missing value stands right behind the end of its line.
		end := utf8.RuneCountInString(lines[s.Line-1]) + 1
		return s.Column+s.Width <= end || s.Column == end && s.Width == 1
	}
	var last Pos
	for _, d := range r.Diagnostics {
		if d.Rule == "" || d.Message == "" || strings.ContainsAny(d.Message, "\r\n") {
			t.Errorf("incomplete: %+v", d)
		}
		if !in(d.Span) {
			t.Errorf("not in the file: %+v", d)
		}
		for _, rel := range d.Related {
			if rel.Line == 0 || rel.Message == "" || !in(rel.Span) {
				t.Errorf("related place not in the file: %+v", d)
			}
		}
		if d.Line < last.Line || d.Line == last.Line && d.Column < last.Column {
			t.Errorf("%v is reported behind %v", d.Pos, last)
		}
		last = d.Pos
	}
}

// checkComplete checks that a manifest without errors leaves nothing out.
func checkComplete(t *testing.T, m *Manifest) {
	t.Helper()
	complete := func(what string, s String) {
		if s.Line == 0 || s.Value == "" {
			t.Errorf("%s is missing: %+v", what, s)
		}
	}
	if len(m.Routes) == 0 {
		t.Error("no routes")
	}
	for _, r := range m.Routes {
		if r.Path.Line == 0 { // what is in it is read by package route
			t.Errorf("path is missing: %+v", r)
		}
		complete("method", r.Method)
		complete("handler", r.Handler)
		for key, has := range map[string]bool{
			"path": r.Path.Line > 0, "method": r.Method.Line > 0, "handler": r.Handler.Line > 0, "name": r.Name.Line > 0,
			"summary": r.Summary.Line > 0, "description": r.Description.Line > 0, "auth": r.Auth.Line > 0,
			"deprecated": r.Deprecated.Line > 0, "public": r.Public.Line > 0, "groups": len(r.Groups) > 0, "scopes": len(r.Scopes) > 0,
		} {
			if _, written := r.Has[key]; written != has {
				t.Errorf("%s is written: %t, kept: %t", key, written, has)
			}
		}
		for _, list := range [][]String{r.Tags, r.Groups, r.Scopes} {
			for _, s := range list {
				complete("an entry", s)
			}
		}
	}
	for _, test := range m.Tests {
		complete("name", test.Name)
		for _, request := range append(test.Allow, test.Deny...) {
			complete("a request", request)
		}
		if len(test.Allow)+len(test.Deny) == 0 {
			t.Errorf("a test without a request: %+v", test)
		}
	}
	for _, v := range []*Vocabulary{m.Groups, m.Scopes} {
		if v != nil {
			for _, n := range v.Names {
				complete("a name", n.String)
			}
		}
	}
}

func TestPrintReportsTheErrorOfItsWriter(t *testing.T) {
	t.Parallel()
	_, r := Parse("routes.yaml", nil)
	if err := r.Print(brokenWriter{}); err != errBroken {
		t.Errorf("got %v, want %v", err, errBroken)
	}
}

var errBroken = fmt.Errorf("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestZeroReport(t *testing.T) {
	t.Parallel()
	var r Report
	if err := r.Err(); err != nil || r.HasErrors() {
		t.Errorf("got %v", err)
	}
	r.Warnf(Span{}, "rule", "a %s", "warning")
	if err := r.Err(); err != nil {
		t.Errorf("a warning is an error: %v", err)
	}
	r.Errorf(Span{Pos{3, 1}, 1}, "rule", "an error beyond the file")
	r.Errorf(Span{Pos{3, 1}, 1}, "rule", "an error beyond the file")
	r.Sort()
	want := ": warning: a warning [rule]\n:3:1: error: an error beyond the file [rule]"
	if got := fmt.Sprint(r.Err()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
