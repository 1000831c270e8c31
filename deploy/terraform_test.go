package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/handlers"
)

// The routes of the tests: each way to be authorized. What serves them is one of
// the handlers that there are.
var routes = withHandler(`
version: 1
routes:
  - {path: /public, method: GET, handler: HANDLER, name: public, public: true}
  - {path: /token, method: GET, handler: HANDLER, name: token, groups: [ADMINS]}
  - {path: "/users/{id}", method: DELETE, handler: HANDLER, name: scopes, summary: Delete a user, scopes: [users/write, users/admin]}
  - {path: "/machine/{path+}", method: ANY, handler: HANDLER, name: machine, auth: iam}
`)

func withHandler(manifest string) string {
	return strings.ReplaceAll(manifest, "HANDLER", slices.Sorted(maps.Keys(handlers.All()))[0])
}

// Terraform itself, with a provider that takes what the real one takes, plans and
// applies the root module. What AWS would say to it is not tested.
func TestRootModule(t *testing.T) {
	t.Parallel()
	m := newModule(t, routes)
	m.must("validate")
	state := m.apply(tokens)

	want := map[string]map[string]any{
		"public":  {"route_key": "GET /public", "operation_name": "public", "authorization_type": "NONE", "authorizer_id": nil, "authorization_scopes": nil},
		"token":   {"route_key": "GET /token", "operation_name": "token", "authorization_type": "JWT", "authorizer_id": "aws_apigatewayv2_authorizer/id", "authorization_scopes": []any{}},
		"scopes":  {"route_key": "DELETE /users/{id}", "operation_name": "Delete a user", "authorization_type": "JWT", "authorizer_id": "aws_apigatewayv2_authorizer/id", "authorization_scopes": []any{"users/admin", "users/write"}},
		"machine": {"route_key": "ANY /machine/{path+}", "operation_name": "machine", "authorization_type": "AWS_IAM", "authorizer_id": nil, "authorization_scopes": nil},
	}
	for name, attributes := range want {
		attributes["target"] = "integrations/aws_apigatewayv2_integration/id"
		attributes["api_id"] = "aws_apigatewayv2_api/id"
		state.has(t, `aws_apigatewayv2_route.this["`+name+`"]`, attributes)
	}
	if n := len(state.of("aws_apigatewayv2_route")); n != len(want) {
		t.Errorf("%d routes, want %d", n, len(want))
	}

	state.has(t, "aws_apigatewayv2_api.this", map[string]any{"protocol_type": "HTTP", "cors_configuration": []any{}})
	state.has(t, "aws_apigatewayv2_authorizer.jwt[0]", map[string]any{
		"authorizer_type": "JWT", "identity_sources": []any{"$request.header.Authorization"},
		"jwt_configuration": []any{map[string]any{"issuer": "https://issuer.example.com/", "audience": []any{"api", "web"}}},
	})
	state.has(t, "aws_apigatewayv2_integration.this", map[string]any{
		"integration_type": "AWS_PROXY", "integration_method": "POST", "integration_uri": "aws_lambda_function/invoke_arn",
		"payload_format_version": "2.0", "timeout_milliseconds": 30000.0,
	})
	state.has(t, "aws_apigatewayv2_stage.this", map[string]any{"name": "$default", "auto_deploy": true})
	state.has(t, "aws_lambda_permission.api", map[string]any{
		"action": "lambda:InvokeFunction", "principal": "apigateway.amazonaws.com", "function_name": "routegate",
		"source_arn": "aws_apigatewayv2_api/execution_arn/*/*",
	})
	state.has(t, "aws_lambda_function.this", map[string]any{
		"function_name": "routegate", "runtime": "provided.al2023", "handler": "bootstrap", "architectures": []any{"arm64"},
		"timeout": 29.0, "role": "aws_iam_role/arn",
		// The SHA-256 of "a zip", as package prints it.
		"source_code_hash": "mkRVdGXvxkS3EX6T6vE8M82Vb19PEsohvVGulOqXFpo=",
		"environment": []any{map[string]any{"variables": map[string]any{
			"AWS_API_GW_STAGE_NAME": "$default", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME": "groups",
		}}},
	})
	state.has(t, "aws_cloudwatch_log_group.function", map[string]any{"name": "/aws/lambda/routegate", "retention_in_days": 30.0})

	m.checkPlan(routes)

	// Nothing is left to do.
	if out, code := m.run(append([]string{"plan", "-input=false", "-no-color", "-detailed-exitcode"}, vars(tokens)...)...); code != 0 {
		t.Errorf("a second plan wants changes: exit code %d\n%s", code, out)
	}
}

