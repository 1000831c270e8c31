// Command local runs the API on this machine, behind an imitation of API
// Gateway's HTTP API that really checks tokens.
//
//	go run ./cmd/local                    the API, an identity provider, a page to look at both
//	go run ./cmd/local token -as alice    a token of the running one, for curl
//
// The function is the real one: built from ./cmd/lambda, and run against an
// in-process Lambda Runtime API. A change of a Go file or of the manifest builds
// it anew and swaps it, and no request is lost.
//
// It listens on loopback only, and answers only to names of this machine. Exit
// codes: 0, ended by a signal; 2, wrong usage; 3, it could not be started.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/routegate/routegate/cmd/internal/cli"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/source"
)

// The exit codes.
const (
	exitFine  = 0
	exitUsage = 2
	exitError = 3
)

const usage = `Local runs the API on this machine, behind an imitation of API Gateway.

usage: go run ./cmd/local [flags]
       go run ./cmd/local token [-addr ADDRESS] [-as NAME] [-groups G,G] [-scopes S,S]

  -addr ADDRESS        where to listen, on loopback only (127.0.0.1:8080)
  -host NAME           a name of this machine beside localhost, one that you control; repeatable
  -manifest FILE       the manifest (routes.yaml)
  -stage NAME          the stage in front of every path ($AWS_API_GW_STAGE_NAME)
  -issuer URL          check the tokens of this identity provider, and make none ($JWT_ISSUER)
  -audience A,A        its audiences ($JWT_AUTHORIZED_AUDIENCES)
  -cors JSON           CORS of the gateway, with the fields of var.cors in deploy/terraform (off)
  -function FILE       run this bootstrap instead of building ./cmd/lambda
  -concurrency N       instances of the function at once (4)
  -payload 1.0         send events in payload format 1.0 (2.0)
  -base64              encode every request body, to find handlers that ignore the flag
  -strict-slash        a trailing slash matches no route

For a browser application on another port, start with
-cors '{"allow_origins": ["http://localhost:3000"]}'.

Token prints a token of the running API's built-in issuer. NAME is one of the people
that its page lists: alice, which is the default, is in every group and has every scope,
mallory is in none and has none. -groups and -scopes give the token others.

A POST to /_routegate/issuer/rotate makes the built-in issuer sign with a new key.
The gateway asks for keys at most every ten seconds, so it may refuse new tokens that long.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// config is what the flags and the environment say.
type config struct {
	addr        string
	hosts       []string // names of this machine beside the loopback ones, in lower case
	manifest    string
	named       bool // the manifest, by -manifest
	stage       string
	groupsClaim []string
	issuer      string // "" is the built-in one
	audiences   []string
	cors        *gateway.CORS // nil is off, as in deploy/terraform
	function    string        // "" is built from ./cmd/lambda
	concurrency int
	payloadV1   bool
	base64      bool
	strictSlash bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "token" {
		return runToken(ctx, args[1:], stdout, stderr)
	}
	c, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		if _, err := fmt.Fprint(stdout, source.Here(usage)); err != nil {
			fmt.Fprintf(stderr, "local: %v\n", err)
			return exitError
		}
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "local: %v\nrun local -h for help\n", err)
		return exitUsage
	}
	if !c.named {
		c.manifest = source.FindManifest("local", stderr)
	}
	if err := serve(ctx, c, stdout); err != nil {
		fmt.Fprintf(stderr, "local: %v\n", err)
		return exitError
	}
	return exitFine
}

func parse(args []string) (config, error) {
	opts, err := framework.OptionsFromEnv()
	if err != nil {
		return config{}, err
	}
	c := config{groupsClaim: opts.GroupsClaim}
	if c.groupsClaim == nil {
		c.groupsClaim = []string{"groups"}
	}
	audience, payload := "", ""
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "")
	flags.Func("host", "", func(text string) error {
		name, err := parseHost(text)
		c.hosts = append(c.hosts, name)
		return err
	})
	flags.StringVar(&c.manifest, "manifest", "routes.yaml", "")
	flags.StringVar(&c.stage, "stage", opts.Stage, "")
	flags.StringVar(&c.issuer, "issuer", os.Getenv("JWT_ISSUER"), "")
	flags.StringVar(&audience, "audience", os.Getenv("JWT_AUTHORIZED_AUDIENCES"), "")
	flags.Func("cors", "", func(text string) (err error) {
		c.cors, err = parseCORS(text)
		return err
	})
	flags.StringVar(&c.function, "function", "", "")
	flags.IntVar(&c.concurrency, "concurrency", 4, "")
	flags.StringVar(&payload, "payload", "2.0", "")
	flags.BoolVar(&c.base64, "base64", false, "")
	flags.BoolVar(&c.strictSlash, "strict-slash", false, "")
	if err := cli.Parse(flags, args); err != nil {
		return config{}, err
	}
	flags.Visit(func(f *flag.Flag) { c.named = c.named || f.Name == "manifest" })
	for a := range strings.SplitSeq(audience, ",") {
		if a = strings.TrimSpace(a); a != "" {
			c.audiences = append(c.audiences, a)
		}
	}
	switch {
	case flags.NArg() > 0:
		return config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case payload != "1.0" && payload != "2.0":
		return config{}, fmt.Errorf("payload %q: want 1.0 or 2.0", payload)
	case c.concurrency < 1:
		return config{}, fmt.Errorf("concurrency %d: want at least 1", c.concurrency)
	case c.issuer != "" && len(c.audiences) == 0:
		return config{}, errors.New("an issuer needs its audiences: -audience")
	case c.issuer == "" && len(c.audiences) > 1:
		return config{}, errors.New("the built-in issuer has one audience")
	}
	c.payloadV1 = payload == "1.0"
	if c.issuer == "" && len(c.audiences) == 0 {
		c.audiences = []string{"routegate"}
	}
	return c, loopback(c.addr)
}

// loopback returns an error if other machines could reach the address. The
// built-in issuer gives a token to every program that asks.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address %q: %w", addr, err)
	}
	if host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("address %q is not on loopback: this is for development on one machine", addr)
	}
	return nil
}

// serve runs everything until ctx ends.
func serve(ctx context.Context, c config, stdout io.Writer) error {
	listener, err := net.Listen("tcp", c.addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("-addr %s: another program listens there: stop it, or choose another port", c.addr)
	}
	if err != nil {
		return fmt.Errorf("-addr %s: %w", c.addr, err)
	}
	defer listener.Close()
	t := newTerminal(stdout)
	s, err := newService(c, "http://"+listener.Addr().String(), t)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.checkIssuer(ctx); err != nil {
		return err
	}
	if err := s.deploy(ctx); err != nil {
		return err
	}
	server := &http.Server{
		Handler:           s.handler(ctx.Done()),
		ReadHeaderTimeout: 10 * time.Second,
		// OPTIONS * is the gateway's to answer, too.
		DisableGeneralOptionsHandler: true,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.welcome(s.state(), s.url)

	watching, stop := context.WithCancel(ctx)
	defer stop()
	go s.watch(watching)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	// What runs may finish; a page that follows along would never end.
	closing, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(closing) != nil {
		server.Close()
	}
	return nil
}
