package main

import (
	"os"

	"github.com/routegate/routegate/bench/contestant"
)

// sizeLimit is 8 MB, of a million bytes each.
const sizeLimit = 8_000_000

// measureSize looks at what Lambda loads: the programs for arm64, stripped, not
// compressed.
func measureSize(b *bench) ([]section, error) {
	const arch = "arm64"
	s := section{title: "program for arm64, stripped"}
	for _, p := range []struct {
		name  string
		limit float64
		make  func() (string, error)
	}{
		{contestant.NameRoutegate + " without documentation assets", sizeLimit, func() (string, error) { return b.packaged(usualRoutes, arch) }},
		{contestant.NameRoutegate + " as it is in the repository, with them", 0, func() (string, error) { return b.shipped(arch) }},
		{contestant.NameHTTPRouter, 0, func() (string, error) { return b.built("proxy", arch) }},
		{"bare", 0, func() (string, error) { return b.built("bare", arch) }},
	} {
		name, err := p.make()
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		s.rows = append(s.rows, row{
			name: p.name, limit: p.limit, measured: float64(info.Size()), unit: "bytes", steady: true,
		})
	}
	return []section{s}, nil
}