var tokens = map[string]string{"jwt_issuer": "https://issuer.example.com/", "jwt_audiences": `["web", "api"]`}

// Each variable gets where it should.
func TestVariables(t *testing.T) {
	t.Parallel()
	m := newModule(t, routes)
	state := m.apply(map[string]string{
		"jwt_issuer": "https://issuer.example.com", "jwt_audiences": `["api"]`, "jwt_groups_claim": `["realm_access","roles"]`,
		"name": "orders", "stage": "mvp", "architecture": "x86_64", "memory_size": "512", "timeout": "5", "log_retention_days": "0",
		"environment": `{TABLE = "orders"}`, "metrics_namespace": "shop/orders", "throttling_rate": "0.5", "throttling_burst": "1", "region": "eu-west-1", "tags": `{team = "shop"}`,
		"cors": `{allow_origins = ["https://shop.example.com", "http://localhost:3000"], allow_credentials = true, allow_headers = ["authorization"]}`,
	})
	state.has(t, "aws_lambda_function.this", map[string]any{
		"function_name": "orders", "architectures": []any{"x86_64"}, "memory_size": 512.0, "timeout": 5.0,
		"environment": []any{map[string]any{"variables": map[string]any{
			"AWS_API_GW_STAGE_NAME": "mvp", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME": `["realm_access","roles"]`, "TABLE": "orders", "ROUTEGATE_METRICS_NAMESPACE": "shop/orders",
		}}},
	})
	state.has(t, "aws_iam_role.function", map[string]any{"name_prefix": "orders-"})
	state.has(t, "aws_cloudwatch_log_group.access", map[string]any{"name": "/aws/vendedlogs/apis/orders", "retention_in_days": 0.0})
	state.has(t, "aws_apigatewayv2_stage.this", map[string]any{
		"name": "mvp",
		"default_route_settings": []any{map[string]any{
			"throttling_rate_limit": 0.5, "throttling_burst_limit": 1.0, "detailed_metrics_enabled": true, "data_trace_enabled": nil, "logging_level": nil,
		}},
	})
	state.has(t, "aws_apigatewayv2_api.this", map[string]any{
		"name": "orders",
		"cors_configuration": []any{map[string]any{
			"allow_origins": []any{"http://localhost:3000", "https://shop.example.com"}, "allow_credentials": true, "allow_headers": []any{"authorization"},
			"allow_methods": []any{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"}, "expose_headers": []any{}, "max_age": 3600.0,
		}},
	})

	// One line of JSON, with what tells why a request was refused, and no token.
	settings := state["aws_apigatewayv2_stage.this"].Values["access_log_settings"].([]any)[0].(map[string]any)
	var format map[string]string
	if err := json.Unmarshal([]byte(settings["format"].(string)), &format); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"requestId", "routeKey", "status", "authorizer.error", "integration.error"} {
		if !slices.Contains(slices.Collect(maps.Values(format)), "$context."+want) {
			t.Errorf("the access log lacks $context.%s: %v", want, format)
		}
	}
	for key, value := range format {
		// AWS knows no others beginning like these that hold what a caller sent.
		if !strings.HasPrefix(value, "$context.") || strings.Contains(value, "claims") || strings.Contains(value, "userAgent") {
			t.Errorf("the access log has %s: %s", key, value)
		}
	}
}

// Where no route asks for a token there is no authorizer, and no issuer to name.
func TestWithoutTokens(t *testing.T) {
	t.Parallel()
	manifest := withHandler("version: 1\nroutes:\n  - {path: /, method: GET, handler: HANDLER, name: home, public: true}\n")
	m := newModule(t, manifest)
	state := m.apply(nil)
	m.checkPlan(manifest)
	if n := len(state.of("aws_apigatewayv2_authorizer")); n != 0 {
		t.Errorf("%d authorizers", n)
	}
	state.has(t, `aws_apigatewayv2_route.this["home"]`, map[string]any{"authorization_type": "NONE", "authorizer_id": nil})
}

