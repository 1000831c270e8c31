package route

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/internal/growth"
)

// A manifest with much of everything takes time in proportion to how much it is.
func TestManyOfEverything(t *testing.T) {
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "%d", fmt.Sprintf("%08d", i)))
		}
		return b.String()
	}
	const first = "version: 1\nroutes:\n  - {path: /a, method: GET, handler: whoami}\n"
	for _, test := range []struct {
		name string
		n    int // of the smaller of two
		make func(n int) string
	}{
		{"unknown keys", 500, func(n int) string { return first + many(n, "kkkk%dmmmm: v\n") }},
		{"unknown keys of a route", 500, func(n int) string {
			return "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: whoami\n" + many(n, "    kkkk%dmmmm: v\n")
		}},
		{"groups", 500, func(n int) string {
			return "version: 1\ngroups:\n" + many(n, "  kkkk%dmmmm: v\n") + first[len("version: 1\n"):]
		}},
		{"unknown groups", 2000, func(n int) string {
			return "version: 1\ngroups: {a: b}\nroutes:\n  - {path: /a, method: GET, handler: whoami, groups: [" + many(n, "kkkk%dmmmm, ") + "]}\n"
		}},
		{"the same key", 500, func(n int) string { return first + strings.Repeat("groups: {}\n", n) }},
		{"tests", 2000, func(n int) string { return first + "tests:\n  - name: all\n    deny: [" + many(n, "GET /%d, ") + "]\n" }},
		{"variables", 2000, func(n int) string {
			return first + "  - {path: '" + many(n, "/{v%d}") + "', method: GET, handler: whoami, name: b}\n"
		}},
		{"segments", 20_000, func(n int) string {
			return first + "  - {path: '" + strings.Repeat("/a", n) + "', method: GET, handler: whoami, name: b}\n"
		}},
	} {
		growth.Check(t, test.name, test.n, func(n int) func() {
			src := []byte(test.make(n))
			return func() {
				table, report := Load("routes.yaml", src, testHandlers)
				if table != nil {
					report.Diagnostics = append(report.Diagnostics, table.Test()...)
				}
				report.Print(io.Discard)
			}
		})
	}
}
