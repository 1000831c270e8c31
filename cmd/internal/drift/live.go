package drift

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
)

// A Live is a deployment as AWS has it.
type Live struct {
	*Deployment
	endpoint string // "" if the API's own endpoint is disabled, or is not known
}

// StageURL returns the URL of a stage at the API's own endpoint. "" is the stage
// $default. The error says that the API has no such endpoint.
func (l *Live) StageURL(stage string) (string, error) {
	switch {
	case l.endpoint == "":
		return "", errors.New("it has no endpoint of its own: give -endpoint")
	case stage == "" || stage == "$default":
		return l.endpoint, nil
	}
	return url.JoinPath(l.endpoint, stage)
}

// ReadLive asks AWS for the HTTP API with the id opts.API, and for the function that it
// calls. The SDK finds credentials, region and endpoint in its own ways.
//
// The error says that the routes could not be read. Whatever else the caller may not
// read is a Gap with the name of the missing permission.
func ReadLive(ctx context.Context, opts ReadOptions) (*Live, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, oneLine(err)
	}
	if cfg.Region == "" {
		return nil, errors.New("no region is set: set AWS_REGION")
	}
	r := &liveReader{gateway: apigatewayv2.NewFromConfig(cfg), lambda: lambda.NewFromConfig(cfg), region: cfg.Region, id: opts.API}
	live, err := r.read(ctx, opts)
	if err != nil {
		return nil, oneLine(err)
	}
	return live, nil
}

// A liveReader reads one API and its function.
type liveReader struct {
	gateway *apigatewayv2.Client
	lambda  *lambda.Client
	region  string // of the API
	id      string // of the API

	d *Deployment
}

// maySkip adds a Gap for an answer that the caller has no permission to get, and
// returns nil. It returns any other error.
func (r *liveReader) maySkip(err error, what, action, on string) error {
	if !isDenied(err) {
		return err
	}
	r.d.Gaps = append(r.d.Gaps, denied(what, action, on))
	return nil
}

// denied returns the Gap of what the caller has no permission to read.
func denied(what, action, on string) Gap {
	return Gap{What: what + ": the caller lacks the permission " + action, Get: fmt.Sprintf("allow the caller %s on %s", action, on)}
}

// isDenied reports whether AWS refuses the caller. The codes are those of the common
// errors of both services.
func isDenied(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException", "ForbiddenException", "UnauthorizedOperation", "UnauthorizedException":
		return true
	}
	return false
}

// isMissing reports whether AWS has no such thing.
func isMissing(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (api.ErrorCode() == "NotFoundException" || api.ErrorCode() == "ResourceNotFoundException")
}

// onAPI returns the resource on which the caller needs apigateway:GET (service
// authorization reference, API Gateway Management V2).
func (r *liveReader) onAPI(id, below string) string {
	return fmt.Sprintf("arn:aws:apigateway:%s::/apis/%s%s", r.region, id, below)
}

const getAction = "apigateway:GET"

func (r *liveReader) read(ctx context.Context, opts ReadOptions) (*Live, error) {
	r.d = &Deployment{} // collects Gaps until there is the real one
	live := &Live{}
	openEndpoint := Known(false)
	api, err := r.gateway.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: aws.String(r.id)})
	switch {
	case isDenied(err):
		gap := denied("whether the API's own endpoint is open", getAction, r.onAPI(r.id, ""))
		r.d.Gaps = append(r.d.Gaps, gap)
		openEndpoint = Unknown[bool](gap)
	case err != nil:
		return nil, err
	case api.ProtocolType != types.ProtocolTypeHttp:
		return nil, fmt.Errorf("its protocol is %q: want an HTTP API", api.ProtocolType)
	case !aws.ToBool(api.DisableExecuteApiEndpoint):
		live.endpoint = aws.ToString(api.ApiEndpoint)
		openEndpoint = Known(true)
	}
	a := &awsAPI{}
	if a.routes, err = r.routes(ctx, r.gateway, r.id); err != nil {
		if isDenied(err) {
			return nil, fmt.Errorf("its routes: the caller lacks the permission %s: allow it on %s", getAction, r.onAPI(r.id, "/routes"))
		}
		return nil, fmt.Errorf("its routes: %w", err)
	}
	if err := r.parts(ctx, a); err != nil {
		return nil, err
	}
	d, err := a.deployment(opts)
	if err != nil {
		return nil, err
	}
	d.Gaps = append(d.Gaps, r.d.Gaps...)
	r.d, live.Deployment = d, d
	d.Read = append(d.Read, fmt.Sprintf("the API %s: %s, %s, %s, %s", r.id,
		count(len(a.routes), "route"), count(len(a.authorizers), "authorizer"), count(len(a.integrations), "integration"), count(len(a.stages), "stage")))
	if open, ok := openEndpoint.Get(); ok && open {
		if err := r.customDomain(ctx); err != nil {
			return nil, err
		}
	}
	return live, r.function(ctx, a)
}

