// Gen-tf makes of routes.yaml the map of routes that a Terraform module takes.
//
//	go run ./cmd/gen-tf          # writes deploy/terraform/routes_definitions.tf
//	go run ./cmd/gen-tf -check   # says whether that file is up to date
//
// It needs the manifest and nothing else: neither the handlers nor AWS. While
// the manifest has an error, or one of its own tests fails, it writes nothing.
// "gen-tf -h" lists the flags and the exit codes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/routegate/routegate/cmd/internal/cli"
	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/framework/source"
)

const usage = `usage: gen-tf [-manifest file] [-module module] [-format tf|tfvars|json] [-o file] [-check]

Gen-tf writes the routes of the manifest as the map that a Terraform module
takes. It writes nothing while the manifest has an error or one of its tests
fails.

  -manifest file  the manifest (default routes.yaml); deploy/terraform is that of the
                  manifest's service
  -module module  obytes                 routes_definitions, by the names of the routes: for
                                         deploy/terraform and obytes/terraform-aws-lambda-api (default)
                  terraform-aws-modules  routes_by_key, by the route keys: for
                                         terraform-aws-modules/apigateway-v2/aws, see deploy/examples
  -format format  tf      a local value: routes_definitions = local.routes_definitions (default)
                  tfvars  the value of a variable routes_definitions
                  json    the same, as JSON
  -o file         the file to write, in a directory that exists; - is standard output
                  (default deploy/terraform/routes_definitions.tf, or .auto.tfvars,
                  or .auto.tfvars.json, which Terraform loads by themselves)
                  A tf file for obytes gets a moved block for each route that it has
                  under another name, so that deploy/terraform keeps the route. The
                  block stays until you delete it
  -check          write nothing: print a diff and exit 1 when the file is not
                  what would be written, or is missing

example: a pipeline that stops when somebody forgot to generate

  go run ./cmd/gen-tf -check

exit codes: 0 fine; 1 the manifest is wrong, a test of it fails, or the file is
stale; 2 wrong usage; 3 could not be done
`

// The exit codes.
const (
	exitFine  = 0
	exitFound = 1
	exitUsage = 2
	exitError = 3
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// A command is what the flags say.
type command struct {
	manifest string // "" is the one that is found
	module   gen.Module
	format   gen.Format
	output   string // "-" is standard output, "" the file in deploy/terraform
	check    bool
	mend     []string // the command that writes what check compares
}

// run is the whole command: the generator reads no standard input.
func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	c, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		if _, err := fmt.Fprint(stdout, source.Here(usage)); err != nil {
			fmt.Fprintf(stderr, "gen-tf: %v\n", err)
			return exitError
		}
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "gen-tf: %v\nrun gen-tf -h for help\n", err)
		return exitUsage
	}

	if err := c.locate(stderr); err != nil {
		fmt.Fprintf(stderr, "gen-tf: %v\n", err)
		return exitError
	}
	src, err := os.ReadFile(c.manifest)
	if err != nil {
		fmt.Fprintf(stderr, "gen-tf: cannot read the manifest: %v\n", err)
		return exitError
	}
	if gen.SameFile(c.manifest, c.output) {
		fmt.Fprintf(stderr, "gen-tf: output %q is the manifest\n", c.output)
		return exitUsage
	}
	table, ok := load(c.manifest, src, stderr)
	if !ok {
		return exitFound
	}
	data := gen.Successor(c.output, table, c.module, c.format, filepath.Base(c.manifest))
	if c.check {
		return c.compare(data, stdout, stderr)
	}
	return c.write(data, table.Len(), stdout, stderr)
}

func parse(args []string) (command, error) {
	c := command{module: gen.Obytes, format: gen.TF}
	flags := flag.NewFlagSet("gen-tf", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error and the usage, each where it belongs
	flags.StringVar(&c.manifest, "manifest", "", "")
	flags.StringVar(&c.output, "o", "", "")
	flags.BoolVar(&c.check, "check", false, "")
	flags.Func("module", "", func(s string) (err error) {
		c.module, err = gen.ParseModule(s)
		return err
	})
	flags.Func("format", "", func(s string) (err error) {
		c.format, err = gen.ParseFormat(s)
		return err
	})
	if err := cli.Parse(flags, args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	// An empty text is most likely a variable of a script that is not set; it
	// must not fall back on a default that nobody asked for.
	var empty error
	c.mend = source.Command("gen-tf")
	flags.Visit(func(f *flag.Flag) {
		value := f.Value.String()
		switch f.Name {
		case "check":
			return
		case "module": // a Func does not keep its text
			value = string(c.module)
		case "format":
			value = string(c.format)
		}
		if value == "" {
			empty = fmt.Errorf("flag -%s is empty", f.Name)
		}
		c.mend = append(c.mend, "-"+f.Name, value)
	})
	if empty != nil {
		return c, empty
	}
	if c.check && c.output == "-" {
		return c, errors.New("-check compares a file, so it cannot go with -o -")
	}
	return c, nil
}

// locate finds the manifest and the output, if no flag names them.
func (c *command) locate(stderr io.Writer) error {
	if c.manifest == "" {
		c.manifest = source.FindManifest("gen-tf", stderr)
	}
	if c.output != "" {
		return nil
	}
	service, err := source.Of(c.manifest)
	c.output = filepath.Join(service.Dir, gen.TerraformDir, gen.Filename(c.module, c.format))
	return err
}

// load returns the table that the manifest means, and prints what is wrong with
// it. It returns false when that is more than warnings.
func load(name string, src []byte, stderr io.Writer) (*route.Table, bool) {
	table, report := route.Load(name, src, nil)
	if table != nil {
		for _, d := range table.Test() {
			report.Add(d)
		}
		report.Sort()
	}
	report.Print(stderr)
	if !report.HasErrors() {
		return table, true
	}
	n := 0
	for _, d := range report.Diagnostics {
		if d.Severity == manifest.Error {
			n++
		}
	}
	fmt.Fprintf(stderr, "gen-tf: nothing generated: %s in %q\n", count(n, "error"), name)
	return nil, false
}

func (c command) compare(data []byte, stdout, stderr io.Writer) int {
	fresh, err := gen.Check(c.output, data, c.mend, stdout, stderr)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "gen-tf: %v\n", err)
		return exitError
	case !fresh:
		return exitFound
	}
	return exitFine
}

func (c command) write(data []byte, routes int, stdout, stderr io.Writer) int {
	name, written := c.output, true
	var err error
	if c.output == "-" {
		name = "standard output"
		_, err = stdout.Write(data)
	} else {
		written, err = gen.WriteFile(c.output, data)
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "gen-tf: %v\n", err)
		return exitError
	case !written:
		fmt.Fprintf(stderr, "%s: %s\n", gen.Fresh, name)
		return exitFine
	}
	fmt.Fprintf(stderr, "wrote %s: %s\n", name, count(routes, "route"))
	return exitFine
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
