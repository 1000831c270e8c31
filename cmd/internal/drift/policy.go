package drift

import (
	"fmt"
	"slices"
	"strings"
)

// A grant is a statement of a function's resource policy that allows something.
type grant struct {
	actions     []string // "lambda:InvokeFunction", also with wildcards
	principals  []string // "apigateway.amazonaws.com", "*", "123456789012", the ARN of a role
	sources     []string // the values of a condition on aws:SourceArn
	account     string   // the value of a condition on aws:SourceAccount
	urlAuth     string   // the value of a condition on lambda:FunctionUrlAuthType
	viaURL      bool     // a condition on lambda:InvokedViaFunctionUrl is true
	detailExtra string   // for people
}

// takeover has the actions by which a principal makes the function do what the
// principal wants, as it does with an event of its own.
var takeover = []string{
	"lambda:InvokeFunction", "lambda:InvokeAsync",
	"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:AddPermission",
}

// allows reports whether one of the grant's actions covers the action.
func (g *grant) allows(action string) bool {
	return slices.ContainsFunc(g.actions, func(pattern string) bool { return likeIAM(pattern, action) })
}

// likeIAM reports whether s matches a pattern of a policy, in any case. "*" stands
// for any characters and "?" for one.
func likeIAM(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	star, from := -1, 0 // the last "*" of the pattern, and where in s it ends so far
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// opens reports whether the grant lets a principal invoke the function or change it,
// and url whether it does so through a Function URL only.
func (g *grant) opens() (opens, url bool) {
	direct := slices.ContainsFunc(takeover, g.allows) && !g.viaURL && g.urlAuth == ""
	viaURL := g.allows("lambda:InvokeFunctionUrl") || g.allows("lambda:InvokeFunction") && (g.viaURL || g.urlAuth != "")
	return direct || viaURL, !direct && viaURL
}

// detail describes the grant for people.
func (g *grant) detail() string {
	text := fmt.Sprintf("principal %s, action %s", strings.Join(g.principals, ", "), strings.Join(g.actions, ", "))
	if len(g.sources) > 0 {
		text += ", source ARN " + strings.Join(g.sources, ", ")
	}
	if g.account != "" {
		text += ", source account " + g.account
	}
	if g.urlAuth != "" {
		text += ", auth type " + g.urlAuth
	}
	return text + g.detailExtra
}

// gatewayService is the principal of API Gateway.
const gatewayService = "apigateway.amazonaws.com"

// services says what the events are that a service sends to a function for which it
// has a source ARN. The shapes are those of the pages of the Lambda developer guide
// about each service. The function refuses an event that is not an HTTP request.
//
// An AWS IoT rule sends the message itself, so a device writes the event. A load
// balancer sends an HTTP request and vouches for nobody.
var services = map[string]Entry{
	"alexa-appkit.amazon.com":                Refused,
	"alexa-connectedhome.amazon.com":         Refused,
	"bedrock.amazonaws.com":                  Refused,
	"cloudformation.amazonaws.com":           Refused,
	"codecommit.amazonaws.com":               Refused,
	"cognito-idp.amazonaws.com":              Refused,
	"config.amazonaws.com":                   Refused,
	"delivery.logs.amazonaws.com":            Refused,
	"edgelambda.amazonaws.com":               Refused,
	"elasticloadbalancing.amazonaws.com":     Unvouched,
	"events.amazonaws.com":                   Refused,
	"iot.amazonaws.com":                      AnyEvent,
	"lambda.alarms.cloudwatch.amazonaws.com": Refused,
	"lex.amazonaws.com":                      Refused,
	"lexv2.amazonaws.com":                    Refused,
	"logs.amazonaws.com":                     Refused,
	"s3.amazonaws.com":                       Refused,
	"secretsmanager.amazonaws.com":           Refused,
	"ses.amazonaws.com":                      Refused,
	"sns.amazonaws.com":                      Refused,
	"vpc-lattice.amazonaws.com":              Refused,
}

// assumedRules is what nobody can read of a grant to EventBridge.
const assumedRules = "no target of an EventBridge rule has an input that looks like an HTTP request"

// entry returns as whom callers of a principal come through, for a grant that lets it
// invoke the function directly. It does not know about API Gateway with source ARNs.
func (g *grant) entry(principal, where string) Value[Entry] {
	service := principal
	if !isService(principal) {
		if service = g.sourceService(); principal != "*" || service == "" {
			return Known(AnyEvent) // whoever signs the call writes the event
		}
	}
	entry, known := services[service]
	region, _, _ := strings.Cut(service, ".")
	switch {
	case strings.HasPrefix(service, "logs."):
		entry, known = Refused, true // logs.eu-west-1.amazonaws.com
	case service == gatewayService && len(g.sources) == 0:
		return Known(AnyEvent) // somebody else's API makes any event of a request
	case service == "events.amazonaws.com" && len(g.sources) == 0 && g.account == "":
		return Known(AnyEvent) // somebody else's rule has an input of its own
	}
	if !known {
		return Unknown[Entry](Gap{
			What: fmt.Sprintf("which events %s sends to the function, as %s lets it", service, where),
			Get:  fmt.Sprintf("remove the permission if nothing needs it: Routegate does not know the events of %s", region),
		})
	}
	return Known(entry)
}

// sourceService returns the service principal of the grant's source ARNs, or "" if
// they do not have the same one.
func (g *grant) sourceService() string {
	service := ""
	for _, arn := range g.sources {
		parts := strings.Split(arn, ":")
		if len(parts) < 6 || strings.ContainsAny(parts[2], "*?") || parts[2] == "" {
			return ""
		}
		name := parts[2] + ".amazonaws.com"
		if parts[2] == "execute-api" {
			name = gatewayService
		}
		if service != "" && service != name {
			return ""
		}
		service = name
	}
	return service
}

// isService reports whether a principal is an AWS service.
func isService(principal string) bool {
	return strings.HasSuffix(principal, ".amazonaws.com") || strings.HasSuffix(principal, ".amazonaws.com.cn") || strings.HasSuffix(principal, ".amazon.com")
}

// apiOfSource returns the id of the API that a source ARN names, "" if the ARN covers
// more than one API. ok is false if it is not an ARN of an API.
func apiOfSource(arn string) (id string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		// "*", and patterns such as "arn:aws:*", cover every API.
		return "", strings.ContainsAny(arn, "*?") && likeIAM(arn, "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/s/GET/")
	}
	if !likeIAM(parts[2], "execute-api") {
		return "", false
	}
	id, _, _ = strings.Cut(parts[5], "/")
	if strings.ContainsAny(id, "*?") {
		return "", true
	}
	return id, id != ""
}
