package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/route"
)

// A Module is a Terraform module that makes the gateway of what gen-tf writes. The zero
// Module is none.
type Module string

// The modules.
const (
	RootModule          Module = "deploy/terraform" // gateway.tf there
	Obytes              Module = "obytes"           // obytes/terraform-aws-lambda-apigw, with the same map of routes
	TerraformAWSModules Module = "terraform-aws-modules"
)

// Modules are all modules.
var Modules = []Module{RootModule, Obytes, TerraformAWSModules}

// A Part is what one apply changes.
type Part string

// The parts. Two applies, the first of which is of a part, have an order that one apply
// does not have.
//
// No -target and no -exclude is for the gateway alone. Terraform 1.11 changes the
// function with -target=aws_apigatewayv2_route.this, because the routes depend on it, and
// Terraform 1.5 does not. OpenTofu's -exclude of the function excludes what depends on
// it. -target=aws_lambda_function.this is for the function alone, but Terraform refuses it
// while a moved block is new.
const (
	Everything   Part = "everything"
	FunctionOnly Part = "the function" // the new package, with the old map of routes
	GatewayOnly  Part = "the gateway"  // the new map of routes, with the package_hash that the state has
)

// An Operation is what Terraform asks of AWS for one resource.
type Operation struct {
	Action string // create, update or delete
	Type   string // of the resource, such as aws_apigatewayv2_route
	Key    string // in for_each or count, "" if the resource has neither
	// Was and Is are the route keys before and after, if the resource is a route.
	Was, Is string
}

const (
	functionType    = "aws_lambda_function"
	routeType       = "aws_apigatewayv2_route"
	integrationType = "aws_apigatewayv2_integration"
	authorizerType  = "aws_apigatewayv2_authorizer"
)

// key returns the key in for_each of the resource of a route.
func (m Module) key(r *route.Route) string {
	if m == TerraformAWSModules {
		return r.Key()
	}
	return r.Name
}

// instances are the resources of the routes, by their keys in for_each. The first
// version of a resource is the old one and the second one the new one. Either may be
// nil.
func (m Module) instances(old, new side) map[string][2]*route.Route {
	all := make(map[string][2]*route.Route, len(new.routes))
	moved := m.moved(old, new)
	for _, r := range old.routes {
		all[cmp.Or(moved[r.Name], m.key(r))] = [2]*route.Route{r}
	}
	for _, r := range new.routes {
		all[m.key(r)] = [2]*route.Route{all[m.key(r)][0], r}
	}
	return all
}

// moved returns the new name of each route that keeps its resource under another name,
// thanks to the moved block that gen-tf writes. Terraform takes no moved block for a
// resource of a module from elsewhere.
func (m Module) moved(old, new side) map[string]string {
	if m != RootModule {
		return nil
	}
	moved := make(map[string]string)
	for _, move := range gen.Moves(routeKeys(old), slices.Values(new.routes)) {
		moved[move.From] = move.To
	}
	return moved
}

func routeKeys(s side) map[string]string {
	keys := make(map[string]string, len(s.routes))
	for _, r := range s.routes {
		keys[r.Name] = r.Key()
	}
	return keys
}

// Apply returns what one apply asks of AWS when the routes change from old to new and
// the function's package changes with them. Nothing else changes. The operations are
// in no order; see [Operation.Before].
func (m Module) Apply(old, new *route.Table, part Part) []Operation {
	before, after := newSide(old), newSide(new)
	var list []Operation
	if part != GatewayOnly {
		list = append(list, Operation{Action: "update", Type: functionType})
	}
	if part == FunctionOnly {
		return list
	}
	for key, v := range m.instances(before, after) {
		o, n := v[0], v[1]
		integration := func(action string) {
			if m == TerraformAWSModules {
				list = append(list, Operation{Action: action, Type: integrationType, Key: key})
			}
		}
		switch {
		case o == nil:
			integration("create")
			list = append(list, Operation{"create", routeType, key, "", n.Key()})
		case n == nil:
			list = append(list, Operation{"delete", routeType, key, o.Key(), ""})
			integration("delete")
		case o.Key() != n.Key() || o.Summary != n.Summary || !o.Access.AtGateway().Equal(n.Access.AtGateway()):
			list = append(list, Operation{"update", routeType, key, o.Key(), n.Key()})
		}
	}
	if m == RootModule {
		switch before, now := asksForToken(before), asksForToken(after); {
		case now && !before:
			list = append(list, Operation{Action: "create", Type: authorizerType, Key: "0"})
		case before && !now:
			list = append(list, Operation{Action: "delete", Type: authorizerType, Key: "0"})
		}
	}
	slices.SortFunc(list, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Action, b.Action))
	})
	return list
}

