package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/framework/source"
	"github.com/routegate/routegate/handlers"
)

// manifestName is the manifest that the function has in it, by its place at the
// top.
const manifestName = "routes.yaml"

// check returns the manifest and its table, if it is one to deploy and the
// Terraform that lies beside is made of it. Otherwise the table is nil. It prints
// what is wrong, and the differences to stdout.
func check(stdout, stderr io.Writer) (src []byte, table *route.Table, err error) {
	src, err = os.ReadFile(manifestName)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the manifest: %w", err)
	}
	names, err := source.Names(".", slices.Sorted(maps.Keys(handlers.All())))
	if err != nil {
		fmt.Fprintf(stderr, "package: handlers are not checked: %v\n", err)
	}
	table, report := route.Load(manifestName, src, names)
	if table != nil {
		for _, failure := range table.Test() {
			report.Add(failure)
		}
		report.Sort()
	}
	if err := report.Print(stderr); err != nil {
		return nil, nil, err
	}
	if report.HasErrors() {
		return nil, nil, nil
	}
	fine, err := checkTerraform(table, stdout, stderr)
	if err != nil || !fine {
		return nil, nil, err
	}
	return src, table, nil
}

// checkTerraform compares every file that gen-tf can have written. One there
// must be: a gateway that knows no routes was not meant.
func checkTerraform(table *route.Table, stdout, stderr io.Writer) (fine bool, err error) {
	type output struct {
		module gen.Module
		format gen.Format
	}
	name := func(o output) string { return filepath.Join(gen.TerraformDir, gen.Filename(o.module, o.format)) }
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
		mend := append(source.Command("gen-tf"), "-module", string(o.module), "-format", string(o.format))
		fresh, err := gen.Check(name(o), gen.Successor(name(o), table, o.module, o.format, manifestName), mend, stdout, stderr)
		if err != nil {
			return false, err
		}
		fine = fine && fresh
	}
	return fine, nil
}
