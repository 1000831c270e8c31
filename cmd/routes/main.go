// Command routes answers questions about routes.yaml.
//
//	go run ./cmd/routes check    what is wrong with the manifest?
//	go run ./cmd/routes list     which routes are there, and who may call them?
//
// Exit codes: 0, fine; 1, something is wrong with the manifest; 2, wrong usage;
// 3, the manifest could not be read.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/handlers"
)

// The exit codes.
const (
	exitFine  = 0
	exitFound = 1
	exitUsage = 2
	exitError = 3
)

const usage = `Routes answers questions about routes.yaml.

usage: go run ./cmd/routes COMMAND [-manifest FILE]

  check          find everything that is wrong with the manifest: its form,
                 clashing routes, unknown handlers, its own tests
  list [-json]   print the routes and who may call each
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	fail := func(format string, args ...any) int {
		fmt.Fprintf(stderr, "routes: "+format+"\nrun routes -h for help\n", args...)
		return exitUsage
	}
	commands := map[string]func(*command) int{"check": (*command).check, "list": (*command).list}
	if len(args) == 0 {
		return fail("no command")
	}
	if args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		fmt.Fprint(stdout, usage)
		return exitFine
	}
	do, ok := commands[args[0]]
	if !ok {
		return fail("unknown command %q%s", args[0], manifest.Suggest(args[0], slices.Collect(maps.Keys(commands))))
	}

	c := &command{stdout: stdout, stderr: stderr}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.manifest, "manifest", "routes.yaml", "")
	if args[0] == "list" {
		flags.BoolVar(&c.json, "json", false, "")
	}
	switch err := flags.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return exitFine
	case err != nil:
		return fail("%s: %v", args[0], err)
	case flags.NArg() > 0:
		return fail("%s: unexpected argument %q", args[0], flags.Arg(0))
	}
	return do(c)
}

// A command is what a subcommand has to work with.
type command struct {
	stdout, stderr io.Writer
	manifest       string // file name
	json           bool
}

// load reads the manifest. The table is nil when the report has errors.
func (c *command) load() (*route.Table, *manifest.Report, error) {
	src, err := os.ReadFile(c.manifest)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the manifest: %w", err)
	}
	names := slices.Sorted(maps.Keys(handlers.All()))
	table, report := route.Load(c.manifest, src, names)
	return table, report, nil
}

// done turns an error of reading or writing into the exit code.
func (c *command) done(code int, err error) int {
	if err != nil {
		fmt.Fprintf(c.stderr, "routes: %v\n", err)
		return exitError
	}
	return code
}
