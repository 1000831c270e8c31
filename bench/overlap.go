package main

import (
	"fmt"

	"github.com/routegate/routegate/bench/sample"
	"github.com/routegate/routegate/framework/route"
)

// measureOverlap runs the commands that compare routes with each other on manifests
// whose routes all overlap, and finds such routes for requests.
func measureOverlap(b *bench) ([]section, error) {
	segments := []int{12, 13}
	repository, err := b.copied(false)
	if err != nil {
		return nil, err
	}
	launch, err := b.built("launch", thisArch)
	if err != nil {
		return nil, err
	}
	program, err := b.command("routes")
	if err != nil {
		return nil, err
	}
	name := func(n int, other bool) string { return fmt.Sprintf("bench_overlap_%d_%t.yaml", n, other) }
	for _, n := range segments {
		for _, other := range []bool{false, true} {
			if err := repository.write(name(n, other), withShippedHandlers(sample.Overlapping(n, other))); err != nil {
				return nil, err
			}
		}
	}
	few, many := thousands(1<<segments[0]), thousands(1<<segments[1])
	var sections []section
	for _, c := range []struct {
		name  string
		limit float64 // in seconds, of the smaller manifest
		args  func(n int) []string
	}{
		{"routes check", 1, func(n int) []string { return []string{"check", "-manifest", name(n, false)} }},
		{"routes diff", 2, func(n int) []string { return []string{"diff", name(n, false), name(n, true)} }},
		{"routes diff -plan-order", 5, func(n int) []string { return []string{"diff", "-plan-order", name(n, false), name(n, true)} }},
		{"routes matrix", 0, func(n int) []string { return []string{"matrix", "-manifest", name(n, false)} }},
	} {
		cpu := make([][]float64, len(segments))
		for range b.runs {
			for i, n := range segments {
				out, err := output(repository.dir, nil, launch, append([]string{program}, c.args(n)...)...)
				if err != nil {
					return nil, err
				}
				var ns, busy, most float64
				if _, err := fmt.Sscan(string(out), &ns, &busy, &most); err != nil {
					return nil, fmt.Errorf("launch says %q: %w", out, err)
				}
				cpu[i] = append(cpu[i], busy)
			}
		}
		seconds := func(i int) float64 { return median(cpu[i]) / 1e9 }
		sections = append(sections, section{
			title: fmt.Sprintf("%s with %s routes that all overlap: processor time", c.name, few),
			rows: []row{
				{name: "time", limit: c.limit, measured: seconds(0), unit: "s"},
				{
					name: "with " + many + ": to " + few, limit: 2.5, measured: ratio(cpu[1], cpu[0]), unit: "x",
					detail: fmt.Sprintf("%.2f s to %.2f s", seconds(1), seconds(0)),
				},
			},
		})
	}
	lookups, err := b.lookups(segments)
	return append(sections, lookups), err
}

// lookups finds each of the routes that all overlap, by turns.
func (b *bench) lookups(segments []int) (section, error) {
	s := section{title: "the route of a path, among routes that all overlap"}
	var lanes []lane
	for _, n := range segments {
		table, report := route.Load("routes.yaml", sample.Overlapping(n, false), nil)
		if table == nil {
			return s, fmt.Errorf("the sample of %d routes is not valid: %v", 1<<n, report.Diagnostics)
		}
		router := route.NewRouter(table, "")
		paths := make([]string, 1<<n)
		for i := range paths {
			paths[i] = sample.OverlappingPath(n, i)
			if found, _ := router.Match("GET", paths[i]); found == nil || found.Name != fmt.Sprintf("route_%d", i) {
				return s, fmt.Errorf("%s is answered by %v, not by route_%d", paths[i], found, i)
			}
		}
		i := 0
		lanes = append(lanes, inProcess(func() {
			router.Match("GET", paths[i])
			i = (i + 1) % len(paths)
		}))
	}
	figures, err := race(b.pace, lanes...)
	if err != nil {
		return s, err
	}
	for i, n := range segments {
		s.rows = append(s.rows, row{name: "of " + thousands(1<<n), limit: 20_000, measured: median(figures[i]), unit: "ns"})
	}
	return s, nil
}
