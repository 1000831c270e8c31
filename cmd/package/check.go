package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/framework/source"
)

// A packager packages the function of one service.
type packager struct {
	command
	named          bool // the manifest, by -manifest
	stdout, stderr io.Writer
	tmp            string // a directory for temporary files

	service  source.Service
	src      []byte       // the manifest
	table    *route.Table // what it means
	function function
}

// A function is what the source says about the function.
type function struct {
	framework bool // it uses package framework
	known     bool // it passes the manifest that was checked, and no other
}

// check reports whether the function is one to deploy: its manifest and the tests in
// it are in order, its handlers are there, it embeds this manifest, and the
// Terraform beside it is fresh. It prints what is wrong to stderr, and what differs
// to stdout.
func (p *packager) check(ctx context.Context) (fine bool, err error) {
	p.src, err = os.ReadFile(p.manifest)
	if err != nil {
		return false, fmt.Errorf("cannot read the manifest: %w", err)
	}
	if p.service, err = source.Of(p.manifest); err != nil {
		return false, err
	}
	p.service.Env, p.service.Tags = p.env(), buildTags
	names, unknown, err := source.Diagnose(p.service.Names(ctx))
	if err != nil {
		return false, err
	}
	table, report := route.Load(p.manifest, p.src, names)
	if table != nil {
		for _, failure := range table.Test() {
			report.Add(failure)
		}
	}
	if unknown != nil {
		report.Add(*unknown)
	}
	report.Sort()
	if err := report.Print(p.stderr); err != nil {
		return false, err
	}
	if report.HasErrors() {
		return false, nil
	}
	if unknown != nil && !p.allowUnknown {
		fmt.Fprintln(p.stderr, "package: a handler of the manifest may be missing; to package all the same, use -allow-unknown")
		return false, nil
	}
	p.table = table
	if fine, err = p.checkTerraform(); err != nil || !fine {
		return false, err
	}
	return p.checkEmbedded(ctx)
}

// checkEmbedded reports whether the function passes the manifest that was checked
// to framework.New. If that is not known, build decides by the program.
func (p *packager) checkEmbedded(ctx context.Context) (fine bool, err error) {
	embedded, err := p.service.Manifests(ctx)
	if unknown := (*source.UnknownError)(nil); errors.As(err, &unknown) {
		fmt.Fprintf(p.stderr, "package: which manifest the function embeds is not known: %v\n", unknown)
		p.function = function{framework: true}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range embedded {
		if !gen.SameFile(e.File, p.manifest) {
			fmt.Fprintf(p.stderr, "%s: the function embeds %q, but %q was checked; embed that, or check the other one with -manifest\n", e.Place, e.File, p.manifest)
			return false, nil
		}
	}
	p.function = function{framework: len(embedded) > 0, known: len(embedded) > 0}
	return true, nil
}

// checkTerraform compares every file that gen-tf can have written. At least one must
// exist, because a gateway without routes was not intended.
func (p *packager) checkTerraform() (fine bool, err error) {
	type output struct {
		module gen.Module
		format gen.Format
	}
	name := func(o output) string {
		return filepath.Join(p.service.Dir, gen.TerraformDir, gen.Filename(o.module, o.format))
	}
	var found []output
	for _, module := range gen.Modules {
		for _, format := range gen.Formats {
			o := output{module, format}
			if _, err := os.Lstat(name(o)); !errors.Is(err, fs.ErrNotExist) {
				found = append(found, o)
			}
		}
	}
	if len(found) == 0 {
		found = []output{{gen.Obytes, gen.TF}}
	}
	fine = true
	for _, o := range found {
		mend := source.Command("gen-tf")
		if p.named {
			mend = append(mend, "-manifest", p.manifest)
		}
		mend = append(mend, "-module", string(o.module), "-format", string(o.format))
		data := gen.Successor(name(o), p.table, o.module, o.format, filepath.Base(p.manifest))
		fresh, err := gen.Check(name(o), data, mend, p.stdout, p.stderr)
		if err != nil {
			return false, err
		}
		fine = fine && fresh
	}
	return fine, nil
}
