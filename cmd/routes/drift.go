package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/routegate/routegate/cmd/internal/drift"
	"github.com/routegate/routegate/framework/route"
)

const driftUsage = `usage: go run ./cmd/routes drift SOURCE [flags]

Drift compares a deployed API with the manifest. It reads the API's routes, and
every other way to invoke the function that the source shows. It prints each
difference with a request that shows it:

  EXPOSED   the gateway lets in a caller that the manifest does not let in
  UNKNOWN   the source does not show something that the result depends on
  BLOCKED   a caller that the manifest lets in is refused
  ORPHAN    a deployed route, or another way to invoke the function, that is not
            in the manifest
  MISSING   a route of the manifest that is not deployed
  MANIFEST  the function was built from another manifest

It ends with what was read and what is assumed. It prints "clean" only if it found
none of the above.

where the API is read from, one of:
  -plan FILE         what terraform show -json PLAN or tofu show -json PLAN prints
  -state FILE        what terraform show -json or tofu show -json prints
  -routes FILE       what aws apigatewayv2 get-routes prints. Give what
                     get-authorizers prints as -authorizers FILE, and what
                     get-integrations prints as -integrations FILE. Without them the
                     result is UNKNOWN
  -api-id ID         AWS, with the credentials, the region and AWS_ENDPOINT_URL as
                     the aws command line takes them

which API of a plan or a state, one of:
  -module ADDRESS    the module that it is in, such as module.api, or the API itself,
                     such as aws_apigatewayv2_api.this
  -api-id ID         its id, if it has one already

which function was built from the manifest:
  -function NAME     its name, its ARN, or its address in Terraform. Default: the only
                     function that the API calls

what the authorizers must verify:
  -issuer URL        default: JWT_ISSUER, otherwise the only issuer that they have
  -audience LIST     separated by commas. Default: JWT_AUTHORIZED_AUDIENCES, otherwise
                     the only audiences that they have

whether the function was built from this manifest:
  -token FILE        holds a token that the route with the handler site_map takes
  -endpoint URL      where the API is. Default: with -api-id, what AWS says
  -stage NAME        the stage at that default. Default: AWS_API_GW_STAGE_NAME

other flags:
  -manifest FILE     default: routes.yaml
  -assume-complete   take a plan that does not say whether it is complete for a
                     complete one: OpenTofu, and Terraform before 1.8
  -function-enforces do not count what the function refuses by itself, although the
                     gateway lets it in. For APIs with one route for everything,
                     ANY /{proxy+} or $default
  -json              print JSON

exit codes:
  0  clean
  1  drift, and nobody gets in who should not. Or the manifest is wrong
  2  wrong usage
  3  nothing could be compared
  4  EXPOSED, or an ORPHAN that does not lead to the function
  5  UNKNOWN, and nothing of 4
`

// compareTimeout is how long it may take to ask AWS, and how long the function.
const compareTimeout = time.Minute

// driftFlags are the flags of drift.
type driftFlags struct {
	plan, state, api, module               string
	routes, authorizers, integrations      string
	function, issuer, audience             string
	token, endpoint, stage                 string
	assumeComplete, functionEnforces, json bool
}

func (f *driftFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&f.plan, "plan", "", "")
	flags.StringVar(&f.state, "state", "", "")
	flags.StringVar(&f.routes, "routes", "", "")
	flags.StringVar(&f.authorizers, "authorizers", "", "")
	flags.StringVar(&f.integrations, "integrations", "", "")
	flags.StringVar(&f.api, "api-id", "", "")
	flags.StringVar(&f.module, "module", "", "")
	flags.StringVar(&f.function, "function", "", "")
	flags.StringVar(&f.issuer, "issuer", os.Getenv("JWT_ISSUER"), "")
	flags.StringVar(&f.audience, "audience", os.Getenv("JWT_AUTHORIZED_AUDIENCES"), "")
	flags.StringVar(&f.token, "token", "", "")
	flags.StringVar(&f.endpoint, "endpoint", "", "")
	flags.StringVar(&f.stage, "stage", "", "")
	flags.BoolVar(&f.assumeComplete, "assume-complete", false, "")
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
	case f.integrations != "" && f.routes == "":
		return "-integrations goes with -routes only: every other source has them"
	case f.assumeComplete && f.plan == "":
		return "-assume-complete goes with -plan only"
	case f.module != "" && f.plan == "" && f.state == "":
		return "-module goes with -plan and -state only"
	case f.token != "" && !f.live() && f.endpoint == "":
		return "-token needs -endpoint, or -api-id as the source"
	case f.token == "" && (f.endpoint != "" || f.stage != ""):
		return "-endpoint and -stage go with -token only"
	case f.endpoint != "" && f.stage != "":
		return "-stage goes with the default of -endpoint: name the stage in its URL if it shows there"
	case f.audience != "" && f.audiences() == nil:
		return "-audience names no audience"
	}
	return ""
}

