package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/routegate/routegate/bench/sample"
)

// measureCommands runs gen-tf and routes check on large manifests.
func measureCommands(b *bench) ([]section, error) {
	sizes := []int{2_500, 5_000, 10_000}
	repository, err := b.copied(false)
	if err != nil {
		return nil, err
	}
	launch, err := b.built("launch", thisArch)
	if err != nil {
		return nil, err
	}
	commands := []struct {
		name, program string
		args          func(manifest string) []string
	}{
		{"gen-tf", "gen-tf", func(m string) []string { return []string{"-manifest", m, "-o", writtenTF} }},
		{"routes check", "routes", func(m string) []string { return []string{"check", "-manifest", m} }},
	}
	var sections []section
	for _, c := range commands {
		program, err := b.command(c.program)
		if err != nil {
			return nil, err
		}
		took, cpu, peak := make([][]float64, len(sizes)), make([][]float64, len(sizes)), make([][]float64, len(sizes))
		for range b.runs {
			for i, n := range sizes {
				manifest := fmt.Sprintf("bench_%d.yaml", n)
				if err := repository.write(manifest, withShippedHandlers(sample.Manifest(n))); err != nil {
					return nil, err
				}
				// Where it is there already, there is nothing to write.
				if err := os.Remove(filepath.Join(repository.dir, writtenTF)); err != nil && !os.IsNotExist(err) {
					return nil, err
				}
				out, err := output(repository.dir, nil, launch, append([]string{program}, c.args(manifest)...)...)
				if err != nil {
					return nil, err
				}
				var ns, busy, most float64
				if _, err := fmt.Sscan(string(out), &ns, &busy, &most); err != nil {
					return nil, fmt.Errorf("launch says %q: %w", out, err)
				}
				took[i], cpu[i], peak[i] = append(took[i], ns), append(cpu[i], busy), append(peak[i], most/float64(n))
			}
		}
		s := section{title: fmt.Sprintf("%s with %s routes", c.name, thousands(sizes[len(sizes)-1]))}
		r := row{name: "time", limit: 1, unit: "s"}
		for i, n := range sizes {
			r.measured = median(took[i]) / 1e9
			r.detail += fmt.Sprintf("%.2f s with %s, ", r.measured, thousands(n))
		}
		r.detail += fmt.Sprintf("the last with %.2f s of processor time", median(cpu[len(sizes)-1])/1e9)
		s.rows = append(s.rows, r)
		// That of a route may differ by what the collector has left at its worst, but not
		// by the 8 % that n log n would be.
		for i, n := range sizes[1:] {
			s.rows = append(s.rows, row{
				name:  fmt.Sprintf("most memory a route, with %s: to %s", thousands(n), thousands(sizes[i])),
				limit: 1.05, measured: ratio(peak[i+1], peak[i]), unit: "x",
				detail: fmt.Sprintf("%.1f kB to %.1f kB", median(peak[i+1])/1e3, median(peak[i])/1e3),
			})
		}
		sections = append(sections, s)
	}
	return sections, nil
}

// withShippedHandlers returns the manifest for the handlers of the repository, which
// are those that its commands know in it.
func withShippedHandlers(manifest []byte) []byte {
	manifest = bytes.ReplaceAll(manifest, []byte("handler: show"), []byte("handler: health_check"))
	return bytes.ReplaceAll(manifest, []byte("handler: echo"), []byte("handler: whoami"))
}

// writtenTF is what gen-tf writes.
const writtenTF = "bench_routes.tf"
