package drift

import "fmt"

// ReadRoutes reads what "aws apigatewayv2 get-routes" prints. authorizers is what
// get-authorizers prints, or get-authorizer, and integrations is what get-integrations
// prints. Both can be nil. These files do not show stages and other ways to the
// function, which are Gaps.
//
// The error says why a file is not what its command prints, or that the files
// contradict each other.
func ReadRoutes(routes, authorizers, integrations []byte, opts ReadOptions) (*Deployment, error) {
	a := &awsAPI{
		authorizersGap: func(id string) Gap {
			return Gap{What: fmt.Sprintf("the authorizer %q", id), Get: "give -authorizers, what aws apigatewayv2 get-authorizers prints"}
		},
		integrationsGap: &Gap{What: "what the routes call: get-routes names their integrations only", Get: "give -integrations, what aws apigatewayv2 get-integrations prints"},
		stagesGap:       &Gap{What: "the stages of the API: a stage without auto-deploy may serve an earlier set-up", Get: "use -api-id"},
	}
	var err error
	if a.routes, err = readRoutes(routes); err != nil {
		return nil, err
	}
	read := "get-routes: " + count(len(a.routes), "route")
	if authorizers != nil {
		if err := a.readAuthorizers(authorizers); err != nil {
			return nil, fmt.Errorf("authorizers: %w", err)
		}
		read += "; get-authorizers: " + count(len(a.authorizers), "authorizer")
	}
	if integrations != nil {
		if err := a.readIntegrations(integrations); err != nil {
			return nil, fmt.Errorf("integrations: %w", err)
		}
		read += "; get-integrations: " + count(len(a.integrations), "integration")
	}
	d, err := a.deployment(opts)
	if err != nil {
		return nil, err
	}
	d.Gaps = append(d.Gaps, Gap{
		What: "other ways to the function: Function URLs, its resource policy, event source mappings, aliases, and other APIs",
		Get:  "use -api-id, or -state",
	})
	d.Read = append(d.Read, read)
	return d, nil
}

func readRoutes(data []byte) ([]awsRoute, error) {
	items, err := readItems[awsRoute](data, "get-routes")
	if err != nil {
		return nil, err
	}
	for i, item := range items {
		switch {
		case item.RouteKey == "" && item.AuthorizerType != "":
			return nil, fmt.Errorf("item %d has no RouteKey: is it what get-authorizers prints?", i+1)
		case item.RouteKey == "":
			return nil, fmt.Errorf("item %d has no RouteKey", i+1)
		}
	}
	return items, nil
}

// readAuthorizers reads what get-authorizers prints, or what get-authorizer prints of
// one of them.
func (a *awsAPI) readAuthorizers(data []byte) error {
	var one awsAuthorizer
	if err := readJSON(data, &one); err != nil {
		return err
	}
	list := []awsAuthorizer{one}
	if one.AuthorizerId == "" {
		var err error
		if list, err = readItems[awsAuthorizer](data, "get-authorizers"); err != nil {
			return err
		}
		a.authorizersGap = nil
	}
	a.authorizers = make(map[string]awsAuthorizer)
	for i, item := range list {
		switch {
		case item.AuthorizerId != "" && item.AuthorizerType != "":
			a.authorizers[item.AuthorizerId] = item
		case item.RouteKey != "":
			return fmt.Errorf("item %d has no AuthorizerId or no AuthorizerType: is it what get-routes prints?", i+1)
		default:
			return fmt.Errorf("item %d has no AuthorizerId or no AuthorizerType", i+1)
		}
	}
	return nil
}

// readIntegrations reads what get-integrations prints.
func (a *awsAPI) readIntegrations(data []byte) error {
	items, err := readItems[awsIntegration](data, "get-integrations")
	if err != nil {
		return err
	}
	a.integrations, a.integrationsGap = make(map[string]awsIntegration), nil
	for i, item := range items {
		switch {
		case item.IntegrationId != "" && item.IntegrationType != "":
			a.integrations[item.IntegrationId] = item
		case item.RouteKey != "":
			return fmt.Errorf("item %d has no IntegrationId or no IntegrationType: is it what get-routes prints?", i+1)
		default:
			return fmt.Errorf("item %d has no IntegrationId or no IntegrationType", i+1)
		}
	}
	return nil
}

// readItems reads the items of one answer of the aws command line. It refuses an answer
// that is one page of several.
func readItems[T any](data []byte, command string) ([]T, error) {
	var answer struct {
		Items     *[]T
		NextToken string
	}
	if err := readJSON(data, &answer); err != nil {
		return nil, err
	}
	switch {
	case answer.Items == nil:
		return nil, fmt.Errorf(`no "Items": is it what aws apigatewayv2 %s prints?`, command)
	case answer.NextToken != "":
		return nil, fmt.Errorf("it is one page of several (it has a NextToken): run aws apigatewayv2 %s without --no-paginate and --max-items", command)
	}
	return *answer.Items, nil
}
