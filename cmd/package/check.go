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
	"github.com/routegate/routegate/handlers"
)

// manifestName is the manifest that the function has in it, by its place at the
// top.
const manifestName = "routes.yaml"

// check reports whether the manifest is one to deploy, and whether the Terraform
// that lies beside is made of it. It prints what is wrong.
func check(stderr io.Writer) (fine bool, err error) {
	src, err := os.ReadFile(manifestName)
	if err != nil {
		return false, fmt.Errorf("cannot read the manifest: %w", err)
	}
	table, report := route.Load(manifestName, src, slices.Sorted(maps.Keys(handlers.All())))
	if table != nil {
		for _, failure := range table.Test() {
			report.Add(failure)
		}
		report.Sort()
	}
	if err := report.Print(stderr); err != nil {
		return false, err
	}
	if report.HasErrors() {
		return false, nil
	}
	return checkTerraform(table, stderr)
}

// checkTerraform compares every file that gen-tf can have written. One there
// must be: a gateway that knows no routes was not meant.
func checkTerraform(table *route.Table, stderr io.Writer) (fine bool, err error) {
	found := false
	fine = true
	for _, module := range gen.Modules {
		for _, format := range gen.Formats {
			name := filepath.Join(gen.TerraformDir, gen.Filename(module, format))
			if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			found = true
			state, _, err := gen.CompareFile(name, gen.Terraform(table, module, format, manifestName))
			if err != nil {
				return false, fmt.Errorf("cannot compare: %w", err)
			}
			if state != gen.Fresh {
				fine = false
				fmt.Fprintf(stderr, "%s: %s; run: go run ./cmd/gen-tf -module %s -format %s\n", state, name, module, format)
			}
		}
	}
	if !found {
		fmt.Fprintf(stderr, "%s: %s; run: go run ./cmd/gen-tf\n", gen.Missing, filepath.Join(gen.TerraformDir, gen.Filename(gen.Obytes, gen.TF)))
	}
	return fine && found, nil
}
