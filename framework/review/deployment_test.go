package review_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

func driftFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/drift", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A first plan, in which no id is known, and the state that it leads to.
func TestReadTerraform(t *testing.T) {
	t.Parallel()
	const this = `module.api.aws_apigatewayv2_route.this["%s"]`
	want := func(authorizer, target string) []review.DeployedRoute {
		route := func(name, key string, access route.Access) review.DeployedRoute {
			d := review.DeployedRoute{Key: key, Access: access, Target: target, Where: fmt.Sprintf(this, name)}
			if access.Auth.String() == "jwt" {
				d.Authorizer = authorizer
			}
			return d
		}
		return []review.DeployedRoute{
			route("delete_user", "DELETE /v1/users/{id}", accessOf("jwt", "users/all")),
			route("get_user", "GET /v1/users/{id}", accessOf("jwt", "users/all", "users/read")),
			route("health_check", "GET /v1/manage/hc", accessOf("public")),
			route("start_job", "POST /v1/jobs", accessOf("iam")),
			route("whoami", "GET /v1/users/whoami", accessOf("jwt")),
		}
	}
	authorizer := review.Authorizer{
		Name: "users-api-jwt", JWT: true, Issuer: "https://issuer.example/", Audience: []string{"users-app", "admin-app"},
		Where: "module.api.aws_apigatewayv2_authorizer.jwt", IdentitySources: []string{"$request.header.Authorization"},
	}
	plan, err := review.ReadPlan(driftFile(t, "plan.json"), review.Within{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&review.Deployment{Routes: want("", "(known after apply)"), Authorizers: []review.Authorizer{authorizer}}, plan); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	state, err := review.ReadState(driftFile(t, "state.json"), review.Within{})
	if err != nil {
		t.Fatal(err)
	}
	authorizer.ID = "au7h0r"
	if diff := cmp.Diff(&review.Deployment{Routes: want("au7h0r", "arn:aws:lambda:eu-west-1:123456789012:function:users-api"), Authorizers: []review.Authorizer{authorizer}}, state); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

func accessOf(auth string, scopes ...string) route.Access {
	kinds := map[string]route.Auth{"public": route.Public, "jwt": route.JWT, "iam": route.IAM}
	return route.Access{Auth: kinds[auth], Scopes: scopes}
}

// A replacement changes a fixture in one place.
type replacement struct{ old, new string }

func replaced(t *testing.T, data []byte, list []replacement) []byte {
	t.Helper()
	text := string(data)
	for _, r := range list {
		if !strings.Contains(text, r.old) {
			t.Fatalf("the fixture has no %q", r.old)
		}
		text = strings.Replace(text, r.old, r.new, 1)
	}
	return []byte(text)
}

// What does not say what the gateway will be is not compared, and the error
// says why.
func TestReadPlanRefuses(t *testing.T) {
	t.Parallel()
	plan, state := driftFile(t, "plan.json"), driftFile(t, "state.json")
	unknown := func(name, value string) []replacement {
		return []replacement{{`"after_unknown": {
     "api_id": true,
     "id": true,
     "request_parameter": [],
     "target": true
    }`, `"after_unknown": {"` + name + `": ` + value + `}`}}
	}
	for _, test := range []struct {
		name   string
		data   []byte
		change []replacement
		within review.Within
		want   string
	}{
		{name: "a state", data: state, want: "it is a state, not a plan"},
		{name: "an empty state", data: []byte(`{"format_version":"1.0"}`), want: "it is a state, not a plan"},
		{name: "failed", data: plan, change: []replacement{{`"errored": false`, `"errored": true`}}, want: "errored"},
		{name: "a part", data: plan, change: []replacement{{`"complete": true`, `"complete": false`}}, want: "not complete"},
		{name: "unknown type", data: plan, change: unknown("authorization_type", "true"), want: `module.api.aws_apigatewayv2_route.this["health_check"]: authorization_type is known only after terraform apply`},
		{name: "unknown key", data: plan, change: unknown("route_key", "true"), want: "route_key is known only after"},
		{name: "an unknown scope", data: plan, change: unknown("authorization_scopes", "[false, true]"), want: "authorization_scopes is known only after"},
		{name: "all scopes unknown", data: plan, change: unknown("authorization_scopes", "true"), want: "authorization_scopes is known only after"},
		{name: "an OpenAPI body", data: plan, change: []replacement{{`"body": null`, `"body": "{}"`}}, want: "module.api.aws_apigatewayv2_api.this takes its routes from an OpenAPI body"},
		{name: "an unknown OpenAPI body", data: plan, change: []replacement{{`"cors_configuration": [],
     "execution_arn": true`, `"body": true,
     "execution_arn": true`}}, want: "OpenAPI body"},
		{name: "another type", data: plan, change: []replacement{{`"authorization_type": "NONE"`, `"authorization_type": "OPEN"`}}, want: `unknown authorization type "OPEN"`},
		{name: "no key", data: plan, change: []replacement{{`"route_key": "GET /v1/manage/hc"`, `"route_key": null`}}, want: "has no route_key"},
		{name: "another module", data: plan, within: review.Within{Module: "module.web"}, want: `no aws_apigatewayv2_route has an address under "module.web"; one is module.api.aws`},
		{name: "a part of a name", data: plan, within: review.Within{Module: "module.ap"}, want: "no aws_apigatewayv2_route has an address under"},
		{name: "another API", data: plan, within: review.Within{API: "x"}, want: `no aws_apigatewayv2_route belongs to API "x"`},
		{name: "another project", data: []byte(`{"format_version":"1.2","planned_values":{"root_module":{}}}`), want: "is it of this project?"},
		{name: "no plan", data: []byte(`{"format_version":"1.2","terraform_version":"1.11.4","x":{}}`), want: `no "planned_values"`},
		{name: "a later format", data: []byte(`{"format_version":"2.0","planned_values":{"root_module":{}}}`), want: `version "2.0"`},
		{name: "no format", data: []byte(`{"planned_values":{"root_module":{}}}`), want: `no "format_version"`},
		{name: "get-routes", data: []byte(`{"Items":[]}`), want: `no "format_version"`},
		{name: "a state file", data: []byte(`{"version":4,"terraform_version":"1.11.4","serial":4,"lineage":"x","resources":[]}`), want: "it is a state file itself"},
		{name: "a saved plan", data: []byte("PK\x03\x04\x14"), want: "it is a saved plan itself"},
		{name: "a log", data: []byte("{\"@level\":\"info\",\"@message\":\"Terraform\"}\n{\"@level\":\"info\"}\n"), want: "it is a log of terraform plan -json"},
		{name: "UTF-16", data: []byte("\xff\xfe{\x00}\x00"), want: "UTF-16"},
		{name: "not UTF-8", data: []byte("{\"a\":\"\xff\"}"), want: "not text in UTF-8"},
		{name: "HTML", data: []byte("<!doctype html><html>"), want: "not a JSON object"},
		{name: "an array", data: []byte("[]"), want: "not a JSON object"},
		{name: "empty", data: []byte(" \n"), want: "it is empty"},
		{name: "cut short", data: plan[:len(plan)/2], want: "not whole"},
		{name: "cut short behind a token", data: []byte(`{"a":1`), want: "not whole"},
		{name: "more behind it", data: []byte(`{"a":1} {"b":2}`), want: "there is more behind"},
		{name: "no JSON", data: []byte(`{"a" 1}`), want: "not JSON"},
		{name: "too deep", data: []byte(`{"a":` + strings.Repeat("[", 5000)), want: "nested too deeply"},
		{name: "a key twice", data: []byte(`{"a":{"b":[{"c":1,"c":2}]}}`), want: `an object has the key "c" twice`},
		{name: "a key twice, escaped", data: []byte(`{"a":1,"\u0061":2}`), want: `an object has the key "a" twice`},
		{name: "another shape", data: []byte(`{"format_version":"1.2","planned_values":[]}`), want: "planned_values"},
		{name: "scopes of another shape", data: plan, change: []replacement{{`"authorization_scopes": null`, `"authorization_scopes": "a"`}}, want: `this["health_check"]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := review.ReadPlan(replaced(t, test.data, test.change), test.within)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, test.want)
			}
		})
	}
	for name, test := range map[string]struct{ data, want string }{
		"a plan":       {string(plan), "it is a plan, not a state"},
		"an empty one": {`{"format_version":"1.0"}`, "nothing has been applied"},
		"another one":  {`{"format_version":"1.0","terraform_version":"1.11.4","values":{"root_module":{}}}`, "is it of this project?"},
		"get-routes":   {`{"Items":[]}`, `no "format_version"`},
	} {
		if _, err := review.ReadState([]byte(test.data), review.Within{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("state, %s: error %v, want %q", name, err, test.want)
		}
	}
}

// terraformJSON makes a state, or with unknown values a plan, of some resources.
func terraformJSON(t *testing.T, plan bool, resources ...string) []byte {
	t.Helper()
	var list, changes []json.RawMessage
	for _, r := range resources {
		// address type values, and what of the values is unknown
		parts := strings.SplitN(r+" {} {}", " ", 4)
		address, values, unknown := parts[0], parts[1], parts[2]
		typ := address
		for _, part := range strings.Split(address, ".") {
			if strings.HasPrefix(part, "aws_") {
				typ = part
			}
		}
		mode := "managed"
		if strings.HasPrefix(address, "data.") {
			mode = "data"
		}
		list = append(list, json.RawMessage(fmt.Sprintf(`{"address":%q,"mode":%q,"type":%q,"values":%s}`, address, mode, typ, values)))
		changes = append(changes, json.RawMessage(fmt.Sprintf(`{"address":%q,"mode":%q,"type":%q,"change":{"after_unknown":%s}}`, address, mode, typ, unknown)))
	}
	values := map[string]any{"root_module": map[string]any{"resources": list}}
	show := map[string]any{"format_version": "1.0", "terraform_version": "1.11.4", "values": values}
	if plan {
		show = map[string]any{"format_version": "1.2", "planned_values": values, "resource_changes": changes}
	}
	data, err := json.Marshal(show)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Of several APIs one must be named, unless only one of them is an HTTP API.
func TestReadTerraformOfSeveralAPIs(t *testing.T) {
	t.Parallel()
	routes := []string{
		`module.a.aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a"}`,
		`module.b.aws_apigatewayv2_route.r {"api_id":"two","route_key":"GET_/b"}`,
		`module.b.aws_apigatewayv2_authorizer.j {"api_id":"two","id":"j2","authorizer_type":"JWT"}`,
		`module.a.aws_apigatewayv2_authorizer.j {"api_id":"one","id":"j1","authorizer_type":"JWT"}`,
	}
	planned := []string{
		`module.a.aws_apigatewayv2_api.x {"protocol_type":"HTTP"} {"id":true}`,
		`module.b.aws_apigatewayv2_api.x {"protocol_type":"HTTP"} {"id":true}`,
		`module.a.aws_apigatewayv2_route.r {"route_key":"GET_/a"} {"api_id":true}`,
		`module.b.aws_apigatewayv2_route.r {"route_key":"GET_/b"} {"api_id":true}`,
		`module.b.aws_apigatewayv2_authorizer.j {"authorizer_type":"JWT"} {"api_id":true,"id":true}`,
	}
	for _, test := range []struct {
		name      string
		plan      bool
		resources []string
		within    review.Within
		want      string // keys, or the error
	}{
		{name: "both", resources: routes, want: "error: it has routes of several APIs, one (module.a.aws_apigatewayv2_route.r); two (module.b.aws_apigatewayv2_route.r): say which with -module or -api-id"},
		{name: "by module", resources: routes, within: review.Within{Module: "module.b"}, want: "GET /b, j2"},
		{
			name: "by module, and a route that another makes", want: "GET /x, GET /b, j2", within: review.Within{Module: "module.b"},
			resources: append([]string{`module.b.aws_apigatewayv2_api.x {"id":"two","protocol_type":"HTTP"}`, `aws_apigatewayv2_route.x {"api_id":"two","route_key":"GET_/x"}`}, routes...),
		},
		{name: "by id", resources: routes, within: review.Within{API: "one"}, want: "GET /a, j1"},
		{name: "both planned", plan: true, resources: planned, want: "error: it has routes of several APIs, one not made yet (module.a.aws_apigatewayv2_api.x, module.b.aws_apigatewayv2_api.x, module.a.aws_apigatewayv2_route.r): say which with -module or -api-id"},
		{name: "planned, by module", plan: true, resources: planned, within: review.Within{Module: "module.b"}, want: "GET /b, "},
		{name: "one planned", plan: true, resources: append([]string{routes[0]}, planned[1], planned[3]), want: "error: it has routes of several APIs, one not made yet (module.b.aws_apigatewayv2_api.x, module.b.aws_apigatewayv2_route.r); one (module.a.aws_apigatewayv2_route.r): say which with -module or -api-id"},
		{
			name: "one of them WebSocket", want: "GET /a, j1",
			resources: append([]string{`aws_apigatewayv2_api.ws {"id":"two","protocol_type":"WEBSOCKET"}`}, routes...),
		},
		{
			name: "all of them WebSocket", want: "error: its only aws_apigatewayv2_route are of WebSocket APIs",
			resources: []string{`aws_apigatewayv2_api.ws {"id":"two","protocol_type":"WEBSOCKET"}`, routes[1]},
		},
		{
			name: "made with quick create", want: "$default",
			resources: []string{`aws_apigatewayv2_api.q {"id":"q","protocol_type":"HTTP","target":"arn:aws:lambda:eu-west-1:1:function:f"}`},
		},
		{
			name: "to be made with quick create", want: "$default", plan: true,
			resources: []string{`aws_apigatewayv2_api.q {"protocol_type":"HTTP"} {"id":true,"target":true}`},
		},
		{
			name: "made with quick create and a key", want: "GET /a, ANY /x",
			resources: []string{`aws_apigatewayv2_api.q {"id":"one","protocol_type":"HTTP","target":"arn:aws:lambda:eu-west-1:1:function:f","route_key":"ANY_/x"}`, routes[0]},
		},
		{name: "not managed", want: "GET /a", resources: []string{routes[0], `data.aws_apigatewayv2_api.x {"id":"one","body":"{}"}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data := terraformJSON(t, test.plan, test.resources...)
			data = []byte(strings.NewReplacer("GET_/", "GET /", "ANY_/", "ANY /").Replace(string(data)))
			read := review.ReadState
			if test.plan {
				read = review.ReadPlan
			}
			d, err := read(data, test.within)
			var got []string
			if err != nil {
				got = append(got, "error: "+err.Error())
			} else {
				for _, r := range d.Routes {
					got = append(got, r.Key)
				}
				for _, a := range d.Authorizers {
					got = append(got, a.ID)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Two integrations that call the same function are one, and it does not matter
// how the call is written.
func TestTerraformIntegrations(t *testing.T) {
	t.Parallel()
	d, err := review.ReadState([]byte(strings.ReplaceAll(string(terraformJSON(t, false,
		`aws_apigatewayv2_route.a {"api_id":"x","route_key":"GET_/hc","target":"integrations/i1"}`,
		`aws_apigatewayv2_route.b {"api_id":"x","route_key":"GET_/b","target":"integrations/i2"}`,
		`aws_apigatewayv2_route.c {"api_id":"x","route_key":"GET_/c","target":"integrations/i3"}`,
		`aws_apigatewayv2_integration.a {"id":"i1","integration_uri":"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:1:function:f/invocations"}`,
		`aws_apigatewayv2_integration.b {"id":"i2","integration_uri":"arn:aws:lambda:eu-west-1:1:function:f"}`,
	)), "GET_/", "GET /")), review.Within{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range d.Routes {
		got = append(got, r.Target)
	}
	const f = "arn:aws:lambda:eu-west-1:1:function:f"
	if diff := cmp.Diff([]string{f, f, "integrations/i3"}, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestReadRoutes(t *testing.T) {
	t.Parallel()
	const routes = `{"Items": [
		{"ApiKeyRequired": false, "AuthorizationType": "JWT", "AuthorizationScopes": ["b", "a"], "AuthorizerId": "j", "RouteId": "r", "RouteKey": "GET /a", "Target": "integrations/i"},
		{"RouteId": "s", "RouteKey": "$default", "AuthorizationType": "CUSTOM", "AuthorizerId": "l"}]}`
	const authorizers = `{"Items": [
		{"AuthorizerId": "j", "AuthorizerType": "JWT", "Name": "main", "IdentitySource": ["$request.header.Authorization"], "JwtConfiguration": {"Audience": ["x"], "Issuer": "https://i/"}},
		{"AuthorizerId": "l", "AuthorizerType": "REQUEST", "Name": "other"}]}`
	want := &review.Deployment{
		Routes: []review.DeployedRoute{
			{Key: "GET /a", Access: accessOf("jwt", "a", "b"), Authorizer: "j", Target: "integrations/i", Where: "r"},
			{Key: "$default", Lambda: true, Authorizer: "l", Where: "s"},
		},
		Authorizers: []review.Authorizer{
			{ID: "j", Name: "main", JWT: true, Issuer: "https://i/", Audience: []string{"x"}, Where: "j", IdentitySources: []string{"$request.header.Authorization"}},
			{ID: "l", Name: "other", Where: "l"},
		},
		Complete: true,
	}
	got, err := review.ReadRoutes([]byte("\xef\xbb\xbf"+routes), []byte(authorizers))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	if got, err := review.ReadRoutes([]byte(`{"items": [{"routeKey": "GET /a", "authorizationType": "AWS_IAM"}]}`), nil); err != nil || len(got.Routes) != 1 || got.Routes[0].Access.Auth != route.IAM {
		t.Errorf("as AWS itself writes it: %+v, %v", got, err)
	}
	one := `{"AuthorizerId": "j", "AuthorizerType": "JWT", "Name": "main", "JwtConfiguration": {"Audience": ["x"], "Issuer": "https://i/"}}`
	if got, err := review.ReadRoutes([]byte(routes), []byte(one)); err != nil || got.Complete || len(got.Authorizers) != 1 {
		t.Errorf("one authorizer: %+v, %v", got, err)
	}

	for _, test := range []struct{ routes, authorizers, want string }{
		{`{"Items": [], "NextToken": "x"}`, "", "one page of several"},
		{`{"Routes": []}`, "", `no "Items"`},
		{`{"Items": null}`, "", `no "Items"`},
		{`{"Items": [{"RouteId": "r"}]}`, "", "item 1 has no RouteKey"},
		{authorizers, "", "is it what get-authorizers prints?"},
		{`{"Items": [{"RouteKey": "GET /a", "AuthorizationType": "OPEN"}]}`, "", `unknown authorization type "OPEN"`},
		{`{"Items": [{"RouteKey": 7}]}`, "", "Items.RouteKey"},
		{`{"Items": {}}`, "", "Items"},
		{`An error occurred (AccessDenied)`, "", "not a JSON object"},
		{routes, routes, "authorizers: item 1 has no AuthorizerId or no AuthorizerType: is it what get-routes prints?"},
		{routes, `{"Items": [], "NextToken": "x"}`, "authorizers: it is one page of several"},
		{routes, `{}`, `authorizers: no "Items"`},
		{routes, `{"Items"`, "authorizers: the JSON ends too early"},
	} {
		var authorizers []byte
		if test.authorizers != "" {
			authorizers = []byte(test.authorizers)
		}
		if _, err := review.ReadRoutes([]byte(test.routes), authorizers); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s: error %v, want %q", test.routes, test.authorizers, err, test.want)
		}
	}
}

// What Terraform itself prints of another project is read, and refused as such.
func TestTerraformOfAnotherProject(t *testing.T) {
	t.Parallel()
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not installed")
	}
	dir := t.TempDir()
	const config = `resource "terraform_data" "a" { input = "x" }
resource "terraform_data" "b" { input = [terraform_data.a.id, "y"] }
`
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(terraform, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("terraform %v: %v\n%s", args, err, stderr.String())
		}
		return out
	}
	run("init", "-input=false")
	run("plan", "-input=false", "-out=saved")
	run("plan", "-input=false", "-target=terraform_data.a", "-out=part")
	for _, test := range []struct {
		what string
		data []byte
		read func([]byte, review.Within) (*review.Deployment, error)
		want string
	}{
		{"show -json", run("show", "-json"), review.ReadState, "nothing has been applied"},
		{"show -json saved", run("show", "-json", "saved"), review.ReadPlan, "is it of this project?"},
		{"show -json part", run("show", "-json", "part"), review.ReadPlan, "not complete"},
		{"show -json saved, as a state", run("show", "-json", "saved"), review.ReadState, "it is a plan, not a state"},
		{"plan -json", run("plan", "-json"), review.ReadPlan, "it is a log"},
		{"apply", run("apply", "-input=false", "saved"), review.ReadState, "not a JSON object"},
		{"show -json, applied", run("show", "-json"), review.ReadState, "is it of this project?"},
		{"show -json, as a plan", run("show", "-json"), review.ReadPlan, "it is a state, not a plan"},
	} {
		if _, err := test.read(test.data, review.Within{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("terraform %s: error %v, want %q", test.what, err, test.want)
		}
	}
	for file, want := range map[string]string{"saved": "it is a saved plan itself", "terraform.tfstate": "it is a state file itself"} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := review.ReadPlan(data, review.Within{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", file, err, want)
		}
	}
}

// No input makes the readers do anything but return an error or a deployment
// that can be compared or refused.
func FuzzReadDeployment(f *testing.F) {
	f.Add(driftFile(f, "plan.json"))
	f.Add(driftFile(f, "state.json"))
	f.Add([]byte(`{"Items": [{"RouteKey": "$default"}]}`))
	f.Add([]byte(`{"a":[{}, {"b":[1,"x",null]}]}`))
	table := driftTable(f, driftManifest)
	f.Fuzz(func(t *testing.T, data []byte) {
		plan, err1 := review.ReadPlan(data, review.Within{})
		state, err2 := review.ReadState(data, review.Within{})
		routes, err3 := review.ReadRoutes(data, data)
		for i, d := range []*review.Deployment{plan, state, routes} {
			if err := []error{err1, err2, err3}[i]; (err == nil) == (d == nil) {
				t.Fatalf("%v and %v", d, err)
			}
			if d != nil {
				_, _ = review.Drifts(table, d)
				_, _ = review.AuthorizerDrifts(d, review.Tokens{Issuer: "x"})
			}
		}
	})
}
