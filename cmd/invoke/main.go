//go:build unix

// Command invoke builds the function, starts it under AWS's own Runtime
// Interface Emulator, sends it events and prints its answers.
//
//	go run ./cmd/invoke                    a GET /v1/manage/hc, as an HTTP API sends it
//	go run ./cmd/invoke event.json ...     events of one's own, one after the other
//
// The function is the real one, built from ./cmd/lambda as for deployment but
// for this machine. Its log goes to standard error.
//
// Exit codes: 0, every event was answered; 1, the function failed on one; 2,
// wrong usage; 3, the function could not be built or run, or an event not read.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/routegate/routegate/cmd/internal/cli"
	"github.com/routegate/routegate/framework/source"
)

// The exit codes.
const (
	exitFine  = 0
	exitFound = 1
	exitUsage = 2
	exitError = 3
)

//go:embed health_check.json
var healthCheck []byte

const usage = `Invoke sends events to the function, under AWS's Runtime Interface Emulator.

usage: go run ./cmd/invoke [-manifest FILE] [EVENT.json ...]

Without a file it sends a GET /v1/manage/hc, as an HTTP API would.

  -manifest FILE  the manifest of the service whose function is invoked
                  (default routes.yaml)
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("invoke", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	manifest := flags.String("manifest", "", "")
	switch err := cli.Parse(flags, args); {
	case errors.Is(err, flag.ErrHelp):
		if _, err := fmt.Fprint(stdout, source.Here(usage)); err != nil {
			fmt.Fprintf(stderr, "invoke: %v\n", err)
			return exitError
		}
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "invoke: %v\nrun invoke -h for help\n", err)
		return exitUsage
	}
	named := false
	flags.Visit(func(*flag.Flag) { named = true })
	if named && *manifest == "" {
		fmt.Fprint(stderr, "invoke: flag -manifest is empty\nrun invoke -h for help\n")
		return exitUsage
	}
	events := [][]byte{healthCheck}
	if flags.NArg() > 0 {
		events = nil
	}
	for _, name := range flags.Args() {
		event, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintf(stderr, "invoke: cannot read the event: %v\n", err)
			return exitError
		}
		if !json.Valid(event) {
			fmt.Fprintf(stderr, "invoke: event %q is not JSON\n", name)
			return exitError
		}
		events = append(events, event)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if !named {
		*manifest = source.FindManifest("invoke", stderr)
	}
	f, err := start(ctx, *manifest, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "invoke: %v\n", err)
		return exitError
	}
	defer f.stop()
	return f.answer(ctx, events, stdout, stderr)
}

// answer sends the events, one after the other, and prints the answers.
func (f *function) answer(ctx context.Context, events [][]byte, stdout, stderr io.Writer) int {
	code := exitFine
	for i, event := range events {
		payload, err := f.invoke(ctx, event)
		if err != nil {
			fmt.Fprintf(stderr, "invoke: %v\n", err)
			return exitError
		}
		var text bytes.Buffer
		if i > 0 {
			text.WriteByte('\n')
		}
		if err := printAnswer(&text, payload); err != nil {
			fmt.Fprintf(stderr, "invoke: %v\n", err)
			code = exitFound
		}
		if _, err := stdout.Write(text.Bytes()); err != nil {
			fmt.Fprintf(stderr, "invoke: %v\n", err)
			return exitError
		}
	}
	return code
}

// printAnswer prints what the function answered in the form of an HTTP answer.
// It is an error if the payload is none, such as the report of a crash.
func printAnswer(w *bytes.Buffer, payload []byte) error {
	var answer struct {
		StatusCode        int
		Headers           map[string]string
		MultiValueHeaders map[string][]string
		Cookies           []string
		Body              string
		IsBase64Encoded   bool
	}
	if err := json.Unmarshal(payload, &answer); err != nil || answer.StatusCode == 0 {
		return fmt.Errorf("the function gave no answer: %s", bytes.TrimSpace(payload))
	}
	body := []byte(answer.Body)
	if answer.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(answer.Body); err != nil {
			return fmt.Errorf("the body of the answer is not base64: %w", err)
		}
	}
	header := make(http.Header)
	for name, value := range answer.Headers {
		header.Add(name, value)
	}
	for name, values := range answer.MultiValueHeaders {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	for _, cookie := range answer.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	fmt.Fprintf(w, "%d %s\n", answer.StatusCode, http.StatusText(answer.StatusCode))
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			fmt.Fprintf(w, "%s: %s\n", strings.ToLower(name), value)
		}
	}
	fmt.Fprintf(w, "\n%s\n", bytes.TrimSuffix(body, []byte("\n")))
	return nil
}
