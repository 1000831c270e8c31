package drift_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/routegate/routegate/cmd/internal/drift"
)

const (
	cliRoutes = `{"Items": [
		{"ApiKeyRequired": false, "AuthorizationType": "JWT", "AuthorizationScopes": ["b", "a"], "AuthorizerId": "j", "RouteId": "r", "RouteKey": "GET /a", "Target": "integrations/i"},
		{"RouteId": "s", "RouteKey": "$default", "AuthorizationType": "CUSTOM", "AuthorizerId": "l", "Target": "integrations/h"},
		{"RouteId": "t", "RouteKey": "GET /t"}]}`
	cliAuthorizers = `{"Items": [
		{"AuthorizerId": "j", "AuthorizerType": "JWT", "Name": "main", "IdentitySource": ["$request.header.Authorization"], "JwtConfiguration": {"Audience": ["x"], "Issuer": "https://i/"}},
		{"AuthorizerId": "l", "AuthorizerType": "REQUEST", "Name": "other"}]}`
	cliAuthorizer   = `{"AuthorizerId": "j", "AuthorizerType": "JWT", "Name": "main", "JwtConfiguration": {"Audience": ["x"], "Issuer": "https://i/"}}`
	cliIntegrations = `{"Items": [
		{"IntegrationId": "i", "IntegrationType": "AWS_PROXY", "IntegrationUri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:users:live/invocations", "PayloadFormatVersion": "2.0", "RequestParameters": {"overwrite:path": "/x"}},
		{"IntegrationId": "h", "IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://legacy.example/"},
		{"IntegrationId": "q", "IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage"}]}`
)

func optional(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

// What the files show is read, and what they do not show is a gap.
func TestReadRoutes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		routes, authorizers, integrations string
		function                          string
	}{
		"routes":                  {routes: "\xef\xbb\xbf" + cliRoutes},
		"routes-and-a-function":   {routes: cliRoutes, function: "users"},
		"one-authorizer":          {routes: cliRoutes, authorizers: cliAuthorizer},
		"authorizers":             {routes: cliRoutes, authorizers: cliAuthorizers},
		"everything":              {routes: cliRoutes, authorizers: cliAuthorizers, integrations: cliIntegrations},
		"everything-and-a-name":   {routes: cliRoutes, authorizers: cliAuthorizers, integrations: cliIntegrations, function: "123456789012:function:users:3"},
		"as-aws-itself-writes-it": {routes: `{"items": [{"routeKey": "GET /a", "authorizationType": "AWS_IAM", "target": "integrations/i"}]}`, integrations: `{"items": [{"integrationId": "i", "integrationType": "AWS_PROXY", "integrationUri": "arn:aws:lambda:eu-west-1:123456789012:function:${stageVariables.f}"}]}`},
		"an-alias-of-the-stage":   {routes: `{"Items": [{"RouteKey": "GET /a", "Target": "integrations/i"}]}`, integrations: `{"Items": [{"IntegrationId": "i", "IntegrationType": "AWS_PROXY", "IntegrationUri": "arn:aws:lambda:eu-west-1:123456789012:function:users:${stageVariables.alias}"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := dump(drift.ReadRoutes([]byte(test.routes), optional(test.authorizers), optional(test.integrations), drift.ReadOptions{Function: test.function}))
			golden(t, filepath.Join("testdata/awscli", name+".txt"), got)
		})
	}
}

func TestReadRoutesRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ routes, authorizers, integrations, want string }{
		{`{"Items": [], "NextToken": "x"}`, "", "", "one page of several"},
		{`{"Routes": []}`, "", "", `no "Items"`},
		{`{"Items": null}`, "", "", `no "Items"`},
		{`{"Items": [{"RouteId": "r"}]}`, "", "", "item 1 has no RouteKey"},
		{cliAuthorizers, "", "", "is it what get-authorizers prints?"},
		{`{"Items": [{"RouteKey": "GET /a", "AuthorizationType": "OPEN"}]}`, "", "", `unknown authorization type "OPEN"`},
		{`{"Items": [{"RouteKey": 7}]}`, "", "", "Items.RouteKey"},
		{`{"Items": {}}`, "", "", "Items"},
		{`An error occurred (AccessDenied)`, "", "", "not a JSON object"},
		{cliRoutes, cliRoutes, "", "authorizers: item 1 has no AuthorizerId or no AuthorizerType: is it what get-routes prints?"},
		{cliRoutes, `{"Items": [{}]}`, "", "authorizers: item 1 has no AuthorizerId or no AuthorizerType"},
		{cliRoutes, `{"Items": [], "NextToken": "x"}`, "", "authorizers: it is one page of several"},
		{cliRoutes, `{}`, "", `authorizers: no "Items"`},
		{cliRoutes, `{"Items"`, "", "authorizers: the JSON ends too early"},
		{cliRoutes, `{"Items": []}`, "", `route "GET /a" has the authorizer "j", which is not among the authorizers: read both again, at the same time`},
		{cliRoutes, "", cliRoutes, "integrations: item 1 has no IntegrationId or no IntegrationType: is it what get-routes prints?"},
		{cliRoutes, "", `{"Items": [{}]}`, "integrations: item 1 has no IntegrationId or no IntegrationType"},
		{cliRoutes, "", `{"Items": [], "NextToken": "x"}`, "integrations: it is one page of several"},
		{cliRoutes, "", `{"Items": []}`, `route "GET /a" has the integration "i", which is not among the integrations: read both again, at the same time`},
	} {
		_, err := drift.ReadRoutes([]byte(test.routes), optional(test.authorizers), optional(test.integrations), drift.ReadOptions{})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %s %s: error %v, want one line with %q", test.routes, test.authorizers, test.integrations, err, test.want)
		}
	}
	if _, err := drift.ReadRoutes([]byte(cliRoutes), nil, nil, drift.ReadOptions{Function: "a b"}); err == nil || !strings.Contains(err.Error(), `-function "a b" is neither a name nor an ARN`) {
		t.Errorf("a function with a space in its name: error %v", err)
	}
}

// FuzzReadRoutes: every input gives an error or a Deployment.
func FuzzReadRoutes(f *testing.F) {
	f.Add([]byte(cliRoutes), []byte(cliAuthorizers), []byte(cliIntegrations))
	f.Add([]byte(`{"Items": [{"RouteKey": "$default"}]}`), []byte(cliAuthorizer), []byte(`{"Items": []}`))
	f.Fuzz(func(t *testing.T, routes, authorizers, integrations []byte) {
		for _, i := range [][]byte{nil, integrations} {
			for _, a := range [][]byte{nil, authorizers} {
				d, err := drift.ReadRoutes(routes, a, i, drift.ReadOptions{})
				if (err == nil) == (d == nil) {
					t.Fatalf("%v and %v", d, err)
				}
				if d != nil {
					dump(d, nil)
				}
			}
		}
	})
}
