// Package gateway is AWS's side of an HTTP API, for localhost: it selects the
// route, checks the token, makes the event, invokes the function and turns what
// the function returns into an HTTP answer, as API Gateway does.
//
//	g := gateway.New(table, function, gateway.Options{Authorizer: a})
//	http.ListenAndServe("127.0.0.1:8080", g)
//
// Serve it directly, not behind an http.ServeMux: a ServeMux redirects paths
// such as //x and /a/../b, which API Gateway hands on as they are.
//
// # Which route answers
//
//	request          routes                               answers
//	GET /pets/dog/1  GET /pets/dog/1, GET /pets/dog/{id}  GET /pets/dog/1
//	GET /pets/dog/2  GET /pets/dog/{id}, GET /{proxy+}    GET /pets/dog/{id}
//	GET /pets/cat    GET /pets/{p+}, ANY /{proxy+}        GET /pets/{p+}
//	GET /x           GET /x, ANY /x                       GET /x
//	POST /x          GET /x, ANY /{proxy+}                ANY /{proxy+}
//	POST /x          GET /x                               none: 404
//	HEAD /x          GET /x                               none: 404
//	GET /x/          GET /x                               GET /x, or none with StrictSlash
//	GET /a%2Fb       GET /{id}                            GET /{id} with the id "a/b"
//
// The selection shares no code with package route, which serves the function:
// the two are held against each other in the tests.
//
// # What is checked
//
// Tokens are: signature, issuer, audience, times and scopes, with the keys that
// the issuer publishes. That a signature is good is remembered, by the digest of
// the whole token, until keys are fetched again; all else is looked at for each
// request. Where there is no Authorizer, routes that ask for a token refuse
// everyone. Signatures of AWS credentials are not: routes with IAM refuse
// everyone, too, unless a test says who signed (Options.IAM). Groups are the
// function's to check, here as in AWS.
//
// # How sure it is
//
// The behaviour is that of AWS's developer guide ("Create routes for HTTP
// APIs", "Create AWS Lambda proxy integrations for HTTP APIs", "Control access
// to HTTP APIs with JWT authorizers", "Configure CORS for HTTP APIs", "Quotas")
// and, where that is silent, of captures of live traffic. Where neither tells,
// the Exchange has a warning, or a comment says that a choice was made. Nothing
// here was tried against a live API by this package's own tests.
package gateway
