package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Within says which resources of a Terraform project belong to the gateway. The
// zero Within takes all of them, provided that they are one gateway's.
type Within struct {
	Module string // start of their addresses, such as "module.api"
	API    string // id of the API
}

// ReadPlan reads what "terraform show -json PLAN" prints of a saved plan: the
// gateway as it will be. ReadState reads what it prints of a state: the gateway
// as Terraform knows it
// (https://developer.hashicorp.com/terraform/internals/json-format).
//
// What decides who gets in must be known: a plan in which a route key, an
// authorization type or scopes are "known after apply" cannot be compared. Ids
// that are not known yet are normal in a first plan.
func ReadPlan(data []byte, within Within) (*Deployment, error) {
	show, err := readShow(data)
	switch {
	case err != nil:
		return nil, err
	case show.PlannedValues == nil && show.isState():
		return nil, errors.New("it is a state, not a plan")
	case show.PlannedValues == nil:
		return nil, errors.New(`no "planned_values": is it what terraform show -json prints of a saved plan?`)
	case show.Errored:
		return nil, errors.New("the plan failed half-way (errored), so it does not say what the gateway will be")
	case show.Complete != nil && !*show.Complete:
		return nil, errors.New("the plan is not complete (it was made with -target, or puts something off), so it does not say what the gateway will be")
	}
	unknown := make(map[string]json.RawMessage)
	for _, change := range show.ResourceChanges {
		if change.Mode == "managed" && gatewayTypes[change.Type] {
			unknown[change.Address] = change.Change.AfterUnknown
		}
	}
	return show.PlannedValues.deployment(unknown, within)
}

// ReadState is ReadPlan for a state.
func ReadState(data []byte, within Within) (*Deployment, error) {
	show, err := readShow(data)
	switch {
	case err != nil:
		return nil, err
	case show.PlannedValues != nil || show.ResourceChanges != nil:
		return nil, errors.New("it is a plan, not a state")
	case !show.isState():
		return nil, errors.New(`no "values": is it what terraform show -json prints of a state?`)
	case show.Values == nil:
		return nil, errors.New("the state is empty: nothing has been applied")
	}
	return show.Values.deployment(nil, within)
}

// A shown is what terraform show -json prints, as far as it matters here.
type shown struct {
	FormatVersion   string `json:"format_version"`
	Errored         bool
	Complete        *bool
	PlannedValues   *shownValues `json:"planned_values"`
	ResourceChanges []struct {
		Address, Mode, Type string
		Change              struct {
			AfterUnknown json.RawMessage `json:"after_unknown"`
		}
	} `json:"resource_changes"`
	Values *shownValues

	TerraformVersion string          `json:"terraform_version"`
	Lineage          json.RawMessage // of a state file itself
	Serial           json.RawMessage
	Level            json.RawMessage `json:"@level"` // of a log of terraform plan -json
}

type shownValues struct {
	Root shownModule `json:"root_module"`
}

type shownModule struct {
	Resources    []shownResource
	ChildModules []shownModule `json:"child_modules"`
}

type shownResource struct {
	Address, Mode, Type string
	Values              json.RawMessage
}

// isState reports whether it can be a state: an empty one has a version of the
// format and nothing else.
func (s *shown) isState() bool {
	return s.PlannedValues == nil && (s.Values != nil || s.TerraformVersion == "")
}

func readShow(data []byte) (*shown, error) {
	var s shown
	if err := readJSON(data, &s); err != nil {
		if line, _, ok := bytes.Cut(data, []byte("\n")); ok && json.Unmarshal(line, &s) == nil && s.Level != nil {
			return nil, errors.New("it is a log of terraform plan -json: want what terraform show -json prints of a saved plan")
		}
		return nil, err
	}
	switch major, _, _ := strings.Cut(s.FormatVersion, "."); {
	case s.Lineage != nil && s.Serial != nil:
		return nil, errors.New("it is a state file itself: want what terraform show -json prints of it")
	case s.FormatVersion == "":
		return nil, errors.New(`no "format_version": is it what terraform show -json prints?`)
	case major != "0" && major != "1":
		return nil, fmt.Errorf("its format has version %q: want 1", s.FormatVersion)
	}
	return &s, nil
}

// gatewayTypes are the types of resources that are read.
var gatewayTypes = map[string]bool{
	"aws_apigatewayv2_api":         true,
	"aws_apigatewayv2_authorizer":  true,
	"aws_apigatewayv2_integration": true,
	"aws_apigatewayv2_route":       true,
}