// audiences returns the elements of -audience.
func (f *driftFlags) audiences() (list []string) {
	for audience := range strings.SplitSeq(f.audience, ",") {
		if audience = strings.TrimSpace(audience); audience != "" {
			list = append(list, audience)
		}
	}
	return list
}

// drift compares the deployed gateway with the manifest.
func (c *call) drift() int {
	var f driftFlags
	if _, code, ok := c.parse(driftUsage, 0, 0, f.define); !ok {
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
	print := report.Print
	if f.json {
		print = report.PrintJSON
	}
	return c.done(report.ExitCode(), print(c.stdout))
}

// compareDeployment reads the deployment and compares it with the table. An error
// means that nothing was compared.
func (c *call) compareDeployment(table *route.Table, f *driftFlags) (*drift.Report, error) {
	deployment, endpoint, err := f.read()
	if err != nil {
		return nil, err
	}
	result, err := drift.Compare(table, deployment, drift.Options{
		Issuer: f.issuer, Audience: f.audiences(), FunctionEnforces: f.functionEnforces,
	})
	if err != nil {
		return nil, err
	}
	report := &drift.Report{Result: result, Manifest: c.manifest, Digest: table.Digest()}
	if f.token == "" {
		result.Assumed = append(result.Assumed, "the function was built from this manifest (-token asks it)")
		return report, nil
	}
	if f.endpoint != "" {
		endpoint = f.endpoint
	}
	report.Built, err = functionDigest(table, endpoint, f.token)
	if err != nil {
		return nil, fmt.Errorf("the function's manifest: %w", err)
	}
	return report, nil
}

// read reads the deployment from its source. The endpoint is where AWS says that the
// API is, with the stage, or "".
func (f *driftFlags) read() (d *drift.Deployment, endpoint string, err error) {
	opts := drift.ReadOptions{Module: f.module, API: f.api, Function: f.function, AssumeComplete: f.assumeComplete}
	if f.live() {
		return f.readLive(opts)
	}
	files := make(map[string][]byte)
	var names []string
	for _, name := range []string{f.plan, f.state, f.routes, f.authorizers, f.integrations} {
		if name == "" {
			continue
		}
		files[name], err = readSource(name)
		if err != nil {
			return nil, "", err
		}
		names = append(names, name)
	}
	switch {
	case f.plan != "":
		d, err = drift.ReadPlan(files[f.plan], opts)
	case f.state != "":
		d, err = drift.ReadState(files[f.state], opts)
	default:
		d, err = drift.ReadRoutes(files[f.routes], files[f.authorizers], files[f.integrations], opts)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", strings.Join(names, ", "), err)
	}
	return d, "", nil
}

// readLive asks AWS.
func (f *driftFlags) readLive(opts drift.ReadOptions) (d *drift.Deployment, endpoint string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), compareTimeout)
	defer cancel()
	live, err := drift.ReadLive(ctx, opts)
	if err != nil {
		return nil, "", fmt.Errorf("API %q: %w", f.api, err)
	}
	if f.token != "" && f.endpoint == "" {
		stage := f.stage
		if stage == "" {
			stage = os.Getenv("AWS_API_GW_STAGE_NAME")
		}
		endpoint, err = live.StageURL(stage)
		if err != nil {
			return nil, "", fmt.Errorf("API %q: %w", f.api, err)
		}
	}
	return live.Deployment, endpoint, nil
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