// Terraform says all that is wrong with variables at once.
func TestRefusesVariables(t *testing.T) {
	t.Parallel()
	tests := []struct {
		vars map[string]string
		want []string
	}{
		{map[string]string{
			"name": "an api", "architecture": "amd64", "memory_size": "100", "timeout": "30", "log_retention_days": "2",
			"stage": "a/b", "jwt_issuer": "http://issuer.example.com", "jwt_audiences": `[" "]`, "jwt_groups_claim": "",
			"package_hash": "0123", "throttling_rate": "0", "throttling_burst": "0", "environment": `{AWS_API_GW_STAGE_NAME = "x"}`, "metrics_namespace": "AWS/Lambda",
			"cors": `{allow_origins = ["*"], allow_credentials = true, max_age = 86401}`,
		}, []string{
			"The name must have 1 to 37 letters", "must be arm64 or x86_64", "from 128 to 10240", "API Gateway waits for 30 seconds", "CloudWatch Logs keeps logs",
			"The stage must be", "must be a URL that starts with https://", "none may be empty", "The groups claim must be",
			"The hash must be the base64 of a SHA-256", "The rate must be more than 0", "The burst must be", "AWS_*, JWT_* and ROUTEGATE_* are set by", "The namespace must have",
			"Credentials cannot be allowed to the origin *", "The maximum age must be",
		}},
		{map[string]string{
			"timeout": "0", "jwt_groups_claim": `["realm_access", 1]`, "environment": `{"a-b" = "x"}`, "throttling_burst": "1.5",
			"cors": `{allow_origins = ["https://*.example.com"]}`, "jwt_issuer": "",
		}, []string{
			"must be a whole number from 1 to 29", "The groups claim must be", "must have letters, digits and _", "The burst must be",
			"no wildcards for subdomains", "must be a URL that starts with",
		}},
		{map[string]string{"jwt_groups_claim": `[]`, "cors": `{allow_origins = ["https://example.com/"]}`}, []string{
			"The groups claim must be", "An origin must be",
		}},
		{map[string]string{"cors": `{allow_origin = ["*"]}`}, []string{`attribute "allow_origins" is required`}},
		{nil, []string{"A route asks for a token: say in jwt_issuer"}},
		{map[string]string{"jwt_issuer": "https://issuer.example.com"}, []string{"A route asks for a token: say in jwt_issuer"}},
		{map[string]string{"package": "missing.zip", "jwt_issuer": "https://x", "jwt_audiences": `["x"]`}, []string{"There is no missing.zip; run: go run ./cmd/package"}},
	}
	m := newModule(t, routes)
	for _, test := range tests {
		m.refuses(test.vars, test.want...)
	}
}

// A map that somebody wrote by hand, with the slips that make a route public
// elsewhere.
func TestRefusesRoutes(t *testing.T) {
	t.Parallel()
	const good = `route_key = "GET /", operation_name = "x", api_key_required = false`
	for entry, want := range map[string]string{
		good + `, authorisation_type = "JWT", authorization_scopes = []`:                               `does not have an attribute named "authorization_type"`,
		good + `, authorization_scopes = []`:                                                           `does not have an attribute named "authorization_type"`,
		good + `, authorization_type = "jwt", authorization_scopes = []`:                               "Route a: authorization_type must be one of NONE, JWT, AWS_IAM",
		good + `, authorization_type = "IAM", authorization_scopes = []`:                               "Route a: authorization_type must be one of NONE, JWT, AWS_IAM",
		good + `, authorization_type = null, authorization_scopes = []`:                                "Route a: authorization_type must be one of",
		good + `, authorization_type = "NONE", authorization_scopes = ["users/read"]`:                  "Route a has scopes, which API Gateway checks with JWT only",
		good + `, authorization_type = "NONE", authorization_scopes = [], authorization_scope = ["x"]`: "Route a has what nothing here reads: authorization_scope.",
	} {
		m := newModule(t, routes)
		m.write("routes_definitions.tf", "locals {\n  routes_definitions = {\n    \"a\" = { "+entry+" }\n  }\n}\n")
		m.refuses(tokens, want)
	}
}

