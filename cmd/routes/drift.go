package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

const driftUsage = `usage: routes drift SOURCE [flags]

Drift compares a deployed gateway with the manifest, and shows each difference
with a request:

  EXPOSED   the gateway lets in what the manifest does not
  BLOCKED   what the manifest allows is refused
  ORPHAN    a deployed route that is not in the manifest
  MISSING   a route of the manifest that is not deployed
  MANIFEST  the function was built from another manifest

where the gateway is read from, one of:
  -plan FILE         what terraform show -json PLAN prints
  -state FILE        what terraform show -json prints
  -routes FILE       what aws apigatewayv2 get-routes prints; for the issuer and
                     the audience, -authorizers FILE is what get-authorizers
                     prints, or get-authorizer of the only one
  -api-id ID         AWS, with the credentials, the region and AWS_ENDPOINT_URL as
                     the aws command line takes them. AWS says how the API is set
                     up; a stage without auto-deploy may serve an earlier set-up

of several APIs in a plan or a state, one of:
  -module ADDRESS    the module that it is in, such as module.api
  -api-id ID         its id, if it has one already

what the authorizers must verify; empty is not compared:
  -issuer URL        default: JWT_ISSUER
  -audience LIST     separated by commas; default: JWT_AUTHORIZED_AUDIENCES

whether the function was built from this manifest:
  -token FILE        holds a token that the route with the handler site_map takes
  -endpoint URL      where the API is; default: with -api-id, what AWS says
  -stage NAME        the stage at that default; default: AWS_API_GW_STAGE_NAME

other flags:
  -manifest FILE     default: routes.yaml
  -function-enforces count nothing that the function refuses by itself, although
                     the gateway lets it in: for gateways with a route for
                     everything, ANY /{proxy+} or $default
  -json              print JSON

exit codes: 0 no drift; 1 drift, and nobody gets in who should not, or the
manifest is wrong; 2 wrong usage; 3 could not be compared; 4 EXPOSED, or an
ORPHAN that does not lead to the function

"go run" makes 1 of every exit code but 0. "go tool routes" keeps them, and so
does a command that was built: go build -o bin/routes ./cmd/routes
`

// exitOpen is drift's own exit code: somebody gets in who should not.
const exitOpen = 4

// compareTimeout is how long it may take to ask AWS, and how long the function.
const compareTimeout = time.Minute

// driftFlags are the flags of drift.
type driftFlags struct {
	plan, state, routes, authorizers, api, module string
	issuer, audience                              string
	token, endpoint, stage                        string
	functionEnforces, json                        bool
}

func (f *driftFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&f.plan, "plan", "", "")
	flags.StringVar(&f.state, "state", "", "")
	flags.StringVar(&f.routes, "routes", "", "")
	flags.StringVar(&f.authorizers, "authorizers", "", "")
	flags.StringVar(&f.api, "api-id", "", "")
	flags.StringVar(&f.module, "module", "", "")
	flags.StringVar(&f.issuer, "issuer", os.Getenv("JWT_ISSUER"), "")
	flags.StringVar(&f.audience, "audience", os.Getenv("JWT_AUTHORIZED_AUDIENCES"), "")
	flags.StringVar(&f.token, "token", "", "")
	flags.StringVar(&f.endpoint, "endpoint", "", "")
	flags.StringVar(&f.stage, "stage", "", "")
	flags.BoolVar(&f.functionEnforces, "function-enforces", false, "")
	flags.BoolVar(&f.json, "json", false, "")
}

// live reports whether AWS is asked.
func (f *driftFlags) live() bool { return f.api != "" && f.plan == "" && f.state == "" }

// check says which flags do not go together, "" if all do.
func (f *driftFlags) check() string {
	sources := 0
	for _, file := range []string{f.plan, f.state, f.routes} {
		if file != "" {
			sources++
		}
	}
	switch {
	case sources > 1, f.routes != "" && f.api != "":
		return "more than one source: give one of -plan, -state, -routes and -api-id"
	case sources == 0 && f.api == "":
		return "no source: give one of -plan, -state, -routes and -api-id"
	case f.authorizers != "" && f.routes == "":
		return "-authorizers goes with -routes only: every other source has them"
	case f.module != "" && f.plan == "" && f.state == "":
		return "-module goes with -plan and -state only"
	case f.token != "" && !f.live() && f.endpoint == "":
		return "-token needs -endpoint, or -api-id as the source"
	case f.token == "" && (f.endpoint != "" || f.stage != ""):
		return "-endpoint and -stage go with -token only"
	case f.endpoint != "" && f.stage != "":
		return "-stage goes with the default of -endpoint: name the stage in its URL if it shows there"
	case f.audience != "" && f.tokens().Audience == nil:
		return "-audience names no audience"
	}
	return ""
}

