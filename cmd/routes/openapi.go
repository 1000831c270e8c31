package main

import (
	"flag"
	"strings"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/openapi"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/handlers"
)

const openapiUsage = `usage: go run ./cmd/routes openapi [flags]

Openapi writes the manifest as an OpenAPI 3.1 document: the routes, and who may
call each. It writes nothing while the manifest has an error or one of its tests
fails.

  -o file         the file to write, in a directory that exists; - is standard
                  output (default)
  -check          write nothing: print a diff and exit 1 when the file of -o is
                  not what would be written, or is missing
  -server url     the address of the API (left out by default, which means /)
  -title text     the name of the API
  -manifest file  the manifest (default routes.yaml)

  -gateway        write what "aws apigatewayv2 import-api" makes an HTTP API of:
                  OpenAPI 3.0 with AWS's extensions, and without the groups,
                  which the function checks
  -function arn   for -gateway: the function, or its alias
  -issuer url     for -gateway: the issuer of the tokens, exactly as in them
  -audience a,a   for -gateway: the audiences of the tokens

exit codes: 0 fine; 1 the manifest is wrong, a test of it fails, or the file is
stale; 2 wrong usage; 3 could not be done
`

// openapi writes the manifest as an OpenAPI document, or says whether it was
// written.
func (c *call) openapi() int {
	opts := handlers.Documentation()
	output, check, forGateway, audiences := "-", false, false, ""
	var gateway openapi.Gateway
	var flags *flag.FlagSet
	_, code, ok := c.parse(openapiUsage, nil, 0, func(f *flag.FlagSet) {
		flags = f
		f.StringVar(&output, "o", output, "")
		f.BoolVar(&check, "check", false, "")
		f.StringVar(&opts.Server, "server", "", "")
		f.StringVar(&opts.Title, "title", opts.Title, "")
		f.BoolVar(&forGateway, "gateway", false, "")
		f.StringVar(&gateway.Function, "function", "", "")
		f.StringVar(&gateway.Issuer, "issuer", "", "")
		f.StringVar(&audiences, "audience", "", "")
	})
	if !ok {
		return code
	}
	for audience := range strings.SplitSeq(audiences, ",") {
		if audience = strings.TrimSpace(audience); audience != "" {
			gateway.Audiences = append(gateway.Audiences, audience)
		}
	}
	gateway.Title = opts.Title
	opts.Server = strings.TrimSuffix(opts.Server, "/")
	switch {
	case check && output == "-":
		return c.misuse("-check compares a file, so it needs -o with its name")
	case output != "-" && gen.SameFile(c.manifest, output):
		return c.misuse("output %q is the manifest", output)
	case forGateway && gateway.Function == "":
		return c.misuse("-gateway needs the ARN of the function: -function")
	case forGateway && opts.Server != "":
		return c.misuse("-server does not go with -gateway, which chooses the address itself")
	case !forGateway && (gateway.Function != "" || gateway.Issuer != "" || audiences != ""):
		return c.misuse("-function, -issuer and -audience go with -gateway only")
	}
	table, report, err := c.load()
	if err != nil {
		return c.fail(err)
	}
	if table != nil {
		for _, failure := range table.Test() {
			report.Add(failure)
		}
	}
	if report.HasErrors() {
		report.Sort()
		return c.done(exitFound, report.Print(c.stderr))
	}
	data := openapi.Document(table, opts)
	if forGateway {
		if asksForTokens(table) && (gateway.Issuer == "" || len(gateway.Audiences) == 0) {
			return c.misuse("routes ask for tokens, so -gateway needs -issuer and -audience")
		}
		data = openapi.Import(table, gateway)
	}
	return c.generated(output, check, data, table.Len(), mendCommand("openapi", flags))
}

func asksForTokens(t *route.Table) bool {
	for r := range t.All() {
		if r.Access.Auth == route.JWT {
			return true
		}
	}
	return false
}