// The examples are root modules once their gateway is in the place of ours.
func TestExamples(t *testing.T) {
	t.Parallel()
	type entry = map[string]any
	want := []entry{
		{"route_key": "ANY /machine/{path+}", "operation_name": "machine", "authorization_type": "AWS_IAM", "authorizer_id": nil, "authorization_scopes": []any{}},
		{"route_key": "DELETE /users/{id}", "operation_name": "Delete a user", "authorization_type": "JWT", "authorizer_id": "aws_apigatewayv2_authorizer/id", "authorization_scopes": []any{"users/admin", "users/write"}},
		{"route_key": "GET /public", "operation_name": "public", "authorization_type": "NONE", "authorizer_id": nil, "authorization_scopes": []any{}},
		{"route_key": "GET /token", "operation_name": "token", "authorization_type": "JWT", "authorizer_id": "aws_apigatewayv2_authorizer/id", "authorization_scopes": []any{}},
	}
	for module, uri := range map[gen.Module]string{gen.Obytes: "aws_lambda_alias/invoke_arn", gen.TerraformAWSModules: "aws_lambda_function/invoke_arn"} {
		t.Run(string(module), func(t *testing.T) {
			t.Parallel()
			m := newModule(t, routes)
			m.example(module)
			m.generate(module, routes)
			m.must("validate")
			state := m.apply(tokens)
			var got []entry
			for _, r := range state.of("aws_apigatewayv2_route") {
				entry := make(entry)
				for name := range want[0] {
					entry[name] = r.Values[name]
				}
				if entry["authorization_scopes"] == nil {
					entry["authorization_scopes"] = []any{}
				}
				got = append(got, entry)
			}
			slices.SortFunc(got, func(a, b entry) int { return strings.Compare(a["route_key"].(string), b["route_key"].(string)) })
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("routes (-want +got):\n%s", d)
			}
			for _, r := range state.of("aws_apigatewayv2_integration") {
				if r.Values["integration_uri"] != uri || r.Values["payload_format_version"] != "2.0" {
					t.Errorf("the integration is %v, want one of %s", r.Values, uri)
				}
			}
			for _, r := range state.of("aws_apigatewayv2_authorizer") {
				want := []any{map[string]any{"issuer": "https://issuer.example.com/", "audience": []any{"api", "web"}}}
				if d := cmp.Diff(want, r.Values["jwt_configuration"]); d != "" {
					t.Errorf("the authorizer (-want +got):\n%s", d)
				}
			}
		})
	}
}

// example puts the gateway of an example in the place of the root module's. The
// module that it calls is the one in testdata.
func (m *module) example(module gen.Module) {
	m.t.Helper()
	gateway, err := os.ReadFile(filepath.Join("examples", string(module), "gateway.tf"))
	if err != nil {
		m.t.Fatal(err)
	}
	source := regexp.MustCompile(`(?m)^  source +=.*\n(  version +=.*\n)?`)
	if n := len(source.FindAll(gateway, -1)); n != 1 {
		m.t.Fatalf("the example has %d modules", n)
	}
	m.write("gateway.tf", string(source.ReplaceAll(gateway, []byte("  source = \"./module\"\n"))))
	if err := os.CopyFS(filepath.Join(m.dir, "module"), os.DirFS(filepath.Join("testdata/modules", string(module)))); err != nil {
		m.t.Fatal(err)
	}
	remove := "routes_definitions.tf"
	if module == gen.Obytes {
		remove = "access_log.tf"
	}
	if err := os.Remove(filepath.Join(m.dir, remove)); err != nil {
		m.t.Fatal(err)
	}
	m.must("get")
}

func TestFormatted(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(terraform(t), "fmt", "-check", "-diff", "-recursive", ".")
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("not formatted; run: terraform fmt -recursive deploy\n%s", out)
	}
}

