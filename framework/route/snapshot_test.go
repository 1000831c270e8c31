package route

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
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
		snapshot := want.Snapshot(src)
		got, report := Restore(snapshot, "routes.yaml", src, named(want))
		if got == nil || report == nil || len(report.Diagnostics) > 0 {
			t.Errorf("%s: Restore = %v, %v", name, got, report)
			continue
		}
		if again := got.Snapshot(src); again != snapshot {
			t.Errorf("%s: written again (-want +got):\n%s", name, cmp.Diff(snapshot, again))
		}
		if got.digest != want.Digest() {
			t.Errorf("%s: digest is %q, want %q", name, got.digest, want.Digest())
		}
		got.digest = ""
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: (-want +got):\n%s", name, cmp.Diff(want, got, cmp.AllowUnexported(Table{}, Route{}, Pattern{}, segment{})))
		}
		for r := range got.All() {
			// What is appended to a list of one route is not another's.
			_ = append(append(r.Tags, "x"), append(r.Access.Groups, "x")...)
			_ = append(append(r.Access.Scopes, "x"), append(r.Access.Groups, "x")...)
			_ = append(r.Pattern.segments, segment{greedy, "x"})
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the routes share their lists", name)
		}
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
			got, report := Restore(table.Snapshot(src), "routes.yaml", src, handlers)
			if got != nil || report == nil {
				t.Errorf("%s without %q: Restore = %v, %v", name, missing, got, report)
			} else if diff := cmp.Diff(want.Err().Error(), report.Err().Error()); diff != "" {
				t.Errorf("%s without %q (-want +got):\n%s", name, missing, diff)
			}
		}
		if table, report := Restore[bool](table.Snapshot(src), "routes.yaml", src, nil); table != nil || report == nil || !report.HasErrors() {
			t.Errorf("%s without handlers: Restore = %v, %v", name, table, report)
		}
	}
}

// everything returns a small table with each thing that a snapshot holds, and its
// manifest.
func everything(t testing.TB) (table *Table, src []byte) {
	t.Helper()
	src = []byte(`version: 1
groups: {A: one, B: two}
routes:
  - {path: '/a/{x}', method: GET, handler: a, tags: [x, y], groups: [A, B], scopes: [s], deprecated: true}
  - {path: '/b/{x+}', method: ANY, handler: b, public: true, description: More than ten letters.}
tests: [{name: t, as: {groups: [A]}, allow: [GET /b/c], deny: [GET /a/b]}]
`)
	table, report := Load("routes.yaml", src, nil)
	if table == nil {
		t.Fatal(report.Err())
	}
	return table, src
}

// A snapshot of other bytes, of another version, cut off or changed is none.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	table, src := everything(t)
	snapshot := table.Snapshot(src)
	refused := func(what, snapshot string, src []byte) {
		t.Helper()
		if table, report := Restore(snapshot, "routes.yaml", src, named(table)); table != nil || report != nil {
			t.Errorf("%s is taken: %v, %v", what, table, report)
		}
	}
	refused("a snapshot of other bytes", snapshot, append(bytes.Clone(src), '\n'))
	refused("a snapshot of no bytes", snapshot, nil)
	refused("another version", strings.Replace(snapshot, "routegate table ", "routegate table 1", 1), src)
	refused("a longer one", snapshot+"0:", src)
	for i := range len(snapshot) {
		refused(fmt.Sprintf("the first %d bytes", i), snapshot[:i], src)
		for _, c := range []byte{snapshot[i] ^ 1, snapshot[i] ^ 0x80, '0', ':'} {
			if c != snapshot[i] {
				refused(fmt.Sprintf("byte %d as %q", i, c), snapshot[:i]+string([]byte{c})+snapshot[i+1:], src)
			}
		}
	}
	if restore(snapshot, src) == nil {
		t.Error("the snapshot itself is not taken")
	}
}

// Behind a right head, what is cut off or changed is no table, or one that is
// written so: no part of a snapshot goes unread, and each is read in one way.
func TestRestoreReadsAll(t *testing.T) {
	t.Parallel()
	table, src := everything(t)
	whole := table.Snapshot(src)[tableAt:]
	taken := 0
	check := func(what, table string) {
		t.Helper()
		snapshot := head(src, table) + table
		restored := restore(snapshot, src)
		if restored == nil {
			return
		}
		taken++
		if again := restored.Snapshot(src); again != snapshot {
			t.Errorf("%s is taken (-want +got):\n%s", what, cmp.Diff(snapshot, again))
		}
	}
	check("the table", whole)
	if taken != 1 {
		t.Fatal("the table is not taken")
	}
	for i := range len(whole) {
		check(fmt.Sprintf("the first %d bytes", i), whole[:i])
		for _, c := range []byte("0123456789:x ") {
			check(fmt.Sprintf("byte %d as %q", i, c), whole[:i]+string(c)+whole[i+1:])
			check(fmt.Sprintf("%q in front of byte %d", c, i), whole[:i]+string(c)+whole[i:])
		}
		check(fmt.Sprintf("all but byte %d", i), whole[:i]+whole[i+1:])
	}
	check("a longer one", whole+"0:")
	if taken < 100 {
		t.Errorf("only %d others were taken, with other texts and lines", taken)
	}
}

func TestSnapshotNumber(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{
		"0:": 0, "9:": 9, "10:": 10, "19:": 19, "90:": 90, "123456789:": 123456789, "7:8:": 7,
		"": -1, ":": -1, "1": -1, "12": -1, "01:": -1, "00:": -1, "-1:": -1, "+1:": -1, "1x:": -1, "/:": -1, "::": -1, "x:": -1,
		"1/:": -1, "1 :": -1, "1234567890:": -1, "1234567890": -1, "123456789": -1,
	} {
		r := &snapshotReader{rest: s}
		got := r.number()
		if r.failed {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

// However many routes there are, the same few pieces of memory hold them.
func TestRestoreAllocates(t *testing.T) {
	allocs := func(n int) float64 {
		src := manyRoutes(n, "'/r%d/{x}'")
		table, _ := Load("routes.yaml", src, nil)
		snapshot := table.Snapshot(src)
		return testing.AllocsPerRun(10, func() { restore(snapshot, src) })
	}
	// Package fmt keeps its memory in a pool, which the race detector makes forget some.
	if few, many := allocs(3), allocs(300); many > few+10 {
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

// FuzzRestore checks that any bytes behind a right head are no table, or one of
// which the same bytes are written.
func FuzzRestore(f *testing.F) {
	src := []byte("any bytes")
	for _, src := range goodManifests(f) {
		table, _ := Load("routes.yaml", src, nil)
		if snapshot := table.Snapshot(src); len(snapshot) < 10_000 {
			f.Add(snapshot[tableAt:])
		}
	}
	f.Fuzz(func(t *testing.T, table string) {
		snapshot := head(src, table) + table
		restored := restore(snapshot, src)
		if restored == nil {
			return
		}
		if diff := cmp.Diff(snapshot, restored.Snapshot(src)); diff != "" {
			t.Errorf("written again (-want +got):\n%s", diff)
		}
		NewRouter(restored, "") // of a table that no manifest means; it must not hang or fail
	})
}

func BenchmarkRestore(b *testing.B) {
	for _, n := range []int{10, 300, 3000} {
		src := manyRoutes(n, "'/v1/resources%d/{id}/things'")
		table, _ := Load("routes.yaml", src, nil)
		snapshot := table.Snapshot(src)
		b.Run(fmt.Sprintf("restore%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(snapshot)))
			b.ReportAllocs()
			for b.Loop() {
				if restore(snapshot, src) == nil {
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
