// Command package makes the zip that Lambda runs: dist/function.zip.
//
//	go run ./cmd/package               for arm64
//	go run ./cmd/package -arch amd64
//
// It refuses while the manifest is wrong, a test of it fails, the names of the
// handlers are not known, the function embeds another manifest, or the generated
// Terraform is stale. So what is deployed is what was checked. The same
// source and the same Go give the same bytes, wherever and whenever they are
// packaged. "go run ./cmd/package -h" lists the flags and the exit codes.
//
// The function is built with the table of the manifest that was checked, and
// starts from it: it has no YAML parser and no JSON Schema, and takes no other
// manifest. No file of it lies beside the source, and "go build ./cmd/lambda" makes
// a function that checks its manifest at each start.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/routegate/routegate/cmd/internal/cli"
	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/source"
)

const usage = `usage: go run ./cmd/package [-manifest file] [-arch arm64|amd64] [-o file] [-allow-unknown]

Package builds ./cmd/lambda and writes it as the deployment package of a function
of the runtime provided.al2023: a zip with the program, static and stripped, as
bootstrap. It prints the size and the SHA-256 of the zip, the latter also as
Lambda and Terraform write it.

The program has the table that was made of routes.yaml when that was checked, and
does not check it again at each start.

It refuses when routes.yaml does not pass "routes check", when the function
embeds another manifest or none, and when a file of "gen-tf" in deploy/terraform is
stale or there is none. It also refuses when the source does not show which
handlers there are.

  -manifest file  the manifest (default routes.yaml). cmd/lambda, deploy/terraform
                  and dist are those of the manifest's service
  -arch arch      arm64 (default) or amd64, which Lambda calls x86_64
  -o file         the zip to write, in a directory that exists (default dist/function.zip)
  -allow-unknown  package the function although its handlers are not known, or
                  although it makes its manifest, which it checks at each start

exit codes: 0 written, or there already; 1 refused; 2 wrong usage; 3 could not be
done
`

// The exit codes.
const (
	exitFine  = 0
	exitFound = 1
	exitUsage = 2
	exitError = 3
)

// defaultOutput is below the service's directory, in a directory that git ignores and
// package makes.
const defaultOutput = "dist/function.zip"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// A command is what the flags say.
type command struct {
	manifest     string
	arch         string
	output       string
	allowUnknown bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		if _, err := fmt.Fprint(stdout, source.Here(usage)); err != nil {
			fmt.Fprintf(stderr, "package: %v\n", err)
			return exitError
		}
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "package: %v\nrun package -h for help\n", err)
		return exitUsage
	}
	named := c.manifest != ""
	if !named {
		c.manifest = source.FindManifest("package", stderr)
	}
	tmp, err := tempDir()
	if err != nil {
		fmt.Fprintf(stderr, "package: %v\n", err)
		return exitError
	}
	defer os.RemoveAll(tmp)
	p := &packager{command: c, named: named, stdout: stdout, stderr: stderr, tmp: tmp}
	ok, err := p.check(ctx)
	if ok && err == nil {
		ok, err = p.pack(ctx)
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "package: %v\n", err)
		return exitError
	case !ok:
		fmt.Fprintln(stderr, "package: nothing packaged")
		return exitFound
	}
	return exitFine
}

func parse(args []string) (command, error) {
	var c command
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error and the usage, each where it belongs
	flags.StringVar(&c.manifest, "manifest", "", "")
	flags.StringVar(&c.arch, "arch", "arm64", "")
	flags.StringVar(&c.output, "o", "", "")
	flags.BoolVar(&c.allowUnknown, "allow-unknown", false, "")
	if err := cli.Parse(flags, args); err != nil {
		return c, err
	}
	var wrong error
	flags.Visit(func(f *flag.Flag) {
		switch {
		case f.Name == "manifest" && c.manifest == "":
			wrong = errors.New("flag -manifest is empty")
		case f.Name == "o" && !strings.HasSuffix(c.output, ".zip"):
			// What is written is not what any other file should hold.
			wrong = fmt.Errorf("output %q does not end in .zip", c.output)
		}
	})
	switch {
	case flags.NArg() > 0:
		return c, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case c.arch != "arm64" && c.arch != "amd64":
		return c, fmt.Errorf("unknown architecture %q: want arm64 or amd64", c.arch)
	}
	return c, wrong
}

// pack writes the zip and prints its size and digest. It reports false, and says
// why, if the function does not have the manifest.
func (p *packager) pack(ctx context.Context) (ok bool, err error) {
	bootstrap, err := p.build(ctx)
	if err != nil || bootstrap == nil {
		return false, err
	}
	data, err := archive(bootstrap)
	if err != nil {
		return false, err
	}
	output := p.output
	if output == "" {
		output = filepath.Join(p.service.Dir, defaultOutput)
		if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
			return false, err
		}
	}
	written, err := gen.WriteFile(output, data)
	if err != nil {
		return false, err
	}
	did := "up to date:"
	if written {
		did = "wrote"
	}
	// Lambda's CodeSha256 and Terraform's source_code_hash are in base64 (API
	// reference, FunctionConfiguration).
	sum := sha256.Sum256(data)
	_, err = fmt.Fprintf(p.stdout, "%s %s: %d bytes, linux/%s\nSHA-256:    %x\nCodeSha256: %s\n",
		did, output, len(data), p.arch, sum, base64.StdEncoding.EncodeToString(sum[:]))
	return err == nil, err
}
