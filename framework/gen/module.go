package gen

import (
	"fmt"
	"slices"

	"github.com/routegate/routegate/framework/route"
)

// A Module is a Terraform module that makes an HTTP API of a map of routes, and
// so a form of that map. The zero Module is none.
type Module string

// The modules.
const (
	// Obytes is obytes/terraform-aws-lambda-api, whose routes_definitions has the
	// name of each route as the key (https://github.com/obytes/terraform-aws-lambda-api).
	// The root module in deploy/terraform takes the same.
	Obytes Module = "obytes"

	// TerraformAWSModules is terraform-aws-modules/apigateway-v2/aws, whose routes
	// has the route key as the key
	// (https://github.com/terraform-aws-modules/terraform-aws-apigateway-v2).
	// What only Terraform knows, the integration, has to be merged into each entry.
	TerraformAWSModules Module = "terraform-aws-modules"
)

// Modules are all modules.
var Modules = []Module{Obytes, TerraformAWSModules}

// ParseModule returns the module that has the name s.
func ParseModule(s string) (Module, error) {
	if m := Module(s); slices.Contains(Modules, m) {
		return m, nil
	}
	return "", fmt.Errorf("unknown module %q: want obytes or terraform-aws-modules", s)
}

// Variable returns the name of the local value, or of the variable, that the map
// is the value of.
func (m Module) Variable() string {
	switch m {
	case Obytes:
		return "routes_definitions"
	case TerraformAWSModules:
		return "routes_by_key"
	}
	panic(fmt.Sprintf("gen: no module %q", string(m)))
}

// An entry is one of the map.
type entry struct {
	key        string
	attributes []attribute
}

// An attribute is one key of an entry and its value: a string, a bool, a
// []string or nil.
type attribute struct {
	name  string
	value any
}

// entries returns the map, in the order of the table.
func (m Module) entries(t *route.Table) []entry {
	var all []entry
	for r := range t.All() {
		switch m {
		case Obytes:
			all = append(all, entry{r.Name, obytes(r)})
		case TerraformAWSModules:
			all = append(all, entry{r.Key(), terraformAWSModules(r)})
		}
	}
	return all
}

// obytes returns the entry of a route in routes_definitions.
//
// The names must be these, to the letter. The module reads each with
// lookup(each.value, "authorization_type", "NONE"), so of a misspelt one it
// takes the default, and the route would be public without a word. They are
// spelt here only, and a test pins them.
func obytes(r *route.Route) []attribute {
	return []attribute{
		{"operation_name", r.Summary},
		{"route_key", r.Key()},
		// HTTP APIs have no API keys (developer guide, "Choose between REST APIs
		// and HTTP APIs"). The argument is for WebSocket APIs, and what true does
		// to another is not known.
		{"api_key_required", false},
		{"authorization_type", authorizationType(r.Access)},
		// Never null, so that every entry has the same type.
		{"authorization_scopes", append([]string{}, r.Access.Scopes...)},
	}
}

// authorizerKey is the key that the JWT authorizer must have in the variable
// authorizers of [TerraformAWSModules].
const authorizerKey = "jwt"

// terraformAWSModules returns the entry of a route in routes.
//
// Here too a misspelt name would make a route public: the variable has an object
// type with optional attributes, and Terraform drops without a word what such a
// type does not have
// (https://developer.hashicorp.com/terraform/language/expressions/type-constraints,
// "Conversion of Complex Types").
func terraformAWSModules(r *route.Route) []attribute {
	var authorizer any // the module takes null as none
	if r.Access.Auth == route.JWT {
		authorizer = authorizerKey
	}
	return []attribute{
		{"operation_name", r.Summary},
		{"authorization_type", authorizationType(r.Access)},
		{"authorizer_key", authorizer},
		{"authorization_scopes", append([]string{}, r.Access.Scopes...)},
	}
}

// authorizationType says in API Gateway's words what the route asks of its
// caller. It panics when there is no word for it, since the module would take
// any way out, an empty text or a missing key, as NONE. No table has such a
// route.
func authorizationType(a route.Access) string {
	switch {
	case a.Auth == route.JWT:
		return "JWT"
	case len(a.Scopes) > 0: // API Gateway checks them with JWT only (CreateRoute)
		panic(fmt.Sprintf("gen: scopes with access %q", a.Auth))
	case a.Auth == route.IAM:
		return "AWS_IAM"
	case a.Auth == route.Public:
		return "NONE"
	}
	panic(fmt.Sprintf("gen: no authorization type for access %q", a.Auth))
}
