package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/source"
)

const matrixUsage = `usage: go run ./cmd/routes matrix [-manifest file] [-format format] [-o file] [-check]

Matrix prints who may call what: a row for each route; columns for anyone, for
any valid token, for IAM callers where a route is for them, and for a token with
each of the groups. A cell says yes, scope (if the token also holds one of the
route's scopes) or no. Each comes from the decision that the function makes.

  -format format  text, markdown, csv, html or json (default: by the end of the
                  name of -o: .md, .csv, .html or .json; else text)
  -o file         the file to write, in a directory that exists; - is standard
                  output (default)
  -check          write nothing: print a diff and exit 1 when the file of -o is
                  not what would be written, or is missing

exit codes: 0 fine; 1 the manifest is wrong, or the file is stale; 2 wrong usage;
3 could not be done
`

// matrixFormats are the ways to write the matrix, the default one first.
var matrixFormats = []struct {
	name       string
	extensions []string
	render     func(*review.Matrix) []byte
}{
	{"text", []string{".txt"}, (*review.Matrix).Text},
	{"markdown", []string{".md", ".markdown"}, (*review.Matrix).Markdown},
	{"csv", []string{".csv"}, (*review.Matrix).CSV},
	{"html", []string{".html", ".htm"}, (*review.Matrix).HTML},
	{"json", []string{".json"}, (*review.Matrix).JSON},
}

// matrix prints or writes the access matrix, or says whether it was written.
func (c *call) matrix() int {
	format, output, check := "", "-", false
	var flags *flag.FlagSet
	_, code, ok := c.parse(matrixUsage, nil, 0, func(f *flag.FlagSet) {
		flags = f
		f.StringVar(&format, "format", "", "")
		f.StringVar(&output, "o", output, "")
		f.BoolVar(&check, "check", false, "")
	})
	if !ok {
		return code
	}
	render, err := matrixFormat(format, output)
	switch {
	case err != nil:
		return c.misuse("%v", err)
	case check && output == "-":
		return c.misuse("-check compares a file, so it needs -o with its name")
	case output != "-" && gen.SameFile(c.manifest, output):
		return c.misuse("output %q is the manifest", output)
	}
	table, code, ok := c.table()
	if !ok {
		return code
	}
	return c.generated(output, check, render(review.NewMatrix(table)), table.Len(), mendCommand("matrix", flags))
}

// generated writes what was generated of the routes to a file or, as "-", to
// standard output, or says whether the file holds it.
func (c *call) generated(output string, check bool, data []byte, routes int, mend []string) int {
	switch {
	case check:
		fresh, err := gen.Check(output, data, mend, c.stdout, c.stderr)
		if err == nil && !fresh {
			return exitFound
		}
		return c.done(exitFine, err)
	case output == "-":
		_, err := c.stdout.Write(data)
		return c.done(exitFine, err)
	}
	written, err := gen.WriteFile(output, data)
	switch {
	case err != nil:
		return c.fail(err)
	case !written:
		fmt.Fprintf(c.stderr, "%s: %s\n", gen.Fresh, output)
	default:
		fmt.Fprintf(c.stderr, "wrote %s: %s\n", output, counted(routes, "route"))
	}
	return exitFine
}

// matrixFormat returns what renders a format, which the file's name chooses
// where none is given.
func matrixFormat(name, output string) (func(*review.Matrix) []byte, error) {
	extension := strings.ToLower(filepath.Ext(output))
	var known []string
	for _, f := range matrixFormats {
		if name == f.name || name == "" && slices.Contains(f.extensions, extension) {
			return f.render, nil
		}
		known = append(known, f.name)
	}
	if name == "" {
		return matrixFormats[0].render, nil
	}
	hint := manifest.Suggest(name, known)
	if hint == "" {
		hint = ": want " + strings.Join(known, ", ")
	}
	return nil, fmt.Errorf("unknown format %q%s", name, hint)
}

// mendCommand is the command that writes what -check found stale: the same one
// without it.
func mendCommand(subcommand string, flags *flag.FlagSet) []string {
	words := append(source.Command("routes"), subcommand)
	flags.Visit(func(f *flag.Flag) {
		if f.Name == "check" {
			return
		}
		words = append(words, "-"+f.Name)
		if on, ok := f.Value.(interface{ IsBoolFlag() bool }); !ok || !on.IsBoolFlag() {
			words = append(words, f.Value.String())
		}
	})
	return words
}
