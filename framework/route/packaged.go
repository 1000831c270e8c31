package route

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/routegate/routegate/framework/manifest"
)

// A packagedTable is a table whose manifest was checked when the program was
// built.
type packagedTable struct {
	table    Table
	manifest [sha256.Size]byte // the digest of its bytes
	handlers []string          // that the routes name, each once, sorted
}

// Packaged is Load for the manifest that the program was packaged with: it gives
// the same table, and reports handlers that do not exist as Load does, but reads
// no YAML and checks nothing else. handlers are those that exist, by name.
//
// It returns nil and nil where the program was packaged with no manifest, or with
// one that is not exactly src; Load then is what is left.
func Packaged[H any](filename string, src []byte, handlers map[string]H) (*Table, *manifest.Report) {
	return use(packaged, filename, src, handlers)
}

func use[H any](p *packagedTable, filename string, src []byte, handlers map[string]H) (*Table, *manifest.Report) {
	if p == nil || p.manifest != sha256.Sum256(src) {
		return nil, nil
	}
	report := &manifest.Report{Filename: filename, Source: bytes.TrimPrefix(src, []byte("\uFEFF"))}
	for _, name := range p.handlers {
		if _, ok := handlers[name]; !ok {
			p.table.reportHandler(report, name, slices.Sorted(maps.Keys(handlers)))
		}
	}
	if report.HasErrors() {
		report.Sort()
		return nil, report
	}
	return &p.table, report
}

// reportHandler reports a name that is none of the handlers' for every route that
// has it.
func (t *Table) reportHandler(report *manifest.Report, name string, handlers []string) {
	for _, r := range t.routes {
		if r.Handler == name {
			reportHandler(report, manifest.String{Value: name, Span: r.written.handler}, handlers)
		}
	}
}