// gatewayValues are the values of any resource of those types.
type gatewayValues struct {
	ID    string
	APIID string `json:"api_id"`
	Name  string

	// Of a route; the first two also of an API that was made with quick create.
	RouteKey            string `json:"route_key"`
	Target              string
	AuthorizationType   string   `json:"authorization_type"`
	AuthorizationScopes []string `json:"authorization_scopes"`
	AuthorizerID        string   `json:"authorizer_id"`

	// Of an API.
	ProtocolType string `json:"protocol_type"`
	Body         string

	// Of an authorizer.
	AuthorizerType   string   `json:"authorizer_type"`
	IdentitySources  []string `json:"identity_sources"`
	JWTConfiguration []struct {
		Audience []string
		Issuer   string
	} `json:"jwt_configuration"`

	// Of an integration.
	IntegrationURI string `json:"integration_uri"`
}

// A gatewayResource is a resource of those types.
type gatewayResource struct {
	address string
	kind    string // type
	gatewayValues
	unknown map[string]json.RawMessage // values that are known after apply: true, or which parts
}

// isUnknown reports whether a value, or a part of it, is known only after
// terraform apply.
func (r *gatewayResource) isUnknown(name string) bool {
	return bytes.Contains(r.unknown[name], []byte("true"))
}

// notKnown is what stands for an integration that is not made yet: all that is
// known of it is that it is none of those that exist.
const notKnown = "(known after apply)"

// deployment picks the gateway from the values of a plan or of a state.
func (v *shownValues) deployment(unknown map[string]json.RawMessage, within Within) (*Deployment, error) {
	all, err := v.Root.gatewayResources(unknown)
	if err != nil {
		return nil, err
	}
	of := make(map[string][]*gatewayResource) // by type
	for _, r := range all {
		of[r.kind] = append(of[r.kind], r)
	}
	apis := make(map[string]*gatewayResource) // by id
	for _, api := range of["aws_apigatewayv2_api"] {
		if api.ID != "" {
			apis[api.ID] = api
		}
	}
	// A route of the API that is meant is one wherever it is made.
	isMeant := func(r *gatewayResource) bool {
		api := apis[r.APIID]
		return (within.covers(r) || api != nil && within.covers(api)) && (api == nil || api.ProtocolType != "WEBSOCKET")
	}
	routes := slices.DeleteFunc(slices.Clone(of["aws_apigatewayv2_route"]), func(r *gatewayResource) bool { return !isMeant(r) })
	for _, api := range of["aws_apigatewayv2_api"] {
		switch {
		case !within.covers(api) || api.ProtocolType == "WEBSOCKET":
		case api.Body != "" || api.isUnknown("body"):
			return nil, fmt.Errorf("%s takes its routes from an OpenAPI body, which no plan and no state lists: use -api-id", api.address)
		case api.Target != "", api.isUnknown("target"):
			routes = append(routes, quickCreated(api))
		}
	}
	if len(routes) == 0 {
		return nil, noRoutes(of["aws_apigatewayv2_route"], within)
	}
	if err := oneAPI(routes, of["aws_apigatewayv2_api"], within); err != nil {
		return nil, err
	}

	d := &Deployment{}
	uris := integrations(of["aws_apigatewayv2_integration"])
	for _, r := range routes {
		deployed, err := r.route(uris)
		if err != nil {
			return nil, err
		}
		d.Routes = append(d.Routes, deployed)
	}
	api := routes[0].APIID
	for _, a := range of["aws_apigatewayv2_authorizer"] {
		if api == "" && within.covers(a) || api != "" && (a.APIID == api || a.APIID == "") {
			d.Authorizers = append(d.Authorizers, a.authorizer())
		}
	}
	return d, nil
}

// covers reports whether the resource may belong to the gateway that is meant.
// Of a resource that does not know its API's id yet, the address decides.
func (w Within) covers(r *gatewayResource) bool {
	rest, ok := strings.CutPrefix(r.address, w.Module)
	if !ok || w.Module != "" && rest != "" && rest[0] != '.' && rest[0] != '[' && !strings.HasSuffix(w.Module, ".") {
		return false
	}
	id := r.APIID
	if r.kind == "aws_apigatewayv2_api" {
		id = r.ID
	}
	return w.API == "" || id == w.API
}

// gatewayResources returns the managed resources of the module and of those
// below it that are part of a gateway.
func (m *shownModule) gatewayResources(unknown map[string]json.RawMessage) ([]*gatewayResource, error) {
	var list []*gatewayResource
	for _, r := range m.Resources {
		if r.Mode != "managed" || !gatewayTypes[r.Type] {
			continue
		}
		g := &gatewayResource{address: r.Address, kind: r.Type}
		if raw := unknown[r.Address]; raw != nil {
			if err := json.Unmarshal(raw, &g.unknown); err != nil {
				return nil, fmt.Errorf("%s: after_unknown: %w", r.Address, err)
			}
		}
		if err := json.Unmarshal(r.Values, &g.gatewayValues); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Address, err)
		}
		list = append(list, g)
	}
	for i := range m.ChildModules {
		below, err := m.ChildModules[i].gatewayResources(unknown)
		if err != nil {
			return nil, err
		}
		list = append(list, below...)
	}
	return list, nil
}