// Every file can be read without Terraform too, and every variable is typed and
// described.
func TestParses(t *testing.T) {
	t.Parallel()
	var names []string
	for _, pattern := range []string{"terraform/*.tf", "examples/*/*.tf", "testdata/modules/*/*.tf"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(found))
		}
		names = append(names, found...)
	}
	variables := 0
	for _, name := range names {
		file, diags := hclparse.NewParser().ParseHCLFile(name)
		if diags.HasErrors() {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		if strings.HasPrefix(name, "testdata") {
			continue
		}
		for _, b := range file.Body.(*hclsyntax.Body).Blocks {
			if b.Type != "variable" && b.Type != "output" {
				continue
			}
			wanted := []string{"description"}
			if b.Type == "variable" {
				variables++
				wanted = append(wanted, "type")
			}
			for _, attribute := range wanted {
				if b.Body.Attributes[attribute] == nil {
					t.Errorf("%v: %s %q has no %s", b.DefRange(), b.Type, b.Labels[0], attribute)
				}
			}
		}
	}
	if variables < 10 {
		t.Errorf("%d variables: are they read right?", variables)
	}
}

// The function reads the variables that Terraform sets.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../framework/options.go")
	if err != nil {
		t.Fatal(err)
	}
	file, diags := hclparse.NewParser().ParseHCLFile("terraform/function.tf")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var set []string
	_ = hclsyntax.VisitAll(file.Body.(*hclsyntax.Body), func(node hclsyntax.Node) hcl.Diagnostics {
		if item, ok := node.(*hclsyntax.ObjectConsKeyExpr); ok {
			if name := hcl.ExprAsKeyword(item.Wrapped); strings.ToUpper(name) == name && name != "" {
				set = append(set, name)
			}
		}
		return nil
	})
	if !slices.Contains(set, "AWS_API_GW_STAGE_NAME") {
		t.Fatalf("function.tf sets %q, and not the stage", set)
	}
	for _, name := range set {
		if !bytes.Contains(source, []byte(`"`+name+`"`)) {
			t.Errorf("function.tf sets %s, which framework/options.go does not read", name)
		}
	}
}

// A module is a copy of the root module, without the backend, with a zip of its
// own and the provider that takes what the real one takes.
type module struct {
	t   *testing.T
	dir string
	env []string
}

func newModule(t *testing.T, routes string) *module {
	t.Helper()
	terraform(t)
	m := &module{t: t, dir: t.TempDir()}
	names, err := filepath.Glob("terraform/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		if filepath.Base(name) == "versions.tf" {
			const backend = "  backend \"s3\" {}\n"
			if strings.Count(text, backend) != 1 {
				t.Fatalf("%s has no backend to leave out", name)
			}
			text = strings.Replace(text, backend, "", 1)
		}
		m.write(filepath.Base(name), text)
	}
	m.generate(gen.Obytes, routes)
	m.write("function.zip", "a zip")
	rc := filepath.Join(m.dir, "terraform.rc")
	m.write("terraform.rc", "provider_installation {\n  dev_overrides {\n    \"hashicorp/aws\" = \""+filepath.ToSlash(provider(t))+"\"\n  }\n}\n")
	m.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir, "TMPDIR=" + t.TempDir(),
		"TF_CLI_CONFIG_FILE=" + rc, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1",
	}
	return m
}

func (m *module) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// generate writes the routes as gen-tf does.
func (m *module) generate(module gen.Module, manifest string) {
	m.t.Helper()
	table, report := route.Load("routes.yaml", []byte(manifest), nil)
	if err := report.Err(); err != nil {
		m.t.Fatal(err)
	}
	m.write(gen.Filename(module, gen.TF), string(gen.Terraform(table, module, gen.TF, "routes.yaml")))
}

// run runs Terraform. Nothing of the person who runs the test, and nothing on the
// network, is part of it.
func (m *module) run(args ...string) (out string, code int) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "terraform", args...)
	cmd.Dir, cmd.Env = m.dir, m.env
	data, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		m.t.Fatal(err)
	}
	return string(data), cmd.ProcessState.ExitCode()
}

func (m *module) must(args ...string) {
	m.t.Helper()
	if out, code := m.run(args...); code != 0 {
		m.t.Fatalf("terraform %q: exit code %d\n%s", args, code, out)
	}
}

func vars(values map[string]string) (args []string) {
	if values["package"] == "" {
		args = append(args, "-var", "package=function.zip")
	}
	for name, value := range values {
		args = append(args, "-var", name+"="+value)
	}
	return args
}

