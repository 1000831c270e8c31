package drift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// function finds the doors to the function: its Function URLs, its resource policy and
// those of its aliases, its event source mappings, and its aliases.
func (r *liveReader) function(ctx context.Context, a *awsAPI) error {
	id, ok := r.d.Function.Get()
	switch {
	case !ok:
		r.d.Gaps = append(r.d.Gaps, Gap{What: "other ways to the function: which function it is is not known", Get: "say which with -function"})
		return nil
	case id == "":
		return nil
	}
	f, _ := parseFunction(string(id))
	fr := &functionReader{liveReader: r, name: aws.String(string(id)), on: string(id), options: func(o *lambda.Options) {
		if f.region != "" {
			o.Region = f.region
		}
	}, called: make(map[string]bool), others: make(map[string]bool)}
	if f.arn() == "" {
		fr.on = "function:" + f.name
	}
	for _, route := range a.routes {
		item := a.integrations[strings.TrimPrefix(route.Target, "integrations/")]
		uris, _ := inStages(item.IntegrationUri, a.stages)
		for _, uri := range uris {
			if called, ok := parseFunction(uri); ok {
				fr.called[called.qualifier] = true
			}
		}
	}
	return fr.read(ctx)
}

// A functionReader reads the doors to one function.
type functionReader struct {
	*liveReader
	name    *string
	on      string // the function, for messages
	options func(*lambda.Options)
	called  map[string]bool // qualifiers that the API calls
	aliases []string
	others  map[string]bool // APIs that were read already, by id
	reached map[string]Value[Entry]
}

func (f *functionReader) door(d Door) { f.d.Doors = append(f.d.Doors, d) }

func (f *functionReader) read(ctx context.Context) error {
	f.reached = make(map[string]Value[Entry])
	err := f.readAliases(ctx)
	if isMissing(err) {
		f.d.Gaps = append(f.d.Gaps, Gap{What: fmt.Sprintf("other ways to the function %s: AWS has no such function", f.on), Get: "say which function it is with -function"})
		return nil
	} else if err != nil {
		return err
	}
	readURLs, err := f.readURLs(ctx)
	if err != nil {
		return err
	}
	for _, qualifier := range append([]string{""}, f.aliases...) {
		if err := f.readPolicy(ctx, qualifier, readURLs); err != nil {
			return err
		}
	}
	for _, qualifier := range append([]string{""}, f.aliases...) {
		if denied, err := f.readEvents(ctx, qualifier); err != nil {
			return err
		} else if denied {
			break
		}
	}
	for _, alias := range f.aliases {
		if f.called[alias] {
			continue
		}
		door := Door{Kind: Alias, Where: f.on + ":" + alias, Lets: Known(Refused), Detail: "nothing calls it"}
		if lets, ok := f.reached[alias]; ok {
			door.Lets, door.Detail = lets, "a Function URL or the alias's resource policy leads to it"
		}
		f.door(door)
	}
	f.d.Read = append(f.d.Read, fmt.Sprintf("the function %s: its resource policy, Function URLs, event source mappings, and %s", f.on, count(len(f.aliases), "alias")))
	f.d.Assumed = append(f.d.Assumed,
		"no published version of the function has a resource policy of its own",
		"no API, rule or state machine invokes the function with a role of its own")
	return nil
}

// reach notes as whom callers reach an alias: the worst of all ways.
func (f *functionReader) reach(qualifier string, lets Value[Entry]) {
	was, seen := f.reached[qualifier]
	before, known := was.Get()
	now, ok := lets.Get()
	if !seen || known && (!ok || now > before) {
		f.reached[qualifier] = lets
	}
}

func (f *functionReader) readAliases(ctx context.Context) error {
	items, err := allPages(func(token *string) ([]types.AliasConfiguration, *string, error) {
		page, err := f.lambda.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: f.name, Marker: token}, f.options)
		if err != nil {
			return nil, nil, err
		}
		return append([]types.AliasConfiguration{}, page.Aliases...), page.NextMarker, nil
	})
	if err != nil {
		return f.maySkip(err, "the aliases of the function, and their resource policies", "lambda:ListAliases", f.on)
	}
	for _, item := range items {
		f.aliases = append(f.aliases, aws.ToString(item.Name))
	}
	return nil
}