// quickCreated returns the route that an API makes by itself when it has a
// target: everything goes there, and nobody is asked who calls (API reference,
// CreateApi, "quick create").
func quickCreated(api *gatewayResource) *gatewayResource {
	r := *api
	r.kind, r.APIID = "aws_apigatewayv2_route", api.ID
	if r.RouteKey == "" {
		r.RouteKey = defaultKey
	}
	return &r
}

// noRoutes says why there is nothing to compare.
func noRoutes(left []*gatewayResource, within Within) error {
	switch {
	case len(left) > 0 && within.Module != "":
		return fmt.Errorf("no aws_apigatewayv2_route has an address under %q; one is %s", within.Module, left[0].address)
	case len(left) > 0 && within.API != "":
		return fmt.Errorf("no aws_apigatewayv2_route belongs to API %q; one belongs to %q", within.API, left[0].APIID)
	case len(left) > 0:
		return errors.New("its only aws_apigatewayv2_route are of WebSocket APIs")
	}
	return errors.New("no aws_apigatewayv2_route in it: is it of this project?")
}

// oneAPI reports routes of several APIs. Those of an API that is not made yet
// do not know which it is, so there may only be one of that kind.
func oneAPI(routes, apis []*gatewayResource, within Within) error {
	examples := make(map[string]string) // a route's address by its API's id
	for _, r := range routes {
		if _, ok := examples[r.APIID]; !ok {
			examples[r.APIID] = r.address
		}
	}
	var planned []string
	for _, api := range apis {
		if api.ID == "" && within.covers(api) && api.ProtocolType != "WEBSOCKET" {
			planned = append(planned, api.address)
		}
	}
	_, some := examples[""]
	if len(examples) == 1 && !(some && len(planned) > 1) {
		return nil
	}
	var list []string
	for _, id := range slices.Sorted(maps.Keys(examples)) {
		if id == "" {
			list = append(list, fmt.Sprintf("one not made yet (%s)", strings.Join(append(planned, examples[id]), ", ")))
		} else {
			list = append(list, fmt.Sprintf("%s (%s)", id, examples[id]))
		}
	}
	return fmt.Errorf("it has routes of several APIs, %s: say which with -module or -api-id", strings.Join(list, "; "))
}

// integrations returns what the integrations call, by their ids. Two
// integrations that call the same function are as good as one.
func integrations(list []*gatewayResource) map[string]string {
	uris := make(map[string]string)
	for _, r := range list {
		if r.ID != "" && r.IntegrationURI != "" {
			uris["integrations/"+r.ID] = r.IntegrationURI
		}
	}
	return uris
}

// route returns the resource as a route.
func (r *gatewayResource) route(uris map[string]string) (DeployedRoute, error) {
	for _, name := range []string{"route_key", "authorization_type", "authorization_scopes"} {
		if r.isUnknown(name) {
			return DeployedRoute{}, fmt.Errorf("%s: %s is known only after terraform apply", r.address, name)
		}
	}
	if r.RouteKey == "" {
		return DeployedRoute{}, fmt.Errorf("%s has no route_key", r.address)
	}
	d, err := NewDeployedRoute(r.RouteKey, r.AuthorizationType, r.AuthorizationScopes)
	if err != nil {
		return DeployedRoute{}, fmt.Errorf("%s: %w", r.address, err)
	}
	d.Authorizer, d.Target, d.Where = r.AuthorizerID, ResolveTarget(r.Target, uris), r.address
	if r.isUnknown("target") {
		d.Target = notKnown
	}
	return d, nil
}

// ResolveTarget returns what a route's target calls in the end: of an
// integration that is known by "integrations/ID" what it calls, and of a call
// of a Lambda function the function, however it is written.
func ResolveTarget(target string, uris map[string]string) string {
	if uri := uris[target]; uri != "" {
		target = uri
	}
	if _, function, ok := strings.Cut(target, ":lambda:path/2015-03-31/functions/"); ok {
		target = strings.TrimSuffix(function, "/invocations")
	}
	return target
}

// authorizer returns the resource as an authorizer.
func (r *gatewayResource) authorizer() Authorizer {
	a := Authorizer{
		ID: r.ID, Name: r.Name, JWT: r.AuthorizerType == "JWT", Where: r.address,
		Unknown:         r.isUnknown("jwt_configuration") || r.isUnknown("authorizer_type"),
		IdentitySources: r.IdentitySources,
	}
	for _, c := range r.JWTConfiguration {
		a.Issuer, a.Audience = c.Issuer, c.Audience
	}
	return a
}
