package main

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
	"github.com/aws/smithy-go"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// A liveAPI is an HTTP API as AWS has it.
type liveAPI struct {
	deployment *review.Deployment
	endpoint   string // "" where the default one is turned off
}

// readLive asks AWS for the routes of an HTTP API and, if it is told to, for the
// JWT authorizers that they use, with the SDK's own ways to find credentials,
// region and endpoint, and its own retries. It needs the right to GET /apis/ID
// and what is below it.
//
// AWS says how the API is set up. A stage that does not deploy by itself may
// still serve an earlier set-up.
func readLive(ctx context.Context, id string, authorizers bool) (*liveAPI, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, oneLine(err)
	}
	if cfg.Region == "" {
		return nil, errors.New("no region is set: set AWS_REGION")
	}
	r := liveReader{client: apigatewayv2.NewFromConfig(cfg), id: aws.String(id)}
	api, err := r.client.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: r.id})
	switch {
	case err != nil:
		return nil, oneLine(err)
	case api.ProtocolType != types.ProtocolTypeHttp:
		return nil, fmt.Errorf("its protocol is %q: want an HTTP API", api.ProtocolType)
	}
	d, err := r.routes(ctx)
	if err == nil && authorizers {
		err = r.authorizers(ctx, d)
	}
	if err != nil {
		return nil, oneLine(err)
	}
	live := &liveAPI{deployment: d}
	if !aws.ToBool(api.DisableExecuteApiEndpoint) {
		live.endpoint = aws.ToString(api.ApiEndpoint)
	}
	return live, nil
}

// stageURL returns where a stage is. "" is the one without a name.
func (l *liveAPI) stageURL(stage string) (string, error) {
	switch {
	case l.endpoint == "":
		return "", errors.New("it has no endpoint of its own: give -endpoint")
	case stage == "" || stage == "$default":
		return l.endpoint, nil
	}
	return url.JoinPath(l.endpoint, stage)
}

// A liveReader reads what belongs to one API.
type liveReader struct {
	client *apigatewayv2.Client
	id     *string
}

// routes returns the routes, and where they lead.
func (r liveReader) routes(ctx context.Context) (*review.Deployment, error) {
	routes, err := allPages(func(token *string) ([]types.Route, *string, error) {
		page, err := r.client.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: r.id, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("its routes: %w", err)
	}
	d := &review.Deployment{}
	targets := make(map[string]bool)
	for _, item := range routes {
		deployed, err := review.NewDeployedRoute(aws.ToString(item.RouteKey), string(item.AuthorizationType), item.AuthorizationScopes)
		if err != nil {
			return nil, err
		}
		deployed.Authorizer, deployed.Target, deployed.Where = aws.ToString(item.AuthorizerId), aws.ToString(item.Target), aws.ToString(item.RouteId)
		if deployed.Target != "" {
			targets[deployed.Target] = true
		}
		d.Routes = append(d.Routes, deployed)
	}
	if len(targets) < 2 {
		return d, nil // they all lead to the same place
	}
	return d, r.resolveTargets(ctx, d)
}

// authorizers reads each authorizer that a JWT route uses. There are ten at
// most, and one that nothing uses lets nobody in.
func (r liveReader) authorizers(ctx context.Context, d *review.Deployment) error {
	d.Complete = true
	seen := map[string]bool{"": true}
	for _, deployed := range d.Routes {
		id := deployed.Authorizer
		if deployed.Access.Auth != route.JWT || seen[id] {
			continue
		}
		seen[id] = true
		a, err := r.client.GetAuthorizer(ctx, &apigatewayv2.GetAuthorizerInput{ApiId: r.id, AuthorizerId: aws.String(id)})
		if err != nil {
			return fmt.Errorf("its authorizer %q: %w", id, err)
		}
		read := review.Authorizer{ID: id, Name: aws.ToString(a.Name), JWT: a.AuthorizerType == types.AuthorizerTypeJwt, Where: id, IdentitySources: a.IdentitySource}
		if c := a.JwtConfiguration; c != nil {
			read.Issuer, read.Audience = aws.ToString(c.Issuer), c.Audience
		}
		d.Authorizers = append(d.Authorizers, read)
	}
	return nil
}

// resolveTargets puts in the place of each integration what it calls: several
// of them may call the same function.
func (r liveReader) resolveTargets(ctx context.Context, d *review.Deployment) error {
	list, err := allPages(func(token *string) ([]types.Integration, *string, error) {
		page, err := r.client.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: r.id, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextToken, nil
	})
	if err != nil {
		return fmt.Errorf("its integrations: %w", err)
	}
	uris := make(map[string]string)
	for _, item := range list {
		uris["integrations/"+aws.ToString(item.IntegrationId)] = aws.ToString(item.IntegrationUri)
	}
	for i := range d.Routes {
		d.Routes[i].Target = review.ResolveTarget(d.Routes[i].Target, uris)
	}
	return nil
}

// allPages returns the items of all pages. An answer without items, or one that
// leads back to a page that was read already, is not the whole list.
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

// oneLine returns the error in one line, and without what only AWS makes use of
// where AWS itself says what is wrong.
func oneLine(err error) error {
	var api smithy.APIError
	var operation *smithy.OperationError
	if errors.As(err, &api) && errors.As(err, &operation) {
		return fmt.Errorf("AWS answers to %s: %s: %s", operation.Operation(), api.ErrorCode(), strings.Join(strings.Fields(api.ErrorMessage()), " "))
	}
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
