package route

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/schema"
)

// goodManifests returns every manifest here that is valid, by its name.
func goodManifests(t testing.TB) map[string][]byte {
	t.Helper()
	shipped, err := os.ReadFile("../../routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	manifests := map[string][]byte{
		"shipped": shipped,
		"many":    manyRoutes(500, "'/r%d/{x}/y/{z+}'"),
		"root":    []byte("version: 1\nroutes: [{path: /, method: GET, handler: a}]\n"),
		"mark":    []byte("\uFEFFversion: 1\nroutes: [{path: /, summary: é, method: GET, handler: a}]\n"),
		"empty":   []byte("version: 1\ngroups: {}\nscopes: {}\nroutes: [{path: /, method: ANY, auth: iam, deprecated: true, handler: a}]\n"),
		"texts":   []byte("version: 1\nroutes: [{path: /, method: GET, handler: a, description: \"\\uFEFF\\u2028\\u0085`\\\\\\\"%d{}\\t😀\"}]\n"),
		"folded":  []byte("version: 1\nroutes:\n  - path: /\n    method: GET\n    handler:\n      a\n    description: |\n      1:2:\n\n      é\n"),
	}
	names, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, name := range names {
		_, manifests[name] = readArchive(t, name)
	}
	for name, src := range manifests {
		if table, report := Load("routes.yaml", src, nil); table == nil {
			if !strings.HasPrefix(name, "testdata/bad/") {
				t.Fatalf("%s: %v", name, report.Err())
			}
			delete(manifests, name)
		}
	}
	if len(manifests) < 15 {
		t.Fatalf("%d valid manifests: %q", len(manifests), slices.Sorted(maps.Keys(manifests)))
	}
	return manifests
}

func named(t *Table) map[string]bool {
	names := make(map[string]bool)
	for r := range t.All() {
		names[r.Handler] = true
	}
	return names
}

// The short way gives the table of the long one, with all that is in it.
func TestRestore(t *testing.T) {
	t.Parallel()
	for name, src := range goodManifests(t) {
		want, _ := Load("routes.yaml", src, nil)
		got, report := Restore(want.Packaged(src), "routes.yaml", src, named(want))
		if got == nil || report == nil || len(report.Diagnostics) > 0 {
			t.Errorf("%s: Restore = %v, %v", name, got, report)
			continue
		}
		if got.digest != want.Digest() {
			t.Errorf("%s: digest is %q, want %q", name, got.digest, want.Digest())
		}
		want.digest = got.digest
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: (-want +got):\n%s", name, cmp.Diff(want, got, cmp.AllowUnexported(Table{})))
		}
	}
}

// As Go, which is how cmd/package writes it, a packaged table is what it was.
func TestPackagedAsGo(t *testing.T) {
	t.Parallel()
	manifests := goodManifests(t)
	var want []*Packaged
	for _, name := range slices.Sorted(maps.Keys(manifests)) {
		table, _ := Load("routes.yaml", manifests[name], nil)
		want = append(want, table.Packaged(manifests[name]))
	}
	var source strings.Builder
	source.WriteString(`package main

import (
	"encoding/json"
	"os"

	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/route"
)

var _ manifest.Span

func main() { json.NewEncoder(os.Stdout).Encode(tables) }

var tables = []route.Packaged{
`)
	for _, p := range want {
		fmt.Fprintf(&source, "%#v,\n", *p)
	}
	source.WriteString("}\n")
	name := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(name, []byte(source.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []*Packaged
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Handlers that do not exist are reported in the words of the long way. It warns
// of other things, too; a function that does not start has other worries.
func TestRestoreChecksHandlers(t *testing.T) {
	t.Parallel()
	for name, src := range goodManifests(t) {
		table, _ := Load("routes.yaml", src, nil)
		for missing := range named(table) {
			handlers := named(table)
			delete(handlers, missing)
			handlers[missing+"x"] = true
			_, want := Load("routes.yaml", src, slices.Collect(maps.Keys(handlers)))
			want.Diagnostics = slices.DeleteFunc(want.Diagnostics, func(d manifest.Diagnostic) bool { return d.Severity == manifest.Warning })
			got, report := Restore(table.Packaged(src), "routes.yaml", src, handlers)
			if got != nil || report == nil {
				t.Errorf("%s without %q: Restore = %v, %v", name, missing, got, report)
			} else if diff := cmp.Diff(want.Err().Error(), report.Err().Error()); diff != "" {
				t.Errorf("%s without %q (-want +got):\n%s", name, missing, diff)
			}
		}
		if table, report := Restore[bool](table.Packaged(src), "routes.yaml", src, nil); table != nil || report == nil || !report.HasErrors() {
			t.Errorf("%s without handlers: Restore = %v, %v", name, table, report)
		}
	}
}

// What another version has made, or of other bytes, is no table.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	src := goodManifests(t)["shipped"]
	table, _ := Load("routes.yaml", src, nil)
	refused := func(what string, p *Packaged, src []byte) {
		t.Helper()
		if table, report := Restore(p, "routes.yaml", src, named(table)); table != nil || report != nil {
			t.Errorf("%s is taken: %v, %v", what, table, report)
		}
	}
	refused("nothing", nil, src)
	refused("a table of a shorter manifest", table.Packaged(src), append(slices.Clone(src), '\n'))
	refused("a table of a longer manifest", table.Packaged(src), src[:len(src)-1])
	refused("a table for no bytes", table.Packaged(src), nil)
	for i := range src {
		changed := slices.Clone(src)
		changed[i] ^= 1
		refused(fmt.Sprintf("a table of a manifest with another byte %d", i), table.Packaged(src), changed)
	}
	other := table.Packaged(src)
	other.Version++
	refused("another version's", other, src)
	if got, _ := Restore(table.Packaged(src), "routes.yaml", src, named(table)); got == nil {
		t.Error("the table of the manifest itself is not taken")
	}
}

// However many routes there are, nothing is made for any of them.
func TestRestoreAllocates(t *testing.T) {
	allocs := func(n int) float64 {
		src := manyRoutes(n, "'/r%d/{x}'")
		table, _ := Load("routes.yaml", src, nil)
		p, handlers := table.Packaged(src), named(table)
		return testing.AllocsPerRun(10, func() { Restore(p, "routes.yaml", src, handlers) })
	}
	if few, many := allocs(3), allocs(300); many > few {
		t.Errorf("%v allocations for 300 routes, %v for 3", many, few)
	}
}

// The table knows the line of each key that the schema has.
func TestRouteKeys(t *testing.T) {
	t.Parallel()
	var s struct {
		Defs struct {
			Route struct{ Properties map[string]any } `json:"route"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schema.Routes, &s); err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(maps.Keys(s.Defs.Route.Properties))
	if got := slices.Sorted(slices.Values(routeKeys[:])); !slices.Equal(got, want) {
		t.Errorf("keys %q, want %q", got, want)
	}
}

func BenchmarkRestore(b *testing.B) {
	for _, n := range []int{10, 300, 3000} {
		src := manyRoutes(n, "'/v1/resources%d/{id}/things'")
		table, _ := Load("routes.yaml", src, nil)
		p, handlers := table.Packaged(src), named(table)
		b.Run(fmt.Sprintf("restore%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if table, _ := Restore(p, "routes.yaml", src, handlers); table == nil {
					b.Fatal("no table")
				}
			}
		})
		b.Run(fmt.Sprintf("router%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				NewRouter(table, "prod")
			}
		})
	}
}