// readURLs reads the Function URLs of the function and of its aliases.
func (f *functionReader) readURLs(ctx context.Context) (any bool, err error) {
	items, err := allPages(func(token *string) ([]types.FunctionUrlConfig, *string, error) {
		page, err := f.lambda.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: f.name, Marker: token}, f.options)
		if err != nil {
			return nil, nil, err
		}
		return append([]types.FunctionUrlConfig{}, page.FunctionUrlConfigs...), page.NextMarker, nil
	})
	if err != nil {
		// The policy then says whether there can be one.
		return false, f.maySkip(err, "the Function URLs of the function", "lambda:ListFunctionUrlConfigs", f.on)
	}
	for _, item := range items {
		auth := string(item.AuthType)
		door := Door{Kind: FunctionURL, Where: aws.ToString(item.FunctionUrl), Lets: urlEntry(Known(auth)), Detail: "auth type " + auth}
		if arn, ok := parseFunction(aws.ToString(item.FunctionArn)); ok && arn.qualifier != "" {
			door.Detail += ", of the alias " + arn.qualifier
			f.reach(arn.qualifier, door.Lets)
		}
		f.door(door)
	}
	return true, nil
}

// readPolicy reads the resource policy of the function or of one of its aliases.
// readURLs tells whether the Function URLs were read: then a statement that lets
// callers in through a URL is no door of its own.
func (f *functionReader) readPolicy(ctx context.Context, qualifier string, readURLs bool) error {
	input := &lambda.GetPolicyInput{FunctionName: f.name}
	on := f.on
	if qualifier != "" {
		input.Qualifier = aws.String(qualifier)
		on += ":" + qualifier
	}
	answer, err := f.lambda.GetPolicy(ctx, input, f.options)
	switch {
	case isMissing(err):
		return nil // it has no policy; readAliases has found the function
	case err != nil:
		return f.maySkip(err, "the resource policy of "+on, "lambda:GetPolicy", on)
	}
	statements, err := parsePolicy(aws.ToString(answer.Policy))
	if err != nil {
		return err
	}
	for _, s := range statements {
		opens, url := s.opens()
		if !opens || url && readURLs {
			continue
		}
		for _, principal := range s.principals {
			if err := f.readGrant(ctx, s, principal, url, on, qualifier); err != nil {
				return err
			}
		}
	}
	return nil
}

// readGrant reads what one statement lets one principal do.
func (f *functionReader) readGrant(ctx context.Context, s policyStatement, principal string, url bool, on, qualifier string) error {
	g := s.grant
	g.principals = []string{principal}
	door := Door{Kind: PolicyStatement, Where: s.name, Detail: g.detail()}
	if qualifier != "" {
		door.Detail += ", qualifier " + qualifier
	}
	add := func(lets Value[Entry]) {
		door.Lets = lets
		f.reach(qualifier, lets)
		f.door(door)
	}
	isGateway := principal == gatewayService || principal == "*" && g.sourceService() == gatewayService
	switch {
	case url:
		door.Detail += ", for a Function URL"
		add(urlEntry(Known(g.urlAuth)))
		return nil
	case !isGateway || len(g.sources) == 0:
		if principal == "events.amazonaws.com" && !slices.Contains(f.d.Assumed, assumedRules) {
			f.d.Assumed = append(f.d.Assumed, assumedRules)
		}
		add(g.entry(principal, fmt.Sprintf("the statement %s of the resource policy of %s", s.name, on)))
		return nil
	}
	for _, source := range g.sources {
		id, ok := apiOfSource(source)
		region := strings.SplitN(source, ":", 5)
		switch {
		case !ok:
			add(Unknown[Entry](Gap{What: fmt.Sprintf("which API the statement %s lets invoke the function: its source ARN %q is not that of an API", s.name, source), Get: "correct or remove the statement"}))
		case id == "":
			add(Known(AnyEvent))
		case id == f.id && likeIAM(region[3], f.liveReader.region):
			// the API itself
		default:
			if err := f.otherAPI(ctx, id, region[3], s.name, door); err != nil {
				return err
			}
		}
	}
	return nil
}

