package review

import (
	"fmt"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/internal/growth"
	"github.com/routegate/routegate/framework/route"
)

// A mixRoute is what tells the routes of two tables of mixes apart.
type mixRoute struct{ name, access string }

// mixes returns the table of all routes of n segments, each of which is a word or a
// variable. Every two of these routes overlap. change changes some of them.
func mixes(t testing.TB, n int, change func(i int, r *mixRoute)) *route.Table {
	t.Helper()
	var b strings.Builder
	b.WriteString("version: 1\nroutes:\n")
	for i := range 1 << n {
		b.WriteString("  - {path: '")
		for j := range n {
			if i>>j&1 == 0 {
				b.WriteString("/a")
			} else {
				fmt.Fprintf(&b, "/{v%d}", j)
			}
		}
		r := mixRoute{fmt.Sprintf("n%d", i), fmt.Sprintf("groups: [G%d]", i%40)}
		change(i, &r)
		fmt.Fprintf(&b, "', method: GET, handler: h, name: %s, %s}\n", r.name, r.access)
	}
	return load(t, b.String())
}

// mixChanges are the ways in which the tables of tests differ from the first one.
var mixChanges = []struct {
	name   string
	change func(i int, r *mixRoute)
}{
	{"few", func(i int, r *mixRoute) {
		if i%100 == 0 {
			r.access = "public: true"
		}
	}},
	{"all", func(i int, r *mixRoute) { r.access = fmt.Sprintf("groups: [G%d], scopes: [s]", (i+1)%40) }},
	{"names", func(i int, r *mixRoute) { r.name = fmt.Sprintf("m%d", i) }},
}

func unchanged(int, *mixRoute) {}

// logOf returns the n of mixes that has so many routes.
func logOf(routes int) (n int) {
	for 1<<n < routes {
		n++
	}
	return n
}

// Routes that all overlap take about as long to compare as routes that do not.
func TestMixesGrow(t *testing.T) {
	for _, c := range mixChanges {
		growth.Check(t, "diff/"+c.name, 256, func(n int) func() {
			old, new := mixes(t, logOf(n), unchanged), mixes(t, logOf(n), c.change)
			return func() { Compare(old, new) }
		})
		growth.Check(t, "order/"+c.name, 256, func(n int) func() {
			old, new := mixes(t, logOf(n), unchanged), mixes(t, logOf(n), c.change)
			return func() { PlanOrder(old, new, Obytes) }
		})
	}
	growth.Check(t, "matrix", 256, func(n int) func() {
		table := mixes(t, logOf(n), unchanged)
		return func() { NewMatrix(table) }
	})
}

// Of tables whose routes all overlap, each change is told once.
func TestCompareMixes(t *testing.T) {
	t.Parallel()
	const n = 8
	old := mixes(t, n, unchanged)
	for _, test := range []struct {
		change        string
		public, steps int // how many routes are newly public, and how many steps a rollout has
	}{{"few", 3, 3}, {"all", 0, 1 << n}, {"names", 0, 1 << n}} {
		for _, c := range mixChanges {
			if c.name != test.change {
				continue
			}
			new := mixes(t, n, c.change)
			if got := Compare(old, new).Count(); got.Public != test.public {
				t.Errorf("%s: %v", c.name, got)
			}
			if got := PlanOrder(old, new, Obytes).Steps; len(got) != test.steps {
				t.Errorf("%s: %d steps, want %d", c.name, len(got), test.steps)
			}
		}
	}
}

func BenchmarkMixes(b *testing.B) {
	for _, n := range []int{12, 13} {
		old := mixes(b, n, unchanged)
		for _, c := range mixChanges {
			new := mixes(b, n, c.change)
			for name, do := range map[string]func(){
				"diff":  func() { Compare(old, new) },
				"order": func() { PlanOrder(old, new, Obytes) },
			} {
				b.Run(fmt.Sprintf("%s/routes=%d/changed=%s", name, 1<<n, c.name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						do()
					}
				})
			}
		}
		b.Run(fmt.Sprintf("matrix/routes=%d", 1<<n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				NewMatrix(old)
			}
		})
	}
}