// apply plans, applies what was planned, as a pipeline does, and returns the
// resources.
func (m *module) apply(given map[string]string) state {
	m.t.Helper()
	m.must(append([]string{"plan", "-input=false", "-no-color", "-out=tfplan"}, vars(given)...)...)
	m.must("apply", "-input=false", "-no-color", "tfplan")
	type values struct {
		Resources []resource
		Children  []struct{ Resources []resource } `json:"child_modules"`
	}
	var shown struct {
		Values struct {
			Root values `json:"root_module"`
		}
	}
	if err := json.Unmarshal(m.show(), &shown); err != nil {
		m.t.Fatal(err)
	}
	all := make(state)
	for _, r := range shown.Values.Root.Resources {
		all[r.Address] = r
	}
	for _, child := range shown.Values.Root.Children {
		for _, r := range child.Resources {
			all[r.Address] = r
		}
	}
	return all
}

// show returns the state, or a plan, as JSON.
func (m *module) show(args ...string) []byte {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), "terraform", append([]string{"show", "-json"}, args...)...)
	cmd.Dir, cmd.Env = m.dir, m.env
	data, err := cmd.Output()
	if err != nil {
		m.t.Fatal(err)
	}
	return data
}

// checkPlan asks "routes drift" whether what was planned is what the manifest says.
func (m *module) checkPlan(manifest string) {
	m.t.Helper()
	m.write("plan.json", string(m.show("tfplan")))
	m.write("routes.yaml", manifest)
	cmd := exec.CommandContext(m.t.Context(), routesCommand(m.t), "drift", "-plan", "plan.json", "-issuer", "https://issuer.example.com/", "-audience", "api,web")
	cmd.Dir = m.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Errorf("routes drift: %v\n%s", err, out)
	}
}

// refuses checks that a plan fails with all the messages, however Terraform has
// broken their lines.
func (m *module) refuses(values map[string]string, want ...string) {
	m.t.Helper()
	out, code := m.run(append([]string{"plan", "-input=false", "-no-color"}, vars(values)...)...)
	if code != 1 {
		m.t.Errorf("%v: exit code %d, want 1\n%s", values, code, out)
	}
	flat := strings.Join(strings.FieldsFunc(out, func(r rune) bool { return r == ' ' || r == '\n' || r == '│' }), " ")
	for _, message := range want {
		if !strings.Contains(flat, message) {
			_, said, _ := strings.Cut(out, "\nError: ")
			m.t.Errorf("%v: Terraform does not say %q\nError: %s", values, message, said)
		}
	}
}

// A state has all resources, by their addresses.
type state map[string]resource

type resource struct {
	Address, Type string
	Values        map[string]any
}

func (s state) of(kind string) (all []resource) {
	for _, r := range s {
		if r.Type == kind {
			all = append(all, r)
		}
	}
	return all
}

// has checks some attributes of a resource.
func (s state) has(t *testing.T, address string, want map[string]any) {
	t.Helper()
	r, ok := s[address]
	if !ok {
		t.Errorf("there is no %s", address)
		return
	}
	got := make(map[string]any)
	for name := range want {
		got[name] = r.Values[name]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", address, d)
	}
}

func terraform(t *testing.T) string {
	t.Helper()
	name, err := exec.LookPath("terraform")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must run this test, and there is no terraform in PATH")
		}
		t.Skip("there is no terraform in PATH: what it makes of this was not tested")
	}
	return name
}

// provider returns the directory with the provider. Its modules are needed for
// nothing else: where they cannot be had the test is skipped, but not in CI.
func provider(t *testing.T) string {
	t.Helper()
	dir, err := buildProvider()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return dir
}

// routesCommand returns cmd/routes, built.
func routesCommand(t *testing.T) string {
	t.Helper()
	dir, err := buildRoutes()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "routes")
}

var built string // a directory that TestMain makes

var (
	buildProvider = sync.OnceValues(func() (string, error) { return goBuild("testdata/provider", "terraform-provider-aws") })
	buildRoutes   = sync.OnceValues(func() (string, error) { return goBuild("../cmd/routes", "routes") })
)

// goBuild builds the program in a directory, and returns where it is.
func goBuild(dir, name string) (string, error) {
	cmd := exec.Command("go", "build", "-o", filepath.Join(built, name), ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build %s: %w\n%s", dir, err, out)
	}
	return built, nil
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "routegate-")
	if err != nil {
		panic(err)
	}
	built = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
