package route

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/manifest"
)

// FuzzLoad checks what holds of every file: Load does not panic, every
// diagnostic is complete and has a place, and a table that is given out can
// be routed and tested.
func FuzzLoad(f *testing.F) {
	shipped, err := os.ReadFile("../../routes.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(shipped)
	names, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(names) == 0 {
		f.Fatalf("no goldens: %v", err)
	}
	for _, name := range names {
		_, src := readArchive(f, name)
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		report := loadAndTest(t, src)
		if err := report.Print(io.Discard); err != nil {
			t.Errorf("Print: %v", err)
		}
		table, report := Load("routes.yaml", src, nil)
		if report.HasErrors() {
			return
		}
		router := NewRouter(table, "")
		for r := range table.All() {
			// The pattern's own text is a path that it matches, so that some
			// route answers it.
			method := r.Method
			if method == AnyMethod {
				method = "GET"
			}
			path := strings.NewReplacer("{", "", "}", "", "+", "").Replace(r.Pattern.String())
			if d := router.Decide(Request{Method: method, Path: path}); d.Route == nil {
				t.Errorf("%s %s is answered by no route; the table has %q", method, path, r.Key())
			}
		}
	})
}

func TestRouteQuota(t *testing.T) {
	t.Parallel()
	table, report := Load("routes.yaml", manyRoutes(300, "/r%d"), testHandlers)
	if table == nil || len(report.Diagnostics) > 0 {
		t.Fatalf("300 routes:\n%s", printed(t, report))
	}
	table, report = Load("routes.yaml", manyRoutes(301, "/r%d"), testHandlers)
	if table == nil || table.Len() != 301 {
		t.Fatalf("301 routes:\n%s", printed(t, report))
	}
	want := `routes.yaml:303:5: warning: 301 routes: an HTTP API takes 300 unless AWS raised the quota [route-quota]
  303 |   - {path: /r300, method: GET, handler: whoami, name: n300}
      |     ^
`
	if got := printed(t, report); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for n, rule := range map[int]string{maxTable: "route-quota", maxTable + 1: "too-many"} {
		table, report = Load("routes.yaml", manyRoutes(n, "/r%d"), testHandlers)
		if len(report.Diagnostics) != 1 || report.Diagnostics[0].Rule != rule || (table != nil) != (n == maxTable) {
			t.Errorf("%d routes:\n%s", n, printed(t, report))
		}
	}
}

// manyRoutes returns a manifest of n routes, whose paths are made of their numbers.
func manyRoutes(n int, path string) []byte {
	var b bytes.Buffer
	b.WriteString("version: 1\nroutes:\n")
	for i := range n {
		p := path
		if strings.Contains(p, "%d") {
			p = fmt.Sprintf(p, i)
		}
		fmt.Fprintf(&b, "  - {path: %s, method: GET, handler: whoami, name: n%d}\n", p, i)
	}
	return b.Bytes()
}

