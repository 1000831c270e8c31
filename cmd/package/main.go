// Command package makes the zip that Lambda runs: dist/function.zip.
//
//	go run ./cmd/package               for arm64
//	go run ./cmd/package -arch amd64
//
// It refuses while the manifest is wrong, a test of it fails, or the generated
// Terraform is stale, so that what is deployed is what was checked. The same
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
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/framework/source"
)

const usage = `usage: go run ./cmd/package [-arch arm64|amd64] [-o file]

Package builds ./cmd/lambda and writes it as the deployment package of a function
of the runtime provided.al2023: a zip with the program, static and stripped, as
bootstrap. It prints the size and the SHA-256 of the zip, the latter also as
Lambda and Terraform write it.

The program has the table that was made of routes.yaml when that was checked, and
does not check it again at each start.

It refuses when routes.yaml does not pass "routes check", and when a file of
"gen-tf" in deploy/terraform is stale or there is none.

  -arch arch  arm64 (default) or amd64, which Lambda calls x86_64
  -o file     the zip to write, in a directory that exists (default dist/function.zip)

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

// defaultOutput is in a directory that git ignores and package makes.
const defaultOutput = "dist/function.zip"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	arch, output, err := parse(args)
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
	src, table, err := check(stdout, stderr)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "package: %v\n", err)
		return exitError
	case table == nil:
		fmt.Fprintln(stderr, "package: nothing packaged")
		return exitFound
	}
	if err := pack(ctx, arch, output, src, table, stdout); err != nil {
		fmt.Fprintf(stderr, "package: %v\n", err)
		return exitError
	}
	return exitFine
}

func parse(args []string) (arch, output string, err error) {
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the error and the usage, each where it belongs
	flags.StringVar(&arch, "arch", "arm64", "")
	flags.StringVar(&output, "o", defaultOutput, "")
	if err := cli.Parse(flags, args); err != nil {
		return "", "", err
	}
	switch {
	case flags.NArg() > 0:
		return "", "", fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case arch != "arm64" && arch != "amd64":
		return "", "", fmt.Errorf("unknown architecture %q: want arm64 or amd64", arch)
	case !strings.HasSuffix(output, ".zip"):
		// What is written is not what any other file should hold.
		return "", "", fmt.Errorf("output %q does not end in .zip", output)
	}
	return arch, output, nil
}

// pack writes the zip and prints what it is.
func pack(ctx context.Context, arch, output string, src []byte, table *route.Table, stdout io.Writer) error {
	bootstrap, err := build(ctx, arch, src, table)
	if err != nil {
		return err
	}
	data, err := archive(bootstrap)
	if err != nil {
		return err
	}
	if output == defaultOutput {
		if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
			return err
		}
	}
	written, err := gen.WriteFile(output, data)
	if err != nil {
		return err
	}
	did := "up to date:"
	if written {
		did = "wrote"
	}
	// Lambda's CodeSha256 and Terraform's source_code_hash are in base64 (API
	// reference, FunctionConfiguration).
	sum := sha256.Sum256(data)
	_, err = fmt.Fprintf(stdout, "%s %s: %d bytes, linux/%s\nSHA-256:    %x\nCodeSha256: %s\n",
		did, output, len(data), arch, sum, base64.StdEncoding.EncodeToString(sum[:]))
	return err
}
