package drift_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/cmd/internal/drift"
)

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

// readFile reads a file of a fixture.
func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/terraform", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The error for a file that does not say what the gateway will be says why.
func TestReadPlanRefuses(t *testing.T) {
	t.Parallel()
	plan, state := readFile(t, "plain/plan.json"), readFile(t, "plain/state.json")
	for _, test := range []struct {
		name   string
		data   []byte
		change []replacement
		opts   drift.ReadOptions
		want   string
	}{
		{name: "a state", data: state, want: "it is a state, not a plan"},
		{name: "an empty state", data: []byte(`{"format_version":"1.0"}`), want: "it is a state, not a plan"},
		{name: "failed", data: plan, change: []replacement{{`"errored": false`, `"errored": true`}}, want: "errored"},
		{name: "a part", data: plan, change: []replacement{{`"complete": true`, `"complete": false`}}, want: "not complete"},
		{name: "a part, whatever the user says", data: plan, change: []replacement{{`"complete": true`, `"complete": false`}}, opts: drift.ReadOptions{AssumeComplete: true}, want: "not complete"},
		{name: "an OpenAPI body", data: plan, change: []replacement{{`"body": null`, `"body": "{}"`}}, want: "aws_apigatewayv2_api.this takes its routes from an OpenAPI body"},
		{name: "an unknown OpenAPI body", data: plan, change: []replacement{{`"arn": true,
     "cors_configuration"`, `"body": true, "arn": true,
     "cors_configuration"`}}, want: "OpenAPI body"},
		{name: "another type", data: plan, change: []replacement{{`"authorization_type": "NONE"`, `"authorization_type": "OPEN"`}}, want: `unknown authorization type "OPEN"`},
		{name: "no key", data: plan, change: []replacement{{`"route_key": "GET /health"`, `"route_key": null`}}, want: "has no route_key"},
		{name: "another module", data: plan, opts: drift.ReadOptions{Module: "module.web"}, want: `no aws_apigatewayv2_route has an address under "module.web"; one is aws_apigatewayv2_route.this`},
		{name: "a part of a name", data: plan, opts: drift.ReadOptions{Module: "aws_apigatewayv2_ap"}, want: "no aws_apigatewayv2_route has an address under"},
		{name: "another API", data: plan, opts: drift.ReadOptions{API: "x"}, want: `no aws_apigatewayv2_route belongs to API "x"; one belongs to "one that is not made yet"`},
		{name: "another project", data: []byte(`{"format_version":"1.2","planned_values":{"root_module":{}}}`), want: "is it of this project?"},
		{name: "another function", data: plan, opts: drift.ReadOptions{Function: "module.x.aws_lambda_function.y"}, want: `-function "module.x.aws_lambda_function.y" is not a name`},
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
		{name: "scopes of another shape", data: plan, change: []replacement{{`"authorization_scopes": null`, `"authorization_scopes": "a"`}}, want: `this["health"]: authorization_scopes`},
		{name: "no values", data: []byte(`{"format_version":"1.2","planned_values":{"root_module":{"resources":[{"address":"aws_apigatewayv2_route.x","mode":"managed","type":"aws_apigatewayv2_route","name":"x"}]}}}`), want: "aws_apigatewayv2_route.x: values"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := drift.ReadPlan(replaced(t, test.data, test.change), test.opts)
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
		if _, err := drift.ReadState([]byte(test.data), drift.ReadOptions{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("state, %s: error %v, want %q", name, err, test.want)
		}
	}
}

// terraformJSON makes a state, or a plan, of resources that are written as an address
// and its values, and for a plan what of the values is unknown. "_" in a string stands
// for a space behind a method.
func terraformJSON(t testing.TB, plan bool, resources ...string) []byte {
	t.Helper()
	methods := strings.NewReplacer("GET_/", "GET /", "ANY_/", "ANY /")
	var list, changes []json.RawMessage
	for _, r := range resources {
		parts := strings.SplitN(r+" {} {}", " ", 4)
		address, values, unknown := parts[0], methods.Replace(parts[1]), parts[2]
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
		show = map[string]any{"format_version": "1.2", "complete": true, "planned_values": values, "resource_changes": changes}
	}
	data, err := json.Marshal(show)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Of several HTTP APIs one must be named.
func TestReadTerraformOfSeveralAPIs(t *testing.T) {
	t.Parallel()
	routes := []string{
		`module.a.aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a"}`,
		`module.b.aws_apigatewayv2_route.r {"api_id":"two","route_key":"GET_/b"}`,
	}
	planned := []string{
		`module.a.aws_apigatewayv2_api.x {"protocol_type":"HTTP"} {"id":true}`,
		`module.b.aws_apigatewayv2_api.x {"protocol_type":"HTTP"} {"id":true}`,
		`module.a.aws_apigatewayv2_route.r {"route_key":"GET_/a"} {"api_id":true}`,
		`module.b.aws_apigatewayv2_route.r {"route_key":"GET_/b"} {"api_id":true}`,
	}
	for _, test := range []struct {
		name      string
		plan      bool
		resources []string
		opts      drift.ReadOptions
		want      string // keys, or the error
	}{
		{name: "both", resources: routes, want: "error: it has routes of several APIs, one (module.a.aws_apigatewayv2_route.r); two (module.b.aws_apigatewayv2_route.r): say which with -module or -api-id"},
		{name: "by module", resources: routes, opts: drift.ReadOptions{Module: "module.b"}, want: "GET /b"},
		{name: "by module with a dot", resources: routes, opts: drift.ReadOptions{Module: "module.b."}, want: "GET /b"},
		{
			name: "by module, and a route that another makes", want: "GET /x, GET /b", opts: drift.ReadOptions{Module: "module.b"},
			resources: append([]string{`module.b.aws_apigatewayv2_api.x {"id":"two","protocol_type":"HTTP"}`, `aws_apigatewayv2_route.x {"api_id":"two","route_key":"GET_/x"}`}, routes...),
		},
		{name: "by id", resources: routes, opts: drift.ReadOptions{API: "one"}, want: "GET /a"},
		{name: "both planned", plan: true, resources: planned, want: "error: it has routes of several APIs, module.a.aws_apigatewayv2_api.x; module.b.aws_apigatewayv2_api.x, and does not say which routes belong to which: say which with -module"},
		{name: "planned, by module", plan: true, resources: planned, opts: drift.ReadOptions{Module: "module.b"}, want: "GET /b"},
		{name: "one planned", plan: true, resources: append([]string{routes[0]}, planned[1], planned[3]), want: "error: it has routes of several APIs, module.b.aws_apigatewayv2_api.x (module.b.aws_apigatewayv2_route.r); one (module.a.aws_apigatewayv2_route.r): say which with -module or -api-id"},
		{
			name: "one of them WebSocket", want: "GET /a",
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
			read := drift.ReadState
			if test.plan {
				read = drift.ReadPlan
			}
			d, err := read(terraformJSON(t, test.plan, test.resources...), test.opts)
			var got []string
			if err != nil {
				got = append(got, "error: "+err.Error())
			} else {
				for _, r := range d.Routes {
					key, _ := r.Key.Get()
					got = append(got, key)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Values that a plan does not know stay unknown, and do not become a default. Without a
// configuration section nothing is found by references, except what can be one thing
// only.
func TestPlanKeepsUnknown(t *testing.T) {
	t.Parallel()
	const (
		api   = `aws_apigatewayv2_api.x {"id":"one","protocol_type":"HTTP"}`
		stage = `aws_apigatewayv2_stage.x {"api_id":"one","name":"$default","auto_deploy":true}`
		fn    = `aws_apigatewayv2_integration.fn {"id":"i1","api_id":"one","integration_type":"AWS_PROXY","integration_uri":"arn:aws:lambda:eu-west-1:1:function:f"}`
	)
	for name, test := range map[string]struct {
		resources []string
		want      []string // that the dump has
	}{
		"an authorization type": {
			[]string{`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"} {"authorization_type":true}`},
			[]string{"authorization ?, scopes null", "? is authorization_type of aws_apigatewayv2_route.r, which is known only after terraform apply: compare again after terraform apply, with -state"},
		},
		"a key": {
			[]string{`aws_apigatewayv2_route.r {"api_id":"one","target":"integrations/i1"} {"route_key":true}`},
			[]string{"key ?, authorization \"NONE\""},
		},
		"a scope of two": {
			[]string{`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1","authorization_scopes":["a",null]} {"authorization_scopes":[false,true]}`},
			[]string{"scopes ?"},
		},
		"a target, if it can be one integration only": {
			[]string{`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a"} {"target":true}`},
			[]string{`integration aws_apigatewayv2_integration.fn`, "assumed an id that is known only after terraform apply is that of a resource in the plan"},
		},
		"a target, if it can be two": {
			[]string{`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a"} {"target":true}`, `aws_apigatewayv2_integration.x {"id":"i2","api_id":"one","integration_type":"HTTP_PROXY"}`},
			[]string{"integration ?", "which integration aws_apigatewayv2_route.r uses: its target is known only after terraform apply, comes through an expression that the plan does not have, and can be that of aws_apigatewayv2_integration.fn, aws_apigatewayv2_integration.x"},
		},
		"a target that is not in the plan": {
			[]string{`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/other"}`},
			[]string{"integration ?", `the integration "other" of its target is not in the plan`},
		},
		"an authorizer that is not in the plan": {
			[]string{`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","authorizer_id":"j","authorization_type":"JWT"}`},
			[]string{"authorizer ?", `the authorizer "j" of aws_apigatewayv2_route.r, which is not in the plan`},
		},
		"an issuer and no audience": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","authorizer_id":"j","authorization_type":"JWT"}`,
				`aws_apigatewayv2_authorizer.j {"id":"j","api_id":"one","authorizer_type":"JWT","jwt_configuration":[{"issuer":"https://i/","audience":["a",null]}]} {"identity_sources":[true],"jwt_configuration":[{"audience":[false,true]}]}`,
			},
			[]string{`identity sources ?, issuer "https://i/", audience ?`},
		},
		"an authorizer as a whole": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","authorizer_id":"j","authorization_type":"JWT"}`,
				`aws_apigatewayv2_authorizer.j {"id":"j","api_id":"one"} {"authorizer_type":true,"jwt_configuration":true}`,
			},
			[]string{`type ?, identity sources null, issuer ?, audience ?`},
		},
		"the parameters of an integration": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i3"}`,
				`aws_apigatewayv2_integration.m {"id":"i3","api_id":"one","integration_uri":"arn:aws:lambda:eu-west-1:1:function:f"} {"integration_type":true,"request_parameters":true,"payload_format_version":true}`,
			},
			[]string{`type ?, calls ?, payload ?, mappings ?`, "function ?"},
		},
		"whether a stage deploys by itself": {
			[]string{`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"}`, `aws_apigatewayv2_stage.y {"api_id":"one","name":"y"} {"auto_deploy":true}`},
			[]string{"stage y (aws_apigatewayv2_stage.y): auto-deploy ?"},
		},
		"the API of a route": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"}`,
				`aws_apigatewayv2_api.y {"id":"two","protocol_type":"HTTP"}`,
				`aws_apigatewayv2_route.everything {"route_key":"ANY_/{proxy+}","target":"integrations/i1"} {"api_id":true}`,
			},
			[]string{"gap which API aws_apigatewayv2_route.everything belongs to: its api_id is known only after terraform apply, comes through an expression that the plan does not have, and can be that of aws_apigatewayv2_api.x, aws_apigatewayv2_api.y"},
		},
		"the function of a permission": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"}`,
				`aws_lambda_permission.p {"action":"lambda:InvokeFunction","principal":"*"} {"function_name":true}`,
			},
			[]string{"gap which function aws_lambda_permission.p uses: its function_name is known only after terraform apply"},
		},
		"the principal of a permission": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"}`,
				`aws_lambda_permission.p {"action":"lambda:InvokeFunction","function_name":"f"} {"principal":true}`,
			},
			[]string{"door resource policy statement aws_lambda_permission.p: ?", "? is principal of aws_lambda_permission.p"},
		},
		"the authorization of a Function URL": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"}`,
				`aws_lambda_function_url.u {"function_name":"f"} {"authorization_type":true}`,
			},
			[]string{"door function URL aws_lambda_function_url.u: ?"},
		},
		"no stage": {
			[]string{"-" + stage, `aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"}`},
			[]string{"gap the stages of the API: the plan has none"},
		},
		"a function by its name": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"}`,
				`aws_lambda_function_url.u {"function_name":"f:live","authorization_type":"AWS_IAM"}`,
				`aws_lambda_function_url.v {"function_name":"1:function:f","authorization_type":"AWS_IAM"}`,
				`aws_lambda_function_url.w {"function_name":"g","authorization_type":"AWS_IAM"}`,
			},
			[]string{`function "arn:aws:lambda:eu-west-1:1:function:f"`, "door function URL aws_lambda_function_url.u: IAM callers", "door function URL aws_lambda_function_url.v: IAM callers", "-function_url.w"},
		},
		"a function that is to be made with the name of an ARN": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"}`,
				`aws_lambda_function.f {"function_name":"f"} {"arn":true}`,
			},
			[]string{"function ?", "its integration_uri can be that of aws_lambda_function.f"},
		},
		"two functions": {
			[]string{
				`aws_apigatewayv2_route.r {"api_id":"one","route_key":"GET_/a","target":"integrations/i1"}`,
				`aws_apigatewayv2_route.s {"api_id":"one","route_key":"GET_/s","target":"integrations/i2"}`,
				`aws_apigatewayv2_integration.g {"id":"i2","api_id":"one","integration_type":"AWS_PROXY","integration_uri":"arn:aws:lambda:eu-west-1:2:function:f"}`,
			},
			[]string{"function ?", "the API calls 2 functions, arn:aws:lambda:eu-west-1:1:function:f (aws_apigatewayv2_route.r), arn:aws:lambda:eu-west-1:2:function:f (aws_apigatewayv2_route.s): say which with -function"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resources := []string{api, fn}
			if test.resources[0] == "-"+stage {
				test.resources = test.resources[1:]
			} else {
				resources = append(resources, stage)
			}
			got := dump(drift.ReadPlan(terraformJSON(t, true, append(resources, test.resources...)...), drift.ReadOptions{}))
			for _, want := range test.want {
				absent, isAbsent := strings.CutPrefix(want, "-")
				if strings.Contains(got, absent) == isAbsent {
					t.Errorf("want %q in\n%s", want, got)
				}
			}
		})
	}
}