// TestHostile feeds Load with manifests that were made to make it slow. Each
// has to be answered in seconds; the time limit only guards against hanging.
func TestHostile(t *testing.T) {
	if !*full {
		t.Skip("takes a minute: run with -full")
	}
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "%d", fmt.Sprint(i)))
		}
		return b.String()
	}
	tests := []struct {
		name  string
		src   string
		rule  string // of the first diagnostic
		count int
	}{
		{"valid", string(manyRoutes(10_000, "/r%d")), "route-quota", 1},
		{"too many", string(manyRoutes(100_000, "/r%d")), "too-many", 1},
		{"deep and valid", "version: 1\nroutes:\n" + many(4000, "  - {path: /%d"+strings.Repeat("/a", 254)+", method: GET, handler: whoami, name: n%d}\n"), "route-quota", 1},
		{"duplicates", string(manyRoutes(10_000, "/r")), "duplicate-route", 10_000},
		{"duplicates that clash", "version: 1\nroutes:\n  - {path: '/{x}/a', method: GET, handler: whoami}\n" + many(5_000, "  - {path: '/b/{x}', method: GET, handler: whoami, name: n%d}\n"), "route-conflict", 5_001},
		{"same names", "version: 1\nroutes:\n" + many(10_000, "  - {path: /r%d, method: GET, handler: whoami}\n"), "duplicate-name", 10_000},
		{"clashes in pairs", "version: 1\nroutes:\n" + many(5_000, "  - {path: '/%d/a/{x}', method: GET, handler: whoami, name: n%d}\n  - {path: '/%d/{y}/b', method: GET, handler: whoami, name: m%d}\n"), "route-conflict", 5_001},
		{"clashes of all with all", "version: 1\nroutes:\n" + many(2_000, "  - {path: '/{x}/b%d', method: GET, handler: whoami, name: n%d}\n") + many(2_000, "  - {path: '/a%d/{x}', method: GET, handler: whoami, name: m%d}\n"), "", 0},
		{"greedy", "version: 1\nroutes:\n" + many(10_000, "  - {path: '/%d/{x+}', method: ANY, handler: whoami, name: n%d, public: true}\n"), "route-quota", 1},
		{"unknown groups and a long vocabulary", "version: 1\ngroups:\n" + many(100_000, "  g%d: x\n") + "routes:\n  - path: /a\n    method: GET\n    handler: whoami\n    groups: [" + many(300_000, "h%d, ") + "]\n", "unknown-group", 300_000},
		{"unknown handlers", "version: 1\nroutes:\n" + many(10_000, "  - {path: /r%d, method: GET, handler: h%d}\n"), "unknown-handler", 10_001},
		{"a long path", "version: 1\nroutes:\n  - {path: '" + strings.Repeat("/a", 2<<20) + "', method: GET, handler: whoami}\n", "", 0},
		{"a long path that is wrong", "version: 1\nroutes:\n  - {path: '/" + strings.Repeat("é", 2<<20) + "', method: GET, handler: whoami}\n", "bad-path", 1},
		{"a long path of variables", "version: 1\nroutes:\n  - {path: '" + many(20_000, "/{v%d}") + "', method: GET, handler: whoami}\n", "", 0},
		{"variables and words", "version: 1\nroutes:\n" + bits(12), "", 0},
		{"failing tests", "version: 1\nroutes:\n  - {path: /a, method: GET, handler: whoami}\ntests:\n  - name: all\n    allow: [" + many(200_000, "GET /a%d, ") + "]\n", "failing-test", 200_000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			done := make(chan struct{})
			start := time.Now()
			go func() {
				defer close(done)
				table, report := Load("routes.yaml", []byte(test.src), testHandlers)
				if table != nil {
					report.Diagnostics = append(report.Diagnostics, table.Test()...)
				}
				report.Print(io.Discard)
				t.Logf("%.1f s for %.1f MB, %d diagnostics", time.Since(start).Seconds(), float64(len(test.src))/(1<<20), len(report.Diagnostics))
				if test.rule != "" && (len(report.Diagnostics) == 0 || report.Diagnostics[0].Rule != test.rule) {
					t.Errorf("first diagnostic is not of the rule %q: %+v", test.rule, report.Diagnostics[:min(1, len(report.Diagnostics))])
				}
				if n := len(report.Diagnostics); test.count > 0 && n != test.count {
					t.Errorf("%d diagnostics, want %d", n, test.count)
				}
				for _, d := range report.Diagnostics {
					if len(d.Message) > 1000 {
						t.Errorf("a message of %d bytes: %.100s", len(d.Message), d.Message)
						break
					}
				}
			}()
			select {
			case <-done:
			case <-time.After(2 * time.Minute):
				t.Fatal("still not done after two minutes")
			}
		})
	}
}

// bits returns all routes of n segments that are a variable or a word, the
// narrower in front.
func bits(n int) string {
	var b strings.Builder
	for i := range 1 << n {
		b.WriteString("  - {path: '")
		for j := range n {
			if i>>j&1 == 0 {
				b.WriteString("/a")
			} else {
				b.WriteString("/{v" + fmt.Sprint(j) + "}")
			}
		}
		fmt.Fprintf(&b, "', method: GET, handler: whoami, name: n%d}\n", i)
	}
	return b.String()
}

// FuzzAppend checks that a route that is added to a valid manifest leaves one,
// whose table is the old one and the route.
func FuzzAppend(f *testing.F) {
	names, err := filepath.Glob("testdata/good/*.txtar")
	if err != nil || len(names) == 0 {
		f.Fatalf("no goldens: %v", err)
	}
	for _, name := range names {
		_, src := readArchive(f, name)
		f.Add(src)
	}
	// Literal segments clash with nothing, unless they are there already.
	add := manifest.NewRoute{Path: "/routegate/fuzz", Method: "PATCH", Handler: "routegate_fuzz", Summary: "it's: new"}
	f.Fuzz(func(t *testing.T, src []byte) {
		before, _ := Load("routes.yaml", src, nil)
		if before == nil || bytes.Contains(src, []byte("fuzz")) {
			return
		}
		out, err := manifest.Append(src, add)
		if refused := (*manifest.AppendError)(nil); errors.As(err, &refused) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		after, report := Load("routes.yaml", out.Source, nil)
		if after == nil {
			t.Fatal(printed(t, report))
		}
		routes := make(map[string]Route)
		for r := range after.All() {
			routes[r.Key()] = *r
		}
		added := routes["PATCH /routegate/fuzz"]
		if added.Name != add.Handler || added.Summary != add.Summary || added.Access.Auth != JWT || after.Len() != before.Len()+1 {
			t.Errorf("added %+v", added)
		}
		for r := range before.All() {
			same := routes[r.Key()]
			same.Line, same.Lines, same.HandlerAt = r.Line, r.Lines, r.HandlerAt
			if !cmp.Equal(*r, same) {
				t.Errorf("%q is another route now:\n%+v\n%+v", r.Key(), *r, same)
			}
		}
		if diff := cmp.Diff(before.Groups(), after.Groups()); diff != "" {
			t.Errorf("groups (-want +got):\n%s", diff)
		}
	})
}
