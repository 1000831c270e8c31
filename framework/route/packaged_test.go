package route

import (
	"encoding/json"
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

// compiled are the tables of all good manifests, in the order of their names, in
// the test binary that TestPackaged builds, and nil in any other.
var compiled []*packagedTable

// The short way gives the table of the long one, with all that is in it: the test
// is built once more, with the tables as literals, and compares them there.
func TestPackaged(t *testing.T) {
	t.Parallel()
	manifests := goodManifests(t)
	names := slices.Sorted(maps.Keys(manifests))
	if compiled == nil {
		var tables []*packagedTable
		for _, name := range names {
			table, _ := Load("routes.yaml", manifests[name], nil)
			tables = append(tables, table.packaged(manifests[name]))
		}
		testWith(t, append(literalFile("added", tables), "\nfunc init() { compiled = added }\n"...))
		return
	}
	if len(compiled) != len(names) {
		t.Fatalf("%d tables, want %d", len(compiled), len(names))
	}
	for i, name := range names {
		src := manifests[name]
		want, _ := Load("routes.yaml", src, nil)
		got, report := use(compiled[i], "routes.yaml", src, named(want))
		if got == nil || report == nil || len(report.Diagnostics) > 0 {
			t.Errorf("%s: %v, %v", name, got, report)
			continue
		}
		if got.digest != want.Digest() {
			t.Errorf("%s: digest is %q, want %q", name, got.digest, want.Digest())
		}
		want.digest = got.digest
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: (-want +got):\n%s", name, cmp.Diff(want, got, cmp.AllowUnexported(Table{}, Route{}, Pattern{}, segment{}, written{})))
		}
	}
}

// testWith runs the test that calls it once more, in a package that has the file
// as well.
func testWith(t *testing.T, file []byte) {
	t.Helper()
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "literal_added_test.go"): filepath.Join(dir, "added.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"added.go": file, "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("go", "test", "-overlay", filepath.Join(dir, "overlay.json"), "-run", "^"+t.Name()+"$", "-v", ".").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Handlers that do not exist are reported in the words of the long way. It warns
// of other things, too; a function that does not start has other worries.
func TestPackagedChecksHandlers(t *testing.T) {
	t.Parallel()
	for name, src := range goodManifests(t) {
		table, _ := Load("routes.yaml", src, nil)
		p := table.packaged(src)
		for missing := range named(table) {
			handlers := named(table)
			delete(handlers, missing)
			handlers[missing+"x"] = true
			_, want := Load("routes.yaml", src, slices.Collect(maps.Keys(handlers)))
			want.Diagnostics = slices.DeleteFunc(want.Diagnostics, func(d manifest.Diagnostic) bool { return d.Severity == manifest.Warning })
			got, report := use(p, "routes.yaml", src, handlers)
			if got != nil || report == nil {
				t.Errorf("%s without %q: %v, %v", name, missing, got, report)
			} else if diff := cmp.Diff(want.Err().Error(), report.Err().Error()); diff != "" {
				t.Errorf("%s without %q (-want +got):\n%s", name, missing, diff)
			}
		}
		if table, report := use[bool](p, "routes.yaml", src, nil); table != nil || report == nil || !report.HasErrors() {
			t.Errorf("%s without handlers: %v, %v", name, table, report)
		}
	}
}

// A program that was packaged with no manifest, or with another, has no table of it.
func TestPackagedRefuses(t *testing.T) {
	t.Parallel()
	src := goodManifests(t)["shipped"]
	table, _ := Load("routes.yaml", src, nil)
	p := table.packaged(src)
	changed := slices.Clone(src)
	changed[len(changed)/2] ^= 1
	for name, other := range map[string][]byte{
		"one that is longer": append(slices.Clone(src), '\n'), "one that is shorter": src[:len(src)-1], "none": nil, "one with another byte": changed,
	} {
		if table, report := use(p, "routes.yaml", other, named(table)); table != nil || report != nil {
			t.Errorf("%s is taken: %v, %v", name, table, report)
		}
	}
	if got, report := Packaged("routes.yaml", src, named(table)); got != nil || report != nil {
		t.Errorf("a test was packaged with %v, %v", got, report)
	}
	if got, _ := use(p, "routes.yaml", src, named(table)); got == nil {
		t.Error("the manifest itself is not taken")
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
