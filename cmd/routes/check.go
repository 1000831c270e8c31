package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/handlers"
)

// check prints everything that is wrong with the manifest, and runs its own
// tests once nothing else is. Warnings alone do not make it fail.
func (c *command) check() int {
	table, report, err := c.load()
	if err != nil {
		return c.done(exitError, err)
	}
	if table != nil {
		used := make(map[string]bool)
		for r := range table.All() {
			used[r.Handler] = true
		}
		for _, name := range slices.Sorted(maps.Keys(handlers.All())) {
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
		return c.done(exitError, err)
	}
	if report.HasErrors() {
		return exitFound
	}
	_, err = fmt.Fprintf(c.stdout, "%s: %d routes, %d tests pass\n", c.manifest, table.Len(), table.Tests())
	return c.done(exitFine, err)
}