// -function names the function in every way in which people write it.
func TestReadFunctionOption(t *testing.T) {
	t.Parallel()
	const address = `"aws_lambda_function.this"`
	for name, want := range map[string]string{
		"users": address, "users:live": address, "123456789012:function:users": address,
		"arn:aws:lambda:eu-west-1:123456789012:function:users": address, "arn:aws:lambda:eu-west-1:123456789012:function:users:3": address,
		"aws_lambda_function.this": address,
		"orders":                   `"orders"`, "arn:aws:lambda:eu-west-1:999999999999:function:orders": `"arn:aws:lambda:eu-west-1:999999999999:function:orders"`,
	} {
		for file, read := range map[string]func([]byte, drift.ReadOptions) (*drift.Deployment, error){"plan": drift.ReadPlan, "state": drift.ReadState} {
			got := dump(read(readFile(t, "plain/"+file+".json"), drift.ReadOptions{Function: name}))
			if first, _, _ := strings.Cut(got, "\n"); first != "function "+want {
				t.Errorf("-function %s of a %s: %s, want %s", name, file, first, want)
			}
		}
	}
	if _, err := drift.ReadPlan(readFile(t, "plain/plan.json"), drift.ReadOptions{Function: "a b"}); err == nil {
		t.Error("a function with a space in its name")
	}
}

