package route

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/routegate/routegate/framework/manifest"
)

// A Packaged is the Table of a manifest that was checked when a program was built,
// as plain data. cmd/package writes it into the program as a Go literal, which the
// linker lays out: nothing has to be read or made when the program starts. That is
// why the fields of a Route and of a Pattern are all exported.
//
// It is no proof: whoever can write one can write any table. So it must be a part of
// the program, put there by what has checked the manifest, and must never come from
// elsewhere.
type Packaged struct {
	Version  int      // what Load makes of a manifest; see packagedVersion
	Manifest string   // the SHA-256 digest of its bytes, in hexadecimal
	Digest   string   // of the table; see Table.Digest
	Handlers []string // that the routes name, each once, sorted

	Routes         []Route // in the order of Table.All
	Tests          []Test
	Groups, Scopes []string

	DeclaredGroups, DeclaredScopes []Name
}

// packagedVersion changes with what Load makes of a manifest, where no field of a
// Packaged does: a program is then not started with what another version has made.
const packagedVersion = 1

// Packaged returns what Restore makes the table of again. src is the manifest that
// the table was loaded from.
func (t *Table) Packaged(src []byte) *Packaged {
	p := &Packaged{
		Version: packagedVersion, Manifest: manifestDigest(src), Digest: t.Digest(),
		Tests: t.tests, Groups: t.groups, Scopes: t.scopes,
		DeclaredGroups: t.declaredGroups, DeclaredScopes: t.declaredScopes,
	}
	for _, r := range t.routes {
		p.Routes = append(p.Routes, *r)
		p.Handlers = append(p.Handlers, r.Handler)
	}
	slices.Sort(p.Handlers)
	p.Handlers = slices.Compact(p.Handlers)
	return p
}

// Restore is Load for a manifest that was checked when the program was built: it
// gives the same table, and reports handlers that do not exist as Load does, but
// reads no YAML and checks nothing else. handlers are those that exist, by name.
//
// It returns nil and nil where p is nil, or not what this version of the package has
// made of exactly the bytes of src; Load then is what is left.
func Restore[H any](p *Packaged, filename string, src []byte, handlers map[string]H) (*Table, *manifest.Report) {
	if p == nil || p.Version != packagedVersion || p.Manifest != manifestDigest(src) {
		return nil, nil
	}
	report := &manifest.Report{Filename: filename, Source: bytes.TrimPrefix(src, []byte("\uFEFF"))}
	for _, name := range p.Handlers {
		if _, ok := handlers[name]; !ok {
			p.reportHandler(report, name, slices.Sorted(maps.Keys(handlers)))
		}
	}
	if report.HasErrors() {
		report.Sort()
		return nil, report
	}
	t := &Table{
		routes: make([]*Route, len(p.Routes)), digest: p.Digest,
		tests: p.Tests, groups: p.Groups, scopes: p.Scopes,
		declaredGroups: p.DeclaredGroups, declaredScopes: p.DeclaredScopes,
	}
	for i := range p.Routes {
		t.routes[i] = &p.Routes[i]
	}
	return t, report
}

// reportHandler reports a name that is none of the handlers' for every route that
// has it.
func (p *Packaged) reportHandler(report *manifest.Report, name string, handlers []string) {
	for i := range p.Routes {
		if r := &p.Routes[i]; r.Handler == name {
			reportHandler(report, manifest.String{Value: name, Span: r.HandlerAt}, handlers)
		}
	}
}

func manifestDigest(src []byte) string {
	sum := sha256.Sum256(src)
	return hex.EncodeToString(sum[:])
}
