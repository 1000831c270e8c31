// Command provider stands for the Terraform provider hashicorp/aws in the tests of
// deploy: it takes what that takes for the few resources there, by name and type,
// makes nothing, and returns what it was given. It is a module of its own, since
// nothing else here needs what a provider needs.
//
// It knows the schema and little more. Of what AWS or the real provider would refuse,
// it refuses route keys that conflict and an authorizer in use, and only where a test
// asks for a log of the operations; see operations.go.
//
// It names what it makes "type/attribute". If ROUTEGATE_PROVIDER_ARNS is set, ids and
// ARNs look as those of AWS do, and resources with different arguments have different
// ids.
package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

//go:embed schema.json
var schemaJSON []byte

func main() {
	p, err := newProvider()
	if err != nil {
		log.Fatal(err)
	}
	err = tf5server.Serve("hashicorp/aws", func() tfprotov5.ProviderServer { return p })
	if err != nil {
		log.Fatal(err)
	}
}

// A block is a block of schema.json: attributes like "required set of string".
type block struct {
	Attributes map[string]string
	Blocks     map[string]struct {
		block
		Nesting  string // list or set
		Min, Max int64
	}
}

// A provider has the methods that Terraform calls here; the others are nil.
type provider struct {
	tfprotov5.ProviderServer
	config    *tfprotov5.Schema
	resources map[string]*tfprotov5.Schema
}

func newProvider() (*provider, error) {
	var doc struct{ Resources map[string]block }
	if err := json.Unmarshal(schemaJSON, &doc); err != nil {
		return nil, err
	}
	p := &provider{resources: make(map[string]*tfprotov5.Schema)}
	for name, b := range doc.Resources {
		p.resources[name] = &tfprotov5.Schema{Block: b.schema()}
	}
	p.config = &tfprotov5.Schema{Block: &tfprotov5.SchemaBlock{
		Attributes: []*tfprotov5.SchemaAttribute{{Name: "region", Type: tftypes.String, Optional: true}},
		BlockTypes: []*tfprotov5.SchemaNestedBlock{{
			TypeName: "default_tags", Nesting: tfprotov5.SchemaNestedBlockNestingModeList, MaxItems: 1,
			Block: &tfprotov5.SchemaBlock{Attributes: []*tfprotov5.SchemaAttribute{{Name: "tags", Type: tftypes.Map{ElementType: tftypes.String}, Optional: true}}},
		}},
	}}
	return p, nil
}

func (b block) schema() *tfprotov5.SchemaBlock {
	s := &tfprotov5.SchemaBlock{}
	for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
		kind := b.Attributes[name]
		a := &tfprotov5.SchemaAttribute{
			Name:     name,
			Required: strings.HasPrefix(kind, "required "),
			Optional: strings.HasPrefix(kind, "optional"),
			Computed: strings.Contains(kind, "computed "),
		}
		if i := strings.LastIndex(kind, "computed "); i >= 0 {
			kind = kind[i:]
		}
		_, kind, _ = strings.Cut(kind, " ")
		a.Type = typeOf(kind)
		s.Attributes = append(s.Attributes, a)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Blocks)) {
		n := b.Blocks[name]
		mode := tfprotov5.SchemaNestedBlockNestingModeList
		if n.Nesting == "set" {
			mode = tfprotov5.SchemaNestedBlockNestingModeSet
		}
		s.BlockTypes = append(s.BlockTypes, &tfprotov5.SchemaNestedBlock{TypeName: name, Block: n.schema(), Nesting: mode, MinItems: n.Min, MaxItems: n.Max})
	}
	return s
}

func typeOf(kind string) tftypes.Type {
	switch container, element, _ := strings.Cut(kind, " of "); container {
	case "string":
		return tftypes.String
	case "number":
		return tftypes.Number
	case "bool":
		return tftypes.Bool
	case "list":
		return tftypes.List{ElementType: typeOf(element)}
	case "set":
		return tftypes.Set{ElementType: typeOf(element)}
	case "map":
		return tftypes.Map{ElementType: typeOf(element)}
	}
	panic("no type " + kind)
}

