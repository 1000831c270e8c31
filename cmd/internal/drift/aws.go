package drift

import (
	"fmt"
	"slices"
	"strings"
)

// An awsAPI is an API as AWS describes it, through the aws command line or through the
// SDK. A part that was not read has a Gap.
type awsAPI struct {
	routes []awsRoute

	authorizers    map[string]awsAuthorizer
	authorizersGap func(id string) Gap // of one that is not among the authorizers; nil if they are all that there are

	integrations    map[string]awsIntegration
	integrationsGap *Gap

	stages    []awsStage
	stagesGap *Gap
}

// An awsRoute is a route as the aws command line prints it.
type awsRoute struct {
	RouteId, RouteKey, Target                       string
	AuthorizationType, AuthorizerId, AuthorizerType string
	AuthorizationScopes                             []string
}

// An awsAuthorizer is an authorizer as the aws command line prints it.
type awsAuthorizer struct {
	AuthorizerId, AuthorizerType, Name, RouteKey string
	IdentitySource                               []string
	JwtConfiguration                             struct {
		Audience []string
		Issuer   string
	}
}

// An awsIntegration is an integration as the aws command line prints it.
type awsIntegration struct {
	IntegrationId, IntegrationType, IntegrationSubtype, IntegrationUri string
	PayloadFormatVersion, RouteKey                                     string
	RequestParameters                                                  map[string]string
}

// An awsStage is a stage of an API.
type awsStage struct {
	StageName      string
	AutoDeploy     bool
	StageVariables map[string]string
}

// deployment returns the routes and the stages of the API, and the function that they
// call. The error names a contradiction, such as a route with an authorizer that the
// API does not have.
func (a *awsAPI) deployment(opts ReadOptions) (*Deployment, error) {
	d := &Deployment{}
	authorizers := make(map[string]*Authorizer)
	for id, item := range a.authorizers {
		authorizers[id] = &Authorizer{
			Name: item.Name, Type: Known(item.AuthorizerType), IdentitySources: Known(item.IdentitySource),
			Issuer: Known(item.JwtConfiguration.Issuer), Audience: Known(item.JwtConfiguration.Audience), Where: id,
		}
	}
	integrations := make(map[string]*Integration)
	for id, item := range a.integrations {
		integrations[id] = a.integration(item)
	}
	for _, item := range a.routes {
		authorization, err := authorizationOf(Known(item.AuthorizationType))
		if err != nil {
			return nil, fmt.Errorf("route %q: %w", item.RouteKey, err)
		}
		r := Route{
			Key: Known(item.RouteKey), Authorization: authorization, Scopes: Known(item.AuthorizationScopes),
			Authorizer: Known[*Authorizer](nil), Where: item.RouteId,
		}
		if id := item.AuthorizerId; id != "" {
			switch found := authorizers[id]; {
			case found != nil:
				r.Authorizer = Known(found)
			case a.authorizersGap == nil:
				return nil, fmt.Errorf("route %q has the authorizer %q, which is not among the authorizers: read both again, at the same time", item.RouteKey, id)
			default:
				r.Authorizer = Unknown[*Authorizer](a.authorizersGap(id))
			}
		}
		switch id := strings.TrimPrefix(item.Target, "integrations/"); {
		case id == "":
			r.Integration = Known[*Integration](nil)
		case integrations[id] != nil:
			r.Integration = Known(integrations[id])
		case a.integrationsGap == nil:
			return nil, fmt.Errorf("route %q has the integration %q, which is not among the integrations: read both again, at the same time", item.RouteKey, id)
		default:
			r.Integration = Unknown[*Integration](*a.integrationsGap)
		}
		d.Routes = append(d.Routes, r)
	}
	for _, s := range a.stages {
		d.Stages = append(d.Stages, Stage{Name: s.StageName, AutoDeploy: Known(s.AutoDeploy), Where: s.StageName})
	}
	if a.stagesGap != nil {
		d.Gaps = append(d.Gaps, *a.stagesGap)
	}
	d.Function = calledByAll(d.Routes)
	if opts.Function != "" {
		f, ok := parseFunction(opts.Function)
		if !ok {
			return nil, fmt.Errorf("-function %q is neither a name nor an ARN of a function", opts.Function)
		}
		d.Function = knownFunction(f, a.functions())
	}
	d.Assumed = append(d.Assumed, assumedIdentities)
	return d, nil
}

// functions returns the functions that the integrations call.
func (a *awsAPI) functions() []functionName {
	var names []functionName
	for _, item := range a.integrations {
		if f, ok := parseFunction(item.IntegrationUri); ok && f.arn() != "" {
			f.qualifier = ""
			if !slices.Contains(names, f) {
				names = append(names, f)
			}
		}
	}
	return names
}

// integration returns an integration as AWS has it.
func (a *awsAPI) integration(item awsIntegration) *Integration {
	i := &Integration{
		Type: Known(item.IntegrationType), Calls: Known(FunctionID("")), Payload: Known(item.PayloadFormatVersion),
		Mappings: Known(item.RequestParameters), Where: item.IntegrationId, Target: item.IntegrationUri,
	}
	if item.IntegrationSubtype != "" {
		i.Target = item.IntegrationSubtype
		return i
	}
	if item.IntegrationType == "AWS_PROXY" || item.IntegrationType == "AWS" && strings.Contains(item.IntegrationUri, "lambda") {
		i.Calls = a.calls(item)
	}
	return i
}

// calls returns the function that an integration calls, in each stage.
func (a *awsAPI) calls(item awsIntegration) Value[FunctionID] {
	gap := Gap{
		What: fmt.Sprintf("which function the integration %s calls: its URI is %q", item.IntegrationId, item.IntegrationUri),
		Get:  "name the function in the integration itself, or give its stage variables in every stage of the API",
	}
	uris, ok := inStages(item.IntegrationUri, a.stages)
	if !ok {
		return Unknown[FunctionID](gap)
	}
	var id FunctionID
	for _, uri := range uris {
		f, ok := parseFunction(uri)
		if !ok {
			return Unknown[FunctionID](gap)
		}
		called := FunctionID(f.arn())
		if called == "" {
			called = FunctionID(f.name)
		}
		if id != "" && id != called {
			return Unknown[FunctionID](gap)
		}
		id = called
	}
	return Known(id)
}

// inStages returns what an integration's URI is in each stage. A variable in the place
// of a qualifier may be missing. ok is false if another variable is missing in a stage.
func inStages(uri string, stages []awsStage) (uris []string, ok bool) {
	if !stageVariable.MatchString(uri) {
		return []string{uri}, true
	}
	for _, stage := range stages {
		complete := true
		filled := stageVariable.ReplaceAllStringFunc(uri, func(name string) string {
			value, has := stage.StageVariables[stageVariable.FindStringSubmatch(name)[1]]
			complete = complete && has
			return value
		})
		if complete {
			uris = append(uris, filled)
		}
	}
	if len(uris) == len(stages) && len(stages) > 0 {
		return uris, true
	}
	x, ok1 := parseFunction(stageVariable.ReplaceAllString(uri, "x"))
	y, ok2 := parseFunction(stageVariable.ReplaceAllString(uri, "y"))
	x.qualifier, y.qualifier = "", ""
	if ok1 && ok2 && x == y {
		return append(uris, x.arn()), true
	}
	return nil, false
}

// count returns a number of things for people: "1 alias", "2 aliases".
func count(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "s"):
		thing += "es"
	default:
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