// A plan that does not say whether it is complete is taken for complete only if the user
// says so.
func TestAssumeComplete(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures {
		if f.name != "opentofu" {
			continue
		}
		f.opts.AssumeComplete = true
		got := dump(f.read("plan", readFile(t, "opentofu/plan.json")))
		if strings.Contains(got, "gap ") || !strings.Contains(got, "assumed the plan is complete, as -assume-complete says\n") {
			t.Error(got)
		}
	}
}

// What Terraform itself prints of another project is read, and refused as such.
func TestTerraformOfAnotherProject(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not installed")
	}
	tf := &terraform{t: t, program: program, dir: t.TempDir(), env: append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+os.DevNull)}
	const config = `resource "terraform_data" "a" { input = "x" }
resource "terraform_data" "b" { input = [terraform_data.a.id, "y"] }
`
	if err := os.WriteFile(filepath.Join(tf.dir, "main.tf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	tf.run("init", "-input=false")
	tf.run("plan", "-input=false", "-out=saved")
	tf.run("plan", "-input=false", "-target=terraform_data.a", "-out=part")
	part := "not complete"
	if !strings.Contains(string(tf.run("show", "-json", "part")), `"complete"`) { // before 1.8
		part = "is it of this project?"
	}
	for _, test := range []struct {
		what string
		data []byte
		read func([]byte, drift.ReadOptions) (*drift.Deployment, error)
		want string
	}{
		{"show -json", tf.run("show", "-json"), drift.ReadState, "nothing has been applied"},
		{"show -json saved", tf.run("show", "-json", "saved"), drift.ReadPlan, "is it of this project?"},
		{"show -json part", tf.run("show", "-json", "part"), drift.ReadPlan, part},
		{"show -json saved, as a state", tf.run("show", "-json", "saved"), drift.ReadState, "it is a plan, not a state"},
		{"plan -json", tf.run("plan", "-json"), drift.ReadPlan, "it is a log"},
		{"apply", tf.run("apply", "-input=false", "saved"), drift.ReadState, "not a JSON object"},
		{"show -json, applied", tf.run("show", "-json"), drift.ReadState, "is it of this project?"},
		{"show -json, as a plan", tf.run("show", "-json"), drift.ReadPlan, "it is a state, not a plan"},
	} {
		if _, err := test.read(test.data, drift.ReadOptions{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("terraform %s: error %v, want %q", test.what, err, test.want)
		}
	}
	for file, want := range map[string]string{"saved": "it is a saved plan itself", "terraform.tfstate": "it is a state file itself"} {
		data, err := os.ReadFile(filepath.Join(tf.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := drift.ReadPlan(data, drift.ReadOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", file, err, want)
		}
	}
}

// FuzzReadTerraform: every input gives an error or a Deployment, and ends.
func FuzzReadTerraform(f *testing.F) {
	for _, fixture := range fixtures {
		for _, file := range fixture.files {
			f.Add(readFile(f, fixture.name+"/"+file+".json"))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, opts := range []drift.ReadOptions{{}, {Module: "module.api", Function: "users"}} {
			plan, err1 := drift.ReadPlan(data, opts)
			state, err2 := drift.ReadState(data, opts)
			if (err1 == nil) == (plan == nil) || (err2 == nil) == (state == nil) {
				t.Fatalf("%v and %v, %v and %v", plan, err1, state, err2)
			}
			if plan != nil {
				dump(plan, nil)
			}
			if state != nil {
				dump(state, nil)
			}
		}
	})
}