// tokens returns what the authorizers are to verify.
func (f *driftFlags) tokens() review.Tokens {
	want := review.Tokens{Issuer: f.issuer}
	for audience := range strings.SplitSeq(f.audience, ",") {
		if audience = strings.TrimSpace(audience); audience != "" {
			want.Audience = append(want.Audience, audience)
		}
	}
	return want
}

// drift compares the deployed gateway with the manifest.
func (c *call) drift() int {
	var f driftFlags
	if _, code, ok := c.parse(driftUsage, nil, 0, f.define); !ok {
		return code
	}
	if wrong := f.check(); wrong != "" {
		return c.misuse("%s", wrong)
	}
	table, code, ok := c.table()
	if !ok {
		return code
	}
	report, err := c.compareDeployment(table, &f)
	if err != nil {
		return c.fail(fmt.Errorf("nothing was compared: %w", err))
	}
	print := report.print
	if f.json {
		print = report.printJSON
	}
	return c.done(report.exitCode(), print(c.stdout))
}

// compareDeployment reads the deployment and compares it with the table. An
// error means that it cannot be told whether there is drift.
func (c *call) compareDeployment(table *route.Table, f *driftFlags) (*driftReport, error) {
	deployment, endpoint, err := f.read()
	if err != nil {
		return nil, err
	}
	report := &driftReport{manifest: c.manifest, digest: table.Digest()}
	drifts, err := review.Drifts(table, deployment)
	if err != nil {
		return nil, err
	}
	tokens, err := review.AuthorizerDrifts(deployment, f.tokens())
	if err != nil {
		if f.routes != "" && f.authorizers == "" {
			err = fmt.Errorf("%w: give -authorizers, or no -issuer and -audience and neither JWT_ISSUER nor JWT_AUTHORIZED_AUDIENCES", err)
		}
		return nil, err
	}
	drifts = append(drifts, tokens...)
	slices.SortStableFunc(drifts, func(a, b review.Drift) int { return a.Kind.Compare(b.Kind) })
	for _, d := range drifts {
		report.add(d, f.functionEnforces)
	}
	switch {
	case f.token != "":
		if f.endpoint != "" {
			endpoint = f.endpoint
		}
		report.built, err = functionDigest(table, endpoint, f.token)
		if err != nil {
			return nil, fmt.Errorf("the function's manifest: %w", err)
		}
	case f.live():
		fmt.Fprintln(c.stderr, "routes drift: whether the function was built from this manifest was not compared: it needs -token")
	}
	return report, nil
}

// read reads the gateway from its source. The endpoint is where AWS says that
// the API is, with the stage, or "".
func (f *driftFlags) read() (d *review.Deployment, endpoint string, err error) {
	if f.live() {
		ctx, cancel := context.WithTimeout(context.Background(), compareTimeout)
		defer cancel()
		want := f.tokens()
		live, err := readLive(ctx, f.api, want.Issuer != "" || want.Audience != nil)
		if err != nil {
			return nil, "", fmt.Errorf("API %q: %w", f.api, err)
		}
		if f.token != "" && f.endpoint == "" {
			stage := f.stage
			if stage == "" {
				stage = os.Getenv("AWS_API_GW_STAGE_NAME")
			}
			endpoint, err = live.stageURL(stage)
			if err != nil {
				return nil, "", fmt.Errorf("API %q: %w", f.api, err)
			}
		}
		return live.deployment, endpoint, nil
	}
	file := f.plan + f.state + f.routes // one of them
	data, err := readSource(file)
	if err != nil {
		return nil, "", err
	}
	within := review.Within{Module: f.module, API: f.api}
	switch file {
	case f.plan:
		d, err = review.ReadPlan(data, within)
	case f.state:
		d, err = review.ReadState(data, within)
	default:
		var authorizers []byte
		if f.authorizers != "" {
			authorizers, err = readSource(f.authorizers)
			if err != nil {
				return nil, "", err
			}
			file += ", " + f.authorizers
		}
		d, err = review.ReadRoutes(data, authorizers)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", file, err)
	}
	return d, "", nil
}

// maxSource is the size of a file beyond which it is none that Terraform or AWS
// printed.
const maxSource = 512 << 20

// readSource reads a file, which may also be a pipe such as /dev/stdin.
func readSource(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxSource:
		return nil, errors.New(name + " is too large")
	}
	return data, nil
}