// otherAPI reads the routes of another API that a statement lets invoke the function.
// An API that cannot be read is a door whose callers are not known.
func (f *functionReader) otherAPI(ctx context.Context, id, region, statement string, door Door) error {
	if f.others[region+" "+id] {
		return nil
	}
	f.others[region+" "+id] = true
	unknown := func(why, get string) error {
		door.Lets = Unknown[Entry](Gap{What: fmt.Sprintf("which routes of the API %s lead to the function, as the statement %s lets it, and whom they let in: %s", id, statement, why), Get: get})
		f.door(door)
		return nil
	}
	client := f.gateway
	if region != f.region && !strings.ContainsAny(region, "*?") && region != "" {
		options := f.gateway.Options()
		options.Region = region
		client = apigatewayv2.New(options)
	}
	lacks := func(err error, what, below string) error {
		if isDenied(err) {
			return unknown("the caller lacks the permission "+getAction, fmt.Sprintf("allow the caller %s on %s", getAction, f.onAPI(id, below)))
		}
		return fmt.Errorf("the API %s, which the statement %s names: its %s: %w", id, statement, what, err)
	}
	api, err := client.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: aws.String(id)})
	switch {
	case isMissing(err):
		return unknown("it is not an HTTP or WebSocket API", fmt.Sprintf("look at the methods of the REST API %s (aws apigateway get-resources), or remove the statement if the API is gone", id))
	case err != nil:
		return lacks(err, "settings", "")
	}
	other := &awsAPI{}
	if other.routes, err = f.routes(ctx, client, id); err != nil {
		return lacks(err, "routes", "/routes")
	}
	if other.integrations, err = f.integrations(ctx, client, id); err != nil {
		return lacks(err, "integrations", "/integrations")
	}
	if other.stages, err = f.stages(ctx, client, id); err != nil {
		return lacks(err, "stages", "/stages")
	}
	for _, route := range other.routes {
		item, ok := other.integrations[strings.TrimPrefix(route.Target, "integrations/")]
		if route.Target == "" {
			continue
		}
		if !ok {
			return errors.New("the API " + id + " has a route whose integration is not among its integrations: read it again")
		}
		calls := other.integration(item).Calls
		called, known := calls.Get()
		if known && called != FunctionID(*f.name) && !f.isSame(called) {
			continue
		}
		authorization, err := authorizationOf(Known(route.AuthorizationType))
		if err != nil {
			authorization = Known(Custom) // whatever it is, somebody else's rule vouches for callers
		}
		asks, _ := authorization.Get()
		found := Door{Kind: OtherHTTPAPI, Where: id + "/" + route.RouteId, Lets: entryOf(authorization), Detail: fmt.Sprintf("%q of the API %s, authorization type %s", route.RouteKey, id, asks)}
		if api.ProtocolType == "WEBSOCKET" {
			found.Kind, found.Lets = WebSocketRoute, Known(Refused)
			if item.IntegrationType == "AWS" {
				found.Lets = Known(AnyEvent)
				found.Detail += ", integration type AWS: the message is the event"
			}
		}
		if !known {
			gap, _ := calls.Gap()
			found.Lets = Unknown[Entry](gap)
		}
		f.door(found)
	}
	return nil
}

// isSame reports whether a FunctionID is the function, of which only a name may be
// known.
func (f *functionReader) isSame(id FunctionID) bool {
	a, ok1 := parseFunction(string(id))
	b, ok2 := parseFunction(*f.name)
	return ok1 && ok2 && a.fits(b)
}

// readEvents reads the event source mappings of the function or of one of its aliases,
// and reports whether the caller may not.
func (f *functionReader) readEvents(ctx context.Context, qualifier string) (denied bool, err error) {
	name := *f.name
	if qualifier != "" {
		name += ":" + qualifier
	}
	items, err := allPages(func(token *string) ([]types.EventSourceMappingConfiguration, *string, error) {
		page, err := f.lambda.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: aws.String(name), Marker: token}, f.options)
		if err != nil {
			return nil, nil, err
		}
		return append([]types.EventSourceMappingConfiguration{}, page.EventSourceMappings...), page.NextMarker, nil
	})
	if err != nil {
		return true, f.maySkip(err, "the event source mappings of the function", "lambda:ListEventSourceMappings", "*")
	}
	for _, item := range items {
		door := Door{Kind: EventSource, Where: aws.ToString(item.UUID), Lets: Known(Refused), Detail: "records of " + aws.ToString(item.EventSourceArn)}
		if !slices.ContainsFunc(f.d.Doors, func(d Door) bool { return d.Kind == EventSource && d.Where == door.Where }) {
			f.door(door)
		}
	}
	return false, nil
}
