package drift

// A Deployment is everything that one source shows of an API, of the function that
// the API calls, and of the other doors to that function. Readers make it from a
// Terraform or OpenTofu plan or state, from what the aws command line prints, or by
// asking AWS.
//
// A reader leaves nothing out in silence. What a source cannot show is a Gap, of the
// Value that it belongs to or of the Deployment.
type Deployment struct {
	// Function is the function that was built from the manifest. The user names it,
	// or every integration of the API that calls a function calls the same one. It
	// is never the function that most routes lead to.
	Function Value[FunctionID]

	Routes []Route // of the API, in whatever module, and those that Terraform forgets but AWS keeps
	Stages []Stage // of the API

	// Doors are all ways to invoke the function except the API's routes.
	Doors []Door

	// Gaps are what the source cannot show of the API and of other doors. Each of
	// them makes the result UNKNOWN: "the plan does not say whether it is complete".
	Gaps []Gap

	Read    []string // what was read, for people: "plan.json: 14 routes, 1 authorizer, …"
	Assumed []string // what nobody can read from here, or what a flag says
}

// A FunctionID names a Lambda function: its address in Terraform if the function is
// a resource of the plan or state, otherwise its ARN without a qualifier, or its name.
// A reader gives one function one FunctionID, or the Value that holds it is not known.
// "" is no function.
type FunctionID string

// A Route is one route of the API.
type Route struct {
	Key           Value[string] // to the letter: "GET /v1/users/{id}", "$default"
	Authorization Value[Authorization]
	Scopes        Value[[]string]     // each scope to the letter; counts for JWT only
	Authorizer    Value[*Authorizer]  // nil: none
	Integration   Value[*Integration] // nil: none, so that the gateway answers 500 by itself
	Where         string              // an address in Terraform, or the route's id
	Note          string              // why a route that is going away counts, "" otherwise
}

// An Authorization is an authorization type in API Gateway's words (API reference,
// CreateRoute, authorizationType). A missing type is NONE.
type Authorization string

// The authorization types.
const (
	None   Authorization = "NONE"
	JWT    Authorization = "JWT"
	IAM    Authorization = "AWS_IAM"
	Custom Authorization = "CUSTOM" // a Lambda authorizer
)

// An Authorizer is what verifies tokens for routes.
type Authorizer struct {
	Name            string
	Type            Value[string]   // "JWT" or "REQUEST"
	IdentitySources Value[[]string] // "$request.header.Authorization"
	Issuer          Value[string]
	Audience        Value[[]string]
	Where           string
}

// An Integration is what a route calls.
type Integration struct {
	Type     Value[string]            // "AWS_PROXY", "HTTP_PROXY"
	Calls    Value[FunctionID]        // "" for an integration that calls no function
	Payload  Value[string]            // payload format version, "1.0" or "2.0"
	Mappings Value[map[string]string] // request parameter mappings
	Where    string                   // address or id
	Target   string                   // its URI for people; "" if it is not known
}

// A Stage is one stage of the API.
type Stage struct {
	Name       string
	AutoDeploy Value[bool]
	Where      string
}

// A Door is a way to invoke the function that is not a route of the API.
type Door struct {
	Kind   DoorKind
	Where  string
	Lets   Value[Entry] // who comes through, and as whom
	Detail string       // for people: "auth type NONE", "principal *, action lambda:InvokeFunction"
}

// A DoorKind says what a Door is.
type DoorKind string

// The kinds of doors.
const (
	FunctionURL     DoorKind = "function URL"
	PolicyStatement DoorKind = "resource policy statement"
	OtherHTTPAPI    DoorKind = "route of another HTTP API"
	RESTMethod      DoorKind = "method of a REST API"
	WebSocketRoute  DoorKind = "route of a WebSocket API"
	EventSource     DoorKind = "event source mapping"
	Alias           DoorKind = "alias" // another version of the function than the one that the API calls
	OpenEndpoint    DoorKind = "execute-api endpoint beside a custom domain"
)

// An Entry says as whom callers come through a door. The zero Entry is none.
type Entry int

// The entries, from the harmless to the dangerous.
const (
	Refused    Entry = iota + 1 // the function refuses every event of this source
	Unvouched                   // nobody vouches for the callers, so the function asks each route's rule
	SameRules                   // the same routes and authorizers as those of the API
	IAMCallers                  // callers with AWS credentials, as routes with "auth: iam" take them
	Vouched                     // somebody else's authorizer vouches for the callers, and the function believes it
	AnyEvent                    // whoever comes through writes the event, and so is whoever they say
)