func asksForToken(s side) bool {
	return slices.ContainsFunc(s.routes, func(r *route.Route) bool { return r.Access.Auth == route.JWT })
}

// Before reports whether Terraform ends a before it begins b, if one apply has both.
// It says what all releases since 1.5 do. They order a route that is deleted before the
// function. Only newer ones order the function before a route that is changed, because
// the integration between them does not change.
func (a Operation) Before(b Operation) bool {
	switch {
	case a.Type == routeType && a.Action == "delete":
		return b.Type == functionType || b.Action == "delete" && (b.Type == integrationType || b.Type == authorizerType)
	case a.Type == routeType:
		return b.Type == authorizerType && b.Action == "delete" // thanks to create_before_destroy
	case a.Type == integrationType && a.Action == "create":
		return b.Type == routeType && b.Key == a.Key
	case a.Type == authorizerType && a.Action == "create":
		return b.Type == routeType && b.Action != "delete"
	case a.Type == functionType:
		return b.Type == integrationType && b.Action == "create"
	}
	return false
}

// A Refusal is an operation that API Gateway refuses, or may refuse, so that an apply
// fails halfway.
type Refusal struct {
	RouteKey string // the route's that is changed or created
	Line     int    // of the route in the new manifest
	Certain  bool   // whatever the order in which Terraform makes the changes
	Message  string
	Split    string // how to change the manifest in more than one release
}

// Refusals returns what API Gateway may refuse when Terraform applies a change. It
// refuses a route key that another route still has, and one that differs from another
// only in the names of its variables (409 ConflictException). It refuses to delete an
// authorizer that a route uses; Terraform's provider repeats this for half an hour.
func (m Module) Refusals(old, new *route.Table) []Refusal {
	return m.refusals(newSide(old), newSide(new))
}

func (m Module) refusals(old, new side) []Refusal {
	instances := m.instances(old, new)
	holder := make(map[string]string, len(old.routes)) // the resource that has a key before, by shape
	for key, v := range instances {
		if v[0] != nil {
			holder[shape(v[0])] = key
		}
	}
	// wants is the other resource that has, before, the key that a resource gets.
	wants := make(map[string]string)
	for key, v := range instances {
		if o, n := v[0], v[1]; n != nil && (o == nil || o.Key() != n.Key()) {
			if at, ok := holder[shape(n)]; ok && at != key {
				wants[key] = at
			}
		}
	}
	var list []Refusal
	ends := make(map[string]bool)
	for key, at := range wants {
		o, n := instances[at][0], instances[key][1]
		r := Refusal{RouteKey: n.Key(), Line: n.Line, Certain: !endsChain(wants, key, ends)}
		r.Message = fmt.Sprintf("%s: [%q] gets this key from [%q]", n.Key(), key, at)
		if o.Key() != n.Key() {
			r.Message = fmt.Sprintf("%s: [%q] gets this key while [%q] has %s, which differs in the names of variables only", n.Key(), key, at, o.Key())
		}
		if r.Certain {
			r.Message += ", which gets its own key from another one: API Gateway refuses it as a conflict in every order"
		} else {
			r.Message += ": API Gateway refuses it as a conflict unless Terraform happens to take the old key away first"
		}
		keep := fmt.Sprintf("keep the name %q for this route", o.Name)
		if m == TerraformAWSModules {
			keep = "keep the names of the variables"
		}
		r.Split = keep + ", or leave the route out of one release and add it in the next one, which interrupts it"
		list = append(list, r)
	}
	if m == RootModule && asksForToken(old) && !asksForToken(new) {
		// One of the routes stands for all: what is said of it splits the change.
		for _, n := range new.routes {
			if o := instances[m.key(n)][0]; o != nil && o.Access.Auth == route.JWT {
				list = append(list, Refusal{
					RouteKey: n.Key(), Line: n.Line,
					Message: fmt.Sprintf("%s: no route asks for a token any more, so Terraform deletes the authorizer; API Gateway refuses that while this route uses it, unless the authorizer had create_before_destroy in the last apply", n.Key()),
					Split:   "apply the present gateway.tf with the old routes first; or keep one route that asks for a token, and delete it in the next release",
				})
				break
			}
		}
	}
	slices.SortFunc(list, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.Message, b.Message))
	})
	return list
}

// endsChain reports whether following next from a key comes to an end. ends has the
// answers for keys that were asked for before, and gets new ones.
func endsChain(next map[string]string, from string, ends map[string]bool) bool {
	var path []string
	answer := true
	for at := from; ; at = next[at] {
		if known, ok := ends[at]; ok {
			answer = known
			break
		}
		path = append(path, at)
		ends[at] = false // until the end is found
		if _, ok := next[at]; !ok {
			break
		}
	}
	for _, at := range path {
		ends[at] = answer
	}
	return answer
}
