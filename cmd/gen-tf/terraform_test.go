package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/route"
)

// A definition is what the module's route was given. The module of obytes has no
// authorizer of its own choice in it, and the other one no API keys.
type definition struct {
	OperationName       string   `json:"operation_name"`
	RouteKey            string   `json:"route_key"`
	APIKeyRequired      bool     `json:"api_key_required"`
	AuthorizationType   string   `json:"authorization_type"`
	AuthorizationScopes []string `json:"authorization_scopes"`
	Authorizer          string   `json:"authorizer"`
}

// TestTerraform gives each map in each format to the real Terraform, in a module
// that takes it as the one that it is made for does.
func TestTerraform(t *testing.T) {
	t.Parallel()
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must run this test, and there is no terraform in PATH")
		}
		t.Skip("there is no terraform in PATH: whether it takes the output was not tested")
	}
	const manifest = "testdata/terraform/routes.yaml"
	src, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	table, report := route.Load(manifest, src, nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	for _, module := range gen.Modules {
		for _, format := range gen.Formats {
			t.Run(string(module)+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS("testdata/terraform/"+string(module))); err != nil {
					t.Fatal(err)
				}
				root := filepath.Join(dir, "variable")
				if format == gen.TF {
					root = filepath.Join(dir, "local")
				}
				var stderr bytes.Buffer
				name := gen.Filename(module, format)
				args := []string{"-manifest", manifest, "-module", string(module), "-format", string(format), "-o", filepath.Join(root, name)}
				if code := run(args, nil, &stderr, &stderr); code != exitFine {
					t.Fatalf("run(%q) = %d\n%s", args, code, &stderr)
				}

				tf := terraformIn(t, terraform, dir, root)
				if format != gen.JSON { // terraform fmt knows HCL only
					tf("fmt", "-check", "-diff", name)
				}
				tf("init", "-input=false", "-no-color")
				tf("validate", "-no-color")
				tf("apply", "-auto-approve", "-input=false", "-no-color")
				var got map[string]definition
				if err := json.Unmarshal(tf("output", "-json", "routes"), &got); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(definitions(table, module), got); d != "" {
					t.Errorf("what the module got (-want +got):\n%s", d)
				}
			})
		}
	}
}

// definitions says what the module must get for each route.
func definitions(table *route.Table, module gen.Module) map[string]definition {
	all := make(map[string]definition)
	for r := range table.All() {
		d := definition{
			// Terraform composes characters, whatever the format.
			OperationName:       cty.NormalizeString(r.Summary),
			RouteKey:            r.Key(),
			AuthorizationType:   map[route.Auth]string{route.Public: "NONE", route.JWT: "JWT", route.IAM: "AWS_IAM"}[r.Access.Auth],
			AuthorizationScopes: []string{},
		}
		d.AuthorizationScopes = append(d.AuthorizationScopes, r.Access.Scopes...)
		switch {
		case module == gen.Obytes:
			all[r.Name] = d
			continue
		case r.Access.Auth == route.JWT:
			d.Authorizer = "id of jwt"
		}
		all[r.Key()] = d
	}
	return all
}

// terraformIn returns a function that runs Terraform in root and returns its
// standard output. Nothing of the person who runs the test, and nothing on the
// network, is part of it.
func terraformIn(t *testing.T, terraform, dir, root string) func(args ...string) []byte {
	config := filepath.Join(dir, "terraform.rc")
	if err := os.WriteFile(config, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + t.TempDir(),
		"TF_CLI_CONFIG_FILE=" + config, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1",
	}
	return func(args ...string) []byte {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, terraform, args...)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = root, env, &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("terraform %v: %v\n%s%s", args, err, &stdout, &stderr)
		}
		return stdout.Bytes()
	}
}
