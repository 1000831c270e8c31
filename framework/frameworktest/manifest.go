package frameworktest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/route"
)

// TestManifest checks all that a service's own manifest should hold to: nothing
// is wrong with it, warnings included; its own tests pass; every handler has a
// route; and every route is covered, that is, answers a request of one of the
// manifest's own tests. Each failure names its line in routes.yaml.
//
//	func TestManifest(t *testing.T) {
//		frameworktest.TestManifest(t, orders.Manifest, handlers.All())
//	}
func TestManifest(t testing.TB, manifest []byte, handlers framework.Handlers) {
	t.Helper()
	table, report := route.Load("routes.yaml", manifest, slices.AppendSeq([]string{}, maps.Keys(handlers)))
	if len(report.Diagnostics) > 0 {
		var b strings.Builder
		_ = report.Print(&b) // which takes everything
		t.Errorf("the manifest is not clean:\n%s", b.String())
	}
	if table == nil {
		return
	}
	covered := make(map[*route.Route]bool)
	for _, result := range table.RunTests() {
		covered[result.Decision.Route] = true
	}
	for _, failure := range table.Test() {
		t.Errorf("routes.yaml:%d: %s", failure.Line, failure.Message)
	}
	unused := maps.Clone(handlers)
	inTheFile := func(a, b *route.Route) int { return cmp.Compare(a.Line, b.Line) }
	for _, r := range slices.SortedFunc(table.All(), inTheFile) {
		delete(unused, r.Handler)
		if !covered[r] {
			t.Errorf("routes.yaml:%d: no test of the manifest covers %q", r.Line, r.Key())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(unused)) {
		t.Errorf("handler %q has no route", name)
	}
}
