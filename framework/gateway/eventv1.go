package gateway

// Payload format 1.0, which Terraform's integration has unless it is told
// otherwise. It was made to resemble a REST API's, has nulls where 2.0 leaves
// out, and has the path twice: as it was sent, and decoded in requestContext.
// Sources: AWS's page "Create AWS Lambda proxy integrations for HTTP APIs", and
// captures of live traffic. Whether path is encoded the reports disagree on; in
// the captures it is.

type eventV1 struct {
	Version                         string              `json:"version"`
	Resource                        string              `json:"resource"`
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         map[string]string   `json:"headers"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	RequestContext                  contextV1           `json:"requestContext"`
	PathParameters                  map[string]string   `json:"pathParameters"`
	StageVariables                  map[string]string   `json:"stageVariables"`
	Body                            *string             `json:"body"`
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
}

type contextV1 struct {
	AccountID         string         `json:"accountId"`
	APIID             string         `json:"apiId"`
	Authorizer        *authorizedJWT `json:"authorizer"`
	DomainName        string         `json:"domainName"`
	DomainPrefix      string         `json:"domainPrefix"`
	ExtendedRequestID string         `json:"extendedRequestId"`
	HTTPMethod        string         `json:"httpMethod"`
	Identity          identityV1     `json:"identity"`
	Path              string         `json:"path"`
	Protocol          string         `json:"protocol"`
	RequestID         string         `json:"requestId"`
	RequestTime       string         `json:"requestTime"`
	RequestTimeEpoch  int64          `json:"requestTimeEpoch"`
	ResourceID        string         `json:"resourceId"`
	ResourcePath      string         `json:"resourcePath"`
	Stage             string         `json:"stage"`
}

// identityV1 is about the caller's AWS credentials. On a route that does not ask
// for them all of it but the last two is null.
type identityV1 struct {
	AccessKey                     *string `json:"accessKey"`
	AccountID                     *string `json:"accountId"`
	Caller                        *string `json:"caller"`
	CognitoAMR                    *string `json:"cognitoAmr"`
	CognitoAuthenticationProvider *string `json:"cognitoAuthenticationProvider"`
	CognitoAuthenticationType     *string `json:"cognitoAuthenticationType"`
	CognitoIdentityID             *string `json:"cognitoIdentityId"`
	CognitoIdentityPoolID         *string `json:"cognitoIdentityPoolId"`
	PrincipalOrgID                *string `json:"principalOrgId"`
	User                          *string `json:"user"`
	UserARN                       *string `json:"userArn"`
	SourceIP                      string  `json:"sourceIp"`
	UserAgent                     string  `json:"userAgent"`
}

// eventV1 returns the event in payload format 1.0.
func (in *inbound) eventV1() ([]byte, error) {
	header := in.header()
	host, prefix := in.domain()
	resource := in.match.route.Pattern.String()
	e := eventV1{
		Version:           "1.0",
		Resource:          resource,
		Path:              in.path,
		HTTPMethod:        in.Method,
		Headers:           make(map[string]string, len(header)),
		MultiValueHeaders: header,
		RequestContext: contextV1{
			AccountID:         accountID,
			APIID:             apiID,
			DomainName:        host,
			DomainPrefix:      prefix,
			ExtendedRequestID: in.id,
			HTTPMethod:        in.Method,
			Identity:          identityV1{SourceIP: in.sourceIP(), UserAgent: in.UserAgent()},
			Path:              unescape(in.path, false),
			Protocol:          in.Proto,
			RequestID:         in.id,
			RequestTime:       in.start.UTC().Format(eventTime),
			RequestTimeEpoch:  in.start.UnixMilli(),
			ResourceID:        in.match.route.Key(),
			ResourcePath:      resource,
			Stage:             in.stage,
		},
		PathParameters:  in.match.params,
		Body:            in.text(),
		IsBase64Encoded: in.isBase64,
	}
	for name, values := range header {
		e.Headers[name] = values[len(values)-1]
	}
	queryPairs(in.query, func(name, value string) {
		if e.QueryStringParameters == nil {
			e.QueryStringParameters = make(map[string]string)
			e.MultiValueQueryStringParameters = make(map[string][]string)
		}
		e.QueryStringParameters[name] = value
		e.MultiValueQueryStringParameters[name] = append(e.MultiValueQueryStringParameters[name], value)
	})
	if in.claims != nil {
		a := in.authorized() // which has no jwt around it, unlike in 2.0
		e.RequestContext.Authorizer = &a
	}
	if in.userARN != "" {
		a, id := in.signed(), &e.RequestContext.Identity
		id.AccessKey, id.AccountID, id.Caller, id.User, id.UserARN = &a.AccessKey, &a.AccountID, &a.CallerID, &a.UserID, &a.UserARN
	}
	return marshal(e)
}