func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	resp := &tfprotov5.GetMetadataResponse{}
	for _, name := range slices.Sorted(maps.Keys(p.resources)) {
		resp.Resources = append(resp.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	return resp, nil
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{Provider: p.config, ResourceSchemas: p.resources}, nil
}

func (p *provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (p *provider) PrepareProviderConfig(_ context.Context, req *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: req.Config}, nil
}

func (p *provider) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (p *provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func (p *provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil // Terraform checks the schema itself
}

func (p *provider) UpgradeResourceState(_ context.Context, req *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	t := p.resources[req.TypeName].ValueType()
	v, err := req.RawState.Unmarshal(t)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov5.NewDynamicValue(t, v)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (p *provider) ReadResource(_ context.Context, req *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	return &tfprotov5.ReadResourceResponse{NewState: req.CurrentState}, nil
}

// PlanResourceChange makes unknown what the provider makes itself and has not yet.
func (p *provider) PlanResourceChange(_ context.Context, req *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	planned, err := p.fill(req.TypeName, req.ProposedNewState, func(a *tfprotov5.SchemaAttribute, v tftypes.Value) (tftypes.Value, error) {
		switch {
		case a.Required && v.IsNull():
			return v, fmt.Errorf("%s: %s is required, and null", req.TypeName, a.Name)
		case a.Computed && v.IsNull():
			return tftypes.NewValue(a.Type, tftypes.UnknownValue), nil
		}
		return v, nil
	})
	return &tfprotov5.PlanResourceChangeResponse{PlannedState: planned}, err
}

// templates are values that AWS makes of other values of the resource, by type and
// attribute.
var templates = map[string]string{
	"aws_apigatewayv2_api execution_arn":        "arn:aws:execute-api:eu-west-1:123456789012:{id}",
	"aws_apigatewayv2_api api_endpoint":         "https://{id}.execute-api.eu-west-1.amazonaws.com",
	"aws_api_gateway_rest_api execution_arn":    "arn:aws:execute-api:eu-west-1:123456789012:{id}",
	"aws_api_gateway_rest_api root_resource_id": "root{id}",
	"aws_apigatewayv2_stage execution_arn":      "arn:aws:execute-api:eu-west-1:123456789012:{api_id}/{name}",
	"aws_lambda_alias arn":                      "arn:aws:lambda:eu-west-1:123456789012:function:{function_name}:{name}",
	"aws_lambda_alias invoke_arn":               "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:{function_name}:{name}/invocations",
	"aws_lambda_function arn":                   "arn:aws:lambda:eu-west-1:123456789012:function:{function_name}",
	"aws_lambda_function id":                    "{function_name}",
	"aws_lambda_function invoke_arn":            "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:{function_name}/invocations",
	"aws_lambda_function qualified_arn":         "arn:aws:lambda:eu-west-1:123456789012:function:{function_name}:1",
	"aws_lambda_function qualified_invoke_arn":  "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:{function_name}:1/invocations",
	"aws_lambda_function version":               "1",
}

// placeholder matches the name of an attribute in a template.
var placeholder = regexp.MustCompile(`{(\w+)}`)

// asAWS returns a value as AWS makes it. The id is a digest of the planned resource.
func (p *provider) asAWS(typeName, attribute string, planned *tfprotov5.DynamicValue) (string, error) {
	template := templates[typeName+" "+attribute]
	if template == "" && attribute != "id" {
		return typeName + "/" + attribute, nil
	}
	v, err := planned.Unmarshal(p.resources[typeName].ValueType())
	if err != nil {
		return "", err
	}
	var attributes map[string]tftypes.Value
	if err := v.As(&attributes); err != nil {
		return "", err
	}
	id := func() string {
		var known []string
		for name, v := range attributes {
			if v.IsFullyKnown() {
				known = append(known, name+" "+v.String())
			}
		}
		slices.Sort(known)
		sum := sha256.Sum256([]byte(typeName + strings.Join(known, "\n")))
		return hex.EncodeToString(sum[:5])
	}
	if template == "" {
		return id(), nil
	}
	return placeholder.ReplaceAllStringFunc(template, func(name string) string {
		var s string
		if name = name[1 : len(name)-1]; name == "id" && !attributes["id"].IsKnown() {
			return id()
		}
		if attributes[name].As(&s) != nil {
			return "unknown"
		}
		if name == "function_name" { // which may be an ARN
			s = s[strings.LastIndex(s, ":")+1:]
		}
		return s
	}), nil
}

// ApplyResourceChange makes up what is unknown.
func (p *provider) ApplyResourceChange(_ context.Context, req *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	o, err := p.operationOf(req)
	if err != nil {
		return nil, err
	}
	if err := operate(o); err != nil {
		return &tfprotov5.ApplyResourceChangeResponse{
			NewState:    req.PriorState,
			Diagnostics: []*tfprotov5.Diagnostic{{Severity: tfprotov5.DiagnosticSeverityError, Summary: err.Error()}},
		}, nil
	}
	state, err := p.fill(req.TypeName, req.PlannedState, func(a *tfprotov5.SchemaAttribute, v tftypes.Value) (tftypes.Value, error) {
		switch {
		case v.IsKnown():
			return v, nil
		case a.Type.Is(tftypes.String) && os.Getenv("ROUTEGATE_PROVIDER_ARNS") != "":
			made, err := p.asAWS(req.TypeName, a.Name, req.PlannedState)
			return tftypes.NewValue(a.Type, made), err
		case a.Type.Is(tftypes.String):
			return tftypes.NewValue(a.Type, req.TypeName+"/"+a.Name), nil
		case a.Type.Is(tftypes.Number):
			return tftypes.NewValue(a.Type, 0), nil
		case a.Type.Is(tftypes.Bool):
			return tftypes.NewValue(a.Type, false), nil
		case a.Type.Is(tftypes.List{}), a.Type.Is(tftypes.Set{}):
			return tftypes.NewValue(a.Type, []tftypes.Value{}), nil
		case a.Type.Is(tftypes.Map{}):
			return tftypes.NewValue(a.Type, map[string]tftypes.Value{}), nil
		}
		return v, fmt.Errorf("no value for %s", a.Name)
	})
	return &tfprotov5.ApplyResourceChangeResponse{NewState: state}, err
}

// fill gives the attributes of a resource the values that f returns. A resource
// that is destroyed has none.
func (p *provider) fill(typeName string, state *tfprotov5.DynamicValue, f func(*tfprotov5.SchemaAttribute, tftypes.Value) (tftypes.Value, error)) (*tfprotov5.DynamicValue, error) {
	schema := p.resources[typeName]
	t := schema.ValueType()
	v, err := state.Unmarshal(t)
	if err != nil || v.IsNull() {
		return state, err
	}
	var attributes map[string]tftypes.Value
	if err := v.As(&attributes); err != nil {
		return nil, err
	}
	for _, a := range schema.Block.Attributes {
		if attributes[a.Name], err = f(a, attributes[a.Name]); err != nil {
			return nil, err
		}
	}
	filled, err := tfprotov5.NewDynamicValue(t, tftypes.NewValue(t, attributes))
	return &filled, err
}
