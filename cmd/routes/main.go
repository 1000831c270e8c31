// Command routes answers questions about routes.yaml, and writes in it.
//
//	go run ./cmd/routes check     what is wrong with the manifest?
//	go run ./cmd/routes list      which routes are there, and who may call them?
//	go run ./cmd/routes test      do the manifest's own tests pass, and what do they leave out?
//	go run ./cmd/routes matrix    who may call what?
//	go run ./cmd/routes why       why may this caller do that, or not?
//	go run ./cmd/routes diff      who may do more or less than before?
//	go run ./cmd/routes drift     does the deployed gateway do what the manifest says?
//	go run ./cmd/routes openapi   which routes are there, in OpenAPI's words?
//	go run ./cmd/routes add       adds a route and its handler
//	go run ./cmd/routes init      writes a new service
//
// "go run ./cmd/routes COMMAND -h" lists the flags of each. Exit codes: 0, fine;
// 1, something was found; 2, wrong usage; 3, it could not be done, and nothing was
// compared. Drift has one more, 4. "go run" makes 1 of every exit code but 0, so a
// script that needs them builds the command: go build -o bin/routes ./cmd/routes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/routegate/routegate/cmd/internal/cli"
	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/framework/source"
)

// The exit codes.
const (
	exitFine  = 0
	exitFound = 1
	exitUsage = 2
	exitError = 3
)

// subcommands are what routes can do. Each parses its own flags.
var subcommands = []struct {
	name, does string
	run        func(*call) int
}{
	{"check", "find everything that is wrong with the manifest: its form, clashing\nroutes, unknown handlers, its own tests", (*call).check},
	{"list", "print the routes and who may call each", (*call).list},
	{"test", "run the manifest's own tests, and say what they leave out", (*call).test},
	{"matrix", "print who may call what, as text, Markdown, CSV, HTML or JSON", (*call).matrix},
	{"why", "say why a caller may do something, or not, and what would change it", (*call).why},
	{"diff", "compare two manifests: who may do more or less", (*call).diff},
	{"drift", "compare a deployed gateway with the manifest", (*call).drift},
	{"openapi", "write the routes as an OpenAPI document, or as one that API Gateway\nimports", (*call).openapi},
	{"add", "add a route to the manifest, and its handler to the source", (*call).add},
	{"init", "write a new service", (*call).init},
}

func usage() string {
	var b strings.Builder
	b.WriteString("Routes answers questions about routes.yaml, and writes in it.\n\nusage: go run ./cmd/routes COMMAND [flags]\n\n")
	for _, cmd := range subcommands {
		fmt.Fprintf(&b, "  %-7s  %s\n", cmd.name, strings.ReplaceAll(cmd.does, "\n", "\n           "))
	}
	b.WriteString("\nrun routes COMMAND -h for its flags\n")
	return b.String()
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, "routes: no command\nrun routes -h for help\n")
		return exitUsage
	}
	switch args[0] {
	case "-h", "-help", "--help":
		c := &call{name: args[0], stderr: stderr}
		_, err := fmt.Fprint(stdout, source.Here(usage()))
		return c.done(exitFine, err)
	}
	var names []string
	for _, cmd := range subcommands {
		if cmd.name == args[0] {
			return cmd.run(&call{name: args[0], args: args[1:], stdout: stdout, stderr: stderr})
		}
		names = append(names, cmd.name)
	}
	fmt.Fprintf(stderr, "routes: unknown command %q%s\nrun routes -h for help\n", args[0], manifest.Suggest(args[0], names))
	return exitUsage
}

// A call is one run of a subcommand.
type call struct {
	name           string
	args           []string
	stdout, stderr io.Writer
	manifest       string // file name
	named          bool   // by -manifest
}

// defaultManifest is the name of the manifest if no flag gives another.
const defaultManifest = "routes.yaml"

// parse reads the flags that define declares, and -manifest, from anywhere
// between the other arguments, which it returns: those that needed names, and at
// most most. If ok is false, the call is over with the exit code.
func (c *call) parse(usage string, needed []string, most int, define func(*flag.FlagSet)) (rest []string, code int, ok bool) {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.manifest, "manifest", defaultManifest, "")
	if define != nil {
		define(flags)
	}
	for args := c.args; ; {
		switch err := cli.Parse(flags, args); {
		case errors.Is(err, flag.ErrHelp):
			_, err := fmt.Fprint(c.stdout, source.Here(usage))
			return nil, c.done(exitFine, err), false
		case err != nil:
			return nil, c.misuse("%v", err), false
		}
		if flags.NArg() == 0 {
			break
		}
		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
	// An empty text is most likely a variable of a script that is not set; it
	// must not fall back on a default that nobody asked for.
	empty := ""
	flags.Visit(func(f *flag.Flag) {
		c.named = c.named || f.Name == "manifest"
		if f.Value.String() == "" && empty == "" {
			empty = f.Name
		}
	})
	switch {
	case empty != "":
		return nil, c.misuse("flag -%s is empty", empty), false
	case len(rest) > most:
		return nil, c.misuse("unexpected argument %q", rest[most]), false
	}
	if err := cli.Missing(needed, rest); err != nil {
		return nil, c.misuse("%v", err), false
	}
	if !c.named && c.name != "init" {
		c.manifest = source.FindManifest("routes "+c.name, c.stderr)
	}
	return rest, exitFine, true
}

// misuse says what is wrong with how the command was called.
func (c *call) misuse(format string, args ...any) int {
	fmt.Fprintf(c.stderr, "routes %s: %s\nrun routes %s -h for help\n", c.name, fmt.Sprintf(format, args...), c.name)
	return exitUsage
}

// fail says what could not be done.
func (c *call) fail(err error) int {
	fmt.Fprintf(c.stderr, "routes %s: %v\n", c.name, err)
	return exitError
}

// done turns an error of writing into the exit code.
func (c *call) done(code int, err error) int {
	if err != nil {
		return c.fail(err)
	}
	return code
}

// read returns the bytes of the manifest.
func (c *call) read() ([]byte, error) {
	src, err := os.ReadFile(c.manifest)
	if err != nil {
		return nil, fmt.Errorf("cannot read the manifest: %w", err)
	}
	return src, nil
}

// load reads the manifest. The table is nil when the report has errors. If the names
// of the handlers are not known, load prints that warning.
func (c *call) load() (*route.Table, *manifest.Report, error) {
	src, err := c.read()
	if err != nil {
		return nil, nil, err
	}
	names, unknown, err := c.handlers()
	if err != nil {
		return nil, nil, err
	}
	if unknown != nil {
		report := &manifest.Report{Filename: c.manifest, Diagnostics: []manifest.Diagnostic{*unknown}}
		if err := report.Print(c.stderr); err != nil {
			return nil, nil, err
		}
	}
	table, report := route.Load(c.manifest, src, names)
	return table, report, nil
}

// handlers returns the names of the service's handlers, or the warning that they
// are not known.
func (c *call) handlers() (names []string, unknown *manifest.Diagnostic, err error) {
	service, err := source.Of(c.manifest)
	if err != nil {
		return nil, nil, err
	}
	return source.Diagnose(service.Names(context.Background()))
}

// table reads the manifest for a command that needs it to be valid. When ok is
// false the call is over with the exit code, and what is wrong was printed.
func (c *call) table() (t *route.Table, code int, ok bool) {
	t, report, err := c.load()
	switch {
	case err != nil:
		return nil, c.fail(err), false
	case t == nil:
		return nil, c.done(exitFound, report.Print(c.stderr)), false
	}
	return t, exitFine, true
}