// routes returns the routes of an API.
func (r *liveReader) routes(ctx context.Context, client *apigatewayv2.Client, id string) ([]awsRoute, error) {
	items, err := allPages(func(token *string) ([]types.Route, *string, error) {
		page, err := client.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: aws.String(id), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	var routes []awsRoute
	for _, item := range items {
		routes = append(routes, awsRoute{
			RouteId: aws.ToString(item.RouteId), RouteKey: aws.ToString(item.RouteKey), Target: aws.ToString(item.Target),
			AuthorizationType: string(item.AuthorizationType), AuthorizerId: aws.ToString(item.AuthorizerId), AuthorizationScopes: item.AuthorizationScopes,
		})
	}
	return routes, nil
}

// integrations returns the integrations of an API by id.
func (r *liveReader) integrations(ctx context.Context, client *apigatewayv2.Client, id string) (map[string]awsIntegration, error) {
	items, err := allPages(func(token *string) ([]types.Integration, *string, error) {
		page, err := client.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: aws.String(id), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	integrations := make(map[string]awsIntegration)
	for _, item := range items {
		integrations[aws.ToString(item.IntegrationId)] = awsIntegration{
			IntegrationId: aws.ToString(item.IntegrationId), IntegrationType: string(item.IntegrationType), IntegrationSubtype: aws.ToString(item.IntegrationSubtype),
			IntegrationUri: aws.ToString(item.IntegrationUri), PayloadFormatVersion: aws.ToString(item.PayloadFormatVersion), RequestParameters: item.RequestParameters,
		}
	}
	return integrations, nil
}

// stages returns the stages of an API.
func (r *liveReader) stages(ctx context.Context, client *apigatewayv2.Client, id string) ([]awsStage, error) {
	items, err := allPages(func(token *string) ([]types.Stage, *string, error) {
		page, err := client.GetStages(ctx, &apigatewayv2.GetStagesInput{ApiId: aws.String(id), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	var stages []awsStage
	for _, item := range items {
		stages = append(stages, awsStage{StageName: aws.ToString(item.StageName), AutoDeploy: aws.ToBool(item.AutoDeploy), StageVariables: item.StageVariables})
	}
	return stages, nil
}

// parts reads what the routes refer to.
func (r *liveReader) parts(ctx context.Context, a *awsAPI) error {
	var err error
	if a.integrations, err = r.integrations(ctx, r.gateway, r.id); isDenied(err) {
		gap := denied("what the routes call", getAction, r.onAPI(r.id, "/integrations"))
		a.integrationsGap = &gap
	} else if err != nil {
		return fmt.Errorf("its integrations: %w", err)
	}
	if a.stages, err = r.stages(ctx, r.gateway, r.id); isDenied(err) {
		gap := denied("the stages of the API, of which one without auto-deploy may serve an earlier set-up", getAction, r.onAPI(r.id, "/stages"))
		a.stagesGap = &gap
	} else if err != nil {
		return fmt.Errorf("its stages: %w", err)
	}
	a.authorizers = make(map[string]awsAuthorizer)
	lacks := make(map[string]bool)
	for _, route := range a.routes {
		id := route.AuthorizerId
		if _, seen := a.authorizers[id]; seen || id == "" || lacks[id] {
			continue
		}
		item, err := r.gateway.GetAuthorizer(ctx, &apigatewayv2.GetAuthorizerInput{ApiId: aws.String(r.id), AuthorizerId: aws.String(id)})
		if isDenied(err) {
			lacks[id] = true
			a.authorizersGap = func(id string) Gap {
				return denied(fmt.Sprintf("the authorizer %q", id), getAction, r.onAPI(r.id, "/authorizers/"+id))
			}
			continue
		} else if err != nil {
			return fmt.Errorf("its authorizer %q: %w", id, err)
		}
		read := awsAuthorizer{AuthorizerId: id, AuthorizerType: string(item.AuthorizerType), Name: aws.ToString(item.Name), IdentitySource: item.IdentitySource}
		if c := item.JwtConfiguration; c != nil {
			read.JwtConfiguration.Issuer, read.JwtConfiguration.Audience = aws.ToString(c.Issuer), c.Audience
		}
		a.authorizers[id] = read
	}
	return nil
}

// customDomain finds a custom domain beside the API's own endpoint, which is open.
func (r *liveReader) customDomain(ctx context.Context) error {
	const what = "whether a custom domain leads to the API, whose own endpoint is open too"
	domains, err := allPages(func(token *string) ([]types.DomainName, *string, error) {
		page, err := r.gateway.GetDomainNames(ctx, &apigatewayv2.GetDomainNamesInput{NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return append([]types.DomainName{}, page.Items...), page.NextToken, nil
	})
	if err != nil {
		return r.maySkip(err, what, getAction, fmt.Sprintf("arn:aws:apigateway:%s::/domainnames", r.region))
	}
	for _, domain := range domains {
		name := aws.ToString(domain.DomainName)
		mappings, err := allPages(func(token *string) ([]types.ApiMapping, *string, error) {
			page, err := r.gateway.GetApiMappings(ctx, &apigatewayv2.GetApiMappingsInput{DomainName: domain.DomainName, NextToken: token})
			if err != nil {
				return nil, nil, err
			}
			return append([]types.ApiMapping{}, page.Items...), page.NextToken, nil
		})
		if err != nil {
			return r.maySkip(err, what, getAction, fmt.Sprintf("arn:aws:apigateway:%s::/domainnames/%s/apimappings", r.region, name))
		}
		for _, m := range mappings {
			if aws.ToString(m.ApiId) == r.id {
				r.d.Doors = append(r.d.Doors, Door{Kind: OpenEndpoint, Where: r.id, Lets: Known(SameRules), Detail: name + " leads to the API, whose own endpoint is open too"})
				return nil
			}
		}
	}
	return nil
}

// allPages returns the items of all pages. It returns an error for an answer without
// items and for a page that was read before, because neither is the whole list.
func allPages[T any](page func(token *string) ([]T, *string, error)) ([]T, error) {
	var all []T
	seen := make(map[string]bool)
	for token := (*string)(nil); ; {
		items, next, err := page(token)
		switch {
		case err != nil:
			return nil, err
		case items == nil:
			return nil, errors.New("the answer has no items")
		}
		all = append(all, items...)
		if aws.ToString(next) == "" {
			return all, nil
		}
		if seen[*next] {
			return nil, errors.New("the pages go in a circle")
		}
		seen[*next], token = true, next
	}
}

// oneLine returns an error in one line. An error of AWS itself is shortened to the
// operation, the code and the message.
func oneLine(err error) error {
	var api smithy.APIError
	var operation *smithy.OperationError
	if errors.As(err, &api) && errors.As(err, &operation) {
		return fmt.Errorf("AWS answers to %s: %s: %s", operation.Operation(), api.ErrorCode(), strings.Join(strings.Fields(api.ErrorMessage()), " "))
	}
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
