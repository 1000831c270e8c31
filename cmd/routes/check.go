package main

import (
	"fmt"

	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/route"
)

const checkUsage = `usage: go run ./cmd/routes check [-manifest file]

Check prints everything that is wrong with the manifest, and runs its own tests
once nothing else is. Warnings alone do not make it fail.

The names of the handlers are read from the Go source in the directory handlers,
which must compile. If they cannot be read from it, check warns and does not find
unknown handlers [handlers-unknown].

exit codes: 0 fine; 1 the manifest is wrong, or a test of it fails; 2 wrong
usage; 3 could not be done
`

// check prints everything that is wrong with the manifest, and runs its own
// tests once nothing else is. Warnings alone do not make it fail.
func (c *call) check() int {
	if _, code, ok := c.parse(checkUsage, nil, 0, nil); !ok {
		return code
	}
	src, err := c.read()
	if err != nil {
		return c.fail(err)
	}
	handlers, unknown, err := c.handlers()
	if err != nil {
		return c.fail(err)
	}
	table, report := route.Load(c.manifest, src, handlers)
	if unknown != nil {
		report.Add(*unknown)
		report.Sort()
	}
	if table != nil {
		used := make(map[string]bool)
		for r := range table.All() {
			used[r.Handler] = true
		}
		for _, name := range handlers {
			if !used[name] {
				report.Warnf(manifest.Span{}, "unreachable-handler", "handler %q is used by no route", name)
			}
		}
		for _, failure := range table.Test() {
			report.Add(failure)
		}
		report.Sort()
	}
	if err := report.Print(c.stdout); err != nil {
		return c.fail(err)
	}
	if report.HasErrors() {
		return exitFound
	}
	_, err = fmt.Fprintf(c.stdout, "%s: %d routes, %d tests pass\n", c.manifest, table.Len(), len(table.Tests()))
	return c.done(exitFine, err)
}
