//go:build unix

package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// AWS's own command line takes the document, and an imitation of API Gateway that
// others wrote makes the manifest's routes of it. moto 5.2 has no import-api, but
// reimport-api, which reads the same; it makes no authorizers.
func TestOpenAPIImport(t *testing.T) {
	aws := program(t, "aws")
	useAWS(t, startMoto(t))
	manifest, document := writeFile(t, "routes.yaml", motoManifest), filepath.Join(t.TempDir(), "openapi.json")
	var stderr strings.Builder
	args := []string{"openapi", "-manifest", manifest, "-o", document, "-title", "imported", "-gateway",
		"-function", "arn:aws:lambda:eu-west-1:123456789012:function:f", "-issuer", "https://issuer.example.com", "-audience", "api"}
	if code := run(args, nil, &stderr, &stderr); code != exitFine {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	m := &motoAPI{aws: aws}
	m.id = made(t, m.command(t, "create-api", "--name", "empty", "--protocol-type", "HTTP"), "ApiId")
	out := m.command(t, "reimport-api", "--body", "file://"+document, "--fail-on-warnings")
	if name := made(t, out, "Name"); name != "imported" {
		t.Errorf("the API's name is %q", name)
	}
	var got struct {
		Items []struct{ RouteKey, Target string }
	}
	if err := json.Unmarshal(m.command(t, "get-routes"), &got); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, r := range got.Items {
		if r.Target == "" {
			t.Errorf("%s has no integration", r.RouteKey)
		}
		// moto takes API Gateway's own method for one of HTTP.
		keys = append(keys, strings.Replace(r.RouteKey, "X-AMAZON-APIGATEWAY-ANY-METHOD ", "ANY ", 1))
	}
	slices.Sort(keys)
	want := []string{"ANY /v1/files/{path+}", "DELETE /v1/users/{id}", "GET /v1/hc", "GET /v1/me", "GET /v1/users/{id}", "POST /v1/jobs"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("route keys (-manifest +moto):\n%s", diff)
	}
}
