package review_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/route"
)

// deployed returns the routes that API Gateway has once the table's generated
// Terraform was applied. It reads nothing else, and does as the module that the
// Terraform is for, obytes/terraform-aws-lambda-api: what it does not find it
// takes for its default, which is a route open to all. What API Gateway does
// not know, groups and handlers, is gone.
func deployed(t testing.TB, table *route.Table) []rule {
	t.Helper()
	var rules []rule
	for i, format := range gen.Formats {
		read := readBack(t, format, gen.Terraform(table, gen.Obytes, format, "routes.yaml"))
		if i == 0 {
			rules = read
		} else if d := cmp.Diff(rules, read); d != "" {
			t.Fatalf("%s says something else than %s (-%[2]s +%[1]s):\n%[3]s", format, gen.Formats[0], d)
		}
	}
	return rules
}

func readBack(t testing.TB, format gen.Format, src []byte) []rule {
	t.Helper()
	routes := definitions(t, format, src)
	var rules []rule
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		entry := routes[name]
		key, _ := entry["route_key"].(string)
		r := rule{Handler: fmt.Sprintf("h%d", len(rules))}
		r.Method, r.Path, _ = strings.Cut(key, " ")
		kind, ok := entry["authorization_type"]
		if !ok {
			kind = "NONE"
		}
		switch kind {
		case "NONE":
			r.Public = true
		case "AWS_IAM":
			r.Auth = "iam"
		case "JWT":
			scopes, _ := entry["authorization_scopes"].([]any)
			for _, s := range scopes {
				r.Scopes = append(r.Scopes, s.(string))
			}
		default:
			t.Fatalf("%s: the route %q has the authorization type %v:\n%s", format, name, kind, src)
		}
		rules = append(rules, r)
	}
	return rules
}

// definitions reads routes_definitions as Terraform does.
func definitions(t testing.TB, format gen.Format, src []byte) map[string]map[string]any {
	t.Helper()
	check := func(what string, diags hcl.Diagnostics) {
		if diags.HasErrors() {
			t.Fatalf("%s: %s: %v\n%s", format, what, diags, src)
		}
	}
	parse := hclparse.NewParser().ParseHCL
	if format == gen.JSON {
		parse = hclparse.NewParser().ParseJSON
	}
	file, diags := parse(src, gen.Filename(gen.Obytes, format))
	check("syntax", diags)
	body := file.Body
	if format == gen.TF {
		content, diags := body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "locals"}}})
		check("locals", diags)
		body = content.Blocks[0].Body
	}
	attributes, diags := body.JustAttributes()
	check("attributes", diags)
	value, diags := attributes["routes_definitions"].Expr.Value(nil)
	check("routes_definitions", diags)
	plain, err := json.Marshal(ctyjson.SimpleJSONValue{Value: value})
	if err != nil {
		t.Fatal(err)
	}
	var routes map[string]map[string]any
	if err := json.Unmarshal(plain, &routes); err != nil {
		t.Fatal(err)
	}
	return routes
}
