// Command server is the API in a container: the routes, handlers and decisions of
// cmd/lambda with no gateway in front. It checks tokens itself, as
// framework/gateway does.
//
// It speaks plain HTTP/1.1: TLS, and HTTP/2 if wanted, end in front of it.
//
// Exit codes: 0, ended by a signal; 2, wrong usage; 3, it could not be started, or
// had to cut requests off at its end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/cmd/internal/cli"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/handlers"
)

// The exit codes.
const (
	exitFine  = 0
	exitUsage = 2
	exitError = 3
)

const usage = `Server serves the API over plain HTTP, and checks tokens itself.

usage: server [flags]

  -listen ADDRESS   where the API is (:$PORT, or :8080)
  -health ADDRESS   where /healthz and /readyz are (:8081)
  -timeout TIME     how long a request may take, its body and its answer included (30s)
  -max-body BYTES   the longest body that is taken (10485760)
  -drain TIME       how long requests are still taken after SIGTERM, while /readyz says 503 (3s)
  -grace TIME       how long those that run then have (20s)
  -public-only      start without JWT_ISSUER: routes that ask for a token refuse everyone

  AWS_API_GW_STAGE_NAME               the stage in front of every path
  JWT_ISSUER                          the issuer of the tokens, exactly as in them
  JWT_AUTHORIZED_AUDIENCES            their audiences, separated by commas
  JWT_ISSUER_JWKS_URI                 where the issuer's keys are, instead of discovery
  JWT_AUTHORIZATION_GROUPS_ATTR_NAME  the groups claim
  ROUTEGATE_METRICS_NAMESPACE         the CloudWatch namespace of the metrics on standard output
  CORS_ALLOW_ORIGINS                  origins, separated by commas, or *; not set: CORS is left to the handlers
  CORS_ALLOW_HEADERS                  the headers that those may send (authorization,content-type)
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next signal ends it at once
	// A log that nobody reads any more is no reason to end.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], routegate.Manifest, handlers.All(), os.Stdout, os.Stderr))
}

// config is what the flags, the environment and the manifest say.
type config struct {
	app        framework.Options
	listen     string
	health     string
	timeout    time.Duration
	maxBody    int64
	drain      time.Duration
	grace      time.Duration
	publicOnly bool
	authorizer *gateway.Authorizer // nil: no issuer is known
	issuer     string
	keysURI    string
	cors       *gateway.CORS // nil: left to the handlers

	tokenRoutes, iamRoutes []string // the keys of the routes that ask for either
}

func run(ctx context.Context, args []string, manifest []byte, hs framework.Handlers, stdout, stderr io.Writer) int {
	c, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		if _, err := fmt.Fprint(stdout, usage); err != nil {
			fmt.Fprintf(stderr, "server: %v\n", err)
			return exitError
		}
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "server: %v\nrun server -h for help\n", err)
		return exitUsage
	}
	if err = c.readManifest(manifest); err == nil {
		err = serve(ctx, c, manifest, hs, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "server: %v\n", err)
		return exitError
	}
	return exitFine
}

func parse(args []string) (c config, err error) {
	if c.app, err = framework.OptionsFromEnv(); err != nil {
		return config{}, err
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.listen, "listen", ":"+port, "")
	flags.StringVar(&c.health, "health", ":8081", "")
	flags.DurationVar(&c.timeout, "timeout", 30*time.Second, "")
	flags.Int64Var(&c.maxBody, "max-body", 10<<20, "")
	flags.DurationVar(&c.drain, "drain", 3*time.Second, "")
	flags.DurationVar(&c.grace, "grace", 20*time.Second, "")
	flags.BoolVar(&c.publicOnly, "public-only", false, "")
	if err := cli.Parse(flags, args); err != nil {
		return config{}, err
	}
	switch {
	case flags.NArg() > 0:
		return config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case c.timeout <= 0:
		return config{}, fmt.Errorf("timeout %v: want more than 0", c.timeout)
	case c.maxBody <= 0:
		return config{}, fmt.Errorf("max-body %d: want more than 0", c.maxBody)
	case c.drain < 0 || c.grace < 0:
		return config{}, errors.New("drain and grace cannot be less than 0")
	}
	if err := c.authorizerFromEnv(); err != nil {
		return config{}, err
	}
	return c, c.corsFromEnv()
}

func (c *config) authorizerFromEnv() (err error) {
	c.issuer, c.keysURI = os.Getenv("JWT_ISSUER"), os.Getenv("JWT_ISSUER_JWKS_URI")
	audiences := list(os.Getenv("JWT_AUTHORIZED_AUDIENCES"))
	if c.issuer == "" {
		if len(audiences) > 0 || c.keysURI != "" {
			return errors.New("JWT_ISSUER is not set, but JWT_AUTHORIZED_AUDIENCES or JWT_ISSUER_JWKS_URI is")
		}
		return nil
	}
	if c.publicOnly {
		return errors.New("-public-only is for a server without JWT_ISSUER, which is set")
	}
	if c.authorizer, err = gateway.NewAuthorizer(gateway.AuthorizerOptions{Issuer: c.issuer, Audiences: audiences, KeysURI: c.keysURI}); err != nil {
		return fmt.Errorf("JWT_ISSUER, JWT_AUTHORIZED_AUDIENCES, JWT_ISSUER_JWKS_URI: %w", err)
	}
	return nil
}

func (c *config) corsFromEnv() error {
	origins := list(os.Getenv("CORS_ALLOW_ORIGINS"))
	if len(origins) == 0 {
		return nil
	}
	c.cors = &gateway.CORS{AllowOrigins: origins, AllowMethods: route.Methods, AllowHeaders: list(os.Getenv("CORS_ALLOW_HEADERS"))}
	if len(c.cors.AllowHeaders) == 0 {
		// Not "*", among which the Fetch standard does not count authorization.
		c.cors.AllowHeaders = []string{"authorization", "content-type"}
	}
	return c.cors.Validate()
}

// list splits at commas, and drops what is empty.
func list(s string) (items []string) {
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// readManifest finds the routes that ask for a token or for IAM. It keeps a server
// from starting that would refuse everyone on the first, because somebody forgot a
// variable.
func (c *config) readManifest(manifest []byte) error {
	table, report := route.Load("routes.yaml", manifest, nil)
	if err := report.Err(); err != nil {
		return fmt.Errorf("the manifest is not valid:\n%w", err)
	}
	for r := range table.All() {
		switch r.Access.Auth {
		case route.JWT:
			c.tokenRoutes = append(c.tokenRoutes, r.Key())
		case route.IAM:
			c.iamRoutes = append(c.iamRoutes, r.Key())
		}
	}
	if c.authorizer != nil || c.publicOnly || len(c.tokenRoutes) == 0 {
		return nil
	}
	return fmt.Errorf("JWT_ISSUER is not set, and %d of the routes ask for a token, such as %q: set it, or say -public-only to refuse everyone on them", len(c.tokenRoutes), c.tokenRoutes[0])
}
